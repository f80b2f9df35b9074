"""Pooling of nodes into pathways with a weight per member."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from pathweave.nn.sparse_product import bag, in_full, positions, sampled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pathweave.nn.sparse_product import Compressed


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

    gathered: Tensor
    order: Tensor
    inverse: Tensor
    row_offsets: Tensor
    row_indices: Tensor
    row_places: Tensor
    col_offsets: Tensor
    col_indices: Tensor
    col_places: Tensor

    def __init__(
        self, members: Sequence[Sequence[int] | np.ndarray], *, n_nodes: int, channels: int
    ) -> None:
        super().__init__()
        self.n_pathways = len(members)
        self.n_nodes = n_nodes
        buckets: dict[int, list[int]] = {}
        for p, nodes in enumerate(members):
            buckets.setdefault(max(2, 1 << (len(nodes) - 1).bit_length()), []).append(p)
        self.widths = sorted(buckets)
        order: list[int] = []
        self.weights = nn.ParameterList()
        for width in self.widths:
            pathways = buckets[width]
            order += pathways
            index = torch.full((len(pathways), width), n_nodes, dtype=torch.int64)
            weight = torch.zeros(len(pathways), width, channels)
            for row, p in enumerate(pathways):
                size = len(members[p])
                index[row, :size] = torch.as_tensor(list(members[p]), dtype=torch.int64)
                # Members start out agreeing: a pathway's first guess is their mean.
                weight[row, :size] = 1.0 / math.sqrt(size * channels)
            noise = torch.randn_like(weight) * 0.3
            self.weights.append(nn.Parameter(weight * (1.0 + noise)))
            self.register_buffer(f"index_{width}", index, persistent=False)
        self._compress(order, channels)
        self.bias = nn.Parameter(torch.zeros(self.n_pathways))

    def _compress(self, order: list[int], channels: int) -> None:
        """Keep the memberships by pathway and by node, and where their weights stand."""
        padded = [self._buffers[f"index_{width}"] for width in self.widths]
        blocks = [np.empty((0, 1), np.int64), *(b.numpy() for b in padded if b is not None)]
        places = np.concatenate([block.ravel() for block in blocks])
        widths = np.repeat([0, *self.widths], [len(block) for block in blocks])
        pathway = np.repeat(np.asarray(order, np.int64), widths)
        n_nodes, n_pathways = self.n_nodes, self.n_pathways
        real = np.flatnonzero(places < n_nodes)
        one = np.arange(channels)
        node = (places[real, None] * channels + one).ravel()
        place = (real[:, None] * channels + one).ravel()
        owner = pathway[real].repeat(channels)
        by_pathway, by_node = np.lexsort((node, owner)), np.lexsort((owner, node))
        row_ends = np.searchsorted(owner[by_pathway], np.arange(n_pathways + 1))
        col_ends = np.searchsorted(node[by_node], np.arange(n_nodes * channels + 1))
        rows, cols = positions(row_ends, node[by_pathway]), positions(col_ends, owner[by_node])
        arrays = {
            # Padding reads the first node, with a weight of zero.
            "gathered": np.where(places < n_nodes, places, 0),
            "order": np.asarray(order, np.int64),
            "inverse": np.argsort(order),
            "row_places": place[by_pathway],
            "col_places": place[by_node],
        }
        compressed = {
            "row_offsets": rows[0], "row_indices": rows[1],
            "col_offsets": cols[0], "col_indices": cols[1],
        }  # fmt: skip
        wide = {name: torch.as_tensor(array.astype("int64")) for name, array in arrays.items()}
        for name, tensor in {**wide, **compressed}.items():
            self.register_buffer(name, tensor, persistent=False)

    def weight_of(self, p: int) -> Tensor:
        """Return the weights of pathway `p` (members, channels), in the order of its members."""
        if not 0 <= p < self.n_pathways:
            msg = f"p={p}; there are {self.n_pathways} pathways."
            raise IndexError(msg)
        place = int(self.inverse[p])
        ends = np.cumsum([len(weight) for weight in self.weights])
        bucket = int(np.searchsorted(ends, place, side="right"))
        row = place - int(ends[bucket])  # from the bucket's end
        return self.weights[bucket][row, self.real()[bucket][row, :, 0]]

    def forward(self, h: Tensor) -> Tensor:
        """Pool node channels into pathway activities."""
        h = in_full(h)
        if h.device.type == "cpu" and not torch._C._are_functorch_transforms_active():
            return cast("Tensor", _Pooling.apply(h, self, *self.weights)) + self.bias
        return self.by_width(h) + self.bias

    def by_width(self, h: Tensor) -> Tensor:
        """Pool, without the offset, by batched products alone: on GPUs, and under `torch.func`."""
        nodes = h.permute(1, 2, 0).contiguous()
        parts = self.members_by_width(nodes)
        pooled = []
        for weight, member, part in zip(self.weights, self.real(), parts, strict=True):
            flat = (weight * member).reshape(len(weight), 1, -1)
            pooled.append(torch.bmm(flat, part).squeeze(1))
        return torch.cat(pooled).index_select(0, self.inverse).T

    def members_by_width(self, nodes: Tensor) -> list[Tensor]:
        """Gather nodes (n_nodes, channels, batch) to (pathways, width * channels, batch) for every width."""
        gathered = nodes.index_select(0, self.gathered)
        parts = gathered.split([weight.shape[0] * weight.shape[1] for weight in self.weights])
        return [
            part.reshape(len(weight), -1, nodes.shape[2])
            for weight, part in zip(self.weights, parts, strict=True)
        ]

    def real(self) -> list[Tensor]:
        """Return for every width which places hold members, not padding (pathways, width, 1)."""
        index = [cast("Tensor", getattr(self, f"index_{width}")) for width in self.widths]
        return [(places < self.n_nodes).unsqueeze(2) for places in index]

    @property
    def rows(self) -> Compressed:
        """Offsets, channels of nodes, and the places of their weights, pathway by pathway."""
        return self.row_offsets, self.row_indices, self.row_places

    @property
    def cols(self) -> Compressed:
        """Offsets, pathways, and the places of their weights, channel of a node by channel."""
        return self.col_offsets, self.col_indices, self.col_places


class _Pooling(torch.autograd.Function):
    """Pooling as a sparse product whose weights are learned."""

    @staticmethod
    def forward(ctx: Any, h: Tensor, pool: PathwayPool, *weights: Tensor) -> Tensor:
        # Three axes: torch turns a matrix in blocks, which takes twice as long for one of so few rows.
        nodes = h.detach().permute(1, 2, 0).contiguous().flatten(0, 1)
        values = torch.cat([weight.detach().flatten() for weight in weights])
        offsets, index, place = pool.rows
        ctx.pool, ctx.shape, ctx.strides = pool, h.shape, h.stride()
        ctx.save_for_backward(nodes, values)
        return bag(nodes, (offsets, index, values.index_select(0, place))).T

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        nodes, values = ctx.saved_tensors
        pool, (batch, n_nodes, channels) = ctx.pool, ctx.shape
        grad = grads[0].T.contiguous()
        grad_h = None
        if ctx.needs_input_grad[0]:
            offsets, index, place = pool.cols
            back = bag(grad, (offsets, index, values.index_select(0, place)))
            # In the order of `h`: what comes before it is read element by element.
            grad_h = back.new_empty_strided(ctx.shape, ctx.strides)
            grad_h.copy_(back.view(n_nodes, channels, batch).permute(2, 0, 1))
        if not any(ctx.needs_input_grad[2:]):
            return grad_h, None, *(None for _ in pool.weights)
        # Only the memberships are wanted of the product of all pathways with all nodes.
        offsets, index, place = pool.rows
        found = sampled(grad.to(nodes.dtype), nodes, offsets, index).to(values.dtype)
        flat = torch.zeros_like(values).index_copy_(0, place, found)
        sizes = [weight.numel() for weight in pool.weights]
        grad_weights = [
            part.view_as(weight)
            for part, weight in zip(flat.split(sizes), pool.weights, strict=True)
        ]
        return grad_h, None, *grad_weights
