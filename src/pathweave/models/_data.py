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
    check_support,
    choose_likelihood,
    feature_shares,
    library_sizes,
    log_counts,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

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


def read_raw(
    mdata: MuData,
    schema: Sequence[LayerSchema],
    translate: Callable[[LayerSchema], np.ndarray | None] | None = None,
) -> dict[str, np.ndarray]:
    """Read all samples of a MuData in the features of a fitted model, in the units of the data.

    `translate` may have values for a layer none of whose features has a name seen in fit.

    Layers and features that are not there are NaN, which the model treats as unmeasured; none of the
    layers at all, or a layer without a single known feature, is an error.
    """
    check_mudata(mdata)
    values = {}
    for layer in schema:
        if layer.name not in mdata.mod:
            values[layer.name] = np.full((mdata.n_obs, len(layer.features)), np.nan, np.float32)
            continue
        mod = mdata.mod[layer.name]
        found = mod.var_names.isin(layer.features).sum()
        made = translate(layer) if translate is not None and not found else None
        if made is not None:
            values[layer.name] = made
            continue
        if not found:
            msg = (
                f"layer {layer.name!r} has none of the {len(layer.features)} features seen in fit "
                f"(fit: {listed(layer.features, 3)}; found: {listed(mod.var_names, 3)}). "
                "Use the same identifiers as in fit, or any that a graph given to fit knows."
            )
            raise ValueError(msg)
        if found < len(layer.features):
            warn(
                f"layer {layer.name!r}: {len(layer.features) - found} of {len(layer.features)} features "
                "seen in fit are not there; they count as unmeasured.",
                DataWarning,
            )
        x = _align(mod, mdata.obs_names, layer.features)
        if np.isinf(x).any():
            check_values(np.where(np.isnan(x), 0.0, x), layer.name, np.array(layer.features))
        if layer.likelihood in COUNTS:
            check_support(layer.name, layer.likelihood, x)
        values[layer.name] = x
    if not any(layer.name in mdata.mod for layer in schema):
        msg = (
            f"mdata has none of the layers seen in fit ({listed(layer.name for layer in schema)}); "
            f"it has {listed(mdata.mod, 30)}.{_of_same_kind(mdata, schema)}"
        )
        raise ValueError(msg)
    return values


def _of_same_kind(mdata: MuData, schema: Sequence[LayerSchema]) -> str:
    """Tell which layers measure what a layer of `fit` did, under another name."""
    kinds = layer_kinds(mdata)
    pairs = {
        theirs: layer.name
        for layer in schema
        for theirs, kind in kinds.items()
        if kind == layer.kind != "other"
    }
    if not pairs:
        return ""
    told = ", ".join(f"{name!r} is {kinds[name]} as {ours!r} was" for name, ours in pairs.items())
    return f" By kind, {told}: call model.translate(mdata, rename={pairs!r}) first."


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
