"""Intervals and paired tests of scores from resampled splits, whose training sets overlap."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import stats

from pathweave._core.intervals import interval, resampled_error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def bootstrap(
    statistics: Callable[[np.ndarray], dict[str, float]],
    n: int,
    *,
    n_draws: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Statistics of `n` samples drawn anew (n_draws, n_statistics); the same seed draws the same samples."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame([statistics(rng.integers(0, n, n)) for _ in range(n_draws)])


def percentiles(drawn: pd.Series) -> tuple[float, float]:
    """Percentile interval (95 %) of a statistic that was drawn anew; undefined draws are left out."""
    ends = drawn.quantile([0.025, 0.975])
    return float(ends.iloc[0]), float(ends.iloc[1])


def bootstrap_p(differences: pd.Series) -> float:
    """Two-sided p-value of paired differences that were drawn anew: how often they lie on the other side of 0.

    Efron and Tibshirani, An Introduction to the Bootstrap (1993), section 15.4: the level at which the percentile
    interval just reaches 0. A draw is added on each side, so that it is never 0.
    """
    d = differences.dropna()
    if not len(d):
        return float("nan")
    tails = [(float((side >= 0).sum()) + 1) / (len(d) + 1) for side in (d, -d)]
    return min(1.0, 2 * min(tails))


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
        error = resampled_error(d, train, test)
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


def compare(
    methods: Iterable[str], judge: Callable[[str], dict[str, float]], *, metric: str, reference: str
) -> pd.DataFrame:
    """Table of what `judge` says of every method against a reference, such as `paired_test`."""
    rows = {method: judge(method) for method in methods if method != reference}
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
