"""Hand a graph to other tools: networkx, decoupler, GMT."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from pathweave.graph._tables import split

if TYPE_CHECKING:
    from os import PathLike

    import networkx as nx

    from pathweave.graph._pathway_graph import PathwayGraph


def to_networkx(graph: PathwayGraph) -> nx.MultiDiGraph:
    """Build the MultiDiGraph; undirected edges go both ways, marked ``directed=False``."""
    import networkx as nx

    out = nx.MultiDiGraph(digest=graph.digest)
    nodes, edges = graph.nodes, graph.edges
    carried = graph.members.groupby("node")["pathway"].agg(list).to_dict()
    for node in nodes.to_dict("records"):
        name = node.pop("id")
        out.add_node(name, **node, pathways=carried.get(name, []))
    for edge in edges.to_dict("records"):
        source, target = edge.pop("source"), edge.pop("target")
        edge["pathways"], edge["flags"] = split(edge["pathways"]), split(edge["flags"])
        key = f"{edge['type']}{edge['sign']:+d}{'' if edge['directed'] else ' undirected'}"
        out.add_edge(source, target, key=key, **edge)
        if not edge["directed"] and source != target:
            out.add_edge(target, source, key=key, **edge)
    return out


def to_decoupler(graph: PathwayGraph) -> pd.DataFrame:
    """Build the long table of pathways and their genes' symbols."""
    nodes = graph.nodes
    genes = nodes[nodes["kind"] == "gene"]
    symbol = genes["symbol"].where(genes["symbol"] != "", genes["id"])
    label = pd.Series(symbol.to_numpy(), index=genes["id"].to_numpy(), dtype=object)
    members = graph.members
    table = pd.DataFrame({"source": members["pathway"], "target": members["node"].map(label)})
    table = table.dropna().drop_duplicates(ignore_index=True)
    return table.assign(weight=1.0)


def to_gmt(graph: PathwayGraph, path: str | PathLike[str]) -> None:
    """Write id, name and symbols of each pathway with genes, through a file beside the target."""
    target = Path(path)
    names = graph.pathways.set_index("id")["name"]
    lines = []
    for pathway, genes in to_decoupler(graph).groupby("source", sort=True)["target"]:
        name = " ".join(str(names[pathway]).split())
        lines.append("\t".join([str(pathway), name, *sorted(genes)]))
    handle, work = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines)
        Path(work).replace(target)
    except BaseException:
        Path(work).unlink(missing_ok=True)
        raise
