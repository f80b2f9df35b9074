"""Writing into a container: all at once, after everything was computed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pathweave._core import keys
from pathweave.io import quiet_mudata

if TYPE_CHECKING:
    import pandas as pd
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


def write_table(mdata: MuData, slot: str, table: pd.DataFrame) -> None:
    """Put a table of all samples into ``obsm``: one array, its column names as JSON in ``uns``.

    A DataFrame there would become a data set a column in a file, and names with a slash, such as the
    class ``COAD/READ``, folders.
    """
    columns = json.loads(mdata.uns.get(keys.UNS, {}).get(keys.COLUMNS, "{}"))
    mdata.obsm[slot] = table.to_numpy(dtype="float32", copy=True)
    write_record(mdata, keys.COLUMNS, json.dumps({**columns, slot: list(map(str, table.columns))}))
