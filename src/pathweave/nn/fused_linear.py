"""Fitted linear models of one or several layers as one differentiable module."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, cast

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Task = Literal["class", "number", "survival"]


class FusedLinear(nn.Module):
    r"""Linear models over groups of layers, averaged over the groups a sample has.

    With one group of all layers it is an early-fused model, with one group a layer a late-fused one. Inside a
    group every value is standardised and unmeasured ones are 0. Class probabilities are averaged:

    .. math:: p = \frac{1}{|G|} \sum_{g \in G} \mathrm{softmax}(W_g^T z_g + b_g)

    over the groups G of which anything was measured; numbers and log hazards likewise. A sample of which
    nothing was measured gets the prior.

    Parameters
    ----------
    task
        ``"class"``, ``"number"`` or ``"survival"``.
    groups
        Names of the layers of each group; a layer belongs to one group.
    n_features
        Number of features of each layer.
    n_outputs
        Number of classes or numbers.

    Examples
    --------
    >>> import torch
    >>> from pathweave.nn.fused_linear import FusedLinear
    >>> model = FusedLinear("class", [["rna"], ["protein"]], {"rna": 3, "protein": 2}, 2)
    >>> values = {"rna": torch.zeros(1, 3), "protein": torch.zeros(1, 2)}
    >>> measured = {name: torch.ones_like(x, dtype=torch.bool) for name, x in values.items()}
    >>> model(values, measured).exp()
    tensor([[0.5000, 0.5000]])
    """

    def __init__(
        self,
        task: Task,
        groups: Sequence[Sequence[str]],
        n_features: Mapping[str, int],
        n_outputs: int,
    ) -> None:
        super().__init__()
        self.task: Task = task
        self.groups = tuple(tuple(group) for group in groups)
        self.layers = tuple(layer for group in self.groups for layer in group)
        if len(set(self.layers)) < len(self.layers):
            msg = f"groups={self.groups!r} name a layer twice; a layer belongs to one group."
            raise ValueError(msg)
        for i, layer in enumerate(self.layers):
            self.register_buffer(f"mean_{i}", torch.zeros(n_features[layer]))
            self.register_buffer(f"scale_{i}", torch.ones(n_features[layer]))
            self.register_buffer(f"weight_{i}", torch.zeros(n_features[layer], n_outputs))
        self.register_buffer("bias", torch.zeros(len(self.groups), n_outputs))
        uniform = torch.zeros(n_outputs)
        self.register_buffer("prior", uniform.log_softmax(dim=0) if task == "class" else uniform)

    def config(self) -> dict[str, Any]:
        """Describe the module in plain types, for `from_config`."""
        return {
            "task": self.task,
            "groups": [list(group) for group in self.groups],
            "n_features": {layer: len(self.weight(layer)) for layer in self.layers},
            "n_outputs": int(cast("Tensor", self.bias).shape[1]),
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> FusedLinear:
        """Build the module that `config` describes; its tensors come from a ``state_dict``."""
        return cls(config["task"], config["groups"], config["n_features"], int(config["n_outputs"]))

    @torch.no_grad()
    def set_layer(self, layer: str, *, mean: Tensor, scale: Tensor, weight: Tensor) -> None:
        """Put in a layer's standardisation (n_features,) and weights (n_features, n_outputs)."""
        i = self.layers.index(layer)
        for name, tensor in (("mean", mean), ("scale", scale), ("weight", weight)):
            cast("Tensor", getattr(self, f"{name}_{i}")).copy_(tensor)

    @torch.no_grad()
    def set_output(self, *, bias: Tensor, prior: Tensor) -> None:
        """Put in the groups' intercepts (n_groups, n_outputs) and the prior (n_outputs,)."""
        cast("Tensor", self.bias).copy_(bias)
        cast("Tensor", self.prior).copy_(prior)

    def weight(self, layer: str) -> Tensor:
        """Return a layer's weights for standardised values, shape (n_features, n_outputs)."""
        return cast("Tensor", getattr(self, f"weight_{self.layers.index(layer)}"))

    def forward(self, values: Mapping[str, Tensor], measured: Mapping[str, Tensor]) -> Tensor:
        """Predict from values in the units of the data.

        Parameters
        ----------
        values
            For each layer (n, n_features), finite; what stands at unmeasured places does not matter.
        measured
            For each layer which values were measured, bool, same shape.

        Returns
        -------
        Log-probabilities (n, n_classes), or numbers or log hazards (n, n_outputs).
        """
        scores, present = [], []
        for g, group in enumerate(self.groups):
            parts = [self._score(layer, values[layer], measured[layer]) for layer in group]
            bias = cast("Tensor", self.bias)[g]
            scores.append(torch.stack(parts).sum(dim=0) + bias.to(parts[0].dtype))
            seen = [measured[layer].any(dim=1) for layer in group]
            present.append(torch.stack(seen).any(dim=0))
        score, there = torch.stack(scores), torch.stack(present).unsqueeze(2)
        n_there = there.sum(dim=0)
        prior = cast("Tensor", self.prior).to(score.dtype)
        if self.task == "class":
            log_p = score.log_softmax(dim=2).masked_fill(~there, -1e4)
            mixed = log_p.logsumexp(dim=0) - n_there.clamp(min=1).log()
        else:
            mixed = score.masked_fill(~there, 0.0).sum(dim=0) / n_there.clamp(min=1)
        return torch.where(n_there > 0, mixed, prior)

    def _score(self, layer: str, values: Tensor, measured: Tensor) -> Tensor:
        i = self.layers.index(layer)
        mean = cast("Tensor", getattr(self, f"mean_{i}"))
        scale = cast("Tensor", getattr(self, f"scale_{i}"))
        z = (torch.where(measured, values, mean.to(values.dtype)) - mean) / scale
        return z @ self.weight(layer).to(z.dtype)
