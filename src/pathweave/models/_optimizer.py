"""AdamW over all parameters of a network as one vector: many small tensors cost by their number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Iterable


class VectorAdamW(torch.optim.AdamW):
    """`torch.optim.AdamW` whose one parameter is a vector that those of a network are views of.

    A parameter that a step does not reach stays as it is, as with `torch.optim.AdamW`; steps are counted for all alike.

    Parameters
    ----------
    parameters
        Parameters of one kind on one device; from now on they share their memory.
    kwargs
        Passed on.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], **kwargs: Any) -> None:
        self.parameters = list(parameters)
        self.sizes = [p.numel() for p in self.parameters]
        with torch.no_grad():
            vector = torch.cat([p.flatten() for p in self.parameters])
            for p, part in zip(self.parameters, vector.split(self.sizes), strict=True):
                p.data = part.view_as(p)
        self.vector = nn.Parameter(vector)
        self._gradient = torch.empty_like(vector)
        super().__init__([self.vector], fused=True, **kwargs)

    def zero_grad(self, set_to_none: bool = True) -> None:  # noqa: FBT001, FBT002  as torch has it
        """Forget the gradients."""
        super().zero_grad(set_to_none)
        for p in self.parameters:
            p.grad = None

    def clipped_step(self, max_norm: float) -> None:
        """Take a step with the gradients that the parameters hold, no longer than `max_norm` all together."""
        parts = [torch.zeros_like(p) if p.grad is None else p.grad for p in self.parameters]
        self.vector.grad = torch.cat([part.flatten() for part in parts], out=self._gradient)
        norm = nn.utils.get_total_norm([self._gradient])
        if self.vector.device.type != "cpu" or norm > max_norm:  # a GPU is not waited for
            nn.utils.clip_grads_with_norm_([self.vector], max_norm, norm)
        as_was = [(part, part.clone()) for part in self._out_of_reach()]
        self.step()
        for part, before in as_was:
            part.copy_(before)

    def _out_of_reach(self) -> list[Tensor]:
        """Parts of the vector, and of its moments, that have no gradient."""
        found: list[Tensor] = []
        if all(p.grad is not None for p in self.parameters):
            return found
        for whole in (self.vector.detach(), *self.state[self.vector].values()):
            if whole.shape == self.vector.shape:  # the count of steps is none
                parts = zip(self.parameters, whole.split(self.sizes), strict=True)
                found += [part for p, part in parts if p.grad is None]
        return found
