from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import pathweave as pw
from pathweave.datasets import simulate
from pathweave.graph import reactome


@pytest.fixture(scope="module")
def data():
    return simulate(300, missing=0, missing_layers=0, batch_effect=0.3, seed=3)


@pytest.fixture(scope="module")
def truth(data):
    return pw.get.truth(data)


def _correlation(values, outcome):
    values = values - values.mean(axis=0)
    outcome = outcome - outcome.mean()
    return values.T @ outcome / (np.linalg.norm(values, axis=0) * np.linalg.norm(outcome) + 1e-12)


def _planted(data, truth, layer):
    """Which features of a layer belong to planted nodes."""
    symbols = data.mod["rna"].var["hgnc"]
    genes = set(symbols.index[symbols.isin(truth.genes)])
    mod = data.mod[layer]
    if layer == "metab":
        return np.isin(mod.var_names.str.lower(), truth.compounds)
    names = mod.var_names if layer == "rna" else mod.var["symbol"]
    return np.isin(np.asarray(names, str), sorted(genes))


@pytest.mark.parametrize("layer", ["rna", "meth", "protein", "metab"])
@pytest.mark.parametrize("outcome", ["class", "outcome", "time"])
def test_planted_features_carry_the_outcome(data, truth, layer, outcome):
    column = data.obs[outcome]
    target = (
        column.cat.codes if outcome == "class" else np.log(column) if outcome == "time" else column
    )
    r = np.abs(_correlation(data.mod[layer].X.astype(float), np.asarray(target, float)))
    planted = _planted(data, truth, layer)
    assert planted.sum() > 5
    assert r[planted].mean() > 1.4 * r[~planted].mean()


def test_layers_hang_together_as_in_biology(data):
    rna = data.mod["rna"].to_df()
    meth, protein = data.mod["meth"], data.mod["protein"]
    for mod, sign in ((meth, -1), (protein, 1)):
        other = mod.to_df().set_axis(mod.var["symbol"], axis=1)
        r = rna[other.columns].corrwith(other)
        assert sign * r.median() > 0.3
    assert meth.X.min() > 0
    assert meth.X.max() < 1


def test_truth_is_fair(data, truth):
    graph = reactome()
    members = graph.members
    measured = set(data.mod["rna"].var["hgnc"])
    parents = graph.pathways.set_index("id")["parents"].str.split(";")
    genes = {}
    for pathway in truth.pathways:
        genes[pathway] = set(members.loc[members["pathway"] == pathway, "node"]) & measured
        assert 15 <= len(genes[pathway]) <= 60
        assert not parents.map(lambda above, p=pathway: p in above).any()
    assert set().union(*genes.values()) == set(truth.genes)
    for one in truth.pathways:
        for other in truth.pathways:
            if one < other:
                assert len(genes[one] & genes[other]) <= 0.2 * len(genes[one])
    hits = members[members["node"].isin(measured)].groupby("pathway").size()
    assert (hits >= 5).sum() > 300
    assert set(truth.effects) == set(truth.pathways)
    assert all(set(effect) == {"class", "outcome", "time"} for effect in truth.effects.values())


def test_names_are_those_the_field_uses(data):
    assert data.mod["meth"].var_names.str.fullmatch(r"\S+_\d+_\d+_\d+").all()
    assert data.mod["protein"].var_names.str.fullmatch(r"[A-Z0-9]{6}([A-Z0-9]{4})?").all()
    assert data.mod["metab"].var_names.str.fullmatch(r"CHEBI:\d+").all()
    assert list(pw.io.layer_kinds(data).values()) == [
        "transcriptome", "methylation", "proteome", "metabolome",
    ]  # fmt: skip


def test_nothing_is_missing_unless_asked_for(data):
    assert all(mod.n_obs == 300 and np.isfinite(mod.X).all() for mod in data.mod.values())


def test_missing_values_and_layers():
    mdata = simulate(200, missing=0.1, missing_layers=0.3, seed=5)
    layers = sum(mdata.obs_names.isin(mod.obs_names).astype(int) for mod in mdata.mod.values())
    assert mdata.n_obs == 200
    assert layers.min() >= 1
    assert layers.min() < 4
    assert 2.5 < layers.mean() < 3.1
    gone = {layer: np.isnan(mod.X).mean() for layer, mod in mdata.mod.items()}
    assert abs(gone["rna"] - 0.1) < 0.01
    assert gone["protein"] > gone["rna"]
    full = simulate(200, missing=0, missing_layers=0.3, seed=5).mod["protein"]
    taken = np.isnan(mdata.mod["protein"].X)
    centred = full.X - full.X.mean(axis=0)
    assert centred[taken].mean() < centred[~taken].mean() - 0.1
    assert not any(np.isnan(mod.X).all(axis=0).any() for mod in mdata.mod.values())


