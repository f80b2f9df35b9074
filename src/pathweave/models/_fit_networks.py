"""The networks of a fit, trained to the end or to where the user stopped them."""

from __future__ import annotations

import signal
from dataclasses import dataclass, replace
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING

from pathweave._core.checks import listed
from pathweave._core.interruption import may_be_cut_short
from pathweave._core.warnings import InterruptedFitWarning, warn
from pathweave.models._checkpoints import Checkpoints
from pathweave.models._fingerprint import told_of_fit
from pathweave.models._log import TrainingLog, training_log
from pathweave.models._monitor import Monitor
from pathweave.models._replicates import fit_replicates

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from pathweave.models._estimator import Estimator
    from pathweave.models._store import SampleStore
    from pathweave.models._train import FittedState, Replicate, TrainSpec
    from pathweave.nn.pathway_vae import GraphArrays, NetSpec


@dataclass(frozen=True)
class Kept:
    """Where a fit keeps its checkpoints and writes its losses, if it does; looked at before anything is read."""

    resume: str | PathLike[str] | None = None
    log: str | PathLike[str] | None = None

    def __post_init__(self) -> None:
        given: dict[str, object] = {"resume": self.resume, "log": self.log}
        for name, value in given.items():
            if value is not None and not isinstance(value, (str, PathLike)):
                msg = f"{name}={value!r} must be the name of a {'folder' if name == 'resume' else 'file or folder'}."
                raise TypeError(msg)
        if self.resume is not None and Path(self.resume).is_file():
            msg = f"resume={fspath(self.resume)!r} is a file; name a folder, where checkpoints are kept."
            raise FileExistsError(msg)
        training_log(self.log)

    def open_log(self) -> TrainingLog | None:
        """The log, ready to be written to."""
        log = training_log(self.log)
        if log is not None:
            log.open()
        return log


def fit_networks(
    model: Estimator,
    spec: NetSpec,
    training: TrainSpec,
    values: dict[str, np.ndarray] | SampleStore,
    outcomes: dict[str, np.ndarray],
    graph: GraphArrays | None,
    plan: Sequence[Replicate],
    *,
    library: dict[str, np.ndarray],
    samples: Sequence[str],
    kept: Kept,
) -> tuple[list[FittedState], tuple[str, ...]]:
    """Train the networks of a plan.

    Parameters
    ----------
    model
        Whose they are.
    spec, training, values, outcomes, graph, plan, library
        As for `fit_replicates`.
    samples
        Names of the training samples.
    kept
        Checkpoints and log.

    Returns
    -------
    Networks that can be used, the reference first, and the names of those that the user cut short.
    """
    checkpoints = None
    if kept.resume is not None:
        told = told_of_fit(
            type(model).__name__, model.get_params(), model.device,
            spec=spec, samples=samples, values=values, outcomes=outcomes, graph=graph, plan=plan, library=library,
        )  # fmt: skip
        checkpoints = Checkpoints(kept.resume, told)
    gently = may_be_cut_short()
    while True:
        monitor = Monitor(
            [r.name for r in plan],
            training.max_epochs,
            checkpoints=checkpoints,
            log=kept.open_log(),
        )
        stop = monitor.stop
        try:
            with stop.listening(
                interrupt=gently or checkpoints is not None, terminate=checkpoints is not None
            ):
                states = fit_replicates(
                    spec, training, values, outcomes, graph, plan,
                    device=model.device, n_jobs=model.n_jobs, library=library, monitor=monitor,
                )  # fmt: skip
        finally:
            monitor.close()
        if stop.signum == signal.SIGTERM:
            # Everything is kept. What was to happen at this signal happens; if that lets us live, we go on.
            signal.raise_signal(signal.SIGTERM)
            continue
        if stop.signum == signal.SIGINT and not gently:
            raise KeyboardInterrupt
        return _usable(states, training, kept)


def _usable(
    states: list[FittedState], training: TrainSpec, kept: Kept
) -> tuple[list[FittedState], tuple[str, ...]]:
    """Leave out networks that have not begun, and tell of those that were stopped."""
    short = [state for state in states if not state.finished]
    if not short:
        return states, ()
    begun = [state for state in states if state.state]
    stopped = [
        f"{s.name} (after {max(row['epoch'] for row in s.history)} of at most {training.max_epochs} epochs)"
        for s in short
        if s.state
    ]
    missing = [s.name for s in short if not s.state]
    alone = len(states) > 1 and len(begun) == 1
    if alone:  # it has learned from the samples of the first fold's network
        begun.append(replace(begun[0], name=states[1].name))
    again = (
        "Fit again to train them in full."
        if kept.resume is None
        else f"The same call with resume={fspath(kept.resume)!r} goes on from here."
    )
    warn(
        "the fit was interrupted: "
        + (f"stopped {listed(stopped, 3)}, which give their best epoch so far; " if stopped else "")
        + (f"not begun and left out {listed(missing, 3)}; " if missing else "")
        + (f"the reference network stands in for {states[1].name!r}; " if alone else "")
        + f"linear parts are fitted in full. {again}",
        InterruptedFitWarning,
    )
    return begun, tuple(state.name for state in short)
