"""The linear part on what a pretrained network makes of samples, and parts read from a file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch

from pathweave.models._linear import LinearPart, fit_linear
from pathweave.nn import PathwayVAENet, single_thread
from pathweave.nn.fused_linear import FusedLinear
from pathweave.nn.kernel_machine import KernelMachine
from pathweave.nn.pretrained import PretrainedLinear, pretrained_features

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    from pathweave.models._outcome import Outcome
    from pathweave.nn.pathway_vae import GraphArrays, NetSpec


@dataclass(frozen=True)
class OnPretrained:
    """A linear part on a pretrained network: the module, and its out-of-fold predictions."""

    module_: PretrainedLinear
    oof_: Tensor


def fit_on_pretrained(
    net: PathwayVAENet, values: Mapping[str, Tensor], outcomes: Sequence[Outcome], fold: Tensor
) -> list[OnPretrained]:
    """Fit ridges on the latent and the pathway activities of a network that is not tuned.

    Parameters
    ----------
    net
        The network.
    values
        Layers of the samples (n, n_features), NaN where unmeasured.
    outcomes
        Outcomes of these samples.
    fold
        Fold of each sample (n,).

    Returns
    -------
    A part for each outcome.
    """
    seen = {name: ~x.isnan() for name, x in values.items()}
    with torch.no_grad(), single_thread():
        found, there = pretrained_features(
            net, {name: x.nan_to_num() for name, x in values.items()}, seen
        )
    nothing = ~there.unsqueeze(1)
    inputs = {name: x.masked_fill(nothing, float("nan")) for name, x in found.items()}
    parts = fit_linear(
        LinearPart("early", class_weight=outcomes[0].class_weight), inputs, outcomes, fold
    )
    return [OnPretrained(PretrainedLinear(net, part.module_), part.oof_) for part in parts]


def read_part(
    config: Mapping[str, Any], spec: NetSpec, graph: GraphArrays | None
) -> FusedLinear | KernelMachine | PretrainedLinear:
    """Build the module that a part's ``config()`` describes; its tensors come from a ``state_dict``."""
    if config.get("kind") == "kernel":
        return KernelMachine.from_config(config)
    if config.get("kind") != "pretrained":
        return FusedLinear.from_config(config)
    with torch.random.fork_rng(devices=[]):
        net = PathwayVAENet(replace(spec, heads=()), graph)
    return PretrainedLinear(net, FusedLinear.from_config(config["linear"]))
