"""The replicate engine: the numbers of separate runs, however and in whatever order they run."""

from __future__ import annotations

import os
import signal
from dataclasses import replace

import numpy as np
import pytest
from replicate_cases import lasting, problem

from pathweave._core.warnings import MemoryLimitWarning, WorkerDiedWarning
from pathweave._core.workers import close_workers, memory
from pathweave.models import _replicates, fit_replicates
from pathweave.models._replicates import replicate_bytes


def same(one, two):
    assert [state.name for state in one] == [state.name for state in two]
    for a, b in zip(one, two, strict=True):
        assert lasting(a.history) == lasting(b.history)
        assert a.best_epoch == b.best_epoch
        assert a.state.keys() == b.state.keys()
        assert all(np.array_equal(a.state[k], b.state[k]) for k in a.state)
        assert all(np.array_equal(a.scores[k], b.scores[k]) for k in a.scores)
        assert all(np.array_equal(a.curves[k], b.curves[k]) for k in a.curves)


@pytest.fixture(scope="module")
def alone():
    return fit_replicates(*problem(), n_jobs=1)


def test_the_same_numbers_in_processes_and_in_any_order(alone):
    *how, plan = problem()
    same(alone, fit_replicates(*how, plan, n_jobs=2))
    backwards = fit_replicates(*how, plan[::-1], n_jobs=2)
    same(alone, backwards[::-1])
    same(alone[2:3], fit_replicates(*how, plan[2:3], n_jobs=2))


def test_replicates_differ_by_what_is_their_own(alone):
    first, shuffled, rewired = alone[0], alone[2], alone[3]
    assert lasting(first.history) != lasting(shuffled.history)
    assert alone[1].history != rewired.history


def test_the_group_is_as_large_as_memory_allows(alone, monkeypatch):
    *how, plan = problem()
    needs = replicate_bytes(how[0], how[2], how[4], plan)
    free = int(2.5 * (memory.PROCESS + needs))
    monkeypatch.setattr(memory, "free_memory", lambda: free)
    with pytest.warns(MemoryLimitWarning, match=r"4 replicates were to run .* 2 run at once"):
        same(alone, fit_replicates(*how, plan, n_jobs=4))


def test_a_replicate_whose_process_dies_is_run_again(alone, tmp_path, monkeypatch):
    flag = tmp_path / "died"
    fit_one = _replicates._fit_one

    def dies_once(work, i):
        if work.replicates[i].name == "fold 1" and not flag.exists():
            flag.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return fit_one(work, i)

    monkeypatch.setattr(_replicates, "_fit_one", dies_once)
    with pytest.warns(WorkerDiedWarning, match="'fold 1' died .*SIGKILL"):
        same(alone, fit_replicates(*problem(), n_jobs=2))


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_replicate_that_fails_is_named(n_jobs):
    *how, plan = problem()
    plan[2] = replace(plan[2], initial={"no such parameter": np.zeros(2, np.float32)})
    with pytest.raises(KeyError, match="no such parameter") as caught:
        fit_replicates(*how, plan, n_jobs=n_jobs)
    assert "This happened in 'shuffled'." in caught.value.__notes__


def test_memory_grows_with_samples_and_features():
    *how, plan = problem()
    values, plan = how[2], plan[:3]
    small = replicate_bytes(how[0], values, None, plan)
    wide = replicate_bytes(how[0], {k: np.tile(x, (1, 10)) for k, x in values.items()}, None, plan)
    assert wide == pytest.approx(10 * small)
    assert replicate_bytes(how[0], values, how[4], plan) > small


@pytest.fixture(autouse=True, scope="module")
def _closed():
    yield
    close_workers()
