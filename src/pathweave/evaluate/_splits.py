"""Splits into training and test part: stratified, grouped, by site, forward in time, or the user's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pathweave._core.checks import listed
from pathweave._core.folds import folds, grouped_folds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pathweave.evaluate._samples import Samples

_MIN_TRAIN = 8


@dataclass(frozen=True)
class Split:
    """One training and test part: positions of samples."""

    repeat: int
    fold: int
    train: np.ndarray
    test: np.ndarray


class InnerFolds:
    """Folds inside a training part, for scikit-learn's ``cv=``; they keep groups together.

    Unlike ``StratifiedKFold`` they never refuse or warn about rare classes.
    """

    def __init__(self, n_folds: int, seed: int) -> None:
        self.n_folds = n_folds
        self.seed = seed

    def __repr__(self) -> str:
        """Tell the parameters, by which kept fits are known."""
        return f"InnerFolds({self.n_folds}, {self.seed})"

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:  # noqa: ARG002
        """Return the number of folds."""
        return self.n_folds

    def split(
        self, X: Any, y: Any = None, groups: Any = None
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Give training and validation positions of each fold."""
        labels = np.zeros(len(X)) if y is None else np.asarray(y)
        labels = labels[:, -1] if labels.ndim == 2 else labels
        fold = _folds_of(labels, groups, n_folds=self.n_folds, seed=self.seed)
        for k in np.unique(fold):
            yield np.flatnonzero(fold != k), np.flatnonzero(fold == k)


def _folds_of(labels: np.ndarray, groups: Any, *, n_folds: int, seed: int) -> np.ndarray:
    """Fold of each sample, stratified, with groups kept whole."""
    if groups is None:
        return folds(labels, n_folds=min(n_folds, len(labels)), seed=seed)
    return grouped_folds(labels, groups, n_folds=n_folds, seed=seed)


def make_splits(
    samples: Samples,
    *,
    n_folds: int,
    n_repeats: int,
    seed: int,
    site: np.ndarray | None = None,
    time: np.ndarray | None = None,
    splits: Any = None,
) -> list[Split]:
    """Make the splits.

    Parameters
    ----------
    samples
        The samples; their groups are never torn.
    n_folds, n_repeats, seed
        Folds, how often they are dealt anew, and the seed.
    site
        Codes (n,): each site in turn is the test part.
    time
        Numbers (n,): samples are ordered by it, and each block is predicted from all blocks before it.
    splits
        The user's own: fold of each sample (n,), (train, test) pairs, or a scikit-learn splitter.

    Returns
    -------
    The splits, repeat by repeat.
    """
    n = len(samples)
    given = [
        name
        for name, value in (
            ("groups", samples.groups),
            ("site", site),
            ("time", time),
            ("splits", splits),
        )
        if value is not None
    ]
    if len(given) > 1 and given not in (["groups", "time"], ["groups", "splits"]):
        msg = f"{' and '.join(given)} each say how to split; give one of them."
        raise ValueError(msg)
    for name, value in (("n_folds", n_folds), ("n_repeats", n_repeats)):
        if not isinstance(value, (int, np.integer)) or value < 1:
            msg = f"{name}={value!r} must be a whole number of 1 or more."
            raise ValueError(msg)
    if splits is not None:
        y = samples.y[:, 0] if samples.task == "class" else samples.y[:, -1]
        made = read_splits(splits, samples.names, y, samples.groups)
    elif site is not None:
        made = [
            Split(0, k, np.flatnonzero(site != s), np.flatnonzero(site == s))
            for k, s in enumerate(np.unique(site))
        ]
        if len(made) < 2:
            msg = "site names one site only; two are the least that can be compared."
            raise ValueError(msg)
    elif time is not None:
        made = _forward(time, n_folds)
    else:
        made = _repeated(samples, n_folds, n_repeats, seed)
    for split in made:
        if len(split.train) < _MIN_TRAIN or len(split.test) < 1:
            msg = (
                f"repeat {split.repeat}, fold {split.fold}: {len(split.train)} training and "
                f"{len(split.test)} test samples of {n}; at least {_MIN_TRAIN} and 1 are needed. "
                "Take fewer folds, or merge small sites."
            )
            raise ValueError(msg)
        _check_groups(split, samples.groups)
    return made


