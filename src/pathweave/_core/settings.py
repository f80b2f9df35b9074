"""The few global settings, typed, and a context manager that puts them back."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


def _cores() -> int:
    """Cores that this process may use, which a cluster's scheduler may have made fewer than there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@dataclass
class Settings:
    """Global behaviour of pathweave.

    Parameters
    ----------
    progress
        Show progress bars for long work.
    n_jobs
        Processes that fit replicates at the same time; each uses one thread.
    device
        Where models with ``device="auto"`` are fitted. ``"auto"`` takes a GPU (CUDA, else Apple's) where there is
        one, else the CPU.
    precision
        ``"float32"``, or ``"bf16"``: networks are trained with products in bfloat16 (half the memory traffic, and
        quicker on hardware that has it), while parameters, losses and all that is predicted stay float32.
    accumulate
        In how many pieces a batch goes through the network, one after the other. More than 1 takes less memory and more
        time, with batches of 64 several times as much; the model is the same, but for rounding.
    deterministic
        Let torch use only algorithms that give the same bits every time, without TF32; slower on a GPU. On a CPU
        fits are deterministic anyway.
    processes
        What several processes (``torchrun``) share: ``"replicates"``, whole networks; ``"batches"``, the samples of
        every step; ``"auto"``, replicates where there are at least as many as processes; ``"off"``, nothing: every
        process fits for itself.
    checkpoint_seconds
        ``fit(..., resume=)`` keeps where a network's training stands after an epoch, when so many seconds have passed
        since it last did; 0 for every epoch.
    """

    progress: bool = True
    n_jobs: int = max(1, min(_cores(), 8))
    device: str = "auto"
    precision: str = "float32"
    accumulate: int = 1
    deterministic: bool = False
    processes: str = "auto"
    checkpoint_seconds: float = 60.0

    def __setattr__(self, name: str, value: Any) -> None:
        """Set a setting that there is."""
        if name not in type(self).__dataclass_fields__:
            known = ", ".join(type(self).__dataclass_fields__)
            msg = f"no such setting: {name!r}. There are: {known}."
            raise AttributeError(msg)
        super().__setattr__(name, value)

    @contextmanager
    def override(self, **values: bool | float | str) -> Iterator[Settings]:
        """Change settings inside a ``with`` block.

        Examples
        --------
        >>> from pathweave import settings
        >>> with settings.override(progress=False):
        ...     settings.progress
        False
        """
        known = {field.name for field in fields(self)}
        unknown = set(values) - known
        if unknown:
            msg = f"No such setting: {sorted(unknown)}. There are: {sorted(known)}."
            raise ValueError(msg)
        before = {name: getattr(self, name) for name in values}
        try:
            for name, value in values.items():
                setattr(self, name, value)
            yield self
        finally:
            for name, value in before.items():
                setattr(self, name, value)


settings = Settings()
