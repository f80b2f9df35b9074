"""Intervals and tests of scores over splits: by hand, as published, and calibrated on a real procedure."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from pathweave._core.intervals import interval
from pathweave.evaluate import _compare
from pathweave.evaluate._compare import bootstrap, bootstrap_p, holm, paired_test, percentiles

score = st.floats(0, 1).map(lambda x: round(x, 3))
pairs = st.lists(st.tuples(score, score), min_size=3, max_size=30).map(np.array)


def corrected_t_test(a, b, n_train, n_test):
    n = len(a)
    return _compare.corrected_t_test(a, b, np.full(n, n_train), np.full(n, n_test))


def bootstrap_intervals(statistics, n, **how):
    return {name: percentiles(values) for name, values in bootstrap(statistics, n, **how).items()}


def compare(scores, metric, reference):
    def judge(method):
        return paired_test(scores, metric=metric, method=method, reference=reference)

    return _compare.compare(scores["method"].unique(), judge, metric=metric, reference=reference)


def table(values, *, n_train=80, n_test=20, metric="auroc"):
    """Long scores of methods over splits, five folds a repeat."""
    parts = [
        pd.DataFrame(
            {"method": name, "repeat": np.arange(len(v)) // 5, "fold": np.arange(len(v)) % 5, "metric": metric,
             "value": v, "n_train": n_train, "n_test": n_test}
        )
        for name, v in values.items()
    ]  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def test_interval_by_hand():
    # mean 0.80, s^2 = (0.01 + 0 + 0.01) / 2 = 0.01; (1/3 + 1/4) 0.01 = 0.07638^2; t(0.975, 2) = 4.3027
    found = interval([0.7, 0.8, 0.9], 40, 10)
    assert found == pytest.approx((0.8, 0.8 - 4.30265 * 0.0763763, 0.8 + 4.30265 * 0.0763763))
    wide, narrow = (interval([0.7, 0.8, 0.9], 40, 10, level=q) for q in (0.95, 0.9))
    assert (narrow[2] - narrow[0]) / (wide[2] - wide[0]) == pytest.approx(2.919986 / 4.302653)


def test_corrected_t_test_gives_the_numbers_that_scikit_learn_publishes():
    """Its example "Statistical comparison of models using grid search": t = 0.750, one-sided p = 0.227."""
    from sklearn.datasets import make_moons
    from sklearn.model_selection import RepeatedStratifiedKFold, cross_val_score
    from sklearn.svm import SVC

    X, y = make_moons(noise=0.352, random_state=1, n_samples=100)
    cv = RepeatedStratifiedKFold(n_splits=10, n_repeats=10, random_state=0)
    rbf, linear = (
        cross_val_score(SVC(kernel=k, random_state=0), X, y, cv=cv, scoring="roc_auc")
        for k in ("rbf", "linear")
    )
    found = corrected_t_test(rbf, linear, 90, 10)
    assert found["n"] == 100
    assert found["difference"] > 0
    assert found["p"] / 2 == pytest.approx(0.227, abs=5e-4)
    plain = stats.ttest_rel(rbf, linear)
    assert plain.statistic == pytest.approx(2.611, abs=5e-4), (
        "what the page gives without the correction"
    )


def test_without_test_samples_it_would_be_the_plain_paired_t_test():
    rng = np.random.default_rng(0)
    a, b = rng.random((2, 12))
    found, plain = corrected_t_test(a, b, 1e12, 1), stats.ttest_rel(a, b)
    low, high = plain.confidence_interval()
    assert [found[k] for k in ("p", "low", "high")] == pytest.approx([plain.pvalue, low, high])


@given(pairs)
def test_swapping_the_methods_turns_the_sign(both):
    one, two = corrected_t_test(*both.T, 80, 20), corrected_t_test(*both.T[::-1], 80, 20)
    assert [one["p"], one["difference"], one["low"]] == pytest.approx(
        [two["p"], -two["difference"], -two["high"]], nan_ok=True
    )


@given(pairs, st.floats(-5, 5), st.floats(0.1, 10))
def test_p_ignores_shift_and_scale(both, shift, scale):
    one = corrected_t_test(*both.T, 80, 20)
    two = corrected_t_test(*(both.T * scale + shift), 80, 20)
    assert two["p"] == pytest.approx(one["p"], rel=1e-6, nan_ok=True)
    assert two["difference"] == pytest.approx(one["difference"] * scale, abs=1e-9)


@given(pairs)
def test_p_and_interval_agree(both):
    found = corrected_t_test(*both.T, 80, 20)
    if not np.isnan(found["p"]):
        assert (found["p"] < 0.05) == (not found["low"] <= 0 <= found["high"])


def test_corrected_test_is_calibrated_where_the_plain_one_is_not():
    """Two ridge models of equally useless features, five folds, ten times: no method is better."""
    rng = np.random.default_rng(1)
    n, p, rejected = 50, 5, []
    for _ in range(300):
        x, y = rng.normal(size=(2, n, p)), rng.normal(size=n)
        losses = []
        for _ in range(10):
            for test in np.array_split(rng.permutation(n), 5):
                train = np.setdiff1d(np.arange(n), test)
                gram = np.swapaxes(x[:, train], 1, 2) @ x[:, train] + np.eye(p)
                coef = np.linalg.solve(gram, np.swapaxes(x[:, train], 1, 2) @ y[train, None])
                losses.append(((y[test] - (x[:, test] @ coef)[:, :, 0]) ** 2).mean(axis=1))
        a, b = np.array(losses).T
        corrected = corrected_t_test(a, b, n * 4 / 5, n / 5)["p"]
        rejected.append([corrected < 0.05, stats.ttest_rel(a, b).pvalue < 0.05])
    corrected, plain = np.mean(rejected, axis=0)
    assert corrected <= 0.1
    assert plain >= 0.3


def test_bootstrap_intervals_of_means():
    values = np.random.default_rng(0).normal(size=200)

    def drawn(seed):
        return bootstrap_intervals(
            lambda rows: {"mean": values[rows].mean(), "twice": 2 * values[rows].mean()},
            200,
            n_draws=1000,
            seed=seed,
        )

    ends = drawn(0)
    half = 1.96 * values.std() / np.sqrt(200)
    assert ends["mean"] == pytest.approx((values.mean() - half, values.mean() + half), abs=0.02)
    assert ends["twice"] == pytest.approx(tuple(2 * end for end in ends["mean"]))
    assert drawn(0) == ends
    assert drawn(1) != ends


def test_undefined_draws_are_left_out_of_a_bootstrap():
    def statistics(rows):
        return {"sometimes": 1.0 if rows[0] else np.nan, "never": np.nan}

    ends = bootstrap_intervals(statistics, 10, n_draws=100)
    assert ends["sometimes"] == (1.0, 1.0)
    assert np.isnan(ends["never"]).all()


def test_compare_pairs_the_splits_whatever_their_order():
    rng = np.random.default_rng(0)
    a, b, c = rng.random((3, 10))
    scores = table({"a": a, "b": b, "c": c})
    found = compare(scores.sample(frac=1, random_state=0), metric="auroc", reference="c")
    for name, values in {"a": a, "b": b}.items():
        expected = corrected_t_test(values, c, 80, 20)
        for column in ("difference", "low", "high", "p", "n"):
            assert found.loc[name, column] == pytest.approx(expected[column])
    assert found["p_holm"].tolist() == pytest.approx(holm(found["p"]).tolist())
    fewer = scores[~((scores["method"] == "a") & (scores["repeat"] == 1))]
    assert compare(fewer, metric="auroc", reference="c")["n"].to_dict() == {"a": 5, "b": 10}


def test_holm_by_hand():
    found = holm(np.array([0.01, np.nan, 0.04, 0.03]))
    assert found == pytest.approx([0.03, np.nan, 0.06, 0.06], nan_ok=True)
    assert np.isnan(holm(np.array([np.nan]))).all()


def test_bootstrap_p_is_where_the_interval_reaches_zero():
    rng = np.random.default_rng(0)
    values = rng.normal(size=80)
    level = []
    for shift in (0.0, 0.1, 0.2, 0.3):
        drawn = bootstrap(
            lambda rows, s=shift: {"d": values[rows].mean() - values.mean() + s}, 80, n_draws=2000
        )["d"]
        p = bootstrap_p(drawn)
        low, _ = percentiles(drawn)
        assert (p < 0.05) == (low > 0)
        # The bootstrap of a mean is close to a z-test.
        z = 2 * stats.norm.sf(shift / (values.std() / np.sqrt(80)))
        assert p == pytest.approx(z, abs=0.06)
        level.append(p)
    assert level == sorted(level, reverse=True)
    assert bootstrap_p(pd.Series([0.0, 0.0, np.nan])) == 1.0
    assert np.isnan(bootstrap_p(pd.Series([np.nan])))
