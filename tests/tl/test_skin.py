"""The skin writes what the model says, into the slots it promises, and nothing else."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from tests_helpers import quick, snapshot

import pathweave as pw
from pathweave._core.warnings import DataWarning


@pytest.fixture(scope="module")
def fitted():
    mdata = pw.datasets.simulate(70, n_pathways_active=3, missing_layers=0.2, seed=4)
    model = pw.tl.fit(
        mdata, pw.graph.reactome(), target="class", survival=("time", "event"), model=quick()
    )
    return mdata, model


def test_fit_writes_nothing():
    mdata = pw.datasets.simulate(60, n_pathways_active=2, seed=4)
    before = snapshot(mdata)
    pw.tl.fit(mdata, target="class", model=quick())
    assert snapshot(mdata) == before


def test_slots(fitted):
    mdata, model = fitted
    out = pw.tl.embed(mdata, model, copy=True)
    assert "X_pathweave" not in mdata.obsm
    assert out.obsm["X_pathweave"].dtype == np.float32
    np.testing.assert_array_equal(out.obsm["X_pathweave"], model.embed(mdata))
    assert out.obsm["X_pathway_activity"].shape == (mdata.n_obs, len(model.pathways_))
    pw.tl.predict(out, model)
    assert out.obs["pathweave_class"].dtype == "category"
    np.testing.assert_allclose(out.obsm["pathweave_class_proba"].sum(axis=1), 1.0, rtol=1e-5)
    told = pw.get.predictions(out)
    assert told.columns.tolist() == ["class", "class: A", "class: B", "risk"]
    assert out.obs["pathweave_risk"].dtype == np.float64
    pw.tl.impute(out, model)
    for name, mod in mdata.mod.items():
        table = pw.get.imputed(out, name)
        assert table.columns.tolist() == mod.var_names.tolist()
        assert not table.isna().to_numpy().any()
    pw.tl.attribute(out, model, n_steps=4)
    record = out.uns["pathweave"]["attributions"]
    assert json.loads(record["params"])["of"] == "class"
    assert pw.get.truth(out).pathways == pw.get.truth(mdata).pathways  # what was there stays


def test_everything_written_survives_the_file(fitted, tmp_path):
    mdata, model = fitted
    out = pw.tl.embed(mdata, model, copy=True)
    pw.tl.predict(out, model)
    pw.tl.impute(out, model)
    pw.tl.attribute(out, model, n_steps=4)
    pw.io.write_h5mu(out, tmp_path / "x.h5mu")
    again = pw.io.read_h5mu(tmp_path / "x.h5mu")
    np.testing.assert_array_equal(again.obsm["X_pathweave"], out.obsm["X_pathweave"])
    for level in ("feature", "gene", "pathway", "layer"):
        pd.testing.assert_frame_equal(
            pw.get.attributions(again, level=level), pw.get.attributions(out, level=level),
            check_dtype=False, check_categorical=False,
        )  # fmt: skip
    pd.testing.assert_frame_equal(
        pw.get.pathway_activity(again), pw.get.pathway_activity(out), check_dtype=False
    )
    pd.testing.assert_frame_equal(pw.get.history(again), pw.get.history(out), check_dtype=False)
    assert again.obs["pathweave_class"].tolist() == out.obs["pathweave_class"].tolist()


def test_out_of_fold_predictions_are_not_those_of_the_fit(fitted):
    mdata, model = fitted
    table = model.out_of_fold_
    assert table.index.tolist() == mdata.obs_names.tolist()
    assert table["class"].notna().all()
    known = np.mean(table["class"].to_numpy() == mdata.obs["class"].astype(str).to_numpy())
    stack = model.parts_.query("target == 'class' and part == 'stack'")["score"].iloc[0]
    assert np.isclose(known, stack)


def test_names_with_a_slash_survive_the_file(tmp_path):
    mdata = pw.datasets.simulate(60, n_pathways_active=2, seed=4)
    mdata.obs["site/code"] = mdata.obs["class"].astype(str).map({"A": "COAD/READ", "B": "LUAD"})
    model = pw.tl.fit(mdata, target="site/code", model=quick())
    del mdata.obs["site/code"]  # anndata itself warns of such a column
    pw.tl.predict(mdata, model)
    pw.io.write_h5mu(mdata, tmp_path / "x.h5mu")
    again = pw.get.predictions(pw.io.read_h5mu(tmp_path / "x.h5mu"))
    assert again.columns.tolist() == ["site_code", "site_code: COAD/READ", "site_code: LUAD"]
    np.testing.assert_allclose(again.iloc[:, 1:].sum(axis=1), 1.0, rtol=1e-5)


def test_impute_names_layers(fitted):
    mdata, model = fitted
    with pytest.raises(ValueError, match="layers='lipid'"):
        pw.tl.impute(mdata, model, layers=["lipid"])


def test_samples_without_a_layer_of_the_model_are_told(fitted):
    mdata = fitted[0]
    few = mdata.mod["rna"].obs_names[:5]
    with pw.io.quiet_mudata():
        lacking = mdata.copy()
        lacking.mod["rna"] = mdata["rna"][~mdata["rna"].obs_names.isin(few)].copy()
        lacking.update()
        model = pw.models.MultimodalVAE(4, max_epochs=2, n_folds=3).fit(lacking, layers=["rna"])
    n = lacking.n_obs - lacking["rna"].n_obs
    with pytest.warns(DataWarning, match=f"{n} of {lacking.n_obs} samples have no layer"):
        pw.tl.embed(lacking, model)
    assert np.isnan(lacking.obsm["X_pathweave"]).all(axis=1).sum() == n
