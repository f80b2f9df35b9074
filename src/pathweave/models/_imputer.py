"""Imputation from the training samples: which model fills which gap, and how sure it is."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy.stats import t as student

from pathweave.models._gap_model import GapModel, fit_gap_model
from pathweave.models._units import Units
from pathweave.nn import single_thread

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor

    from pathweave.models._data import LayerSchema

_MAX_SAMPLES = 2000
_MIN_SAMPLES = 5
_N_BLOCKS = 5
_MAX_MODELS = 64
Network = Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]]
Key = tuple[
    str, tuple[str, ...], int
]  # layer to fill, layers to fill it from, block (-1: all of it)


@dataclass
class LayerImputer:
    """Fills gaps by kernel ridge models of the training samples and the network, mixed by out-of-fold error.

    A layer that a sample lacks is predicted from the layers it has; values missing inside a layer are
    predicted from the rest of that layer, too. Models are fitted when a gap asks for them: one for each layer
    and set of layers to fill it from. So the training samples (at most 2000 of them) are kept.

    Parameters
    ----------
    schema
        The layers.
    values
        Their values in the training samples, float32 (n, n_features), NaN where unmeasured.
    held
        Training samples that the network did not learn from, boolean (n,).
    """

    schema: tuple[LayerSchema, ...]
    values: dict[str, np.ndarray]
    held: np.ndarray
    _models: OrderedDict[Key, GapModel] = field(default_factory=OrderedDict, repr=False)
    _shares: dict[str, float] = field(default_factory=dict, repr=False)

    @classmethod
    def of(
        cls,
        schema: tuple[LayerSchema, ...],
        values: dict[str, np.ndarray],
        names: Sequence[str],
        held: np.ndarray,
    ) -> LayerImputer:
        """Keep the training samples in the order of their names, or a fixed draw of them."""
        order = np.argsort(np.asarray(names, dtype=str), kind="stable")
        if len(order) > _MAX_SAMPLES:
            drawn = np.random.default_rng(0).choice(len(order), _MAX_SAMPLES, replace=False)
            order = order[np.sort(drawn)]
        return cls(schema, {name: x[order] for name, x in values.items()}, held[order])

    def __post_init__(self) -> None:
        self.units = {name: Units.of(x) for name, x in self.values.items()}
        self._has = {name: ~np.isnan(x).all(axis=1) for name, x in self.values.items()}
        self._measured = {name: (~np.isnan(x)).sum(axis=0) for name, x in self.values.items()}
        self._blocks = {}
        for layer in self.schema:
            rank = np.empty(len(layer.features), dtype=np.int64)
            rank[np.argsort(np.asarray(layer.features, dtype=str), kind="stable")] = np.arange(
                len(rank)
            )
            self._blocks[layer.name] = rank % _N_BLOCKS

    def impute(
        self, values: dict[str, np.ndarray], layers: Sequence[str], network: Network
    ) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """Fill all gaps of some layers.

        Parameters
        ----------
        values
            Samples, float32 (n, n_features) a layer, NaN where unmeasured.
        layers
            Names of the layers to fill.
        network
            Gives the network's reconstruction of all layers, in their units.

        Returns
        -------
        Values and standard deviations, float64, by layer; 0 deviation where measured.
        """
        made = network(values)
        filled, deviations = {}, {}
        with single_thread():
            for layer in [layer for layer in self.schema if layer.name in layers]:
                z, sd = self._fill(layer.name, values, made, network)
                filled[layer.name], deviations[layer.name] = self._finish(
                    layer, values[layer.name], z, sd
                )
        return filled, deviations

    def _finish(
        self, layer: LayerSchema, x: np.ndarray, z: np.ndarray, sd: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Back to the units of the data; what was measured stays."""
        units, gap = self.units[layer.name], np.isnan(x)
        out = units.mean + z * units.scale
        spread = sd * units.scale * _widening(self._measured[layer.name])
        if layer.likelihood == "bernoulli":
            out = out.clip(0.0, 1.0)
            spread = np.sqrt(out * (1.0 - out))
        if layer.likelihood == "beta":
            out = out.clip(0.0, 1.0)
        return np.where(gap, out, x), np.where(gap, spread, 0.0)

    def _fill(
        self,
        name: str,
        values: dict[str, np.ndarray],
        made: dict[str, np.ndarray],
        network: Network,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Standardised predictions and deviations of a layer, meaningful where there is a gap."""
        x = values[name]
        z, sd = np.zeros(x.shape), np.ones(x.shape)
        gap = np.isnan(x)
        lacks, torn = gap.all(axis=1), gap.any(axis=1) & ~gap.all(axis=1)
        for rows, sources in self._by_sources(name, values, lacks):
            z[rows], deviation = self._predict((name, sources, -1), values, rows)
            sd[rows] = deviation
            share = self._network_share(name, network)
            if share:
                theirs = self.units[name].standardize(made[name][rows])
                z[rows] = (1.0 - share) * z[rows] + share * theirs
        rows, others = np.flatnonzero(torn), tuple(sorted(o for o in values if o != name))
        for block in np.unique(self._blocks[name][gap[torn].any(axis=0)]):
            cols = np.flatnonzero(self._blocks[name] == block)
            found, deviation = self._predict((name, others, int(block)), values, rows)
            z[np.ix_(rows, cols)], sd[np.ix_(rows, cols)] = found, deviation
        return z, sd

    def _by_sources(
        self, name: str, values: dict[str, np.ndarray], lacks: np.ndarray
    ) -> Iterator[tuple[np.ndarray, tuple[str, ...]]]:
        """Group samples by the other layers they have; those that have none are left out."""
        others = sorted(layer for layer in values if layer != name)
        if not others or not lacks.any():
            return
        has = np.stack([~np.isnan(values[o][lacks]).all(axis=1) for o in others], axis=1)
        patterns, which = np.unique(has, axis=0, return_inverse=True)
        for i, pattern in enumerate(patterns):
            sources = tuple(o for o, there in zip(others, pattern, strict=True) if there)
            if sources:
                yield np.flatnonzero(lacks)[which.ravel() == i], sources

    def _inputs(
        self, key: Key, values: dict[str, np.ndarray], rows: np.ndarray
    ) -> dict[str, Tensor]:
        """Standardised layers to predict from, the mean where unmeasured."""
        name, sources, block = key
        inputs = {s: self.units[s].inputs(values[s][rows]) for s in sources}
        if block >= 0:
            rest = self._blocks[name] != block
            inputs[name] = self.units[name].inputs(values[name][rows])[:, rest]
        return {s: torch.tensor(x, dtype=torch.float64) for s, x in inputs.items()}

    def _predict(
        self, key: Key, values: dict[str, np.ndarray], rows: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray | float]:
        if len(self._training_rows(key)) < _MIN_SAMPLES:
            return np.zeros(()), 1.0  # the mean is all there is
        model = self._model(key)
        return model.predict(self._inputs(key, values, rows)).numpy(), model.deviation.numpy()

    def _model(self, key: Key) -> GapModel:
        """The model of a gap, fitted at its first use."""
        if key in self._models:
            self._models.move_to_end(key)
            return self._models[key]
        name, _, block = key
        rows = self._training_rows(key)
        cols = slice(None) if block < 0 else np.flatnonzero(self._blocks[name] == block)
        y = self.units[name].standardize(self.values[name][rows])[:, cols]
        model = fit_gap_model(
            self._inputs(key, self.values, rows), torch.tensor(y, dtype=torch.float64)
        )
        self._models[key] = model
        if len(self._models) > _MAX_MODELS:
            self._models.popitem(last=False)
        return model

    def _training_rows(self, key: Key) -> np.ndarray:
        """Training samples that have the layer and something to predict it from."""
        name, sources, block = key
        some = np.any([self._has[s] for s in sources], axis=0) if block < 0 else True
        return np.flatnonzero(self._has[name] & some)

    def _network_share(self, name: str, network: Network) -> float:
        """How much the network's word weighs for a layer, by samples neither part has learned from."""
        if name not in self._shares:
            key = (name, tuple(sorted(o for o in self.values if o != name)), -1)
            rows = self._training_rows(key)
            inside = self.held[rows]
            share = 0.0
            if len(rows) >= _MIN_SAMPLES and inside.any():
                ours = self._model(key).left_out.numpy()[inside]
                hidden = {o: x[rows[inside]] for o, x in self.values.items()}
                truth = self.units[name].standardize(hidden[name])
                hidden[name] = np.full_like(hidden[name], np.nan)
                theirs = self.units[name].standardize(network(hidden)[name])
                share = _share(ours, theirs, truth)
            self._shares[name] = share
        return self._shares[name]


def _widening(n: np.ndarray) -> np.ndarray:
    """What a deviation learned from n samples is multiplied by; NaN below two, which tell of no spread.

    Deviations are about a mean of the same samples: the interval of a new value is Student's, ``sqrt((n + 1) / (n - 1))``
    times his quantile wide, and +-1.96 of the widened deviations are that interval of 95 %.
    """
    few = np.maximum(n, 2)
    factor: np.ndarray = np.sqrt((few + 1) / (few - 1)) * student.ppf(0.975, few - 1) / 1.96
    return np.where(n < 2, np.nan, factor)


def _share(ours: np.ndarray, theirs: np.ndarray, truth: np.ndarray) -> float:
    """Weight of the second of two predictions with the least squared error, shrunk when samples are few."""
    known = ~np.isnan(truth)
    step = np.where(known, theirs - ours, 0.0)
    error = np.where(known, truth - ours, 0.0)
    best = float((step * error).sum() / max(float((step * step).sum()), 1e-12))
    return float(np.clip(best, 0.0, 1.0)) * len(truth) / (len(truth) + 10.0)
