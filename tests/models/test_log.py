"""Losses that can be read while a fit runs, and the bar."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
import types
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pytest
from resume_cases import EPOCHS, Killed, at_epoch, fit, kill

import pathweave as pw
from pathweave import settings
from pathweave.models import _log
from pathweave.models._log import COLUMNS, CsvLog, training_log
from pathweave.models._monitor import EpochBar

SMALL = {"max_epochs": 3, "n_folds": 2, "seed": 1, "n_hidden": 8}


def rows_of(states):
    return pd.DataFrame([row for state in states for row in state.history])


def test_the_log_is_the_history(tmp_path, mdata):
    path = tmp_path / "losses.csv"
    model = pw.tl.fit(
        mdata, model=pw.models.MultimodalVAE(4, **SMALL), layers=["protein"], log=path
    )
    assert tuple(model.history_.columns) == COLUMNS
    assert (model.history_["seconds"] > 0).all()
    written = pd.read_csv(path, float_precision="round_trip")
    pd.testing.assert_frame_equal(written, model.history_)


def test_it_is_there_after_every_epoch_and_has_none_twice_after_a_resume(tmp_path):
    log = CsvLog(tmp_path / "losses.csv")
    with settings.override(checkpoint_seconds=0.0):
        seen = []
        look = lambda: seen.append(len(pd.read_csv(log.path)))  # noqa: E731
        with at_epoch(3, look), at_epoch(5, kill), pytest.raises(Killed):
            fit(tmp_path / "kept", log=log)
        assert seen == [4]  # two epochs, training and validation
        states = fit(tmp_path / "kept", log=log)
    written = pd.read_csv(log.path, float_precision="round_trip")
    pd.testing.assert_frame_equal(written, rows_of(states))
    assert written["replicate"].nunique() == 3


def test_processes_do_not_write_into_each_others_lines(tmp_path):
    log = CsvLog(tmp_path / "losses.csv")
    log.open()
    row = dict(zip(COLUMNS, ['a "name", or two', 1, "train", *[0.123456789] * 5], strict=True))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: log.write("", [row, row]), range(50)))
    found = pd.read_csv(log.path)
    assert len(found) == 100
    assert (found["replicate"] == 'a "name", or two').all()


def test_what_is_no_log_is_not_overwritten(tmp_path):
    other = tmp_path / "mine.csv"
    other.write_text("sample,age\na,3\n")
    with pytest.raises(FileExistsError, match="is no log of a fit"):
        training_log(other)
    with pytest.raises(FileNotFoundError, match="make it first"):
        training_log(tmp_path / "nowhere" / "losses.csv")
    assert other.read_text() == "sample,age\na,3\n"


def test_a_full_disk_leaves_whole_lines(tmp_path, monkeypatch):
    log = CsvLog(tmp_path / "losses.csv")
    log.open()
    write = os.write
    monkeypatch.setattr(_log.os, "write", lambda fd, data: write(fd, data[:5]))
    with pytest.raises(OSError, match="no space for a line"):
        log.write("", [dict.fromkeys(COLUMNS, 1)])
    assert len(pd.read_csv(log.path)) == 0


def test_without_tensorboard_the_error_says_what_to_install(tmp_path, mdata, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ImportError, match=r"pip install 'pathweave\[tensorboard\]'.*\.csv"):
        pw.models.MultimodalVAE(4, **SMALL).fit(mdata, log=tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_runs_of_an_earlier_fit_go_and_those_of_others_stay(tmp_path, monkeypatch):
    """Else the folds of a fit with more of them are shown beside those of the next."""

    class Writer:
        def __init__(self, folder, purge_step):
            assert purge_step == 0
            (Path(folder) / f"events.out.tfevents.{len(list(tmp_path.rglob('*')))}").touch()

        def add_scalar(self, *given):
            pass

        flush = close = add_scalar

    fake = types.SimpleNamespace(SummaryWriter=Writer)
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", fake)
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: True)
    theirs = [tmp_path / "theirs" / "events.out.tfevents.1", tmp_path / "fold 3" / "note.txt"]
    for n_folds in (3, 2):
        log = training_log(tmp_path)
        log.open()
        for k in range(n_folds):
            log.begin(f"fold {k + 1}", [])
            log.end(f"fold {k + 1}")
        for path in theirs:
            path.parent.mkdir(exist_ok=True)
            path.touch()
    assert all(path.is_file() for path in theirs)
    events = {path.parent.name for path in tmp_path.rglob("events.*")}
    assert events == {"theirs", "fold 1", "fold 2"}
    assert len(list(tmp_path.rglob("events.*"))) == 3


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_tensorboard_shows_every_epoch_once(tmp_path):
    pytest.importorskip("tensorboard", reason="needs the extra 'tensorboard'")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    (tmp_path / "file").write_text("x")
    with pytest.raises(FileExistsError, match="is a file"):
        training_log(tmp_path / "file")
    with settings.override(checkpoint_seconds=0.0):
        with at_epoch(6, kill), pytest.raises(Killed):
            fit(tmp_path / "kept", log=training_log(tmp_path / "runs"))
        states = fit(tmp_path / "kept", log=training_log(tmp_path / "runs"))
    for state in states:
        events = EventAccumulator(str(tmp_path / "runs" / state.name)).Reload()
        told = [row for row in state.history if row["part"] == "train"]
        points = events.Scalars("loss/train")
        assert [p.step for p in points] == list(range(1, EPOCHS + 1))
        assert [p.value for p in points] == pytest.approx([row["loss"] for row in told], rel=1e-6)


def test_one_bar_over_all_epochs(capsys):
    with settings.override(progress=True):
        bar = EpochBar(2, 10)
        row = {"part": "train", "loss": 2.0, "target_loss": 0.5}
        bar.begin(0, "reference", [])
        for epoch in (1, 2, 3):
            bar.show([{**row, "epoch": epoch}, {**row, "epoch": epoch, "part": "validation"}])
        assert (bar._bar.n, bar._bar.total) == (3, 20)
        bar.end()
        assert bar._bar.total == 6  # the next is thought to take as long
        bar.begin(1, "fold 1", [{"epoch": 2}])
        assert (bar._bar.n, bar._bar.initial) == (5, 2)
        bar.show([{**row, "epoch": 3}])
        bar._bar.refresh()
        bar.close()
    shown = capsys.readouterr().err
    assert re.search(r"fold 1 \(2/2\).*6/6 .*epoch 3, train 0\.5", shown)


def test_no_bar_where_none_is_wanted(mdata, capsys):
    pw.models.MultimodalVAE(4, **SMALL).fit(mdata, layers=["protein"])
    assert capsys.readouterr().err == ""
    with settings.override(progress=True):
        pw.models.MultimodalVAE(4, **SMALL).fit(mdata, layers=["protein"])
    assert "reference (1/1)" in capsys.readouterr().err
