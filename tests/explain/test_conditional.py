"""Evidence given the activities of the strongest pathways: what it keeps, what it takes away, and from whom."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression

from pathweave.explain._pathway_tests.conditional import (
    Activities,
    conditional_evidence,
    look_again,
    strongest_sets,
    weight_of_condition,
)
from pathweave.explain._pathway_tests.draws import Draws
from pathweave.explain._pathway_tests.evidence import node_evidence, standard_layers
from pathweave.explain._pathway_tests.joint import GeneSets, normal_scores


def _sets(n_nodes, *members):
    return GeneSets.of({f"p{i}": m for i, m in enumerate(members)}, {}, n_nodes, (1, n_nodes))


def _layers(x, strata=None):
    strata = np.zeros(len(x), dtype=int) if strata is None else strata
    return standard_layers({"rna": x}, {"rna": sp.eye(x.shape[1], format="csr")}, strata)


@pytest.mark.parametrize("n", [30, 8], ids=["more samples than features", "fewer"])
def test_activity_is_the_first_principal_component_of_all_layers(n):
    rng = np.random.default_rng(0)
    rna, meth = rng.normal(size=(n, 12)) + rng.normal(size=(n, 1)), rng.normal(size=(n, 4))
    maps = {"rna": sp.eye(12, format="csr"), "meth": sp.csr_matrix(np.eye(4, 12))}
    layers = standard_layers({"rna": rna, "meth": meth}, maps, np.zeros(n, dtype=int))
    sets = _sets(12, range(9), [10, 11])
    mine = Activities(layers, sets).of(0)
    both = np.concatenate([rna[:, :9], meth], axis=1)
    theirs = PCA(1).fit_transform((both - both.mean(axis=0)) / both.std(axis=0))[:, 0]
    assert abs(np.corrcoef(mine, theirs)[0, 1]) == pytest.approx(1.0, abs=1e-9)
    assert mine @ mine == pytest.approx(1.0)
    constant = standard_layers({"rna": np.ones((n, 12))}, {"rna": maps["rna"]}, np.zeros(n, int))
    assert not Activities(constant, sets).of(0).any()


def test_residuals_given_activities_are_those_of_weighted_least_squares_within_strata():
    rng = np.random.default_rng(1)
    strata, known = np.repeat([0, 1, 2], 20), rng.normal(size=(60, 2))
    y = known[:, 0] + strata + rng.normal(size=60)
    draws = Draws.of(y, strata, n_null=3, n_boot=3, rng=rng)
    design = np.column_stack([known, pd.get_dummies(strata).to_numpy(dtype=float)])
    for draw in (0, 5):
        weight = draws.counts[draw]
        fit = LinearRegression(fit_intercept=False).fit(design, y, sample_weight=weight)
        expected = weight * (y - fit.predict(design))
        found = draws.without(draw, known, np.ones(2))
        np.testing.assert_allclose(found, expected / np.sqrt(np.mean(expected**2)), atol=1e-9)
    # Nothing is left of an outcome that is an activity, and nothing breaks.
    assert np.isfinite(draws.without(0, np.column_stack([y, y]), np.ones(2))).all()


def test_half_of_an_activity_is_ridge_regression_and_none_is_nothing():
    rng = np.random.default_rng(6)
    known, y = rng.normal(size=(40, 1)), rng.normal(size=40)
    known -= known.mean()
    draws = Draws.of(y, np.zeros(40, dtype=int), n_null=2, n_boot=2, rng=rng)
    centre = y - y.mean()
    for share in (0.5, 1e-9):
        expected = centre - share * known[:, 0] * (known[:, 0] @ centre) / (
            known[:, 0] @ known[:, 0]
        )
        found = draws.without(0, known, np.array([share]))
        np.testing.assert_allclose(found, expected / np.sqrt(np.mean(expected**2)), atol=1e-5)


def test_the_condition_sets_in_gently():
    """A score that shuffles move a little (other seeds) moves the evidence a little."""
    rng = np.random.default_rng(7)
    x, y = rng.normal(size=(60, 20)), rng.normal(size=60)
    x[:, :6] += y[:, None]
    layers, sets = _layers(x), _sets(20, range(6), range(8, 12))
    draws = Draws.of(y, np.zeros(60, dtype=int), n_null=0, n_boot=2, rng=rng)
    nodes, activities = node_evidence(layers, draws), Activities(layers, sets)
    at = [
        conditional_evidence(layers, draws, activities, np.full((3, 2), (s, 0.0)), nodes).association[0]
        for s in (2.5, 2.51, 2.99, 3.0, 3.5, 4.5)
    ]  # fmt: skip
    np.testing.assert_array_equal(at[0], nodes.association[0])
    np.testing.assert_allclose(at[1], at[0], rtol=0.1, atol=0.05)
    np.testing.assert_allclose(at[3], at[2], rtol=0.1, atol=0.05)
    np.testing.assert_allclose(at[5], at[4])
    assert np.abs(at[4][6:] - at[0][6:]).max() > 0.5


def test_bystanders_of_a_cause_lose_their_evidence_and_its_members_keep_theirs():
    """The outcome follows the activity of p0; members of p1 follow that activity too, and tell nothing more."""
    rng = np.random.default_rng(2)
    n = 300
    cause = rng.normal(size=(n, 1))
    members = cause + 0.3 * rng.normal(size=(n, 10))
    bystanders = cause + rng.normal(size=(n, 10))
    own = rng.normal(size=(n, 1))  # moves the outcome by itself
    y = (cause + own)[:, 0] + 0.5 * rng.normal(size=n)
    layers = _layers(np.concatenate([members, bystanders, own, rng.normal(size=(n, 9))], axis=1))
    sets = _sets(30, range(10), range(10, 20))
    draws = Draws.of(y, np.zeros(n, dtype=int), n_null=4, n_boot=2, rng=rng)
    nodes = node_evidence(layers, draws)
    score = np.zeros((7, 2))
    score[[0, 5], 0] = 5.0
    given = conditional_evidence(layers, draws, Activities(layers, sets), score, nodes)
    before, after = nodes.association, given.association
    np.testing.assert_allclose(given.by_layer["rna"], after[0])
    np.testing.assert_array_equal(nodes.by_layer["rna"], before[0])
    np.testing.assert_array_equal(after[0, :10], before[0, :10])
    assert before[0, 10:20].min() > 20
    assert after[0, 10:20].mean() < 3
    assert after[0, 20] > 1.3 * before[0, 20]
    np.testing.assert_array_equal(after[[1, 2, 3, 4, 6]], before[[1, 2, 3, 4, 6]])
    assert after[5, 10:20].mean() < 4


def test_sets_are_chosen_by_score_once_each():
    rng = np.random.default_rng(3)
    one, other = rng.normal(size=(80, 1)), rng.normal(size=(80, 1))
    x = np.concatenate(
        [one + 0.1 * rng.normal(size=(80, 8)), other + 0.1 * rng.normal(size=(80, 4))], axis=1
    )
    activities = Activities(_layers(x), _sets(12, range(4), range(4, 8), range(8, 12)))
    assert strongest_sets(np.array([4.0, 5.0, 3.5]), activities) == [1, 2]
    assert strongest_sets(np.array([4.0, 2.0, 2.4]), activities) == [0]
    assert strongest_sets(np.array([0.0, 2.0, -1.0]), activities) == []
    many = _sets(60, *(range(5 * i, 5 * i + 5) for i in range(12)))
    wide = Activities(_layers(rng.normal(size=(80, 60))), many)
    assert strongest_sets(np.arange(3.0, 15.0), wide) == list(range(11, 3, -1))


def test_order_of_samples_and_of_features_changes_nothing():
    rng = np.random.default_rng(4)
    x, y = rng.normal(size=(60, 20)), rng.normal(size=60)
    sets, score = _sets(20, range(6), range(4, 12)), np.array([[4.0, 4.5]] * 3)

    def found(rows, columns):
        layers = standard_layers(
            {"rna": x[rows][:, columns]}, {"rna": sp.eye(20, format="csr")[columns]}, np.zeros(60, int)
        )  # fmt: skip
        draws = Draws.of(
            y[rows], np.zeros(60, int), n_null=0, n_boot=2, rng=np.random.default_rng(0)
        )
        nodes = node_evidence(layers, draws)
        given = conditional_evidence(layers, draws, Activities(layers, sets), score, nodes)
        return given.association[0]

    plain = found(np.arange(60), np.arange(20))
    np.testing.assert_allclose(found(rng.permutation(60), rng.permutation(20)), plain, atol=1e-9)


def test_the_condition_counts_where_it_leaves_evidence():
    one, much, less = np.ones((1, 4)), np.full((1, 4), 5.0), np.full((1, 4), 3.0)
    assert weight_of_condition(much, much) == pytest.approx(1 / 3)
    assert weight_of_condition(much, less) == pytest.approx(4 / (2 * 16 + 4))
    assert weight_of_condition(much, one) < 1e-3
    assert weight_of_condition(less, much) == pytest.approx(16 / (2 * 4 + 16))
    assert weight_of_condition(one, one) == pytest.approx(1 / 3)  # nothing anywhere


def test_without_a_strong_set_the_second_look_is_the_first():
    rng = np.random.default_rng(5)
    x, y = rng.normal(size=(50, 20)), rng.normal(size=50)
    layers, sets = _layers(x), _sets(20, range(6), range(4, 12))
    draws = Draws.of(y, np.zeros(50, dtype=int), n_null=3, n_boot=2, rng=rng)
    nodes = node_evidence(layers, draws)
    scores = normal_scores(nodes.association)
    again = look_again(layers, draws, Activities(layers, sets), np.full((6, 2), 2.5), nodes, scores)
    np.testing.assert_allclose(again.node_score, scores)
    assert set(again.layer) == {"rna"}
