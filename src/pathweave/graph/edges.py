"""A table of interactions of the user's own as a graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from pathweave._core.checks import listed
from pathweave.graph import _genes
from pathweave.graph._pathway_graph import PathwayGraph

if TYPE_CHECKING:
    from os import PathLike

_COLUMNS = ("source", "target", "type", "sign", "directed", "weight")
_TYPE_OF_SIGN = {1: "activation", -1: "inhibition"}


def edges(
    table: pd.DataFrame | str | PathLike[str],
    *,
    identifiers: str = "auto",
    directed: bool = True,
    database: str = "edges",
    sep: str | None = None,
) -> PathwayGraph:
    """Read a table of interactions between genes (or compounds) as a graph without pathways.

    Parameters
    ----------
    table
        DataFrame, or a text file, with columns ``source``, ``target`` and, if wanted, ``type``,
        ``sign`` (-1, 0, 1), ``directed``, ``weight``; other columns are passed over.
    identifiers
        What the names are: ``"auto"``, or a kind that `pathweave.ids.map` knows. Names that are
        node ids already (``hgnc:11998``, ``chebi:15377``) are taken as they are.
    directed
        Direction of the edges where the table has no such column.
    database
        Name written into the edges' ``database``.
    sep
        Separator of the file; ``None`` finds it.

    Returns
    -------
    The graph. Edges with an end that cannot be mapped are left out and counted in ``meta``.

    Examples
    --------
    >>> import pandas as pd
    >>> from pathweave import graph
    >>> table = pd.DataFrame({"source": ["MDM2"], "target": ["TP53"], "sign": [-1]})
    >>> graph.edges(table).edges[["source", "target", "type"]].iloc[0].tolist()
    ['hgnc:6973', 'hgnc:11998', 'inhibition']
    """
    frame = table
    if not isinstance(frame, pd.DataFrame):
        frame = pd.read_csv(table, sep=sep, engine="python", dtype=object, comment="#")
    lacking = [name for name in _COLUMNS[:2] if name not in frame.columns]
    if lacking:
        msg = (
            f"table lacks the columns {listed(lacking)}; found {listed(frame.columns, 20)}. "
            "Rename them: source and target are needed."
        )
        raise ValueError(msg)
    out = frame[[name for name in _COLUMNS if name in frame.columns]].reset_index(drop=True)
    out = out.dropna(subset=["source", "target"]).astype({"source": str, "target": str})
    names = pd.unique(out[["source", "target"]].to_numpy().ravel())
    nodes_of = _genes.of_names(names, source=identifiers)
    if len(names) and not nodes_of:
        msg = (
            f"table: no name could be mapped (identifiers={identifiers!r}); found {listed(names)}. "
            "Say what the names are, or give node ids such as 'hgnc:11998'."
        )
        raise ValueError(msg)
    for column in ("source", "target"):
        out[column] = out[column].map(nodes_of)
    whole = out.dropna(subset=["source", "target"])
    dropped = len(frame) - len(whole)
    whole = whole.explode("source").explode("target")
    whole = whole.assign(database=database)
    if "directed" in whole:
        whole["directed"] = whole["directed"].map(_truth)
    else:
        whole["directed"] = directed
    if "type" not in whole:
        whole["type"] = "interaction"
        if "sign" in whole:
            kind = pd.to_numeric(whole["sign"], errors="coerce").map(_TYPE_OF_SIGN)
            whole["type"] = kind.fillna("interaction")
    return PathwayGraph(
        nodes=_genes.node_table([*whole["source"], *whole["target"]]),
        edges=whole,
        meta={database: {"rows": len(frame), "rows_not_mapped": dropped}},
    )


def _truth(value: object) -> bool:
    word = str(value).strip().lower()
    if word in {"true", "1", "1.0", "yes"}:
        return True
    if word in {"false", "0", "0.0", "no"}:
        return False
    msg = f"table: column 'directed' must be true or false, found {value!r}."
    raise ValueError(msg)
