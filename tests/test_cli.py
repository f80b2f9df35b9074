"""The command line does the main job, and tells what is wrong in one line."""

from __future__ import annotations

import mudata
import pandas as pd
import pytest
from typer.testing import CliRunner

import pathweave as pw
from pathweave.__main__ import app

runner = CliRunner()


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    mdata = pw.datasets.simulate(60, n_pathways_active=2, missing=0.0, seed=6)
    mdata.obs["split"] = ["train"] * 45 + ["test"] * 15
    path = tmp_path_factory.mktemp("data") / "cohort.h5mu"
    pw.io.write_h5mu(mdata, path)
    return path


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    """Short fits: the command line has no switch for it, and needs none."""
    from pathweave.tl import _run

    short = pw.models.PathwayVAE
    monkeypatch.setattr(
        _run, "PathwayVAE", lambda seed: short(6, max_epochs=3, n_folds=3, seed=seed)
    )


@pytest.mark.slow
def test_run_with_a_split(data, tmp_path):
    out = tmp_path / "result"
    arguments = [
        "run",
        str(data),
        "--target",
        "class",
        "--split",
        "split",
        "--layers",
        "rna,protein",
    ]
    result = runner.invoke(app, [*arguments, "--out", str(out)])
    assert result.exit_code == 0, result.output
    assert "45 of them to learn from" in result.output
    assert "On the held-out samples: accuracy" in result.output
    scores = pd.read_csv(out / "scores.csv")
    assert set(scores["n"]) == {15}
    predictions = pd.read_csv(out / "predictions.csv", index_col=0)
    assert len(predictions) == 60
    for name in (
        "embedding",
        "history",
        "layers",
        "features_A",
        "genes_A",
        "pathways",
        "parts_class",
        "tests",
        "volcano",
    ):
        assert (out / "figures" / f"{name}.png").stat().st_size > 5_000
    model = pw.models.load(out / "model")
    assert list(model.layers_) == ["rna", "protein"]
    mdata = pw.io.read_h5mu(out / "pathweave.h5mu")
    assert mdata.obsm["X_pathweave"].shape == (60, 6)
    tests = pd.read_csv(out / "tests_pathway.csv")
    assert tests["q"].between(0, 1).all()
    assert pw.get.pathway_tests(mdata).attrs["params"]["groups"]["B"]["n_samples"] == 45
    assert "TESTS of pathways" in (out / "report.txt").read_text()
    assert "WITH CARE" in (out / "report.txt").read_text()
    again = runner.invoke(app, [*arguments, "--out", str(out)])
    assert again.exit_code == 2
    assert "earlier result" in again.output


@pytest.mark.slow
def test_run_survival_and_without_a_target(data, tmp_path):
    out = tmp_path / "survival"
    result = runner.invoke(
        app, ["run", str(data), "--time", "time", "--event", "event", "--out", str(out)]
    )
    assert result.exit_code == 0, result.output
    assert "C-index" in result.output
    assert (out / "figures" / "survival.png").exists()
    out = tmp_path / "embedding"
    result = runner.invoke(app, ["run", str(data), "--out", str(out)])
    assert result.exit_code == 0, result.output
    assert "No target was given" in result.output
    assert "TESTS" not in result.output
    assert not list(out.glob("tests*"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing.h5mu"], "does not exist"),
        (["DATA", "--target", "stage"], "found 'class'"),
        (["DATA", "--layers", "lipid"], "no such layer 'lipid'"),
        (["DATA", "--time", "time"], "belong together"),
        (["DATA", "--split", "class"], "training samples are marked"),
        (["DATA", "--kegg", "nowhere"], "no such folder"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(data, tmp_path, arguments, message):
    out = tmp_path / "out"
    arguments = [str(data) if a == "DATA" else a for a in arguments]
    result = runner.invoke(app, ["run", *arguments, "--out", str(out)])
    assert result.exit_code == 2
    assert message in result.output
    assert "Traceback" not in result.output
    assert not out.exists()
    assert list(tmp_path.iterdir()) == []


def test_foreign_folders_are_left_alone(data, tmp_path):
    (tmp_path / "thesis.doc").write_text("mine")
    result = runner.invoke(app, ["run", str(data), "--out", str(tmp_path), "--overwrite"])
    assert result.exit_code == 2
    assert "not pathweave's" in result.output
    assert (tmp_path / "thesis.doc").read_text() == "mine"


def test_a_file_that_is_no_mudata(tmp_path):
    text = tmp_path / "table.h5mu"
    text.write_text("gene,a,b\n")
    result = runner.invoke(app, ["run", str(text), "--out", str(tmp_path / "out")])
    assert result.exit_code == 2
    assert "read_tables" in result.output
    adata = pw.datasets.miniacc().mod["rna"]
    adata.write_h5ad(tmp_path / "rna.h5ad")
    result = runner.invoke(app, ["run", str(tmp_path / "rna.h5ad"), "--out", str(tmp_path / "out")])
    assert result.exit_code == 2
    assert isinstance(mudata.MuData({"rna": adata}), mudata.MuData)


def test_version():
    result = runner.invoke(app, ["--version"])
    assert result.output.strip() == f"pathweave {pw.__version__}"
