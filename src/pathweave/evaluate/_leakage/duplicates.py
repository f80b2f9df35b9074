"""Samples that are copies of each other, to rounding or nearly."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pathweave.evaluate._leakage.read import codes, is_continuous
from pathweave.evaluate._leakage.report import Checked, Finding, checked, count

if TYPE_CHECKING:
    from pathweave.evaluate._leakage.read import Layer, Study

_MIN_FEATURES = 20
_MIN_AXES = 5
_N_NEAREST = 3
_CLOSE = 0.02
_MOST = 0.9
_BLOCK = 1000


def check_duplicates(study: Study) -> Checked:
    """Look for copies in every layer; layers with the same copies share a finding."""
    found: dict[tuple[tuple[int, int], ...], tuple[list[str], float]] = {}
    small = []
    for layer in study.layers:
        table = copies(layer.some(study.seed))
        if table is None:
            small.append(layer.name)
            continue
        pairs = tuple(
            (a, b) for a, b in zip(table["a"], table["b"], strict=True) if _matters(study, a, b)
        )
        if pairs:
            found.setdefault(pairs, ([], float(table["same"].max())))[0].append(layer.name)
    findings = [_finding(study, names, pairs, same) for pairs, (names, same) in found.items()]
    result = checked(findings, small, len(study.layers))
    result.why = result.why and result.why + ", or values too coarse to tell copies from chance"
    return result


def _matters(study: Study, a: int, b: int) -> bool:
    """With splits only copies on both sides matter; copies in one group are never torn apart."""
    if study.splits:
        pair = np.full(len(study.names), -1)
        pair[[a, b]] = 0
        return bool(len(study.torn(pair)))
    if study.groups is None:
        return True
    groups = codes(study.obs[study.groups])
    return bool(groups[a] < 0 or groups[a] != groups[b])


def _finding(
    study: Study, layers: list[str], pairs: tuple[tuple[int, int], ...], same: float
) -> Finding:
    shown = "; ".join(f"{study.names[a]} and {study.names[b]}" for a, b in pairs[:5])
    more = f" and {len(pairs) - 5} more" if len(pairs) > 5 else ""
    told = f"{count(len(pairs), 'pair')} of samples are copies ({100 * same:.0f} % of the values nearly the same): {shown}{more}."
    name = ", ".join(layers)
    if study.splits:
        what = f"{told} Each pair has one in training and one in the test part of a fold."
        advice = "Drop one of each, or keep them together with groups=; as it is, test samples were seen in training."
        return Finding("error", name, what, same, len(pairs), advice)
    what = f"{told} They would fall into different folds."
    advice = "Drop one of each or average them; if they are replicates of one patient, name the patient with groups=."
    return Finding("warning", name, what, same, len(pairs), advice)


def copies(layer: Layer) -> pd.DataFrame | None:
    """Pairs of samples (positions a, b) of which nearly all continuous values are nearly the same.

    Only continuous features count: mutations, copy-number states and other coarse values agree by chance.
    Each sample is compared, value by value, with those nearest in standardised features. ``None`` if the
    layer cannot tell.
    """
    mostly = np.isnan(layer.x).mean(axis=0) < 0.5
    x = layer.x[:, mostly]
    x = x[:, is_continuous(x)]
    n, p = x.shape
    if n < 4 or p < _MIN_FEATURES:
        return None
    mean, sd = np.nanmean(x, axis=0, dtype=np.float64), np.nanstd(x, axis=0, dtype=np.float64)
    z = np.nan_to_num((x - mean) / sd).astype(np.float32)
    share = np.linalg.eigvalsh(z.T @ z if p < n else z @ z.T)
    if (share > 0.01 * share.sum()).sum() < min(_MIN_AXES, n - 1):
        return None  # features that say the same agree by chance, too
    first, second = _nearest(z)
    low, high = np.nanquantile(x, [0.25, 0.75], axis=0)
    same = np.array(
        [_share_same(x[i], x[j], high - low) for i, j in zip(first, second, strict=True)]
    )
    a, b = np.sort(layer.rows[np.stack([first, second])], axis=0)
    table = pd.DataFrame({"a": a, "b": b, "same": same})
    return table[table["same"] >= _MOST]


def _nearest(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of a row and one of those most alike in direction, each once."""
    length = np.linalg.norm(z, axis=1, keepdims=True)
    z = z / np.where(length > 0, length, 1.0)
    k = min(_N_NEAREST, len(z) - 1)
    pairs = []
    for start in range(0, len(z), _BLOCK):
        similarity = z[start : start + _BLOCK] @ z.T
        own = np.arange(len(similarity))
        similarity[own, own + start] = -np.inf
        near = np.argpartition(-similarity, k - 1, axis=1)[:, :k]
        pairs.append(np.stack([np.repeat(own + start, k), near.ravel()]))
    first, second = np.unique(np.sort(np.concatenate(pairs, axis=1), axis=0), axis=1)
    return first, second


def _share_same(a: np.ndarray, b: np.ndarray, scale: np.ndarray) -> float:
    both = ~(np.isnan(a) | np.isnan(b))
    if both.sum() < _MIN_FEATURES:
        return 0.0
    return float((np.abs(a - b)[both] <= _CLOSE * scale[both]).mean())
