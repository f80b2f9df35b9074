"""Fits that are killed, terminated, starved of disk space or robbed of half a checkpoint, and what comes of them.

Run from the project's root: ``python benchmarks/interruptions.py [--kills 20]``. Every fit is a process of its own, forked
after the imports. It fits a `MultimodalVAE` to simulated samples, with a class to predict, keeping checkpoints, and ends by
writing digests of its networks, history and predictions. What was broken off is fitted again with the same call, and has
to give the digests of a fit that nothing happened to. For the full disk a tmpfs of a few hundred kB is mounted, which needs
root; without, those cases are left out and the table says so. Writes ``benchmarks/interruptions.csv``, one row a case:
when (seconds into the fit, or bytes), what was found then, what the second fit said, and whether the model was the same.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import os
import platform
import signal
import subprocess
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from safetensors import safe_open

import pathweave as pw

HERE = Path(__file__).resolve().parent
FORK = multiprocessing.get_context("fork")
CUTS = (0, 1, 8, 100, 0.1, 0.5, 0.9, 0.999)
SIZES = (4, 64, 128, 256, 384, 512)  # kB


def digest(model) -> str:
    """Everything that was learned."""
    told = hashlib.sha256()
    for state in model.ensemble_.states:
        for name in sorted(state.state):
            told.update(name.encode() + np.ascontiguousarray(state.state[name]).tobytes())
    told.update(model.history_.drop(columns="seconds").to_json(double_precision=15).encode())
    told.update(model.parts_.to_json(double_precision=15).encode())
    told.update(model.predict_proba(MDATA).to_numpy().tobytes())
    return told.hexdigest()


def fit(folder: str | None, answer: str) -> None:
    """Fit in this process, and write what came of it."""
    torch.set_num_threads(1)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            model = pw.models.MultimodalVAE(4, max_epochs=12, n_folds=2, n_hidden=8, seed=1)
            model.fit(MDATA, target="class", layers=["protein"], resume=folder)
            result = {"digest": digest(model)}
        except (OSError, ValueError) as error:
            result = {"error": f"{type(error).__name__}: {error}"}
    result["said"] = [str(w.message) for w in said if w.category.__module__.startswith("pathweave")]
    Path(answer).write_text(json.dumps(result))


def started(folder: Path, answer: Path) -> multiprocessing.Process:
    answer.unlink(missing_ok=True)
    process = FORK.Process(target=fit, args=(str(folder), str(answer)))
    process.start()
    return process


def to_the_end(folder: Path, answer: Path) -> dict:
    process = started(folder, answer)
    process.join()
    return json.loads(answer.read_text())


def found_in(folder: Path) -> str:
    """What is kept, and whether all that has its name can be read."""
    finished, training, broken = 0, 0, 0
    for path in folder.glob("[!.]*.safetensors"):
        try:
            with safe_open(path, framework="pt") as file:
                facts = json.loads(file.metadata()["facts"])
            finished += "fitted" in facts
            training += "fitted" not in facts
        except Exception:  # noqa: BLE001  whatever is wrong with it
            broken += 1
    return f"{finished} networks fitted, {training} checkpoints in training, {broken} files damaged"


def row(case: str, when: str, found: str, result: dict, expected: str) -> dict:
    same = result.get("digest") == expected
    came = "same model" if same else "clear error" if "error" in result else "ANOTHER MODEL"
    said = " ".join([*result["said"], result.get("error", "")]).strip()
    print(case, when, found, came, said[:90], sep=" | ", flush=True)
    return {"case": case, "when": when, "found": found, "said": said, "came_of_it": came}


def by_signal(signum: int, seconds: float, work: Path, answer: Path) -> str:
    """End a fit by a signal; how it ended."""
    process = started(work, answer)
    process.join(seconds)
    if process.is_alive():
        os.kill(process.pid, signum)
    process.join()
    if process.exitcode not in (0, -signum):
        raise RuntimeError(process.exitcode)
    return f"{seconds:.2f} s" + (" (was over)" if process.exitcode == 0 else "")


def cases(n_kills: int, scratch: Path):
    rng = np.random.default_rng(0)
    answer = scratch / "answer.json"
    begun = time.perf_counter()
    process = FORK.Process(target=fit, args=(None, str(answer)))
    process.start()
    process.join()
    lasts = time.perf_counter() - begun
    expected = json.loads(answer.read_text())["digest"]
    print(f"uninterrupted: {lasts:.1f} s", flush=True)
    for signum, n in ((signal.SIGKILL, n_kills), (signal.SIGTERM, max(1, n_kills // 4))):
        for i in range(n):
            folder = scratch / f"{signum.name}{i}"
            folder.mkdir()
            when = by_signal(signum, rng.uniform(0, lasts), folder, answer)
            found = found_in(folder)
            yield row(signum.name, when, found, to_the_end(folder, answer), expected)
    for cut in CUTS:
        folder = scratch / f"cut{cut}"
        paths: list[Path] = []
        while not paths:  # killed between two renames, only the earlier one is there
            by_signal(signal.SIGKILL, rng.uniform(0.4, 0.9) * lasts, folder, answer)
            kept = folder.glob("[!.]*.safetensors")
            paths = [path for path in kept if ".earlier" not in path.name]
        for path in paths:
            data = path.read_bytes()
            path.write_bytes(data[: cut if isinstance(cut, int) else int(cut * len(data))])
        when = f"{len(paths)} files cut to {cut if isinstance(cut, int) else f'{cut:.1%}'}"
        found = found_in(folder)
        yield row("truncated", when, found, to_the_end(folder, answer), expected)
    yield from full_disks(scratch, answer, expected)


def full_disks(scratch: Path, answer: Path, expected: str):
    for size in SIZES:
        folder = scratch / f"full{size}"
        folder.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={size}k", "tmpfs", str(folder)]
        if os.geteuid() != 0 or subprocess.run(mount, check=False).returncode:  # noqa: S603
            yield {"case": "disk full", "when": f"{size} kB", "came_of_it": "not done: needs root"}
            return
        try:
            first = to_the_end(folder / "kept", answer)
            yield row("disk full", f"{size} kB", found_in(folder / "kept"), first, expected)
            subprocess.run(["mount", "-o", "remount,size=64m", str(folder)], check=True)  # noqa: S603, S607
            again = to_the_end(folder / "kept", answer)
            yield row("space made", f"{size} kB", found_in(folder / "kept"), again, expected)
        finally:
            subprocess.run(["umount", str(folder)], check=True)  # noqa: S603, S607


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    kills = parser.parse_args().kills
    pw.settings.progress, pw.settings.n_jobs, pw.settings.checkpoint_seconds = False, 1, 0.02
    warm = pw.models.MultimodalVAE(4, max_epochs=1, n_folds=2, n_hidden=8)
    warm.fit(
        MDATA, target="class", layers=["protein"]
    )  # what is imported late is imported before the forks
    with tempfile.TemporaryDirectory() as scratch:
        table = pd.DataFrame(list(cases(kills, Path(scratch))))
        table["said"] = table["said"].str.replace(scratch, "", regex=False)
    table["machine"] = f"{os.cpu_count()} cores, {platform.machine()}, CPU only"
    table.to_csv(HERE / "interruptions.csv", index=False)
    print(table.groupby(["case", "came_of_it"]).size())


MDATA = pw.datasets.simulate(80, missing_layers=0.2, seed=1)

if __name__ == "__main__":
    main()
