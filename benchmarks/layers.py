"""One layer on a static graph beside PyG's usual way: seconds, memory, and the distance to the machine's roof.

Run from the project's root: ``python benchmarks/layers.py [--rounds 7]``. One thread, 32 samples, 32 channels in and
out, ten directed edges a node, forward and backward with gradients of parameters and input. PyG's usual way is a
`Batch` of copies of the graph; the batch is made beforehand and not counted. The rounds of both sides are
interleaved and the least of all rounds counts; before timing, both sides must give the same numbers. Memory is the
peak above what stood before the step, each side in a process of its own. Writes ``benchmarks/layers.csv``.

The roof of the GCN layer (`roof_ms`) is the sum of three parts, one after the other, at rates measured in the same
rounds: the arithmetic of the least formulation (three products with the weight, 6 B N F F operations) at the rate of a large
matrix product; the rows of neighbours, there and back (8 B (E + N) F bytes), at the rate at which one sample's nodes are
read again from the cache; and the compulsory traffic (read ``x`` twice and the gradient once, write the result and the gradient
of ``x``) at the rate of a copy. `largest_ms` is the largest of the three: the time if all of them happened at once.

Memory comes in large pages where the system lends them (``THP_MEM_ALLOC_ENABLE=1``, torch's own setting), for both sides:
else the first touch of every page of a large result takes as long as half the layer.

Also in the table: pathway pooling beside P-NET's masked dense layer (5000 nodes, 300 pathways, 3 channels; one output
a pathway, and eight on two threads); how the cost grows, as slopes of log time over log size (1 is linear; where nodes
grow with the edges, a sample begins inside the cache and ends outside); and what `torch.compile` makes of the plain
`index_select` + `index_add` layer, with the seconds it takes to compile: behind the layers here.
"""

from __future__ import annotations

import argparse
import json
import os

os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")  # before torch reads it

import platform
import subprocess
import sys
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch
from torch_geometric import nn as pyg
from torch_geometric.data import Batch, Data

from pathweave import nn

if TYPE_CHECKING:
    from collections.abc import Callable

B, F = 32, 32
RELATIONS = 3
SIZES = {"gcn": (1000, 5000, 10000), "sage": (1000, 5000), "rgcn": (1000, 5000), "signed": (1000, 5000), "gatv2": (1000, 5000)}  # fmt: skip
MEBI = 2**20


class Case:
    """A layer, PyG's with the same parameters, and a graph of `n` nodes and ten edges a node."""

    def __init__(self, kind: str, n: int, *, batch: int = B, edges_a_node: int = 10) -> None:
        generator = torch.Generator().manual_seed(0)
        n_edges = edges_a_node * n
        self.index = torch.randint(0, n, (2, n_edges), generator=generator)
        self.kind = kind
        n_types = 2 if kind == "signed" else RELATIONS
        self.types = torch.randint(0, n_types, (n_edges,), generator=generator)
        self.x = torch.randn(batch, n, F, generator=generator).requires_grad_()
        width = 2 * F if kind == "signed" else F
        self.grad = torch.randn(batch, n, width, generator=generator)
        typed = {"edge_type": self.types, "names": [str(r) for r in range(n_types)]}
        self.graph = nn.TypedAdjacency.from_edge_index(
            self.index, n_nodes=n, **(typed if kind in {"rgcn", "signed"} else {})
        )
        self.ours, self.theirs = {
            "gcn": lambda: (nn.StaticGCNConv(F, F), pyg.GCNConv(F, F)),
            "sage": lambda: (nn.StaticSAGEConv(F, F), pyg.SAGEConv(F, F)),
            "rgcn": lambda: (nn.StaticRGCNConv(F, F, RELATIONS), pyg.RGCNConv(F, F, RELATIONS)),
            "signed": lambda: (nn.StaticSignedConv(F, F, True), pyg.SignedConv(F, F, True)),  # noqa: FBT003
            "gatv2": lambda: (nn.StaticGATv2Conv(F, F), pyg.GATv2Conv(F, F)),
        }[kind]()
        self.theirs.load_state_dict(self.ours.state_dict())
        self.batch: Batch | None = None

    def static(self) -> torch.Tensor:
        """One step of the layer here."""
        return self._back(self.ours, self.ours(self.x, self.graph))

    def copies(self) -> torch.Tensor:
        """One step of PyG's layer on a batch of copies."""
        if self.batch is None:
            one = Data(edge_index=self.index, edge_type=self.types, num_nodes=self.x.shape[1])
            self.batch = Batch.from_data_list([one] * len(self.x))
        index, types = self.batch.edge_index, self.batch.edge_type
        edges = {
            "rgcn": lambda: (index, types),
            "signed": lambda: (index[:, types == 0], index[:, types == 1]),
        }.get(self.kind, lambda: (index,))()
        out = self.theirs(self.x.flatten(0, 1), *edges)
        return self._back(self.theirs, out.view(self.grad.shape))

    def _back(self, layer: torch.nn.Module, out: torch.Tensor) -> torch.Tensor:
        self.x.grad = None
        layer.zero_grad(set_to_none=True)
        out.backward(self.grad)
        return out.detach()

    def check(self) -> None:
        """Both sides give the same result and gradients."""
        found = []
        for call, layer in ((self.static, self.ours), (self.copies, self.theirs)):
            out = call()
            found.append([out, self.x.grad, *(p.grad for p in layer.parameters())])
        for ours, theirs in zip(*found, strict=True):
            # Gradients of parameters are sums over all nodes and samples: judged by their size.
            torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=float(1e-5 * theirs.abs().max().clamp(min=1)))  # fmt: skip


