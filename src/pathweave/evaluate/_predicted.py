"""What a fitted method says of new samples, and how methods look from outside."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from pathweave._core.checks import listed

if TYPE_CHECKING:
    from collections.abc import Callable

    from pathweave.evaluate._samples import Samples


@dataclass(frozen=True)
class Predicted:
    """Predictions of some samples.

    Attributes
    ----------
    value
        Class codes (n,), numbers (n, n_targets) or log hazards (n,).
    proba
        Probabilities (n, n_classes) in the order of the classes, where the method gives them.
    survival
        Function of times that gives the probability of surviving each of them (n, n_times), likewise.
    """

    value: np.ndarray
    proba: np.ndarray | None = None
    survival: Callable[[np.ndarray], np.ndarray] | None = None


class Fitter(Protocol):
    """Learns from training samples; gives a function that predicts new ones."""

    def fit(self, train: Samples, *, seed: int) -> Callable[[Samples], Predicted]:
        """Fit."""
        ...

    def describe(self) -> str:
        """Text that differs where the method differs."""
        ...


@dataclass(frozen=True)
class Method:
    """A fitter under a name.

    Attributes
    ----------
    name
        Unique name.
    fitter
        What is fitted.
    kind
        ``"model"``, ``"baseline"`` or ``"null"``.
    of, null
        For a null: the method it is the null of, and what was taken away.
    """

    name: str
    fitter: Fitter = field(repr=False)
    kind: str = "model"
    of: str = ""
    null: str = ""


def spread_proba(proba: np.ndarray, present: np.ndarray, n_classes: int) -> np.ndarray:
    """Put probabilities of the classes that were `present` among all classes; the others get 0."""
    full = np.zeros((len(proba), n_classes))
    full[:, np.asarray(present).astype(int)] = proba
    return full


def from_output(output: Any, samples: Samples, name: str) -> Predicted:
    """Read what a user's function returned: labels, numbers, risks, or a table of probabilities."""
    import pandas as pd

    n = len(samples)
    if not hasattr(output, "__len__"):
        msg = (
            f"{name} returned {type(output).__name__}; predictions for {n} test samples are needed."
        )
        raise TypeError(msg)
    if len(output) != n:
        msg = f"{name} returned {len(output)} predictions for {n} test samples; one each is needed, in their order."
        raise ValueError(msg)
    tabled = isinstance(output, (pd.DataFrame, pd.Series))
    if tabled and set(map(str, output.index)) == set(map(str, samples.names)):
        output = output.loc[list(samples.names)]
    if samples.task == "class":
        return _classes_of(output, samples, name)
    values = np.asarray(output, dtype=np.float64).reshape(n, -1)
    width = len(samples.targets) if samples.task == "number" else 1
    if values.shape[1] != width or not np.isfinite(values).all():
        msg = f"{name} returned numbers of shape {values.shape}; finite ones of shape ({n}, {width}) are needed."
        raise ValueError(msg)
    return Predicted(values if samples.task == "number" else values[:, 0])


def _classes_of(output: Any, samples: Samples, name: str) -> Predicted:
    import pandas as pd

    classes = list(samples.classes)
    if isinstance(output, pd.DataFrame) and set(map(str, output.columns)) <= set(classes):
        table = output.rename(columns=str).reindex(columns=classes, fill_value=0.0)
        proba = table.to_numpy(dtype=np.float64)
        return Predicted(proba.argmax(axis=1), proba)
    labels = np.asarray(output)
    if labels.ndim == 2 and labels.shape[1] == len(classes):
        proba = labels.astype(np.float64)
        return Predicted(proba.argmax(axis=1), proba)
    given = [str(label) for label in labels.ravel()]
    codes = pd.Index(classes).get_indexer(given)
    if len(codes) != len(samples) or (codes < 0).any():
        msg = (
            f"{name} must return class labels (n,) out of {classes}, or probabilities (n, {len(classes)}) "
            f"with the classes as columns, in this order; found {type(output).__name__} of shape {labels.shape}, with "
            f"{listed(dict.fromkeys(given))}."
        )
        raise ValueError(msg)
    return Predicted(codes)
