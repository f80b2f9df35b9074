"""Two processes give the model of one: whole replicates to the bit, shared steps but for rounding."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import pathweave as pw
from pathweave import nn, settings
from pathweave._core import processes as core
from pathweave.models import Replicate, TrainSpec
from pathweave.models._shared import digest_of, shared_by
from pathweave.models._steps import Steps
from pathweave.models._train import FittedState

SRC = Path(pw.__file__).parents[1]
FITS = """
import numpy as np
import pathweave as pw
from pathweave.models import Replicate, TrainSpec, fit_replicates
from pathweave.nn.heads import HeadSpec
from pathweave.nn.pathway_vae import LayerSpec, NetSpec

mdata = pw.datasets.simulate(60, seed=3)
HOW = {"max_epochs": 6, "n_folds": 3, "batch_size": 20, "n_jobs": 1}

def model(seed, file=None):
    if file is not None:
        pw.io.write_h5mu(mdata, file)
    data = mdata if file is None else pw.io.open_mudata(file)
    fitted = pw.models.MultimodalVAE(4, seed=seed, **HOW).fit(data)
    curves = fitted.history_[["loss", "target_loss", "reconstruction", "kl"]]
    return fitted, {"curves": curves.to_numpy().tolist(), "said": fitted.embed(mdata).tolist()}

def networks(share):
    rng, everyone = np.random.default_rng(0), np.arange(60)
    layer = LayerSpec("x", 9, "gaussian", tuple(range(9)))
    spec = NetSpec((layer,), (HeadSpec("y", "class", 2), HeadSpec("t", "survival", 1)), n_latent=3)
    x = rng.normal(size=(60, 9)).astype(np.float32)
    outcomes = {"y": (x[:, :1] > 0).astype(float), "t": np.stack([np.exp(x[:, 1]), x[:, 2] > 0], axis=1)}
    plan = [Replicate(str(k), everyone[everyone % 3 != k], everyone[everyone % 3 == k], k) for k in range(3)]
    with pw.settings.override(processes=share):
        states = fit_replicates(spec, TrainSpec(6, batch_size=20), {"x": x}, outcomes, None, plan, n_jobs=1)
    losses = ("loss", "target_loss", "reconstruction", "kl")
    curves = [[row[name] for name in losses] for state in states for row in state.history]
    return {"curves": curves, "said": [state.scores["y"].tolist() for state in states]}
"""
SCRIPT = (
    FITS
    + """
import json, sys
from pathlib import Path

folder, rank = Path(sys.argv[1]), pw.nn.join_processes().rank
pw.settings.progress = False
fitted, told = model(1)
fitted.save(folder / "model")
told = {"one net": told, "replicates": networks("auto"), "steps": networks("batches")}
told["from disk"] = model(1, folder / f"{rank}.h5mu")[1]
try:
    model(rank)
except ValueError as error:
    told["other seed"] = str(error)
