"""What all linear graph convolutions on a static graph have in common."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch_geometric.nn import MessagePassing

from pathweave.nn.adjacency import TypedAdjacency
from pathweave.nn.formulation import checked

if TYPE_CHECKING:
    from pathweave.nn.typed_linear import RelationStack


class StaticConv(MessagePassing, metaclass=ABCMeta):
    """Base of layers ``sum_r A_r x W_r + b`` over a graph that all samples share.

    A layer says which matrices ``A_r`` it wants of a graph and what ``W_r`` and ``b`` are.
    """

    def __init__(self, in_channels: int, out_channels: int, *, formulation: str = "auto") -> None:
        super().__init__(aggr="sum")
        check_sizes(in_channels=in_channels, out_channels=out_channels)
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.formulation = checked(formulation)

    @abstractmethod
    def stack(self, graph: TypedAdjacency) -> RelationStack:
        """Return the matrices that this layer multiplies with."""

    @abstractmethod
    def linear_map(self) -> tuple[Tensor, Tensor | None]:
        """Return ``W`` (n_matrices, width of x, width of the result) and ``b``."""

    def convolve(self, x: Tensor, graph: TypedAdjacency) -> Tensor:
        """Compute the layer for (batch, n_nodes, channels) or (n_nodes, channels)."""
        weight, bias = self.linear_map()
        check_nodes(x, graph, weight.shape[1])
        if x.ndim == 2:
            return self.convolve(x.unsqueeze(0), graph).squeeze(0)
        return self.stack(graph).linear(x, weight, bias, self.formulation)

    def aggregate_neighbours(self, x: Tensor, graph: TypedAdjacency) -> Tensor:
        """Sums over neighbours, side by side: of data that do not change they are computed once."""
        check_nodes(x, graph, self.linear_map()[0].shape[1])
        return self.stack(graph).aggregate(x, self.formulation)

    def combine(self, aggregated: Tensor, keep: Tensor | None = None) -> Tensor:
        """Transform what `aggregate_neighbours` collected; `keep` (batch, width of it) says of what in each sample."""
        weight, bias = self.linear_map()
        tall = weight.reshape(-1, weight.shape[2])
        if keep is None:
            out = aggregated @ tall
            return out if bias is None else out + bias
        # A weight left out of a sample costs less than a value set to zero at every node. Nodes last: few channels
        # make long rows then.
        each, last = tall.T * keep.unsqueeze(1), aggregated.transpose(1, 2)
        made = each @ last if bias is None else torch.baddbmm(bias.unsqueeze(1), each, last)
        return made.transpose(1, 2)

    def message_and_aggregate(self, edge_index: Any, x: Tensor) -> Tensor:
        """Sum over neighbours: one sparse product, no message an edge."""
        return self.aggregate_neighbours(x, edge_index)


def as_graph(
    x: Tensor,
    graph: Any,
    edge_weight: Tensor | None = None,
    edge_type: Tensor | None = None,
    n_relations: int | None = None,
) -> TypedAdjacency:
    """Compress PyG's `edge_index`; a graph that is compressed already is handed on."""
    if isinstance(graph, TypedAdjacency):
        if edge_weight is not None or edge_type is not None:
            msg = (
                "edge_weight or edge_type was given beside a TypedAdjacency, which holds its own; "
                "give them to TypedAdjacency.from_edge_index."
            )
            raise ValueError(msg)
        return graph
    if not isinstance(graph, Tensor):
        msg = f"graph is a {type(graph).__name__}; give a TypedAdjacency or PyG's edge_index."
        raise TypeError(msg)
    if x.ndim not in {2, 3}:
        msg = f"x has shape {tuple(x.shape)}; it must be (batch, n_nodes, channels) or (n_nodes, channels)."
        raise ValueError(msg)
    names = None if n_relations is None else [str(r) for r in range(n_relations)]
    made = TypedAdjacency.from_edge_index(
        graph, n_nodes=x.shape[-2], edge_weight=edge_weight, edge_type=edge_type, names=names
    )
    return made.to(x.device)


def check_sizes(**sizes: int) -> None:
    """Refuse layers without channels."""
    for name, value in sizes.items():
        if value < 1:
            msg = f"{name}={value}; it must be at least 1."
            raise ValueError(msg)


def check_nodes(x: Tensor, graph: TypedAdjacency, channels: int) -> None:
    """Refuse features that are not those of this graph's nodes."""
    if x.ndim not in {2, 3} or x.shape[-2] != graph.n_nodes or x.shape[-1] != channels:
        msg = (
            f"x has shape {tuple(x.shape)}; it must be (batch, {graph.n_nodes}, {channels}) or "
            f"({graph.n_nodes}, {channels}): nodes of the graph, channels of the layer."
        )
        raise ValueError(msg)
