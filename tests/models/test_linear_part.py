"""Fused linear models: no leaks, right averages, missing layers, gradients."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pathweave._core.folds import folds
from pathweave.models._linear import LinearPart, fit_linear
from pathweave.models._outcome import Outcome
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
    with pytest.raises(ValueError, match="y holds NaN only"):
        LinearPart("early").fit(values, "number", torch.full((N, 1), float("nan")), FOLD)
    with pytest.raises(ValueError, match="name a layer twice"):
        FusedLinear("class", [["rna"], ["rna"]], {"rna": 3}, 2)


@pytest.mark.parametrize("fusion", ["early", "late"])
def test_many_outcomes_at_once_and_one_by_one_agree(layers, fusion):
    """Shared rotations and shared products are exact, whatever is missing from each outcome."""
    values, z = layers
    made = _outcomes(z)
    numbers = [made["number"][:, :1], made["number"][:, 1:], made["number"][:, :1].clone()]
    numbers[1][20:33] = float("nan")
    numbers[2][20:33] = float("nan")
    given = [("number", y) for y in numbers] + [(t, made[t]) for t in ("class", "survival")]
    outcomes = [Outcome.read(task, y) for task, y in given]
    parts = fit_linear(LinearPart(fusion), values, outcomes, FOLD)
    for (task, y), part in zip(given, parts, strict=True):
        alone = LinearPart(fusion).fit(values, task, y, FOLD)
        torch.testing.assert_close(part.oof_, alone.oof_, rtol=1e-8, atol=1e-8)
        assert part.oof_loss_ == pytest.approx(alone.oof_loss_, rel=1e-8)
        assert part.penalty_ == alone.penalty_
        for name, tensor in part.module_.state_dict().items():
            torch.testing.assert_close(tensor, alone.module_.state_dict()[name])


def test_samples_without_an_outcome_only_standardise():
    """Their values move the units of the features, and nothing else of them the fit."""
    rng = np.random.default_rng(0)
    x = torch.tensor(rng.normal(size=(40, 5)))
    y = x[:, :1].clone()
    y[30:] = float("nan")
    fold = torch.arange(40) % 5
    part = LinearPart("early").fit({"a": x}, "number", y, fold)
    assert bool(part.oof_.isfinite().all())
    shuffled = x.clone()
    shuffled[30:] = shuffled[30:].flip(0)
    rows = torch.arange(40) < 30
    again = LinearPart("early").fit({"a": shuffled}, "number", y, torch.where(rows, fold, 9))
    torch.testing.assert_close(
        again.module_.weight("a"), part.module_.weight("a"), rtol=0.2, atol=0.01
    )
    torch.testing.assert_close(part.module_.mean_0.double(), x.mean(dim=0), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("weight", ["balanced", {1: 3.0}])
def test_class_weights_mean_what_they_mean_in_scikit_learn(weight):
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(0)
    x = rng.normal(size=(80, 5))
    y = (x[:, 0] + rng.normal(size=80) > 1.0).astype(int)
    fold = torch.arange(80) % 5
    part = LinearPart("early", class_weight=weight).fit(
        {"a": torch.tensor(x)}, "class", torch.tensor(y), fold
    )
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    model = LogisticRegression(C=1 / part.penalty_["early"], class_weight=weight, tol=1e-10)
    expected = model.fit(z, y).predict_proba(z)
    values = {"a": torch.tensor(x)}
    seen = {"a": torch.ones(80, 5, dtype=torch.bool)}
    ours = part.module_(values, seen).exp().numpy()
    np.testing.assert_allclose(ours, expected, rtol=1e-3)


def test_balanced_weights_raise_balanced_accuracy_and_its_own_loss():
    rng = np.random.default_rng(0)
    x = torch.tensor(rng.normal(size=(200, 10)))
    y = (x[:, 0] + torch.tensor(rng.normal(size=200)) > 1.8).long()
    fold = torch.arange(200) % 5

    def recall(weight):
        part = LinearPart("early", class_weight=weight).fit({"a": x}, "class", y, fold)
        right = part.oof_.argmax(dim=1) == y
        return sum(float(right[y == k].double().mean()) for k in (0, 1)) / 2

    assert recall("balanced") > recall(None) + 0.05
    part = LinearPart("late", class_weight="balanced").fit({"a": x}, "class", y, fold)
    share = torch.where(y == 1, 0.5 / y.double().mean(), 0.5 / (1 - y.double().mean()))
    hit = part.oof_.gather(1, y[:, None])[:, 0]
    assert part.oof_loss_ == pytest.approx(-float((share * hit).sum() / share.sum()))
    nothing = {"a": torch.zeros(1, 10, dtype=torch.bool)}
    prior = part.module_({"a": torch.zeros(1, 10)}, nothing).exp()
    torch.testing.assert_close(prior, torch.full((1, 2), 0.5))


@pytest.mark.parametrize(
    ("weight", "match"),
    [("even", "must be None"), ({3: 1.0}, "names classes"), ({0: -1.0}, "positive numbers")],
)
def test_bad_class_weights_are_named(weight, match):
    with pytest.raises(ValueError, match=match):
        Outcome.read("class", torch.tensor([0, 1, 1]), class_weight=weight)


def test_cox_part_chooses_as_the_cox_ridge_baseline_does():
    """One layer, no missing values: the same penalty and the same direction as `evaluate`'s rival."""
    from pathweave.evaluate._cox_ridge import CoxRidge

    rng = np.random.default_rng(0)
    x = rng.normal(size=(90, 200))
    time = rng.exponential(np.exp(-x[:, :4].sum(axis=1) / 2))
    event = (rng.random(90) < 0.6).astype(float)
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    y = np.column_stack([time, event])
    rival = CoxRidge().fit(z, y)
    fold = torch.tensor(folds(event, n_folds=5, seed=0))
    part = LinearPart("early").fit({"a": torch.tensor(x)}, "survival", torch.tensor(y), fold)
    # Folds standardise by themselves here, the rival's data came standardised: the grid's step is the bound.
    assert part.penalty_["early"] == pytest.approx(rival.alpha_, rel=1e-6)
    weight = part.module_.weight("a")[:, 0].double().numpy()
    np.testing.assert_allclose(weight, rival.coef_, rtol=1e-3, atol=1e-5)
