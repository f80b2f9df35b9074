"""What a report says in words: nothing that its numbers do not bear, and nothing left unsaid."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pathweave.evaluate import Report

CLASSES = ("a", "b")


def made(values, *, kinds, of=None, null=None, metric="auroc"):
    """A report of given scores: one value a split and method."""
    rows = [
        (method, 0, fold, metric, value, 40, 10)
        for method, scores in values.items()
        for fold, value in enumerate(scores)
    ]
    columns = ["method", "repeat", "fold", "metric", "value", "n_train", "n_test"]
    methods = pd.DataFrame(
        {"kind": kinds, "of": of or [""] * len(kinds), "null": null or [""] * len(kinds)},
        index=pd.Index(list(values), name="method"),
    )
    timings = pd.DataFrame({"method": list(values), "seconds": 1.0, "peak_mb": 1.0})
    # fmt: off
    return Report(
        task="class", targets=("group",), classes=CLASSES, methods=methods, predictions=pd.DataFrame(),
        scores=pd.DataFrame(rows, columns=columns), timings=timings, trains={}, params={},
    )
    # fmt: on


WORSE = {"mine": [0.5, 0.9, 0.4, 0.7], "ridge": [0.9, 0.8, 0.9, 0.8]}


def test_a_rival_that_scores_higher_is_not_said_to_do_as_well():
    text = made(WORSE, kinds=["model", "baseline"]).verdict()
    assert "mine 0.625, ridge 0.850: these 4 splits cannot tell which is better" in text
    assert "as well" not in text


@pytest.mark.parametrize(
    ("null", "words"),
    [
        ("rewired_graph", "these 4 splits cannot tell it from a rewired one"),
        ("random_pathways", "these 4 splits cannot tell them from random ones"),
        ("no_graph", "these 4 splits cannot tell whether it does better with one"),
    ],
)
@pytest.mark.parametrize("change", [0.02, -0.02])
def test_no_gain_shown_is_not_a_null_that_does_as_well(null, words, change):
    values = {"net": [0.8, 0.7, 0.9, 0.6], "net, null": [0.7, 0.8, 0.8, 0.7 + change]}
    text = made(values, kinds=["model", "null"], of=["", "net"], null=["", null]).verdict()
    assert words in text
    assert "adds nothing that shows here" in text or "add nothing that shows here" in text
    assert "as well" not in text


def test_equal_within_the_margin_is_said():
    values = {"net": [0.8, 0.7, 0.9, 0.6], "ridge": [0.801, 0.699, 0.9, 0.6]}
    report = made(values, kinds=["model", "baseline"])
    assert "ridge does as well, within 0.02" in report.verdict()


def test_baselines_alone_are_compared_with_what_learns_nothing():
    values = {"ridge": [0.9, 0.8, 0.95, 0.85], "knn": [0.7] * 4, "majority": [0.5] * 4}
    text = made(values, kinds=["baseline"] * 3).verdict()
    assert "ridge 0.875, majority 0.500: it does better than majority" in text
    assert "report.compare()" not in text, "one p-value"


def test_layers_alone_of_a_baseline_are_told():
    values = {"ridge": [0.9, 0.8, 0.9, 0.85], "ridge, rna alone": [0.6, 0.55, 0.6, 0.5]}
    report = made(values, kinds=["baseline", "null"], of=["", "ridge"], null=["", "layer rna"])
    assert report.findings()["against"].tolist() == ["ridge, rna alone"]
    assert "it does better than ridge, rna alone" in report.verdict()


def test_several_p_values_are_said_to_stand_alone():
    values = {**WORSE, "majority": [0.5] * 4}
    text = made(values, kinds=["model", "baseline", "baseline"]).verdict()
    assert "Each p-value stands alone; report.compare() corrects" in text


def test_the_same_difference_everywhere_is_not_tested():
    values = {"ridge": [1.0] * 3, "majority": [0.5] * 3}
    text = made(values, kinds=["baseline"] * 2).verdict()
    assert "the difference is +0.500 in each of 3 splits, which no test can judge" in text
    assert "nan" not in text
    assert "as well" not in text


def test_splits_without_a_score_are_counted():
    values = {"ridge": [0.9, np.nan, 0.8, 0.7], "majority": [0.5, np.nan, 0.5, 0.5]}
    text = made(values, kinds=["baseline"] * 2).verdict()
    assert "auroc is not defined in 1 of 4 splits, which are left out" in text


def test_no_split_with_a_score():
    text = made({"ridge": [np.nan] * 3}, kinds=["baseline"]).verdict()
    assert text.startswith("auroc is defined in no split")
    assert "best" not in text


def test_warning_of_a_leak_allows_for_chance():
    values = {"ridge": [0.9, 0.8, 0.9, 0.85], "shuffled": [0.9, 0.85, 0.9, 0.88]}
    report = made(
        values, kinds=["baseline", "null"], of=["", "ridge"], null=["", "shuffled_labels"]
    )
    text = report.verdict()
    assert "WARNING. shuffled scores" in text
    assert "once in 40" in text
