"""Many perturbations in the same batches: so many rows at a time, whatever they belong to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pathweave.explain._perturbation.edits import Values
    from pathweave.explain._perturbation.outputs import Voice


@dataclass(frozen=True)
class Task:
    """Samples, and new values of some of their features, by layer positions and (n, k)."""

    rows: np.ndarray
    at: dict[str, np.ndarray]
    new: Values


@dataclass(frozen=True)
class Before:
    """What a model says of all samples as they are: (n, k), and by member (n_members, n, k)."""

    whole: np.ndarray
    members: np.ndarray

    @classmethod
    def of(cls, voice: Voice, part: str, values: Values, rows: np.ndarray, size: int) -> Before:
        """Ask about samples, batch by batch; the others stay NaN."""
        n = len(next(iter(values.values())))
        whole, members = np.zeros((n, 0)), np.zeros((0, n, 0))
        for start in range(0, len(rows), size):
            some = rows[start : start + size]
            said = voice.ask({name: x[some] for name, x in values.items()})[part]
            if not start:
                whole = np.full((n, said[0].shape[1]), np.nan)
                members = np.full((len(said[1]), n, said[1].shape[2]), np.nan)
            whole[some], members[:, some] = said
        return cls(whole, members)


def shifts(
    voice: Voice, part: str, values: Values, before: Before, tasks: Iterable[Task], size: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """For every task the shift of one part in its samples (n, k), and by member the mean shift (n_members, k)."""
    waiting: list[tuple[Task, slice]] = []
    room = size
    open_task: list[tuple[np.ndarray, np.ndarray]] = []
    for task in tasks:
        start = 0
        while start < len(task.rows):
            stop = min(start + room, len(task.rows))
            waiting.append((task, slice(start, stop)))
            room -= stop - start
            start = stop
            if not room:
                yield from _answer(voice, part, values, before, waiting, open_task)
                waiting, room = [], size
    if waiting:
        yield from _answer(voice, part, values, before, waiting, open_task)


def _answer(
    voice: Voice,
    part: str,
    values: Values,
    before: Before,
    waiting: list[tuple[Task, slice]],
    open_task: list[tuple[np.ndarray, np.ndarray]],
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Ask about one batch; give the tasks that end in it, and keep what belongs to the next one."""
    rows = np.concatenate([task.rows[piece] for task, piece in waiting])
    made = {name: x[rows] for name, x in values.items()}
    start = 0
    for task, piece in waiting:
        stop = start + piece.stop - piece.start
        for name, at in task.at.items():
            made[name][start:stop, at] = task.new[name][piece]
        start = stop
    whole, members = voice.ask(made)[part]
    whole, members = whole - before.whole[rows], members - before.members[:, rows]
    start = 0
    for task, piece in waiting:
        stop = start + piece.stop - piece.start
        open_task.append((whole[start:stop], members[:, start:stop].sum(axis=1)))
        start = stop
        if piece.stop == len(task.rows):
            shift = np.concatenate([w for w, _ in open_task])
            mean = np.sum([m for _, m in open_task], axis=0) / len(task.rows)
            open_task.clear()
            yield shift, mean
