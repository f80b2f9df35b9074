"""Samples that are copies of each other, to rounding or up to a factor and an offset."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pathweave.evaluate._leakage.report import Checked, Finding, count, not_run

if TYPE_CHECKING:
    from pathweave.evaluate._leakage.read import Layer, Study

_N_DIRECTIONS = 256
_SCREEN = 0.98
_CLOSE = 0.02
_MOST = 0.9
_MAX_PAIRS = 500
_LOG_CHANCE = float(np.log(1000.0))
_BLOCK = 1000


@dataclass(frozen=True)
class Pair:
    """Two samples of a layer (positions among all samples), and how they are alike."""

    a: int
    b: int
    how: str
    likeness: float


def check_duplicates(study: Study) -> Checked:
    """Look for copies in every layer; layers with the same copies share a finding."""
    found: dict[tuple[tuple[int, int], ...], tuple[list[str], list[Pair]]] = {}
    small = []
    for layer in study.layers:
        pairs = copies(layer, study.seed)
        if pairs is None:
            small.append(layer.name)
            continue
        pairs = [p for p in pairs if _matters(study, p)]
        if pairs:
            key = tuple(sorted((p.a, p.b) for p in pairs))
            found.setdefault(key, ([], pairs))[0].append(layer.name)
    why = f"too few samples or varying features in {', '.join(small)}" if small else ""
    if small and len(small) == len(study.layers):
        return not_run(why)
    return Checked([_finding(study, names, pairs) for names, pairs in found.values()], why)


def _matters(study: Study, pair: Pair) -> bool:
    """Copies in one group are never torn apart, and with splits only torn ones matter."""
    if study.train is not None:
        return bool(study.torn(np.array([pair.a]), np.array([pair.b]))[0])
    groups = study.groups
    return groups is None or groups[pair.a] < 0 or groups[pair.a] != groups[pair.b]


def _finding(study: Study, layers: list[str], pairs: list[Pair]) -> Finding:
    kinds = {how: sum(p.how == how for p in pairs) for how in dict.fromkeys(p.how for p in pairs)}
    told = ", ".join(f"{n} {how}" for how, n in kinds.items())
    shown = "; ".join(f"{study.names[p.a]} and {study.names[p.b]}" for p in pairs[:5])
    more = f" and {len(pairs) - 5} more" if len(pairs) > 5 else ""
    torn = study.train is not None
    if torn:
        what = f"{count(len(pairs), 'pair')} of samples with one in training and one in the test part of a fold are copies ({told}): {shown}{more}."
        advice = "Drop one of each, or keep them together with groups=; as it is, test samples were seen in training."
    else:
        what = f"{count(len(pairs), 'pair')} of samples are copies ({told}): {shown}{more}. They would fall into different folds."
        advice = "Drop one of each or average them; if they are replicates of one patient, name the patient with groups=."
    evidence = max(p.likeness for p in pairs)
    return Finding(
        "error" if torn else "warning", ", ".join(layers), what, evidence, len(pairs), advice
    )


def copies(layer: Layer, seed: int) -> list[Pair] | None:
    """Pairs of samples that are more alike than chance allows; ``None`` if the layer is too small to tell.

    Features are standardised and freed of what an offset or a factor of the whole sample would do, turned
    to few random directions, and similar pairs are then compared value by value.
    """
    x = _varying(layer.x)
    n, p = x.shape
    if n < 4 or p < 8:
        return None
    rng = np.random.default_rng(seed)
    z = _shape(x)
    if p > 2 * _N_DIRECTIONS:
        z = z @ rng.standard_normal((p, _N_DIRECTIONS), dtype=np.float32)
    length = np.linalg.norm(z, axis=1, keepdims=True)
    z /= np.where(length > 0, length, 1.0)
    first, second, similarity = _similar(z)
    order = np.argsort(-similarity, kind="stable")[:_MAX_PAIRS]
    if not len(order):
        return []
    judge = _Judge(x, z, rng)
    pairs = []
    for k in order:
        i, j = int(first[k]), int(second[k])
        how = judge.compare(i, j)
        if how:
            a, b = sorted((int(layer.rows[i]), int(layer.rows[j])))
            pairs.append(Pair(a, b, how, float(similarity[k])))
    return pairs


def _varying(x: np.ndarray) -> np.ndarray:
    """Features that vary and that at least half of the samples have."""
    mostly = np.isnan(x).mean(axis=0) < 0.5
    with np.errstate(invalid="ignore"):
        varies = np.fmax.reduce(x, axis=0) > np.fmin.reduce(x, axis=0)
    return x[:, mostly & varies]


def _shape(x: np.ndarray) -> np.ndarray:
    """Standardised features (float32, 0 where unmeasured) without the directions of offset and factor."""
    mean, sd = np.nanmean(x, axis=0, dtype=np.float64), np.nanstd(x, axis=0, dtype=np.float64)
    z = ((x - mean) / sd).astype(np.float32)
    np.nan_to_num(z, copy=False, nan=0.0)
    moved = np.stack([1 / sd, mean / sd])
    moved /= np.maximum(np.linalg.norm(moved, axis=1, keepdims=True), 1e-300)
    _, size, axes = np.linalg.svd(moved, full_matrices=False)
    axes = axes[size > 1e-3].astype(np.float32)
    z -= (z @ axes.T) @ axes
    return z


def _similar(z: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs of rows above the screen, and their similarity."""
    parts = []
    for start in range(0, len(z), _BLOCK):
        similarity = z[start : start + _BLOCK] @ z[start:].T
        i, j = np.nonzero(similarity > _SCREEN)
        upper = j > i
        i, j = i[upper], j[upper]
        parts.append((i + start, j + start, similarity[i, j]))
    first, second, value = (np.concatenate(part) for part in zip(*parts, strict=True))
    return first, second, value


