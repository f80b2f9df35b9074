"""Graphs from what other tools hold: networkx graphs, and nets of decoupler."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from pathweave._core.checks import check_choice, listed
from pathweave.graph import _genes
from pathweave.graph._gmt import gmt
from pathweave.graph._interactions.build import build
from pathweave.graph._interactions.names import Ends
from pathweave.graph._pathway_graph import PathwayGraph
from pathweave.graph._tables import EDGES, NODES, PATHWAYS, join, truth

if TYPE_CHECKING:
    from collections.abc import Iterable

    import networkx as nx

_SIGNS = {"-1": -1, "-": -1, "0": 0, "": 0, "1": 1, "+": 1, "+1": 1}


def from_networkx(
    G: nx.Graph,
    *,
    identifiers: str = "auto",
    name_key: str | None = None,
    type_key: str = "type",
    sign_key: str = "sign",
    weight_key: str = "weight",
    names: pd.DataFrame | None = None,
    database: str = "networkx",
) -> PathwayGraph:
    """Turn a networkx graph into a `PathwayGraph`.

    Parameters
    ----------
    G
        A Graph, DiGraph, MultiGraph or MultiDiGraph. One that `PathwayGraph.to_networkx` made comes
        back as it was, digest and all, with what was done to it since.
    identifiers
        What the nodes are: ``"auto"``, or a kind that `pathweave.ids.map` knows; ``"node"`` takes
        them as ids of nodes, unchanged.
    name_key
        Attribute of nodes that holds the name to look up; ``None`` for the nodes themselves.
    type_key, sign_key, weight_key
        Attributes of edges. Without a sign a negative weight is a negative sign; without a type it
        is ``activation``, ``inhibition`` or ``interaction``, by the sign. An edge attribute
        ``directed`` overrules the direction of the graph.
    names
        What names stand for, as for `pathweave.graph.edges`.
    database
        Name written into the edges' ``database``.

    Returns
    -------
    The graph; ``meta`` counts and names the nodes that cannot be mapped.

    Examples
    --------
    >>> import networkx as nx
    >>> from pathweave import graph
    >>> made = graph.from_networkx(nx.DiGraph([("MDM2", "TP53", {"sign": -1})]))
    >>> made.edges[["type", "sign", "directed"]].astype(str).iloc[0].tolist()
    ['inhibition', '-1', 'True']
    >>> graph.from_networkx(made.to_networkx()) == made
    True
    """
    import networkx as nx

    if not isinstance(G, nx.Graph):
        msg = f"G must be a networkx graph, found {type(G).__name__}."
        raise TypeError(msg)
    if identifiers == "node" or (
        identifiers == "auto" and {"digest", "pathways"} <= G.graph.keys()
    ):
        return _as_it_is(G, type_key, sign_key, weight_key)
    label = {node: _label(node, data, name_key) for node, data in G.nodes(data=True)}
    rows = _rows(G, type_key, sign_key, weight_key)
    for end in ("source", "target"):
        rows[end] = [label[node] for node in rows[end]]
    counts = {"nodes": G.number_of_nodes(), "rows": len(rows)}
    ends = Ends(identifiers, names=names)
    alone = [label[node] for node in G.nodes if label[node]]
    return build(rows, ends, database=database, counts=counts, argument="G", isolated=alone)


def _label(node: Any, data: dict[str, Any], name_key: str | None) -> str:
    if name_key is None:
        return str(node)
    if name_key not in data:
        msg = (
            f"name_key={name_key!r}: node {node!r} has no such attribute, only {listed(data, 10)}."
        )
        raise KeyError(msg)
    return "".join(_genes.texts([data[name_key]]))


def _rows(G: nx.Graph, type_key: str, sign_key: str, weight_key: str) -> pd.DataFrame:
    """Table of edges, with the columns of a graph's own."""
    both = G.is_directed()
    out: list[dict[str, Any]] = []
    for source, target, data in G.edges(data=True):
        weight = data.get(weight_key)
        edge = f"edge {source!r} - {target!r}"
        size = 1.0 if weight is None else _number(weight, f"weight_key={weight_key!r}: {edge}")
        if sign_key in data and data[sign_key] is not None:
            sign = _sign(data[sign_key], f"sign_key={sign_key!r}: {edge}")
        else:
            sign, size = (-1, -size) if size < 0 else (0, size)
        kind = data.get(type_key) or {-1: "inhibition", 0: "interaction", 1: "activation"}[sign]
        row = {"source": source, "target": target, "type": str(kind), "sign": sign, "weight": size,
               "directed": data.get("directed", both)}  # fmt: skip
        row |= {name: _text(data.get(name)) for name in ("pathways", "database", "flags")}
        out.append(row)
    table = pd.DataFrame(out, columns=list(EDGES))
    return table.assign(directed=truth(table["directed"], "directed", table="G", empty=both))


def _number(value: Any, where: str) -> float:
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        msg = f"{where} has {value!r}, which is no number."
        raise ValueError(msg) from error


def _sign(value: Any, where: str) -> int:
    """Read -1, 0 and 1, also as texts, and the sign of any other number."""
    word = str(value).strip()
    if word in _SIGNS:
        return _SIGNS[word]
    number = _number(value, where)
    return int(np.sign(number)) if np.isfinite(number) else 0


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else join(str(part) for part in value)


