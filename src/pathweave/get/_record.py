"""What pathweave recorded in a container, and errors that say which call writes what is missing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from pathweave._core import keys
from pathweave._core.checks import listed

if TYPE_CHECKING:
    import pandas as pd
    from mudata import MuData


def record(mdata: MuData) -> dict[str, Any]:
    """``mdata.uns["pathweave"]``, empty if pathweave has written nothing."""
    found = mdata.uns.get(keys.UNS, {})
    return dict(found) if hasattr(found, "keys") else {}


def first(what: str, call: str) -> str:
    """Error text: what is missing and the call that writes it."""
    return f"{what}; run {call} first."


def obsm(mdata: MuData, key: str, call: str) -> Any:
    """Entry of obsm, or an error that says which call writes it."""
    if key not in mdata.obsm:
        found = [name for name in mdata.obsm if name not in mdata.mod]
        raise KeyError(
            first(f"{key!r} is not in mdata.obsm (found: {listed(found, 20) or 'nothing'})", call)
        )
    return mdata.obsm[key]


def obsm_table(mdata: MuData, key: str, call: str) -> pd.DataFrame:
    """Entry of obsm whose columns have names: an array named in uns, or a DataFrame."""
    import pandas as pd

    table = obsm(mdata, key, call)
    if isinstance(table, pd.DataFrame):
        return table.copy()
    names = parsed(record(mdata).get(keys.COLUMNS, "{}"), "the names of columns").get(key)
    values = np.asarray(table)
    if names is None or values.ndim != 2 or len(names) != values.shape[1]:
        msg = (
            f"mdata.obsm[{key!r}] of shape {values.shape} has no names that fit; run {call} again."
        )
        raise ValueError(msg)
    return pd.DataFrame(values.copy(), index=mdata.obs_names.copy(), columns=names)


def parsed(text: str, what: str) -> dict[str, Any]:
    """Parse JSON, or raise an error that says what is damaged."""
    try:
        found = json.loads(text)
    except (TypeError, ValueError) as error:
        msg = f"{what} in mdata.uns['pathweave'] are damaged, not JSON: {error}"
        raise ValueError(msg) from error
    return dict(found)
