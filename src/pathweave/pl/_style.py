"""Colours and small layout helpers shared by all plots."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PALETTE = (
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7F3C8D", "#8C6D31", "#4B4B8F",
    "#A5AA99", "#00868B", "#B2182B", "#5F9E3F", "#F0A1A8", "#3969AC", "#80BA5A", "#CF1C90", "#666666",
)  # fmt: skip
"""Okabe and Ito's colours (safe for colour-blind readers), then further ones for many groups."""

UP, DOWN, MISSING, REFERENCE = "#B2182B", "#2166AC", "#C8C8C8", "#8A8A8A"
DIVERGING = "RdBu_r"


def new_axes(ax: Axes | None, *, width: float = 6.0, height: float = 4.5) -> Axes:
    """Return `ax`, or the axes of a new figure."""
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=(width, height), layout="constrained")[1]


def tidy(ax: Axes) -> Axes:
    """Take away the frame's upper and right side."""
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def legend_outside(ax: Axes, **options: Any) -> None:
    """Put the legend to the right of the axes, where it hides nothing."""
    options = {"loc": "upper left", "bbox_to_anchor": (1.01, 1.0), "frameon": False, **options}
    ax.legend(**options)


def short(text: str, width: int = 48) -> str:
    """Cut a long name at a word; a dollar sign begins no formula."""
    return textwrap.shorten(str(text), width=width, placeholder=" ...").replace("$", r"\$")


def direction_bar(ax: Axes, mappable: Any) -> None:
    """Add the colour scale of a direction."""
    figure = ax.get_figure()
    if figure is None:
        return
    bar = figure.colorbar(mappable, ax=ax, shrink=0.6, pad=0.02)
    bar.set_label("high values: lower  |  raise the output", fontsize=8)
    bar.ax.tick_params(labelsize=8)
    bar.outline.set_visible(False)
