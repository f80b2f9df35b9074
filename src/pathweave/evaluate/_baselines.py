"""The rivals: tuned linear models, trees, neighbours, survival, and the majority class."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin

from pathweave._core.checks import listed
from pathweave.evaluate._fusion import Fused, Fusion
from pathweave.evaluate._splits import InnerFolds

if TYPE_CHECKING:
    from collections.abc import Callable

    from pathweave.evaluate._samples import Task

_TINY = 1e-15
_FUSIONS: tuple[Fusion, ...] = ("late", "stacked")


class PrincipalAxes(TransformerMixin, BaseEstimator):
    """Turn to the principal axes of the training samples.

    An exact rotation for models with a ridge penalty, whose coefficients lie in the span of the
    samples: with more features than samples it saves most of the work and changes no prediction.
    """

    def fit(self, X: np.ndarray, y: Any = None) -> PrincipalAxes:  # noqa: ARG002
        """Find the axes."""
        if X.shape[1] <= X.shape[0]:
            self.axes_ = None
            return self
        # Eigenvectors of the small Gram matrix, which is quicker than a decomposition of X.
        values, vectors = np.linalg.eigh(X @ X.T)
        keep = values > values.max(initial=0.0) * 1e-12
        self.axes_ = X.T @ (vectors[:, keep] / np.sqrt(values[keep])) if keep.any() else None
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Give coordinates on the axes."""
        return X if self.axes_ is None else X @ self.axes_


def log_likelihood(estimator: Any, X: np.ndarray, y: np.ndarray) -> float:
    """Score of a classifier: mean log probability of the truth, also of classes it has never seen."""
    proba = estimator.predict_proba(X)
    column = np.searchsorted(estimator.classes_, y)
    column = np.minimum(column, proba.shape[1] - 1)
    seen = np.asarray(estimator.classes_)[column] == y
    hit = np.where(seen, proba[np.arange(len(y)), column], 0.0)
    return float(np.mean(np.log(np.clip(hit, _TINY, 1.0))))


def _prepared(*steps: Any, scale: bool = True) -> Any:
    """Mean imputation and unit variance before an estimator, learned where the estimator is."""
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    scaler = (StandardScaler(),) if scale else ()
    return make_pipeline(SimpleImputer(keep_empty_features=True), *scaler, *steps)


def _tuned(pipeline: Any, grid: dict[str, Any], seed: int, n_inner: int, scoring: Any) -> Any:
    from sklearn.model_selection import GridSearchCV

    step = pipeline.steps[-1][0]
    grid = {f"{step}__{name}": values for name, values in grid.items()}
    return GridSearchCV(pipeline, grid, cv=InnerFolds(n_inner, seed), scoring=scoring)


def _ridge(task: Task, seed: int, n_inner: int) -> Any:
    from sklearn.linear_model import LogisticRegression, RidgeCV

    if task == "number":
        return _prepared(PrincipalAxes(), RidgeCV(np.logspace(0, 6, 19)))
    model = LogisticRegression(max_iter=2000, tol=1e-3)
    grid = {"C": np.logspace(-4, 0, 9)}
    return _tuned(_prepared(PrincipalAxes(), model), grid, seed, n_inner, log_likelihood)


def _elastic_net(task: Task, seed: int, n_inner: int) -> Any:
    from sklearn.linear_model import ElasticNetCV, LogisticRegression

    if task == "number":
        model = ElasticNetCV(
            l1_ratio=[0.1, 0.5, 0.9], alphas=20, cv=InnerFolds(n_inner, seed), tol=1e-3
        )
        return _prepared(model)
    model = LogisticRegression(
        l1_ratio=0.5, solver="saga", max_iter=60, tol=1e-2, random_state=seed
    )
    return _tuned(
        _prepared(_QuietFit(model)),
        {"estimator__C": [0.01, 0.03, 0.1, 0.3]},
        seed,
        3,
        log_likelihood,
    )


def _svm(task: Task, seed: int, n_inner: int) -> Any:
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.svm import SVC, SVR

    if task == "number":
        grid = {"C": np.logspace(-3, 1, 5)}
        return _tuned(_prepared(PrincipalAxes(), SVR(kernel="linear")), grid, seed, n_inner, "r2")
    grid = {"C": np.logspace(-4, 0, 5)}
    best = _tuned(_prepared(PrincipalAxes(), SVC(kernel="linear")), grid, seed, 3, "accuracy")
    return CalibratedClassifierCV(best, cv=InnerFolds(n_inner, seed), ensemble=False)


def _random_forest(task: Task, seed: int, n_inner: int) -> Any:  # noqa: ARG001
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    if task == "number":
        model = RandomForestRegressor(
            300, max_features=1 / 3, min_samples_leaf=3, random_state=seed
        )
        return _prepared(model, scale=False)
    return _prepared(RandomForestClassifier(300, random_state=seed), scale=False)


def _gradient_boosting(task: Task, seed: int, n_inner: int) -> Any:  # noqa: ARG001
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    kind = HistGradientBoostingRegressor if task == "number" else HistGradientBoostingClassifier
    return kind(
        learning_rate=0.1, max_iter=100, max_leaf_nodes=6, min_samples_leaf=8, max_features=0.05,
        max_bins=32, random_state=seed,
    )  # fmt: skip


