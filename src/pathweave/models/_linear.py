"""Shrunken linear models of fused layers, each penalty chosen by the folds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch

from pathweave._core.checks import check_choice
from pathweave.models._designs import Span, learn_units, present, span, standardize
from pathweave.models._outcome import Outcome
from pathweave.models._search import Found, Search
from pathweave.nn import single_thread
from pathweave.nn.fused_linear import FusedLinear
from pathweave.nn.shared_ridge import SharedRidge

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    from pathweave.models._designs import Units
    from pathweave.models._outcome import ClassWeight
    from pathweave.nn.fused_linear import Task

Balance = bool | Literal["auto"]


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
    class_weight
        Weight of each class in the loss, as in scikit-learn: ``"balanced"`` for ``n / (n_classes * count)``,
        a dict from class position to weight (1 where it names none), or ``None`` for equal weights. The
        probabilities are then those of a population with the classes in these proportions.

    Attributes
    ----------
    module_
        `pathweave.nn.fused_linear.FusedLinear`, fitted on all rows.
    oof_
        Out-of-fold log-probabilities (n, n_classes), numbers (n, t) or log hazards (n, 1), float64; also of
        rows whose own outcome is not known.
    oof_loss_
        Their loss: log loss (weighted as the classes are), squared error in variances of the outcome, or
        negative log partial likelihood an event (within folds).
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
        self,
        fusion: Literal["early", "late"],
        *,
        balance: Balance = "auto",
        class_weight: ClassWeight = None,
    ) -> None:
        check_choice("fusion", fusion, ("early", "late"))
        check_choice("balance", balance, (True, False, "auto"))
        self.fusion = fusion
        self.balance = balance
        self.class_weight = class_weight

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
            Classes (n,), numbers (n, t) or (n,), or times and events (n, 2); NaN where not known. Such rows
            only help to standardise.
        fold
            Fold of each row, shape (n,).
        n_classes
            Number of classes, for ``task="class"``; by default those that occur.

        Returns
        -------
        self
        """
        outcome = Outcome.read(task, y, n_classes=n_classes, class_weight=self.class_weight)
        return fit_linear(self, layers, [outcome], fold)[0]


def fit_linear(
    part: LinearPart, layers: Mapping[str, Tensor], outcomes: Sequence[Outcome], fold: Tensor
) -> list[LinearPart]:
    """Fit the same kind of part to several outcomes of the same samples.

    The numbers are those of one `LinearPart.fit` after the other; what does not depend on the outcome
    (standardisation and rotation in every fold) is done once.

    Parameters
    ----------
    part
        The kind of part; it becomes the first of those returned.
    layers
        Values of each layer (n, n_features), NaN where unmeasured.
    outcomes
        Outcomes of these samples.
    fold
        Fold of each row, shape (n,).

    Returns
    -------
    A fitted part for each outcome.
    """
    values = {name: x.detach().double() for name, x in layers.items()}
    groups = [list(values)] if part.fusion == "early" else [[name] for name in values]
    with single_thread():
        by_group = [
            _fit_group({k: values[k] for k in g}, outcomes, fold, balance=part.balance)
            for g in groups
        ]
        parts = [part] + [
            LinearPart(part.fusion, balance=part.balance, class_weight=o.class_weight)
            for o in outcomes[1:]
        ]
        for one, outcome, *fits in zip(parts, outcomes, *by_group, strict=True):
            _assemble(one, values, groups, outcome, fold, fits)
    return parts


@dataclass(frozen=True)
class _GroupFit:
    """One model: out-of-fold predictions (NaN where nothing was measured) and the final weights."""

    oof: Tensor
    penalty: float
    layers: dict[str, tuple[Tensor, Tensor, Tensor]]
    bias: Tensor


def _assemble(
    part: LinearPart,
    values: dict[str, Tensor],
    groups: list[list[str]],
    outcome: Outcome,
    fold: Tensor,
    fits: list[_GroupFit],
) -> None:
    """Put the models of the groups together to a part."""
    part.oof_ = _average(
        outcome, torch.stack([f.oof for f in fits]), out_of_fold_prior(outcome, fold)
    )
    part.oof_loss_ = loss_within_folds(outcome, part.oof_, fold)
    labels = ["early"] if part.fusion == "early" else list(values)
    part.penalty_ = {name: fit.penalty for name, fit in zip(labels, fits, strict=True)}
    sizes = {name: x.shape[1] for name, x in values.items()}
    part.module_ = FusedLinear(outcome.task, groups, sizes, outcome.n_outputs)
    for fit in fits:
        for name, (mean, scale, weight) in fit.layers.items():
            part.module_.set_layer(name, mean=mean, scale=scale, weight=weight)
    part.module_.set_output(
        bias=torch.stack([fit.bias for fit in fits]), prior=outcome.prior(outcome.known)
    )
    part.module_.eval()


