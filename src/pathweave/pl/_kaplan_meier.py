"""Kaplan-Meier curves of groups, with the log-rank test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pathweave.pl._style import PALETTE, tidy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

_NAMES = {2: ("low risk", "high risk"), 3: ("low risk", "middle", "high risk")}
_COLORS = {2: (PALETTE[0], PALETTE[1]), 3: (PALETTE[0], PALETTE[4], PALETTE[1])}


def check_groups(groups: int) -> None:
    """Raise unless there are groups to compare."""
    if not isinstance(groups, (int, np.integer)) or groups < 2:
        msg = f"groups={groups!r}: two groups are the least that can be compared."
        raise ValueError(msg)


def risk_names(groups: int) -> Sequence[str]:
    """Names of risk groups, the lowest first."""
    return _NAMES.get(groups, tuple(f"risk group {g + 1}" for g in range(groups)))


def kaplan_meier(ax: Axes, time: np.ndarray, event: np.ndarray, which: np.ndarray, n: int) -> None:
    """Draw a curve for each of `n` risk groups; ticks mark censored samples."""
    from statsmodels.duration.survfunc import SurvfuncRight

    colors = _COLORS.get(n, PALETTE)
    tidy(ax)
    for g, name in enumerate(risk_names(n)):
        rows = which == g
        curve = SurvfuncRight(time[rows], event[rows])
        x = np.concatenate([[0.0], curve.surv_times, [time[rows].max()]])
        last = curve.surv_prob[-1:] if len(curve.surv_prob) else [1.0]
        s = np.concatenate([[1.0], curve.surv_prob, last])
        label = f"{name}: {rows.sum()} samples, {int(event[rows].sum())} events"
        color = colors[g % len(colors)]
        ax.step(x, s, where="post", color=color, linewidth=1.8, label=label)
        censored = time[rows][event[rows] == 0]
        height = s[np.searchsorted(x[:-1], censored, side="right") - 1]
        ax.plot(censored, height, "|", color=color, markersize=6)
    ax.set_ylim(0, 1.03)
    ax.set_xlim(left=0)
    ax.set_ylabel("fraction without event")


def log_rank(
    time: np.ndarray, event: np.ndarray, which: np.ndarray, strata: np.ndarray | None = None
) -> float:
    """P-value of the log-rank test, within strata if given; NaN where nothing can be compared."""
    from scipy import stats
    from statsmodels.duration.survfunc import survdiff

    if not event.sum():
        return float("nan")
    try:
        statistic = survdiff(time, event, which, strata=strata)[0]
    except np.linalg.LinAlgError:  # no stratum in which two groups were at risk at an event
        return float("nan")
    return float(stats.chi2.sf(statistic, len(np.unique(which)) - 1))


def told_p(p: float) -> str:
    """Spell a p-value."""
    if np.isnan(p):
        return "no test"
    return f"p = {p:.2g}" if p >= 1e-4 else "p < 0.0001"
