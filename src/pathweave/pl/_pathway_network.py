"""One pathway as a biologist draws it: who acts on whom, how, and what the data say of each."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pathweave import get
from pathweave._core.checks import check_choice, listed
from pathweave.graph import PathwayGraph
from pathweave.pl import _network_draw as draw
from pathweave.pl._network_items import make_items
from pathweave.pl._network_scene import arranged

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from mudata import MuData


def pathway_network(
    graph: PathwayGraph,
    pathway: str,
    *,
    values: pd.Series | Mapping[str, float] | MuData | None = None,
    group: str | None = None,
    ax: Axes | None = None,
    max_nodes: int = 150,
    labels: bool | Mapping[str, str] = True,
    collapse: bool = True,
    maps: bool = False,
) -> Axes:
    """Draw one pathway: arrows that activate, bars that inhibit, complexes, metabolites, data.

    Genes of one family that have the same edges (KEGG's alternatives) become one box, ``CCND1 +2``.
    Others with the same edges lie in one frame, to which the edge leads. Members of a complex lie
    in one shaded frame. Enzymes stand on the line from substrate to product. Members without an
    edge, or all where the graph knows only memberships, form a grid. A pathway without edges of its
    own is drawn with those that other pathways give between its members, and the caption says so.

    Parameters
    ----------
    graph
        Graph that holds the pathway.
    pathway
        Id with or without its prefix (``"kegg.pathway:hsa04115"``, ``"hsa04115"``), or a name that
        no other pathway has. Members of the pathways below it are drawn too.
    values
        Number of each node, by node id or symbol (a log fold change, an attribution): the colour.
        Nodes that are not named, or NaN, are grey; a box of several genes has their mean; names
        that are not in the pathway are passed over. A MuData with attributions (`pathweave.tl.attribute`) stands for the
        mean |attribution| of each gene, negative where high values lower the output.
    group
        Group of the attributions of a MuData; the first by default.
    ax
        Axes to draw on; without, a figure as large as the pathway needs.
    max_nodes
        Boxes to draw at most; the best connected ones, and the caption tells how many are missing.
    labels
        Whether to write names, or the names to write instead, by node id.
    collapse
        Put genes of one family with the same edges into one box.
    maps
        Also draw other maps that the pathway links to.

    Returns
    -------
    The axes. Patches of nodes carry the node's id (the first, for several) as ``gid``.

    Raises
    ------
    KeyError
        If there is no such pathway, or none of the `values` belongs to it.
    ValueError
        If a name is that of several pathways, the pathway is empty, or `values` are not numbers.

    Examples
    --------
    >>> import matplotlib, pandas as pd, pathweave as pw
    >>> matplotlib.use("agg")
    >>> edges = pd.DataFrame(
    ...     {
    ...         "source": ["ATM", "TP53", "MDM2"],
    ...         "target": ["TP53", "MDM2", "TP53"],
    ...         "type": ["activation", "expression", "inhibition"],
    ...         "sign": [1, 1, -1],
    ...     }
    ... )
    >>> graph = pw.graph.edges(edges) | pw.graph.gmt({"p53": ["ATM", "TP53", "MDM2"]})
    >>> ax = pathway_network(graph, "p53", values={"MDM2": 1.5, "ATM": -0.5})
    >>> ax.get_title()
    'p53'

    Coloured by what a model made of it:

    >>> mdata = pw.datasets.simulate(60, seed=1)
    >>> model = pw.models.PathwayVAE(8, max_epochs=3, n_folds=3)
    >>> model = model.fit(mdata, pw.graph.reactome(), target="class")
    >>> pw.tl.attribute(mdata, model, n_steps=8)
    >>> best = pw.get.attributions(mdata, level="pathway")["pathway"][0]
    >>> ax = pathway_network(model.graph_, best, values=mdata)
    """
    if hasattr(values, "obsm"):
        values = _attributed(values, group)
    elif group is not None:
        msg = f"group={group!r} chooses among the attributions of a MuData; give values=mdata, or leave group out."
        raise ValueError(msg)
    given: Any = graph
    if not isinstance(given, PathwayGraph):
        msg = f"graph must be a PathwayGraph, found {type(given).__name__}; call pathway_network(graph, pathway, values=...)."
        raise TypeError(msg)
    if max_nodes < 1:
        msg = f"max_nodes={max_nodes!r} must be at least 1."
        raise ValueError(msg)
    key, title = _resolve(graph.pathways, pathway)
    part = graph.subset([key])
    nodes = part.nodes if maps else part.nodes[part.nodes["kind"] != "pathway"]
    if nodes.empty:
        msg = (
            f"pathway={pathway!r} ({key}) has neither members nor edges; there is nothing to draw."
        )
        raise ValueError(msg)
    edges = _between(part.edges, nodes)
    borrowed = edges.empty
    if borrowed:
        edges = _between(graph.edges, nodes)
    numbers = {} if values is None else _numbers(values, nodes, key)
    names = labels if isinstance(labels, Mapping) else {}
    items = make_items(
        nodes, edges, values=numbers, names=names, collapse=collapse, max_nodes=max_nodes
    )
    scene = arranged(items)
    ax, scale = draw.canvas(scene, ax)
    scale_of_values = draw.colors(items) if values is not None else None
    draw.items(ax, scene, scale, scale_of_values, text=labels is not False)
    draw.legend(ax, scene, scale_of_values)
    if scale_of_values is not None:
        name = values.name if isinstance(values, pd.Series) else None
        draw.color_bar(ax, scale_of_values, str(name or "value"), scene, scale)
    notes = []
    if borrowed and len(edges):
        notes.append("the edges are those of other pathways between its members")
    if items.n_left_out:
        n = sum(len(box.ids) for box in items.boxes)
        which = ", those with the fewest edges," if len(edges) else ""
        notes.append(f"{items.n_left_out} of {n} nodes{which} are left out (max_nodes={max_nodes})")
    if notes:
        draw.caption(ax, "; ".join(notes), under_bar=scale_of_values is not None)
    ax.set_title(title)
    return ax


def _attributed(mdata: MuData, group: str | None) -> pd.Series:
    """Importance of every node with the sign of its direction."""
    table = get.attributions(mdata, level="gene")
    if table.empty:
        msg = (
            "values: there are no attributions of genes: fit with a graph, and explain single values or genes, not layers or "
            "pathways."
        )
        raise ValueError(msg)
    groups = list(dict.fromkeys(table["group"].astype(str)))
    chosen = groups[0] if group is None else str(group)
    check_choice("group", chosen, groups)
    mine = table[table["group"].astype(str) == chosen].set_index("node")
    unit = table.attrs["params"].get("unit", "output")
    signed = mine["importance"] * np.where(mine["direction"] < 0, -1.0, 1.0)
    return signed.rename(f"|attribution| of {chosen} ({unit}), < 0: high values lower it")


def _between(edges: pd.DataFrame, nodes: pd.DataFrame) -> pd.DataFrame:
    return edges[edges["source"].isin(nodes["id"]) & edges["target"].isin(nodes["id"])]


def _resolve(pathways: pd.DataFrame, asked: str) -> tuple[str, str]:
    """Id and title of the pathway asked for."""
    ids, names = pathways["id"], pathways["name"]
    bare = ids.str.split(":", n=1).str[-1]
    hit = ids.index[(ids == asked) | (bare == asked)]
    if hit.empty:
        hit = ids.index[names.str.casefold() == str(asked).casefold()]
    if len(hit) > 1:
        msg = f"pathway={asked!r} is the name of {len(hit)} pathways; give an id: {listed(ids[hit], 10)}."
        raise ValueError(msg)
    if hit.empty:
        known = {text.casefold(): i for column in (ids, bare, names) for i, text in column.items()}
        wanted = str(asked).casefold()
        near = [known[t] for t in difflib.get_close_matches(wanted, known, n=5, cutoff=0.6)]
        near += [i for text, i in known.items() if wanted and wanted in text][:5]
        found = [f"{ids[i]} ({names[i]})" for i in dict.fromkeys(near)]
        hint = f"near matches: {listed(found)}" if found else f"it has {listed(ids)}"
        msg = f"pathway={asked!r} is neither id nor name of a pathway in the graph; {hint}."
        raise KeyError(msg)
    at = hit[0]
    title = names[at] if names[at] in ("", bare[at]) else f"{names[at]} ({bare[at]})"
    return ids[at], title or bare[at]


def _numbers(
    values: pd.Series | Mapping[str, float], nodes: pd.DataFrame, key: str
) -> dict[str, float]:
    """Finite value of each node that has one."""
    if not isinstance(values, pd.Series | Mapping):
        msg = f"values must be a Series or a dictionary from node id or symbol to number, found {type(values).__name__}."
        raise TypeError(msg)
    series = pd.Series(values, dtype=object)
    if not series.index.is_unique:
        twice = series.index[series.index.duplicated()].unique()
        msg = f"values: {listed(twice)} occur more than once; give each node or symbol one number."
        raise ValueError(msg)
    table: dict[str, float] = {}
    for column in ("symbol", "id"):
        found = series.reindex(nodes[column].to_numpy())
        table.update({n: v for n, v in zip(nodes["id"], found, strict=True) if not pd.isna(v)})
    if not table:
        known = set(series.index) & {*nodes["id"], *nodes["symbol"]}
        what = (
            "are NaN for all its nodes"
            if known
            else f"name none of its nodes: {listed(series.index)}"
        )
        wanted = listed(nodes["symbol"].where(nodes["symbol"] != "", nodes["id"]))
        msg = f"values of {key} {what}. Give numbers by node id or symbol, such as {wanted}."
        raise KeyError(msg) if not known else ValueError(msg)
    numbers = pd.to_numeric(pd.Series(table), errors="coerce").astype(float)
    bad = numbers.index[~np.isfinite(numbers)]
    if len(bad):
        shown = {n: table[n] for n in bad[:5]}
        msg = f"values: {len(bad)} are not finite numbers: {shown}. Leave them out, or give NaN."
        raise ValueError(msg)
    return numbers.to_dict()
