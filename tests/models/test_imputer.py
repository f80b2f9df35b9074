"""Imputation: better than guessing where layers tell of each other, honest about its error, and an identity elsewhere."""

from __future__ import annotations

import mudata
import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from tests_helpers import quick

import pathweave as pw
from pathweave.models._data import LayerSchema
from pathweave.models._imputer import LayerImputer

N, FEATURES = 160, {"rna": 30, "protein": 12, "metab": 8}
TRAIN = np.arange(N) < 110


def planted(seed=0, bent=False):
    """Three layers of one set of factors; protein depends on rna, bent if asked to."""
    rng = np.random.default_rng(seed)
    factors = rng.normal(size=(N, 3))
    layers = {}
    for name, p in FEATURES.items():
        f = np.abs(factors) - 0.8 if bent and name == "protein" else factors
        layers[name] = f @ rng.normal(size=(3, p)) + 0.5 * rng.normal(size=(N, p)) + 2.0
    return {name: x.astype(np.float32) for name, x in layers.items()}


def imputer(values, rows=TRAIN, likelihood="gaussian"):
    names = np.array([f"s{i:03d}" for i in range(N)])
    schema = tuple(
        LayerSchema(name, name, tuple(f"{name}{j}" for j in range(x.shape[1])), likelihood)
        for name, x in values.items()
    )
    held = np.zeros(int(rows.sum()), dtype=bool)
    return LayerImputer.of(schema, {k: x[rows] for k, x in values.items()}, names[rows], held)


def without(values, *layers):
    return {k: np.full_like(x, np.nan) if k in layers else x.copy() for k, x in values.items()}


def silent(values):
    """A network that is never asked, for no sample was held out."""
    return values


def fit(values, rows=TRAIN):
    return imputer(values, rows).impute


def test_a_hidden_layer_comes_back_and_its_errors_are_as_large_as_said():
    values = planted()
    test = {k: x[~TRAIN] for k, x in values.items()}
    made, sd = fit(values)(without(test, "protein"), ["protein"], silent)
    error = test["protein"] - made["protein"]
    assert np.mean(error**2) < 0.25 * test["protein"].var()
    within = np.abs(error / sd["protein"])
    assert 0.6 < (within < 1).mean() < 0.76
    assert 0.9 < (within < 1.96).mean() < 0.99


def test_fewer_layers_mean_larger_deviations():
    values = planted()
    test = {k: x[~TRAIN] for k, x in values.items()}
    impute = fit(values)
    both = impute(without(test, "protein"), ["protein"], silent)[1]["protein"]
    one = impute(without(test, "protein", "rna"), ["protein"], silent)[1]["protein"]
    none = impute(without(test, "protein", "rna", "metab"), ["protein"], silent)
    assert (both.mean(axis=0) < one.mean(axis=0)).all()
    assert (one.mean(axis=0) < none[1]["protein"].mean(axis=0)).all()
    mean = values["protein"][TRAIN].mean(axis=0)
    np.testing.assert_allclose(none[0]["protein"][0], mean, rtol=1e-5)


@pytest.mark.parametrize("n_measured", [2, 3, 5])
def test_a_feature_measured_in_few_samples_is_as_unsure_as_it_is(n_measured):
    rng = np.random.default_rng(n_measured)
    within = []
    for seed in range(4):
        values = planted(seed)
        train = {k: x.copy() for k, x in values.items()}
        for j in range(FEATURES["protein"]):
            train["protein"][rng.permutation(np.flatnonzero(TRAIN))[n_measured:], j] = np.nan
        test = {k: x[~TRAIN] for k, x in values.items()}
        made, sd = fit(train)(without(test, "protein"), ["protein"], silent)
        within.append(np.abs(test["protein"] - made["protein"]) < 1.96 * sd["protein"])
    assert 0.925 < np.mean(within) < 0.985  # .47, .67 and .80 without Student's widening


def test_one_sample_tells_nothing_of_a_spread():
    values = planted()
    train = {k: x.copy() for k, x in values.items()}
    train["protein"][1:, 0] = np.nan
    test = {k: x[~TRAIN] for k, x in values.items()}
    sd = fit(train)(without(test, "protein"), ["protein"], silent)[1]["protein"]
    assert np.isnan(sd[:, 0]).all()
    assert (sd[:, 1:] > 0).all()


