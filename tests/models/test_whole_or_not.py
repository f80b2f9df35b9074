"""A fit and a saved model are there as a whole or not at all; a fit that learned nothing says so."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from tests_helpers import quick

import pathweave as pw
from pathweave._core.warnings import DivergedFitWarning
from pathweave.models._ensemble import FittedEnsemble


@pytest.fixture(scope="module")
def data():
    return pw.datasets.simulate(40, n_features=100, n_pathways_active=2, seed=3)


@pytest.fixture
def fitted(data):
    return quick(max_epochs=2).fit(data, target="class")


def fail(*_args, **_kwargs):
    raise KeyboardInterrupt


@pytest.mark.parametrize("where", ["fit_networks", "fit_all_parts", "LayerImputer.of"])
def test_a_second_fit_that_is_stopped_leaves_the_first(data, fitted, monkeypatch, where):
    before, attributes = fitted.predict(data)["class"], set(vars(fitted))
    monkeypatch.setattr(f"pathweave.models._estimator.{where}", fail)
    with pytest.raises(KeyboardInterrupt):
        fitted.fit(data, pw.graph.reactome(), target="outcome", layers=["rna"])
    assert set(vars(fitted)) == attributes
    np.testing.assert_array_equal(fitted.predict(data)["class"], before)
    fitted.embed(data)


def test_a_first_fit_that_is_stopped_leaves_none(data, monkeypatch):
    monkeypatch.setattr(FittedEnsemble, "calibrate_activity", fail)
    model = quick(max_epochs=1)
    with pytest.raises(KeyboardInterrupt):
        model.fit(data, pw.graph.reactome(), target="class")
    with pytest.raises(ValueError, match="not fitted yet"):
        model.embed(data)


def test_a_model_that_cannot_be_replaced_stays(fitted, tmp_path, monkeypatch):
    folder = tmp_path / "model"
    fitted.save(folder)
    kept = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    rename = Path.rename

    def refuse(self, target):
        if Path(target) == folder and "old" not in self.parent.name:
            msg = "the disk is gone"
            raise OSError(msg)
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(OSError, match="the disk is gone"):
        fitted.save(folder, overwrite=True)
    assert {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()} == kept
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_model_is_replaced_before_the_old_one_is_deleted(fitted, tmp_path, monkeypatch):
    folder = tmp_path / "model"
    fitted.save(folder)
    there = []
    delete = shutil.rmtree

    def look(path, **how):
        there.append((folder / "config.json").is_file())
        return delete(path, **how)

    monkeypatch.setattr(shutil, "rmtree", look)
    fitted.save(folder, overwrite=True)
    assert there
    assert all(there)
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_fit_that_diverges_says_so(data):
    model = quick(max_epochs=2, learning_rate=1e12, n_jobs=1)
    with pytest.warns(
        DivergedFitWarning, match=r"diverged: after epoch 2 its loss is .*Lower learning_rate"
    ):
        model.fit(data)
