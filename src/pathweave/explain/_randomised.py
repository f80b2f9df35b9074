"""A fitted model with its parameters drawn anew: what attributions must not survive."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from pathweave.nn import PathwayVAENet, seeded

if TYPE_CHECKING:
    from torch import nn

    from pathweave.models import Estimator

_OWN = 0xADE
"""Keeps the seeds apart from those of fits: a network must not be compared with how it began itself."""


def randomised(
    model: Estimator, *, seed: int, networks: bool = True, linear: bool = True
) -> Estimator:
    """Copy a model with new parameters; the data's means and deviations stay.

    Networks get the random parameters that they could have begun with, linear and kernel parts their own weights,
    dealt out to the features (or training samples) anew.
    """
    ensemble = model.ensemble_
    changed: Any = replace(ensemble, parts=dict(ensemble.parts))
    nets = ensemble.nets
    if networks:
        nets = [_new_network(net, ensemble, [seed, i, _OWN]) for i, net in enumerate(nets)]
    changed.__dict__["nets"] = nets
    rng = np.random.default_rng(seed)
    if linear:
        for name, parts in ensemble.parts.items():
            dealt: list[Any] = [_dealt_anew(part, rng) for part in parts.linear]
            changed.parts[name] = replace(parts, linear=dealt)
    other = copy.copy(model)
    other.ensemble_ = changed
    if linear and model.consensus_ is not None:
        maps = {name: rng.permutation(m, axis=0) for name, m in model.consensus_.maps.items()}
        other.consensus_ = replace(model.consensus_, maps=maps)
    return other


def _new_network(net: PathwayVAENet, ensemble: Any, entropy: list[int]) -> PathwayVAENet:
    with seeded(int(np.random.SeedSequence(entropy).generate_state(1)[0])):
        new = PathwayVAENet(ensemble.spec, ensemble.graph)
    learned = {name for name, _ in net.named_parameters()}
    kept = {name: value for name, value in net.state_dict().items() if name not in learned}
    new.load_state_dict(kept, strict=False)
    new.eval()
    new.requires_grad_(requires_grad=False)
    return new


@torch.no_grad()
def _dealt_anew(part: nn.Module, rng: np.random.Generator) -> nn.Module:
    new = copy.deepcopy(part)
    for name, values in new.named_buffers():
        if values.ndim > 1 and name.split(".")[-1].split("_")[0] in {"weight", "coefficient"}:
            values.copy_(values[torch.as_tensor(rng.permutation(len(values)))])
    return new
