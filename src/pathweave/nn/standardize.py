"""Standardisation as a module, so that a network carries the statistics it was trained with."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn


class Standardize(nn.Module):
    """Per-feature centring and scaling with the mean and deviation of the training samples.

    Parameters
    ----------
    n_features
        Number of features.

    Notes
    -----
    ``forward(values, measured)`` returns standardised values, 0 (the training mean) where unmeasured.
    Features that are constant or unmeasured in the training samples stay 0.
    """

    def __init__(self, n_features: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(n_features))
        self.register_buffer("scale", torch.ones(n_features))

    @torch.no_grad()
    def fit(self, values: Tensor, *, center: bool = True) -> None:
        """Learn mean and deviation from training rows, NaN where unmeasured."""
        measured = ~values.isnan()
        count = measured.sum(dim=0).clamp(min=1)
        filled = values.nan_to_num().double()
        mean = filled.sum(dim=0) / count
        spread = torch.where(measured, filled - mean, 0.0).square().sum(dim=0) / count
        self.fit_moments(mean, spread, center=center)

    @torch.no_grad()
    def fit_moments(self, mean: Tensor, variance: Tensor, *, center: bool = True) -> None:
        """Take mean and variance (n_features,), float64, of training rows that were read in pieces."""
        scale = variance.sqrt()
        constant = scale <= 1e-8 * mean.abs().clamp(min=1.0)
        if not center:
            mean, scale = torch.zeros_like(mean), torch.ones_like(scale)
        # Division by infinity keeps a constant feature at zero, whatever a new sample brings.
        cast("Tensor", self.mean).copy_(mean.float())
        cast("Tensor", self.scale).copy_(scale.masked_fill(constant, float("inf")).float())

    def forward(self, values: Tensor, measured: Tensor) -> Tensor:
        """Standardise, with zeros where nothing was measured."""
        mean, scale = cast("Tensor", self.mean), cast("Tensor", self.scale)
        return (torch.where(measured, values, mean) - mean) / scale

    def invert(self, standardized: Tensor) -> Tensor:
        """Go back to the units of the data; constant features return their value."""
        mean, scale = cast("Tensor", self.mean), cast("Tensor", self.scale)
        return mean + standardized * torch.where(scale.isinf(), 0.0, scale)
