"""Intervals of scores from resampled splits, whose training sets overlap."""

from __future__ import annotations

from typing import Any

import numpy as np


def interval(
    values: Any, n_train: Any, n_test: Any, *, level: float = 0.95
) -> tuple[float, float, float]:
    """Mean of scores over splits, with an interval.

    The variance of the mean is ``(1/J + n_test/n_train) s^2`` (Nadeau and Bengio, Machine Learning 52, 2003,
    equation 9), with J - 1 degrees of freedom; a plain standard error ignores that training sets overlap.

    Returns
    -------
    Mean, lower and upper end; the ends are NaN for a single value.
    """
    from scipy import stats

    values = np.asarray(values, dtype=np.float64)
    n = len(values)
    mean = float(values.mean()) if n else float("nan")
    if n < 2:
        return mean, float("nan"), float("nan")
    width = resampled_error(values, n_train, n_test) * float(stats.t.ppf((1 + level) / 2, n - 1))
    return mean, mean - width, mean + width


def resampled_error(values: np.ndarray, n_train: Any, n_test: Any) -> float:
    """Standard error of the mean of `values`, one a split."""
    overlap = float(np.mean(n_test) / np.mean(n_train))
    return float(np.sqrt((1 / len(values) + overlap) * values.var(ddof=1)))
