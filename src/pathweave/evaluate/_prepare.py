"""What is learned before a method, inside its training part: batch effects, selection, thresholds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pathweave.evaluate._association import filled, strength
from pathweave.evaluate._splits import InnerFolds
from pathweave.pp import ComBat

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pathweave.evaluate._predicted import Method, Predicted
    from pathweave.evaluate._samples import Samples


def prepare(
    methods: Sequence[Method],
    *,
    correct: bool,
    select: int | None,
    tune_threshold: bool,
    n_inner: int,
) -> list[Method]:
    """Put the steps before every method: batch correction, selection, threshold."""
    made = []
    for method in methods:
        fitter: Any = method.fitter
        if select is not None:
            fitter = Prepared(fitter, select)
        if correct:
            fitter = Corrected(fitter)
        if tune_threshold:
            fitter = Thresholded(fitter, n_inner)
        made.append(replace(method, fitter=fitter))
    return made


@dataclass(frozen=True)
class Prepared:
    """A method behind a selection of features that is learned in `fit`.

    Attributes
    ----------
    fitter
        The method.
    select
        Number of features of each layer to keep: those most associated with the outcome.
    """

    fitter: Any
    select: int

    def describe(self) -> str:
        """Tell the selection and the method."""
        return f"select={self.select} {self.fitter.describe()}"

    def fit(self, train: Samples, *, seed: int) -> Callable[[Samples], Predicted]:
        """Learn the selection and the method from training samples."""
        kept = {k: _associated(train, k, self.select) for k in train.layers}
        predict = self.fitter.fit(_selected(train, kept), seed=seed)
        return lambda new: predict(_selected(new, kept))


@dataclass(frozen=True)
class Corrected:
    """A method behind ComBat, which is learned in `fit` from the training samples of each layer.

    Attributes
    ----------
    fitter
        The method.
    """

    fitter: Any

    def describe(self) -> str:
        """Tell the correction and the method."""
        return f"ComBat {self.fitter.describe()}"

    def fit(self, train: Samples, *, seed: int) -> Callable[[Samples], Predicted]:
        """Learn the batches' effects, and the method from corrected training samples."""
        known = {k: _batch_effects(train, k) for k in train.layers}
        predict = self.fitter.fit(_corrected(train, known), seed=seed)
        return lambda new: predict(_corrected(new, known))


def _batch_effects(train: Samples, layer: str) -> ComBat | None:
    """ComBat of a layer; nothing where its training samples are of one batch."""
    has = train.has(layer)
    batch = train.batch[has] if train.batch is not None else np.empty(0)
    if len(np.unique(batch)) < 2:
        return None
    alone = bool(np.unique(batch, return_counts=True)[1].min() < 2)
    return ComBat(mean_only=alone).fit(train.layers[layer][has], batch)


def _corrected(samples: Samples, known: dict[str, ComBat | None]) -> Samples:
    """Samples without the batches' effects; batches that training did not hold stay as they are."""
    layers = dict(samples.layers)
    for layer, combat in known.items():
        if combat is None or samples.batch is None:
            continue
        rows = np.flatnonzero(np.isin(samples.batch, combat.batches_))
        layers[layer] = samples.layers[layer].copy()
        layers[layer][rows] = combat.transform(samples.layers[layer][rows], samples.batch[rows])
    return replace(samples, layers=layers)


def _associated(train: Samples, layer: str, select: int) -> np.ndarray:
    """Positions of the features most associated with the outcome, in their order."""
    x = train.layers[layer]
    if select >= x.shape[1]:
        return np.arange(x.shape[1])
    has = train.has(layer)
    strength = association(x[has], train.y[has], train.task)
    return np.sort(np.argsort(-strength, kind="stable")[:select])


def association(x: np.ndarray, y: np.ndarray, task: str) -> np.ndarray:
    """Strength of each feature's association with the outcome (n_features,); -inf for constant ones.

    Classes: variance explained, which ranks as the F of the analysis of variance does. Numbers: the largest
    squared correlation with a target. Survival: score test of a Cox model with this feature alone. A gap counts as
    the feature's mean.
    """
    if len(x) < 3:
        return np.zeros(x.shape[1])
    x = filled(x)
    if task == "survival":
        found = strength(x, y, task)
    else:
        known = [~np.isnan(column) for column in y.T]
        found = np.max(
            [strength(x[k], column[k], task) for k, column in zip(known, y.T, strict=True)], axis=0
        )
    varies = np.ptp(x, axis=0) > 1e-12 * np.abs(x).max(axis=0)
    return np.where(varies, found, -np.inf)


def _selected(samples: Samples, kept: dict[str, np.ndarray]) -> Samples:
    return replace(
        samples,
        layers={k: x[:, kept[k]] for k, x in samples.layers.items()},
        features={k: names[kept[k]] for k, names in samples.features.items()},
    )


@dataclass(frozen=True)
class Thresholded:
    """A method of two classes whose threshold is set on inner folds: the best balanced accuracy.

    Attributes
    ----------
    fitter
        The method; it is fitted once more for every inner fold.
    n_inner
        Inner folds.
    """

    fitter: Any
    n_inner: int

    def describe(self) -> str:
        """Tell the method."""
        return f"threshold by {self.n_inner} folds {self.fitter.describe()}"

    def fit(self, train: Samples, *, seed: int) -> Callable[[Samples], Predicted]:
        """Fit the method, and its threshold on samples it had not seen."""
        labels = train.y[:, 0]
        held_out = np.full(len(train), np.nan)
        for inside, held in InnerFolds(self.n_inner, seed).split(labels, labels, train.groups):
            said = self.fitter.fit(train.take(inside), seed=seed)(train.take(held))
            if said.proba is not None:
                held_out[held] = said.proba[:, 1]
        predict = self.fitter.fit(train, seed=seed)
        if np.isnan(held_out).any():
            return predict
        threshold = best_threshold(labels, held_out)

        def decide(new: Samples) -> Predicted:
            said = predict(new)
            if said.proba is None:
                return said
            return replace(said, value=(said.proba[:, 1] >= threshold).astype(int))

        return decide


def best_threshold(labels: np.ndarray, proba: np.ndarray) -> float:
    """Threshold of the best balanced accuracy: midway between two probabilities (Youden's J)."""
    order = np.argsort(proba, kind="stable")
    p, hit = proba[order], labels[order] == 1
    # A threshold after position i calls what comes later positive.
    sensitivity = 1.0 - np.concatenate([[0], np.cumsum(hit)]) / max(hit.sum(), 1)
    specificity = np.concatenate([[0], np.cumsum(~hit)]) / max((~hit).sum(), 1)
    edges = np.concatenate([[0.0], (p[1:] + p[:-1]) / 2, [1.0]])
    possible = np.concatenate([[True], p[1:] > p[:-1], [True]])
    return float(edges[np.argmax(np.where(possible, sensitivity + specificity, -1.0))])
