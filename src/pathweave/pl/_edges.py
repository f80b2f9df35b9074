"""Edges of the graph that a model uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pathweave import get
from pathweave._core.checks import check_choice
from pathweave.pl._style import PALETTE, legend_outside, new_axes, short, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from mudata import MuData


def edges(
    mdata: MuData, *, group: str | None = None, n_top: int = 20, ax: Axes | None = None
) -> Axes:
    """Draw the edges that weighed most: bars of mean attribution, right where neighbours raise the output.

    Parameters
    ----------
    mdata
        MuData with attributions of edges (`pathweave.tl.edges`).
    group
        Group to show; the first by default.
    n_top
        Number of bars: those with the largest mean absolute attribution.
    ax
        Axes to draw on.

    Returns
    -------
    The axes. Colours are relations; a dot marks the mean absolute attribution, by which edges are
    ordered; whiskers are standard errors over the replicates of the fit.

    Examples
    --------
    >>> import matplotlib, pathweave as pw
    >>> matplotlib.use("agg")
    >>> mdata = pw.datasets.simulate(60, seed=1)
    >>> model = pw.models.PathwayVAE(8, max_epochs=3, n_folds=3)
    >>> pw.tl.edges(mdata, model.fit(mdata, pw.graph.reactome(), target="class"), max_samples=5)
    >>> len(pw.pl.edges(mdata, n_top=5).patches)
    5
    """
    table = get.edges(mdata)
    params = table.attrs["params"]
    groups = list(dict.fromkeys(table["group"]))
    chosen = groups[0] if group is None else group
    check_choice("group", chosen, groups)
    top = table[table["group"] == chosen].nsmallest(n_top, "rank")
    ax = new_axes(ax, height=0.9 + 0.24 * len(top))
    relations = list(dict.fromkeys(table["relation"]))
    colour = {name: PALETTE[i % len(PALETTE)] for i, name in enumerate(relations)}
    y = np.arange(len(top))[::-1]
    error = top["se"].to_numpy(dtype=float)
    ax.barh(
        y,
        top["value"],
        color=[colour[name] for name in top["relation"]],
        xerr=np.nan_to_num(error) if np.isfinite(error).any() else None,
        error_kw={"elinewidth": 0.8, "ecolor": "#222222"},
    )
    ax.plot(top["importance"], y, "o", color="#222222", markersize=3, linestyle="none")
    ax.axvline(0, color="#444444", linewidth=0.6)
    names = [
        f"{short(a, 18)} → {short(b, 18)}  ({layer})"
        for a, b, layer in zip(top["source_symbol"], top["target_symbol"], top["layer"], strict=True)
    ]  # fmt: skip
    ax.set_yticks(y, names, fontsize=8)
    ax.set_ylim(-0.6, len(top) - 0.4)
    ax.set_xlabel(f"attribution ({params.get('unit', 'output')}); dots: mean absolute")
    share = params.get("along_edges")
    told = "" if share is None else f"\n{share:.1%} of the output's way leads along edges"
    ax.set_title(f"Edges behind {chosen}{told}", fontsize=10)
    shown = [name for name in relations if name in set(top["relation"])]
    for name in shown:
        ax.barh([], [], color=colour[name], label=name.replace("_", " "))
    legend_outside(ax, title="relation")
    return tidy(ax)
