"""The engine on samples that are read in pieces: checkpoints, workers, pieces of a batch; what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
from resume_cases import Killed, assert_same, at_epoch, kill
from tests_helpers import cells, quick

import pathweave as pw
from pathweave import settings
from pathweave.models import TrainSpec, _core_samples, _raw, fit_replicates
from pathweave.models._replicates import replicate_bytes
from pathweave.models._rows import LayerRows
from pathweave.models._shared import digest_of
from pathweave.models._survey import survey
from pathweave.models._train import Replicate
from pathweave.nn.pathway_vae import LayerSpec, NetSpec

N = 150


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("cells") / "cells.h5mu"
    pw.io.write_h5mu(cells(), path)
    return path


def small(**changes):
    return quick(**{"max_epochs": 3, "n_folds": 2, **changes})


def survey_of(mdata):
    everyone = np.ones(mdata.n_obs, dtype=bool)
    store = survey(mdata, list(mdata.mod), pw.io.layer_kinds(mdata), everyone, "auto")
    store.learn_moments(np.arange(mdata.n_obs) % 3)
    return store


def given(mdata):
    """Arguments of `fit_replicates` of two networks."""
    store = survey_of(mdata)
    layers = tuple(
        LayerSpec(l.name, len(l.features), l.likelihood, tuple(range(len(l.features))), l.library)
        for l in store.schema
    )
    fold = np.arange(len(store)) % 3
    plan = [
        Replicate(str(k), np.flatnonzero(fold != k), np.flatnonzero(fold == k), k) for k in (0, 1)
    ]
    return NetSpec(layers, heads=(), n_latent=3), TrainSpec(2), store, {}, None, plan


@pytest.mark.parametrize("epoch", [1, 5])
def test_a_fit_from_disk_that_was_broken_off_goes_on_to_the_same(tmp_path, path, epoch):
    with settings.override(checkpoint_seconds=0.0):
        with at_epoch(epoch, kill), pytest.raises(Killed):
            small().fit(pw.io.open_mudata(path), survival=("time", "event"), resume=tmp_path)
        found = small().fit(pw.io.open_mudata(path), survival=("time", "event"), resume=tmp_path)
    expected = small().fit(pw.io.open_mudata(path), survival=("time", "event"))
    assert_same(found.ensemble_.states, expected.ensemble_.states)
    assert found.parts_.equals(expected.parts_)


def test_checkpoints_of_another_file_are_refused(tmp_path, path):
    quick(max_epochs=1).fit(pw.io.open_mudata(path), resume=tmp_path / "kept")
    changed = cells()
    rna = changed.mod["rna"].X
    row = rna[7].indices
    rna[7, row[0]], rna[7, row[1]] = rna[7, row[1]] + 1, rna[7, row[0]] - 1  # the sum stays
    pw.io.write_h5mu(changed, tmp_path / "other.h5mu")
    with pytest.raises(ValueError, match="layer 'rna'") as refused:
        quick(max_epochs=1).fit(
            pw.io.open_mudata(tmp_path / "other.h5mu"), resume=tmp_path / "kept"
        )
    assert "protein" not in str(refused.value)


def test_networks_on_an_open_file_are_not_trained_together(path):
    with pytest.raises(ValueError, match=r"together=True needs all samples in memory.*in pieces"):
        fit_replicates(*given(pw.io.open_mudata(path)), together=True)


def test_workers_give_the_numbers_of_one_process(monkeypatch):
    for module in (_core_samples, _raw):
        monkeypatch.setattr(module, "MAX_CORE", 60)
    one, two = (small(n_jobs=jobs).fit(cells(), target="group") for jobs in (1, 2))
    assert len(one.core_samples_) <= 60
    assert_same(one.ensemble_.states, two.ensemble_.states)


def test_pieces_of_a_batch_give_the_same_model(path):
    mdata = pw.io.open_mudata(path)
    whole = small(dropout=0.0).fit(mdata, target="group")
    with settings.override(accumulate=3):
        pieces = small(dropout=0.0).fit(mdata, target="group")
    columns = ["loss", "target_loss", "reconstruction", "kl"]
    np.testing.assert_allclose(pieces.history_[columns], whole.history_[columns], atol=1e-4)


def test_what_is_compared_between_processes_reads_two_samples(path, monkeypatch):
    spec, training, store, outcomes, _, plan = given(pw.io.open_mudata(path))
    asked, read = [], LayerRows.read
    monkeypatch.setattr(LayerRows, "read", lambda s, i: asked.append(len(i)) or read(s, i))
    digest = digest_of([spec, training], store, outcomes, plan)
    assert asked == [2, 2]
    in_memory = store.read(np.arange(N))
    assert digest == digest_of([spec, training], in_memory, outcomes, plan)


def test_memory_of_a_network_does_not_grow_with_the_samples():
    needs = []
    for n in (3000, 30_000):
        spec, _, store, _, _, _ = given(cells(n))
        plan = [Replicate("r", np.arange(1000, n), np.arange(1000), 0)]
        needs.append(replicate_bytes(spec, store, None, plan))
    assert needs[0] == needs[1]
