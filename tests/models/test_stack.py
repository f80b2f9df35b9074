"""Weights of the parts follow what they predicted out of fold."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pathweave.models._stack import (
    class_weights,
    number_weights,
    partial_likelihood_loss,
    survival_weights,
)


def log_probabilities(rng, y, skill, n_classes=3):
    logits = rng.normal(size=(len(y), n_classes))
    logits[np.arange(len(y)), y] += skill
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


@settings(max_examples=20)
@given(seed=st.integers(0, 1000))
def test_class_weights_prefer_the_better_part(seed):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, 300)
    parts = np.stack([log_probabilities(rng, y, skill) for skill in (0.0, 3.0)])
    weights = class_weights(parts, y)
    assert weights.min() >= 0
    assert weights[1] / weights.sum() > 0.7


def test_class_weights_are_at_an_optimum():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 400)
    parts = np.stack([log_probabilities(rng, y, skill) for skill in (1.0, 1.2)])
    best = class_weights(parts, y)

    def objective(w):
        pooled = np.tensordot(w, parts, 1)
        pooled -= np.logaddexp.reduce(pooled, axis=1, keepdims=True)
        drawn = 10.0 * ((w - w.mean()) ** 2).sum() + (w.sum() - 1.0) ** 2
        return -pooled[np.arange(len(y)), y].sum() + drawn

    grid = [
        objective(np.array([a, b])) for a in np.linspace(0, 2, 41) for b in np.linspace(0, 2, 41)
    ]
    assert objective(best) <= min(grid) + 1e-6


def test_pool_of_an_overconfident_part_is_cooled():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 500)
    honest = log_probabilities(rng, y, 1.0, 2)
    sure = 4.0 * honest
    sure -= np.logaddexp.reduce(sure, axis=1, keepdims=True)
    assert class_weights(np.stack([sure]), y)[0] < 0.6


def test_few_samples_keep_the_mixture_even():
    rng = np.random.default_rng(1)
    y = rng.integers(0, 2, 6)
    parts = np.stack([log_probabilities(rng, y, skill, 2) for skill in (0.0, 3.0)])
    weights = class_weights(parts, y)
    assert weights.min() / weights.sum() > 0.25


def test_class_weights_count_samples():
    """A sample of weight 2 counts like two samples."""
    rng = np.random.default_rng(3)
    y = rng.integers(0, 3, 90)
    parts = np.stack([log_probabilities(rng, y, skill) for skill in (1.0, 2.0)])
    twice = np.where(y == 0, 2.0, 1.0)
    rows = np.repeat(np.arange(90), twice.astype(int))
    np.testing.assert_allclose(
        class_weights(parts, y, twice), class_weights(parts[:, rows], y[rows]), rtol=1e-3
    )


def test_number_weights_prefer_the_better_part():
    rng = np.random.default_rng(0)
    y = rng.normal(size=200) + 5.0
    noise, good = 5.0 + rng.normal(size=200), y + 0.1 * rng.normal(size=200)
    weights, offset = number_weights(np.stack([noise, good]), y)
    assert weights[1] > 0.8
    assert weights[0] < 0.15
    pooled = weights @ np.stack([noise, good]) + offset
    assert np.mean((pooled - y) ** 2) < 0.05


def test_number_weights_mend_a_timid_part():
    """Predictions shrunk to a half around the mean are stretched back, and the mean stays in place."""
    rng = np.random.default_rng(0)
    y = 3.0 * rng.normal(size=500) - 40.0
    timid = y.mean() + 0.5 * (y - y.mean())
    weights, offset = number_weights(timid[None], y)
    np.testing.assert_allclose(weights, [2.0], rtol=0.02)
    np.testing.assert_allclose(weights @ timid[None] + offset, y, atol=0.2)


def test_number_weights_do_not_depend_on_units():
    rng = np.random.default_rng(1)
    y = rng.normal(size=60)
    parts = np.stack([y + rng.normal(size=60), 0.3 * y + 0.1 * rng.normal(size=60)])
    weights, offset = number_weights(parts, y)
    scaled, shifted = number_weights(100.0 * parts + 7.0, 100.0 * y + 7.0)
    np.testing.assert_allclose(scaled, weights, rtol=1e-3)
    np.testing.assert_allclose(shifted, 100.0 * offset + 7.0 * (1 - weights.sum()), rtol=1e-2)


def test_survival_weights_ignore_noise_and_keep_signal():
    rng = np.random.default_rng(0)
    risk = rng.normal(size=300)
    time, event = rng.exponential(np.exp(-risk)), np.ones(300)
    fold = np.arange(300) % 5
    weights = survival_weights(np.stack([rng.normal(size=300), risk]), time, event, fold)
    assert weights[1] > 0.8
    assert weights[0] < 0.2


def test_partial_likelihood_shares_the_risk_set_among_ties():
    # Two tied events among three at risk: each has all three in its risk set (Breslow).
    loss = partial_likelihood_loss(
        np.zeros(3), np.array([1.0, 1.0, 2.0]), np.array([1.0, 1.0, 0.0])
    )
    assert np.isclose(loss, 2 * np.log(3))
