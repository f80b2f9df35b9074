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
"""Linear parts work in the space of the samples: their cost grows with the cube of this number."""
MAX_KERNEL = 2000
"""So does that of the kernel machine, at many times the price, which every new sample is compared with, too."""
_LEAST = 20


def core_samples(
    labels: np.ndarray, fold: np.ndarray, known: np.ndarray | None = None, *, seed: int
) -> np.ndarray:
    """Draw at most `MAX_CORE` samples, of every class and fold as it goes.

    Samples without any outcome are drawn only where there is room beside the others. Every class keeps its share, and
    at least 20 samples (or all it has); inside a class all folds are drawn from alike. Samples of unknown
    class are a class of their own, and so are those of which the same outcomes are known.

    Parameters
    ----------
    labels
        Class of each sample (n,), or whether its event was seen; NaN where unknown or where there are no classes.
    fold
        Fold of each sample (n,).
    known
        Which outcomes of a sample are known, bool (n, n_targets); all samples count alike without.
    seed
        Seed of the draw.

    Returns
    -------
    Positions of the samples drawn, increasing; all of them where there are no more than `MAX_CORE`.
    """
    return _drawn(labels, fold, known, seed, MAX_CORE)


def kernel_samples(
    labels: np.ndarray, fold: np.ndarray, known: np.ndarray | None = None, *, seed: int
) -> np.ndarray:
    """Draw those among the core samples that the kernel machine learns from, at most `MAX_KERNEL`; bool (n,)."""
    drawn = np.zeros(len(fold), dtype=bool)
    drawn[_drawn(labels, fold, known, seed, MAX_KERNEL)] = True
    return drawn


def _drawn(
    labels: np.ndarray, fold: np.ndarray, known: np.ndarray | None, seed: int, at_most: int
) -> np.ndarray:
    n = len(fold)
    if n <= at_most:
        return np.arange(n)
    known = np.ones((n, 1), dtype=bool) if known is None or not known.any() else known
    taught = known.any(axis=1)
    stratum = _strata(labels, known, at_most)
    count = np.bincount(stratum)
    order = np.random.default_rng(seed).permutation(n)
    turn = np.empty(n, dtype=np.int64)  # how many of its class and fold come before a sample
    turn[order] = _rank(stratum[order] * (int(fold.max()) + 1) + fold[order])
    by_turn = order[np.lexsort((turn[order], stratum[order]))]
    place = _rank(stratum[by_turn])
    least = min(_LEAST, at_most // len(count))
    room = max(0, at_most - int(taught.sum()))
    share = np.where(
        np.bincount(stratum, taught, minlength=len(count)) > 0,
        min(1.0, at_most / taught.sum()),
        min(1.0, room / max(1, n - int(taught.sum()))),
    )
    quota = np.maximum(np.floor(count * share), np.minimum(count, least)).astype(np.int64)
    while quota.sum() > at_most:  # rare classes had more than their share
        quota[quota.argmax()] -= min(quota.max() - least, quota.sum() - at_most)
    return np.sort(by_turn[place < quota[stratum[by_turn]]])


def _strata(labels: np.ndarray, known: np.ndarray, at_most: int) -> np.ndarray:
    """A code for each sample: its class, and which of its outcomes are known; less, where those are too many."""
    classes, some = np.nan_to_num(labels, nan=-1.0), known.any(axis=1)
    several = (np.column_stack(told) for told in ([classes, known], [classes, some]))
    for rows in several:
        codes = np.unique(rows, axis=0, return_inverse=True)[1].reshape(-1)
        if codes.max() < at_most // 2:
            return codes.astype(np.int64)
    return np.asarray(~some).astype(np.int64)


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
