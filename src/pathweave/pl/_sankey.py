"""Sankey diagram: from layers through genes into pathways."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from pathweave import get
from pathweave._core.checks import check_choice
from pathweave.graph import PathwayGraph
from pathweave.pl import _bands
from pathweave.pl._flows import Flows, flows
from pathweave.pl._style import DOWN, PALETTE, UP, short

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from mudata import MuData

_LEFT, _RIGHT = -0.42, 3.3
_LINE = 0.15
_FONT = 8.0
_SIZES = (5, 150)
_GREY = "#7A7A7A"


def sankey(
    mdata: MuData,
    graph: PathwayGraph,
    *,
    group: str | None = None,
    source: Literal["attributions", "tests"] = "attributions",
    signed: bool = False,
    n_genes: int = 16,
    n_pathways: int = 8,
    pathways: Sequence[str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw what flows from layers through genes into pathways, as bands whose widths add up.

    Every column is the whole: what is not shown by name is in the bands *other genes*, *other pathways*, *in no
    pathway* and *outside the graph*. The last holds features without a gene on the graph, and what features of one gene in
    one layer cancel between them; it ends in the middle column.

    Parameters
    ----------
    mdata
        MuData with attributions per value (`pathweave.tl.attribute`) of a model with a graph, or with tests
        (`pathweave.tl.test_pathways`).
    graph
        Graph of the fit, such as ``model.graph_``: it says which gene belongs to which pathway.
    group
        Group to show; the first by default.
    source
        ``"attributions"``: a width is a share of all mean absolute attribution, what *the model* uses.
        ``"tests"``: of genes below the false discovery rate, a layer's share of their association beyond chance (mean
        squared z less 1), what goes with the outcome in *the data*.
    signed
        Colour by direction: red where high values raise the output (or go with the group), blue where they lower it.
        Otherwise bands have the colour of their layer, up to the pathways.
    n_genes
        Genes shown by name: the strongest of all and the strongest of the pathways shown, in turn.
    n_pathways
        Pathways shown by name: the best of `pathweave.get.attributions` (with 5 to 150 measured members) or of the tests;
        one that has most of its amount in better ones is passed over.
    pathways
        Ids of pathways to show instead.
    ax
        Axes to draw on.

    Returns
    -------
    The axes. A gene in several of the pathways shown is shared out equally among them. Bars and bands carry ``gid``,
    such as ``gene:hgnc:11998`` and ``rna>hgnc:11998``.

    Raises
    ------
    ValueError
        If there are no attributions per gene, no gene is below the false discovery rate, or the graph lacks a pathway.

    References
    ----------
    Sankey, The thermal efficiency of steam-engines, Minutes of Proceedings of the Institution of Civil Engineers 134 (1898).

    Examples
    --------
    >>> import matplotlib, pathweave as pw
    >>> matplotlib.use("agg")
    >>> mdata = pw.datasets.simulate(60, seed=1)
    >>> model = pw.models.PathwayVAE(8, max_epochs=3, n_folds=3)
    >>> model = model.fit(mdata, pw.graph.reactome(), target="class")
    >>> pw.tl.attribute(mdata, model, n_steps=8)
    >>> ax = pw.pl.sankey(mdata, model.graph_, n_genes=5, n_pathways=4)
    >>> heights = [p.get_height() for p in ax.patches if str(p.get_gid()).startswith("layer:")]
    >>> round(sum(heights), 6)
    1.0
    """
    given: Any = graph
    if not isinstance(given, PathwayGraph):
        msg = f"graph must be the PathwayGraph of the fit, such as model.graph_, found {type(given).__name__}."
        raise TypeError(msg)
    check_choice("source", source, ("attributions", "tests"))
    if n_genes < 1 or n_pathways < 1 or (pathways is not None and not len(pathways)):
        msg = f"n_genes={n_genes!r} and n_pathways={n_pathways!r} must be 1 or more, and pathways name one or be left out."
        raise ValueError(msg)
    read = _attributed if source == "attributions" else _tested
    chosen, amounts, outside, table, words = read(mdata, group, signed=signed)
    shares = flows(
        amounts, outside, table, graph, n_genes=n_genes,
        chosen=n_pathways if pathways is None else [str(name) for name in pathways],
    )  # fmt: skip
    ax = _draw(shares, ax, signed=signed, tests=source == "tests")
    ax.set_title(f"{short(chosen, 40)}: {words}", fontsize=10)
    return ax


