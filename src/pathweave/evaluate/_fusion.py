"""scikit-learn estimators on several layers: side by side, one a layer, or stacked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pathweave._core.checks import check_choice
from pathweave._core.survival import breslow
from pathweave.evaluate._predicted import Predicted, spread_proba
from pathweave.evaluate._splits import InnerFolds
from pathweave.evaluate._survival_input import one_risk_each

if TYPE_CHECKING:
    from collections.abc import Callable

    from pathweave.evaluate._samples import Samples

Fusion = Literal["early", "late", "stacked"]
_TINY = 1e-6


@dataclass(frozen=True)
class Fused:
    """A scikit-learn estimator, and how it takes several layers.

    Parameters
    ----------
    estimator
        Unfitted classifier, regressor, or (for survival) an estimator whose ``fit`` takes times and events
        (n, 2) and whose ``predict`` gives a risk. It is cloned for every fit. Where values are missing and
        it takes none, the mean of the training samples is put in their place.
    fusion
        ``"early"``: all layers side by side; ``"late"``: one model a layer, fitted on the samples that
        have it, and predictions averaged over the layers a sample has; ``"stacked"``: one model a
        layer, and a linear model of their out-of-fold predictions.

    Examples
    --------
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from pathweave import evaluate
    >>> evaluate.Fused(GaussianNB(), "late").fusion
    'late'
    """

    estimator: Any
    fusion: Fusion = "early"

    def __post_init__(self) -> None:
        check_choice("fusion", self.fusion, ("early", "late", "stacked"))
        for needed in ("fit", "predict", "get_params"):
            if not hasattr(self.estimator, needed):
                msg = (
                    f"estimator={self.estimator!r} has no {needed}; give an unfitted scikit-learn estimator, "
                    "not a class or a fitted function."
                )
                raise TypeError(msg)
        if isinstance(self.estimator, type):
            msg = f"estimator={self.estimator!r} is a class; give an instance: {self.estimator.__name__}()."
            raise TypeError(msg)

    def describe(self) -> str:
        """Tell estimator and fusion with all parameters."""
        return f"{self.fusion} {_described(self.estimator)}"

    def fit(self, train: Samples, *, seed: int) -> Callable[[Samples], Predicted]:
        """Fit on training samples; gives a function that predicts others."""
        if self.fusion == "early" or len(train.layers) == 1:
            return _fit_one(self.estimator, train)
        if self.fusion == "late":
            return _fit_late(self.estimator, train)
        return _fit_stacked(self.estimator, train, seed)


def _described(estimator: Any) -> str:
    from sklearn import config_context

    with config_context(print_changed_only=False):
        told = f"{type(estimator).__module__}.{estimator!r}"
    # Where an object lies in memory says nothing of what it does.
    return re.sub(r" at 0x[0-9a-fA-F]+", "", told)


def _fit_one(estimator: Any, train: Samples) -> Callable[[Samples], Predicted]:
    """Fit one estimator on the layers side by side; several number targets one by one."""
    if train.task != "number" or len(train.targets) == 1:
        return _fit_target(estimator, train, 0)
    parts = [_fit_target(estimator, train, t) for t in range(len(train.targets))]
    return lambda new: Predicted(np.hstack([part(new).value for part in parts]))


def _fit_target(estimator: Any, train: Samples, column: int) -> Callable[[Samples], Predicted]:
    """Fit one estimator to one outcome."""
    from sklearn.base import clone

    known = train.known(column)
    if not known.all():
        train = train.take(np.flatnonzero(known))
    x = train.side_by_side()
    n_classes = len(train.classes)
    y = {
        "class": lambda: train.y[:, 0].astype(int),
        "number": lambda: train.y[:, column],
        "survival": lambda: train.y,
    }[train.task]()
    if train.task == "class" and len(np.unique(y)) < 2:
        only = int(y[0])
        sure = spread_proba(np.ones((1, 1)), np.array([only]), n_classes)
        return lambda new: Predicted(np.full(len(new), only), np.repeat(sure, len(new), axis=0))
    fitted = _imputing(clone(estimator), x)
    if train.groups is not None and _takes_groups(fitted):
        fitted.fit(x, y, groups=train.groups)
    else:
        fitted.fit(x, y)
    if train.task == "survival":
        risks = one_risk_each(fitted.predict(x), len(x), type(estimator).__name__)
        return lambda new: _survival_of(fitted, train.y, risks, new.side_by_side())
    if train.task == "number":
        return lambda new: Predicted(
            np.asarray(fitted.predict(new.side_by_side()), dtype=np.float64).reshape(-1, 1)
        )

    def predict(new: Samples) -> Predicted:
        x_new = new.side_by_side()
        proba = None
        if hasattr(fitted, "predict_proba"):
            proba = spread_proba(fitted.predict_proba(x_new), fitted.classes_, n_classes)
        return Predicted(np.asarray(fitted.predict(x_new)).astype(int), proba)

    return predict


def _survival_of(fitted: Any, y: np.ndarray, risks: np.ndarray, x: np.ndarray) -> Predicted:
    """Risk, and survival by the model itself or by Breslow's baseline of the training samples."""
    risk = np.asarray(fitted.predict(x), dtype=np.float64).ravel()
    own = _own_survival(fitted, x)
    if own is not None:
        return Predicted(risk, survival=own)
    return Predicted(risk, survival=lambda times: breslow(y[:, 0], y[:, 1], risks, risk, times))


