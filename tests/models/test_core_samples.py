"""Many samples: which of them the parts of the sample space learn from, and how long networks train."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from tests_helpers import cells, quick

import pathweave as pw
from pathweave.models import _core_samples, _raw
from pathweave.models._core_samples import core_samples, kernel_samples
from pathweave.models._schedule import scheduled
from pathweave.models._train import TrainSpec
from pathweave.nn.kernel_machine import KernelMachine


@pytest.fixture
def few(monkeypatch):
    """As if 60 samples were many."""
    for module in (_core_samples, _raw):
        monkeypatch.setattr(module, "MAX_CORE", 60)


def test_classes_keep_their_shares_and_rare_ones_are_kept():
    rng = np.random.default_rng(0)
    labels = rng.choice([0.0, 1.0, 2.0, np.nan], 40_000, p=[0.6, 0.3989, 0.0001, 0.1 / 100])
    fold = rng.integers(0, 5, 40_000)
    core = core_samples(labels, fold, seed=1)
    assert len(core) <= 5000
    assert (np.diff(core) > 0).all()
    shares = [np.mean(labels[core] == k) for k in (0.0, 1.0)]
    np.testing.assert_allclose(shares, [np.mean(labels == k) for k in (0.0, 1.0)], atol=0.01)
    assert (labels[core] == 2.0).sum() == min(20, (labels == 2.0).sum())
    for k in (0.0, 1.0):
        held = np.bincount(fold[core][labels[core] == k], minlength=5)
        assert np.ptp(held) <= 1
    assert set(core_samples(labels, fold, seed=1)) == set(core)
    assert set(core_samples(labels, fold, seed=2)) != set(core)


def test_few_samples_are_all_taken():
    assert (core_samples(np.zeros(5000), np.arange(5000) % 5, seed=0) == np.arange(5000)).all()


@pytest.mark.parametrize("n_classes", [300, 1000, 20_000])
def test_many_classes_still_fit(n_classes):
    labels = np.arange(20_000) % n_classes
    core = core_samples(labels, np.arange(20_000) % 5, seed=0)
    assert 0.9 * 5000 < len(core) <= 5000
    if n_classes < 2500:
        assert len(np.unique(labels[core])) == n_classes


def test_samples_with_an_outcome_come_first():
    labels = np.full(30_000, np.nan)
    labels[:600] = np.arange(600) % 2
    known = np.column_stack([~np.isnan(labels), np.arange(30_000) >= 29_990])
    fold = np.arange(30_000) % 5
    core = core_samples(labels, fold, known, seed=0)
    assert 4900 < len(core) <= 5000
    assert set(np.flatnonzero(known.any(axis=1))) <= set(core)
    by_kernel = kernel_samples(labels[core], fold[core], known[core], seed=0)
    assert 1900 < by_kernel.sum() <= 2000
    assert by_kernel[known[core].any(axis=1)].all()


@pytest.mark.usefixtures("few")
def test_parts_learn_from_those_drawn_networks_from_all(monkeypatch):
    mdata = cells(150)
    plans = []
    from pathweave.models import _fit_networks

    fit = _fit_networks.fit_replicates
    monkeypatch.setattr(
        _fit_networks, "fit_replicates", lambda *a, **k: plans.extend(a[5]) or fit(*a, **k)
    )
    model = quick().fit(mdata, target="group")
    assert len(model.core_samples_) <= 60
    assert len(model.training_samples_) == 150
    position = pd.Index(model.training_samples_).get_indexer(model.core_samples_)
    learned = np.unique(np.concatenate([plan.train for plan in plans]))
    assert len(learned) == 150
    for plan in plans:  # what judges a network, or stops it, it has not learned from
        assert not np.intersect1d(plan.train, plan.validation).size
        assert np.isin(plan.validation, position).all()
    out = model.out_of_fold_
    assert out["group"].notna().sum() == len(position)
    assert out["group"].iloc[position].notna().all()
    assert len(model.imputer_.held) == len(position)
    assert model.embed(mdata).shape == (150, model.n_latent)
    assert model.predict(mdata).notna().all(axis=None)


def test_the_kernel_machine_learns_from_fewer(monkeypatch):
    mdata = cells(150)
    usual = quick().fit(mdata, target="group")
    monkeypatch.setattr(_core_samples, "MAX_KERNEL", 45)
    model = quick().fit(mdata, target="group")
    supports = [
        len(part.support)
        for fitted in (usual, model)
        for part in fitted.ensemble_.parts["group"].linear
        if isinstance(part, KernelMachine)
    ]
    assert supports[0] == 150
    assert 40 < supports[1] <= 45
    assert model.core_samples_ == model.training_samples_
    assert model.out_of_fold_["group"].notna().all()
    before, after = (m.parts_.set_index("part")["loss"] for m in (usual, model))
    linear = before.index.str.startswith("linear") | (before.index == "network")
    assert (before[linear] == after[linear]).all()
    assert before["kernel"] != after["kernel"]


@pytest.mark.usefixtures("few")
def test_many_samples_are_saved_and_loaded(tmp_path):
    mdata = cells(100)
    model = quick().fit(mdata, target="group")
    model.save(tmp_path / "run")
    again = pw.models.load(tmp_path / "run")
    assert again.core_samples_ == model.core_samples_
    pd.testing.assert_frame_equal(again.predict_proba(mdata), model.predict_proba(mdata))


@pytest.mark.usefixtures("few")
def test_held_out_samples_do_not_move_the_fit():
    mdata = cells(120)
    train = np.arange(120) < 90
    other = mdata.copy()
    for mod in other.mod.values():
        out = ~np.isin(mod.obs_names, mdata.obs_names[train])
        mod.X = mod.X.toarray() if hasattr(mod.X, "toarray") else mod.X
        mod.X[out] = mod.X[out] * 3 + 1
    one, two = (quick().fit(m, target="group", samples=train) for m in (mdata, other))
    for a, b in zip(one.ensemble_.states, two.ensemble_.states, strict=True):
        for name, x in a.state.items():
            np.testing.assert_array_equal(x, b.state[name])
    assert one.core_samples_ == two.core_samples_


@pytest.mark.parametrize(
    ("n", "expected"),
    [(5000, (150, 20, 64)), (20_000, (38, 5, 128)), (10**6, (5, 3, 512))],
    ids=["5000", "20000", "1000000"],
)
def test_defaults_follow_the_number_of_samples(n, expected):
    model = pw.models.PathwayVAE()
    found = scheduled(TrainSpec(), n, type(model), model.get_params())
    assert (found.max_epochs, found.patience, found.batch_size) == expected


def test_values_that_were_set_stay():
    model = pw.models.PathwayVAE(max_epochs=77, batch_size=32)
    found = scheduled(
        TrainSpec(max_epochs=77, batch_size=32), 10**6, type(model), model.get_params()
    )
    assert (found.max_epochs, found.patience, found.batch_size) == (77, 3, 32)
