"""P-values from shuffled labels, and rates of false discoveries."""

from __future__ import annotations

import numpy as np
from scipy.stats import false_discovery_control


def standardised(statistic: np.ndarray, n_null: int) -> np.ndarray:
    """Put every column into units of what it does when labels are shuffled.

    The observed row counts among the others, so that all rows are alike where nothing is associated.

    Parameters
    ----------
    statistic
        (n_draws, n): the observed row, `n_null` shuffled ones, and further draws.
    n_null
        Shuffled rows.
    """
    null = statistic[: 1 + n_null]
    spread = null.std(axis=0)
    return np.asarray((statistic - null.mean(axis=0)) / np.where(spread > 1e-12, spread, np.inf))


def pooled_p(z: np.ndarray, n_null: int) -> np.ndarray:
    """One-sided p-values of the first row, against the shuffled rows of all columns together.

    With a few hundred draws a column's own null is too coarse for a thousand tests; standardised columns share theirs
    (Subramanian et al. 2005 do so with normalised enrichment scores).
    """
    null = np.sort(z[1 : 1 + n_null].ravel())
    above = len(null) - np.searchsorted(null, z[0] - 1e-9, side="left")
    return np.asarray((1 + above) / (1 + len(null)))


def upper_p(observed: float, null: np.ndarray) -> float:
    """One-sided p-value of one number against its null (n_null,): how rarely that reaches it."""
    return float((1 + (null >= observed).sum()) / (1 + len(null)))


def false_discovery_rate(p: np.ndarray) -> np.ndarray:
    """Adjusted p-values (Benjamini and Hochberg 1995)."""
    return np.asarray(false_discovery_control(p)) if len(p) else p