def test_nothing_planted():
    mdata = simulate(200, n_pathways_active=0, missing=0, missing_layers=0, seed=1)
    truth = pw.get.truth(mdata)
    assert (truth.pathways, truth.genes, truth.compounds, truth.effects) == ((), (), (), {})
    r = _correlation(mdata.mod["rna"].X.astype(float), mdata.obs["outcome"].to_numpy())
    assert np.sqrt((r**2).mean()) < 0.11


def test_few_genes_still_give_every_layer():
    mdata = simulate(30, n_pathways_active=1, n_features=80, seed=0)
    assert all(mod.n_vars >= 40 for mod in mdata.mod.values())


def test_no_effect_leaves_outcomes_independent():
    mdata = simulate(300, effect=0, missing=0, missing_layers=0, seed=2)
    r = _correlation(mdata.mod["rna"].X.astype(float), mdata.obs["outcome"].to_numpy())
    assert np.abs(r[_planted(mdata, pw.get.truth(mdata), "rna")]).mean() < 0.1


def test_outcomes_have_the_shape_promised():
    mdata = simulate(200, n_classes=3, seed=4)
    assert mdata.obs["class"].value_counts().max() - mdata.obs["class"].value_counts().min() <= 1
    assert mdata.obs["class"].cat.categories.tolist() == ["A", "B", "C"]
    assert 0.3 <= 1 - mdata.obs["event"].mean() <= 0.4
    assert (mdata.obs["time"] > 0).all()
    assert mdata.obs["batch"].nunique() == 3


def test_batches_shift_the_layers():
    def spread(size):
        mdata = simulate(200, batch_effect=size, missing=0, missing_layers=0, seed=6)
        frame = mdata.mod["rna"].to_df()
        means = frame.groupby(mdata.obs["batch"].to_numpy()).mean()
        return float((means.std() / frame.std()).mean())

    assert spread(1.5) > 2 * spread(0)


def test_same_seed_same_data():
    one, two, other = (simulate(60, seed=seed) for seed in (7, 7, 8))
    pd.testing.assert_frame_equal(one.obs, two.obs)
    for layer in one.mod:
        pd.testing.assert_frame_equal(one.mod[layer].to_df(), two.mod[layer].to_df())
    assert pw.get.truth(one) == pw.get.truth(two)
    assert pw.get.truth(one).pathways != pw.get.truth(other).pathways


def test_a_layer_is_the_same_without_the_others():
    alone = simulate(60, layers=["rna"], missing_layers=0, seed=9)
    among = simulate(60, missing_layers=0, seed=9)
    pd.testing.assert_frame_equal(alone.mod["rna"].to_df(), among.mod["rna"].to_df())
    assert alone.obs.equals(among.obs)


def test_file_round_trip(tmp_path):
    mdata = simulate(60, seed=1)
    pw.io.write_h5mu(mdata, tmp_path / "x.h5mu")
    again = pw.io.read_h5mu(tmp_path / "x.h5mu")
    assert pw.get.truth(again) == pw.get.truth(mdata)
    assert pw.get.truth(mdata).parameters["seed"] == 1
    pd.testing.assert_frame_equal(again.obs, mdata.obs)
    for layer, mod in mdata.mod.items():
        pd.testing.assert_frame_equal(again.mod[layer].to_df(), mod.to_df())


@pytest.mark.parametrize(
    ("keywords", "match"),
    [
        ({"layers": ["rna", "dna"]}, "choose from 'rna'"),
        ({"layers": []}, "choose from"),
        ({"layers": ["rna", "rna"]}, "at most once"),
        ({"missing": 1.5}, r"missing=1.5 must be a number from 0"),
        ({"n_classes": 1}, "n_classes=1"),
        ({"n_pathways_active": 2.5}, "whole number"),
        ({"n_features": 60}, "n_features=60 is too small"),
        ({"n_obs": 3}, "n_obs=3"),
        ({"effect": -1}, "effect=-1"),
        ({"effect": float("nan")}, "effect=nan"),
    ],
)
def test_bad_arguments_are_named(keywords, match):
    with pytest.raises(ValueError, match=match):
        simulate(**({"n_obs": 50} | keywords))
