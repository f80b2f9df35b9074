"""Ctrl-C and SIGTERM while networks are trained: a model that can be used, or a checkpoint, and nothing else changes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from resume_cases import Killed, assert_same, at_epoch, kill

import pathweave as pw
from pathweave import settings
from pathweave._core.warnings import InterruptedFitWarning
from pathweave.evaluate import cross_validate

if TYPE_CHECKING:
    from pathlib import Path

SMALL = {"max_epochs": 3, "n_folds": 3, "seed": 1, "n_hidden": 8}
TARGETS = {"target": ["class", "outcome"], "survival": ("time", "event"), "layers": ["protein"]}


@pytest.fixture(autouse=True)
def _heard():
    """Ctrl-C is heard, even where the tests run in the background of a shell, which has programs ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def make(**changes):
    return pw.models.MultimodalVAE(4, **{**SMALL, **changes})


def ctrl_c():
    signal.raise_signal(signal.SIGINT)


def interrupted(mdata, number, **how):
    with (
        at_epoch(number, ctrl_c) as count,
        pytest.warns(InterruptedFitWarning, match="the fit was interrupted") as told,
    ):
        model = make().fit(mdata, **{**TARGETS, **how})
    assert count() == number  # the epoch at hand was the last
    return model, str(told[0].message)


@pytest.fixture(scope="module")
def whole(mdata):
    return make().fit(mdata, **TARGETS)


@pytest.mark.parametrize(
    ("number", "networks", "unfinished"),
    [
        (1, ["reference", "fold 1"], ("reference", "fold 1", "fold 2", "fold 3")),
        (5, ["reference", "fold 1"], ("fold 1", "fold 2", "fold 3")),
        (11, ["reference", "fold 1", "fold 2", "fold 3"], ("fold 3",)),
    ],
)
def test_ctrl_c_leaves_a_model_that_can_be_used(tmp_path, mdata, number, networks, unfinished):
    model, said = interrupted(mdata, number)
    assert [state.name for state in model.ensemble_.states] == networks
    assert model.unfinished_ == unfinished
    assert all(name in said for name in unfinished)
    assert model.history_["seconds"].gt(0).all()
    predicted, deviation = model.predict(mdata, return_std=True)
    assert np.isfinite(predicted[["outcome", "risk"]]).all().all()
    assert np.isfinite(deviation).all().all()
    # Judged out of fold only where a network was.
    judged = np.isin(np.arange(mdata.n_obs), np.concatenate(folds_of(model)))
    assert model.out_of_fold_["outcome"].notna().to_numpy()[~judged].sum() == 0
    assert model.out_of_fold_["outcome"].notna().any()
    assert np.isfinite(model.predict_survival(mdata, [1.0, 2.0])).all().all()
    assert np.isfinite(model.parts_["weight"]).all()
    model.save(tmp_path / "model")
    again = pw.models.load(tmp_path / "model")
    assert again.unfinished_ == unfinished
    pd.testing.assert_frame_equal(again.predict(mdata), predicted)


def folds_of(model):
    return [state.validation for state in model.ensemble_.states[1:]]


def test_in_the_last_epoch_there_is_nothing_to_stop(mdata, whole):
    with at_epoch(12, ctrl_c):
        model = make().fit(mdata, **TARGETS)
    assert model.unfinished_ == whole.unfinished_ == ()
    assert model.parts_.equals(whole.parts_)


def test_an_interrupted_fit_goes_on_from_its_folder(tmp_path, mdata, whole):
    _, said = interrupted(mdata, 5, resume=tmp_path)
    assert f"resume={str(tmp_path)!r} goes on from here" in said
    with at_epoch(0, kill) as count:
        model = make().fit(mdata, **TARGETS, resume=tmp_path)
    assert count() == 12 - 5
    assert_same(model.ensemble_.states, whole.ensemble_.states)
    assert model.parts_.equals(whole.parts_)


def test_networks_that_too_few_samples_judge_have_no_say(mdata):
    with pw.io.quiet_mudata():
        few = mdata.copy()
    few.obs.loc[few.obs_names[16:], "outcome"] = np.nan
    model, _ = interrupted(few, 1, target=["class", "outcome"], survival=None)
    table = model.parts_.set_index(["target", "part"])
    judged = np.isin(np.arange(16), model.ensemble_.states[1].validation).sum()
    assert judged < 5  # or the example is none
    assert table.loc[("outcome", "network"), "weight"] == 0
    assert np.isnan(table.loc[("outcome", "network"), "loss"])
    assert table.loc[("class", "network"), "weight"] > 0
    assert model.out_of_fold_["outcome"].notna().sum() == 16
    assert np.isfinite(model.predict(few)["outcome"]).all()


