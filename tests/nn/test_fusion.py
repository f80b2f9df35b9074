"""Fusion of experts, gates and levels: identities that hold for any numbers."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from pathweave import nn


def experts(n: int = 4, k: int = 3, d: int = 2):
    made = torch.randn(k, 2, n, d)
    speaks = torch.tensor(
        [[True, True, True], [True, False, True], [False, False, True], [False] * 3]
    )
    return [(made[i, 0], made[i, 1], speaks[:, i]) for i in range(k)]


def test_product_is_that_of_normal_densities():
    with nn.seeded(0):
        said = experts()
    mean, log_var = nn.product_of_experts(said)
    grid = torch.linspace(-8, 8, 4001)
    for i in range(4):
        density = -0.5 * grid.square()
        for m, v, speaks in said:
            if speaks[i]:
                density = density - 0.5 * (grid - m[i, 0]).square() / v[i, 0].exp()
        weight = density.softmax(dim=0)
        centre = float((weight * grid).sum())
        assert centre == pytest.approx(float(mean[i, 0]), abs=1e-4)
        spread = float((weight * (grid - centre).square()).sum())
        assert spread == pytest.approx(float(log_var[i, 0].exp()), rel=1e-3)


def fused(kind: str, said):
    with nn.seeded(1):
        fuse = nn.product_of_experts if kind == "product" else nn.AttentionFusion(3, n_latent=2)
    return fuse(said)


@pytest.mark.parametrize("kind", ["product", "attention"])
def test_silent_experts_do_not_count_and_a_sample_alone_is_as_in_a_batch(kind):
    with nn.seeded(0):
        said = experts()
    mean, log_var = fused(kind, said)
    noise = [
        (torch.where(s[:, None], m, torch.full_like(m, 1e3)), torch.where(s[:, None], v, 2.0), s)
        for m, v, s in said
    ]
    torch.testing.assert_close(fused(kind, noise)[0], mean)
    torch.testing.assert_close(fused(kind, noise)[1], log_var)
    alone = [(m[1:2], v[1:2], s[1:2]) for m, v, s in said]
    torch.testing.assert_close(fused(kind, alone)[0][0], mean[1])
    # Nobody speaks for the last sample: it gets the prior.
    np.testing.assert_allclose(mean[3].detach(), 0.0)
    np.testing.assert_allclose(log_var[3].detach(), 0.0)


def test_attention_is_a_weighted_mean_and_learns():
    with nn.seeded(2):
        said, fusion = experts(), nn.AttentionFusion(3, n_latent=2)
    weights = fusion.weights(said)
    np.testing.assert_allclose(weights[:3].sum(dim=1).detach(), 1.0, rtol=1e-6)
    assert (weights[1, 1], weights[2, 0], weights[2, 1]) == (0, 0, 0)
    by_hand = sum(weights[0, k] * said[k][0][0] for k in range(3))
    mean = fusion(said)[0]
    torch.testing.assert_close(mean[0], by_hand)
    mean.sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in fusion.parameters())


def test_gates_scale_the_rows_of_the_relations():
    rng = np.random.default_rng(0)
    matrices = [sp.csr_matrix(rng.random((5, 5)) * (rng.random((5, 5)) < 0.5)) for _ in range(2)]
    adjacency = nn.TypedAdjacency(matrices, ["a", "b"])
    with nn.seeded(3):
        layer, gates = nn.TypedGraphConv(2, 3, 2), nn.ReceiverGates(2, n_nodes=5)
        x = torch.randn(4, 5, 2)
    together = layer.aggregate_neighbours(x, adjacency)
    torch.testing.assert_close(gates(together, 2), together)  # they start at 1
    torch.nn.init.normal_(gates.logits)
    scale = gates.values.detach().numpy()
    assert ((scale > 0) & (scale < 2)).all()
    scaled = [sp.csr_matrix(sp.diags(scale[r]) @ m) for r, m in enumerate(matrices)]
    expected = layer.aggregate_neighbours(x, nn.TypedAdjacency(scaled, ["a", "b"]))
    torch.testing.assert_close(gates(together, 2), expected)


def test_levels_equal_the_sums_written_out():
    with nn.seeded(4):
        levels = nn.PathwayLevels([[[0, 2], [0, 1, 2]], [[3, 4, 1]]], n_pathways=3)
        activity = torch.randn(6, 3)
    out = levels(activity)
    torch.testing.assert_close(out[:, :3], activity)
    first, second = levels.pools
    weight = first.weight_of(0)[:, 0]
    expected = (activity[:, [0, 2]] @ weight + first.bias[0]).tanh()
    torch.testing.assert_close(out[:, 3], expected)
    top = second.weight_of(0)[:, 0]
    torch.testing.assert_close(out[:, 5], (out[:, [3, 4, 1]] @ top + second.bias[0]).tanh())
    assert nn.PathwayLevels([], n_pathways=3)(activity) is activity
