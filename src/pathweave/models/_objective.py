"""What a network is trained for: predictions of the fused latent and of every expert, and reconstructions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from pathweave.nn import PathwayVAENet, gaussian_kl
from pathweave.nn.device import products_in
from pathweave.nn.inputs import Encoded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from pathweave.models._samples import ReplicateSamples
    from pathweave.models._train import TrainSpec


@dataclass(frozen=True)
class Batch:
    """Samples of a step, with whom each is mixed (Zhang et al. 2018), and the share that it keeps of itself."""

    index: Tensor
    partner: Tensor | None = None
    kept: float = 1.0

    def rows(self, rows: Tensor) -> Batch:
        """Take some of the samples."""
        partner = None if self.partner is None else self.partner[rows]
        return Batch(self.index[rows], partner, self.kept)


@dataclass(frozen=True)
class Outputs:
    """What a network makes of samples.

    Attributes
    ----------
    encoded
        Their encodings.
    layers
        For each layer the negative log likelihood of its measured values, and how many there are.
    """

    encoded: Encoded
    layers: list[tuple[Tensor, Tensor]]

    @property
    def reconstruction(self) -> Tensor:
        """Mean over the layers of the mean over their measured values."""
        return torch.stack([total / count.clamp(min=1) for total, count in self.layers]).mean()


class Objective:
    """Loss of some samples, with the noise of training where the network is in training mode.

    It comes in two parts. `outputs` is the work, and goes sample by sample. `loss` compares samples
    (a partial likelihood), or weighs them against each other, and needs no more than their encodings.
    """

    def __init__(
        self,
        net: PathwayVAENet,
        training: TrainSpec,
        samples: ReplicateSamples,
        precision: str = "float32",
    ) -> None:
        self.net, self.training, self.samples = net, training, samples
        self.precision = precision
        self.kl_scale = training.kl_weight / max(1, sum(l.n_features for l in net.spec.layers))
        tasks = {head.task for head in net.spec.heads}
        # Log hazards compare samples with each other: they have no mixture, so survival goes without.
        self.mixing = (
            torch.distributions.Beta(training.mixup, training.mixup, validate_args=False)
            if training.mixup and tasks and "survival" not in tasks
            else None
        )

    def __call__(self, index: Tensor) -> tuple[Tensor, dict[str, float], Encoded]:
        """Loss of the samples at `index`, what it is made of, and their encoding."""
        batch = self.batch(index)
        made = self.outputs(batch)
        total, parts = self.loss(batch, made.encoded, made.reconstruction)
        return total, parts, made.encoded

    def batch(self, index: Tensor) -> Batch:
        """Draw partners for mixup, and how much of the sample itself is kept."""
        if not self.net.training or self.mixing is None:
            return Batch(index)
        share = float(self.mixing.sample())
        partner = index[torch.randperm(len(index)).to(index.device)]
        return Batch(index, partner, max(share, 1 - share))

    def outputs(self, batch: Batch) -> Outputs:
        """Encode and decode samples; in training with noise, and with products in the chosen precision."""
        net = self.net
        inputs = self.samples.inputs(batch.index, batch.partner, batch.kept)
        with products_in(self.precision if net.training else "float32", batch.index.device):
            encoded = net.encode(inputs, drop_layers=net.training)
            latent = encoded.mean
            if net.training and net.spec.variational:
                latent = latent + torch.randn_like(latent) * (0.5 * encoded.log_var).exp()
            decoded = net.decode(latent)
        kind = latent.dtype
        layers = [
            net.layer_loss(i, decoded[l.name].to(kind), inputs) for i, l in enumerate(net.spec.layers)
        ]  # fmt: skip
        return Outputs(encoded, layers)

    def loss(
        self, batch: Batch, encoded: Encoded, reconstruction: Tensor
    ) -> tuple[Tensor, dict[str, float]]:
        """Loss of a whole batch, given its encodings, and what it is made of."""
        net, training = self.net, self.training
        kl = gaussian_kl(encoded.mean, encoded.log_var).mean()
        if not net.spec.variational:
            kl = torch.zeros_like(kl)
        target = self._target_loss(encoded, batch)
        unsupervised = reconstruction + self.kl_scale * kl
        share = training.reconstruction_weight if net.spec.heads else 1.0
        total = target[0] + share * unsupervised
        if net.training:
            total = total + training.auxiliary_weight * target[1]
            if net.gates is not None:
                total = total + training.gate_penalty * net.gates.values.mean()
        parts = {
            "loss": total.item(),
            "target_loss": target[0].item(),
            "reconstruction": reconstruction.item(),
            "kl": kl.item(),
        }
        return total, parts

    def _target_loss(self, encoded: Encoded, batch: Batch) -> tuple[Tensor, Tensor]:
        """Loss of the heads on the fused latent, and of the same heads on every expert alone.

        A mixture is judged by the outcomes of both samples, each as much as there is of it.
        """
        fused = alone = encoded.mean.new_zeros(())
        index, shares = batch.index.unsqueeze(0), [1.0]
        if batch.partner is not None:
            index = torch.stack([batch.index, batch.partner])
            shares = [batch.kept, 1.0 - batch.kept]
        share = encoded.mean.new_tensor(shares)
        latents, speaks = [encoded.mean], [torch.ones_like(batch.index, dtype=torch.bool)]
        if self.net.training and len(encoded.experts) > 1:
            latents += [mean for mean, _ in encoded.experts]
            speaks += [there for _, there in encoded.experts]
        stacked, there = torch.stack(latents), torch.stack(speaks)
        weight = self.samples.weight[index]
        for head in self.net.heads.each():
            y = self.samples.outcomes[head.names][index]
            losses = share @ head.losses(stacked, y, weight, there)
            fused = fused + losses[0]
            if len(losses) > 1:
                alone = alone + losses[1:].mean()
        return fused, alone


def together(parts: Sequence[Outputs]) -> Outputs:
    """Put what a network made of the pieces of a batch together."""
    encoded = [part.encoded for part in parts]
    experts = [
        (torch.cat([mean for mean, _ in same]), torch.cat([speaks for _, speaks in same]))
        for same in zip(*(e.experts for e in encoded), strict=True)
    ]
    layers = [
        (torch.stack([total for total, _ in same]).sum(), torch.stack([n for _, n in same]).sum())
        for same in zip(*(part.layers for part in parts), strict=True)
    ]
    mean, log_var = (torch.cat([getattr(e, what) for e in encoded]) for what in ("mean", "log_var"))
    return Outputs(Encoded(mean, log_var, experts, None), layers)
