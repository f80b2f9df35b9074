"""Rows of a layer, wherever they are: in memory or on disk, dense or sparse."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp

if TYPE_CHECKING:
    import hashlib
    from collections.abc import Iterator, Sequence

    import pandas as pd

CHUNK_VALUES = 4_000_000
"""Values that one pass over the data holds at a time (dense, of one layer)."""
_GAP, _SPAN = 8, 8192


def on_disk(mod: Any) -> bool:
    """Whether the values of a modality are anywhere but in memory."""
    if mod.isbacked:
        return not mod.is_view  # the rows of a view are read into memory as a whole
    return not isinstance(mod.X, (np.ndarray, sp.spmatrix, sp.sparray, type(None)))


def chunk_rows(n_features: int, *, at_most: int = 8192) -> int:
    """Number of rows that are read at a time, so that memory stays bounded."""
    return int(np.clip(CHUNK_VALUES // max(1, n_features), 64, at_most))


def chunks(n: int, n_features: int) -> Iterator[np.ndarray]:
    """Positions of n samples, as many at a time as are read together."""
    step = chunk_rows(n_features)
    for start in range(0, n, step):
        yield np.arange(start, min(start + step, n))


@dataclass(frozen=True)
class Part:
    """Some samples of a layer as they were read: a row for each that has the layer.

    Attributes
    ----------
    values
        CSR or array, float32 (n_that_have_it, n_features).
    row
        Position in `values` of each sample, -1 where it lacks the layer.
    """

    values: sp.csr_matrix | np.ndarray
    row: np.ndarray

    def take(self, positions: np.ndarray) -> np.ndarray:
        """Some of the samples as a float32 array of its own, NaN where they lack the layer."""
        row = self.row[positions]
        there = row >= 0
        if there.all():
            return dense_rows(self.values, row)
        out = np.full((len(row), self.values.shape[1]), np.nan, dtype=np.float32)
        out[there] = dense_rows(self.values, row[there])
        return out

    def update(self, digest: hashlib._Hash) -> None:
        """Add all that is here to a digest."""
        x = self.values
        held = [x.indptr, x.indices, x.data] if isinstance(x, sp.csr_matrix) else [x]
        for array in (self.row, *held):
            digest.update(f"{array.dtype} {array.shape}".encode())
            digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)


def dense_rows(values: sp.csr_matrix | np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Rows as a float32 array of its own."""
    found = values[rows]
    return np.asarray(
        found.toarray() if isinstance(found, sp.csr_matrix) else found, dtype=np.float32
    )


