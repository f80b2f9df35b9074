"""The one bridge from a MuData to arrays: features in the order of `fit`, NaN where unmeasured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pathweave._core.checks import (
    check_mudata,
    check_obs_column,
    check_some_overlap,
    check_values,
    listed,
    select_layers,
)
from pathweave._core.warnings import DataWarning, warn
from pathweave.io import layer_kinds
from pathweave.models._likelihoods import (
    COUNTS,
    check_asked,
    choose_likelihood,
    feature_shares,
    library_sizes,
    log_counts,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from mudata import MuData


@dataclass(frozen=True)
class LayerSchema:
    """What a layer looked like in `fit`.

    Counts have a median library size and feature shares. Features of `segments` (their sizes) follow one
    another in an order that is convolved over. A layer may be another one (`earlier_of`) as it was `lag` samples of the same subject ago.
    """

    name: str
    kind: str
    features: tuple[str, ...]
    likelihood: str
    library: float = 1.0
    shares: tuple[float, ...] = ()
    segments: tuple[int, ...] = ()
    earlier_of: str = ""
    lag: int = 0

    def sizes(self, raw: np.ndarray) -> np.ndarray:
        """Library sizes of samples; the median of the training samples where nothing was measured."""
        sizes = library_sizes(raw, np.array(self.shares))
        return np.where(np.isnan(raw).all(axis=1), self.library, sizes)

    def inputs(self, raw: np.ndarray) -> np.ndarray:
        """Turn values in the units of the data into what every part of a model reads."""
        if self.likelihood not in COUNTS:
            return raw
        return log_counts(raw, self.sizes(raw), self.library)

    def units(self, made: np.ndarray, raw: np.ndarray) -> np.ndarray:
        """Scale counts made for the median library size to the library sizes of the samples."""
        if self.likelihood not in COUNTS:
            return made
        return made * (self.sizes(raw) / self.library)[:, None]

    def as_inputs(self, made: np.ndarray) -> np.ndarray:
        """Turn what was made for the median library size into the units of `inputs`."""
        return np.log1p(made) if self.likelihood in COUNTS else made

    def units_of_inputs(
        self, made: np.ndarray, sd: np.ndarray, raw: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Turn values and deviations in the units of `inputs` into those of the data."""
        if self.likelihood not in COUNTS:
            return made, sd
        counts = np.expm1(made).clip(min=0.0)
        lacks = np.isnan(raw).all(axis=1, keepdims=True)
        total = counts.sum(axis=1, keepdims=True)
        # Means of logs fall short of means: a whole sample is brought to its library size.
        counts = np.where(
            lacks & (total > 0), counts * self.library / np.maximum(total, 1e-12), counts
        )
        return self.units(counts, raw), self.units(sd * (1.0 + counts), raw)  # d exp(x) = exp(x) dx

    def to_json(self) -> dict[str, Any]:
        """Describe the layer in plain types."""
        return {
            "name": self.name,
            "kind": self.kind,
            "features": list(self.features),
            "likelihood": self.likelihood,
            "library": self.library,
            "shares": list(self.shares),
            "segments": list(self.segments),
            "earlier_of": self.earlier_of,
            "lag": self.lag,
        }

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> LayerSchema:
        """Rebuild a schema from `to_json`."""
        return cls(
            str(record["name"]),
            str(record["kind"]),
            tuple(record["features"]),
            str(record["likelihood"]),
            float(record.get("library", 1.0)),
            tuple(record.get("shares", ())),
            tuple(record.get("segments", ())),
            str(record.get("earlier_of", "")),
            int(record.get("lag", 0)),
        )


def dense(mod: Any) -> np.ndarray:
    """Values of a modality as a float32 array of its own."""
    values = mod.X
    if values is None:
        msg = "a layer has no X; put its values into mod.X."
        raise ValueError(msg)
    if hasattr(values, "to_memory"):
        values = values.to_memory()
    if hasattr(values, "toarray"):
        values = values.toarray()
    return np.array(values, dtype=np.float32)


