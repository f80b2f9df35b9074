"""The embedded HGNC table: approved human genes and every other name they go by."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import pandas as pd

COLUMNS = (
    "id", "symbol", "name", "locus_type", "previous", "alias", "entrez", "ensembl", "uniprot",
)  # fmt: skip


@cache
def _table() -> pd.DataFrame:
    with files("pathweave.ids").joinpath("data/hgnc.parquet").open("rb") as handle:
        return pd.read_parquet(handle)


def hgnc() -> pd.DataFrame:
    """Return the embedded HGNC table, one row an approved human gene.

    Returns
    -------
    A copy with columns ``id`` (``hgnc:NNN``), ``symbol``, ``name``, ``locus_type``, ``previous``,
    ``alias``, ``entrez``, ``ensembl`` and ``uniprot``. Several values in a cell are joined by ``;``;
    a missing value is an empty string.

    Examples
    --------
    >>> import pathweave as pw
    >>> genes = pw.ids.hgnc().set_index("symbol")
    >>> genes.loc["TP53", ["id", "entrez", "uniprot"]].tolist()
    ['hgnc:11998', '7157', 'P04637']
    """
    return _table().copy()


@cache
def lookup(column: str) -> pd.DataFrame:
    """Return pairs (value, id) of one column, several values in a cell taken apart."""
    pairs = _table()[[column, "id"]].rename(columns={column: "value"})
    pairs = pairs[pairs["value"] != ""]
    several = pairs["value"].str.contains(";", regex=False)
    if several.any():
        apart = pairs[several].assign(value=pairs.loc[several, "value"].str.split(";"))
        pairs = pd.concat([pairs[~several], apart.explode("value")])
    return pairs.drop_duplicates().reset_index(drop=True)
