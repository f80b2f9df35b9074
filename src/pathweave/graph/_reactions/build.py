"""The graph of a model: names become nodes, reactions edges, and what takes part members of pathways."""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import TYPE_CHECKING

import pandas as pd

from pathweave import ids
from pathweave.graph import _genes, _hierarchy
from pathweave.graph._pathway_graph import PathwayGraph
from pathweave.graph._reactions.edges import COMPOUNDS, Expander, RawEdge, edges_of
from pathweave.graph._tables import SEP, join

if TYPE_CHECKING:
    from pathweave.graph._reactions.edges import Rules
    from pathweave.graph._reactions.model import Model


def build(
    model: Model,
    rules: Rules,
    *,
    database: str,
    origin: str,
    table: pd.DataFrame | None,
    keep_unknown: bool,
    hierarchy: PathwayGraph | None = None,
) -> PathwayGraph:
    """Turn a model into a graph.

    Parameters
    ----------
    model
        What was read.
    rules
        How reactions become edges.
    database
        Name written into edges, pathways and ``meta``.
    origin
        Name of the format, for ``meta``.
    table
        The user's table of names, see `pathweave.ids.map`.
    keep_unknown
        Keep proteins and genes that HGNC does not know under the id of their own database.
    hierarchy
        A graph whose parents of pathways are taken.
    """
    left_out = Counter(model.left_out)
    parents = {key: sorted(pathway.parents) for key, pathway in model.pathways.items()}
    if hierarchy is not None:
        parents = _known_parents(hierarchy, parents)
        above = _hierarchy.ancestors(parents)
        for reaction in model.reactions.values():
            reaction.pathways -= set().union(*(above[key] for key in reaction.pathways))
    names = {name for entity in model.entities.values() for name in entity.names}
    nodes_of = _nodes_of(names, table=table, keep_unknown=keep_unknown)
    expander = Expander(model.entities, nodes_of, rules, left_out)
    edges, members = _Edges(), set[tuple[str, str]]()
    within: dict[str, set[str]] = {}
    for _, reaction in sorted(model.reactions.items()):
        controllers = {control.controller for control in reaction.controls}
        part = sorted({*reaction.inputs, *reaction.outputs, *controllers})
        nodes = expander.all_of(part).nodes
        members.update((node, key) for node in nodes for key in reaction.pathways)
        for key in part:
            within.setdefault(key, set()).update(reaction.pathways)
        carried = join(reaction.pathways)
        for edge in edges_of(reaction, expander, rules, left_out):
            edges.add(edge, carried)
    for complex_key, pathways in _complexes(within, expander).items():
        for edge in expander.joined(complex_key):
            edges.add(edge, join(pathways))
    return PathwayGraph(
        nodes=_node_table({*(node for node, _ in members), *edges.ends()}, model, nodes_of),
        edges=edges.table(database),
        pathways=pd.DataFrame(
            [
                (key, pathway.name, database, join(parents[key]))
                for key, pathway in model.pathways.items()
            ],
            columns=["id", "name", "database", "parents"],
            dtype=object,
        ),
        members=pd.DataFrame(sorted(members), columns=["node", "pathway"], dtype=object),
        meta={
            database: {
                "format": origin,
                **({"release": model.release} if model.release else {}),
                "files": model.files,
                "reactions": len(model.reactions),
                "left_out": {what: n for what, n in sorted(left_out.items()) if n},
            }
        },
    )


def _known_parents(hierarchy: PathwayGraph, parents: dict[str, list[str]]) -> dict[str, list[str]]:
    """Parents of the pathways read: the nearest in the hierarchy that were read too."""
    kept = _hierarchy.keep_pathways(hierarchy.pathways, parents.keys())
    return parents | _hierarchy.parents_of(kept)


def _complexes(within: dict[str, set[str]], expander: Expander) -> dict[str, set[str]]:
    """Pathways of each complex that takes part in reactions, itself or inside of others."""
    out: dict[str, set[str]] = {}
    for key, pathways in within.items():
        for found in expander.complexes(key):
            out.setdefault(found, set()).update(pathways)
    return out


def _nodes_of(
    names: set[str], *, table: pd.DataFrame | None, keep_unknown: bool
) -> dict[str, tuple[str, ...]]:
    """Nodes of names; compounds are their own, genes go through HGNC."""
    out: dict[str, tuple[str, ...]] = {}
    sources = {"uniprot": "uniprot", "ensembl": "ensembl", "ncbigene": "entrez", "symbol": "symbol"}
    by_source: dict[str, dict[str, str]] = {}
    for name in names:
        prefix, _, local = name.partition(":")
        if prefix in sources:
            by_source.setdefault(prefix, {})[local] = name
        elif prefix != "ensembl.transcript" or keep_unknown:
            out[name] = (name,)
    for prefix, locals_ in by_source.items():
        found = ids.map(sorted(locals_), to="hgnc", source=sources[prefix], table=table)
        found = found[found["id"].notna()]
        for local, nodes in found.groupby("name")["id"]:
            out[locals_[local]] = tuple(sorted(nodes))
    if keep_unknown:
        out |= {name: (name,) for name in names - out.keys()}
    return out


@cache
def _both(one: str, other: str) -> str:
    """Join two joined texts; few different ones come up, again and again."""
    return join((*one.split(SEP), *other.split(SEP)))


class _Edges:
    """Edges of all reactions; equal ones are merged on the way."""

    def __init__(self) -> None:
        self._carried: dict[RawEdge, str] = {}

    def add(self, edge: RawEdge, pathways: str) -> None:
        before = self._carried.get(edge, "")
        self._carried[edge] = pathways if before in {"", pathways} else _both(before, pathways)

    def ends(self) -> set[str]:
        return {end for edge in self._carried for end in edge[:2]}

    def table(self, database: str) -> pd.DataFrame:
        columns = ["source", "target", "type", "sign", "flags", "weight", "directed"]
        frame = pd.DataFrame(list(self._carried), columns=columns)
        return frame.assign(pathways=list(self._carried.values()), database=database)


def _node_table(
    nodes: set[str], model: Model, nodes_of: dict[str, tuple[str, ...]]
) -> pd.DataFrame:
    """Genes as HGNC names them; compounds and the rest as the file does."""
    labels: dict[str, str] = {}
    for entity in model.entities.values():
        found = {node for name in entity.names for node in nodes_of.get(name, ())}
        if len(found) == 1 and entity.label:
            node = next(iter(found))
            # The shortest, then the first of the alphabet: whatever order the files have.
            labels[node] = min(
                labels.get(node, entity.label), entity.label, key=lambda text: (len(text), text)
            )
    out = _genes.node_table(nodes)
    compound = out["id"].str.startswith(COMPOUNDS)
    name = out["name"].where(out["name"] != "", out["id"].map(labels).fillna(""))
    symbol = out["symbol"].mask(compound, out["id"].str.upper())
    return out.assign(name=name, symbol=symbol)