def _own_survival(fitted: Any, x: np.ndarray) -> Callable[[np.ndarray], np.ndarray] | None:
    """Survival curves of an estimator that has ``predict_survival``, also at the end of a pipeline."""
    from sklearn.pipeline import Pipeline

    before = []
    while isinstance(
        fitted, Pipeline
    ):  # its end may be one, too: imputation is put before the user's
        before += [fitted[:-1]] if len(fitted) > 1 else []
        fitted = fitted[-1]
    if not hasattr(fitted, "predict_survival"):
        return None
    for steps in before:
        x = steps.transform(x)
    return lambda times: fitted.predict_survival(x, times)


def _imputing(estimator: Any, x: np.ndarray) -> Any:
    """Put mean imputation before an estimator that takes no missing values, where some are missing."""
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.utils import get_tags

    if not np.isnan(x).any() or get_tags(estimator).input_tags.allow_nan:
        return estimator
    return make_pipeline(SimpleImputer(keep_empty_features=True), estimator)


def _takes_groups(estimator: Any) -> bool:
    return hasattr(estimator, "cv") and hasattr(estimator, "param_grid")


def _fit_late(estimator: Any, train: Samples) -> Callable[[Samples], Predicted]:
    """One model a layer; what they say is averaged over the layers that a sample has."""
    parts = _fit_layers(estimator, train)
    prior = _prior(train)
    y, spread = train.y, _train_spread(parts, train)

    def predict(new: Samples) -> Predicted:
        outputs = _outputs(parts, new)
        if new.task == "survival":
            outputs = {layer: out / spread[layer] for layer, out in outputs.items()}
        there = np.stack([new.has(layer) for layer in outputs])
        total = np.sum(
            [np.where(there[i, :, None], out, 0.0) for i, out in enumerate(outputs.values())],
            axis=0,
        )
        count = there.sum(axis=0)[:, None]
        mean = np.where(count > 0, total / np.maximum(count, 1), prior)
        return _as_predicted(mean, new)

    if train.task != "survival":
        return predict
    risks = predict(train).value

    def with_survival(new: Samples) -> Predicted:
        risk = predict(new).value
        return Predicted(risk, survival=lambda t: breslow(y[:, 0], y[:, 1], risks, risk, t))

    return with_survival


def _fit_layers(estimator: Any, train: Samples) -> dict[str, Callable[[Samples], Predicted]]:
    """Fit each layer on the samples that have it, where these can teach anything."""
    parts = {}
    for layer in train.layers:
        alone = train.only([layer])
        alone = alone.take(np.flatnonzero(alone.has(layer)))
        if len(alone) >= _least(alone):
            parts[layer] = _fit_one(estimator, alone)
    if not parts:
        return {next(iter(train.layers)): _fit_one(estimator, train)}
    return parts


def _least(samples: Samples) -> int:
    """Fewer samples than this cannot be learned from."""
    if samples.task == "survival" and samples.y[:, 1].sum() < 2:
        return len(samples) + 1
    return 8


def _outputs(
    parts: dict[str, Callable[[Samples], Predicted]], new: Samples
) -> dict[str, np.ndarray]:
    """Scores (n, n_outputs) of each layer's model; of samples without the layer they mean nothing."""
    found = {}
    for layer, part in parts.items():
        said = part(new.only([layer]))
        if new.task == "class":
            found[layer] = (
                np.eye(len(new.classes))[said.value] if said.proba is None else said.proba
            )
        else:
            found[layer] = said.value.reshape(len(new), -1)
    return found


def _train_spread(
    parts: dict[str, Callable[[Samples], Predicted]], train: Samples
) -> dict[str, float]:
    """Spread of each layer's risks: log hazards of different models have no common unit."""
    if train.task != "survival":
        return {}
    return {layer: max(float(out.std()), 1e-12) for layer, out in _outputs(parts, train).items()}