def test_what_bends_is_followed():
    from sklearn.linear_model import RidgeCV

    values = planted(bent=True)
    wide = np.hstack([values["rna"], values["metab"]])
    ridge = RidgeCV(np.logspace(-2, 4, 13)).fit(wide[TRAIN], values["protein"][TRAIN])
    test = {k: x[~TRAIN] for k, x in values.items()}
    made = fit(values)(without(test, "protein"), ["protein"], silent)[0]["protein"]
    linear = ridge.predict(wide[~TRAIN])
    ours, theirs = (np.mean((test["protein"] - p) ** 2) for p in (made, linear))
    assert ours < 0.8 * theirs


def test_values_missing_inside_a_layer_come_from_its_other_features():
    values = {"rna": planted()["rna"]}
    gap = np.random.default_rng(1).random(values["rna"].shape) < 0.1
    torn = {"rna": np.where(gap, np.nan, values["rna"]).astype(np.float32)}
    made, sd = fit(torn)({"rna": torn["rna"][~TRAIN]}, ["rna"], silent)
    hidden, truth = gap[~TRAIN], values["rna"][~TRAIN]
    np.testing.assert_array_equal(made["rna"][~hidden], truth[~hidden])
    assert (sd["rna"][~hidden] == 0).all()
    assert (sd["rna"][hidden] > 0).all()
    assert np.mean((made["rna"] - truth)[hidden] ** 2) < 0.4 * truth.var()


def test_a_layer_of_zeros_and_ones_gets_probabilities():
    values = {k: (x > 2).astype(np.float32) for k, x in planted().items()}
    test = without({k: x[~TRAIN] for k, x in values.items()}, "protein")
    made, sd = imputer(values, likelihood="bernoulli").impute(test, ["protein"], silent)
    p = made["protein"]
    assert p.min() >= 0
    assert p.max() <= 1
    np.testing.assert_allclose(sd["protein"], np.sqrt(p * (1 - p)))
    assert np.mean((p > 0.5) == (values["protein"][~TRAIN] > 0.5)) > 0.75


def test_a_feature_without_training_values_has_no_deviation():
    values = planted()
    values["protein"][TRAIN, 3] = np.nan
    test = without({k: x[~TRAIN] for k, x in values.items()}, "protein")
    sd = fit(values)(test, ["protein"], silent)[1]["protein"]
    assert np.isnan(sd[:, 3]).all()
    assert np.isfinite(np.delete(sd, 3, axis=1)).all()


def test_a_broken_value_does_not_move_a_layer():
    values = planted()
    test = without({k: x[~TRAIN] for k, x in values.items()}, "protein")
    impute = fit(values)
    before = impute(test, ["protein"], silent)[0]["protein"]
    test["rna"][0, 0] = 1e6
    after = impute(test, ["protein"], silent)[0]["protein"]
    assert np.abs(after - before).max() < 3 * values["protein"].std()


def test_the_order_of_training_samples_does_not_matter():
    values = planted()
    test = without({k: x[~TRAIN] for k, x in values.items()}, "protein")
    names = np.array([f"s{i:03d}" for i in range(N)])[TRAIN]
    one = imputer(values)
    order = np.random.default_rng(0).permutation(len(names))
    inside = {k: x[TRAIN][order] for k, x in values.items()}
    two = LayerImputer.of(one.schema, inside, names[order], one.held)
    np.testing.assert_array_equal(
        one.impute(test, ["protein"], silent)[0]["protein"],
        two.impute(test, ["protein"], silent)[0]["protein"],
    )


