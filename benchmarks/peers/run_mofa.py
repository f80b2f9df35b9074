"""MOFA+ (mofapy2): factors of the training samples, test samples projected onto them, logistic regression.

    <python of its environment> run_mofa.py <folder> <method> [--factors 15]

MOFA+ has no prediction of its own (nor of new samples), so this is what is usual: 15 Gaussian factors are
learned without the outcome from the training samples, features centred and layers brought to unit variance by them
(the documentation's ``scale_views``), sparse weights, automatic relevance of factors, ``convergence_mode="fast"``.
The factors of any sample are then the posterior mean given its values and the expected weights W and
precisions T, ``(I + W'TW)^-1 W'Tx``: least squares on the weights with the model's own noise and prior, over
the features that the sample has. Training samples are projected in the same way, and logistic regression on
the factors has its penalty tuned by five inner folds.
"""

from __future__ import annotations

import contextlib
import io
from importlib.metadata import version
from typing import Any

from folder import Part, answer, by_layer, one_thread

one_thread()

import numpy as np
from mofapy2.run.entry_point import entry_point
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

PENALTIES = np.logspace(-4, 2, 13)


def fit(train: Part, test: Part, *, seed: int, factors: int, iterations: int) -> dict[str, Any]:
    """Probabilities of the test samples."""
    if train.task != "class":
        msg = f"MOFA and logistic regression predict classes, not a {train.task}."
        raise ValueError(msg)
    x, new = by_layer(train), by_layer(test)
    for layer, values in x.items():
        middle = np.nanmean(values, axis=0)
        spread = np.sqrt(np.nanmean((values - middle) ** 2))
        x[layer], new[layer] = (values - middle) / spread, (new[layer] - middle) / spread
    weights, precisions = learn(x, seed=seed, factors=factors, iterations=iterations)
    inner = StratifiedKFold(5, shuffle=True, random_state=seed)
    search = GridSearchCV(
        make_pipeline(StandardScaler(), LogisticRegression(max_iter=5000)),
        {"logisticregression__C": PENALTIES}, cv=inner, scoring="neg_log_loss",
    )  # fmt: skip
    search.fit(project(x, weights, precisions), train.y)
    proba = np.zeros((len(test.names), train.n_classes))
    proba[:, search.classes_] = search.predict_proba(project(new, weights, precisions))
    return {"proba": proba, "chosen": float(search.best_params_["logisticregression__C"])}


def learn(
    x: dict[str, np.ndarray], *, seed: int, factors: int, iterations: int
) -> tuple[np.ndarray, np.ndarray]:
    """Expected weights (features, factors) and noise precisions (features,), all layers one below the other."""
    with contextlib.redirect_stdout(io.StringIO()):
        entry = entry_point()
        entry.set_data_options(scale_views=False, scale_groups=False)
        entry.set_data_matrix(
            [[values.copy()] for values in x.values()],
            likelihoods=["gaussian"] * len(x), views_names=list(x),
        )  # fmt: skip
        entry.set_model_options(factors=factors, spikeslab_weights=True, ard_weights=True)
        entry.set_train_options(iter=iterations, convergence_mode="fast", seed=seed, verbose=False)
        entry.build()
        entry.run()
        found = entry.model.getExpectations()
    weights = np.concatenate([w["E"] for w in found["W"]])
    taus = [t["E"] if isinstance(t, dict) else t for t in found["Tau"]]
    return weights, np.concatenate([np.nanmax(t, axis=0) if t.ndim == 2 else t for t in taus])


def project(x: dict[str, np.ndarray], weights: np.ndarray, precisions: np.ndarray) -> np.ndarray:
    """Factors (samples, factors) given the features that each sample has."""
    values = np.concatenate(list(x.values()), axis=1)
    has = ~np.isnan(values)
    values = np.nan_to_num(values)
    heavy = weights * precisions[:, None]
    out = np.empty((len(values), weights.shape[1]))
    for i, (row, known) in enumerate(zip(values, has, strict=True)):
        inside = np.eye(weights.shape[1]) + heavy[known].T @ weights[known]
        out[i] = np.linalg.solve(inside, heavy[known].T @ row[known])
    return out


if __name__ == "__main__":
    answer(fit, {"factors": 15, "iterations": 1000}, {"mofapy2": version("mofapy2")})
