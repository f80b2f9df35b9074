"""Cox regression with a ridge penalty, as a scikit-learn estimator."""

from __future__ import annotations

import numpy as np
import torch
from sklearn.base import BaseEstimator

from pathweave._core.folds import folds
from pathweave.models._linear import LinearPart

_LAYER = "x"


class CoxRidge(BaseEstimator):
    """Cox regression with a ridge penalty chosen by the partial likelihood of inner folds.

    Parameters
    ----------
    n_inner
        Inner folds.
    seed
        Seed of the folds.
    """

    def __init__(self, n_inner: int = 5, seed: int = 0) -> None:
        self.n_inner = n_inner
        self.seed = seed

    def fit(self, X: np.ndarray, y: np.ndarray) -> CoxRidge:
        """Fit on features (n, p) without gaps, and times and events (n, 2)."""
        fold = folds(y[:, 1], n_folds=min(self.n_inner, len(y)), seed=self.seed)
        part = LinearPart("early", balance=False)
        part.fit({_LAYER: torch.tensor(X)}, "survival", torch.tensor(y), torch.tensor(fold))
        self.module_, self.penalty_ = part.module_, part.penalty_["early"]
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Log hazards (n,)."""
        x = torch.tensor(np.asarray(X, dtype=np.float64))
        with torch.no_grad():
            risk = self.module_({_LAYER: x}, {_LAYER: torch.ones_like(x, dtype=torch.bool)})
        return risk[:, 0].double().numpy()
