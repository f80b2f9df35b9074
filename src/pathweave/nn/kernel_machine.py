"""A fitted kernel machine over the principal axes of weighed layers, as one differentiable module."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn

from pathweave.nn.fused_linear import FusedLinear

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pathweave.nn.fused_linear import Task


class KernelMachine(nn.Module):
    r"""Ridge-penalised model in the space of a Gaussian kernel.

    .. math:: f(x) = b + \sum_i a_i \exp(-\lVert u(x) - u_i \rVert^2)

    with u a linear projection of the standardised layers (unmeasured values are 0 there) in units of the
    kernel's width, and u_i the projections of the training samples; of these nothing but the projections
    is kept. Class scores go through a softmax. A sample of which nothing was measured gets the prior.

    Parameters
    ----------
    task
        ``"class"``, ``"number"`` or ``"survival"``.
    projection
        Standardisation and projection: one group of layers, task ``"number"``, an output an axis.
    n_support
        Number of training samples.
    n_outputs
        Number of classes or numbers.

    Examples
    --------
    >>> import torch
    >>> from pathweave.nn.fused_linear import FusedLinear
    >>> from pathweave.nn.kernel_machine import KernelMachine
    >>> model = KernelMachine("number", FusedLinear("number", [["rna"]], {"rna": 3}, 2), 4, 1)
    >>> x = torch.zeros(1, 3)
    >>> model({"rna": x}, {"rna": torch.ones_like(x, dtype=torch.bool)})
    tensor([[0.]])
    """

    def __init__(self, task: Task, projection: FusedLinear, n_support: int, n_outputs: int) -> None:
        super().__init__()
        self.task: Task = task
        self.projection = projection
        rank = int(cast("Tensor", projection.bias).shape[1])
        self.register_buffer("support", torch.zeros(n_support, rank))
        self.register_buffer("coefficient", torch.zeros(n_support, n_outputs))
        self.register_buffer("bias", torch.zeros(n_outputs))
        uniform = torch.zeros(n_outputs)
        self.register_buffer("prior", uniform.log_softmax(dim=0) if task == "class" else uniform)

    def config(self) -> dict[str, Any]:
        """Describe the module in plain types, for `from_config`."""
        n_support, n_outputs = cast("Tensor", self.coefficient).shape
        return {
            "kind": "kernel",
            "task": self.task,
            "projection": self.projection.config(),
            "n_support": n_support,
            "n_outputs": n_outputs,
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> KernelMachine:
        """Build the module that `config` describes; its tensors come from a ``state_dict``."""
        projection = FusedLinear.from_config(config["projection"])
        return cls(config["task"], projection, int(config["n_support"]), int(config["n_outputs"]))

    @torch.no_grad()
    def set_solution(
        self, *, support: Tensor, coefficient: Tensor, bias: Tensor, prior: Tensor
    ) -> None:
        """Put in what was fitted.

        Parameters
        ----------
        support
            Projections of the training samples (n_support, rank).
        coefficient
            Their coefficients (n_support, n_outputs).
        bias, prior
            Intercepts, and the prediction for a sample without any value, shape (n_outputs,).
        """
        named = (
            ("support", support),
            ("coefficient", coefficient),
            ("bias", bias),
            ("prior", prior),
        )
        for name, tensor in named:
            cast("Tensor", getattr(self, name)).copy_(tensor)

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
        place = self.projection(values, measured)
        support = cast("Tensor", self.support).to(place.dtype)
        score = gaussian_kernel(place, support) @ cast("Tensor", self.coefficient).to(place.dtype)
        score = score + cast("Tensor", self.bias).to(place.dtype)
        if self.task == "class":
            score = score.log_softmax(dim=1)
        seen = torch.stack([measured[k].any(dim=1) for k in self.projection.layers]).any(dim=0)
        return torch.where(seen.unsqueeze(1), score, cast("Tensor", self.prior).to(score.dtype))


def gaussian_kernel(a: Tensor, b: Tensor) -> Tensor:
    """Gaussian kernel ``exp(-|a - b|^2)`` of two sets of points.

    Parameters
    ----------
    a, b
        Points (n, rank) and (m, rank).

    Returns
    -------
    Kernel (n, m), between 0 and 1.

    Examples
    --------
    >>> import torch
    >>> from pathweave.nn.kernel_machine import gaussian_kernel
    >>> gaussian_kernel(torch.zeros(1, 2), torch.tensor([[0.0, 0.0], [1.0, 0.0]]))
    tensor([[1.0000, 0.3679]])
    """
    square = a.square().sum(dim=1, keepdim=True) + b.square().sum(dim=1) - 2.0 * a @ b.T
    return torch.exp(-square.clamp(min=0.0))
