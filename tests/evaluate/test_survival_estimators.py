"""The Cox ridge against statsmodels and scikit-survival, and the forest's curves."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, clone
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from pathweave import evaluate
from pathweave.evaluate._cox_ridge import CoxRidge
from pathweave.evaluate._fusion import _imputing, _survival_of
from pathweave.evaluate._survival_forest import RandomSurvivalForest


def make(n=80, p=6, seed=0, ties=True):
    """Features, and times of which the first three features tell; a third is censored."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, p))
    time = rng.exponential(np.exp(-x[:, :3].sum(axis=1)))
    stop = rng.exponential(2.0, n)
    event = (time <= stop).astype(float)
    time = np.minimum(time, stop)
    if ties:
        time = np.ceil(5 * time)
    return x, np.column_stack([time, event])


@pytest.mark.reference
@pytest.mark.parametrize("ties", [True, False], ids=["ties", "no_ties"])
def test_agrees_with_statsmodels(ties):
    from statsmodels.duration.hazard_regression import PHReg

    x, y = make(ties=ties)
    # There the likelihood is divided by the number of samples.
    model = PHReg(y[:, 0], x, status=y[:, 1], ties="breslow")
    for alpha in (0.5, 20.0):
        expected = model.fit_regularized(
            alpha=alpha / len(x), L1_wt=0.0, maxiter=500, cnvrg_tol=1e-12
        ).params
        np.testing.assert_allclose(
            CoxRidge(alpha=alpha).fit(x, y).coef_, expected, rtol=0, atol=1e-5
        )


@pytest.mark.reference
@pytest.mark.parametrize("shape", [(80, 6), (50, 120)], ids=["tall", "wide"])
def test_agrees_with_scikit_survival(shape):
    linear_model = pytest.importorskip("sksurv.linear_model")
    x, y = make(*shape)
    outcome = np.array([(e == 1, t) for t, e in y], dtype=[("event", bool), ("time", float)])
    for alpha in (1.0, 50.0):
        theirs = linear_model.CoxPHSurvivalAnalysis(
            alpha=alpha, ties="breslow", tol=1e-14, n_iter=500
        )
        expected = theirs.fit(x, outcome).coef_
        np.testing.assert_allclose(
            CoxRidge(alpha=alpha).fit(x, y).coef_, expected, rtol=0, atol=1e-6
        )


def partial_likelihood(eta, y):
    """Breslow's log partial likelihood, event by event."""
    return sum(
        eta[i] - np.log(np.exp(eta[y[:, 0] >= y[i, 0]]).sum()) for i in np.flatnonzero(y[:, 1])
    )


def test_penalty_has_the_best_cross_validated_likelihood():
    x, y = make(n=60, p=80)
    model = CoxRidge(alphas=[3.0, 1000.0, 30.0, 300.0], n_inner=4, seed=1).fit(x, y)
    assert model.alphas_.tolist() == [1000.0, 300.0, 30.0, 3.0]
    fold = evaluate.folds(y[:, 1], n_folds=4, seed=1)
    for alpha, loss in zip(model.alphas_, model.losses_, strict=True):
        total = 0.0
        for f in range(4):
            inside = fold != f
            eta = x @ CoxRidge(alpha=alpha).fit(x[inside], y[inside]).coef_
            total -= partial_likelihood(eta, y) - partial_likelihood(eta[inside], y[inside])
        assert loss == pytest.approx(total / y[:, 1].sum(), rel=1e-3)
    assert model.alpha_ == model.alphas_[model.losses_.argmin()]
    np.testing.assert_allclose(
        model.coef_, CoxRidge(alpha=model.alpha_).fit(x, y).coef_, rtol=1e-10
    )


def test_shrinks_noise_away_and_finds_signal():
    x, y = make(n=200, p=20)
    found = CoxRidge().fit(x, y)
    new_x, new_y = make(n=200, p=20, seed=1)
    risk = found.predict(new_x)
    assert evaluate.concordance_index(new_y[:, 0], new_y[:, 1], risk) > 0.8
    noise = CoxRidge().fit(np.random.default_rng(5).normal(size=(200, 300)), y)
    assert noise.alpha_ == noise.alphas_[0]
    assert np.ptp(noise.predict(np.eye(300))) < 0.05


@given(seed=st.integers(0, 200), factor=st.sampled_from([0.1, 7.0]))
def test_order_scale_of_time_and_rotation_change_nothing(seed, factor):
    x, y = make(n=25, p=5, seed=seed)
    expected = CoxRidge(alpha=2.0).fit(x, y).predict(x)
    order = np.random.default_rng(seed).permutation(25)
    scaled = y * [factor, 1.0]
    got = CoxRidge(alpha=2.0).fit(x[order], scaled[order]).predict(x)
    np.testing.assert_allclose(got, expected, atol=1e-6)
    turned = PCA().fit(x)
    got = CoxRidge(alpha=2.0).fit(turned.transform(x), y).predict(turned.transform(x))
    np.testing.assert_allclose(got - got.mean(), expected - expected.mean(), atol=1e-6)


