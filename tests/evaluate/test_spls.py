"""Sparse PLS-DA against scikit-learn's PLS, the algorithm written out, and scikit-learn's own checks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.cross_decomposition import PLSRegression
from sklearn.linear_model import LogisticRegression
from sklearn.utils.estimator_checks import parametrize_with_checks

from pathweave import evaluate, io
from pathweave.evaluate._spls import SparsePLSDA, soft_threshold


def make(n=60, p=150, n_classes=3, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, n_classes, n)
    x = rng.normal(size=(n, p)) * rng.gamma(2, 1, p) + 3
    x[:, :10] += 2 * rng.normal(size=(n_classes, min(10, p)))[y]
    return x, np.array(["a", "b", "c", "d", "e"])[y]


@parametrize_with_checks([SparsePLSDA()])
def test_is_a_scikit_learn_classifier(estimator, check):
    check(estimator)


@pytest.mark.parametrize("n_classes", [2, 3, 5])
@pytest.mark.parametrize("shape", [(60, 150), (80, 12)], ids=["wide", "tall"])
def test_with_all_features_it_is_scikit_learns_pls(n_classes, shape):
    x, y = make(*shape, n_classes=n_classes)
    ours = SparsePLSDA(n_components=4, keep=10_000).fit(x, y)
    indicators = (y[:, None] == np.unique(y)).astype(float)
    theirs = PLSRegression(4, tol=1e-28, max_iter=100_000).fit(x, indicators)
    scores, expected = ours.transform(x), theirs.transform(x)
    sign = np.sign((scores * expected).sum(axis=0))
    np.testing.assert_allclose(scores * sign, expected, rtol=0, atol=1e-8)
    np.testing.assert_allclose(ours.weights_ * sign, theirs.x_weights_, rtol=0, atol=1e-8)
    np.testing.assert_allclose(ours.loadings_ * sign, theirs.x_loadings_, rtol=0, atol=1e-8)
    new = make(20, shape[1], n_classes, seed=1)[0]
    np.testing.assert_allclose(ours.transform(new) * sign, theirs.transform(new), rtol=0, atol=1e-7)


def written_out(x, y, n_components, keep):
    """The algorithm as in the paper: both matrices deflated, the power iteration, a sort to threshold."""
    x = (x - x.mean(axis=0)) / x.std(axis=0, ddof=1)
    z = (y[:, None] == np.unique(y)).astype(float)
    z = (z - z.mean(axis=0)) / z.std(axis=0, ddof=1)
    weights, scores = [], []
    for _ in range(n_components):
        u = np.linalg.svd(x.T @ z)[0][:, 0]
        for _ in range(500):
            v = z.T @ (x @ u)
            u = x.T @ (z @ (v / np.linalg.norm(v)))
            dropped = np.argsort(np.abs(u))[: len(u) - keep]
            u = np.sign(u) * (np.abs(u) - np.abs(u[dropped]).max())
            u[dropped] = 0.0
            u /= np.linalg.norm(u)
        t = x @ u
        x = x - np.outer(t, x.T @ t / (t @ t))
        z = z - np.outer(t, z.T @ t / (t @ t))
        weights.append(u)
        scores.append(t)
    return np.stack(weights, axis=1), np.stack(scores, axis=1)


@pytest.mark.parametrize("keep", [1, 5, 40])
def test_agrees_with_the_algorithm_written_out(keep):
    x, y = make()
    model = SparsePLSDA(n_components=3, keep=keep).fit(x, y)
    weights, scores = written_out(x, y, 3, keep)
    sign = np.sign((model.weights_ * weights).sum(axis=0))
    np.testing.assert_allclose(model.weights_ * sign, weights, rtol=0, atol=1e-7)
    np.testing.assert_allclose(model.transform(x) * sign, scores, rtol=0, atol=1e-6)


@given(keep=st.integers(1, 30), seed=st.integers(0, 100), n_classes=st.integers(2, 4))
def test_exactly_so_many_features_and_orthogonal_components(keep, seed, n_classes):
    x, y = make(30, 30, n_classes, seed)
    model = SparsePLSDA(n_components=3, keep=keep).fit(x, y)
    assert (np.count_nonzero(model.weights_, axis=0) == keep).all()
    np.testing.assert_allclose(np.linalg.norm(model.weights_, axis=0), 1.0)
    scores = model.transform(x)
    gram = scores.T @ scores
    np.testing.assert_allclose(gram, np.diag(np.diag(gram)), atol=1e-8 * gram.max())
    proba = model.predict_proba(x)
    np.testing.assert_allclose(proba.sum(axis=1), 1.0)
    np.testing.assert_array_equal(model.predict(x), model.classes_[proba.argmax(axis=1)])


@given(values=st.lists(st.floats(-10, 10), min_size=1, max_size=12), keep=st.integers(1, 14))
def test_soft_threshold_keeps_the_largest_and_ties(values, keep):
    values = np.array(values)
    left = soft_threshold(values, keep)
    size = np.abs(values)
    assert (np.abs(left) <= size).all()
    assert (left * values >= 0).all()
    border = np.sort(size)[-min(keep, len(size))]
    if len(np.unique(size)) == len(size) and (np.diff(np.sort(size)) > 1e-9).all():
        np.testing.assert_array_equal(left != 0, (size >= border) & (size > 0))
    assert (left[size < border] == 0).all()


def test_ties_at_the_border_stay():
    assert soft_threshold(np.array([3.0, -2.0, 2.0, 1.0, 0.5]), 2).tolist() == [
        2.0,
        -1.0,
        1.0,
        0.0,
        0.0,
    ]
    assert soft_threshold(np.array([1.0, 1.0, 1.0]), 1).tolist() == [1.0, 1.0, 1.0]


def test_probabilities_are_those_of_logistic_regression_on_the_scores():
    x, y = make()
    model = SparsePLSDA(keep=5, C=0.1).fit(x, y)
    scores = model.transform(x)
    scores = scores / scores.std(axis=0, ddof=1)
    expected = LogisticRegression(C=0.1, tol=1e-8).fit(scores, y).predict_proba(scores)
    np.testing.assert_allclose(model.predict_proba(x), expected, atol=1e-3)


def test_finds_the_features_that_differ():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], 30)
    x = rng.normal(size=(90, 500))
    x[y == 1, :5] += 3
    x[y == 2, 5:10] += 3
    model = SparsePLSDA(n_components=2, keep=5).fit(x, y)
    found = {tuple(np.flatnonzero(w)) for w in model.weights_.T}
    assert found == {(0, 1, 2, 3, 4), (5, 6, 7, 8, 9)}
    assert (model.predict(x) == y).mean() > 0.98


def test_units_constant_features_and_order_change_nothing():
    x, y = make()
    expected = SparsePLSDA(keep=7).fit(x, y).predict_proba(x)
    rng = np.random.default_rng(0)
    order = rng.permutation(x.shape[1])
    z = (x * rng.gamma(2, 1, x.shape[1]) + 5)[:, order]
    z = np.hstack([z, np.full((len(z), 3), 0.1)])
    model = SparsePLSDA(keep=7).fit(z, y)
    np.testing.assert_allclose(model.predict_proba(z), expected, atol=1e-6)
    assert (model.weights_[-3:] == 0).all()


def test_asks_for_more_components_than_there_are():
    x, y = make(20, 3)
    assert SparsePLSDA(n_components=16).fit(x, y).transform(x).shape == (20, 3)
    flat = SparsePLSDA().fit(np.ones((20, 3)), y)
    share = np.array([(y == c).mean() for c in flat.classes_])
    np.testing.assert_allclose(flat.predict_proba(np.zeros((1, 3)))[0], share, atol=1e-3)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"keep": 0}, "keep=0 must be a whole number"),
        ({"keep": 0.5}, "keep=0.5 must be a whole number"),
        ({"n_components": 0}, "n_components=0 must be"),
    ],
    ids=["none", "fraction", "components"],
)
def test_errors(options, match):
    x, y = make()
    with pytest.raises(ValueError, match=match):
        SparsePLSDA(**options).fit(x, y)


def test_one_class_is_an_error():
    with pytest.raises(ValueError, match="one class only"):
        SparsePLSDA().fit(np.eye(4), np.zeros(4))


def test_tells_real_subtypes_apart(shared):
    mdata = io.read_h5mu(shared / "data" / "brca_mixomics" / "brca_mixomics.h5mu")
    rna = mdata.mod["rna"]
    x, y = np.asarray(rna.X), mdata.obs.loc[rna.obs_names, "subtype"].astype(str).to_numpy()
    fold = evaluate.folds(y, n_folds=5)
    hit = np.zeros(len(y), dtype=bool)
    for k in range(5):
        model = SparsePLSDA(n_components=2, keep=25).fit(x[fold != k], y[fold != k])
        hit[fold == k] = model.predict(x[fold == k]) == y[fold == k]
    assert hit.mean() > 0.9