def test_a_second_ctrl_c_stops_at_once_and_leaves_no_model(mdata):
    def twice():
        ctrl_c()
        ctrl_c()

    model = make()
    with at_epoch(5, twice), pytest.raises(KeyboardInterrupt):
        model.fit(mdata, **TARGETS)
    assert not hasattr(model, "ensemble_")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_handlers_of_the_user_stay(mdata):
    seen = []
    before = signal.signal(signal.SIGINT, lambda *_: seen.append(1))
    try:
        with at_epoch(2, ctrl_c):
            model = make().fit(mdata, layers=["protein"])
    finally:
        signal.signal(signal.SIGINT, before)
    assert seen == [1]
    assert model.unfinished_ == ()


def test_other_threads_fit_without_handlers(mdata):
    models = []
    thread = threading.Thread(target=lambda: models.append(make().fit(mdata, layers=["protein"])))
    thread.start()
    thread.join()
    assert models[0].unfinished_ == ()


def test_a_score_never_comes_of_a_fit_that_was_cut_short(mdata):
    with at_epoch(2, ctrl_c), pytest.raises(KeyboardInterrupt):
        cross_validate(
            mdata, target="class", models=[make()], baselines=[], nulls=[], n_folds=2, n_jobs=1
        )


def test_a_search_is_stopped_by_ctrl_c(mdata):
    pytest.importorskip("optuna", reason="tuning needs the extra 'tune'")
    with at_epoch(2, ctrl_c), pytest.raises(KeyboardInterrupt):
        pw.tl.tune(mdata, model=make(), space={"n_latent": [2, 4]}, n_trials=2, layers=["protein"])


def test_sigterm_is_kept_and_then_handed_on(tmp_path, mdata):
    """To a handler of the user's that lets the program live, the fit just goes on."""
    seen = []

    def handler(*_):
        seen.append(len(list(tmp_path.glob("*.safetensors"))))

    before = signal.signal(signal.SIGTERM, handler)
    try:
        with at_epoch(2, lambda: signal.raise_signal(signal.SIGTERM)) as count:
            model = make().fit(mdata, layers=["protein"], resume=tmp_path)
        assert signal.getsignal(signal.SIGTERM) is handler
    finally:
        signal.signal(signal.SIGTERM, before)
    assert seen == [1]  # what was done was kept before
    assert count() == 3
    assert model.unfinished_ == ()
    expected = make().fit(mdata, layers=["protein"])
    assert_same(model.ensemble_.states, expected.ensemble_.states)


def test_killed_between_checkpoints(tmp_path, mdata):
    with settings.override(checkpoint_seconds=1e9):
        with at_epoch(3, kill), pytest.raises(Killed):
            make().fit(mdata, layers=["protein"], resume=tmp_path)
        assert [path.name for path in tmp_path.iterdir()] == ["fit.json"]


SCRIPT = """
import sys
import pathweave as pw
pw.settings.progress, pw.settings.n_jobs = False, 1
pw.settings.checkpoint_seconds = 0.05
mdata = pw.datasets.simulate(60, seed=1)
model = pw.models.MultimodalVAE(4, max_epochs=80, patience=80, n_folds=2, n_hidden=8)
model.fit(mdata, layers=["protein"], resume=sys.argv[1], log=sys.argv[2])
"""


@pytest.mark.skipif(os.name == "nt", reason="signals of Unix")
def test_processes_that_are_ended_by_signals(tmp_path):
    """SIGTERM, SIGKILL, then to the end: as if nothing had been."""
    log = tmp_path / "losses.csv"
    names = [str(tmp_path / "kept"), str(log)]

    def start():
        return subprocess.Popen(  # noqa: S603
            [sys.executable, "-c", SCRIPT, *names], stderr=subprocess.PIPE
        )

    for signum, n_lines in ((signal.SIGTERM, 20), (signal.SIGKILL, 60)):
        process = start()
        while process.poll() is None and (not log.exists() or lines(log) < n_lines):
            time.sleep(0.01)
        process.send_signal(signum)
        _, error = process.communicate(timeout=120)
        assert process.returncode == -signum, error.decode()
    mdata = pw.datasets.simulate(60, seed=1)
    how = {"max_epochs": 80, "patience": 80, "n_folds": 2, "n_hidden": 8}
    found = pw.models.MultimodalVAE(4, **how)
    found.fit(mdata, layers=["protein"], resume=names[0], log=log)
    assert lines(log) == 1 + 2 * 80  # no epoch twice
    expected = pw.models.MultimodalVAE(4, **how).fit(mdata, layers=["protein"])
    assert_same(found.ensemble_.states, expected.ensemble_.states)


def lines(path: Path) -> int:
    data = path.read_bytes()
    assert not data or data.endswith(b"\n")  # whole lines, whenever one looks
    return data.count(b"\n")
