"""The main job from a MuData to scanpy, on simulated and on real data."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from tests_helpers import quick

import pathweave as pw
from pathweave._core.warnings import LayerOffGraphWarning


def short_fit(mdata, **targets) -> pw.models.PathwayVAE:
    """Normalize and fit as a user would, for a few epochs."""
    pw.pp.normalize(mdata)
    model = pw.models.PathwayVAE(max_epochs=3, n_folds=2)
    return pw.tl.fit(mdata, pw.graph.reactome(), model=model, **targets)


def assert_finite_for_all(mdata, model) -> pd.DataFrame:
    """Predict and embed every sample; return the predictions."""
    pw.tl.embed(mdata, model)
    pw.tl.predict(mdata, model)
    predictions = pw.get.predictions(mdata)
    assert predictions.index.equals(mdata.obs_names)
    assert not predictions.isna().to_numpy().any()
    assert np.isfinite(predictions.select_dtypes("number").to_numpy()).all()
    embedding = pw.get.embedding(mdata)
    assert embedding.index.equals(mdata.obs_names)
    assert np.isfinite(embedding.to_numpy()).all()
    return predictions


@pytest.mark.slow
def test_simulated_data_from_fit_to_leiden(tmp_path):
    import scanpy as sc

    mdata = pw.datasets.simulate(80, n_pathways_active=3, missing_layers=0.2, seed=8)
    lacking = {name: ~np.asarray(mdata.obsm[name], dtype=bool).ravel() for name in mdata.mod}
    assert any(mask.any() for mask in lacking.values())
    pw.pp.normalize(mdata)
    model = pw.tl.fit(
        mdata,
        pw.graph.reactome(),
        target=["class", "outcome"],
        survival=("time", "event"),
        model=quick(),
    )
    predictions = assert_finite_for_all(mdata, model)
    proba = predictions[["class: A", "class: B"]].to_numpy()
    np.testing.assert_allclose(proba.sum(axis=1), 1.0, rtol=1e-5)
    right = predictions["class"].astype(str) == mdata.obs["class"].astype(str)
    assert right.mean() > 0.7  # fitted on these samples: far from guessing
    pw.tl.impute(mdata, model)
    for name, mask in lacking.items():
        assert np.isfinite(pw.get.imputed(mdata, name).loc[mask].to_numpy()).all(), name
    pw.tl.attribute(mdata, model, of="class", n_steps=4)
    shares = pw.get.attributions(mdata, level="layer").groupby("group")["share"].sum()
    np.testing.assert_allclose(shares, 1.0, rtol=1e-5)

    pw.io.write_h5mu(mdata, tmp_path / "x.h5mu")
    again = pw.io.read_h5mu(tmp_path / "x.h5mu")
    pd.testing.assert_frame_equal(pw.get.predictions(again), predictions)
    pd.testing.assert_frame_equal(pw.get.embedding(again), pw.get.embedding(mdata))
    for name, mod in mdata.mod.items():
        np.testing.assert_array_equal(again.mod[name].X, mod.X)
        assert set(again.mod[name].layers) == set(mod.layers)
        for key in mod.layers:
            np.testing.assert_array_equal(again.mod[name].layers[key], mod.layers[key])
        pd.testing.assert_frame_equal(
            pw.get.imputed(again, name), pw.get.imputed(mdata, name), check_dtype=False
        )
    for level in ("feature", "gene", "pathway", "layer"):
        pd.testing.assert_frame_equal(
            pw.get.attributions(again, level=level),
            pw.get.attributions(mdata, level=level),
            check_dtype=False,
            check_categorical=False,
        )
    model.save(tmp_path / "model")
    np.testing.assert_array_equal(
        pw.models.load(tmp_path / "model").embed(again), model.embed(mdata)
    )

    adata = pw.get.adata(again)
    sc.pp.neighbors(adata, use_rep="X_pathweave", n_neighbors=10)
    sc.tl.umap(adata)
    sc.tl.leiden(adata, flavor="igraph", n_iterations=2, directed=False)
    assert adata.obs_names.equals(mdata.obs_names)
    assert np.isfinite(adata.obsm["X_umap"]).all()
    assert adata.obs["leiden"].notna().all()


def test_protein_that_the_test_samples_lack(shared):
    mdata = pw.io.read_h5mu(shared / "data" / "brca_mixomics" / "brca_mixomics.h5mu")
    train = (mdata.obs["split"] == "train").to_numpy()
    has_protein = np.asarray(mdata.obsm["protein"], dtype=bool).ravel()
    assert not has_protein[~train].any()
    with pytest.warns(LayerOffGraphWarning, match="'mirna'"):
        model = short_fit(mdata, target="subtype", samples=train)
    predictions = assert_finite_for_all(mdata, model)
    right = predictions["subtype"].astype(str) == mdata.obs["subtype"].astype(str)
    assert right[~train].mean() > 0.8  # logistic regression: .94 to .96
    pw.tl.impute(mdata, model)
    assert np.isfinite(pw.get.imputed(mdata, "protein").loc[~train].to_numpy()).all()


def test_survival_of_lung_adenocarcinoma(shared):
    mdata = pw.io.read_h5mu(shared / "data" / "tcga_surv_luad" / "tcga_surv_luad.h5mu")
    train = mdata.obs["train"].to_numpy() > 0
    model = short_fit(mdata, survival=("survival_months", "event"), samples=train)
    predictions = assert_finite_for_all(mdata, model)
    assert predictions["risk"].nunique() > 0.9 * mdata.n_obs  # a risk of its own for each patient


def test_severity_of_covid_from_proteins_and_metabolites(shared):
    mdata = pw.io.read_h5mu(shared / "data" / "covid_su" / "covid_su.h5mu")
    model = short_fit(mdata, target="severity")
    predictions = assert_finite_for_all(mdata, model)
    assert set(predictions["severity"].astype(str)) == set(mdata.obs["severity"].astype(str))
