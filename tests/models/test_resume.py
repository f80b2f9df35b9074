"""A fit that was broken off goes on to the same networks, bit for bit, or says why it cannot."""

from __future__ import annotations

import errno
import json
import shutil
from contextlib import suppress
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from resume_cases import (
    EPOCHS,
    HEADS,
    Killed,
    assert_same,
    at_epoch,
    fit,
    kill,
)

import pathweave as pw
from pathweave import settings
from pathweave._core.warnings import DamagedCheckpointWarning
from pathweave.models._family import FAMILY
from pathweave.models._fingerprint import digest_of

ALL_EPOCHS = 3 * EPOCHS


@pytest.fixture(autouse=True)
def _every_epoch():
    with settings.override(checkpoint_seconds=0.0):
        yield


@pytest.fixture(scope="module")
def uninterrupted():
    with at_epoch(0, kill) as count:
        states = fit()
    assert count() == ALL_EPOCHS  # no early stop: the numbers of epochs below mean what they say
    return states


def broken_off(folder, number):
    with at_epoch(number, kill), pytest.raises(Killed):
        fit(folder)


@pytest.mark.parametrize("number", range(1, ALL_EPOCHS + 1))
def test_broken_off_in_any_epoch_and_resumed_is_the_same(tmp_path, uninterrupted, number):
    broken_off(tmp_path, number)
    with at_epoch(0, kill) as count:
        assert_same(fit(tmp_path), uninterrupted)
    assert count() == ALL_EPOCHS - (number - 1)  # and no epoch was done twice


def test_a_network_of_classes_alone_draws_mixtures_and_goes_on_with_them(tmp_path):
    with at_epoch(5, kill), pytest.raises(Killed):
        fit(tmp_path, heads=HEADS[:1])
    assert_same(fit(tmp_path, heads=HEADS[:1]), fit(heads=HEADS[:1]))


def test_networks_stopped_early_stay_so(tmp_path):
    whole = fit(epochs=40)
    assert any(state.history[-1]["epoch"] < 40 for state in whole)
    with at_epoch(15, kill), pytest.raises(Killed):
        fit(tmp_path, epochs=40)
    assert_same(fit(tmp_path, epochs=40), whole)


@examples(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    moments=st.lists(st.integers(1, ALL_EPOCHS), max_size=3),
    interval=st.sampled_from([0.0, 1e9]),
    cut=st.none() | st.floats(0, 0.99),
)
def test_broken_off_again_and_again(tmp_path_factory, uninterrupted, moments, interval, cut):
    folder = tmp_path_factory.mktemp("checkpoints")
    with settings.override(checkpoint_seconds=interval):
        for number in moments:
            with at_epoch(number, kill), suppress(Killed):
                fit(folder)
        files = sorted(folder.glob("*.safetensors"))
        if cut is not None and files:
            data = files[-1].read_bytes()
            files[-1].write_bytes(data[: int(cut * len(data))])
            earlier = files[-1].name.replace(".safetensors", ".earlier.safetensors")
            if files[-1].name.endswith(".earlier.safetensors"):  # it is only read in need
                assert_same(fit(folder), uninterrupted)
            else:
                with pytest.warns(DamagedCheckpointWarning, match=files[-1].name):
                    assert_same(fit(folder), uninterrupted)
            assert not (folder / earlier).exists()
        else:
            assert_same(fit(folder), uninterrupted)


def newest(folder):
    """The network in training: its checkpoint and the one before."""
    (earlier,) = folder.glob("*.earlier.safetensors")
    return folder / earlier.name.replace(".earlier", ""), earlier


@pytest.mark.parametrize("length", [0, 5, 8, 200, 0.5, 0.99])
def test_a_truncated_checkpoint_is_told_of_and_the_one_before_taken(
    tmp_path, uninterrupted, length
):
    broken_off(tmp_path, 6)
    path, earlier = newest(tmp_path)
    data = path.read_bytes()
    path.write_bytes(data[: length if isinstance(length, int) else int(length * len(data))])
    with (
        at_epoch(0, kill) as count,
        pytest.warns(DamagedCheckpointWarning, match=f"{path.name}.*damaged.*{earlier.name}"),
    ):
        assert_same(fit(tmp_path), uninterrupted)
    assert count() == ALL_EPOCHS - 4  # one of the five is done again