def _fit_group(
    values: dict[str, Tensor], outcomes: Sequence[Outcome], fold: Tensor, *, balance: Balance
) -> list[_GroupFit]:
    """Fit one model an outcome over the layers side by side."""
    if len({x.shape[1] for x in values.values()}) == 1:
        balance = False  # they weigh alike as they are
    choices = [False, True] if balance == "auto" else [balance]
    found = [_search(values, outcomes, fold, balance=choice) for choice in choices]
    best = [min(range(len(choices)), key=lambda c: found[c][i].loss) for i in range(len(outcomes))]
    fits: dict[int, _GroupFit] = {}
    for c, choice in enumerate(choices):
        mine = [i for i in range(len(outcomes)) if best[i] == c]
        if not mine:
            continue
        units = learn_units(values, present(values), balance=choice)
        x = standardize(values, units)
        turned = span(x, present(values)) if len(mine) > 1 else Span(x)
        for i in mine:
            fits[i] = _fit_all(values, outcomes[i], found[c][i], units, turned)
    return [fits[i] for i in range(len(outcomes))]


def _fit_all(
    values: dict[str, Tensor], outcome: Outcome, found: Found, units: Units, turned: Span
) -> _GroupFit:
    """Fit all samples with the penalty that was found."""
    rows = present(values) & outcome.known
    if not bool(rows.any()):  # nothing to learn from: what is expected without knowing anything
        nothing = {
            name: (*units[name], x.new_zeros(x.shape[1], outcome.n_outputs))
            for name, x in values.items()
        }
        return _GroupFit(found.oof, found.penalty, nothing, outcome.prior(outcome.known))
    penalty = found.penalty * sum(x.shape[1] for x in values.values())
    path = outcome.path(turned.x[rows], rows, torch.tensor([penalty], dtype=torch.float64))
    weight = turned.to_features(path.weight_at(0))
    weights = weight.split([x.shape[1] for x in values.values()])
    layers = {name: (*units[name], w) for name, w in zip(values, weights, strict=True)}
    return _GroupFit(found.oof, penalty, layers, path.bias_at(0))


def _search(
    values: dict[str, Tensor], outcomes: Sequence[Outcome], fold: Tensor, *, balance: bool
) -> list[Found]:
    """Find the penalty of each outcome."""
    there = present(values)
    searches = [Search(outcome, there) for outcome in outcomes]
    spread = float(sum(x.shape[1] for x in values.values()))
    numbers = [search for search in searches if search.outcome.task == "number"]
    # Outcomes known for the same samples one after the other: they share all of the work.
    numbers.sort(key=lambda search: search.outcome.known.numpy().tobytes())
    others = [search for search in searches if search.outcome.task != "number"]
    for f in torch.unique(fold):
        held = fold == f
        rows = there & ~held
        units = learn_units(values, rows if bool(rows.any()) else there, balance=balance)
        x = standardize(values, units)
        shared = SharedRidge(x) if len(numbers) > 1 else None
        for search in numbers:
            search.add(x, held, spread, shared=shared)
        turned = span(x, rows).x if len(others) > 1 and bool(rows.any()) else x
        for search in others:
            search.add(turned, held, spread)
    return [search.best() for search in searches]


def _average(outcome: Outcome, predicted: Tensor, prior: Tensor) -> Tensor:
    """Average over the models (n_groups, n, n_outputs) that saw a sample; the prior where none did."""
    there = ~predicted.isnan()
    count = there.sum(dim=0).clamp(min=1)
    if outcome.task == "class":
        mixed = predicted.masked_fill(~there, -1e4).logsumexp(dim=0) - count.log()
    else:
        mixed = predicted.nan_to_num().sum(dim=0) / count
    return torch.where(there.any(dim=0), mixed, prior)


def out_of_fold_prior(outcome: Outcome, fold: Tensor) -> Tensor:
    """For each sample what the other folds alone would predict, shape (n, n_outputs)."""
    which, where = torch.unique(fold, return_inverse=True)
    return torch.stack([outcome.prior((fold != f) & outcome.known) for f in which])[where]


def loss_within_folds(outcome: Outcome, predicted: Tensor, fold: Tensor) -> float:
    """Mean loss of the known outcomes, compared within folds."""
    total = 0.0
    for f in torch.unique(fold):
        rows = (fold == f) & outcome.known
        if bool(rows.any()):
            total += outcome.loss(predicted[rows], rows)
    return total / outcome.size()
