"""Standard deviations and survival curves: what they are, and that only training samples make them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from tests_helpers import quick

import pathweave as pw
from pathweave.models._ensemble import _tensors
from pathweave.models._held_out import HeldOut
from pathweave.models._targets import Target


@pytest.fixture(scope="module")
def plain(mdata):
    """Fit one number and a survival, without a graph and its time, on all but the last ten samples."""
    train = np.arange(mdata.n_obs) < mdata.n_obs - 10
    model = pw.models.MultimodalVAE(4, max_epochs=3, n_folds=3)
    return model.fit(mdata, target="outcome", survival=("time", "event"), samples=train)


def by_stacks(model, mdata, name):
    """What the stacks with one network say, one after the other."""
    values = model._read(mdata)
    said = []
    for k in range(1, len(model.ensemble_.states)):
        stack = model.ensemble_.stack(name, [k])  # noqa: PD013  # no data frame
        with torch.no_grad():
            said.append(torch.cat([stack(x, seen) for x, seen in _tensors(values)]).double())
    return torch.stack(said).numpy()


def test_deviation_is_that_of_the_stacks_with_one_network_each(mdata, model):
    predicted, std = model.predict(mdata, return_std=True)
    pd.testing.assert_frame_equal(predicted, model.predict(mdata))
    assert std.shape == predicted.shape
    risk = by_stacks(model, mdata, "risk")[..., 0]
    np.testing.assert_allclose(std["risk"], risk.std(axis=0, ddof=1), rtol=1e-3, atol=1e-6)
    proba = np.exp(by_stacks(model, mdata, "class"))
    best = model.predict_proba(mdata).to_numpy().argmax(axis=1)
    of_best = proba[:, np.arange(len(best)), best]
    np.testing.assert_allclose(std["class"], of_best.std(axis=0, ddof=1), rtol=1e-3, atol=1e-6)
    number = by_stacks(model, mdata, "outcome")[..., 0].std(axis=0, ddof=1)
    residual = model.out_of_fold_["outcome"] - mdata.obs["outcome"]
    np.testing.assert_allclose(std["outcome"], np.sqrt(number**2 + np.mean(residual**2)), rtol=1e-4)


def test_intervals_of_new_numbers_cover():
    with pw.io.quiet_mudata():
        data = pw.datasets.simulate(400, seed=5)
    train = np.arange(400) < 150
    model = pw.models.MultimodalVAE(4, max_epochs=5, n_folds=3)
    model.fit(data, target="outcome", samples=train)
    predicted, std = model.predict(data, return_std=True)
    z = ((data.obs["outcome"] - predicted["outcome"]) / std["outcome"])[~train]
    assert 0.58 < (z.abs() < 1).mean() < 0.80
    assert 0.90 < (z.abs() < 1.96).mean() < 0.99


def test_one_network_has_no_spread():
    target = Target("y", "number", ("y",))
    whole = np.zeros((5, 1))
    assert (HeldOut(noise=0.5).deviation(target, whole, whole[None]) == 0.5).all()


def test_survival_curves_stand_on_out_of_fold_risks(mdata, plain):
    train = mdata.obs.iloc[:-10]
    times = np.quantile(train["time"], [0.2, 0.5, 0.8])
    curves = plain.predict_survival(mdata, times)
    risk = plain.predict(mdata)["risk"]
    expected = pw.evaluate.breslow(
        train["time"], train["event"], plain.out_of_fold_["risk"], risk, times
    )
    np.testing.assert_allclose(curves, expected, rtol=1e-9)
    assert curves.columns.tolist() == times.tolist()
    assert (np.diff(curves, axis=1) <= 0).all()
    with pytest.raises(ValueError, match="times must increase"):
        plain.predict_survival(mdata, [2.0, 1.0])


def test_curves_need_a_survival(mdata):
    model = pw.models.MultimodalVAE(3, max_epochs=1, n_folds=2).fit(mdata, target="outcome")
    with pytest.raises(ValueError, match="no target is a survival \\(targets: 'outcome'\\)"):
        model.predict_survival(mdata, [1.0])


def test_samples_held_out_move_neither_noise_nor_baseline(mdata, plain):
    with pw.io.quiet_mudata():
        changed = mdata.copy()
    changed.obs.loc[changed.obs_names[-10:], ["outcome", "time"]] = 1e3
    train = np.arange(mdata.n_obs) < mdata.n_obs - 10
    again = pw.models.MultimodalVAE(4, max_epochs=3, n_folds=3).fit(
        changed, target="outcome", survival=("time", "event"), samples=train
    )
    for name in ("outcome", "risk"):
        assert again.ensemble_.held_out[name].to_json() == plain.ensemble_.held_out[name].to_json()


def test_saved_models_give_the_same_deviations_and_curves(mdata, plain, tmp_path):
    plain.save(tmp_path / "run")
    again = pw.models.load(tmp_path / "run")
    for before, after in zip(
        plain.predict(mdata, return_std=True), again.predict(mdata, return_std=True), strict=True
    ):
        pd.testing.assert_frame_equal(before, after)
    times = [5.0, 10.0]
    pd.testing.assert_frame_equal(
        plain.predict_survival(mdata, times), again.predict_survival(mdata, times)
    )


def test_deviations_are_written_beside_predictions(mdata, plain):
    out = pw.tl.predict(mdata, plain, return_std=True, copy=True)
    std = plain.predict(mdata, return_std=True)[1]
    for name in ("outcome", "risk"):
        np.testing.assert_array_equal(out.obs[f"pathweave_{name}_std"], std[name])
    assert "outcome_std" in pw.get.predictions(out)
    assert "pathweave_outcome_std" not in pw.tl.predict(mdata, plain, copy=True).obs


def test_a_deviation_never_hides_a_prediction(mdata):
    with pw.io.quiet_mudata():
        data = mdata.copy()
    data.obs["outcome_std"] = data.obs["outcome"] * 2
    model = quick(max_epochs=1, n_folds=2).fit(data, target=["outcome", "outcome_std"])
    with pytest.raises(
        ValueError, match="write over the prediction of target\\(s\\) 'outcome_std'"
    ):
        pw.tl.predict(data, model, return_std=True)