class _Judge:
    """Compares pairs value by value, and weighs how surprising their likeness is in this layer."""

    def __init__(self, x: np.ndarray, z: np.ndarray, rng: np.random.Generator) -> None:
        n, p = x.shape
        self.x = x
        self.rows = rng.permutation(n)[:1000]
        low, high = np.nanquantile(x[self.rows].astype(np.float64), [0.25, 0.75], axis=0)
        self.scale = np.where(high > low, high - low, np.nanstd(x, axis=0, dtype=np.float64))
        self.drawn = rng.permutation(p)[:1000]
        ordered = np.sort(x[self.rows][:, self.drawn], axis=0)
        distinct = 1 + (np.diff(ordered, axis=0) > 0).sum(axis=0)
        self.continuous = distinct >= 0.5 * (~np.isnan(ordered)).sum(axis=0)
        self.n_independent = _independent(z)
        self.log_pairs = float(np.log(n * (n - 1) / 2))

    def compare(self, i: int, j: int) -> str:
        """How two samples are alike; empty if they are not, or if that may be chance."""
        a, b = self.x[i].astype(np.float64), self.x[j].astype(np.float64)
        both = ~(np.isnan(a) | np.isnan(b))
        if both.sum() < max(8, 0.5 * min((~np.isnan(a)).sum(), (~np.isnan(b)).sum())):
            return ""
        a, b, scale = a[both], b[both], self.scale[both]
        if np.ptp(a) == 0 or np.ptp(b) == 0:
            return ""
        how = _likeness(a, b, scale)
        if not how:
            return ""
        same = (self.x[i, self.drawn] == self.x[j, self.drawn])[self.continuous]
        decisive = how == "identical" and len(same) >= 5 and same.mean() > _MOST
        return how if decisive or self._is_surprising(i, j) else ""

    def _is_surprising(self, i: int, j: int) -> bool:
        """Whether chance would not bring forth such a pair: rare shared values in independent features."""
        value = self.x[i, self.drawn].astype(np.float64)
        others = self.x[self.rows][:, self.drawn]
        near = np.abs(others - value) <= _CLOSE * self.scale[self.drawn]
        near[np.isin(self.rows, [i, j])] = False
        n = len(self.rows)
        rarity = -np.log((1 + near.sum(axis=0)) / n)
        rarity = rarity[~np.isnan(value)].mean()
        return bool(self.n_independent * rarity > self.log_pairs + _LOG_CHANCE)


def _likeness(a: np.ndarray, b: np.ndarray, scale: np.ndarray) -> str:
    difference = np.abs(a - b)
    if (difference <= 1e-6 * np.maximum(np.abs(a), np.abs(b))).all():
        return "identical"
    if (difference <= _CLOSE * scale).mean() >= _MOST:
        return "nearly identical"
    design = np.stack([1 / scale, b / scale], axis=1)
    offset, factor = np.linalg.lstsq(design, a / scale, rcond=None)[0]
    rest = np.abs(a - offset - factor * b)
    if factor > 0 and (rest <= _CLOSE * min(factor, 1.0) * scale).mean() >= _MOST:
        return "copied up to a factor or an offset"
    return ""


def _independent(z: np.ndarray) -> float:
    """How many independent features would give similarities as spread as these."""
    n = len(z)
    squares = float(np.sum((z.T @ z).astype(np.float64) ** 2)) - float(
        np.sum(np.sum(z.astype(np.float64) ** 2, axis=1) ** 2)
    )
    return n * (n - 1) / max(squares, 1e-12)
