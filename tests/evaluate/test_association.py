"""Features chosen inside the folds: those that scikit-learn and statsmodels rank first."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn.feature_selection import f_classif

from pathweave.evaluate._prepare import association


def made(n=60, p=30, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, p))
    y = rng.integers(0, 3, n)
    x[:, :4] += y[:, None] * np.array([1.0, 0.5, 0.3, 0.1])
    return x, y, rng


def test_classes_are_ranked_as_by_the_analysis_of_variance():
    x, y, _ = made()
    found = association(x, y[:, None].astype(float), "class")
    f = f_classif(x, y)[0]
    share = 2 * f / (2 * f + len(x) - 3)  # variance explained, from F
    np.testing.assert_allclose(found, share, rtol=1e-9)


def test_numbers_take_the_best_target_on_the_samples_that_have_it():
    x, _, rng = made()
    y = np.stack([x[:, 1] + rng.normal(size=60), x[:, 2] + rng.normal(size=60)], axis=1)
    y[:20, 1] = np.nan
    found = association(x, y, "number")
    for j in range(6):
        r = [stats.pearsonr(x[:, j], y[:, 0])[0], stats.pearsonr(x[20:, j], y[20:, 1])[0]]
        assert found[j] == pytest.approx(max(np.square(r)), rel=1e-9)


def test_survival_takes_the_score_test_of_each_feature_alone():
    from statsmodels.duration.hazard_regression import PHReg

    x, _, rng = made()
    x[:, 5] *= 100.0  # the unit of a feature does not count
    time = np.ceil(5 * rng.exponential(np.exp(-x[:, 0])))
    event = (rng.random(60) < 0.7).astype(float)
    found = association(x, np.stack([time, event], axis=1), "survival")
    for j in (0, 1, 5):
        model = PHReg(time, x[:, [j]], status=event, ties="breslow")
        z = model.score(np.zeros(1))[0] / np.sqrt(-model.hessian(np.zeros(1))[0, 0])
        assert found[j] == pytest.approx(z**2, rel=1e-6)


@pytest.mark.parametrize("task", ["class", "number", "survival"])
def test_gaps_count_as_the_mean_and_constant_features_come_last(task):
    x, y, rng = made()
    y = {
        "class": y[:, None].astype(float),
        "number": rng.normal(size=(60, 1)),
        "survival": np.stack([rng.exponential(size=60), np.ones(60)], axis=1),
    }[task]
    x[:7, 3] = np.nan
    x[:, 8], x[:, 9] = 1e6 / 3, np.nan
    x[5, 8] = np.nan
    before = x.copy()
    found = association(x, y, task)
    assert np.isneginf(found).nonzero()[0].tolist() == [8, 9]
    filled = x.copy()
    filled[:7, 3] = np.nanmean(x[:, 3])
    assert found[3] == pytest.approx(association(filled, y, task)[3], rel=1e-9)
    np.testing.assert_array_equal(x, before)
