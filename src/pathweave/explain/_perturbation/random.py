"""The null of a perturbation: random features of the same layers, changed as much in standard deviations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pathweave.explain._perturbation.edits import Edits, Values

Moves = dict[str, np.ndarray]
"""By layer what is added to some features, in standard deviations (n, k), 0 where unmeasured."""
Picks = dict[str, np.ndarray]


def moves_of(edits: Edits, values: Values, rows: np.ndarray) -> Moves:
    """How far a perturbation moves the values of samples; features that never vary are left out."""
    new, found = edits.columns(values, rows), {}
    for name, at in edits.positions().items():
        spread = edits.scales[name].spread[at]
        moved = (new[name] - values[name][np.ix_(rows, at)])[:, spread > 0]
        found[name] = np.nan_to_num(moved / spread[spread > 0])
    return found


def size_of(moves: Moves) -> float:
    """Size of a perturbation: root of the summed mean squares, in standard deviations."""
    return float(np.sqrt(sum(np.square(m).mean(axis=0).sum() for m in moves.values())))


def pick(edits: Edits, moves: Moves, rng: np.random.Generator) -> Picks | None:
    """Draw as many other features of the same layers; ``None`` where there are not enough."""
    drawn = {}
    for name, moved in moves.items():
        varies = edits.scales[name].spread > 0
        varies[edits.positions()[name]] = False
        others = np.flatnonzero(varies)
        if len(others) < moved.shape[1]:
            return None
        drawn[name] = rng.choice(others, moved.shape[1], replace=False)
    return drawn


def moved_columns(
    edits: Edits, values: Values, rows: np.ndarray, moves: Moves, picks: Picks
) -> Values:
    """New values of the drawn features, by layer (n, k); what was not measured stays so."""
    return {
        name: (values[name][np.ix_(rows, at)] + moves[name] * edits.scales[name].spread[at]).astype(
            np.float32
        )
        for name, at in picks.items()
    }
