"""Replicates as one batched computation: what separate runs give, and nothing of one reaches another."""

from __future__ import annotations

import signal
from dataclasses import replace

import numpy as np
import pytest
import torch
from replicate_cases import graph_arrays, lasting, problem

from pathweave import models
from pathweave._core.warnings import InterruptedFitWarning
from pathweave.models import TrainSpec, _replicates, _together_groups, fit_replicates
from pathweave.models._hardware import Hardware
from pathweave.models._samples import ReplicateSamples
from pathweave.models._together import _Group, can_train_together, train_together
from pathweave.models._together_member import Member
from pathweave.models._together_noise import DropoutSource, GivenDropout
from pathweave.models._together_objective import TogetherObjective
from pathweave.nn.heads import HeadSpec

SHORT = TrainSpec(max_epochs=4, batch_size=16)


def near(one, two, atol=2e-5):
    """Equal but for rounding."""
    assert [s.name for s in one] == [s.name for s in two]
    for a, b in zip(one, two, strict=True):
        assert a.best_epoch == b.best_epoch
        assert len(a.history) == len(b.history)
        for x, y in zip(lasting(a.history), lasting(b.history), strict=True):
            assert {
                **x,
                **{k: pytest.approx(v, abs=atol) for k, v in x.items() if isinstance(v, float)},
            } == y
        for x, y in ((a.state, b.state), (a.scores, b.scores), (a.curves, b.curves)):
            assert x.keys() == y.keys()
            for name in x:
                np.testing.assert_allclose(x[name], y[name], atol=atol, rtol=1e-4, err_msg=name)
        np.testing.assert_array_equal(a.validation, b.validation)


def both(spec, training, values, outcomes, graph, plan, library=None):
    how = (spec, training, values, outcomes, graph, plan)
    apart = fit_replicates(*how, n_jobs=1, library=library, together=False)
    return apart, fit_replicates(*how, library=library, together=True)


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"variational": False},
        {"fusion": "attention"},
        {"gate_edges": True},
        {"n_graph_layers": 2},
        {"encoder": "joint", "variational": False, "n_hidden_layers": 2},
        {"encode_on_graph": False},
    ],
    ids=lambda change: "-".join(change) or "default",
)
def test_the_numbers_of_separate_runs_but_for_dropout(change):
    """Order, mixup, dropped layers and latent noise are on; folds, shuffled labels with weights, another graph."""
    spec, _, *rest = problem()
    near(*both(replace(spec, dropout=0.0, **change), SHORT, *rest))


@pytest.mark.parametrize(
    "head",
    [
        HeadSpec("class", "class", 2, class_weights=(0.5, 2.0)),
        HeadSpec("class", "class", 3, ordinal=True),
    ],
    ids=["weighted", "ordinal"],
)
def test_kinds_of_classes(head):
    spec, _, values, outcomes, graph, plan = problem()
    labels = outcomes["class"].copy()
    labels[::9] = np.nan
    if head.ordinal:
        labels[::4] = 2.0
    spec = replace(spec, dropout=0.0, heads=(head,))
    near(*both(spec, SHORT, values, {"class": labels}, graph, plan[:2]))


def test_counts_without_labels():
    spec, _, values, _, _, plan = problem()
    counts = np.random.default_rng(0).poisson(3.0, values["rna"].shape).astype(np.float32)
    sizes = counts.sum(axis=1)
    values["rna"] = np.log1p(counts / sizes[:, None] * 30.0)
    layers = (replace(spec.layers[0], likelihood="negative_binomial", library=30.0), spec.layers[1])
    spec = replace(spec, layers=layers, heads=(), dropout=0.0)
    near(*both(spec, SHORT, values, {}, None, plan[:2], {"rna": sizes}), atol=1e-4)


def test_each_stops_by_itself():
    spec, _, *rest = problem()
    training = replace(SHORT, max_epochs=25, patience=1, learning_rate=0.05)
    apart, together = both(replace(spec, dropout=0.0), training, *rest)
    assert len({len(state.history) for state in apart}) > 1, "they stop at different epochs"
    near(apart, together, atol=2e-3)


