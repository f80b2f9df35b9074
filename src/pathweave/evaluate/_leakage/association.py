"""Association of all features with an outcome at once: projections on what the outcome spans."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

if TYPE_CHECKING:
    from pathweave.evaluate._leakage.read import Outcome


def outcome_basis(outcome: Outcome, rows: np.ndarray) -> np.ndarray:
    """Orthonormal centred columns (n, d) that span the outcome of some samples.

    Classes give their indicators, numbers themselves, survival the martingale residuals of a model
    without features, so that the projection is the score test of a Cox model.
    """
    y = outcome.y[rows]
    if outcome.target.task == "class":
        columns = (y[:, None] == np.unique(y)[None, 1:]).astype(np.float64)
    elif outcome.target.task == "number":
        columns = y[:, None]
    else:
        columns = _martingale(y[:, 0], y[:, 1])[:, None]
    if not columns.size:
        return columns
    vectors, size, _ = np.linalg.svd(columns - columns.mean(axis=0), full_matrices=False)
    return vectors[:, size > 1e-9 * max(float(size.max()), 1e-300)]


def _martingale(time: np.ndarray, event: np.ndarray) -> np.ndarray:
    """Martingale residuals without features: events minus the Nelson-Aalen hazard so far."""
    times = np.unique(time)
    died = np.array([event[time == t].sum() for t in times])
    at_risk = np.array([(time >= t).sum() for t in times])
    hazard = np.cumsum(died / at_risk)
    return event - hazard[np.searchsorted(times, time)]


def p_values(x: np.ndarray, basis: np.ndarray) -> np.ndarray:
    """Test each feature against the basis (F-test)."""
    n, d = basis.shape
    centred = x - x.mean(axis=0)
    length = np.linalg.norm(centred, axis=0)
    projected = (centred.T @ basis) / np.where(length > 0, length, 1.0)[:, None]
    explained = np.clip((projected**2).sum(axis=1), 0.0, 1.0 - 1e-15)
    p = stats.f.sf(explained / d / ((1 - explained) / (n - d - 1)), d, n - d - 1)
    return np.clip(p, 1e-300, 1.0)


def filled(x: np.ndarray) -> np.ndarray:
    """Values as float64, the feature's mean where unmeasured."""
    x = x.astype(np.float64)
    gaps = np.isnan(x)
    if gaps.any():
        x = np.where(gaps, np.nanmean(x, axis=0), x)
    return x


def n_independent(x: np.ndarray, basis: np.ndarray) -> float:
    """How many independent features would be as correlated, within the outcome, as these are by chance."""
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
