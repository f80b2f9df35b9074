"""The page of an explained model: what it claims follows from the tables, and nothing comes from outside."""

from __future__ import annotations

import base64
import copy
import json
import re
from dataclasses import replace
from types import SimpleNamespace
from xml.etree import ElementTree as ET

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest
from html_page import Page
from tests_helpers import quick

import pathweave as pw
from pathweave.pl._explained_words import _together

mpl.use("agg")

NASTY = "<script>alert('&')</script>"
GOOD, BAD = "What is believable", "What is not, or cannot be told"


@pytest.fixture(scope="module")
def fitted():
    with pw.io.quiet_mudata():
        mdata = pw.datasets.simulate(
            70, n_features=200, n_pathways_active=2, effect=3.0, missing_layers=0.2, seed=6
        )
    graph = pw.graph.reactome()
    model = quick(max_epochs=2).fit(mdata, graph, target="class")
    with pw.io.quiet_mudata():
        pw.tl.attribute(mdata, model, n_steps=4, keep_samples=True, max_samples=12)
        bare = mdata.copy()
        pw.tl.check(mdata, model, n_steps=4, max_samples=8, n_random=5)
        pw.tl.test_pathways(mdata, model, n_null=20, n_boot=4)
    return mdata, model, bare


@pytest.fixture(scope="module")
def judged(fitted):
    return pw.evaluate.cross_validate(
        fitted[0], target="class", models=[], baselines=["ridge", "knn"], layers=["rna"], n_folds=3, n_jobs=1
    )  # fmt: skip


@pytest.fixture
def _no_figures(monkeypatch):
    """Figures take most of the time; tests of the words do without."""
    monkeypatch.setattr("pathweave.pl._html.figure", lambda plot, caption: "")


def written(mdata, model, tmp_path, **how):
    path = pw.pl.report(mdata, tmp_path / "model.html", model=model, **how)
    return Page(path.read_text(encoding="utf-8"))


def changed(mdata, key, **parts):
    """A copy of the record with other parts."""
    with pw.io.quiet_mudata():
        out = mdata.copy()
    record = dict(out.uns["pathweave"])
    out.uns["pathweave"] = {**record, key: {**record[key], **parts}}
    return out


def test_the_page_holds_all_figures_and_needs_nothing_else(fitted, judged, tmp_path):
    mdata, model, _ = fitted
    before = plt.get_fignums()
    page = written(mdata, model, tmp_path, evaluation=judged)
    assert plt.get_fignums() == before
    assert page.said("").startswith("Explained: class")
    headings = [name for name in page.texts if name]
    assert headings == [
        GOOD, BAD, "The data", "Does it predict?", "Scores", "What the model uses, layer by layer", "Pathways",
        "Genes and features", "One pathway", "Do the attributions tell what the model does?", "Would it come out again?",
    ]  # fmt: skip
    assert "Not drawn" not in " ".join("".join(texts) for texts in page.texts.values())
    alts = [image["alt"] for image in page.images]
    # Scores, layers, a Sankey a class, tests, volcano, heat map, a swarm a class, a pathway, two curves, two stabilities.
    assert len(alts) == 1 + 1 + 2 + 1 + 1 + 1 + 2 + 1 + 2 + 2
    assert all(len(alt) > 40 for alt in alts)
    for image in page.images:
        head, data = image["src"].split(",", 1)
        assert head in {"data:image/svg+xml;base64", "data:image/png;base64"}
        if "svg" in head:
            assert ET.fromstring(base64.b64decode(data)).tag.endswith("svg")  # noqa: S314  # our own
    assert all(link.startswith("data:") for link in page.links)
    assert not {"script", "link", "iframe", "object"} & set(page.tags)
    outside = re.sub(r'src="data:[^"]+"', "", (tmp_path / "model.html").read_text())
    assert not re.search(r"https?://|@import|url\(", outside)


@pytest.mark.usefixtures("_no_figures")
def test_tables_are_those_of_the_readers(fitted, judged, tmp_path):
    mdata, model, _ = fitted
    page = written(mdata, model, tmp_path, evaluation=judged)
    tests = pw.get.pathway_tests(mdata)
    head, *rows = page.tables["Pathways"]
    assert head[0] == tests["group"].iloc[0]
    assert [row[0] for row in rows] == tests["name"].head(15).tolist()
    assert [row[-1] for row in rows] == tests["verdict"].head(15).tolist()
    first = tests.iloc[0]
    low, high = first["score"] - 1.96 * first["se"], first["score"] + 1.96 * first["se"]
    assert rows[0][2] == f"{first['score']:.1f}|{low:.1f} to {high:.1f}"
    data = dict(row for row in page.tables["The data"] if len(row) == 2)
    complete = sum(all(s in mod.obs_names for mod in mdata.mod.values()) for s in mdata.obs_names)
    assert (
        data["Samples"]
        == f"70, of which 70 were in the fit (70 in all); {complete} have every layer"
    )
    counts = mdata.obs["class"].value_counts()
    assert data["Outcome"] == f"class: A ({counts['A']}), B ({counts['B']})"
    layers = {row[0]: row[1:] for row in page.tables["The data"] if len(row) == 4}
    assert layers["rna"][:2] == [str(mdata.mod["rna"].n_obs), str(mdata.mod["rna"].n_vars)]
    told = pw.get.stability(mdata).attrs["groups"]["B"]
    stable = {row[0]: row[1:] for row in page.tables["Would it come out again?"]}
    assert stable["pathways, B"][0] == f"{told['tau']:.3f}"
    mean = judged.summary("auroc").loc["ridge", "mean"]
    assert f"ridge {mean:.3f}" in page.said(GOOD)
    assert [row[0] for row in page.tables["Scores"][1:]] == judged.summary().index.tolist()


