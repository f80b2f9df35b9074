"""Pathways and genes that go with an outcome, with their evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.transforms import ScaledTranslation, blended_transform_factory

from pathweave import get
from pathweave._core.checks import check_choice
from pathweave.pl._style import DOWN, MISSING, REFERENCE, UP, new_axes, short, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from mudata import MuData

_LABELS = 12


def pathway_tests(
    mdata: MuData, *, group: str | None = None, n_top: int = 15, ax: Axes | None = None
) -> Axes:
    """Draw the best pathways of a group with their intervals, beside what each says alone.

    Parameters
    ----------
    mdata
        MuData with tests (`pathweave.tl.test_pathways`).
    group
        Group to show; the first by default.
    n_top
        Number of pathways.
    ax
        Axes to draw on.

    Returns
    -------
    The axes: a dot with a 95 % interval (bootstrap) a pathway, red where its members go with the group more
    than other genes, blue where they go with it at all (false discovery rates), and a ring for its score without the other pathways.

    Examples
    --------
    >>> import matplotlib, pathweave as pw
    >>> matplotlib.use("agg")
    >>> mdata = pw.datasets.simulate(80, effect=3.0, seed=1)
    >>> model = pw.models.PathwayVAE(8, max_epochs=2, n_folds=3)
    >>> model = model.fit(mdata, pw.graph.reactome(), target="class")
    >>> pw.tl.test_pathways(mdata, model, n_null=50, n_boot=5)
    >>> len(pw.pl.pathway_tests(mdata, n_top=7).get_yticks())
    7
    """
    table = get.pathway_tests(mdata)
    alpha = float(table.attrs["params"]["alpha"])
    group = _group(list(dict.fromkeys(table["group"])), group)
    best = table[table["group"] == group].head(n_top)
    ax = tidy(new_axes(ax, width=8.5, height=1.4 + 0.28 * len(best)))
    y = np.arange(len(best))[::-1]
    beyond, at_all = (best["q"] < alpha).to_numpy(), (best["q_association"] < alpha).to_numpy()
    colour = np.where(beyond, UP, np.where(at_all, DOWN, MISSING))
    ax.hlines(
        y, best["score"] - 1.96 * best["se"], best["score"] + 1.96 * best["se"], colors=colour
    )
    ax.scatter(best["score"], y, c=colour, s=36, zorder=3, label="beside the other pathways")
    ax.scatter(
        best["score_alone"], y, facecolors="none", edgecolors=REFERENCE, s=36, label="alone", zorder=2,
    )  # fmt: skip
    ax.axvline(0.0, color=REFERENCE, linewidth=0.8)
    names = [
        f"{short(name, 50)} ({n})" for name, n in zip(best["name"], best["n_measured"], strict=True)
    ]
    ax.set_yticks(y, names, fontsize=8)
    ax.set_xlabel("enrichment in standard deviations (shuffled labels); bar: 95 % interval")
    ax.set_title(
        f"Pathways and {group}, false discovery rate {alpha:g}\nred: more than other genes; blue: at all",
        fontsize=10,
    )
    ax.legend(loc="upper left", bbox_to_anchor=(0.0, -0.12), ncols=2, fontsize=8, frameon=False)
    return ax


def volcano(mdata: MuData, *, group: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw every gene's direction against its false discovery rate.

    Parameters
    ----------
    mdata
        MuData with tests (`pathweave.tl.test_pathways`).
    group
        Group to show; the first by default.
    ax
        Axes to draw on.

    Returns
    -------
    The axes: a dot a gene or compound; those below the chosen false discovery rate are coloured by direction, the
    strongest are named with the layer that speaks loudest.

    Examples
    --------
    >>> import matplotlib, pathweave as pw
    >>> matplotlib.use("agg")
    >>> mdata = pw.datasets.simulate(80, effect=3.0, seed=1)
    >>> model = pw.models.PathwayVAE(8, max_epochs=2, n_folds=3)
    >>> model = model.fit(mdata, pw.graph.reactome(), target="class")
    >>> pw.tl.test_pathways(mdata, model, n_null=50, n_boot=5)
    >>> pw.pl.volcano(mdata).get_ylabel()
    'false discovery rate, -log10 q'
    """
    table = get.pathway_tests(mdata, level="gene")
    alpha = float(table.attrs["params"]["alpha"])
    group = _group(list(dict.fromkeys(table["group"])), group)
    table = table[table["group"] == group]
    height = -np.log10(table["q"].to_numpy())
    direction = table["direction"].to_numpy()
    hit = table["q"].to_numpy() < alpha
    ax = tidy(new_axes(ax, width=7.0, height=5.0))
    ax.scatter(direction[~hit], height[~hit], c=MISSING, s=8, label="not told from shuffled labels")
    for up, colour, label in ((True, UP, "higher"), (False, DOWN, "lower")):
        rows = hit & ((direction > 0) == up)
        ax.scatter(direction[rows], height[rows], c=colour, s=14, label=f"{label} ({rows.sum()})")
    ax.axhline(-np.log10(alpha), color=REFERENCE, linewidth=0.8, linestyle="--")
    # Names are stacked above the axes, a line each, the outermost on top and pointing inwards: none meets another.
    named = table[hit].head(_LABELS).sort_values("direction", key=np.abs)
    figure: Any = ax.get_figure(root=True)
    above: Any = blended_transform_factory(ax.transData, ax.transAxes)
    for place, row in enumerate(named.itertuples()):
        line = ScaledTranslation(0, (4 + 9 * place) / 72, figure.dpi_scale_trans)
        ax.annotate(
            f"{row.symbol or row.node} ({row.layer})", (row.direction, -np.log10(row.q)),
            fontsize=7, xytext=(row.direction, 1.0), textcoords=above + line,
            ha="right" if row.direction > 0 else "left", annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": REFERENCE, "linewidth": 0.4, "shrinkA": 0, "relpos": (float(row.direction > 0), 0.0)},
        )  # fmt: skip
    ax.set_xlabel("direction, mean z of the gene's features")
    ax.set_ylabel("false discovery rate, -log10 q")
    ax.set_title(f"Genes and compounds that go with {group}", fontsize=10, pad=14 + 9 * len(named))
    ax.legend(fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return ax


def _group(groups: list[str], group: str | None) -> str:
    if group is None:
        return groups[0]
    check_choice("group", group, groups)
    return group
