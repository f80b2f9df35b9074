"""The kernel machine: learns what lines cannot, leaks nothing, and is one differentiable module."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pathweave.models._kernel import KernelPart, fit_kernel
from pathweave.models._linear import LinearPart
from pathweave.models._outcome import Outcome
from pathweave.nn.kernel_machine import KernelMachine, gaussian_kernel

N, FOLD = 60, torch.arange(60) % 5
TASKS = ["class", "number", "survival"]


@pytest.fixture
def layers():
    """Two layers on overlapping samples, with holes; sample 0 has nothing."""
    rng = np.random.default_rng(0)
    z = rng.normal(size=(N, 2))
    rna = z @ rng.normal(size=(2, 30)) + 0.5 * rng.normal(size=(N, 30)) + 5.0
    protein = 3.0 * z[:, :1] + rng.normal(size=(N, 8))
    rna[:, 4] = 7.0  # constant
    rna[rng.random(rna.shape) < 0.05] = np.nan
    protein[:10] = np.nan
    rna[0] = np.nan
    return {"rna": torch.tensor(rna), "protein": torch.tensor(protein)}, torch.tensor(z)


def _outcomes(z):
    time = torch.tensor(np.random.default_rng(1).exponential(size=N)) * torch.exp(-2 * z[:, 0])
    return {
        "class": (z[:, 0] > 0).long() + (z[:, 1] > 1).long(),
        "number": z[:, :1] + 10.0,
        "survival": torch.stack([time, torch.ones(N).double()], dim=1),
    }


def _inputs(values):
    seen = {k: ~v.isnan() for k, v in values.items()}
    return {k: v.nan_to_num(123.0).float() for k, v in values.items()}, seen


@pytest.mark.parametrize("task", TASKS)
def test_module_gives_what_the_fit_says(layers, task):
    values, z = layers
    y = _outcomes(z)[task]
    part = KernelPart().fit(values, task, y, FOLD)
    assert bool(part.oof_.isfinite().all())
    out = part.module_(*_inputs(values)).double()
    if task == "class":
        torch.testing.assert_close(out.exp().sum(dim=1), torch.ones(N).double())
        assert float((part.oof_.argmax(dim=1) == y).double().mean()) > 0.6
        prior = torch.bincount(y).double() + 0.5
        torch.testing.assert_close(out[0].exp(), prior / prior.sum(), rtol=1e-5, atol=1e-6)
    elif task == "number":
        assert part.oof_loss_ < 0.5
        # A ridge solution with free intercept: residuals sum to zero over the samples it saw.
        torch.testing.assert_close(out[1:].mean(), y[1:].mean(), rtol=1e-4, atol=1e-4)
    else:
        assert float(torch.corrcoef(torch.stack([part.oof_[1:, 0], z[1:, 0]]))[0, 1]) > 0.6


def test_learns_an_interaction_that_lines_miss():
    rng = np.random.default_rng(0)
    x = torch.tensor(rng.normal(size=(200, 6)))
    y = (x[:, 0] * x[:, 1] + 0.5 * (x[:, 0] + x[:, 1])).unsqueeze(1)
    fold = torch.arange(200) % 5
    line = LinearPart("early").fit({"rna": x}, "number", y, fold)
    kernel = KernelPart().fit({"rna": x}, "number", y, fold)
    assert kernel.oof_loss_ < 0.5 * line.oof_loss_


def test_features_that_say_nothing_weigh_little():
    """Two thousand features of noise beside four that matter."""
    rng = np.random.default_rng(0)
    x = torch.tensor(rng.normal(size=(150, 2004)))
    y = x[:, :4].sum(dim=1, keepdim=True)
    fold = torch.arange(150) % 5
    part = KernelPart().fit({"rna": x}, "number", y, fold)
    weight = part.module_.projection.weight("rna").norm(dim=1)
    assert float(weight[:4].mean()) > 3 * float(weight[4:].mean())
    assert part.oof_loss_ < LinearPart("early").fit({"rna": x}, "number", y, fold).oof_loss_


@pytest.mark.parametrize("task", TASKS)
def test_held_out_rows_do_not_move_the_fit_of_their_fold(layers, task, monkeypatch):
    import pathweave.models._search as module

    monkeypatch.setattr(module, "default_penalties", lambda *_, **__: torch.tensor([0.3]))
    values, z = layers
    y = _outcomes(z)[task]
    held = FOLD == 2
    others = held.clone()
    others[17] = False  # the sample that is watched
    absurd = {k: v.clone() for k, v in values.items()}
    for x in absurd.values():
        x[others] = 1e4
    wrong = y.clone()
    wrong[held] = wrong[held].flip(0) if task != "class" else (wrong[held] + 1) % 3
    before = KernelPart().fit(values, task, y, FOLD, n_classes=3).oof_
    after = KernelPart().fit(absurd, task, wrong, FOLD, n_classes=3).oof_
    torch.testing.assert_close(after[17], before[17])
    assert not torch.allclose(after[FOLD == 3], before[FOLD == 3])


def test_many_outcomes_at_once_and_one_by_one_agree(layers):
    values, z = layers
    y = _outcomes(z)
    y["number"][30:40] = float("nan")
    outcomes = [Outcome.read(task, y[task]) for task in TASKS]
    for task, part in zip(TASKS, fit_kernel(KernelPart(), values, outcomes, FOLD), strict=True):
        alone = KernelPart().fit(values, task, y[task], FOLD)
        torch.testing.assert_close(part.oof_, alone.oof_, rtol=1e-8, atol=1e-8)
        assert part.penalty_ == alone.penalty_


@pytest.mark.parametrize("task", TASKS)
def test_some_samples_teach_and_all_are_predicted(layers, task):
    values, z = layers
    outcomes = [Outcome.read(task, _outcomes(z)[task])]
    taught = torch.arange(N) % 3 > 0
    some, everyone, usual = (
        fit_kernel(KernelPart(), values, outcomes, FOLD, taught=rows)[0]
        for rows in (taught, torch.ones(N, dtype=torch.bool), None)
    )
    assert len(some.module_.support) == int(taught[1:].sum())  # sample 0 has nothing
    assert bool(some.oof_.isfinite().all())
    assert not torch.allclose(some.oof_, usual.oof_)
    assert torch.equal(everyone.oof_, usual.oof_)
    assert torch.equal(everyone.module_.coefficient, usual.module_.coefficient)


def test_unmeasured_places_do_not_matter_and_gradients_are_right(layers):
    values, z = layers
    part = KernelPart().fit(values, "class", _outcomes(z)["class"], FOLD)
    x, seen = _inputs(values)
    moved = {k: torch.where(seen[k], v, -5.0) for k, v in x.items()}
    torch.testing.assert_close(part.module_(moved, seen), part.module_(x, seen))
    one = {k: v[20:21].double() for k, v in x.items()}
    assert torch.autograd.gradcheck(
        lambda rna: part.module_.double()(
            {**one, "rna": rna}, {k: s[20:21] for k, s in seen.items()}
        ),
        (one["rna"].requires_grad_(True),),
    )


def test_state_travels(layers):
    values, z = layers
    module = KernelPart().fit(values, "class", _outcomes(z)["class"], FOLD).module_
    again = KernelMachine.from_config(module.config())
    again.load_state_dict(module.state_dict())
    torch.testing.assert_close(again(*_inputs(values)), module(*_inputs(values)))


def test_an_outcome_that_goes_with_nothing_is_no_trouble():
    x = torch.zeros(20, 3).double()
    part = KernelPart().fit({"rna": x}, "number", torch.arange(20.0), torch.arange(20) % 4)
    assert bool(part.oof_.isfinite().all())
    values = {"rna": torch.ones(1, 3)}
    out = part.module_(values, {"rna": torch.ones(1, 3, dtype=torch.bool)})
    torch.testing.assert_close(out, torch.tensor([[9.5]]))


def test_gaussian_kernel_agrees_with_scikit_learn():
    from sklearn.metrics.pairwise import rbf_kernel

    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(5, 3)), rng.normal(size=(4, 3))
    ours = gaussian_kernel(torch.tensor(a), torch.tensor(b)).numpy()
    np.testing.assert_allclose(ours, rbf_kernel(a, b, gamma=1.0), rtol=1e-10)
