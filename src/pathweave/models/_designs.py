"""Samples as the parts of a prediction see them: standardised, weighed, turned, all by training samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

Units = dict[str, tuple["Tensor", "Tensor"]]


@dataclass(frozen=True)
class Span:
    """All samples in coordinates of the span of the training samples.

    A ridge solution lies in the span of its samples, whatever the outcome: many outcomes share one
    rotation from thousands of features to at most as many coordinates as there are training samples.

    Attributes
    ----------
    x
        Coordinates of all samples (n, rank).
    training
        Training samples in the features, with `turn` (n_training, rank): the weights of the features are
        ``training.T @ (turn @ weights of x)``. Both ``None`` where the features are few enough to be `x`.
    """

    x: Tensor
    training: Tensor | None = None
    turn: Tensor | None = None

    def to_features(self, weight: Tensor) -> Tensor:
        """Weights of coordinates (rank, n_outputs) as weights of the features."""
        if self.training is None or self.turn is None:
            return weight
        return self.training.T @ (self.turn @ weight)


def span(x: Tensor, rows: Tensor) -> Span:
    """Turn samples (n, p) to the span of some rows, if that saves anything."""
    training = x[rows]
    if len(training) >= x.shape[1]:
        return Span(x)
    coordinates, turn = kernel_coordinates(x @ training.T, rows)
    return Span(coordinates, training, turn)


def kernel_coordinates(kernel: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
    """Coordinates of all samples whose products are a kernel, and how they are made of it.

    Parameters
    ----------
    kernel
        Kernel of all samples with the training samples (n, n_training).
    rows
        Which samples are the training samples, bool (n,).

    Returns
    -------
    Coordinates (n, rank) and the matrix (n_training, rank) that the kernel is multiplied with.
    """
    spectrum, vectors = torch.linalg.eigh(kernel[rows])
    kept = spectrum > spectrum[-1].clamp(min=0.0) * len(spectrum) * torch.finfo(kernel.dtype).eps
    turn = vectors[:, kept] / spectrum[kept].sqrt()
    return kernel @ turn, turn


def present(values: Mapping[str, Tensor]) -> Tensor:
    """Rows of which anything was measured."""
    return torch.stack([(~x.isnan()).any(dim=1) for x in values.values()]).any(dim=0)


def learn_units(values: Mapping[str, Tensor], rows: Tensor, *, balance: bool) -> Units:
    """Mean and scale of each feature, from some rows only; constant features scale to nothing.

    With `balance` all layers have the same sum of variances, whatever their number of features.
    """
    mean_size = sum(x.shape[1] for x in values.values()) / len(values)
    units = {}
    for name, x in values.items():
        inside = x[rows]
        mean = inside.nanmean(dim=0).nan_to_num()
        scale = (inside - mean).square_().nanmean(dim=0).nan_to_num().sqrt()
        constant = scale <= 1e-8 * mean.abs().clamp(min=1e-3)
        if balance:
            scale = scale * (x.shape[1] / mean_size) ** 0.5
        units[name] = mean, scale.masked_fill(constant, float("inf"))
    return units


def standardize(values: Mapping[str, Tensor], units: Units) -> Tensor:
    """Layers side by side, 0 where unmeasured."""
    # In place, since with thousands of samples and features every copy counts.
    blocks = [(x - units[name][0]).div_(units[name][1]).nan_to_num_() for name, x in values.items()]
    return torch.cat(blocks, dim=1) if len(blocks) > 1 else blocks[0]
