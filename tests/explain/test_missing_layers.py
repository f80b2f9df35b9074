"""A layer that samples lack must not make its features, genes and pathways look weak."""

from __future__ import annotations

import anndata as ad
import mudata
import numpy as np
import pandas as pd
import pytest

import pathweave as pw

SETS = {"P53": ["TP53", "MDM2", "CDKN1A"], "RAS": ["EGFR", "GRB2", "SOS1"]}
N_FEW = 30
"""Samples of 120 that have the second layer."""


@pytest.fixture(scope="module")
def halves():
    """RNA of every sample, CNV of a quarter; both drive the outcome."""
    rng = np.random.default_rng(4)
    names = [f"s{i:03d}" for i in range(120)]
    x = {"rna": rng.normal(size=(120, 3)), "cnv": rng.normal(size=(N_FEW, 3))}
    obs = pd.DataFrame({"y": x["rna"][:, 0] + 0.2 * rng.normal(size=120)}, index=names)
    obs.iloc[:N_FEW, 0] += 2.0 * x["cnv"][:, 0]
    mods = {
        name: ad.AnnData(
            x[name].astype(np.float32),
            obs=pd.DataFrame(index=names[: len(x[name])]),
            var=pd.DataFrame(index=SETS[pathway]),
        )
        for name, pathway in (("rna", "P53"), ("cnv", "RAS"))
    }
    with pw.io.quiet_mudata():
        mdata = mudata.MuData(mods)
        mdata.obs["y"] = obs["y"].reindex(mdata.obs_names)
    graph = pw.graph.gmt(SETS)
    model = pw.models.PathwayVAE(3, max_epochs=20, n_folds=3, pathway_size=(3, 150))
    return mdata, model.fit(mdata, graph, target="y")


def own(mdata):
    """The samples that have the second layer, as data of their own."""
    return mdata[list(mdata.mod["cnv"].obs_names)].copy()


KEYS = {
    "feature": ["layer", "feature"],
    "gene": ["node"],
    "gene_layer": ["node", "layer"],
    "layer": ["layer"],
    "pathway": ["pathway"],
}


@pytest.mark.parametrize("level", list(KEYS))
def test_samples_without_a_layer_have_no_say_in_what_it_means(halves, level):
    """What the layer is worth is what it is worth where it was measured, however many others there are."""
    mdata, model = halves
    among = {"max_samples": 500, "n_steps": 8}
    every = getattr(pw.explain.attribute(mdata, model, **among), level)
    few = getattr(pw.explain.attribute(own(mdata), model, **among), level)
    keys = KEYS[level]
    both = every.merge(few, on=keys, suffixes=("_every", "_few"))
    of_cnv = both[both["n_samples_every"] == N_FEW]
    assert len(of_cnv) == (1 if level in ("layer", "pathway") else 3)
    for column in ("value", "importance", "se"):
        np.testing.assert_allclose(
            of_cnv[f"{column}_every"], of_cnv[f"{column}_few"], rtol=1e-3, atol=1e-6
        )
    rest = both[both["n_samples_every"] != N_FEW]
    assert (rest["n_samples_every"] == 120).all()
    assert (both["n_samples_few"] == N_FEW).all()


@pytest.mark.parametrize(
    ("method", "level"),
    [
        ("feature_ablation", "layer"),
        ("shapley_sampling", "gene"),
        ("feature_ablation", "pathway"),
        ("conductance", "pathway"),
        ("grad_cam", "pathway"),
    ],
)
def test_so_do_methods_that_explain_whole_units(halves, method, level):
    mdata, model = halves
    how = {"method": method, "max_samples": 500, "keep_samples": True}
    if method in ("feature_ablation", "shapley_sampling"):
        how["units"] = level
    found = pw.explain.attribute(mdata, model, **how)
    table = getattr(found, level)
    assert sorted(set(table["n_samples"])) == [N_FEW, 120]
    few = getattr(pw.explain.attribute(own(mdata), model, **how), level)
    column = {"gene": "node"}.get(level, level)
    both = table[table["n_samples"] == N_FEW].merge(few, on=column)
    assert len(both) == (3 if level == "gene" else 1)
    np.testing.assert_allclose(both["importance_x"], both["importance_y"], rtol=1e-3, atol=1e-6)
    lacks = ~np.isin(mdata.obs_names, mdata.mod["cnv"].obs_names)
    samples = found.samples.table(level).set_axis(
        list(found.samples.columns[level][column]), axis=1
    )
    assert (samples.loc[mdata.obs_names[lacks], list(both[column])] == 0.0).all().all()


def test_means_times_samples_still_add_up(halves):
    mdata, model = halves
    found = pw.explain.attribute(mdata, model, max_samples=500, n_steps=8, keep_samples=True)
    total = found.samples.table("layer").to_numpy().sum()
    for level in ("feature", "gene", "gene_layer", "layer"):
        table = getattr(found, level)
        summed = (table["value"] * table["n_samples"]).sum()
        assert np.isclose(summed, total, rtol=1e-3, atol=1e-3), level


def test_what_no_sample_of_a_group_has_is_nothing_and_last(halves):
    mdata, model = halves
    with pw.io.quiet_mudata():
        without = mudata.MuData({"rna": mdata.mod["rna"].copy()})
    found = pw.explain.attribute(without, model, n_steps=4)
    row = found.layer.set_index("layer").loc["cnv"]
    assert (row["importance"], row["value"], row["n_samples"]) == (0.0, 0.0, 0)
    assert row["rank"] == 2
    assert np.isfinite(found.gene[["value", "importance", "direction"]]).all().all()