def seconds(call: Callable[[], object]) -> float:
    """Time one call."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def rounds_of(calls: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Least seconds of every call, the rounds of all interleaved; one round before warms up."""
    for call in calls.values():
        call()
    times = [{name: seconds(call) for name, call in calls.items()} for _ in range(rounds)]
    return {name: min(found[name] for found in times) for name in calls}


def rate_calls() -> dict[str, Callable[[], object]]:
    """Calls whose seconds give the machine's rates.

    16e9 operations; 512 MiB read and written; 640 KiB (5000 nodes of 32 channels) read 400 times.
    """
    square = torch.randn(2000, 2000)
    source = torch.randn(64 * MEBI)
    target = torch.empty_like(source)
    again = torch.randn(160_000 + 400).as_strided((400, 160_000), (1, 1))
    return {
        "matmul": lambda: square @ square,
        "copy": lambda: target.copy_(source),
        "cache": lambda: again.sum(1),
    }


def roof(n: int, least: dict[str, float]) -> tuple[float, float]:
    """The sum of the parts and the largest of them, in ms."""
    parts = (
        6 * B * n * F * F * least["matmul"] / 16e9,
        8 * B * 11 * n * F * least["cache"] / (4 * 160_000 * 400),
        5 * 4 * B * n * F * least["copy"] / (8 * 64 * MEBI),
    )
    return 1e3 * sum(parts), 1e3 * max(parts)


def peak(kind: str, n: int, side: str) -> float:
    """Peak MiB of one step above what stood before, in a process of its own."""
    command = [sys.executable, __file__, "--one", kind, str(n), side]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    out = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603  this very script
    return float(json.loads(out.stdout))


def measure_peak(kind: str, n: int, side: str) -> None:
    """Print the peak of one step above what stood before it (Linux)."""
    small, case = Case(kind, 50), Case(kind, n)
    call = case.static if side == "static" else case.copies
    small.static() if side == "static" else small.copies()  # loads what is loaded once
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak so far
    before = _status("VmRSS")
    call()
    print(json.dumps((_status("VmHWM") - before) / 1024))


def _status(what: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(what)).split()[1])


def layers(rounds: int) -> list[dict[str, object]]:
    """Every layer beside PyG's."""
    rows = []
    for kind, sizes in SIZES.items():
        for n in sizes:
            case = Case(kind, n)
            case.check()
            least = rounds_of({"static": case.static, "pyg": case.copies, **rate_calls()}, rounds)
            row = {"what": kind, "nodes": n, "edges": 10 * n, "pathweave_ms": 1e3 * least["static"]}
            row |= {"other": "PyG, Batch of copies", "other_ms": 1e3 * least["pyg"]}
            row["times_quicker"] = least["pyg"] / least["static"]
            if kind == "gcn":
                row["roof_ms"], row["largest_ms"] = roof(n, least)
                row["over_roof"] = row["pathweave_ms"] / row["roof_ms"]
            row["pathweave_mb"], row["other_mb"] = peak(kind, n, "static"), peak(kind, n, "copies")
            row["share_of_memory"] = row["pathweave_mb"] / row["other_mb"]
            row["gflops"], row["copy_gb_s"] = 16 / least["matmul"], 0.512 * 1.048576 / least["copy"]
            row["cache_gb_s"] = 0.256 / least["cache"]
            rows.append(row)
            print(row, flush=True)
    return rows


