"""Losses against independent implementations."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.duration.hazard_regression import PHReg
from torch.distributions import Normal, kl_divergence

from pathweave import nn


@pytest.mark.parametrize("seed", range(6))
def test_cox_loss_equals_statsmodels_with_and_without_ties(seed):
    rng = np.random.default_rng(seed)
    risk = rng.normal(size=40)
    time = rng.choice(np.arange(1.0, 15.0), 40) if seed % 2 else rng.random(40)
    event = (rng.random(40) < 0.6).astype(float)
    reference = PHReg(time, risk[:, None], status=event, ties="breslow")
    expected = -reference.loglike(np.array([1.0])) / event.sum()
    loss = nn.cox_loss(torch.tensor(risk), torch.tensor(time), torch.tensor(event))
    assert float(loss) == pytest.approx(float(expected), rel=1e-9)


def test_cox_loss_equals_torchsurv():
    cox = pytest.importorskip("torchsurv.loss.cox")
    rng = np.random.default_rng(0)
    risk, time = torch.tensor(rng.normal(size=40)), torch.tensor(rng.random(40))
    event = torch.tensor(rng.random(40) < 0.6)
    expected = cox.neg_partial_log_likelihood(risk, event, time)
    assert float(nn.cox_loss(risk, time, event.double())) == pytest.approx(
        float(expected), rel=1e-6
    )


@settings(max_examples=30)
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
