"""Losses of linear scores with exact gradient and curvature, for Newton's method."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class ScoreState:
    """A loss at some scores.

    Attributes
    ----------
    value
        The loss, summed over samples.
    gradient
        Its gradient (n, n_outputs).
    product
        The Hessian's product with a change of the scores (n, n_outputs).
    curvature
        Sum over samples of the Hessian's diagonal, shape (n_outputs,).
    """

    value: float
    gradient: Tensor
    product: Callable[[Tensor], Tensor]
    curvature: Tensor


class ScoreLoss(Protocol):
    """A convex loss of the scores of all samples."""

    n_outputs: int

    def at(self, scores: Tensor) -> ScoreState:
        """Value, gradient and curvature at scores (n, n_outputs)."""
        ...


class SoftmaxLoss:
    """Multinomial log loss; `target` is one-hot (n, n_classes)."""

    def __init__(self, target: Tensor, weight: Tensor) -> None:
        self.target, self.weight = target, weight.unsqueeze(1)
        self.n_outputs = target.shape[1]

    def at(self, scores: Tensor) -> ScoreState:
        """Value, gradient and curvature at scores (n, n_classes)."""
        log_p = scores.log_softmax(dim=1)
        p = log_p.exp()
        weighted = self.weight * p

        def product(change: Tensor) -> Tensor:
            mean = (p * change).sum(dim=1, keepdim=True)
            return weighted * (change - mean)

        return ScoreState(
            value=-float((self.weight * self.target * log_p).sum()),
            gradient=weighted - self.weight * self.target,
            product=product,
            curvature=(weighted * (1.0 - p)).sum(dim=0),
        )


class BinaryLoss:
    """Log loss of one score, the log odds; `target` is 0 or 1, shape (n, 1)."""

    n_outputs = 1

    def __init__(self, target: Tensor, weight: Tensor) -> None:
        self.target, self.weight = target, weight.unsqueeze(1)

    def at(self, scores: Tensor) -> ScoreState:
        """Value, gradient and curvature at log odds (n, 1)."""
        p = scores.sigmoid()
        bend = self.weight * p * (1.0 - p)
        loss = torch.nn.functional.softplus(scores) - self.target * scores
        return ScoreState(
            value=float((self.weight * loss).sum()),
            gradient=self.weight * (p - self.target),
            product=lambda change: bend * change,
            curvature=bend.sum(dim=0),
        )


class CoxLoss:
    """Negative log partial likelihood, ties after Breslow."""

    n_outputs = 1

    def __init__(self, time: Tensor, event: Tensor, weight: Tensor) -> None:
        self.order = torch.argsort(time, descending=True, stable=True)
        self.back = torch.argsort(self.order)
        time = time[self.order]
        self.weight = weight[self.order]
        self.event = event[self.order] * self.weight
        # Tied times share a risk set: it reaches from the longest time to the last of the tie ...
        self.last = torch.searchsorted(-time, -time, right=True) - 1
        # ... and a sample is at risk in all the sets from the first of its tie on.
        self.first = torch.searchsorted(-time, -time, right=False)

    def _at_risk(self, values: Tensor) -> Tensor:
        """Sum over each sample's risk set."""
        return values.cumsum(0)[self.last]

    def _while_at_risk(self, values: Tensor) -> Tensor:
        """Sum over the events during which each sample was at risk."""
        return values.flip(0).cumsum(0).flip(0)[self.first]

    def at(self, scores: Tensor) -> ScoreState:
        """Value, gradient and curvature at log hazards (n, 1)."""
        eta = scores[self.order, 0]
        top = eta.max()
        hazard = self.weight * (eta - top).exp()
        total = self._at_risk(hazard).clamp(min=1e-300)
        rate = self._while_at_risk(self.event / total)
        expected = hazard * rate

        def product(change: Tensor) -> Tensor:
            moved = change[self.order, 0]
            shift = self._at_risk(hazard * moved) * self.event / total.square()
            return (expected * moved - hazard * self._while_at_risk(shift))[self.back].unsqueeze(1)

        spent = self._while_at_risk(self.event / total.square())
        return ScoreState(
            value=float((self.event * (total.log() + top - eta)).sum()),
            gradient=(expected - self.event)[self.back].unsqueeze(1),
            product=product,
            curvature=(expected - hazard.square() * spent).sum().reshape(1),
        )
