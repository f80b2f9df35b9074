"""The linear part on what a pretrained network makes of samples, and parts read from a file."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch

from pathweave.models._linear import LinearPart
from pathweave.nn import PathwayVAENet, single_thread
from pathweave.nn.fused_linear import FusedLinear
from pathweave.nn.pretrained import PretrainedLinear, pretrained_features

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from pathweave.nn.fused_linear import Task
    from pathweave.nn.pathway_vae import GraphArrays, NetSpec

NAME = "linear, pretrained latent"


def fit_on_pretrained(
    net: PathwayVAENet,
    values: Mapping[str, Tensor],
    task: Task,
    y: Tensor,
    fold: Tensor,
    n_classes: int | None,
) -> tuple[PretrainedLinear, Tensor]:
    """Fit a ridge on the latent and the pathway activities of a network that is not tuned.

    Parameters
    ----------
    net
        The network.
    values
        Layers of the samples (n, n_features), NaN where unmeasured.
    task, y, fold, n_classes
        As for `LinearPart.fit`.

    Returns
    -------
    The module, and its out-of-fold predictions.
    """
    seen = {name: ~x.isnan() for name, x in values.items()}
    with torch.no_grad(), single_thread():
        found, there = pretrained_features(
            net, {name: x.nan_to_num() for name, x in values.items()}, seen
        )
    nothing = ~there.unsqueeze(1)
    inputs = {name: x.masked_fill(nothing, float("nan")) for name, x in found.items()}
    part = LinearPart("early").fit(inputs, task, y, fold, n_classes=n_classes)
    return PretrainedLinear(net, part.module_), part.oof_


def read_part(
    config: Mapping[str, Any], spec: NetSpec, graph: GraphArrays | None
) -> FusedLinear | PretrainedLinear:
    """Build the module that a part's ``config()`` describes; its tensors come from a ``state_dict``."""
    if config.get("kind") != "pretrained":
        return FusedLinear.from_config(config)
    with torch.random.fork_rng(devices=[]):
        net = PathwayVAENet(replace(spec, heads=()), graph)
    return PretrainedLinear(net, FusedLinear.from_config(config["linear"]))
