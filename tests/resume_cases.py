"""A fit small enough to be broken off often, and ways to break it off."""

from __future__ import annotations

from contextlib import contextmanager

import numpy as np

from pathweave.models import Replicate, TrainSpec, _steps, fit_replicates
from pathweave.models._checkpoints import Checkpoints
from pathweave.models._monitor import Monitor
from pathweave.nn.heads import HeadSpec
from pathweave.nn.pathway_vae import LayerSpec, NetSpec

N = 36
EPOCHS = 3
HEADS = (
    HeadSpec("kind", "class", 2),
    HeadSpec("size", "number", 1),
    HeadSpec("risk", "survival", 1),
)


class Killed(BaseException):
    """As SIGKILL: nobody catches it, and nothing is done about it."""


def data():
    rng = np.random.default_rng(0)
    values = {
        "rna": rng.normal(size=(N, 7)).astype("float32"),
        "protein": rng.normal(size=(N, 4)).astype("float32"),
    }
    values["protein"][::5] = np.nan
    time = rng.exponential(size=N)
    outcomes = {
        "kind": rng.integers(0, 2, size=(N, 1)).astype(float),
        "size": rng.normal(size=(N, 1)) * 3 + 10,
        "risk": np.column_stack([time, rng.integers(0, 2, size=N)]),
    }
    outcomes["size"][::4] = np.nan
    return values, outcomes


def network(heads=HEADS):
    layers = tuple(
        LayerSpec(name, n, "gaussian", tuple(range(n))) for name, n in (("rna", 7), ("protein", 4))
    )
    return NetSpec(layers, heads, n_latent=3, n_hidden=5)


def plan(n_folds=2):
    fold = np.arange(N) % n_folds
    return [
        Replicate(f"fold {k + 1}", np.flatnonzero(fold != k), np.flatnonzero(fold == k), seed=k)
        for k in range(n_folds)
    ] + [Replicate("all of them", np.arange(N), np.arange(0), seed=9)]


def fit(folder=None, *, heads=HEADS, told="this fit", log=None, n_jobs=1, epochs=EPOCHS):
    """Train three small networks, with checkpoints where there is a folder."""
    replicates = plan()
    monitor = None
    if folder is not None or log is not None:
        checkpoints = None if folder is None else Checkpoints(folder, {"told": told})
        if log is not None:
            log.open()
        names = [r.name for r in replicates]
        monitor = Monitor(names, epochs, checkpoints=checkpoints, log=log)
    # A class with a mixture draws more random numbers; survival goes without.
    training = TrainSpec(max_epochs=epochs, batch_size=12, learning_rate=0.05, patience=3)
    return fit_replicates(
        network(heads), training, *data(), None, replicates, n_jobs=n_jobs, monitor=monitor
    )


@contextmanager
def at_epoch(number, action):
    """Do something in the middle of an epoch, counted over all networks from 1."""
    original, seen = _steps.Steps.epoch, 0

    def hooked(run, optimizer):
        nonlocal seen
        seen += 1
        if seen == number:
            action()
        return original(run, optimizer)

    _steps.Steps.epoch = hooked
    try:
        yield lambda: seen
    finally:
        _steps.Steps.epoch = original


def kill():
    raise Killed


def without_clock(rows):
    return [{k: v for k, v in row.items() if k != "seconds"} for row in rows]


def assert_same(found, expected):
    """The same networks, bit for bit, and the same way there."""
    assert [s.name for s in found] == [s.name for s in expected]
    for a, b in zip(found, expected, strict=True):
        assert (a.best_epoch, a.finished) == (b.best_epoch, b.finished)
        assert without_clock(a.history) == without_clock(b.history)
        for arrays, others in (
            (a.state, b.state),
            (a.scores, b.scores),
            (a.curves, b.curves),
            ({"": a.validation}, {"": b.validation}),
        ):
            assert arrays.keys() == others.keys()
            for name, array in arrays.items():
                assert array.dtype == others[name].dtype, name
                np.testing.assert_array_equal(array, others[name], err_msg=name)