def test_batches_and_folds_of_different_sizes_and_no_validation():
    spec, _, values, outcomes, graph, plan = problem()
    spec = replace(spec, dropout=0.0)
    smaller = replace(plan[1], train=plan[1].train[:-3], validation=plan[1].validation[:-2])
    near(*both(spec, SHORT, values, outcomes, graph, [plan[0], smaller]))
    everyone = np.arange(40)
    whole = [replace(r, train=everyone, validation=everyone[:0]) for r in plan[:2]]
    near(*both(spec, SHORT, values, outcomes, graph, whole))


def test_nothing_of_a_replicate_reaches_another():
    """With dropout, a replicate is the same alone and in any company."""
    spec, _, values, outcomes, graph, plan = problem()
    company = fit_replicates(spec, SHORT, values, outcomes, graph, plan, together=True)
    device = torch.device("cpu")
    for i in (0, 3):
        alone = Member.make(spec, values, outcomes, graph, plan[i], device=device, library={})
        near([company[i]], train_together([alone], SHORT))
    other = replace(plan[0], name="other", seed=99)
    moved = fit_replicates(
        spec, SHORT, values, outcomes, graph, [other, *plan[:0:-1]], together=True
    )
    near(company[1:], moved[:0:-1])
    assert company[0].history != moved[0].history


def test_dropout_keeps_the_mean_and_the_share():
    source = DropoutSource()
    drop = GivenDropout(0.3, source).train()
    source.start(None)
    assert torch.equal(drop(torch.ones(5, 4)), torch.ones(5, 4) / 0.7)
    assert source.at == 20
    source.start(torch.rand(40_000, generator=torch.Generator().manual_seed(0)))
    out = drop(torch.ones(200, 100))
    again = drop(torch.ones(200, 100))
    assert not torch.equal(out, again), "a step's numbers are used once"
    assert float((out == 0).float().mean()) == pytest.approx(0.3, abs=0.01)
    assert float(out.mean()) == pytest.approx(1.0, abs=0.02)
    assert torch.equal(drop.eval()(torch.ones(3)), torch.ones(3))


def test_dropout_makes_the_losses_of_separate_runs_on_average():
    spec, _, *rest = problem()
    plan = [replace(rest[3][0], name=f"{i}", seed=i) for i in range(16)]
    training = replace(SHORT, max_epochs=1)
    apart, together = both(replace(spec, dropout=0.5), training, *rest[:3], plan)
    losses = np.array([[s.history[0]["loss"] for s in run] for run in (apart, together)])
    difference = losses[0] - losses[1]
    assert np.abs(difference).max() > 1e-3, "other numbers were drawn"
    assert abs(difference.mean()) < 3 * difference.std(ddof=1) / np.sqrt(16)
    still = fit_replicates(replace(spec, dropout=0.0), training, *rest[:3], plan, together=True)
    without = np.array([s.history[0]["loss"] for s in still])
    assert losses[1].mean() > without.mean(), "dropout is at work"


def test_padding_counts_for_nothing():
    spec, _, values, outcomes, graph, plan = problem()
    member = Member.make(
        spec, values, outcomes, graph, plan[0], device=torch.device("cpu"), library={}
    )
    objective = TogetherObjective(member.net, SHORT, DropoutSource()).eval().requires_grad_(False)
    data = member.data
    rows, real = torch.arange(12), torch.arange(12) < 9
    padded, _ = objective(data, rows, real, None, None)
    cut, _ = objective(data, rows[:9], real[:9], None, None)
    assert {k: float(v) for k, v in padded.items()} == pytest.approx(
        {k: float(v) for k, v in cut.items()}
    )


def test_what_cannot_be_stacked_is_a_group_of_its_own(monkeypatch):
    spec, _, values, outcomes, graph, plan = problem()
    assert can_train_together(spec)
    assert not can_train_together(replace(spec, heads=(HeadSpec("t", "survival", 1),)))
    assert not can_train_together(replace(spec, encoder="recurrent"))
    groups = []
    train = _together_groups.train_together

    def seen(members, *rest):
        groups.append([m.replicate.name for m in members])
        return train(members, *rest)

    monkeypatch.setattr(_together_groups, "train_together", seen)
    smaller = graph_arrays(2)
    smaller = replace(smaller, members=smaller.members[:1], pathway_ids=("p0",))
    plan[3] = replace(plan[3], graph=smaller)
    apart, together = both(replace(spec, dropout=0.0), SHORT, values, outcomes, graph, plan)
    near(apart, together)
    assert groups == [["fold 0", "fold 1", "shuffled"], [plan[3].name]]
    assert len(plan) == 4