(folder / f"{rank}.json").write_text(json.dumps(told))
"""
)


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    folder = tmp_path_factory.mktemp("torchrun")
    script = folder / "script.py"
    script.write_text(SCRIPT)
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    started = []
    for rank in ("0", "1"):  # what torchrun sets, without the seconds that it takes
        env = {**os.environ, "PYTHONPATH": str(SRC), "OMP_NUM_THREADS": "1", "RANK": rank}
        env |= {"WORLD_SIZE": "2", "MASTER_ADDR": "localhost", "MASTER_PORT": str(port)}
        env.pop("PATHWEAVE_LAUNCHED_PID", None)
        command = [sys.executable, str(script), str(folder)]
        started.append(subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True))  # noqa: S603
    try:
        said = [process.communicate(timeout=200)[1] for process in started]
    finally:
        for process in started:
            process.kill()
            process.communicate()
    assert [process.returncode for process in started] == [0, 0], "\n".join(said)[-3000:]
    return folder, [json.loads((folder / f"{rank}.json").read_text()) for rank in (0, 1)]


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    here = {}
    exec(FITS, here)  # noqa: S102  the same lines in this process
    networks = here["networks"]("auto")
    found = {"one net": here["model"](1)[1], "replicates": networks, "steps": networks}
    file = tmp_path_factory.mktemp("alone") / "cells.h5mu"
    return {**found, "from disk": here["model"](1, file)[1]}


@pytest.mark.parametrize(
    ("name", "tolerance"),
    [("one net", 1e-4), ("replicates", 0), ("steps", 1e-4), ("from disk", 1e-4)],
)
def test_two_processes_fit_the_model_of_one(name, tolerance, told, alone):
    _, ranks = told
    for rank in ranks:
        for what, expected in alone[name].items():
            np.testing.assert_allclose(rank[name][what], expected, rtol=0, atol=tolerance)
    assert ranks[0][name] == ranks[1][name]


def test_the_first_process_writes(told):
    folder, _ = told
    model = pw.models.load(folder / "model")
    assert len(model.training_samples_) == 60


def test_processes_that_do_not_fit_the_same_are_told(told):
    for rank in told[1]:
        assert "the 2 processes do not fit the same" in rank["other seed"]


class Rehearsed(nn.Processes):
    """Two processes of which the other one answers as it is told to."""

    other = None

    def gather_objects(self, what):
        return [what, what if isinstance(what, str) else self.other]


def states(numbers):
    return [FittedState(f"r{i}", {}, 0) for i in numbers]


def names(n):
    return [f"r{k}" for k in range(n)]


def replicates(n):
    return [Replicate(f"r{k}", np.arange(3), np.arange(0), seed=k) for k in range(n)]


def test_replicates_come_back_in_their_order():
    pair = Rehearsed(0, 2)
    object.__setattr__(pair, "other", (states(range(1, 5, 2)), None))
    found = shared_by(pair, None, names(5), "x", several=states)
    assert [state.name for state in found] == ["r0", "r1", "r2", "r3", "r4"]


def test_a_failure_elsewhere_is_raised_here():
    pair = Rehearsed(0, 2)
    object.__setattr__(pair, "other", ([], "MemoryError: no room"))
    with pytest.raises(RuntimeError, match=r"process 1 of 2 failed, .*: MemoryError: no room"):
        shared_by(pair, None, names(2), "x", several=states)

    def fails(_):
        raise OSError("here")  # noqa: EM101

    with pytest.raises(OSError, match="here"):
        shared_by(pair, None, names(2), "x", several=fails)


def test_fewer_replicates_than_processes_share_steps():
    seen = []

    def fit_one(i, *, processes):
        seen.append((f"r{i}", processes.size))
        return states([i])[0]

    pair = Rehearsed(0, 2)
    assert [s.name for s in shared_by(pair, fit_one, names(1), "x", several=states)] == ["r0"]
    with settings.override(processes="batches"):
        shared_by(pair, fit_one, names(2), "x", several=states)
    assert seen == [("r0", 2), ("r0", 2), ("r1", 2)]


def test_the_digest_sees_what_is_fitted():
    training, values = TrainSpec(), {"rna": np.zeros((4, 2), dtype=np.float32)}
    outcomes, plan = {"y": np.zeros((4, 1))}, replicates(2)
    first = digest_of([training], values, outcomes, plan)
    assert digest_of([training], values, outcomes, replicates(2)) == first
    moved = {"rna": np.eye(4, 2, dtype=np.float32)}
    with settings.override(accumulate=2):
        other = digest_of([training], values, outcomes, plan)
    assert first not in {
        other,
        digest_of([replace(training, mixup=0.0)], values, outcomes, plan),
        digest_of([training], moved, outcomes, plan),
        digest_of([training], values, {"y": np.ones((4, 1))}, plan),
        digest_of([training], values, outcomes, replicates(3)),
    }


def test_a_batch_smaller_than_the_processes_is_refused():
    import torch

    steps = object.__new__(Steps)
    steps.processes, steps.batch_size = nn.Processes(0, 8), 4
    with pytest.raises(ValueError, match="a batch of 4 samples cannot be shared by 8 processes"):
        steps._batches(torch.arange(12))


@pytest.fixture
def launched_env(monkeypatch):
    values = {"RANK": "1", "WORLD_SIZE": "4", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2"}
    for name, value in {**values, "MASTER_ADDR": "localhost", "MASTER_PORT": "1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("PATHWEAVE_LAUNCHED_PID", raising=False)
    return monkeypatch


def test_the_environment_says_who_was_launched(launched_env):
    # setenv first, so that what launched() notes is taken back
    launched_env.setenv("PATHWEAVE_LAUNCHED_PID", str(os.getpid()))
    assert core.launched() == core.Launched(1, 4, 1, 2)
    assert not core.is_first()
    with settings.override(processes="off"):
        assert core.is_first()  # of those that work with it, which are none
    launched_env.delenv("WORLD_SIZE")
    assert core.launched() == core.Launched()


def test_a_worker_of_a_launched_process_is_no_member(launched_env):
    launched_env.setenv("PATHWEAVE_LAUNCHED_PID", str(os.getpid() + 1))
    assert core.launched() == core.Launched()
    assert nn.join_processes() == nn.Processes()
