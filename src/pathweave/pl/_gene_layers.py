"""Genes by group and layer: whether it is the methylation or the expression of a gene."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from pathweave import get
from pathweave._core.checks import check_choice
from pathweave.pl._style import DIVERGING, MISSING, new_axes, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from mudata import MuData


def gene_layers(
    mdata: MuData,
    *,
    n_top: int = 20,
    value: Literal["value", "importance"] = "value",
    ax: Axes | None = None,
) -> Axes:
    """Draw a heat map of genes against groups, the layers of each group side by side.

    Parameters
    ----------
    mdata
        MuData with attributions per value (`pathweave.tl.attribute`) of a model with a graph.
    n_top
        Number of genes: those with the largest importance in any group and layer.
    value
        ``"value"``, signed (red raises the output, blue lowers it, in the mean of the group), or ``"importance"``.
    ax
        Axes to draw on.

    Returns
    -------
    The axes. Grey is a gene that the layer does not measure.

    Examples
    --------
    >>> import matplotlib, pathweave as pw
    >>> matplotlib.use("agg")
    >>> mdata = pw.datasets.simulate(60, seed=1)
    >>> model = pw.models.PathwayVAE(8, max_epochs=3, n_folds=3)
    >>> model = model.fit(mdata, pw.graph.reactome(), target="class")
    >>> pw.tl.attribute(mdata, model, n_steps=8)
    >>> len(pw.pl.gene_layers(mdata, n_top=6).get_yticks())
    6
    """
    check_choice("value", value, ("value", "importance"))
    table = get.attributions(mdata, level="gene_layer")
    if table.empty:
        msg = (
            "there are no attributions of genes by layer: fit with a graph, and use a method that explains single values, "
            "such as 'integrated_gradients'."
        )
        raise ValueError(msg)
    unit = table.attrs["params"].get("unit", "output")
    best = table.groupby("node", sort=False)["importance"].max().nlargest(n_top).index
    part = table[table["node"].isin(best)]
    groups = list(dict.fromkeys(table["group"]))
    layers = list(dict.fromkeys(part.sort_values("layer")["layer"]))
    wide = part.pivot_table(
        index="node", columns=["group", "layer"], values=value, observed=True
    ).reindex(index=best, columns=[(g, layer) for g in groups for layer in layers])
    values = wide.to_numpy(dtype=float)
    most = float(np.nanmax(np.abs(values))) or 1.0
    width = 3.2 + 0.32 * values.shape[1]
    ax = new_axes(ax, width=max(width, 5.0), height=1.6 + 0.24 * len(best))
    ax.set_facecolor(MISSING)
    signed = value == "value"
    drawn = ax.imshow(
        np.ma.masked_invalid(values),
        aspect="auto",
        cmap=DIVERGING if signed else "viridis",
        vmin=-most if signed else 0.0,
        vmax=most,
        interpolation="none",
    )
    symbol = part.drop_duplicates("node").set_index("node")["symbol"]
    ax.set_yticks(range(len(best)), [short(symbol[n] or n, 24) for n in best], fontsize=8)
    ax.set_xticks(range(values.shape[1]), layers * len(groups), rotation=90, fontsize=8)
    for i, name in enumerate(groups):
        middle = (i + 0.5) * len(layers) - 0.5
        ax.text(middle, -0.8, short(str(name), 16), ha="center", va="bottom", fontsize=9)
        if i:
            ax.axvline(i * len(layers) - 0.5, color="white", linewidth=2.5)
    ax.set_title("Genes by group and layer (grey: not measured)", pad=24, fontsize=11)
    figure = ax.get_figure()
    if figure is not None:
        bar = figure.colorbar(drawn, ax=ax, shrink=0.7, pad=0.02)
        bar.set_label(
            f"mean {'' if signed else '|'}attribution{'' if signed else '|'} ({unit})", fontsize=8
        )
        bar.ax.tick_params(labelsize=8)
    return ax
