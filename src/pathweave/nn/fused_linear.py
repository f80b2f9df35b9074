"""Linear models over several layers as one differentiable module."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn

from pathweave.nn.standardize import Standardize

if TYPE_CHECKING:
    from collections.abc import Sequence


class FusedLinear(nn.Module):
    """Linear models, each over one or more layers; their predictions are averaged.

    Early fusion is one model over all layers, late fusion one model a layer. A model speaks for a
    sample if the sample has one of its layers; probabilities (or scores) are averaged over the models
    that speak, and a sample without any gets the training samples' frequencies (or a score of 0
    above the mean).

    Parameters
    ----------
    layers
        Number of features of each layer.
    models
        For each model the names of its layers.
    n_outputs
        Scores of a model: one a class, else 1.
    task
        ``"class"``, ``"number"`` or ``"survival"``.

    Notes
    -----
    ``forward(values, measured)``: dictionaries of (n, n_features) tensors in the units of the data;
    returns log-probabilities (n, n_classes), or scores (n, 1).
    """

    def __init__(
        self, layers: dict[str, int], models: Sequence[Sequence[str]], n_outputs: int, task: str
    ) -> None:
        super().__init__()
        self.layers, self.models = dict(layers), [tuple(model) for model in models]
        self.n_outputs, self.task = n_outputs, task
        self.names = list(self.layers)
        self.standardize = nn.ModuleList(Standardize(n) for n in self.layers.values())
        for i, model in enumerate(self.models):
            n_features = sum(self.layers[name] for name in model)
            self.register_buffer(f"weight_{i}", torch.zeros(n_features, n_outputs))
            self.register_buffer(f"bias_{i}", torch.zeros(n_outputs))
        self.register_buffer("prior", torch.zeros(n_outputs))

    def config(self) -> dict[str, Any]:
        """Describe the module in plain types, for `from_config`."""
        return {
            "layers": self.layers,
            "models": [list(model) for model in self.models],
            "n_outputs": self.n_outputs,
            "task": self.task,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> FusedLinear:
        """Build the module that `config` describes, with empty weights."""
        return cls(config["layers"], config["models"], int(config["n_outputs"]), str(config["task"]))

    def forward(self, values: dict[str, Tensor], measured: dict[str, Tensor]) -> Tensor:
        """Predict from the layers a sample has."""
        z, present = {}, {}
        for name, module in zip(self.names, self.standardize, strict=True):
            z[name] = module(values[name], measured[name])
            present[name] = measured[name].any(dim=1)
        outs, speaks = [], []
        for i, model in enumerate(self.models):
            weight, bias = (cast("Tensor", getattr(self, f"{part}_{i}")) for part in ("weight", "bias"))
            out = torch.cat([z[name] for name in model], dim=1) @ weight + bias
            outs.append(out.log_softmax(dim=1) if self.task == "class" else out)
            speaks.append(torch.stack([present[name] for name in model]).any(dim=0))
        return self.average(torch.stack(outs), torch.stack(speaks))

    def average(self, outs: Tensor, speaks: Tensor) -> Tensor:
        """Average (n_models, n, n_outputs) predictions over the models that speak for a sample."""
        count = speaks.sum(dim=0).unsqueeze(1)
        none = cast("Tensor", self.prior).to(outs.dtype).expand(outs.shape[1:])
        if self.task == "class":
            masked = outs.masked_fill(~speaks.unsqueeze(2), float("-inf"))
            masked = torch.where(count == 0, none, masked)  # keeps gradients free of NaN
            return masked.logsumexp(dim=0) - torch.log(
                torch.where(count == 0, len(self.models), count).to(outs.dtype)
            )
        total = (outs * speaks.unsqueeze(2)).sum(dim=0) / count.clamp(min=1)
        return torch.where(count == 0, none, total)