def _repeated(samples: Samples, n_folds: int, n_repeats: int, seed: int) -> list[Split]:
    """Stratified folds, dealt anew in every repeat."""
    labels = samples.y[:, 1] if samples.task == "survival" else samples.y[:, 0]
    if samples.task == "number":
        labels = np.zeros(len(labels))
    n_groups = None if samples.groups is None else len(np.unique(samples.groups))
    if n_groups is not None and n_groups < n_folds:
        msg = f"n_folds={n_folds!r} is more than the {n_groups} group(s); take fewer folds."
        raise ValueError(msg)
    made = []
    for repeat in range(n_repeats):
        if samples.groups is None:
            fold = folds(labels, n_folds=n_folds, seed=seed + repeat)
        else:
            fold = _folds_of(labels, samples.groups, n_folds=n_folds, seed=seed + repeat)
        made += [
            Split(repeat, int(k), np.flatnonzero(fold != k), np.flatnonzero(fold == k))
            for k in np.unique(fold)
        ]
    return made


def _forward(time: np.ndarray, n_folds: int) -> list[Split]:
    """Blocks of time, each predicted from all before it; equal times stay together."""
    if n_folds < 2:
        msg = f"n_folds={n_folds!r}: at least 2 are needed."
        raise ValueError(msg)
    edges = np.unique(np.quantile(time, np.arange(1, n_folds + 1) / (n_folds + 1)))
    block = np.searchsorted(edges, time, side="left")
    blocks = np.unique(block)
    if len(blocks) < 2:
        msg = "time does not tell samples apart; it must take several values."
        raise ValueError(msg)
    return [
        Split(0, k, np.flatnonzero(block < b), np.flatnonzero(block == b))
        for k, b in enumerate(blocks[1:])
    ]


def read_splits(
    splits: Any, names: np.ndarray, y: np.ndarray | None = None, groups: np.ndarray | None = None
) -> list[Split]:
    """Read the user's own splits of the samples with these names."""
    n = len(names)
    if hasattr(splits, "split") and not isinstance(splits, str):
        pairs = list(splits.split(np.zeros((n, 1)), y, groups))
    else:
        if isinstance(splits, str) or not hasattr(splits, "__iter__"):
            msg = (
                f"splits={splits!r} must be the fold of each sample, (train, test) pairs or a scikit-learn "
                "splitter; n_folds= says how many folds are dealt."
            )
            raise TypeError(msg)
        values = list(splits)
        if values and np.isscalar(values[0]):
            fold = np.asarray(values)
            if len(fold) != n:
                msg = (
                    f"splits holds the folds of {len(fold)} samples; there are {n} with a known outcome "
                    "(in the order of mdata.obs_names)."
                )
                raise ValueError(msg)
            pairs = [
                (np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in np.unique(fold)
            ]
        else:
            pairs = values
    made = []
    for k, pair in enumerate(pairs):
        train, test = (_positions(part, n) for part in pair)
        both = np.intersect1d(train, test)
        if len(both):
            msg = f"splits: fold {k} has {len(both)} sample(s) in training and test part: {listed(names[both])}."
            raise ValueError(msg)
        made.append(Split(0, k, train, test))
    return _as_repeats(made)


def _positions(part: Any, n: int) -> np.ndarray:
    part = np.asarray(part)
    if part.dtype == bool:
        part = np.flatnonzero(part)
    if part.ndim != 1 or (len(part) and (part.min() < 0 or part.max() >= n)):
        msg = f"splits must hold positions 0 to {n - 1} of the samples with a known outcome, or masks of them."
        raise ValueError(msg)
    return part.astype(np.int64)


def _as_repeats(made: list[Split]) -> list[Split]:
    """Number repeats: a new one begins where a test sample comes back."""
    seen: set[int] = set()
    repeat = fold = 0
    numbered = []
    for split in made:
        if seen & set(split.test.tolist()):
            seen, repeat, fold = set(), repeat + 1, 0
        seen |= set(split.test.tolist())
        numbered.append(Split(repeat, fold, split.train, split.test))
        fold += 1
    return numbered


def _check_groups(split: Split, groups: np.ndarray | None) -> None:
    if groups is None:
        return
    shared = np.intersect1d(groups[split.train], groups[split.test])
    if len(shared):
        msg = (
            f"repeat {split.repeat}, fold {split.fold}: {len(shared)} group(s) have samples in training and "
            "test part; split by group."
        )
        raise ValueError(msg)
