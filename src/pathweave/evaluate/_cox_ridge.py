"""Cox regression with a ridge penalty, as a scikit-learn estimator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator

from pathweave._core.folds import folds
from pathweave.evaluate._survival_input import read_new, read_training

if TYPE_CHECKING:
    import torch


class CoxRidge(BaseEstimator):
    """Cox regression with a ridge penalty that is chosen by inner folds.

    Minimises the negative log partial likelihood (ties after Breslow), summed over the events, plus
    ``alpha / 2 * sum(coef ** 2)``, as scikit-survival does. Features are taken as they are: standardise
    them before.

    Parameters
    ----------
    n_inner
        Inner folds, stratified by event.
    seed
        Seed of the folds.
    alpha
        The penalty; ``None`` chooses it among `alphas`.
    alphas
        Penalties to choose among; ``None`` takes seven, from the sum of the features' variances down to a
        thousandth of it.

    Attributes
    ----------
    alpha_
        The penalty used.
    coef_
        Log hazard a unit of each feature, shape (n_features,).
    alphas_, losses_
        Penalties tried, strongest first, and their cross-validated negative log partial likelihood an event,
        shape (n_alphas,); empty if `alpha` was given.

    Notes
    -----
    A fold's loss is how much the whole likelihood exceeds that of the fold's training samples, both at
    coefficients from the latter: held-out events are compared with all samples at risk, not just with
    the few of their fold.

    References
    ----------
    Cox, Journal of the Royal Statistical Society B 34 (1972); Verweij and van Houwelingen, Statistics in
    Medicine 12 (1993), equation 3, for the cross-validated likelihood.

    Examples
    --------
    >>> import numpy as np
    >>> from pathweave.evaluate._cox_ridge import CoxRidge
    >>> x = np.linspace(-1, 1, 40)[:, None]
    >>> y = np.column_stack([np.exp(-x[:, 0]), np.ones(40)])
    >>> model = CoxRidge().fit(x, y)
    >>> bool(model.coef_[0] > 0), model.predict(x).shape
    (True, (40,))
    """

    def __init__(
        self,
        n_inner: int = 5,
        seed: int = 0,
        *,
        alpha: float | None = None,
        alphas: Any = None,
    ) -> None:
        self.n_inner = n_inner
        self.seed = seed
        self.alpha = alpha
        self.alphas = alphas

    def fit(self, X: Any, y: Any) -> CoxRidge:
        """Choose the penalty and fit all samples with it.

        Parameters
        ----------
        X
            Features (n_samples, n_features), without missing values.
        y
            Times and events (1, censored 0), shape (n_samples, 2).

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If there is no event, or a penalty is not positive.
        """
        import torch

        from pathweave.nn import single_thread
        from pathweave.nn.linear import cox_path

        X, y = read_training(self, X, y)
        self.alphas_, self.losses_ = np.empty(0), np.empty(0)
        x, outcome = torch.from_numpy(X), torch.from_numpy(y)
        with single_thread():
            if self.alpha is None:
                self._choose(x, outcome)
            else:
                self.alpha_ = _positive("alpha", [self.alpha])[0]
            path = cox_path(
                x, outcome[:, 0], outcome[:, 1], penalties=[self.alpha_], tolerance=1e-8
            )
            self.coef_ = path.weight_at(0)[:, 0].numpy().copy()
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Give the log hazard of samples, up to a constant.

        Parameters
        ----------
        X
            Features (n_samples, n_features).

        Returns
        -------
        Log hazards, shape (n_samples,).
        """
        return read_new(self, X) @ self.coef_

    def _choose(self, x: torch.Tensor, y: torch.Tensor) -> None:
        """Take the penalty of the best cross-validated partial likelihood."""
        import torch

        from pathweave.nn._scores import CoxLoss
        from pathweave.nn.linear import cox_path, default_penalties

        if self.alphas is None:
            spread = float(x.var(dim=0, correction=0).sum())
            penalties = default_penalties("survival", n_features=1.0) * max(spread, 1e-12)
        else:
            penalties = torch.tensor(_positive("alphas", self.alphas), dtype=torch.float64)
        penalties = penalties.sort(descending=True).values
        fold = folds(y[:, 1].numpy(), n_folds=min(self.n_inner, len(x)), seed=self.seed)
        everyone = CoxLoss(y[:, 0], y[:, 1], torch.ones(len(x), dtype=torch.float64))
        losses = torch.zeros(len(penalties), dtype=torch.float64)
        for f in np.unique(fold):
            inside = torch.from_numpy(fold != f)
            time, event = y[inside].T
            # A search need not be exact.
            path = cox_path(x[inside], time, event, penalties=penalties, tolerance=1e-3)
            own = CoxLoss(time, event, torch.ones_like(time))
            scores = path.predict(x)
            losses += torch.tensor([everyone.at(s).value - own.at(s[inside]).value for s in scores])
        self.alphas_ = penalties.numpy()
        self.losses_ = (losses / y[:, 1].sum()).numpy()
        self.alpha_ = float(self.alphas_[self.losses_.argmin()])


def _positive(name: str, values: Any) -> list[float]:
    numbers = np.asarray(values, dtype=np.float64).ravel()
    if not len(numbers) or not (np.isfinite(numbers) & (numbers > 0)).all():
        msg = f"{name}={values!r} must hold positive numbers; 0 (no penalty) has no unique optimum here."
        raise ValueError(msg)
    return [float(number) for number in numbers]
