"""p and q of attributions against models fitted to shuffled labels: exact where nothing is shuffled, fair where nothing is there."""

from __future__ import annotations

import copy
import json

import anndata as ad
import mudata
import numpy as np
import pandas as pd
import pytest
from scipy.stats import kstest
from tests_helpers import snapshot

import pathweave as pw
from pathweave._core.warnings import DataWarning
from pathweave.explain import _null_refits
from pathweave.explain._null_refits import used_at_all, with_p
from pathweave.explain._refits import Packed, Shuffles
from pathweave.models._again import Again

GENES = pw.ids.hgnc()["symbol"].head(40).tolist()
SETS = {f"P{i}": GENES[4 * i : 4 * i + 6] for i in range(9)}
LEVELS = ("feature", "gene", "pathway", "layer", "gene_layer")
SMALL = {"max_epochs": 2, "n_folds": 3, "pathway_size": (3, 150)}


def made(seed=0, *, n=60):
    """Two layers of 40 genes; the first six genes of the RNA drive a class and a number."""
    rng = np.random.default_rng(seed)
    names = np.array([f"s{i:02d}" for i in range(n)])
    x = rng.normal(size=(n, 40)).astype(np.float32)
    cnv = rng.normal(size=(n, 40)).astype(np.float32)
    drive = x[:, :6].sum(axis=1) / np.sqrt(6)
    layers = {"rna": (x, names), "cnv": (cnv[: n * 3 // 4], names[: n * 3 // 4])}
    with pw.io.quiet_mudata():
        mdata = mudata.MuData(
            {
                name: ad.AnnData(
                    values, obs=pd.DataFrame(index=rows), var=pd.DataFrame(index=GENES)
                )
                for name, (values, rows) in layers.items()
            }
        )
    mdata.obs["class"] = pd.Categorical(np.where(drive > 0, "high", "low"))
    mdata.obs["number"] = 3 * drive + rng.normal(size=n) * 0.3
    mdata.obs["time"] = rng.exponential(np.exp(-drive))
    mdata.obs["event"] = (rng.random(n) < 0.8).astype(int)
    mdata.obs["patient"] = [f"p{i // 2}" for i in range(n)]
    mdata.obs["noise"] = rng.normal(size=n)
    return mdata


def fitted(mdata, *, samples=None, model=None, **target):
    target = target or {"target": "number"}
    model = pw.models.PathwayVAE(3, **SMALL) if model is None else model
    return model.fit(mdata, pw.graph.gmt(SETS), samples=samples, **target)


@pytest.fixture(scope="module")
def planted():
    mdata = made()
    return mdata, fitted(mdata)


@pytest.fixture(scope="module")
def tested(planted):
    mdata, model = planted
    return pw.explain.attribute(mdata, model, n_steps=4, n_null=10)


def equal(one, other):
    """Whether two models have the same networks, bit for bit."""
    pairs = zip(one.ensemble_.states, other.ensemble_.states, strict=True)
    return all((a.state[name] == b.state[name]).all() for a, b in pairs for name in a.state)


@pytest.mark.parametrize("kind", ["plain", "hierarchy", "survival and class", "groups", "loaded"])
def test_fitted_again_to_its_own_labels_a_model_is_the_same(kind, tmp_path):
    """Over Reactome, whose memberships are rolled up when a model keeps its graph: arrays of that would be others."""
    mdata = pw.datasets.simulate(60, n_pathways_active=2, n_features=200, seed=6)
    mdata.obs["patient"] = [f"p{i // 2}" for i in range(60)]
    how = {"target": "outcome"}
    if kind == "survival and class":
        how = {"target": "class", "survival": ("time", "event")}
    if kind == "groups":
        how["groups"] = "patient"
    model = pw.models.PathwayVAE(3, max_epochs=1, n_folds=3, hierarchy=kind == "hierarchy")
    model.fit(mdata, pw.graph.reactome(), samples=mdata.obs_names[:50], **how)
    if kind == "loaded":
        model.save(tmp_path / "model")
        model = pw.models.load(tmp_path / "model")
    again = Again.of(model).fit(Packed.of(mdata).to_mudata(mdata.obs))
    assert equal(model, again)
    pd.testing.assert_frame_equal(model.predict(mdata), again.predict(mdata))
    assert again.training_samples_ == tuple(mdata.obs_names[:50])


def test_where_nothing_is_shuffled_refits_are_the_model(planted, monkeypatch):
    """Rows, groups and levels of refits stand where those of the model do."""
    mdata, model = planted
    monkeypatch.setattr(Shuffles, "apply", lambda self, obs, rng: obs)
    seen = {}
    real = _null_refits.used_at_all

    def spy(found, null):
        seen.update(found=found, null=null)
        return real(found, null)

    monkeypatch.setattr("pathweave.explain._attribute.used_at_all", spy)
    pw.explain.attribute(mdata, model, groupby="class", n_steps=2, n_null=10)
    assert {level for level, _ in seen["null"]} == set(LEVELS)
    for (level, column), draws in seen["null"].items():
        expected = seen["found"][level][column].to_numpy()
        assert draws.shape == (10, len(expected))
        np.testing.assert_allclose(draws, np.tile(expected, (10, 1)), rtol=1e-6, atol=1e-12)


def test_planted_genes_come_low(tested, planted):
    mdata, model = planted
    gene = tested.gene.set_index("symbol")
    inside, outside = gene.loc[GENES[:6]], gene.loc[gene.index.difference(GENES[:6])]
    assert inside["p"].median() < 0.05
    assert outside["p"].median() > 0.2
    assert inside["p_used"].max() == pytest.approx(1 / 11)  # the least with ten refits
    rna = tested.gene_layer.query("layer == 'rna'").set_index("symbol")["p"]
    assert rna[GENES[:6]].median() < 0.05
    assert tested.pathway.set_index("pathway")["p"].idxmin().endswith("P0")
    told = tested.params["null"]["groups"]["number"]
    assert told["importance"] > 2 * told["importance_shuffled"]
    assert told["p"] == pytest.approx(1 / 11)
    assert tested.params["n_null"] == 10
    assert "null" not in pw.explain.attribute(mdata, model, n_steps=2).params


@pytest.mark.parametrize("level", LEVELS)
def test_columns_of_the_tables(tested, planted, level):
    mdata, model = planted
    table = getattr(tested, level)
    n_units = len(table)
    for column in ("p", "p_used"):
        assert (table[column] >= 1 / (1 + 10 * n_units) - 1e-12).all()
        assert (table[column] <= 1).all()
        assert (table["q" + column[1:]] >= table[column] - 1e-12).all()
    plain = getattr(pw.explain.attribute(mdata, model, n_steps=4), level)
    pd.testing.assert_frame_equal(table.drop(columns=["p", "q", "p_used", "q_used"]), plain)


def test_any_number_of_workers_gives_the_same_p(planted, tested):
    mdata, model = planted
    with pw.settings.override(n_jobs=2):
        again = pw.explain.attribute(mdata, model, n_steps=4, n_null=10)
    for level in LEVELS:
        pd.testing.assert_frame_equal(getattr(again, level), getattr(tested, level), rtol=1e-4)


@pytest.mark.parametrize(
    ("outcome", "how"),
    [
        ({"target": "class"}, {"contrast": ("high", "low")}),
        ({"survival": ("time", "event")}, {"of": "risk"}),
    ],
    ids=["contrast", "risk"],
)
def test_contrasts_and_risks_have_p_too(outcome, how):
    mdata = made(3)
    model = fitted(mdata, **outcome)
    before = snapshot(mdata), mdata.obs.copy()
    found = pw.explain.attribute(mdata, model, n_steps=2, n_null=10, **how)
    for _, table in found.gene.groupby("group", observed=True):
        assert table["p"].notna().all()
    assert snapshot(mdata) == before[0]
    pd.testing.assert_frame_equal(mdata.obs, before[1])


@pytest.mark.parametrize(
    ("method", "level"), [("feature_ablation", "layer"), ("grad_cam", "pathway")]
)
def test_methods_of_whole_units_have_p(planted, method, level):
    mdata, model = planted
    found = pw.explain.attribute(mdata, model, method=method, n_null=10, max_samples=20)
    table = getattr(found, level)
    assert table[["p", "q", "p_used", "q_used"]].notna().all().all()
    assert found.feature.empty


def test_one_unit_alone_has_no_share(planted):
    mdata, model = planted
    how = {"method": "feature_ablation", "n_null": 10, "max_samples": 20}
    gene = pw.explain.attribute(mdata, model, units=[GENES[0]], **how).gene
    assert gene["p"].isna().all()
    assert gene["p_used"].notna().all()


def test_written_read_and_kept(planted, tested, tmp_path):
    mdata, model = planted
    out = pw.tl.attribute(mdata, model, n_steps=4, n_null=10, copy=True)
    pw.io.write_h5mu(out, tmp_path / "out.h5mu")
    table = pw.get.attributions(pw.io.read_h5mu(tmp_path / "out.h5mu"), level="gene")
    np.testing.assert_allclose(table["q"], tested.gene["q"])
    assert table.attrs["params"]["null"]["n_null"] == 10


def test_layers_on_disk_in_any_order_are_put_together_again(planted, tmp_path):
    mdata, model = planted
    with pw.io.quiet_mudata():
        turned = mudata.MuData(
            {"cnv": mdata.mod["cnv"][::-1].copy(), "rna": mdata.mod["rna"].copy()}
        )
        turned = turned[mdata.obs_names].copy()
        turned.obs = mdata.obs.copy()
    pw.io.write_h5mu(turned, tmp_path / "data.h5mu")
    opened = pw.io.open_mudata(tmp_path / "data.h5mu")
    again = Packed.of(opened).to_mudata(opened.obs)
    assert again.obs_names.equals(mdata.obs_names)
    for name, values in model._read(again).items():
        np.testing.assert_array_equal(values, model._read(mdata)[name])
    assert again.obs["number"].tolist() == mdata.obs["number"].tolist()


# --- who changes places -----------------------------------------------------------------------


def test_outcomes_move_together_among_training_samples_that_have_one():
    mdata = made(1)
    mdata.obs["class"] = mdata.obs["class"].astype(object)
    mdata.obs.loc[mdata.obs_names[:7], "class"] = None
    model = fitted(mdata, target=["class", "number"], samples=mdata.obs_names[:50])
    obs = mdata.obs.copy()
    shuffled = Shuffles.of(mdata, model, "class").apply(mdata.obs, np.random.default_rng(0))
    pd.testing.assert_frame_equal(mdata.obs, obs)
    stays = [*range(7), *range(50, 60)]
    pd.testing.assert_frame_equal(shuffled.iloc[stays], obs.iloc[stays])
    rest = obs.drop(columns=["class", "number"])
    pd.testing.assert_frame_equal(shuffled.drop(columns=["class", "number"]), rest)
    label = dict(zip(obs["number"], obs["class"], strict=True))
    assert [label[y] for y in shuffled["number"]] == shuffled["class"].tolist()
    moved = shuffled["number"].iloc[7:50].to_numpy() != obs["number"].iloc[7:50].to_numpy()
    assert moved.mean() > 0.9
    assert sorted(shuffled["number"]) == sorted(obs["number"])


def test_groups_move_as_a_whole():
    mdata = made(2)
    by_patient = mdata.obs.groupby("patient", sort=False)["number"].transform("mean")
    mdata.obs["number"] = by_patient
    model = fitted(mdata, target="number", groups="patient")
    assert model.fit_groups_ == "patient"
    shuffled = Shuffles.of(mdata, model, "number").apply(mdata.obs, np.random.default_rng(0))
    assert len(shuffled[["patient", "number"]].drop_duplicates()) == mdata.obs["patient"].nunique()
    assert (shuffled["number"] != mdata.obs["number"]).mean() > 0.8
    mdata.obs["number"] = made(2).obs["number"]
    with pytest.raises(ValueError, match=r"samples of one group .* differ in their outcome"):
        Shuffles.of(mdata, model, "number")


# --- the numbers themselves -------------------------------------------------------------------


def null_of(rng, n_units, n_null, planted=0, scale=1.0):
    """Importances of chi kind, each unit of its own size; the first `planted` ones stand out."""
    size = rng.gamma(0.5, 1.0, n_units)
    drawn = np.abs(rng.normal(size=(1 + n_null, n_units))) * size
    drawn[0, :planted] = 6.0 * size[:planted]
    drawn[0] *= scale
    table = pd.DataFrame(
        {"group": "y", "layer": "rna", "feature": [f"f{i}" for i in range(n_units)],
         "importance": drawn[0], "n_samples": 5}
    )  # fmt: skip
    empty = {level: table.iloc[:0] for level in LEVELS if level != "feature"}
    null = {(level, "importance"): np.zeros((n_null, 0)) for level in empty}
    null["pathway", "score"] = np.zeros((n_null, 0))
    return {"feature": table, **empty}, {**null, ("feature", "importance"): drawn[1:]}


def test_p_is_uniform_where_nothing_is_there():
    rng = np.random.default_rng(5)
    found = [with_p(*null_of(rng, 200, 20))["feature"][["p", "p_used"]] for _ in range(30)]
    p, used = np.concatenate(found).T
    assert kstest(p, "uniform").pvalue > 0.001
    assert abs((p < 0.05).mean() - 0.05) < 0.01
    assert (used < 0.05).mean() < 0.06


def test_units_that_stand_out_have_small_q_whatever_their_size():
    found = with_p(*null_of(np.random.default_rng(6), 200, 20, planted=5))["feature"]
    assert (found["q"].head(5) < 0.05).all()
    assert (found["q"].tail(195) < 0.05).sum() <= 1


def test_a_model_that_says_more_of_everything_favours_nothing():
    """Ten times the importance everywhere: all are used, none more than its share."""
    tables, null = null_of(np.random.default_rng(7), 100, 20, scale=10.0)
    found = with_p(tables, null)["feature"]
    assert (found["q_used"] < 0.05).mean() > 0.5
    assert (found["q"] < 0.05).sum() <= 1
    assert used_at_all(tables, null)["y"]["p"] == pytest.approx(1 / 21)
    assert found["q_used"].min() == pytest.approx(1 / 21)


def test_the_luck_of_one_fit_is_not_that_of_all_its_units():
    """Importances that all double with the fit: where nothing is there, any unit is called used in 1 of 21 fits."""
    rng, said = np.random.default_rng(11), []
    for _ in range(100):
        tables, null = null_of(rng, 50, 20)
        scale = np.exp2(2 * rng.normal(size=21))
        tables["feature"]["importance"] *= scale[0]
        null["feature", "importance"] *= scale[1:, None]
        said.append((with_p(tables, null)["feature"]["q_used"] < 0.05).any())
    assert np.mean(said) < 0.1


def test_scores_that_all_rise_favour_no_pathway():
    """Where genes that are in any pathway weigh more than others, every pathway's score is high."""
    rng = np.random.default_rng(10)
    score = rng.normal(size=(21, 100))
    score[0] += 4.0
    score[0, 0] += 6.0
    names = [f"gmt:P{i}" for i in range(100)]
    table = pd.DataFrame(
        {"group": "y", "pathway": names, "importance": 1.0, "score": score[0], "n_samples": 5}
    )
    tables, null = null_of(rng, 10, 20)
    null |= {("pathway", "score"): score[1:], ("pathway", "importance"): np.ones((20, 100))}
    found = with_p({**tables, "pathway": table}, null)["pathway"]
    assert found["q"].iloc[0] < 0.05
    assert (found["q"].iloc[1:] < 0.05).sum() <= 1
    assert abs(found["p"].iloc[1:].median() - 0.5) < 0.15


def test_what_no_sample_has_is_not_tested():
    tables, null = null_of(np.random.default_rng(8), 50, 20)
    tables["feature"].loc[3, "n_samples"] = 0
    found = with_p(tables, null)["feature"]
    assert found.loc[3, ["p", "q", "p_used", "q_used"]].isna().all()
    assert found["p"].drop(index=3).notna().all()


def test_a_model_without_importance_favours_nothing():
    tables, null = null_of(np.random.default_rng(9), 50, 20)
    tables["feature"]["importance"] = 0.0
    found = with_p(tables, null)["feature"]
    assert np.isfinite(found[["p", "p_used"]]).all().all()
    assert (found["p_used"] > 0.2).all()


# --- refused ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"of": "latent"}, "is a latent, which has no labels to shuffle"),
        ({"of": "Z2"}, "explain a target of the model .'number'"),
        ({"of": "gmt:P0"}, "is a pathway, which has no labels"),
        (
            {"of": "distance", "groupby": "class", "reference": ("class", "low")},
            "is a distance, which has no labels",
        ),
        ({"n_null": 9}, "n_null=9 is too few to tell anything; give 0 .no p. or 10 or more"),
        ({"n_null": -1}, "n_null=-1 must be a whole number"),
    ],
    ids=["latent", "dimension", "pathway activity", "distance", "too few", "negative"],
)
def test_what_has_no_null_is_refused(planted, changes, message):
    mdata, model = planted
    if changes.get("of") == "gmt:P0":
        changes = {"of": model.pathways_[0]}
    with pytest.raises(ValueError, match=message):
        pw.explain.attribute(mdata, model, **{"n_null": 20, "n_steps": 2, **changes})


def test_models_that_cannot_be_fitted_again_say_why(planted):
    mdata, model = planted

    def refused(message, of_model=model, data=mdata):
        with pytest.raises(ValueError, match=message):
            pw.explain.attribute(data, of_model, n_null=10, n_steps=2)

    with pw.io.quiet_mudata():
        few = mdata[mdata.obs_names[:30]].copy()
    refused("mdata lacks 30 of its 60 training samples", data=few)
    unsupervised = pw.models.PathwayVAE(3, **SMALL).fit(mdata, pw.graph.gmt(SETS))
    refused("is a latent, which has no labels to shuffle; fit with target=", unsupervised)
    refused("fine-tuned", unsupervised.fine_tune(mdata, target="number"))
    older, stopped = copy.copy(model), copy.copy(model)
    del older.fit_groups_
    refused("saved by a release that did not note how it was fitted", older)
    stopped.unfinished_ = ("fold 1",)
    refused("the fit was interrupted .'fold 1'", stopped)
    tuned = pw.models.Tuned(pw.models.PathwayVAE(3, **SMALL), {"n_latent": [3, 4]}, n_trials=2)
    refused("explain model.model_", fitted(mdata, model=tuned))
    with pw.io.quiet_mudata():
        other = mdata.copy()
        other.obs["number"] = other.obs["class"].to_numpy()
    refused(
        "is not the outcome of the fit: it was a number .no classes. and is a class", data=other
    )


def test_files_of_older_releases_load_and_say_what_they_lack(planted, tmp_path):
    mdata, model = planted
    model.save(tmp_path / "model")
    config = json.loads((tmp_path / "model" / "config.json").read_text())
    assert config.pop("groups") is None
    (tmp_path / "model" / "config.json").write_text(json.dumps(config))
    older = pw.models.load(tmp_path / "model")
    assert len(pw.explain.attribute(mdata, older, n_steps=2).gene)
    with pytest.raises(ValueError, match="did not note how it was fitted"):
        pw.explain.attribute(mdata, older, n_steps=2, n_null=10)
    older.save(tmp_path / "again")  # what is not known is not made up
    assert "groups" not in json.loads((tmp_path / "again" / "config.json").read_text())


def test_other_features_than_those_of_the_fit_are_noticed(planted):
    mdata, model = planted
    with pw.io.quiet_mudata():
        less = mudata.MuData(
            {"rna": mdata.mod["rna"][:, :39].copy(), "cnv": mdata.mod["cnv"].copy()}
        )
        less.obs = mdata.obs.copy()
    with (
        pytest.warns(DataWarning, match="1 of 40 features seen in fit are not there"),
        pytest.raises(ValueError, match=r"mdata has not the features of its fit .layer 'rna'"),
    ):
        pw.explain.attribute(less, model, n_null=10, n_steps=2)
