"""One training step of the default model on ccle4 beside the same model with PyG's batch of copies.

Run from the project's root: ``python benchmarks/training_step.py [--rounds 7]``. It needs ``../shared/data/ccle4`` and
the embedded Reactome graph. Step: 64 samples, loss with mixup, backward, clipping, AdamW; one thread. Two peers have
the same network, except that its graph part is what one writes with PyG: a `Batch` of copies, `GraphConv` with the
graph's weights, and pooling by gathering every membership of every copy and `scatter`. The first shares all else with
the model here, and its batch is made beforehand and not counted. The second is what a user of PyG has: a batch made of its
samples at every step, as PyG's loader makes it, and torch's own dropout and AdamW. Loss and gradients are the same
on all sides, or the run fails (the second is compared before it gets torch's dropout). Rounds of five steps, as training
takes them one after the other, are interleaved, and the least counts. Writes ``benchmarks/training_step.csv``.
"""

from __future__ import annotations

import argparse
import copy
import os
import platform
import time
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

import pandas as pd
import torch
from five_folds import ccle4
from torch_geometric.data import Batch, Data
from torch_geometric.nn import GraphConv
from torch_geometric.utils import scatter

import pathweave as pw
from pathweave.models._hardware import Hardware
from pathweave.models._objective import Objective
from pathweave.models._optimizer import VectorAdamW
from pathweave.models._samples import ReplicateSamples
from pathweave.models._steps import Steps
from pathweave.nn import PathwayVAENet, seeded
from pathweave.nn.dropout import Dropout

if TYPE_CHECKING:
    from collections.abc import Iterable

SAMPLES, STEPS = 64, 5


class Stopped(Exception):  # noqa: N818  no error: it ends `fit` where training would begin
    """Carries what `fit` was about to train."""


def default_fit() -> tuple:
    """What `PathwayVAE().fit` hands to the training loop."""

    def stop(_: object, *arguments: object, **__: object) -> None:
        raise Stopped(arguments)

    mdata, target, _ = ccle4()
    with mock.patch("pathweave.models._estimator.fit_networks", stop):
        try:
            pw.models.PathwayVAE().fit(mdata, pw.graph.reactome(), target=target)
        except Stopped as caught:
            return caught.args[0]
    msg = "the model did not come to its training"
    raise SystemExit(msg)


class Copies(torch.nn.Module):
    """The graph part as PyG has it, with the parameters of a network."""

    def __init__(self, net: PathwayVAENet, graph: object, n_samples: int, *, collate: bool) -> None:
        super().__init__()
        first = net.convolutions[0]
        (relation,) = graph.relations
        coo = relation.tocoo()
        self.edges = {
            "edge_index": torch.stack([torch.as_tensor(coo.col), torch.as_tensor(coo.row)]).long(),
            "edge_weight": torch.as_tensor(coo.data).float(),
        }
        self.n_nodes = graph.n_nodes
        self.batch = None if collate else self._collated([None] * n_samples)
        self.conv = GraphConv(first.in_channels, first.out_channels)
        with torch.no_grad():
            self.conv.lin_root.weight.copy_(first.weight[0].T)
            self.conv.lin_rel.weight.copy_(first.weight[1].T)
            self.conv.lin_rel.bias.copy_(first.bias)
        pool, n_pathways = net.pool, len(graph.pooled)
        self.weight = torch.nn.Parameter(torch.cat([pool.weight_of(p).detach() for p in range(n_pathways)]))  # fmt: skip
        self.bias = torch.nn.Parameter(pool.bias.detach().clone())
        node = torch.cat([torch.as_tensor(nodes) for nodes in graph.pooled]).long()
        sizes = torch.tensor([len(nodes) for nodes in graph.pooled])
        pathway = torch.arange(n_pathways).repeat_interleave(sizes)
        copy_of = torch.arange(n_samples).unsqueeze(1)
        self.node = (copy_of * graph.n_nodes + node).flatten()
        self.pathway = (copy_of * n_pathways + pathway).flatten()
        self.shape = (n_samples, n_pathways)

    def forward(self, nodes: torch.Tensor) -> torch.Tensor:
        """Channels of nodes (n, channels, n_nodes) to what the pathways read."""
        nodes = nodes.transpose(1, 2)
        batch = self._collated(nodes) if self.batch is None else self.batch
        x = nodes.flatten(0, 1) if batch.x is None else batch.x
        h = self.conv(x, batch.edge_index, batch.edge_weight)
        h = torch.nn.functional.gelu(h)
        read = (h[self.node] * self.weight.repeat(self.shape[0], 1)).sum(1)
        summed = scatter(read, self.pathway, dim_size=self.shape[0] * self.shape[1], reduce="sum")
        # Dropout draws in the order of memory: pathway by pathway, as the network here has them.
        return summed.view(self.shape).T.contiguous().T + self.bias

    def _collated(self, samples: Iterable[torch.Tensor | None]) -> Batch:
        return Batch.from_data_list(
            [Data(x=x, num_nodes=self.n_nodes, **self.edges) for x in samples]
        )


