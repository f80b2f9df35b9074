"""Which of the processes that ``torchrun`` started this one is, as far as the environment says."""

from __future__ import annotations

import os
from dataclasses import dataclass

from pathweave._core.settings import settings

_OWNER = "PATHWEAVE_LAUNCHED_PID"
_NEEDED = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
_joined: tuple[str, Launched] | None = None


@dataclass(frozen=True)
class Launched:
    """Place of a process among those that one launcher started.

    Attributes
    ----------
    rank, size
        Number of the process, and how many there are.
    local_rank, local_size
        The same among those of its host.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    local_size: int = 1


def launched() -> Launched:
    """Place of this process; the only one where no launcher started it.

    Workers that a launched process starts itself inherit its environment: they are no members.
    """
    env = os.environ
    if _joined and _joined[0] == _pid():
        return _joined[1]
    if any(name not in env for name in _NEEDED) or env.setdefault(_OWNER, _pid()) != _pid():
        return Launched()
    rank, size = int(env["RANK"]), int(env["WORLD_SIZE"])
    local = int(env.get("LOCAL_RANK", rank)), int(env.get("LOCAL_WORLD_SIZE", size))
    return Launched(rank, size, *local)


def join(place: Launched) -> None:
    """Note that this process is a member of a group that was made some other way."""
    global _joined  # noqa: PLW0603  a property of the process
    _joined = (_pid(), place)


def is_first() -> bool:
    """Whether this process writes files: the first of those that work together."""
    return settings.processes == "off" or launched().rank == 0


def _pid() -> str:
    return str(os.getpid())


launched()  # whoever imports pathweave first is the launched process, not a worker of it
