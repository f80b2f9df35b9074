"""The steps of an epoch, and looks at samples between epochs: at once, in pieces, or in several processes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from pathweave.models._objective import together
from pathweave.models._split_step import backward, gathered
from pathweave.nn import Processes

if TYPE_CHECKING:
    from torch import Tensor

    from pathweave.models._hardware import Hardware
    from pathweave.models._objective import Objective
    from pathweave.models._optimizer import VectorAdamW
    from pathweave.nn.pathway_vae import Encoded

_SURVIVAL_BATCH = 128


class Steps:
    """Optimisation steps of one network.

    A batch goes through the network at once, or in pieces: one after the other, and a share in each process.
    The model is then the same but for rounding: noise is drawn for the whole batch, and what
    compares samples is computed from the encodings of all of them.

    Parameters
    ----------
    objective
        What the network is trained for, and on which samples.
    hardware
        In how many pieces, among others.
    processes
        Who shares in every step.
    """

    def __init__(
        self, objective: Objective, hardware: Hardware, processes: Processes | None = None
    ) -> None:
        self.objective = objective
        self.net, self.training = objective.net, objective.training
        self.samples = objective.samples
        self.accumulate = hardware.accumulate
        self.processes = processes or Processes()
        self.whole = self.accumulate == 1 and self.processes.size == 1
        # Where training is bounded in memory, so are looks at samples.
        self.at_once = self.whole and not self.samples.streamed
        # A partial likelihood compares samples of a batch: it needs larger ones.
        survival = any(head.task == "survival" for head in self.net.spec.heads)
        least = _SURVIVAL_BATCH if survival else 1
        self.batch_size = max(self.training.batch_size, least)

    def epoch(self, optimizer: VectorAdamW) -> dict[str, float]:
        """Take a step on every batch of the training samples, in a new order; the mean losses."""
        self.net.train()
        order = self.samples.order()
        sums: dict[str, float] = {}
        for batch in self.samples.batches(self._batches(order)):
            for name, part in self._step(batch, optimizer).items():
                sums[name] = sums.get(name, 0.0) + part * len(batch) / len(order)
        return sums

    def _batches(self, order: Tensor) -> tuple[Tensor, ...]:
        n_batches = max(1, round(len(order) / self.batch_size))
        if len(order) // n_batches < self.processes.size:
            msg = (
                f"a batch of {len(order) // n_batches} samples cannot be shared by {self.processes.size} processes; "
                "start fewer, use a larger batch_size, or let them share replicates (settings.processes)."
            )
            raise ValueError(msg)
        return order.tensor_split(n_batches)

    def _step(self, index: Tensor, optimizer: VectorAdamW) -> dict[str, float]:
        optimizer.zero_grad()
        if self.whole:
            loss, parts, _ = self.objective(index)
            loss.backward()
        else:
            parts = backward(self.objective, index, self.accumulate, self.processes)
        optimizer.clipped_step(5.0)
        return parts

    @torch.no_grad()
    def evaluate(self, index: Tensor) -> tuple[dict[str, float], Encoded]:
        """Losses and encodings of samples, without noise; the same in all processes."""
        self.net.eval()
        if self.at_once:
            _, parts, encoded = self.objective(index)
            return parts, encoded
        batch = self.objective.batch(index)
        pieces, among = self._pieces(len(index))
        made = gathered(together([self.objective.outputs(batch.rows(rows)) for rows in pieces]), len(index), among)  # fmt: skip
        _, parts = self.objective.loss(batch, made.encoded, made.reconstruction)
        # Decisions hang on these: another kind of processor may round otherwise.
        values = torch.tensor(list(parts.values()), device=index.device)
        return dict(zip(parts, self.processes.first_of(values).tolist(), strict=True)), made.encoded

    @torch.no_grad()
    def anchors(self) -> Tensor:
        """Mean of the posterior of the samples that stand for those of training, without noise; the same in all processes."""
        self.net.eval()
        if self.whole or self.samples.streamed:
            return torch.cat([self.net.encode(x).mean for x in self.samples.anchors()])
        index = self.samples.train
        pieces, among = self._pieces(len(index))
        means = [self.net.encode(self.samples.inputs(index[rows])).mean for rows in pieces]
        return among.gather_rows(torch.cat(means), len(index))

    def agreed(self, stop: bool) -> bool:  # noqa: FBT001
        """Whether to stop, as the first of the processes wants it: none may wait for one that has left."""
        if self.processes.size == 1:
            return stop
        return bool(self.processes.first_of(torch.tensor(float(stop))))

    def _pieces(self, n: int) -> tuple[tuple[Tensor, ...], Processes]:
        """Rows of pieces as small as those of a step, and who shares them: nobody, where there are too few."""
        among = self.processes if n >= self.processes.size else Processes()
        rows = among.rows(n)
        size = max(1, self.batch_size // (self.accumulate * self.processes.size))
        return rows.tensor_split(-(-len(rows) // size)), among
