"""The samples that the parts which are no networks learn from, where there are too many for them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pathweave.models._parts import TargetParts
    from pathweave.models._train import FittedState

MAX_CORE = 5000
"""Linear and kernel parts work in the space of the samples: their cost grows with the cube of this number."""
_LEAST = 20


def core_samples(labels: np.ndarray, fold: np.ndarray, *, seed: int) -> np.ndarray:
    """Draw at most `MAX_CORE` samples, of every class and fold as it goes.

    Every class keeps its share, and at least 20 samples (or all it has); inside a class all folds are drawn from
    alike. Samples of unknown class are a class of their own.

    Parameters
    ----------
    labels
        Class of each sample (n,), or whether its event was seen; NaN where unknown or where there are no classes.
    fold
        Fold of each sample (n,).
    seed
        Seed of the draw.

    Returns
    -------
    Positions of the samples drawn, increasing; all of them where there are no more than `MAX_CORE`.
    """
    n = len(fold)
    if n <= MAX_CORE:
        return np.arange(n)
    stratum = np.unique(np.nan_to_num(labels, nan=-1.0), return_inverse=True)[1]
    order = np.random.default_rng(seed).permutation(n)
    turn = np.empty(n, dtype=np.int64)  # how many of its class and fold come before a sample
    turn[order] = _rank(stratum[order] * (int(fold.max()) + 1) + fold[order])
    by_turn = order[np.lexsort((turn[order], stratum[order]))]
    place = _rank(stratum[by_turn])
    count = np.bincount(stratum)
    quota = np.maximum(np.floor(count * (MAX_CORE / n)), np.minimum(count, _LEAST))
    while quota.sum() > MAX_CORE and quota.max() > _LEAST:  # rare classes had more than their share
        quota[quota.argmax()] -= min(quota.max() - _LEAST, quota.sum() - MAX_CORE)
    return np.sort(by_turn[place < quota[stratum[by_turn]]])


def within(core: np.ndarray, states: Sequence[FittedState]) -> list[FittedState]:
    """Fitted networks whose validation samples are counted among the samples drawn."""
    return [replace(s, validation=np.searchsorted(core, s.validation)) for s in states]


def among_all(core: np.ndarray, n: int, parts: Mapping[str, TargetParts]) -> None:
    """Give out-of-fold predictions of the samples drawn a row for every training sample, NaN for the others."""
    for part in parts.values():
        wide = np.full((n, part.out_of_fold.shape[1]), np.nan)
        wide[core] = part.out_of_fold
        part.out_of_fold = wide


def _rank(codes: np.ndarray) -> np.ndarray:
    """How many equal codes come before each."""
    order = np.argsort(codes, kind="stable")
    starts = np.r_[0, np.flatnonzero(np.diff(codes[order])) + 1]
    rank = np.empty(len(codes), dtype=np.int64)
    rank[order] = np.arange(len(codes)) - np.repeat(starts, np.diff(np.r_[starts, len(codes)]))
    return rank
