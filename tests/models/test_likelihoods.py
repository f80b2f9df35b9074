"""Likelihoods of layers in fitted models: counts, shares, 0/1, and what bad values get."""

from __future__ import annotations

import mudata
import numpy as np
import pandas as pd
import pytest
import scipy.stats
from anndata import AnnData

import pathweave as pw
from pathweave.models._data import LayerSchema
from pathweave.models._likelihoods import feature_shares, library_sizes

SMALL = {"n_hidden": 16, "max_epochs": 40, "n_folds": 3, "seed": 1, "n_jobs": 1}
N, P = 120, 30


def as_mudata(**layers: np.ndarray) -> mudata.MuData:
    names = [f"s{i}" for i in range(N)]
    made = {
        name: AnnData(
            x.astype(np.float32),
            obs=pd.DataFrame(index=names[: len(x)]),
            var=pd.DataFrame(index=[f"{name}{j}" for j in range(x.shape[1])]),
        )
        for name, x in layers.items()
    }
    with pw.io.quiet_mudata():
        return mudata.MuData(made)


def truth(seed: int = 0):
    """Counts of two kinds of samples with library sizes of their own, and their means."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, 2, N)
    rate = rng.gamma(1.0, 1.0, P) * np.exp(1.5 * rng.normal(size=(2, P)))[kind]
    rate /= rate.sum(axis=1, keepdims=True)
    mean = rate * rng.lognormal(8.0, 0.7, N)[:, None]
    theta = 3.0
    return kind, rng.negative_binomial(theta, theta / (theta + mean)), mean


@pytest.fixture(scope="module")
def counts():
    kind, x, _ = truth()
    made = as_mudata(rna=x, protein=np.random.default_rng(1).normal(size=(N, 8)))
    made.obs["kind"] = np.where(kind == 1, "b", "a")
    return made


@pytest.fixture(scope="module")
def model(counts):
    return pw.models.MultimodalVAE(4, **SMALL).fit(counts, target="kind")


def test_by_itself_each_layer_gets_what_fits_it():
    rng = np.random.default_rng(0)
    made = as_mudata(
        rna=rng.poisson(40, (N, 5)),
        mirna=rng.poisson(0.2, (N, 5)).clip(max=1),
        mutation=rng.integers(0, 2, (N, 5)),
        meth=rng.uniform(size=(N, 5)),
        protein=rng.poisson(40, (N, 5)),
        cnv=rng.integers(-2, 3, (N, 5)),
    )
    fitted = pw.models.MultimodalVAE(4, **{**SMALL, "max_epochs": 1}).fit(made)
    assert {name: layer.likelihood for name, layer in fitted.layers_.items()} == {
        "rna": "negative_binomial",
        "mirna": "gaussian",
        "mutation": "bernoulli",
        "meth": "gaussian",
        "protein": "gaussian",
        "cnv": "gaussian",
    }
    with pw.io.quiet_mudata():
        logged = pw.pp.normalize(made, copy=True)
    again = pw.models.MultimodalVAE(4, **{**SMALL, "max_epochs": 1}).fit(logged)
    assert again.layers_["rna"].likelihood == "gaussian"  # not logged twice


def test_counts_are_fitted_better_by_their_own_likelihood():
    _, x, _ = truth(5)
    made = as_mudata(rna=x)
    held = np.arange(N) >= 80
    scores = {}
    for likelihood in ("negative_binomial", "gaussian"):
        fitted = pw.models.MultimodalVAE(4, likelihood={"rna": likelihood}, **SMALL)
        fitted.fit(made, samples=~held)
        blank = fitted.ensemble_
        values = fitted._read(made)
        rebuilt = blank.impute(values)["rna"]
        rebuilt = fitted.layers_["rna"].units(rebuilt, x.astype(np.float32))
        net = blank.nets[0]
        if likelihood == "gaussian":
            spread = (x[~held] - rebuilt[~held]).std(axis=0) + 1e-9
            log_p = scipy.stats.norm.logpdf(x, rebuilt, spread)
        else:
            module = net.observations["l0"]
            theta = (module.start + module.log_dispersion_shift).exp().numpy()
            log_p = scipy.stats.nbinom.logpmf(x, theta, theta / (theta + rebuilt))
            share, size = rebuilt / rebuilt.sum(1, keepdims=True), x.sum(1, keepdims=True)
            np.testing.assert_allclose(share * size, rebuilt, rtol=1e-3)
        scores[likelihood] = log_p[held].mean()
    assert scores["negative_binomial"] > scores["gaussian"] + 0.3


def test_library_size_does_not_move_an_embedding(counts, model):
    deeper = counts.copy()
    deeper.mod["rna"].X = deeper.mod["rna"].X * 2
    np.testing.assert_allclose(model.embed(deeper), model.embed(counts), atol=1e-4)
    proba = model.predict_proba(counts)
    np.testing.assert_allclose(model.predict_proba(deeper), proba, atol=1e-4)


def test_all_parts_read_logs_of_counts(counts, model):
    x = np.asarray(counts["rna"].X, dtype=float)
    size = x.sum(axis=1)
    expected = np.log1p(x / size[:, None] * np.median(size))
    np.testing.assert_allclose(model._read(counts)["rna"], expected, rtol=1e-5)
    np.testing.assert_allclose(model.baseline_["rna"], expected.mean(axis=0), rtol=1e-4)
    tables = pw.explain.attribute(counts, model, n_steps=32, max_samples=6)
    assert tables.params["completeness_gap_relative"] < 0.05
    assert model.parts_.set_index("part").loc["linear, early fusion", "score"] > 0.9


def test_a_missing_feature_does_not_shrink_the_library(counts, model):
    layer = model.layers_["rna"]
    x = np.array(counts["rna"].X)
    part = x.copy()
    part[:, np.argsort(layer.shares)[-4:]] = np.nan  # the four that are counted most
    assert np.median(np.nansum(part, axis=1) / x.sum(axis=1)) < 0.65
    ratio = layer.sizes(part) / layer.sizes(x)
    assert abs(np.median(ratio) - 1) < 0.15


def test_imputed_counts_are_counts(counts, model):
    filled = model.impute(counts)["rna"]
    np.testing.assert_array_equal(filled, np.asarray(counts["rna"].X, dtype=float))
    holes = counts.copy()
    x = np.array(holes["rna"].X)
    x[:, 3] = np.nan
    x[0] = np.nan
    holes.mod["rna"].X = x
    filled = model.impute(holes)["rna"].to_numpy()
    assert (filled > 0).sum() >= (x > 0).sum()
    true = np.array(counts["rna"].X)[1:, 3]
    assert scipy.stats.spearmanr(filled[1:, 3], true)[0] > 0.5
    assert filled[0].sum() == pytest.approx(model.layers_["rna"].library, rel=1e-3)
    with pw.io.quiet_mudata():
        alone = mudata.MuData({"protein": counts["protein"].copy()})
    made = model.impute(alone)["rna"]
    np.testing.assert_allclose(made.sum(axis=1), model.layers_["rna"].library, rtol=1e-3)


def test_saved_models_keep_their_likelihoods(tmp_path, counts, model):
    asked = pw.models.MultimodalVAE(
        4, likelihood={"rna": "zero_inflated_negative_binomial"}, **{**SMALL, "max_epochs": 2}
    ).fit(counts)
    for i, fitted in enumerate((model, asked)):
        fitted.save(tmp_path / str(i))
        again = pw.models.load(tmp_path / str(i))
        assert again.layers_ == fitted.layers_
        np.testing.assert_array_equal(again.embed(counts), fitted.embed(counts))
        holes = counts.copy()
        holes.mod["rna"].X[:, 2] = np.nan
        pd.testing.assert_frame_equal(again.impute(holes)["rna"], fitted.impute(holes)["rna"])
    old = {
        k: v
        for k, v in model.layers_["protein"].to_json().items()
        if k not in {"library", "shares"}
    }
    assert LayerSchema.from_json(old) == model.layers_["protein"]


def test_nothing_is_learned_from_counts_left_out(counts):
    mask = np.arange(N) < 90
    changed = counts.copy()
    changed.mod["rna"].X[~mask] = 7.0
    settings = {**SMALL, "max_epochs": 2}
    one = pw.models.MultimodalVAE(4, **settings).fit(counts, target="kind", samples=mask)
    two = pw.models.MultimodalVAE(4, **settings).fit(changed, target="kind", samples=mask)
    assert one.layers_ == two.layers_
    np.testing.assert_array_equal(one.embed(counts), two.embed(counts))


def test_shares_come_back_as_shares():
    rng = np.random.default_rng(3)
    level = rng.normal(size=(N, 1))
    mean = 1 / (1 + np.exp(-level * np.linspace(-2, 2, 12)))
    x = rng.beta(30 * mean, 30 * (1 - mean))
    x[rng.random(x.shape) < 0.1] = np.nan
    made = as_mudata(meth=x)
    settings = {**SMALL, "max_epochs": 150}
    fitted = pw.models.MultimodalVAE(4, likelihood={"meth": "beta"}, **settings).fit(made)
    filled = fitted.impute(made)["meth"].to_numpy()
    assert filled.min() >= 0
    assert filled.max() <= 1
    hidden = np.isnan(x)
    assert (
        np.abs(filled - mean)[hidden].mean() < 0.6 * np.abs(mean.mean(axis=0) - mean)[hidden].mean()
    )


@pytest.mark.parametrize(
    ("likelihood", "value", "message"),
    [
        ("negative_binomial", -1.0, r"layer 'rna'.*smallest value is -1.*raw counts"),
        ("negative_binomial", 2.5, r"layer 'rna'.*2\.5, which is not whole.*layers\['raw'\]"),
        ("zero_inflated_negative_binomial", 0.25, "not whole"),
        ("beta", 1.5, r"layer 'rna'.*span .* to .*shares between 0 and 1"),
        ("bernoulli", 2.0, "layer 'rna'.*holds .*Give 0 and 1"),
    ],
)
def test_values_that_a_likelihood_does_not_allow(likelihood, value, message):
    x = np.full((N, 3), 1.0)
    x[::2] = 0.0
    x[3, 1] = value
    with pytest.raises(ValueError, match=message):
        pw.models.MultimodalVAE(4, likelihood={"rna": likelihood}, **SMALL).fit(as_mudata(rna=x))


def test_new_samples_and_names_are_checked_too(counts, model):
    bad = counts.copy()
    bad.mod["rna"].X[0, 0] = 0.5
    with pytest.raises(ValueError, match=r"layer 'rna'.*not whole"):
        model.embed(bad)
    with pytest.raises(KeyError, match="'lipids', which is no layer of this fit"):
        pw.models.MultimodalVAE(4, likelihood={"lipids": "beta"}).fit(counts)
    with pytest.raises(ValueError, match=r"likelihood\['rna'\]"):
        pw.models.MultimodalVAE(4, likelihood={"rna": "poisson"}).fit(counts)
    with pytest.raises(ValueError, match="must be 'auto' or a dict"):
        pw.models.MultimodalVAE(4, likelihood="beta").fit(counts)


def test_shares_and_sizes_by_hand():
    x = np.array([[8.0, 2.0], [30.0, 10.0], [np.nan, np.nan], [0.0, 0.0]])
    shares = feature_shares(x[:2])
    np.testing.assert_allclose(shares, [0.775, 0.225])
    np.testing.assert_allclose(library_sizes(x, shares), [10.0, 40.0, 1.0, 1.0])
    half = np.array([[8.0, np.nan]])
    np.testing.assert_allclose(library_sizes(half, shares), 8 / 0.775)
