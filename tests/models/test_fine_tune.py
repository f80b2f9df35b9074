"""A fitted model as the start of another fit."""

from __future__ import annotations

import mudata
import numpy as np
import pandas as pd
import pytest
from tests_helpers import snapshot

import pathweave as pw
from pathweave._core.warnings import DataWarning
from pathweave.models._family import FAMILY

SMALL = {"max_epochs": 2, "n_folds": 2, "seed": 1}


def layers(mdata, names):
    with pw.io.quiet_mudata():
        part = mudata.MuData({n: mdata[n][:, :250].copy() for n in names})
        part.obs = mdata.obs.loc[part.obs_names].copy()
        return part


@pytest.fixture(scope="module")
def source(mdata):
    return layers(mdata, ["rna", "protein"])


TRANSFERABLE = [kind for kind in FAMILY if kind.transferable]


@pytest.fixture(scope="module", params=TRANSFERABLE, ids=lambda kind: kind.__name__)
def pretrained(request, source, graph):
    return request.param(5, **SMALL).fit(source, graph)


def test_a_tuned_model_is_new_and_the_old_one_stays(tmp_path, source, pretrained):
    before, digest = pretrained.embed(source), snapshot(source)
    states = [s.state["decoders.l0.0.weight"].copy() for s in pretrained.ensemble_.states]
    tuned = pretrained.fine_tune(source, target="class", survival=("time", "event"))
    np.testing.assert_array_equal(pretrained.embed(source), before)
    for state, kept in zip(pretrained.ensemble_.states, states, strict=True):
        np.testing.assert_array_equal(state.state["decoders.l0.0.weight"], kept)
    assert snapshot(source) == digest
    assert pretrained.fine_tuned_from_ is None
    assert not pretrained.targets_
    assert type(tuned) is type(pretrained)
    assert tuned.pathways_ == pretrained.pathways_
    record = tuned.fine_tuned_from_
    assert record["class"] == type(pretrained).__name__
    assert record["version"] == pw.__version__
    assert len(record["digest"]) == 64
    assert "linear, pretrained latent" in set(tuned.parts_["part"])
    tuned.save(tmp_path / "tuned")
    again = pw.models.load(tmp_path / "tuned")
    pd.testing.assert_frame_equal(again.predict_proba(source), tuned.predict_proba(source))
    pd.testing.assert_frame_equal(again.predict(source), tuned.predict(source))
    assert again.fine_tuned_from_ == record


def test_without_a_step_the_tuned_network_is_the_old_one(source, pretrained):
    still = pretrained.fine_tune(source, units="fit", learning_rate=1e-12)
    np.testing.assert_allclose(still.embed(source), pretrained.embed(source), atol=1e-5)
    for name, made in still.impute(source).items():
        np.testing.assert_allclose(made, pretrained.impute(source)[name], atol=1e-4)


def test_order_of_features_and_layers_does_not_matter(source, pretrained):
    rng = np.random.default_rng(0)
    moved = {n: source[n][:, rng.permutation(source[n].n_vars)].copy() for n in ("protein", "rna")}
    with pw.io.quiet_mudata():
        other = mudata.MuData(moved)
        other = other[source.obs_names].copy()
    still = pretrained.fine_tune(other, units="fit", learning_rate=1e-12)
    np.testing.assert_allclose(still.embed(other), pretrained.embed(source), atol=1e-5)


def test_other_names_of_the_same_genes(source, graph):
    one = layers(source, ["rna"])
    table = pw.ids.map(list(one["rna"].var_names), to="hgnc")
    good = table[table["id"].isin(graph.nodes["id"])].drop_duplicates("name")
    good = good[~good["id"].duplicated()]
    model = pw.models.PathwayVAE(5, **SMALL)
    with pw.io.quiet_mudata():
        one = mudata.MuData({"rna": one["rna"][:, good["name"].to_list()].copy()})
    model.fit(one, graph)
    other = mudata.MuData({"array": one["rna"].copy()})
    other["array"].var_names = good["id"].to_list()
    other.update()
    pw.io.set_kinds(other, {"array": "transcriptome"})
    still = model.fine_tune(other, rename={"array": "rna"}, units="fit", learning_rate=1e-12)
    np.testing.assert_allclose(still.embed(other), model.embed(one), atol=1e-5)
    assert list(still.layers_) == ["array"]
    with pytest.raises(ValueError, match=r"no layer of mdata .*has a feature in common.*rename="):
        model.fine_tune(other)


