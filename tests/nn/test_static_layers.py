"""Layers on one static graph give PyG's numbers and gradients, in every formulation, order and batch."""

from __future__ import annotations

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch_geometric import nn as pyg

from pathweave import nn
from pathweave.nn.formulation import choose

WAYS = ["auto", "dense", "node_major", "sample_major", "csr"]
N = 9


def graph(seed: int, n_edges: int = 25) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Directed edges with parallel ones and self-loops; the last two nodes touch none, relation 1 has none."""
    generator = torch.Generator().manual_seed(seed)
    index = torch.randint(0, N - 2, (2, n_edges), generator=generator)
    weight = torch.rand(n_edges, generator=generator) + 0.1
    kind = torch.randint(0, 2, (n_edges,), generator=generator) * 2
    return index, weight, kind


def gradients(out: torch.Tensor, of: list[torch.Tensor]) -> list[torch.Tensor]:
    """Of a sum with uneven weights, so that no error cancels."""
    weight = torch.linspace(-1, 1, out.numel()).reshape(out.shape)
    return list(torch.autograd.grad((out * weight).sum(), of))


def assert_same(ours, theirs, x, ours_on, theirs_on):
    """Same results and gradients, parameters loaded from one into the other by name."""
    ours.load_state_dict(theirs.state_dict())
    x = x.clone().requires_grad_()
    a = ours(x, *ours_on)
    b = torch.stack([theirs(sample, *theirs_on) for sample in x])
    torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-5)
    of_a = gradients(a, [x, *ours.parameters()])
    of_b = gradients(b, [x, *theirs.parameters()])
    for got, expected in zip(of_a, of_b, strict=True):
        torch.testing.assert_close(got, expected, atol=1e-5, rtol=1e-5)


def pair(kind: str, c_in: int, c_out: int, seed: int, way: str):
    """A layer, PyG's, and the graph as each takes it."""
    index, weight, types = graph(seed)
    make = nn.TypedAdjacency.from_edge_index
    names = ["a", "none", "b"]
    typed = make(index, n_nodes=N, edge_weight=weight, edge_type=types, names=names)
    signs = make(index, n_nodes=N, edge_type=types // 2, names=["+", "-"])
    how = {} if way == "auto" else {"formulation": way}
    signed = (index[:, types == 0], index[:, types == 2])
    return {
        "gcn": lambda: (nn.StaticGCNConv(c_in, c_out, **how), pyg.GCNConv(c_in, c_out), (typed,), (index, weight)),
        "gcn, improved": lambda: (
            nn.StaticGCNConv(c_in, c_out, improved=True, **how), pyg.GCNConv(c_in, c_out, improved=True),
            (typed,), (index, weight),
        ),
        "gcn, no self-loops": lambda: (
            nn.StaticGCNConv(c_in, c_out, add_self_loops=False, bias=False, **how),
            pyg.GCNConv(c_in, c_out, add_self_loops=False, bias=False), (typed,), (index, weight),
        ),
        "sage": lambda: (nn.StaticSAGEConv(c_in, c_out, **how), pyg.SAGEConv(c_in, c_out), (typed,), (index,)),
        "sage, no root": lambda: (
            nn.StaticSAGEConv(c_in, c_out, root_weight=False, **how),
            pyg.SAGEConv(c_in, c_out, root_weight=False), (typed,), (index,),
        ),
        "rgcn": lambda: (nn.StaticRGCNConv(c_in, c_out, 3, **how), pyg.RGCNConv(c_in, c_out, 3), (typed,), (index, types)),
        "rgcn, bases": lambda: (
            nn.StaticRGCNConv(c_in, c_out, 3, num_bases=2, **how), pyg.RGCNConv(c_in, c_out, 3, num_bases=2),
            (typed,), (index, types),
        ),
        "signed, first": lambda: (
            nn.StaticSignedConv(c_in, c_out, True, **how), pyg.SignedConv(c_in, c_out, True), (signs,), signed
        ),
        "signed, later": lambda: (
            nn.StaticSignedConv(c_in, c_out, False, **how), pyg.SignedConv(c_in, c_out, False), (signs,), signed
        ),
        "gatv2": lambda: (nn.StaticGATv2Conv(c_in, c_out), pyg.GATv2Conv(c_in, c_out), (typed,), (index,)),
        "gatv2, heads": lambda: (
            nn.StaticGATv2Conv(c_in, c_out, heads=3, residual=True),
            pyg.GATv2Conv(c_in, c_out, heads=3, residual=True), (typed,), (index,),
        ),
        "gatv2, mean of heads": lambda: (
            nn.StaticGATv2Conv(c_in, c_out, heads=2, concat=False, share_weights=True, bias=False),
            pyg.GATv2Conv(c_in, c_out, heads=2, concat=False, share_weights=True, bias=False), (typed,), (index,),
        ),
        "gatv2, no self-loops": lambda: (
            nn.StaticGATv2Conv(c_in, c_out, add_self_loops=False),
            pyg.GATv2Conv(c_in, c_out, add_self_loops=False), (typed,), (index,),
        ),
    }[kind]()  # fmt: skip


KINDS = [
    "gcn", "gcn, improved", "gcn, no self-loops", "sage", "sage, no root", "rgcn", "rgcn, bases", "signed, first",
    "signed, later", "gatv2", "gatv2, heads", "gatv2, mean of heads", "gatv2, no self-loops",
]  # fmt: skip
BASIC = ["gcn", "sage", "rgcn", "signed, first", "gatv2"]


def inputs(kind: str, c_in: int, batch: int = 3) -> torch.Tensor:
    return torch.randn(batch, N, 2 * c_in if kind == "signed, later" else c_in)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=6, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    c_in=st.sampled_from([1, 3, 7]),
    c_out=st.sampled_from([1, 4, 7, 15]),
    way=st.sampled_from(WAYS),
)
def test_same_numbers_and_gradients_as_pyg(kind, seed, c_in, c_out, way):
    with nn.seeded(seed):
        assert_same(*_with_inputs(kind, c_in, c_out, seed, way))


