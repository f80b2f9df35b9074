"""Typed graph convolution on one static graph, with the weights that the graph holds."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from pathweave.nn.static_conv import StaticConv

if TYPE_CHECKING:
    from pathweave.nn.adjacency import TypedAdjacency
    from pathweave.nn.typed_linear import RelationStack


class TypedGraphConv(StaticConv):
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
    formulation
        How the product is computed; by size and device by default.

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

    def __init__(
        self, in_channels: int, out_channels: int, n_relations: int, *, formulation: str = "auto"
    ) -> None:
        super().__init__(in_channels, out_channels, formulation=formulation)
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
        return self.convolve(x, adjacency)

    def stack(self, graph: TypedAdjacency) -> RelationStack:
        """Return the node itself and its relations, weighted as the graph says."""
        check_relations(graph, self.n_relations)
        return graph.stacked("given", itself=True)

    def linear_map(self) -> tuple[Tensor, Tensor | None]:
        """Return the weights of the node itself and of every relation."""
        return self.weight, self.bias


def check_relations(graph: TypedAdjacency, n_relations: int) -> None:
    """Refuse a graph with another number of relations."""
    if len(graph) != n_relations:
        msg = (
            f"the graph has {len(graph)} relations {graph.names}, the layer {n_relations}; "
            "make the layer for this graph."
        )
        raise ValueError(msg)
