"""The arithmetic of ComBat: regressions with gaps, and shrinkage over the features."""

from __future__ import annotations

import numpy as np

# ComBat's own rule for ending the search; a stricter one would give other numbers than its peers.
_TOLERANCE = 1e-4
_MAX_ROUNDS = 10_000
_CHUNK = 1024


def shrink(z: np.ndarray, *, parametric: bool, mean_only: bool) -> tuple[np.ndarray, np.ndarray]:
    """Shifts and variances of one batch's standardised values, shrunk over the features."""
    n = (~np.isnan(z)).sum(axis=0)
    first = np.nansum(z, axis=0)
    shift = first / n
    unit = np.ones(len(n))
    square = np.nansum((z - shift) ** 2, axis=0)
    variance = np.where(n > 1, square / np.maximum(n - 1, 1), np.nan)
    known = variance[n > 1]
    if len(n) < 2:  # nothing to borrow from
        alone = mean_only or not len(known) or known[0] == 0
        return shift, unit if alone else variance
    if len(known) < 2 or known.max() == 0:
        mean_only = True
    if not parametric:
        return _integrate(z, shift, unit if mean_only else variance)
    center, spread = shift.mean(), shift.var()
    if mean_only:
        return (spread * shift + center) / (spread + 1.0), unit
    mean = known.mean()
    scatter = max(float(known.var(ddof=1)), 1e-12 * mean**2)
    a, b = (2 * scatter + mean**2) / scatter, (mean * scatter + mean**3) / scatter
    gamma, delta = shift, np.where(n > 1, variance, mean)
    for _ in range(_MAX_ROUNDS):
        new_gamma = (spread * n * shift + delta * center) / (spread * n + delta)
        total = square + n * (shift - new_gamma) ** 2
        new_delta = (0.5 * total + b) / (n / 2 + a - 1)
        with np.errstate(divide="ignore", invalid="ignore"):
            # Relative to the shift with its sign, as in all implementations.
            moved = np.concatenate(
                [np.abs(new_gamma - gamma) / gamma, np.abs(new_delta - delta) / delta]
            )
        gamma, delta = new_gamma, new_delta
        if np.nanmax(moved) <= _TOLERANCE:
            break
    return gamma, delta


def _integrate(
    z: np.ndarray, shift: np.ndarray, variance: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Average the other features' estimates, weighted by the likelihood of the feature's values."""
    n = (~np.isnan(z)).sum(axis=0)
    first, second = np.nansum(z, axis=0), np.nansum(z**2, axis=0)
    usable = np.flatnonzero(variance > 0)
    g, d = shift[usable], variance[usable]
    gamma, delta = np.empty(len(n)), np.empty(len(n))
    for start in range(0, len(n), _CHUNK):
        i = np.arange(start, min(start + _CHUNK, len(n)))
        distance = second[i, None] - 2 * first[i, None] * g + n[i, None] * g**2
        log_weight = -0.5 * (n[i, None] * np.log(2 * np.pi * d) + distance / d)
        log_weight[i[:, None] == usable] = -np.inf
        weight = np.exp(log_weight - log_weight.max(axis=1, keepdims=True))
        weight /= weight.sum(axis=1, keepdims=True)
        gamma[i], delta[i] = weight @ g, weight @ d
    return gamma, delta


def least_squares(design: np.ndarray, x: np.ndarray, there: np.ndarray) -> np.ndarray:
    """Coefficients (n_columns, n_features), each feature's from its measured samples; 0 where unknown."""
    if there.all():
        return np.linalg.lstsq(design, x, rcond=None)[0]
    k = design.shape[1]
    products = (design[:, :, None] * design[:, None, :]).reshape(len(x), k * k)
    coefficients = np.empty((k, x.shape[1]))
    for start in range(0, x.shape[1], _CHUNK):
        part = slice(start, start + _CHUNK)
        gram = (there[:, part].T @ products).reshape(-1, k, k)
        right = np.where(there[:, part], x[:, part], 0.0).T @ design
        inverse = np.linalg.pinv(gram, rcond=1e-10, hermitian=True)
        coefficients[:, part] = (inverse @ right[:, :, None])[:, :, 0].T
    return coefficients
