"""GCN, GraphSAGE, R-GCN and signed convolutions on a static graph, with PyG's numbers and parameter names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch_geometric.nn import Linear
from torch_geometric.nn.inits import glorot

from pathweave.nn.graph_conv import check_relations
from pathweave.nn.static_conv import StaticConv, as_graph

if TYPE_CHECKING:
    from pathweave.nn.adjacency import TypedAdjacency
    from pathweave.nn.typed_linear import RelationStack


class StaticGCNConv(StaticConv):
    r"""Graph convolution of Kipf and Welling 2017 (equation 2) over a graph that all samples share.

    .. math:: X' = \hat D^{-1/2} (A + I) \hat D^{-1/2} X W + b

    The numbers, gradients and ``state_dict`` of `torch_geometric.nn.GCNConv`, without a message an edge.

    Parameters
    ----------
    in_channels, out_channels
        Channels of a node before and after.
    improved
        Self-loops of weight 2.
    add_self_loops
        Add self-loops to nodes without one.
    bias
        Learn an offset.
    formulation
        How the product is computed; by size and device by default.

    Notes
    -----
    Shapes: ``x`` (batch, n_nodes, in_channels) or (n_nodes, in_channels); the graph a `TypedAdjacency` or,
    compressed anew at every call, ``edge_index`` and ``edge_weight`` as PyG takes them. All relations of a
    typed graph count as one. Of several self-loops at a node the last one counts, as in PyG.

    Examples
    --------
    >>> import torch
    >>> from pathweave import nn
    >>> edge_index = torch.tensor([[0, 1], [1, 2]])
    >>> graph = nn.TypedAdjacency.from_edge_index(edge_index, n_nodes=3)
    >>> nn.StaticGCNConv(4, 2)(torch.rand(5, 3, 4), graph).shape
    torch.Size([5, 3, 2])
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        improved: bool = False,
        add_self_loops: bool = True,
        bias: bool = True,
        formulation: str = "auto",
    ) -> None:
        super().__init__(in_channels, out_channels, formulation=formulation)
        self.weights = "gcn_improved" if improved else "gcn"
        if not add_self_loops:
            self.weights = "gcn_bare"
        self.lin = Linear(in_channels, out_channels, bias=False, weight_initializer="glorot")
        self.bias = nn.Parameter(torch.zeros(out_channels)) if bias else None

    def forward(
        self, x: Tensor, graph: TypedAdjacency | Tensor, edge_weight: Tensor | None = None
    ) -> Tensor:
        """Convolve (batch, n_nodes, channels) or (n_nodes, channels) over a graph."""
        return self.convolve(x, as_graph(x, graph, edge_weight))

    def stack(self, graph: TypedAdjacency) -> RelationStack:
        """Return the normalised adjacency."""
        return graph.stacked(self.weights)

    def linear_map(self) -> tuple[Tensor, Tensor | None]:
        """Return the one weight."""
        return self.lin.weight.T.unsqueeze(0), self.bias


