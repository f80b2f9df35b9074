"""Evidence of nodes, the joint regression on memberships, and what shuffled labels make of both."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch
from scipy.stats import kstest, pearsonr
from sklearn.linear_model import ElasticNet

from pathweave import nn
from pathweave._core.stability import rank_stability
from pathweave.explain._pathway_tests.draws import Draws, outcome_residuals
from pathweave.explain._pathway_tests.elastic_net import non_negative_elastic_net
from pathweave.explain._pathway_tests.evidence import node_evidence, standard_layers
from pathweave.explain._pathway_tests.joint import GeneSets, explain_jointly, normal_scores
from pathweave.explain._pathway_tests.significance import (
    false_discovery_rate,
    pooled_p,
    standardised,
)
from pathweave.models._targets import Target


def _draws(residual, n_null=0, n_boot=0, strata=None, seed=0):
    codes = np.zeros(len(residual), int) if strata is None else strata
    rng = np.random.default_rng(seed)
    return Draws.of(residual, codes, n_null=n_null, n_boot=n_boot, rng=rng)


def _evidence(values, maps, draws):
    return node_evidence(standard_layers(values, maps, draws.strata), draws)


def test_residuals_of_survival_are_the_score_of_coxs_model():
    """The score at zero is the gradient of the partial likelihood: here by automatic differentiation."""
    rng = np.random.default_rng(0)
    time, event = rng.permutation(40) + 1.0, (rng.random(40) < 0.6).astype(float)
    x = rng.normal(size=40)
    found = outcome_residuals(
        Target("risk", "survival", ("t", "e")), np.stack([time, event], axis=1)
    )["risk"]
    beta = torch.zeros((), requires_grad=True, dtype=torch.float64)
    risk = beta * torch.tensor(x)
    nn.cox_loss(risk, torch.tensor(time), torch.tensor(event)).backward()
    score = float(found @ x)
    assert abs(found.sum()) < 1e-9
    # cox_loss is a mean over events, and negative.
    assert score == pytest.approx(-float(beta.grad) * event.sum(), rel=1e-5)


def test_classes_give_an_indicator_each_and_two_classes_one():
    three = Target("t", "class", ("t",), ("a", "b", "c"))
    outcome = np.array([[0.0], [1.0], [2.0], [np.nan]])
    found = outcome_residuals(three, outcome)
    assert list(found) == ["a", "b", "c"]
    np.testing.assert_array_equal(found["b"], [0, 1, 0, np.nan])
    two = Target("t", "class", ("t",), ("a", "b"))
    assert list(outcome_residuals(two, outcome[:2])) == ["b"]
    ordered = Target("stage", "class", ("t",), ("I", "II", "III"), ordinal=True)
    np.testing.assert_array_equal(outcome_residuals(ordered, outcome)["stage"], [0, 1, 2, np.nan])


def test_association_is_the_correlation_times_the_root_of_n():
    rng = np.random.default_rng(1)
    y, x = rng.normal(size=50), rng.normal(size=(50, 3))
    maps = {"rna": sp.csr_matrix(np.array([[1.0, 0], [1, 0], [0, 1]]))}
    found = _evidence({"rna": x}, maps, _draws(y))
    r = np.array([pearsonr(x[:, i], y).statistic for i in range(3)])
    np.testing.assert_allclose(found.association[0], [50 * (r[:2] ** 2).mean(), 50 * r[2] ** 2])
    np.testing.assert_allclose(found.direction[1], r[2] * 50**0.5)


def test_layers_side_by_side_and_missing_or_constant_values_count_for_nothing():
    rng = np.random.default_rng(2)
    y = rng.normal(size=40)
    strong, weak = y[:, None] + 0.1 * rng.normal(size=(40, 1)), rng.normal(size=(40, 1))
    constant = np.column_stack([strong, np.full(40, 0.3)])
    gaps = weak.copy()
    gaps[:30] = np.nan
    maps = {"rna": sp.csr_matrix([[1.0], [1.0]]), "meth": sp.csr_matrix([[1.0]])}
    found = _evidence({"rna": constant, "meth": gaps}, maps, _draws(y))
    alone = _evidence({"rna": strong}, {"rna": sp.csr_matrix([[1.0]])}, _draws(y))
    np.testing.assert_allclose(found.by_layer["rna"], alone.association[0])
    assert found.by_layer["rna"][0] > 10 * found.by_layer["meth"][0]
    none = _evidence({"rna": constant[:, 1:]}, {"rna": sp.csr_matrix([[1.0]])}, _draws(y))
    assert np.isnan(none.by_layer["rna"]).all()
    assert not none.association.any()


def test_labels_are_shuffled_within_strata_only():
    strata = np.repeat([0, 1], 20)
    residual = strata * 5.0 + np.tile([0.0, 1.0], 20)
    draws = _draws(residual, n_null=5, n_boot=4, strata=strata)
    for code in (0, 1):
        inside = draws.rows[:6, strata == code]
        np.testing.assert_allclose(inside.sum(axis=1), 0, atol=1e-9)
        for row in inside:
            np.testing.assert_allclose(np.sort(row), np.sort(inside[0]))
    assert len(np.unique(draws.rows[:6], axis=0)) == 6
    # What sets the strata apart, and nothing else, is not associated.
    maps = {"rna": sp.csr_matrix([[1.0]])}
    found = _evidence({"rna": strata[:, None].astype(float)}, maps, draws)
    np.testing.assert_allclose(found.association[:6], 0, atol=1e-9)


def _random_sets(rng, n_sets=30, n_nodes=200):
    sets = {f"p{i}": rng.choice(n_nodes, rng.integers(5, 25), replace=False) for i in range(n_sets)}
    return GeneSets.of(sets, {}, n_nodes, (2, 100))


def test_joint_regression_equals_scikit_learns_non_negative_elastic_net():
    rng = np.random.default_rng(3)
    sets = _random_sets(rng)
    scores = normal_scores(rng.normal(size=(3, 200)) + (sets.members[0].toarray() * 2))
    found = explain_jointly(scores, sets)
    for row in range(3):
        theirs = ElasticNet(
            alpha=2e-3, l1_ratio=0.5, positive=True, fit_intercept=False, max_iter=20000, tol=1e-8
        ).fit(sets.members.T.toarray(), scores[row])
        np.testing.assert_allclose(found.coefficient[row], theirs.coef_, atol=5e-4)
    assert (found.coefficient >= 0).all()
    assert found.coefficient[0].argmax() == 0


def test_an_elastic_net_of_nested_sets_is_scikit_learns_alone_or_among_others():
    """Parents of parents, from 5 to 320 members: steps of one length for all would crawl."""
    rng = np.random.default_rng(5)
    members = np.zeros((60, 400))
    for i, row in enumerate(members):
        start = 20 * (i % 10)
        row[start : start + 5 * 2 ** (i % 7)] = 1.0
    members += rng.random(members.shape) < 0.01
    members = np.minimum(members, 1.0)
    y = rng.normal(size=(400, 12)) * np.linspace(0, 2, 12) + 2 * members[[0, 13]].T.sum(1)[:, None]
    gram, product = members @ members.T / 400, members @ y / 400
    found = non_negative_elastic_net(gram, product, ridge=1e-3, lasso=1e-3)
    for column in range(12):
        theirs = ElasticNet(
            alpha=2e-3, l1_ratio=0.5, positive=True, fit_intercept=False, max_iter=50000, tol=1e-10
        ).fit(members.T, y[:, column])
        np.testing.assert_allclose(found[:, column], theirs.coef_, atol=5e-3)
        alone = non_negative_elastic_net(gram, product[:, [column]], ridge=1e-3, lasso=1e-3)
        np.testing.assert_allclose(found[:, [column]], alone, atol=3e-4)


def test_a_parent_is_not_named_for_its_childs_sake():
    rng = np.random.default_rng(4)
    child = list(range(20))
    sets = GeneSets.of(
        {"child": child, "parent": list(range(60)), "other": list(range(100, 130))},
        {},
        400,
        (2, 100),
    )
    association = rng.normal(size=(1, 400))
    association[:, child] += 3
    found = explain_jointly(normal_scores(association), sets)
    by = dict(zip(sets.ids, found.joint[0], strict=True))
    alone = dict(zip(sets.ids, found.alone[0], strict=True))
    assert alone["parent"] > 3
    assert by["child"] > 6
    assert by["parent"] < 0.3 * alone["parent"]


def test_of_sets_with_the_same_members_the_deepest_is_kept():
    sets = GeneSets.of({"a": [1, 2], "b": [2, 1], "c": [3]}, {"a": 0, "b": 2}, 5, (2, 10))
    assert sets.ids == ("b",)
    np.testing.assert_array_equal(sets.members.toarray(), [[0, 1, 1, 0, 0]])
    assert sets.sizes.tolist() == [2]


def test_sets_and_draws_in_another_order_give_the_same():
    rng = np.random.default_rng(5)
    sets = {f"p{i}": rng.choice(80, 10, replace=False).tolist() for i in range(12)}
    scores = normal_scores(rng.normal(size=(4, 80)))
    one = explain_jointly(scores, GeneSets.of(sets, {}, 80, (2, 50)))
    turned = GeneSets.of(dict(reversed(sets.items())), {}, 80, (2, 50))
    other = explain_jointly(scores[::-1], turned)
    np.testing.assert_allclose(one.joint, other.joint[::-1], atol=2e-2)
    nodes = rng.permutation(80)
    place = np.argsort(nodes)
    moved = {name: [int(place[i]) for i in members] for name, members in sets.items()}
    permuted = explain_jointly(scores[:, nodes], GeneSets.of(moved, {}, 80, (2, 50)))
    np.testing.assert_allclose(one.alone, permuted.alone, atol=1e-9)


def test_p_values_are_uniform_where_nothing_is_associated():
    rng = np.random.default_rng(6)
    p = []
    for _ in range(60):
        # Columns with scales and skews of their own, correlated with each other.
        draws = np.exp(rng.normal(size=(101, 40)) * 0.3 + 0.3 * rng.normal(size=(101, 1)))
        draws *= rng.uniform(0.5, 4, 40)
        p.append(pooled_p(standardised(draws, 100), 100)[0])
    assert kstest(p, "uniform").pvalue > 0.01
    assert min(p) > 0.0


def test_a_strong_column_gets_a_small_p_and_a_constant_one_none():
    rng = np.random.default_rng(7)
    draws = rng.normal(size=(201, 3))
    draws[0, 0], draws[:, 2] = 8.0, 1.0
    p = pooled_p(standardised(draws, 200), 200)
    assert p[0] == pytest.approx(1 / 601, rel=1e-6)
    assert p[2] > 0.4
    assert false_discovery_rate(np.array([0.01, 0.04, 0.03])).tolist() == pytest.approx(
        [0.03, 0.04, 0.04]
    )


def test_stability_is_one_for_equal_ranks():
    row = np.arange(10.0)
    assert rank_stability(np.stack([row, row**3])) == pytest.approx(1.0)
    assert rank_stability(np.stack([row, -row])) == pytest.approx(-1.0)
    assert np.isnan(rank_stability(row[None]))


@pytest.mark.parametrize("case", ["cases are measured more often", "batch and outcome decide"])
def test_what_decides_which_layer_a_sample_has_is_no_association(case):
    """Labels shuffled over all samples know nothing of who was measured; features without signal must stay so."""
    share = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        n, p = 200, 200
        strata = np.zeros(n, dtype=int)
        y = (rng.random(n) < 0.1).astype(float)
        odds = np.where(y == 1, 0.95, 0.12)
        x = rng.normal(size=(n, p))
        if case != "cases are measured more often":
            strata = np.arange(n) % 2
            y = (rng.random(n) < np.where(strata == 1, 0.5, 0.3)).astype(float)
            odds = np.where(strata == y, 0.9, 0.3)
            x += strata[:, None] * rng.normal(size=p) * 2  # a batch effect
        x[rng.random(n) > odds] = np.nan
        rows = Draws.of(y, strata, n_null=60, n_boot=2, rng=rng)
        found = _evidence({"rna": x}, {"rna": sp.eye(p, format="csr")}, rows)
        share.append((pooled_p(standardised(np.cbrt(found.association), 60), 60) < 0.05).mean())
    assert (
        0.03 < np.mean(share) < 0.08
    )  # it was .25 and .7 with residuals as they are in all samples


def test_association_within_strata_and_gaps_is_the_partial_correlation():
    rng = np.random.default_rng(3)
    n = 60
    strata, x = np.repeat([0, 1, 2], 20), rng.normal(size=(n, 4))
    x[rng.random((n, 4)) < 0.3] = np.nan
    y = x[:, 0] * 0.5 + strata + rng.normal(size=n)
    y[np.isnan(x[:, 0])] = rng.normal(size=int(np.isnan(x[:, 0]).sum()))
    rows = Draws.of(y, strata, n_null=2, n_boot=2, rng=rng)
    found = _evidence({"rna": x}, {"rna": sp.eye(4, format="csr")}, rows)
    for j in range(4):
        has = ~np.isnan(x[:, j])
        within = pd.DataFrame({"x": x[has, j], "y": y[has]})
        within -= within.groupby(strata[has]).transform("mean")
        expected = within["x"].corr(within["y"]) * np.sqrt(has.sum())
        assert found.direction[j] == pytest.approx(expected, abs=1e-9)


def test_a_draw_in_which_all_nodes_tie_explains_nothing():
    sets = GeneSets.of({"a": [0, 1], "b": [1, 2]}, {}, 4, (1, 4))
    found = explain_jointly(np.array([[1.0, 0.5, -0.5, -1.0], [0.0, 0.0, 0.0, 0.0]]), sets)
    assert found.explained[0] > 0
    assert found.explained[1] == 0
