"""Heads of the network: many numbers at once, classes in an order, survival in intervals of time."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.duration.hazard_regression import PHReg
from statsmodels.miscmodels.ordinal_model import OrderedModel

from pathweave import nn
from pathweave.nn.dropout import Dropout
from pathweave.nn.heads import Heads, HeadSpec


@pytest.mark.parametrize("seed", range(4))
def test_efron_equals_statsmodels(seed):
    rng = np.random.default_rng(seed)
    risk, event = rng.normal(size=50), (rng.random(50) < 0.6).astype(float)
    time = rng.choice(np.arange(1.0, 9.0), 50)
    reference = PHReg(time, risk[:, None], status=event, ties="efron")
    expected = -reference.loglike(np.array([1.0])) / event.sum()
    loss = nn.cox_loss(*(torch.tensor(v) for v in (risk, time, event)), ties="efron")
    assert float(loss) == pytest.approx(float(expected), rel=1e-9)


def test_efron_is_breslow_without_ties_and_less_with():
    risk, event = torch.randn(20, dtype=torch.float64), torch.ones(20)
    apart, tied = torch.arange(20.0), torch.arange(20.0) // 4
    torch.testing.assert_close(
        nn.cox_loss(risk, apart, event, ties="efron"), nn.cox_loss(risk, apart, event)
    )
    assert nn.cox_loss(risk, tied, event, ties="efron") < nn.cox_loss(risk, tied, event) - 0.1
    with pytest.raises(ValueError, match="ties='exact' must be"):
        nn.cox_loss(risk, tied, event, ties="exact")


def ordered_outcome(n=120, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 2))
    return x, np.searchsorted([-1.0, 0.5, 2.0], x @ [1.0, -0.5] + rng.logistic(size=n))


def test_proportional_odds_equals_statsmodels():
    x, y = ordered_outcome()
    fit = OrderedModel(
        pd.Series(pd.Categorical(y, categories=range(4), ordered=True)), x, distr="logit"
    ).fit(disp=False, method="bfgs")
    coefficients = fit.params.to_numpy()
    thresholds = fit.model.transform_threshold_params(coefficients)[1:-1]
    log_p = nn.cumulative_log_probabilities(
        torch.tensor(x @ coefficients[:2]), torch.tensor(thresholds)
    )
    np.testing.assert_allclose(log_p.exp().numpy(), fit.predict(), rtol=1e-8)
    assert float(log_p[range(len(y)), y].sum()) == pytest.approx(fit.llf, rel=1e-9)


@settings(max_examples=30)
@given(seed=st.integers(0, 1000), far=st.sampled_from([0.0, 30.0, -80.0]))
def test_ordinal_probabilities_sum_to_one_and_stay_finite(seed, far):
    rng = np.random.default_rng(seed)
    score = torch.tensor(rng.normal(size=5) + far, dtype=torch.float32, requires_grad=True)
    thresholds = torch.tensor(np.sort(rng.normal(size=3)), dtype=torch.float32)
    log_p = nn.cumulative_log_probabilities(score, thresholds)
    torch.testing.assert_close(log_p.exp().sum(dim=1), torch.ones(5), rtol=1e-4, atol=1e-4)
    log_p.sum().backward()
    assert torch.isfinite(log_p).all()
    assert torch.isfinite(score.grad).all()


def test_ordinal_head_starts_at_the_frequencies_of_the_classes():
    head = Heads([HeadSpec("stage", "class", 4, ordinal=True)], 3, dropout=0.0).of("stage")
    y = torch.tensor([[0.0]] * 60 + [[1.0]] * 25 + [[2.0]] * 10 + [[3.0]] * 5 + [[float("nan")]])
    with torch.no_grad():
        head.linear.weight.zero_()
        head.linear.bias.zero_()
    head.start(y)
    expected = (np.array([60, 25, 10, 5]) + 0.5) / 102
    np.testing.assert_allclose(head(torch.zeros(1, 3)).exp()[0].detach(), expected, rtol=1e-5)


def test_two_ordered_classes_are_learned_as_any_two():
    heads = Heads([HeadSpec("y", "class", 2, ordinal=True)], 3, dropout=0.0)
    assert heads.scores(torch.zeros(1, 3))["y"].shape == (1, 2)
    assert type(heads.of("y")).__name__ == "ClassHead"


def brute_discrete(hazards, time, event, cuts):
    """Go through the intervals one by one."""
    total, start = 0.0, -np.inf
    for hazard, end in zip(hazards, cuts, strict=True):
        if event and start < time <= end:
            return total - np.log(hazard)
        if time >= end:
            total -= np.log(1 - hazard)
        start = end
    return total


@settings(max_examples=40)
@given(seed=st.integers(0, 10_000))
def test_discrete_time_loss_equals_a_walk_through_the_intervals(seed):
    rng = np.random.default_rng(seed)
    cuts = np.sort(rng.choice(np.arange(1.0, 20.0), 5, replace=False))
    logits, time = rng.normal(size=(12, 5)), rng.integers(0, 25, 12).astype(float)
    event = (rng.random(12) < 0.5).astype(float)
    loss = nn.discrete_time_loss(*(torch.tensor(v) for v in (logits, time, event, cuts)))
    expected = [
        brute_discrete(1 / (1 + np.exp(-logits[i])), time[i], event[i], cuts) for i in range(12)
    ]
    np.testing.assert_allclose(loss.numpy(), expected, rtol=1e-9, atol=1e-12)


def test_mortality_of_proportional_hazards_is_the_log_hazard():
    baseline, risk = torch.tensor([0.1, 0.3, 0.2, 0.4]).double(), torch.tensor([-1.0, 0.0, 2.5])
    hazard = -torch.expm1(-baseline * risk.double().exp().unsqueeze(1))
    found = nn.log_mortality(hazard.logit())
    torch.testing.assert_close(found - found[1], risk.double())


def test_discrete_time_head_starts_at_the_hazards_of_all():
    cuts = (1.0, 2.0, 3.0)
    head = Heads([HeadSpec("risk", "survival", 1, cuts=cuts)], 2, dropout=0.0).of("risk")
    time = torch.tensor([1.0] * 10 + [2.0] * 10 + [3.0] * 10 + [5.0] * 10)
    event = torch.tensor([1.0] * 30 + [0.0] * 10)
    head.start(torch.stack([time, event], dim=1))
    expected = [10.5 / 41, 10.5 / 31, 10.5 / 21]
    np.testing.assert_allclose(head.linear.bias.sigmoid().detach(), expected, rtol=1e-5)


def numbers_and_latent(n=9, n_numbers=4, seed=0):
    rng = np.random.default_rng(seed)
    y = torch.tensor(rng.normal(size=(n, n_numbers)), dtype=torch.float32)
    y[torch.tensor(rng.random((n, n_numbers)) < 0.4)] = float("nan")
    y[0, 0] = 1.0
    return torch.tensor(rng.normal(size=(n, 3)), dtype=torch.float32), y, torch.rand(n) + 0.5


def test_many_numbers_cost_what_each_costs_alone():
    latent, y, weight = numbers_and_latent()
    y[:, 2] = float("nan")  # nobody has this one
    specs = [HeadSpec(f"n{i}", "number", 1) for i in range(4)]
    head = Heads(specs, 3, dropout=0.0).of("n0")
    expected = 0.0
    for i in range(4):
        rows = ~y[:, i].isnan()
        if rows.any():
            out = latent[rows] @ head.linear.weight[i] + head.linear.bias[i]
            losses = 0.5 * (out - y[rows, i]) ** 2
            expected = expected + (losses * weight[rows]).sum() / weight[rows].sum()
    torch.testing.assert_close(head.loss(latent, y, weight), expected)


def test_a_missing_number_moves_nothing_but_its_own_weights():
    latent, y, weight = numbers_and_latent()
    head = Heads([HeadSpec(f"n{i}", "number", 1) for i in range(4)], 3, dropout=0.0).of("n1")
    gradients = []
    for column in (y[:, 3], torch.full((9,), float("nan"))):
        head.zero_grad()
        head.loss(latent, torch.cat([y[:, :3], column.unsqueeze(1)], dim=1), weight).backward()
        gradients.append(head.linear.weight.grad.clone())
    torch.testing.assert_close(gradients[0][:3], gradients[1][:3])
    assert (gradients[1][3] == 0).all()
    assert (gradients[0][3] != 0).any()


def test_numbers_start_as_heads_of_their_own_would():
    specs = [HeadSpec("a", "number", 1), HeadSpec("k", "class", 3), HeadSpec("b", "number", 1)]
    with nn.seeded(3):
        heads = Heads(specs, 5, dropout=0.5)
    with nn.seeded(3):
        alone = [torch.nn.Linear(5, width) for width in (1, 3, 1)]
    torch.testing.assert_close(
        heads.of("b").linear.weight, torch.cat([alone[0].weight, alone[2].weight])
    )
    torch.testing.assert_close(heads.of("k").linear.weight, alone[1].weight)
    assert [head.names for head in heads.each()] == [("a", "b"), ("k",)]


@pytest.mark.parametrize(
    "spec",
    [
        HeadSpec("t", "class", 3, class_weights=(0.5, 1.0, 3.0)),
        HeadSpec("t", "class", 3, ordinal=True),
        HeadSpec("t", "number", 1),
        HeadSpec("t", "survival", 1),
        HeadSpec("t", "survival", 1, cuts=(0.5, 1.5)),
    ],
    ids=["weighted classes", "ordered classes", "number", "cox", "intervals"],
)
def test_losses_of_several_latents_are_those_of_each_over_the_samples_that_count(spec):
    g = torch.Generator().manual_seed(0)
    (head,) = Heads([spec], 4, dropout=0.0).each()
    latents = torch.randn(4, 12, 4, generator=g, requires_grad=True)
    y = torch.randint(0, 3, (2, 12, 1), generator=g).float()
    if spec.task == "survival":
        y = torch.cat([torch.rand(2, 12, 1, generator=g) * 2, (y > 0).float()], dim=2)
    y[0, ::5] = torch.nan
    y[1, 1::4] = torch.nan
    weight = torch.rand(2, 12, generator=g)
    speaks = torch.rand(4, 12, generator=g) < 0.6
    speaks[2] = False
    found = head.losses(latents, y, weight, speaks)
    counts = torch.stack([head.known(outcome) for outcome in y]).unsqueeze(1) & speaks
    for m in range(2):
        for k in (0, 1, 3):
            c = counts[m, k]
            expected = head.loss(latents[k][c], y[m][c], weight[m][c])
            torch.testing.assert_close(found[m, k], expected)
    assert not found[:, 2].detach().any()
    (grad,) = torch.autograd.grad(found.sum(), latents)
    assert grad.isfinite().all()
    assert not grad[~counts.any(dim=0)].any()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=["single", "half"])
def test_dropout_keeps_share_mean_layout_and_gradient(dtype):
    drop = Dropout(0.3)
    x = torch.full((400, 300), 2.0, dtype=dtype).T.requires_grad_()  # as pathways lie in memory
    with nn.seeded(0):
        out = drop(x)
    (grad,) = torch.autograd.grad(out.sum(), x)
    stays = out != 0
    assert float(stays.float().mean()) == pytest.approx(0.7, abs=0.005)
    torch.testing.assert_close(out[stays], torch.full_like(out[stays], 2 / 0.7))
    torch.testing.assert_close(grad, torch.where(stays, 1 / 0.7, 0.0).to(dtype))
    assert (out.dtype, out.stride()) == (dtype, x.stride())
    assert Dropout(0.0)(x) is x
    assert not Dropout(1.0)(x).any()
    assert drop.eval()(x) is x


@pytest.mark.parametrize("p", [0.25, 0.3], ids=["8 bits", "16 bits"])
def test_dropout_in_bits_loses_every_value_as_often_and_independently(p):
    drop = Dropout(p)
    with nn.seeded(1):
        kept = torch.stack([drop(torch.ones(10)) > 0 for _ in range(4000)]).double()
    # Several values share a drawn number: each has bits of its own.
    torch.testing.assert_close(kept.mean(0), torch.full((10,), 1 - p).double(), atol=0.03, rtol=0)
    away = torch.corrcoef(kept.T) - torch.eye(10)
    assert float(away.abs().max()) < 0.07