@pytest.mark.usefixtures("_no_figures")
def test_claims_follow_from_the_tables(fitted, tmp_path):
    mdata, model, _ = fitted
    tables = mdata.uns["pathweave"]["pathway_tests"]
    best = tables["pathway"].copy()
    best.loc[:1, "q"] = 0.01
    best.loc[0, ["among_top", "attributed"]] = 1.0, 4.0
    best.loc[1, ["among_top", "attributed"]] = 0.5, 4.0
    genes, draws = tables["gene"].copy(), tables["draws"].copy()
    mine = draws.index[draws["level"] == "gene"]
    draws.loc[mine, draws.filter(like="draw_").columns] = 100
    draws.loc[mine[:2], draws.filter(like="draw_").columns] = 3
    genes["q"] = 0.5
    genes.loc[genes["node"] == draws.loc[mine[0], "unit"], "q"] = 0.01
    out = changed(mdata, "pathway_tests", pathway=best, gene=genes, draws=draws)
    good = written(out, model, tmp_path).said(GOOD)
    first, second = best["name"].iloc[:2]
    assert (
        f"B: 2 pathways go with it more than other genes do (q < 0.05): {first}, {second}." in good
    )
    assert f"bootstrap draws: {first}." in good
    assert f"of five bootstrap draws: {draws.loc[mine[0], 'name']}." in good
    none = best.assign(q=0.9, q_association=0.9)
    out = changed(mdata, "pathway_tests", pathway=none, gene=genes.assign(q=0.9), draws=draws)
    page = written(out, model, tmp_path)
    assert "go with it" not in page.said(GOOD)
    assert "B: no pathway is told from shuffled labels." in page.said(BAD)


def test_groups_of_one_finding_share_a_sentence():
    two = {"A": "p = 0.2", "B": ""}
    assert _together(two, "nothing.") == "A (p = 0.2), B: nothing."
    assert _together({}, "nothing.") == ""


@pytest.mark.usefixtures("_no_figures")
def test_no_advantage_of_real_pathways_is_told(fitted, tmp_path):
    mdata, model, _ = fitted
    params = json.loads(mdata.uns["pathweave"]["pathway_tests"]["params"])
    for p, told in ((0.7, True), (0.01, False)):
        params["groups"]["B"]["p_random_pathways"] = p
        out = changed(mdata, "pathway_tests", params=json.dumps(params))
        assert ("random sets of the same sizes" in written(out, model, tmp_path).said(BAD)) is told


@pytest.mark.usefixtures("_no_figures")
def test_checks_that_fail_are_no_claim(fitted, tmp_path):
    mdata, model, _ = fitted
    table = mdata.uns["pathweave"]["faithfulness"]["table"]
    passed = changed(mdata, "faithfulness", table=table.assign(passed=True))
    page = written(passed, model, tmp_path)
    assert "checks passed" in page.said(GOOD)
    assert "check of the attributions failed" not in page.said(BAD)
    failed = table.assign(passed=[False] + [True] * (len(table) - 1))
    page = written(changed(mdata, "faithfulness", table=failed), model, tmp_path)
    assert "checks passed" not in page.said(GOOD)
    assert f"A check of the attributions failed: {table['words'].iloc[0]}" in page.said(BAD)


@pytest.mark.usefixtures("_no_figures")
def test_what_was_not_computed_is_named_with_its_call(fitted, tmp_path):
    _, model, bare = fitted
    page = written(bare, model, tmp_path)
    bad = page.said(BAD)
    for call in (
        "tl.test_pathways",
        "tl.check",
        "evaluate.cross_validate",
        "evaluate.check_leakage",
    ):
        assert f"pathweave.{call}" in bad
    assert "Nothing that was computed supports a claim yet." in page.said(GOOD)
    assert "Not tested: run pathweave.tl.test_pathways" in page.said("Pathways")
    assert "Not checked" in page.said("Do the attributions tell what the model does?")
    assert "Not known" in page.said("Would it come out again?")
    page = written(bare, model, tmp_path, leakage="nothing found")
    assert page.said("Check for leakage") == "nothing found"
    assert "looked for leaks" not in page.said(BAD)


