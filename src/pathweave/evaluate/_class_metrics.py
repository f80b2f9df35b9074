"""Scores of predicted classes and of their probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from pathweave._core.checks import listed

# Rounding of float32 probabilities, which is put right; what is further off is no probability.
_ROUNDING = 1e-5


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
    from sklearn.metrics import accuracy_score

    return float(accuracy_score(*_codes(truth, prediction)))


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
    from sklearn.metrics import recall_score

    # The same number as balanced_accuracy_score, which warns of classes that were only predicted.
    truth, prediction = _codes(truth, prediction)
    return float(recall_score(truth, prediction, labels=np.unique(truth), average="macro"))


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

    return float(f1_score(*_codes(truth, prediction), average="macro", zero_division=0))


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
    from sklearn.metrics import roc_auc_score

    return _one_vs_rest(roc_auc_score, truth, proba, classes)


def auprc(truth: Any, proba: Any, *, classes: Any = None) -> float:
    """Average precision, the area under the curve of precision over recall.

    Of two classes it is the second's; with several, one against the rest, averaged. Chance is the
    class's share of the samples, so values of different data sets cannot be compared.

    Parameters
    ----------
    truth, proba, classes
        As in `auroc`.

    Returns
    -------
    The area, averaged over the classes that some samples have and some have not; NaN if there is none.

    Examples
    --------
    >>> from pathweave import evaluate
    >>> round(evaluate.auprc(["a", "b", "b", "a"], [0.1, 0.8, 0.4, 0.6]), 4)
    0.8333
    """
    from sklearn.metrics import average_precision_score

    return _one_vs_rest(average_precision_score, truth, proba, classes)


def log_loss(truth: Any, proba: Any, *, classes: Any = None) -> float:
    """Mean negative log probability of the true class (clipped at 2.2e-16, as in scikit-learn).

    Parameters
    ----------
    truth, proba, classes
        As in `auroc`.

    Returns
    -------
    The loss in nats.

    Raises
    ------
    ValueError
        If a probability lies outside 0 to 1.

    Examples
    --------
    >>> from pathweave import evaluate
    >>> round(evaluate.log_loss(["a", "b"], [[0.5, 0.5], [0.5, 0.5]]), 4)
    0.6931
    """
    from sklearn.metrics import log_loss as sklearn_log_loss

    code, proba = _coded(truth, proba, classes)
    proba = _probabilities(proba)
    if proba.shape[1] == 1:
        proba = np.hstack([proba, 1.0 - proba])
    return float(sklearn_log_loss(code, proba, labels=np.arange(proba.shape[1])))


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
    code, proba = _coded(truth, proba, classes)
    hit = np.eye(proba.shape[1])[code]
    return float(np.mean(((proba - hit) ** 2).sum(axis=1)))


def calibration_error(truth: Any, proba: Any, *, classes: Any = None, n_bins: int = 10) -> float:
    """Expected calibration error: how far confidence lies from accuracy.

    The confidence is the probability of the most probable class. Samples are put in bins of equal width
    by it (each bin holds its upper edge); the gaps between mean confidence and accuracy of the bins are
    averaged, weighted by samples. Few samples make it too large: compare methods on the same samples.

    Parameters
    ----------
    truth, proba, classes
        As in `auroc`.
    n_bins
        Bins between 0 and 1.

    Returns
    -------
    The error, 0 (calibrated) to 1.

    Raises
    ------
    ValueError
        If a probability lies outside 0 to 1.

    References
    ----------
    Guo, Pleiss, Sun and Weinberger, On calibration of modern neural networks, ICML (2017), equation 5.

    Examples
    --------
    >>> from pathweave import evaluate
    >>> proba = [[0.75, 0.25], [0.75, 0.25], [0.75, 0.25], [0.75, 0.25]]
    >>> evaluate.calibration_error(["a", "a", "a", "b"], proba)
    0.0
    """
    if n_bins < 1:
        msg = f"n_bins={n_bins} must be at least 1."
        raise ValueError(msg)
    code, proba = _coded(truth, proba, classes)
    proba = _probabilities(proba)
    confidence = proba.max(axis=1)
    gap = confidence - (proba.argmax(axis=1) == code)
    bins = np.digitize(confidence, np.linspace(0.0, 1.0, n_bins + 1)[1:-1], right=True)
    return float(np.abs(np.bincount(bins, weights=gap)).sum() / len(code))


def paired(truth: Any, prediction: Any) -> tuple[np.ndarray, np.ndarray]:
    """Two arrays of one length, both numbers or both text."""
    truth, prediction = np.asarray(truth).ravel(), np.asarray(prediction).ravel()
    if len(truth) != len(prediction) or len(truth) == 0:
        msg = f"truth and prediction have {len(truth)} and {len(prediction)} samples; as many are needed, at least 1."
        raise ValueError(msg)
    if not (truth.dtype.kind in "iuf" and prediction.dtype.kind in "iuf"):
        return _text(truth), _text(prediction)
    if np.isnan(truth).any() or np.isnan(prediction).any():
        msg = "truth or prediction holds NaN; leave these samples out."
        raise ValueError(msg)
    return truth, prediction


def _codes(truth: Any, prediction: Any) -> tuple[np.ndarray, np.ndarray]:
    """Classes as their positions among all that occur."""
    truth, prediction = paired(truth, prediction)
    code = np.unique(np.concatenate([truth, prediction]), return_inverse=True)[1]
    return code[: len(truth)], code[len(truth) :]


def _one_vs_rest(metric: Any, truth: Any, proba: Any, classes: Any) -> float:
    """Average a metric of two classes over the classes for which it is defined."""
    code, proba = _coded(truth, proba, classes)
    n_classes = proba.shape[1]
    values = [
        metric(code == k, proba[:, k])
        for k in ([1] if n_classes == 2 else range(n_classes))
        if 0 < np.count_nonzero(code == k) < len(code)
    ]
    return float(np.mean(values)) if values else float("nan")


def _coded(truth: Any, proba: Any, classes: Any) -> tuple[np.ndarray, np.ndarray]:
    """Truth as positions (n,) in the columns of the probabilities (n, n_classes), classes sorted."""
    truth = np.asarray(truth).ravel()
    given = classes is not None or isinstance(proba, pd.DataFrame)
    if isinstance(proba, pd.DataFrame) and classes is None:
        classes = proba.columns
    classes = np.asarray(classes) if given else np.unique(truth)
    proba = np.asarray(proba, dtype=np.float64)
    if proba.ndim == 1:
        proba = np.stack([1.0 - proba, proba], axis=1)
    if proba.shape != (len(truth), len(classes)) or len(truth) == 0:
        msg = (
            f"proba has shape {proba.shape}, but there are {len(truth)} samples and {len(classes)} classes "
            f"({listed(classes, 10)}). Give a table with the classes as columns, or classes=."
        )
        raise ValueError(msg)
    if not np.isfinite(proba).all():
        msg = "proba holds NaN or infinite values; leave these samples out."
        raise ValueError(msg)
    # Columns of another order give the same number to the last digit; but of two, the second stays it.
    if len(classes) > 2:
        order = np.argsort(classes if classes.dtype.kind in "iufU" else _text(classes))
        classes, proba = classes[order], proba[:, order]
    truth, names = _text(truth), _text(classes)
    code = pd.Index(names).get_indexer(truth) if len(set(names)) == len(names) else None
    if code is None:
        msg = f"classes are not unique: {listed(names, 10)}; name each column once."
        raise ValueError(msg)
    if (code < 0).any():
        unknown = np.unique(truth[code < 0])
        msg = f"truth holds {listed(unknown)}, of which proba knows nothing (classes: {listed(names, 10)})."
        raise ValueError(msg)
    return code, proba


def _probabilities(proba: np.ndarray) -> np.ndarray:
    """Check the range, and put right what rounding to float32 did to range and sums."""
    if proba.min() < -_ROUNDING or proba.max() > 1.0 + _ROUNDING:
        msg = (
            f"proba holds values from {proba.min():g} to {proba.max():g}; probabilities lie between "
            "0 and 1. Scores and log odds must be turned into probabilities first."
        )
        raise ValueError(msg)
    proba = np.clip(proba, 0.0, 1.0)
    total = proba.sum(axis=1, keepdims=True)
    rounded = (np.abs(total - 1.0) > 1e-9) & (np.abs(total - 1.0) < _ROUNDING)
    return np.where(rounded, proba / np.where(rounded, total, 1.0), proba)


def _text(labels: np.ndarray) -> np.ndarray:
    """Labels as text, 1.0 as 1: a column that once held NaN has floats where another has integers."""
    values = labels.tolist()
    return np.array(
        [str(int(v)) if isinstance(v, float) and v.is_integer() else str(v) for v in values]
    )
