"""Layers on disk: the numbers of memory, few rows at a time, and errors that say where."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import scipy.sparse as sp
from tests_helpers import cells, quick

import pathweave as pw
from pathweave.models import _rows, _store
from pathweave.models._data import read_training
from pathweave.models._reading_ahead import read_ahead
from pathweave.models._rows import LayerRows
from pathweave.models._streamed_samples import StreamedSamples
from pathweave.models._survey import open_training, survey
from pathweave.models._train import Replicate
from pathweave.nn import PathwayVAENet
from pathweave.nn.pathway_vae import LayerSpec, NetSpec

N = 150


@pytest.fixture(scope="module")
def mdata():
    return cells()


@pytest.fixture(scope="module", params=["h5mu", "zarr"])
def stored(request, mdata, tmp_path_factory):
    path = tmp_path_factory.mktemp("cells") / f"cells.{request.param}"
    with pw.io.quiet_mudata():
        mdata.write_h5mu(path) if request.param == "h5mu" else mdata.write_zarr(path)
    return pw.io.open_mudata(path)


def store_of(mdata, likelihood="auto", samples=None):
    everyone = np.ones(mdata.n_obs, bool) if samples is None else samples
    kinds = pw.io.layer_kinds(mdata)
    return survey(mdata, list(mdata.mod), kinds, everyone, likelihood)


@pytest.mark.parametrize(
    "outcome",
    [{"target": "group"}, {"survival": ("time", "event")}, {}],
    ids=["class", "cox", "none"],
)
def test_fit_from_disk_is_fit_in_memory(mdata, stored, outcome):
    a, b = quick().fit(mdata, **outcome), quick().fit(stored, **outcome)
    columns = ["loss", "target_loss", "reconstruction", "kl"]
    np.testing.assert_allclose(a.history_[columns], b.history_[columns], rtol=1e-4, atol=1e-6)
    for name, x in a.ensemble_.states[0].state.items():
        if name.startswith("standardize"):
            np.testing.assert_allclose(b.ensemble_.states[0].state[name], x, rtol=1e-5)
    np.testing.assert_allclose(a.embed(mdata), b.embed(stored), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(b.embed(mdata), b.embed(stored), atol=1e-5)
    if "target" in outcome:
        np.testing.assert_allclose(a.predict_proba(mdata), b.predict_proba(stored), atol=1e-4)
        assert b.core_samples_ == b.training_samples_
    if "survival" in outcome:
        np.testing.assert_allclose(a.predict(mdata), b.predict(stored), atol=1e-4)


def test_training_samples_alone_are_learned_from(mdata, stored):
    keep = np.arange(N) < 100
    changed = cells()
    changed.mod["rna"].X = sp.csr_matrix(
        np.where(keep[:, None], changed.mod["rna"].X.toarray(), 500.0).astype(np.float32)
    )
    one, two = store_of(stored, samples=keep), store_of(changed, samples=keep)
    assert [layer.to_json() for layer in one.schema] == [layer.to_json() for layer in two.schema]
    np.testing.assert_array_equal(one.sizes["rna"], two.sizes["rna"])
    for store in (one, two):
        store.learn_moments(np.zeros(100, dtype=np.int64))
    np.testing.assert_array_equal(one.means()["rna"], two.means()["rna"])


@pytest.mark.parametrize("n_values", [1, 2600, 10**6])
def test_pieces_of_any_size_learn_the_same(mdata, stored, monkeypatch, n_values):
    schema, values, sizes = read_training(mdata, None, np.ones(N, bool))
    monkeypatch.setattr(_rows, "CHUNK_VALUES", n_values)
    store = store_of(stored)
    assert [layer.likelihood for layer in store.schema] == ["negative_binomial", "gaussian"]
    for ours, theirs in zip(store.schema, schema, strict=True):
        assert (ours.features, ours.likelihood) == (theirs.features, theirs.likelihood)
        np.testing.assert_allclose(ours.library, theirs.library)
        np.testing.assert_allclose(ours.shares, theirs.shares)
    np.testing.assert_allclose(store.sizes["rna"], sizes["rna"], rtol=1e-6)
    index = np.array([3, 149, 0, 77])
    for name, x in store.read(index).items():
        np.testing.assert_allclose(x, values[name][index], rtol=1e-6)
    fold = np.arange(N) % 3
    store.learn_moments(fold)
    net = PathwayVAENet(net_spec(store))
    net.fit_moments(store.moments(np.flatnonzero(fold != 1)))
    other = PathwayVAENet(net_spec(store))
    import torch

    other.fit_standardization({n: torch.tensor(x[fold != 1]) for n, x in values.items()})
    for name, x in other.state_dict().items():
        if "standardize" in name or "observations" in name:
            torch.testing.assert_close(net.state_dict()[name], x, rtol=1e-5, atol=1e-6)


def net_spec(store):
    layers = tuple(
        LayerSpec(l.name, len(l.features), l.likelihood, tuple(range(len(l.features))), l.library)
        for l in store.schema
    )
    return NetSpec(layers, heads=(), n_latent=3)


def streamed(store, monkeypatch, block_rows):
    monkeypatch.setattr(_store.SampleStore, "block_rows", lambda _: block_rows)
    fold = np.arange(len(store)) % 3
    store.learn_moments(fold)
    replicate = Replicate("r", np.flatnonzero(fold), np.flatnonzero(fold == 0), 0)
    import torch

    return StreamedSamples(
        PathwayVAENet(net_spec(store)), replicate, store, {}, torch.device("cpu")
    ), replicate


@pytest.mark.parametrize("block_rows", [32, 70, 1000])
def test_an_epoch_reads_every_sample_once_and_few_at_a_time(stored, monkeypatch, block_rows):
    store = store_of(stored)
    samples, replicate = streamed(store, monkeypatch, block_rows)
    everything = store.read(replicate.train)
    asked, read = [], LayerRows.read
    monkeypatch.setattr(LayerRows, "read", lambda s, i: asked.append(len(i)) or read(s, i))
    order = samples.order()
    seen = []
    for index in samples.batches(order.tensor_split(9)):
        inputs = samples.inputs(index)
        swapped = samples.inputs(index.flip(0))
        assert (swapped.z["rna"].flip(0) == inputs.z["rna"]).all()
        measured = ~np.isnan(everything["protein"][index.numpy()])
        np.testing.assert_array_equal(inputs.measured["protein"].numpy(), measured)
        counts = np.asarray(stored.mod["rna"].X[:][replicate.train[index.numpy()]].todense())
        np.testing.assert_array_equal(inputs.observed["rna"].numpy(), counts)
        seen += index.tolist()
    assert sorted(seen) == list(range(len(replicate.train)))
    assert max(asked) <= max(block_rows, 12)


def test_rows_that_are_wanted_are_about_all_that_is_read(stored, monkeypatch):
    rows = LayerRows("rna", stored.mod["rna"], stored.obs_names)
    lengths, whole = [], LayerRows._slice
    monkeypatch.setattr(
        LayerRows, "_slice", lambda s, a, b: lengths.append(b - a) or whole(s, a, b)
    )
    rows.read(np.array([140, 2, 3, 5]))
    assert lengths == [4, 1]


def test_sparse_is_dense(mdata):
    dense = cells()
    dense.mod["rna"].X = dense.mod["rna"].X.toarray()
    one, two = store_of(mdata), store_of(dense)
    np.testing.assert_array_equal(one.read(np.arange(N))["rna"], two.read(np.arange(N))["rna"])
    for store in (one, two):
        store.learn_moments(np.arange(N) % 2)
    ours, theirs = (s.moments(np.arange(N)) for s in (one, two))
    for name in ours:
        for a, b in zip(ours[name].inputs, theirs[name].inputs, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-10)
        np.testing.assert_allclose(ours[name].observed[1], theirs[name].observed[1], rtol=1e-10)


def spoiled(value):
    broken = cells(gaps=False)
    x = broken.mod["rna"].X.tolil()
    x[140, 7] = value
    broken.mod["rna"].X = sp.csr_matrix(x)
    return broken


def test_a_broken_value_in_a_later_piece_is_named(monkeypatch):
    monkeypatch.setattr(_rows, "CHUNK_VALUES", 1)  # 64 rows at a time
    where = "'c0128' to 'c0149'"
    with pytest.raises(ValueError, match=f"'rna' holds infinite values in 'g7'.*{where}"):
        store_of(spoiled(np.inf))
    counts = {"rna": "negative_binomial"}
    with pytest.raises(ValueError, match=f"smallest value is -1 .*{where}"):
        store_of(spoiled(-1.0), counts)
    with pytest.raises(ValueError, match=f"holds 0.5, which is not whole .*{where}"):
        store_of(spoiled(0.5), counts)
    assert store_of(spoiled(np.nan)).schema[0].likelihood == "negative_binomial"
    gap = store_of(spoiled(np.nan)).read(np.array([140]))["rna"]
    assert np.isnan(gap).sum() == 1


def test_a_feature_without_any_value_is_named():
    empty = cells()
    empty.mod["protein"].X[:, 3] = np.nan
    with pytest.raises(ValueError, match="no value in any sample: 'p3'"):
        store_of(empty)


def test_a_layer_stored_by_columns_is_refused(mdata, tmp_path):
    other = cells()
    other.mod["rna"].X = sp.csc_matrix(other.mod["rna"].X)
    with pw.io.quiet_mudata():
        other.write_h5mu(tmp_path / "columns.h5mu")
    with pytest.raises(ValueError, match=r"stored by columns \(csc\).*csr_matrix"):
        quick().fit(pw.io.open_mudata(tmp_path / "columns.h5mu"))


def test_files_that_are_not_there_or_no_mudata_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="does not exist"):
        pw.io.open_mudata(tmp_path / "no.h5mu")
    with pytest.raises(ValueError, match="no zarr store of a MuData"):
        pw.io.open_mudata(tmp_path)
    (tmp_path / "text.h5mu").write_text("no")
    with pytest.raises(ValueError, match="not an HDF5 file"):
        pw.io.open_mudata(tmp_path / "text.h5mu")


def test_a_store_that_goes_away_is_an_error_and_no_hang(mdata, tmp_path, monkeypatch):
    with pw.io.quiet_mudata():
        mdata.write_zarr(tmp_path / "cells.zarr")
    store = store_of(pw.io.open_mudata(tmp_path / "cells.zarr"))
    samples, _ = streamed(store, monkeypatch, 32)
    for part in ("rna", "protein"):
        shutil.rmtree(tmp_path / "cells.zarr" / "mod" / part / "X")
    with pytest.raises(OSError, match=r"layer 'rna' cannot be read.*not exist.*moved or closed"):
        list(samples.batches(samples.order().tensor_split(9)))


def test_a_file_that_was_closed_is_an_error(mdata, tmp_path):
    with pw.io.quiet_mudata():
        mdata.write_h5mu(tmp_path / "cells.h5mu")
    opened = pw.io.open_mudata(tmp_path / "cells.h5mu")
    rows = LayerRows("protein", opened.mod["protein"], opened.obs_names)
    opened.file.close()
    with pytest.raises(OSError, match=r"layer 'protein' cannot be read.*moved or closed"):
        rows.read(np.arange(N))


def test_reading_ahead_keeps_order_raises_and_stops():
    made = []

    def pieces(n, broken=None):
        for i in range(n):
            if i == broken:
                msg = "broken"
                raise OSError(msg)
            made.append(i)
            yield i

    assert list(read_ahead(pieces(20), depth=2)) == list(range(20))
    with pytest.raises(OSError, match="broken"):
        list(read_ahead(pieces(9, broken=4)))
    made.clear()
    ahead = read_ahead(pieces(1000), depth=2)
    assert next(ahead) == 0
    ahead.close()
    assert len(made) < 10


def test_the_object_in_memory_is_opened_only_where_it_is_large(mdata, stored):
    everyone = np.ones(N, bool)
    assert open_training(mdata, None, everyone, "auto") is None
    assert len(open_training(stored, None, everyone, "auto")) == N
