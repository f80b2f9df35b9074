"""The objective of one replicate without any choice that depends on data, so that many can be computed at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from pathweave.nn import gaussian_kl
from pathweave.nn.heads import NumberHeads
from pathweave.nn.inputs import Prepared

if TYPE_CHECKING:
    from pathweave.models._samples import ReplicateSamples
    from pathweave.models._together_noise import DropoutSource, EpochDraws
    from pathweave.models._train import TrainSpec
    from pathweave.nn.heads import Head
    from pathweave.nn.pathway_vae import Encoded, PathwayVAENet

Data = dict[str, dict[str, Tensor]]
"""Tensors of a replicate's samples: the fields of `Prepared`, and outcomes and weights."""


def data_of(samples: ReplicateSamples) -> Data:
    """Take a replicate's samples as nested dicts of tensors, each with one row a sample."""
    n = len(samples.train) + len(samples.validation)
    prepared = samples.inputs(torch.arange(n, device=samples.train.device))
    nodes = {} if prepared.nodes is None else {"": prepared.nodes}
    # Of all layers: those of replicates that train together may have their gaps elsewhere.
    measured = {
        name: prepared.measured.get(name, torch.ones_like(z, dtype=torch.bool))
        for name, z in prepared.z.items()
    }
    return {
        "z": prepared.z, "measured": measured, "present": {"": prepared.present},
        "nodes": nodes, "observed": prepared.observed, "library": prepared.library,
        "outcomes": {str(i): y for i, y in enumerate(samples.outcomes.values())},
        "weight": {"": samples.weight},
    }  # fmt: skip


def _prepared(data: Data) -> Prepared:
    return Prepared(
        data["z"], data["measured"], data["present"][""], data["nodes"].get(""),
        data["observed"], data["library"],
    )  # fmt: skip


class TogetherObjective(nn.Module):
    """Losses of some samples, as `Objective` has them, with masks where that one takes fewer rows.

    Parameters
    ----------
    net
        Network whose dropout asks `source`.
    training
        Weights of the losses.
    source
        Where dropout comes from.
    """

    def __init__(self, net: PathwayVAENet, training: TrainSpec, source: DropoutSource) -> None:
        super().__init__()
        self.net, self.weights, self.source = net, training, source
        self.kl_scale = training.kl_weight / max(1, sum(l.n_features for l in net.spec.layers))

    def forward(
        self,
        data: Data,
        index: Tensor,
        real: Tensor,
        noise: EpochDraws | None,
        numbers: Tensor | None,
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Losses by name, those of training with noise, and scores of the samples.

        Parameters
        ----------
        data
            Samples of one replicate.
        index, real
            Which of them, and which of these count (size,).
        noise, numbers
            What was drawn for this batch, and numbers for dropout (n,).
        """
        self.source.start(numbers)
        net, prepared = self.net, _prepared(data)
        latent_noise: Tensor | float = 0.0
        if noise is not None and self.weights.mixup and net.spec.heads:
            inputs = prepared.mixed(index, noise.partner, noise.share_kept)
        else:
            inputs = prepared.rows(index)
        if noise is not None:
            inputs.present = net.kept_layers(inputs.present, noise.stay)
            latent_noise = noise.latent
        inputs.measured = {name: m & real.unsqueeze(1) for name, m in inputs.measured.items()}
        encoded = net.encode(inputs)
        latent = encoded.mean
        if noise is not None and net.spec.variational:
            latent = latent + latent_noise * (0.5 * encoded.log_var).exp()
        decoded = net.decode(latent)
        each = [net.layer_loss(i, decoded[l.name], inputs) for i, l in enumerate(net.spec.layers)]
        reconstruction = torch.stack([total / count.clamp(min=1) for total, count in each]).mean()
        kl = (gaussian_kl(encoded.mean, encoded.log_var) * real).sum() / real.sum()
        if not net.spec.variational:
            kl = torch.zeros_like(kl)
        target, alone = self._target_loss(data, encoded, index, real)
        if noise is not None and self.weights.mixup and net.spec.heads:
            other = self._target_loss(data, encoded, noise.partner, real)
            target = noise.share_kept * target + (1 - noise.share_kept) * other[0]
            alone = noise.share_kept * alone + (1 - noise.share_kept) * other[1]
        share = self.weights.reconstruction_weight if net.spec.heads else 1.0
        total = target + share * (reconstruction + self.kl_scale * kl)
        if noise is not None:
            total = total + self.weights.auxiliary_weight * alone
            if net.gates is not None:
                total = total + self.weights.gate_penalty * net.gates.values.mean()
        losses = {
            "loss": total, "target_loss": target, "reconstruction": reconstruction, "kl": kl,
        }  # fmt: skip
        return losses, {} if noise is not None else net.predict(encoded.mean)

    def _target_loss(
        self, data: Data, encoded: Encoded, index: Tensor, real: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Loss of the heads on the fused latent, and of the same heads on every expert alone."""
        fused = encoded.mean.new_zeros(())
        alone = encoded.mean.new_zeros(())
        weight = data["weight"][""][index] * real
        for i, head in enumerate(self.net.heads.each()):
            y = data["outcomes"][str(i)][index]
            fused = fused + _loss(head, encoded.mean, y, weight)
            if self.training and len(encoded.experts) > 1:
                for mean, speaks in encoded.experts:
                    loss = _loss(head, mean, y, weight * speaks)
                    alone = alone + loss / len(encoded.experts)
        return fused, alone


def _loss(head: Head, latent: Tensor, y: Tensor, weight: Tensor) -> Tensor:
    """Loss of a head over the samples that it knows; 0 where there is none."""
    if isinstance(head, NumberHeads):  # which knows itself what it lacks
        return head.loss(latent, y, weight)
    return head.loss(latent, y.nan_to_num(), weight * head.known(y))