_Read = tuple[str, pd.DataFrame, pd.DataFrame, pd.DataFrame, str]


def _attributed(mdata: MuData, group: str | None, *, signed: bool) -> _Read:
    """Group, amounts of nodes, amounts outside the graph, pathways, and what a width is."""
    table = get.attributions(mdata, level="gene_layer")
    if table.empty:
        msg = (
            "there are no attributions of genes by layer: fit with a graph, and use a method that explains single values, "
            "such as 'integrated_gradients'."
        )
        raise ValueError(msg)
    chosen = _group(table, group)
    table = table[table["group"].astype(str) == chosen]
    features = get.attributions(mdata, level="feature", group=chosen)
    amounts = _amounts(table, signed=signed)
    found = amounts.groupby("layer")["amount"].sum()
    outside = features.groupby(features["layer"].astype(str))["importance"].sum()
    outside = outside - found.reindex(outside.index, fill_value=0.0)
    outside = outside.where(outside > 1e-9 * outside.abs().sum(), 0.0)  # the rest is rounding
    paths = get.attributions(mdata, level="pathway", group=chosen)
    paths = paths[paths["n_measured"].between(*_SIZES)]
    outside = outside.rename("amount").rename_axis("layer").reset_index().assign(sign=0)
    return chosen, amounts, outside, paths, "share of all |attribution|"


def _amounts(table: pd.DataFrame, *, signed: bool) -> pd.DataFrame:
    sign = np.where(table["direction"] < 0, -1, 1) if signed else np.zeros(len(table), dtype=int)
    amount = table["importance"].to_numpy(dtype=float)
    return table[["node", "symbol", "layer"]].astype(str).assign(sign=sign, amount=amount)


def _tested(mdata: MuData, group: str | None, *, signed: bool) -> _Read:
    table = get.pathway_tests(mdata, level="gene")
    alpha = float(table.attrs["params"]["alpha"])
    chosen = _group(table, group)
    hits = table[(table["group"].astype(str) == chosen) & (table["q"] < alpha)]
    if hits.empty:
        msg = f"group={chosen!r}: no gene is told from shuffled labels at a false discovery rate of {alpha:g}, so nothing flows."
        raise ValueError(msg)
    layers = [name for name in table if name.startswith("association_")]
    sign = np.where(hits["direction"] < 0, -1, 1) if signed else np.zeros(len(hits), dtype=int)
    parts = [
        hits[["node", "symbol"]].astype(str).assign(
            layer=name.removeprefix("association_"), sign=sign,
            amount=(hits[name].astype(float) - 1.0).clip(lower=0.0).fillna(0.0),
        )
        for name in layers
    ]  # fmt: skip
    amounts = pd.concat(parts, ignore_index=True)
    none = pd.DataFrame({"layer": [], "sign": [], "amount": []}).astype({"amount": float})
    paths = get.pathway_tests(mdata, group=chosen)
    return chosen, amounts, none, paths, f"association beyond chance of {len(hits)} genes, q < {alpha:g}"  # fmt: skip


def _group(table: pd.DataFrame, group: str | None) -> str:
    groups = list(dict.fromkeys(table["group"].astype(str)))
    if group is not None:
        check_choice("group", str(group), groups)
    return groups[0] if group is None else str(group)


