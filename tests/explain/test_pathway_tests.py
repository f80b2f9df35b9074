"""`test_pathways` from a fitted model to tables, words, slots and plots."""

from __future__ import annotations

import itertools

import matplotlib as mpl
import mudata
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

import pathweave as pw
from pathweave.explain._pathway_tests.words import _used

mpl.use("agg")


@pytest.fixture(scope="module")
def fitted():
    """Many samples, strong effects, and a network that has hardly begun: what is tested is not its skill."""
    with pw.io.quiet_mudata():
        mdata = pw.datasets.simulate(150, seed=11, n_features=700, n_pathways_active=3, effect=1.5)
    model = pw.models.PathwayVAE(4, max_epochs=1, n_folds=3, n_jobs=1)
    model.fit(mdata, pw.graph.reactome(), target=["class", "outcome"], survival=("time", "event"))
    return mdata, model


@pytest.fixture(scope="module")
def attributions(fitted):
    mdata, model = fitted
    return pw.explain.attribute(mdata, model, n_steps=2, max_samples=4)


@pytest.fixture(scope="module")
def tests(fitted, attributions):
    mdata, model = fitted
    return pw.explain.test_pathways(mdata, model, n_null=60, n_boot=6, attributions=attributions)


def _auroc(table, column, planted, score):
    return roc_auc_score(table[column].isin(planted), table[score])


def test_planted_pathways_and_genes_come_out_on_top(fitted, tests):
    truth = pw.get.truth(fitted[0])
    assert _auroc(tests.pathway, "pathway", truth.pathways, "score") > 0.95
    genes = tests.gene[tests.gene["kind"] == "gene"]
    assert _auroc(genes, "node", truth.genes, "score") > 0.9
    # What pathways add to a gene's own evidence is what they are for.
    assert _auroc(genes, "node", truth.genes, "score") > _auroc(
        genes, "node", truth.genes, "association"
    )
    best = tests.pathway.iloc[0]
    assert best["pathway"] in truth.pathways
    assert best["q_association"] < 0.05
    assert best["verdict"].startswith("goes with B")
    assert "more than chance" in tests.verdict


def test_tables_are_whole(tests):
    p = tests.pathway
    assert p["rank"].tolist() == list(range(1, len(p) + 1))
    assert p["score"].is_monotonic_decreasing
    for column in ("p", "q", "p_alone", "p_association", "among_top"):
        assert p[column].between(0, 1).all()
    assert (p["q"] >= p["p"] - 1e-12).all()
    assert set(tests.gene["layer"]) <= {"rna", "meth", "protein", "metab"}
    assert not p.drop(columns="attributed").isna().any().any()


def test_draws_are_the_ranks_behind_the_table(tests):
    pathway, gene = (tests.draws[tests.draws["level"] == level] for level in ("pathway", "gene"))
    assert pathway["unit"].tolist() == tests.pathway["pathway"].head(50).tolist()
    assert gene["unit"].tolist() == tests.gene["node"].head(50).tolist()
    drawn = pathway.filter(like="draw_")
    assert drawn.shape == (50, 6)
    np.testing.assert_allclose((drawn <= 20).mean(axis=1), tests.pathway["among_top"].head(50))
    found = tests.params["groups"]["B"]
    for level, table in (("pathway", tests.pathway), ("gene", tests.gene)):
        chance = tests.params["n_top"] / len(table)
        assert chance < found[f"overlap_{level}"] <= 1
        assert 0 < found[f"stability_{level}"] <= 1
    assert found["stability_pathway"] == found["stability_score"]


def test_classics_stand_beside_and_change_nothing(fitted, attributions, tests):
    mdata, model = fitted
    found = pw.explain.test_pathways(
        mdata, model, n_null=60, n_boot=6, attributions=attributions, classics=True
    )
    for level in ("pathway", "gene"):
        ours, both = getattr(tests, level), getattr(found, level)
        pd.testing.assert_frame_equal(both[list(ours.columns)], ours)
    assert set(found.pathway) - set(tests.pathway) == {
        "p_over_representation", "q_over_representation", "gsea", "p_gsea", "q_gsea", "linear_weights",
    }  # fmt: skip
    assert set(found.gene) - set(tests.gene) == {
        "p_t_test", "q_t_test", "layer_t_test", "linear_weights",
    }  # fmt: skip
    assert not found.pathway.filter(regex="over|gsea|linear").isna().any(axis=None)
    # Rows belong together: the classics, too, see what was planted.
    planted = pw.get.truth(mdata).pathways
    for column in ("gsea", "linear_weights"):
        assert _auroc(found.pathway, "pathway", planted, column) > 0.75
    genes = found.gene[found.gene["kind"] == "gene"]
    assert roc_auc_score(genes["node"].isin(pw.get.truth(mdata).genes), -genes["p_t_test"]) > 0.75
    assert found.params["classics"]


def test_nothing_is_claimed_for_shuffled_labels(fitted, attributions):
    mdata, model = fitted
    with pw.io.quiet_mudata():
        shuffled = mdata.copy()
    labels = np.random.default_rng(5).permutation(shuffled.obs["class"].astype(str))
    shuffled.obs["class"] = pd.Categorical(labels)
    found = pw.explain.test_pathways(
        shuffled, model, n_null=60, n_boot=2, attributions=attributions
    )
    assert not (found.pathway["q"] < 0.05).any()
    assert not (found.pathway["q_association"] < 0.05).any()
    assert set(found.pathway["verdict"]) == {"not told from shuffled labels"}
    assert "no advantage of real pathways shows" in found.verdict


