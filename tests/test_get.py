from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import pathweave as pw
from pathweave import get


@pytest.fixture
def mdata():
    """A MuData with all that pathweave writes."""
    mdata = pw.datasets.simulate(60, n_pathways_active=2, n_features=200, seed=0)
    names = mdata.obs_names
    rng = np.random.default_rng(0)
    mdata.obsm["X_pathweave"] = rng.normal(size=(60, 4)).astype(np.float32)
    mdata.obsm["X_pathway_activity"] = pd.DataFrame(
        rng.normal(size=(60, 2)), index=names, columns=["reactome:R-HSA-1", "reactome:R-HSA-2"]
    )
    mdata.obs["pathweave_class"] = pd.Categorical(["A", "B"] * 30)
    mdata.obs["pathweave_risk"] = rng.normal(size=60)
    mdata.obsm["pathweave_class_proba"] = pd.DataFrame({"A": 0.25, "B": 0.75}, index=names)
    mdata.obsm["pathweave_imputed_rna"] = pd.DataFrame({"TP53": 1.0}, index=names)
    gene = pd.DataFrame(
        {"group": ["B", "A", "B", "A"], "symbol": list("wxyz"), "rank": [2, 2, 1, 1], "se": np.nan}
    )
    pathway = pd.DataFrame(
        {"group": ["A"], "pathway": ["reactome:R-HSA-2"], "name": ["Apoptosis"], "rank": [1]}
    )
    mdata.uns["pathweave"] |= {
        "history": pd.DataFrame({"replicate": ["0"], "epoch": [0], "loss": [1.0]}),
        "attributions": {"gene": gene, "pathway": pathway, "params": '{"target": "class"}'},
    }
    return mdata


def test_readers_give_what_was_written(mdata):
    z = get.embedding(mdata)
    assert z.columns.tolist() == ["Z1", "Z2", "Z3", "Z4"]
    assert z.index.equals(mdata.obs_names)
    np.testing.assert_array_equal(z, mdata.obsm["X_pathweave"])
    pd.testing.assert_frame_equal(get.pathway_activity(mdata), mdata.obsm["X_pathway_activity"])
    assert get.imputed(mdata, "rna").columns.tolist() == ["TP53"]
    assert get.predictions(mdata).columns.tolist() == ["class", "class: A", "class: B", "risk"]
    assert len(get.history(mdata)) == 1


def test_attributions_are_sorted_and_filtered(mdata):
    table = get.attributions(mdata)
    assert table["group"].tolist() == ["B", "B", "A", "A"]
    assert table["symbol"].tolist() == list("ywzx")
    assert table.attrs["params"] == {"target": "class"}
    assert get.attributions(mdata, group="A")["symbol"].tolist() == ["z", "x"]
    with pytest.raises(KeyError, match="'C' was not explained; there are 'B', 'A'"):
        get.attributions(mdata, group="C")
    with pytest.raises(ValueError, match="level='protein' is not known"):
        get.attributions(mdata, level="protein")


def test_what_is_returned_can_be_changed_without_harm(mdata):
    tables = [
        get.embedding(mdata),
        get.pathway_activity(mdata),
        get.attributions(mdata),
        get.history(mdata),
    ]
    for table in tables:
        table.loc[:, table.columns[-1]] = 0
    adata = get.adata(mdata)
    adata.X[:] = 0
    adata.obsm["X_pathweave"][:] = 0
    assert np.abs(mdata.obsm["X_pathweave"]).min() > 0
    assert np.abs(mdata.obsm["X_pathway_activity"].to_numpy()).min() > 0
    assert mdata.uns["pathweave"]["attributions"]["gene"]["se"].isna().all()
    assert mdata.uns["pathweave"]["history"]["loss"].sum() > 0


def test_adata_holds_all_samples_for_scanpy(mdata):
    adata = get.adata(mdata)
    assert adata.shape == (60, 2)
    assert adata.obs_names.equals(mdata.obs_names)
    assert adata.var["name"].tolist() == ["reactome:R-HSA-1", "Apoptosis"]
    assert set(adata.obsm) == {"X_pathweave", "pathweave_class_proba"}
    assert "class" in adata.obs
    del mdata.obsm["X_pathway_activity"]
    assert get.adata(mdata).var_names.tolist() == ["Z1", "Z2", "Z3", "Z4"]


def test_adata_can_be_written(mdata, tmp_path):
    adata = get.adata(mdata)
    adata.write_h5ad(tmp_path / "x.h5ad")
    again = ad.read_h5ad(tmp_path / "x.h5ad")
    np.testing.assert_array_equal(again.X, adata.X)
    np.testing.assert_array_equal(again.obsm["X_pathweave"], adata.obsm["X_pathweave"])


def test_readers_work_after_a_file(mdata, tmp_path):
    pw.io.write_h5mu(mdata, tmp_path / "x.h5mu")
    again = pw.io.read_h5mu(tmp_path / "x.h5mu")
    pd.testing.assert_frame_equal(get.embedding(again), get.embedding(mdata))
    assert get.attributions(again)["symbol"].tolist() == list("ywzx")
    assert get.truth(again) == get.truth(mdata)
    pd.testing.assert_frame_equal(get.predictions(again), get.predictions(mdata))


@pytest.mark.parametrize(
    ("read", "call"),
    [
        (get.embedding, "tl.embed"),
        (get.pathway_activity, "tl.embed"),
        (get.adata, "tl.embed"),
        (get.history, "tl.embed"),
        (get.predictions, "tl.predict"),
        (get.attributions, "tl.attribute"),
        (lambda mdata: get.imputed(mdata, "rna"), "tl.impute"),
        (get.truth, "datasets.simulate"),
    ],
)
def test_what_is_not_there_yet_names_the_call_that_makes_it(read, call):
    with pytest.raises(KeyError, match=call):
        read(pw.datasets.miniacc())


def test_a_mistyped_layer_and_a_wrong_object_are_named(mdata):
    with pytest.raises(KeyError, match="no such layer 'rnaa'"):
        get.imputed(mdata, "rnaa")
    with pytest.raises(TypeError, match="must be a MuData, found AnnData"):
        get.embedding(mdata.mod["rna"])
