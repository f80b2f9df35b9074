"""Replicates on two cores: workers beside one run after the other, side by side; memory; how cost grows.

Run from the project's root: ``python benchmarks/replicates.py [--rounds 3]`` on a machine with two free cores. It needs
``../shared/data/ccle4``. 24 replicates of the default `PathwayVAE` (lineage of ccle4, embedded Reactome graph, stopped early
as by default, the folds of the default plan with 24 seeds) are fitted by `fit_replicates` in two workers, and one after the other
on one thread and on two. Every measurement is a process of its own, the rounds of all sides are interleaved, and the
least seconds of all rounds count; reading data and graph is not timed, starting the workers is (``already started`` is a
second call of the same program). Workers must give the very numbers of one run after the other on one thread, or the run
fails. Memory is the most that the whole tree of processes held (proportional set size, Linux). Slopes are fitted to
logarithms over a decade, workers already started. Writes ``benchmarks/replicates.csv``, after every round.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import subprocess
import sys
import threading
import time
import warnings
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

N_REPLICATES = 24
EPOCHS = 150  # the default's most
SIDES = {
    "one after the other, one thread": "alone",
    "two workers": "workers",
    "two workers, already started": "started",
    "one after the other, two threads": "threads",
}
DECADE = {"replicates": (4, 12, 40), "samples": (200, 632, 2000)}
SLOPE_EPOCHS = 3
CALL = dict[str, object]


def default_fit(max_epochs: int) -> tuple[tuple, dict]:
    """Arguments with which the default model calls the replicate engine for ccle4."""
    from five_folds import ccle4

    mdata, target, _ = ccle4()
    given, named = arguments_of_fit(mdata, target, max_epochs)
    return given, {"library": named["library"], "device": "cpu"}


def arguments_of_fit(mdata: object, target: str, max_epochs: int) -> tuple[tuple, dict]:
    """Arguments with which the default model calls the replicate engine."""
    import pathweave as pw
    from pathweave.models import _fit_networks

    class Caught(Exception):  # noqa: N818  not an error
        pass

    def catch(*given: object, **named: object) -> None:
        raise Caught(given, named)

    engine, _fit_networks.fit_replicates = _fit_networks.fit_replicates, catch
    try:
        pw.models.PathwayVAE(max_epochs=max_epochs).fit(mdata, pw.graph.reactome(), target=target)
    except Caught as caught:
        given, named = caught.args
    finally:
        _fit_networks.fit_replicates = engine
    return given, named


def many(given: tuple, n_replicates: int, n_samples: int | None = None) -> tuple:
    """The same fit with so many seeds, and with so many samples drawn from the data."""
    spec, training, values, outcomes, graph, plan = given
    folds = plan[1:]
    if n_samples is not None:
        rows = np.random.default_rng(0).integers(0, len(next(iter(values.values()))), n_samples)
        values = {name: x[rows] for name, x in values.items()}
        outcomes = {name: y[rows] for name, y in outcomes.items()}
        fold = np.arange(n_samples) % 5
        everyone = np.arange(n_samples)
        folds = [
            replace(r, train=everyone[fold != k], validation=everyone[fold == k])
            for k, r in enumerate(folds)
        ]
    plan = [
        replace(folds[i % len(folds)], name=f"replicate {i}", seed=i) for i in range(n_replicates)
    ]
    return spec, training, values, outcomes, graph, plan


@contextmanager
def peak_of_tree(found: CALL):
    """Most that this process and its children held together, in MB."""
    import psutil

    done, me = threading.Event(), psutil.Process()

    def held() -> float:
        total = 0
        for process in [me, *me.children(recursive=True)]:
            try:
                total += process.memory_full_info().pss
            except psutil.NoSuchProcess:
                continue
        return total / 2**20

    def watch() -> None:
        while not done.wait(1.0):
            found["peak_mb"] = max(found["peak_mb"], held())

    found["peak_mb"] = held()
    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    yield
    done.set()
    watcher.join()


def digest(states: list) -> str:
    """One number for all parameters and curves."""
    told = hashlib.sha256()
    for state in states:
        curves = [{k: v for k, v in row.items() if k != "seconds"} for row in state.history]
        told.update(json.dumps([state.name, state.best_epoch, curves]).encode())
        for name in sorted(state.state):
            told.update(state.state[name].tobytes())
    return told.hexdigest()[:16]


def measure(side: str, n_replicates: int, n_samples: int | None, max_epochs: int) -> CALL:
    """Fit once in this process."""
    import torch

    from pathweave import settings
    from pathweave.models import fit_replicates
    from pathweave.models._train import train_replicate

    settings.progress = False
    given, named = default_fit(max_epochs)
    given = many(given, n_replicates, n_samples)

    def fit() -> list:
        if side == "threads":
            torch.set_num_threads(2)
            return [train_replicate(*given[:5], r, library=named["library"]) for r in given[5]]
        return fit_replicates(*given, **named, n_jobs=1 if side == "alone" else 2)

    if side == "started":
        fit_replicates(*many(given, 2)[:5], given[5][:2], **named, n_jobs=2)
    found: CALL = {}
    with peak_of_tree(found):
        start = time.perf_counter()
        states = fit()
        found["seconds"] = time.perf_counter() - start
    return {**found, "digest": digest(states)}


def in_process(*arguments: object) -> CALL:
    """Measure in a process of its own."""
    command = [sys.executable, __file__, "--one", *map(str, arguments)]
    out = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603
    found = json.loads(out.stdout.splitlines()[-1])
    print(*arguments, found, file=sys.stderr, flush=True)
    return found


def one_round() -> list[CALL]:
    """All ways of fitting 24 replicates, and sizes over a decade."""
    runs = [
        {"what": "sides", "who": who, **in_process(side, N_REPLICATES, 0, EPOCHS)}
        for who, side in SIDES.items()
    ]
    points = [("replicates", n, n, 0) for n in DECADE["replicates"]]
    points += [("samples", n, 4, n) for n in DECADE["samples"]]
    runs += [
        {"what": what, "n": n, **in_process("started", n_replicates, n_samples, SLOPE_EPOCHS)}
        for what, n, n_replicates, n_samples in points
    ]
    return runs


def sides(runs: pd.DataFrame) -> pd.DataFrame:
    """Least seconds of every way, and what part of the others' they are."""
    table = runs[runs["what"] == "sides"].groupby("who", sort=False)
    table = table.agg(
        seconds=("seconds", "min"), peak_mb=("peak_mb", "max"), digest=("digest", "unique")
    )
    alone, cold, started, threads = SIDES
    table["of_one_thread"] = table["seconds"] / table["seconds"][alone]
    table["of_two_threads"] = table["seconds"] / table["seconds"][threads]
    numbers = table.pop("digest")
    table["same_numbers"] = [list(found) == list(numbers[alone]) for found in numbers]
    if len(numbers[alone]) > 1 or not table.loc[[cold, started], "same_numbers"].all():
        msg = "workers gave other numbers than one run after the other"
        raise SystemExit(msg)
    return table.reset_index().assign(what=f"{N_REPLICATES} replicates of the default model")


