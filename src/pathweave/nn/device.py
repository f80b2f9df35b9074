"""Devices, and what torch may do on them: random states, determinism, bfloat16."""

from __future__ import annotations

import os
from contextlib import contextmanager, nullcontext
from functools import cache
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional as F

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from torch import Tensor

PRECISIONS = ("float32", "bf16")
_CUBLAS = "CUBLAS_WORKSPACE_CONFIG"


def resolve_device(device: str = "auto", *, local_rank: int = 0) -> torch.device:
    """Turn a device name into a device; ``"auto"`` is a GPU where there is one.

    Parameters
    ----------
    device
        ``"auto"`` (CUDA, else an Apple GPU that can do what the networks need, else the CPU), ``"cpu"``,
        ``"cuda"``, ``"cuda:<i>"`` or ``"mps"`` (Apple).
    local_rank
        Number of this process on its host: of several, each takes its own GPU.

    Returns
    -------
    The device.

    Raises
    ------
    ValueError
        If the name is none of these, or a GPU is asked for and torch sees none.

    Examples
    --------
    >>> from pathweave import nn
    >>> nn.resolve_device("cpu").type
    'cpu'
    """
    if device == "auto":
        if torch.cuda.is_available():
            device = "cuda"
        else:
            device = "mps" if torch.backends.mps.is_available() and _apple_can() else "cpu"
    try:
        found = torch.device(device)
    except (RuntimeError, TypeError):
        found = torch.device("meta")
    if found.type not in {"cpu", "cuda", "mps"}:
        msg = f"device={device!r} is not known; use 'auto', 'cpu', 'cuda', 'cuda:<i>' or 'mps'."
        raise ValueError(msg)
    if found.type == "mps" and not torch.backends.mps.is_available():
        msg = f"device={device!r}: torch sees no Apple GPU here; use device='auto' or 'cpu'."
        raise ValueError(msg)
    if found.type != "cuda":
        return found
    if not torch.cuda.is_available():
        msg = f"device={device!r}: torch sees no GPU here; use device='auto' or 'cpu'."
        raise ValueError(msg)
    n = torch.cuda.device_count()
    index = local_rank % n if found.index is None else found.index
    if index >= n:
        msg = f"device={device!r}: torch sees {n} GPU(s) here, 'cuda:0' to 'cuda:{n - 1}'."
        raise ValueError(msg)
    return torch.device("cuda", index)


@cache
def _apple_can() -> bool:
    """Whether torch has for Apple's GPU what the networks need; versions differ."""
    try:
        x = torch.ones(3, 2, device="mps", requires_grad=True)
        index, weight = torch.tensor([0, 1], device="mps"), torch.ones(2, device="mps")
        ends = torch.tensor([0, 1, 2], device="mps")
        F.embedding_bag(
            index, x.detach(), ends, mode="sum", per_sample_weights=weight, include_last_offset=True
        )
        torch.logcumsumexp(x, dim=0).sum().backward()
        torch.searchsorted(weight, weight)
    except (NotImplementedError, RuntimeError):
        return False
    return True


def random_state(device: torch.device) -> list[Tensor]:
    """State of the generators that noise on a device is drawn from."""
    states = [torch.get_rng_state()]
    if device.type == "cuda":
        states.append(torch.cuda.get_rng_state(device))
    elif device.type == "mps":
        states.append(torch.mps.get_rng_state())
    return states


def set_random_state(device: torch.device, states: list[Tensor]) -> None:
    """Go back to a state that `random_state` gave."""
    torch.set_rng_state(states[0])
    if device.type == "cuda":
        torch.cuda.set_rng_state(states[1], device)
    elif device.type == "mps":
        torch.mps.set_rng_state(states[1])


def products_in(precision: str, device: torch.device) -> AbstractContextManager[Any]:
    """Make a block in which products are computed in a precision; parameters stay what they are.

    Parameters
    ----------
    precision
        ``"float32"`` or ``"bf16"`` (Micikevicius et al. 2018, with the range of float32, hence without loss scaling).
    device
        Where the block computes.
    """
    if precision == "float32":
        return nullcontext()
    return torch.autocast(device.type, dtype=torch.bfloat16)


@contextmanager
def deterministic(*, on: bool = True) -> Iterator[None]:
    """Run a block with deterministic algorithms only, in full float32; put the settings back after it.

    Parameters
    ----------
    on
        ``False`` changes nothing.

    Notes
    -----
    An operation without a deterministic algorithm raises torch's error, which names it. cuBLAS reads its workspace
    setting (``CUBLAS_WORKSPACE_CONFIG``) once a process: where a GPU was used before, set it to ``:4096:8``
    before the program starts.

    Examples
    --------
    >>> import torch
    >>> from pathweave import nn
    >>> with nn.deterministic():
    ...     torch.are_deterministic_algorithms_enabled()
    True
    >>> torch.are_deterministic_algorithms_enabled()
    False
    """
    if not on:
        yield
        return
    cudnn = torch.backends.cudnn
    algorithms = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    before = (cudnn.deterministic, cudnn.benchmark)
    products, convolutions = torch.backends.cuda.matmul.allow_tf32, cudnn.allow_tf32
    workspace = os.environ.get(_CUBLAS)
    try:
        os.environ.setdefault(_CUBLAS, ":4096:8")
        torch.use_deterministic_algorithms(mode=True)
        cudnn.deterministic, cudnn.benchmark = True, False
        torch.backends.cuda.matmul.allow_tf32 = cudnn.allow_tf32 = False
        yield
    finally:
        torch.use_deterministic_algorithms(algorithms, warn_only=warn_only)
        cudnn.deterministic, cudnn.benchmark = before
        torch.backends.cuda.matmul.allow_tf32, cudnn.allow_tf32 = products, convolutions
        if workspace is None:
            os.environ.pop(_CUBLAS, None)