def _as_it_is(G: nx.Graph, type_key: str, sign_key: str, weight_key: str) -> PathwayGraph:
    """Take nodes as ids, and all tables from the attributes that `to_networkx` writes."""
    nodes = [
        {"id": str(node), **{name: _text(data.get(name)) for name in NODES if name != "id"}}
        for node, data in G.nodes(data=True)
    ]
    members = [
        (str(node), pathway)
        for node, data in G.nodes(data=True)
        for pathway in _parts(data.get("pathways"))
    ]
    rows = _rows(G, type_key, sign_key, weight_key).astype({"source": str, "target": str})
    pathways = pd.DataFrame(list(G.graph.get("pathways", [])), columns=list(PATHWAYS))
    carried = (p for text in rows["pathways"] for p in text.split(";") if p)
    new = {*(pathway for _, pathway in members), *carried} - set(pathways["id"])
    extra = pd.DataFrame({"id": sorted(new), "name": sorted(new)})
    return PathwayGraph(
        nodes=pd.DataFrame(nodes, columns=list(NODES)),
        edges=rows,
        pathways=pd.concat([pathways, extra], ignore_index=True) if new else pathways,
        members=pd.DataFrame(members, columns=["node", "pathway"]),
    )


def _parts(value: Any) -> Iterable[str]:
    return [p for p in _text(value).split(";") if p]


def from_decoupler(
    net: pd.DataFrame,
    *,
    as_: Literal["edges", "pathways"] = "edges",
    identifiers: str = "auto",
    types: tuple[str, str] = ("expression", "repression"),
    names: pd.DataFrame | None = None,
    database: str = "decoupler",
) -> PathwayGraph:
    """Turn a net of decoupler into a graph.

    Parameters
    ----------
    net
        Columns ``source``, ``target`` and ``weight`` (or ``mor``; without it no sign is known).
    as_
        ``"edges"`` where sources are genes, as the transcription factors of CollecTRI and DoRothEA:
        the sign of the weight is the edge's, its size the edge's weight. ``"pathways"`` where they
        are sets, as in PROGENy, the hallmarks and what `PathwayGraph.to_decoupler` gives.
    identifiers
        What the genes are: ``"auto"``, or a kind that `pathweave.ids.map` knows.
    types
        Types of edges of positive (or unknown) and of negative sign; kinases' nets want
        ``("activation", "inhibition")``.
    names
        What names stand for, as for `pathweave.graph.edges`: CollecTRI has complexes such as
        ``AP1`` and ``NFKB`` as sources.
    database
        Name written into the edges' ``database``, or prefix of the sets' ids.

    Returns
    -------
    The graph. Memberships have no weight: those of ``"pathways"`` are dropped, and ``meta`` says so.

    Examples
    --------
    >>> import pandas as pd
    >>> from pathweave import graph
    >>> net = pd.DataFrame({"source": ["MYC"], "target": ["CDKN1A"], "weight": [-1.0]})
    >>> graph.from_decoupler(net).edges[["type", "sign", "weight"]].astype(str).iloc[0].tolist()
    ['repression', '-1', '1.0']
    """
    check_choice("as_", as_, ("edges", "pathways"))
    if not isinstance(net, pd.DataFrame):
        msg = f"net must be a DataFrame with columns source and target, found {type(net).__name__}."
        raise TypeError(msg)
    lacking = [name for name in ("source", "target") if name not in net.columns]
    if lacking:
        msg = f"net lacks the columns {listed(lacking)}; found {listed(net.columns, 20)}."
        raise ValueError(msg)
    rows = net.dropna(subset=["source", "target"]).astype({"source": str, "target": str})
    key = next((name for name in ("weight", "mor") if name in rows), None)
    weight = pd.to_numeric(rows[key], errors="coerce") if key else pd.Series(1.0, index=rows.index)
    if not np.isfinite(weight.to_numpy(float)).all():
        msg = f"net: column {key!r} must hold finite numbers, found {listed(rows[key][~np.isfinite(weight)])}."
        raise ValueError(msg)
    if as_ == "pathways":
        return _sets(rows, weight, identifiers, database)
    sign = np.sign(weight).astype(int) if key else 0
    out = rows[["source", "target"]].assign(sign=sign, weight=weight.abs(), directed=True, flags="")
    out["type"] = np.where(out["sign"] < 0, types[1], types[0])
    counts = Counter(rows=len(net))
    counts["rows_without_ends"] = len(net) - len(rows)
    return build(
        out,
        Ends(identifiers, names=names),
        database=database,
        counts=+counts,
        argument="net",
        hint="If the sources are sets of genes, take as_='pathways'. ",
    )


def _sets(rows: pd.DataFrame, weight: pd.Series, identifiers: str, database: str) -> PathwayGraph:
    sets = rows.groupby("source", sort=True)["target"].agg(list).to_dict()
    out = gmt(sets, identifiers=identifiers, database=database)
    n = int((weight != 1).sum())
    if not n:
        return out
    meta = out.meta
    meta[database]["weights_dropped"] = n
    return PathwayGraph(nodes=out.nodes, pathways=out.pathways, members=out.members, meta=meta)
