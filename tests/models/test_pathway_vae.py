"""PathwayVAE: identities that hold for every fit, and errors a user meets."""

from __future__ import annotations

import mudata
import numpy as np
import pandas as pd
import pytest
import torch
from tests_helpers import quick, snapshot

import pathweave as pw
from pathweave._core.warnings import DataWarning, LayerOffGraphWarning


def test_shapes_and_units(mdata, model):
    n = mdata.n_obs
    assert model.embed(mdata).shape == (n, 6)
    assert model.embed(mdata).dtype == np.float32
    predictions = model.predict(mdata)
    assert predictions.columns.tolist() == ["class", "outcome", "risk"]
    np.testing.assert_allclose(model.predict_proba(mdata).sum(axis=1), 1.0, rtol=1e-9)
    activity = model.pathway_activity(mdata)
    assert activity.shape == (n, len(model.pathways_))
    assert set(activity.columns) <= set(model.graph_.pathways["id"])
    spread = mdata.obs["outcome"].std()
    assert abs(predictions["outcome"].mean() - mdata.obs["outcome"].mean()) < spread


def test_parts_weights_sum_to_one_and_the_stack_is_no_worse_than_its_worst_part(model):
    for _, table in model.parts_.groupby("target"):
        parts, stack = table.iloc[:-1], table.iloc[-1]
        assert stack["part"] == "stack"
        assert np.isclose(parts["weight"].sum(), 1.0)
        assert stack["loss"] <= parts["loss"].max() + 1e-9


def test_a_sample_alone_is_as_in_a_batch(mdata, model):
    whole = model.embed(mdata)
    name = mdata.obs_names[7]
    layers = {n: m[m.obs_names == name].copy() for n, m in mdata.mod.items() if name in m.obs_names}
    alone = model.embed(mudata.MuData(layers))
    np.testing.assert_allclose(alone[0], whole[7], atol=1e-5)


def test_order_of_samples_features_and_layers_does_not_matter(mdata, model):
    rng = np.random.default_rng(0)
    layers = {}
    for name in reversed(list(mdata.mod)):
        mod = mdata.mod[name]
        layers[name] = mod[rng.permutation(mod.n_obs)][:, rng.permutation(mod.n_vars)].copy()
    moved = mudata.MuData(layers)
    position = moved.obs_names.get_indexer(mdata.obs_names)
    np.testing.assert_allclose(model.embed(moved)[position], model.embed(mdata), atol=1e-5)
    proba = model.predict_proba(moved).loc[mdata.obs_names]
    np.testing.assert_allclose(proba, model.predict_proba(mdata), atol=1e-5)


def test_same_seed_same_numbers_and_global_state_is_left_alone(mdata, graph):
    before = torch.get_rng_state()
    first = quick().fit(mdata, graph, target="class").predict_proba(mdata)
    assert torch.equal(before, torch.get_rng_state())
    torch.rand(5)
    second = quick().fit(mdata, graph, target="class").predict_proba(mdata)
    pd.testing.assert_frame_equal(first, second)


def test_workers_give_the_numbers_of_one_process(mdata):
    alone = quick(n_jobs=1).fit(mdata, target="class").predict_proba(mdata)
    together = quick(n_jobs=2).fit(mdata, target="class").predict_proba(mdata)
    pd.testing.assert_frame_equal(alone, together)


def test_nothing_is_learned_from_samples_left_out(mdata, graph):
    mask = np.arange(mdata.n_obs) < 60
    changed = mdata.copy()
    for mod in changed.mod.values():
        rows = ~mod.obs_names.isin(mdata.obs_names[mask])
        mod.X[rows] = mod.X[rows] * 50.0 + 3.0
    changed.obs["class"] = changed.obs["class"].astype(str).where(mask, "other")
    one = quick().fit(mdata, graph, target="class", samples=mask)
    two = quick().fit(changed, graph, target="class", samples=mask)
    pd.testing.assert_frame_equal(one.predict_proba(mdata), two.predict_proba(mdata))
    np.testing.assert_array_equal(one.embed(mdata), two.embed(mdata))


def test_layers_may_be_missing_for_samples_and_altogether(mdata, model):
    partial = mudata.MuData({"rna": mdata.mod["rna"].copy()})
    assert np.isfinite(model.embed(partial)).all()
    assert np.isfinite(model.predict_proba(partial).to_numpy()).all()


def test_impute_keeps_what_was_measured_and_fills_the_rest(mdata, model):
    filled = model.impute(mdata)
    for name, table in filled.items():
        mod = mdata.mod[name]
        assert table.shape == (mdata.n_obs, mod.n_vars)
        assert np.isfinite(table.to_numpy()).all()
        measured = np.asarray(mod.X)
        ours = table.loc[mod.obs_names].to_numpy()
        seen = ~np.isnan(measured)
        np.testing.assert_allclose(ours[seen], measured[seen], rtol=1e-6)


