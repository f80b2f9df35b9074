"""A prediction as a pool of parts trained apart, as one differentiable module."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pathweave.nn.pathway_vae import PathwayVAENet


class DeepPart(nn.Module):
    """One head of an ensemble of networks: probabilities or scores, averaged.

    Parameters
    ----------
    nets
        Networks of the ensemble.
    head
        Name of the target.
    task
        ``"class"``, ``"number"`` or ``"survival"``.
    units
        For each network the mean and deviation of a number, or the origin of log hazards and 1; empty for classes.
    """

    def __init__(
        self,
        nets: Sequence[PathwayVAENet],
        head: str,
        task: str,
        units: Sequence[tuple[float, float]] = (),
    ) -> None:
        super().__init__()
        self.nets = nn.ModuleList(nets)
        self.head, self.task, self.units = head, task, list(units)

    def latents(self, values: dict[str, Tensor], measured: dict[str, Tensor]) -> list[Tensor]:
        """Latent (n, n_latent) of each network."""
        nets = [cast("PathwayVAENet", net) for net in self.nets]
        return [net.encode(net.prepare(values, measured)).mean for net in nets]

    def each(self, latents: Sequence[Tensor]) -> Tensor:
        """Return the prediction of each network, from its latent (n_nets, n, n_outputs)."""
        outs = []
        for i, (module, latent) in enumerate(zip(self.nets, latents, strict=True)):
            out = cast("PathwayVAENet", module).predict(latent)[self.head]
            if self.task == "class":
                out = out.log_softmax(dim=1)
            elif self.units:
                mean, spread = self.units[i]
                out = out * spread + mean
            outs.append(out)
        return torch.stack(outs)

    def average(self, outs: Tensor) -> Tensor:
        """Average over networks: probabilities, numbers or log hazards."""
        if self.task == "class":
            return outs.logsumexp(dim=0) - torch.log(torch.tensor(float(len(outs))))
        return outs.mean(dim=0)

    def forward(self, values: dict[str, Tensor], measured: dict[str, Tensor]) -> Tensor:
        """Return log-probabilities (n, n_classes), or numbers or log hazards (n, 1)."""
        return self.average(self.each(self.latents(values, measured)))


class Stack(nn.Module):
    """Pool of parts: weighted sums of log-probabilities, numbers or log hazards.

    Parameters
    ----------
    parts
        Modules with ``forward(values, measured)``: log-probabilities (n, n_classes) or scores (n, 1).
    weights
        One weight a part.
    task
        ``"class"``, ``"number"`` or ``"survival"``.
    offset
        Added to the weighted sum of numbers, whose weights need not sum to one.
    """

    def __init__(
        self,
        parts: Sequence[nn.Module],
        weights: Sequence[float],
        task: str,
        *,
        offset: float = 0.0,
    ) -> None:
        super().__init__()
        kept = [(part, weight) for part, weight in zip(parts, weights, strict=True) if weight > 0]
        self.parts = nn.ModuleList(part for part, _ in kept)
        self.task = task
        self.offset = offset
        self.register_buffer("weights", torch.tensor([weight for _, weight in kept]))

    def forward(self, values: dict[str, Tensor], measured: dict[str, Tensor]) -> Tensor:
        """Return log-probabilities (n, n_classes), or numbers or log hazards (n, 1)."""
        return self.pool([part(values, measured) for part in self.parts])

    def pool(self, outs: Sequence[Tensor]) -> Tensor:
        """Pool what the parts said, (..., n, n_outputs) each; a part may say it several times over."""
        weights = cast("Tensor", self.weights)
        weighed = [weight * out.float() for weight, out in zip(weights, outs, strict=True)]
        pooled = torch.stack(torch.broadcast_tensors(*weighed)).sum(dim=0) + self.offset
        return pooled.log_softmax(dim=-1) if self.task == "class" else pooled

    def with_members(
        self,
        values: dict[str, Tensor],
        measured: dict[str, Tensor],
        latents: Sequence[Tensor] | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Predict with the whole ensemble, and with each network alone in its place.

        Parameters
        ----------
        values, measured
            As in `forward`.
        latents
            Latents of the networks, where they are known already.

        Returns
        -------
        The prediction (n, n_outputs), and those with one network each (n_networks, n, n_outputs);
        one alone where no network takes part.
        """
        whole, single = [], []
        for part in self.parts:
            if isinstance(part, DeepPart):
                outs = part.each(part.latents(values, measured) if latents is None else latents)
                whole.append(part.average(outs))
                single.append(outs)
            else:
                out = part(values, measured)
                whole.append(out)
                single.append(out.unsqueeze(0))
        return self.pool(whole), self.pool(single)

    def evidence(self, values: dict[str, Tensor], measured: dict[str, Tensor]) -> Tensor:
        """Return what is explained: log odds of every class, numbers, or log hazards."""
        out = self(values, measured)
        if self.task != "class":
            return out
        n_classes = out.shape[1]
        others = ~torch.eye(n_classes, dtype=torch.bool, device=out.device)
        rest = out.unsqueeze(1).expand(-1, n_classes, -1).masked_fill(~others, float("-inf"))
        return out - rest.logsumexp(dim=2)