def test_a_changed_byte_is_found(tmp_path, uninterrupted):
    broken_off(tmp_path, 6)
    path, _ = newest(tmp_path)
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(data)
    with pytest.warns(DamagedCheckpointWarning, match="its digest is another"):
        assert_same(fit(tmp_path), uninterrupted)


def test_a_file_of_another_network_or_fit_is_not_gone_on_from(tmp_path, uninterrupted):
    """Its tensors fit, and its digest is right: only what it says of itself tells it apart."""
    fit(tmp_path / "one")
    fit(tmp_path / "two", told="another fit")
    first, second, *_ = sorted((tmp_path / "one").glob("fold*.safetensors"))
    shutil.copy(second, first)
    with pytest.warns(DamagedCheckpointWarning, match="it is of network 'fold"):
        assert_same(fit(tmp_path / "one"), uninterrupted)
    shutil.copy(tmp_path / "two" / first.name, first)
    with pytest.warns(DamagedCheckpointWarning, match="it is of another fit"):
        assert_same(fit(tmp_path / "one"), uninterrupted)


def test_a_changed_header_is_found(tmp_path, uninterrupted):
    fit(tmp_path)
    path = min(tmp_path.glob("fold*.safetensors"))
    data = path.read_bytes()
    assert b'"network":"fold 1"' in data
    path.write_bytes(data.replace(b'"network":"fold 1"', b'"network":"fold 2"'))
    with pytest.warns(DamagedCheckpointWarning, match="its digest is another"):
        assert_same(fit(tmp_path), uninterrupted)


def test_where_both_are_damaged_the_network_begins_anew(tmp_path, uninterrupted):
    broken_off(tmp_path, 6)
    for path in newest(tmp_path):
        path.write_bytes(b"nothing")
    with pytest.warns(DamagedCheckpointWarning) as told:
        assert_same(fit(tmp_path), uninterrupted)
    assert "goes on from the one before" in str(told[0].message)
    assert "training of 'fold 2' begins anew" in str(told[1].message)