def _with_inputs(kind, c_in, c_out, seed, way):
    ours, theirs, ours_on, theirs_on = pair(kind, c_in, c_out, seed, way)
    return ours, theirs, inputs(kind, c_in), ours_on, theirs_on


@pytest.mark.parametrize("kind", BASIC)
def test_graphs_without_an_edge(kind):
    with nn.seeded(0):
        ours, theirs, ours_on, theirs_on = pair(kind, 3, 4, 0, "auto")
        names = ours_on[0].names
        empty = nn.TypedAdjacency.from_edge_index(
            torch.empty(2, 0, dtype=torch.int64), n_nodes=N, names=names
        )
        none = [index[..., :0] for index in theirs_on]
        assert_same(ours, theirs, inputs(kind, 3), (empty,), none)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("widths", [(2, 3), (3, 2), (1, 4)], ids=str)
def test_gradients_of_linear_layers_are_right(way, widths):
    index, _, kind = graph(1)
    made = nn.TypedAdjacency.from_edge_index(index, n_nodes=N, edge_type=kind)
    with nn.seeded(0):
        layer = nn.StaticRGCNConv(*widths, 3, formulation=way).double()
        x = torch.randn(2, N, widths[0], dtype=torch.double, requires_grad=True)
    check_gradients(layer, x, made)


def test_gradients_of_attention_are_right():
    made = nn.TypedAdjacency.from_edge_index(graph(1)[0], n_nodes=N)
    with nn.seeded(0):
        layer = nn.StaticGATv2Conv(2, 3, heads=2).double()
        x = torch.randn(2, N, 2, dtype=torch.double, requires_grad=True)
    check_gradients(layer, x, made)


