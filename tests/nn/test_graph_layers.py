"""The static-graph layers give the numbers of PyG's layers, whatever the order or the batch."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch_geometric.nn import RGCNConv

from pathweave import nn


def random_relations(seed: int, n: int = 12, n_relations: int = 2) -> list[sp.csr_matrix]:
    rng = np.random.default_rng(seed)
    relations = []
    for _ in range(n_relations):
        matrix = sp.csr_matrix((rng.random((n, n)) < 0.2).astype(np.float32))
        degree = np.maximum(np.asarray(matrix.sum(axis=1)).ravel(), 1)
        relations.append(sp.csr_matrix(sp.diags(1 / degree) @ matrix))
    return relations


def edges(relations: list[sp.csr_matrix]) -> tuple[torch.Tensor, torch.Tensor]:
    pairs, types = [], []
    for r, matrix in enumerate(relations):
        coo = matrix.tocoo()
        pairs.append(np.stack([coo.col, coo.row]))
        types.append(np.full(coo.nnz, r))
    return torch.tensor(np.concatenate(pairs, axis=1)).long(), torch.tensor(np.concatenate(types))


@settings(max_examples=20)
@given(seed=st.integers(0, 10_000), c_in=st.integers(1, 5), c_out=st.integers(1, 5))
def test_same_numbers_as_rgcn(seed, c_in, c_out):
    relations = random_relations(seed)
    adjacency = nn.TypedAdjacency(relations, ["a", "b"])
    with nn.seeded(seed):
        ours = nn.TypedGraphConv(c_in, c_out, 2)
        theirs = RGCNConv(c_in, c_out, 2, aggr="mean")
        x = torch.randn(3, 12, c_in)
    with torch.no_grad():
        theirs.weight.copy_(ours.weight[1:])
        theirs.root.copy_(ours.weight[0])
        theirs.bias.copy_(ours.bias)
    index, kind = edges(relations)
    expected = torch.stack([theirs(sample, index, kind) for sample in x])
    torch.testing.assert_close(ours(x, adjacency), expected, atol=1e-5, rtol=1e-4)


def test_gradient_of_the_sparse_product_is_right():
    matrix = sp.random(6, 6, 0.4, random_state=0, format="csr")
    adjacency = nn.TypedAdjacency([matrix], ["a"])
    x = torch.randn(6, 3, requires_grad=True)
    weight = torch.randn(6, 3)
    (nn.spmm(x, *adjacency.relation(0)) * weight).sum().backward()
    expected = torch.tensor(matrix.toarray(), dtype=torch.float32).T @ weight
    torch.testing.assert_close(x.grad, expected)


def test_permuting_nodes_permutes_the_result():
    relations = random_relations(3)
    order = np.random.default_rng(0).permutation(12)
    moved = [sp.csr_matrix(m[order][:, order]) for m in relations]
    with nn.seeded(0):
        layer = nn.TypedGraphConv(2, 3, 2)
        x = torch.randn(4, 12, 2)
    out = layer(x, nn.TypedAdjacency(relations, ["a", "b"]))
    again = layer(x[:, order], nn.TypedAdjacency(moved, ["a", "b"]))
    torch.testing.assert_close(again, out[:, order])


def test_pooling_equals_a_dense_masked_product():
    members = [[0, 1], [1, 2, 3], [4], [0, 2, 4, 5, 6, 7, 8], [9, 3]]
    with nn.seeded(1):
        pool = nn.PathwayPool(members, n_nodes=10, channels=3)
        h = torch.randn(4, 10, 3)
        torch.nn.init.normal_(pool.bias)
    dense = torch.zeros(5, 10, 3)
    assert pool.weight.shape == (15, 3)  # a weight for each member and channel, and no other
    for p, nodes in enumerate(members):
        dense[p, nodes] = pool.weight_of(p)
    before = pool.weight.detach()[[0, 1, 2, 3, 4, 5]]
    torch.testing.assert_close(dense[[0, 0, 1, 1, 1, 2], [0, 1, 1, 2, 3, 4]], before)
    expected = torch.einsum("bnc,pnc->bp", h, dense) + pool.bias
    torch.testing.assert_close(pool(h), expected)
    torch.testing.assert_close(pool.by_width(h) + pool.bias, expected)
    with pytest.raises(IndexError, match="p=5; there are 5 pathways"):
        pool.weight_of(5)


def test_both_ways_of_pooling_have_the_same_gradients():
    members = [[0, 1], [1, 2, 3], [4], [0, 2, 4, 5, 6, 7, 8], [9, 3]]
    with nn.seeded(1):
        pool = nn.PathwayPool(members, n_nodes=11, channels=3).double()
        h = torch.randn(4, 11, 3, dtype=torch.double, requires_grad=True)
    weight = torch.linspace(-1, 1, 20, dtype=torch.double).reshape(4, 5)
    of = [h, pool.weight]
    one = torch.autograd.grad((pool(h) * weight).sum(), of)
    other = torch.autograd.grad((pool.by_width(h) * weight).sum(), of)
    for a, b in zip(one, other, strict=True):
        torch.testing.assert_close(a, b)
    assert torch.autograd.gradcheck(pool, (h,))
    stacked = torch.func.vmap(torch.func.grad(lambda y: (pool(y) * weight).sum()))
    torch.testing.assert_close(stacked(torch.stack([h, h])).detach()[1], one[0])


def test_seeded_puts_the_random_state_back():
    before = torch.get_rng_state()
    with nn.seeded(5):
        torch.rand(3)
    assert torch.equal(before, torch.get_rng_state())


def test_unknown_gpu_is_refused():
    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    with pytest.raises(ValueError, match="torch sees no GPU"):
        nn.resolve_device("cuda")
