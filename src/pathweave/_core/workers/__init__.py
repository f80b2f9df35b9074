"""Work in processes on one thread each, over shared memory; a process that dies is told of and its work done again."""

from __future__ import annotations

import atexit
import os
import pickle  # noqa: TID251  between our own processes; nothing is kept
import warnings
from collections import deque
from numbers import Integral
from queue import SimpleQueue
from threading import Lock
from typing import TYPE_CHECKING, Any

from pathweave._core.settings import settings
from pathweave._core.warnings import WorkerDiedWarning, warn
from pathweave._core.workers import inside
from pathweave._core.workers.mapped import mapped
from pathweave._core.workers.memory import fitting
from pathweave._core.workers.process import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["close_workers", "how_many", "run_items"]

_TRIES = 3
_idle: list[Worker] = []
_taking = Lock()
_owner = os.getpid()


def how_many(n_jobs: int | None, n_items: int) -> int:
    """How many items run at once: as asked for, or by the settings; one after the other inside a worker."""
    name: str = "n_jobs" if n_jobs is not None else "settings.n_jobs"
    wanted: Any = settings.n_jobs if n_jobs is None else n_jobs
    if isinstance(wanted, bool) or not isinstance(wanted, Integral) or wanted < 1:
        msg = f"{name}={wanted!r} must be a whole number of 1 or more: how many processes work at once."
        raise ValueError(msg)
    if inside.inside:
        return 1
    return max(1, min(int(wanted), n_items))


def run_items(
    function: Callable[[Any, int], Any],
    shared: Any,
    names: Sequence[str],
    *,
    n_jobs: int | None = None,
    needs: int = 0,
    what: str = "fits",
    done: Callable[[int, Any], object] | None = None,
) -> list[Any]:
    """Call ``function(shared, i)`` for every item i, in this process or in several.

    Parameters
    ----------
    function
        What is called; its result must not depend on what else runs.
    shared
        All that it reads. Processes get its arrays as shared memory, once; of an item they get the number.
    names
        Name of every item, for messages.
    n_jobs
        Processes; ``settings.n_jobs`` by default. With one, or inside a worker, all is done in this process.
    needs
        Bytes of memory that an item takes; no more run at once than fit.
    what
        What the items are, for messages.
    done
        Called with number and result of each item, as they come.

    Returns
    -------
    Results in the order of the items.

    Raises
    ------
    RuntimeError
        An item whose process died again and again. The last time it had the memory to itself.

    Notes
    -----
    An exception of an item is raised as it was, with a note of its name and where in the worker it came from. The
    processes stay for the next call, and end with the program.
    """
    jobs = how_many(n_jobs, len(names))
    if jobs > 1:
        jobs = fitting(jobs, needs, what=what)
    if jobs == 1:
        return [_here(function, shared, i, names[i], done) for i in range(len(names))]
    with mapped((function, shared, _handed_on(), _place())) as folder:
        return _Team(folder, names, jobs, done).run()


def _handed_on() -> dict[str, Any]:
    """Settings of this process that its workers take over; they show no progress and start no workers."""
    return {k: v for k, v in vars(settings).items() if k not in {"progress", "n_jobs"}}


def _place() -> str:
    """Folder that relative names of files start from; nothing where it is gone."""
    try:
        return os.getcwd()  # noqa: PTH109  Path.cwd() is the same
    except FileNotFoundError:
        return ""


def close_workers() -> None:
    """End the processes that wait for work."""
    if os.getpid() != _owner:  # after a fork they are the parent's
        return
    while _idle:
        _idle.pop().close()


atexit.register(close_workers)


def _here(
    function: Callable[[Any, int], Any],
    shared: Any,
    i: int,
    name: str,
    done: Callable[[int, Any], object] | None,
) -> Any:
    try:
        result = function(shared, i)
    except Exception as error:
        error.add_note(f"This happened in {name!r}.")
        raise
    if done is not None:
        done(i, result)
    return result


class _Team:
    """The workers of one call."""

    def __init__(
        self,
        folder: str,
        names: Sequence[str],
        jobs: int,
        done: Callable[[int, Any], object] | None,
    ) -> None:
        self.folder, self.names, self.jobs, self.done = folder, names, jobs, done
        self.answers: SimpleQueue[tuple[Worker, Any]] = SimpleQueue()
        self.busy: dict[Worker, int] = {}
        self.free: list[Worker] = []
        self.waiting = deque(range(len(names)))
        self.alone: deque[int] = deque()
        self.tries = [0] * len(names)
        self.results: list[Any] = [None] * len(names)
        self.told: dict[Any, Any] = {}  # a warning of every item is shown once, as in one process

    def run(self) -> list[Any]:
        """Hand out items until all are done; whatever happens, no worker is left working."""
        try:
            while self._hand_out():
                worker, answer = self.answers.get()
                item = self.busy.pop(worker, None)
                if answer is None:
                    self._ended(worker, item)
                elif item is not None:
                    self.free.append(worker)
                    self._take(item, answer)
        finally:
            for worker in self.free:
                worker.send("", 0)
            _idle.extend(self.free)
            for worker in self.busy:
                worker.close()
        return self.results

    def _hand_out(self) -> bool:
        """Give items to workers; whether there is anything to wait for."""
        while self.waiting and len(self.busy) < self.jobs:
            self._start(self.waiting.popleft())
        if self.alone and not self.busy:
            self._start(self.alone.popleft())
        return bool(self.busy)

    def _start(self, item: int) -> None:
        worker = self.free.pop() if self.free else _idle_or_new(self.answers)
        self.busy[worker] = item
        worker.send(self.folder, item)

    def _take(self, item: int, answer: bytes) -> None:
        well, result, said = pickle.loads(answer)  # noqa: S301  our own process
        for message, category, filename, line in said:
            warnings.warn_explicit(message, category, filename, line, registry=self.told)
        if not well:
            result.add_note(f"This happened in {self.names[item]!r}.")
            raise result
        self.results[item] = result
        if self.done is not None:
            self.done(item, result)

    def _ended(self, worker: Worker, item: int | None) -> None:
        """Do the item of a process that died again, the last time alone."""
        how = worker.how_it_ended()
        worker.close()
        if item is None:
            self.free.remove(worker)
            return
        self.tries[item] += 1
        name = self.names[item]
        if self.tries[item] == _TRIES:
            msg = (
                f"{name!r}: its worker process died {_TRIES} times ({how}), the last time with no other beside it. "
                "Where memory is short, use a smaller model or fewer features; n_jobs=1 runs in this process, where "
                "a debugger can see it."
            )
            raise RuntimeError(msg)
        warn(f"the worker process of {name!r} died ({how}); it is run again.", WorkerDiedWarning)
        (self.alone if self.tries[item] == _TRIES - 1 else self.waiting).append(item)


def _idle_or_new(answers: SimpleQueue[Any]) -> Worker:
    """Take a worker that waits for work, or start one."""
    global _owner  # noqa: PLW0603  after a fork the workers are the parent's
    if os.getpid() != _owner:
        _owner = os.getpid()
        _idle.clear()
    with _taking:
        while _idle:
            worker = _idle.pop()
            if worker.work_for(answers):
                return worker
            worker.close()
    return Worker(answers)
