"""Kaplan-Meier curves of test samples, grouped by the risk that was predicted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pathweave.pl._kaplan_meier import check_groups, kaplan_meier, log_rank, told_p
from pathweave.pl._reports import check_report, choose_one, once, told_score
from pathweave.pl._style import legend_outside, new_axes, short

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


def survival_by_risk(
    report: Any, method: str | None = None, *, groups: int = 2, ax: Axes | None = None
) -> Axes:
    """Draw Kaplan-Meier curves of test samples by predicted risk, with the log-rank test.

    Risks of different fits are not comparable, so the groups are formed within the test part of each
    split: its samples of lowest risk, of highest risk. Samples of equal risk stay together, and a
    split of one risk only is left out. One repeat is drawn, so that each sample counts once.

    Parameters
    ----------
    report
        What `pathweave.evaluate.cross_validate` or `validate` returned, for survival.
    method
        Which one; by default the best model, or the best baseline where there is no model.
    groups
        Number of equally large risk groups.
    ax
        Axes to draw on.

    Returns
    -------
    The axes; the legend tells samples and events, ticks mark censored samples. The log-rank test is
    stratified by split.

    Raises
    ------
    ValueError
        If the outcome is not survival, there are too few samples, or the risks do not tell them apart.

    Notes
    -----
    Fits of a cross-validation share training samples, so the p-value is a description and no exact test;
    with a second cohort (`pathweave.evaluate.validate`) it is one.

    References
    ----------
    Simon, Subramanian, Li and Menezes, Using cross-validation to evaluate predictive accuracy of survival
    risk classifiers, Briefings in Bioinformatics 12 (2011).

    Examples
    --------
    >>> import matplotlib, pathweave as pw
    >>> matplotlib.use("agg")
    >>> mdata = pw.datasets.simulate(60, seed=1)
    >>> report = pw.evaluate.cross_validate(
    ...     mdata,
    ...     survival=("time", "event"),
    ...     models=[],
    ...     baselines=["cox_ridge"],
    ...     n_folds=3,
    ...     n_jobs=1,
    ... )
    >>> len(pw.pl.survival_by_risk(report).get_legend().get_texts())
    2
    """
    check_report(report, "survival_by_risk", "survival")
    check_groups(groups)
    name = choose_one(report, method)
    rows = once(report, name)
    rows = rows[rows.groupby("fold")["sample"].transform("size") >= groups]
    told_apart = rows.groupby("fold")["risk"].transform("nunique") > 1
    rows = rows[told_apart] if told_apart.any() else rows
    if len(rows) < 2 * groups:
        msg = (
            f"groups={groups!r}: the splits test too few samples; take fewer groups or fewer folds."
        )
        raise ValueError(msg)
    which = _groups(rows, groups)
    if len(np.unique(which)) < groups:
        msg = f"method {name!r} gives too many samples the same risk to form {groups} groups."
        raise ValueError(msg)
    time, event = rows["time"].to_numpy(float), rows["event"].to_numpy(int)
    ax = new_axes(ax, width=8.2, height=4.4)
    kaplan_meier(ax, time, event, which, groups)
    split = rows["fold"].to_numpy()
    p = told_p(log_rank(time, event, which, split if len(np.unique(split)) > 1 else None))
    ax.set_xlabel(str(report.targets[0]))
    ax.set_title(
        f"{short(name, 36)}: survival by predicted risk\nlog-rank {p}, C-index {told_score(report, name, 'c_index')}",
        fontsize=10,
    )
    legend_outside(ax, fontsize=9)
    return ax


def _groups(rows: pd.DataFrame, groups: int) -> np.ndarray:
    """Risk group of every sample among the samples of its split, by mean rank."""
    risk = rows.groupby("fold")["risk"]
    share = (risk.rank(method="average") - 0.5) / risk.transform("size")
    return np.minimum((share * groups).to_numpy().astype(int), groups - 1)
