"""Association of features with an outcome, all at once: projections on the outcome, and ranks."""

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
        columns = martingale(y[:, 0], y[:, 1])[:, None]
    columns = columns - columns.mean(axis=0)
    vectors, size, _ = np.linalg.svd(columns, full_matrices=False)
    return vectors[:, size > 1e-9 * max(size.max(initial=0.0), 1e-300)]


def martingale(time: np.ndarray, event: np.ndarray) -> np.ndarray:
    """Martingale residuals without features: events minus the Nelson-Aalen hazard so far."""
    times = np.unique(time)
    died = np.array([event[time == t].sum() for t in times])
    at_risk = np.array([(time >= t).sum() for t in times])
    hazard = np.cumsum(died / at_risk)
    return event - hazard[np.searchsorted(times, time)]


def project(x: np.ndarray, basis: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Project features on a basis.

    Returns
    -------
    Coordinates (n_features, d) in units in which chance gives variance one, and p of the F-test.
    """
    n, d = basis.shape
    centred = x - x.mean(axis=0)
    length = np.linalg.norm(centred, axis=0)
    coordinates = (centred.T @ basis) / np.where(length > 0, length, 1.0)[:, None]
    explained = np.clip((coordinates**2).sum(axis=1), 0.0, 1.0 - 1e-15)
    p = stats.f.sf(explained / d / ((1 - explained) / (n - d - 1)), d, n - d - 1)
    return coordinates * np.sqrt(n - 1), np.clip(p, 1e-300, 1.0)


def filled(x: np.ndarray) -> np.ndarray:
    """Values as float64, the feature's mean where unmeasured."""
    x = x.astype(np.float64)
    gaps = np.isnan(x)
    if gaps.any():
        count = (~gaps).sum(axis=0)
        mean = np.where(gaps, 0.0, x).sum(axis=0) / np.maximum(count, 1)
        x = np.where(gaps, mean, x)
    return x


def ranks(x: np.ndarray) -> np.ndarray:
    """Mid-ranks of each feature, NaN where unmeasured."""
    if np.isnan(x).any():
        return stats.rankdata(x, axis=0, nan_policy="omit")
    return stats.rankdata(x, axis=0)


def auroc_each(x: np.ndarray, y: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """AUROC of each feature for each class against the rest, (n_classes, n_features); NaN if undefined."""
    rank = ranks(x)
    there = ~np.isnan(rank)
    member = (y[None, :] == classes[:, None]).astype(np.float64)
    n_in = member @ there
    n_out = there.sum(axis=0) - n_in
    total = member @ np.where(there, rank, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return (total - n_in * (n_in + 1) / 2) / (n_in * n_out)


def independent(x: np.ndarray, basis: np.ndarray) -> float:
    """How many independent features would be as correlated, within the outcome, as these are by chance."""
    n = len(x)
    rest = x - x.mean(axis=0)
    rest = rest - basis @ (basis.T @ rest)
    length = np.linalg.norm(rest, axis=0)
    rest = rest[:, length > 1e-9 * max(length.max(initial=0.0), 1e-300)]
    rest = rest / np.linalg.norm(rest, axis=0)
    p = rest.shape[1]
    if p < 2:
        return float(p)
    gram = rest.T @ rest if p <= n else rest @ rest.T
    mean_square = (float(np.sum(gram**2)) - p) / (p * (p - 1))
    return 1.0 / max(mean_square - 1.0 / (n - 1), 1.0 / p)
