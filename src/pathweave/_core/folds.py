"""Cross-validation folds that hold every class, as evenly as it goes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd


def folds(labels: Any, *, n_folds: int = 5, seed: int = 0) -> np.ndarray:
    """Deal samples into folds, stratified by label.

    Each class is shuffled and dealt out in turn, going on where the class before it stopped: the folds
    differ by at most one sample, in size as in every class. Classes with fewer samples than folds
    are missing from some folds. Unlabelled samples are dealt out like one more class. Numbers that are not
    whole, or that hardly repeat, are not classes: such samples are dealt out at random.

    Parameters
    ----------
    labels
        One label a sample: classes, booleans, the event of a survival time, or numbers; NaN or None
        where unknown.
    n_folds
        Number of folds.
    seed
        Seed of the shuffling.

    Returns
    -------
    Fold of each sample, integers 0 to ``n_folds - 1``, shape (n,).

    Raises
    ------
    ValueError
        If there are fewer than two folds, or fewer samples than folds.

    Examples
    --------
    >>> from pathweave import evaluate
    >>> fold = evaluate.folds(["a", "a", "b", "b", None, None], n_folds=2)
    >>> sorted(fold[:2]), sorted(fold[2:4]), sorted(fold[4:])
    ([np.int64(0), np.int64(1)], [np.int64(0), np.int64(1)], [np.int64(0), np.int64(1)])
    """
    series = pd.Series(np.asarray(labels, dtype=object) if isinstance(labels, list) else labels)
    if n_folds < 2:
        msg = f"n_folds={n_folds!r}: at least 2 folds are needed."
        raise ValueError(msg)
    if len(series) < n_folds:
        msg = f"n_folds={n_folds!r} is more than the {len(series)} sample(s); take fewer folds."
        raise ValueError(msg)
    stratum = _strata(series)
    rng = np.random.default_rng(seed)
    dealt = rng.permutation(n_folds)
    order = rng.permutation(len(series))
    order = order[np.argsort(stratum[order], kind="stable")]
    fold = np.empty(len(series), dtype=np.int64)
    fold[order] = dealt[np.arange(len(series)) % n_folds]
    return fold


def folds_of_groups(labels: np.ndarray, groups: Any, *, n_folds: int, seed: int) -> np.ndarray:
    """Deal samples into folds, stratified as far as whole groups allow.

    Parameters
    ----------
    labels
        One label a sample (n,); those with many values are no strata.
    groups
        Group of each sample (n,), or ``None``: then as `folds`.
    n_folds
        Number of folds; no more than groups are made.
    seed
        Seed of the shuffling.

    Returns
    -------
    Fold of each sample (n,).
    """
    if groups is None:
        return folds(labels, n_folds=min(n_folds, len(labels)), seed=seed)
    import warnings

    from sklearn.model_selection import GroupKFold, StratifiedGroupKFold

    groups = np.asarray(groups)
    n_folds = min(n_folds, len(np.unique(groups)))
    classes = labels if len(np.unique(labels)) <= max(2, len(labels) / 4) else None
    fold = np.zeros(len(labels), dtype=np.int64)
    strata = None if classes is None else np.unique(classes, return_inverse=True)[1]
    rare = strata is None or np.bincount(strata).max() < n_folds
    kind = GroupKFold if rare else StratifiedGroupKFold
    dealer = kind(n_folds, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The least populated class")
        for k, (_, test) in enumerate(dealer.split(labels[:, None], strata, groups)):
            fold[test] = k
    return np.unique(fold, return_inverse=True)[1]  # with few groups one may have come out empty


def _strata(labels: pd.Series) -> np.ndarray:
    """Class codes, -1 where unknown; one class for all numbers that are no labels."""
    codes = pd.factorize(labels.astype(object), sort=False)[0]
    if labels.dtype == object:
        labels = labels.infer_objects()
    if labels.dtype.kind == "f" or (labels.dtype.kind in "iu"):
        present = labels.dropna().to_numpy(dtype=np.float64)
        whole = bool(np.all(present == np.round(present)))
        if not whole or len(np.unique(present)) > max(2, len(present) / 4):
            return np.where(labels.isna(), -1, 0)
    return codes
