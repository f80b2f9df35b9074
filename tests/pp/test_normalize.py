from __future__ import annotations

import json

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from mudata import MuData
from scipy import sparse

import pathweave as pw
from pathweave.io import quiet_mudata

RNG = np.random.default_rng(0)
COUNTS = RNG.poisson(30, (6, 5)).astype(np.float32)
INTENSITY = RNG.lognormal(8, 1, (6, 5)).astype(np.float32)
BETA = RNG.uniform(0, 1, (6, 5)).astype(np.float32)


def _mdata(**layers):
    mods = {}
    for layer, values in layers.items():
        n, p = values.shape
        mods[layer] = ad.AnnData(
            values.copy(),
            obs=pd.DataFrame(index=[f"s{i}" for i in range(n)]),
            var=pd.DataFrame(index=[f"{layer}{j}" for j in range(p)]),
        )
    with quiet_mudata():
        return MuData(mods)


def _record(mod):
    return json.loads(mod.uns["pathweave"]["normalize"])


def test_each_kind_gets_its_own_scale():
    mdata = _mdata(rna=COUNTS, mirna=INTENSITY, protein=INTENSITY, meth=BETA, cnv=COUNTS)
    assert pw.pp.normalize(mdata) is None
    total = COUNTS.sum(axis=1, keepdims=True)
    expected = {
        "rna": np.log1p(COUNTS / total * 1e6),
        "mirna": np.log1p(INTENSITY),
        "protein": np.log2(INTENSITY) - np.log2(np.median(INTENSITY, axis=1, keepdims=True)),
        "meth": np.log2(BETA.clip(0.01, 0.99) / (1 - BETA.clip(0.01, 0.99))),
        "cnv": COUNTS,
    }
    for layer, values in expected.items():
        np.testing.assert_allclose(mdata.mod[layer].X, values, rtol=1e-4, atol=1e-5)
        assert mdata.mod[layer].X.dtype == np.float32
    np.testing.assert_array_equal(mdata.mod["rna"].layers["raw"], COUNTS)
    assert "raw" not in mdata.mod["cnv"].layers
    methods = {layer: _record(mod)["method"] for layer, mod in mdata.mod.items()}
    assert methods == {
        "rna": "log1p_cpm", "mirna": "log1p", "protein": "log2_median", "meth": "m_values", "cnv": "none",
    }  # fmt: skip


@pytest.mark.parametrize("layer", ["rna", "protein", "metab", "mirna", "meth"])
def test_logged_or_centred_values_stay(layer):
    for values in (RNG.normal(0, 3, (6, 5)), RNG.uniform(5, 20, (6, 5))):
        mdata = _mdata(**{layer: values.astype(np.float32)})
        before = mdata.mod[layer].X.copy()
        pw.pp.normalize(mdata)
        np.testing.assert_array_equal(mdata.mod[layer].X, before)


def test_features_stretched_to_the_unit_interval_are_no_beta_values():
    values = RNG.uniform(0, 1, (30, 4)).astype(np.float32)
    values = (values - values.min(axis=0)) / (values.max(axis=0) - values.min(axis=0))
    mdata = _mdata(meth=values)
    pw.pp.normalize(mdata)
    assert _record(mdata.mod["meth"])["method"] == "none"


def test_a_second_call_changes_nothing():
    mdata = _mdata(rna=COUNTS)
    pw.pp.normalize(mdata)
    once = mdata.mod["rna"].X.copy()
    pw.pp.normalize(mdata)
    np.testing.assert_array_equal(mdata.mod["rna"].X, once)
    np.testing.assert_array_equal(mdata.mod["rna"].layers["raw"], COUNTS)
    with pytest.raises(ValueError, match="normalized already, by 'log1p_cpm'"):
        pw.pp.normalize(mdata, methods={"rna": "log1p"})


@pytest.mark.parametrize("method", ["log1p", "log1p_cpm", "log2_median", "m_values"])
def test_a_sample_alone_gets_the_same_values(method):
    values = BETA if method == "m_values" else COUNTS
    whole, part = _mdata(x=values), _mdata(x=values[2:4])
    for mdata in (whole, part):
        pw.pp.normalize(mdata, methods={"x": method})
    np.testing.assert_allclose(whole.mod["x"].X[2:4], part.mod["x"].X, rtol=1e-6)


