"""One model on whatever hardware: several processes, bfloat16, batches in pieces, deterministic algorithms.

Run from the project's root: ``python benchmarks/hardware.py [--rounds 3]``. It needs ``../shared/data/rosmap``. Every
measurement is processes of its own, the rounds of all jobs interleaved; seconds are the least of all rounds and those
of the networks' training alone (``fit_replicates``), memory is what a process's peak rose by from
before the fit. Writes ``benchmarks/hardware.csv``: a row a way to compute, with the largest difference of its
loss curves from those of one process in float32, and the area under the ROC of the training samples out of fold
(whole stack, and its networks alone, which their epoch chosen on the same samples flatters). Nothing is chosen by it. GPU rows come where there is a GPU.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data" / "rosmap" / "rosmap.h5mu"
TORCHRUN = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
LOSSES = ["loss", "target_loss", "reconstruction", "kl"]
WAYS = {
    "one process": {},
    "two processes, replicates": {"processes": "replicates"},
    "two processes, steps": {"processes": "batches"},
    "bf16": {"precision": "bf16"},
    "4 pieces": {"accumulate": 4},
    "deterministic": {"deterministic": True},
}
GPU_WAYS = {
    "GPU": {"device": "cuda"},
    "GPU, bf16": {"device": "cuda", "precision": "bf16"},
    "GPU, deterministic": {"device": "cuda", "deterministic": True},
}
CASES = ("rosmap, default model", "one wide network")


def one(case: str, way: str) -> dict:
    """Fit once, here."""
    import sklearn.metrics
    import torch

    import pathweave as pw
    from pathweave.models import _fit_networks

    warnings.simplefilter("ignore")
    pw.settings.progress = False
    for name, value in {"device": "cpu", **{**WAYS, **GPU_WAYS}[way]}.items():
        setattr(pw.settings, name, value)
    seconds = []
    networks = _fit_networks.fit_replicates

    def timed(*args, **kwargs):
        started = time.perf_counter()
        states = networks(*args, **kwargs)
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - started)
        return states

    _fit_networks.fit_replicates = timed
    with pw.io.quiet_mudata():
        if case == CASES[0]:
            mdata = pw.io.read_h5mu(DATA)
            model, how = pw.models.PathwayVAE(max_epochs=30, n_jobs=1), {"target": "diagnosis"}
        else:
            mdata = pw.datasets.simulate(600, seed=0)
            model, how = (
                pw.models.PathwayVAE(
                    n_channels=16, n_graph_layers=2, batch_size=256, max_epochs=3, n_jobs=1
                ),
                {},
            )
        graph = pw.graph.reactome()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        model.fit(mdata, graph, **how)
        risen = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 2**10
        found = {"seconds": seconds[0], "mb": risen, "curves": model.history_[LOSSES].to_numpy().tolist()}  # fmt: skip
        if how:
            name = how["target"]
            labels = model.targets_[name].encode(mdata.obs)[:, 0]
            whole = model.ensemble_.parts[name].out_of_fold[:, 1]
            found["auroc"] = sklearn.metrics.roc_auc_score(labels, whole)
            scores = [np.column_stack([s.validation, s.scores[name]]) for s in model.ensemble_.states[1:]]  # fmt: skip
            scores = np.concatenate(scores)
            found["auroc_networks"] = sklearn.metrics.roc_auc_score(labels[scores[:, 0].astype(int)], scores[:, 2])  # fmt: skip
    return found


def measured(case: str, way: str, out: Path) -> dict:
    """Fit once in processes of its own."""
    out.unlink(missing_ok=True)
    launch = TORCHRUN if way.startswith("two") else []
    command = [sys.executable, *launch, __file__, "--one", case, way, str(out)]
    paths = os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
    env = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": paths}
    subprocess.run(command, env=env, check=True, stderr=subprocess.PIPE)  # noqa: S603
    return json.loads(out.read_text())


def main(rounds: int) -> None:
    """Measure everything and write the table."""
    import torch

    ways = {**WAYS, **(GPU_WAYS if torch.cuda.is_available() else {})}
    machine = f"{platform.machine()}, {os.cpu_count()} cores, " + (
        torch.cuda.get_device_name(0) if torch.cuda.is_available() else "no GPU"
    )
    out = ROOT / "benchmarks" / ".hardware.json"
    found: dict[tuple[str, str], list[dict]] = {}
    for _ in range(rounds):
        for case in CASES:
            for way in ways:
                found.setdefault((case, way), []).append(measured(case, way, out))
                print(case, way, round(found[case, way][-1]["seconds"], 2), flush=True)
    out.unlink()
    rows = []
    for (case, way), results in found.items():
        usual = found[case, "one process"]
        seconds, fastest = (min(r["seconds"] for r in group) for group in (results, usual))
        curves, expected = np.array(results[0]["curves"]), np.array(usual[0]["curves"])
        same = curves.shape == expected.shape
        rows.append(
            {
                "case": case,
                "way": way,
                "seconds": round(seconds, 2),
                "times one process": round(seconds / fastest, 2),
                "mb": round(min(r["mb"] for r in results)),
                "largest difference of losses": np.abs(curves - expected).max() if same else np.nan,
                "auroc": results[0].get("auroc"),
                "auroc of networks": results[0].get("auroc_networks"),
                "rounds": rounds,
                "load": round(os.getloadavg()[0], 1),
                "machine": machine,
            }
        )
    pd.DataFrame(rows).to_csv(
        ROOT / "benchmarks" / "hardware.csv", index=False, float_format="%.4g"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one", nargs=3, metavar=("CASE", "WAY", "OUT"))
    chosen = parser.parse_args()
    if chosen.one:
        result = one(*chosen.one[:2])
        if os.environ.get("RANK", "0") == "0":
            Path(chosen.one[2]).write_text(json.dumps(result))
    else:
        main(chosen.rounds)
