"""What the engine does on a CUDA GPU: ways of computing a layer, its distance to the bandwidth, replicates at once.

Run from the project's root on a machine with a GPU: ``python benchmarks/gpu.py [--rounds 7]``. It needs no data.
``--device cpu --small`` tries the script where there is none, and writes nothing. Rounds of all sides are interleaved,
every call waits for the device, the least counts. Writes ``benchmarks/gpu.csv``:

- a GCN layer, 32 channels, 128 samples, ten edges a node, forward and backward, in single precision and with products in
  bfloat16, in every way (`pathweave.nn.formulation`) and beside PyG on a `Batch` of copies. The roof is the compulsory
  traffic (read ``x`` twice and the gradient once, write the result and the gradient of ``x``) at the rate of a copy on the
  same device; ``auto`` marks the way that the library takes by itself. The goal: within twice the roof.
- the networks of the default model on simulated samples (three layers, embedded Reactome graph, 20 epochs): 100
  replicates trained together beside one alone. The goal: at most five times as long.
"""

from __future__ import annotations

import argparse
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import torch
from replicates import arguments_of_fit, many
from torch_geometric import nn as pyg
from torch_geometric.data import Batch, Data

import pathweave as pw
from pathweave import nn
from pathweave.models import fit_replicates
from pathweave.nn.device import products_in

if TYPE_CHECKING:
    from collections.abc import Callable

F = 32
WAYS = ("dense", "node_major", "csr")
Row = dict[str, object]


def least(
    calls: dict[str, Callable[[], object]], rounds: int, device: torch.device
) -> dict[str, float]:
    """Least seconds of every call, the rounds of all interleaved; one round before warms up."""

    def seconds(call: Callable[[], object]) -> float:
        wait(device)
        start = time.perf_counter()
        call()
        wait(device)
        return time.perf_counter() - start

    for call in calls.values():
        call()
    times = [{name: seconds(call) for name, call in calls.items()} for _ in range(rounds)]
    return {name: min(found[name] for found in times) for name in calls}


def wait(device: torch.device) -> None:
    """Wait until the device has done all it was asked for."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def copy_rate(device: torch.device, rounds: int, mebi: int) -> float:
    """Bytes a second that a copy reads and writes."""
    source = torch.randn(mebi * 2**18, device=device)
    target = torch.empty_like(source)
    found = least({"copy": lambda: target.copy_(source)}, rounds, device)
    return 2 * source.nbytes / found["copy"]


def layer(
    n: int, batch: int, rounds: int, device: torch.device, precision: str, rate: float
) -> list[Row]:
    """A GCN layer in every way, and PyG's."""
    generator = torch.Generator().manual_seed(0)
    index = torch.randint(0, n, (2, 10 * n), generator=generator)
    graph = nn.TypedAdjacency.from_edge_index(index, n_nodes=n).to(device)
    x = torch.randn(batch, n, F, generator=generator).to(device).requires_grad_()
    grad = torch.randn(batch, n, F, generator=generator).to(device)
    ours, theirs = nn.StaticGCNConv(F, F).to(device), pyg.GCNConv(F, F).to(device)
    theirs.load_state_dict(ours.state_dict())
    copies = Batch.from_data_list([Data(edge_index=index, num_nodes=n)] * batch).to(device)

    def step(call: Callable[[], torch.Tensor]) -> torch.Tensor:
        x.grad = None
        with products_in(precision, device):
            out = call()
        out.backward(grad.to(out.dtype).view_as(out))
        return out.detach().float().view_as(grad)

    def mine(way: str) -> torch.Tensor:
        ours.formulation = way
        return step(lambda: ours(x, graph))

    def copied() -> torch.Tensor:
        return step(lambda: theirs(x.flatten(0, 1), copies.edge_index))

    # A dense product of a large graph takes long and has no chance.
    ways = [way for way in WAYS if way != "dense" or n <= 5000]
    calls: dict[str, Callable[[], torch.Tensor]] = {w: lambda w=w: mine(w) for w in ways}
    calls["PyG, Batch of copies"] = copied
    near = 1e-4 if precision == "float32" else 0.05
    for call in calls.values():
        torch.testing.assert_close(call(), copied(), rtol=near, atol=near)
    found = least(calls, rounds, device)
    auto = graph.stacked("gcn").gather.choose(x, F)
    roof = 5 * x.nbytes / rate
    return [
        {
            "what": f"GCN, {n} nodes, {batch} samples, {precision}",
            "who": who,
            "ms": 1e3 * s,
            "times_quicker_than_pyg": found["PyG, Batch of copies"] / s,
            "roof_ms": 1e3 * roof,
            "over_roof": s / roof,
            "auto": who == auto,
        }
        for who, s in found.items()
    ]


def together(n: int, n_samples: int, rounds: int, device: torch.device) -> list[Row]:
    """Replicates trained together, beside one alone."""
    mdata = pw.datasets.simulate(n_samples, seed=0)
    given, named = arguments_of_fit(mdata, "class", max_epochs=20)

    def fit(n_replicates: int, *, at_once: bool) -> Callable[[], object]:
        return lambda: fit_replicates(
            *many(given, n_replicates),
            library=named["library"],
            device=device.type,
            together=at_once,
        )

    calls = {"one alone": fit(1, at_once=False), f"{n} together": fit(n, at_once=True)}
    found = least(calls, rounds, device)
    what = f"replicates, {n_samples} samples"
    return [
        {"what": what, "who": who, "ms": 1e3 * s, "times_one": s / found["one alone"]}
        for who, s in found.items()
    ]


def main() -> None:
    """Measure and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--small", action="store_true", help="small sizes, to try the script")
    options = parser.parse_args()
    if options.device == "cuda" and not torch.cuda.is_available():
        msg = "torch sees no GPU here; try the script with --device cpu --small."
        raise SystemExit(msg)
    device, small, rounds = torch.device(options.device), options.small, options.rounds
    pw.settings.progress = False
    warnings.simplefilter("ignore")
    rate = copy_rate(device, rounds, 16 if small else 1024)
    rows: list[Row] = [{"what": "copy, read and written", "gb_s": rate / 1e9}]
    for n in (300,) if small else (300, 1000, 3000, 5000, 10_000):
        for precision in ("float32", "bf16"):
            rows += layer(n, 8 if small else 128, rounds, device, precision, rate)
            print(pd.DataFrame(rows[-4:]).to_string(), flush=True)
    rows += together(3 if small else 100, 60 if small else 355, min(rounds, 3), device)
    table = pd.DataFrame(rows).round(4)
    table["machine"] = torch.cuda.get_device_name(device) if device.type == "cuda" else "no GPU"
    print(table.to_string(index=False))
    if device.type == "cuda":
        table.to_csv(Path(__file__).with_suffix(".csv"), index=False)


if __name__ == "__main__":
    main()
