"""How much memory is free, and how many pieces of work fit into it."""

from __future__ import annotations

from pathlib import Path

import psutil

from pathweave._core.warnings import MemoryLimitWarning, warn

PROCESS = 400 * 2**20
"""What a process takes that has loaded torch and pandas, before it does anything (bytes)."""

_SHARE = 0.9
_GIB = 2**30
_CGROUPS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current", "/sys/fs/cgroup/memory.stat"),
    (
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        "/sys/fs/cgroup/memory/memory.usage_in_bytes",
        "/sys/fs/cgroup/memory/memory.stat",
    ),
)


def free_memory() -> int:
    """Bytes that can still be taken: of the machine, or of the container if that allows less."""
    free = int(psutil.virtual_memory().available)
    for limit, used, statistics in _CGROUPS:
        if Path(limit).is_file() and Path(used).is_file():
            most = Path(limit).read_text(encoding="utf-8").strip()
            if most.isdigit():
                taken = int(Path(used).read_text(encoding="utf-8")) - _given_back(Path(statistics))
                free = min(free, max(0, int(most) - taken))
    return free


def _given_back(statistics: Path) -> int:
    """Bytes of a container's use that hold files read some time ago, and are free as soon as they are needed."""
    if not statistics.is_file():
        return 0
    lines = (line.split() for line in statistics.read_text(encoding="utf-8").splitlines())
    kept = {line[0]: int(line[1]) for line in lines if len(line) == 2}
    return kept.get("total_inactive_file", kept.get("inactive_file", 0))


def fitting(n_jobs: int, needs: int, *, what: str) -> int:
    """How many of `n_jobs` pieces of work fit in memory at once, at least one; says so where it is fewer.

    Parameters
    ----------
    n_jobs
        How many are asked for.
    needs
        Bytes that one takes beside its process.
    what
        What they are, for the warning.
    """
    free = free_memory()
    fit = max(1, int(_SHARE * free // (PROCESS + needs)))
    if fit >= n_jobs:
        return n_jobs
    warn(
        f"{n_jobs} {what} were to run at once, but each takes about {(PROCESS + needs) / _GIB:.1f} GiB and "
        f"{free / _GIB:.1f} GiB of memory are free: {fit} run at once.",
        MemoryLimitWarning,
    )
    return fit
