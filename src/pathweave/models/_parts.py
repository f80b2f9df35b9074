"""The parts of a target's prediction: linear models, a kernel machine and networks, judged out of fold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
import torch

from pathweave._core.metrics import concordance_index
from pathweave.models._kernel import KernelPart, fit_kernel
from pathweave.models._linear import LinearPart, fit_linear
from pathweave.models._outcome import Outcome
from pathweave.models._pretrained_part import OnPretrained, fit_on_pretrained
from pathweave.models._stack import (
    class_weights,
    number_weights,
    partial_likelihood_loss,
    survival_weights,
)
from pathweave.models._targets import check_class_weight

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pathweave.models._targets import Target
    from pathweave.models._train import FittedState
    from pathweave.nn.fused_linear import FusedLinear
    from pathweave.nn.kernel_machine import KernelMachine
    from pathweave.nn.pathway_vae import PathwayVAENet
    from pathweave.nn.pretrained import PretrainedLinear

    FittedPart = FusedLinear | KernelMachine | PretrainedLinear

_LEAST_JUDGED = 5
"""Samples (survival: events) without which parts cannot be weighed."""


@dataclass
class TargetParts:
    """Parts of one prediction: modules, weights (the network's comes last), offset, table.

    `linear` holds the parts that are no networks: linear models and the kernel machine. `out_of_fold` holds
    the stack's out-of-fold predictions (log-probabilities, numbers or log hazards), NaN where the outcome is
    unknown. `offset` is added to the weighted sum of numbers.
    """

    task: str
    linear: list[FittedPart]
    weights: np.ndarray
    table: pd.DataFrame
    out_of_fold: np.ndarray
    offset: float = 0.0


def fit_parts(
    target: Target,
    values: dict[str, np.ndarray],
    outcome: np.ndarray,
    fold: np.ndarray,
    states: list[FittedState],
    *,
    class_weight: Literal["balanced"] | Mapping[str, float] | None = None,
) -> TargetParts:
    """Fit the parts of one target; `fit_all_parts` does several at once, with the same numbers."""
    fitted = fit_all_parts(
        [target], values, {target.name: outcome}, fold, states, class_weight=class_weight
    )
    return fitted[target.name]


def fit_all_parts(
    targets: Sequence[Target],
    values: dict[str, np.ndarray],
    outcomes: Mapping[str, np.ndarray],
    fold: np.ndarray,
    states: list[FittedState],
    *,
    class_weight: Literal["balanced"] | Mapping[str, float] | None = None,
    pretrained: PathwayVAENet | None = None,
    by_kernel: np.ndarray | None = None,
) -> dict[str, TargetParts]:
    """Fit the linear and kernel parts of every target and weigh all parts by what they predicted out of fold.

    Parameters
    ----------
    targets, outcomes
        The targets, and by name their encoded values (n, 1 or 2), NaN where unknown.
    values
        Layers of the training samples.
    fold
        Fold of each training sample, shared by all parts.
    states
        Fitted networks, one a fold; none for a stack of the other parts alone. Where some folds have none (a fit that
        was cut short) all parts are weighed on the samples of those that have.
    class_weight
        Weight of each class in the loss of the parts and of the stack: ``"balanced"``, or by label (1 for
        labels not named). Probabilities are then those of a population with classes in these proportions.
    pretrained
        A network that knows nothing of these outcomes: a linear part on its latent joins the others.
    by_kernel
        Samples that the kernel machine learns from, bool (n,); it is judged on all. All by default.

    Returns
    -------
    The parts of each target, by name.
    """
    check_class_weight(targets, class_weight)
    if not targets:
        return {}
    read = [
        Outcome.read(
            t.task, torch.tensor(outcomes[t.name]), n_classes=len(t.classes) or None,
            class_weight=dict(enumerate(t.class_weights(outcomes[t.name], class_weight))) or None,
        )
        for t in targets
    ]  # fmt: skip
    layers = {layer: torch.tensor(x) for layer, x in values.items()}
    folds = torch.tensor(fold)
    fitted: dict[str, Sequence[LinearPart | KernelPart | OnPretrained]] = {}
    fitted["linear, early fusion"] = fit_linear(LinearPart("early"), layers, read, folds)
    if len(values) > 1:  # what late fusion averages, each with a weight of its own
        for name, x in layers.items():
            fitted[f"linear, {name} alone"] = fit_linear(
                LinearPart("early"), {name: x}, read, folds
            )
    taught = None if by_kernel is None else torch.tensor(by_kernel)
    fitted["kernel"] = fit_kernel(KernelPart(), layers, read, folds, taught=taught)
    if pretrained is not None:
        fitted["linear, pretrained latent"] = fit_on_pretrained(pretrained, layers, read, folds)
    return {
        target.name: _mix(
            target, read[i], {name: parts[i] for name, parts in fitted.items()},
            outcomes[target.name], fold, states,
        )
        for i, target in enumerate(targets)
    }  # fmt: skip


def _mix(
    target: Target,
    read: Outcome,
    fitted: Mapping[str, LinearPart | KernelPart | OnPretrained],
    outcome: np.ndarray,
    fold: np.ndarray,
    states: list[FittedState],
) -> TargetParts:
    """Weigh the parts of one target."""
    known = read.known.numpy()
    unjudged = False
    if states:
        judged = _judged(known, target.task, outcome, states)
        unjudged = not judged.any()
        known, states = (known, []) if unjudged else (judged, states)
    y, part_of = outcome[known], fold[known]
    single = [part.oof_.numpy()[known] for part in fitted.values()]
    names = list(fitted)
    if states:
        deep = np.full((len(outcome), target.n_outputs), np.nan)
        for state in states:
            others = [other for other in states if other is not state]
            deep[state.validation] = _honest_scores(state, others, target.name)
        single, names = [*single, deep[known]], [*names, "network"]
    predictions = np.stack(single).astype(np.float64)
    share = read.weight(torch.from_numpy(known))
    counted = np.ones(len(y)) if share is None else share.numpy()
    weights, offset = _weights(target.task, predictions, y, part_of, counted)
    pooled = _pool(target.task, predictions, weights) + offset
    table = _table(target, names, [*predictions, pooled], weights, _Truth(y, part_of, counted))
    out_of_fold = np.full((len(outcome), target.n_outputs), np.nan)
    out_of_fold[known] = pooled
    modules = [part.module_ for part in fitted.values()]
    if unjudged:  # networks of which nobody can say what they are worth have no say
        weights = np.append(weights, 0.0)
        last = table.iloc[-1:]
        nothing = last.assign(part="network", weight=0.0, loss=np.nan, score=np.nan)
        table = pd.concat([table.iloc[:-1], nothing, last], ignore_index=True)
    return TargetParts(target.task, modules, weights, table, out_of_fold, offset)


def _judged(
    known: np.ndarray, task: str, outcome: np.ndarray, states: list[FittedState]
) -> np.ndarray:
    """Samples by which parts are weighed: those with an outcome whose fold has a network; none if too few."""
    seen = np.zeros(len(known), dtype=bool)
    for state in states:
        seen[state.validation] = True
    judged = known & seen
    n = outcome[judged, -1].sum() if task == "survival" else judged.sum()
    return judged if n >= _LEAST_JUDGED or (known <= seen).all() else np.zeros_like(known)


def _honest_scores(state: FittedState, others: list[FittedState], name: str) -> np.ndarray:
    """Scores of a fold's samples at the epoch that is best in the other folds.

    At the epoch that these samples themselves chose a network looks better than it is, and would be given
    weight that belongs to the other parts.
    """
    curve = state.curves.get(name)
    if curve is None:
        return state.scores[name]
    if not others:  # of a fit that was cut short; no sample chose its last epoch
        last: np.ndarray = curve[-1]
        return last
    epoch = round(float(np.median([other.best_epoch for other in others])))
    scores: np.ndarray = curve[min(max(epoch, 1), len(curve)) - 1]
    return scores


def _pool(task: str, predictions: np.ndarray, weights: np.ndarray) -> np.ndarray:
    pooled = np.einsum("k,knc->nc", weights, predictions)
    return (
        pooled - np.logaddexp.reduce(pooled, axis=1, keepdims=True) if task == "class" else pooled
    )


def _weights(
    task: str, predictions: np.ndarray, y: np.ndarray, fold: np.ndarray, counted: np.ndarray
) -> tuple[np.ndarray, float]:
    """Weights of the parts, and what is added to their sum."""
    if task == "class":
        return class_weights(predictions, y[:, 0], counted), 0.0
    if task == "number":
        return number_weights(predictions[:, :, 0], y[:, 0])
    return survival_weights(predictions[:, :, 0], y[:, 0], y[:, 1], fold), 0.0


@dataclass(frozen=True)
class _Truth:
    """Known outcomes, their folds, and how much each sample counts."""

    y: np.ndarray
    fold: np.ndarray
    weight: np.ndarray


def _table(
    target: Target,
    names: list[str],
    predictions: list[np.ndarray],
    weights: np.ndarray,
    truth: _Truth,
) -> pd.DataFrame:
    """One row a part and one for the stack: weight, out-of-fold loss and score."""
    share = weights
    if target.task == "survival":
        # Log hazards of parts differ in spread: a part's share is what it moves.
        share = weights * np.array([prediction.std() for prediction in predictions[:-1]])
    share = (share if share.sum() > 0 else weights) / (share.sum() or weights.sum())
    rows = []
    for name, prediction, weight in zip([*names, "stack"], predictions, [*share, 1.0], strict=True):
        loss, score = _judge(target.task, prediction, truth)
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


def _judge(task: str, prediction: np.ndarray, truth: _Truth) -> tuple[float, float]:
    """Out-of-fold loss and score; survival is compared within folds only."""
    y, fold = truth.y, truth.fold
    if task == "class":
        labels = y[:, 0].astype(int)
        loss = -float(np.average(prediction[np.arange(len(labels)), labels], weights=truth.weight))
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