def _prior(train: Samples) -> np.ndarray:
    """What is known of a sample without data."""
    if train.task == "class":
        return np.bincount(train.y[:, 0].astype(int), minlength=len(train.classes)) / len(train)
    if train.task == "number":
        return np.nan_to_num(np.nanmean(train.y, axis=0))
    return np.zeros(1)


def _as_predicted(scores: np.ndarray, samples: Samples) -> Predicted:
    if samples.task == "class":
        return Predicted(scores.argmax(axis=1), scores)
    return Predicted(scores if samples.task == "number" else scores[:, 0])


def _fit_stacked(estimator: Any, train: Samples, seed: int) -> Callable[[Samples], Predicted]:
    """A linear model of what each layer's model said of samples it had not seen."""
    n_outputs = {"class": len(train.classes), "number": len(train.targets), "survival": 1}[
        train.task
    ]
    labels = train.y[:, 1] if train.task == "survival" else train.y[:, 0]
    layers = list(train.layers)
    prior = _prior(train)
    held_out = np.tile(prior, (len(layers), len(train), 1)).astype(np.float64)
    for inside, held in InnerFolds(5, seed).split(labels, labels, train.groups):
        parts = _fit_layers(estimator, train.take(inside))
        held_out[:, held] = _filled(parts, train.take(held), layers, prior, n_outputs)
    meta = _fit_meta(held_out, train, seed)
    parts = _fit_layers(estimator, train)

    def predict(new: Samples) -> Predicted:
        return meta(_filled(parts, new, layers, prior, n_outputs), new)

    return predict


def _filled(
    parts: dict[str, Callable[[Samples], Predicted]],
    new: Samples,
    layers: list[str],
    prior: np.ndarray,
    n_outputs: int,
) -> np.ndarray:
    """Scores (n_layers, n, n_outputs), the prior where a sample lacks the layer."""
    filled = np.tile(prior, (len(layers), len(new), 1)).astype(np.float64)
    filled = filled.reshape(len(layers), len(new), n_outputs)
    for layer, out in _outputs(parts, new).items():
        has = new.has(layer)
        filled[layers.index(layer), has] = out[has]
    return filled


def _fit_meta(
    held_out: np.ndarray, train: Samples, seed: int
) -> Callable[[np.ndarray, Samples], Predicted]:
    """Fit the second level: logistic regression, ridge, or Cox."""
    from sklearn.linear_model import LogisticRegressionCV, RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    def columns(scores: np.ndarray) -> np.ndarray:
        if train.task == "class":
            scores = np.log(np.clip(scores, _TINY, 1.0))
        return np.hstack(list(scores))

    x = columns(held_out)
    if train.task == "class":
        from sklearn.linear_model import LogisticRegression

        y = train.y[:, 0].astype(int)
        common = np.bincount(y)[np.unique(y)].min() >= 5
        inner = (
            LogisticRegressionCV(
                Cs=np.logspace(-4, 1, 8), cv=InnerFolds(5, seed), scoring="neg_log_loss",
                max_iter=1000, l1_ratios=(0.0,), use_legacy_attributes=False,
            )
            if common
            else LogisticRegression(C=0.01, max_iter=1000)
        )  # fmt: skip
        model = make_pipeline(StandardScaler(), inner).fit(x, y)

        def classify(scores: np.ndarray, new: Samples) -> Predicted:
            proba = model.predict_proba(columns(scores))
            return _as_predicted(spread_proba(proba, model.classes_, len(train.classes)), new)

        return classify
    if train.task == "number":
        models = []
        n_targets = len(train.targets)
        for t in range(n_targets):
            known = train.known(t)
            ridge = make_pipeline(StandardScaler(), RidgeCV(np.logspace(-2, 4, 13)))
            models.append(ridge.fit(x[known][:, t::n_targets], train.y[known, t]))
        return lambda scores, _: Predicted(
            np.stack([m.predict(columns(scores)[:, t::n_targets]) for t, m in enumerate(models)], 1)
        )
    from pathweave.evaluate._cox_ridge import CoxRidge

    cox = make_pipeline(StandardScaler(), CoxRidge()).fit(x, train.y)
    risks = cox.predict(x)

    def survive(scores: np.ndarray, _: Samples) -> Predicted:
        risk = cox.predict(columns(scores))
        t, e = train.y.T
        return Predicted(risk, survival=lambda times: breslow(t, e, risks, risk, times))

    return survive
