"""Mean ranks of methods over data sets, with Nemenyi's critical difference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pathweave.pl._style import MISSING, PALETTE, new_axes, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_STEP = 0.32


def critical_difference(found: Any, *, ax: Axes | None = None) -> Axes:
    """Draw the mean ranks of methods over data sets, and which of them are not told apart.

    Parameters
    ----------
    found
        What `pathweave.evaluate.critical_difference` returned.
    ax
        Axes to draw on.

    Returns
    -------
    The axes; rank 1 is on the left. A bar joins methods whose mean ranks differ by less than the critical
    difference (Nemenyi's test); the title has the p-value of Friedman's test of any difference.

    Raises
    ------
    TypeError
        If `found` is something else, such as the table of scores itself.

    References
    ----------
    Demsar, Statistical comparisons of classifiers over multiple data sets, JMLR 7 (2006), section 3.2.2.

    Examples
    --------
    >>> import matplotlib, numpy as np, pandas as pd, pathweave as pw
    >>> matplotlib.use("agg")
    >>> scores = pd.DataFrame(
    ...     np.random.default_rng(0).random((8, 3)), columns=["ridge", "forest", "kNN"]
    ... )
    >>> pw.pl.critical_difference(pw.evaluate.critical_difference(scores)).get_title()
    "Mean ranks over 8 data sets (Friedman's p = ...)"
    """
    if not hasattr(found, "ranks") or not hasattr(found, "cd"):
        msg = f"found must be what pathweave.evaluate.critical_difference(table) returned, found {type(found).__name__}."
        raise TypeError(msg)
    ranks, width = found.ranks.to_numpy(), float(found.cd)
    labels = [str(label) for label in found.ranks.index]
    k = len(ranks)
    bars = [(labels.index(run[0]), labels.index(run[-1])) for run in found.cliques]
    names = [short(label, 30) for label in labels]
    rows = (k + 1) // 2
    letters = max(map(len, names[:rows])) + max(map(len, names[rows:]))
    ax = new_axes(ax, width=5.0 + 0.09 * letters, height=1.5 + 0.3 * rows + 0.12 * len(bars))
    _draw_scale(ax, k, width)
    below = -0.25
    for first, last in bars:
        ax.plot(
            [ranks[first] - 0.04, ranks[last] + 0.04], [below, below], color="black", linewidth=3.2,
            solid_capstyle="butt",
        )  # fmt: skip
        below -= 0.16
    for i, (rank, name) in enumerate(zip(ranks, names, strict=True)):
        left = i < rows
        y = below - 0.12 - _STEP * (i if left else k - 1 - i)
        edge = 0.85 if left else k + 0.15
        ax.plot([rank, rank, edge], [0, y, y], color=MISSING, linewidth=1.0, zorder=0)
        ax.plot([rank], [0], "o", color=PALETTE[0], markersize=4)
        text = f"{name}  {rank:.2f}" if left else f"{rank:.2f}  {name}"
        ax.text(
            edge + (-0.04 if left else 0.04),
            y,
            text,
            ha="right" if left else "left",
            va="center",
            fontsize=9,
        )
    ax.set_ylim(below - 0.12 - _STEP * rows, 1.1)
    ax.set_xlim(1 - 0.2, max(k, 1 + width) + 0.2)
    ax.set_axis_off()
    ax.set_title(
        f"Mean ranks over {found.n} data sets (Friedman's p = {found.p_friedman:.2g})", fontsize=11
    )
    return ax


def _draw_scale(ax: Axes, k: int, width: float) -> None:
    """The axis of ranks, and above it the length of the critical difference."""
    ax.plot([1, k], [0, 0], color="black", linewidth=1.0)
    for rank in range(1, k + 1):
        ax.plot([rank, rank], [0, 0.08], color="black", linewidth=1.0)
        ax.text(rank, 0.14, str(rank), ha="center", va="bottom", fontsize=9)
    ax.plot([1, 1 + width], [0.72, 0.72], color="black", linewidth=1.4, marker="|", markersize=7)
    ax.text(1, 0.82, f"critical difference {width:.2f}", ha="left", va="bottom", fontsize=9)
