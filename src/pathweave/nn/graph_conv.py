"""Typed graph convolution on one static graph."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch_geometric.nn import MessagePassing

from pathweave.nn.adjacency import spmm

if TYPE_CHECKING:
    from pathweave.nn.adjacency import TypedAdjacency


class TypedGraphConv(MessagePassing):
    r"""Relational graph convolution over a graph that all samples share.

    .. math:: h_i = W_0 x_i + b + \sum_r W_r \sum_j A^{(r)}_{ij} x_j

    With row-normalised ``A`` this is the R-GCN layer of Schlichtkrull et al. 2018 (equation 2,
    ``c_{i,r} = |N_i^r|``) and gives the numbers of `torch_geometric.nn.RGCNConv`.

    Parameters
    ----------
    in_channels, out_channels
        Channels of a node before and after.
    n_relations
        Number of relations of the adjacency that will be passed.

    Notes
    -----
    Shapes: ``x`` (batch, n_nodes, in_channels), result (batch, n_nodes, out_channels). The narrower
    side is aggregated: neighbours are summed before the transformation when there are fewer channels
    in than out. For data that do not change, `aggregate_neighbours` may be computed once and passed
    to `combine`.

    Examples
    --------
    >>> import scipy.sparse as sp, torch
    >>> from pathweave import nn
    >>> adjacency = nn.TypedAdjacency([sp.identity(3, format="csr")], ["self"])
    >>> nn.TypedGraphConv(2, 4, 1)(torch.rand(5, 3, 2), adjacency).shape
    torch.Size([5, 3, 4])
    """

    def __init__(self, in_channels: int, out_channels: int, n_relations: int) -> None:
        super().__init__(aggr="sum")
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.n_relations = n_relations
        bound = math.sqrt(3.0 / in_channels)
        weight = torch.empty(n_relations + 1, in_channels, out_channels)
        nn.init.uniform_(weight, -bound, bound)
        if n_relations:
            weight[1:] /= math.sqrt(n_relations)
        self.weight = nn.Parameter(weight)  # [0] is the node itself
        self.bias = nn.Parameter(torch.zeros(out_channels))

    def forward(self, x: Tensor, adjacency: TypedAdjacency) -> Tensor:
        """Convolve node features over the typed graph."""
        if self.in_channels <= self.out_channels:
            return self.combine(self.aggregate_neighbours(x, adjacency))
        out = x @ self.weight[0] + self.bias
        for r in range(self.n_relations):
            out = out + self.message_and_aggregate(adjacency, x @ self.weight[r + 1], r)
        return out

    def aggregate_neighbours(self, x: Tensor, adjacency: TypedAdjacency) -> Tensor:
        """Put a node's own channels and those of its neighbours, by relation, side by side."""
        own = [x]
        own += [self.message_and_aggregate(adjacency, x, r) for r in range(self.n_relations)]
        return torch.cat(own, dim=-1)

    def combine(self, aggregated: Tensor) -> Tensor:
        """Transform what `aggregate_neighbours` collected."""
        weight = self.weight.reshape(-1, self.out_channels)
        return aggregated @ weight + self.bias

    def message_and_aggregate(self, adjacency: Any, x: Tensor, relation: int) -> Tensor:
        """Sum the neighbours of every node under one relation: one sparse product."""
        batch, n_nodes, channels = x.shape
        flat = x.permute(1, 0, 2).reshape(n_nodes, batch * channels)
        out = spmm(flat, *adjacency.relation(relation))
        return out.reshape(n_nodes, batch, channels).permute(1, 0, 2)