class StaticSAGEConv(StaticConv):
    r"""GraphSAGE with the mean (Hamilton et al. 2017, algorithm 1) over a graph that all samples share.

    .. math:: x'_i = W_1\, \mathrm{mean}_{j \in N(i)} x_j + W_2 x_i + b

    The numbers, gradients and ``state_dict`` of `torch_geometric.nn.SAGEConv`.

    Parameters
    ----------
    in_channels, out_channels
        Channels of a node before and after.
    root_weight
        Add the node itself.
    bias
        Learn an offset.
    formulation
        How the product is computed; by size and device by default.

    Notes
    -----
    Shapes as in `StaticGCNConv`. Weights of edges do not count, as in PyG; the relations of a typed graph
    are taken together.

    Examples
    --------
    >>> import torch
    >>> from pathweave import nn
    >>> edge_index = torch.tensor([[0, 1], [1, 2]])
    >>> nn.StaticSAGEConv(4, 2)(torch.rand(5, 3, 4), edge_index).shape
    torch.Size([5, 3, 2])
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        root_weight: bool = True,
        bias: bool = True,
        formulation: str = "auto",
    ) -> None:
        super().__init__(in_channels, out_channels, formulation=formulation)
        self.root_weight = root_weight
        self.lin_l = Linear(in_channels, out_channels, bias=bias)
        if root_weight:
            self.lin_r = Linear(in_channels, out_channels, bias=False)

    def forward(self, x: Tensor, graph: TypedAdjacency | Tensor) -> Tensor:
        """Convolve (batch, n_nodes, channels) or (n_nodes, channels) over a graph."""
        return self.convolve(x, as_graph(x, graph))

    def stack(self, graph: TypedAdjacency) -> RelationStack:
        """Return the node itself and the mean over its neighbours."""
        return graph.stacked("mean_of_all", itself=self.root_weight)

    def linear_map(self) -> tuple[Tensor, Tensor | None]:
        """Return the weights of the node itself and of its neighbours."""
        own = [self.lin_r.weight.T] if self.root_weight else []
        return torch.stack([*own, self.lin_l.weight.T]), self.lin_l.bias


class StaticRGCNConv(StaticConv):
    r"""Relational graph convolution (Schlichtkrull et al. 2018, equation 2) over a graph that all samples share.

    .. math:: x'_i = W_0 x_i + b + \sum_r W_r\, \mathrm{mean}_{j \in N_r(i)} x_j

    The numbers, gradients and ``state_dict`` of `torch_geometric.nn.RGCNConv` (mean; with bases, its equation 3).
    `TypedGraphConv` is the same layer for a graph that brings its own weights.

    Parameters
    ----------
    in_channels, out_channels
        Channels of a node before and after.
    num_relations
        Number of relations.
    num_bases
        Number of matrices that the relations' weights are mixed from; one each by default.
    root_weight
        Add the node itself.
    bias
        Learn an offset.
    formulation
        How the product is computed; by size and device by default.

    Notes
    -----
    Shapes as in `StaticGCNConv`; with ``edge_index`` goes ``edge_type``, as PyG takes them. All relations are
    one product.

    Examples
    --------
    >>> import torch
    >>> from pathweave import nn
    >>> edge_index, edge_type = torch.tensor([[0, 1], [1, 2]]), torch.tensor([0, 1])
    >>> graph = nn.TypedAdjacency.from_edge_index(edge_index, n_nodes=3, edge_type=edge_type)
    >>> nn.StaticRGCNConv(4, 2, num_relations=2)(torch.rand(5, 3, 4), graph).shape
    torch.Size([5, 3, 2])
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        num_relations: int,
        *,
        num_bases: int | None = None,
        root_weight: bool = True,
        bias: bool = True,
        formulation: str = "auto",
    ) -> None:
        super().__init__(in_channels, out_channels, formulation=formulation)
        self.num_relations = num_relations
        count = num_relations if num_bases is None else num_bases
        self.weight = nn.Parameter(torch.empty(count, in_channels, out_channels))
        self.comp = None
        if num_bases is not None:
            self.comp = nn.Parameter(torch.empty(num_relations, num_bases))
        self.root = nn.Parameter(torch.empty(in_channels, out_channels)) if root_weight else None
        self.bias = nn.Parameter(torch.zeros(out_channels)) if bias else None
        for parameter in (self.weight, self.comp, self.root):
            glorot(parameter)

    def forward(
        self,
        x: Tensor,
        graph: TypedAdjacency | Tensor,
        edge_type: Tensor | None = None,
    ) -> Tensor:
        """Convolve (batch, n_nodes, channels) or (n_nodes, channels) over a typed graph."""
        made = as_graph(x, graph, edge_type=edge_type, n_relations=self.num_relations)
        return self.convolve(x, made)

    def stack(self, graph: TypedAdjacency) -> RelationStack:
        """Return the node itself and the means over its neighbours by relation."""
        check_relations(graph, self.num_relations)
        return graph.stacked("mean", itself=self.root is not None)

    def linear_map(self) -> tuple[Tensor, Tensor | None]:
        """Return the weights of the node itself and of every relation."""
        weight: Tensor = self.weight
        if self.comp is not None:
            weight = torch.einsum("rb,bio->rio", self.comp, weight)
        if self.root is not None:
            weight = torch.cat([self.root.unsqueeze(0), weight])
        return weight, self.bias


