"""Scores of an evaluation with their intervals, one row a method."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pathweave.pl._reports import COLORS, check_report, splits
from pathweave.pl._style import MISSING, legend_outside, new_axes, short, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def scores(report: Any, *, metric: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw the score of every method with its 95 % interval, best on top.

    Parameters
    ----------
    report
        What `pathweave.evaluate.cross_validate` or `validate` returned.
    metric
        One of ``report.metrics``; the primary one by default.
    ax
        Axes to draw on.

    Returns
    -------
    The axes; a dot is the mean over the splits, a line its interval, a colour the kind of method.

    Examples
    --------
    >>> import matplotlib, pathweave as pw
    >>> matplotlib.use("agg")
    >>> mdata = pw.datasets.simulate(60, seed=1)
    >>> report = pw.evaluate.cross_validate(
    ...     mdata, target="class", models=[], baselines=["knn", "majority"], n_folds=3, n_jobs=1
    ... )
    >>> len(pw.pl.scores(report).get_yticks())
    2
    """
    check_report(report, "scores")
    table = report.summary(metric)
    ax = tidy(new_axes(ax, width=7.0, height=1.2 + 0.3 * len(table)))
    for kind, color in COLORS.items():
        rows = [i for i, k in enumerate(table["kind"]) if k == kind]
        if not rows:
            continue
        part = table.iloc[rows]
        ax.hlines(rows, part["low"], part["high"], color=color, linewidth=1.8)
        ax.plot(part["mean"], rows, "o", color=color, markersize=6, label=kind)
    best = float(table["mean"].iloc[0])
    ax.axvline(best, color=MISSING, linewidth=0.8, linestyle="--", zorder=0)
    ax.set_yticks(range(len(table)), [short(str(name)) for name in table.index], fontsize=9)
    ax.set_ylim(len(table) - 0.5, -0.5)
    ax.set_xlabel(f"{table.attrs['metric']} ({splits(int(table['n'].max()))}, 95 % interval)")
    legend_outside(ax, fontsize=9)
    return ax
