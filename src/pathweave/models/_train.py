"""The training loop: one network, one replicate, from first epoch to best state."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from pathweave.nn import PathwayVAENet, gaussian_kl, seeded

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from pathweave.nn.pathway_vae import Encoded, GraphArrays, NetSpec, Prepared

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
    values: dict[str, np.ndarray],
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
        run = _Run(net, training, replicate, values, outcomes, torch.device(device), library or {})
        return run.fit()


class _Run:
    """State of one training run."""

    def __init__(
        self,
        net: PathwayVAENet,
        training: TrainSpec,
        replicate: Replicate,
        values: dict[str, np.ndarray],
        outcomes: dict[str, np.ndarray],
        device: torch.device,
        library: dict[str, np.ndarray],
    ) -> None:
        self.net, self.training, self.replicate, self.device = net, training, replicate, device
        rows = np.concatenate([replicate.train, replicate.validation])
        n_train = len(replicate.train)
        data = {name: torch.tensor(x[rows], device=device) for name, x in values.items()}
        net.fit_standardization({name: x[:n_train] for name, x in data.items()})
        self.outcomes = self._outcomes(outcomes, rows, n_train)
        for head in net.heads.each():
            head.start(self.outcomes[head.names][:n_train])
        if replicate.initial is not None:
            put_in(net, replicate.initial)
        measured = {name: ~x.isnan() for name, x in data.items()}
        sizes = {name: torch.tensor(x[rows], device=device) for name, x in library.items()}
        with torch.no_grad():
            self.inputs: Prepared = net.prepare(data, measured, sizes)
        weight = replicate.sample_weight
        weight = np.ones(len(rows)) if weight is None else weight[rows]
        self.weight = torch.tensor(weight, dtype=torch.float32, device=device)
        self.train = torch.arange(n_train, device=device)
        self.validation = torch.arange(n_train, len(rows), device=device)
        self.kl_scale = training.kl_weight / max(1, sum(l.n_features for l in net.spec.layers))

    def _outcomes(
        self, outcomes: dict[str, np.ndarray], rows: np.ndarray, n_train: int
    ) -> dict[tuple[str, ...], Tensor]:
        """Outcomes of each head as a tensor; numbers standardised by the training samples."""
        result = {}
        self.units: dict[str, tuple[float, float]] = {}
        for head in self.net.heads.each():
            y = np.concatenate([np.asarray(outcomes[name][rows]) for name in head.names], axis=1)
            y = y.astype(np.float64)
            if head.specs[0].task == "number":
                for column, name in enumerate(head.names):
                    self.units[name] = _units(y[:n_train, column])
                y = (y - [self.units[n][0] for n in head.names]) / [
                    self.units[n][1] for n in head.names
                ]
            result[head.names] = torch.tensor(y, dtype=torch.float32, device=self.device)
        return result

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
            if not len(self.validation):
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
        last = {} if not len(self.validation) else self._scores(self._validate()[1])
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
        order = self.train[torch.randperm(len(self.train)).to(self.device)]
        # A partial likelihood compares samples of a batch: it needs larger ones.
        survival = any(head.task == "survival" for head in self.net.spec.heads)
        size = (
            max(self.training.batch_size, _SURVIVAL_BATCH) if survival else self.training.batch_size
        )
        n_batches = max(1, round(len(order) / size))
        sums: dict[str, float] = {}
        for batch in order.tensor_split(n_batches):
            loss, parts, _ = self._loss(batch)
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
        _, parts, encoded = self._loss(self.validation)
        return parts, encoded

    def _loss(self, index: Tensor) -> tuple[Tensor, dict[str, float], Encoded]:
        net, training = self.net, self.training
        inputs = self.inputs.rows(index)
        partner, share_kept = self._partner(index)
        if partner is not None:
            inputs = inputs.mixed(self.inputs.rows(partner), share_kept)
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
        weight = self.weight[index]
        for head in self.net.heads.each():
            y = self.outcomes[head.names][index]
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

    @torch.no_grad()
    def _center_risks(self) -> None:
        """Put the origin of log hazards, which is free, at the mean of the training samples.

        Risks of different replicates can then be averaged, and stand on one baseline.
        """
        self.net.eval()
        names = [head.name for head in self.net.spec.heads if head.task == "survival"]
        if names:
            scores = self.net.predict(self.net.encode(self.inputs.rows(self.train)).mean)
            self.units |= {name: (-float(scores[name].mean()), 1.0) for name in names}

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


def _units(y: np.ndarray) -> tuple[float, float]:
    """Mean and deviation of the known numbers; 0 and 1 where there is nothing to tell them from."""
    known = y[~np.isnan(y)]
    spread = float(known.std()) if len(known) else 0.0
    return float(known.mean()) if len(known) else 0.0, spread if spread > 0 else 1.0


def put_in(net: PathwayVAENet, initial: Mapping[str, np.ndarray]) -> None:
    """Load parameters; where they are NaN the network keeps its own."""
    state = net.state_dict()
    for key, array in initial.items():
        given = torch.tensor(array).to(state[key])
        state[key] = torch.where(given.isnan(), state[key], given)
    net.load_state_dict(state)
