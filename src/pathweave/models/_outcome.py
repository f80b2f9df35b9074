"""One outcome as the parts of a prediction see it: its path, its loss, its prior, its weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

from pathweave._core.checks import check_choice
from pathweave.nn._scores import CoxLoss
from pathweave.nn.linear import cox_path, logistic_path, ridge_path

if TYPE_CHECKING:
    from pathweave.nn.fused_linear import Task
    from pathweave.nn.linear import RidgePath

ClassWeight = Literal["balanced"] | Mapping[int, float] | None


@dataclass(frozen=True)
class Outcome:
    """What is learned, of all training samples.

    Attributes
    ----------
    task
        ``"class"``, ``"number"`` or ``"survival"``.
    y
        Classes (n,), numbers (n, t), or times and events (n, 2); what stands where it is not known does not
        matter.
    known
        Samples of which the outcome is known, bool (n,).
    n_outputs
        Number of scores.
    class_weight
        Weight of each class, as in scikit-learn: ``"balanced"`` for ``n / (n_classes * count)``, counted in
        the samples that are learned from, a weight by class position, or ``None`` for equal ones.
    """

    task: Task
    y: Tensor
    known: Tensor
    n_outputs: int
    class_weight: ClassWeight = None

    @classmethod
    def read(
        cls,
        task: Task,
        y: Tensor,
        *,
        n_classes: int | None = None,
        class_weight: ClassWeight = None,
    ) -> Outcome:
        """Take an outcome (n,) or (n, k) apart; NaN where it is not known."""
        check_choice("task", task, ("class", "number", "survival"))
        y = y.detach().double().reshape(len(y), -1)
        known = ~y.isnan().any(dim=1)
        if not bool(known.any()):
            msg = "y holds NaN only; at least some samples need an outcome."
            raise ValueError(msg)
        y = y.nan_to_num()
        if task != "class":
            return cls(task, y, known, y.shape[1] if task == "number" else 1)
        classes = y[:, 0].long()
        n_outputs = n_classes or int(classes.max()) + 1
        _check_class_weight(class_weight, n_outputs)
        return cls(task, classes, known, n_outputs, class_weight)

    def weight(self, rows: Tensor) -> Tensor | None:
        """Weights of some rows, shape (n_rows,); ``None`` where all are 1."""
        if self.class_weight is None or self.task != "class":
            return None
        y = self.y[rows]
        if isinstance(self.class_weight, Mapping):
            shares = [float(self.class_weight.get(k, 1.0)) for k in range(self.n_outputs)]
            share = torch.tensor(shares, dtype=torch.float64)
        else:
            count = torch.bincount(y, minlength=self.n_outputs).double()
            share = len(y) / ((count > 0).sum() * count.clamp(min=1.0))
        return share[y]

    def path(self, x: Tensor, rows: Tensor, penalties: Tensor) -> RidgePath:
        """Fit the penalties on some rows; `x` holds these rows only. A search need not be exact."""
        tolerance = 1e-3 if len(penalties) > 1 else 1e-5
        y = self.y[rows]
        if self.task == "class":
            return logistic_path(
                x, y, n_classes=self.n_outputs, penalties=penalties, tolerance=tolerance,
                sample_weight=self.weight(rows),
            )  # fmt: skip
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
            count = torch.zeros(self.n_outputs, dtype=torch.float64)
            weight = self.weight(rows)
            count.index_add_(0, y, torch.ones(len(y)).double() if weight is None else weight)
            count += 0.5
            return (count / count.sum()).log()
        return y.mean(dim=0) if self.task == "number" else y.new_zeros(1)

    def residual(self, rows: Tensor) -> Tensor:
        """What the prior leaves unexplained in some rows: the gradient of the loss, (n_rows, n_outputs)."""
        y = self.y[rows]
        if self.task == "number":
            return y - y.mean(dim=0)
        if self.task == "survival":
            loss = CoxLoss(y[:, 0], y[:, 1], torch.ones_like(y[:, 0]))
            return loss.at(y.new_zeros(len(y), 1)).gradient  # martingale residuals
        indicator = torch.nn.functional.one_hot(y, self.n_outputs).double()
        weight = self.weight(rows)
        if weight is None:
            return indicator - indicator.mean(dim=0)
        weight = weight.unsqueeze(1)
        return weight * (indicator - (weight * indicator).sum(dim=0) / weight.sum())

    def loss(self, predicted: Tensor, rows: Tensor) -> float:
        """Sum over some rows (one fold) of the log loss, squared error or partial likelihood."""
        y = self.y[rows]
        if self.task == "class":
            hit = predicted.gather(1, y.unsqueeze(1))[:, 0]
            weight = self.weight(self.known)
            return -float(hit.sum() if weight is None else (hit * self._spread(weight)[rows]).sum())
        if self.task == "number":
            spread = self.y[self.known].var(dim=0, correction=0).clamp(min=1e-300)
            return float(((predicted - y).square() / spread).mean(dim=1).sum())
        return CoxLoss(y[:, 0], y[:, 1], torch.ones_like(y[:, 0])).at(predicted).value

    def size(self) -> float:
        """By what a sum of losses is divided: the weight of the samples, or the events."""
        if self.task == "survival":
            return max(1.0, float(self.y[self.known, 1].sum()))
        weight = self.weight(self.known)
        return float(self.known.sum() if weight is None else weight.sum())

    def _spread(self, weight: Tensor) -> Tensor:
        """Weights of the known rows at the places of all rows."""
        return torch.zeros(len(self.y), dtype=torch.float64).masked_scatter(self.known, weight)


def _check_class_weight(class_weight: object, n_classes: int) -> None:
    if class_weight is None or class_weight == "balanced":
        return
    if not isinstance(class_weight, Mapping):
        msg = f"class_weight={class_weight!r} must be None, 'balanced' or a weight for each class."
        raise ValueError(msg)
    strange = [k for k in class_weight if k not in range(n_classes)]
    if strange:
        msg = f"class_weight names classes {strange}; they are 0 to {n_classes - 1}."
        raise ValueError(msg)
    if not all(0 < float(w) < float("inf") for w in class_weight.values()):
        msg = f"class_weight={dict(class_weight)!r} must hold positive numbers."
        raise ValueError(msg)
