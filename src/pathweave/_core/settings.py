"""The few global settings, typed, and a context manager that puts them back."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


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
        ``"auto"`` takes a GPU where there is one, else the CPU.
    checkpoint_seconds
        ``fit(..., resume=)`` keeps where a network's training stands after an epoch, when so many seconds have passed
        since it last did; 0 for every epoch.
    """

    progress: bool = True
    n_jobs: int = max(1, min(os.cpu_count() or 1, 8))
    device: str = "auto"
    checkpoint_seconds: float = 60.0

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
