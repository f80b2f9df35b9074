"""A small problem with several kinds of replicates, for the tests of the replicate engine."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import scipy.sparse as sp

from pathweave.models import Replicate, TrainSpec
from pathweave.nn.heads import HeadSpec
from pathweave.nn.pathway_vae import GraphArrays, LayerSpec, NetSpec

N = 40


def graph_arrays(seed=0):
    rng = np.random.default_rng(seed)
    edges = sp.random(10, 10, 0.3, random_state=rng, dtype=np.float32, format="csr")
    return GraphArrays(
        {"rna": sp.csr_matrix(np.eye(12, 10, dtype=np.float32))},
        (edges,),
        ("binding",),
        (np.array([0, 1, 2]), np.array([2, 3, 4, 5, 6])),
        tuple(f"n{i}" for i in range(10)),
        ("p0", "p1"),
    )


def problem():
    """Two layers with gaps, three kinds of replicates: folds, shuffled labels and weights, a graph of its own."""
    rng = np.random.default_rng(0)
    rna = rng.normal(size=(N, 12)).astype(np.float32)
    protein = rng.normal(size=(N, 7)).astype(np.float32)
    protein[:5] = np.nan
    protein[rng.random(protein.shape) < 0.1] = np.nan
    spec = NetSpec(
        (
            LayerSpec("rna", 12, "gaussian", (10, 11)),
            LayerSpec("protein", 7, "gaussian", tuple(range(7))),
        ),
        (HeadSpec("class", "class", 2), HeadSpec("age", "number", 1)),
        n_latent=3, n_hidden=8,
    )  # fmt: skip
    labels = (rna[:, 0] > 0).astype(float)[:, None]
    age = rna[:, 1:2].astype(float)
    age[3] = np.nan
    fold = np.arange(N) % 4
    plan = [
        Replicate(f"fold {k}", np.flatnonzero(fold != k), np.flatnonzero(fold == k), seed=k)
        for k in range(2)
    ]
    plan.append(
        replace(
            plan[0], name="shuffled", seed=7, outcomes={"class": rng.permutation(labels)},
            sample_weight=rng.uniform(0.5, 2, N),
        )
    )  # fmt: skip
    plan.append(replace(plan[1], name="rewired", graph=graph_arrays(1)))
    values = {"rna": rna, "protein": protein}
    return (
        spec,
        TrainSpec(max_epochs=3),
        values,
        {"class": labels, "age": age},
        graph_arrays(),
        plan,
    )


def lasting(history):
    """A history without what is another each time: seconds."""
    return [{k: v for k, v in row.items() if k != "seconds"} for row in history]