def check_gradients(layer, x, made):
    names = [name for name, _ in layer.named_parameters()]

    def call(x, *values):
        return torch.func.functional_call(layer, dict(zip(names, values, strict=True)), (x, made))

    assert torch.autograd.gradcheck(call, (x, *layer.parameters()), fast_mode=True)


@pytest.mark.parametrize("kind", BASIC)
def test_order_of_edges_does_not_matter(kind):
    with nn.seeded(0):
        layer, _, (made,), _ = pair(kind, 3, 4, 0, "auto")
        x = inputs(kind, 3)
        # Of several self-loops PyG's normalisation keeps the last, whatever it weighs.
        loops = made.edge_index[0] == made.edge_index[1]
        made.edge_weight[loops] = 0.5
        order = torch.randperm(made.edge_index.shape[1])
    moved = nn.TypedAdjacency.from_edge_index(
        made.edge_index[:, order],
        n_nodes=N,
        edge_weight=made.edge_weight[order],
        edge_type=made.edge_type[order],
        names=made.names,
    )
    torch.testing.assert_close(layer(x, moved), layer(x, made))


@pytest.mark.parametrize("kind", BASIC)
def test_permuted_nodes_give_permuted_results(kind):
    with nn.seeded(0):
        layer, _, (made,), _ = pair(kind, 3, 4, 0, "auto")
        x = inputs(kind, 3)
        order = torch.randperm(N)
    moved = nn.TypedAdjacency.from_edge_index(
        order.argsort()[made.edge_index],
        n_nodes=N,
        edge_weight=made.edge_weight,
        edge_type=made.edge_type,
        names=made.names,
    )
    torch.testing.assert_close(layer(x[:, order], moved), layer(x, made)[:, order])


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_is_its_samples_one_by_one(kind):
    with nn.seeded(0):
        layer, _, on, _ = pair(kind, 3, 4, 0, "auto")
        x = inputs(kind, 3)
    one_by_one = torch.stack([layer(sample, *on) for sample in x])
    torch.testing.assert_close(layer(x, *on), one_by_one)


@pytest.mark.parametrize("kind", BASIC)
def test_takes_the_edges_as_pyg_does(kind):
    with nn.seeded(0):
        layer, _, ours_on, theirs_on = pair(kind, 3, 4, 0, "auto")
        x = inputs(kind, 3)
    torch.testing.assert_close(layer(x, *theirs_on), layer(x, *ours_on))


@pytest.mark.parametrize("kind", ["gcn", "sage", "rgcn", "signed, first", "signed, later"])
def test_aggregated_once_then_combined(kind):
    with nn.seeded(0):
        layer, _, (made,), _ = pair(kind, 3, 4, 0, "auto")
        x = inputs(kind, 3)
    aggregated = layer.aggregate_neighbours(x, made)
    torch.testing.assert_close(layer.combine(aggregated), layer(x, made))
    keep = (torch.arange(aggregated.shape[2]) + torch.arange(len(x)).unsqueeze(1)) % 2
    some = layer.combine(aggregated, keep.float())
    torch.testing.assert_close(some, layer.combine(aggregated * keep.unsqueeze(1)))


@pytest.mark.parametrize("kind", KINDS)
def test_copies_of_layer_and_graph_are_their_own(kind):
    with nn.seeded(0):
        layer, _, (made,), _ = pair(kind, 3, 4, 0, "auto")
        x = inputs(kind, 3)
    before = layer(x, made)
    twin, graph_twin = copy.deepcopy((layer, made))
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter.zero_()
    torch.testing.assert_close(layer(x, made), before)
    assert not torch.equal(twin(x, graph_twin), before)
    torch.testing.assert_close(layer.to(torch.float64)(x.double(), made.to("cpu")).float(), before)


