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
        Colour by direction: red raises the output (or goes with the group), blue lowers it; widths are then shares of
        \\|mean attribution\\|. Otherwise bands have the colour of their layer, up to the pathways.
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
    amounts, whole = _amounts(table, signed=signed), _amounts(features, signed=signed)
    found = amounts.groupby(["layer", "sign"])["amount"].sum()
    outside = whole.groupby(["layer", "sign"])["amount"].sum()
    outside = (outside - found.reindex(outside.index, fill_value=0.0)).clip(lower=0.0)
    outside[outside < 1e-9 * whole["amount"].sum()] = 0.0  # rounding
    paths = get.attributions(mdata, level="pathway", group=chosen)
    paths = paths[paths["n_measured"].between(*_SIZES)]
    words = "share of |mean attribution|" if signed else "share of all |attribution|"
    return chosen, amounts, outside.reset_index(), paths, words


def _amounts(table: pd.DataFrame, *, signed: bool) -> pd.DataFrame:
    value = table["value"].to_numpy(dtype=float)
    sign = np.where(value < 0, -1, 1) if signed else np.zeros(len(table), dtype=int)
    amount = np.abs(value) if signed else table["importance"].to_numpy(dtype=float)
    kept = [name for name in ("node", "symbol", "layer") if name in table]
    return table[kept].astype(str).assign(sign=sign, amount=amount)


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

        figure = plt.figure(figsize=(10.5, max(4.0, 0.21 * n + 1.3)))
        ax = figure.add_axes((0.01, 0.02, 0.98, 0.9))
    figure = ax.get_figure(root=True)
    box = ax.get_window_extent()
    dpi = figure.dpi if figure is not None else 100.0
    wide, high = box.width / dpi, box.height / dpi
    first, second = shares.first, shares.second
    totals = first.groupby("source")["share"].sum().sort_values(ascending=False, kind="stable")
    into = first.groupby("target")["share"].sum(), second.groupby("target")["share"].sum()
    columns = (
        totals.to_dict(), {name: float(into[0][name]) for name in shares.genes},
        {name: float(into[1][name]) for name in shares.pathways},
    )  # fmt: skip
    gap = 0.35 / (n + 3)
    bars = [_bands.column(sizes, float(x), gap=gap) for x, sizes in enumerate(columns)]
    reach = max(bars[0][next(iter(bars[0]))].y + 0.0, *(b.y + b.height for c in bars for b in c.values())) - 0.5  # fmt: skip
    ax.set_xlim(_LEFT, _RIGHT)
    ax.set_ylim(0.5 - reach - 0.02, 0.5 + reach + 0.07)
    ax.set_axis_off()
    layers = {name: PALETTE[i % len(PALETTE)] for i, name in enumerate(totals.index)}
    by_sign = {1: UP, -1: DOWN}

    def color(row: Any) -> str:
        return by_sign[int(row.sign)] if signed else layers[str(row.layer)]

    for flow, left, right in ((first, bars[0], bars[1]), (second, bars[1], bars[2])):
        _bands.bands(ax, flow, left, right, color)
    plain = {"layer": layers, "gene": {}, "pathway": {}}
    span = ax.get_ylim()[1] - ax.get_ylim()[0]
    step = min(_LINE / high * span, (span - 0.05) / n)
    size = _FONT * min(1.0, step * high / span / _LINE)
    labels = {name: name for name in totals.index}, shares.genes, shares.pathways
    for i, kind in enumerate(plain):
        _bands.boxes(ax, bars[i], lambda name, own=plain[kind]: own.get(name, _GREY), kind)  # type: ignore[misc]
        room = {0: -_LEFT, 1: 0.95, 2: _RIGHT - 2}[i] / (_RIGHT - _LEFT) * wide
        width = max(6, int(room * 72 / (0.55 * size)) - 8)
        texts = {
            name: f"{short(label, width)}  {100 * columns[i][name]:.{1 if i else 0}f} %"
            for name, label in labels[i].items()
        }
        _bands.names(ax, bars[i], texts, step=step, size=size, right=i > 0)
        ax.text(
            i + _bands.BAR / 2, ax.get_ylim()[1], kind, ha="center", va="top", fontsize=size + 1, color="#444444"
        )  # fmt: skip
    if signed:
        _legend(ax, tests=tests)
    return ax


def _legend(ax: Axes, *, tests: bool) -> None:
    from matplotlib.patches import Patch

    up, down = ("higher with it", "lower with it") if tests else ("raises", "lowers")
    handles = [Patch(facecolor=c, alpha=0.42, label=t) for c, t in ((UP, up), (DOWN, down))]
    ax.legend(handles=handles, loc="lower left", frameon=False, fontsize=_FONT)
