"""The HTML report: complete, well formed, escaped, self-contained, the same every time."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from xml.etree import ElementTree as ET

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from html_page import Page

import pathweave as pw

mpl.use("agg")

NASTY = "<script>alert('&')</script> \"x\""


@pytest.fixture(scope="module")
def data():
    mdata = pw.datasets.simulate(90, seed=3)
    mdata.obs["second"] = -mdata.obs["outcome"]
    return mdata


def evaluated(mdata, baselines, **how):
    return pw.evaluate.cross_validate(
        mdata, models=[], baselines=baselines, layers=["rna"], n_folds=3, n_jobs=1, **how
    )


@pytest.fixture(scope="module")
def two(data):
    return evaluated(
        data,
        ["ridge", "knn"],
        target="class",
        nulls=["shuffled_labels"],
        n_repeats=2,
        null_repeats=1,
        seed=4,
    )


@pytest.fixture(scope="module")
def lived(data):
    return evaluated(data, ["cox_ridge", "majority"], survival=("time", "event"))


@pytest.fixture(scope="module")
def numbers(data):
    return evaluated(data, ["ridge", "knn"], target=["outcome", "second"])


def written(report, tmp_path, **how):
    path = pw.pl.report(report, tmp_path / "report.html", **how)
    assert path == tmp_path / "report.html"
    return Page(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def page(two, tmp_path_factory):
    return written(two, tmp_path_factory.mktemp("page"))


@pytest.fixture
def _no_figures(monkeypatch):
    """Figures take most of the time; tests of the words do without."""
    monkeypatch.setattr("pathweave.pl._html.figure", lambda plot, caption: "")


def test_verdict_is_told_whole(two, page):
    assert page.said("Verdict") == " ".join(two.verdict().split())
    assert page.said("").startswith("Evaluation: class")


@pytest.mark.usefixtures("_no_figures")
def test_warnings_stand_out(two, tmp_path, monkeypatch):
    monkeypatch.setattr(type(two), "verdict", lambda _: "fine\nWARNING. something leaks.")
    pw.pl.report(two, tmp_path / "r.html")
    text = (tmp_path / "r.html").read_text()
    assert '<li class="warn">WARNING. something leaks.</li>' in text
    assert "<li>fine</li>" in text


def test_scores_are_those_of_the_summary(two, page):
    head, *rows = page.tables["Scores"]
    assert head[:3] == ["method", "splits", "AUROC"]
    assert "log loss|lower is better" in head
    assert len(head) == 2 + len(two.metrics)
    table, loss = two.summary("auroc"), two.summary("log_loss")
    assert [row[0] for row in rows] == table.index.tolist()
    for row in rows:
        for column, source in ((2, table), (head.index("log loss|lower is better"), loss)):
            mean, low, high = source.loc[row[0], ["mean", "low", "high"]]
            assert row[column] == f"{mean:.3f}|{low:.3f} to {high:.3f}"


@pytest.mark.usefixtures("_no_figures")
def test_direction_is_told_of_one_method_too(two, tmp_path):
    alone = replace(
        two,
        methods=two.methods.loc[["knn"]],
        predictions=two.predictions.query("method == 'knn'"),
        scores=two.scores.query("method == 'knn'"),
        timings=two.timings.query("method == 'knn'"),
    )
    head = written(alone, tmp_path).tables["Scores"][0]
    assert "log loss|lower is better" in head
    assert "AUROC" in head


@pytest.mark.usefixtures("_no_figures")
def test_the_best_is_bold_and_no_null_is(two, tmp_path):
    scores = two.scores.copy()
    scores.loc[
        (scores["method"] == "ridge, shuffled labels") & (scores["metric"] == "auroc"), "value"
    ] = 1.0
    pw.pl.report(replace(two, scores=scores), tmp_path / "r.html")
    text = (tmp_path / "r.html").read_text().split("<h2>Scores")[1].split("</section>")[0]
    rows = re.findall(r"<tr( class=\"null\")?><th scope=\"row\">([^<]+)</th>(.*?)</tr>", text)
    assert next(name for _, name, _ in rows) == "ridge, shuffled labels"
    bold = {name: cells.count('class="best"') for _, name, cells in rows}
    assert sum(bold.values()) == len(two.metrics)
    assert bold["ridge, shuffled labels"] == 0
    assert {name for grey, name, _ in rows if grey} == {"ridge, shuffled labels"}


def test_comparison_and_costs(two, page):
    table = two.compare()
    heading = f"Compared with {table.attrs['reference']}"
    rows = {row[0]: row[1:] for row in page.tables[heading][1:]}
    for name, row in table.iterrows():
        assert rows[name][0] == f"{row['difference']:+.3f}|{row['low']:.3f} to {row['high']:.3f}"
        assert rows[name][3] == str(int(row["n"]))
    costs = {row[0]: row[1:] for row in page.tables["Costs"][1:]}
    assert costs["ridge"][0] == "6"
    assert costs["ridge, shuffled labels"][0] == "3"
    seconds = two.timings.set_index("method").loc["ridge", "seconds"].mean()
    assert costs["ridge"][1] == f"{seconds:.2f}"


@pytest.mark.usefixtures("_no_figures")
def test_how_it_was_done(two, tmp_path):
    told = dict(written(two, tmp_path).tables["How it was done"])
    counts = two.predictions.query("method == 'ridge' and repeat == 0")["truth"].value_counts()
    assert told["Outcome"] == "'class', test samples: " + ", ".join(
        f"{c} ({counts[c]})" for c in two.classes
    )
    assert told["Samples"].startswith("90 with a known outcome; by layer: rna ")
    assert told["Splits"] == (
        "stratified folds; 6 splits (2 repeats), 60 samples to learn from and 30 to test; "
        "'ridge, shuffled labels' in 3 of them"
    )
    assert told["Null"] == "ridge, shuffled labels: training labels changed places"
    assert (told["Models"], told["Baselines"], told["Seed"]) == ("none", "ridge, knn", "4")
    chosen = replace(
        two,
        params={
            **two.params, "select": 50, "tune_threshold": True, "batch": "plate", "weights": "<equal>"
        },
    )  # fmt: skip
    told = dict(written(chosen, tmp_path).tables["How it was done"])
    assert told["Selection"].startswith("50 features of each layer")
    assert "Threshold" in told
    assert told["Batch effects"].startswith("of plate, taken out by ComBat")
    assert "batch" not in told
    assert told["weights"] == "<equal>"


@pytest.mark.parametrize(("name", "n_figures"), [("two", 4), ("lived", 2), ("numbers", 3)])
def test_figures_suit_the_outcome_and_are_inside(name, n_figures, request, tmp_path):
    before = plt.get_fignums()
    page = written(request.getfixturevalue(name), tmp_path)
    assert len(page.images) == n_figures
    for image in page.images:
        assert len(image["alt"]) > 20
        head, data = image["src"].split(",", 1)
        assert head == "data:image/svg+xml;base64"
        root = ET.fromstring(base64.b64decode(data))  # noqa: S314  # our own
        assert root.tag.endswith("svg")
    assert plt.get_fignums() == before


def test_nothing_is_fetched(two, tmp_path):
    page = written(two, tmp_path)
    assert all(link.startswith("data:") for link in page.links)
    assert not {"script", "link", "iframe", "object"} & set(page.tags)
    text = (tmp_path / "report.html").read_text()
    outside = re.sub(r'src="data:[^"]+"', "", text)
    assert not re.search(r"https?://|@import|url\(", outside)


def test_the_same_report_gives_the_same_bytes(two, tmp_path):
    one, other = (pw.pl.report(two, tmp_path / name).read_bytes() for name in ("a.html", "b.html"))
    assert one == other


def renamed(report, old: str, new: str):
    tables = {
        name: getattr(report, name).replace(old, new)
        for name in ("predictions", "scores", "timings")
    }
    return replace(report, methods=report.methods.rename({old: new}).replace(old, new), **tables)


def test_names_are_escaped(two, tmp_path):
    odd = replace(renamed(two, "ridge", NASTY), targets=(NASTY,))
    page = written(odd, tmp_path, leakage=NASTY)
    assert "script" not in page.tags
    assert page.said("").startswith(f"Evaluation: {NASTY}")
    assert NASTY in page.said("Verdict")
    assert NASTY in [row[0] for row in page.tables["Scores"]]
    assert page.said("Check for leakage") == NASTY
    assert any(NASTY in image["alt"] for image in page.images)
    assert written(two, tmp_path, title=NASTY).said("").startswith(NASTY)


def test_odd_class_names_are_escaped(two, tmp_path):
    first = two.classes[0]
    table = two.predictions.replace(first, NASTY).rename(
        columns={f"proba_{first}": f"proba_{NASTY}"}
    )
    page = written(replace(two, predictions=table, classes=(NASTY, *two.classes[1:])), tmp_path)
    assert "script" not in page.tags
    assert NASTY in dict(page.tables["How it was done"])["Outcome"]


@pytest.mark.usefixtures("_no_figures")
def test_leakage_is_shown_as_its_text_and_its_absence_told(two, tmp_path):
    found = pd.Series({"duplicates": 3})
    page = written(two, tmp_path, leakage=found)
    assert page.said("Check for leakage") == " ".join(str(found).split())
    assert "looked at none of it" not in page.said("What cannot be seen here")
    page = written(two, tmp_path)
    assert "Check for leakage" not in page.texts
    assert "looked at none of it" in page.said("What cannot be seen here")


@pytest.mark.usefixtures("_no_figures")
def test_what_cannot_be_seen_depends_on_what_was_done(two, lived, tmp_path):
    said = {
        name: written(r, tmp_path).said("What cannot be seen here")
        for name, r in (("two", two), ("lived", lived))
    }
    assert "Folds were dealt once" in said["lived"]
    assert "Folds were dealt once" not in said["two"]
    assert "Shuffled labels were not tried" in said["lived"]
    assert "labels leak inside the folds" in said["two"]
    assert "log-rank" in said["lived"]
    assert "log-rank" not in said["two"]
    by_site = replace(two, params={**two.params, "how": "one hospital left out at a time"})
    assert "Sites and batches" not in written(by_site, tmp_path).said("What cannot be seen here")
    assert "Sites and batches" in said["two"]
    assert "90 samples are few" in said["two"]


@pytest.mark.usefixtures("_no_figures")
def test_each_outcome_has_its_row(numbers, tmp_path):
    page = written(numbers, tmp_path)
    table = numbers.per_target()
    rows = {row[0]: row[1:] for row in page.tables["Each outcome"][1:]}
    assert rows["second"] == [f"{value:.3f}" for value in table.loc["second"]]


@pytest.mark.usefixtures("_no_figures")
def test_one_split_is_told_with_bootstraps(data, tmp_path, monkeypatch):
    monkeypatch.setattr("pathweave.evaluate._report._BOOTSTRAPS", 20)
    with pw.io.quiet_mudata():
        first, second = data[:60].copy(), data[60:].copy()
    report = pw.evaluate.validate(
        first,
        second,
        target="class",
        models=[],
        baselines=["knn", "majority"],
        layers=["rna"],
        n_jobs=1,
    )
    page = written(report, tmp_path)
    assert "a bootstrap of the test samples" in page.said("Scores")
    assert "30 of a second cohort" in dict(page.tables["How it was done"])["Samples"]
    row = next(row for row in page.tables["Scores"] if row[0] == "knn")
    assert re.fullmatch(r"[\d.]+\|[\d.]+ to [\d.]+", row[2])
    assert "One second cohort was judged" in page.said("What cannot be seen here")
    compared = report.compare()
    heading = f"Compared with {compared.attrs['reference']}"
    [row] = [row[1:] for row in page.tables[heading][1:]]
    found = compared.iloc[0]
    assert row[0] == f"{found['difference']:+.3f}|{found['low']:.3f} to {found['high']:.3f}"
    assert row[1:3] == [f"{found['p']:.2g}", f"{found['p_holm']:.2g}"]
    assert "does not tell how another training set would do" in page.said(heading)


def test_a_plot_that_cannot_be_drawn_says_why(two, tmp_path):
    table = two.predictions.copy()
    table[[f"proba_{c}" for c in two.classes]] = np.nan
    scores = two.scores[two.scores["metric"].isin(["accuracy", "balanced_accuracy", "auroc"])]
    page = written(replace(two, predictions=table, scores=scores), tmp_path)
    assert "Not drawn: report: no method gave probabilities" in page.said("Pictures")
    assert len(page.images) == 2


def test_a_saved_report_tells_the_same(two, tmp_path):
    two.save(tmp_path / "kept")
    again = pw.evaluate.Report.load(tmp_path / "kept")
    assert (
        pw.pl.report(again, tmp_path / "b.html").read_bytes()
        == pw.pl.report(two, tmp_path / "a.html").read_bytes()
    )


def test_a_failure_leaves_the_old_file(two, tmp_path, monkeypatch):
    path = tmp_path / "report.html"
    path.write_text("old")
    monkeypatch.setattr(type(two), "verdict", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        pw.pl.report(two, path)
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]
    assert path.read_text() == "old"


def test_wrong_arguments_are_named(two, tmp_path):
    with pytest.raises(TypeError, match="report must be what"):
        pw.pl.report(pd.DataFrame(), tmp_path / "r.html")
    with pytest.raises(IsADirectoryError, match=r"is a folder; name a file in it"):
        pw.pl.report(two, tmp_path)
    with pytest.raises(FileNotFoundError, match="does not exist; make it first"):
        pw.pl.report(two, tmp_path / "none" / "r.html")
