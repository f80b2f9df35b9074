"""The one bridge from a MuData to arrays: features in the order of `fit`, NaN where unmeasured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pathweave._core.checks import (
    check_mudata,
    check_some_overlap,
    check_values,
    listed,
    select_layers,
)
from pathweave._core.warnings import DataWarning, warn
from pathweave.io import layer_kinds

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd
    from mudata import MuData


@dataclass(frozen=True)
class LayerSchema:
    """What a layer looked like in `fit`."""

    name: str
    kind: str
    features: tuple[str, ...]
    likelihood: str

    def to_json(self) -> dict[str, Any]:
        """Describe the layer in plain types."""
        return {
            "name": self.name,
            "kind": self.kind,
            "features": list(self.features),
            "likelihood": self.likelihood,
        }

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> LayerSchema:
        """Rebuild a schema from `to_json`."""
        return cls(
            str(record["name"]),
            str(record["kind"]),
            tuple(record["features"]),
            str(record["likelihood"]),
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
    mdata: MuData, layers: Sequence[str] | str | None, samples: np.ndarray
) -> tuple[tuple[LayerSchema, ...], dict[str, np.ndarray]]:
    """Check a MuData for training and read the layers of the training samples.

    Parameters
    ----------
    mdata
        Container.
    layers
        Modalities to use; all by default.
    samples
        Boolean mask over ``mdata.obs_names``.

    Returns
    -------
    The schema, and for each layer float32 (n_training, n_features) with NaN where unmeasured.
    """
    check_mudata(mdata)
    chosen = select_layers(mdata, layers)
    kinds = layer_kinds(mdata)
    for layer in chosen:
        check_values(dense(mdata.mod[layer]), layer, mdata.mod[layer].var_names)
    check_some_overlap(mdata, chosen)
    names = mdata.obs_names[samples]
    schema, values = [], {}
    for layer in chosen:
        mod = mdata.mod[layer]
        x = _align(mod, names, mod.var_names)
        if np.isnan(x).all():
            warn(
                f"layer {layer!r}: no training sample has it, so the model is fitted without it.",
                DataWarning,
            )
            continue
        kind = kinds[layer]
        seen = x[~np.isnan(x)]
        binary = kind == "mutation" and bool(np.isin(seen, (0.0, 1.0)).all())
        likelihood = "bernoulli" if binary else "gaussian"
        schema.append(LayerSchema(layer, kind, tuple(map(str, mod.var_names)), likelihood))
        values[layer] = x
    bare = ~np.any([~np.isnan(x).all(axis=1) for x in values.values()], axis=0)
    if bare.all():
        msg = f"none of the {len(names)} training samples has a value in layers {listed(chosen)}."
        raise ValueError(msg)
    return tuple(schema), values


def read_values(
    mdata: MuData,
    schema: Sequence[LayerSchema],
    translate: Callable[[LayerSchema], np.ndarray | None] | None = None,
) -> dict[str, np.ndarray]:
    """Read all samples of a MuData in the features of a fitted model.

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


def check_samples(mdata: MuData, samples: Any) -> np.ndarray:
    """Turn the `samples` argument (None, mask or names) into a boolean mask."""
    n = mdata.n_obs
    if samples is None:
        return np.ones(n, dtype=bool)
    given = np.asarray(samples)
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
