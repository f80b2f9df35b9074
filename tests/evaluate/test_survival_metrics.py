"""Survival metrics against scikit-survival (its stored output), torchsurv, and identities."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pathweave import evaluate, io
from pathweave.evaluate import auc_at, breslow, concordance_index_ipcw, integrated_brier
from pathweave.evaluate._survival_metrics import censoring_known

CASES = json.loads((Path(__file__).parent / "reference" / "survival_metrics.json").read_text())[
    "cases"
]


def _outcomes(case):
    return [np.array(case[k]) for k in ("train_time", "train_event", "time", "event")]


def _data(seed=0, n=150, *, ties=False):
    """Times, events, risks that tell of them, and times to judge at."""
    rng = np.random.default_rng(seed)
    risk = rng.normal(size=n)
    failed, lost = rng.exponential(np.exp(-risk)), rng.exponential(1.5, size=n)
    time, event = np.minimum(failed, lost), (failed <= lost).astype(int)
    if ties:
        time, risk = np.ceil(4 * time) / 4, np.round(2 * risk) / 2
    times = np.unique(np.quantile(time[event == 1], [0.2, 0.4, 0.6, 0.8]))
    return time, event, risk, times


@pytest.mark.reference
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
class TestLikeScikitSurvival:
    def test_concordance(self, case):
        for tau, expected in case["concordance_index_ipcw"]:
            value = concordance_index_ipcw(*_outcomes(case), case["risk"], tau=tau)
            assert value == pytest.approx(expected, rel=1e-12)

    def test_auc(self, case):
        areas, mean = auc_at(*_outcomes(case), case["risk"], case["times"])
        np.testing.assert_allclose(areas, case["auc_at"], rtol=1e-12)
        assert mean == pytest.approx(case["auc_mean"], rel=1e-12)

    def test_brier(self, case):
        value = integrated_brier(*_outcomes(case), case["survival"], case["times"])
        assert value == pytest.approx(case["integrated_brier"], rel=1e-12)

    def test_breslow(self, case):
        time, event = _outcomes(case)[:2]
        curves = breslow(time, event, case["train_risk"], case["risk"][:8], case["times"])
        np.testing.assert_allclose(curves, case["breslow"], rtol=1e-12)


def _compare_with_torchsurv(train_time, train_event, time, event, risk, times):
    import torch
    from torchsurv.metrics.auc import Auc
    from torchsurv.metrics.brier_score import BrierScore
    from torchsurv.metrics.cindex import ConcordanceIndex
    from torchsurv.stats.ipcw import get_ipcw

    # Of float64 times that equal a training time, torchsurv 0.2 looks up the wrong step of the curve.
    single = [torch.tensor(x).float() for x in (train_time, time, times)]
    seen = torch.tensor(train_event).bool()
    weight, weight_at = (get_ipcw(seen, single[0], x).double() for x in single[1:])
    new = [torch.tensor(event).bool(), torch.tensor(time)]
    at, risks = torch.tensor(times), torch.tensor(risk)
    outcomes = (train_time, train_event, time, event)
    other = ConcordanceIndex()(risks, *new, weight=weight, tmax=at[-1])
    value = concordance_index_ipcw(*outcomes, risk, tau=times[-1])
    assert value == pytest.approx(float(other), abs=1e-5)
    other = Auc()(risks, *new, new_time=at, weight=weight, weight_new_time=weight_at)
    np.testing.assert_allclose(auc_at(*outcomes, risk, times)[0], other.numpy(), atol=1e-5)
    curves = breslow(train_time, train_event, np.zeros(len(train_time)), risk, times)
    brier = BrierScore()
    brier(torch.tensor(curves), *new, new_time=at, weight=weight, weight_new_time=weight_at)
    value = integrated_brier(*outcomes, curves, times)
    assert value == pytest.approx(float(brier.integral()), abs=1e-5)


@pytest.mark.parametrize("ties", [False, True], ids=["untied", "ties"])
def test_like_torchsurv(ties):
    time, event, risk, times = _data(3, ties=ties)
    train, test = np.arange(150) < 90, np.arange(150) >= 90
    train[np.argmax(time)], test[np.argmax(time)] = True, False
    _compare_with_torchsurv(time[train], event[train], time[test], event[test], risk[test], times)


def test_like_torchsurv_on_real_follow_up(shared):
    obs = io.read_h5mu(shared / "data" / "tcga_surv_luad" / "tcga_surv_luad.h5mu").obs
    values = obs[["survival_months", "event"]].dropna().to_numpy(dtype=np.float64)
    time, event = values[values[:, 0] > 0].T
    rng = np.random.default_rng(0)
    risk = -np.log(time) + rng.normal(scale=2, size=len(time))
    train = rng.random(len(time)) < 0.7
    train[np.argmax(time)] = True
    times = np.quantile(time[event == 1], np.linspace(0.05, 0.8, 20))
    _compare_with_torchsurv(
        time[train], event[train], time[~train], event[~train], risk[~train], np.unique(times)
    )


def test_without_censoring_uno_is_harrell_and_brier_the_squared_error():
    time, _, risk, times = _data(1, ties=True)
    event = np.ones(len(time), int)
    value = concordance_index_ipcw(time, event, time, event, risk)
    assert value == pytest.approx(evaluate.concordance_index(time, event, risk), rel=1e-12)
    survival = np.random.default_rng(0).random((len(time), len(times)))
    error = ((survival - (time[:, None] > times)) ** 2).mean(axis=0)
    expected = np.trapezoid(error, times) / np.ptp(times)
    value = integrated_brier(time, event, time, event, survival, times)
    assert value == pytest.approx(expected, rel=1e-12)


def test_one_time_is_the_auc_of_who_failed_by_then():
    from sklearn.metrics import roc_auc_score

    time, _, risk, times = _data(2)
    event = np.ones(len(time), int)
    areas, mean = auc_at(time, event, time, event, risk, times[1])
    assert areas[0] == pytest.approx(roc_auc_score(time <= times[1], risk), rel=1e-12)
    assert mean == pytest.approx(areas[0], rel=1e-12)


@given(st.integers(0, 2**32 - 1), st.booleans(), st.integers(10, 60))
def test_order_and_scale_do_not_matter(seed, ties, n):
    time, event, risk, times = _data(seed, n, ties=ties)
    time[0], event[0] = time.max() + 1, 0
    if not event.any():
        return
    rng = np.random.default_rng(seed)
    mixed = rng.permutation(n)
    survival = rng.random((n, len(times)))

    def everything(order, risk, scale):
        t, e = time[order] * scale, event[order]
        found = [concordance_index_ipcw(t, e, t, e, risk[order])]
        found += [*auc_at(t, e, t, e, risk[order], times * scale)[0]]
        if len(times) > 1:
            found.append(integrated_brier(t, e, t, e, survival[order], times * scale))
        return np.array(found)

    plain = everything(np.arange(n), risk, 1.0)
    m = 1 + len(times)
    assert 0.0 <= np.nanmin(plain[:m]) <= np.nanmax(plain[:m]) <= 1.0 + 1e-12
    # Days or years (a power of two, so that ties stay ties), and any growing function of the risk.
    np.testing.assert_allclose(everything(mixed, np.exp(risk), 4.0), plain, rtol=1e-10)
    opposite = everything(np.arange(n), -risk, 1.0)
    np.testing.assert_allclose(opposite[:m], 1.0 - plain[:m], rtol=1e-10, atol=1e-12)


@given(st.integers(0, 2**32 - 1), st.booleans(), st.floats(-300, 300))
def test_breslow_curves_fall_and_know_no_origin(seed, ties, shift):
    time, event, risk, _ = _data(seed, 40, ties=ties)
    times = np.unique(np.r_[0.0, time, time.max() + 1])
    curves = breslow(time, event, risk, risk, times)
    assert ((curves >= 0) & (curves <= 1)).all()
    assert (np.diff(curves, axis=1) <= 0).all()
    assert (curves[:, 0] == 1).all()
    np.testing.assert_array_equal(curves[:, -1], curves[:, -2])
    by_risk = curves[np.argsort(risk)]
    assert (np.diff(by_risk, axis=0) <= 0).all()
    moved = breslow(time, event, risk + shift, risk + shift, times)
    np.testing.assert_allclose(moved, curves, rtol=1e-9, atol=1e-12)


def test_breslow_of_equal_risks_is_nelson_aalen():
    time, event = np.array([1, 2, 2, 3, 5]), np.array([1, 1, 1, 0, 1])
    hazard = np.cumsum([1 / 5, 2 / 4, 0, 1 / 1])
    curves = breslow(time, event, np.full(5, 7.0), [7.0, 7.0], [1, 2, 3, 5])
    np.testing.assert_allclose(curves, np.exp(-np.stack([hazard, hazard])), rtol=1e-14)


def test_breslow_bears_risks_far_apart():
    risk = np.array([900.0, -900.0, 0.0, 800.0])
    curves = breslow([1, 2, 3, 4], [1, 1, 1, 1], risk, risk, [0.5, 1.0, 4.0])
    assert np.isfinite(curves).all()
    assert curves[1].tolist() == [1.0, 1.0, 1.0]
    assert curves[0, 2] == 0.0
    assert (breslow([1, 2], [0, 0], [0.0, 1.0], [5.0], [1, 2]) == 1.0).all()


def test_what_cannot_be_known_is_nan():
    train = ([1, 2, 3, 4], [1, 0, 1, 0])
    assert np.isnan(concordance_index_ipcw(*train, [1, 2], [0, 0], [1.0, 2.0]))
    assert np.isnan(concordance_index_ipcw(*train, [], [], []))
    assert np.isnan(concordance_index_ipcw(*train, [3, 3.5], [1, 1], [1.0, 2.0], tau=2))
    areas, mean = auc_at(*train, [1, 2, 3], [0, 1, 1], [1.0, 3.0, 2.0], [1.5, 2.5, 3.5])
    assert np.isnan(areas[[0, 2]]).all(), "no case yet, no control any more"
    assert areas[1] == mean == 1.0
    assert np.isnan(auc_at(*train, [1, 2], [0, 0], [1.0, 2.0], [1, 2])[1])
    assert np.isnan(integrated_brier(*train, [], [], np.ones((0, 2)), [1, 2]))


def test_censoring_is_learned_from_the_training_part_alone():
    time, event, risk, _ = _data(4)
    train = (time[:60], event[:60])
    longest = np.r_[train[0], time.max() + 1], np.r_[train[1], 0]
    plain = concordance_index_ipcw(*longest, time[60:], event[60:], risk[60:])
    harder = np.r_[time[60:], np.full(40, 0.001)], np.r_[event[60:], np.zeros(40, int)]
    # Samples censored before every event are compared with no one.
    same = concordance_index_ipcw(*longest, *harder, np.r_[risk[60:], np.zeros(40)])
    assert time[60:][event[60:] == 1].min() > 0.001
    assert same == pytest.approx(plain, rel=1e-12)
    other = concordance_index_ipcw(longest[0], 1 - longest[1], time[60:], event[60:], risk[60:])
    assert other != pytest.approx(plain, rel=1e-6)


def test_where_the_training_part_shows_the_censoring():
    ends_censored, ends_failed = ([1, 2, 3], [1, 0, 0]), ([1, 2, 3], [1, 0, 1])
    assert censoring_known(*ends_censored, [0, 2.9, 3, 4]).tolist() == [True, True, False, False]
    assert censoring_known(*ends_failed, [0, 2.9, 3, 4]).tolist() == [True, True, True, False]
    late = ([1, 2, 3, 5], [1, 1, 1, 0], [4.0, 3.0, 1.0, 2.0])
    with pytest.raises(ValueError, match=r"reach 3, .* only before its last time 3\. Give tau="):
        concordance_index_ipcw(*ends_censored, *late)
    assert concordance_index_ipcw(*ends_censored, *late, tau=3) == 1.0
    # Followed longer than the training part, but with no event there: nothing is weighed past it.
    assert 0.0 < concordance_index_ipcw(*ends_failed, *late) < 1.0
    assert auc_at(*ends_failed, *late, [1, 2, 3])[0].tolist()[:2] == [1.0, 1.0]
    assert np.isfinite(integrated_brier(*ends_failed, *late[:2], np.full((4, 2), 0.5), [1, 2]))


def test_score_adds_what_train_and_times_allow():
    time, event, risk, times = _data(5)
    truth = np.column_stack([time, event]).astype(float)
    train = np.vstack([truth[:90], [[time.max() + 1, 0], [np.nan, 1]]])
    test = np.vstack([truth[90:], [[np.nan, 1.0]]])
    risks = np.r_[risk[90:], 0.0]
    survival = breslow(time[:90], event[:90], risk[:90], risks, times)
    parts = (*train[:-1].T, *test[:-1].T)
    expected = {
        "c_index": evaluate.concordance_index(*test[:-1].T, risks[:-1]),
        "c_index_ipcw": concordance_index_ipcw(*parts, risks[:-1], tau=times[-1]),
        "auc_t": auc_at(*parts, risks[:-1], times)[1],
        "integrated_brier": integrated_brier(*parts, survival[:-1], times),
    }
    found = evaluate.score(
        test, risks, task="survival", train=train, times=times, survival=survival
    )
    assert found == expected
    found = evaluate.score(test, risks, task="survival", train=train, times=times)
    assert found == {k: v for k, v in expected.items() if k != "integrated_brier"}
    assert set(evaluate.score(test, risks, task="survival")) == {"c_index"}


_OK = ([1, 2, 3], [1, 1, 0], [1, 2], [1, 0])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: concordance_index_ipcw([1, 2], [1], [1], [1], [1.0]),
            "train_time and train_event",
        ),
        (lambda: concordance_index_ipcw([], [], [1], [1], [1.0]), "train_time is empty"),
        (lambda: concordance_index_ipcw([1, np.nan], [1, 1], [1], [1], [1.0]), "train_time holds"),
        (lambda: concordance_index_ipcw([1], [2], [1], [1], [1.0]), r"train_event .* \[2.0\]"),
        (lambda: concordance_index_ipcw([1, 2], [1, 1], [1], [np.nan], [1.0]), "event must hold 1"),
        (lambda: concordance_index_ipcw(*_OK, [1.0]), r"risk must have shape \(2,\).*\(1,\)"),
        (lambda: auc_at(*_OK, [1.0, np.nan], [1]), "risk holds NaN"),
        (lambda: auc_at(*_OK, [1.0, 2.0], [2, 1]), r"times must increase; give np\.unique"),
        (lambda: auc_at(*_OK, [1.0, 2.0], []), "times must be finite"),
        (lambda: auc_at(*_OK, [1.0, 2.0], [1, 9]), "times reach 9, .* before its last time 3"),
        (lambda: integrated_brier(*_OK, np.ones((2, 3)), [1, 2]), r"\(2, 3\); 2 samples and 2"),
        (lambda: integrated_brier(*_OK, np.ones((2, 1)), [1]), "at least two times"),
        (lambda: integrated_brier(*_OK, [[1, 2], [1, 1]], [1, 2]), "between 0 and 1; found 1 to 2"),
        (lambda: integrated_brier(*_OK, [[1, np.nan], [1, 1]], [1, 2]), "NaN: leave out"),
        (lambda: integrated_brier(*_OK, np.ones((2, 2)), [1, 3]), "times reach 3"),
        (lambda: breslow([1, 2], [1, 1], [0.0], [0.0], [1]), "train_risk must have shape"),
        (lambda: breslow([1], [1], [0.0], [np.inf], [1]), "risk holds NaN or infinite"),
        (lambda: breslow([1], [1], [0.0], [[0.0]], [1]), r"risk must have shape \(n,\)"),
        (
            lambda: evaluate.score([[1, 1]], [1.0], task="survival", train=[1, 2], times=[1]),
            r"train must hold times and events",
        ),
        (
            lambda: evaluate.score([[1, 1]], [1.0], task="survival", survival=[[1.0]]),
            "survival= is scored with train=",
        ),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_times_in_words_are_refused():
    with pytest.raises(ValueError, match="times=\\['1 year'\\] must be numbers"):
        evaluate.breslow([1, 2], [1, 1], [0.0, 0.0], [0.0], ["1 year"])
