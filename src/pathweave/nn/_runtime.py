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
    apple = torch.mps.get_rng_state() if torch.backends.mps.is_available() else None
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)  # noqa: TID251  # fork_rng puts the global state back
        try:
            yield
        finally:
            if apple is not None:
                torch.mps.set_rng_state(apple)


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
