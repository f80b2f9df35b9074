"""The training loop: one network, one replicate, from first epoch to best state."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from pathweave.models._objective import Objective
from pathweave.models._samples import ReplicateSamples
from pathweave.models._store import SampleStore
from pathweave.models._streamed_samples import StreamedSamples
from pathweave.nn import PathwayVAENet, seeded

if TYPE_CHECKING:
    from pathweave.nn.pathway_vae import Encoded, GraphArrays, NetSpec

_SURVIVAL_BATCH = 128


@dataclass(frozen=True)
class TrainSpec:
    """How long and how hard to train."""

    max_epochs: int = 150
    patience: int = 20
    batch_size: int = 64
    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    reconstruction_weight: float = 0.3
    kl_weight: float = 1.0
    auxiliary_weight: float = 0.3
    mixup: float = 0.2
    gate_penalty: float = 0.0


@dataclass(frozen=True)
class Replicate:
    """One fit among many: which samples, which labels, which seed, perhaps its own graph.

    Attributes
    ----------
    name
        Shown in the history.
    train, validation
        Positions of the samples to learn from, and of those that decide when to stop.
    seed
        Seed of initialisation, dropout and the order of samples.
    sample_weight
        Weight of every sample (all samples, not only those in `train`); ``None`` for equal weights.
    outcomes
        Outcomes that replace the data's, by target name (for shuffled labels).
    graph
        A graph that replaces the data's (for rewired graphs).
    initial
        Parameters to start from (for fine-tuning); NaN where the network's own first values count.
    """

    name: str
    train: np.ndarray
    validation: np.ndarray
    seed: int
    sample_weight: np.ndarray | None = None
    outcomes: dict[str, np.ndarray] | None = None
    graph: GraphArrays | None = None
    initial: dict[str, np.ndarray] | None = None


@dataclass
class FittedState:
    """What a replicate leaves behind: parameters, curves, and scores of its validation samples.

    `scores` are those of the best epoch, which the same samples chose: they flatter. `curves` holds the scores
    after every epoch (n_epochs, n_validation, n_outputs), so that others may choose.
    """

    name: str
    state: dict[str, np.ndarray]
    best_epoch: int
    history: list[dict[str, Any]] = field(default_factory=list)
    validation: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    scores: dict[str, np.ndarray] = field(default_factory=dict)
    curves: dict[str, np.ndarray] = field(default_factory=dict)


def train_replicate(
    spec: NetSpec,
    training: TrainSpec,
    values: dict[str, np.ndarray] | SampleStore,
    outcomes: dict[str, np.ndarray],
    graph: GraphArrays | None,
    replicate: Replicate,
    *,
    device: str = "cpu",
    library: dict[str, np.ndarray] | None = None,
) -> FittedState:
    """Train one network; standardisation, early stopping and parameters are this replicate's own."""
    outcomes = {**outcomes, **(replicate.outcomes or {})}
    with seeded(replicate.seed):
        net = PathwayVAENet(spec, replicate.graph or graph).to(device)
        where = torch.device(device)
        samples = (
            StreamedSamples(net, replicate, values, outcomes, where)
            if isinstance(values, SampleStore)
            else ReplicateSamples(net, replicate, values, outcomes, library or {}, where)
        )
        return _Run(net, training, replicate, samples).fit()


class _Run:
    """State of one training run."""

    def __init__(
        self,
        net: PathwayVAENet,
        training: TrainSpec,
        replicate: Replicate,
        samples: ReplicateSamples,
    ) -> None:
        self.net, self.training, self.replicate, self.samples = net, training, replicate, samples
        self.objective = Objective(net, training, samples)
        self.units = dict(samples.units)

    def fit(self) -> FittedState:
        """Run epochs until the validation loss has not improved for `patience` of them."""
        net, training = self.net, self.training
        optimizer = torch.optim.AdamW(
            net.parameters(), lr=training.learning_rate, weight_decay=training.weight_decay
        )
        history: list[dict[str, Any]] = []
        curve: list[dict[str, np.ndarray]] = []
        best_loss, best_epoch = float("inf"), 0
        best = {name: p.detach().clone() for name, p in net.state_dict().items()}
        for epoch in range(1, training.max_epochs + 1):
            history.append(self._record(epoch, "train", self._train_epoch(optimizer)))
            if not len(self.samples.validation):
                best, best_epoch = net.state_dict(), epoch
                continue
            scores, encoded = self._validate()
            self._center_risks()
            curve.append(self._scores(encoded))
            history.append(self._record(epoch, "validation", scores))
            monitored = scores["target_loss"] if net.spec.heads else scores["loss"]
            if monitored < best_loss - 1e-4:
                best_loss, best_epoch = monitored, epoch
                best = {name: p.detach().clone() for name, p in net.state_dict().items()}
            elif epoch - best_epoch >= training.patience:
                break
        net.load_state_dict(best)
        self._center_risks()
        last = {} if not len(self.samples.validation) else self._scores(self._validate()[1])
        state = {name: p.detach().cpu().numpy().copy() for name, p in net.state_dict().items()}
        for name, (mean, spread) in self.units.items():
            state[f"unit.{name}"] = np.array([mean, spread], dtype=np.float32)
        return FittedState(
            self.replicate.name,
            state,
            best_epoch,
            history,
            self.replicate.validation,
            last,
            {name: np.stack([scores[name] for scores in curve]) for name in (curve or [{}])[0]},
        )

    def _train_epoch(self, optimizer: torch.optim.Optimizer) -> dict[str, float]:
        self.net.train()
        order = self.samples.order()
        # A partial likelihood compares samples of a batch: it needs larger ones.
        survival = any(head.task == "survival" for head in self.net.spec.heads)
        size = (
            max(self.training.batch_size, _SURVIVAL_BATCH) if survival else self.training.batch_size
        )
        n_batches = max(1, round(len(order) / size))
        sums: dict[str, float] = {}
        for batch in self.samples.batches(order.tensor_split(n_batches)):
            loss, parts, _ = self.objective(batch)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.net.parameters(), 5.0)
            optimizer.step()
            for name, part in parts.items():
                sums[name] = sums.get(name, 0.0) + part * len(batch) / len(order)
        return sums

    @torch.no_grad()
    def _validate(self) -> tuple[dict[str, float], Encoded]:
        self.net.eval()
        _, parts, encoded = self.objective(self.samples.validation)
        return parts, encoded

    @torch.no_grad()
    def _center_risks(self) -> None:
        """Put the origin of log hazards, which is free, at the mean of the training samples.

        Risks of different replicates can then be averaged, and stand on one baseline.
        """
        self.net.eval()
        names = [head.name for head in self.net.spec.heads if head.task == "survival"]
        if names:
            found = [
                self.net.predict(self.net.encode(inputs).mean) for inputs in self.samples.anchors()
            ]
            self.units |= {
                name: (-float(torch.cat([scores[name] for scores in found]).mean()), 1.0)
                for name in names
            }

    @torch.no_grad()
    def _scores(self, encoded: Encoded) -> dict[str, np.ndarray]:
        """Scores of encoded samples: log-probabilities, numbers in their units, log hazards."""
        result = {}
        for name, out in self.net.predict(encoded.mean).items():
            if name in self.units:
                mean, spread = self.units[name]
                scores = out * spread + mean
            else:
                scores = out.log_softmax(dim=1)
            result[name] = scores.cpu().numpy().astype(np.float64)
        return result

    def _record(self, epoch: int, part: str, values: dict[str, float]) -> dict[str, Any]:
        return {"replicate": self.replicate.name, "epoch": epoch, "part": part, **values}
