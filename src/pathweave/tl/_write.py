"""Writing into a container: all at once, after everything was computed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pathweave._core import keys
from pathweave.io import quiet_mudata

if TYPE_CHECKING:
    from mudata import MuData


def write_record(mdata: MuData, key: str, value: Any) -> None:
    """Put a value into ``mdata.uns["pathweave"]``."""
    record = dict(mdata.uns.get(keys.UNS, {}))
    record[key] = value
    mdata.uns[keys.UNS] = record


def copied(mdata: MuData) -> MuData:
    """Copy a container without mudata's advice about columns it joins."""
    with quiet_mudata():
        return mdata.copy()
