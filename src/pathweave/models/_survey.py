"""The first pass over layers that are read in pieces: checks, likelihoods, library sizes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp

from pathweave._core.checks import check_mudata, check_some_overlap, listed, select_layers
from pathweave._core.warnings import DataWarning, warn
from pathweave.io import layer_kinds
from pathweave.models._data import LayerSchema
from pathweave.models._likelihoods import (
    COUNTS,
    Range,
    asked_for,
    check_asked,
    check_support,
    fitting_likelihood,
    library_sizes,
)
from pathweave.models._raw import is_large
from pathweave.models._rows import LayerRows, chunks
from pathweave.models._store import SampleStore

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from mudata import MuData

    from pathweave.models._rows import Part


def open_training(
    mdata: MuData, layers: Sequence[str] | str | None, samples: np.ndarray, likelihood: Any
) -> SampleStore | None:
    """Open the layers of the training samples, where they are on disk or many; ``None`` where `read_training` reads them.

    Parameters are those of `read_training`.
    """
    check_mudata(mdata)
    chosen = select_layers(mdata, layers)
    if not is_large(mdata, chosen, int(samples.sum())):
        return None
    check_asked(likelihood, chosen)
    check_some_overlap(mdata, chosen)
    return survey(mdata, chosen, layer_kinds(mdata), samples, likelihood)


def survey(
    mdata: MuData,
    layers: Sequence[str],
    kinds: Mapping[str, str],
    samples: np.ndarray,
    likelihood: Any,
) -> SampleStore:
    """Look at all values of the layers once, in pieces, and learn what a layer is from the training samples.

    Parameters
    ----------
    mdata
        Container.
    layers, kinds
        Layers to read, and the kind of each.
    samples
        Boolean mask of the training samples.
    likelihood
        ``"auto"``, or a dict from layer to likelihood.

    Returns
    -------
    The training samples, to be read by position; the schema and library sizes are those that
    `read_training` learns from the same samples.
    """
    names = mdata.obs_names if samples.all() else mdata.obs_names[samples]
    schema, rows, sizes = [], {}, {}
    bare = np.ones(len(names), dtype=bool)
    for layer in layers:
        mod = mdata.mod[layer]
        training = LayerRows(layer, mod, names)
        inside = np.zeros(mod.n_obs, dtype=bool)
        inside[training.rows[training.has]] = True
        seen = _look(layer, mod, inside, asked_for(layer, likelihood))
        if not seen.measured[inside].any():
            warn(
                f"layer {layer!r}: no training sample has it, so the model is fitted without it.",
                DataWarning,
            )
            continue
        found, size = _describe(layer, kinds[layer], seen, training, likelihood, mod.var_names)
        schema.append(found)
        rows[layer] = training
        if size is not None:
            sizes[layer] = size
        bare[training.has] &= ~seen.measured[training.rows[training.has]]
    if bare.all():
        msg = f"none of the {len(names)} training samples has a value in layers {listed(layers)}."
        raise ValueError(msg)
    return SampleStore(tuple(schema), rows, sizes)


@dataclass
class _Seen:
    """What a pass over a layer found; all but `measured` of the training samples alone."""

    range: Range
    share: np.ndarray
    n_measured: np.ndarray
    measured: np.ndarray  # which rows of the modality hold a value


def _look(layer: str, mod: Any, inside: np.ndarray, asked: str) -> _Seen:
    reader = LayerRows(layer, mod, mod.obs_names)
    n, p = len(reader), reader.n_features
    seen = _Seen(Range(), np.zeros(p), np.zeros(p), np.zeros(n, dtype=bool))
    anyone = np.zeros(p, dtype=bool)
    for index in chunks(n, p):
        part = reader.read(index)
        where = f" (in samples {mod.obs_names[index[0]]!r} to {mod.obs_names[index[-1]]!r})"
        _check_finite(layer, part, mod.var_names, where)
        there = _measured(part)
        anyone |= True if there is None else there.any(axis=0)
        seen.measured[index] = True if there is None else there.any(axis=1)
        keep = np.flatnonzero(inside[index])
        if not len(keep):
            continue
        x = part.values[keep]
        held = x.data if isinstance(x, sp.csr_matrix) else x
        if asked != "auto":
            check_support(layer, asked, np.asarray(held), where=where)
        seen.range |= Range.of(np.asarray(held))
        if isinstance(x, sp.csr_matrix) and x.nnz < x.shape[0] * p:
            seen.range |= Range.of(np.zeros(1))
        seen.n_measured += len(keep) if there is None else there[keep].sum(axis=0)
        seen.share += _shares(x)
    _check_some_value(layer, anyone, mod.var_names)
    return seen


def _measured(part: Part) -> np.ndarray | None:
    """Which values there are, bool (n, n_features), ``None`` for all; zeros of a sparse layer are values."""
    x = part.values
    if not isinstance(x, sp.csr_matrix):
        return ~np.isnan(x)
    gaps = np.flatnonzero(np.isnan(x.data))
    if not len(gaps):
        return None
    there = np.ones(x.shape, dtype=bool)
    there[np.searchsorted(x.indptr, gaps, side="right") - 1, x.indices[gaps]] = False
    return there


def _shares(x: sp.csr_matrix | np.ndarray) -> np.ndarray:
    """Sum over samples of every feature's share in the sample, (n_features,)."""
    if isinstance(x, sp.csr_matrix):
        data = np.nan_to_num(x.data.astype(np.float64))
        row = np.repeat(np.arange(x.shape[0]), np.diff(x.indptr))
        total = np.bincount(row, data, minlength=x.shape[0])
        share = np.divide(data, total[row], out=np.zeros_like(data), where=total[row] > 0)
        return np.bincount(x.indices, share, minlength=x.shape[1])
    filled = np.nan_to_num(x).astype(np.float64)
    total = filled.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(filled, total, out=np.zeros_like(filled), where=total > 0).sum(0))


