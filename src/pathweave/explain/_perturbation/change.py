"""What may be done to a gene, metabolite or pathway: knock out, set, scale, shift, clamp."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pathweave.explain._perturbation.scale import LayerScale

WORDS = ("knockout", "lowest", "highest", "mean")
_NUMBERS = {"set": 1, "scale": 1, "shift": 1, "clamp": 2}
SILENT = ("methylation", "mutation")
"""Kinds of layers that a knockout leaves alone, unless they are named."""


@dataclass(frozen=True)
class Change:
    """One thing to do to values.

    Attributes
    ----------
    action
        One of `WORDS`, ``"set"``, ``"scale"``, ``"shift"`` or ``"clamp"``.
    numbers
        Value, factor, difference, or lowest and highest (infinite where open).
    """

    action: str
    numbers: tuple[float, ...] = ()

    def __str__(self) -> str:
        """Spell the change."""
        return " ".join([self.action, *(f"{number:g}" for number in self.numbers)])

    def touches(self, scale: LayerScale, *, named: bool) -> bool:
        """Whether the change is for a layer; a knockout silences expression, not methylation or mutations."""
        return named or self.action != "knockout" or scale.kind not in SILENT

    def apply(self, x: np.ndarray, at: np.ndarray, rows: np.ndarray, scale: LayerScale) -> np.ndarray:  # fmt: skip
        """Return changed values of some features.

        Parameters
        ----------
        x
            Values in the units that the model reads (n, k), NaN where unmeasured; these stay NaN.
        at
            Positions of the features in their layer (k,).
        rows
            Positions of the samples (n,).
        scale
            What the values of the layer mean.
        """
        if self.action in WORDS:
            target = np.broadcast_to(scale.level(self.action)[at], x.shape)
            return np.where(np.isnan(x) | np.isnan(target), x, target)
        if self.action == "scale":
            made = scale.from_amounts(scale.amounts(x) * self.numbers[0])
            return scale.inside(made)
        x = scale.to_units(x, rows)
        if self.action == "set":
            x = np.where(np.isnan(x), np.nan, self.numbers[0])
        elif self.action == "shift":
            x = x + self.numbers[0]
        else:
            x = x.clip(self.numbers[0], self.numbers[1])
        return scale.inside(scale.from_units(x, rows))


def read_change(name: str, given: Any) -> Change | dict[str, Change]:
    """Read what is to be done to `name`: the same in all layers, or a dict of layers."""
    if not hasattr(given, "items"):
        return _one(name, given)
    by_layer: Mapping[str, Any] = given
    if not by_layer:
        msg = f"changes[{name!r}]={given!r} names no layer; write {{'layer': 'knockout'}}, or a change for all."
        raise ValueError(msg)
    return {str(layer): _one(f"{name}, {layer}", change) for layer, change in by_layer.items()}


def _one(name: str, given: Any) -> Change:
    if isinstance(given, str) and given in WORDS:
        return Change(given)
    if _is_number(given):
        given = ("scale", given)
    if isinstance(given, (tuple, list)) and given and given[0] in _NUMBERS:
        action, *numbers = given
        if action == "clamp" and len(numbers) == 2:
            ends = zip(numbers, (-np.inf, np.inf), strict=True)
            numbers = [end if n is None else n for n, end in ends]
        if len(numbers) == _NUMBERS[action] and all(map(_is_number, numbers)):
            return _checked(name, Change(action, tuple(float(n) for n in numbers)))
    msg = (
        f"changes[{name!r}]={given!r} is not known; write 'knockout', 'lowest', 'highest' or 'mean' (of the training "
        "samples), a number (a factor), ('set', value), ('scale', factor), ('shift', difference) or "
        "('clamp', low, high)."
    )
    raise ValueError(msg)


def _is_number(given: Any) -> bool:
    number = isinstance(given, (int, float, np.integer, np.floating))
    return number and not isinstance(given, bool) and not np.isnan(float(given))


def _checked(name: str, change: Change) -> Change:
    numbers = change.numbers
    if change.action == "clamp":
        if numbers[0] <= numbers[1] and np.isfinite(numbers).any():
            return change
        msg = (
            f"changes[{name!r}]: clamp needs low <= high, and one of them finite; found {numbers}."
        )
        raise ValueError(msg)
    if not np.isfinite(numbers).all() or (change.action == "scale" and numbers[0] < 0):
        msg = f"changes[{name!r}]: {change} needs a finite number{', of 0 or more' * (change.action == 'scale')}."
        raise ValueError(msg)
    return change
