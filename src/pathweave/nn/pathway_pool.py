"""Pooling of nodes into pathways with a weight per member."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from pathweave.nn.sparse_product import bag, in_full, positions, sampled

if TYPE_CHECKING:
    from collections.abc import Sequence


class PathwayPool(nn.Module):
    r"""One number a pathway: a learned weighting of its members' channels.

    .. math:: a_p = b_p + \sum_{i \in p} w_{pi} \cdot h_i

    Every membership has its own weights, as in the sparse layers of P-NET (Elmarakeby et al. 2021),
    but no dense (nodes x pathways) matrix is ever made: on a CPU it is one sparse product, whose gradient is
    computed at the memberships alone; elsewhere pathways of similar size are one batched product.

    Parameters
    ----------
    members
        For each pathway the positions of its nodes.
    n_nodes
        Number of nodes.
    channels
        Channels of a node.

    Notes
    -----
    Shapes: input (batch, n_nodes, channels), result (batch, n_pathways), pathways in the order given.

    Examples
    --------
    >>> import torch
    >>> from pathweave import nn
    >>> pool = nn.PathwayPool([[0, 1], [1, 2, 3]], n_nodes=4, channels=2)
    >>> pool(torch.rand(5, 4, 2)).shape
    torch.Size([5, 2])
    """

    row_offsets: Tensor
    row_indices: Tensor
    col_offsets: Tensor
    col_indices: Tensor
    col_places: Tensor
    bucket_nodes: Tensor
    bucket_places: Tensor
    inverse: Tensor

    def __init__(
        self, members: Sequence[Sequence[int] | np.ndarray], *, n_nodes: int, channels: int
    ) -> None:
        super().__init__()
        self.n_pathways, self.n_nodes, self.channels = len(members), n_nodes, channels
        sizes = np.array([len(nodes) for nodes in members], dtype=np.int64)
        self.ends = np.concatenate([[0], sizes.cumsum()])
        node = np.concatenate([np.empty(0, np.int64), *(np.asarray(m, np.int64) for m in members)])
        self._compress(node, sizes)
        self._bucket(node, sizes)
        # Members start out agreeing: a pathway's first guess is their mean.
        alike = torch.as_tensor((sizes * channels) ** -0.5, dtype=torch.float32)
        start = alike.repeat_interleave(torch.as_tensor(sizes)).unsqueeze(1).repeat(1, channels)
        # A weight a member and channel, pathway by pathway.
        self.weight = nn.Parameter(start * (1.0 + 0.3 * torch.randn_like(start)))
        self.bias = nn.Parameter(torch.zeros(self.n_pathways))

    def _compress(self, node: np.ndarray, sizes: np.ndarray) -> None:
        """Keep the weights' nodes by pathway, and their pathways by channel of a node."""
        one = np.arange(self.channels)
        channel = (node[:, None] * self.channels + one).ravel()
        owner = np.arange(self.n_pathways).repeat(sizes * self.channels)
        by_node = np.argsort(channel, kind="stable")
        n_channels = self.n_nodes * self.channels
        col_ends = np.searchsorted(channel[by_node], np.arange(n_channels + 1))
        rows = positions(self.ends * self.channels, channel)
        cols = positions(col_ends, owner[by_node])
        arrays = {
            "row_offsets": rows[0], "row_indices": rows[1],
            "col_offsets": cols[0], "col_indices": cols[1], "col_places": torch.as_tensor(by_node),
        }  # fmt: skip
        for name, tensor in arrays.items():
            self.register_buffer(name, tensor, persistent=False)

    def _bucket(self, node: np.ndarray, sizes: np.ndarray) -> None:
        """Put pathways of similar size side by side, padded to a power of two."""
        width = np.maximum(2, 1 << np.ceil(np.log2(np.maximum(sizes, 1))).astype(np.int64))
        order = np.argsort(width, kind="stable")
        self.widths, counts = np.unique(width, return_counts=True)
        self.counts = counts.tolist()
        ends = np.concatenate([[0], width[order].cumsum()])
        # Padding reads the first node, with the weight behind the last one: zero.
        nodes = np.zeros(ends[-1], dtype=np.int64)
        places = np.full(ends[-1], len(node), dtype=np.int64)
        for start, p in zip(ends[:-1], order, strict=True):
            own = slice(self.ends[p], self.ends[p + 1])
            nodes[start : start + sizes[p]] = node[own]
            places[start : start + sizes[p]] = np.arange(own.start, own.stop)
        arrays = {"bucket_nodes": nodes, "bucket_places": places, "inverse": np.argsort(order)}
        for name, array in arrays.items():
            self.register_buffer(name, torch.as_tensor(array), persistent=False)

    def weight_of(self, p: int) -> Tensor:
        """Return the weights of pathway `p` (members, channels), in the order of its members."""
        if not 0 <= p < self.n_pathways:
            msg = f"p={p}; there are {self.n_pathways} pathways."
            raise IndexError(msg)
        return self.weight[self.ends[p] : self.ends[p + 1]]

    def forward(self, h: Tensor) -> Tensor:
        """Pool node channels into pathway activities."""
        h = in_full(h)
        if h.device.type == "cpu" and not torch._C._are_functorch_transforms_active():
            return cast("Tensor", _Pooling.apply(h, self.weight, self)) + self.bias
        return self.by_width(h) + self.bias

    def by_width(self, h: Tensor) -> Tensor:
        """Pool, without the offset, by batched products alone: on GPUs, and under `torch.func`."""
        nodes = h.permute(1, 2, 0).index_select(0, self.bucket_nodes)
        padded = torch.cat([self.weight, self.weight.new_zeros(1, self.channels)])
        weight = padded.index_select(0, self.bucket_places)
        sizes = (self.widths * self.counts).tolist()
        pooled = []
        for n, here, w in zip(self.counts, nodes.split(sizes), weight.split(sizes), strict=True):
            pooled.append(torch.bmm(w.reshape(n, 1, -1), here.reshape(n, -1, len(h))).squeeze(1))
        return torch.cat(pooled).index_select(0, self.inverse).T


class _Pooling(torch.autograd.Function):
    """Pooling as a sparse product whose weights are learned."""

    @staticmethod
    def forward(ctx: Any, h: Tensor, weight: Tensor, pool: PathwayPool) -> Tensor:
        # Three axes: torch turns a matrix in blocks, which takes twice as long for one of so few rows.
        nodes = h.detach().permute(1, 2, 0).contiguous().flatten(0, 1)
        ctx.pool, ctx.shape, ctx.strides = pool, h.shape, h.stride()
        ctx.save_for_backward(nodes, weight)
        return bag(nodes, (pool.row_offsets, pool.row_indices, weight.detach().flatten())).T

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        nodes, weight = ctx.saved_tensors
        pool, (batch, n_nodes, channels) = ctx.pool, ctx.shape
        grad = grads[0].T.contiguous()
        grad_h = grad_weight = None
        if ctx.needs_input_grad[0]:
            values = weight.flatten().index_select(0, pool.col_places)
            back = bag(grad, (pool.col_offsets, pool.col_indices, values))
            # In the order of `h`: what comes before it is read element by element.
            grad_h = back.new_empty_strided(ctx.shape, ctx.strides)
            grad_h.copy_(back.view(n_nodes, channels, batch).permute(2, 0, 1))
        if ctx.needs_input_grad[1]:
            # Only the memberships are wanted of the product of all pathways with all nodes.
            found = sampled(grad.to(nodes.dtype), nodes, pool.row_offsets, pool.row_indices)
            grad_weight = found.to(weight.dtype).view_as(weight)
        return grad_h, grad_weight, None
