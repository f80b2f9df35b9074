"""The parts of a prediction put together: weights by label, offsets, missing outcomes."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from pathweave.models._parts import fit_all_parts, fit_parts
from pathweave.models._targets import Target

N = 80


@pytest.fixture(scope="module")
def made():
    """One informative layer and one of noise, three targets, and the networks' out-of-fold scores."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(N, 12)).astype("float32")
    values = {"rna": x, "protein": rng.normal(size=(N, 5)).astype("float32")}
    signal = x[:, 0] + 0.5 * rng.normal(size=N)
    number = 30.0 + 4.0 * signal[:, None]
    number[::9] = np.nan
    outcomes = {
        "kind": (signal > 1.0).astype(float)[:, None],
        "dose": number,
        "risk": np.column_stack([rng.exponential(np.exp(-signal)), rng.random(N) < 0.7]),
    }
    targets = [
        Target("kind", "class", ("kind",), ("common", "rare")),
        Target("dose", "number", ("dose",)),
        Target("risk", "survival", ("time", "event")),
    ]
    fold = np.arange(N) % 4
    scores = {"kind": np.log([[0.8, 0.2]]), "dose": np.array([[30.0]]), "risk": np.zeros((1, 1))}
    states = [
        SimpleNamespace(
            best_epoch=1,
            curves={},
            validation=np.flatnonzero(fold == f),
            scores={k: np.repeat(v, (fold == f).sum(), axis=0) for k, v in scores.items()},
        )
        for f in range(4)
    ]
    return targets, values, outcomes, fold, states


def test_all_targets_at_once_and_one_by_one_agree(made):
    targets, values, outcomes, fold, states = made
    together = fit_all_parts(targets, values, outcomes, fold, states)
    for target in targets:
        alone = fit_parts(target, values, outcomes[target.name], fold, states)
        np.testing.assert_allclose(
            together[target.name].weights, alone.weights, rtol=1e-5, atol=1e-6
        )
        np.testing.assert_allclose(
            together[target.name].out_of_fold, alone.out_of_fold, rtol=1e-5, atol=1e-5
        )


def test_the_stack_is_read_off_the_table(made):
    targets, values, outcomes, fold, states = made
    parts = fit_all_parts(targets, values, outcomes, fold, states)
    for name, fitted in parts.items():
        alone = [f"linear, {layer} alone" for layer in values]
        names = ["linear, early fusion", *alone, "kernel", "network", "stack"]
        assert list(fitted.table["part"]) == names
        assert fitted.table["weight"][:-1].sum() == pytest.approx(1.0)
        unknown = np.isnan(outcomes[name]).any(axis=1)
        assert np.array_equal(np.isnan(fitted.out_of_fold[:, 0]), unknown)
    dose = parts["dose"]
    mean = np.nanmean(outcomes["dose"])
    assert dose.offset == pytest.approx(mean * (1 - dose.weights.sum()))
    assert np.nanmean(dose.out_of_fold) == pytest.approx(mean, abs=1.0)
    scores = dose.table.set_index("part")["loss"]
    assert scores["stack"] < 1.1 * scores[:-1].min()


def test_class_weights_by_label(made):
    targets, values, outcomes, fold, states = made
    plain, raised, even = (
        np.exp(
            fit_all_parts(targets, values, outcomes, fold, states, class_weight=w)[
                "kind"
            ].out_of_fold
        )
        for w in (None, {"rare": 6.0}, "balanced")
    )
    assert plain[:, 1].mean() + 0.1 < raised[:, 1].mean()
    assert plain[:, 1].mean() + 0.05 < even[:, 1].mean()
    with pytest.raises(ValueError, match="'none' is no class of any target"):
        fit_all_parts(targets, values, outcomes, fold, states, class_weight={"none": 2.0})


def test_a_network_is_not_judged_at_the_epoch_its_own_samples_chose(made):
    """At their own best epochs these networks know the outcome; at those of the other folds, nothing."""
    targets, values, outcomes, fold, _ = made
    dose = outcomes["dose"]
    rng = np.random.default_rng(1)

    def states(best):
        made = []
        for f in range(4):
            rows = np.flatnonzero(fold == f)
            curve = rng.normal(30.0, 4.0, size=(9, len(rows), 1))
            curve[best[f] - 1] = np.nan_to_num(dose[rows], nan=30.0)
            made.append(
                SimpleNamespace(
                    validation=rows,
                    best_epoch=best[f],
                    scores={"dose": curve[best[f] - 1]},
                    curves={"dose": curve},
                )
            )
        return made

    flattered = fit_parts(targets[1], values, dose, fold, states([1, 9, 1, 9]))
    assert flattered.weights[-1] < 0.2
    honest = fit_parts(targets[1], values, dose, fold, states([5, 5, 5, 5]))
    assert honest.weights[-1] > 0.5
