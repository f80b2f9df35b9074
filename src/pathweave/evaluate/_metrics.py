"""Scores of predictions: classes, numbers, survival."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd

from pathweave._core.checks import check_choice
from pathweave._core.metrics import concordance_index
from pathweave.evaluate._class_metrics import (
    accuracy,
    auprc,
    auroc,
    balanced_accuracy,
    brier,
    calibration_error,
    log_loss,
    macro_f1,
    paired,
)
from pathweave.evaluate._survival_metrics import auc_at, concordance_index_ipcw, integrated_brier

LOWER_IS_BETTER = frozenset({"log_loss", "brier", "calibration_error", "mse", "integrated_brier"})
"""Metrics of which less is better."""


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
    from sklearn.metrics import r2_score

    truth, prediction = _numbers(truth, prediction)
    if np.ptp(truth) == 0:
        return float("nan")
    value = float(r2_score(truth, prediction, force_finite=False))
    return value if np.isfinite(value) else float("nan")


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
    train: Any = None,
    times: Any = None,
    survival: Any = None,
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
        ``"class"``: accuracy, balanced_accuracy, macro_f1, and with `proba` auroc, auprc, log_loss, brier,
        calibration_error; ``"number"``: r2, pearson, mse; ``"survival"``: c_index, and with `train` and `times`
        c_index_ipcw, auc_t, and with `survival` integrated_brier.
    train
        Times and events (n_train, 2) of the training samples, from which censoring is learned.
    times
        Times (n_times,) inside the follow-up of both parts, increasing, at which survival is judged; c_index_ipcw
        counts the events before the last.
    survival
        Probability of surviving each of these times (n, n_times).

    Returns
    -------
    The scores by name.

    Examples
    --------
    >>> from pathweave import evaluate
    >>> evaluate.score([[1, 1], [2, 1], [3, 0]], [0.9, 0.5, 0.1], task="survival")
    {'c_index': 1.0}
    """
    from sklearn.metrics import mean_squared_error

    check_choice("task", task, ("class", "number", "survival"))
    if task == "survival":
        return _of_survival(truth, prediction, train, times, survival)
    known = ~np.asarray(pd.isna(pd.Series(np.asarray(truth, dtype=object).ravel())))
    truth = np.asarray(truth).ravel()[known]
    prediction = np.asarray(prediction).ravel()[known]
    if task == "number":
        truth, prediction = _numbers(truth, prediction)
        mse = float(mean_squared_error(truth, prediction))
        return {"r2": r2(truth, prediction), "pearson": pearson(truth, prediction), "mse": mse}
    scores = {
        "accuracy": accuracy(truth, prediction),
        "balanced_accuracy": balanced_accuracy(truth, prediction),
        "macro_f1": macro_f1(truth, prediction),
    }
    if proba is not None:
        proba = proba.loc[known] if isinstance(proba, pd.DataFrame) else np.asarray(proba)[known]
        scores["auroc"] = auroc(truth, proba)
        scores["auprc"] = auprc(truth, proba)
        scores["log_loss"] = log_loss(truth, proba)
        scores["brier"] = brier(truth, proba)
        scores["calibration_error"] = calibration_error(truth, proba)
    return scores


def _of_survival(
    truth: Any, prediction: Any, train: Any, times: Any, survival: Any
) -> dict[str, float]:
    outcome = _outcomes(truth, "truth")
    known = ~np.isnan(outcome).any(axis=1)
    time, event = outcome[known].T
    risk = np.asarray(prediction, dtype=np.float64).ravel()[known]
    found = {"c_index": concordance_index(time, event, risk)}
    if train is None or times is None:
        if survival is not None:
            msg = "survival= is scored with train= (times and events of the training part) and times=; give both."
            raise ValueError(msg)
        return found
    seen = _outcomes(train, "train")
    seen_time, seen_event = seen[~np.isnan(seen).any(axis=1)].T
    grid = np.atleast_1d(np.asarray(times, dtype=np.float64))
    parts = (seen_time, seen_event, time, event)
    mean_auc = auc_at(*parts, risk, grid)[1]
    found["c_index_ipcw"] = concordance_index_ipcw(*parts, risk, tau=float(grid[-1]))
    found["auc_t"] = mean_auc
    if survival is not None:
        found["integrated_brier"] = integrated_brier(*parts, np.asarray(survival)[known], grid)
    return found


def _outcomes(values: Any, name: str) -> np.ndarray:
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 2 or values.shape[1] != 2:
        msg = f"{name} must hold times and events, shape (n, 2), for task='survival'; found {values.shape}."
        raise ValueError(msg)
    return values


def _numbers(truth: Any, prediction: Any) -> tuple[np.ndarray, np.ndarray]:
    truth, prediction = paired(np.asarray(truth, np.float64), np.asarray(prediction, np.float64))
    if np.isnan(truth).any() or np.isnan(prediction).any():
        msg = "truth or prediction holds NaN; leave these samples out."
        raise ValueError(msg)
    return truth, prediction
