"""Batch effects are learned in the training part of each split, and taken out of all of it."""

from __future__ import annotations

import anndata
import mudata
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

import pathweave as pw
from pathweave import evaluate
from pathweave.evaluate import _baselines


def plates(n=90, *, shift=6.0, confounded=False):
    """Two layers, of which the first is shifted by plate; the second is not there for every tenth sample."""
    rng = np.random.default_rng(0)
    y = np.arange(n) % 2
    plate = y if confounded else rng.integers(0, 3, n)
    rna = rng.normal(size=(n, 15)) + shift * plate[:, None]
    rna[:, :3] += 1.5 * y[:, None]
    protein = rng.normal(size=(n, 6))
    names = np.array([f"s{i}" for i in range(n)])
    there = np.arange(n) % 10 > 0
    with pw.io.quiet_mudata():
        mdata = mudata.MuData(
            {
                "rna": anndata.AnnData(rna, obs=pd.DataFrame(index=names)),
                "protein": anndata.AnnData(protein[there], obs=pd.DataFrame(index=names[there])),
            }
        )
        mdata["rna"].var_names = [f"g{i}" for i in range(15)]
        mdata["protein"].var_names = [f"p{i}" for i in range(6)]
        mdata.obs["class"] = np.array(["control", "case"])[y]
        mdata.obs["plate"] = [f"plate{i}" for i in plate]
    return mdata


def test_equals_combat_by_hand():
    mdata = plates()
    fold = np.arange(90) % 3
    seen = []

    def watch(train, test):
        seen.append((train["rna"].to_df(), test["rna"].to_df()))
        return np.repeat("case", test.n_obs)

    evaluate.cross_validate(
        mdata, target="class", models=watch, splits=fold, batch="plate", n_jobs=1
    )
    x, plate = mdata["rna"].X, mdata.obs["plate"].to_numpy()
    for f, (train, test) in enumerate(seen):
        inside = fold != f
        combat = pw.pp.ComBat().fit(x[inside], plate[inside])
        for table, rows in ((train, inside), (test, ~inside)):
            expected = combat.transform(x[rows], plate[rows])
            np.testing.assert_allclose(
                table.loc[mdata.obs_names[rows]], expected, rtol=1e-5, atol=1e-5
            )


def test_a_shift_of_plates_hides_the_signal_until_it_is_taken_out():
    how = {"target": "class", "models": [], "baselines": "knn", "layers": "rna", "n_jobs": 1}
    raw = evaluate.cross_validate(plates(), **how).summary("auroc").loc["knn", "mean"]
    report = evaluate.cross_validate(plates(), **how, batch="plate")
    assert report.summary("auroc").loc["knn", "mean"] > raw + 0.05
    assert report.params["batch"] == "plate"


def test_a_plate_that_training_lacks_stays_as_it_is():
    mdata = plates()
    seen = []

    def watch(train, test):
        seen.append((train["rna"].to_df(), test["rna"].to_df()))
        return np.repeat("case", test.n_obs)

    how = {"target": "class", "site": "plate", "n_jobs": 1, "layers": "rna"}
    evaluate.cross_validate(mdata, models=watch, **how, batch="plate")
    raw = mdata["rna"].to_df().astype(np.float32)
    assert len(seen) == 3
    for train, test in seen:
        pd.testing.assert_frame_equal(test, raw.loc[test.index])
        moved = np.abs(train - raw.loc[train.index]).to_numpy()
        assert np.median(moved) > 1.0, "the two plates that are left lie 6 or 12 apart"
    mdata.obs.loc[mdata.obs["plate"] == "plate2", "class"] = None
    # One plate is left to train on: there is nothing to correct.
    model = {"lr": LogisticRegression()}
    corrected = evaluate.cross_validate(mdata, models=model, **how, batch="plate").predictions
    plain = evaluate.cross_validate(mdata, models=model, **how).predictions
    pd.testing.assert_frame_equal(corrected, plain)


def test_confounded_plates_leave_nothing():
    """The honest answer, where plate and class are one: ComBat takes the class away with the plate."""
    how = {"target": "class", "models": [], "baselines": "ridge", "layers": "rna", "n_jobs": 1}
    mdata = plates(confounded=True)
    assert evaluate.cross_validate(mdata, **how).summary("auroc").loc["ridge", "mean"] > 0.99
    row = evaluate.cross_validate(mdata, **how, batch="plate").summary("auroc").loc["ridge"]
    assert row["mean"] < 0.6


def test_a_batch_must_be_known():
    mdata = plates()
    how = {"target": "class", "models": [], "baselines": "knn", "n_jobs": 1}
    with pytest.raises(KeyError, match="batch='run'"):
        evaluate.cross_validate(mdata, **how, batch="run")
    mdata.obs.loc["s3", "plate"] = None
    with pytest.raises(ValueError, match=r"batch='plate': 1 sample\(s\) have no value"):
        evaluate.cross_validate(mdata, **how, batch="plate")


def test_the_forest_says_what_to_install(monkeypatch):
    mdata = plates()
    mdata.obs["months"], mdata.obs["died"] = np.arange(1.0, 91.0), 1
    monkeypatch.setattr(_baselines, "find_spec", lambda name: None)
    with pytest.raises(
        ImportError, match=r"pip install 'pathweave\[survival\]', or take 'cox_ridge'"
    ):
        evaluate.cross_validate(
            mdata, survival=("months", "died"), models=[], baselines="random_survival_forest"
        )
