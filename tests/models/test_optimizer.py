"""AdamW over one vector: the steps of torch's own AdamW."""

from __future__ import annotations

import copy

import pytest
import torch

from pathweave import nn
from pathweave.models._optimizer import VectorAdamW


def networks():
    with nn.seeded(0):
        net = torch.nn.Sequential(torch.nn.Linear(5, 7), torch.nn.GELU(), torch.nn.Linear(7, 2))
        x, y = torch.randn(30, 5), torch.randn(30, 2)
    return net, copy.deepcopy(net), x, 10 * y


@pytest.mark.parametrize("norm", [0.5, 1e9], ids=["clipped", "free"])
def test_takes_the_steps_of_adamw(norm):
    net, same, x, y = networks()
    ours = VectorAdamW(net.parameters(), lr=0.01, weight_decay=0.1)
    theirs = torch.optim.AdamW(same.parameters(), lr=0.01, weight_decay=0.1)
    for _ in range(20):
        for one, optimizer in ((net, ours), (same, theirs)):
            optimizer.zero_grad()
            (one(x) - y).square().mean().backward()
        torch.nn.utils.clip_grad_norm_(same.parameters(), norm)
        theirs.step()
        ours.clipped_step(norm)
    for p, q in zip(net.parameters(), same.parameters(), strict=True):
        torch.testing.assert_close(p, q)


def test_a_parameter_out_of_reach_stays_as_it_is():
    net, same, x, y = networks()
    ours = VectorAdamW(net.parameters(), lr=0.01, weight_decay=0.1)
    theirs = torch.optim.AdamW(same.parameters(), lr=0.01, weight_decay=0.1)
    for reached in (True, True, False, False):
        for one, optimizer in ((net, ours), (same, theirs)):
            optimizer.zero_grad()
            loss = (one(x) - y).square() if reached else one[0](x)
            loss.mean().backward()
        theirs.step()
        ours.clipped_step(1e9)
        for p, q in zip(net.parameters(), same.parameters(), strict=True):
            torch.testing.assert_close(p, q)


def test_a_parameter_never_reached_does_not_decay():
    net, same, x, _ = networks()
    ours = VectorAdamW(net.parameters(), lr=0.01, weight_decay=0.1)
    net[0](x).sum().backward()
    ours.clipped_step(1.0)
    assert torch.equal(net[2].weight, same[2].weight)


def test_loading_parameters_keeps_them_in_the_vector():
    net, other, x, _ = networks()
    ours = VectorAdamW(net.parameters(), lr=0.01, weight_decay=0.0)
    net.load_state_dict({k: v + 1.0 for k, v in other.state_dict().items()})
    torch.testing.assert_close(
        ours.vector, torch.cat([p.flatten() + 1.0 for p in other.parameters()])
    )
    net(x).sum().backward()
    ours.clipped_step(1.0)
    assert (net[2].bias.detach() != other[2].bias.detach() + 1.0).all()
    ours.zero_grad()
    assert all(p.grad is None for p in [*net.parameters(), ours.vector])
