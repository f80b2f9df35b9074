"""Replicates trained together: parameters of one shape stacked, one batched computation for all of them.

A small network leaves a GPU idle: its time goes into launching kernels. Stacked, a launch serves every replicate.
On a CPU this is slower than workers (copies, cache); there it serves to be checked against separate runs.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor

from pathweave.models._together_noise import (
    Draws,
    DropoutSource,
    dropout_generators,
    stacked_epoch,
    with_given_dropout,
)
from pathweave.models._together_objective import TogetherObjective

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pathweave.models._together_member import Member
    from pathweave.models._together_noise import EpochDraws
    from pathweave.models._together_objective import Data
    from pathweave.models._train import FittedState, TrainSpec
    from pathweave.nn import PathwayVAENet
    from pathweave.nn.pathway_vae import NetSpec

_CLIP = 5.0
_LEAST_GAIN = 1e-4


def can_train_together(spec: NetSpec) -> bool:
    """Whether networks of a kind can be stacked: survival compares samples, recurrent cells do not batch."""
    survival = any(head.task == "survival" for head in spec.heads)
    return not survival and spec.encoder != "recurrent"


def train_together(
    members: Sequence[Member],
    training: TrainSpec,
    done: Callable[[int], object] = bool,
    stop: Callable[[], bool] = bool,
) -> list[FittedState]:
    """Train replicates of one shape (`Member.shape`) as one batched computation.

    Parameters
    ----------
    members
        The replicates, on one device.
    training
        How long and how hard to train.
    done
        Called with the number of replicates that have just stopped.
    stop
        Asked after every epoch whether to end training; who has not stopped by then is unfinished.

    Returns
    -------
    Fitted states. Sample order, mixup, dropped layers and the noise of the latent are those of separate runs on a
    CPU; dropout has a stream of its own for each replicate, another than in separate runs. No number depends on who
    else is in the group, but for rounding.
    """
    return _Group(members, training).fit(done, stop)


class _Group:
    """Stacked parameters and data of the replicates that are still being trained."""

    def __init__(self, members: Sequence[Member], training: TrainSpec) -> None:
        self.all, self.members, self.training = list(members), list(members), training
        net = members[0].net
        self.device = next(net.parameters()).device
        source = DropoutSource()
        self.source = source
        self.objective = TogetherObjective(with_given_dropout(net, source), training, source)
        self.params = {
            f"net.{name}": torch.stack([dict(m.net.named_parameters())[name] for m in members])
            .detach()
            .requires_grad_()
            for name, _ in net.named_parameters()
        }
        self.buffers, self.buffer_dims = _stack_what_differs([m.net for m in members])
        self.data = _stack_data([m.data for m in members])
        for member in members:
            member.data = {}  # once is enough
        n_batches = members[0].shape(training)[1]
        self.draws = [
            Draws(m.random_state, m.n_train, n_batches, net.spec, training) for m in members
        ]
        self.dropout = dropout_generators([m.replicate.seed for m in members], self.device)
        self.n_numbers = self._count_dropout()
        self.optimizer = self._optimizer()

    def _optimizer(self) -> torch.optim.AdamW:
        training = self.training
        return torch.optim.AdamW(
            list(self.params.values()), lr=training.learning_rate, weight_decay=training.weight_decay
        )  # fmt: skip

    def fit(self, done: Callable[[int], object], stop: Callable[[], bool]) -> list[FittedState]:
        """Run epochs until every replicate has stopped."""
        for epoch in range(1, self.training.max_epochs + 1):
            self._train_epoch(epoch)
            if self.members[0].n_validation:
                stopped = self._validate(epoch)
                if stopped:
                    self._keep([i for i in range(len(self.members)) if i not in stopped])
                    done(len(stopped))
                if not self.members:
                    break
            if epoch < self.training.max_epochs and stop():
                for member in self.members:
                    member.finished = False
                break
        for i, member in enumerate(self.members):
            if not member.curve:  # without samples to judge by, the last epoch counts
                member.best, member.best_epoch = self._parameters_of(i), epoch
        done(len(self.members))
        return [member.fitted() for member in self.all]

    def _train_epoch(self, epoch: int) -> None:
        self.objective.train()
        started = time.perf_counter()
        sums: dict[str, Tensor] = {}
        for batch in stacked_epoch(self.draws, self.device):
            losses, _ = self._call(batch.index, batch.real, batch)
            self.optimizer.zero_grad(set_to_none=True)
            losses["loss"].sum().backward()
            self._clip()
            self.optimizer.step()
            for name, loss in losses.items():
                sums[name] = sums.get(name, 0.0) + loss.detach() * batch.share_of
        told = {name: total.tolist() for name, total in sums.items()}
        seconds = (time.perf_counter() - started) / len(self.members)
        for i, member in enumerate(self.members):
            losses_of = {name: values[i] for name, values in told.items()}
            member.record(epoch, "train", {**losses_of, "seconds": seconds})

    @torch.no_grad()
    def _validate(self, epoch: int) -> set[int]:
        """Judge all replicates; positions of those that have stopped."""
        self.objective.eval()
        started = time.perf_counter()
        index, real = self._validation()
        losses, scores = self._call(index, real, None)
        told = {name: values.tolist() for name, values in losses.items()}
        monitored = told["target_loss" if self.objective.net.spec.heads else "loss"]
        stopped = set()
        seconds = (time.perf_counter() - started) / len(self.members)
        for i, member in enumerate(self.members):
            losses_of = {name: values[i] for name, values in told.items()}
            member.record(epoch, "validation", {**losses_of, "seconds": seconds})
            member.curve.append(member.in_units({name: s[i] for name, s in scores.items()}))
            if monitored[i] < member.best_loss - _LEAST_GAIN:
                member.best_loss, member.best_epoch = monitored[i], epoch
                member.best = self._parameters_of(i)
            elif epoch - member.best_epoch >= self.training.patience:
                stopped.add(i)
        return stopped

    def _validation(self) -> tuple[Tensor, Tensor]:
        start, count = (
            torch.tensor(n, device=self.device).unsqueeze(1)
            for n in ([m.n_train for m in self.members], [m.n_validation for m in self.members])
        )
        place = torch.arange(int(count.max()), device=self.device)
        real = place < count
        return start + torch.where(real, place, 0), real

    def _call(
        self, index: Tensor, real: Tensor, noise: EpochDraws | None
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Losses and scores of every replicate."""
        numbers = None
        if noise is not None and self.n_numbers:
            drawn = [
                torch.rand(self.n_numbers, generator=g, device=self.device) for g in self.dropout
            ]
            numbers = torch.stack(drawn)
        names = [] if noise is None else list(vars(noise))
        given = [] if noise is None else [vars(noise)[name] for name in names]

        def one(
            params: dict[str, Tensor], buffers: dict[str, Tensor], data: Data,
            index: Tensor, real: Tensor, numbers: Tensor | None, *given: Tensor,
        ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:  # fmt: skip
            mine = None if noise is None else type(noise)(*given)
            found: tuple[dict[str, Tensor], dict[str, Tensor]] = torch.func.functional_call(
                self.objective, {**params, **buffers}, (data, index, real, mine, numbers)
            )
            return found

        dims = (
            0, self.buffer_dims, 0, 0, 0, None if numbers is None else 0, *[0] * len(given),
        )  # fmt: skip
        stacked = torch.vmap(one, in_dims=cast("Any", dims))
        return stacked(self.params, self.buffers, self.data, index, real, numbers, *given)

    @torch.no_grad()
    def _count_dropout(self) -> int:
        """How many numbers a step's dropout takes."""
        self.objective.train()
        draws = [
            Draws(m.random_state, d.n_train, d.n_batches, d.spec, self.training)
            for m, d in zip(self.members, self.draws, strict=True)
        ]
        batch = stacked_epoch(draws, self.device)[0]
        self.n_numbers = 0
        self._call(batch.index, batch.real, batch)
        return self.source.at

    def _clip(self) -> None:
        """Shorten every replicate's own gradient."""
        gradients = [p.grad for p in self.params.values() if p.grad is not None]
        norm = sum(g.flatten(1).square().sum(dim=1) for g in gradients)
        factor = (_CLIP / (cast("Tensor", norm).sqrt() + 1e-6)).clamp(max=1.0)
        for g in gradients:
            g.mul_(factor.reshape(-1, *[1] * (g.ndim - 1)))

    def _parameters_of(self, i: int) -> dict[str, Tensor]:
        return {name.removeprefix("net."): p[i].detach().clone() for name, p in self.params.items()}

    def _keep(self, which: list[int]) -> None:
        """Go on with some of the replicates."""
        self.members = [self.members[i] for i in which]
        self.draws = [self.draws[i] for i in which]
        self.dropout = [self.dropout[i] for i in which]
        if not which:
            return
        rows = torch.tensor(which, device=self.device)
        moments = {name: dict(self.optimizer.state[p]) for name, p in self.params.items()}
        self.params = {n: p.detach()[rows].requires_grad_() for n, p in self.params.items()}
        self.optimizer = self._optimizer()
        for name, p in self.params.items():
            self.optimizer.state[p] = {
                key: m[rows] if torch.is_tensor(m) and m.ndim else m
                for key, m in moments[name].items()
            }
        self.buffers = {
            name: b if self.buffer_dims[name] is None else b[rows] for name, b in self.buffers.items()
        }  # fmt: skip
        self.data = {
            field: {name: x[rows] for name, x in of.items()} for field, of in self.data.items()
        }


def _stack_what_differs(
    nets: Sequence[PathwayVAENet],
) -> tuple[dict[str, Tensor], dict[str, int | None]]:
    """Buffers of the networks, and along which axis they are stacked; what all have in common is kept once."""
    buffers: dict[str, Tensor] = {}
    dims: dict[str, int | None] = {}
    each = [dict(net.named_buffers()) for net in nets]
    for name, first in each[0].items():
        mine = [of[name] for of in each]
        same = all(torch.equal(first, other) for other in mine[1:])
        buffers[f"net.{name}"] = first if same else torch.stack(mine)
        dims[f"net.{name}"] = None if same else 0
    return buffers, dims


def _stack_data(each: Sequence[Data]) -> Data:
    """Samples of the replicates side by side, with rows of zeros where one has fewer."""
    size = max(len(data["weight"][""]) for data in each)

    def padded(x: Tensor) -> Tensor:
        return torch.cat([x, x.new_zeros(size - len(x), *x.shape[1:])]) if len(x) < size else x

    return {
        field: {name: torch.stack([padded(data[field][name]) for data in each]) for name in of}
        for field, of in each[0].items()
    }
