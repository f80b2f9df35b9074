"""Association of all features with an outcome at once."""

from __future__ import annotations

import numpy as np
from scipy import stats


def associate(x: np.ndarray, y: np.ndarray, task: str) -> tuple[np.ndarray, np.ndarray]:
    """Test each feature (n, n_features) against the outcome `y` of the same samples.

    Parameters
    ----------
    x
        Values without gaps.
    y
        Class codes or numbers (n,), or times and events (n, 2).
    task
        ``"class"``, ``"number"`` or ``"survival"``.

    Returns
    -------
    p-values: F-test for classes and numbers, the score test of a Cox model for survival; and the direction,
    1 or -1, or 0 if there are more than two classes.
    """
    if task == "survival":
        z = _cox_scores(x, y[:, 0], y[:, 1])
        return np.clip(2 * stats.norm.sf(np.abs(z)), 1e-300, 1.0), np.sign(z)
    basis = span(y, task)
    n, d = basis.shape
    projected = _projected(x, basis)
    explained = np.clip((projected**2).sum(axis=1), 0.0, 1.0 - 1e-15)
    p = stats.f.sf(explained / d / ((1 - explained) / (n - d - 1)), d, n - d - 1)
    return np.clip(p, 1e-300, 1.0), np.sign(projected[:, 0]) * (d == 1)


def strength(x: np.ndarray, y: np.ndarray, task: str) -> np.ndarray:
    """Statistic behind `associate`, which ranks features: the variance explained, or the squared Cox score."""
    if task == "survival":
        return _cox_scores(x, y[:, 0], y[:, 1]) ** 2
    return (_projected(x, span(y, task)) ** 2).sum(axis=1)


def _projected(x: np.ndarray, basis: np.ndarray) -> np.ndarray:
    """Correlation of each feature with each column of the basis (n_features, d), 0 for constant features."""
    centred = x - x.mean(axis=0)
    length = np.linalg.norm(centred, axis=0)
    return (centred.T @ basis) / np.where(length > 0, length, 1.0)[:, None]


def span(y: np.ndarray, task: str) -> np.ndarray:
    """Orthonormal centred columns (n, d) that span the outcome; none for survival."""
    columns = y[:, None] if y.ndim == 1 else y[:, :0]
    if task == "class":
        columns = (y[:, None] == np.unique(y)[None, 1:]).astype(np.float64)
    if not columns.size:
        return columns
    vectors, size, _ = np.linalg.svd(columns - columns.mean(axis=0), full_matrices=False)
    return vectors[:, size > 1e-9 * max(float(size.max()), 1e-300)]


def _cox_scores(x: np.ndarray, time: np.ndarray, event: np.ndarray) -> np.ndarray:
    """Score of each feature in a Cox model without others, in units of its standard error (Breslow's ties)."""
    order = np.argsort(time, kind="stable")
    x, time, died = x[order] - x.mean(axis=0), time[order], event[order] == 1
    first = np.searchsorted(time, time[died])
    at_risk = (len(x) - first)[:, None]
    mean = np.cumsum(x[::-1], axis=0)[::-1][first] / at_risk
    square = np.cumsum(x[::-1] ** 2, axis=0)[::-1][first] / at_risk
    information = np.maximum((square - mean**2).sum(axis=0), 1e-300)
    return (x[died] - mean).sum(axis=0) / np.sqrt(information)


def filled(x: np.ndarray) -> np.ndarray:
    """Values as float64, the feature's mean where unmeasured (0 if it is everywhere)."""
    x = x.astype(np.float64)
    gaps = np.isnan(x)
    if not gaps.any():
        return x
    mean = np.nansum(x, axis=0) / np.maximum((~gaps).sum(axis=0), 1)
    return np.where(gaps, mean, x)


def n_independent(x: np.ndarray, basis: np.ndarray) -> float:
    """How many independent features would be as correlated, beside the basis, as these are by chance."""
    n = len(x)
    rest = x - x.mean(axis=0)
    rest = rest - basis @ (basis.T @ rest)
    length = np.linalg.norm(rest, axis=0)
    kept = length > 1e-9 * max(float(length.max(initial=0.0)), 1e-300)
    rest = rest[:, kept] / length[kept]
    p = rest.shape[1]
    if p < 2:
        return float(p)
    gram = rest.T @ rest if p <= n else rest @ rest.T
    mean_square = (float(np.sum(gram**2)) - p) / (p * (p - 1))
    return 1.0 / max(mean_square - 1.0 / (n - 1), 1.0 / p)
