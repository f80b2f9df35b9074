"""Random state, threads and devices: borrowed for a block and put back."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Run a block with torch seeded, and restore the global random state after it.

    Parameters
    ----------
    seed
        Seed of the block.

    Examples
    --------
    >>> import torch
    >>> from pathweave import nn
    >>> with nn.seeded(1):
    ...     a = torch.rand(2)
    >>> with nn.seeded(1):
    ...     b = torch.rand(2)
    >>> bool((a == b).all())
    True
    """
    devices = list(range(torch.cuda.device_count())) if torch.cuda.is_available() else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)  # noqa: TID251  # fork_rng puts the global state back
        yield


@contextmanager
def single_thread() -> Iterator[None]:
    """Run a block on one thread.

    Sums over threads depend on their number; on one thread a fit gives the same numbers in this
    process, in a worker, and on a machine with more cores.

    Examples
    --------
    >>> import torch
    >>> from pathweave import nn
    >>> with nn.single_thread():
    ...     torch.get_num_threads()
    1
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def resolve_device(device: str = "auto") -> torch.device:
    """Turn a device name into a device; ``"auto"`` is a GPU where there is one.

    Parameters
    ----------
    device
        ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"cuda:<i>"``.

    Returns
    -------
    The device.

    Raises
    ------
    ValueError
        If the name is none that torch knows, or a GPU is asked for and torch sees none.

    Examples
    --------
    >>> from pathweave import nn
    >>> nn.resolve_device("cpu").type
    'cpu'
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        found = torch.device(device)
    except (RuntimeError, TypeError):
        msg = f"device={device!r} is not known; use 'auto', 'cpu', 'cuda' or 'cuda:<i>'."
        raise ValueError(msg) from None
    if found.type == "cuda" and not torch.cuda.is_available():
        msg = f"device={device!r}: torch sees no GPU here; use device='auto' or 'cpu'."
        raise ValueError(msg)
    return found
