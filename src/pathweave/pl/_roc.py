"""ROC curves of an evaluation, averaged over its splits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pathweave._core.intervals import interval
from pathweave.pl._reports import (
    PROBA,
    against,
    check_report,
    choose,
    colors_of,
    splits,
    told,
    told_score,
    two_classes,
    with_proba,
)
from pathweave.pl._style import REFERENCE, legend_outside, new_axes, short, tidy

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from matplotlib.axes import Axes

_GRID = np.linspace(0.0, 1.0, 201)


def roc(
    report: Any,
    *,
    methods: Sequence[str] | str | None = None,
    positive: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the ROC curve of methods, averaged over the splits.

    Probabilities of different fits are not compared: each split has a curve of its own, and their
    true-positive rates are averaged at fixed false-positive rates.

    Parameters
    ----------
    report
        What `pathweave.evaluate.cross_validate` or `validate` returned, for classes.
    methods
        Which ones; by default the best model, the best baseline and shuffled labels.
    positive
        Class to be told from the rest. By default the second of two; of more classes, each in turn is
        told from the rest and the curves are averaged.
    ax
        Axes to draw on.

    Returns
    -------
    The axes; a band is one standard deviation over the splits to each side, the legend has the mean area
    under the curve with its 95 % interval, as ``report.summary("auroc")``.

    Raises
    ------
    ValueError
        If the outcome is not a class, or a method gave no probabilities.

    References
    ----------
    Vertical averaging: Fawcett, An introduction to ROC analysis, Pattern Recognition Letters 27 (2006),
    section 8.

    Examples
    --------
    >>> import matplotlib, pathweave as pw
    >>> matplotlib.use("agg")
    >>> mdata = pw.datasets.simulate(60, seed=1)
    >>> report = pw.evaluate.cross_validate(
    ...     mdata, target="class", models=[], baselines=["knn", "majority"], n_folds=3, n_jobs=1
    ... )
    >>> len(pw.pl.roc(report).get_legend().get_texts())
    1
    """
    check_report(report, "roc", "class")
    names = choose(report, methods, usable=with_proba(report))
    chosen = two_classes(report, positive)
    classes = [str(name) for name in report.classes] if chosen is None else [chosen]
    ax = tidy(new_axes(ax, width=7.4, height=4.6))
    most = 0
    for name, color in colors_of(report, names).items():
        null = report.methods.loc[name, "kind"] == "null"
        curves, areas, sizes = _curves(report, name, classes)
        if len(report.classes) > 2 and chosen is not None:
            area = told(*interval(areas, *sizes.T))
        else:
            area = told_score(report, name, "auroc")
        mean = curves.mean(axis=0)
        ax.plot(
            _GRID, mean, color=color, linewidth=1.8, linestyle="--" if null else "-",
            label=f"{short(name, 32)}\nAUROC {area}",
        )  # fmt: skip
        if len(curves) > 1:
            spread = curves.std(axis=0, ddof=1)
            low, high = np.clip(mean - spread, 0, 1), np.clip(mean + spread, 0, 1)
            ax.fill_between(_GRID, low, high, color=color, alpha=0.13, linewidth=0)
        most = max(most, len(curves))
    ax.plot([0, 1], [0, 1], color=REFERENCE, linewidth=1.0, linestyle=":", zorder=0)
    ax.set(xlim=(-0.01, 1.0), ylim=(0.0, 1.01), aspect="equal")
    ax.set_xlabel("false-positive rate")
    ax.set_ylabel("true-positive rate")
    what = "each class against the rest" if chosen is None else against(report, chosen)
    ax.set_title(f"ROC, {what} ({splits(most)})", fontsize=11)
    legend_outside(ax, fontsize=9, labelspacing=0.9)
    return ax


def _curves(
    report: Any, method: str, classes: list[str]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Curves (n_splits, n_grid), areas and (training, test) samples of the splits that have a curve."""
    part = report.predictions[report.predictions["method"] == method]
    curves, areas, sizes = [], [], []
    for (repeat, fold), rows in part.groupby(["repeat", "fold"], sort=False):
        found = [curve for name in classes if (curve := _curve(rows, name)) is not None]
        if found:
            curves.append(np.mean([curve for curve, _ in found], axis=0))
            areas.append(np.mean([area for _, area in found]))
            sizes.append((len(report.trains[int(repeat), int(fold)]), len(rows)))
    if not curves:
        msg = f"report: no split of {method!r} tests samples of {' or '.join(classes)} and others; ROC is not defined."
        raise ValueError(msg)
    return np.array(curves), np.array(areas), np.array(sizes)


def _curve(rows: pd.DataFrame, positive: str) -> tuple[np.ndarray, float] | None:
    from sklearn.metrics import auc, roc_curve

    truth = (rows["truth"].astype(str) == positive).to_numpy()
    if truth.all() or not truth.any():
        return None
    false, true, _ = roc_curve(truth, rows[PROBA + positive], drop_intermediate=False)
    curve = np.interp(_GRID, false, true)
    curve[0] = 0.0
    return curve, float(auc(false, true))
