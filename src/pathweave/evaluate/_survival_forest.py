"""Random survival forest, as a scikit-learn estimator; scikit-survival grows it."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from pathweave.evaluate._survival_input import read_new, read_training


class RandomSurvivalForest(BaseEstimator):
    """Random survival forest; scikit-survival's, which is to be installed beside.

    Parameters
    ----------
    n_estimators
        Number of trees.
    min_samples_leaf
        Least number of samples in a leaf; by default 15, or a tenth of the samples where that is fewer, and 3 at
        least: with larger leaves a forest of a small cohort would have no split at all.
    max_features
        Features tried at each split, as in scikit-learn's forests.
    seed
        Seed of the forest.

    Attributes
    ----------
    forest_
        The fitted ``sksurv.ensemble.RandomSurvivalForest``.

    Notes
    -----
    scikit-survival is under the GPL and no part of pathweave: ``pip install 'pathweave[survival]'``.

    References
    ----------
    Ishwaran, Kogalur, Blackstone and Lauer, Annals of Applied Statistics 2 (2008).

    Examples
    --------
    >>> from pathweave.evaluate._survival_forest import RandomSurvivalForest
    >>> RandomSurvivalForest(n_estimators=50)
    RandomSurvivalForest(n_estimators=50)
    """

    def __init__(
        self,
        n_estimators: int = 100,
        *,
        min_samples_leaf: int | None = None,
        max_features: Any = "sqrt",
        seed: int = 0,
    ) -> None:
        self.n_estimators = n_estimators
        self.min_samples_leaf = min_samples_leaf
        self.max_features = max_features
        self.seed = seed

    def fit(self, X: Any, y: Any) -> RandomSurvivalForest:
        """Grow the forest.

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
        ImportError
            If scikit-survival is not installed.
        ValueError
            If there is no event.
        """
        try:
            from sksurv.ensemble import RandomSurvivalForest as Forest
        except ImportError as error:
            msg = (
                "the random survival forest needs scikit-survival: pip install 'pathweave[survival]'. "
                "'cox_ridge' does without."
            )
            raise ImportError(msg) from error
        X, y = read_training(self, X, y)
        outcome = np.empty(len(y), dtype=[("event", bool), ("time", np.float64)])
        outcome["event"], outcome["time"] = y[:, 1] == 1, y[:, 0]
        self.forest_ = Forest(
            self.n_estimators,
            min_samples_leaf=self.min_samples_leaf or min(15, max(3, len(X) // 10)),
            max_features=self.max_features,
            random_state=self.seed,
            n_jobs=1,
        ).fit(X, outcome)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Give the risk of samples: the expected number of events, as trees count them.

        Parameters
        ----------
        X
            Features (n_samples, n_features).

        Returns
        -------
        Risks, the higher the earlier the event; shape (n_samples,).
        """
        return self.forest_.predict(read_new(self, X))

    def predict_survival(self, X: Any, times: Any) -> np.ndarray:
        """Give the probability of surviving past each time.

        Parameters
        ----------
        X
            Features (n_samples, n_features).
        times
            Times, shape (n_times,); past the last training time the curve stays as it is.

        Returns
        -------
        Probabilities, shape (n_samples, n_times).
        """
        curves = self.forest_.predict_survival_function(read_new(self, X), return_array=True)
        steps = np.hstack([np.ones((len(curves), 1)), curves])
        moments = np.asarray(times, dtype=np.float64)
        return steps[:, np.searchsorted(self.forest_.unique_times_, moments, side="right")]
