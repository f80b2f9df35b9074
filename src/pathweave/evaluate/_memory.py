"""Peak memory of a block, seen from outside while it runs."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_STATM = Path("/proc/self/statm")
_PAUSE = 0.02


@dataclass
class Memory:
    """Most that a block took beyond what the process held before it, in MB; NaN where unknown."""

    peak_mb: float = float("nan")


@contextmanager
def peak_memory() -> Iterator[Memory]:
    """Watch the resident memory of this process (Linux; elsewhere the peak is NaN)."""
    memory = Memory()
    if not _STATM.exists():
        yield memory
        return
    before = peak = _resident_mb()
    done = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(_PAUSE):
            peak = max(peak, _resident_mb())

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield memory
    finally:
        done.set()
        watcher.join()
        memory.peak_mb = round(max(peak, _resident_mb()) - before, 1)


def _resident_mb() -> float:
    import resource

    return int(_STATM.read_text().split()[1]) * resource.getpagesize() / 1e6
