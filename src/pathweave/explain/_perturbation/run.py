"""A perturbation run through a model, batch by batch: means before and after, over samples and members."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from pathweave._core.progress import progress
from pathweave.explain._perturbation.outputs import Voice, bootstrap_weights, interval
from pathweave.explain._perturbation.random import moved_columns, moves_of, pick
from pathweave.explain._tables import standard_error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pathweave.explain._perturbation.edits import Edits, Values

_NULL_SAMPLES = 100


@dataclass
class Tally:
    """Weighted means of one part of what a model says, gathered over batches.

    Attributes
    ----------
    before, after
        Means over samples (k,).
    boot
        Mean shift under every row of bootstrap weights (1 + n_boot, k).
    members
        Mean shift of each member (n_members, k).
    effect, up
        Mean absolute shift, and share of the samples in which the output rises (k,).
    """

    before: np.ndarray | float = 0.0
    after: np.ndarray | float = 0.0
    boot: np.ndarray | float = 0.0
    members: np.ndarray | float = 0.0
    effect: np.ndarray | float = 0.0
    up: np.ndarray | float = 0.0
    squares: np.ndarray | float = 0.0

    def add(
        self,
        weights: np.ndarray,
        before: tuple[np.ndarray, np.ndarray],
        after: tuple[np.ndarray, np.ndarray],
    ) -> None:
        """Take in a batch; weights (1 + n_boot, n_batch)."""
        shift, even = after[0] - before[0], weights[0]
        self.before = self.before + even @ before[0]
        self.after = self.after + even @ after[0]
        self.squares = self.squares + even @ np.square(before[0])
        self.boot = self.boot + weights @ shift
        self.members = self.members + np.einsum("n,mnk->mk", even, after[1] - before[1])
        self.effect = self.effect + even @ np.abs(shift)
        self.up = self.up + even @ (shift > 0)

    def numbers(self, n: int) -> dict[str, np.ndarray]:
        """Columns of a table; the interval spans 95 % of the bootstrap draws over `n` samples."""
        boot = np.asarray(self.boot)
        low, high = interval(boot[1:], n)
        return {
            "before": np.asarray(self.before),
            "after": np.asarray(self.after),
            "shift": boot[0],
            "se": standard_error(np.asarray(self.members)),
            "low": low,
            "high": high,
        }

    @property
    def spread(self) -> np.ndarray:
        """Standard deviation over samples before the change (k,)."""
        return np.sqrt(np.maximum(self.squares - np.square(self.before), 0.0))


@dataclass
class GroupRun:
    """One group of samples: its tallies by part, and every sample's outputs before and after."""

    group: str
    rows: np.ndarray
    names: np.ndarray
    tallies: dict[str, Tally] = field(default_factory=dict)
    before: list[np.ndarray] = field(default_factory=list)
    after: list[np.ndarray] = field(default_factory=list)
    distance: list[np.ndarray] = field(default_factory=list)
    p: np.ndarray | None = None


def put(values: Values, rows: np.ndarray, new: Values, at: dict[str, np.ndarray]) -> Values:
    """Values of some samples, with some features exchanged."""
    made = {name: x[rows] for name, x in values.items()}
    for name, columns in at.items():
        made[name][:, columns] = new[name]
    return made


def pieces(rows: np.ndarray, size: int) -> Iterator[tuple[slice, np.ndarray]]:
    """Cut samples into batches."""
    for start in range(0, len(rows), size):
        part = slice(start, start + size)
        yield part, rows[part]


def run_group(
    voice: Voice,
    values: Values,
    edits: Edits,
    run: GroupRun,
    *,
    n_boot: int,
    n_null: int,
    batch_size: int,
    seed: list[int],
) -> None:
    """Fill in what one group of samples says."""
    rng = np.random.default_rng(seed)
    weights = bootstrap_weights(run.names, n_boot=n_boot, rng=rng)
    at = edits.positions()
    for part, rows in pieces(run.rows, batch_size):
        before = voice.ask({name: x[rows] for name, x in values.items()})
        after = voice.ask(put(values, rows, edits.columns(values, rows), at))
        for name in before:
            run.tallies.setdefault(name, Tally()).add(weights[:, part], before[name], after[name])
        n = len(rows)
        zero = np.zeros((n, 0))
        run.before.append(before.get("outputs", (zero,))[0])
        run.after.append(after.get("outputs", (zero,))[0])
        if "latent" in before:
            norm = np.linalg.norm(after["latent"][0] - before["latent"][0], axis=1)[:, None]
            none = np.zeros((0, n, 1))
            distance = run.tallies.setdefault("distance", Tally())
            distance.add(weights[:, part], (np.zeros((n, 1)), none), (norm, none))
            run.distance.append(norm[:, 0])
    if n_null and voice.targets:
        rng = np.random.default_rng([*seed, 1])
        run.p = _p_random(voice, values, edits, run, n_null, batch_size, rng)


def _p_random(
    voice: Voice,
    values: Values,
    edits: Edits,
    run: GroupRun,
    n_null: int,
    batch_size: int,
    rng: np.random.Generator,
) -> np.ndarray | None:
    """How often random features, changed as much, shift every output at least as much on average (k,)."""
    alone = Voice(voice.model, voice.targets, ("outputs",))
    names = np.argsort(np.argsort(run.names.astype(str), kind="stable"), kind="stable")
    kept = np.sort(np.flatnonzero(np.isin(names, rng.permutation(len(names))[:_NULL_SAMPLES])))
    chosen = run.rows[kept]
    before, after = np.concatenate(run.before)[kept], np.concatenate(run.after)[kept]
    own = np.abs(after - before).mean(axis=0)
    moves = moves_of(edits, values, chosen)
    above = np.zeros(len(own))
    for _ in progress(range(n_null), desc="random features"):
        drawn = pick(edits, moves, rng)
        if drawn is None:
            return None
        effect = np.zeros(len(own))
        for part, rows in pieces(chosen, batch_size):
            some = {name: m[part] for name, m in moves.items()}
            new = moved_columns(edits, values, rows, some, drawn)
            said = alone.ask(put(values, rows, new, drawn))["outputs"][0]
            effect += np.abs(said - before[part]).sum(axis=0) / len(chosen)
        above += effect >= own * (1 - 1e-9)
    return np.asarray((1 + above) / (1 + n_null))
