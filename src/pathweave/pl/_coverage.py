"""How much of each layer lies on a graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pathweave.pl._style import MISSING, PALETTE, legend_outside, new_axes, tidy

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

COLUMNS = ("n_features", "n_mapped", "n_in_pathway")


def coverage(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw the share of each layer's features in a pathway, on the graph alone, and not on it.

    Parameters
    ----------
    table
        What `pathweave.graph.coverage` returned.
    ax
        Axes to draw on.

    Returns
    -------
    The axes.

    Examples
    --------
    >>> import matplotlib, pathweave as pw
    >>> matplotlib.use("agg")
    >>> table = pw.graph.coverage(pw.datasets.miniacc(), pw.graph.reactome())
    >>> [text.get_text() for text in pw.pl.coverage(table).get_yticklabels()][0]
    'rna (198)'
    """
    missing = [column for column in COLUMNS if column not in table]
    if missing or table.empty:
        msg = f"table must be what pathweave.graph.coverage returned; it lacks {missing or 'rows'}."
        raise ValueError(msg)
    ax = tidy(new_axes(ax, width=7.0, height=1.0 + 0.4 * len(table)))
    total, mapped, inside = (table[column].to_numpy(float) for column in COLUMNS)
    y = np.arange(len(table))[::-1]
    left = np.zeros(len(table))
    for label, count, color in (
        ("in a pathway", inside, PALETTE[0]),
        ("on the graph alone", mapped - inside, PALETTE[5]),
        ("not on the graph", total - mapped, MISSING),
    ):
        width = 100 * count / total
        ax.barh(y, width, left=left, color=color, height=0.65, label=label)
        left = left + width
    for row, share in zip(y, mapped / total, strict=True):
        ax.text(101, row, f"{share:.0%}", va="center", fontsize=8)
    names = [f"{layer} ({n:,.0f})" for layer, n in zip(table.index, total, strict=True)]
    ax.set_yticks(y, names)
    ax.set_xlim(0, 112)
    ax.set_xticks(range(0, 101, 25))
    ax.set_xlabel("features (%)")
    ax.set_title("Found on the graph")
    legend_outside(ax)
    return ax
