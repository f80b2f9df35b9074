"""Training samples that are read when they are needed, as the network is to see them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp
import torch

from pathweave._core.memory import give_back
from pathweave.models._likelihoods import COUNTS
from pathweave.models._moments import Moments
from pathweave.models._rows import LayerRows, Part, chunks, dense_rows
from pathweave.nn.inputs import LayerMoments
from pathweave.nn.likelihoods import BETA_MARGIN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pathweave.models._data import LayerSchema

BLOCK_BYTES = 48_000_000
"""Memory that the samples of one block take before they are made dense."""


@dataclass(frozen=True)
class Block:
    """Some samples: what the parts of a model read, the counts behind it, and library sizes."""

    inputs: dict[str, Part]
    counts: dict[str, Part]
    sizes: dict[str, np.ndarray]

    def values(self, positions: np.ndarray) -> dict[str, np.ndarray]:
        """Layers of some of the samples, float32, NaN where unmeasured."""
        return {name: part.take(positions) for name, part in self.inputs.items()}


@dataclass
class SampleStore:
    """The layers of the training samples, read by position.

    Parameters
    ----------
    schema
        The layers.
    rows
        Where their rows are, for the training samples in their order.
    sizes
        Library sizes (n,) of layers of counts.
    """

    schema: tuple[LayerSchema, ...]
    rows: dict[str, LayerRows]
    sizes: dict[str, np.ndarray]
    _fold: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64), repr=False)
    _moments: dict[str, tuple[Moments, Moments]] = field(default_factory=dict, repr=False)

    @property
    def training(self) -> tuple[tuple[LayerSchema, ...], SampleStore, dict[str, np.ndarray]]:
        """Schema, values and library sizes, as `read_training` gives them."""
        return self.schema, self, self.sizes

    def __len__(self) -> int:
        return len(next(iter(self.rows.values())))

    @property
    def n_features(self) -> int:
        """Number of features of all layers."""
        return sum(rows.n_features for rows in self.rows.values())

    @property
    def on_disk(self) -> bool:
        """Whether values are read from an open file, which no other process can share."""
        return any(rows.on_disk for rows in self.rows.values())

    def digests(self) -> dict[str, str]:
        """SHA-256 of the values of each layer; reads all of them once."""
        found = {}
        for name, rows in self.rows.items():
            digest = hashlib.sha256()
            for index in chunks(len(self), rows.n_features):
                rows.read(index).update(digest)
            found[name] = digest.hexdigest()
        return found

    def block(self, index: np.ndarray) -> Block:
        """Read samples by position, sparse ones kept sparse."""
        inputs, counts = {}, {}
        for layer in self.schema:
            part = self.rows[layer.name].read(index)
            if layer.likelihood in COUNTS:
                counts[layer.name] = part
                part = as_inputs(layer, part, self.sizes[layer.name][index])
            inputs[layer.name] = part
        sizes = {name: size[index].astype(np.float32) for name, size in self.sizes.items()}
        return Block(inputs, counts, sizes)

    def read(self, index: np.ndarray) -> dict[str, np.ndarray]:
        """Layers of some samples, float32 (n, n_features), NaN where unmeasured."""
        return self.block(index).values(np.arange(len(index)))

    def block_rows(self) -> int:
        """Number of samples whose block stays within `BLOCK_BYTES`."""
        few = np.unique(np.linspace(0, len(self) - 1, 64).astype(np.int64))
        found = self.block(few)
        parts = [*found.inputs.values(), *found.counts.values()]
        taken = sum(_bytes(part.values) for part in parts) / len(few)
        return int(np.clip(BLOCK_BYTES / max(1.0, taken), 512, 16_384))

    def learn_moments(self, fold: np.ndarray) -> None:
        """Read all samples once, for the means and variances of every fold."""
        n_folds = int(fold.max()) + 1
        self._fold = fold
        for layer in self.schema:
            rows = self.rows[layer.name]
            both = (
                Moments.empty(n_folds, rows.n_features),
                Moments.empty(n_folds, rows.n_features),
            )
            for piece in chunks(len(self), rows.n_features):
                index = piece[rows.has[piece]]
                part = rows.read(index)
                if layer.likelihood in COUNTS:
                    part = as_inputs(layer, part, self.sizes[layer.name][index])
                order = np.empty(len(index), dtype=np.int64)
                order[part.row] = np.arange(len(index))  # rows of the values -> samples
                both[0].add(part.values, fold[index][order])
                if layer.likelihood in COUNTS or layer.likelihood == "beta":
                    both[1].add(_observed(layer, part.values), fold[index][order])
            self._moments[layer.name] = both
        give_back()

    def moments(self, index: np.ndarray) -> dict[str, LayerMoments]:
        """Means and variances over whole folds of the samples; `index` are their positions."""
        inside = np.unique(self._fold[index])
        if len(index) != np.isin(self._fold, inside).sum():
            msg = "a replicate of samples that are read from disk learns from whole folds."
            raise ValueError(msg)
        found = {}
        for name, (inputs, observed) in self._moments.items():
            found[name] = LayerMoments(_over(inputs, inside), _over(observed, inside), len(index))
        return found

    def means(self) -> dict[str, np.ndarray]:
        """Mean of the measured values of each feature, float32, 0 where there are none."""
        everyone = np.unique(self._fold)
        return {n: m[0].over(everyone)[0].astype(np.float32) for n, m in self._moments.items()}


def _over(moments: Moments, folds: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    mean, variance = moments.over(folds)
    return torch.from_numpy(mean), torch.from_numpy(variance)


def as_inputs(layer: LayerSchema, part: Part, sizes: np.ndarray) -> Part:
    """Counts as ``log1p(counts / size * library)``, zeros not made; `sizes` are those of the samples (n,)."""
    there = part.row >= 0
    scale = np.ones(part.values.shape[0])
    scale[part.row[there]] = layer.library / sizes[there]
    if isinstance(part.values, sp.csr_matrix):
        x = part.values
        data = np.log1p(x.data * np.repeat(scale, np.diff(x.indptr))).astype(np.float32)
        return Part(sp.csr_matrix((data, x.indices, x.indptr), shape=x.shape), part.row)
    return Part(np.log1p(part.values * scale[:, None]).astype(np.float32), part.row)


def _observed(layer: LayerSchema, values: sp.csr_matrix | np.ndarray) -> sp.csr_matrix | np.ndarray:
    """What the observation model of a layer is fitted to."""
    if layer.likelihood == "beta":
        x = dense_rows(values, np.arange(values.shape[0]))
        return x.astype(np.float64).clip(BETA_MARGIN, 1 - BETA_MARGIN)
    if isinstance(values, sp.csr_matrix):
        data = np.expm1(values.data.astype(np.float64))
        return sp.csr_matrix((data, values.indices, values.indptr), shape=values.shape)
    return np.asarray(np.expm1(values.astype(np.float64)))


def _bytes(values: sp.csr_matrix | np.ndarray) -> int:
    return int(
        values.data.nbytes + values.indices.nbytes
        if isinstance(values, sp.csr_matrix)
        else values.nbytes
    )


def take(
    values: Mapping[str, np.ndarray] | SampleStore, index: np.ndarray
) -> dict[str, np.ndarray]:
    """Layers of some samples, from memory or from a store."""
    if isinstance(values, SampleStore):
        return values.read(index)
    everyone = all(len(x) == len(index) for x in values.values())
    return {name: x if everyone else x[index] for name, x in values.items()}
