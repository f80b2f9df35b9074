"""Sparse partial least squares discriminant analysis, a scikit-learn classifier."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin

_TOLERANCE = 1e-10
_MAX_ROUNDS = 500
# Below this share of the first component's covariance, nothing but rounding is left.
_NOTHING = 1e-10


class SparsePLSDA(ClassifierMixin, TransformerMixin, BaseEstimator):
    """Discriminate classes by a few components of a few features each.

    Each component is the combination of `keep` features that covaries most with the classes; its share
    is taken out of the features before the next. Features and the classes' indicators are scaled to unit
    variance. Probabilities come from a logistic regression on the components.

    Parameters
    ----------
    n_components
        Number of components; fewer are made if the features hold no more.
    keep
        Number of features in each component; all, if there are no more than that. Features that tie at
        the border are all kept.
    C
        Inverse penalty of the logistic regression on the components, which are scaled to unit variance. The
        components were made to fit the training samples: a small value keeps probabilities modest.

    Attributes
    ----------
    classes_
        Class labels, shape (n_classes,).
    weights_, loadings_
        Weight of each (deflated) feature in each component, `keep` of them not 0 (ties aside), and the features'
        regression on the components, shape (n_features, n_components).
    rotations_
        What scaled features are multiplied by to give the components, shape (n_features, n_components).

    Notes
    -----
    With ``keep`` at the number of features, these are the components of scikit-learn's ``PLSRegression``
    on the classes' indicators, up to sign.

    References
    ----------
    Lê Cao, Boitard and Besse, BMC Bioinformatics 12 (2011): sPLS-DA; Lê Cao, Rossouw, Robert-Granié and
    Besse, Statistical Applications in Genetics and Molecular Biology 7 (2008): the algorithm, in
    regression mode.

    Examples
    --------
    >>> import numpy as np
    >>> from pathweave.evaluate._spls import SparsePLSDA
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat([0, 1], 20)
    >>> x = rng.normal(size=(40, 100))
    >>> x[:, :3] += 4 * y[:, None]
    >>> model = SparsePLSDA(n_components=1, keep=3).fit(x, y)
    >>> np.flatnonzero(model.weights_[:, 0]).tolist()
    [0, 1, 2]
    """

    def __init__(self, n_components: int = 2, keep: int = 50, *, C: float = 1.0) -> None:
        self.n_components = n_components
        self.keep = keep
        self.C = C

    def fit(self, X: Any, y: Any) -> SparsePLSDA:
        """Find the components, and fit the logistic regression on them.

        Parameters
        ----------
        X
            Features (n_samples, n_features), without missing values.
        y
            Class of each sample, shape (n_samples,).

        Returns
        -------
        self
        """
        from sklearn.linear_model import LogisticRegression
        from sklearn.utils.multiclass import check_classification_targets
        from sklearn.utils.validation import validate_data

        for name in ("n_components", "keep"):
            value = getattr(self, name)
            if not isinstance(value, (int, np.integer)) or value < 1:
                msg = f"{name}={value!r} must be a whole number of at least 1."
                raise ValueError(msg)
        X, y = validate_data(self, X, y, dtype=np.float64, ensure_min_samples=2)
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            msg = f"y holds one class only ({self.classes_[0]!r}); two are the least that can be told apart."
            raise ValueError(msg)
        self._mean, self._scale = X.mean(axis=0), _deviation(X)
        x = (X - self._mean) / self._scale
        indicators = np.eye(len(self.classes_))[codes]
        indicators = (indicators - indicators.mean(axis=0)) / _deviation(indicators)
        self._find(x, indicators)
        scores = x @ self.rotations_
        self._spread = _deviation(scores)
        self._logistic = LogisticRegression(C=self.C, max_iter=2000).fit(
            scores / self._spread, codes
        )
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Give the components of samples.

        Parameters
        ----------
        X
            Features (n_samples, n_features).

        Returns
        -------
        Scores, shape (n_samples, n_components).
        """
        from sklearn.utils.validation import check_is_fitted, validate_data

        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        used = self.rotations_.any(axis=1)
        x = (X[:, used] - self._mean[used]) / self._scale[used]
        return x @ self.rotations_[used]

    def predict_proba(self, X: Any) -> np.ndarray:
        """Give the probability of each class.

        Parameters
        ----------
        X
            Features (n_samples, n_features).

        Returns
        -------
        Probabilities, shape (n_samples, n_classes).
        """
        scores = self.transform(X)
        return self._logistic.predict_proba(scores / self._spread)

    def predict(self, X: Any) -> np.ndarray:
        """Give the likeliest class.

        Parameters
        ----------
        X
            Features (n_samples, n_features).

        Returns
        -------
        Class labels, shape (n_samples,).
        """
        proba = self.predict_proba(X)
        return self.classes_[proba.argmax(axis=1)]

    def _find(self, x: np.ndarray, y: np.ndarray) -> None:
        """Find weights, loadings and rotations.

        Components are orthogonal, so deflating the features changes their covariance with the classes by one
        outer product; neither matrix need be copied.
        """
        n_most = min(self.n_components, len(x) - 1, x.shape[1])
        covariance = x.T @ y
        weights: list[np.ndarray] = []
        loadings: list[np.ndarray] = []
        scores: list[np.ndarray] = []
        start = np.linalg.norm(covariance)
        for _ in range(n_most):
            if start == 0 or np.linalg.norm(covariance) <= _NOTHING * start:
                break
            w = sparse_direction(covariance, self.keep)
            t = x @ w
            for p, earlier in zip(loadings, scores, strict=True):
                t -= (p @ w) * earlier
            length = t @ t
            if length <= _NOTHING * len(x):
                break
            p = x.T @ t / length
            covariance = covariance - np.outer(p, t @ y)
            weights.append(w)
            loadings.append(p)
            scores.append(t)
        if not weights:  # nothing to go by: every sample gets score 0
            weights, loadings = [np.zeros(x.shape[1])], [np.zeros(x.shape[1])]
        self.weights_ = np.stack(weights, axis=1)
        self.loadings_ = np.stack(loadings, axis=1)
        inner = self.loadings_.T @ self.weights_
        self.rotations_ = self.weights_ @ np.linalg.pinv(inner)


