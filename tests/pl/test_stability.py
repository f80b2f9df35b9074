"""Stability: ranks over draws and refits, and the two numbers that sum them up."""

from __future__ import annotations

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from explained_cases import explained, with_tests
from scipy.stats import kendalltau

import pathweave as pw
from pathweave._core.stability import rank_stability, ranks, top_overlap

mpl.use("agg")


def test_overlap_is_the_mean_over_pairs_of_draws():
    rng = np.random.default_rng(1)
    draws = rng.normal(size=(6, 40))
    first = [set(np.argsort(-row)[:7]) for row in draws]
    pairs = [len(first[i] & first[j]) / 7 for i in range(6) for j in range(i)]
    assert top_overlap(draws, 7) == pytest.approx(np.mean(pairs))
    assert top_overlap(draws[:1].repeat(3, axis=0), 7) == pytest.approx(1.0)
    assert np.isnan(top_overlap(draws[:1], 7))
    assert top_overlap(draws, 100) == pytest.approx(1.0)
    many = rng.normal(size=(400, 40))
    assert top_overlap(many, 10) == pytest.approx(0.25, abs=0.02)


def test_ranks_begin_at_one_for_the_largest():
    assert ranks(np.array([[3.0, 9.0, 1.0]])).tolist() == [[2, 1, 3]]


def rows(ax):
    return [tick.get_text() for tick in ax.get_yticklabels()]


def test_bootstrap_draws_are_drawn_as_they_are_kept():
    mdata, _, _ = with_tests()
    ax = pw.pl.stability(mdata)
    assert rows(ax) == ["Death", "Cycle", "Twin"]
    dots = ax.collections[-1].get_offsets()
    np.testing.assert_allclose(dots[:, 0], [1, 2, 3])
    box = ax.patches[2]
    low, high = np.percentile([3, 3, 2, 3], [25, 75])
    assert box.get_x() == pytest.approx(low * 0.96)
    assert box.get_x() + box.get_width() == pytest.approx(high * 1.04)
    often = [t.get_text() for t in ax.texts if t.get_gid() == "among the first"]
    assert often == ["100 %", "75 %", "25 %"]
    assert "Kendall tau 0.25" in ax.get_title()
    assert "share 75 % of their first 2 (chance: 67 %)" in ax.get_title()
    assert "4 bootstrap draws" in ax.get_title()


def test_refits_of_ones_own_are_ranked_and_summed_up():
    rng = np.random.default_rng(0)
    scores = np.arange(60.0)[:, None] + rng.normal(0, 8, (60, 5))
    table = pd.DataFrame(scores, index=[f"g{i}" for i in range(60)])
    ax = pw.pl.stability(table, level="gene", n_top=10)
    taus = [kendalltau(scores[:, i], scores[:, j]).statistic for i in range(5) for j in range(i)]
    assert rank_stability(scores.T) == pytest.approx(np.mean(taus))
    assert f"Kendall tau {np.mean(taus):.2f}" in ax.get_title()
    assert "chance: 33 %" in ax.get_title()
    order = (
        pd.DataFrame(scores)
        .rank(ascending=False)
        .mean(axis=1)
        .sort_values(kind="stable")
        .index[:10]
    )
    assert rows(ax) == [f"g{i}" for i in order]
    assert "among 60 genes" in ax.get_xlabel()
    same = pw.pl.stability(pd.DataFrame(np.repeat(scores[:, :1], 3, axis=1), index=table.index))
    assert "Kendall tau 1.00; two refits share 100 %" in same.get_title()


def test_labels_stand_beside_the_axes_and_axes_are_used_when_given():
    mdata, _, _ = with_tests()
    given = plt.subplots()[1]
    assert pw.pl.stability(mdata, ax=given) is given
    low, high = given.get_ylim()
    assert all(low < y < high for y in given.get_yticks())


def test_readers_tell_of_every_draw():
    mdata, _, _ = with_tests()
    table = pw.get.stability(mdata, group="A")
    assert table.filter(like="draw_").shape == (3, 4)
    assert table.attrs["groups"]["A"] == {
        "tau": 0.25, "overlap": 0.75, "by_chance": pytest.approx(2 / 3), "n_top": 2, "n_units": 3,
    }  # fmt: skip
    before = mdata.uns["pathweave"]["pathway_tests"]["draws"].copy()
    table.iloc[:, 3] = "changed"
    pd.testing.assert_frame_equal(mdata.uns["pathweave"]["pathway_tests"]["draws"], before)


def test_wrong_arguments_are_named():
    mdata, _, _ = with_tests()
    with pytest.raises(ValueError, match="level='layer'"):
        pw.pl.stability(mdata, level="layer")
    with pytest.raises(ValueError, match="n_top=0"):
        pw.pl.stability(mdata, n_top=0)
    with pytest.raises(ValueError, match="group='Z'"):
        pw.pl.stability(mdata, group="Z")
    with pytest.raises(ValueError, match="no draws of genes"):
        pw.pl.stability(mdata, level="gene")
    with pytest.raises(KeyError, match=r"tl\.test_pathways"):
        pw.pl.stability(explained()[0])
    del mdata.uns["pathweave"]["pathway_tests"]["draws"]
    with pytest.raises(KeyError, match="no bootstrap draws"):
        pw.get.stability(mdata)


@pytest.mark.parametrize(
    ("table", "group", "match"),
    [
        (pd.DataFrame({"a": [1.0, np.nan], "b": [1.0, 2.0]}), None, "1 values that are no finite"),
        (pd.DataFrame({"a": [1.0, 2.0]}), None, "1 columns"),
        (pd.DataFrame({"a": [1.0, 2.0], "b": [1.0, 2.0]}, index=["x", "x"]), None, r"\(1 names\)"),
        (pd.DataFrame({"a": ["?", 2.0], "b": [1.0, 2.0]}), None, "no finite number"),
        (pd.DataFrame({"a": [1.0, 2.0], "b": [1.0, 2.0]}), "A", "has no groups"),
    ],
    ids=["gap", "one refit", "twice", "text", "group"],
)
def test_tables_that_are_no_refits_are_told(table, group, match):
    with pytest.raises(ValueError, match=match):
        pw.pl.stability(table, group=group)
