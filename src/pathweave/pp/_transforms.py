"""Transformations of one layer that look at one sample at a time; NaN stays NaN."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from scipy import sparse

if TYPE_CHECKING:
    from collections.abc import Callable

METHODS: Final = ("log1p", "log1p_cpm", "m_values", "log2_median", "none")
BETA_CLIP: Final = 0.01
"""Beta values are clipped to 0.01 ... 0.99, so that M values stay within -6.6 ... 6.6."""


def stored(values: Any) -> np.ndarray:
    """Explicit values of a dense or sparse matrix."""
    return np.asarray(values.data if sparse.issparse(values) else values)


def log1p(values: Any, layer: str) -> Any:
    """Return ln(1 + x)."""
    _check_not_negative(values, layer, "log1p")
    return _apply(values, np.log1p)


def log1p_cpm(values: Any, layer: str) -> Any:
    """Return ln(1 + counts per million of the sample); a sample without counts stays zero."""
    _check_not_negative(values, layer, "log1p_cpm")
    if sparse.issparse(values):
        total = np.asarray(values.sum(axis=1)).ravel()
        scale = sparse.diags(1e6 / np.where(total > 0, total, 1.0))
        return _apply(sparse.csr_matrix(scale @ values), np.log1p)
    dense = np.asarray(values, dtype=np.float64)
    sums = np.nansum(dense, axis=1, keepdims=True)
    return np.log1p(dense * (1e6 / np.where(sums > 0, sums, 1.0))).astype(np.float32)


def m_values(values: Any, layer: str) -> Any:
    """Return log2(beta / (1 - beta)) of clipped beta values."""
    dense = _dense(values)
    outside = (dense < 0) | (dense > 1)
    if outside.any():
        msg = (
            f"layer {layer!r}: m_values needs beta values from 0 to 1, found {dense[outside].min():g} "
            f"to {dense[outside].max():g} in {int(outside.sum())} place(s). Divide percent by 100, or "
            f"leave M values as they are: methods={{{layer!r}: 'none'}}."
        )
        raise ValueError(msg)
    beta = np.clip(dense, BETA_CLIP, 1 - BETA_CLIP)
    return np.log2(beta / (1 - beta)).astype(np.float32)


def log2_median(values: Any, layer: str) -> Any:
    """Return log2 minus the sample's median; zeros count as half the sample's smallest value."""
    _check_not_negative(values, layer, "log2_median")
    dense = _dense(values).astype(np.float64)
    positive = np.where(dense > 0, dense, np.nan)
    empty = np.isnan(positive).all(axis=1)
    if empty.any():
        msg = (
            f"layer {layer!r}: {int(empty.sum())} sample(s) have no value above zero (first in row "
            f"{int(np.flatnonzero(empty)[0])}); leave these samples out of the layer."
        )
        raise ValueError(msg)
    smallest = np.nanmin(positive, axis=1, keepdims=True)
    logged = np.log2(np.where(dense == 0, smallest / 2, dense))
    centre = np.log2(np.nanmedian(positive, axis=1, keepdims=True))
    return (logged - centre).astype(np.float32)


TRANSFORMS: Final[dict[str, Callable[[Any, str], Any]]] = {
    "log1p": log1p,
    "log1p_cpm": log1p_cpm,
    "m_values": m_values,
    "log2_median": log2_median,
}


def choose(kind: str, values: Any) -> tuple[str, str]:
    """Choose the method for a layer of this kind, and say why in words."""
    numbers = stored(values)
    numbers = numbers[~np.isnan(numbers)]
    if kind in {"cnv", "mutation", "other"} or not numbers.size:
        return "none", f"layers of kind {kind} stay as they are"
    low, high = float(numbers.min()), float(numbers.max())
    if low < 0:
        return "none", "negative values: logged, scaled or centred already"
    if kind == "methylation":
        return _choose_methylation(values, high)
    return _choose_by_size(kind, high, whole=bool((numbers == np.rint(numbers)).all()))


def _choose_by_size(kind: str, high: float, *, whole: bool) -> tuple[str, str]:
    """Counts and large values need a logarithm; which one depends on the kind."""
    sequenced = kind in {"transcriptome", "mirna"}
    if sequenced and whole and high >= 10:
        return "log1p_cpm", "whole numbers: raw counts"
    if high <= 50:
        return "none", f"largest value {high:.3g}: logged or scaled already"
    if sequenced:
        return "log1p", f"values up to {high:.3g} that are no counts: not logged yet"
    return "log2_median", f"values up to {high:.3g}: intensities, not logged yet"


def _choose_methylation(values: Any, high: float) -> tuple[str, str]:
    """Beta values become M values; columns stretched to exactly 0 ... 1 are scaled, no beta."""
    if high > 1:
        return "none", f"values up to {high:.3g}: no beta values"
    dense = _dense(values)
    known = dense[:, ~np.isnan(dense).all(axis=0)]
    stretched = (np.nanmin(known, axis=0) == 0) & (np.nanmax(known, axis=0) == 1)
    if len(dense) >= 20 and stretched.mean() > 0.9:
        return "none", "every feature stretched from 0 to 1: scaled already"
    return "m_values", "beta values"


def _dense(values: Any) -> np.ndarray:
    """Turn a sparse matrix dense."""
    return np.asarray(values.toarray() if sparse.issparse(values) else values)


def _apply(values: Any, function: Callable[[np.ndarray], np.ndarray]) -> Any:
    """Apply a function that keeps zero to the stored values, as float32."""
    if not sparse.issparse(values):
        return function(np.asarray(values, dtype=np.float64)).astype(np.float32)
    result = values.astype(np.float32, copy=True)
    result.data = function(result.data)
    return result


def _check_not_negative(values: Any, layer: str, method: str) -> None:
    """Raise on values that have no logarithm."""
    numbers = stored(values)
    if (numbers < 0).any():
        msg = (
            f"layer {layer!r}: {method} needs values of zero or more, found {np.nanmin(numbers):g} and "
            f"{int((numbers < 0).sum())} negative value(s). Data that are logged or centred already "
            f"need methods={{{layer!r}: 'none'}}."
        )
        raise ValueError(msg)