def _draw(shares: Flows, ax: Axes | None, *, signed: bool, tests: bool) -> Axes:
    n = max(len(shares.genes), len(shares.pathways))
    if ax is None:
        import matplotlib.pyplot as plt

        figure = plt.figure(figsize=(10.5, 2.6 + 0.2 * n))
        ax = figure.add_axes((0.01, 0.01, 0.98, 0.93))
    box, whole = ax.get_window_extent(), ax.get_figure(root=True)
    dpi = 100.0 if whole is None else whole.dpi
    wide, high = box.width / dpi, box.height / dpi
    line = min(_LINE / high, 0.9 / (n + 2))
    size = _FONT * line * high / _LINE
    sizes = _sizes(shares)
    bars, step, span = _columns(sizes, line)
    ax.set_xlim(_LEFT, _RIGHT)
    ax.set_ylim(-span / 2, span / 2)
    ax.set_axis_off()
    layers = {name: PALETTE[i % len(PALETTE)] for i, name in enumerate(sizes[0])}
    by_sign = {1: UP, -1: DOWN, 0: _GREY}

    def color(row: Any) -> str:
        return by_sign[int(row.sign)] if signed else layers[str(row.layer)]

    _bands.bands(ax, shares.first, bars[0], bars[1], color)
    _bands.bands(ax, shares.second, bars[1], bars[2], color)
    labels = {name: name for name in sizes[0]}, shares.genes, shares.pathways
    rooms = -_LEFT, 0.95, _RIGHT - 2.0
    for i, kind in enumerate(("layer", "gene", "pathway")):
        _bands.boxes(ax, bars[i], {} if i else layers, _GREY, kind)
        letters = max(6, int(rooms[i] / (_RIGHT - _LEFT) * wide * 72 / (0.62 * size)) - 8)
        texts = {
            name: f"{short(label, letters)}  {100 * sizes[i][name]:.{1 if i else 0}f} %"
            for name, label in labels[i].items()
        }
        _bands.names(ax, bars[i], texts, step=step, size=size, right=i > 0)
        ax.text(
            i + _bands.BAR / 2, span / 2, kind, ha="center", va="top", fontsize=size + 1, color="#444444",
            gid=f"head:{kind}",
        )  # fmt: skip
    if signed:
        _legend(ax, tests=tests, mixed=bool((shares.first["sign"] == 0).any()))
    return ax


def _sizes(shares: Flows) -> list[dict[str, float]]:
    """Height of every bar, by column."""
    first, second = shares.first, shares.second
    layers = first.groupby("source")["share"].sum().sort_values(ascending=False, kind="stable")
    genes = first.groupby("target")["share"].sum()
    pathways = second.groupby("target")["share"].sum()
    return [
        {str(name): float(size) for name, size in layers.items()},
        {name: float(genes[name]) for name in shares.genes},
        {name: float(pathways.get(name, 0.0)) for name in shares.pathways},
    ]


def _columns(
    sizes: list[dict[str, float]], line: float
) -> tuple[list[dict[str, _bands.Bar]], float, float]:
    """Bars of the columns, the room a label takes, and the height of all, in shares.

    A label takes `line` of the height of the axes; how much that is in shares depends on the room all labels take.
    """
    step, span = line, 1.0
    for _ in range(200):
        step = line * span
        tallest = max(sum(max(s + 0.25 * step, step) for s in column.values()) for column in sizes)
        span = tallest + 2.5 * step
    bars = [
        _bands.column(column, float(x), gap=0.25 * step, step=step)
        for x, column in enumerate(sizes)
    ]
    return bars, step, span


def _legend(ax: Axes, *, tests: bool, mixed: bool) -> None:
    from matplotlib.patches import Patch

    told = ["higher with it", "lower with it"]
    if not tests:
        told = ["high values raise", "high values lower"]
    if mixed:
        told.append("outside the graph")
    colors = (UP, DOWN, _GREY)[: len(told)]
    handles = [Patch(facecolor=c, alpha=0.42, label=t) for c, t in zip(colors, told, strict=True)]
    ax.legend(handles=handles, loc="lower left", frameon=False, fontsize=_FONT)
