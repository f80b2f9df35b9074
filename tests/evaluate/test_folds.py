"""Folds: balanced, repeatable, and calm about odd labels."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pathweave.evaluate import folds


def _spread(fold, members, n_folds):
    counts = np.bincount(fold[members], minlength=n_folds)
    return int(counts.max() - counts.min())


@pytest.mark.parametrize("kind", ["object", "category", "float codes", "event"])
def test_every_class_and_the_unlabelled_are_dealt_evenly(kind):
    rng = np.random.default_rng(0)
    codes = rng.choice([0.0, 1.0, 2.0, np.nan], size=97, p=[0.6, 0.25, 0.05, 0.1])
    if kind == "event":
        codes = np.where(codes == 2.0, 0.0, codes)
    labels = codes
    if kind in {"object", "category"}:
        labels = pd.Series(codes).map({0.0: "x", 1.0: "y", 2.0: "z"}).astype(kind)
    fold = folds(labels, n_folds=5)
    assert set(fold) == set(range(5))
    assert _spread(fold, np.full(97, True), 5) <= 1
    for value in (0.0, 1.0, 2.0):
        assert _spread(fold, codes == value, 5) <= 1
    assert _spread(fold, np.isnan(codes), 5) <= 1


def test_numbers_and_unlabelled_samples_are_dealt_at_random():
    numbers = np.random.default_rng(0).normal(size=23)
    for labels in (numbers, np.full(23, np.nan), np.arange(23)):
        assert _spread(folds(labels, n_folds=4), np.full(23, True), 4) <= 1
    assert not np.array_equal(folds(np.arange(23)), np.arange(23) % 5)


def test_same_seed_same_folds():
    labels = ["a"] * 20 + ["b"] * 9
    assert np.array_equal(folds(labels, seed=3), folds(labels, seed=3))
    assert not np.array_equal(folds(labels, seed=3), folds(labels, seed=4))


def test_a_class_smaller_than_the_folds_is_spread():
    fold = folds(["a"] * 20 + ["b"] * 3, n_folds=5)
    assert len(set(fold[20:])) == 3


@pytest.mark.parametrize("n_folds", [1, 4])
def test_impossible_numbers_of_folds(n_folds):
    with pytest.raises(ValueError, match="n_folds"):
        folds(["a", "b", "a"], n_folds=n_folds)