def read_training(
    mdata: MuData,
    layers: Sequence[str] | str | None,
    samples: np.ndarray,
    likelihood: Any = "auto",
) -> tuple[tuple[LayerSchema, ...], dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Check a MuData for training and read the layers of the training samples.

    Parameters
    ----------
    mdata
        Container.
    layers
        Modalities to use; all by default.
    samples
        Boolean mask over ``mdata.obs_names``.
    likelihood
        ``"auto"``, or a dict from layer to likelihood.

    Returns
    -------
    The schema; for each layer float32 (n_training, n_features) with NaN where unmeasured, counts as
    ``log1p(counts / size * library)``; and for layers of counts the library sizes (n_training,).
    """
    check_mudata(mdata)
    chosen = select_layers(mdata, layers)
    check_asked(likelihood, chosen)
    kinds = layer_kinds(mdata)
    for layer in chosen:
        check_values(dense(mdata.mod[layer]), layer, mdata.mod[layer].var_names)
    check_some_overlap(mdata, chosen)
    names = mdata.obs_names[samples]
    schema: list[LayerSchema] = []
    values, sizes = {}, {}
    for layer in chosen:
        mod = mdata.mod[layer]
        x = _align(mod, names, mod.var_names)
        if np.isnan(x).all():
            warn(
                f"layer {layer!r}: no training sample has it, so the model is fitted without it.",
                DataWarning,
            )
            continue
        found = _describe(layer, kinds[layer], mod, x, likelihood)
        schema.append(found)
        values[layer] = found.inputs(x)
        if found.likelihood in COUNTS:
            sizes[layer] = found.sizes(x).astype(np.float32)
    bare = ~np.any([~np.isnan(x).all(axis=1) for x in values.values()], axis=0)
    if bare.all():
        msg = f"none of the {len(names)} training samples has a value in layers {listed(chosen)}."
        raise ValueError(msg)
    return tuple(schema), values, sizes


def _describe(layer: str, kind: str, mod: Any, x: np.ndarray, asked: Any) -> LayerSchema:
    """Learn a layer's schema from its training samples."""
    likelihood = choose_likelihood(layer, kind, x, asked)
    features = tuple(map(str, mod.var_names))
    if likelihood not in COUNTS:
        return LayerSchema(layer, kind, features, likelihood)
    shares = feature_shares(x)
    sizes = library_sizes(x, shares)[~np.isnan(x).all(axis=1)]
    return LayerSchema(layer, kind, features, likelihood, float(np.median(sizes)), tuple(shares))


def _align(mod: Any, obs_names: pd.Index, features: Sequence[str]) -> np.ndarray:
    """Rows for `obs_names` and columns for `features`, NaN where the modality has none."""
    rows = mod.obs_names.get_indexer(obs_names)
    cols = mod.var_names.get_indexer(list(features))
    x = np.full((len(rows), len(cols)), np.nan, dtype=np.float32)
    has_row, has_col = rows >= 0, cols >= 0
    x[np.ix_(has_row, has_col)] = dense(mod)[np.ix_(rows[has_row], cols[has_col])]
    return x


def read_groups(obs: pd.DataFrame, groups: str | None) -> np.ndarray | None:
    """Codes (n,) of a column of obs whose equal values belong together; every sample needs one."""
    if groups is None:
        return None
    check_obs_column(obs, "groups", groups)
    values = obs[groups]
    if values.isna().any():
        msg = (
            f"groups={groups!r}: {int(values.isna().sum())} training sample(s) have no value there; fill the column "
            "(a name of its own for a sample that belongs to no other)."
        )
        raise ValueError(msg)
    codes = np.unique(values.astype(str).to_numpy(), return_inverse=True)[1]
    if codes.max() < 1:
        msg = f"groups={groups!r} has a single value; folds need at least two groups."
        raise ValueError(msg)
    return np.asarray(codes)


def check_samples(mdata: MuData, samples: Any) -> np.ndarray:
    """Turn the `samples` argument (None, mask or names) into a boolean mask."""
    n = mdata.n_obs
    if samples is None:
        return np.ones(n, dtype=bool)
    given = np.asarray(samples)
    if given.ndim != 1:
        msg = f"samples={samples!r} must be a boolean mask, or a list of names."
        raise ValueError(msg)
    if given.dtype == bool:
        if given.shape != (n,):
            msg = f"samples is a mask of shape {given.shape}; mdata has {n} samples."
            raise ValueError(msg)
        mask = given
    else:
        unknown = set(map(str, given)) - set(mdata.obs_names)
        if unknown:
            msg = f"samples names {len(unknown)} sample(s) that are not in mdata: {listed(sorted(unknown))}."
            raise KeyError(msg)
        mask = mdata.obs_names.isin(given)
    if mask.sum() < 4:
        msg = (
            f"samples selects {int(mask.sum())} samples; a fit needs more (at least 4, better 40)."
        )
        raise ValueError(msg)
    return np.array(mask)
