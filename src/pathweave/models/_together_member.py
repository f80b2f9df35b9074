"""One replicate of a group that is trained together: where it starts, what it keeps, what it leaves behind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from pathweave.models._samples import ReplicateSamples
from pathweave.models._together_objective import data_of
from pathweave.models._train import FittedState, Replicate, TrainSpec
from pathweave.nn import PathwayVAENet, seeded

if TYPE_CHECKING:
    from torch import Tensor

    from pathweave.models._together_objective import Data
    from pathweave.nn.pathway_vae import GraphArrays, NetSpec


@dataclass
class Member:
    """One replicate of a group: its network, its samples, and what is known of its training so far."""

    replicate: Replicate
    graph: GraphArrays | None
    net: PathwayVAENet
    data: Data
    units: dict[str, tuple[float, float]]
    random_state: Tensor
    history: list[dict[str, Any]]
    curve: list[dict[str, np.ndarray]]
    best: dict[str, Tensor]
    best_loss: float = float("inf")
    best_epoch: int = 0
    finished: bool = True

    @classmethod
    def make(
        cls,
        spec: NetSpec,
        values: dict[str, np.ndarray],
        outcomes: dict[str, np.ndarray],
        graph: GraphArrays | None,
        replicate: Replicate,
        *,
        device: torch.device,
        library: dict[str, np.ndarray],
    ) -> Member:
        """Start as a run of its own does."""
        outcomes = {**outcomes, **(replicate.outcomes or {})}
        graph = replicate.graph or graph
        with seeded(replicate.seed):
            net = PathwayVAENet(spec, graph).to(device)
            samples = ReplicateSamples(net, replicate, values, outcomes, library, device)
            state = torch.get_rng_state()
        return cls(replicate, graph, net, data_of(samples), samples.units, state, [], [], {})

    @property
    def n_train(self) -> int:
        """Training samples, which come first."""
        return len(self.replicate.train)

    @property
    def n_validation(self) -> int:
        """Samples that decide when to stop, which come after."""
        return len(self.replicate.validation)

    def shape(self, training: TrainSpec) -> tuple[Any, ...]:
        """What must be equal for replicates to be stacked."""
        tensors = dict(self.net.named_parameters()) | dict(self.net.named_buffers())
        shapes = tuple((name, tuple(t.shape)) for name, t in tensors.items())
        n_batches = max(1, round(self.n_train / training.batch_size))
        # A product with the graph takes one graph; with one graph layer it is done before training.
        deep = self.net.spec.n_graph_layers > 1
        return shapes, n_batches, self.n_validation > 0, id(self.graph) if deep else 0

    def record(self, epoch: int, part: str, values: dict[str, float]) -> None:
        """Add a row to the history."""
        self.history.append(
            {"replicate": self.replicate.name, "epoch": epoch, "part": part, **values}
        )

    def in_units(self, scores: dict[str, Tensor]) -> dict[str, np.ndarray]:
        """Scores of the validation samples: log-probabilities, and numbers in their units."""
        result = {}
        for name, out in scores.items():
            mine = out[: self.n_validation]
            if name in self.units:
                mean, spread = self.units[name]
                mine = mine * spread + mean
            else:
                mine = mine.log_softmax(dim=1)
            result[name] = mine.cpu().numpy().astype(np.float64)
        return result

    def fitted(self) -> FittedState:
        """What it leaves behind."""
        best = {name: p.detach() for name, p in self.best.items()}
        self.net.load_state_dict(best, strict=False)
        state = {name: p.detach().cpu().numpy().copy() for name, p in self.net.state_dict().items()}
        for name, (mean, spread) in self.units.items():
            state[f"unit.{name}"] = np.array([mean, spread], dtype=np.float32)
        last = self.curve[max(self.best_epoch, 1) - 1] if self.curve else {}
        curves = {name: np.stack([s[name] for s in self.curve]) for name in last}
        return FittedState(
            self.replicate.name, state, self.best_epoch, self.history,
            self.replicate.validation, last, curves, self.finished,
        )  # fmt: skip
