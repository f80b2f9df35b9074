"""Processes that work on one thing together: who they are, and what they tell each other."""

from __future__ import annotations

import atexit
import os
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch import distributed as dist

from pathweave._core import processes as core

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

STEP_TIMEOUT = timedelta(minutes=10)
"""How long one process waits for the others in a step."""

_FIT_TIMEOUT = timedelta(days=1)


@dataclass(frozen=True)
class Processes:
    """A process and those that work with it; alone by default.

    All must call the same methods in the same order. Every method gives all of them the same result.

    Parameters
    ----------
    rank, size
        Number of this process, and how many there are.
    local_rank, local_size
        The same among those of its host.

    Examples
    --------
    >>> import torch
    >>> from pathweave import nn
    >>> alone = nn.Processes()
    >>> alone.rows(3).tolist(), alone.gather_rows(torch.ones(3, 1), 3).shape
    ([0, 1, 2], torch.Size([3, 1]))
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    local_size: int = 1

    def rows(self, n: int) -> Tensor:
        """Which of n samples are this process's, a block as large as the others' within one."""
        return torch.arange(n).tensor_split(self.size)[self.rank]

    def gather_rows(self, x: Tensor, n: int) -> Tensor:
        """Put the blocks (n_rows, n_columns) of all processes together (n, n_columns)."""
        if self.size == 1:
            return x
        sizes = [len(block) for block in torch.arange(n).tensor_split(self.size)]
        padded = x.new_zeros(max(sizes), *x.shape[1:])
        padded[: len(x)] = x
        wire = _on_wire(padded)
        blocks = [torch.empty_like(wire) for _ in sizes]
        with self._together():
            dist.all_gather(blocks, wire)
        return torch.cat([block[:k] for block, k in zip(blocks, sizes, strict=True)]).to(x.device)

    def add(self, tensors: Sequence[Tensor]) -> None:
        """Replace tensors of one type by their sums over all processes, in one message."""
        if self.size == 1 or not tensors:
            return
        flat = _on_wire(torch.cat([t.detach().reshape(-1) for t in tensors]))
        with self._together():
            dist.all_reduce(flat)
        parts = flat.split([t.numel() for t in tensors])
        for tensor, part in zip(tensors, parts, strict=True):
            tensor.copy_(part.reshape(tensor.shape))

    def first_of(self, x: Tensor) -> Tensor:
        """What the first process has."""
        if self.size == 1:
            return x
        wire = _on_wire(x.detach().clone())
        with self._together():
            dist.broadcast(wire, src=0)
        return wire.to(x.device)

    def gather_objects(self, what: Any) -> list[Any]:
        """What each process has, by rank; waits as long as a fit may take."""
        if self.size == 1:
            return [what]
        found: list[Any] = [None] * self.size
        with self._together():
            dist.all_gather_object(found, what, group=_patient_group())
        return found

    @contextmanager
    def _together(self) -> Iterator[None]:
        try:
            yield
        except RuntimeError as error:
            msg = (
                f"process {self.rank} of {self.size} waited for the others in vain: one of them failed, was stopped, "
                "or does not do the same (every process must call fit, with the same data and settings). The first "
                "error among the processes' messages says why."
            )
            raise RuntimeError(msg) from error


def join_processes() -> Processes:
    """Join the processes that ``torchrun`` started with this one, or those of a group that is there already.

    Returns
    -------
    This process among them; alone where there are none, and in the workers of a process.

    Raises
    ------
    RuntimeError
        If the others do not come.

    Examples
    --------
    >>> from pathweave import nn
    >>> nn.join_processes().size
    1
    """
    if not dist.is_available():
        return Processes()
    if not dist.is_initialized():
        place = core.launched()
        if place.size == 1:
            return Processes()
        _start(place)
    rank, size = dist.get_rank(), dist.get_world_size()
    local = int(os.environ.get("LOCAL_RANK", rank)), int(os.environ.get("LOCAL_WORLD_SIZE", size))
    core.join(core.Launched(rank, size, *local))
    return Processes(rank, size, *local)


def _start(place: core.Launched) -> None:
    """Start the group: NCCL between GPUs where every process of a host has its own, else gloo."""
    own_gpu = torch.cuda.is_available() and torch.cuda.device_count() >= place.local_size
    backend = "cpu:gloo,cuda:nccl" if own_gpu else "gloo"
    if own_gpu:
        torch.cuda.set_device(place.local_rank)
    try:
        dist.init_process_group(backend, timeout=STEP_TIMEOUT)
    except (RuntimeError, ValueError) as error:
        where = f"{os.environ['MASTER_ADDR']}:{os.environ['MASTER_PORT']}"
        msg = (
            f"process {place.rank} of {place.size} did not find the others at {where} (RANK, WORLD_SIZE, MASTER_ADDR "
            "and MASTER_PORT say where). Every process must call fit; settings.processes='off' fits in this one alone."
        )
        raise RuntimeError(msg) from error
    atexit.register(_stop)


def _stop() -> None:
    if dist.is_initialized():
        dist.destroy_process_group()


_patient: dict[int, Any] = {}


def _patient_group() -> Any:
    """A group whose members may be hours apart; a member that is gone is noticed by its connection."""
    world = id(dist.group.WORLD)
    if world not in _patient:
        _patient.clear()
        _patient[world] = dist.new_group(backend="gloo", timeout=_FIT_TIMEOUT)
    return _patient[world]


def _on_wire(x: Tensor) -> Tensor:
    """Where the backends can read it."""
    wire = x.contiguous()
    return wire if wire.device.type in {"cpu", "cuda"} else wire.cpu()
