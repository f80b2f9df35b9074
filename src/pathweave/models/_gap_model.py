"""The model of one gap: kernel ridge regressions of its values, stacked by leave-one-out error."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import nnls
from torch import Tensor

from pathweave.nn.kernel_ridge import center_kernel, fit_kernel_ridge, gaussian_kernel_of_products

_WIDTHS = (0.3, 1.0, 2.0)


@dataclass(frozen=True)
class _Inner:
    """Inner products of some samples with the training samples, and of each with itself, by layer."""

    products: dict[str, Tensor]
    own: dict[str, Tensor]

    @classmethod
    def of(cls, new: dict[str, Tensor], train: dict[str, Tensor]) -> _Inner:
        return cls(
            {s: new[s] @ x.T for s, x in train.items()},
            {s: new[s].square().sum(dim=1) for s in train},
        )


@dataclass(frozen=True)
class _Kernel:
    """A kernel over some layers: a weight each, and the width of a Gaussian (0: linear)."""

    weights: dict[str, float]
    width: float = 0.0

    def centred(self, train: _Inner, new: _Inner) -> Tensor:
        """Kernel values of new with training samples, shape (n_new, n_train)."""
        return center_kernel(self._values(train, train), self._values(train, new))

    def _values(self, train: _Inner, new: _Inner) -> Tensor:
        products = self._sum(new.products)
        if not self.width:
            return products
        own = self._sum(new.own).unsqueeze(1)
        return gaussian_kernel_of_products(
            self._sum(train.products), torch.cat([products, own], dim=1), self.width
        )

    def _sum(self, terms: dict[str, Tensor]) -> Tensor:
        return torch.stack([w * terms[s] for s, w in self.weights.items()]).sum(dim=0)


@dataclass(frozen=True)
class GapModel:
    """A fitted stack.

    Attributes
    ----------
    left_out
        Leave-one-out predictions of the training samples, shape (n, n_outputs).
    deviation
        Root mean squared leave-one-out error of every output, shape (n_outputs,).
    weights
        Weight of every regression, by name.
    """

    train: dict[str, Tensor]
    inner: _Inner
    members: list[tuple[_Kernel, Tensor]]
    mean: Tensor
    left_out: Tensor
    deviation: Tensor
    weights: dict[str, float]

    def predict(self, new: dict[str, Tensor]) -> Tensor:
        """Predict standardised values, shape (n_new, n_outputs)."""
        inner = _Inner.of(new, self.train)
        out = self.mean.expand(len(next(iter(new.values()))), -1).clone()
        for kernel, coefficients in self.members:
            out += kernel.centred(self.inner, inner) @ coefficients.double()
        return out


def fit_gap_model(train: dict[str, Tensor], y: Tensor) -> GapModel:
    """Fit linear and Gaussian kernel ridge regressions, and stack them.

    All layers side by side; scaled to weigh alike; each alone; and a Gaussian kernel on the better of the first
    two. Weights are not negative and minimise the squared leave-one-out error (Breiman 1996), so that the stack
    is no worse than the linear models where nothing bends, and better where something does.

    Parameters
    ----------
    train
        Standardised layers to predict from, float64 (n, n_features), without NaN.
    y
        Standardised values to predict (n, n_outputs), NaN where unmeasured.
    """
    known = ~y.isnan()
    mean = y.nanmean(dim=0).nan_to_num()
    target = (y - mean).nan_to_num()
    inner = _Inner.of(train, train)
    kernels = _linear_kernels(train)
    fits = {name: fit_kernel_ridge(k.centred(inner, inner), target) for name, k in kernels.items()}
    wide = [name for name in ("side by side", "balanced") if name in fits]
    best = min(wide, key=lambda name: _error(fits[name].left_out, target, known))
    bent = {w: _Kernel(kernels[best].weights, w) for w in _WIDTHS}
    tried = {w: fit_kernel_ridge(k.centred(inner, inner), target) for w, k in bent.items()}
    width = min(tried, key=lambda w: _error(tried[w].left_out, target, known))
    kernels["gaussian"], fits["gaussian"] = bent[width], tried[width]
    weights = _stack([fit.left_out for fit in fits.values()], target, known)
    left_out = mean.expand_as(target).clone()
    for weight, fit in zip(weights, fits.values(), strict=True):
        left_out += weight * fit.left_out
    squared = torch.where(known, (y - left_out).nan_to_num(), 0.0).square()
    deviation = (squared.sum(dim=0) / known.sum(dim=0).clamp(min=1)).sqrt()
    members = [
        (kernels[name], (w * fit.coefficients).float())
        for w, (name, fit) in zip(weights, fits.items(), strict=True)
        if w > 0
    ]
    named = dict(zip(fits, weights, strict=True))
    return GapModel(train, inner, members, mean, left_out, deviation, named)


def _linear_kernels(train: dict[str, Tensor]) -> dict[str, _Kernel]:
    kernels = {"side by side": _Kernel(dict.fromkeys(train, 1.0))}
    if len(train) > 1:
        size = {s: max(float((x - x.mean(dim=0)).square().sum()), 1e-12) for s, x in train.items()}
        kernels["balanced"] = _Kernel({s: len(x) / size[s] for s, x in train.items()})
        kernels |= {s: _Kernel({s: 1.0}) for s in sorted(train)}
    return kernels


def _error(predicted: Tensor, target: Tensor, known: Tensor) -> float:
    return float((predicted - target)[known].square().mean())


def _stack(predictions: list[Tensor], target: Tensor, known: Tensor) -> list[float]:
    """Weights of 0 and more with the least squared error over all measured values."""
    rows = torch.stack([torch.where(known, p, 0.0).flatten() for p in predictions])
    gram = (rows @ rows.T).numpy()
    toward = (rows @ torch.where(known, target, 0.0).flatten()).numpy()
    size = max(float(np.trace(gram)) / len(gram), 1e-12)
    root = np.linalg.cholesky(gram + 1e-6 * size * np.eye(len(gram)))
    found: list[float] = nnls(root.T, np.linalg.solve(root, toward))[0].tolist()
    return found
