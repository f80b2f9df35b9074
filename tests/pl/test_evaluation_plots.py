"""Plots of an evaluation: what is drawn is what the report says."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from scipy import stats
from sklearn.metrics import roc_auc_score
from statsmodels.duration.survfunc import survdiff

import pathweave as pw

mpl.use("agg")


@pytest.fixture(scope="module")
def data():
    mdata = pw.datasets.simulate(90, seed=3)
    score = mdata.obs["outcome"].to_numpy()
    mdata.obs["three"] = np.array(["low", "mid", "top"])[
        np.digitize(score, np.quantile(score, [0.3, 0.7]))
    ]
    mdata.obs["second"] = -mdata.obs["outcome"]
    return mdata


def evaluated(mdata, baselines=("ridge", "knn", "majority"), **how):
    return pw.evaluate.cross_validate(
        mdata, models=[], baselines=list(baselines), layers=["rna"], n_folds=3, n_jobs=1, **how
    )


@pytest.fixture(scope="module")
def two(data):
    return evaluated(data, target="class", nulls=["shuffled_labels"], n_repeats=2)


@pytest.fixture(scope="module")
def three(data):
    return evaluated(data, target="three")


@pytest.fixture(scope="module")
def lived(data):
    return evaluated(data, ("cox_ridge", "majority"), survival=("time", "event"), n_repeats=2)


@pytest.fixture(scope="module")
def numbers(data):
    return evaluated(data, ("ridge", "knn"), target=["outcome", "second"])


def legend(ax) -> list[str]:
    return [text.get_text() for text in ax.get_legend().get_texts()]


def spelled(row) -> str:
    return f"{row['mean']:.3f} [{row['low']:.3f}, {row['high']:.3f}]"


def known(**columns) -> object:
    """A report of one method and one split whose predictions are given."""
    n = len(columns["truth"])
    return pd.DataFrame(
        {"method": "knn", "repeat": 0, "fold": 0, "sample": [f"s{i}" for i in range(n)], **columns}
    )


# Which methods


def test_few_methods_are_drawn_and_the_null_is_grey(two):
    ax = pw.pl.roc(two)
    best = two.summary().query("kind == 'baseline'").index[0]
    assert [text.split("\n")[0] for text in legend(ax)] == [best, "ridge, shuffled labels"]
    lines = ax.get_legend_handles_labels()[0]
    assert to_hex(lines[1].get_color()) == "#8a8a8a"
    assert lines[1].get_linestyle() == "--"


def test_methods_asked_for_are_drawn_in_order_in_colours_of_their_own(two):
    ax = pw.pl.roc(two, methods=["majority", "ridge", "knn"])
    assert [text.split("\n")[0] for text in legend(ax)] == ["majority", "ridge", "knn"]
    assert len({line.get_color() for line in ax.get_legend_handles_labels()[0]}) == 3


# ROC


def test_areas_in_the_legend_are_those_of_the_summary(two):
    ax = pw.pl.roc(two, methods=["ridge", "knn"])
    table = two.summary("auroc")
    assert legend(ax) == [f"{m}\nAUROC {spelled(table.loc[m])}" for m in ("ridge", "knn")]
    assert ax.get_title().endswith("(6 splits)")


def test_mean_curve_has_the_mean_area(two):
    for name in ("ridge", "knn", "majority"):
        line = pw.pl.roc(two, methods=name).lines[0]
        x, y = line.get_data()
        assert np.trapezoid(y, x) == pytest.approx(two.summary("auroc").loc[name, "mean"], abs=0.01)
        assert (y[0], y[-1]) == (0.0, 1.0)
        assert (np.diff(y) >= -1e-12).all()


def test_curve_by_hand(two):
    rows = known(
        truth=list("aabb"),
        prediction=list("abab"),
        proba_a=[0.9, 0.4, 0.6, 0.2],
        proba_b=[0.1, 0.6, 0.4, 0.8],
    )
    small = replace(two, predictions=rows, classes=("a", "b"), trains={(0, 0): np.zeros(8)})
    x, y = pw.pl.roc(small, methods="knn").lines[0].get_data()
    # b at .8, then a at .6, then b at .4: up to 1/2, right to 1/2, up to 1.
    assert y[(x > 0) & (x < 0.5)] == pytest.approx(0.5)
    assert y[x >= 0.5] == pytest.approx(1.0)
    assert not [
        c for c in pw.pl.roc(small, methods="knn").collections if len(c.get_paths())
    ]  # no band of one split


def test_the_other_class_turns_the_curve_round(two):
    first, second = (pw.pl.roc(two, methods="ridge", positive=name) for name in two.classes)
    assert legend(first) == legend(second)
    assert f"{two.classes[0]} against {two.classes[1]}" in first.get_title()
    assert f"{two.classes[1]} against {two.classes[0]}" in second.get_title()


def test_several_classes_are_averaged_or_one_is_told_from_the_rest(three):
    table = three.summary("auroc")
    assert legend(pw.pl.roc(three, methods="ridge")) == [
        f"ridge\nAUROC {spelled(table.loc['ridge'])}"
    ]
    ax = pw.pl.roc(three, methods="ridge", positive="top")
    parts = three.predictions.query("method == 'ridge'").groupby("fold")
    areas = [roc_auc_score(p["truth"] == "top", p["proba_top"]) for _, p in parts]
    assert legend(ax)[0].startswith(f"ridge\nAUROC {np.mean(areas):.3f} [")
    assert ax.get_title() == "ROC, top against the rest (3 splits)"


# Calibration


def test_dots_lie_at_the_observed_fraction(two):
    p = np.repeat([0.1, 0.4, 0.9], [20, 20, 40])
    hit = np.concatenate([np.arange(20) < 4, np.arange(20) < 10, np.arange(40) < 36])
    rows = known(truth=np.where(hit, "b", "a"), prediction="a", proba_a=1 - p, proba_b=p)
    ax = pw.pl.calibration(
        replace(two, predictions=rows, classes=("a", "b")), methods="knn", n_bins=4
    )
    dots = ax.collections[-1]
    np.testing.assert_allclose(dots.get_offsets(), [[0.1, 0.2], [0.4, 0.5], [0.9, 0.9]])
    np.testing.assert_allclose(dots.get_sizes() / dots.get_sizes().max(), [0.5, 0.5, 1])
    assert ax.get_title() == "Calibration, 80 test samples (largest dot: 40)"
    low = np.array([s[0][1] for s in ax.collections[0].get_segments()])
    np.testing.assert_allclose(low[2], 0.7695, atol=1e-4)  # Wilson, 36 of 40


def test_calibration_error_is_that_of_the_summary(two):
    ax = pw.pl.calibration(two, methods=["ridge", "knn"])
    table = two.summary("calibration_error")
    assert legend(ax) == [
        f"{m}\ncalibration error {spelled(table.loc[m])}" for m in ("ridge", "knn")
    ]
    assert len(legend(pw.pl.calibration(two))) == 1  # no null


def test_each_sample_counts_once(two):
    ax = pw.pl.calibration(two, methods="majority", n_bins=1)
    assert "90 test samples" in ax.get_title()
    ((x, y),) = ax.collections[-1].get_offsets()
    share = np.mean(
        two.predictions.query("method == 'knn' and repeat == 0")["truth"] == two.classes[1]
    )
    assert y == pytest.approx(share)
    assert x == pytest.approx(share, abs=0.02)


def test_several_classes_show_the_confidence(three):
    ax = pw.pl.calibration(three, methods="ridge", n_bins=1)
    rows = three.predictions.query("method == 'ridge'")
    proba = rows[[f"proba_{c}" for c in three.classes]].to_numpy()
    right = np.array(three.classes)[proba.argmax(axis=1)] == rows["truth"]
    np.testing.assert_allclose(
        ax.collections[-1].get_offsets(), [[proba.max(axis=1).mean(), right.mean()]]
    )
    assert ax.get_xlabel() == "probability of the predicted class"
    error = spelled(three.summary("calibration_error").loc["ridge"])
    assert legend(ax) == [f"ridge\ncalibration error {error}"]
    one = pw.pl.calibration(three, methods="ridge", positive="mid")
    assert legend(one) == [f"ridge\ncalibration error of all classes {error}"]


# Confusion


def test_confusion_counts_and_shares(two):
    rows = known(truth=list("aaaabb"), prediction=list("aaabbb"), proba_a=0.5, proba_b=0.5)
    ax = pw.pl.confusion(replace(two, predictions=rows, classes=("a", "b", "c")), "knn")
    told = {tuple(map(round, text.get_position())): text.get_text() for text in ax.texts}
    assert told == {(0, 0): "3\n75%", (1, 0): "1\n25%", (1, 1): "2\n100%"}
    np.testing.assert_allclose(ax.images[0].get_array(), [[0.75, 0.25, 0], [0, 1, 0], [0, 0, 0]])
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["a (4)", "b (2)", "c (0)"]


def test_confusion_of_a_real_evaluation(three):
    ax = pw.pl.confusion(three)
    assert sum(int(text.get_text().split("\n")[0]) for text in ax.texts) == 90
    best = three.summary().index[0]
    score = spelled(three.summary("balanced_accuracy").loc[best])
    assert ax.get_title() == f"{best}\nbalanced accuracy {score}"


def test_thirty_classes_fit(two):
    classes = tuple(f"subtype {i:02d}" for i in range(30))
    rows = known(truth=np.repeat(classes, 3), prediction=np.tile(classes, 3), proba_a=0.5)
    ax = pw.pl.confusion(replace(two, predictions=rows, classes=classes), "knn")
    ax.figure.canvas.draw()
    for labels in (ax.get_xticklabels(), ax.get_yticklabels()):
        boxes = [label.get_window_extent() for label in labels]
        assert not any(a.overlaps(b) for a, b in pairwise(boxes))
    assert not any("%" in text.get_text() for text in ax.texts)


# Survival


def test_groups_are_formed_within_splits_and_each_sample_counts_once(lived):
    ax = pw.pl.survival_by_risk(lived, "cox_ridge")
    rows = lived.predictions.query("method == 'cox_ridge' and repeat == 0").copy()
    high = rows["risk"] > rows.groupby("fold")["risk"].transform("median")
    told = [
        f"{name}: {part.sum()} samples, {rows['event'][part].sum()} events"
        for name, part in (("low risk", ~high), ("high risk", high))
    ]
    assert legend(ax) == told
    assert len(rows) == 90
    p = survdiff(rows["time"], rows["event"], high.astype(int), strata=rows["fold"].to_numpy())[1]
    assert f"log-rank p = {p:.2g}" in ax.get_title()
    assert spelled(lived.summary().loc["cox_ridge"]) in ax.get_title()
    assert ax.get_xlabel() == "time"


def test_an_offset_of_a_fit_changes_nothing(lived):
    moved = lived.predictions.copy()
    moved["risk"] += 100.0 * moved["fold"]
    one, other = (pw.pl.survival_by_risk(r) for r in (lived, replace(lived, predictions=moved)))
    assert legend(one) == legend(other)


def test_the_test_compares_within_splits(lived):
    """Where times of the splits lie apart, only comparisons within them say something."""
    apart = lived.predictions.query("method == 'cox_ridge' and repeat == 0").copy()
    apart["risk"] = 3 * np.random.default_rng(0).normal(size=len(apart)) - np.log(apart["time"])
    apart["time"] *= 20.0 ** apart["fold"]
    high = (apart["risk"] > apart.groupby("fold")["risk"].transform("median")).astype(int)
    known = apart["time"], apart["event"], high
    within, across = survdiff(*known, strata=apart["fold"].to_numpy())[1], survdiff(*known)[1]
    assert f"{within:.2g}" != f"{across:.2g}"
    title = pw.pl.survival_by_risk(replace(lived, predictions=apart), "cox_ridge").get_title()
    assert f"log-rank p = {within:.2g}" in title


def test_three_groups_and_equal_risks(lived):
    assert [text.split(":")[0] for text in legend(pw.pl.survival_by_risk(lived, groups=3))] == [
        "low risk",
        "middle",
        "high risk",
    ]
    with pytest.raises(ValueError, match="'majority' gives too many samples the same risk"):
        pw.pl.survival_by_risk(lived, "majority")
    with pytest.raises(ValueError, match="groups=1"):
        pw.pl.survival_by_risk(lived, groups=1)
    with pytest.raises(ValueError, match="groups=60: the splits test too few"):
        pw.pl.survival_by_risk(lived, groups=60)


def test_a_split_of_one_risk_is_left_out(lived):
    """All its samples would count as one group, though nothing was said of them."""
    table = lived.predictions.copy()
    table.loc[table["fold"] == 1, "risk"] = 0.0
    rest = table[table["fold"] != 1]
    one, other = (pw.pl.survival_by_risk(replace(lived, predictions=t), "cox_ridge") for t in (table, rest))  # fmt: skip
    assert legend(one) == legend(other)
    assert one.get_title() == other.get_title()


def test_one_split_has_no_strata(lived):
    one = replace(lived, predictions=lived.predictions.query("repeat == 0 and fold == 0"))
    rows = one.predictions.query("method == 'cox_ridge'")
    p = survdiff(rows["time"], rows["event"], (rows["risk"] > rows["risk"].median()).astype(int))[1]
    assert f"log-rank p = {p:.2g}" in pw.pl.survival_by_risk(one).get_title()


# Numbers


def test_predicted_numbers(numbers):
    ax = pw.pl.predicted(numbers, "second", "knn")
    rows = numbers.predictions.query("method == 'knn' and target == 'second'")
    np.testing.assert_array_equal(ax.collections[0].get_offsets(), rows[["truth", "prediction"]])
    r = np.mean(
        [stats.pearsonr(p["truth"], p["prediction"]).statistic for _, p in rows.groupby("fold")]
    )
    assert ax.get_title() == f"knn: 90 test samples\nr = {r:.3f}"
    assert pw.pl.predicted(numbers).get_xlabel() == "outcome, measured"


# Curves


def test_learning_curve_lies_at_its_summary(data):
    found = pw.evaluate.learning_curve(
        data, target="class", models=[], baselines=["knn", "majority"], layers=["rna"], fractions=[0.5, 1], n_folds=3, n_jobs=1,
    )  # fmt: skip
    ax = pw.pl.curve(found, metric="log_loss")
    assert legend(ax) == ["knn", "majority"]
    table = found.summary("log_loss").query("method == 'knn'")
    line, _, (bars,) = ax.containers[0]
    np.testing.assert_allclose(line.get_ydata(), table["mean"])
    np.testing.assert_allclose(line.get_xdata(), table["n_train"], atol=1)
    np.testing.assert_allclose([s[:, 1] for s in bars.get_segments()], table[["low", "high"]])
    assert ax.get_ylabel() == "log_loss (lower is better)"
    assert legend(pw.pl.curve(found, methods="majority")) == ["majority"]
    with pytest.raises(ValueError, match="methods='ridge' is not known"):
        pw.pl.curve(found, methods=["ridge"])


def test_missing_layers_begin_at_one_point(data):
    found = pw.evaluate.missing_layers(
        data,
        target="class",
        models=[],
        baselines=["knn"],
        layers=["rna", "protein"],
        n_folds=3,
        n_jobs=1,
    )
    ax = pw.pl.curve(found)
    assert legend(ax) == ["without rna", "without protein"]
    table = found.summary().set_index(["missing", "fraction"])["mean"]
    for (line, _, _), layer in zip(ax.containers, ("rna", "protein"), strict=True):
        np.testing.assert_allclose(
            line.get_ydata(), [table["", 0.0], table[layer, 0.5], table[layer, 1.0]]
        )
    shown = [len(bars.get_segments()) for _, _, (bars,) in ax.containers]
    lengths = [np.ptp(bars.get_segments()[0][:, 1]) for _, _, (bars,) in ax.containers]
    assert shown == [3, 3]
    assert lengths[0] > 0
    assert lengths[1] == 0  # the common point has its interval once
    assert ax.get_ylabel() == "auroc (higher is better)"


# Wrong input


@pytest.mark.parametrize(
    "plot", ["roc", "calibration", "confusion", "predicted", "survival_by_risk", "scores"]
)
def test_what_is_no_report_is_named(plot):
    with pytest.raises(
        TypeError, match=r"report must be what evaluate\.cross_validate returned, found DataFrame"
    ):
        getattr(pw.pl, plot)(pd.DataFrame())


@pytest.mark.parametrize(
    "plot", ["roc", "calibration", "confusion", "predicted", "survival_by_risk"]
)
def test_wrong_outcomes_are_named(plot, two, lived):
    wrong = lived if plot in {"roc", "calibration", "confusion", "predicted"} else two
    with pytest.raises(ValueError, match=rf"pl\.{plot} draws .*; use pl\.(roc|survival_by_risk)"):
        getattr(pw.pl, plot)(wrong)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda r: pw.pl.roc(r, methods="lasso"), "methods='lasso' is not known; .*'ridge'"),
        (lambda r: pw.pl.roc(r, methods=[]), r"methods=\[\]"),
        (lambda r: pw.pl.roc(r, positive="Z"), "positive='Z'"),
        (lambda r: pw.pl.calibration(r, n_bins=0), "n_bins=0"),
        (lambda r: pw.pl.confusion(r, "lasso"), "method='lasso'"),
        (lambda r: pw.pl.roc(blind(r, "knn"), methods="knn"), "'knn' gave no probabilities"),
        (lambda r: pw.pl.roc(blind(r, *r.methods.index)), "no method gave probabilities"),
    ],
    ids=["unknown", "none", "class", "bins", "method", "blind", "all-blind"],
)
def test_wrong_arguments_are_named(call, message, two):
    with pytest.raises(ValueError, match=message):
        call(two)


def blind(report, *methods):
    """The report as if methods had predicted classes only."""
    table = report.predictions.copy()
    columns = [column for column in table if column.startswith("proba_")]
    table.loc[table["method"].isin(methods), columns] = np.nan
    return replace(report, predictions=table)


def test_methods_without_probabilities_are_passed_over(two):
    best = two.summary().query("kind == 'baseline'").index[0]
    assert best not in legend(pw.pl.roc(blind(two, best)))[0].split("\n")[0]


def test_curve_wants_a_curve(two):
    with pytest.raises(TypeError, match="curve must be what"):
        pw.pl.curve(pd.DataFrame())


def test_axes_are_used_when_given(two, three, lived, numbers):
    ax = plt.subplots()[1]
    assert pw.pl.roc(two, ax=ax) is ax
    assert pw.pl.calibration(two, ax=ax) is ax
    assert pw.pl.confusion(three, ax=ax) is ax
    assert pw.pl.survival_by_risk(lived, ax=ax) is ax
    assert pw.pl.predicted(numbers, ax=ax) is ax


def test_a_dollar_is_no_formula(two):
    odd = replace(two, methods=two.methods.rename({"knn": r"$\oops$"}), predictions=two.predictions.replace("knn", r"$\oops$"),
                  scores=two.scores.replace("knn", r"$\oops$"), timings=two.timings.replace("knn", r"$\oops$"))  # fmt: skip
    pw.pl.roc(odd, methods=r"$\oops$").figure.canvas.draw()
    pw.pl.scores(odd).figure.canvas.draw()
