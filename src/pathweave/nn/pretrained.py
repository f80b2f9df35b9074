"""A linear model on what a pretrained network makes of a sample, as one differentiable module."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pathweave.nn.fused_linear import FusedLinear
    from pathweave.nn.pathway_vae import PathwayVAENet


def pretrained_features(
    net: PathwayVAENet, values: Mapping[str, Tensor], measured: Mapping[str, Tensor]
) -> tuple[dict[str, Tensor], Tensor]:
    """Latent and pathway activities of samples.

    Parameters
    ----------
    net
        A trained network, in evaluation mode.
    values, measured
        For each layer values (n, n_features), finite, and which of them were measured.

    Returns
    -------
    ``"latent"`` (n, n_latent) and, with a graph, ``"pathways"`` (n, n_pathways); and which samples have any layer.
    """
    prepared = net.prepare(dict(values), dict(measured))
    encoded = net.encode(prepared)
    features = {"latent": encoded.mean}
    if encoded.activity is not None:
        features["pathways"] = encoded.activity
    return features, prepared.present.any(dim=1)


class PretrainedLinear(nn.Module):
    """`FusedLinear` over the latent and the pathway activities of a network that stays as it is.

    Parameters
    ----------
    net
        The network.
    linear
        Linear model with layers ``"latent"`` and perhaps ``"pathways"``.
    """

    def __init__(self, net: PathwayVAENet, linear: FusedLinear) -> None:
        super().__init__()
        self.net = net
        self.linear = linear
        self.eval()
        self.requires_grad_(requires_grad=False)

    def config(self) -> dict[str, Any]:
        """Describe the module in plain types; the network's own description is kept elsewhere."""
        return {"kind": "pretrained", "linear": self.linear.config()}

    def forward(self, values: Mapping[str, Tensor], measured: Mapping[str, Tensor]) -> Tensor:
        """Return log-probabilities (n, n_classes), or numbers or log hazards (n, n_outputs)."""
        features, there = pretrained_features(self.net, values, measured)
        seen = {
            name: there.unsqueeze(1).expand_as(x).to(torch.bool) for name, x in features.items()
        }
        return self.linear(features, seen)
