"""The training loop: one network, one replicate, from first epoch to best state."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from pathweave._core.warnings import DivergedFitWarning, warn
from pathweave.models._hardware import Hardware
from pathweave.models._objective import Objective
from pathweave.models._optimizer import VectorAdamW
from pathweave.models._run_state import RunState
from pathweave.models._samples import ReplicateSamples
from pathweave.models._steps import Steps
from pathweave.models._store import SampleStore
from pathweave.models._streamed_samples import StreamedSamples
from pathweave.nn import PathwayVAENet, seeded

if TYPE_CHECKING:
    from pathweave.models._monitor import Monitor
    from pathweave.models._run_state import Snapshot
    from pathweave.nn import Processes
    from pathweave.nn.pathway_vae import Encoded, GraphArrays, NetSpec


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
    after every epoch (n_epochs, n_validation, n_outputs), so that others may choose. One that is not `finished`
    was stopped: its best epoch so far, or no parameters at all if it had not begun.
    """

    name: str
    state: dict[str, np.ndarray]
    best_epoch: int
    history: list[dict[str, Any]] = field(default_factory=list)
    validation: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    scores: dict[str, np.ndarray] = field(default_factory=dict)
    curves: dict[str, np.ndarray] = field(default_factory=dict)
    finished: bool = True


def train_replicate(
    spec: NetSpec,
    training: TrainSpec,
    values: dict[str, np.ndarray] | SampleStore,
    outcomes: dict[str, np.ndarray],
    graph: GraphArrays | None,
    replicate: Replicate,
    *,
    hardware: Hardware | None = None,
    library: dict[str, np.ndarray] | None = None,
    processes: Processes | None = None,
    monitor: Monitor | None = None,
) -> FittedState:
    """Train one network; standardisation, early stopping and parameters are this replicate's own.

    With a `monitor` it goes on from a checkpoint, leaves some itself, and stops when it is told to.
    """
    if monitor is not None and processes is not None and processes.rank:
        monitor = monitor.reading()  # the first of those who share in every step writes
    kept = None
    if monitor is not None:
        stopped = monitor.stop.is_set
        if processes is not None and processes.size > 1:
            stopped = bool(processes.first_of(torch.tensor(float(stopped))))
        kept = monitor.begin(replicate.name, stopped=stopped)
    if isinstance(kept, FittedState):
        return kept
    outcomes = {**outcomes, **(replicate.outcomes or {})}
    hardware = hardware or Hardware()
    device = torch.device(hardware.device)
    # Standardisation is learned in float64, which Apple's GPUs lack.
    first = torch.device("cpu") if device.type == "mps" else device
    with hardware.borrowed(), seeded(replicate.seed):
        net = PathwayVAENet(spec, replicate.graph or graph).to(first)
        samples = (
            StreamedSamples(net, replicate, values, outcomes, first)
            if isinstance(values, SampleStore)
            else ReplicateSamples(net, replicate, values, outcomes, library or {}, first)
        )
        if first != device:
            net.to(device)
            samples.to(device)
        objective = Objective(net, training, samples, hardware.precision)
        run = _Run(objective, replicate, Steps(objective, hardware, processes))
        state = run.fit(monitor, kept)
    return state if monitor is None else monitor.end(state)


