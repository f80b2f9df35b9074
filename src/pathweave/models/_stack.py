"""How much each part of a prediction counts: weights by out-of-fold likelihood."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize

_PRIOR = 20.0
"""Pseudo-samples that vote for equal weights: with few samples an even mixture is the safer one."""


def class_weights(
    log_proba: np.ndarray, y: np.ndarray, sample_weight: np.ndarray | None = None
) -> np.ndarray:
    """Weights of log-probabilities that maximise the likelihood of their pool out of fold.

    The pool is ``softmax(sum_k w_k log p_k)`` (logarithmic opinion pool, Genest and Zidek 1986; fitted
    as in Heskes 1998). The weights are not bound to sum to one: averages of good forecasts are too
    timid, and a part may be too sure of itself; both are mended here.

    Parameters
    ----------
    log_proba
        Out-of-fold log-probabilities (n_parts, n, n_classes).
    y
        Class positions (n,).
    sample_weight
        How much each sample counts (n,); all alike by default.

    Returns
    -------
    Weights (n_parts,), zero or more.
    """
    n_parts, n = log_proba.shape[:2]
    rows, labels = np.arange(n), y.astype(int)
    counted = np.ones(n) if sample_weight is None else sample_weight

    def loss(w: np.ndarray) -> tuple[float, np.ndarray]:
        score = np.tensordot(w, log_proba, 1)
        score -= score.max(axis=1, keepdims=True)
        log_norm = np.log(np.exp(score).sum(axis=1))
        proba = np.exp(score - log_norm[:, None])
        value = (counted * (log_norm - score[rows, labels])).sum()
        missed = (proba * log_proba).sum(axis=2) - log_proba[:, rows, labels]
        gradient = missed @ counted
        apart = w - w.mean()
        scale = w.sum() - 1.0
        value += _PRIOR / 2 * (apart**2).sum() + scale**2
        return float(value), gradient + _PRIOR * apart + 2.0 * scale

    even = np.full(n_parts, 1.0 / n_parts)
    fit = minimize(loss, even, jac=True, bounds=[(0.0, None)] * n_parts, method="L-BFGS-B")
    weights = np.asarray(fit.x)
    return weights if weights.sum() > 0.05 else 0.05 * even


def number_weights(predictions: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, float]:
    """Weights and offset of numbers that minimise the squared error out of fold.

    The weights are drawn towards equal ones, and their sum a little towards one. It is free because means
    over layers, and shrunken predictions at large, vary too little (stacked regression, Breiman 1996).

    Parameters
    ----------
    predictions
        Out-of-fold predictions (n_parts, n).
    y
        Numbers (n,).

    Returns
    -------
    Weights (n_parts,), zero or more, and what is added to the weighted sum so that the mean stays in place.
    """
    n_parts, center = len(predictions), float(y.mean())
    spread = float(np.var(y)) or 1.0
    p, t = (predictions - center) / spread**0.5, (y - center) / spread**0.5
    gram, product = p @ p.T, p @ t

    def loss(w: np.ndarray) -> tuple[float, np.ndarray]:
        apart, excess = w - w.mean(), w.sum() - 1.0
        value = w @ gram @ w - 2.0 * product @ w + _PRIOR * (apart**2).sum() + excess**2
        return float(value), 2.0 * (gram @ w - product + _PRIOR * apart + excess)

    even = np.full(n_parts, 1.0 / n_parts)
    fit = minimize(loss, even, jac=True, bounds=[(0.0, None)] * n_parts, method="L-BFGS-B")
    weights = np.asarray(fit.x)
    if not weights.any():  # as for classes and survival: a weak mixture instead of a constant
        weights = 0.05 * even
    return weights, center * float(1.0 - weights.sum())


def survival_weights(
    risks: np.ndarray, time: np.ndarray, event: np.ndarray, fold: np.ndarray
) -> np.ndarray:
    """Weights of log hazards that maximise the partial likelihood, stratified by fold.

    Each part's risks come from another model in every fold, so they are compared within folds only.
    The weights are not bound to sum to one: a mixture may be too sure of itself, or not enough. They weigh log
    hazards as they are: what tells nothing was shrunken to nothing, and must not be blown up again.
    """
    n_parts = len(risks)

    def loss(w: np.ndarray) -> float:
        mixed = w @ risks
        total = sum(
            partial_likelihood_loss(mixed[fold == f], time[fold == f], event[fold == f])
            for f in np.unique(fold)
        )
        apart, scale = w - w.mean(), w.sum() - 1.0
        return float(total + _PRIOR / 2 * (apart**2).sum() + scale**2)

    even = np.full(n_parts, 1.0 / n_parts)
    fit = minimize(loss, even, bounds=[(0.0, None)] * n_parts, method="L-BFGS-B")
    weights = np.asarray(fit.x)
    # Where nothing predicts: an even, weak mixture instead of a constant.
    return weights if weights.sum() > 0.05 else 0.05 * even


def partial_likelihood_loss(risk: np.ndarray, time: np.ndarray, event: np.ndarray) -> float:
    """Negative log partial likelihood of Cox (Breslow), summed over events."""
    order = np.argsort(-time, kind="stable")
    risk, time, event = risk[order], time[order], event[order]
    at_risk = np.logaddexp.accumulate(risk) if len(risk) else risk
    last = np.searchsorted(-time, -time, side="right") - 1
    return float(((at_risk[last] - risk) * event).sum())
