"""What a network is trained for: predictions of the fused latent and of every expert, and reconstructions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from pathweave.nn import PathwayVAENet, gaussian_kl

if TYPE_CHECKING:
    from torch import Tensor

    from pathweave.models._samples import ReplicateSamples
    from pathweave.models._train import TrainSpec
    from pathweave.nn.pathway_vae import Encoded


class Objective:
    """Loss of some samples, with the noise of training where the network is in training mode."""

    def __init__(self, net: PathwayVAENet, training: TrainSpec, samples: ReplicateSamples) -> None:
        self.net, self.training, self.samples = net, training, samples
        self.kl_scale = training.kl_weight / max(1, sum(l.n_features for l in net.spec.layers))

    def __call__(self, index: Tensor) -> tuple[Tensor, dict[str, float], Encoded]:
        """Loss of the samples at `index`, what it is made of, and their encoding."""
        net, training = self.net, self.training
        inputs = self.samples.inputs(index)
        partner, share_kept = self._partner(index)
        if partner is not None:
            inputs = inputs.mixed(self.samples.inputs(partner), share_kept)
        encoded = net.encode(inputs, drop_layers=net.training)
        latent = encoded.mean
        if net.training and net.spec.variational:
            latent = latent + torch.randn_like(latent) * (0.5 * encoded.log_var).exp()
        decoded = net.decode(latent)
        reconstruction = torch.stack(
            [net.layer_loss(i, decoded[l.name], inputs) for i, l in enumerate(net.spec.layers)]
        ).mean()
        kl = gaussian_kl(encoded.mean, encoded.log_var).mean()
        if not net.spec.variational:
            kl = torch.zeros_like(kl)
        target = self._target_loss(encoded, index)
        if partner is not None:
            other = self._target_loss(encoded, partner)
            target = (
                share_kept * target[0] + (1 - share_kept) * other[0],
                share_kept * target[1] + (1 - share_kept) * other[1],
            )
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
        return total, parts, encoded

    def _partner(self, index: Tensor) -> tuple[Tensor | None, float]:
        """Draw partners for mixup (Zhang et al. 2018), and how much of the sample itself is kept.

        Log hazards compare samples with each other: they have no mixture, so survival goes without.
        """
        tasks = {head.task for head in self.net.spec.heads}
        if not self.net.training or not self.training.mixup or not tasks or "survival" in tasks:
            return None, 1.0
        share = float(torch.distributions.Beta(self.training.mixup, self.training.mixup).sample())
        return index[torch.randperm(len(index)).to(index.device)], max(share, 1 - share)

    def _target_loss(self, encoded: Encoded, index: Tensor) -> tuple[Tensor, Tensor]:
        """Loss of the heads on the fused latent, and of the same heads on every expert alone."""
        fused = encoded.mean.new_zeros(())
        alone = encoded.mean.new_zeros(())
        weight = self.samples.weight[index]
        for head in self.net.heads.each():
            y = self.samples.outcomes[head.names][index]
            known = head.known(y)
            if not known.any():
                continue
            fused = fused + head.loss(encoded.mean[known], y[known], weight[known])
            if self.net.training and len(encoded.experts) > 1:
                for mean, speaks in encoded.experts:
                    rows = known & speaks
                    if rows.any():
                        loss = head.loss(mean[rows], y[rows], weight[rows])
                        alone = alone + loss / len(encoded.experts)
        return fused, alone
