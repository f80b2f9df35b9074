"""Samples of any MuData in the features of a fitted model, at once or in pieces."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from pathweave._core.checks import check_mudata, check_values, listed
from pathweave._core.warnings import DataWarning, warn
from pathweave.io import layer_kinds
from pathweave.models._core_samples import MAX_CORE
from pathweave.models._likelihoods import COUNTS, check_support
from pathweave.models._rows import LayerRows, chunk_rows, on_disk

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mudata import MuData

    from pathweave.models._data import LayerSchema

Reader = Callable[[np.ndarray], np.ndarray]
"""From positions of samples to their values, float32, NaN where unmeasured."""


@dataclass(frozen=True)
class RawReader:
    """Reads samples of a MuData in the features of a fitted model, in the units of the data."""

    n: int
    layers: dict[str, Reader]
    streams: bool

    def read(self, index: np.ndarray) -> dict[str, np.ndarray]:
        """Values of some samples by layer."""
        return {name: reader(index) for name, reader in self.layers.items()}

    def chunks(self, n_features: int) -> Iterator[dict[str, np.ndarray]]:
        """All samples: at once where they are few and in memory, else some hundreds at a time."""
        step = chunk_rows(n_features, at_most=4096) if self.streams else self.n
        for start in range(0, self.n, max(step, 1)):
            yield self.read(np.arange(start, min(start + step, self.n)))


def read_raw(mdata: MuData, schema: Sequence[LayerSchema]) -> dict[str, np.ndarray]:
    """Read all samples of a MuData at once; see `open_raw`."""
    return open_raw(mdata, schema).read(np.arange(mdata.n_obs))


def open_raw(
    mdata: MuData,
    schema: Sequence[LayerSchema],
    translate: Callable[[LayerSchema], Reader | None] | None = None,
) -> RawReader:
    """Find the layers of a fitted model in a MuData.

    `translate` may have a reader for a layer none of whose features has a name seen in fit.

    Layers and features that are not there are NaN, which the model treats as unmeasured; none of the
    layers at all, or a layer without a single known feature, is an error.
    """
    check_mudata(mdata)
    readers: dict[str, Reader] = {}
    for layer in schema:
        if layer.name not in mdata.mod:
            readers[layer.name] = partial(_nothing, len(layer.features))
            continue
        mod = mdata.mod[layer.name]
        found = mod.var_names.isin(layer.features).sum()
        made = translate(layer) if translate is not None and not found else None
        if made is not None:
            readers[layer.name] = made
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
        rows = LayerRows(layer.name, mod, mdata.obs_names, layer.features)
        readers[layer.name] = partial(_checked, layer, rows)
    there = [layer.name for layer in schema if layer.name in mdata.mod]
    if not there:
        msg = (
            f"mdata has none of the layers seen in fit ({listed(layer.name for layer in schema)}); "
            f"it has {listed(mdata.mod, 30)}.{_of_same_kind(mdata, schema)}"
        )
        raise ValueError(msg)
    return RawReader(mdata.n_obs, readers, is_large(mdata, there, mdata.n_obs))


def is_large(mdata: MuData, layers: Sequence[str], n: int) -> bool:
    """Whether samples are to be read in pieces: because some layer is on disk, or because they are many."""
    return n > MAX_CORE or any(on_disk(mdata.mod[layer]) for layer in layers)


def _nothing(n_features: int, index: np.ndarray) -> np.ndarray:
    return np.full((len(index), n_features), np.nan, np.float32)


def _checked(layer: LayerSchema, rows: LayerRows, index: np.ndarray) -> np.ndarray:
    x = rows.read(index).take(np.arange(len(index)))
    if np.isinf(x).any():
        check_values(np.where(np.isnan(x), 0.0, x), layer.name, np.array(layer.features))
    if layer.likelihood in COUNTS:
        check_support(layer.name, layer.likelihood, x)
    return x


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
