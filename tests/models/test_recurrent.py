"""Recurrent: a past that counts, nothing from the future, subjects never torn."""

from __future__ import annotations

import anndata
import mudata
import numpy as np
import pandas as pd
import pytest

import pathweave as pw
from pathweave.models._visits import earlier_visits

SMALL = {"max_epochs": 3, "n_folds": 3, "seed": 1}
WHO = {"subject": "patient", "time": "week"}


def course(n_subjects=50, n_visits=3, seed=0, n_features=8):
    """Visits in random order; the class is the sign of a feature at the visit before."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n_subjects, n_visits, n_features))
    label = np.full((n_subjects, n_visits), None, dtype=object)
    label[:, 1:] = np.where(x[:, :-1, 0] > 0, "high", "low")
    obs = pd.DataFrame(
        {
            "patient": np.repeat([f"p{i}" for i in range(n_subjects)], n_visits),
            "week": np.tile(np.arange(n_visits) * 4, n_subjects),
            "class": label.ravel(),
        }
    )
    obs.index = obs["patient"] + "_" + obs["week"].astype(str)
    rna = anndata.AnnData(
        x.reshape(-1, n_features).astype("float32"),
        obs=pd.DataFrame(index=obs.index),
        var=pd.DataFrame(index=[f"g{j}" for j in range(n_features)]),
    )
    with pw.io.quiet_mudata():
        mdata = mudata.MuData({"rna": rna})
        mdata.obs = obs
        return mdata[rng.permutation(mdata.n_obs)].copy()


@pytest.fixture(scope="module")
def mdata():
    return course()


@pytest.fixture(scope="module")
def model(mdata):
    return pw.models.Recurrent(4, **WHO, **SMALL).fit(mdata, target="class")


def test_what_came_before():
    obs = pd.DataFrame(
        {"who": ["b", "a", "a", "b", "a"], "when": [2, 3.5, 1, 1, 2]}, index=list("vwxyz")
    )
    expected = [[3, -1, -1], [4, 2, -1], [-1, -1, -1], [-1, -1, -1], [2, -1, -1]]
    np.testing.assert_array_equal(earlier_visits(obs, "who", "when", 4), expected)
    np.testing.assert_array_equal(earlier_visits(obs, "who", "when", 2), np.array(expected)[:, :1])


@pytest.mark.parametrize(
    "times",
    [
        pd.to_datetime(["2020-02-01", "2019-12-31", "2020-01-15"]),
        ["2020-02-01", "2019-12-31", "2020-01-15"],
        pd.Categorical(["10", "9", "9.5"]),
        pd.array([10, 1, 2], dtype="Int64"),
    ],
    ids=["dates", "dates as text", "numbers as text", "nullable integers"],
)
def test_times_are_numbers_or_dates(times):
    obs = pd.DataFrame({"who": "a", "when": times})
    np.testing.assert_array_equal(earlier_visits(obs, "who", "when", 2)[:, 0], [2, -1, 1])


def test_earlier_samples_are_layers(mdata, model):
    assert list(model.layers_) == ["rna", "rna @-1", "rna @-2"]
    values = model._read(mdata)
    table = mdata["rna"].to_df().loc[mdata.obs_names]
    for row, name in enumerate(mdata.obs_names):
        who, week = name.split("_")
        for lag in (1, 2):
            before = f"{who}_{int(week) - 4 * lag}"
            found = values[f"rna @-{lag}"][row]
            if before in table.index:
                np.testing.assert_array_equal(found, table.loc[before])
            else:
                assert np.isnan(found).all()


def test_no_fold_tears_a_subject(mdata, model):
    who = mdata.obs["patient"].to_numpy()
    folds = [set(who[state.validation]) for state in model.ensemble_.states[1:]]
    assert len(folds) == 3
    assert set.union(*folds) == set(who)
    assert sum(len(fold) for fold in folds) == len(set(who))


def changed(mdata, rows):
    other = mdata.copy()
    other["rna"].X[rows] += np.random.default_rng(9).normal(5.0, 2.0, other["rna"].X[rows].shape)
    return other


def test_nothing_of_later_samples_reaches_earlier_ones(mdata, model):
    week = mdata.obs["week"].to_numpy()
    other = changed(mdata, week == 8)
    early = week < 8
    before, after = (model.predict_proba(m).to_numpy() for m in (mdata, other))
    np.testing.assert_array_equal(after[early], before[early])
    assert (after[~early] != before[~early]).all()
    np.testing.assert_array_equal(model.embed(other)[early], model.embed(mdata)[early])
    past = changed(mdata, week == 0)
    assert (model.predict_proba(past).to_numpy()[week == 8] != before[week == 8]).all()


def test_other_subjects_and_company_do_not_matter(mdata, model):
    one = mdata.obs["patient"] == "p7"
    with pw.io.quiet_mudata():
        alone = mdata[one.to_numpy()].copy()
        last = mdata[["p7_8"]].copy()
    pd.testing.assert_frame_equal(
        model.predict_proba(alone), model.predict_proba(mdata).loc[alone.obs_names], atol=1e-6
    )
    # The past is looked for in the samples given: without it another prediction, but one.
    assert np.abs(model.embed(last) - model.embed(mdata)[mdata.obs_names == "p7_8"]).max() > 1e-4


def test_nothing_is_learned_from_samples_left_out(mdata):
    train = mdata.obs["week"].to_numpy() < 8
    fits = [
        pw.models.Recurrent(4, **WHO, **SMALL).fit(m, target="class", samples=train)
        for m in (mdata, changed(mdata, ~train))
    ]
    assert list(fits[0].layers_) == ["rna", "rna @-1"]  # nobody has two visits before
    np.testing.assert_array_equal(fits[0].embed(mdata), fits[1].embed(mdata))
    # Earlier samples that are left out are no past of the others.
    later = mdata.obs["week"].to_numpy() > 0
    fits = [
        pw.models.Recurrent(4, **WHO, **SMALL).fit(m, target="class", samples=later)
        for m in (mdata, changed(mdata, ~later))
    ]
    np.testing.assert_array_equal(fits[0].embed(mdata), fits[1].embed(mdata))


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_an_effect_of_the_visit_before_is_found(cell):
    train, test = course(90, seed=1), course(40, seed=2)
    settings = {
        "n_folds": 2, "seed": 1, "max_epochs": 30, "learning_rate": 0.02, "batch_size": 32, "n_hidden": 16,
        "dropout": 0.0, "layer_dropout": 0.0,
    }  # fmt: skip
    model = pw.models.Recurrent(8, **WHO, cell=cell, **settings).fit(train, target="class")
    plain = pw.models.FeedForward(8, **settings).fit(train, target="class")
    truth = test.obs["class"]
    known = truth.notna()

    def accuracy(fitted):
        return (fitted.predict(test)["class"].astype(object)[known] == truth[known]).mean()

    scores = model.parts_.set_index("part")["score"]
    assert scores["network"] > 0.8  # by itself, out of fold
    assert scores["linear, early fusion"] > 0.8
    assert accuracy(model) > 0.85
    assert accuracy(plain) < 0.65


def test_saved_and_loaded(tmp_path, mdata, model):
    model.save(tmp_path / "run")
    again = pw.models.load(tmp_path / "run")
    assert again.layers_ == model.layers_
    assert again.ensemble_.spec == model.ensemble_.spec
    pd.testing.assert_frame_equal(again.predict_proba(mdata), model.predict_proba(mdata))


def test_only_own_layers_are_imputed(mdata, model):
    filled = model.impute(mdata)
    assert list(filled) == ["rna"]
    np.testing.assert_array_equal(filled["rna"].loc[mdata["rna"].obs_names], mdata["rna"].X)


def test_the_past_has_attributions_of_its_own(mdata, model):
    tables = pw.explain.attribute(mdata, model, n_steps=16, max_samples=10)
    assert set(tables.layer["layer"]) == {"rna", "rna @-1", "rna @-2"}
    assert tables.params["completeness_gap_relative"] < 0.05


def test_a_layer_of_the_first_visit_only():
    mdata = course(30)
    first = mdata.obs_names[mdata.obs["week"] == 0]
    other = mdata["rna"][first].copy()
    other.var_names = [f"m{i}" for i in range(other.n_vars)]
    obs = mdata.obs
    with pw.io.quiet_mudata():
        both = mudata.MuData({"rna": mdata["rna"].copy(), "geno": other})
        both = both[obs.index].copy()
    both.obs = obs
    model = pw.models.Recurrent(4, **WHO, **SMALL).fit(both, target="class")
    assert "geno @-2" in model.layers_
    assert np.isfinite(model.embed(both)).all()
    assert np.isfinite(model.predict_proba(both)).all(axis=None)


BAD = {
    "no subject": ("patient", None, "1 sample.s. have none .'p0_4'."),
    "no time": ("week", np.nan, "1 sample.s. have no number or date there .'nan' in 'p0_4'"),
    "twice": ("week", 0, "2 samples share subject and time with another"),
}


@pytest.mark.parametrize(("column", "value", "match"), BAD.values(), ids=BAD)
def test_what_cannot_be_put_in_order_is_named(mdata, model, column, value, match):
    bad = mdata.copy()
    bad.obs[column] = bad.obs[column].astype(object)
    bad.obs.loc["p0_4", column] = value
    with pytest.raises(ValueError, match=match):
        pw.models.Recurrent(4, **WHO, **SMALL).fit(bad, target="class")
    with pytest.raises(ValueError, match=match):
        model.predict(bad)


def test_bad_settings(mdata):
    with pytest.raises(KeyError, match=r"subject='donor' is not a column of mdata\.obs"):
        pw.models.Recurrent(4, subject="donor", time="week", **SMALL).fit(mdata)
    with pytest.raises(ValueError, match="cell='rnn' is not known; choose one of 'gru', 'lstm'"):
        pw.models.Recurrent(4, **WHO, cell="rnn", **SMALL).fit(mdata)
    with pytest.raises(ValueError, match="n_steps=1 must be 2 or more"):
        pw.models.Recurrent(4, **WHO, n_steps=1, **SMALL).fit(mdata)
    once = mdata.obs["week"].to_numpy() == 0
    with pytest.raises(ValueError, match="no subject has two of the 50 training samples"):
        pw.models.Recurrent(4, **WHO, **SMALL).fit(mdata, samples=once)


def test_an_evaluation_keeps_subjects_whole(mdata):
    model = pw.models.Recurrent(4, **WHO, max_epochs=2, n_folds=2)
    settings = {"target": "class", "n_folds": 2, "n_jobs": 1}
    report = pw.evaluate.cross_validate(
        mdata, models=model, baselines="ridge", groups="patient", **settings
    )
    assert report.summary("accuracy").index.tolist() == ["recurrent", "ridge"]
    with pytest.raises(ValueError, match=r"cross_validate\(..., groups='patient'\)"):
        pw.evaluate.cross_validate(mdata, models=model, **settings)
    with pytest.raises(ValueError, match=r"pathweave.models.Recurrent\(subject=..., time=...\)"):
        pw.evaluate.cross_validate(mdata, models="recurrent", groups="patient", **settings)
    with pytest.raises(ValueError, match="keep subjects whole"):
        pw.evaluate.learning_curve(mdata, models=model, **settings)
    bare = mdata.copy()
    del bare.obs["week"]
    with pytest.raises(KeyError, match="a column that models read='week' is not a column"):
        pw.evaluate.cross_validate(bare, models=model, groups="patient", **settings)


def test_a_second_cohort_brings_its_own_past(mdata):
    other = course(10, seed=5)
    other.obs_names = [f"other {name}" for name in other.obs_names]
    with pw.io.quiet_mudata():
        second = mudata.MuData({"rna": other["rna"].copy()})
    second.obs = other.obs.loc[second.obs_names]
    model = pw.models.Recurrent(4, **WHO, max_epochs=2, n_folds=2)
    report = pw.evaluate.validate(mdata, second, target="class", models=model, n_jobs=1)
    assert report.params["n_test"] == 20
