"""The embedding without a target: directions of the samples on which the layers agree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from pathweave.models._units import FARTHEST, Units
from pathweave.nn import single_thread
from pathweave.nn.kernel_ridge import left_out_error

if TYPE_CHECKING:
    from torch import Tensor

_PENALTIES = tuple(10.0 ** (0.25 * step) for step in range(-4, 11))
_LEAST_WEIGHT = 0.01


@dataclass(frozen=True)
class Consensus:
    """One linear map a layer; a sample's embedding is the weighted mean over the layers that it has.

    Attributes
    ----------
    units
        Standardisation of every layer.
    maps
        For each layer (n_features, n_latent).
    weights
        What each layer's word weighs: how well it predicts the others.
    """

    units: dict[str, Units]
    maps: dict[str, np.ndarray]
    weights: dict[str, float]

    def embed(self, values: dict[str, np.ndarray]) -> np.ndarray:
        """Embed samples, float32 (n, n_latent); NaN where a sample has no layer."""
        total: np.ndarray | float = 0.0
        weight: np.ndarray | float = 0.0
        for name, mapping in self.maps.items():
            x = values[name]
            has = ~np.isnan(x).all(axis=1, keepdims=True)
            total = total + self.weights[name] * (self.units[name].inputs(x) @ mapping)
            weight = weight + self.weights[name] * has
        with np.errstate(invalid="ignore", divide="ignore"):
            mean: np.ndarray = np.where(weight > 0, total / weight, np.nan)
        return mean.astype(np.float32)

    def output(self, values: dict[str, Tensor], measured: dict[str, Tensor]) -> Tensor:
        """Embed samples as `embed` does, as a function that can be differentiated."""
        some = next(iter(values.values()))
        total, weight = some.new_zeros(()), some.new_zeros(())
        for name, mapping in self.maps.items():
            mean, scale = (
                some.new_tensor(a) for a in (self.units[name].mean, self.units[name].scale)
            )
            z = ((values[name] - mean) / scale.masked_fill(scale == 0, torch.inf)) * measured[name]
            z = z.clamp(-FARTHEST, FARTHEST)
            total = total + self.weights[name] * (z @ some.new_tensor(mapping))
            weight = weight + self.weights[name] * measured[name].any(dim=1, keepdim=True)
        return total / weight


def fit_consensus(values: dict[str, np.ndarray], n_latent: int) -> Consensus:
    """Find the directions that ridge regressions from every layer agree on.

    Every layer predicts a direction u of the samples by ridge regression, ``P_l u``. The directions with the
    largest ``sum_l w_l P_l u = e * sum_l w_l H_l u`` (H_l: who has the layer) are those that the layers tell of in
    accord: generalised canonical correlation (Kettenring 1971, MAXVAR), regularised, for layers that samples may
    lack. The penalty of a layer is the best one for predicting the other layers, out of sample, and its weight the
    share of their variance that it predicts. Axes are scaled by e squared, so that accord counts in distances.

    Parameters
    ----------
    values
        Layers of the training samples (n, n_features), NaN where unmeasured.
    n_latent
        Dimensions; those beyond what the samples span are 0.
    """
    units = {name: Units.of(x) for name, x in values.items()}
    layers = [
        _Layer.of(name, units[name].inputs(x), ~np.isnan(x).all(axis=1))
        for name, x in values.items()
    ]
    with single_thread():
        if len(layers) == 1:
            maps, weights = {layers[0].name: layers[0].principal_axes(n_latent)}, [1.0]
        else:
            judged = [_judge(layer, layers) for layer in layers]
            best = max(1e-9, *(weight for _, weight in judged))
            weights = [max(weight / best, _LEAST_WEIGHT) for _, weight in judged]
            maps = _agree(layers, [penalty for penalty, _ in judged], weights, n_latent)
    named = {layer.name: w for layer, w in zip(layers, weights, strict=True)}
    return Consensus(units, maps, named)


@dataclass(frozen=True)
class _Layer:
    """A layer's samples, their inner products' axes, and who has it."""

    name: str
    x: Tensor
    rows: Tensor
    spectrum: Tensor
    axes: Tensor

    @classmethod
    def of(cls, name: str, z: np.ndarray, has: np.ndarray) -> _Layer:
        x = torch.tensor(z[has], dtype=torch.float64)
        x = x - x.mean(dim=0)
        spectrum, axes = torch.linalg.eigh(x @ x.T)
        rows = torch.tensor(np.flatnonzero(has))
        return cls(name, x, rows, spectrum.clamp(min=0.0), axes)

    @property
    def scale(self) -> Tensor:
        return self.spectrum.mean().clamp(min=1e-12)

    def principal_axes(self, n_latent: int) -> np.ndarray:
        axes = torch.linalg.svd(self.x, full_matrices=False)[2][:n_latent].T
        return _turned(_padded(axes, n_latent)).numpy()


def _judge(layer: _Layer, layers: list[_Layer]) -> tuple[float, float]:
    """Penalty with which a layer predicts the others best, and the share of variance it predicts then.

    Layers that cannot be predicted do not bear on the penalty.
    """
    others = [other for other in layers if other is not layer]
    explained = torch.stack([_explained(layer, other) for other in others])
    best = explained.max(dim=1).values.clamp(min=0.0)
    if not bool(best.any()):
        return _PENALTIES[-1], 0.0
    return _PENALTIES[int((best @ explained).argmax())], float(best.mean())


def _explained(layer: _Layer, other: _Layer) -> Tensor:
    """Share of another layer's variance that a layer predicts out of sample, at each penalty."""
    shared = torch.isin(layer.rows, other.rows)
    y = torch.zeros(len(layer.rows), other.x.shape[1], dtype=torch.float64)
    y[shared] = other.x[torch.isin(other.rows, layer.rows)]
    total = y.square().sum().clamp(min=1e-12)
    if y.shape[1] > len(y):  # a rotation, which leaves the sums of squares as they are
        y = torch.linalg.qr(y.T, mode="r")[1].T
    turned = layer.axes.T @ y
    errors = [
        left_out_error(layer.spectrum, layer.axes, turned, y, penalty * layer.scale)[shared]
        for penalty in _PENALTIES
    ]
    return 1.0 - torch.stack([error.square().sum() for error in errors]) / total


