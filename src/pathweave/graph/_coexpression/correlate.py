"""Pairs of columns that are each other's nearest neighbours by correlation, with bounded memory."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import sparse

_CELLS = 2_000_000
"""Cells of the correlation matrix that are held at once."""

_PAIRS = 2_000
_DECIMALS = 9
"""Correlations that agree in so many are equal: what is left is the order of a sum, not the data."""

_NO_SPREAD = 1e-10
"""A column that spreads less over some samples, as a part of its spread over all, is constant there."""


def varies(values: np.ndarray, min_samples: int) -> np.ndarray:
    """Columns of enough values that are not all the same."""
    known = ~np.isnan(values)
    low = np.where(known, values, np.inf).min(axis=0, initial=np.inf)
    high = np.where(known, values, -np.inf).max(axis=0, initial=-np.inf)
    return (known.sum(axis=0) >= min_samples) & (high > low)


def mutual_neighbors(
    values: np.ndarray, *, ranks: bool, least: float, k: int, min_samples: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Find pairs of columns of which each is among the other's `k` most strongly correlated.

    Parameters
    ----------
    values
        Samples x features; NaN is a missing value, no column is constant.
    ranks
        Correlate ranks (among the values that a column has) instead of values.
    least
        Smallest size of the correlation.
    k
        Number of neighbours; of equals the first columns.
    min_samples
        Smallest number of samples that both columns of a pair have.

    Returns
    -------
    Positions of the first and the second column, the first smaller, and the correlations.
    """
    if ranks:
        values = pd.DataFrame(values).rank().to_numpy()
    values = np.asarray(values, dtype=np.float64)
    known = ~np.isnan(values)
    middle = np.where(known, values, 0).sum(axis=0) / known.sum(axis=0)
    values = np.where(known, values - middle, 0.0)
    values /= np.sqrt((values**2).sum(axis=0))
    n = values.shape[1]
    if n < 2:
        nothing = np.zeros(0, dtype=int)
        return nothing, nothing, np.zeros(0)
    block = max(1, _CELLS // n)
    whole = bool(known.all())
    mask = None if whole else known.astype(np.float64)
    rows, columns = [], []
    for start in range(0, n, block):
        part = slice(start, min(start + block, n))
        if mask is None:
            size = np.abs(values[:, part].T @ values)
        else:
            size = np.abs(_pairwise(values, mask, part, min_samples))
        np.round(size, _DECIMALS, out=size)
        size[np.arange(size.shape[0]), np.arange(part.start, part.stop)] = 0
        row, column = _strongest(size, k, least - 10**-_DECIMALS)
        rows.append(row + start)
        columns.append(column)
    row, column = np.concatenate(rows), np.concatenate(columns)
    near = sparse.csr_matrix((np.ones(len(row), bool), (row, column)), shape=(n, n))
    both = sparse.triu(near.multiply(near.T), k=1).tocoo()
    first, second = both.row.astype(int), both.col.astype(int)
    exact = _exact(values, known, first, second)
    enough = np.abs(exact) >= least
    return first[enough], second[enough], exact[enough]


def _strongest(size: np.ndarray, k: int, least: float) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the `k` largest cells of each row that are large enough."""
    n = size.shape[1]
    edge = np.full(size.shape[0], max(least, 1e-12), dtype=size.dtype)
    if k < n:
        edge = np.maximum(edge, np.partition(size, n - k, axis=1)[:, n - k])
    row, column = np.nonzero(size >= edge[:, None])
    tied = np.bincount(row, minlength=size.shape[0]) > k
    if tied.any():
        # Cells that are larger than the k-th come first, then its equals in the order of columns.
        order = np.lexsort((column, -size[row, column], row))
        row, column = row[order], column[order]
        place = np.arange(len(row)) - np.searchsorted(row, row)
        row, column = row[place < k], column[place < k]
    return row, column


def _pairwise(values: np.ndarray, mask: np.ndarray, part: slice, min_samples: int) -> np.ndarray:
    """Correlations of some columns with all, each over the samples that both have."""
    left, known = values[:, part].T, mask[:, part].T
    n = known @ mask
    sum_left, sum_right = left @ mask, known @ values
    square_left = (left**2) @ mask - sum_left**2 / np.maximum(n, 1)
    square_right = known @ (values**2) - sum_right**2 / np.maximum(n, 1)
    top = left @ values - sum_left * sum_right / np.maximum(n, 1)
    below = square_left * square_right
    fits = (n >= min_samples) & (square_left > _NO_SPREAD) & (square_right > _NO_SPREAD)
    below = np.sqrt(np.maximum(below, _NO_SPREAD**2))
    return np.divide(top, below, out=np.zeros_like(top), where=fits)


def _exact(
    values: np.ndarray, known: np.ndarray, first: np.ndarray, second: np.ndarray
) -> np.ndarray:
    """Correlations of chosen pairs, as precise as they come and without noise in the last digits."""
    out = np.zeros(len(first))
    for start in range(0, len(first), _PAIRS):
        part = slice(start, start + _PAIRS)
        one, two = first[part], second[part]
        common = known[:, one] & known[:, two]
        n = common.sum(axis=0)
        x, y = (np.where(common, values[:, ends], 0.0) for ends in (one, two))
        x = np.where(common, x - x.sum(axis=0) / n, 0.0)
        y = np.where(common, y - y.sum(axis=0) / n, 0.0)
        below = np.sqrt((x**2).sum(axis=0) * (y**2).sum(axis=0))
        out[part] = np.divide((x * y).sum(axis=0), below, out=np.zeros(len(one)), where=below > 0)
    return np.clip(np.round(out, 12), -1.0, 1.0)
