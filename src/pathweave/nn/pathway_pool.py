"""Pooling of nodes into pathways with a weight per member."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np


class PathwayPool(nn.Module):
    r"""One number a pathway: a learned weighting of its members' channels.

    .. math:: a_p = b_p + \sum_{i \in p} w_{pi} \cdot h_i

    Every membership has its own weights, as in the sparse layers of P-NET (Elmarakeby et al. 2021),
    but pathways of similar size are computed together as one batched product, so that no dense
    (nodes x pathways) matrix is ever made.

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
        inverse = torch.empty(self.n_pathways, dtype=torch.int64)
        inverse[torch.as_tensor(order, dtype=torch.int64)] = torch.arange(self.n_pathways)
        self.register_buffer("inverse", inverse, persistent=False)
        self.bias = nn.Parameter(torch.zeros(self.n_pathways))

    def forward(self, h: Tensor) -> Tensor:
        """Pool node channels into pathway activities."""
        batch, _, channels = h.shape
        nodes = h.permute(1, 2, 0)
        nodes = torch.cat([nodes, nodes.new_zeros(1, channels, batch)])  # the padding's node
        pooled = []
        for width, weight in zip(self.widths, self.weights, strict=True):
            index = cast("Tensor", getattr(self, f"index_{width}"))
            gathered = nodes.index_select(0, index.reshape(-1))
            gathered = gathered.reshape(index.shape[0], width * channels, batch)
            flat = weight.reshape(index.shape[0], 1, width * channels)
            pooled.append(torch.bmm(flat, gathered).squeeze(1))
        activity = torch.cat(pooled).index_select(0, cast("Tensor", self.inverse))
        return activity.T + self.bias
