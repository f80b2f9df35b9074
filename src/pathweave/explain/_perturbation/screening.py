"""The pieces of a screen: what is changed, which output is watched, random features beside it, and the table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pathweave.explain._perturbation.batches import Before, Task
from pathweave.explain._perturbation.outputs import Voice, bootstrap_weights, interval
from pathweave.explain._perturbation.random import moved_columns, moves_of, pick, size_of
from pathweave.explain._tables import standard_error

if TYPE_CHECKING:
    from pathweave.explain._perturbation.edits import Edits, Values
    from pathweave.explain._perturbation.names import Unit
    from pathweave.explain._perturbation.random import Picks
    from pathweave.models import Estimator


@dataclass(frozen=True)
class Screened:
    """One unit of a screen: its edits, the samples that have it, and the size of the change."""

    unit: Unit
    edits: Edits
    rows: np.ndarray
    size: float

    @classmethod
    def of(cls, unit: Unit, edits: Edits, values: Values, rows: np.ndarray) -> Screened | None:
        """Look at a unit; ``None`` where no sample has it."""
        rows = rows[edits.usable(values, rows)]
        if not len(rows):
            return None
        return cls(unit, edits, rows, size_of(moves_of(edits, values, rows)))

    def task(self, values: Values) -> Task:
        """Compute the changed values."""
        return Task(self.rows, self.edits.positions(), self.edits.columns(values, self.rows))

    @property
    def layers(self) -> tuple[str, ...]:
        """Layers that are changed."""
        return tuple(self.edits.positions())

    @property
    def n_features(self) -> int:
        """Features that are changed."""
        return sum(len(at) for at in self.edits.positions().values())


@dataclass(frozen=True)
class Random:
    """Random features that are moved as those of one unit are."""

    like: Screened
    picks: Picks

    def task(self, values: Values) -> Task:
        """Compute the changed values."""
        like = self.like
        moves = moves_of(like.edits, values, like.rows)
        new = moved_columns(like.edits, values, like.rows, moves, self.picks)
        return Task(like.rows, self.picks, new)


def draw_random(
    screened: list[Screened], values: Values, n_null: int, rng: np.random.Generator
) -> list[Random]:
    """Draw random features for each combination of layers, as many as in units of all sizes there are."""
    pools: dict[tuple[str, ...], list[Screened]] = {}
    for item in screened:
        pools.setdefault(item.layers, []).append(item)
    drawn = []
    for pool in pools.values():
        by_size = sorted(pool, key=lambda item: (item.size, item.unit.name))
        for place in np.linspace(0, len(by_size) - 1, n_null).round().astype(int):
            like = by_size[place]
            found = pick(like.edits, moves_of(like.edits, values, like.rows), rng)
            if found is not None and like.size > 0:
                drawn.append(Random(like, found))
    return drawn


@dataclass(frozen=True)
class Watched:
    """The output that a screen watches.

    Attributes
    ----------
    voice, part
        The model, and the part of what it says.
    task
        ``"class"``, ``"number"``, ``"survival"`` or ``"latent"``.
    groups
        Names of what is watched: classes (the second of two), the target, or the latent.
    columns
        Their columns in the part; none for the latent, of which the distance is watched.
    before
        What the model says of the samples as they are.
    """

    voice: Voice
    part: str
    task: str
    groups: list[str]
    columns: list[int]
    before: Before

    @classmethod
    def of(
        cls, model: Estimator, target: str, values: Values, rows: np.ndarray, size: int
    ) -> Watched:
        """Ask about the samples as they are."""
        if target == "latent":
            voice, part, task = Voice(model, (), ("latent",)), "latent", "latent"
            groups, columns = ["latent"], []
        else:
            voice, part = Voice(model, (target,), ("outputs",)), "outputs"
            task = model.targets_[target].task
            groups, columns = [target], [0]
            if task == "class":
                classes = list(model.targets_[target].classes)
                start = 1 if len(classes) == 2 else 0
                groups = classes[start:]
                columns = list(range(len(classes) + start, 2 * len(classes)))
        return cls(voice, part, task, groups, columns, Before.of(voice, part, values, rows, size))

    def shift(self, shift: np.ndarray) -> np.ndarray:
        """Shift of what is watched (n, n_groups)."""
        if self.task == "latent":
            return np.linalg.norm(shift, axis=1, keepdims=True)
        return shift[:, self.columns]

    def members(self, mean: np.ndarray) -> np.ndarray:
        """Mean shift by member (n_members, n_groups); no member where the latent is watched."""
        return np.zeros((0, 1)) if self.task == "latent" else mean[:, self.columns]


@dataclass(frozen=True)
class Summary:
    """What one unit shifts, by group (n_groups,); members (n_members, n_groups)."""

    shift: np.ndarray
    effect: np.ndarray
    low: np.ndarray
    high: np.ndarray
    members: np.ndarray

    @classmethod
    def of(
        cls, shift: np.ndarray, members: np.ndarray, names: np.ndarray, *, n_boot: int, seed: int
    ) -> Summary:
        """Summarise shifts (n, n_groups) of samples with these names."""
        rng = np.random.default_rng([seed, 0])
        draws = bootstrap_weights(names, n_boot=n_boot, rng=rng) @ shift
        low, high = interval(draws[1:], len(names))
        return cls(shift.mean(axis=0), np.abs(shift).mean(axis=0), low, high, members)


def screen_table(
    watched: Watched,
    screened: list[Screened],
    found: list[Summary],
    random: list[Random],
    effects: list[np.ndarray],
) -> pd.DataFrame:
    """Make the table of a screen, groups below one another, the largest effect first."""
    p = _p_random(screened, np.array([s.effect for s in found]), random, effects)
    tables = []
    for g, group in enumerate(watched.groups):
        members = np.array([s.members[:, g] for s in found]).T
        table = pd.DataFrame(
            {
                "group": group,
                "name": [item.unit.name for item in screened],
                "symbol": [item.unit.label for item in screened],
                "kind": [item.unit.kind for item in screened],
                "layers": [", ".join(item.layers) for item in screened],
                "n_features": [item.n_features for item in screened],
                "sds": [item.size for item in screened],
                "shift": [s.shift[g] for s in found],
                "se": standard_error(members),
                "low": [s.low[g] for s in found],
                "high": [s.high[g] for s in found],
                "effect": [s.effect[g] for s in found],
                "p_random": p[:, g],
                "n_samples": [len(item.rows) for item in screened],
            }
        )
        table = table.sort_values(["effect", "name"], ascending=[False, True], ignore_index=True)
        size = table["sds"].to_numpy()
        per_sd = np.divide(table["effect"], size, out=np.zeros(len(table)), where=size > 0)
        table.insert(list(table).index("p_random"), "per_sd", per_sd)
        tables.append(table.assign(rank=np.arange(1, len(table) + 1)))
    return pd.concat(tables, ignore_index=True)


def _p_random(
    screened: list[Screened], own: np.ndarray, random: list[Random], effects: list[np.ndarray]
) -> np.ndarray:
    """Share of random features of the same layers and nearly the same size with as much effect for their size."""
    p = np.full(own.shape, np.nan)
    pools: dict[tuple[str, ...], list[int]] = {}
    for i, null in enumerate(random):
        pools.setdefault(null.like.layers, []).append(i)
    for u, item in enumerate(screened):
        pool = pools.get(item.layers, [])
        if not pool:
            continue
        size = np.array([random[i].like.size for i in pool])
        near = np.argsort(np.abs(size - item.size), kind="stable")[: max(1, (len(pool) + 1) // 2)]
        ratio = np.array([effects[pool[k]] / size[k] for k in near])
        mine = own[u] / item.size if item.size > 0 else np.zeros(own.shape[1])
        p[u] = (1 + (ratio >= mine * (1 - 1e-9)).sum(axis=0)) / (1 + len(ratio))
    return p
