"""Log densities and observation models, against scipy, torch and finite differences."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pathweave import nn
from pathweave.nn.observation import CountModel, ShareModel


def draw(seed: int, shape: tuple[int, ...] = (5, 4)) -> tuple[torch.Tensor, ...]:
    rng = np.random.default_rng(seed)
    mean, theta = rng.uniform(0.1, 300, shape), rng.uniform(0.05, 50, shape[1])
    counts = rng.negative_binomial(theta, theta / (theta + mean))
    return torch.tensor(counts, dtype=torch.float64), torch.tensor(mean), torch.tensor(theta)


@settings(max_examples=25)
@given(seed=st.integers(0, 10_000))
def test_negative_binomial_is_that_of_scipy_and_of_torch(seed):
    counts, mean, theta = draw(seed)
    ours = nn.negative_binomial_log_prob(counts, mean.log(), theta.log())
    share = theta / (theta + mean)
    expected = scipy.stats.nbinom.logpmf(counts, theta.expand_as(mean), share)
    np.testing.assert_allclose(ours, expected, rtol=1e-8, atol=1e-8)
    torch_own = torch.distributions.NegativeBinomial(theta, logits=(mean / theta).log())
    torch.testing.assert_close(ours, torch_own.log_prob(counts), rtol=1e-8, atol=1e-8)


def test_negative_binomial_tends_to_poisson_and_stays_finite():
    counts, mean = torch.tensor([0.0, 3.0, 50.0]), torch.tensor([1e-9, 3.0, 40.0])
    ours = nn.negative_binomial_log_prob(counts, mean.log(), torch.tensor(1e9).log())
    np.testing.assert_allclose(ours, scipy.stats.poisson.logpmf(counts, mean), atol=1e-4)
    huge = nn.negative_binomial_log_prob(
        torch.tensor([5.7e6, 0.0]), torch.tensor([-30.0, 16.0]), torch.tensor([-4.6, 9.2])
    )
    assert torch.isfinite(huge).all()


def test_zero_inflated_counts_sum_to_one_and_have_their_mean():
    x = torch.arange(4000.0)
    log_prob = nn.negative_binomial_log_prob(x, torch.tensor(7.0).log(), torch.tensor(1.5).log())
    prob = nn.zero_inflated_log_prob(x, log_prob, torch.tensor(0.3)).exp()
    assert float(prob.sum()) == pytest.approx(1.0, abs=1e-6)
    pi = float(torch.tensor(0.3).sigmoid())
    assert float((prob * x).sum()) == pytest.approx(7.0 * (1 - pi), rel=1e-5)
    assert float(prob[0]) == pytest.approx(pi + (1 - pi) * float(log_prob[0].exp()), rel=1e-6)


@settings(max_examples=25)
@given(seed=st.integers(0, 10_000))
def test_beta_is_that_of_scipy(seed):
    rng = np.random.default_rng(seed)
    x, mean = rng.uniform(0, 1, (6, 3)), rng.uniform(0.05, 0.95, (6, 3))
    phi = rng.uniform(0.5, 200, 3)
    ours = nn.beta_log_prob(
        torch.tensor(x), torch.tensor(np.log(mean / (1 - mean))), torch.tensor(np.log(phi))
    )
    inside = x.clip(0.01, 0.99)
    expected = scipy.stats.beta.logpdf(inside, mean * phi, (1 - mean) * phi)
    np.testing.assert_allclose(ours, expected, rtol=1e-7, atol=1e-7)


def test_beta_takes_shares_of_zero_and_one():
    ends = nn.beta_log_prob(torch.tensor([0.0, 1.0]), torch.zeros(2), torch.zeros(2))
    near = nn.beta_log_prob(torch.tensor([0.01, 0.99]), torch.zeros(2), torch.zeros(2))
    assert torch.isfinite(ends).all()
    torch.testing.assert_close(ends, near)


@pytest.mark.parametrize("kind", ["counts", "zeros", "shares"])
def test_gradients_are_those_of_finite_differences(kind):
    counts, mean, theta = draw(3)
    a = mean.log().requires_grad_()
    b = theta.log().requires_grad_()

    def value(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        if kind == "shares":
            return nn.beta_log_prob(torch.full_like(a, 0.4), a - a.detach().mean(), b)
        log_prob = nn.negative_binomial_log_prob(counts, a, b)
        return log_prob if kind == "counts" else nn.zero_inflated_log_prob(counts, log_prob, b)

    assert torch.autograd.gradcheck(lambda b: value(a.detach(), b), (b,))
    if kind != "shares":
        assert torch.autograd.gradcheck(value, (a, b))


def test_observed_counts_are_the_counts_that_went_in():
    counts, _, _ = draw(1, (6, 4))
    size, library = counts.sum(dim=1).clamp(min=1), 120.0
    values = torch.log1p(counts / size[:, None] * library).float()
    values[2, 1] = float("nan")
    model = CountModel(4, library, zero_inflated=False)
    seen = model.observe(values, ~values.isnan(), size.float()[:, None])
    expected = counts.float()
    expected[2, 1] = 0.0
    torch.testing.assert_close(seen, expected)


def test_an_untrained_count_model_starts_at_shares_and_dispersions_of_the_data():
    rng = np.random.default_rng(0)
    mean, theta = np.array([400.0, 80.0, 20.0]), np.array([4.0, 1.0, 9.0])
    counts = rng.negative_binomial(theta, theta / (theta + mean), (4000, 3)).astype(float)
    values = torch.tensor(np.log1p(counts)).float()  # as if all libraries had the reference size
    model = CountModel(3, 500.0, zero_inflated=False)
    model.fit(values)
    np.testing.assert_allclose(model.expect(torch.zeros(1, 3))[0], mean, rtol=0.06)
    np.testing.assert_allclose(model.start.exp(), theta, rtol=0.15)
    counts, library = torch.tensor([[800.0, 160.0, 40.0]]), torch.tensor([[1000.0]])
    doubled = model.log_prob(torch.zeros(1, 3), counts, library)[0].detach()
    theta, mean = model.start.exp(), 2 * model.expect(torch.zeros(1, 3))[0]
    by_hand = scipy.stats.nbinom.logpmf(counts[0], theta, theta / (theta + mean))
    np.testing.assert_allclose(doubled, by_hand, rtol=1e-4)


def test_zero_inflated_expectation_leaves_out_the_second_zeros():
    plain = CountModel(3, 90.0, zero_inflated=False)
    inflated = CountModel(3, 90.0, zero_inflated=True)
    out = torch.cat([torch.zeros(2, 3), torch.full((2, 3), 2.0)], dim=1)  # log odds 0
    torch.testing.assert_close(inflated.expect(out), 0.5 * plain.expect(torch.zeros(2, 3)))


def test_share_model_starts_at_the_moments_and_ignores_what_is_missing():
    rng = np.random.default_rng(2)
    x = rng.beta(6.0, 14.0, (3000, 2))
    x[:1000, 1] = np.nan
    model = ShareModel(2)
    model.fit(torch.tensor(x).float())
    np.testing.assert_allclose(model.expect(torch.zeros(1, 2))[0], 0.3, atol=0.01)
    np.testing.assert_allclose(model.start.exp(), 20.0, rtol=0.1)