def _knn(task: Task, seed: int, n_inner: int) -> Any:
    from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

    number = task == "number"
    model = KNeighborsRegressor() if number else KNeighborsClassifier()
    grid = {"n_neighbors": [3, 5, 9, 15, 25]}
    scoring = "r2" if number else "accuracy"
    return _tuned(_prepared(PrincipalAxes(), model), grid, seed, n_inner, scoring)


def _sparse_plsda(task: Task, seed: int, n_inner: int) -> Any:  # noqa: ARG001
    from pathweave.evaluate._spls import SparsePLSDA

    grid = {"n_components": [1, 2, 4], "keep": [10, 50, 200]}
    return _tuned(_prepared(SparsePLSDA(), scale=False), grid, seed, n_inner, log_likelihood)


def _random_survival_forest(task: Task, seed: int, n_inner: int) -> Any:  # noqa: ARG001
    from pathweave.evaluate._survival_forest import RandomSurvivalForest

    return _prepared(RandomSurvivalForest(seed=seed), scale=False)


def _cox_ridge(task: Task, seed: int, n_inner: int) -> Any:  # noqa: ARG001
    from pathweave.evaluate._cox_ridge import CoxRidge

    return _prepared(CoxRidge(n_inner, seed))


def _majority(task: Task, seed: int, n_inner: int) -> Any:  # noqa: ARG001
    from sklearn.dummy import DummyClassifier, DummyRegressor

    if task == "class":
        return _prepared(DummyClassifier(strategy="prior"), scale=False)
    return _prepared(_NoRisk() if task == "survival" else DummyRegressor(), scale=False)


class _NoRisk(BaseEstimator):
    """The same risk for everyone; with Breslow's baseline, the Kaplan-Meier curve for everyone."""

    def fit(self, X: np.ndarray, y: Any = None) -> _NoRisk:  # noqa: ARG002
        self.fitted_ = True
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        return np.zeros(len(X))


class _QuietFit(ClassifierMixin, BaseEstimator):
    """A classifier whose solver stops at a set number of rounds, as planned, without a warning."""

    def __init__(self, estimator: Any) -> None:
        self.estimator = estimator

    def fit(self, X: np.ndarray, y: np.ndarray) -> _QuietFit:
        import warnings

        from sklearn.base import clone
        from sklearn.exceptions import ConvergenceWarning

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            self.estimator_ = clone(self.estimator).fit(X, y)
        self.classes_ = self.estimator_.classes_
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        return self.estimator_.predict(X)

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        return self.estimator_.predict_proba(X)


BASELINES: dict[str, tuple[Any, tuple[str, ...]]] = {
    "ridge": (_ridge, ("class", "number")),
    "elastic_net": (_elastic_net, ("class", "number")),
    "svm": (_svm, ("class", "number")),
    "random_forest": (_random_forest, ("class", "number")),
    "gradient_boosting": (_gradient_boosting, ("class", "number")),
    "knn": (_knn, ("class", "number")),
    "sparse_plsda": (_sparse_plsda, ("class",)),
    "cox_ridge": (_cox_ridge, ("survival",)),
    "random_survival_forest": (_random_survival_forest, ("survival",)),
    "majority": (_majority, ("class", "number", "survival")),
}
"""Name: the maker of the estimator, and the tasks it is for."""


def baseline(name: str, task: Task, *, n_inner: int) -> SeededBaseline:
    """Make a baseline by its name: ``"ridge"``, or ``"ridge_late"``, ``"ridge_stacked"``."""
    plain = name
    fusion: Fusion = "early"
    for ending in _FUSIONS:
        if name.endswith(f"_{ending}"):
            plain, fusion = name.removesuffix(f"_{ending}"), ending
    fitting = [key for key, (_, tasks) in BASELINES.items() if task in tasks]
    if plain not in fitting:
        msg = (
            f"baselines: {name!r} is not known for a target of kind {task!r}; choose among "
            f"{listed(fitting, 20)}, each also with '_late' or '_stacked' (one model a layer)."
        )
        raise ValueError(msg)
    if plain == "random_survival_forest" and find_spec("sksurv") is None:
        msg = (
            f"baselines: {name!r} needs scikit-survival, which is under the GPL and no part of pathweave: "
            "pip install 'pathweave[survival]', or take 'cox_ridge'."
        )
        raise ImportError(msg)
    return SeededBaseline(plain, task, fusion, n_inner)


class SeededBaseline:
    """A built-in estimator, made anew with the seed of each fold."""

    def __init__(self, name: str, task: Task, fusion: Fusion, n_inner: int) -> None:
        self.name, self.task, self.fusion, self.n_inner = name, task, fusion, n_inner

    def _fused(self, seed: int) -> Fused:
        return Fused(BASELINES[self.name][0](self.task, seed, self.n_inner), self.fusion)

    def describe(self) -> str:
        """Tell the estimator with all parameters."""
        return self._fused(0).describe()

    def fit(self, train: Any, *, seed: int) -> Callable[[Any], Any]:
        """Fit on training samples; gives a function that predicts others."""
        fused = self._fused(seed)
        grid = getattr(fused.estimator, "param_grid", {})
        for name in [name for name in grid if name.endswith("n_neighbors")]:
            rows = min(max(int(train.has(layer).sum()), 8) for layer in train.layers)
            most = rows - int(np.ceil(rows / self.n_inner)) - 1
            grid[name] = [k for k in grid[name] if k <= most] or [1]
        return fused.fit(train, seed=seed)
