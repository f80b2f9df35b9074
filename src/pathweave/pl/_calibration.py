"""Whether predicted probabilities come true."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pathweave.pl._reports import (
    PROBA,
    check_report,
    choose,
    colors_of,
    once,
    told_score,
    two_classes,
    with_proba,
)
from pathweave.pl._style import REFERENCE, legend_outside, new_axes, short, tidy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

_PER_BIN = 20
_MOST_BINS = 10
_LARGEST = 80.0


def calibration(
    report: Any,
    *,
    methods: Sequence[str] | str | None = None,
    positive: str | None = None,
    n_bins: int | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw how often what was predicted came true: the reliability curve.

    Test samples of one repeat, so that each counts once, are put in bins of equally many by predicted
    probability; equal probabilities stay together.

    Parameters
    ----------
    report
        What `pathweave.evaluate.cross_validate` or `validate` returned, for classes.
    methods
        Which ones; by default the best model and the best baseline.
    positive
        Class whose probability is drawn. By default the second of two; of more classes it is the
        probability of the class that each sample was given, and whether that class was right.
    n_bins
        Number of bins; by default about 20 samples each, ten bins at most.
    ax
        Axes to draw on.

    Returns
    -------
    The axes; a dot is a bin, its area the number of samples, its line the 95 % interval (Wilson) of the
    observed fraction. The legend has the calibration error of ``report.summary("calibration_error")``,
    which is that of the predicted classes, whichever class is drawn.

    Raises
    ------
    ValueError
        If the outcome is not a class, or a method gave no probabilities.

    References
    ----------
    Niculescu-Mizil and Caruana, Predicting good probabilities with supervised learning, ICML (2005).

    Examples
    --------
    >>> import matplotlib, pathweave as pw
    >>> matplotlib.use("agg")
    >>> mdata = pw.datasets.simulate(60, seed=1)
    >>> report = pw.evaluate.cross_validate(
    ...     mdata, target="class", models=[], baselines=["knn", "majority"], n_folds=3, n_jobs=1
    ... )
    >>> pw.pl.calibration(report, methods="majority").get_xlabel()
    'predicted probability of B'
    """
    from statsmodels.stats.proportion import proportion_confint

    check_report(report, "calibration", "class")
    names = choose(report, methods, usable=with_proba(report), null=False)
    if n_bins is not None and n_bins < 1:
        msg = f"n_bins={n_bins!r} must be 1 or more."
        raise ValueError(msg)
    chosen = two_classes(report, positive)
    several = chosen is not None and len(report.classes) > 2
    what = "calibration error of all classes" if several else "calibration error"
    bins = {name: _bins(once(report, name), chosen, n_bins) for name in names}
    largest = max(int(table["n"].max()) for table in bins.values())
    ax = tidy(new_axes(ax, width=7.4, height=4.6))
    for name, color in colors_of(report, names).items():
        table = bins[name]
        low, high = proportion_confint(table["hits"], table["n"], method="wilson")
        ax.vlines(table["predicted"], low, high, color=color, linewidth=1.0, alpha=0.5)
        ax.plot(table["predicted"], table["observed"], color=color, linewidth=1.2)
        error = told_score(report, name, "calibration_error")
        ax.scatter(
            table["predicted"], table["observed"], s=_LARGEST * table["n"] / largest, color=color, zorder=3,
            edgecolor="white", linewidth=0.5, label=f"{short(name, 32)}\n{what} {error}",
        )  # fmt: skip
    ax.plot([0, 1], [0, 1], color=REFERENCE, linewidth=1.0, linestyle=":", zorder=0)
    ax.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
    if chosen is None:
        ax.set_xlabel("probability of the predicted class")
        ax.set_ylabel("fraction where it was right")
    else:
        ax.set_xlabel(f"predicted probability of {short(chosen, 30)}")
        ax.set_ylabel(f"fraction that was {short(chosen, 30)}")
    n = int(bins[names[0]]["n"].sum())
    ax.set_title(f"Calibration, {n} test samples (largest dot: {largest})", fontsize=11)
    legend_outside(ax, fontsize=9, labelspacing=0.9)
    return ax


def _bins(rows: pd.DataFrame, positive: str | None, n_bins: int | None) -> pd.DataFrame:
    """Mean prediction, hits and samples of every bin."""
    truth = rows["truth"].astype(str).to_numpy()
    if positive is None:
        table = rows[[column for column in rows if str(column).startswith(PROBA)]]
        names = np.array([str(column).removeprefix(PROBA) for column in table])
        proba = table.to_numpy(dtype=np.float64)
        predicted, hit = proba.max(axis=1), names[proba.argmax(axis=1)] == truth
    else:
        predicted = rows[PROBA + positive].to_numpy(dtype=np.float64)
        hit = truth == positive
    n_bins = n_bins or min(_MOST_BINS, max(2, len(rows) // _PER_BIN))
    edges = np.unique(np.quantile(predicted, np.linspace(0, 1, n_bins + 1)))
    which = np.searchsorted(edges[1:-1], predicted, side="left")
    groups = pd.DataFrame({"predicted": predicted, "hit": hit}).groupby(which)
    table = groups["predicted"].mean().to_frame()
    table["hits"], table["n"] = groups["hit"].sum(), groups.size()
    table["observed"] = table["hits"] / table["n"]
    return table
