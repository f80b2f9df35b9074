"""Graphs and calls of static-graph layers that cannot be are refused, and say why."""

from __future__ import annotations

import pytest
import torch

from pathweave import nn

INDEX = torch.tensor([[0, 1], [1, 2]])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"edge_index": INDEX.float()}, "edge_index holds float32 values; it must hold whole"),
        ({"edge_index": INDEX[0]}, r"edge_index has shape \(2,\); it must be \(2, n_edges\)"),
        ({"edge_index": INDEX + 1}, r"edge_index holds 1 to 3; allowed are 0 to 2"),
        ({"edge_index": INDEX - 1}, r"edge_index holds -1 to 1; allowed are 0 to 2"),
        ({"edge_weight": torch.ones(3)}, r"edge_weight has shape \(3,\); it must be \(2,\)"),
        ({"edge_weight": torch.tensor([1.0, float("nan")])}, "edge_weight holds NaN or infinite"),
        ({"edge_type": torch.tensor([0])}, r"edge_type has shape \(1,\); it must be \(2,\)"),
        ({"edge_type": torch.tensor([0, -1]), "names": ["a"]}, "edge_type holds -1 to 0"),
        ({"edge_type": torch.tensor([0, 2]), "names": ["a", "b"]}, "edge_type holds 0 to 2; allowed are 0 to 1"),
    ],
    ids=["float", "one row", "beyond", "negative", "weights", "nan", "types", "negative type", "type beyond"],
)  # fmt: skip
def test_edges_that_cannot_be_are_named(given, message):
    with pytest.raises(ValueError, match=message):
        nn.TypedAdjacency.from_edge_index(**({"edge_index": INDEX, "n_nodes": 3} | given))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda g: nn.StaticGCNConv(3, 2)(torch.ones(2, 4, 3), g), r"x has shape \(2, 4, 3\); it must be \(batch, 3, 3\)"),
        (lambda g: nn.StaticGCNConv(3, 2)(torch.ones(2, 3, 5), g), r"x has shape \(2, 3, 5\)"),
        (lambda g: nn.StaticGATv2Conv(3, 2)(torch.ones(3), INDEX.new_zeros(2, 0)), r"x has shape \(3,\)"),
        (lambda g: nn.StaticGCNConv(3, 2, formulation="fast"), "formulation='fast' is not known; use one of 'auto'"),
        (lambda g: nn.StaticGCNConv(0, 2), "in_channels=0; it must be at least 1"),
        (lambda g: nn.StaticRGCNConv(3, 2, 3)(torch.ones(2, 3, 3), g), "the graph has 1 relations .* the layer 3"),
        (lambda g: nn.StaticSignedConv(3, 2, True)(torch.ones(2, 3, 3), g), "the graph has 1 relations .* the layer 2"),
        (lambda g: nn.StaticSignedConv(3, 2, True)(torch.ones(2, 3, 3), INDEX), "neg_edge_index is missing"),
        (lambda g: nn.StaticGCNConv(3, 2)(torch.ones(2, 3, 3), g, torch.ones(2)), "beside a TypedAdjacency"),
        (lambda g: nn.StaticGATv2Conv(3, 2, dropout=1.0), r"dropout=1.0; it must be in \[0, 1\)"),
        (lambda g: g.stacked("median"), "weights='median' is not known"),
    ],
    ids=["nodes", "channels", "vector", "way", "none", "relations", "signs", "one sign", "weights twice", "dropout", "weights"],
)  # fmt: skip
def test_calls_that_cannot_be_are_named(call, message):
    made = nn.TypedAdjacency.from_edge_index(INDEX, n_nodes=3)
    with pytest.raises(ValueError, match=message):
        call(made)


def test_a_graph_of_another_kind_is_named():
    with pytest.raises(TypeError, match="graph is a list; give a TypedAdjacency"):
        nn.StaticGCNConv(3, 2)(torch.ones(2, 3, 3), [[0, 1], [1, 2]])
