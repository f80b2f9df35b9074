"""From changes by name to new values of features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pathweave._core.checks import check_choice, listed, names_of
from pathweave.explain._perturbation.change import Change, read_change

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pathweave.explain._perturbation.names import Names, Unit
    from pathweave.explain._perturbation.scale import LayerScale

Values = dict[str, np.ndarray]


@dataclass(frozen=True)
class Edit:
    """One change of some features of a layer: positions (k,), and how much of each is changed (k,)."""

    layer: str
    at: np.ndarray
    share: np.ndarray
    change: Change


@dataclass(frozen=True)
class Edits:
    """All that one perturbation does, in order.

    Attributes
    ----------
    edits
        The changes.
    scales
        By layer what its values mean.
    """

    edits: tuple[Edit, ...]
    scales: dict[str, LayerScale]

    def positions(self) -> dict[str, np.ndarray]:
        """By layer the features that are changed."""
        layers = dict.fromkeys(edit.layer for edit in self.edits)
        return {
            name: np.unique(np.concatenate([e.at for e in self.edits if e.layer == name]))
            for name in layers
        }

    def columns(self, values: Values, rows: np.ndarray) -> Values:
        """New values of the changed features, by layer (n_rows, k), in the order of `positions`."""
        new = {}
        for name, at in self.positions().items():
            x = values[name][np.ix_(rows, at)].astype(np.float64)
            for edit in self.edits:
                if edit.layer == name:
                    own = np.searchsorted(at, edit.at)
                    made = edit.change.apply(x[:, own], edit.at, rows, self.scales[name])
                    x[:, own] += edit.share * (made - x[:, own])
            new[name] = x.astype(np.float32)
        return new

    def usable(self, values: Values, rows: np.ndarray) -> np.ndarray:
        """Of some samples those in which any of the features was measured (n_rows,)."""
        found = [
            ~np.isnan(values[name][np.ix_(rows, at)]).all(axis=1)
            for name, at in self.positions().items()
        ]
        return np.asarray(np.any(found, axis=0))


def read_edits(
    changes: Mapping[str, Any],
    names: Names,
    scales: dict[str, LayerScale],
    layers: Sequence[str] | str | None,
) -> tuple[Edits, list[Unit]]:
    """Turn what a user asked for into edits, and the units that were meant."""
    if not hasattr(changes, "items") or not changes:
        msg = f"changes={changes!r} must be a dict from names to changes, such as {{'TP53': 'knockout'}}."
        raise ValueError(msg)
    wanted = read_layers(layers, scales)
    units, todo = [], []
    for name, given in changes.items():
        unit = names.find(str(name))
        units.append(unit)
        todo.append((unit, read_change(str(name), given)))
    return make_edits(todo, scales, wanted), units


def read_layers(
    layers: Sequence[str] | str | None, scales: dict[str, LayerScale]
) -> list[str] | None:
    """Check names of layers; ``None`` stays."""
    if layers is None:
        return None
    chosen = names_of("layers", layers, "layers of the model")
    for name in chosen:
        check_choice("layers", name, list(scales))
    return chosen


def make_edits(
    todo: Sequence[tuple[Unit, Change | dict[str, Change]]],
    scales: dict[str, LayerScale],
    wanted: list[str] | None,
) -> Edits:
    """Gather the same change of several units, so that their shares of a feature add up."""
    shares: dict[tuple[str, Change], np.ndarray] = {}
    for unit, change in todo:
        own = change if isinstance(change, dict) else dict.fromkeys(unit.shares, change)
        explicit = isinstance(change, dict) or wanted is not None
        absent = [layer for layer in own if layer not in unit.shares]
        if absent:
            msg = (
                f"changes[{unit.label!r}]: layer {listed(absent)} does not measure it; those that do are "
                f"{listed(unit.shares)}."
            )
            raise ValueError(msg)
        used = False
        for layer, what in own.items():
            if wanted is not None and layer not in wanted:
                continue
            scale = scales[layer]
            if not what.touches(scale, named=explicit):
                continue
            at, share = unit.shares[layer]
            key = (layer, what)
            shares.setdefault(key, np.zeros(len(scale.low)))[at] += share
            used = True
        if not used:
            raise ValueError(_untouched(unit, wanted))
    edits = []
    for (layer, what), share in shares.items():
        at = np.flatnonzero(share)
        edits.append(Edit(layer, at, np.minimum(share[at], 1.0), what))
    return Edits(tuple(edits), scales)


def _untouched(unit: Unit, wanted: list[str] | None) -> str:
    if wanted is not None:
        return f"changes[{unit.label!r}]: none of layers={wanted!r} measures it; those that do are {listed(unit.shares)}."
    return (
        f"changes[{unit.label!r}]: it is measured in {listed(unit.shares)} alone, and a knockout silences expression, no "
        "CpG or mutation; name the layer (layers=), or say ('set', value)."
    )


def change_table(
    edits: Edits, values: Values, rows: np.ndarray, units: Sequence[Unit]
) -> pd.DataFrame:
    """One row a changed feature: what it was and what it became, and what the training samples span."""
    new, tables = edits.columns(values, rows), []
    for name, at in edits.positions().items():
        scale = edits.scales[name]
        before, after = values[name][np.ix_(rows, at)].astype(np.float64), new[name]
        seen = ~np.isnan(before)
        n = np.maximum(seen.sum(axis=0), 1)
        moved = np.where(seen, after - before, 0.0)
        low, high, spread = scale.low[at], scale.high[at], scale.spread[at]
        room = 1e-6 * np.maximum(np.abs(high - low), 1e-6)
        outside = seen & ((after < low - room) | (after > high + room))
        own = {e: set(u.shares[name][0]) for e, u in enumerate(units) if name in u.shares}
        of = ["; ".join(units[e].label for e, mine in own.items() if i in mine) for i in at]
        tables.append(
            pd.DataFrame(
                {
                    "layer": name,
                    "feature": [scale.schema.features[i] for i in at],
                    "of": of,
                    "change": _spelled(edits, name, at),
                    "before": np.where(seen, before, 0.0).sum(axis=0) / n,
                    "after": np.where(seen, after, 0.0).sum(axis=0) / n,
                    "sds": np.sqrt(np.square(moved).sum(axis=0) / n)
                    / np.where(spread > 0, spread, np.inf),
                    "low": low,
                    "high": high,
                    "outside": outside.sum(axis=0) / n,
                    "n_samples": seen.sum(axis=0),
                }
            )
        )
    return pd.concat(tables, ignore_index=True)


def _spelled(edits: Edits, layer: str, at: np.ndarray) -> list[str]:
    told: list[list[str]] = [[] for _ in at]
    for edit in edits.edits:
        if edit.layer == layer:
            for place in np.searchsorted(at, edit.at):
                told[place].append(str(edit.change))
    return [", then ".join(words) for words in told]
