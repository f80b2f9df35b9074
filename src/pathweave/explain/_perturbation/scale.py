"""What the values of a layer mean: where nothing is left of a gene, and what a factor multiplies."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pathweave._core import keys
from pathweave.models._likelihoods import COUNTS

if TYPE_CHECKING:
    from mudata import MuData

    from pathweave.models import Estimator
    from pathweave.models._data import LayerSchema

_LOGGED = ("log1p", "log1p_cpm")
_SHARES = ("methylation", "mutation")


@dataclass(frozen=True)
class LayerScale:
    """The scale of one layer, learned from the training samples.

    Attributes
    ----------
    schema
        The layer.
    low, high, mean, spread
        Of every feature in the training samples (n_features,), in the units that the model reads.
    begins_at_zero
        Whether 0 is the lowest value of the whole layer: counts, their logs, shares.
    logged
        Whether values are ``log(1 + amount)``, by the record of `pp.normalize` or because they are counts.
    shares
        Whether values lie between 0 and 1 by what they are.
    sizes
        Library size over the median of the training samples, by sample (n,); 1 where there are no counts.
    """

    schema: LayerSchema
    low: np.ndarray
    high: np.ndarray
    mean: np.ndarray
    spread: np.ndarray
    begins_at_zero: bool
    logged: bool
    shares: bool
    sizes: np.ndarray

    @property
    def kind(self) -> str:
        """What the layer measures."""
        return self.schema.kind

    @property
    def counts(self) -> bool:
        """Whether values in the units of the data are counts."""
        return self.schema.likelihood in COUNTS

    def level(self, word: str) -> np.ndarray:
        """Values (n_features,) that a knockout or another word stands for."""
        if word == "knockout":
            if self.kind == "mutation":
                return np.ones_like(self.high)
            if self.kind == "methylation":
                return self.high
            if self.kind != "cnv" and self.begins_at_zero:
                return np.zeros_like(self.low)
            return self.low
        return {"lowest": self.low, "highest": self.high, "mean": self.mean}[word]

    def amounts(self, x: np.ndarray) -> np.ndarray:
        """Turn values into what a factor multiplies."""
        return np.expm1(x) if self.logged else x

    def from_amounts(self, amounts: np.ndarray) -> np.ndarray:
        """Undo `amounts`."""
        return np.log1p(amounts) if self.logged else amounts

    def to_units(self, x: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Turn what the model reads into the units of the data: counts into counts, the rest as it is."""
        return np.expm1(x) * self.sizes[rows, None] if self.counts else x

    def from_units(self, values: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Undo `to_units`; the library size of a sample stays what it was."""
        if not self.counts:
            return values
        return np.log1p(np.maximum(values, 0.0) / self.sizes[rows, None])

    def inside(self, x: np.ndarray) -> np.ndarray:
        """Keep shares between 0 and 1."""
        return x.clip(0.0, 1.0) if self.shares else x


def layer_scales(
    mdata: MuData, model: Estimator, raw: dict[str, np.ndarray]
) -> dict[str, LayerScale]:
    """Learn the scale of every layer; samples of earlier times are not changed and have none."""
    found = {}
    for name, schema in model.layers_.items():
        if schema.lag:
            continue
        x = model.imputer_.values[name].astype(np.float64)
        seen = ~np.isnan(x)
        known = seen.any(axis=0)
        low = np.where(known, np.where(seen, x, np.inf).min(axis=0, initial=np.inf), np.nan)
        high = np.where(known, np.where(seen, x, -np.inf).max(axis=0, initial=-np.inf), np.nan)
        units = model.imputer_.units[name]
        counts = schema.likelihood in COUNTS
        smallest, largest = np.nanmin(low, initial=np.inf), np.nanmax(high, initial=-np.inf)
        within = schema.kind in _SHARES and smallest >= 0 and largest <= 1
        sizes = schema.sizes(raw[name]) / schema.library if counts else np.ones(len(raw[name]))
        found[name] = LayerScale(
            schema=schema,
            low=low,
            high=high,
            mean=np.asarray(model.baseline_[name], dtype=np.float64),
            spread=units.scale,
            begins_at_zero=counts or bool(smallest == 0),
            logged=counts or _recorded(mdata, name) in _LOGGED,
            shares=within or schema.likelihood in ("beta", "bernoulli"),
            sizes=sizes,
        )
    return found


def _recorded(mdata: MuData, layer: str) -> str:
    """What `pp.normalize` did to a layer, empty if it left no record."""
    if layer not in mdata.mod:
        return ""
    text = dict(mdata.mod[layer].uns.get(keys.UNS, {})).get(keys.NORMALIZED)
    return "" if text is None else str(json.loads(text)["method"])
