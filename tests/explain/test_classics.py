"""The classics beside our tests: against scipy, hand values and another implementation's."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.stats import fisher_exact, pearsonr, ttest_ind

from pathweave.explain._pathway_tests import classics


def _with_gaps(seed=0, n=40, p=6):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, p)) + np.outer(np.arange(n) % 2, np.linspace(0, 1, p))
    x[rng.random(x.shape) < 0.15] = np.nan
    return x


def test_two_values_give_welch():
    x, y = _with_gaps(), np.arange(40) % 2
    wanted = ttest_ind(x[y == 1], x[y == 0], equal_var=False, nan_policy="omit").pvalue
    np.testing.assert_allclose(classics.feature_p(x, y - y.mean()), wanted, rtol=1e-9)


def test_numbers_give_pearson():
    x, y = _with_gaps(), np.random.default_rng(1).normal(size=40)
    found = classics.feature_p(x, y)
    for column, p in zip(x.T, found, strict=True):
        seen = ~np.isnan(column)
        assert p == pytest.approx(pearsonr(column[seen], y[seen]).pvalue, rel=1e-9)


@pytest.mark.parametrize("outcome", [np.arange(12) % 2, np.arange(12.0)], ids=["two", "number"])
def test_features_without_spread_say_nothing(outcome):
    x = np.full((12, 3), 5.1)
    x[:, 1] = np.nan
    x[1:, 2] = np.nan
    np.testing.assert_array_equal(classics.feature_p(x, outcome), 1.0)


def test_a_node_takes_its_best_feature_and_pays_for_the_number():
    maps = {"rna": sp.csr_matrix(np.eye(3)), "meth": sp.csr_matrix([[1.0, 0, 0], [1.0, 0, 0]])}
    p = {"rna": np.array([0.04, 0.2, 0.6]), "meth": np.array([0.01, 0.3])}
    found, layer = classics.best_feature(p, maps)
    np.testing.assert_allclose(found, [0.03, 0.2, 0.6])
    assert layer.tolist() == ["meth", "rna", "rna"]


def test_over_representation_is_fishers_exact_test():
    rng = np.random.default_rng(2)
    hits, members = rng.random(60) < 0.3, sp.csr_matrix((rng.random((5, 60)) < 0.2).astype(float))
    found = classics.over_representation(hits, members)
    for p, row in zip(found, members.toarray().astype(bool), strict=True):
        table = [
            [(row & hits).sum(), (row & ~hits).sum()],
            [(~row & hits).sum(), (~row & ~hits).sum()],
        ]
        assert p == pytest.approx(fisher_exact(table, "greater").pvalue, rel=1e-9)
    np.testing.assert_allclose(classics.over_representation(hits & False, members), 1.0)


def test_running_sum_is_that_of_gseapy():
    """Values of gseapy 1.3.1: prerank with weight 1."""
    metric = np.array([
        3.32, 2.04, 1.55, 0.96, 0.55, 0.48, 0.42, 0.23, 0.02, -0.2, -0.22, -0.23, -0.24, -0.28, -0.35, -0.39, -0.45,
        -0.51, -0.57, -0.67, -0.87, -1.06, -2.02, -2.56,
    ])  # fmt: skip
    members = np.zeros((3, 24))
    for row, nodes in zip(members, ([0, 3, 4, 9], [20, 22, 17], [1, 8, 12, 16, 23]), strict=True):
        row[nodes] = 1
    shuffled = np.random.default_rng(0).permutation(24)  # nodes come in any order
    found = classics.running_sum(metric[shuffled], sp.csr_matrix(members[:, shuffled]))
    np.testing.assert_allclose(found, [0.860239, -0.809524, -0.482109], atol=2e-6)


def test_sums_are_divided_by_shuffled_ones_of_their_sign():
    sums = np.array([[0.6, -0.4], [0.2, 0.5], [0.4, -0.1], [-0.5, -0.3]])
    found, p = classics.normalised_sums(sums)
    np.testing.assert_allclose(found, [0.6 / 0.3, -0.4 / 0.2])
    # Normalised shuffled ones: .67, 1.33, -1, and 1, -.5, -1.5.
    np.testing.assert_allclose(p, [1 / 7, 1.0])


def test_strongest_feature_is_the_largest_correlation():
    x, y = _with_gaps(p=3), np.random.default_rng(4).normal(size=40)
    x = np.nan_to_num(x)  # without gaps the z is exactly r times the root of n
    y = (y - y.mean()) / y.std()
    maps = {"rna": sp.csr_matrix([[1.0, 0, 0], [1.0, 0, 0], [0, 1.0, 0]])}
    found = classics.strongest_feature({"rna": x}, maps, np.stack([y, -y]))
    r = np.abs([pearsonr(column, y).statistic for column in x.T]) * np.sqrt(39)
    np.testing.assert_allclose(found[0], [max(r[0], r[1]), r[2], 0.0], rtol=1e-9)
    np.testing.assert_allclose(found[0], found[1])


def test_linear_weights_find_what_drives_the_outcome():
    rng = np.random.default_rng(5)
    x = {"rna": rng.normal(size=(80, 10)), "meth": rng.normal(size=(80, 2))}
    y = 2 * x["rna"][:, 3] - 2 * x["meth"][:, 0] + 0.1 * rng.normal(size=80)
    x["rna"][:, 3] *= 1e3  # units do not matter
    x["rna"][0, 5] = np.nan
    maps = {"rna": sp.csr_matrix(np.eye(10)), "meth": sp.csr_matrix(np.eye(2, 10, k=3))}
    found = classics.linear_weights(x, maps, y)
    assert found.argmax() == 3
    assert found[3] > 3.0
    assert np.delete(found, 3).max() < 0.5


def test_member_score_counts_in_standard_errors():
    values = np.array([0.0, 1.0, 2.0, 3.0])
    found = classics.member_score(values, sp.csr_matrix([[0, 0, 1.0, 1.0], [1.0, 1.0, 1.0, 1.0]]))
    np.testing.assert_allclose(found, [1.0 / values.std() * np.sqrt(2), 0.0], atol=1e-12)