class LayerRows:
    """Reads rows of a modality by position; nothing is held but where the rows are.

    Parameters
    ----------
    name
        Name of the layer, for messages.
    mod
        Modality; its ``X`` is an array, a sparse matrix, or anything on disk that is sliced like one: what a backed
        AnnData or `anndata.io.sparse_dataset` has, an array of h5py or zarr, or of dask.
    obs_names
        Samples, in the order in which they are asked for.
    features
        Features, in their order; all of the modality by default.
    """

    def __init__(
        self,
        name: str,
        mod: Any,
        obs_names: pd.Index,
        features: Sequence[str] | None = None,
    ) -> None:
        self.name, self._x = name, _sliceable(name, mod.X)
        self._folder = _folder(self._x)
        same = len(obs_names) == mod.n_obs and mod.obs_names.equals(obs_names)
        rows = np.arange(mod.n_obs) if same else mod.obs_names.get_indexer(obs_names)
        self.rows = rows.astype(np.int32)
        self._columns = None
        if features is not None and list(features) != list(mod.var_names):
            self._columns = mod.var_names.get_indexer(list(features))
        self.n_features = mod.n_vars if features is None else len(features)

    @property
    def on_disk(self) -> bool:
        """Whether the rows are read from an open file."""
        return not isinstance(self._x, (np.ndarray, sp.csr_matrix))

    @property
    def has(self) -> np.ndarray:
        """Which samples have a row, bool (n,)."""
        return self.rows >= 0

    def read(self, index: np.ndarray) -> Part:
        """Read samples by their position; those next to each other are read in one go."""
        rows = self.rows[index].astype(np.int64)
        there = rows >= 0
        wanted, back = np.unique(rows[there], return_inverse=True)
        position = np.full(len(rows), -1, dtype=np.int64)
        position[there] = back
        return Part(self._of_fit(self._stored(wanted)), position)

    def __len__(self) -> int:
        return len(self.rows)

    def _stored(self, wanted: np.ndarray) -> sp.csr_matrix | np.ndarray:
        if not len(wanted):
            return np.zeros((0, self._x.shape[1]), dtype=np.float32)
        if isinstance(self._x, (np.ndarray, sp.csr_matrix)):
            return _float32(self._x[wanted])
        parts = [self._slice(first, last)[keep] for first, last, keep in _spans(wanted)]
        if sp.issparse(parts[0]):
            return sp.csr_matrix(sp.vstack(parts, format="csr")) if len(parts) > 1 else parts[0]
        return np.concatenate(parts)

    def _slice(self, first: int, last: int) -> sp.csr_matrix | np.ndarray:
        """Rows next to each other, from disk."""
        try:
            _check_there(self._folder)
            part = self._x[first:last]
            return _float32(part.compute() if hasattr(part, "compute") else part)
        except (KeyError, OSError, RuntimeError, ValueError) as error:
            msg = (
                f"layer {self.name!r} cannot be read from disk (rows {first} to {last - 1}: {error}). Was the file moved "
                "or closed since it was opened? Open it again."
            )
            raise OSError(msg) from error

    def _of_fit(self, stored: sp.csr_matrix | np.ndarray) -> sp.csr_matrix | np.ndarray:
        """Columns in the order asked for, NaN where the modality has none."""
        if self._columns is None:
            return stored
        there = self._columns >= 0
        if there.all():
            return stored[:, self._columns]
        out = np.full((stored.shape[0], len(self._columns)), np.nan, dtype=np.float32)
        found = stored[:, self._columns[there]]
        out[:, there] = found.toarray() if isinstance(found, sp.csr_matrix) else found
        return out


def _sliceable(name: str, x: Any) -> Any:
    """Values whose rows can be sliced."""
    if x is None:
        msg = f"layer {name!r} has no X; put its values into mod.X."
        raise ValueError(msg)
    if isinstance(x, (np.ndarray, sp.csr_matrix)):
        return x
    if sp.issparse(x):
        return sp.csr_matrix(x)
    if getattr(x, "format", "csr") != "csr":
        msg = (
            f"layer {name!r} is stored by columns ({x.format}), so that single samples cannot be read. Store it by "
            "rows: mod.X = scipy.sparse.csr_matrix(mod.X) before it is written."
        )
        raise ValueError(msg)
    return x


def _folder(x: Any) -> Path | None:
    """Where a zarr store on this machine keeps an array."""
    place = getattr(getattr(x, "group", x), "store_path", None)
    root = getattr(getattr(place, "store", None), "root", None)
    return None if place is None or root is None else Path(root) / place.path


def _check_there(folder: Path | None) -> None:
    """Raise if an array of zarr has gone: it would be read as zeros, without an error."""
    if folder is not None and not folder.is_dir():
        msg = f"{folder} does not exist"
        raise FileNotFoundError(msg)


def _float32(part: Any) -> sp.csr_matrix | np.ndarray:
    if sp.issparse(part):
        found = sp.csr_matrix(part, dtype=np.float32)
        found.sum_duplicates()
        return found
    return np.asarray(part, dtype=np.float32)


def _spans(wanted: np.ndarray) -> Iterator[tuple[int, int, np.ndarray]]:
    """Runs of rows worth reading in one go: first, one past the last, and which of them are wanted."""
    torn = np.flatnonzero(np.diff(wanted) > _GAP) + 1
    for run in np.split(wanted, torn):
        for start in range(0, len(run), _SPAN // _GAP):
            piece = run[start : start + _SPAN // _GAP]
            yield int(piece[0]), int(piece[-1]) + 1, piece - piece[0]