def sparse_direction(covariance: np.ndarray, keep: int) -> np.ndarray:
    """Find the unit vector of `keep` entries that covaries most with a direction of the columns.

    Alternates between the two directions, from the leading singular vectors on, with the rows' entries
    soft-thresholded.
    """
    v = np.linalg.eigh(covariance.T @ covariance)[1][:, -1]
    w = _unit(soft_threshold(covariance @ v, keep))
    if keep < len(covariance):
        for _ in range(_MAX_ROUNDS):
            before = w
            v = _unit(covariance.T @ w)
            w = _unit(soft_threshold(covariance @ v, keep))
            if np.abs(w - before).max() <= _TOLERANCE:
                break
    return w if w[np.abs(w).argmax()] > 0 else -w


def soft_threshold(values: np.ndarray, keep: int) -> np.ndarray:
    """Draw values towards 0 until only `keep` are left; those that tie at the border stay."""
    if keep >= len(values):
        return values
    size = np.abs(values)
    border = np.partition(size, len(size) - keep)[len(size) - keep]
    below = size[size < border]
    threshold = below.max() if len(below) else 0.0
    return np.sign(values) * np.maximum(size - threshold, 0.0)


def _unit(values: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(values)
    return values / length if length > 0 else values


def _deviation(values: np.ndarray) -> np.ndarray:
    """Standard deviation of the columns, 1 where they are constant."""
    deviation = values.std(axis=0, ddof=1)
    constant = deviation <= 1e-12 * np.abs(values).max(axis=0)
    return np.where(constant, 1.0, deviation)