def _agree(
    layers: list[_Layer], penalties: list[float], weights: list[float], n_latent: int
) -> dict[str, np.ndarray]:
    """Maps of the layers to the directions they agree on."""
    n = 1 + max(int(layer.rows.max()) for layer in layers)
    said, has = torch.zeros(n, n, dtype=torch.float64), torch.zeros(n, dtype=torch.float64)
    for layer, penalty, weight in zip(layers, penalties, weights, strict=True):
        share = layer.spectrum / (layer.spectrum + penalty * layer.scale)
        said[layer.rows.unsqueeze(1), layer.rows] += weight * (layer.axes * share) @ layer.axes.T
        has[layer.rows] += weight
    root = torch.where(has > 0, has.clamp(min=1e-12).rsqrt(), 0.0)
    accord, axes = torch.linalg.eigh(root.unsqueeze(1) * said * root)
    accord, axes = accord.flip(0)[:n_latent].clamp(min=0.0), axes.flip(1)[:, :n_latent]
    directions = axes * root.unsqueeze(1) * float(has.sum()) ** 0.5 * accord
    maps = [
        layer.x.T
        @ layer.axes
        @ (
            layer.axes.T
            @ directions[layer.rows]
            / (layer.spectrum + penalty * layer.scale)[:, None]
        )
        for layer, penalty in zip(layers, penalties, strict=True)
    ]
    whole = _turned(_padded(torch.cat(maps), n_latent))
    parts = whole.split([len(m) for m in maps])
    return {layer.name: part.numpy() for layer, part in zip(layers, parts, strict=True)}


def _padded(maps: Tensor, n_latent: int) -> Tensor:
    return torch.nn.functional.pad(maps, (0, n_latent - maps.shape[1]))


def _turned(maps: Tensor) -> Tensor:
    """Fix the signs of the axes: the heavier tail of the features' weights is positive."""
    return torch.where(maps.pow(3).sum(dim=0) < 0, -maps, maps)