def pooling(rounds: int, outputs: int = 1, threads: int = 1) -> dict[str, object]:
    """Pathway pooling beside a masked dense layer with the same weights; `outputs` numbers a pathway."""
    rng = np.random.default_rng(0)
    n, channels = 5000, 3
    sizes = np.clip(rng.lognormal(3.3, 0.9, 300).astype(int), 5, 400)
    members = [rng.choice(n, size, replace=False) for size in sizes]
    # Several outputs have weights of their own, as several pathways with the same members would.
    members = [nodes for nodes in members for _ in range(outputs)]
    pool = nn.PathwayPool(members, n_nodes=n, channels=channels)
    mask, weight = torch.zeros(2, len(members), n, channels)
    for p, nodes in enumerate(members):
        mask[p, torch.as_tensor(nodes)] = 1.0
        weight[p, torch.as_tensor(nodes)] = pool.weight_of(p).detach()
    mask, weight = mask.flatten(1), weight.flatten(1).requires_grad_()
    h = torch.randn(B, n, channels, requires_grad=True)
    grad = torch.randn(B, len(members))

    def dense() -> torch.Tensor:
        h.grad = weight.grad = None
        out = torch.nn.functional.linear(h.flatten(1), weight * mask, pool.bias)
        out.backward(grad)
        return out

    def pooled() -> torch.Tensor:
        h.grad = None
        pool.zero_grad(set_to_none=True)
        out = pool(h)
        out.backward(grad)
        return out

    torch.testing.assert_close(pooled(), dense(), rtol=1e-4, atol=1e-4)
    torch.set_num_threads(threads)
    least = rounds_of({"pool": pooled, "dense": dense}, rounds)
    torch.set_num_threads(1)
    what = "pathway pooling, 300 pathways"
    if outputs > 1:
        what += f", {outputs} outputs each, {threads} threads"
    row = {"what": what, "nodes": n, "edges": int(sizes.sum())}
    row |= {"pathweave_ms": 1e3 * least["pool"], "other": "masked dense layer"}
    row |= {"other_ms": 1e3 * least["dense"], "times_quicker": least["dense"] / least["pool"]}
    print(row, flush=True)
    return row


def growth(rounds: int) -> list[dict[str, object]]:
    """Slopes of log time over log size, a decade each."""
    decade = (1, 2, 5, 10)
    series = {
        "GCN, samples 16 to 160, 5,000 nodes": [(16 * k, 5000, 10) for k in decade],
        "GCN, edges 50,000 to 500,000, 5,000 nodes, 8 samples": [(8, 5000, 10 * k) for k in decade],
        "GCN, edges 50,000 to 500,000, 10 a node, 8 samples": [(8, 5000 * k, 10) for k in decade],
        "GCN, edges 10,000 to 100,000, 10 a node, 32 samples": [(B, 1000 * k, 10) for k in decade],
    }
    rows = []
    for name, cases in series.items():
        made = [Case("gcn", n, batch=b, edges_a_node=e) for b, n, e in cases]
        least = rounds_of({str(i): case.static for i, case in enumerate(made)}, rounds)
        times = [least[str(i)] for i in range(len(made))]
        slope = np.polyfit(np.log(decade), np.log(times), 1)[0]
        rows.append({"what": name, "pathweave_ms": 1e3 * times[-1], "slope": slope})
        print(rows[-1], flush=True)
    return rows


def compiled(rounds: int) -> dict[str, object]:
    """The plain layer through `torch.compile`, beside the layer here."""
    case = Case("gcn", 5000)
    source, target = case.index
    weight = torch.rand(len(source), 1)

    def plain(x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        h = x @ w
        return torch.zeros_like(h).index_add(1, target, weight * h.index_select(1, source))

    quick = torch.compile(plain)
    w = case.ours.lin.weight.detach().T.clone().requires_grad_()

    def step() -> None:
        case.x.grad = None
        quick(case.x, w).backward(case.grad)

    first = seconds(step)
    least = rounds_of({"static": case.static, "compiled": step}, rounds)
    row = {"what": "gcn", "nodes": 5000, "edges": 50_000, "pathweave_ms": 1e3 * least["static"]}
    row |= {"other": f"torch.compile of index_add, compiled in {first:.0f} s"}
    row |= {"other_ms": 1e3 * least["compiled"]}
    return row | {"times_quicker": least["compiled"] / least["static"]}


def main() -> None:
    """Measure all and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--one", nargs=3, metavar=("KIND", "NODES", "SIDE"), help="used within")
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore", message=".*torch.jit.*")
    if options.one:
        measure_peak(options.one[0], int(options.one[1]), options.one[2])
        return
    rows = [pooling(5 * options.rounds), pooling(options.rounds, outputs=8, threads=2)]
    rows += [*growth(options.rounds), *layers(options.rounds)]
    rows.append(compiled(options.rounds))
    first = ["what", "nodes", "edges", "pathweave_ms", "other", "other_ms", "times_quicker"]
    table = pd.DataFrame(rows)
    table = table[[*first, *(column for column in table if column not in first)]].round(3)
    table[["nodes", "edges"]] = table[["nodes", "edges"]].astype("Int64")
    table["machine"] = f"{os.cpu_count()} cores, {platform.machine()}, no GPU, one thread"
    table.to_csv(Path(__file__).with_suffix(".csv"), index=False)
    print(table.drop(columns="machine").to_string(index=False))


if __name__ == "__main__":
    main()
