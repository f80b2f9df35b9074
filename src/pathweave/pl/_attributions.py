"""Genes, features and layers that made a result."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from pathweave import get
from pathweave._core.checks import check_choice
from pathweave.pl._style import (
    DIVERGING,
    PALETTE,
    direction_bar,
    legend_outside,
    new_axes,
    short,
    tidy,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from mudata import MuData

_UNITS = {
    "class": "log odds",
    "survival": "log hazard",
    "number": "units of the target",
    "latent": "units of the latent",
}


def attributions(
    mdata: MuData,
    *,
    level: Literal["feature", "gene", "layer"] = "gene",
    group: str | None = None,
    n_top: int = 20,
    ax: Axes | None = None,
) -> Axes:
    """Draw what weighed most: bars of mean absolute attribution.

    Parameters
    ----------
    mdata
        MuData with attributions (`pathweave.tl.attribute`).
    level
        ``"gene"``, ``"feature"`` (one bar each, coloured by direction: red where high values raise the
        output, blue where they lower it), or ``"layer"`` (shares of every group, stacked).
    group
        Group to show; the first by default. All groups are shown at the level of layers.
    n_top
        Number of bars.
    ax
        Axes to draw on.

    Returns
    -------
    The axes. Whiskers are standard errors over the replicates of the fit.

    Examples
    --------
    >>> import matplotlib, pathweave as pw
    >>> matplotlib.use("agg")
    >>> mdata = pw.datasets.simulate(60, seed=1)
    >>> model = pw.models.PathwayVAE(8, max_epochs=3, n_folds=3).fit(mdata, target="class")
    >>> pw.tl.attribute(mdata, model, n_steps=8)
    >>> len(pw.pl.attributions(mdata, level="feature", n_top=5).patches)
    5
    """
    check_choice("level", level, ("feature", "gene", "layer"))
    table = get.attributions(mdata, level=level)
    if table.empty:
        msg = (
            f"there are no attributions per {level}: the model was fitted without a graph, or the method of "
            "tl.attribute explains other units."
        )
        raise ValueError(msg)
    params = table.attrs.get("params", {})
    unit = params.get("unit") or _UNITS.get(str(params.get("task")), "output")
    if level == "layer":
        return _shares(table, ax)
    groups = list(dict.fromkeys(table["group"]))
    chosen = groups[0] if group is None else group
    check_choice("group", chosen, groups)
    top = table[table["group"] == chosen].nsmallest(n_top, "rank")
    return _bars(top, str(chosen), unit, level, new_axes(ax, height=0.6 + 0.24 * len(top)))


def _bars(top: pd.DataFrame, group: str, unit: str, level: str, ax: Axes) -> Axes:
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    if level == "gene":
        label = top["symbol"].where(top["symbol"].astype(str).str.len() > 0, top["node"])
    else:
        label = top["feature"].astype(str) + "  (" + top["layer"].astype(str) + ")"
    scale = ScalarMappable(Normalize(-1, 1), colormaps[DIVERGING])
    y = np.arange(len(top))[::-1]
    error = top["se"].to_numpy(dtype=float)
    ax.barh(
        y,
        top["importance"],
        color=scale.to_rgba(top["direction"].to_numpy(dtype=float)),
        edgecolor="#444444",
        linewidth=0.4,
        xerr=np.nan_to_num(error) if np.isfinite(error).any() else None,
        error_kw={"elinewidth": 0.8, "ecolor": "#222222"},
    )
    ax.set_yticks(y, [short(name, 40) for name in label], fontsize=8)
    ax.set_ylim(-0.6, len(top) - 0.4)
    ax.set_xlabel(f"mean |attribution| ({unit})")
    ax.set_title(f"{level.capitalize()}s behind {group}")
    direction_bar(ax, scale)
    return tidy(ax)


def _shares(table: pd.DataFrame, ax: Axes | None) -> Axes:
    shares = table.pivot_table(
        index="group", columns="layer", values="share", sort=False, observed=True
    )
    shares = shares[shares.mean().sort_values(ascending=False).index]
    ax = tidy(new_axes(ax, height=0.9 + 0.4 * len(shares)))
    left = np.zeros(len(shares))
    y = np.arange(len(shares))[::-1]
    for i, layer in enumerate(shares.columns):
        width = shares[layer].fillna(0.0).to_numpy() * 100
        ax.barh(y, width, left=left, color=PALETTE[i % len(PALETTE)], label=str(layer), height=0.7)
        for x, w, row in zip(left, width, y, strict=True):
            if w >= 7:
                ax.text(
                    x + w / 2, row, f"{w:.0f}", ha="center", va="center", color="white", fontsize=8
                )
        left += width
    ax.set_yticks(y, [short(str(g), 30) for g in shares.index])
    ax.set_xlim(0, 100)
    ax.set_xlabel("share of all attribution (%)")
    ax.set_title("What each layer contributed")
    legend_outside(ax, fontsize=8)
    return ax
