"""Metrics against scikit-learn, torchsurv and counting by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import sklearn.metrics as sk
from hypothesis import assume, given
from hypothesis import strategies as st

from pathweave import evaluate
from pathweave.evaluate._metrics import LOWER_IS_BETTER


@pytest.fixture
def predicted():
    rng = np.random.default_rng(0)
    truth = rng.choice(["a", "b", "c"], size=80, p=[0.6, 0.3, 0.1])
    proba = rng.dirichlet(np.ones(3), size=80).round(2) + 0.01
    proba /= proba.sum(axis=1, keepdims=True)
    return truth, np.array(["a", "b", "c"])[proba.argmax(axis=1)], proba


def test_class_metrics_agree_with_scikit_learn(predicted):
    truth, label, proba = predicted
    scores = evaluate.score(truth, label, proba, task="class")
    hit = (truth[:, None] == np.array(["a", "b", "c"])).astype(float)
    expected = {
        "accuracy": sk.accuracy_score(truth, label),
        "balanced_accuracy": sk.balanced_accuracy_score(truth, label),
        "macro_f1": sk.f1_score(truth, label, average="macro"),
        "auroc": sk.roc_auc_score(truth, proba, multi_class="ovr"),
        "log_loss": sk.log_loss(truth, proba),
        "brier": float(((proba - hit) ** 2).sum(axis=1).mean()),
    }
    assert {name: scores[name] for name in expected} == pytest.approx(expected, rel=1e-12)
    every = [sk.average_precision_score(hit[:, k], proba[:, k]) for k in range(3)]
    assert scores["auprc"] == pytest.approx(np.mean(every), rel=1e-12)


@st.composite
def classified(draw):
    """Labels (text or numbers), predicted labels and probabilities with ties, zeros and ones."""
    k = draw(st.integers(2, 5))
    n = draw(st.integers(k, 30))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    names = np.array(list("abcde")[:k]) if draw(st.booleans()) else np.array([2, 3, 5, 10, 20])[:k]
    proba = rng.multinomial(draw(st.integers(1, 40)), np.ones(k) / k, size=n).astype(float)
    proba /= proba.sum(axis=1, keepdims=True)
    return names[rng.integers(0, k, n)], names[rng.integers(0, k, n)], proba, names


@given(classified())
@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true")
@pytest.mark.filterwarnings("ignore:A single label was found")
def test_labels_score_as_in_scikit_learn_to_the_last_digit(drawn):
    truth, label, _, _ = drawn
    assert evaluate.accuracy(truth, label) == sk.accuracy_score(truth, label)
    assert evaluate.balanced_accuracy(truth, label) == sk.balanced_accuracy_score(truth, label)
    f1 = sk.f1_score(truth, label, average="macro", zero_division=0)
    assert evaluate.macro_f1(truth, label) == f1


@given(classified())
def test_probabilities_score_as_in_scikit_learn_to_the_last_digit(drawn):
    truth, _, proba, names = drawn
    assume(set(truth) == set(names))
    assert evaluate.log_loss(truth, proba) == sk.log_loss(truth, proba)
    if len(names) == 2:
        assert evaluate.auroc(truth, proba) == sk.roc_auc_score(truth, proba[:, 1])
        expected = sk.average_precision_score(truth == names[1], proba[:, 1])
    else:
        assert evaluate.auroc(truth, proba) == sk.roc_auc_score(truth, proba, multi_class="ovr")
        expected = sk.average_precision_score(truth, proba, average="macro")
    assert evaluate.auprc(truth, proba) == expected
    mixed = np.random.default_rng(0).permutation(len(names))
    mixed = mixed if len(names) > 2 else [0, 1]
    table = pd.DataFrame(proba, columns=names).iloc[:, mixed]
    for metric in (evaluate.log_loss, evaluate.auroc, evaluate.auprc, evaluate.calibration_error):
        assert metric(truth, table) == metric(truth, proba)


# Squares of the smallest floats are 0, which both libraries warn of.
NUMBERS = st.floats(-1e6, 1e6).map(lambda value: round(value, 6))


@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=2, max_size=30, unique=True))
def test_numbers_score_as_in_scikit_learn_to_the_last_digit(pairs):
    truth, guess = np.array(pairs).T
    scores = evaluate.score(truth, guess, task="number")
    assert scores["mse"] == sk.mean_squared_error(truth, guess)
    with np.errstate(divide="ignore", invalid="ignore"):
        expected = sk.r2_score(truth, guess, force_finite=False)
    if np.ptp(truth) == 0 or not np.isfinite(expected):
        assert np.isnan(scores["r2"])
    else:
        assert scores["r2"] == expected


@given(classified(), st.integers(1, 20))
def test_calibration_error_is_that_of_torchmetrics(drawn, n_bins):
    import torch
    from torchmetrics.functional.classification import multiclass_calibration_error

    truth, _, proba, names = drawn
    confidence = proba.max(axis=1)
    # Float32 edges put a confidence that lies on one into either bin.
    assume((np.abs(confidence * n_bins - np.round(confidence * n_bins)) > 1e-4).all())
    value = evaluate.calibration_error(truth, proba, classes=names, n_bins=n_bins)
    assert 0.0 <= value <= 1.0
    # Its ties go to the first of the classes as well.
    code = torch.tensor(np.searchsorted(names, truth))
    other = multiclass_calibration_error(
        torch.tensor(proba), code, num_classes=len(names), n_bins=n_bins, norm="l1"
    )
    assert value == pytest.approx(float(other), abs=1e-6)


def test_calibration_error_by_hand():
    proba = [[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.4, 0.6]]
    truth = ["a", "b", "b", "b"]  # two bins, all confidences above 0.5: 0.75 said, 0.75 right
    assert evaluate.calibration_error(truth, proba, n_bins=2) == pytest.approx(0.0)
    each = (0.1 + 0.8 + 0.3 + 0.4) / 4  # a bin a sample
    assert evaluate.calibration_error(truth, proba, n_bins=10) == pytest.approx(each)
    # An edge belongs to the bin below: 0.5 with 0.4, not with 0.6.
    three = [[0.4, 0.3, 0.3], [0.5, 0.25, 0.25], [0.6, 0.2, 0.2]]
    value = evaluate.calibration_error(["a", "b", "a"], three, classes=["a", "b", "c"], n_bins=2)
    assert value == pytest.approx((abs(0.9 - 1) + abs(0.6 - 1)) / 3)


def test_auprc_leaves_out_what_is_undefined():
    proba = pd.DataFrame(
        [[0.7, 0.2, 0.1], [0.2, 0.5, 0.3], [0.5, 0.4, 0.1]], columns=["a", "b", "c"]
    )
    truth = ["a", "b", "b"]  # no c
    parts = [sk.average_precision_score(np.array(truth) == c, proba[c]) for c in "ab"]
    assert evaluate.auprc(truth, proba) == np.mean(parts)
    assert np.isnan(evaluate.auprc(["b", "b"], [0.2, 0.9], classes=["a", "b"]))


def test_rounded_probabilities_give_the_same_loss_without_a_warning(predicted):
    truth, _, proba = predicted
    rounded = proba.astype(np.float32)
    assert evaluate.log_loss(truth, rounded) == pytest.approx(evaluate.log_loss(truth, proba))
    assert evaluate.log_loss(truth, proba * (1 + 1e-15)) == pytest.approx(
        evaluate.log_loss(truth, proba)
    )


def test_one_known_class_has_a_loss():
    assert evaluate.log_loss(["a", "a"], [[1.0], [0.5]]) == pytest.approx(np.log(2) / 2)


def test_lower_is_better_names_metrics_of_score(predicted):
    truth, label, proba = predicted
    names = set(evaluate.score(truth, label, proba, task="class"))
    names |= set(evaluate.score([1.0, 2.0], [1.0, 3.0], task="number")) | {"integrated_brier"}
    assert names >= LOWER_IS_BETTER
    # These are 0 where nothing is wrong, the others 1.
    perfect = (truth[:, None] == np.array(["a", "b", "c"])).astype(float)
    scores = evaluate.score(truth, truth, perfect, task="class")
    scores |= evaluate.score([1.0, 2.0, 4.0], [1.0, 2.0, 4.0], task="number")
    for name, value in scores.items():
        assert value == pytest.approx(0.0 if name in LOWER_IS_BETTER else 1.0), name


def test_columns_of_a_table_may_stand_in_any_order(predicted):
    truth, label, proba = predicted
    table = pd.DataFrame(proba, columns=["a", "b", "c"])[["c", "a", "b"]]
    assert evaluate.score(truth, label, table, task="class") == pytest.approx(
        evaluate.score(truth, label, proba, task="class")
    )


def test_classes_without_samples_do_not_spoil_auroc(predicted):
    truth, _, proba = predicted
    kept = truth != "c"
    table = pd.DataFrame(proba[kept], columns=["a", "b", "c"])
    value = evaluate.auroc(truth[kept], table)
    parts = [sk.roc_auc_score(truth[kept] == c, table[c]) for c in "ab"]
    assert value == pytest.approx(np.mean(parts))
    assert np.isnan(evaluate.auroc(["a", "a"], [[0.5, 0.5]] * 2, classes=["a", "b"]))


def test_samples_without_truth_are_left_out():
    truth = pd.Series(["a", None, "b", "b"])
    proba = pd.DataFrame({"a": [0.9, 0.5, 0.2, 0.6], "b": [0.1, 0.5, 0.8, 0.4]}, index=list("wxyz"))
    scores = evaluate.score(truth, ["a", "a", "b", "a"], proba, task="class")
    assert scores["accuracy"] == pytest.approx(2 / 3)
    assert scores["auroc"] == 1.0
    numbers = evaluate.score([1.0, np.nan, 3.0], [1.0, 9.0, 2.0], task="number")
    assert numbers["mse"] == 0.5
    survival = evaluate.score([[1, 1], [np.nan, 1], [2, 0]], [1.0, 5.0, 0.0], task="survival")
    assert survival == {"c_index": 1.0}


def test_numbered_classes_match_whether_float_or_text():
    assert evaluate.accuracy(np.array([0.0, 1.0]), np.array(["0", "1"])) == 1.0
    loss = evaluate.log_loss([0.0, 1.0], pd.DataFrame({"0": [1.0, 0.0], "1": [0.0, 1.0]}))
    assert loss == pytest.approx(0.0, abs=1e-12)


def test_number_metrics():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=30)
    guess = truth + rng.normal(size=30)
    scores = evaluate.score(truth, guess, task="number")
    assert scores["r2"] == pytest.approx(sk.r2_score(truth, guess))
    assert scores["pearson"] == pytest.approx(np.corrcoef(truth, guess)[0, 1])
    assert evaluate.pearson(truth, np.zeros(30)) == 0.0
    assert np.isnan(evaluate.r2(np.ones(3), np.ones(3)))


def _by_pairs(time, event, risk):
    won = pairs = 0.0
    for i in range(len(time)):
        for j in range(len(time)):
            if event[i] and (time[i] < time[j] or (time[i] == time[j] and not event[j])):
                pairs += 1
                won += 0.5 if risk[i] == risk[j] else float(risk[i] > risk[j])
    return won / pairs


@pytest.mark.parametrize("ties", [False, True])
def test_concordance_index_counts_pairs(ties):
    import torch
    from torchsurv.metrics.cindex import ConcordanceIndex

    rng = np.random.default_rng(1)
    time, event, risk = rng.exponential(size=60), rng.random(60) < 0.5, rng.normal(size=60)
    if ties:
        time, risk = np.ceil(3 * time), np.round(risk)
    value = evaluate.concordance_index(time, event, risk)
    assert value == pytest.approx(_by_pairs(time, event, risk))
    other = ConcordanceIndex()(torch.tensor(risk), torch.tensor(event), torch.tensor(time))
    assert value == pytest.approx(float(other))


def test_concordance_index_at_its_ends():
    assert evaluate.concordance_index([1, 2, 3], [1, 1, 1], [1, 2, 3]) == 0.0
    assert evaluate.concordance_index([1, 2, 3], [1, 1, 1], [0, 0, 0]) == 0.5
    assert np.isnan(evaluate.concordance_index([1, 2], [0, 0], [1, 2]))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: evaluate.accuracy(["a"], ["a", "b"]), "1 and 2 samples"),
        (lambda: evaluate.log_loss(["a", "b"], np.ones((2, 3)) / 3), "Give a table"),
        (lambda: evaluate.auroc(["a", "z"], np.ones((2, 2)) / 2, classes=["a", "b"]), "'z'"),
        (lambda: evaluate.brier(["a", "b"], [[np.nan, 1], [0, 1]]), "proba holds NaN"),
        (lambda: evaluate.pearson([1.0, np.nan], [1.0, 2.0]), "holds NaN"),
        (lambda: evaluate.score([1, 2], [1, 2], task="rank"), "task='rank'"),
        (lambda: evaluate.score([1, 2], [1, 2], task="survival"), "times and events"),
        (lambda: evaluate.log_loss(["a", "b"], [-2.0, 3.0]), "from -2 to 3; probabilities lie"),
        (lambda: evaluate.calibration_error(["a", "b"], [0.1, 1.2]), "probabilities lie between"),
        (lambda: evaluate.calibration_error(["a", "b"], [0.1, 0.2], n_bins=0), "n_bins=0"),
        (lambda: evaluate.auprc(["a"], [[0.5, 0.5]], classes=["a", "a"]), "classes are not unique"),
        (lambda: evaluate.macro_f1([1.0, np.nan], [1.0, 2.0]), "truth or prediction holds NaN"),
        (lambda: evaluate.concordance_index([1], [1, 0], [1]), "differ in length"),
        (lambda: evaluate.concordance_index([1, np.nan], [1, 0], [1, 2]), "time or risk holds NaN"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