def slopes(runs: pd.DataFrame) -> pd.DataFrame:
    """How seconds grow with replicates and samples."""
    least = runs[runs["what"] != "sides"].groupby(["what", "n"], sort=False)
    least = least.agg(seconds=("seconds", "min"), peak_mb=("peak_mb", "max")).reset_index()
    rows = []
    for what, part in least.groupby("what", sort=False):
        slope = np.polyfit(np.log(part["n"]), np.log(part["seconds"]), 1)[0]
        where = f"{what}, {part['n'].min():.0f} to {part['n'].max():.0f}"
        rows += [
            {
                "what": where,
                "who": f"{row.n:.0f} {what}",
                "seconds": row.seconds,
                "peak_mb": row.peak_mb,
            }
            for row in part.itertuples()
        ]
        rows.append({"what": where, "who": "slope of the logarithms", "slope": slope})
    return pd.DataFrame(rows)


def main() -> None:
    """Run all sides in rounds and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one", nargs=4, metavar=("SIDE", "N", "SAMPLES", "EPOCHS"))
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    if options.one:
        side, n, n_samples, epochs = options.one
        print(json.dumps(measure(side, int(n), int(n_samples) or None, int(epochs))))
        return
    runs: list[CALL] = []
    for _ in range(options.rounds):
        runs += one_round()
        write(pd.DataFrame(runs))


def write(runs: pd.DataFrame) -> None:
    """Write and show the table."""
    table = pd.concat([sides(runs), slopes(runs)], ignore_index=True)
    table["machine"] = f"{os.cpu_count()} cores, {platform.machine()}, no GPU"
    first = ["what", "who", "seconds", "of_one_thread", "of_two_threads", "peak_mb", "slope"]
    table = table[[*first, "same_numbers", "machine"]].round(
        {"seconds": 2, "of_one_thread": 3, "of_two_threads": 3, "peak_mb": 0, "slope": 3}
    )
    table.to_csv(Path(__file__).with_suffix(".csv"), index=False)
    print(table.drop(columns="machine").to_string(index=False))


if __name__ == "__main__":
    main()
