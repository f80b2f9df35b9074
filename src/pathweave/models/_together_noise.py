"""Noise of replicates that are trained together: each from its own seed, whoever else is in the group."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pathweave.models._train import TrainSpec
    from pathweave.nn.pathway_vae import NetSpec, PathwayVAENet

_OTHER_STREAM = 1_000_003  # dropout must not repeat the numbers that the parameters started from


@dataclass
class EpochDraws:
    """Batches of one epoch: samples, mixup, layers and latent noise, for every replicate (first axis).

    A replicate with a smaller batch has its first sample again where `real` is false. `share_of` is the batch's share of
    the replicate's samples.
    """

    index: Tensor  # (n_replicates, size)
    real: Tensor
    partner: Tensor
    share_kept: Tensor  # (n_replicates,)
    stay: Tensor  # (n_replicates, size, n_layers)
    latent: Tensor  # (n_replicates, size, n_latent)
    share_of: Tensor  # (n_replicates,)


class Draws:
    """Draws one replicate's noise in the order in which a run of its own draws it, dropout apart.

    Parameters
    ----------
    state
        Random state after the network was made.
    n_train, n_batches
        Training samples, and batches an epoch.
    """

    def __init__(
        self, state: Tensor, n_train: int, n_batches: int, spec: NetSpec, training: TrainSpec
    ) -> None:
        self.generator = torch.Generator()
        self.generator.set_state(state)
        self.n_train, self.n_batches, self.spec = n_train, n_batches, spec
        self.mixup = training.mixup if spec.heads else 0.0
        self.size = -(-n_train // n_batches)

    def epoch(self) -> list[EpochDraws]:
        """Draw an epoch; tensors are without the axis of replicates."""
        order = torch.randperm(self.n_train, generator=self.generator)
        return [self._batch(batch) for batch in order.tensor_split(self.n_batches)]

    def _batch(self, batch: Tensor) -> EpochDraws:
        g, n, spec = self.generator, len(batch), self.spec
        partner, share = batch, 1.0
        if self.mixup:
            drawn = torch._sample_dirichlet(torch.tensor([self.mixup] * 2), generator=g)
            partner = batch[torch.randperm(n, generator=g)]
            share = max(float(drawn[0]), 1 - float(drawn[0]))
        stay = torch.ones(n, len(spec.layers), dtype=torch.bool)
        if spec.layer_dropout and stay.shape[1] > 1:
            stay = torch.rand(stay.shape, generator=g) >= spec.layer_dropout
        latent = torch.zeros(n, spec.n_latent)
        if spec.variational:
            latent = torch.randn(latent.shape, generator=g)
        real = torch.ones(n, dtype=torch.bool)
        return EpochDraws(
            batch, real, partner, torch.tensor(share), stay, latent, torch.tensor(n / self.n_train)
        )


def stacked_epoch(draws: Sequence[Draws], device: torch.device) -> list[EpochDraws]:
    """Draw an epoch of every replicate and put equal batches side by side."""
    size = max(each.size for each in draws)
    epochs = [each.epoch() for each in draws]
    return [_stacked(batches, size, device) for batches in zip(*epochs, strict=True)]


def _stacked(batches: Sequence[EpochDraws], size: int, device: torch.device) -> EpochDraws:
    def side_by_side(name: str) -> Tensor:
        rows = [_padded(getattr(batch, name), size) for batch in batches]
        return torch.stack(rows).to(device, non_blocking=True)

    stacked = EpochDraws(**{name: side_by_side(name) for name in EpochDraws.__dataclass_fields__})
    for name in ("index", "partner"):
        places = getattr(stacked, name)
        setattr(stacked, name, torch.where(stacked.real, places, places[:, :1]))
    return stacked


def _padded(x: Tensor, size: int) -> Tensor:
    """More rows of zeros, up to a size; scalars stay."""
    if not x.ndim or len(x) == size:
        return x
    return torch.cat([x, x.new_zeros(size - len(x), *x.shape[1:])])


class DropoutSource:
    """Uniform numbers for all dropout of one step, handed out in the order in which it is asked for."""

    def __init__(self) -> None:
        self.numbers: Tensor | None = None
        self.at = 0

    def start(self, numbers: Tensor | None) -> None:
        """Begin a step with these numbers (n,), or begin to count how many a step takes."""
        self.numbers, self.at = numbers, 0

    def take(self, like: Tensor) -> Tensor:
        """Give numbers in the shape of a tensor."""
        begin, self.at = self.at, self.at + like.numel()
        if self.numbers is None:
            return torch.ones_like(like)
        return self.numbers[begin : self.at].reshape(like.shape)


class GivenDropout(nn.Module):
    """Dropout by numbers that somebody else drew."""

    def __init__(self, p: float, source: DropoutSource) -> None:
        super().__init__()
        self.p, self.source = p, source

    def forward(self, x: Tensor) -> Tensor:
        """Set a share of the values to zero and scale the others, in training."""
        if not self.training or not self.p:
            return x
        return x * (self.source.take(x) >= self.p) / (1.0 - self.p)


def with_given_dropout(net: PathwayVAENet, source: DropoutSource) -> PathwayVAENet:
    """Copy of a network whose dropout asks a source."""
    copy = deepcopy(net)
    for module in list(copy.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, nn.Dropout):
                setattr(module, name, GivenDropout(child.p, source))
    return copy


def dropout_generators(seeds: Sequence[int], device: torch.device) -> list[torch.Generator]:
    """One stream of dropout for each replicate."""
    made = [torch.Generator(device) for _ in seeds]
    for generator, seed in zip(made, seeds, strict=True):
        generator.manual_seed(seed + _OTHER_STREAM)
    return made