class Side:
    """A network and all that its steps need."""

    def __init__(self, objective: Objective) -> None:
        self.objective, self.net = objective, objective.net.train()
        self.first = objective.samples.train[:SAMPLES]
        self.steps = Steps(objective, Hardware())
        self.optimizer = VectorAdamW(self.net.parameters(), lr=2e-3, weight_decay=0.05)

    def loss(self) -> torch.Tensor:
        """Loss of the first samples, with the same draws of dropout and mixup at every call."""
        with seeded(0):
            return self.objective(self.first)[0]

    def step(self) -> None:
        """One step, as the training loop takes it."""
        self.steps._step(self.first, self.optimizer)


class TorchSide(Side):
    """The same with torch's own dropout and optimizer."""

    def take_torch(self) -> None:
        """Exchange them."""
        for module in list(self.net.modules()):
            for name, child in list(module.named_children()):
                if isinstance(child, Dropout):
                    setattr(module, name, torch.nn.Dropout(child.p))
        self.optimizer = torch.optim.AdamW(self.net.parameters(), lr=2e-3, weight_decay=0.05)

    def step(self) -> None:
        """One step, as it is written with torch."""
        self.optimizer.zero_grad()
        self.objective(self.first)[0].backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 5.0)
        self.optimizer.step()


def all_sides() -> tuple[Side, Side, TorchSide]:
    """The network here, the same with copies, and the same as a user of PyG has it."""
    spec, training, values, outcomes, graph, plan = default_fit()
    with seeded(0):
        net = PathwayVAENet(spec, graph)
        samples = ReplicateSamples(net, plan[0], values, outcomes, {}, torch.device("cpu"))
    ours = Objective(net, training, samples)
    peers = [with_copies(ours, graph, collate=collate) for collate in (False, True)]
    return Side(ours), Side(peers[0]), TorchSide(peers[1])


def with_copies(ours: Objective, graph: object, *, collate: bool) -> Objective:
    """The same objective, of a network whose graph part is PyG's."""
    peer, net, spec = copy.deepcopy(ours), ours.net, ours.net.spec
    peer.net.copies = Copies(net, graph, SAMPLES, collate=collate)
    n_layers = len(net.graph_layers)
    where = [net.graph_layers.index(name) for name in net.graph_layers]
    columns = [[l.name for l in spec.layers].index(net.graph_layers[i]) for i in where]
    # The copies do their own message passing: they get the layers on the nodes alone.
    inputs = peer.samples._inputs
    inputs.nodes = inputs.nodes[:, :n_layers].contiguous()

    def activity(prepared: object, keep: torch.Tensor) -> torch.Tensor:
        kept = keep[:, columns].to(prepared.nodes.dtype).unsqueeze(2)
        return peer.net.levels(peer.net.copies(prepared.nodes * kept).tanh())

    peer.net.activity = activity
    del peer.net.convolutions, peer.net.pool
    return peer


def check(ours: Side, theirs: Side) -> None:
    """Same loss, and same gradients of what both have."""
    losses = [side.loss() for side in (ours, theirs)]
    torch.testing.assert_close(losses[0], losses[1], rtol=1e-5, atol=1e-5)
    for loss in losses:
        loss.backward()
    mine = dict(ours.net.named_parameters())
    for name, parameter in theirs.net.named_parameters():
        if name in mine and parameter.grad is not None:
            torch.testing.assert_close(mine[name].grad, parameter.grad, rtol=1e-3, atol=1e-5)
    root = theirs.net.copies.conv.lin_root.weight.grad.T
    torch.testing.assert_close(mine["convolutions.0.weight"].grad[0], root, rtol=1e-3, atol=1e-5)


def main() -> None:
    """Check, time and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    sides = all_sides()
    for theirs in sides[1:]:
        check(sides[0], theirs)
        sides[0].optimizer.zero_grad()
    sides[2].take_torch()
    times: list[list[float]] = [[] for _ in sides]
    for _ in range(rounds + 1):  # the first round warms up; the least counts
        for side, found in zip(sides, times, strict=True):
            start = time.perf_counter()
            for _ in range(STEPS):
                side.step()
            found.append(1e3 * (time.perf_counter() - start) / STEPS)
    ours, *others = map(min, times)
    rows = []
    names = ("PyG's copies, all else shared", "PyG's loader, copies, torch's dropout and AdamW")
    for name, theirs in zip(names, others, strict=True):
        row = {"what": "training step, PathwayVAE, ccle4, Reactome", "samples": SAMPLES}
        row |= {"pathweave_ms": round(ours, 2), "other": name, "other_ms": round(theirs, 2)}
        row |= {"times_quicker": round(theirs / ours, 2)}
        row |= {"machine": f"{os.cpu_count()} cores, {platform.machine()}, no GPU, one thread"}
        rows.append(row)
        print(row)
    pd.DataFrame(rows).to_csv(Path(__file__).with_suffix(".csv"), index=False)


if __name__ == "__main__":
    main()