@pytest.mark.parametrize("method", ["log1p", "log1p_cpm"])
def test_sparse_equals_dense_and_stays_sparse(method):
    values = COUNTS * (RNG.random(COUNTS.shape) < 0.5)
    values[0] = 0
    dense, thin = _mdata(rna=values), _mdata(rna=sparse.csr_matrix(values))
    for mdata in (dense, thin):
        pw.pp.normalize(mdata, methods={"rna": method})
    assert sparse.issparse(thin.mod["rna"].X)
    np.testing.assert_allclose(thin.mod["rna"].X.toarray(), dense.mod["rna"].X, rtol=1e-5)


@pytest.mark.parametrize("layer", ["rna", "protein", "meth"])
def test_nan_stays_and_touches_no_other_value(layer):
    values = {"rna": COUNTS, "protein": INTENSITY, "meth": BETA}[layer].copy()
    values[1, 2] = np.nan
    mdata = _mdata(**{layer: values})
    pw.pp.normalize(mdata)
    assert np.isnan(mdata.mod[layer].X).sum() == 1
    assert np.isnan(mdata.mod[layer].X[1, 2])


def test_zero_intensity_is_half_the_smallest_of_its_sample():
    mdata = _mdata(metab=np.array([[0, 64, 128, 256.0], [1, 100, 100, 400.0]], np.float32))
    pw.pp.normalize(mdata)
    np.testing.assert_allclose(mdata.mod["metab"].X[0], [-2, -1, 0, 1])


def test_copy_and_choice_of_layers_leave_the_rest():
    mdata = _mdata(rna=COUNTS, protein=INTENSITY)
    changed = pw.pp.normalize(mdata, layers="rna", copy=True)
    np.testing.assert_array_equal(mdata.mod["rna"].X, COUNTS)
    assert not mdata.mod["rna"].uns
    assert changed.mod["rna"].X.max() < 20
    np.testing.assert_array_equal(changed.mod["protein"].X, INTENSITY)


def test_the_record_survives_a_file(tmp_path):
    mdata = _mdata(rna=COUNTS)
    pw.pp.normalize(mdata)
    pw.io.write_h5mu(mdata, tmp_path / "x.h5mu")
    again = pw.io.read_h5mu(tmp_path / "x.h5mu")
    pw.pp.normalize(again)
    np.testing.assert_array_equal(again.mod["rna"].X, mdata.mod["rna"].X)


@pytest.mark.parametrize(
    ("values", "keywords", "error", "match"),
    [
        (COUNTS - 40, {"methods": {"x": "log1p_cpm"}}, ValueError, "zero or more, found -"),
        (BETA * 2, {"methods": {"x": "m_values"}}, ValueError, "from 0 to 1, found 1"),
        (COUNTS * 0, {"methods": {"x": "log2_median"}}, ValueError, "no value above zero"),
        (COUNTS + np.inf, {}, ValueError, "infinite"),
        (COUNTS, {"methods": {"x": "sqrt"}}, ValueError, "'sqrt' is not known"),
        (COUNTS, {"methods": {"y": "log1p"}}, KeyError, "no such layer 'y'"),
        (COUNTS, {"layers": ["y"]}, KeyError, "no such layer 'y'"),
        (COUNTS, {"layers": ["rna"], "methods": {"x": "log1p"}}, ValueError, "leaves out"),
    ],
)
def test_errors_leave_every_layer_as_it_was(values, keywords, error, match):
    mdata = _mdata(rna=COUNTS, x=np.asarray(values, np.float32))
    with pytest.raises(error, match=match):
        pw.pp.normalize(mdata, **keywords)
    np.testing.assert_array_equal(mdata.mod["rna"].X, COUNTS)
    assert not mdata.mod["rna"].uns


def test_views_are_refused():
    mdata = _mdata(rna=COUNTS)
    with quiet_mudata():
        view = mdata[["s0", "s1"]]
        with pytest.raises(ValueError, match="is a view"):
            pw.pp.normalize(view)


def test_real_sets(shared):
    for name, expected in {
        "ccle4": {
            "rna": "none",
            "meth": "m_values",
            "protein": "none",
            "metab": "none",
            "cnv": "none",
        },
        "covid_su": {"protein": "none", "metab": "log2_median"},
        "acc_miniacc": {
            "rna": "log1p",
            "mirna": "log1p_cpm",
            "protein": "none",
            "mutation": "none",
        },
    }.items():
        mdata = pw.io.read_h5mu(shared / "data" / name / f"{name}.h5mu")
        pw.pp.normalize(mdata)
        for layer, method in expected.items():
            assert _record(mdata.mod[layer])["method"] == method, (name, layer)
            assert np.isfinite(mdata.mod[layer].X).all()
