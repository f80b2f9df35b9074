"""Losses against independent implementations."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.distributions import Normal, kl_divergence

from pathweave import nn


@pytest.mark.filterwarnings("ignore:Ties in `time`")
@pytest.mark.parametrize("seed", range(4))
def test_cox_loss_equals_torchsurv(seed):
    cox = pytest.importorskip("torchsurv.loss.cox")
    rng = np.random.default_rng(seed)
    risk = torch.tensor(rng.normal(size=40), dtype=torch.float64)
    time = torch.tensor(rng.choice(np.arange(1, 15), 40) if seed % 2 else rng.random(40)).double()
    event = torch.tensor(rng.random(40) < 0.6)
    expected = cox.neg_partial_log_likelihood(risk, event, time, ties_method="breslow")
    assert float(nn.cox_loss(risk, time, event.double())) == pytest.approx(
        float(expected), rel=1e-6
    )


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(1, 30))
def test_cox_loss_does_not_depend_on_the_order_of_samples(seed, n):
    rng = np.random.default_rng(seed)
    risk, time = torch.tensor(rng.normal(size=n)), torch.tensor(rng.integers(1, 6, n)).double()
    event = torch.tensor(rng.random(n) < 0.5).double()
    order = torch.tensor(rng.permutation(n))
    loss = nn.cox_loss(risk, time, event)
    assert torch.isfinite(loss)
    torch.testing.assert_close(loss, nn.cox_loss(risk[order], time[order], event[order]))


def test_kl_equals_torch():
    mean, log_var = torch.randn(5, 3), torch.randn(5, 3)
    expected = kl_divergence(Normal(mean, (0.5 * log_var).exp()), Normal(0.0, 1.0)).sum(dim=1)
    torch.testing.assert_close(nn.gaussian_kl(mean, log_var), expected)


def test_unmeasured_values_do_not_count():
    out, x = torch.randn(4, 3), torch.randn(4, 3)
    seen = torch.rand(4, 3) < 0.5
    loss = nn.masked_reconstruction(out, x, seen, "gaussian")
    x2 = torch.where(seen, x, torch.full_like(x, 1e6))
    torch.testing.assert_close(nn.masked_reconstruction(out, x2, seen, "gaussian"), loss)
    assert float(nn.masked_reconstruction(out, x, torch.zeros_like(seen), "gaussian")) == 0.0
