"""Intervals and paired tests of scores from resampled splits, whose training sets overlap."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import stats

if TYPE_CHECKING:
    from collections.abc import Callable


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
    values = np.asarray(values, dtype=np.float64)
    n = len(values)
    mean = float(values.mean()) if n else float("nan")
    if n < 2:
        return mean, float("nan"), float("nan")
    width = _error(values, n_train, n_test) * float(stats.t.ppf((1 + level) / 2, n - 1))
    return mean, mean - width, mean + width


def _error(values: np.ndarray, n_train: Any, n_test: Any) -> float:
    overlap = float(np.mean(n_test) / np.mean(n_train))
    return float(np.sqrt((1 / len(values) + overlap) * values.var(ddof=1)))


def bootstrap_interval(
    statistic: Callable[[np.ndarray], float], n: int, *, n_draws: int = 1000, seed: int = 0
) -> tuple[float, float]:
    """Percentile interval (95 %) of a statistic of `n` samples drawn anew; undefined draws are left out."""
    rng = np.random.default_rng(seed)
    drawn = np.array([statistic(rng.integers(0, n, n)) for _ in range(n_draws)])
    drawn = drawn[~np.isnan(drawn)]
    if not len(drawn):
        return float("nan"), float("nan")
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(low), float(high)


def corrected_t_test(a: Any, b: Any, n_train: Any, n_test: Any) -> dict[str, float]:
    """Corrected resampled t-test of paired scores (Nadeau and Bengio 2003).

    Returns
    -------
    difference (mean of a minus b), low, high, p, n. Scores that differ by nothing at all have p = 1. With a
    single pair, or where all pairs differ by the same, there is no variance to test with, and p is NaN: two
    folds of a coarse metric reach that by accident.
    """
    difference = np.asarray(a, dtype=np.float64) - np.asarray(b, dtype=np.float64)
    known = ~np.isnan(difference)
    d, train, test = difference[known], np.asarray(n_train)[known], np.asarray(n_test)[known]
    mean, low, high = interval(d, train, test)
    p = float("nan")
    if len(d) > 1:
        error = _error(d, train, test)
        if np.all(d == 0):
            p = 1.0
        elif error > 0 and np.ptp(d) > 1e-12:
            p = float(2 * stats.t.sf(abs(mean) / error, len(d) - 1))
    return {"difference": mean, "low": low, "high": high, "p": p, "n": float(len(d))}


def paired_test(
    scores: pd.DataFrame, *, metric: str, method: str, reference: str
) -> dict[str, float]:
    """Test a method against a reference on the splits that both have seen.

    Returns
    -------
    What `corrected_t_test` gives, with the means over these splits: mean, mean_reference.
    """
    chosen = scores[scores["metric"] == metric].set_index(["repeat", "fold"])
    base = chosen.loc[chosen["method"] == reference, "value"].rename("base")
    both = chosen[chosen["method"] == method].join(base, how="inner").dropna()
    found = corrected_t_test(both["value"], both["base"], both["n_train"], both["n_test"])
    return {**found, "mean": both["value"].mean(), "mean_reference": both["base"].mean()}


def compare(scores: pd.DataFrame, *, metric: str, reference: str) -> pd.DataFrame:
    """Compare every method with a reference, on the splits that both have seen."""
    methods = [str(name) for name in scores["method"].unique() if name != reference]
    rows = {
        method: paired_test(scores, metric=metric, method=method, reference=reference)
        for method in methods
    }
    columns = ["difference", "low", "high", "p", "n"]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
    table["p_holm"] = holm(table["p"].to_numpy(dtype=np.float64))
    table["n"] = table["n"].fillna(0).astype(int)
    table.index.name = "method"
    table.attrs.update(metric=metric, reference=reference)
    return table[["difference", "low", "high", "p", "p_holm", "n"]]


def holm(p: np.ndarray) -> np.ndarray:
    """Holm's correction for the tests that could be made."""
    from statsmodels.stats.multitest import multipletests

    adjusted = np.full(len(p), np.nan)
    known = ~np.isnan(p)
    if known.any():
        adjusted[known] = multipletests(p[known], method="holm")[1]
    return adjusted
