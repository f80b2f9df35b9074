"""The folder through which a peer is asked: layers, outcome and splits in, one file of predictions a split out.

Scripts ``run_<peer>.py`` run in an environment of their own, without pathweave: this file needs numpy alone.

- ``layers/<layer>.npz``: ``x`` (samples, features), NaN where unmeasured, and the names ``features``
- ``samples.json``: names; ``outcome.json``: task, classes, ``y`` (codes; values; or times and events)
- ``covariates.npz`` (optional): ``x`` and names ``features``, what is known of the samples besides
- ``splits.json``: repeat, fold, positions of train and test, seed
- ``said/<method>/<repeat>-<fold>.json``: proba, value or risk of the test samples, seconds, peak_mb
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Part:
    """Samples of one part of a split. The test part has no outcome (``y`` is None)."""

    names: list[str]
    layers: dict[str, np.ndarray]
    features: dict[str, list[str]]
    task: str
    n_classes: int
    y: np.ndarray | None
    covariates: np.ndarray | None
    covariate_names: list[str]


@dataclass(frozen=True)
class Told:
    """All that the folder tells; `part` takes some samples of it."""

    every: Part
    splits: list[dict[str, Any]]
    digest: str

    def part(self, rows: list[int], *, outcome: bool) -> Part:
        whole = self.every
        return Part(
            [whole.names[i] for i in rows], {k: x[rows] for k, x in whole.layers.items()}, whole.features,
            whole.task, whole.n_classes, whole.y[rows] if outcome and whole.y is not None else None,
            None if whole.covariates is None else whole.covariates[rows], whole.covariate_names,
        )  # fmt: skip


def read(folder: Path) -> Told:
    """Read what `exchange.write` wrote."""
    files = [folder / "samples.json", folder / "outcome.json"]
    outcome = json.loads(files[1].read_text())
    order = outcome["layers"]
    files += [folder / "layers" / f"{layer}.npz" for layer in order]
    tables = {layer: np.load(path) for layer, path in zip(order, files[2:], strict=True)}
    extra, names = None, []
    if (folder / "covariates.npz").is_file():
        files.append(folder / "covariates.npz")
        found = np.load(files[-1])
        extra, names = found["x"], found["features"].tolist()
    digest = hashlib.sha256()
    for table in tables.values():
        digest.update(table["x"].tobytes() + "\n".join(table["features"].tolist()).encode())
    digest.update(files[0].read_bytes() + files[1].read_bytes())
    digest.update(b"" if extra is None else extra.tobytes())
    every = Part(
        json.loads(files[0].read_text()), {k: t["x"] for k, t in tables.items()},
        {k: t["features"].tolist() for k, t in tables.items()}, outcome["task"], len(outcome["classes"]),
        np.asarray(outcome["y"]), extra, names,
    )  # fmt: skip
    return Told(every, json.loads((folder / "splits.json").read_text()), digest.hexdigest())


def answer(
    fit: Callable[..., dict[str, Any]], options: dict[str, Any], versions: dict[str, str]
) -> None:
    """Answer every split of the folder named on the command line that is not answered yet.

    Parameters
    ----------
    fit
        Called as ``fit(train, test, seed=, **options)``; gives ``{"proba": (n, n_classes)}``,
        ``{"value": (n, 1)}`` or ``{"risk": (n,)}``, and what else it wants to be remembered.
    options
        Options with their defaults; each becomes a flag, read in the type of its default.
    versions
        Versions of what was used.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("method", help="name under which the answers are kept")
    for name, default in options.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(default), default=default)
    asked = vars(parser.parse_args())
    folder, method = asked.pop("folder"), asked.pop("method")
    told = read(folder)
    out = folder / "said" / method
    out.mkdir(parents=True, exist_ok=True)
    for split in told.splits:
        path = out / f"{split['repeat']}-{split['fold']}.json"
        what = {"digest": told.digest, "options": asked, "versions": versions, "split": split}
        if path.is_file() and all(json.loads(path.read_text())[k] == v for k, v in what.items()):
            continue
        train, test = (
            told.part(split["train"], outcome=True),
            told.part(split["test"], outcome=False),
        )
        with _watched() as memory:
            started, worked = time.perf_counter(), time.process_time()
            said = fit(train, test, seed=split["seed"], **asked)
            cost = {
                "seconds": time.perf_counter() - started,
                "cpu_seconds": time.process_time() - worked,
            }
        plain = {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in said.items()}
        record = {**what, **plain, **cost, "peak_mb": memory.peak_mb}
        work = path.with_suffix(".tmp")
        work.write_text(json.dumps(record))
        work.replace(path)
        print(f"{method} {path.stem}: {cost['seconds']:.1f} s", flush=True)


class _watched:  # noqa: N801  # reads as a verb
    """What the block takes in resident memory beyond what was there before, in MB."""

    def __enter__(self) -> _watched:
        self.before = self.peak = _resident()
        self.done = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()
        return self

    def _watch(self) -> None:
        while not self.done.wait(0.02):
            self.peak = max(self.peak, _resident())

    def __exit__(self, *_: object) -> None:
        self.done.set()
        self.thread.join()
        self.peak_mb = round(max(self.peak, _resident()) - self.before, 1)


def _resident() -> float:
    statm = Path("/proc/self/statm")
    if not statm.exists():
        return float("nan")
    return int(statm.read_text().split()[1]) * resource.getpagesize() / 1e6


def by_layer(part: Part) -> dict[str, np.ndarray]:
    """Layers as float64, for scripts that compute in it."""
    return {layer: x.astype(np.float64) for layer, x in part.layers.items()}


class Scaled:
    """Layers standardised by the training part; constant features become 0, missing values their mean (0)."""

    def __init__(self, train: Part) -> None:
        self.moments = {}
        for layer, x in by_layer(train).items():
            mean, spread = np.nanmean(x, axis=0), np.nanstd(x, axis=0)
            self.moments[layer] = mean, np.where(spread > 0, spread, np.inf)

    def __call__(self, part: Part, *, fill: bool = True) -> dict[str, np.ndarray]:
        out = {}
        for layer, x in by_layer(part).items():
            mean, spread = self.moments[layer]
            z = (x - mean) / spread
            out[layer] = np.nan_to_num(z) if fill else z
        return out


def one_thread() -> None:
    """Say before numpy's or torch's first call that one thread is to be used."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
        os.environ[name] = "1"
