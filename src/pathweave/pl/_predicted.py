"""Predicted numbers against the truth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pathweave._core.checks import check_choice
from pathweave.pl._reports import check_report, choose_one, colors_of, once, told, told_score
from pathweave.pl._style import REFERENCE, new_axes, short, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def predicted(
    report: Any, target: str | None = None, method: str | None = None, *, ax: Axes | None = None
) -> Axes:
    """Draw what was predicted for test samples against what was measured.

    Parameters
    ----------
    report
        What `pathweave.evaluate.cross_validate` or `validate` returned, for numbers.
    target
        Which of ``report.targets``; the first by default.
    method
        Which one; by default the best model, or the best baseline where there is no model.
    ax
        Axes to draw on.

    Returns
    -------
    The axes; a dot is a test sample of one repeat, the dotted line a perfect prediction. The title has
    Pearson's r, averaged over all splits.

    Raises
    ------
    ValueError
        If the outcome is not a number.

    Examples
    --------
    >>> import matplotlib, pathweave as pw
    >>> matplotlib.use("agg")
    >>> mdata = pw.datasets.simulate(60, seed=1)
    >>> report = pw.evaluate.cross_validate(
    ...     mdata, target="outcome", models=[], baselines=["ridge"], n_folds=3, n_jobs=1
    ... )
    >>> pw.pl.predicted(report).get_xlabel()
    'outcome, measured'
    """
    check_report(report, "predicted", "number")
    targets = [str(name) for name in report.targets]
    chosen = targets[0] if target is None else target
    check_choice("target", chosen, targets)
    name = choose_one(report, method)
    rows = once(report, name)
    rows = rows[rows["target"] == chosen]
    truth, prediction = rows["truth"].to_numpy(float), rows["prediction"].to_numpy(float)
    ax = tidy(new_axes(ax, width=4.8, height=4.8))
    alpha = float(np.clip(120 / max(len(rows), 1), 0.25, 0.85))
    color = colors_of(report, [name])[name]
    ax.scatter(truth, prediction, s=18, color=color, alpha=alpha, linewidth=0)
    ends = [min(truth.min(), prediction.min()), max(truth.max(), prediction.max())]
    ax.plot(ends, ends, color=REFERENCE, linewidth=1.0, linestyle=":", zorder=0)
    ax.set_aspect("equal", adjustable="datalim")
    ax.set_xlabel(f"{short(chosen, 36)}, measured")
    ax.set_ylabel(f"{short(chosen, 36)}, predicted")
    if len(targets) == 1:
        r = told_score(report, name, "pearson")
    else:
        r = told(float(report.per_target("pearson").loc[chosen, name]), np.nan, np.nan)
    ax.set_title(f"{short(name, 36)}: {len(rows)} test samples\nr = {r}", fontsize=10)
    return ax
