"""Outcomes are recognised, and what cannot be learned is refused in plain words."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pathweave._core.warnings import LabelWarning
from pathweave.models._targets import read_targets


def obs(**columns) -> pd.DataFrame:
    return pd.DataFrame(columns, index=[f"s{i}" for i in range(len(next(iter(columns.values()))))])


@pytest.mark.parametrize(
    ("values", "task"),
    [
        (["a", "b"] * 6, "class"),
        ([True, False] * 6, "class"),
        ([0, 1] * 6, "class"),
        ([1.0, 2.0] * 6, "class"),
        ([0.5, 1.5] * 6, "number"),
        (list(range(12)), "number"),
    ],
)
def test_kind_of_target(values, task):
    (target,) = read_targets(obs(y=values), target="y", survival=None)
    assert target.task == task


def test_missing_and_unclear_labels_count_as_unlabelled():
    labels = ["AML", "AML", "", "UNABLE TO CLASSIFY", None, "ALL", "ALL", "ALL", "n/a"] + [
        "AML"
    ] * 4
    table = obs(y=labels)
    (target,) = read_targets(table, target="y", survival=None)
    assert target.classes == ("ALL", "AML")
    assert np.isnan(target.encode(table)[:, 0]).tolist() == [
        label in ("", "UNABLE TO CLASSIFY", None, "n/a") for label in labels
    ]


def test_class_of_one_is_named_and_left_unlabelled():
    with pytest.warns(LabelWarning, match="single sample \\('rare'\\)"):
        (target,) = read_targets(obs(y=["a"] * 6 + ["b"] * 6 + ["rare"]), target="y", survival=None)
    assert target.classes == ("a", "b")


@pytest.mark.parametrize(
    ("columns", "arguments", "message"),
    [
        ({"y": ["a"] * 12}, {"target": "y"}, "1 class\\(es\\) with two samples"),
        ({"y": [3.0] * 12}, {"target": "y"}, "not all equal"),
        ({"y": [1.5, np.inf] * 6}, {"target": "y"}, "infinite"),
        ({"y": ["a", "b"] * 6}, {"target": ["y", "y"]}, "twice"),
        ({"t": [1.0] * 12, "e": [0] * 12}, {"survival": ("t", "e")}, "0 events"),
        ({"t": [-1.0] * 12, "e": [0, 1] * 6}, {"survival": ("t", "e")}, "negative"),
        ({"t": [1.0] * 12, "e": [1, 2] * 6}, {"survival": ("t", "e")}, "0 \\(censored\\) and 1"),
        ({"t": [1.0] * 12, "e": ["dead", "alive"] * 6}, {"survival": ("t", "e")}, "Recode"),
        ({"t": [1.0] * 12}, {"survival": "t"}, "must be a pair"),
    ],
)
def test_what_cannot_be_learned_is_refused(columns, arguments, message):
    arguments = {"target": None, "survival": None, **arguments}
    with pytest.raises(ValueError, match=message):
        read_targets(obs(**columns), **arguments)


def test_missing_column_lists_those_there_are():
    with pytest.raises(KeyError, match="found 'age'"):
        read_targets(obs(age=[1.0] * 12), target="subtype", survival=None)


def test_survival_is_read_in_order_of_time_and_event():
    table = obs(t=[5.0, np.nan, *np.arange(10.0)], e=[1, 0] * 6)
    (target,) = read_targets(table, target=None, survival=("t", "e"))
    encoded = target.encode(table)
    assert encoded.shape == (12, 2)
    assert encoded[0].tolist() == [5.0, 1.0]
    assert np.isnan(encoded[1, 0])


def test_numbers_written_as_text_are_told_in_whole_sentences():
    obs = pd.DataFrame({"dose": [str(1.5 * i) for i in range(30)]})
    with pytest.raises(
        ValueError,
        match=r"at least two are needed\. These are numbers written as text: .*astype\(float\)\. Choose",
    ):
        read_targets(obs, target="dose", survival=None)


def test_a_column_of_censoring_is_asked_about():
    table = obs(t=[float(i) for i in range(1, 13)], censorship=[0, 1] * 6)
    with pytest.warns(
        LabelWarning, match=r"sounds as if 1 meant censored.*1 - mdata.obs\['censorship'\]"
    ):
        read_targets(table, target=None, survival=("t", "censorship"))
    read_targets(
        table.rename(columns={"censorship": "event"}), target=None, survival=("t", "event")
    )
