"""Ranks over data sets against Demsar's paper (JMLR 7, 2006) and against counting."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pathweave.evaluate._ranks import critical_difference, iman_davenport, signed_rank

# Demsar's Table 6: AUC of C4.5 with and without tuned m and cf on 14 data sets. In "voting" two are told apart by
# their ranks (2 and 3) though both are printed as 0.975.
DEMSAR = pd.DataFrame(
    {
        "C4.5": [0.763, 0.599, 0.954, 0.628, 0.882, 0.936, 0.661, 0.583, 0.775, 1.0, 0.940, 0.619, 0.972, 0.957],
        "C4.5+m": [0.768, 0.591, 0.971, 0.661, 0.888, 0.931, 0.668, 0.583, 0.838, 1.0, 0.962, 0.666, 0.981, 0.978],
        "C4.5+cf": [0.771, 0.590, 0.968, 0.654, 0.886, 0.916, 0.609, 0.563, 0.866, 1.0, 0.965, 0.614, 0.9751, 0.946],
        "C4.5+m+cf": [0.798, 0.569, 0.967, 0.657, 0.898, 0.931, 0.685, 0.625, 0.875, 1.0, 0.962, 0.669, 0.975, 0.970],
    }
)  # fmt: skip
Q = [1.960, 2.343, 2.569, 2.728, 2.850, 2.949, 3.031, 3.102, 3.164]  # his Table 5(a), k = 2 ... 10


def test_demsars_friedman_and_nemenyi():
    found = critical_difference(DEMSAR)
    assert found.ranks.round(3).to_dict() == {
        "C4.5+m+cf": 1.964, "C4.5+m": 2.0, "C4.5+cf": 2.893, "C4.5": 3.143,
    }  # fmt: skip
    assert found.cd == pytest.approx(1.25, abs=0.005)
    # He does not correct for ties: one of four methods and three of two, 14 data sets.
    ties = 1 - (60 + 3 * 6) / (14 * 4 * (4**2 - 1))
    assert found.chi2 * ties == pytest.approx(9.28, abs=0.005)
    assert iman_davenport(9.28, 14, 4)[0] == pytest.approx(3.69, abs=0.005)
    assert found.p_iman_davenport < found.p_friedman < 0.05
    assert found.cliques == [("C4.5+m+cf", "C4.5+m", "C4.5+cf", "C4.5")]
    at_ten = critical_difference(DEMSAR, alpha=0.10)
    assert at_ten.cd == pytest.approx(1.12, abs=0.005)
    # At 10 % the paper tells C4.5 from both methods with tuned m.
    assert at_ten.cliques == [("C4.5+m+cf", "C4.5+m", "C4.5+cf"), ("C4.5+cf", "C4.5")]


@pytest.mark.parametrize("k", range(3, 11))
def test_critical_values_are_the_published(k):
    values = pd.DataFrame(np.random.default_rng(k).random((7, k)))
    q = critical_difference(values).cd / np.sqrt(k * (k + 1) / (6 * 7))
    assert q == pytest.approx(Q[k - 2], abs=0.0011), "he rounds a step off in places"


def test_demsars_signed_ranks():
    found = signed_rank(DEMSAR[["C4.5+m", "C4.5"]]).iloc[0]
    assert found["statistic"] == 12, "T = min(93, 12)"
    assert (found["wins"], found["losses"], found["n"]) == (10, 2, 14)
    assert found["p"] < 0.05


def exact_p(d):
    """Two-sided p by all signs of the ranks."""
    ranks = pd.Series(np.abs(d)).rank().to_numpy()
    signs = np.array(list(product([-1, 1], repeat=len(d))))
    return np.mean(np.abs(signs @ ranks) >= abs(np.sign(d) @ ranks))


def test_signed_rank_is_exact_for_few_data_sets():
    rng = np.random.default_rng(2)
    scores = pd.DataFrame(rng.random((9, 3)), columns=list("abc"))
    found = signed_rank(scores)
    assert found[["method", "reference"]].to_numpy().tolist() == [
        ["a", "b"],
        ["a", "c"],
        ["b", "c"],
    ]
    expected = [exact_p((scores[a] - scores[b]).to_numpy()) for a, b in ("ab", "ac", "bc")]
    assert found["p"].tolist() == pytest.approx(expected)
    assert (found["p_holm"] >= found["p"]).all()


@settings(max_examples=10)  # exact signed ranks take half a second
@given(st.integers(0, 10_000))
def test_lower_is_better_turns_differences_and_ranks(seed):
    scores = pd.DataFrame(np.random.default_rng(seed).random((6, 3)), columns=list("abc"))
    one, two = signed_rank(scores), signed_rank(-scores, lower_is_better=True)
    pd.testing.assert_frame_equal(one, two)
    up, down = critical_difference(scores), critical_difference(-scores, lower_is_better=True)
    assert up.ranks.to_dict() == down.ranks.to_dict()
    assert up.ranks.mean() == pytest.approx(2.0)


def test_gaps_and_equal_scores():
    scores = pd.DataFrame(
        {"a": [0.1 + 0.2, 0.5, np.nan, 0.7], "b": [0.3, 0.5, 0.4, 0.7], "c": np.nan}
    )
    found = signed_rank(scores).set_index(["method", "reference"])
    assert found.loc[("a", "b"), ["p", "n", "wins"]].tolist() == [1.0, 3, 0], (
        "equal but for the last bit"
    )
    assert np.isnan(found.loc[("a", "c"), "p"])
    last_bit = pd.DataFrame({"a": [0.1 + 0.2] * 4, "b": [0.3] * 4, "c": [0.1] * 4})
    assert critical_difference(last_bit).ranks.to_dict() == {"a": 1.5, "b": 1.5, "c": 3.0}
    same = critical_difference(pd.DataFrame(np.full((4, 3), 0.5), columns=list("abc")))
    assert (same.chi2, same.p_friedman, same.cliques) == (0.0, 1.0, [("a", "b", "c")])


def test_data_sets_that_all_agree():
    found = critical_difference(pd.DataFrame([[3.0, 2.0, 1.0]] * 30, columns=list("abc")))
    assert found.f == np.inf
    assert found.p_iman_davenport == 0.0
    assert found.chi2 == pytest.approx(60)
    assert found.cliques == []


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: critical_difference(DEMSAR, alpha=5), "alpha=5 must lie between 0 and 1"),
        (lambda: critical_difference(DEMSAR.iloc[:, :2]), "14 data set.* and 2 method"),
        (lambda: critical_difference(DEMSAR.replace(1.0, np.nan)), r"NaN in data set\(s\) '9'"),
        (lambda: signed_rank(DEMSAR[["C4.5"]]), "table has 1 column"),
        (lambda: signed_rank(DEMSAR[["C4.5", "C4.5"]]), "methods .* are not unique"),
        (lambda: signed_rank(DEMSAR.to_numpy()), "must be a DataFrame .* found ndarray"),
    ],
    ids=["alpha", "two methods", "gaps", "one method", "twice", "no table"],
)
def test_bad_tables(call, match):
    with pytest.raises((ValueError, TypeError), match=match):
        call()


def test_methods_that_never_differ_share_the_ranks():
    row = signed_rank(pd.DataFrame({"a": [0.1, 0.2, 0.3], "b": [0.1, 0.2, 0.3]})).iloc[0]
    assert (row["statistic"], row["p"]) == (3.0, 1.0)  # half of 1 + 2 + 3


@pytest.mark.parametrize("test", [signed_rank, critical_difference])
def test_names_of_data_sets_belong_in_the_index(test):
    table = pd.DataFrame({"set": list("xyz"), "a": [1, 2, 3], "b": [1, 2, 3], "c": [3, 2, 1]})
    with pytest.raises(ValueError, match=r"'set' hold no numbers.*set_index"):
        test(table)
    test(table.set_index("set"))