class _Run:
    """State of one training run."""

    def __init__(self, objective: Objective, replicate: Replicate, steps: Steps) -> None:
        self.net, self.training, self.samples = objective.net, objective.training, objective.samples
        self.replicate, self.steps = replicate, steps
        best = {name: p.detach().clone() for name, p in self.net.state_dict().items()}
        self.at = RunState(best, dict(self.samples.units))

    def fit(self, monitor: Monitor | None = None, kept: Snapshot | None = None) -> FittedState:
        """Run epochs until the validation loss has not improved for `patience` of them, or until told to stop."""
        net, training = self.net, self.training
        optimizer = VectorAdamW(
            net.parameters(), lr=training.learning_rate, weight_decay=training.weight_decay
        )
        stop = False
        if kept is not None:
            self.at = RunState.unpack(kept, net, optimizer)
            stop = monitor is not None and monitor.stop.is_set
        while not (self.steps.agreed(stop) or self._is_over()):
            rows = self._epoch(optimizer)
            if monitor is not None:
                stop = monitor.after_epoch(
                    self.replicate.name, rows, lambda: self.at.pack(net, optimizer)
                )
        return self._fitted()

    def _is_over(self) -> bool:
        at, training = self.at, self.training
        waited = at.epoch - at.best_epoch if len(self.samples.validation) else 0
        return at.epoch >= training.max_epochs or waited >= training.patience

    def _epoch(self, optimizer: VectorAdamW) -> list[dict[str, Any]]:
        """Train for an epoch and look at the validation samples; the rows of the history."""
        net, at = self.net, self.at
        at.epoch += 1
        started = time.perf_counter()
        rows = [self._record("train", self.steps.epoch(optimizer), started)]
        if len(self.samples.validation):
            started = time.perf_counter()
            scores, encoded = self.steps.evaluate(self.samples.validation)
            self._center_risks()
            at.curve.append(self._scores(encoded))
            rows.append(self._record("validation", scores, started))
            monitored = scores["target_loss"] if net.spec.heads else scores["loss"]
            if monitored < at.best_loss - 1e-4:
                at.best_loss, at.best_epoch = monitored, at.epoch
                at.best = {name: p.detach().clone() for name, p in net.state_dict().items()}
        else:
            at.best, at.best_epoch = net.state_dict(), at.epoch
        at.history += rows
        return rows

    def _fitted(self) -> FittedState:
        """What is left of the run: its best epoch."""
        net, at, finished = self.net, self.at, self._is_over()
        if at.history and not np.isfinite(at.history[-1]["loss"]):
            msg = (
                f"{self.replicate.name} diverged: after epoch {at.epoch} its loss is {at.history[-1]['loss']}. What counts is "
                f"epoch {at.best_epoch} (0: as it began, knowing nothing). Lower learning_rate, or look for values that "
                "are very large."
            )
            warn(msg, DivergedFitWarning)
        net.load_state_dict(at.best)
        self._center_risks()
        last = {}
        if len(self.samples.validation):
            last = self._scores(self.steps.evaluate(self.samples.validation)[1])
        state = {name: p.detach().cpu().numpy().copy() for name, p in net.state_dict().items()}
        for name, (mean, spread) in at.units.items():
            state[f"unit.{name}"] = np.array([mean, spread], dtype=np.float32)
        return FittedState(
            self.replicate.name,
            state,
            at.best_epoch,
            at.history,
            self.replicate.validation,
            last,
            at.curves(),
            finished,
        )

    @torch.no_grad()
    def _center_risks(self) -> None:
        """Put the origin of log hazards, which is free, at the mean of the training samples.

        Risks of different replicates can then be averaged, and stand on one baseline.
        """
        names = [head.name for head in self.net.spec.heads if head.task == "survival"]
        if names:
            scores = self.net.predict(self.steps.anchors())
            self.at.units |= {name: (-float(scores[name].mean()), 1.0) for name in names}

    @torch.no_grad()
    def _scores(self, encoded: Encoded) -> dict[str, np.ndarray]:
        """Scores of encoded samples: log-probabilities, numbers in their units, log hazards."""
        result = {}
        for name, out in self.net.predict(encoded.mean).items():
            if name in self.at.units:
                mean, spread = self.at.units[name]
                scores = out * spread + mean
            else:
                scores = out.log_softmax(dim=1)
            result[name] = scores.cpu().numpy().astype(np.float64)
        return result

    def _record(self, part: str, values: dict[str, float], started: float) -> dict[str, Any]:
        told = {"replicate": self.replicate.name, "epoch": self.at.epoch, "part": part}
        return {**told, **values, "seconds": time.perf_counter() - started}
