"""The parts of one target's prediction: linear models and networks, judged out of fold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch

from pathweave._core.metrics import concordance_index
from pathweave.models._linear import LinearPart
from pathweave.models._pretrained_part import NAME, fit_on_pretrained
from pathweave.models._stack import (
    class_weights,
    number_weights,
    partial_likelihood_loss,
    survival_weights,
)

if TYPE_CHECKING:
    from pathweave.models._targets import Target
    from pathweave.models._train import FittedState
    from pathweave.nn import PathwayVAENet
    from pathweave.nn.fused_linear import FusedLinear
    from pathweave.nn.pretrained import PretrainedLinear


@dataclass
class TargetParts:
    """Parts of one prediction: linear modules, weights (the network's comes last), table.

    `out_of_fold` holds the stack's out-of-fold predictions (log-probabilities, numbers or log hazards),
    NaN where the outcome is unknown.
    """

    task: str
    linear: list[FusedLinear | PretrainedLinear]
    weights: np.ndarray
    table: pd.DataFrame
    out_of_fold: np.ndarray


def fit_parts(
    target: Target,
    values: dict[str, np.ndarray],
    outcome: np.ndarray,
    fold: np.ndarray,
    states: list[FittedState],
    pretrained: PathwayVAENet | None = None,
) -> TargetParts:
    """Fit the linear parts and weigh all parts by what they predicted out of fold.

    Parameters
    ----------
    target, outcome
        The target and its encoded values (n, 1 or 2), NaN where unknown.
    values
        Layers of the training samples.
    fold
        Fold of each training sample, shared by all parts.
    states
        Fitted networks, one a fold.
    pretrained
        A network that knows nothing of these outcomes: a linear part on its latent joins the others.
    """
    known = ~np.isnan(outcome).any(axis=1)
    y, part_of = outcome[known], fold[known]
    names = ["linear, early fusion"] + (["linear, late fusion"] if len(values) > 1 else [])
    inputs = {layer: torch.tensor(x[known]) for layer, x in values.items()}
    learned = torch.tensor(y[:, 0].astype(np.int64) if target.task == "class" else y)
    in_fold, n_classes = torch.tensor(part_of), len(target.classes) or None
    linear = [
        LinearPart("early" if "early" in name else "late").fit(
            inputs, target.task, learned, in_fold, n_classes=n_classes
        )
        for name in names
    ]
    modules: list[FusedLinear | PretrainedLinear] = [part.module_ for part in linear]
    out_of = [part.oof_ for part in linear]
    if pretrained is not None:
        module, oof = fit_on_pretrained(
            pretrained, inputs, target.task, learned, in_fold, n_classes
        )
        names, modules, out_of = [*names, NAME], [*modules, module], [*out_of, oof]
    deep = np.full((len(outcome), target.n_outputs), np.nan)
    for state in states:
        deep[state.validation] = state.scores[target.name]
    predictions = np.stack([np.asarray(oof, dtype=np.float64) for oof in out_of] + [deep[known]])
    weights = _weights(target.task, predictions, y, part_of)
    pooled = _pool(target.task, predictions, weights)
    table = _table(target, [*names, "network"], [*predictions, pooled], weights, y, part_of)
    out_of_fold = np.full((len(outcome), target.n_outputs), np.nan)
    out_of_fold[known] = pooled
    return TargetParts(target.task, modules, weights, table, out_of_fold)


def _pool(task: str, predictions: np.ndarray, weights: np.ndarray) -> np.ndarray:
    pooled = np.einsum("k,knc->nc", weights, predictions)
    return (
        pooled - np.logaddexp.reduce(pooled, axis=1, keepdims=True) if task == "class" else pooled
    )


def _weights(task: str, predictions: np.ndarray, y: np.ndarray, fold: np.ndarray) -> np.ndarray:
    if task == "class":
        return class_weights(predictions, y[:, 0])
    if task == "number":
        return number_weights(predictions[:, :, 0], y[:, 0])
    return survival_weights(predictions[:, :, 0], y[:, 0], y[:, 1], fold)


def _table(
    target: Target,
    names: list[str],
    predictions: list[np.ndarray],
    weights: np.ndarray,
    y: np.ndarray,
    fold: np.ndarray,
) -> pd.DataFrame:
    """One row a part and one for the stack: weight, out-of-fold loss and score."""
    share = weights
    if target.task == "survival":
        # Log hazards of parts differ in spread: a part's share is what it moves.
        share = weights * np.array([prediction.std() for prediction in predictions[:-1]])
    share = share / share.sum()
    rows = []
    for name, prediction, weight in zip([*names, "stack"], predictions, [*share, 1.0], strict=True):
        loss, score = _judge(target.task, prediction, y, fold)
        rows.append(
            {
                "target": target.name,
                "part": name,
                "weight": float(weight),
                "loss": loss,
                "score": score,
            }
        )
    metric = {"class": "accuracy", "number": "Pearson r", "survival": "C-index"}[target.task]
    return pd.DataFrame(rows).assign(metric=metric)


def _judge(
    task: str, prediction: np.ndarray, y: np.ndarray, fold: np.ndarray
) -> tuple[float, float]:
    """Out-of-fold loss and score; survival is compared within folds only."""
    if task == "class":
        labels = y[:, 0].astype(int)
        loss = -float(np.mean(prediction[np.arange(len(labels)), labels]))
        return loss, float(np.mean(prediction.argmax(axis=1) == labels))
    if task == "number":
        error = prediction[:, 0] - y[:, 0]
        constant = np.ptp(prediction[:, 0]) == 0
        r = 0.0 if constant else float(np.corrcoef(prediction[:, 0], y[:, 0])[0, 1])
        return float(np.mean(error**2)), r
    losses, scores, sizes = 0.0, [], []
    for f in np.unique(fold):
        rows = fold == f
        time, event, risk = y[rows, 0], y[rows, 1], prediction[rows, 0]
        losses += partial_likelihood_loss(risk, time, event)
        if event.sum() and rows.sum() > 1:
            scores.append(concordance_index(time, event, risk))
            sizes.append(event.sum())
    return losses / max(1.0, float(y[:, 1].sum())), float(np.average(scores, weights=sizes))
