"""Heads: what a network says of each target, and what it is trained to say."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pathweave.nn.dropout import Dropout
from pathweave.nn.losses import (
    cox_loss,
    cumulative_log_probabilities,
    discrete_time_loss,
    log_mortality,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

_LEAST = 1e-8


@dataclass(frozen=True)
class HeadSpec:
    """One target: class (n outputs), number (1) or survival (1).

    Attributes
    ----------
    name, task, n_outputs
        Name, ``"class"``, ``"number"`` or ``"survival"``, and how many scores are predicted.
    class_weights
        Weights of the classes, if they differ.
    ordinal
        Whether the classes are in an order.
    cuts
        For survival in discrete time the upper ends of the intervals; empty for Cox.
    """

    name: str
    task: str
    n_outputs: int
    class_weights: tuple[float, ...] = ()
    ordinal: bool = False
    cuts: tuple[float, ...] = ()


class Head(nn.Module, ABC):
    """Dropout and a linear map from the latent to the scores of one target, or of several numbers.

    Parameters
    ----------
    specs
        The targets.
    linear
        The map, initialised.
    dropout
        Dropout before it.
    """

    def __init__(self, specs: Sequence[HeadSpec], linear: nn.Linear, dropout: float) -> None:
        super().__init__()
        self.specs = tuple(specs)
        self.drop = Dropout(dropout)
        self.linear = linear

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the targets."""
        return tuple(spec.name for spec in self.specs)

    def start(self, y: Tensor) -> None:
        """Take from the outcomes of the training samples where to start; most heads take nothing."""

    def known(self, y: Tensor) -> Tensor:
        """Mask of the samples with an outcome, from outcomes (n, 1 or 2)."""
        return ~y.isnan().any(dim=1)

    @abstractmethod
    def loss(self, latent: Tensor, y: Tensor, weight: Tensor) -> Tensor:
        """Mean loss of samples with a known outcome, a scalar."""

    def losses(self, latents: Tensor, y: Tensor, weight: Tensor, speaks: Tensor) -> Tensor:
        """`loss` for several latents of the same samples, and several outcomes of each: mixtures have two.

        Parameters
        ----------
        latents
            Latents (k, n, n_latent).
        y, weight
            Outcomes (m, n, 1 or 2), NaN where unknown: those samples do not count. Weights (m, n).
        speaks
            Which samples count for which latents (k, n).

        Returns
        -------
        Losses (m, k), 0 where no sample counts.
        """
        found = []
        for outcome, share in zip(y, weight, strict=True):
            known = self.known(outcome)
            for latent, there in zip(latents, speaks, strict=True):
                rows = known & there
                zero = latent.new_zeros(())
                found.append(self.loss(latent[rows], outcome[rows], share[rows]) if rows.any() else zero)  # fmt: skip
        return torch.stack(found).view(len(y), len(latents))

    def forward(self, latent: Tensor) -> Tensor:
        """Scores: class logits, standardised numbers, or log hazards (n, n_outputs)."""
        return cast("Tensor", self.linear(self.drop(latent)))


class ClassHead(Head):
    """Classes without an order: one logit each."""

    def loss(self, latent: Tensor, y: Tensor, weight: Tensor) -> Tensor:
        """Cross-entropy, weighted by sample and class."""
        everyone = weight.new_ones(1, len(weight))
        return self.losses(latent.unsqueeze(0), y.unsqueeze(0), weight.unsqueeze(0), everyone)[0, 0]

    def losses(self, latents: Tensor, y: Tensor, weight: Tensor, speaks: Tensor) -> Tensor:
        """Cross-entropies of all latents and outcomes at once: small tensors cost by their number."""
        label, known = y[..., 0].nan_to_num().long(), ~y[..., 0].isnan()
        weight = weight * known
        if self.specs[0].class_weights:
            weight = weight * weight.new_tensor(self.specs[0].class_weights)[label]
        share = weight.unsqueeze(1) * speaks  # (m, k, n)
        logits = self(latents.flatten(0, 1)).unflatten(0, speaks.shape)
        log_prob = F.log_softmax(logits, dim=2).expand(len(y), *logits.shape)
        at = label.view(len(y), 1, -1, 1).expand(*share.shape, 1)
        losses = -log_prob.gather(3, at).squeeze(3)
        return (losses * share).sum(dim=2) / share.sum(dim=2).clamp(min=_LEAST)