@pytest.mark.usefixtures("_no_figures")
def test_a_model_no_better_than_a_baseline_or_a_rewired_graph_is_told(fitted, judged, tmp_path):
    mdata, model, _ = fitted
    methods = judged.methods.copy()
    methods["null"] = methods["null"].astype(object)
    methods.loc["ridge", ["kind", "of", "null"]] = "model", "", ""
    other = replace(judged, methods=methods)
    row = other.findings().iloc[0]
    assert row["method"] == "ridge"
    bad = written(mdata, model, tmp_path, evaluation=other).said(BAD)
    assert ("ridge is not clearly better than the best baseline (knn)" in bad) is bool(
        row["low"] <= 0
    )
    assert "No null of the graph was tried" in bad


@pytest.mark.usefixtures("_no_figures")
def test_layers_off_the_graph_are_told_with_their_share(fitted, tmp_path):
    mdata, model, _ = fitted
    assert "no feature is on the graph" not in written(mdata, model, tmp_path).said(BAD)
    other = copy.copy(model)
    maps = dict(model.ensemble_.graph.feature_maps)
    maps["meth"] = maps["meth"] * 0
    other.ensemble_ = SimpleNamespace(graph=SimpleNamespace(feature_maps=maps))
    share = pw.get.attributions(mdata, level="layer").query("layer == 'meth'")["share"].mean()
    bad = written(mdata, other, tmp_path).said(BAD)
    assert (
        f"meth: no feature is on the graph, so genes and pathways tell nothing of {100 * share:.0f} %"
        in bad
    )


@pytest.mark.usefixtures("_no_figures")
def test_what_belongs_to_another_question_or_model_is_warned_of(fitted, tmp_path):
    mdata, model, _ = fitted
    assert "WARNING" not in written(mdata, model, tmp_path).said(BAD)
    params = json.loads(mdata.uns["pathweave"]["pathway_tests"]["params"])
    out = changed(mdata, "pathway_tests", params=json.dumps({**params, "of": "stage"}))
    assert "attributions are of class, the tests are of stage" in written(
        out, model, tmp_path
    ).said(BAD)
    other = copy.copy(model)
    other.graph_digest_ = "another"
    assert "of another model or graph" in written(mdata, other, tmp_path).said(BAD)
    assert '<li class="warn">WARNING' in (tmp_path / "model.html").read_text()


@pytest.mark.usefixtures("_no_figures")
def test_names_are_escaped(fitted, tmp_path):
    mdata, model, _ = fitted
    table = mdata.uns["pathweave"]["pathway_tests"]["pathway"].copy()
    table["name"] = table["name"].astype(object)
    table.loc[0, "name"] = NASTY
    page = written(changed(mdata, "pathway_tests", pathway=table), model, tmp_path, title=NASTY)
    assert "script" not in page.tags
    assert page.said("").startswith(NASTY)
    assert page.tables["Pathways"][1][0] == NASTY


@pytest.mark.usefixtures("_no_figures")
def test_the_same_input_gives_the_same_bytes(fitted, tmp_path):
    mdata, model, _ = fitted
    one, two = (
        pw.pl.report(mdata, tmp_path / name, model=model).read_bytes()
        for name in ("a.html", "b.html")
    )
    assert one == two


def test_large_figures_are_pixels(monkeypatch):
    from pathweave.pl import _html

    def draw():
        return plt.subplots()[1]

    assert "image/svg+xml" in _html.figure(draw, "A small one.")
    monkeypatch.setattr(_html, "_LARGE", 100)
    text = _html.figure(draw, "A large one.")
    assert "image/png" in text
    assert 'alt="A large one."' in text
    assert text == _html.figure(draw, "A large one.")


@pytest.mark.usefixtures("_no_figures")
def test_wrong_arguments_are_named_and_the_old_file_stays(fitted, judged, tmp_path):
    mdata, model, _ = fitted
    path = tmp_path / "model.html"
    path.write_text("old")
    with pytest.raises(TypeError, match=r"found nothing; call report\(mdata, path, model=model\)"):
        pw.pl.report(mdata, path)
    with pytest.raises(TypeError, match="found Report"):
        pw.pl.report(mdata, path, model=judged)
    with pytest.raises(TypeError, match="report must be what evaluate"):
        pw.pl.report(mdata, path, model=model, evaluation=model)
    with pytest.raises(TypeError, match="go with an explained MuData"):
        pw.pl.report(judged, path, model=model)
    with pytest.raises(KeyError, match=r"tl\.attribute"):
        pw.pl.report(pw.datasets.simulate(20, seed=1), path, model=model)
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["model.html"]
