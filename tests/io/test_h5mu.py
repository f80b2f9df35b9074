from __future__ import annotations

import logging

import mudata
import numpy as np
import pandas as pd
import pytest

import pathweave as pw


def test_round_trip_keeps_everything(tmp_path):
    mdata = pw.datasets.miniacc()
    mdata.obsm["X_pathweave"] = np.arange(184, dtype=np.float32).reshape(92, 2)
    mdata.obsm["X_pathway_activity"] = pd.DataFrame(
        {"reactome:R-HSA-1": 1.0}, index=mdata.obs_names
    )
    table = pd.DataFrame({"group": ["risk"], "value": [0.5], "se": [np.nan], "rank": [1]})
    mdata.uns["pathweave"] = {"attributions": {"gene": table, "params": "{}"}}
    pw.io.write_h5mu(mdata, tmp_path / "x.h5mu")
    again = pw.io.read_h5mu(tmp_path / "x.h5mu")
    pd.testing.assert_frame_equal(again.obs, mdata.obs)
    for layer, mod in mdata.mod.items():
        np.testing.assert_array_equal(again.mod[layer].X, mod.X)
        assert list(again.mod[layer].obs_names) == list(mod.obs_names)
    np.testing.assert_array_equal(again.obsm["X_pathweave"], mdata.obsm["X_pathweave"])
    pd.testing.assert_frame_equal(
        again.obsm["X_pathway_activity"], mdata.obsm["X_pathway_activity"]
    )
    pd.testing.assert_frame_equal(
        again.uns["pathweave"]["attributions"]["gene"], table, check_index_type=False
    )
    assert [path.name for path in tmp_path.iterdir()] == ["x.h5mu"]


def test_failed_write_leaves_the_old_file_and_no_rest(tmp_path):
    path = tmp_path / "x.h5mu"
    mdata = pw.datasets.miniacc()
    pw.io.write_h5mu(mdata, path)
    before = path.read_bytes()
    mdata.uns["bad"] = object()
    with pytest.raises(Exception, match=r"bad|object|write"):
        pw.io.write_h5mu(mdata, path)
    assert path.read_bytes() == before
    assert [found.name for found in tmp_path.iterdir()] == ["x.h5mu"]


def test_what_is_no_h5mu_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="does not exist"):
        pw.io.read_h5mu(tmp_path / "none.h5mu")
    with pytest.raises(FileNotFoundError, match="is a folder"):
        pw.io.read_h5mu(tmp_path)
    text = tmp_path / "text.h5mu"
    text.write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match="read_tables"):
        pw.io.read_h5mu(text)
    pw.datasets.miniacc().mod["rna"].write_h5ad(tmp_path / "one.h5ad")
    with pytest.raises(ValueError, match="looks like an h5ad"):
        pw.io.read_h5mu(tmp_path / "one.h5ad")
    whole = tmp_path / "whole.h5mu"
    pw.io.write_h5mu(pw.datasets.miniacc(), whole)
    cut = tmp_path / "cut.h5mu"
    cut.write_bytes(whole.read_bytes()[:50_000])
    with pytest.raises(ValueError, match=r"truncated|not an HDF5"):
        pw.io.read_h5mu(cut)
    with pytest.raises(FileNotFoundError, match="make it first"):
        pw.io.write_h5mu(pw.datasets.miniacc(), tmp_path / "no" / "x.h5mu")


def test_quiet_mudata_puts_options_back_and_leaves_the_root_logger_alone():
    handlers = list(logging.getLogger().handlers)
    mudata.set_options(pull_on_update=None)
    with pytest.raises(RuntimeError), pw.io.quiet_mudata():
        raise RuntimeError
    assert mudata.set_options(pull_on_update=None).opts == {"pull_on_update": None}
    assert logging.getLogger().handlers == handlers