def _describe(
    layer: str,
    kind: str,
    seen: _Seen,
    training: LayerRows,
    asked: Any,
    features: pd.Index,
) -> tuple[LayerSchema, np.ndarray | None]:
    """The schema of a layer, and library sizes of the training samples where it holds counts."""
    chosen = asked_for(layer, asked)
    likelihood = fitting_likelihood(kind, seen.range) if chosen == "auto" else chosen
    names = tuple(map(str, features))
    if likelihood not in COUNTS:
        return LayerSchema(layer, kind, names, likelihood), None
    mean = seen.share / np.maximum(seen.n_measured, 1)
    whole = float(mean.sum())
    shares = mean / whole if whole > 0 else np.full(len(names), 1 / len(names))
    sizes = np.full(len(training), np.nan)
    for index in chunks(len(training), training.n_features):
        part = training.read(index)
        there = np.flatnonzero(part.row >= 0)
        sizes[index[there]] = _sizes(part.values, shares)[part.row[there]]
    library = float(np.median(sizes[~np.isnan(sizes)]))
    return LayerSchema(layer, kind, names, likelihood, library, tuple(shares)), np.where(
        np.isnan(sizes), library, sizes
    )


def _sizes(x: sp.csr_matrix | np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Library sizes, NaN where nothing was measured."""
    if isinstance(x, sp.csr_matrix) and not np.isnan(x.data).any():
        total = np.asarray(x.sum(axis=1, dtype=np.float64)).ravel()
        return np.maximum(np.where(total > 0, total / shares.sum(), 1.0), 1.0)
    raw = x.toarray() if isinstance(x, sp.csr_matrix) else x
    return np.where(np.isnan(raw).all(axis=1), np.nan, library_sizes(raw, shares))


def _check_finite(layer: str, part: Part, names: pd.Index, where: str) -> None:
    x = part.values
    if isinstance(x, sp.csr_matrix):
        bad = np.unique(x.indices[np.isinf(x.data)])
    else:
        bad = np.flatnonzero(np.isinf(x).any(axis=0))
    if len(bad):
        msg = (
            f"layer {layer!r} holds infinite values in {listed(names[bad])}{where} "
            "(log of zero?). Replace them by NaN or a number."
        )
        raise ValueError(msg)


def _check_some_value(layer: str, anyone: np.ndarray, names: pd.Index) -> None:
    empty = np.flatnonzero(~anyone)
    if len(empty):
        msg = (
            f"layer {layer!r}: {len(empty)} feature(s) have no value in any sample: "
            f"{listed(names[empty])}. Drop them: mdata.mod[{layer!r}] = mod[:, keep]."
        )
        raise ValueError(msg)