def test_a_network_that_knows_is_believed_and_one_that_does_not_is_not():
    values = planted()
    truth = {
        tuple(x[:3].tolist()): y for x, y in zip(values["rna"], values["protein"], strict=True)
    }

    def oracle(asked):
        return {**asked, "protein": np.stack([truth[tuple(x[:3].tolist())] for x in asked["rna"]])}

    def liar(asked):
        rng = np.random.default_rng(0)
        return {**asked, "protein": rng.normal(size=asked["protein"].shape)}

    test = without({k: x[~TRAIN] for k, x in values.items()}, "protein")
    errors = []
    for network in (liar, oracle):
        model = imputer(values)
        model.held[::4] = True
        made = model.impute(test, ["protein"], network)[0]["protein"]
        errors.append(np.mean((made - values["protein"][~TRAIN]) ** 2))
    alone = fit(values)(test, ["protein"], silent)[0]["protein"]
    base = np.mean((alone - values["protein"][~TRAIN]) ** 2)
    assert errors[0] < 1.05 * base
    assert errors[1] < 0.2 * base


# The estimator


@pytest.fixture(scope="module")
def fitted():
    values = planted(seed=2)
    names = [f"s{i:03d}" for i in range(N)]
    layers = {}
    for i, (name, x) in enumerate(values.items()):
        rows = np.arange(N) % 10 != i  # everyone lacks something now and then
        layers[name] = AnnData(
            x[rows],
            obs=pd.DataFrame(index=np.array(names)[rows]),
            var=pd.DataFrame(index=[f"{name}{j}" for j in range(x.shape[1])]),
        )
    with pw.io.quiet_mudata():
        mdata = mudata.MuData(layers)
    names = mdata.obs_names.to_numpy()
    chosen = list(names[names < "s110"])
    return mdata, chosen, quick(max_epochs=2).fit(mdata, samples=chosen)


def test_return_std_gives_two_dictionaries_of_the_same_shape(fitted):
    mdata, _, model = fitted
    made, sd = model.impute(mdata, return_std=True)
    alone = model.impute(mdata, layers=["metab"])
    assert list(alone) == ["metab"]
    pd.testing.assert_frame_equal(alone["metab"], made["metab"])
    for name, table in made.items():
        assert table.index.equals(mdata.obs_names)
        assert table.columns.tolist() == mdata[name].var_names.tolist()
        lacks = ~mdata.obs_names.isin(mdata[name].obs_names)
        assert (sd[name][lacks] > 0).all(axis=None)
        assert (sd[name][~lacks] == 0).all(axis=None)
    with pytest.raises(ValueError, match="lipids"):
        model.impute(mdata, layers=["lipids"])


def test_alone_in_a_batch_in_any_order_and_after_saving(fitted, tmp_path):
    mdata, _, model = fitted
    whole, sd = model.impute(mdata, return_std=True)
    name = mdata.obs_names[~mdata.obs_names.isin(mdata["protein"].obs_names)][3]
    rng = np.random.default_rng(0)
    with pw.io.quiet_mudata():
        one = mudata.MuData(
            {k: m[m.obs_names == name].copy() for k, m in mdata.mod.items() if name in m.obs_names}
        )
        turned = mudata.MuData(
            {
                k: m[rng.permutation(m.n_obs)][:, rng.permutation(m.n_vars)].copy()
                for k, m in reversed(list(mdata.mod.items()))
            }
        )
    model.save(tmp_path / "model")
    again = pw.models.load(tmp_path / "model")
    for got, spread in (model.impute(one, return_std=True), model.impute(turned, return_std=True)):
        rows = got["protein"].index
        np.testing.assert_allclose(got["protein"], whole["protein"].loc[rows], atol=1e-5)
        np.testing.assert_allclose(spread["protein"], sd["protein"].loc[rows], atol=1e-6)
    pd.testing.assert_frame_equal(again.impute(mdata)["protein"], whole["protein"])


def test_nothing_is_learned_from_samples_left_out(fitted):
    mdata, chosen, model = fitted
    changed = mdata.copy()
    for mod in changed.mod.values():
        out = ~mod.obs_names.isin(chosen)
        mod.X[out] = mod.X[out] * 9.0 - 4.0
    other = quick(max_epochs=2).fit(changed, samples=chosen)
    for one, two in zip(
        model.impute(mdata, return_std=True), other.impute(mdata, return_std=True), strict=True
    ):
        for name, table in one.items():
            pd.testing.assert_frame_equal(table, two[name])
    np.testing.assert_array_equal(model.embed(mdata), other.embed(mdata))
