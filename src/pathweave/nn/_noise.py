"""Noise of a part of a batch that is the noise it would have had as a part of the whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from pathweave.nn.dropout import random_bits

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import Tensor


class NoiseOfBatch(TorchFunctionMode):
    """Inside this block, what draws noise for some samples of a batch draws it for all and takes theirs.

    However a batch is cut, every sample so gets the same dropout and the same noise, and the random state
    moves on by the same amount. The first dimension of whatever is drawn must be that of the samples.

    Parameters
    ----------
    rows
        Positions in the batch of the samples that pass through the network.
    n
        Size of the batch.

    Examples
    --------
    >>> import torch
    >>> from pathweave import nn
    >>> with nn.seeded(0):
    ...     whole = torch.rand(4, 2)
    >>> with nn.seeded(0), nn.NoiseOfBatch(torch.tensor([1, 2]), 4):
    ...     part = torch.rand(2, 2)
    >>> bool((part == whole[1:3]).all())
    True
    """

    def __init__(self, rows: Tensor, n: int) -> None:
        super().__init__()
        self.rows, self.n = rows, n

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Draw for the whole batch where `func` draws."""
        del types
        given = dict(kwargs or {})
        if func is F.dropout:
            return self._dropout(*args, **given)
        if func in (torch.rand_like, torch.randn_like, random_bits):
            drawn = func(self._whole(args[0]), *args[1:], **given)
            return self._take(drawn, args[0].shape)
        if func in (torch.rand, torch.randn):
            shape = torch.Size(args[0]) if isinstance(args[0], (tuple, list)) else torch.Size(args)
            return self._take(func((self.n, *shape[1:]), **given), shape)
        if getattr(func, "__name__", "") in _OTHERS:
            msg = f"{func.__name__} draws noise, and nobody has said how a part of a batch gets its share."
            raise NotImplementedError(msg)
        return func(*args, **given)

    def _dropout(
        self,
        input: Tensor,  # noqa: A002  as torch names it
        p: float = 0.5,
        training: bool = True,  # noqa: FBT001, FBT002
        inplace: bool = False,  # noqa: FBT001, FBT002
    ) -> Tensor:
        del inplace
        if not training or p == 0:
            return input
        noise = F.dropout(self._whole(input).fill_(1.0), p)
        return input * self._take(noise, input.shape)

    def _whole(self, x: Tensor) -> Tensor:
        """Uninitialised tensor like `x` for the whole batch, laid out like it: noise follows the memory."""
        shape = (self.n, *x.shape[1:])
        if x.dim() == 2 and x.stride() == (1, len(x)) and len(x) > 1:
            return x.new_empty(shape[::-1]).T
        return x.new_empty(shape)

    def _take(self, noise: Tensor, shape: torch.Size) -> Tensor:
        if shape[0] != len(self.rows):
            msg = (
                f"noise of shape {tuple(shape)} is not of the {len(self.rows)} samples that are here; the first "
                "dimension must be the samples'."
            )
            raise RuntimeError(msg)
        return noise[self.rows.to(noise.device)]


_OTHERS = frozenset({
    "alpha_dropout", "bernoulli", "bernoulli_", "dropout1d", "dropout2d", "dropout3d", "exponential_",
    "feature_alpha_dropout", "gumbel_softmax", "multinomial", "normal", "normal_", "poisson", "rand_int",
    "randint", "randint_like", "random_", "randperm", "rrelu", "uniform_",
})  # fmt: skip