def test_save_and_load_give_the_same_numbers(tmp_path, mdata, model):
    model.save(tmp_path / "run")
    again = pw.models.load(tmp_path / "run")
    np.testing.assert_array_equal(again.embed(mdata), model.embed(mdata))
    pd.testing.assert_frame_equal(again.predict(mdata), model.predict(mdata))
    pd.testing.assert_frame_equal(again.predict_proba(mdata), model.predict_proba(mdata))
    pd.testing.assert_frame_equal(again.pathway_activity(mdata), model.pathway_activity(mdata))
    pd.testing.assert_frame_equal(again.history_, model.history_)
    pd.testing.assert_frame_equal(again.parts_, model.parts_)
    assert again.graph_.digest == model.graph_.digest
    assert again.get_params() == model.get_params()
    for name, table in again.impute(mdata).items():
        pd.testing.assert_frame_equal(table, model.impute(mdata)[name])


def test_save_refuses_what_it_did_not_write(tmp_path, model):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="choose another folder"):
        model.save(tmp_path, overwrite=True)
    assert (tmp_path / "notes.txt").read_text() == "mine"
    model.save(tmp_path / "run")
    with pytest.raises(FileExistsError, match="overwrite=True"):
        model.save(tmp_path / "run")
    model.save(tmp_path / "run", overwrite=True)


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("config.json", "{", "damaged"),
        ("config.json", '{"format": 99, "class": "PathwayVAE"}', "format 99"),
        ("model.safetensors", "xx", "damaged"),
    ],
)
def test_damaged_models_are_refused(tmp_path, model, file, content, message):
    model.save(tmp_path / "run")
    (tmp_path / "run" / file).write_text(content)
    with pytest.raises(ValueError, match=message):
        pw.models.load(tmp_path / "run")


def test_load_without_a_model_says_so(tmp_path):
    with pytest.raises(FileNotFoundError, match="no saved model"):
        pw.models.load(tmp_path)


def test_training_lowers_the_loss(mdata, graph):
    model = quick(max_epochs=25).fit(mdata, graph)
    curve = model.history_.query("part == 'train'")["reconstruction"]
    assert curve.iloc[-1] < 0.97 * curve.iloc[0]


def test_layer_off_the_graph_warns_and_still_counts(mdata, graph):
    odd = mdata.copy()
    protein = odd.mod["protein"].copy()
    protein.var_names = [f"panel{i}" for i in range(protein.n_vars)]
    protein.var = protein.var[[]]
    layers = {**{name: mod.copy() for name, mod in mdata.mod.items()}, "protein": protein}
    odd = mudata.MuData(layers)
    odd.obs["class"] = mdata.obs["class"]
    with pytest.warns(LayerOffGraphWarning, match=r"'protein'.*still counts"):
        model = quick().fit(odd, graph, target="class")
    only = mudata.MuData({"protein": protein})
    assert model.embed(only).std(axis=0).max() > 0


def test_unknown_features_are_named(mdata, model):
    rna = mdata.mod["rna"].copy()
    rna.var_names = [f"panel{i}" for i in range(rna.n_vars)]
    rna.var = rna.var[[]]
    with pytest.raises(ValueError, match=r"none of the .* features seen in fit"):
        model.embed(mudata.MuData({"rna": rna}))
    some = mdata.mod["rna"][:, :-5].copy()
    with pytest.warns(DataWarning, match=r"5 of .* features"):
        model.embed(mudata.MuData({"rna": some}))


def bad_sample_names(mdata):
    names = mdata.mod["rna"].obs_names.to_numpy().copy()
    names[1] = names[0]
    rna = mdata.mod["rna"].copy()
    rna.obs_names = names
    return {"rna": rna}


def bad_values(mdata, value):
    rna = mdata.mod["rna"].copy()
    rna.X[:, 3] = value
    return {**{n: m.copy() for n, m in mdata.mod.items()}, "rna": rna}


def no_shared_samples(mdata):
    names = mdata.obs_names
    half = len(names) // 2
    first, second = mdata.mod["rna"], mdata.mod["meth"]
    return {
        "rna": first[first.obs_names.isin(names[:half])].copy(),
        "meth": second[second.obs_names.isin(names[half:])].copy(),
    }


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (bad_sample_names, "not unique"),
        (lambda m: bad_values(m, np.inf), "infinite values"),
        (lambda m: bad_values(m, np.nan), "no value in any sample"),
        (no_shared_samples, "share no samples"),
    ],
)
@pytest.mark.filterwarnings("ignore:Cannot join columns", "ignore:.*obs_names are not unique")
def test_bad_data_are_refused_and_left_as_they_were(mdata, layers, message):
    bad = mudata.MuData(layers(mdata))
    before = snapshot(bad)
    with pytest.raises(ValueError, match=message):
        quick().fit(bad)
    assert snapshot(bad) == before


def test_wrong_arguments_are_named(mdata):
    with pytest.raises(TypeError, match="must be a MuData, found AnnData"):
        quick().fit(mdata.mod["rna"])
    with pytest.raises(KeyError, match="no such layer 'lipids'"):
        quick().fit(mdata, layers=["lipids"])
    with pytest.raises(KeyError, match="not a column"):
        quick().fit(mdata, target="stage")
    with pytest.raises(ValueError, match="n_latent=0"):
        pw.models.PathwayVAE(0).fit(mdata)
    with pytest.raises(ValueError, match="not fitted yet"):
        quick().embed(mdata)
    with pytest.raises(ValueError, match="mask of shape"):
        quick().fit(mdata, samples=np.ones(3, dtype=bool))
    with pytest.raises(ValueError, match="without a target"):
        quick().fit(mdata, layers=["rna", "protein"]).predict(mdata)
