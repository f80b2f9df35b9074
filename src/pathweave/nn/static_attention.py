"""Graph attention (GATv2) on one static graph, sample by sample."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch_geometric.nn import Linear, MessagePassing
from torch_geometric.nn.inits import glorot

from pathweave.nn.sparse_product import bag
from pathweave.nn.static_conv import as_graph, check_nodes, check_sizes

if TYPE_CHECKING:
    from pathweave.nn.adjacency import TypedAdjacency


class AttendedEdges(nn.Module):
    """Edges of a graph, sorted by target, and their order by source.

    Parameters
    ----------
    graph
        A graph; its relations are taken together, parallel edges stay apart.
    self_loops
        Put exactly one self-loop at every node, in place of those that are there.
    """

    source: Tensor
    target: Tensor
    offsets: Tensor
    edges: Tensor
    back: Tensor
    back_target: Tensor
    back_offsets: Tensor

    def __init__(self, graph: TypedAdjacency, *, self_loops: bool) -> None:
        super().__init__()
        source, target = graph.edge_index.cpu().numpy()
        n = graph.n_nodes
        if self_loops:
            other = source != target
            source, target = (np.append(end[other], np.arange(n)) for end in (source, target))
        order = np.argsort(target, kind="stable")
        source, target = source[order], target[order]
        back = np.argsort(source, kind="stable")
        arrays = {
            "source": source,
            "target": target,
            "offsets": np.searchsorted(target, np.arange(n + 1)),
            "edges": np.arange(len(source)),
            "back": back,
            "back_target": target[back],
            "back_offsets": np.searchsorted(source[back], np.arange(n + 1)),
        }
        for name, array in arrays.items():
            self.register_buffer(name, torch.as_tensor(array.astype("int64")), persistent=False)


class _Attention(torch.autograd.Function):
    """Attention of every unit (a head of a sample) in turn; of the edges only their attention is kept."""

    @staticmethod
    def forward(
        ctx: Any,
        left: Tensor,
        right: Tensor,
        att: Tensor,
        edges: AttendedEdges,
        how: tuple[float, float],
    ) -> Tensor:
        slope, dropout = how
        left, right = left.contiguous(), right.contiguous()
        n_units, _, channels = left.shape
        n_edges = len(edges.source)
        near, here = left.new_empty(2, n_edges, channels)
        attention = left.new_empty(n_units, n_edges)
        kept = None
        if dropout:
            kept = torch.rand(n_units, n_edges, device=left.device) >= dropout
        out = torch.empty_like(left)
        for u in range(n_units):
            a = left.detach()[u]
            torch.index_select(a, 0, edges.source, out=near)
            near += torch.index_select(right.detach()[u], 0, edges.target, out=here)
            score = torch.mv(F.leaky_relu_(near, slope), att[u % len(att)])
            top = torch.segment_reduce(score, "max", offsets=edges.offsets, unsafe=True)
            score.sub_(top.index_select(0, edges.target)).exp_()
            total = torch.segment_reduce(score, "sum", offsets=edges.offsets, unsafe=True)
            torch.div(score, total.index_select(0, edges.target), out=attention[u])
            weight = _dropped(attention[u], kept, u, dropout)
            out[u] = bag(a, (edges.offsets, edges.source, weight))
        ctx.save_for_backward(left, right, att, attention, kept, out)
        ctx.edges, ctx.how = edges, how
        return out

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        left, right, att, attention, kept, out = ctx.saved_tensors
        edges, (slope, dropout) = ctx.edges, ctx.how
        grad = grads[0].contiguous()
        grad_left, grad_right = torch.empty_like(left), torch.empty_like(right)
        grad_att = torch.zeros_like(att)
        near, here = left.new_empty(2, len(edges.source), left.shape[2])
        ones, ones_e = left.new_ones(left.shape[2]), left.new_ones(len(edges.source))
        for u in range(len(left)):
            h = u % len(att)
            torch.index_select(left[u], 0, edges.source, out=near)
            torch.index_select(grad[u], 0, edges.target, out=here)
            for_weight = _dropped(torch.mv(here.mul_(near), ones), kept, u, dropout)
            mean = torch.mv(
                grad[u] * out[u], ones
            )  # of what reaches the weights of a target's edges
            for_score = for_weight.sub_(mean.index_select(0, edges.target)).mul_(attention[u])
            near += torch.index_select(right[u], 0, edges.target, out=here)
            torch.mul(for_score.unsqueeze(1), att[h], out=here)
            slopes = torch.ops.aten.leaky_relu_backward.grad_input
            slopes(here, near, slope, self_is_result=False, grad_input=here)
            grad_att[h] += torch.mv(F.leaky_relu_(near, slope).T, for_score)
            grad_right[u] = bag(here, (edges.offsets, edges.edges, ones_e))
            grad_left[u] = bag(here, (edges.back_offsets, edges.back, ones_e))
            weight = _dropped(attention[u], kept, u, dropout).index_select(0, edges.back)
            grad_left[u] += bag(grad[u], (edges.back_offsets, edges.back_target, weight))
        return grad_left, grad_right, grad_att, None, None


def _dropped(values: Tensor, kept: Tensor | None, u: int, dropout: float) -> Tensor:
    return values if kept is None else values * kept[u] / (1.0 - dropout)


class StaticGATv2Conv(MessagePassing):
    r"""Graph attention of Brody et al. 2022 (equation 7) over a graph that all samples share.

    .. math:: x'_i = \sum_j \alpha_{ij} W_l x_j + b, \qquad
       \alpha_{ij} = \mathrm{softmax}_j\, a^\top \mathrm{LeakyReLU}(W_r x_i + W_l x_j)

    The numbers, gradients and ``state_dict`` of `torch_geometric.nn.GATv2Conv` (without features of edges).

    Parameters
    ----------
    in_channels
        Channels of a node before.
    out_channels
        Channels of each head after.
    heads
        Number of heads.
    concat
        Put the heads side by side; their mean otherwise.
    negative_slope
        Slope of the LeakyReLU.
    dropout
        Share of attentions that are dropped in training.
    add_self_loops
        Let every node attend to itself.
    bias
        Learn offsets.
    share_weights
        One matrix for both ends of an edge.
    residual
        Add a linear map of the node itself.

    Notes
    -----
    Shapes: ``x`` (batch, n_nodes, in_channels) or (n_nodes, in_channels), result with ``heads * out_channels``
    (or `out_channels`) channels; the graph a `TypedAdjacency` or PyG's ``edge_index``. Weights and relations of
    edges do not count.

    What is saved, and what is not: an attention depends on both ends of an edge and on the sample, so the
    arithmetic of every edge, sample and channel remains, unlike in the linear layers. But edges are worked
    through head by head and sample by sample in two buffers of n_edges * out_channels numbers, which are
    used again; for the backward pass one number is kept for each edge, head and sample, and the rest is
    computed again. PyG keeps several arrays of batch * n_edges * heads * out_channels. On a GPU this loop is bound by its
    launches.

    Examples
    --------
    >>> import torch
    >>> from pathweave import nn
    >>> edge_index = torch.tensor([[0, 1], [1, 2]])
    >>> graph = nn.TypedAdjacency.from_edge_index(edge_index, n_nodes=3)
    >>> nn.StaticGATv2Conv(4, 2, heads=3)(torch.rand(5, 3, 4), graph).shape
    torch.Size([5, 3, 6])
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        heads: int = 1,
        concat: bool = True,
        negative_slope: float = 0.2,
        dropout: float = 0.0,
        add_self_loops: bool = True,
        bias: bool = True,
        share_weights: bool = False,
        residual: bool = False,
    ) -> None:
        super().__init__(aggr="sum")
        check_sizes(in_channels=in_channels, out_channels=out_channels, heads=heads)
        if not 0 <= dropout < 1:
            msg = f"dropout={dropout}; it must be in [0, 1)."
            raise ValueError(msg)
        self.in_channels, self.out_channels, self.heads = in_channels, out_channels, heads
        self.concat, self.negative_slope, self.dropout = concat, negative_slope, dropout
        self.add_self_loops = add_self_loops
        width = heads * out_channels
        total = width if concat else out_channels
        self.lin_l = Linear(in_channels, width, bias=bias, weight_initializer="glorot")
        self.lin_r = self.lin_l
        if not share_weights:
            self.lin_r = Linear(in_channels, width, bias=bias, weight_initializer="glorot")
        self.att = nn.Parameter(torch.empty(1, heads, out_channels))
        glorot(self.att)
        self.res = None
        if residual:
            self.res = Linear(in_channels, total, bias=False, weight_initializer="glorot")
        self.bias = nn.Parameter(torch.zeros(total)) if bias else None

    def forward(self, x: Tensor, graph: TypedAdjacency | Tensor) -> Tensor:
        """Attend over (batch, n_nodes, channels) or (n_nodes, channels)."""
        graph = as_graph(x, graph)
        check_nodes(x, graph, self.in_channels)
        if x.ndim == 2:
            return self.forward(x.unsqueeze(0), graph).squeeze(0)
        left = self._by_head(self.lin_l(x))
        right = left if self.lin_r is self.lin_l else self._by_head(self.lin_r(x))
        out = self.message_and_aggregate(graph, left, right)
        out = out.unflatten(0, (len(x), self.heads))
        out = out.transpose(1, 2).flatten(2) if self.concat else out.mean(1)
        if self.res is not None:
            out = out + self.res(x)
        return out if self.bias is None else out + self.bias

    def _by_head(self, x: Tensor) -> Tensor:
        """(batch, n_nodes, heads * channels) to (batch * heads, n_nodes, channels)."""
        return x.unflatten(2, (self.heads, self.out_channels)).transpose(1, 2).flatten(0, 1)

    def message_and_aggregate(self, edge_index: Any, left: Tensor, right: Tensor) -> Tensor:
        """Attend, every head of every sample for itself (batch * heads, n_nodes, channels)."""
        graph = cast("TypedAdjacency", edge_index)
        edges = graph.once(
            f"attention {self.add_self_loops}",
            lambda: AttendedEdges(graph, self_loops=self.add_self_loops),
        )
        how = (self.negative_slope, self.dropout if self.training else 0.0)
        return cast("Tensor", _Attention.apply(left, right, self.att[0], edges, how))
