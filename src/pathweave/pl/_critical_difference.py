"""Mean ranks of methods over data sets, with Nemenyi's critical difference."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pathweave.pl._style import MISSING, PALETTE, new_axes, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_STEP = 0.32


def critical_difference(
    scores: pd.DataFrame,
    *,
    higher_is_better: bool = True,
    level: float = 0.05,
    ax: Axes | None = None,
) -> Axes:
    """Draw the mean ranks of methods over data sets, and which of them do not differ.

    Parameters
    ----------
    scores
        A score for each data set (rows) and method (columns), such as the means of several reports.
        Methods are ranked within each data set, equal scores share their mean rank.
    higher_is_better
        Whether the highest score has rank 1.
    level
        Probability of a false difference, over all pairs.
    ax
        Axes to draw on.

    Returns
    -------
    The axes; rank 1 is on the left. A bar joins methods whose mean ranks differ by less than the critical
    difference (Nemenyi's test); the title has the p-value of Friedman's test of any difference.

    Raises
    ------
    ValueError
        If a score is missing, or there are fewer than three methods or two data sets.

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
    >>> pw.pl.critical_difference(scores).get_title()
    "Mean ranks over 8 data sets (Friedman's p = ...)"
    """
    from scipy import stats

    _check(scores, level)
    values = scores.to_numpy(dtype=np.float64)
    n, k = values.shape
    ranks = stats.rankdata(-values if higher_is_better else values, axis=1).mean(axis=0)
    width = float(stats.studentized_range.ppf(1 - level, k, np.inf)) / np.sqrt(2)
    width *= float(np.sqrt(k * (k + 1) / (6 * n)))
    equal = (values == values[:, :1]).all()
    p = 1.0 if equal else float(stats.friedmanchisquare(*values.T).pvalue)
    order = np.argsort(ranks, kind="stable")
    ranks, names = ranks[order], [short(str(scores.columns[i]), 30) for i in order]
    bars = _cliques(ranks, width)
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
    ax.set_title(f"Mean ranks over {n} data sets (Friedman's p = {p:.2g})", fontsize=11)
    return ax


def _draw_scale(ax: Axes, k: int, width: float) -> None:
    """The axis of ranks, and above it the length of the critical difference."""
    ax.plot([1, k], [0, 0], color="black", linewidth=1.0)
    for rank in range(1, k + 1):
        ax.plot([rank, rank], [0, 0.08], color="black", linewidth=1.0)
        ax.text(rank, 0.14, str(rank), ha="center", va="bottom", fontsize=9)
    ax.plot([1, 1 + width], [0.72, 0.72], color="black", linewidth=1.4, marker="|", markersize=7)
    ax.text(1, 0.82, f"critical difference {width:.2f}", ha="left", va="bottom", fontsize=9)


def _cliques(ranks: np.ndarray, width: float) -> list[tuple[int, int]]:
    """First and last of the longest runs of sorted ranks that lie within the critical difference."""
    runs: list[tuple[int, int]] = []
    for first in range(len(ranks)):
        last = int(np.searchsorted(ranks, ranks[first] + width, side="left")) - 1
        if last > first and (not runs or last > runs[-1][1]):
            runs.append((first, last))
    return runs


def _check(scores: pd.DataFrame, level: float) -> None:
    if not isinstance(scores, pd.DataFrame):
        msg = f"scores must be a DataFrame (data sets x methods), found {type(scores).__name__}."
        raise TypeError(msg)
    n, k = scores.shape
    if k < 3 or n < 2:
        msg = (
            f"scores has {n} data set(s) and {k} method(s); 2 and 3 are the least. Two methods are compared by "
            "scipy.stats.wilcoxon."
        )
        raise ValueError(msg)
    text = [str(name) for name, kind in scores.dtypes.items() if kind.kind not in "iuf"]
    if text:
        msg = f"scores: columns {text} hold no numbers; data sets belong into the index."
        raise ValueError(msg)
    gone = scores.isna().any(axis=1)
    if gone.any():
        msg = (
            f"scores: data sets {[str(name) for name in scores.index[gone]]} lack a score; ranks need all methods on all "
            "data sets, so drop either."
        )
        raise ValueError(msg)
    if not 0 < level < 1:
        msg = f"level={level!r} must lie between 0 and 1."
        raise ValueError(msg)
