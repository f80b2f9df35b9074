"""Scores of predictions: classes, numbers, survival."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd

from pathweave._core.checks import check_choice, listed
from pathweave._core.metrics import concordance_index


def accuracy(truth: Any, prediction: Any) -> float:
    """Fraction of samples whose class was predicted.

    Parameters
    ----------
    truth, prediction
        Classes, shape (n,).

    Returns
    -------
    The fraction.

    Examples
    --------
    >>> from pathweave import evaluate
    >>> evaluate.accuracy(["a", "b"], ["a", "a"])
    0.5
    """
    truth, prediction = _pair(truth, prediction)
    return float(np.mean(truth == prediction))


def balanced_accuracy(truth: Any, prediction: Any) -> float:
    """Recall averaged over the classes that occur.

    Parameters
    ----------
    truth, prediction
        Classes, shape (n,).

    Returns
    -------
    The mean recall; chance is 1 / number of classes.

    Examples
    --------
    >>> from pathweave import evaluate
    >>> evaluate.balanced_accuracy(["a", "a", "a", "b"], ["a", "a", "a", "a"])
    0.5
    """
    truth, prediction = _pair(truth, prediction)
    return float(np.mean([np.mean(prediction[truth == c] == c) for c in np.unique(truth)]))


def macro_f1(truth: Any, prediction: Any) -> float:
    """F1 averaged over the classes that occur in the truth or the prediction.

    Parameters
    ----------
    truth, prediction
        Classes, shape (n,).

    Returns
    -------
    The mean; a class that is never hit counts 0.

    Examples
    --------
    >>> from pathweave import evaluate
    >>> evaluate.macro_f1(["a", "a", "b", "b"], ["a", "a", "b", "b"])
    1.0
    """
    from sklearn.metrics import f1_score

    truth, prediction = _pair(truth, prediction)
    return float(f1_score(truth, prediction, average="macro", zero_division=0))


def auroc(truth: Any, proba: Any, *, classes: Any = None) -> float:
    """Area under the ROC curve; with several classes one against the rest, averaged.

    Parameters
    ----------
    truth
        Classes, shape (n,).
    proba
        Probabilities (n, n_classes), a table with the classes as columns, or of two classes the second's
        (n,).
    classes
        Names of the columns, if `proba` is no table; by default the sorted classes of `truth`.

    Returns
    -------
    The area, averaged over the classes that some samples have and some have not; NaN if there is none.

    Examples
    --------
    >>> from pathweave import evaluate
    >>> evaluate.auroc(["a", "b", "b"], [0.1, 0.8, 0.7])
    1.0
    """
    from scipy.stats import rankdata

    hit, proba = _one_hot(truth, proba, classes)
    if hit.shape[1] == 2:
        hit, proba = hit[:, 1:], proba[:, 1:]
    n_in = hit.sum(axis=0)
    n_out = len(hit) - n_in
    defined = (n_in > 0) & (n_out > 0)
    if not defined.any():
        return float("nan")
    ranks = rankdata(proba, axis=0)
    won = (ranks * hit).sum(axis=0) - n_in * (n_in + 1) / 2
    return float(np.mean(won[defined] / (n_in * n_out)[defined]))


def log_loss(truth: Any, proba: Any, *, classes: Any = None) -> float:
    """Mean negative log probability of the true class (clipped at 1e-15).

    Parameters
    ----------
    truth, proba, classes
        As in `auroc`.

    Returns
    -------
    The loss in nats.

    Examples
    --------
    >>> from pathweave import evaluate
    >>> round(evaluate.log_loss(["a", "b"], [[0.5, 0.5], [0.5, 0.5]]), 4)
    0.6931
    """
    hit, proba = _one_hot(truth, proba, classes)
    return float(-np.mean(np.log(np.clip((hit * proba).sum(axis=1), 1e-15, None))))


def brier(truth: Any, proba: Any, *, classes: Any = None) -> float:
    """Mean squared distance of the probabilities from the truth, summed over all classes.

    Parameters
    ----------
    truth, proba, classes
        As in `auroc`.

    Returns
    -------
    The score, 0 (perfect) to 2.

    Examples
    --------
    >>> from pathweave import evaluate
    >>> evaluate.brier(["a", "b"], [[0.5, 0.5], [0.5, 0.5]])
    0.5
    """
    hit, proba = _one_hot(truth, proba, classes)
    return float(np.mean(((proba - hit) ** 2).sum(axis=1)))


def r2(truth: Any, prediction: Any) -> float:
    """Fraction of the variance explained.

    Parameters
    ----------
    truth, prediction
        Numbers, shape (n,).

    Returns
    -------
    The fraction; below 0 where the mean would have done better, NaN if the truth is constant.

    Examples
    --------
    >>> from pathweave import evaluate
    >>> evaluate.r2([1.0, 2.0, 3.0], [1.0, 2.0, 3.0])
    1.0
    """
    truth, prediction = _numbers(truth, prediction)
    total = ((truth - truth.mean()) ** 2).sum()
    return float(1.0 - ((truth - prediction) ** 2).sum() / total) if total > 0 else float("nan")


def pearson(truth: Any, prediction: Any) -> float:
    """Pearson's correlation of prediction and truth.

    Parameters
    ----------
    truth, prediction
        Numbers, shape (n,).

    Returns
    -------
    The correlation; 0 for a constant prediction, NaN if the truth is constant.

    Examples
    --------
    >>> from pathweave import evaluate
    >>> round(evaluate.pearson([1.0, 2.0, 3.0], [2.0, 4.0, 6.0]), 6)
    1.0
    """
    truth, prediction = _numbers(truth, prediction)
    if np.ptp(truth) == 0:
        return float("nan")
    if np.ptp(prediction) == 0:
        return 0.0
    return float(np.corrcoef(truth, prediction)[0, 1])


def score(
    truth: Any,
    prediction: Any,
    proba: Any = None,
    *,
    task: Literal["class", "number", "survival"],
) -> dict[str, float]:
    """Score a prediction with everything that suits the task.

    Samples without a truth are left out.

    Parameters
    ----------
    truth
        Classes or numbers (n,); for survival times and events (n, 2).
    prediction
        Classes, numbers or log hazards (n,).
    proba
        Probabilities of the classes (n, n_classes), best as a table with the classes as columns.
    task
        ``"class"``: accuracy, balanced_accuracy, macro_f1, and with `proba` auroc, log_loss, brier;
        ``"number"``: r2, pearson, mse; ``"survival"``: c_index.

    Returns
    -------
    The scores by name.

    Examples
    --------
    >>> from pathweave import evaluate
    >>> evaluate.score([[1, 1], [2, 1], [3, 0]], [0.9, 0.5, 0.1], task="survival")
    {'c_index': 1.0}
    """
    check_choice("task", task, ("class", "number", "survival"))
    if task == "survival":
        times = np.asarray(truth, dtype=np.float64)
        if times.ndim != 2 or times.shape[1] != 2:
            msg = f"truth must hold times and events, shape (n, 2), for task='survival'; found {times.shape}."
            raise ValueError(msg)
        known = ~np.isnan(times).any(axis=1)
        risk = np.asarray(prediction, dtype=np.float64).ravel()[known]
        return {"c_index": concordance_index(times[known, 0], times[known, 1], risk)}
    known = ~np.asarray(pd.isna(pd.Series(np.asarray(truth, dtype=object).ravel())))
    truth = np.asarray(truth).ravel()[known]
    prediction = np.asarray(prediction).ravel()[known]
    if task == "number":
        truth, prediction = _numbers(truth, prediction)
        mse = float(np.mean((truth - prediction) ** 2))
        return {"r2": r2(truth, prediction), "pearson": pearson(truth, prediction), "mse": mse}
    scores = {
        "accuracy": accuracy(truth, prediction),
        "balanced_accuracy": balanced_accuracy(truth, prediction),
        "macro_f1": macro_f1(truth, prediction),
    }
    if proba is not None:
        proba = proba.loc[known] if isinstance(proba, pd.DataFrame) else np.asarray(proba)[known]
        scores["auroc"] = auroc(truth, proba)
        scores["log_loss"] = log_loss(truth, proba)
        scores["brier"] = brier(truth, proba)
    return scores


def _pair(truth: Any, prediction: Any) -> tuple[np.ndarray, np.ndarray]:
    truth, prediction = np.asarray(truth).ravel(), np.asarray(prediction).ravel()
    if len(truth) != len(prediction) or len(truth) == 0:
        msg = f"truth and prediction have {len(truth)} and {len(prediction)} samples; as many are needed, at least 1."
        raise ValueError(msg)
    if not (truth.dtype.kind in "iuf" and prediction.dtype.kind in "iuf"):
        return _text(truth), _text(prediction)
    return truth, prediction


def _numbers(truth: Any, prediction: Any) -> tuple[np.ndarray, np.ndarray]:
    truth, prediction = _pair(np.asarray(truth, np.float64), np.asarray(prediction, np.float64))
    if np.isnan(truth).any() or np.isnan(prediction).any():
        msg = "truth or prediction holds NaN; leave these samples out."
        raise ValueError(msg)
    return truth, prediction


def _one_hot(truth: Any, proba: Any, classes: Any) -> tuple[np.ndarray, np.ndarray]:
    """Truth as 0/1 beside probabilities, both (n, n_classes)."""
    truth = np.asarray(truth).ravel()
    if isinstance(proba, pd.DataFrame):
        classes = proba.columns if classes is None else classes
    classes = np.unique(truth) if classes is None else np.asarray(classes)
    proba = np.asarray(proba, dtype=np.float64)
    if proba.ndim == 1:
        proba = np.stack([1.0 - proba, proba], axis=1)
    if proba.shape != (len(truth), len(classes)):
        msg = (
            f"proba has shape {proba.shape}, but there are {len(truth)} samples and {len(classes)} classes "
            f"({listed(classes, 10)}). Give a table with the classes as columns, or classes=."
        )
        raise ValueError(msg)
    if np.isnan(proba).any():
        msg = "proba holds NaN; leave these samples out."
        raise ValueError(msg)
    truth, classes = _text(truth), _text(classes)
    unknown = np.setdiff1d(truth, classes)
    if len(unknown):
        msg = f"truth holds {listed(unknown)}, of which proba knows nothing (classes: {listed(classes, 10)})."
        raise ValueError(msg)
    return (truth[:, None] == classes).astype(np.float64), proba


def _text(labels: np.ndarray) -> np.ndarray:
    """Labels as text, 1.0 as 1: a column that once held NaN has floats where another has integers."""
    values = labels.tolist()
    return np.array(
        [str(int(v)) if isinstance(v, float) and v.is_integer() else str(v) for v in values]
    )
