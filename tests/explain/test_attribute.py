"""Attributions add up, and lie where the signal was planted."""

from __future__ import annotations

import copy
from dataclasses import replace

import mudata
import numpy as np
import pandas as pd
import pytest
from tests_helpers import quick, snapshot

import pathweave as pw


@pytest.fixture(scope="module")
def fitted():
    mdata = pw.datasets.simulate(80, n_pathways_active=3, missing=0.05, missing_layers=0.2, seed=5)
    model = quick().fit(
        mdata, pw.graph.reactome(), target=["class", "outcome"], survival=("time", "event")
    )
    return mdata, model


@pytest.mark.parametrize("of", ["class", "outcome", "risk", "latent"])
def test_attributions_add_up_to_the_difference(fitted, of):
    mdata, model = fitted
    params = pw.explain.attribute(mdata, model, of=of, n_steps=32).params
    assert params["completeness_gap_relative"] < 0.02
    assert params["n_steps"] == 32


def summed(table):
    """Sums over samples: a mean times how many have the unit."""
    return table["value"] * table["n_samples"]


def test_layers_sum_what_their_features_sum(fitted):
    mdata, model = fitted
    tables = pw.explain.attribute(mdata, model, of="risk", n_steps=8)
    by_layer = summed(tables.feature).groupby(tables.feature["layer"]).sum()
    expected = summed(tables.layer).set_axis(tables.layer["layer"])
    pd.testing.assert_series_equal(
        by_layer.sort_index(), expected.sort_index(), check_exact=False, rtol=1e-4, atol=1e-4
    )
    assert np.isclose(tables.layer["share"].sum(), 1.0)


def test_nodes_hold_what_their_features_hold(fitted):
    mdata, model = fitted
    tables = pw.explain.attribute(mdata, model, of="risk", n_steps=8)
    on_graph = 0.0
    for name, matrix in model.ensemble_.graph.feature_maps.items():
        part = tables.feature.query("layer == @name").set_index("feature")
        part = summed(part)
        share = np.asarray(matrix.sum(axis=1)).ravel()
        on_graph += float(part.loc[list(model.layers_[name].features)].to_numpy() @ share)
    assert np.isclose(summed(tables.gene).sum(), on_graph, rtol=1e-4, atol=1e-4)


def test_unmeasured_values_get_nothing(fitted):
    mdata, model = fitted
    without = mudata.MuData({n: m.copy() for n, m in mdata.mod.items() if n != "protein"})
    tables = pw.explain.attribute(without, model, of="risk", n_steps=8)
    assert tables.layer.set_index("layer").loc["protein", "importance"] == 0.0


def test_ranks_run_from_one_within_every_group(fitted):
    mdata, model = fitted
    tables = pw.explain.attribute(mdata, model, of="class", n_steps=8)
    for level in ("feature", "gene", "pathway", "layer"):
        table = getattr(tables, level)
        assert set(table["group"]) == set(mdata.obs["class"].astype(str))
        for _, part in table.groupby("group"):
            assert sorted(part["rank"]) == list(range(1, len(part) + 1))
            order = part.sort_values("rank")["score" if level == "pathway" else "importance"]
            assert order.is_monotonic_decreasing
    assert tables.gene["se"].notna().all()


def test_groups_of_another_column(fitted):
    mdata, model = fitted
    tables = pw.explain.attribute(mdata, model, of="risk", groupby="batch", n_steps=8)
    assert set(tables.layer["group"]) == set(mdata.obs["batch"].astype(str))


def test_explaining_changes_nothing_until_it_is_done(fitted):
    mdata, model = fitted
    before = snapshot(mdata)
    pw.explain.attribute(mdata, model, n_steps=4)
    with pytest.raises(ValueError, match="of='stage'"):
        pw.tl.attribute(mdata, model, of="stage")
    with pytest.raises(KeyError, match="groupby='nowhere'"):
        pw.tl.attribute(mdata, model, groupby="nowhere")
    with pytest.raises(ValueError, match="n_steps=1"):
        pw.tl.attribute(mdata, model, n_steps=1)
    assert snapshot(mdata) == before


@pytest.mark.slow
def test_planted_pathways_come_out_on_top():
    mdata = pw.datasets.simulate(seed=11)
    pw.pp.normalize(mdata)
    truth = pw.get.truth(mdata)
    model = pw.models.PathwayVAE(n_folds=3, max_epochs=40).fit(
        mdata, pw.graph.reactome(), target="class"
    )
    table = pw.explain.attribute(mdata, model).pathway
    score = table.groupby("pathway")["score"].max()
    planted = score.index.isin(truth.pathways)
    ranks = score.rank().to_numpy()
    n, m = planted.sum(), (~planted).sum()
    assert n == len(truth.pathways)
    auc = (ranks[planted].sum() - n * (n + 1) / 2) / (n * m)
    assert auc > 0.85


def test_the_error_of_a_pathway_is_that_of_its_sum_in_every_replicate(fitted):
    """Members move together over replicates: variances of nodes do not add up as if they were independent."""
    mdata, model = fitted
    whole = pw.explain.attribute(mdata, model, n_steps=4, max_samples=20)
    single = []
    for k in range(1, len(model.ensemble_.states)):
        one = copy.copy(model)
        one.ensemble_ = replace(model.ensemble_, states=[model.ensemble_.states[i] for i in (0, k)])
        single.append(pw.explain.attribute(mdata, one, n_steps=4, max_samples=20).pathway)
    keys = ["group", "pathway"]
    each = pd.concat([table.set_index(keys)["value"] for table in single], axis=1)
    expected = each.std(axis=1, ddof=1) / np.sqrt(len(single))
    found = whole.pathway.set_index(keys)["se"]
    pd.testing.assert_series_equal(
        found.sort_index(), expected.sort_index(), check_names=False, rtol=1e-4, atol=1e-9
    )


@pytest.mark.parametrize("name", ["n_steps", "n_baselines", "max_samples", "batch_size"])
def test_numbers_that_are_not_whole_are_named(fitted, name):
    mdata, model = fitted
    with pytest.raises(TypeError, match=f"{name}=4.5 must be a whole number"):
        pw.explain.attribute(mdata, model, **{name: 4.5})
