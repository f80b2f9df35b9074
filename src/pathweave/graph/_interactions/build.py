"""The graph of rows whose ends are names; what is lost is counted and named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pathweave._core.checks import listed
from pathweave.graph import _genes
from pathweave.graph._pathway_graph import PathwayGraph

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pandas as pd

    from pathweave.graph._interactions.names import Ends

OPTIONAL = ("type", "sign", "directed", "weight", "flags")
"""Columns that rows may have besides their ends."""


def build(
    rows: pd.DataFrame,
    ends: Ends,
    *,
    database: str,
    counts: Mapping[str, Any],
    argument: str = "table",
    isolated: Iterable[str] = (),
    hint: str = "",
) -> PathwayGraph:
    """Build the graph of rows whose ends are names; count and name what is lost.

    Parameters
    ----------
    rows
        Columns ``source``, ``target`` and those of a graph's edges.
    ends
        Finds the nodes of the names.
    database
        Name written into the edges, and the key in ``meta``.
    counts
        What was counted before.
    argument
        The caller's argument, for messages.
    isolated
        Names of nodes that need no edge.
    hint
        What else may be wrong where nothing is found, for the message.

    Returns
    -------
    The graph.
    """
    keep = ["source", "target", *(name for name in OPTIONAL if name in rows)]
    out = rows[keep]
    named = out["source"].notna() & out["target"].notna()
    named &= (out["source"].astype(str) != "") & (out["target"].astype(str) != "")
    out = out[named].astype({"source": str, "target": str})
    alone = list(isolated)
    names = [*out[["source", "target"]].to_numpy(object).ravel(), *alone]
    nodes_of, lost = ends.find(names)
    for end in ("source", "target"):
        out[end] = out[end].map(nodes_of)
    whole = out.dropna(subset=["source", "target"])
    if len(rows) and not len(whole) and not any(name in nodes_of for name in alone):
        raise ValueError(_nothing_found(argument, lost, hint))
    meta: dict[str, Any] = {database: {**counts, "rows_not_mapped": len(rows) - len(whole)}}
    if len(lost):
        meta[f"{database}_lost"] = _genes.told(lost)
    one = ((name, nodes[0]) for name, nodes in nodes_of.items() if len(nodes) == 1)
    labels = {node: name for name, node in sorted(one, reverse=True)}  # in any order of rows
    whole = whole.explode("source").explode("target").assign(database=database)
    return PathwayGraph(
        nodes=_genes.named_nodes(
            [*whole["source"], *whole["target"], *(n for a in alone for n in nodes_of.get(a, ()))],
            _plain_labels(labels),
        ),
        edges=whole,
        meta=meta,
    )


def _plain_labels(labels: dict[str, str]) -> dict[str, str]:
    """Names as labels, but not those that are ids themselves."""
    return {node: name for node, name in labels.items() if ":" not in name}


def _nothing_found(argument: str, lost: pd.DataFrame, hint: str) -> str:
    what = "no row has two ends that could be mapped"
    if len(lost):
        why = lost["how"].value_counts()
        what += f"; lost were {listed(lost['name'])} (mostly {why.index[0]!r})"
    return (
        f"{argument}: {what}. {hint}Say what the names are with identifiers=, what they stand "
        "for with names=, or give node ids such as 'hgnc:11998'."
    )
