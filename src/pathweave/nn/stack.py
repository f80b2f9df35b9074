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
        For each network mean and deviation of a number; empty for other tasks.
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

    def forward(self, values: dict[str, Tensor], measured: dict[str, Tensor]) -> Tensor:
        """Return log-probabilities (n, n_classes), or numbers or log hazards (n, 1)."""
        outs = []
        for i, module in enumerate(self.nets):
            net = cast("PathwayVAENet", module)
            out = net.predict(net.encode(net.prepare(values, measured)).mean)[self.head]
            if self.task == "class":
                out = out.log_softmax(dim=1)
            elif self.task == "number":
                mean, spread = self.units[i]
                out = out * spread + mean
            outs.append(out)
        stacked = torch.stack(outs)
        if self.task == "class":
            return stacked.logsumexp(dim=0) - torch.log(torch.tensor(float(len(outs))))
        return stacked.mean(dim=0)


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
        outs = torch.stack([part(values, measured).float() for part in self.parts])
        pooled = (outs * cast("Tensor", self.weights).reshape(-1, 1, 1)).sum(dim=0)
        pooled = pooled + self.offset
        return pooled.log_softmax(dim=1) if self.task == "class" else pooled

    def evidence(self, values: dict[str, Tensor], measured: dict[str, Tensor]) -> Tensor:
        """Return what is explained: log odds of every class, numbers, or log hazards."""
        out = self(values, measured)
        if self.task != "class":
            return out
        n_classes = out.shape[1]
        others = ~torch.eye(n_classes, dtype=torch.bool, device=out.device)
        rest = out.unsqueeze(1).expand(-1, n_classes, -1).masked_fill(~others, float("-inf"))
        return out - rest.logsumexp(dim=2)