def test_first_use_in_inference_mode_does_not_forbid_training():
    made = nn.TypedAdjacency.from_edge_index(graph(0)[0], n_nodes=N)
    for way in WAYS:
        layer = nn.StaticGCNConv(3, 3, formulation=way)
        with torch.inference_mode():
            layer(torch.randn(2, N, 3), made)
        layer(torch.randn(2, N, 3, requires_grad=True), made).sum().backward()
        assert layer.lin.weight.grad is not None


def test_the_graph_is_not_part_of_the_saved_state():
    made = nn.TypedAdjacency.from_edge_index(graph(0)[0], n_nodes=N)
    nn.StaticGCNConv(3, 3, formulation="dense")(torch.randn(2, N, 3), made)
    assert not made.state_dict()


@pytest.mark.parametrize("way", ["dense", "node_major", "sample_major", "csr"])
def test_mapping_over_replicates_is_a_loop_over_them(way):
    made = nn.TypedAdjacency.from_edge_index(graph(0)[0], n_nodes=N)
    product = made.product(0)
    x = torch.randn(4, 2, N, 3)
    expected = torch.stack([product(one, way) for one in x])
    torch.testing.assert_close(torch.func.vmap(lambda one: product(one, way))(x), expected)
    slope = torch.func.vmap(torch.func.grad(lambda one: product(one, way).square().sum()))(x)
    loop = torch.stack(
        [torch.func.grad(lambda o: product(o, way).square().sum())(one) for one in x]
    )
    torch.testing.assert_close(slope, loop)


def test_attention_drops_out_in_training_alone():
    made = nn.TypedAdjacency.from_edge_index(graph(0)[0], n_nodes=N)
    with nn.seeded(0):
        layer = nn.StaticGATv2Conv(3, 4, heads=2, dropout=0.5)
        x = torch.randn(400, N, 3)[:1].expand(400, -1, -1).clone().requires_grad_()
        dropped = layer(x, made)
    layer.eval()
    kept = layer(x, made)
    assert not torch.allclose(dropped[0], kept[0])
    torch.testing.assert_close(dropped.mean(0), kept.mean(0), atol=0.15, rtol=0.15)
    torch.testing.assert_close(layer(x, made), kept)


def test_gradients_are_right_with_dropout():
    made = nn.TypedAdjacency.from_edge_index(graph(0)[0], n_nodes=N)
    with nn.seeded(0):
        layer = nn.StaticGATv2Conv(2, 3, dropout=0.4).double()
        x = torch.randn(2, N, 2, dtype=torch.double, requires_grad=True)

    def call(x):
        with nn.seeded(1):
            return layer(x, made)

    assert torch.autograd.gradcheck(call, (x,))


@pytest.mark.parametrize(
    ("shape", "stored", "sizes", "way"),
    [
        ((300, 300), 80_000, (32, 8), "dense"),
        ((5000, 5000), 50_000, (32, 32), "sample_major"),
        ((5000, 5000), 50_000, (32, 4), "node_major"),
        ((300, 300), 3_000, (8, 32), "node_major"),
    ],
    ids=["full", "large", "narrow", "small"],
)
def test_formulation_by_size(shape, stored, sizes, way):
    assert choose(shape, stored, sizes=sizes, device=torch.device("cpu")) == way


@pytest.mark.parametrize(("n", "way"), [(800, "dense"), (5000, "csr")])
def test_formulation_on_a_gpu(n, way):
    assert choose((n, n), 10 * n, sizes=(32, 32), device=torch.device("cuda")) == way


@pytest.mark.parametrize("way", ["node_major", "sample_major", "csr"])
def test_sums_over_neighbours_stay_in_full_where_products_are_bfloat16(way):
    with nn.seeded(0):
        graph = nn.TypedAdjacency.from_edge_index(torch.randint(0, 50, (2, 2000)), n_nodes=50)
        x = torch.randn(3, 50, 4)
    product = graph.stacked("given").gather
    expected = product(x, way)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(product(x, way), expected)
        rounded = product(x.bfloat16(), way)
    torch.testing.assert_close(rounded, product(x.bfloat16().float(), way))
