"""Attributions sample by sample: one swarm of points a feature, coloured by its value."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pathweave import get
from pathweave._core.checks import check_choice
from pathweave.pl._style import DIVERGING, MISSING, new_axes, short, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from mudata import MuData

_BINS = 60


def swarm(
    mdata: MuData,
    *,
    group: str | None = None,
    layer: str | None = None,
    n_top: int = 15,
    ax: Axes | None = None,
) -> Axes:
    """Draw the attribution of the strongest features in every sample, as SHAP's beeswarm does.

    Parameters
    ----------
    mdata
        MuData with ``pathweave.tl.attribute(..., keep_samples=True)``.
    group
        Samples of this group; by default all where one output is explained, and the first where each group has its own.
    layer
        Features of this layer; of all by default.
    n_top
        Number of features, by mean absolute attribution.
    ax
        Axes to draw on.

    Returns
    -------
    The axes. A point is a sample: its place along x the attribution, its colour whether the feature is high (red) or low
    (blue) in it, in standard deviations of the samples shown; what was not measured is left out.

    References
    ----------
    The form of the plot: Lundberg et al., Nature Machine Intelligence 2 (2020), figure 4.

    Examples
    --------
    >>> import matplotlib, pathweave as pw
    >>> matplotlib.use("agg")
    >>> mdata = pw.datasets.simulate(60, seed=1)
    >>> model = pw.models.PathwayVAE(8, max_epochs=3, n_folds=3).fit(mdata, target="class")
    >>> pw.tl.attribute(mdata, model, n_steps=8, keep_samples=True)
    >>> len(pw.pl.swarm(mdata, n_top=5).get_yticks())
    5
    """
    params = get.attributions(mdata, level="layer").attrs["params"]
    groups = list(dict.fromkeys(get.attributions(mdata, level="layer")["group"]))
    own_output = params["task"] in ("class", "latent", "distance")
    if group is None and own_output and len(groups) > 1:
        group = groups[0]  # every group explains an output of its own
    if group is not None:
        check_choice("group", group, groups)
    table = get.sample_attributions(mdata, level="feature", group=group)
    if layer is not None:
        check_choice("layer", layer, list(dict.fromkeys(table.columns.get_level_values(0))))
        table = table.loc[:, table.columns.get_level_values(0) == layer]
    strength = table.abs().mean().to_numpy()
    best = np.argsort(-strength, kind="stable")[:n_top]
    ax = tidy(new_axes(ax, width=7.0, height=1.1 + 0.3 * len(best)))
    ax.axvline(0.0, color="#888888", linewidth=0.8, zorder=0)
    drawn = None
    for row, position in enumerate(best):
        of, feature = table.columns[position]
        z = _standardised(mdata, of, feature, table.index)
        x = table.iloc[:, position].to_numpy(dtype=float)
        shown = ~np.isnan(z)
        y = len(best) - 1 - row + _spread(x[shown], float(np.abs(table.iloc[:, best]).max().max()))
        drawn = ax.scatter(
            x[shown], y, c=z[shown], cmap=DIVERGING, vmin=-2, vmax=2, s=14, edgecolors=MISSING, linewidths=0.3, zorder=3,
        )  # fmt: skip
    names = [f"{short(table.columns[p][1], 30)}  ({table.columns[p][0]})" for p in best]
    ax.set_yticks(np.arange(len(best))[::-1], names, fontsize=8)
    ax.set_ylim(-0.7, len(best) - 0.3)
    ax.set_xlabel(f"attribution ({params.get('unit', 'output')})")
    what = "all groups" if group is None and len(groups) > 1 else str(group or groups[0])
    ax.set_title(f"What moved each sample: {what}")
    figure = ax.get_figure()
    if drawn is not None and figure is not None:
        bar = figure.colorbar(drawn, ax=ax, shrink=0.6, pad=0.02, extend="both")
        bar.set_label("value of the feature (standard deviations)", fontsize=8)
        bar.ax.tick_params(labelsize=8)
    return ax


def _standardised(mdata: MuData, layer: str, feature: str, samples: pd.Index) -> np.ndarray:
    if layer not in mdata.mod or feature not in mdata.mod[layer].var_names:
        return np.zeros(
            len(samples)
        )  # a feature made from another one, such as an earlier sample's
    column = mdata.mod[layer][:, feature]
    x = column.X.toarray() if hasattr(column.X, "toarray") else np.asarray(column.X)
    values = pd.Series(np.asarray(x, dtype=float).ravel(), index=column.obs_names).reindex(samples)
    spread = values.std()
    return ((values - values.mean()) / (spread if spread > 0 else 1.0)).to_numpy()


def _spread(x: np.ndarray, extent: float) -> np.ndarray:
    """Heights that set points apart where many have the same place, in [-0.4, 0.4]."""
    if not len(x):
        return x
    bins = np.round(x / max(extent, 1e-12) * _BINS).astype(int)
    order = pd.Series(bins).groupby(bins).cumcount().to_numpy()
    step = np.where(order % 2 == 0, 1, -1) * ((order + 1) // 2)
    most = max(int(np.abs(step).max()), 6)
    return np.asarray(0.4 * step / most)
