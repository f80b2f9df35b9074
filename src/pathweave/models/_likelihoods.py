"""Which likelihood a layer has, and the transform that its inputs need before anything reads them.

Counts are read as ``log1p(counts / size * library)``: `size` is the sample's library size, `library` the
median of the training samples. Linear parts, networks and attributions all see these values; the
decoder alone speaks of counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pathweave._core.checks import check_choice, listed

LIKELIHOODS = (
    "gaussian", "bernoulli", "beta", "negative_binomial", "zero_inflated_negative_binomial",
)  # fmt: skip
COUNTS = ("negative_binomial", "zero_inflated_negative_binomial")
_SEQUENCED = ("transcriptome", "mirna")
_LARGE_COUNT = 10


def choose_likelihood(layer: str, kind: str, values: np.ndarray, asked: Any) -> str:
    """Take the likelihood asked for, or the one that fits the kind and the values.

    Parameters
    ----------
    layer, kind
        Name and kind of the layer.
    values
        Training samples (n, n_features), NaN where unmeasured.
    asked
        ``"auto"``, or a dict from layer to likelihood.

    Returns
    -------
    One of `LIKELIHOODS`. By itself: Bernoulli for 0/1 mutations; negative binomial for transcriptomes and
    miRNA of non-negative whole numbers up to 10 or more; Gaussian for everything else. A beta has to be asked
    for: on the methylation (RRBS) of 559 CCLE cell lines it predicted as the Gaussian did, and imputed
    hidden values a little worse (root mean squared error .157 and .154).
    """
    chosen = asked_for(layer, asked)
    if chosen != "auto":
        check_support(layer, chosen, values)
        return chosen
    return fitting_likelihood(kind, Range.of(values))


def asked_for(layer: str, asked: Any) -> str:
    """What was asked for a layer; ``"auto"`` where nothing was."""
    return str(asked.get(layer, "auto")) if isinstance(asked, Mapping) else "auto"


@dataclass(frozen=True)
class Range:
    """What the measured values of a layer, or of a piece of it, are like."""

    low: float = np.inf
    high: float = -np.inf
    whole: bool = True
    binary: bool = True

    @classmethod
    def of(cls, values: np.ndarray) -> Range:
        """Look at values, NaN where unmeasured."""
        seen = values[~np.isnan(values)]
        if not seen.size:
            return cls()
        low, high = float(seen.min()), float(seen.max())
        whole = _whole(seen)
        return cls(low, high, whole, whole and low >= 0 and high <= 1)

    def __or__(self, other: Range) -> Range:
        """What two pieces are like together."""
        return Range(
            min(self.low, other.low),
            max(self.high, other.high),
            self.whole and other.whole,
            self.binary and other.binary,
        )


def fitting_likelihood(kind: str, found: Range) -> str:
    """Likelihood that fits a layer's kind and its values."""
    if kind == "mutation" and found.binary:
        return "bernoulli"
    if kind in _SEQUENCED and found.low >= 0 and found.high >= _LARGE_COUNT and found.whole:
        return "negative_binomial"
    return "gaussian"


def check_asked(asked: Any, layers: list[str]) -> None:
    """Raise unless `asked` is ``"auto"`` or names layers and likelihoods that there are."""
    if isinstance(asked, str) and asked == "auto":
        return
    if not isinstance(asked, Mapping):
        msg = f"likelihood={asked!r} must be 'auto' or a dict such as {{{layers[0]!r}: 'negative_binomial'}}."
        raise ValueError(msg)
    for layer, likelihood in asked.items():
        if layer not in layers:
            msg = f"likelihood names {layer!r}, which is no layer of this fit (layers: {listed(layers)})."
            raise KeyError(msg)
        check_choice(f"likelihood[{layer!r}]", likelihood, ("auto", *LIKELIHOODS))


def check_support(layer: str, likelihood: str, values: np.ndarray, *, where: str = "") -> None:
    """Raise if a layer holds values that its likelihood cannot produce; `where` says in which samples."""
    seen = values[~np.isnan(values)]
    if not seen.size:
        return
    low, high = float(seen.min()), float(seen.max())
    problem, advice = None, "or choose likelihood 'gaussian' for this layer"
    if likelihood in COUNTS:
        if low < 0:
            problem = f"its smallest value is {low:.4g}"
        elif not _whole(seen):
            found = seen[seen != np.rint(seen)][0]
            problem = f"it holds {found:.4g}, which is not whole"
        advice = f"Give raw counts (pp.normalize keeps them in mod.layers['raw']), {advice}"
    elif likelihood == "beta" and (low < 0 or high > 1):
        problem = f"its values span {low:.4g} to {high:.4g}"
        advice = f"Give shares between 0 and 1, {advice}"
    elif likelihood == "bernoulli" and not np.isin(seen, (0.0, 1.0)).all():
        found = seen[~np.isin(seen, (0.0, 1.0))][0]
        problem = f"it holds {found:.4g}"
        advice = f"Give 0 and 1, {advice}"
    if problem is not None:
        msg = f"layer {layer!r}: likelihood {likelihood!r} does not allow its values: {problem}{where}. {advice}."
        raise ValueError(msg)


def _whole(seen: np.ndarray) -> bool:
    return bool((seen == np.rint(seen)).all())


def feature_shares(counts: np.ndarray) -> np.ndarray:
    """Mean share of every feature in the counts of a sample; sums to one."""
    total = np.nansum(counts, axis=1, keepdims=True, dtype=np.float64)
    measured = ~np.isnan(counts)
    share = np.divide(np.nan_to_num(counts), total, out=np.zeros(counts.shape), where=total > 0)
    mean = share.sum(axis=0) / np.maximum(measured.sum(axis=0), 1)
    whole = float(mean.sum())
    return np.asarray(mean / whole if whole > 0 else np.full(counts.shape[1], 1 / counts.shape[1]))


def library_sizes(counts: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Library size of every sample, as if all features had been measured; 1 where nothing was counted.

    Where features are missing, the counts that there are stand for the share that their features have
    in the training samples.
    """
    total = np.nansum(counts, axis=1, dtype=np.float64)
    seen = (~np.isnan(counts)) @ shares
    sizes = np.divide(total, seen, out=np.ones(counts.shape[0]), where=(seen > 1e-6) & (total > 0))
    return np.asarray(np.maximum(sizes, 1.0))


def log_counts(counts: np.ndarray, sizes: np.ndarray, library: float) -> np.ndarray:
    """Transform counts: ``log1p(counts / size * library)``, float32, NaN where unmeasured."""
    return np.asarray(np.log1p(counts * (library / sizes)[:, None]), dtype=np.float32)