class OrdinalHead(ClassHead):
    """Classes in an order: one score and rising thresholds (see `cumulative_log_probabilities`).

    Its scores are log-probabilities, so that it is used as any head of classes.
    """

    def __init__(self, specs: Sequence[HeadSpec], linear: nn.Linear, dropout: float) -> None:
        super().__init__(specs, linear, dropout)
        self.first = nn.Parameter(torch.zeros(1))
        self.gaps = nn.Parameter(torch.zeros(specs[0].n_outputs - 2))  # log of the distances
        self.start(torch.arange(specs[0].n_outputs, dtype=torch.float32).unsqueeze(1))

    @property
    def thresholds(self) -> Tensor:
        """Rising thresholds (n_classes - 1,)."""
        return torch.cat([self.first, self.first + self.gaps.exp().cumsum(dim=0)])

    @torch.no_grad()
    def start(self, y: Tensor) -> None:
        """Begin where equal scores give the frequencies of the classes."""
        n_classes = self.specs[0].n_outputs
        label = y[self.known(y), 0].long()
        count = torch.bincount(label, minlength=n_classes).double() + 0.5
        below = (count / count.sum()).cumsum(dim=0)[:-1].logit()
        self.first.copy_(below[:1])
        self.gaps.copy_(below.diff().log())

    def forward(self, latent: Tensor) -> Tensor:
        """Log-probabilities (n, n_classes)."""
        score = self.linear(self.drop(latent))[:, 0]
        return cumulative_log_probabilities(score, self.thresholds)


class NumberHeads(Head):
    """Any number of numbers in one product, each with samples that lack it."""

    def known(self, y: Tensor) -> Tensor:
        """Mask of the samples with any of the numbers."""
        return ~y.isnan().all(dim=1)

    def loss(self, latent: Tensor, y: Tensor, weight: Tensor) -> Tensor:
        """Half the mean squared error of each number over the samples that have it, summed."""
        there = ~y.isnan()
        share = weight.unsqueeze(1) * there
        losses = 0.5 * (self(latent) - y.nan_to_num()).square()
        return ((losses * share).sum(dim=0) / share.sum(dim=0).clamp(min=_LEAST)).sum()


class CoxHead(Head):
    """Survival by the partial likelihood: one log hazard."""

    def loss(self, latent: Tensor, y: Tensor, weight: Tensor) -> Tensor:  # noqa: ARG002
        """Negative log partial likelihood per event."""
        return cox_loss(self(latent)[:, 0], y[:, 0], y[:, 1])


class DiscreteTimeHead(Head):
    """Survival in discrete time: one hazard an interval, and their sum as the risk."""

    def __init__(self, specs: Sequence[HeadSpec], linear: nn.Linear, dropout: float) -> None:
        super().__init__(specs, linear, dropout)
        self.register_buffer("cuts", torch.tensor(specs[0].cuts), persistent=False)

    @torch.no_grad()
    def start(self, y: Tensor) -> None:
        """Begin where every sample has the hazards of the training samples together."""
        time, event = y[self.known(y)].T
        cuts = cast("Tensor", self.cuts)
        ends = torch.cat([cuts.new_zeros(1).sub(torch.inf), cuts])
        for j in range(len(cuts)):
            failed = (event > 0) & (time > ends[j]) & (time <= ends[j + 1])
            n_failed, n_seen = failed.sum(), (failed | (time >= ends[j + 1])).sum()
            self.linear.bias[j] = torch.logit((n_failed + 0.5) / (n_seen + 1.0))

    def hazard_logits(self, latent: Tensor) -> Tensor:
        """Log odds of the event in each interval, for those alive at its beginning."""
        return cast("Tensor", self.linear(self.drop(latent)))

    def loss(self, latent: Tensor, y: Tensor, weight: Tensor) -> Tensor:
        """Negative log likelihood of the intervals lived through, a mean over samples."""
        losses = discrete_time_loss(
            self.hazard_logits(latent), y[:, 0], y[:, 1], cast("Tensor", self.cuts)
        )
        return (losses * weight).sum() / weight.sum().clamp(min=_LEAST)

    def forward(self, latent: Tensor) -> Tensor:
        """Log of the cumulative hazard summed over the intervals (n, 1), a log relative hazard."""
        return log_mortality(self.hazard_logits(latent)).unsqueeze(1)


