"""Metrics against scikit-learn, torchsurv and counting by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import sklearn.metrics as sk

from pathweave import evaluate


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
        (lambda: evaluate.concordance_index([1], [1, 0], [1]), "differ in length"),
        (lambda: evaluate.concordance_index([1, np.nan], [1, 0], [1, 2]), "time or risk holds NaN"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
