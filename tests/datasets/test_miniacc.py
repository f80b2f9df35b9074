from __future__ import annotations

import numpy as np
import pytest

import pathweave as pw
from pathweave.datasets import _embedded


def test_miniacc_is_what_the_paper_describes():
    mdata = pw.datasets.miniacc()
    shapes = {layer: mod.shape for layer, mod in mdata.mod.items()}
    assert shapes == {
        "rna": (79, 198), "cnv": (90, 198), "protein": (46, 33), "mutation": (90, 97), "mirna": (80, 471),
    }  # fmt: skip
    everywhere = np.all([mdata.obs_names.isin(mod.obs_names) for mod in mdata.mod.values()], axis=0)
    assert (mdata.n_obs, everywhere.sum()) == (92, 43)
    assert int(mdata.obs["OS_event"].sum()) == 34
    assert mdata.obs["OS_days"].notna().all()
    assert mdata.obs["C1A.C1B"].value_counts().to_dict() == {"C1A": 43, "C1B": 35}
    assert set(np.unique(mdata.mod["mutation"].X)) == {0, 1}


def test_each_call_gives_data_of_its_own():
    first = pw.datasets.miniacc()
    first.mod["rna"].X[:] = 0
    assert pw.datasets.miniacc().mod["rna"].X.max() > 1000


def test_a_damaged_file_is_noticed(monkeypatch):
    record = _embedded.provenance()
    record["sha256"] = {"miniacc.h5mu": "0" * 64}
    monkeypatch.setattr(_embedded, "provenance", lambda: record)
    with pytest.raises(ValueError, match="damaged"):
        pw.datasets.miniacc()


def test_provenance_names_source_and_licence():
    record = _embedded.provenance()
    assert record["licence"] == "Artistic-2.0"
    assert record["source_sha256"].startswith("cbd224ec")
    assert {"miniacc", "simulate"} == set(pw.datasets.available().index)


def test_miniacc_equals_an_independent_export(shared):
    mdata = pw.datasets.miniacc()
    other = pw.io.read_h5mu(shared / "data/acc_miniacc/acc_miniacc.h5mu")
    for layer, mod in other.mod.items():
        mine = mdata.mod[layer].to_df().loc[mod.obs_names, mod.var_names]
        np.testing.assert_array_equal(mine.to_numpy(), mod.X)
    for column in ("OS_days", "OS_event", "purity", "years_to_birth"):
        mine = mdata.obs[column].loc[other.obs_names].to_numpy(float)
        np.testing.assert_array_equal(mine, other.obs[column].to_numpy(float))
