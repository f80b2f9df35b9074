"""Four ways to compute a layer on a static graph: which is quickest where, on a CPU.

Run from the project's root: ``python benchmarks/formulations.py [--rounds 7]``. A layer ``A x W + b`` with as many
channels out as in, forward and backward, one thread, 32 samples; graphs of several sizes and densities. The
rounds of all formulations are interleaved, the least of all rounds counts. Writes ``benchmarks/formulations.csv``,
from which the constants of ``pathweave/nn/formulation.py`` were read, and marks what ``"auto"`` chooses there.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from pathweave import nn

BATCH = 32
WAYS = ("dense", "node_major", "sample_major", "csr")
CASES = [
    (n, channels, edges)
    for n, channels, edges in product(
        (100, 300, 1000, 3000, 10000), (1, 4, 8, 16, 32, 64), ("10 a node", "10 %", "50 %")
    )
    if (edges == "10 a node" and n > 100) or (edges != "10 a node" and n <= 1000)
]


def graph_of(n: int, edges: str) -> nn.TypedAdjacency:
    """A random directed graph without parallel edges."""
    rng = np.random.default_rng(0)
    share = 10 / n if edges == "10 a node" else float(edges.split(maxsplit=1)[0]) / 100
    if n <= 1000:
        pairs = np.argwhere(rng.random((n, n)) < share).T
    else:
        pairs = rng.integers(0, n, (2, 10 * n))
    return nn.TypedAdjacency.from_edge_index(torch.as_tensor(pairs), n_nodes=n)


def main() -> None:
    """Time every case and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    rows = []
    for n, channels, edges in CASES:
        graph = graph_of(n, edges)
        x = torch.randn(BATCH, n, channels, requires_grad=True)
        grad = torch.randn(BATCH, n, channels)
        layer = nn.StaticGCNConv(channels, channels)
        chosen = graph.stacked("gcn").gather.choose(x, channels)
        # A dense product of large graphs takes minutes and has no chance.
        ways = [way for way in WAYS if way != "dense" or n <= 1000]
        least = dict.fromkeys(ways, np.inf)
        for _ in range(rounds + 1):  # the first round warms up
            for way in ways:
                layer.formulation = way
                start = time.perf_counter()
                layer(x, graph).backward(grad)
                least[way] = min(least[way], time.perf_counter() - start)
        row = {"nodes": n, "channels": channels, "edges": edges, "batch": BATCH}
        row |= {f"{way}_ms": round(1e3 * least[way], 3) for way in ways}
        row |= {"quickest": min(least, key=least.get), "auto": chosen}
        row["auto_over_quickest"] = round(least[chosen] / min(least.values()), 2)
        rows.append(row)
        print(row, flush=True)
    table = pd.DataFrame(rows)
    order = ["nodes", "channels", "edges", "batch", *(f"{way}_ms" for way in WAYS)]
    table = table[[*order, "quickest", "auto", "auto_over_quickest"]]
    table["machine"] = f"{os.cpu_count()} cores, {platform.machine()}, no GPU, one thread"
    table.to_csv(Path(__file__).with_suffix(".csv"), index=False)
    print(table.drop(columns="machine").to_string(index=False))


if __name__ == "__main__":
    main()
