"""What a network reads: rows of prepared samples, and mixtures of them."""

from __future__ import annotations

import pytest
import torch

from pathweave import nn
from pathweave.nn.inputs import Prepared


def prepared(n=9):
    with nn.seeded(0):
        z, nodes = torch.randn(n, 5), torch.randn(n, 2, 7)
        measured, present = torch.rand(n, 5) < 0.7, torch.rand(n, 1) < 0.8
        counts, library = torch.rand(n, 5) * 9, torch.rand(n, 1)
    return Prepared({"a": z}, {"a": measured}, present, nodes, {"a": counts}, {"a": library})


@pytest.mark.parametrize("kind", [float, torch.tensor])
def test_mixtures_are_shares_of_both_and_lack_what_either_lacks(kind):
    whole, index, partner = prepared(), torch.tensor([8, 0, 3, 3]), torch.tensor([1, 8, 0, 3])
    found = whole.mixed(index, partner, kind(0.8))
    one, other = whole.rows(index), whole.rows(partner)
    for name in ("z", "observed", "library"):
        a, b = getattr(one, name)["a"], getattr(other, name)["a"]
        torch.testing.assert_close(getattr(found, name)["a"], 0.8 * a + 0.2 * b)
    torch.testing.assert_close(found.nodes, 0.8 * one.nodes + 0.2 * other.nodes)
    assert torch.equal(found.measured["a"], one.measured["a"] & other.measured["a"])
    assert torch.equal(found.present, one.present)
