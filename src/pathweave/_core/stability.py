"""How far ranks agree between draws: bootstrap samples, seeds, refits."""

from __future__ import annotations

import numpy as np
from scipy.stats import kendalltau


def rank_stability(draws: np.ndarray, *, at_most: int = 12) -> float:
    """Mean Kendall tau between pairs of draws (n_draws, n); NaN with fewer than two."""
    rows = draws[:at_most]
    taus = [
        float(kendalltau(rows[i], rows[j]).statistic)
        for i in range(len(rows))
        for j in range(i + 1, len(rows))
    ]
    return float(np.mean(taus)) if taus else float("nan")


def top_overlap(draws: np.ndarray, n_top: int) -> float:
    """Mean share of the first `n_top` that two draws (n_draws, n) of scores have in common; NaN with fewer than two.

    By chance it is ``n_top / n``.
    """
    n_draws, n = draws.shape
    if n_draws < 2:
        return float("nan")
    n_top = min(n_top, n)
    inside = np.zeros((n_draws, n))
    np.put_along_axis(inside, np.argsort(-draws, axis=1, kind="stable")[:, :n_top], 1.0, axis=1)
    # Pairs that hold a unit, over all units: c (c - 1) of the draws that have it among their first.
    counts = inside.sum(axis=0)
    return float((counts * (counts - 1)).sum() / (n_draws * (n_draws - 1) * n_top))


def ranks(draws: np.ndarray) -> np.ndarray:
    """Rank of every unit in each draw (n_draws, n), 1 for the largest score."""
    order = np.argsort(-draws, axis=1, kind="stable")
    found = np.empty(draws.shape, dtype=np.int64)
    np.put_along_axis(found, order, np.arange(1, draws.shape[1] + 1)[None, :], axis=1)
    return found
