"""Memory and speed of fitting from disk, on generated cells.

Run from the project's root: ``python benchmarks/streaming.py`` (``--cells 100000 300000`` for other sizes). It needs
some gigabytes in the temporary folder while it runs, and writes ``streaming.csv`` beside this file.

Cells have 10,000 genes (150 sparse counts, ``--genes`` for fewer) and 50 proteins, in one h5mu file a size. Every row
of kind "memory" is a process of its own that opens the file and calls `MultimodalVAE.fit` without a target, on one
thread; the passes over the data see all cells, the one epoch is cut off after some batches (its blocks lie all over
the file).
Rows of kind "speed" compare reading from the file ("disk") with reading the same cells from a sparse matrix in memory
("memory") and with 8,192 of them held dense and prepared, as small data are trained ("held"): batches alone, and batches
with the training step; the sides take turns, and the fastest round of each counts.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

N_PROTEINS, PER_CELL = 50, 150
BATCHES, ROUNDS, HELD = 24, 3, 8192
HERE = Path(__file__).parent


def main() -> None:
    """Generate, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--genes", type=int, default=10_000)
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        print(json.dumps({"generate": generate, "memory": memory, "speed": speed}[args.one[0]](
            Path(args.one[1])
        )))  # fmt: skip
        return
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for i, n in enumerate(args.cells):
            path = Path(folder) / f"{n}x{args.genes}.h5mu"
            print(n, child("generate", path), flush=True)
            rows.append(
                {"cells": n, "genes": args.genes, "kind": "memory", **child("memory", path)}
            )
            print(rows[-1], flush=True)
            if i == 0:
                told = {"cells": n, "genes": args.genes, "kind": "speed"}
                rows += [{**told, **row} for row in child("speed", path)]
                print(rows[1:], flush=True)
            path.unlink()
    machine = f"{os.cpu_count()} cores, {platform.machine()}, one thread"
    rows = [{**row, "machine": machine} for row in rows]
    columns = list(dict.fromkeys(itertools.chain.from_iterable(rows)))
    with (HERE / "streaming.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def child(what: str, path: Path):
    """Do one thing in a process of its own."""
    done = subprocess.run(  # noqa: S603  # this very file
        [sys.executable, __file__, "--one", what, str(path)], check=True, stdout=subprocess.PIPE
    )
    return json.loads(done.stdout.splitlines()[-1])


def generate(path: Path) -> dict[str, float]:
    """Write cells of ten groups, a piece at a time."""
    import anndata as ad
    import h5py
    import mudata
    import pandas as pd
    import scipy.sparse as sp

    from pathweave.io import quiet_mudata

    n, n_genes = map(int, path.stem.split("x"))
    rng = np.random.default_rng(0)
    group = rng.integers(0, 10, n)
    weights = rng.gamma(0.3, 1.0, (10, n_genes))
    ends = np.cumsum(weights / weights.sum(axis=1, keepdims=True), axis=1)
    obs = pd.DataFrame(index=[f"c{i:07d}" for i in range(n)])

    def counts(first: int, last: int) -> sp.csr_matrix:
        drawn = np.empty((last - first, PER_CELL), dtype=np.int64)
        for k in range(10):
            mine = np.flatnonzero(group[first:last] == k)
            drawn[mine] = np.searchsorted(ends[k], rng.random((len(mine), PER_CELL)))
        cell = np.repeat(np.arange(last - first), PER_CELL)
        ones = np.ones(drawn.size, dtype=np.float32)
        shape = last - first, n_genes
        return sp.csr_matrix((ones, (cell, drawn.clip(max=n_genes - 1).ravel())), shape)

    protein = rng.normal(size=(10, N_PROTEINS)).astype(np.float32)[group]
    protein += rng.normal(size=protein.shape).astype(np.float32)
    step = 5000
    with quiet_mudata():
        whole = mudata.MuData(
            {
                "rna": ad.AnnData(
                    sp.csr_matrix((n, n_genes), dtype=np.float32), obs=obs,
                    var=pd.DataFrame(index=[f"g{j}" for j in range(n_genes)]),
                ),
                "protein": ad.AnnData(
                    protein, obs=obs,
                    var=pd.DataFrame(index=[f"p{j}" for j in range(N_PROTEINS)]),
                ),
            }
        )  # fmt: skip
        whole.write_h5mu(path)
    with h5py.File(path, "r+") as file:
        rna = file["mod/rna"]
        del rna["X"]
        ad.io.write_elem(rna, "X", counts(0, step))
        for first in range(step, n, step):
            ad.io.sparse_dataset(rna["X"]).append(counts(first, first + step))
    return {"gigabytes": round(path.stat().st_size / 1e9, 2)}


def memory(path: Path) -> dict[str, float]:
    """Fit from disk, and see what the process took at most."""
    import pathweave as pw
    from pathweave.models._streamed_samples import StreamedSamples

    pw.settings.progress = False
    batches = StreamedSamples.batches
    StreamedSamples.batches = lambda self, parts: batches(self, parts[:BATCHES])
    import torch  # noqa: F401  # loaded before memory is looked at

    import pathweave.models

    loaded = peak()
    mdata = pw.io.open_mudata(path)
    opened = peak()
    start = time.perf_counter()
    pathweave.models.MultimodalVAE(max_epochs=1, batch_size=256).fit(mdata)
    seconds = time.perf_counter() - start
    return {
        "peak_mb": peak(), "peak_mb_opened": opened, "peak_mb_imported": loaded,
        "seconds": round(seconds, 1),
    }  # fmt: skip


def peak() -> int:
    """Most memory this process had so far, in megabytes."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def sides_of(path: Path):
    """Samples and objective of a network that reads from disk, from memory, and one whose samples are held."""
    import anndata as ad
    import mudata
    import torch

    import pathweave as pw
    from pathweave.models._objective import Objective
    from pathweave.models._samples import ReplicateSamples
    from pathweave.models._streamed_samples import StreamedSamples
    from pathweave.models._survey import survey
    from pathweave.models._train import Replicate, TrainSpec
    from pathweave.nn import PathwayVAENet
    from pathweave.nn.pathway_vae import LayerSpec, NetSpec

    opened = pw.io.open_mudata(path)
    with pw.io.quiet_mudata():
        inside = mudata.MuData(
            {
                name: ad.AnnData(mod.to_memory().X, obs=mod.obs, var=mod.var)
                for name, mod in opened.mod.items()
            }
        )
    kinds = {"rna": "transcriptome", "protein": "proteome"}
    fold = np.arange(opened.n_obs) % 5
    sides = {}
    for name, mdata in (("disk", opened), ("memory", inside)):
        store = survey(mdata, list(mdata.mod), kinds, np.ones(len(fold), bool), "auto")
        store.learn_moments(fold)
        layers = tuple(
            LayerSpec(
                l.name, len(l.features), l.likelihood, tuple(range(len(l.features))), l.library
            )
            for l in store.schema
        )
        net = PathwayVAENet(NetSpec(layers, heads=()))
        plan = Replicate("r", np.flatnonzero(fold), np.flatnonzero(fold == 0)[:256], 0)
        samples = StreamedSamples(net, plan, store, {}, torch.device("cpu"))
        sides[name] = samples, Objective(net, TrainSpec(), samples)

    few = np.concatenate([plan.train[:HELD], plan.validation])
    held = Replicate("r", np.arange(HELD), np.arange(HELD, len(few)), 0)
    net = PathwayVAENet(net.spec)
    sizes = {name: size[few].astype(np.float32) for name, size in store.sizes.items()}
    samples = ReplicateSamples(net, held, store.read(few), {}, sizes, torch.device("cpu"))
    sides["held"] = samples, Objective(net, TrainSpec(), samples)
    return sides


def speed(path: Path) -> list[dict[str, float]]:
    """Cells a second from disk and from memory."""
    import torch

    from pathweave.nn import single_thread

    sides = sides_of(path)

    def batches(samples) -> list[torch.Tensor]:
        order = samples.order()
        if samples.streamed:  # whole blocks, so that none is read for a few of its batches
            rows = samples._block_rows
            order = order[: max(1, BATCHES * 256 // rows) * rows]
        return list(order.split(256))

    def read(samples, objective) -> None:  # noqa: ARG001
        for index in samples.batches(batches(samples)):
            samples.inputs(index)

    def step(samples, objective) -> None:
        optimizer = torch.optim.AdamW(objective.net.parameters(), lr=1e-3)
        for index in samples.batches(batches(samples)):
            loss, _, _ = objective(index)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()

    rows = []
    for name, work in (("batches alone", read), ("batches and training step", step)):
        best = dict.fromkeys(sides, 0.0)
        for _ in range(ROUNDS):
            for side, (samples, objective) in sides.items():
                with single_thread():
                    start = time.perf_counter()
                    work(samples, objective)
                rate = sum(map(len, batches(samples))) / (time.perf_counter() - start)
                best[side] = max(best[side], rate)
        told = {f"cells_per_second_{side}": round(rate) for side, rate in best.items()}
        ratios = {f"disk_to_{k}": round(best["disk"] / best[k], 2) for k in ("memory", "held")}
        rows.append({"what": name, **told, **ratios})
    return rows


if __name__ == "__main__":
    main()
