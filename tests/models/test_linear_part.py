"""Fused linear models: no leaks, right averages, missing layers, gradients."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pathweave.models._linear import LinearPart
from pathweave.nn.fused_linear import FusedLinear

N, FOLD = 60, torch.arange(60) % 5


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
    rna[-8:] = np.nan
    rna[0] = np.nan
    return {"rna": torch.tensor(rna), "protein": torch.tensor(protein)}, torch.tensor(z)


def _outcomes(z):
    rng = np.random.default_rng(1)
    time = torch.tensor(rng.exponential(size=N)) * torch.exp(-2 * z[:, 0])
    event = torch.tensor(rng.random(N) < 0.7).double()
    return {
        "class": (z[:, 0] > 0).long() + (z[:, 1] > 1).long(),
        "number": z + 10.0,
        "survival": torch.stack([time, event], dim=1),
    }


def _inputs(layers):
    return {k: v.nan_to_num(123.0) for k, v in layers.items()}, {
        k: ~v.isnan() for k, v in layers.items()
    }


TASKS = ["class", "number", "survival"]


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("fusion", ["early", "late"])
def test_learns_and_keeps_what_it_promises(layers, task, fusion):
    values, z = layers
    y = _outcomes(z)[task]
    part = LinearPart(fusion).fit(values, task, y, FOLD)
    width = {"class": 3, "number": 2, "survival": 1}[task]
    assert part.oof_.shape == (N, width)
    assert bool(part.oof_.isfinite().all())
    assert set(part.penalty_) == ({"early"} if fusion == "early" else {"rna", "protein"})
    out = part.module_(*_inputs(values))
    assert out.shape == (N, width)
    if task == "class":
        torch.testing.assert_close(part.oof_.exp().sum(dim=1), torch.ones(N).double())
        assert part.oof_loss_ == pytest.approx(-float(part.oof_.gather(1, y[:, None]).mean()))
        assert (
            float((part.oof_.argmax(dim=1) == y).double().mean()) > 0.6
        )  # the largest class has 0.43
    elif task == "number":
        assert part.oof_loss_ < 0.5
    else:
        assert float(torch.corrcoef(torch.stack([part.oof_[:, 0], z[:, 0]]))[0, 1]) > 0.6


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("fusion", ["early", "late"])
def test_held_out_rows_do_not_move_the_fit_of_their_fold(layers, task, fusion):
    values, z = layers
    y = _outcomes(z)[task]
    held = FOLD == 2
    probe, others = torch.zeros(N, dtype=torch.bool), held.clone()
    probe[17] = True  # of the fold whose other rows are made absurd
    others[17] = False
    absurd = {k: v.clone() for k, v in values.items()}
    for x in absurd.values():
        noise = np.random.default_rng(2).normal(size=(int(others.sum()), x.shape[1]))
        x[others] = torch.tensor(1e4 * noise)
    wrong = y.clone()
    wrong[held] = wrong[held].flip(0) if task != "class" else (wrong[held] + 1) % 3
    # One penalty, so that only the fit itself could carry a leak.
    before = _oof_at_one_penalty(fusion, values, task, y)
    after = _oof_at_one_penalty(fusion, absurd, task, wrong)
    torch.testing.assert_close(after[probe], before[probe])
    elsewhere = ~held & (FOLD == 3)
    assert not torch.allclose(after[elsewhere], before[elsewhere])


def _oof_at_one_penalty(fusion, values, task, y):
    import pathweave.models._search as module

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "default_penalties", lambda *_, **__: torch.tensor([0.5]))
        return LinearPart(fusion, balance=False).fit(values, task, y, FOLD, n_classes=3).oof_


@pytest.mark.parametrize("task", TASKS)
def test_late_fusion_averages_the_layers_a_sample_has(layers, task):
    values, z = layers
    y = _outcomes(z)[task]
    late = LinearPart("late").fit(values, task, y, FOLD)
    alone = {}
    for name, x in values.items():
        part = LinearPart("early").fit({name: x}, task, y, FOLD)
        assert part.penalty_["early"] == late.penalty_[name]
        alone[name] = part.module_(*_inputs({name: x}))
    out = late.module_(*_inputs(values))
    both, protein_only, rna_only = slice(10, 50), slice(52, 60), slice(1, 10)
    if task == "class":
        mean = ((alone["rna"].exp() + alone["protein"].exp()) / 2).log()
    else:
        mean = (alone["rna"] + alone["protein"]) / 2
    torch.testing.assert_close(out[both], mean[both], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(
        out[protein_only], alone["protein"][protein_only], rtol=1e-4, atol=1e-5
    )
    torch.testing.assert_close(out[rna_only], alone["rna"][rna_only], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("fusion", ["early", "late"])
def test_a_sample_with_nothing_gets_the_prior(layers, fusion):
    values, z = layers
    y = _outcomes(z)
    part = LinearPart(fusion).fit(values, "class", y["class"], FOLD)
    out = part.module_(*_inputs(values))[0].double()
    share = torch.bincount(y["class"], minlength=3).double() + 0.5
    torch.testing.assert_close(out.exp(), share / share.sum(), rtol=1e-5, atol=1e-6)
    number = LinearPart(fusion).fit(values, "number", y["number"], FOLD)
    out = number.module_(*_inputs(values))[0].double()
    torch.testing.assert_close(out, y["number"].mean(dim=0), rtol=1e-5, atol=1e-5)


def test_unmeasured_places_do_not_matter_and_gradients_flow(layers):
    values, z = layers
    part = LinearPart("late").fit(values, "class", _outcomes(z)["class"], FOLD)
    x, seen = _inputs(values)
    first = part.module_(x, seen)
    moved = {k: torch.where(seen[k], v, -5.0) for k, v in x.items()}
    torch.testing.assert_close(part.module_(moved, seen), first)
    x = {k: v.clone().requires_grad_(True) for k, v in x.items()}
    part.module_(x, seen)[:, 1].sum().backward()
    for name, v in x.items():
        assert bool(v.grad.isfinite().all())
        assert not v.grad[~seen[name]].any()
    assert x["rna"].grad[20].any()
    assert not x["rna"].grad[:, 4].any()  # the constant feature
    small = {k: v.detach()[20:21] for k, v in x.items()}
    assert torch.autograd.gradcheck(
        lambda rna: part.module_.double()(
            {**small, "rna": rna}, {k: s[20:21] for k, s in seen.items()}
        ),
        (small["rna"].requires_grad_(True),),
    )


def test_state_travels(layers):
    values, z = layers
    part = LinearPart("late").fit(values, "class", _outcomes(z)["class"], FOLD)
    sizes = {k: v.shape[1] for k, v in values.items()}
    again = FusedLinear("class", [["rna"], ["protein"]], sizes, 3)
    again.load_state_dict(part.module_.state_dict())
    torch.testing.assert_close(again(*_inputs(values)), part.module_(*_inputs(values)))


def test_balance_makes_layers_weigh_alike():
    """A small layer with all the signal beside a large one of noise."""
    rng = np.random.default_rng(0)
    small = torch.tensor(rng.normal(size=(80, 4)))
    large = torch.tensor(rng.normal(size=(80, 400)))
    y = small.sum(dim=1, keepdim=True)
    fold = torch.arange(80) % 5
    fits = [
        LinearPart("early", balance=b).fit({"a": small, "b": large}, "number", y, fold)
        for b in (False, True, "auto")
    ]
    assert fits[1].oof_loss_ < fits[0].oof_loss_
    assert fits[2].oof_loss_ == fits[1].oof_loss_


def test_a_class_missing_from_a_fold_is_no_trouble(layers):
    values, z = layers
    y = _outcomes(z)["class"]
    y[y == 2] = 1
    y[5] = 2  # one sample: the fold that holds it out never saw its class
    part = LinearPart("early").fit(values, "class", y, FOLD, n_classes=3)
    assert bool(part.oof_.isfinite().all())
    assert float(part.oof_[5, 2].exp()) < 0.1


def test_bad_arguments_are_named(layers):
    values, _ = layers
    with pytest.raises(ValueError, match="fusion='middle'"):
        LinearPart("middle")
    with pytest.raises(ValueError, match="y holds NaN"):
        LinearPart("early").fit(values, "number", torch.full((N, 1), float("nan")), FOLD)
    with pytest.raises(ValueError, match="name a layer twice"):
        FusedLinear("class", [["rna"], ["rna"]], {"rna": 3}, 2)
