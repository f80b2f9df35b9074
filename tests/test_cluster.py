"""The scripts for clusters: one runs as one process, the other is at least valid bash."""

from __future__ import annotations

import re
import runpy
import shutil
import subprocess
from pathlib import Path

import pytest

import pathweave as pw

FOLDER = Path(__file__).resolve().parents[1] / "tutorials" / "cluster"


def test_the_script_fits_and_saves(tmp_path):
    script = runpy.run_path(str(FOLDER / "train.py"))
    data, model = str(tmp_path / "data.h5mu"), str(tmp_path / "model")
    with pw.io.quiet_mudata():
        pw.io.write_h5mu(pw.datasets.simulate(40, seed=0), data)
    script["main"](["--data", data, "--epochs", "1", "--out", model, "--accumulate", "2"])
    assert len(pw.models.load(model).training_samples_) == 40
    assert pw.settings.accumulate == 1


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_the_job_is_valid():
    job = FOLDER / "job.sbatch"
    bash = shutil.which("bash")
    done = subprocess.run([bash, "-n", str(job)], capture_output=True, text=True, check=False)  # noqa: S603
    assert (done.returncode, done.stderr) == (0, "")
    options = set(re.findall(r"(--[a-z-]+)", (FOLDER / "train.py").read_text()))
    assert {"--data", "--target"} <= options
    assert "train.py" in job.read_text()