class Heads(nn.ModuleDict):
    """Heads of all targets by the position of their first target; numbers share one.

    Parameters
    ----------
    specs
        The targets.
    n_latent
        Width of the latent.
    dropout
        Dropout before each head.

    Examples
    --------
    >>> import torch
    >>> from pathweave.nn.heads import Heads, HeadSpec
    >>> specs = [
    ...     HeadSpec("kind", "class", 3),
    ...     HeadSpec("a", "number", 1),
    ...     HeadSpec("b", "number", 1),
    ... ]
    >>> heads = Heads(specs, 4, dropout=0.0)
    >>> [head.names for head in heads.each()]
    [('kind',), ('a', 'b')]
    >>> {name: tuple(out.shape) for name, out in heads.scores(torch.zeros(2, 4)).items()}
    {'kind': (2, 3), 'a': (2, 1), 'b': (2, 1)}
    """

    def __init__(self, specs: Sequence[HeadSpec], n_latent: int, *, dropout: float) -> None:
        made: dict[str, Head] = {}
        numbers: list[tuple[int, HeadSpec, nn.Linear]] = []
        for i, spec in enumerate(specs):
            kind, width = _kind(spec)
            linear = nn.Linear(n_latent, width)
            if kind is NumberHeads:
                numbers.append((i, spec, linear))
            else:
                made[f"h{i}"] = kind([spec], linear, dropout)
        if numbers:
            joined = _side_by_side([linear for *_, linear in numbers])
            made[f"h{numbers[0][0]}"] = NumberHeads([s for _, s, _ in numbers], joined, dropout)
        super().__init__({key: made[key] for key in sorted(made, key=lambda key: int(key[1:]))})

    def each(self) -> list[Head]:
        """The heads, in the order of their first targets."""
        return [cast("Head", head) for head in self.values()]

    def scores(self, latent: Tensor) -> dict[str, Tensor]:
        """Scores of every target (n, n_outputs), by name."""
        found: dict[str, Tensor] = {}
        for head in self.each():
            out = head(latent)
            columns = [out] if len(head.specs) == 1 else out.split(1, dim=1)
            found.update(zip(head.names, columns, strict=True))
        return found

    def of(self, name: str) -> Head:
        """Head of a target."""
        return next(head for head in self.each() if name in head.names)


def _kind(spec: HeadSpec) -> tuple[type[Head], int]:
    """Class of head for a target, and the width of its linear map."""
    if spec.task == "number":
        return NumberHeads, 1
    if spec.task == "class":
        # Of two classes, in whatever order, both models are the same.
        return (
            (OrdinalHead, 1) if spec.ordinal and spec.n_outputs > 2 else (ClassHead, spec.n_outputs)
        )
    return (DiscreteTimeHead, len(spec.cuts)) if spec.cuts else (CoxHead, 1)


@torch.no_grad()
def _side_by_side(layers: Sequence[nn.Linear]) -> nn.Linear:
    """One map to the outputs of several, initialised as they are."""
    joined = nn.utils.skip_init(nn.Linear, layers[0].in_features, len(layers))
    joined.weight.copy_(torch.cat([layer.weight for layer in layers]))
    joined.bias.copy_(torch.cat([layer.bias for layer in layers]))
    return joined
