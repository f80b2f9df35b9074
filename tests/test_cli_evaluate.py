"""``pathweave evaluate``: what it writes is what the functions give; it goes on; errors are one line."""

from __future__ import annotations

import pandas as pd
import pytest
from typer.testing import CliRunner

import pathweave as pw
from pathweave.__main__ import app

runner = CliRunner()


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    mdata = pw.datasets.simulate(60, n_pathways_active=2, missing=0.0, seed=6)
    mdata.obs["plate"] = ["one", "two"] * 30
    path = tmp_path_factory.mktemp("data") / "cohort.h5mu"
    pw.io.write_h5mu(mdata, path)
    return path


def call(data, out, *more):
    # fmt: off
    arguments = ["evaluate", str(data), "--out", str(out), "--models", "", "--graph", "none", "--jobs", "1",
                 "--layers", "rna,protein", "--folds", "3", *more]
    # fmt: on
    return runner.invoke(app, arguments)


def test_writes_what_the_functions_give_and_goes_on(data, tmp_path):
    more = [
        "--target",
        "class",
        "--baselines",
        "knn,majority",
        "--repeats",
        "2",
        "--batch",
        "plate",
    ]
    result = call(data, tmp_path, *more)
    assert result.exit_code == 0, result.output
    assert "Leakage check of 60 samples, layers rna, protein; class 'class' of 60" in result.output
    expected = pw.evaluate.cross_validate(
        pw.io.read_h5mu(data),
        target="class",
        layers=["rna", "protein"],
        models=[],
        baselines=["knn", "majority"],
        nulls="shuffled_labels",
        n_folds=3,
        n_repeats=2,
        null_repeats=1,
        batch="plate",
        n_jobs=1,
    )
    report = pw.evaluate.Report.load(tmp_path / "report")
    pd.testing.assert_frame_equal(report.scores, expected.scores)
    assert expected.verdict() in result.output
    assert (tmp_path / "verdict.txt").read_text() == expected.verdict() + "\n"
    scores = pd.read_csv(tmp_path / "scores.csv").query("metric == 'auroc'").set_index("method")
    assert scores["mean"].to_dict() == pytest.approx(expected.summary("auroc")["mean"].to_dict())
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Leakage check of 60 samples" in page
    assert "best: knn" in page
    kept = {p: p.stat().st_mtime_ns for p in (tmp_path / "fits").rglob("*") if p.is_file()}
    again = call(data, tmp_path, *more)
    assert again.exit_code == 0, again.output
    assert kept == {p: p.stat().st_mtime_ns for p in (tmp_path / "fits").rglob("*") if p.is_file()}


def test_survival_has_rivals_of_its_own(data, tmp_path):
    result = call(data, tmp_path, "--time", "time", "--event", "event", "--nulls", "")
    assert result.exit_code == 0, result.output
    assert set(pd.read_csv(tmp_path / "scores.csv")["method"]) == {
        "cox_ridge", "cox_ridge_late", "majority",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("more", "match"),
    [
        (["--time", "time"], "--time='time' and --event=None belong together"),
        (["--target", "klass"], "klass"),
        (["--target", ","], "--target=',' names no column"),
        ([], "Give --target, or --time and --event, and not both"),
        (["--target", "class", "--baselines", "lasso"], "baselines: 'lasso' is not known"),
        (["--target", "class", "--graph", "my_graph"], "my_graph"),
    ],
    ids=[
        "half a survival",
        "no such column",
        "no column named",
        "no outcome",
        "no such baseline",
        "no such graph",
    ],
)
def test_errors_are_one_line(data, tmp_path, more, match):
    result = call(data, tmp_path / "out", *more)
    assert result.exit_code == 2
    last = result.output.strip().splitlines()[-1]
    assert last.startswith("pathweave: ")
    assert match in last
    assert not (tmp_path / "out" / "report.html").exists()


def test_outcome_and_folder_are_asked_for_before_any_work(data, tmp_path):
    result = call(data, tmp_path)
    assert result.exit_code == 2
    assert "Give --target, or --time and --event" in result.output
    assert "Leakage" not in result.output
    (tmp_path / "taken").touch()
    result = call(data, tmp_path / "taken", "--target", "class")
    assert result.exit_code == 2
    assert "taken' is a file; name a folder" in result.output
