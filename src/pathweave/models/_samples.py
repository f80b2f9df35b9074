"""The samples of one replicate as tensors: inputs, outcomes and weights, in the units of its training part."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from torch import Tensor

    from pathweave.models._train import Replicate
    from pathweave.nn import PathwayVAENet
    from pathweave.nn.pathway_vae import Prepared


class ReplicateSamples:
    """Training samples first, then those that decide when to stop; positions are of this order.

    Making it teaches the network its standardisation, and its heads where to start, from the training samples.

    Attributes
    ----------
    train, validation
        Positions of either part.
    outcomes
        By the names a head serves: (n, n_columns), numbers standardised, NaN where unknown.
    units
        By the name of a number: mean and deviation of the training samples.
    weight
        How much each sample counts (n,).
    """

    streamed: ClassVar[bool] = False

    def __init__(
        self,
        net: PathwayVAENet,
        replicate: Replicate,
        values: dict[str, np.ndarray],
        outcomes: dict[str, np.ndarray],
        library: dict[str, np.ndarray],
        device: torch.device,
    ) -> None:
        rows = np.concatenate([replicate.train, replicate.validation])
        n_train = len(replicate.train)
        self._net = net
        self._data = {name: torch.tensor(x[rows], device=device) for name, x in values.items()}
        self._sizes = {name: torch.tensor(x[rows], device=device) for name, x in library.items()}
        self._standardize(replicate)
        self.units: dict[str, tuple[float, float]] = {}
        self.outcomes = self._outcomes(net, outcomes, rows, n_train, device)
        for head in net.heads.each():
            head.start(self.outcomes[head.names][:n_train])
        if replicate.initial is not None:
            put_in(net, replicate.initial)
        self._read(n_train)
        weight = replicate.sample_weight
        weight = np.ones(len(rows)) if weight is None else weight[rows]
        self.weight = torch.tensor(weight, dtype=torch.float32, device=device)
        self.train = torch.arange(n_train, device=device)
        self.validation = torch.arange(n_train, len(rows), device=device)

    def _standardize(self, replicate: Replicate) -> None:
        """Teach the network the units of the training samples."""
        n_train = len(replicate.train)
        self._net.fit_standardization({name: x[:n_train] for name, x in self._data.items()})

    def _read(self, n_train: int) -> None:
        """Prepare all samples."""
        del n_train
        measured = {name: ~x.isnan() for name, x in self._data.items()}
        with torch.no_grad():
            self._inputs = self._net.prepare(self._data, measured, self._sizes)
        self._data, self._sizes = {}, {}

    def inputs(self, index: Tensor, partner: Tensor | None = None, share: float = 1.0) -> Prepared:
        """Take what the network reads of some samples, or of a share of each and the rest of its partner."""
        held, where = self._held(index)
        if partner is None:
            return held.rows(where)
        return held.mixed(where, self._held(partner)[1], share)

    def _held(self, index: Tensor) -> tuple[Prepared, Tensor]:
        """What holds some samples, and where."""
        return self._inputs, index

    def anchors(self) -> Iterator[Prepared]:
        """Training samples that stand for all of them, in pieces."""
        yield self.inputs(self.train)

    def to(self, device: torch.device) -> None:
        """Move all tensors to a device."""
        self._inputs = self._inputs.to(device)
        self.outcomes = {names: y.to(device) for names, y in self.outcomes.items()}
        self.weight = self.weight.to(device)
        self.train, self.validation = self.train.to(device), self.validation.to(device)

    def order(self) -> Tensor:
        """Draw the order in which an epoch goes through the training samples."""
        return self.train[torch.randperm(len(self.train)).to(self.train.device)]

    def batches(self, parts: Sequence[Tensor]) -> Iterator[Tensor]:
        """Go through batches of positions."""
        yield from parts

    def _outcomes(
        self,
        net: PathwayVAENet,
        outcomes: dict[str, np.ndarray],
        rows: np.ndarray,
        n_train: int,
        device: torch.device,
    ) -> dict[tuple[str, ...], Tensor]:
        """Outcomes of each head as a tensor; numbers standardised by the training samples."""
        result = {}
        for head in net.heads.each():
            y = np.concatenate([np.asarray(outcomes[name][rows]) for name in head.names], axis=1)
            y = y.astype(np.float64)
            if head.specs[0].task == "number":
                for column, name in enumerate(head.names):
                    self.units[name] = _units(y[:n_train, column])
                y = (y - [self.units[n][0] for n in head.names]) / [
                    self.units[n][1] for n in head.names
                ]
            result[head.names] = torch.tensor(y, dtype=torch.float32, device=device)
        return result


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