def test_lives_in_a_pipeline_and_is_cloned():
    x, y = make()
    pipeline = make_pipeline(StandardScaler(), CoxRidge(n_inner=3))
    first = pipeline.fit(x[::-1], y[::-1]).predict(x)
    second = clone(pipeline).fit(100 * x[::-1] + 3, y[::-1]).predict(100 * x + 3)
    np.testing.assert_allclose(first, second, rtol=1e-6)
    assert CoxRidge(alpha=1.0).get_params() == {
        "alpha": 1.0,
        "alphas": None,
        "n_inner": 5,
        "seed": 0,
    }


def test_one_event_and_constant_features_give_finite_risks():
    x, y = make(n=20)
    y[:, 1] = 0.0
    y[3, 1] = 1.0
    assert np.isfinite(CoxRidge().fit(x, y).predict(x)).all()
    flat = CoxRidge().fit(np.ones((20, 2)), make(n=20)[1])
    np.testing.assert_allclose(flat.coef_, 0.0)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda x, y: (x, y[:, 0]), "y has shape \\(80,\\); 80 samples need"),
        (lambda x, y: (x, y * [1, 2]), "must hold 1 \\(event\\) and 0"),
        (lambda x, y: (x, y * [1, 0]), "no event among 80 samples"),
        (lambda x, y: (x, y * [np.nan, 1]), "y holds NaN"),
        (lambda x, y: (x * np.nan, y), "contains NaN"),
    ],
    ids=["shape", "events", "censored", "nan", "features"],
)
def test_errors_of_fit(change, match):
    with pytest.raises(ValueError, match=match):
        CoxRidge().fit(*change(*make()))


def test_errors_of_penalties():
    x, y = make()
    with pytest.raises(ValueError, match="alpha=\\[0\\]"):
        CoxRidge(alpha=0).fit(x, y)
    with pytest.raises(ValueError, match="alphas=\\[\\] must hold positive"):
        CoxRidge(alphas=[]).fit(x, y)
    with pytest.raises(ValueError, match="2 features, but CoxRidge is expecting 6"):
        CoxRidge(alpha=1.0).fit(x, y).predict(x[:, :2])


def test_forest_tells_what_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "sksurv.ensemble", None)
    with pytest.raises(ImportError, match=r"pip install 'pathweave\[survival\]'"):
        RandomSurvivalForest().fit(*make())


def test_forest_predicts_risks_and_curves():
    ensemble = pytest.importorskip("sksurv.ensemble")
    x, y = make(n=150)
    forest = RandomSurvivalForest(n_estimators=30, seed=3).fit(x, y)
    new_x, new_y = make(n=150, seed=1)
    risk = forest.predict(new_x)
    assert evaluate.concordance_index(new_y[:, 0], new_y[:, 1], risk) > 0.7
    last = y[y[:, 1] == 1, 0].max()
    times = np.array([0.0, 1.0, 1.5, 2.0, 7.0, last, last + 100])
    curves = forest.predict_survival(new_x, times)
    assert curves.shape == (150, 7)
    assert (np.diff(curves, axis=1) <= 0).all()
    assert (curves[:, 0] == 1).all()
    np.testing.assert_array_equal(curves[:, 5], curves[:, 6])
    np.testing.assert_array_equal(curves[:, 1], curves[:, 2])
    outcome = np.array([(e == 1, t) for t, e in y], dtype=[("event", bool), ("time", float)])
    theirs = ensemble.RandomSurvivalForest(
        30, min_samples_leaf=15, max_features="sqrt", random_state=3
    )
    theirs.fit(x, outcome)
    np.testing.assert_array_equal(theirs.predict(new_x), risk)
    functions = theirs.predict_survival_function(new_x)
    expected = np.stack([f(times[1:6]) for f in functions])
    np.testing.assert_allclose(curves[:, 1:6], expected)
    again = clone(forest).fit(x, y)
    np.testing.assert_array_equal(again.predict(new_x), risk)


class Halving(BaseEstimator):
    """Survival that halves with every unit of time, whoever it is."""

    def fit(self, X, y):
        self.n_features_in_ = X.shape[1]
        return self

    def predict(self, X):
        return X[:, 0]

    def predict_survival(self, X, times):
        assert X.shape[1] == self.n_features_in_
        return np.tile(0.5 ** np.asarray(times), (len(X), 1))


@pytest.mark.parametrize("gaps", [False, True], ids=["complete", "gaps"])
def test_survival_of_an_estimator_at_the_end_of_pipelines_is_its_own(gaps):
    """Where values are missing, the user's pipeline becomes the end of one that imputes."""
    x, y = make(n=40)
    if gaps:
        x[0, 0] = np.nan
    estimator = _imputing(make_pipeline(PCA(3), Halving()), x).fit(x, y)
    found = _survival_of(estimator, y, np.zeros(40), x).survival([0.0, 2.0])
    np.testing.assert_array_equal(found, np.tile([1.0, 0.25], (40, 1)))


def test_a_forest_of_a_small_cohort_tells_samples_apart():
    pytest.importorskip("sksurv.ensemble")
    x, y = make(n=40)
    assert len(np.unique(RandomSurvivalForest(n_estimators=20).fit(x, y).predict(x))) > 10
    large, told = make(n=400), {}
    for leaf in (None, 15):
        forest = RandomSurvivalForest(n_estimators=5, min_samples_leaf=leaf).fit(*large)
        told[leaf] = forest.predict(large[0])
    np.testing.assert_array_equal(told[None], told[15])