def test_order_of_samples_changes_no_observed_number(fitted, attributions, tests):
    mdata, model = fitted
    with pw.io.quiet_mudata():
        turned = mdata[mdata.obs_names[::-1]].copy()
    found = pw.explain.test_pathways(turned, model, n_null=20, n_boot=2, attributions=attributions)
    one = tests.gene.set_index("node")["association"]
    np.testing.assert_allclose(
        found.gene.set_index("node")["association"][one.index], one, rtol=1e-4
    )


@pytest.mark.parametrize(("of", "group"), [("outcome", "outcome"), ("risk", "risk")])
def test_numbers_and_survival(fitted, of, group):
    mdata, model = fitted
    found = pw.explain.test_pathways(mdata, model, of=of, n_null=40, n_boot=2)
    truth = pw.get.truth(mdata)
    assert set(found.pathway["group"]) == {group}
    assert _auroc(found.pathway, "pathway", truth.pathways, "score_alone") > 0.8


def test_slots_survive_a_file_and_the_object_stays(fitted, tmp_path):
    mdata, model = fitted
    before = set(mdata.uns)
    with pw.io.quiet_mudata():
        out = pw.tl.test_pathways(mdata, model, n_null=20, n_boot=2, strata="batch", copy=True)
        assert set(mdata.uns) == before
        assert "pathway_tests" not in mdata.uns["pathweave"]
        out.write(tmp_path / "x.h5mu")
        back = mudata.read_h5mu(tmp_path / "x.h5mu")
    for level in ("pathway", "gene"):
        one, two = pw.get.pathway_tests(out, level=level), pw.get.pathway_tests(back, level=level)
        pd.testing.assert_frame_equal(one, two, check_dtype=False, check_categorical=False)
        assert two.attrs["params"]["strata"] == "batch"
    assert pw.get.pathway_tests(back).attrs["verdict"].startswith("B: ")
    for level in ("pathway", "gene"):
        one, two = pw.get.stability(out, level=level), pw.get.stability(back, level=level)
        pd.testing.assert_frame_equal(one, two, check_dtype=False, check_categorical=False)
        assert one.attrs["groups"] == two.attrs["groups"]


def test_plots_draw_what_the_table_holds(fitted, tests):
    mdata, _ = fitted
    with pw.io.quiet_mudata():
        drawn = mdata.copy()
    pw.tl._test_pathways.write_record(
        drawn,
        "pathway_tests",
        {
            "pathway": tests.pathway,
            "gene": tests.gene,
            "params": '{"alpha": 0.05}',
            "verdict": tests.verdict,
        },
    )
    ax = pw.pl.pathway_tests(drawn, n_top=6)
    dots = ax.collections[1].get_offsets()
    np.testing.assert_allclose(dots[:, 0], tests.pathway["score"].head(6))
    assert "standard deviations" in ax.get_xlabel()
    ax = pw.pl.volcano(drawn)
    shown = sum(len(c.get_offsets()) for c in ax.collections)
    assert shown == len(tests.gene)
    ax.figure.canvas.draw()
    boxes = [mpl.text.Text.get_window_extent(text) for text in ax.texts]  # without the lines
    assert len(boxes) > 5
    top = ax.get_window_extent().y1
    assert all(box.y0 >= top for box in boxes), "above the dots"
    boxes.sort(key=lambda box: box.y0)
    gaps = [upper.y0 - lower.y1 for lower, upper in itertools.pairwise(boxes)]
    assert min(gaps) > -1, "a line each, so that no name lies on another"
    with pytest.raises(ValueError, match="group"):
        pw.pl.volcano(drawn, group="Z")
    mpl.pyplot.close("all")


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"of": "nothing"}, "of="),
        ({"n_null": 5}, "n_null=5"),
        ({"n_boot": 1}, "n_boot=1"),
        ({"n_null": 50.5}, r"n_null=50\.5"),
        ({"alpha": 2.0}, "alpha=2"),
        ({"pathway_size": (10, 2)}, "pathway_size"),
        ({"pathway_size": (4000, 5000)}, "no pathway"),
    ],
)
def test_bad_arguments_are_named(fitted, attributions, arguments, match):
    mdata, model = fitted
    with pytest.raises(ValueError, match=match):
        pw.explain.test_pathways(mdata, model, attributions=attributions, **arguments)


def test_samples_that_do_not_differ_are_told_and_no_use_is_claimed_unseen(fitted, attributions):
    mdata, model = fitted
    with pw.io.quiet_mudata():
        alike = mdata[mdata.obs["class"] == "A"].copy()
    with pytest.raises(ValueError, match="all have the same"):
        pw.explain.test_pathways(alike, model, attributions=attributions)
    assert "model" not in _used(float("nan"))
    assert _used(3.0) != _used(0.0)


def test_models_that_cannot_be_tested_say_why(fitted):
    mdata, model = fitted
    with pytest.raises(KeyError, match="strata"):
        pw.explain.test_pathways(mdata, model, strata="nothing")
    with pw.io.quiet_mudata():
        unlabelled = mdata.copy()
    del unlabelled.obs["class"]
    with pytest.raises(KeyError, match=r"of='class' is not a column of mdata\.obs"):
        pw.explain.test_pathways(unlabelled, model)
    plain = pw.models.MultimodalVAE(4, max_epochs=1, n_folds=3, n_jobs=1)
    with pytest.raises(ValueError, match="without a target"):
        pw.explain.test_pathways(mdata, plain.fit(mdata), n_null=20)
    with pytest.raises(ValueError, match="without a graph"):
        pw.explain.test_pathways(mdata, plain.fit(mdata, target="class"), n_null=20)
    with pytest.raises(KeyError, match=r"tl\.test_pathways"):
        pw.get.pathway_tests(mdata)
