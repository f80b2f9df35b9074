"""Where a network's training stands, as tensors and plain facts, and back: with it the next epoch is the same."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor, nn


@dataclass
class Snapshot:
    """Tensors by name, and what JSON can hold."""

    tensors: dict[str, Tensor]
    facts: dict[str, Any]

    def under(self, prefix: str) -> dict[str, Tensor]:
        """Tensors whose names begin with a prefix, without it."""
        return {k.removeprefix(prefix): v for k, v in self.tensors.items() if k.startswith(prefix)}


@dataclass
class RunState:
    """What an epoch hands to the next, beside network, optimizer and random state.

    Attributes
    ----------
    epoch
        Epochs done.
    best_epoch, best_loss, best
        The best epoch so far, its monitored loss and parameters.
    history, curve
        Rows of the history; scores of the validation samples after every epoch.
    units
        By outcome: what its scores are shifted by and multiplied with.
    """

    best: dict[str, Tensor]
    units: dict[str, tuple[float, float]]
    epoch: int = 0
    best_epoch: int = 0
    best_loss: float = float("inf")
    history: list[dict[str, Any]] = field(default_factory=list)
    curve: list[dict[str, np.ndarray]] = field(default_factory=list)

    def pack(self, net: nn.Module, optimizer: torch.optim.Optimizer) -> Snapshot:
        """Take a copy of all that the next epoch depends on."""
        tensors = {f"random.{k}": v for k, v in _random_state(net).items()}
        tensors |= {f"net.{k}": v for k, v in net.state_dict().items()}
        tensors |= {f"best.{k}": v for k, v in self.best.items()}
        for i, kept in optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{i}.{k}": v for k, v in kept.items()}
        tensors |= {f"curve.{k}": torch.from_numpy(v) for k, v in self.curves().items()}
        facts = {
            "epoch": self.epoch,
            "best_epoch": self.best_epoch,
            "best_loss": self.best_loss,
            "history": self.history,
            "units": self.units,
        }
        return Snapshot({k: v.detach().cpu().clone() for k, v in tensors.items()}, facts)

    @classmethod
    def unpack(
        cls, snapshot: Snapshot, net: nn.Module, optimizer: torch.optim.Optimizer
    ) -> RunState:
        """Put network, optimizer and random state where they were."""
        device = next(net.parameters()).device
        net.load_state_dict(snapshot.under("net."))
        kept: dict[int, dict[str, Tensor]] = {}
        for name, tensor in snapshot.under("optimizer.").items():
            i, what = name.split(".", 1)
            kept.setdefault(int(i), {})[what] = tensor
        groups = optimizer.state_dict()["param_groups"]
        optimizer.load_state_dict({"state": kept, "param_groups": groups})
        _set_random_state(snapshot.under("random."), device)
        facts = snapshot.facts
        curves = {k: v.numpy() for k, v in snapshot.under("curve.").items()}
        n_looks = len(next(iter(curves.values()))) if curves else 0
        return cls(
            {k: v.to(device) for k, v in snapshot.under("best.").items()},
            {k: (mean, spread) for k, (mean, spread) in facts["units"].items()},
            facts["epoch"],
            facts["best_epoch"],
            facts["best_loss"],
            facts["history"],
            [{k: v[i] for k, v in curves.items()} for i in range(n_looks)],
        )

    def curves(self) -> dict[str, np.ndarray]:
        """Scores after every epoch, by outcome (n_epochs, n_validation, n_outputs)."""
        return {name: np.stack([s[name] for s in self.curve]) for name in (self.curve or [{}])[0]}


def _random_state(net: nn.Module) -> dict[str, Tensor]:
    device = next(net.parameters()).device
    states = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    if device.type == "mps":
        states["mps"] = torch.mps.get_rng_state()
    return states


def _set_random_state(states: Mapping[str, Tensor], device: torch.device) -> None:
    torch.set_rng_state(states["cpu"])
    if "cuda" in states:
        torch.cuda.set_rng_state(states["cuda"], device)
    if "mps" in states:
        torch.mps.set_rng_state(states["mps"])
