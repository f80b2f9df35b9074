"""Means and variances of rows that arrive in pieces, apart for every fold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

if TYPE_CHECKING:
    from typing import Self


@dataclass
class Moments:
    """Count, mean and sum of squared deviations of every feature in every fold, each (n_folds, n_features).

    Pieces are merged as Chan, Golub and LeVeque (The American Statistician 37, 1983) do, so that nothing cancels.
    """

    count: np.ndarray
    mean: np.ndarray
    m2: np.ndarray

    @classmethod
    def empty(cls, n_folds: int, n_features: int) -> Self:
        """Moments of nothing yet."""
        return cls(*(np.zeros((n_folds, n_features)) for _ in range(3)))

    def add(self, values: sp.csr_matrix | np.ndarray, fold: np.ndarray) -> None:
        """Add rows (n, n_features), NaN where unmeasured, of the given folds (n,)."""
        if isinstance(values, sp.csr_matrix) and not np.isnan(values.data).any():
            piece = _of_sparse(values, fold, *self.count.shape)
        else:
            piece = _of_dense(values, fold, *self.count.shape)
        merged = merge(self, piece)
        self.count, self.mean, self.m2 = merged.count, merged.mean, merged.m2

    def over(self, folds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and variance (n_features,) over some of the folds; 0 where nothing was measured."""
        total = Moments.empty(1, self.count.shape[1])
        for k in folds:
            total = merge(total, Moments(self.count[k], self.mean[k], self.m2[k]))
        return total.mean[0], (total.m2 / np.maximum(total.count, 1))[0]


def merge(a: Moments, b: Moments) -> Moments:
    """Moments of two sets of rows together."""
    count = a.count + b.count
    share = b.count / np.maximum(count, 1)
    step = b.mean - a.mean
    return Moments(count, a.mean + step * share, a.m2 + b.m2 + step * step * a.count * share)


def _of_dense(
    values: sp.csr_matrix | np.ndarray, fold: np.ndarray, n_folds: int, n_features: int
) -> Moments:
    found = Moments.empty(n_folds, n_features)
    x = values.toarray() if isinstance(values, sp.csr_matrix) else values
    for k in np.unique(fold):
        rows = x[fold == k].astype(np.float64)
        seen = ~np.isnan(rows)
        count = seen.sum(axis=0)
        mean = np.where(seen, rows, 0.0).sum(axis=0) / np.maximum(count, 1)
        found.count[k], found.mean[k] = count, mean
        found.m2[k] = np.square(np.where(seen, rows - mean, 0.0)).sum(axis=0)
    return found


def _of_sparse(values: sp.csr_matrix, fold: np.ndarray, n_folds: int, n_features: int) -> Moments:
    """The same without making the zeros."""
    shape = (n_folds, n_features)
    cell = np.repeat(fold * n_features, np.diff(values.indptr)) + values.indices
    data = values.data.astype(np.float64)

    def total(weights: np.ndarray | None) -> np.ndarray:
        return np.bincount(cell, weights, minlength=n_folds * n_features).reshape(shape)

    count = np.bincount(fold, minlength=n_folds).astype(np.float64)[:, None] * np.ones(n_features)
    mean = total(data) / np.maximum(count, 1)
    off = total(np.square(data - mean.ravel()[cell]))
    zeros = (count - total(None)) * mean * mean
    return Moments(count, mean, off + zeros)
