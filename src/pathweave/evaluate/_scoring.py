"""From what methods said to tables of predictions and scores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pathweave.evaluate._metrics import score

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pathweave.evaluate._samples import Samples, Task
    from pathweave.evaluate._splits import Split

KEYS = ["method", "repeat", "fold"]
PROBA, SURVIVAL = "proba_", "surv_"
N_TIMES = 20


def primary_metric(task: Task, n_classes: int) -> str:
    """Metric that is shown unless told otherwise."""
    if task == "class":
        return "auroc" if n_classes == 2 else "balanced_accuracy"
    return "pearson" if task == "number" else "c_index"


def evaluation_times(samples: Samples) -> np.ndarray:
    """Times at which survival is judged: evenly from the 5th to the 80th percentile of the events."""
    if samples.task != "survival":
        return np.zeros(0)
    events = samples.y[samples.y[:, 1] == 1, 0]
    low, high = np.quantile(events, [0.05, 0.8])
    return np.unique(np.linspace(low, high, N_TIMES).round(6))


def prediction_table(
    method: str, split: Split, said: dict[str, Any], test: Samples, times: np.ndarray
) -> pd.DataFrame:
    """Predictions of one fit, one row a test sample (and target)."""
    value = np.asarray(said["value"])
    where = {"method": method, "repeat": split.repeat, "fold": split.fold}
    if test.task == "number":
        n, t = test.y.shape
        return pd.DataFrame(
            {
                **where,
                "sample": np.repeat(test.names, t),
                "target": np.tile(np.asarray(test.targets, dtype=object), n),
                "truth": test.y.ravel(),
                "prediction": value.reshape(n, t).ravel(),
            }
        ).dropna(subset="truth")
    if test.task == "survival":
        columns = {"time": test.y[:, 0], "event": test.y[:, 1].astype(int), "risk": value}
        curves = _wide(said["survival"], (len(test), len(times)))
        more = {f"{SURVIVAL}{t:g}": curves[:, i] for i, t in enumerate(times)}
        return pd.DataFrame({**where, "sample": test.names, **columns, **more})
    labels = np.asarray(test.classes, dtype=object)
    proba = _wide(said["proba"], (len(test), len(labels)))
    more = {f"{PROBA}{c}": proba[:, i] for i, c in enumerate(labels)}
    truth = {"truth": test.labels(), "prediction": labels[value.astype(int)]}
    return pd.DataFrame({**where, "sample": test.names, **truth, **more})


def _wide(values: Any, shape: tuple[int, int]) -> np.ndarray:
    return np.full(shape, np.nan) if values is None else np.asarray(values).reshape(shape)


def score_table(
    predictions: pd.DataFrame,
    task: Task,
    trains: dict[tuple[int, int], np.ndarray],
    times: np.ndarray,
) -> pd.DataFrame:
    """Scores of every fit.

    Parameters
    ----------
    predictions
        Table of `prediction_table`, of many fits.
    task
        Kind of the outcome.
    trains
        Outcome of the training part by (repeat, fold): its size, and for survival its censoring.
    times
        Times at which survival was predicted.

    Returns
    -------
    Long table: method, repeat, fold, metric, value, n_train, n_test.
    """
    rows = []
    for (method, repeat, fold), part in predictions.groupby(KEYS, sort=False, observed=True):
        train = trains[repeat, fold]
        n_test = part["sample"].nunique()
        for metric, value in scores_of(part, task, train, times).items():
            rows.append((method, repeat, fold, metric, value, len(train), n_test))
    return pd.DataFrame(rows, columns=[*KEYS, "metric", "value", "n_train", "n_test"])


def scores_of(
    part: pd.DataFrame, task: Task, train: np.ndarray, times: np.ndarray
) -> dict[str, float]:
    """Scores of the predictions of one fit."""
    if task == "number":
        found = pd.DataFrame([_of_numbers(rows) for _, rows in part.groupby("target", sort=False)])
        return {metric: float(found[metric].mean()) for metric in found}
    if task == "survival":
        return _of_survival(part, train, times)
    columns = [c for c in part.columns if c.startswith(PROBA)]
    proba = part[columns].rename(columns=lambda c: c.removeprefix(PROBA)).reset_index(drop=True)
    known = not proba.isna().any(axis=None)
    truth, prediction = (
        part["truth"].to_numpy(dtype=object),
        part["prediction"].to_numpy(dtype=object),
    )
    return score(truth, prediction, proba if known else None, task="class")


def _of_numbers(rows: pd.DataFrame) -> dict[str, float]:
    return score(rows["truth"].to_numpy(), rows["prediction"].to_numpy(), task="number")


def _of_survival(part: pd.DataFrame, train: np.ndarray, times: np.ndarray) -> dict[str, float]:
    truth = part[["time", "event"]].to_numpy(dtype=np.float64)
    risk = part["risk"].to_numpy()
    last = min(truth[:, 0].max(), train[:, 0].max())
    inside = (times >= truth[:, 0].min()) & (times < last)
    if truth[:, 1].sum() < 1 or inside.sum() < 2:
        return score(truth, risk, task="survival")
    curves = part[[c for c in part.columns if c.startswith(SURVIVAL)]].to_numpy()[:, inside]
    known = not np.isnan(curves).any()
    return score(
        truth, risk, task="survival", train=train, times=times[inside],
        survival=curves if known else None,
    )  # fmt: skip


def timing_table(
    methods: Sequence[str], splits: Sequence[Split], records: Sequence[dict[str, Any]]
) -> pd.DataFrame:
    """Seconds and peak memory of every fit."""
    rows = [
        (method, split.repeat, split.fold, record["seconds"], record["peak_mb"])
        for method, split, record in zip(methods, splits, records, strict=True)
    ]
    return pd.DataFrame(rows, columns=[*KEYS, "seconds", "peak_mb"])
