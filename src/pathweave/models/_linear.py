"""Shrunken linear models of fused layers, each penalty chosen by the folds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

from pathweave._core.checks import check_choice
from pathweave.nn import single_thread
from pathweave.nn._scores import CoxLoss
from pathweave.nn.fused_linear import FusedLinear
from pathweave.nn.linear import cox_path, default_penalties, logistic_path, ridge_path

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pathweave.nn.fused_linear import Task
    from pathweave.nn.linear import RidgePath


@dataclass(frozen=True)
class _Outcome:
    """What is learned: y as classes (n,), numbers (n, t), or times and events (n, 2)."""

    task: Task
    y: Tensor
    n_outputs: int

    def path(self, x: Tensor, rows: Tensor, penalties: Tensor) -> RidgePath:
        """Fit the penalties on some rows; `x` holds these rows only. A search need not be exact."""
        tolerance = 1e-3 if len(penalties) > 1 else 1e-5
        y = self.y[rows]
        if self.task == "class":
            return logistic_path(
                x, y, n_classes=self.n_outputs, penalties=penalties, tolerance=tolerance
            )
        if self.task == "number":
            return ridge_path(x, y, penalties=penalties)
        return cox_path(x, y[:, 0], y[:, 1], penalties=penalties, tolerance=tolerance)

    def link(self, scores: Tensor) -> Tensor:
        """Scores to log-probabilities; numbers and log hazards as they are."""
        return scores.log_softmax(dim=-1) if self.task == "class" else scores

    def prior(self, rows: Tensor) -> Tensor:
        """What is predicted for a sample of which nothing was measured."""
        y = self.y[rows]
        if self.task == "class":
            count = torch.bincount(y, minlength=self.n_outputs).double() + 0.5
            return (count / count.sum()).log()
        return y.mean(dim=0) if self.task == "number" else y.new_zeros(1)

    def loss(self, predicted: Tensor, rows: Tensor) -> float:
        """Sum over some rows (one fold) of the log loss, squared error or partial likelihood."""
        y = self.y[rows]
        if self.task == "class":
            return -float(predicted.gather(1, y.unsqueeze(1)).sum())
        if self.task == "number":
            spread = self.y.var(dim=0, correction=0).clamp(min=1e-300)
            return float(((predicted - y).square() / spread).mean(dim=1).sum())
        return CoxLoss(y[:, 0], y[:, 1], torch.ones_like(y[:, 0])).at(predicted).value

    def size(self, rows: Tensor) -> float:
        """By what a sum of losses is divided: samples, or events."""
        y = self.y[rows]
        return max(1.0, float(y[:, 1].sum()) if self.task == "survival" else float(len(y)))


class LinearPart:
    """One way of fusing layers linearly, with its penalty chosen inside the training data.

    Parameters
    ----------
    fusion
        ``"early"``: one model over all layers side by side, 0 where a layer is missing. ``"late"``: one
        model a layer, each with its own penalty; class probabilities (or numbers, or log hazards) are
        averaged over the layers a sample has.
    balance
        For early fusion, whether all layers weigh alike in the penalty, whatever their number of features;
        ``"auto"`` takes what predicts better out of fold.

    Attributes
    ----------
    module_
        `pathweave.nn.fused_linear.FusedLinear`, fitted on all rows.
    oof_
        Out-of-fold log-probabilities (n, n_classes), numbers (n, t) or log hazards (n, 1), float64.
    oof_loss_
        Their loss: log loss, squared error in variances of the outcome, or negative log partial
        likelihood an event (within folds).
    penalty_
        The penalty chosen for each model: ``"early"``, or the name of the layer.

    Examples
    --------
    >>> import torch
    >>> from pathweave.models._linear import LinearPart
    >>> x = torch.linspace(-1, 1, 20).unsqueeze(1)
    >>> part = LinearPart("early").fit({"rna": x}, "number", 2 * x, torch.arange(20) % 5)
    >>> bool((part.oof_ - 2 * x).abs().max() < 0.1)
    True
    """

    module_: FusedLinear
    oof_: Tensor
    oof_loss_: float
    penalty_: dict[str, float]

    def __init__(
        self, fusion: Literal["early", "late"], *, balance: bool | Literal["auto"] = "auto"
    ) -> None:
        check_choice("fusion", fusion, ("early", "late"))
        check_choice("balance", balance, (True, False, "auto"))
        self.fusion = fusion
        self.balance = balance

    def fit(
        self,
        layers: Mapping[str, Tensor],
        task: Task,
        y: Tensor,
        fold: Tensor,
        *,
        n_classes: int | None = None,
    ) -> LinearPart:
        """Choose the penalties by the folds and fit all rows with them.

        Parameters
        ----------
        layers
            Values of each layer (n, n_features), NaN where unmeasured.
        task
            ``"class"``, ``"number"`` or ``"survival"``.
        y
            Classes (n,), numbers (n, t) or (n,), or times and events (n, 2).
        fold
            Fold of each row, shape (n,).
        n_classes
            Number of classes, for ``task="class"``; by default those that occur.

        Returns
        -------
        self
        """
        outcome = _read_outcome(task, y, n_classes)
        values = {name: x.detach().double() for name, x in layers.items()}
        groups = [list(values)] if self.fusion == "early" else [[name] for name in values]
        with single_thread():
            fits = [
                _fit_group({k: values[k] for k in g}, outcome, fold, balance=self.balance)
                for g in groups
            ]
        which, where = torch.unique(fold, return_inverse=True)
        prior = torch.stack([outcome.prior(fold != f) for f in which])[where]
        self.oof_ = _average(outcome, torch.stack([f.oof for f in fits]), prior)
        self.oof_loss_ = _loss(outcome, self.oof_, fold)
        labels = ["early"] if self.fusion == "early" else list(values)
        self.penalty_ = {name: fit.penalty for name, fit in zip(labels, fits, strict=True)}
        sizes = {name: x.shape[1] for name, x in values.items()}
        self.module_ = FusedLinear(task, groups, sizes, outcome.n_outputs)
        for fit in fits:
            for name, (mean, scale, weight) in fit.layers.items():
                self.module_.set_layer(name, mean=mean, scale=scale, weight=weight)
        everyone = torch.ones_like(fold, dtype=torch.bool)
        self.module_.set_output(
            bias=torch.stack([fit.bias for fit in fits]), prior=outcome.prior(everyone)
        )
        self.module_.eval()
        return self


@dataclass(frozen=True)
class _GroupFit:
    """One model: out-of-fold predictions (NaN where nothing was measured) and the final weights."""

    oof: Tensor
    loss: float
    penalty: float
    layers: dict[str, tuple[Tensor, Tensor, Tensor]]
    bias: Tensor


def _read_outcome(task: Task, y: Tensor, n_classes: int | None) -> _Outcome:
    check_choice("task", task, ("class", "number", "survival"))
    if task == "class":
        y = y.long().reshape(-1)
        return _Outcome(task, y, n_classes or int(y.max()) + 1)
    y = y.detach().double().reshape(len(y), -1)
    if bool(y.isnan().any()):
        msg = "y holds NaN; leave out the samples without an outcome."
        raise ValueError(msg)
    return _Outcome(task, y, y.shape[1] if task == "number" else 1)


def _fit_group(
    values: dict[str, Tensor], outcome: _Outcome, fold: Tensor, *, balance: bool | Literal["auto"]
) -> _GroupFit:
    """Fit one model over the layers side by side."""
    if len({x.shape[1] for x in values.values()}) == 1:
        balance = False  # they weigh alike as they are
    choices = (False, True) if balance == "auto" else (balance,)
    searched = [_search(values, outcome, fold, balance=choice) for choice in choices]
    best = min(range(len(choices)), key=lambda i: searched[i][1])
    oof, loss, penalty = searched[best]
    rows = _present(values)
    units = _learn_units(values, rows, balance=choices[best])
    path = outcome.path(_standardize(values, units)[rows], rows, torch.tensor([penalty]))
    weights = path.weight_at(0).split([x.shape[1] for x in values.values()])
    layers = {name: (*units[name], weight) for name, weight in zip(values, weights, strict=True)}
    return _GroupFit(oof, loss, penalty, layers, path.bias_at(0))


def _search(
    values: dict[str, Tensor], outcome: _Outcome, fold: Tensor, *, balance: bool
) -> tuple[Tensor, float, float]:
    """Find the penalty: its out-of-fold predictions, their loss, the penalty."""
    present = _present(values)
    penalties = default_penalties(outcome.task, n_features=sum(x.shape[1] for x in values.values()))
    predicted = torch.full(
        (len(penalties), len(fold), outcome.n_outputs), float("nan"), dtype=torch.float64
    )
    losses = torch.zeros(len(penalties), dtype=torch.float64)
    for f in torch.unique(fold):
        inside, held = present & (fold != f), present & (fold == f)
        if not bool(held.any()):
            continue
        if not bool(inside.any()):
            predicted[:, held] = outcome.prior(fold != f)
            continue
        x = _standardize(values, _learn_units(values, inside, balance=balance))
        path = outcome.path(x[inside], inside, penalties)
        predicted[:, held] = outcome.link(path.predict(x[held]))
        losses += torch.tensor([outcome.loss(p[held], held) for p in predicted])
    best = int(losses.argmin())
    return predicted[best], float(losses[best]), float(penalties[best])


def _present(values: dict[str, Tensor]) -> Tensor:
    """Rows of which anything was measured."""
    return torch.stack([(~x.isnan()).any(dim=1) for x in values.values()]).any(dim=0)


def _learn_units(
    values: dict[str, Tensor], rows: Tensor, *, balance: bool
) -> dict[str, tuple[Tensor, Tensor]]:
    """Mean and scale of each feature, from some rows only; constant features scale to nothing."""
    mean_size = sum(x.shape[1] for x in values.values()) / len(values)
    units = {}
    for name, x in values.items():
        inside = x[rows]
        mean = inside.nanmean(dim=0).nan_to_num()
        scale = (inside - mean).square().nanmean(dim=0).nan_to_num().sqrt()
        constant = scale <= 1e-8 * mean.abs().clamp(min=1e-3)
        if balance:
            scale = scale * (x.shape[1] / mean_size) ** 0.5
        units[name] = mean, scale.masked_fill(constant, float("inf"))
    return units


def _standardize(values: dict[str, Tensor], units: dict[str, tuple[Tensor, Tensor]]) -> Tensor:
    """Layers side by side, 0 where unmeasured."""
    blocks = [((x - units[name][0]) / units[name][1]).nan_to_num() for name, x in values.items()]
    return torch.cat(blocks, dim=1)


def _average(outcome: _Outcome, predicted: Tensor, prior: Tensor) -> Tensor:
    """Average over the models (n_groups, n, n_outputs) that saw a sample; the prior where none did."""
    there = ~predicted.isnan()
    count = there.sum(dim=0).clamp(min=1)
    if outcome.task == "class":
        mixed = predicted.masked_fill(~there, -1e4).logsumexp(dim=0) - count.log()
    else:
        mixed = predicted.nan_to_num().sum(dim=0) / count
    return torch.where(there.any(dim=0), mixed, prior)


def _loss(outcome: _Outcome, predicted: Tensor, fold: Tensor) -> float:
    """Mean loss, compared within folds."""
    total = sum(outcome.loss(predicted[fold == f], fold == f) for f in torch.unique(fold))
    return total / outcome.size(torch.ones_like(fold, dtype=torch.bool))