@pytest.mark.parametrize("alone", [False, True], ids=["memory", "shape"])
def test_a_stop_begins_no_group_any_more(monkeypatch, alone):
    """What had not begun is left out, as in separate runs: it has learned nothing that could count."""
    spec, _, values, outcomes, graph, plan = problem()
    if alone:  # another shape, so that the last is a group of its own
        smaller = replace(graph_arrays(2), members=graph_arrays(2).members[:1], pathway_ids=("p0",))
        plan[3] = replace(plan[3], graph=smaller)
    else:
        step = _together_groups.step_bytes(spec, SHORT, graph)
        monkeypatch.setattr(_together_groups, "_free", lambda device: 4 * step)  # three fit
    fitted = []
    states = _together_groups.fit_together(
        spec, SHORT, values, outcomes, graph, plan,
        hardware=Hardware(), library={}, needs=0, done=fitted.append, stop=lambda: True,
    )  # fmt: skip
    assert [s.name for s in states] == [r.name for r in plan]
    assert [max((row["epoch"] for row in s.history), default=0) for s in states] == [1, 1, 1, 0]
    assert [bool(s.state) for s in states] == [True, True, True, False]
    assert not any(s.finished for s in states)
    assert sum(fitted) == len(plan)


@pytest.fixture
def _heard():
    """Ctrl-C is heard, even in the background of a shell, which has programs ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_heard")
def test_ctrl_c_in_a_group_leaves_a_model_with_a_warning(mdata, monkeypatch):
    step = _Group._train_epoch

    def interrupted(self, epoch):
        step(self, epoch)
        if epoch == 2:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(_Group, "_train_epoch", interrupted)
    monkeypatch.setattr(_replicates, "can_train_together", lambda spec: True)
    original = _replicates._fit_some
    monkeypatch.setattr(_replicates, "_fit_some", lambda work, jobs, _: original(work, jobs, True))
    threads = torch.get_num_threads()
    model = models.MultimodalVAE(4, max_epochs=9, n_folds=2, n_hidden=8, seed=1)
    with pytest.warns(InterruptedFitWarning, match=r"stopped .*after 2 of at most 9 epochs"):
        model.fit(mdata, target="class", layers=["protein"])
    assert np.isfinite(model.embed(mdata)).all(axis=1).sum() == mdata["protein"].n_obs
    assert model.unfinished_
    assert torch.get_num_threads() == threads
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_groups_are_as_large_as_memory_allows(monkeypatch):
    how = problem()
    spec = replace(how[0], dropout=0.0)
    whole = fit_replicates(spec, SHORT, *how[2:], together=True)
    sizes = []
    train = _together_groups.train_together

    def short_of_memory(members, *rest):
        sizes.append(len(members))
        if len(members) > 2:
            raise torch.OutOfMemoryError
        return train(members, *rest)

    monkeypatch.setattr(_together_groups, "train_together", short_of_memory)
    near(whole, fit_replicates(spec, SHORT, *how[2:], together=True))
    assert sizes == [4, 2, 2]
    sizes.clear()
    step = _together_groups.step_bytes(spec, SHORT, how[4])
    monkeypatch.setattr(_together_groups, "_free", lambda device: 3 * step)
    monkeypatch.setattr("pathweave.models._replicates.replicate_bytes", lambda *given: 0)
    near(whole, fit_replicates(spec, SHORT, *how[2:], together=True))
    assert sizes == [2, 2]


def test_on_a_cpu_replicates_are_trained_apart_unless_asked(monkeypatch):
    monkeypatch.setattr(ReplicateSamples, "__init__", lambda *given: 1 / 0)
    monkeypatch.setattr("pathweave.models._replicates.fit_together", lambda *a, **k: "together")
    how = problem()
    assert fit_replicates(*how, together=True) == "together"
    with pytest.raises(ZeroDivisionError):
        fit_replicates(*how, n_jobs=1)
