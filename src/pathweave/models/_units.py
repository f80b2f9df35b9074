"""Means and deviations of a layer, learned from training samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from typing import Self

FARTHEST = 5.0


@dataclass(frozen=True)
class Units:
    """Means and deviations of a layer's training values.

    Attributes
    ----------
    mean, scale
        By feature; a constant feature has scale 0, and standardises to 0 whatever a new sample brings.
    known
        Features that some training sample has.
    """

    mean: np.ndarray
    scale: np.ndarray
    known: np.ndarray

    @classmethod
    def of(cls, x: np.ndarray) -> Self:
        """Learn from values (n, n_features), NaN where unmeasured."""
        seen = ~np.isnan(x)
        count = np.maximum(seen.sum(axis=0), 1)
        filled = np.where(seen, x, 0.0).astype(np.float64)
        mean = filled.sum(axis=0) / count
        scale = np.sqrt(np.where(seen, (filled - mean) ** 2, 0.0).sum(axis=0) / count)
        constant = scale <= 1e-8 * np.maximum(np.abs(mean), 1e-3)
        return cls(mean, np.where(constant, 0.0, scale), seen.any(axis=0))

    def standardize(self, x: np.ndarray) -> np.ndarray:
        """Standardise; NaN stays NaN."""
        z: np.ndarray = (x - self.mean) / np.where(self.scale > 0, self.scale, np.inf)
        return z

    def inputs(self, x: np.ndarray) -> np.ndarray:
        """Standardise for a linear map: 0 where unmeasured, and no value farther out than 5 deviations.

        A single broken value would otherwise move all that is predicted from it.
        """
        return np.nan_to_num(self.standardize(x)).clip(-FARTHEST, FARTHEST)