class StaticSignedConv(StaticConv):
    r"""Signed graph convolution (Derr et al. 2018, equations 6 to 9) over a graph that all samples share.

    In the first layer (``first_aggr=True``) friends and foes of a node are averaged apart:

    .. math:: x^{\pm}_i = W^{\pm}_1\, \mathrm{mean}_{j \in N^{\pm}(i)} x_j + W^{\pm}_2 x_i

    Later layers take both halves of the channels, ``[x^+, x^-]``, and the foe of a foe is a friend:

    .. math:: x'^{+}_i = W^{+}_1 [\mathrm{mean}_{N^+(i)} x^{+}_j,\ \mathrm{mean}_{N^-(i)} x^{-}_j] + W^{+}_2 x^{+}_i

    and the same for ``x'^-`` with ``x^+`` and ``x^-`` exchanged. The numbers, gradients and ``state_dict`` of
    `torch_geometric.nn.SignedConv`.

    Parameters
    ----------
    in_channels
        Channels of a node before; of each half where `first_aggr` is false.
    out_channels
        Channels of each half after.
    first_aggr
        First layer.
    bias
        Learn an offset.
    formulation
        How the product is computed; by size and device by default.

    Notes
    -----
    Shapes: ``x`` (batch, n_nodes, in_channels), for later layers (batch, n_nodes, 2 in_channels); result
    (batch, n_nodes, 2 out_channels). The graph has two relations, the positive and the negative edges:
    a `TypedAdjacency`, or two ``edge_index`` as PyG takes them.

    Examples
    --------
    >>> import torch
    >>> from pathweave import nn
    >>> positive, negative = torch.tensor([[0], [1]]), torch.tensor([[1], [2]])
    >>> layer = nn.StaticSignedConv(4, 2, first_aggr=True)
    >>> layer(torch.rand(5, 3, 4), positive, negative).shape
    torch.Size([5, 3, 4])
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        first_aggr: bool,  # noqa: FBT001  as PyG has it
        *,
        bias: bool = True,
        formulation: str = "auto",
    ) -> None:
        super().__init__(in_channels, out_channels, formulation=formulation)
        self.first_aggr = first_aggr
        width = in_channels if first_aggr else 2 * in_channels
        self.lin_pos_l = Linear(width, out_channels, bias=False)
        self.lin_pos_r = Linear(in_channels, out_channels, bias=bias)
        self.lin_neg_l = Linear(width, out_channels, bias=False)
        self.lin_neg_r = Linear(in_channels, out_channels, bias=bias)

    def forward(
        self,
        x: Tensor,
        graph: TypedAdjacency | Tensor,
        neg_edge_index: Tensor | None = None,
    ) -> Tensor:
        """Convolve (batch, n_nodes, channels) or (n_nodes, channels) over a signed graph."""
        if isinstance(graph, Tensor):
            if neg_edge_index is None:
                msg = "neg_edge_index is missing; give positive and negative edges, or a TypedAdjacency."
                raise ValueError(msg)
            sizes = torch.tensor([graph.shape[1], neg_edge_index.shape[1]])
            kind = torch.arange(2).repeat_interleave(sizes)
            edges = torch.cat([graph, neg_edge_index], dim=1)
            return self.convolve(x, as_graph(x, edges, edge_type=kind, n_relations=2))
        return self.convolve(x, graph)

    def stack(self, graph: TypedAdjacency) -> RelationStack:
        """Return the node itself and the means over its friends and foes."""
        check_relations(graph, 2)
        return graph.stacked("mean", itself=True)

    def linear_map(self) -> tuple[Tensor, Tensor | None]:
        """Return the weights of the node itself, its friends and its foes; zero where they do not mix."""
        n_in = self.in_channels
        halves = [self.lin_pos_r, self.lin_neg_r]
        pos, neg = self.lin_pos_l.weight.T, self.lin_neg_l.weight.T
        own = [linear.weight.T for linear in halves]
        if self.first_aggr:
            none = torch.zeros_like(pos)
            blocks = [torch.cat(own, 1), torch.cat([pos, none], 1), torch.cat([none, neg], 1)]
        else:
            friends = torch.block_diag(pos[:n_in], neg[:n_in])
            none = torch.zeros_like(pos[n_in:])
            foes = torch.cat([torch.cat([none, neg[n_in:]], 1), torch.cat([pos[n_in:], none], 1)])
            blocks = [torch.block_diag(*own), friends, foes]
        bias = None
        if self.lin_pos_r.bias is not None:
            bias = torch.cat([self.lin_pos_r.bias, self.lin_neg_r.bias])
        return torch.stack(blocks), bias
