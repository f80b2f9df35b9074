"""Torch modules and losses: tensors in, tensors out.

Nothing in here knows of containers, tables or files. `TypedGraphConv` and `PathwayPool` work on one
static graph shared by all samples; `PathwayVAENet` is the network of `pathweave.models.PathwayVAE`;
`linear` holds ridge-penalised models solved in the sample space.
"""

from __future__ import annotations

from pathweave.nn._noise import NoiseOfBatch
from pathweave.nn._runtime import seeded, single_thread
from pathweave.nn.adjacency import TypedAdjacency, spmm
from pathweave.nn.device import deterministic, resolve_device
from pathweave.nn.edge_gates import ReceiverGates
from pathweave.nn.fusion import AttentionFusion, product_of_experts
from pathweave.nn.graph_conv import TypedGraphConv
from pathweave.nn.likelihoods import (
    beta_log_prob,
    negative_binomial_log_prob,
    zero_inflated_log_prob,
)
from pathweave.nn.losses import (
    cox_loss,
    cumulative_log_probabilities,
    discrete_time_loss,
    gaussian_kl,
    log_mortality,
    masked_reconstruction,
)
from pathweave.nn.pathway_levels import PathwayLevels
from pathweave.nn.pathway_pool import PathwayPool
from pathweave.nn.pathway_vae import NetSpec, PathwayVAENet
from pathweave.nn.processes import Processes, join_processes
from pathweave.nn.static_attention import StaticGATv2Conv
from pathweave.nn.static_layers import (
    StaticGCNConv,
    StaticRGCNConv,
    StaticSAGEConv,
    StaticSignedConv,
)

__all__ = [
    "AttentionFusion",
    "NetSpec",
    "NoiseOfBatch",
    "PathwayLevels",
    "PathwayPool",
    "PathwayVAENet",
    "Processes",
    "ReceiverGates",
    "StaticGATv2Conv",
    "StaticGCNConv",
    "StaticRGCNConv",
    "StaticSAGEConv",
    "StaticSignedConv",
    "TypedAdjacency",
    "TypedGraphConv",
    "beta_log_prob",
    "cox_loss",
    "cumulative_log_probabilities",
    "deterministic",
    "discrete_time_loss",
    "gaussian_kl",
    "join_processes",
    "log_mortality",
    "masked_reconstruction",
    "negative_binomial_log_prob",
    "product_of_experts",
    "resolve_device",
    "seeded",
    "single_thread",
    "spmm",
    "zero_inflated_log_prob",
]
