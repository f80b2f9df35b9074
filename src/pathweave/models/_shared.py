"""Replicates shared by several processes: whole ones where there are enough, else the samples of every step."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from pathweave._core.progress import progress
from pathweave._core.settings import settings
from pathweave.models._store import SampleStore, take

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pathweave.models._train import FittedState, Replicate
    from pathweave.nn import Processes


def shared_by(
    processes: Processes,
    fit_one: Callable[..., FittedState],
    names: Sequence[str],
    digest: str,
    *,
    several: Callable[[Sequence[int]], list[FittedState]],
) -> list[FittedState]:
    """Fit replicates together with the other processes; all of them get all states.

    Whole replicates need no messages and give the same bits as one process. With fewer replicates than processes
    (a model without a target is one) the samples of every step are shared, which gives the same but for rounding.

    Parameters
    ----------
    processes
        This process and the others.
    fit_one
        Fits the replicate of a number, with ``processes=`` together with them.
    names
        Names of the replicates, the same in all processes.
    digest
        What is fitted, in short; the same in all processes.
    several
        Fits the replicates of some numbers in this process.

    Raises
    ------
    ValueError
        If the processes do not fit the same.
    RuntimeError
        If another process failed.
    """
    if len(set(processes.gather_objects(digest))) > 1:
        msg = (
            f"the {processes.size} processes do not fit the same: data, graph, hyperparameters, seeds and settings must "
            "be equal in all of them. Read the same file everywhere, in the same order."
        )
        raise ValueError(msg)
    enough = len(names) >= processes.size
    if settings.processes == "replicates" or (settings.processes == "auto" and enough):
        return _whole_replicates(processes, len(names), several)
    fitted = [
        fit_one(i, processes=processes)
        for i in progress(range(len(names)), desc="fitting replicates")
    ]
    states: list[FittedState] = processes.gather_objects(fitted if processes.rank == 0 else None)[0]
    return states


def _whole_replicates(
    processes: Processes,
    n: int,
    several: Callable[[Sequence[int]], list[FittedState]],
) -> list[FittedState]:
    """Every process fits some, and what went wrong in one is raised in all."""
    mine = range(processes.rank, n, processes.size)
    states: list[FittedState] = []
    failure: Exception | None = None
    try:
        states = several(mine)
    except Exception as error:  # noqa: BLE001  the others wait to be told
        failure = error
    told = None if failure is None else f"{type(failure).__name__}: {failure}"
    found = processes.gather_objects((states, told))
    if failure is not None:
        raise failure
    for rank, (_, cause) in enumerate(found):
        if cause is not None:
            msg = f"process {rank} of {processes.size} failed, so that its replicates are missing: {cause}"
            raise RuntimeError(msg)
    return [found[i % processes.size][0][i // processes.size] for i in range(n)]


def digest_of(
    specs: Sequence[Any],
    values: dict[str, np.ndarray] | SampleStore,
    outcomes: dict[str, np.ndarray],
    replicates: Sequence[Replicate],
) -> str:
    """What is fitted, in short: networks, training, shapes and outcomes, samples and seeds, settings.

    Values are told apart by their first and last samples, which does not read all of a large file.
    """
    found = hashlib.sha256()
    shared = (settings.precision, settings.accumulate, settings.deterministic, settings.processes)
    found.update(repr([*(asdict(spec) for spec in specs), shared]).encode())
    n = len(values) if isinstance(values, SampleStore) else len(next(iter(values.values())))
    for name, x in take(values, np.array([0, n - 1])).items():
        found.update(f"{name} {(n, x.shape[1])}".encode())
        found.update(np.ascontiguousarray(x).tobytes())
    for name, y in outcomes.items():
        found.update(name.encode() + np.ascontiguousarray(y).tobytes())
    for replicate in replicates:
        found.update(f"{replicate.name} {replicate.seed}".encode())
        for samples in (replicate.train, replicate.validation):
            found.update(np.ascontiguousarray(samples).tobytes())
    return found.hexdigest()