def test_new_layers_and_lost_ones(mdata, graph, source, pretrained):
    other = layers(mdata, ["rna", "meth"])
    tuned = pretrained.fine_tune(other, target="class")
    assert list(tuned.layers_) == ["rna", "meth"]
    assert np.isfinite(tuned.predict_proba(other)).all().all()


def test_nothing_is_learned_from_samples_left_out(source, pretrained):
    mask = np.arange(source.n_obs) % 4 != 0
    changed = layers(source, ["rna", "protein"])
    for name in changed.mod:
        out = ~changed[name].obs_names.isin(source.obs_names[mask])
        changed[name].X[out] = 1e3 * np.random.default_rng(0).normal(
            size=(out.sum(), changed[name].n_vars)
        )
    changed.obs.loc[~mask, "class"] = changed.obs["class"].iloc[0]
    here, there = (pretrained.fine_tune(m, target="class", samples=mask) for m in (source, changed))
    for one, two in zip(here.ensemble_.states, there.ensemble_.states, strict=True):
        for key in one.state:
            np.testing.assert_array_equal(one.state[key], two.state[key])
    pd.testing.assert_frame_equal(here.parts_, there.parts_)
    pd.testing.assert_frame_equal(here.predict_proba(source), there.predict_proba(source))


def test_heads_go_over_where_the_target_is_the_same(source, graph):
    model = pw.models.MultimodalVAE(5, **SMALL).fit(source, target=["outcome", "class"])
    with pytest.warns(DataWarning, match="were training samples of the fit that is tuned"):
        still = model.fine_tune(source, target=["class", "outcome"], learning_rate=1e-12)
    for i in (0, 1):
        old, new = model.ensemble_.nets[i].heads, still.ensemble_.nets[i].heads
        for name in ("class", "outcome"):
            np.testing.assert_allclose(
                new.of(name).linear.weight, old.of(name).linear.weight, atol=1e-7
            )


def test_encoders_bound_to_their_features_are_refused(source):
    model = pw.models.FeedForward(4, **SMALL).fit(source)
    with pytest.raises(TypeError, match=r"FeedForward cannot be fine-tuned.*MultimodalVAE"):
        model.fine_tune(source)


def test_units(source, pretrained):
    with pytest.raises(ValueError, match="units"):
        pretrained.fine_tune(source, units="old")
    shifted = layers(source, ["rna", "protein"])
    for mod in shifted.mod.values():
        mod.X = mod.X + 5.0
    tuned = {u: pretrained.fine_tune(shifted, units=u) for u in ("fit", "cohort")}
    mean = {u: m.ensemble_.states[0].state["standardize.l0.mean"] for u, m in tuned.items()}
    old = pretrained.ensemble_.states[0].state["standardize.l0.mean"]
    np.testing.assert_allclose(mean["fit"], old, atol=1e-6)
    np.testing.assert_allclose(mean["cohort"], old + 5.0, atol=1e-4)


def test_not_fitted():
    with pytest.raises(ValueError, match="is not fitted yet"):
        pw.models.PathwayVAE().fine_tune(pw.datasets.simulate(20))


def test_class_weights_of_other_targets_are_not_taken_along(source):
    classes = sorted(map(str, source.obs["class"].unique()))
    base = pw.models.MultimodalVAE(4, class_weight={classes[0]: 2.0}, **SMALL)
    base.fit(source, target="class")
    with pytest.warns(DataWarning, match="were training samples"):
        other = base.fine_tune(source, target="outcome")
    with pytest.warns(DataWarning, match="were training samples"):
        same = base.fine_tune(source, target="class")
    with pytest.warns(DataWarning, match="were training samples"):
        asked = base.fine_tune(source, target="class", class_weight="balanced")
    assert other.class_weight is None
    assert same.class_weight == {classes[0]: 2.0}
    assert asked.class_weight == "balanced"


def test_a_layer_none_of_whose_features_is_known_is_told(source):
    base = pw.models.MultimodalVAE(4, **SMALL).fit(source, layers=["rna", "protein"])
    other = layers(source, ["rna", "protein"])
    other["rna"].var_names = [f"panel{i}" for i in range(other["rna"].n_vars)]
    other["rna"].var = other["rna"].var[[]]
    with pytest.warns(DataWarning, match=r"layer 'rna': none of its .* so it starts afresh"):
        tuned = base.fine_tune(other)
    assert tuned.fine_tuned_from_["matched"] == {"protein": "protein"}