@pytest.mark.parametrize("which", [1, 2, 3, 6, 9])
def test_a_full_disk_leaves_what_was_there(tmp_path, monkeypatch, uninterrupted, which):
    written, original = 0, Path.write_bytes

    def full(path, data):
        nonlocal written
        written += 1
        if written > which:
            original(path, data[: len(data) // 2])
            raise OSError(errno.ENOSPC, "No space left on device")
        return original(path, data)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        with pytest.raises(
            OSError, match=r"no space for .*\.safetensors, which needs .* free"
        ) as e:
            fit(tmp_path)
    assert e.value.errno == errno.ENOSPC
    assert str(tmp_path) in str(e.value)
    assert not list(tmp_path.glob(".*"))  # no half of a file either
    assert_same(fit(tmp_path), uninterrupted)


def test_no_space_for_anything(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match=r"no space for fit\.json"):
        fit(tmp_path / "new")
    assert not list((tmp_path / "new").iterdir())


def test_other_errors_of_a_disk_stay_what_they_are(tmp_path, monkeypatch):
    def broken(*_):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(Path, "write_bytes", broken)
    with pytest.raises(OSError, match="Input/output"):
        fit(tmp_path)


def test_a_finished_fit_is_read_and_only_fitted_networks_are_kept(tmp_path, uninterrupted):
    fit(tmp_path)
    files = sorted(path.name for path in tmp_path.iterdir())
    assert len(files) == 4
    assert not [name for name in files if "earlier" in name]
    with at_epoch(1, kill):  # which does not come
        assert_same(fit(tmp_path), uninterrupted)


def test_workers_go_on_where_one_process_was_and_give_its_numbers(tmp_path, uninterrupted):
    broken_off(tmp_path, 5)
    assert_same(fit(tmp_path, n_jobs=2), uninterrupted)


def test_another_fit_is_refused(tmp_path):
    fit(tmp_path)
    with pytest.raises(ValueError, match=r"another fit.*told \(there this fit, here that fit\)"):
        fit(tmp_path, told="that fit")


def test_folders_that_hold_something_else(tmp_path):
    fit(tmp_path / "a")
    head = tmp_path / "a" / "fit.json"
    text = head.read_text()
    head.write_text(text[:50])
    with pytest.raises(ValueError, match=r"fit\.json is damaged.*delete the folder"):
        fit(tmp_path / "a")
    head.write_text(json.dumps({**json.loads(text), "format": 99}))
    with pytest.raises(ValueError, match="format 99 is not known"):
        fit(tmp_path / "a")
    head.unlink()
    with pytest.raises(ValueError, match=r"no fit\.json"):
        fit(tmp_path / "a")


def same_models(a, b):
    assert_same(a.ensemble_.states, [replaced(s) for s in b.ensemble_.states])
    assert a.parts_.equals(b.parts_)
    assert a.history_.drop(columns="seconds").equals(b.history_.drop(columns="seconds"))


def replaced(state):
    """Curves are gone once parts are weighed."""
    state.curves.clear()
    return state


@pytest.mark.parametrize("kind", FAMILY, ids=lambda kind: kind.__name__)
def test_every_model_goes_on_to_the_same(tmp_path, mdata, graph, kind):
    own = {
        "ConvNet": {"order": "position", "n_channels": 2},
        "Recurrent": {"subject": "patient", "time": "week"},
        "PathwayVAE": {"gate_edges": True},
    }.get(kind.__name__, {})
    with pw.io.quiet_mudata():
        mdata = mdata.copy()
    mdata.obs["patient"] = [f"p{i // 2}" for i in range(mdata.n_obs)]
    mdata.obs["week"] = np.arange(mdata.n_obs) % 2
    for mod in mdata.mod.values():
        mod.var["position"] = np.arange(mod.n_vars)

    def make():
        return kind(4, max_epochs=3, n_folds=2, seed=1, **own)

    with at_epoch(3, kill), pytest.raises(Killed):
        make().fit(mdata, graph, layers=["protein"], resume=tmp_path)
    with at_epoch(2, kill):  # one is left to do
        found = make().fit(mdata, graph, layers=["protein"], resume=tmp_path)
    expected = make().fit(mdata, graph, layers=["protein"])
    same_models(found, expected)
    np.testing.assert_array_equal(found.embed(mdata), expected.embed(mdata))


SMALL = {"max_epochs": 3, "n_folds": 2, "seed": 1, "n_hidden": 8}


def test_a_fit_differs_by_what_it_depends_on(tmp_path, mdata, graph):
    def refused(match, data=mdata, on=None, **how):
        with pytest.raises(ValueError, match=match):
            pw.models.PathwayVAE(4, **{**SMALL, **how}).fit(
                data, on, layers=["protein"], resume=tmp_path, samples=kept
            )

    kept = np.arange(mdata.n_obs) < 60
    folder = pw.models.PathwayVAE(4, **SMALL)
    folder.fit(mdata, layers=["protein"], resume=tmp_path, samples=kept)
    refused(r"dropout \(there 0.5, here 0.3\)", dropout=0.3)
    refused(r"seed \(there 1, here 2\)", seed=2)
    refused("graph", on=graph)
    with pw.io.quiet_mudata():
        changed = mdata.copy()
    changed.mod["protein"].X[0, 0] += 1e-3
    refused("layer 'protein'", data=changed)
    with pytest.raises(ValueError, match="outcome 'class'"):
        pw.models.PathwayVAE(4, **SMALL).fit(
            mdata, target="class", layers=["protein"], resume=tmp_path, samples=kept
        )
    # What is not learned from may differ, and how many processes fit.
    with pw.io.quiet_mudata():
        held_out = mdata.copy()
    outside = ~held_out.mod["protein"].obs_names.isin(mdata.obs_names[kept])
    held_out.mod["protein"].X[outside] = 7.0
    with at_epoch(1, kill):
        pw.models.PathwayVAE(4, **SMALL, n_jobs=2).fit(
            held_out, layers=["protein"], resume=tmp_path, samples=kept
        )


def test_fine_tuning_goes_on_to_the_same(tmp_path, mdata):
    base = pw.models.MultimodalVAE(4, **SMALL).fit(mdata, layers=["protein"])
    other = pw.models.MultimodalVAE(4, **{**SMALL, "seed": 2}).fit(mdata, layers=["protein"])
    with at_epoch(3, kill), pytest.raises(Killed):
        base.fine_tune(mdata, layers=["protein"], resume=tmp_path)
    found = base.fine_tune(mdata, layers=["protein"], resume=tmp_path)
    same_models(found, base.fine_tune(mdata, layers=["protein"]))
    with pytest.raises(ValueError, match="model that is tuned"):
        other.fine_tune(mdata, layers=["protein"], resume=tmp_path, seed=1)


def test_a_tuned_model_goes_on_in_its_search_and_in_its_fit(tmp_path, mdata):
    pytest.importorskip("optuna", reason="tuning needs the extra 'tune'")

    def make():
        model = pw.models.MultimodalVAE(4, **SMALL)
        return pw.models.Tuned(model, {"n_latent": [2, 4]}, n_trials=2)

    with at_epoch(8, kill), pytest.raises(Killed):  # the second epoch of the last fit
        make().fit(mdata, layers=["protein"], resume=tmp_path)
    with at_epoch(3, kill):
        found = make().fit(mdata, layers=["protein"], resume=tmp_path)
    assert found.model_.history_["epoch"].max() == 3


@pytest.mark.parametrize("name", ["resume", "log"])
def test_names_that_are_none(tmp_path, mdata, name):
    with pytest.raises(TypeError, match=f"{name}=True must be the name"):
        pw.models.MultimodalVAE(4, **SMALL).fit(mdata, **{name: True})
    (tmp_path / "file").write_text("x")
    with pytest.raises(FileExistsError, match=r"resume=.* is a file"):
        pw.models.MultimodalVAE(4, **SMALL).fit(mdata, resume=tmp_path / "file")


def test_digests_tell_apart_what_differs():
    made = [
        digest_of(value)
        for value in (
            np.zeros(3), np.zeros(3, dtype=np.float32), np.zeros((3, 1)), [0.0, 0.0, 0.0], {"a": 1}, {"b": 1},
            ["ab", "c"], ["a", "bc"], None, "None", HEADS, HEADS[:2], np.array([np.nan]), [[1], [2]], [[1, 2]],
        )
    ]  # fmt: skip
    assert len(set(made)) == len(made)
    assert digest_of({"a": 1, "b": 2}) == digest_of({"b": 2, "a": 1})
    nested = [
        {"a": {"b": 1, "c": 2}},
        {"a": {"b": 1}, "c": 2},
        {"a": {}, "b": 1, "c": 2},
        {1: 2},
        {"1": 2},
    ]
    long = torch.zeros(2, 2000)
    long[1, 1000] = 1.0  # in the middle, which its text leaves out
    assert len({digest_of(value) for value in [*nested, long[0], long[1]]}) == len(nested) + 2


def test_a_relative_folder_is_that_of_the_program_in_workers_that_were_there_before(
    tmp_path, monkeypatch
):
    """A worker keeps the folder that it was started in: it must not go on from what lies there."""
    for name, seed in (("one", 1), ("two", 2)):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        model = pw.models.MultimodalVAE(2, max_epochs=2, n_folds=2, seed=seed, n_jobs=2)
        model.fit(pw.datasets.simulate(40, seed=1), target="class", resume="kept", log="log.csv")
        assert len(list(Path("kept").glob("*.safetensors"))) == 3
        assert len(Path("log.csv").read_text().splitlines()) == 1 + len(model.history_)
    alone = pw.models.MultimodalVAE(2, max_epochs=2, n_folds=2, seed=2, n_jobs=1)
    alone.fit(pw.datasets.simulate(40, seed=1), target="class")
    np.testing.assert_array_equal(
        model.ensemble_.states[1].state["decoders.l0.0.weight"],
        alone.ensemble_.states[1].state["decoders.l0.0.weight"],
    )
