"""Groups of one or two samples are explained, and it is said what that is worth."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import pathweave as pw
from pathweave._core.warnings import DataWarning


@pytest.fixture(scope="module")
def rare(small):
    """A column with groups of one, two and the rest."""
    mdata, model = small
    with pw.io.quiet_mudata():
        mdata = mdata.copy()
    stage = np.array(["rest"] * mdata.n_obs, dtype=object)
    stage[0], stage[[3, 5]] = "lone", "pair"
    mdata.obs["stage"] = stage
    return mdata, model


@pytest.mark.parametrize("method", ["integrated_gradients", "feature_ablation", "grad_cam"])
def test_small_groups_are_named(rare, method):
    mdata, model = rare
    with pytest.warns(DataWarning, match=r"fewer than 3 samples: 'lone \(1\)', 'pair \(2\)'"):
        found = pw.explain.attribute(
            mdata, model, of="outcome", groupby="stage", method=method, n_steps=2
        )
    level = "layer" if method == "feature_ablation" else "pathway"
    largest = getattr(found, level).groupby("group")["n_samples"].max()
    assert (largest["lone"], largest["pair"]) == (1, 2)
    assert 40 < largest["rest"] <= 57


def test_two_samples_have_no_direction(rare):
    """A correlation over two samples is 1 or -1, whatever the model does."""
    mdata, model = rare
    with pytest.warns(DataWarning, match="direction cannot be told"):
        found = pw.explain.attribute(mdata, model, of="outcome", groupby="stage", n_steps=2)
    for level in ("feature", "gene", "pathway", "gene_layer"):
        table = getattr(found, level)
        few = table["group"].isin(["lone", "pair"])
        assert (table.loc[few, "direction"] == 0.0).all(), level
        assert table.loc[~few, "direction"].abs().max() > 0.5, level


def test_of_groups_that_are_cut_short_nothing_is_said(small):
    """Two samples because two were asked for: the group is larger."""
    mdata, model = small
    found = pw.explain.attribute(mdata, model, of="outcome", max_samples=2, n_steps=2)
    assert found.params["n_samples"] == 2


def test_a_class_with_one_sample_is_named(small):
    mdata, model = small
    of_a = mdata.obs["class"].astype(str) == "A"
    keep = np.flatnonzero(~of_a)[:10].tolist() + np.flatnonzero(of_a)[:1].tolist()
    with pw.io.quiet_mudata():
        few = mdata[mdata.obs_names[keep]].copy()
    with pytest.warns(DataWarning, match=r"'A \(1\)'"):
        found = pw.explain.attribute(few, model, of="class", n_steps=2)
    assert pd.unique(found.layer["group"]).tolist() == ["A", "B"]


def test_tests_of_pathways_name_it_too(small):
    mdata, model = small
    of_a = mdata.obs["class"].astype(str) == "A"
    keep = np.flatnonzero(~of_a)[:14].tolist() + np.flatnonzero(of_a)[:2].tolist()
    with pw.io.quiet_mudata():
        few = mdata[mdata.obs_names[keep]].copy()
    with pytest.warns(DataWarning, match=r"'A \(2\)'"):
        pw.explain.test_pathways(few, model, of="class", n_null=20, n_boot=2)
