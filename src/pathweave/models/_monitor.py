"""What goes along with the training of a fit's networks: checkpoints, a wish to stop, a log, a bar."""

from __future__ import annotations

import copy
import os
import time
from typing import TYPE_CHECKING, Any

from pathweave._core.interruption import StopFlag
from pathweave._core.progress import progress
from pathweave._core.settings import settings
from pathweave.models._checkpoints import Checkpoints, unpack_fitted
from pathweave.models._train import FittedState

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pathweave.models._log import Row, TrainingLog
    from pathweave.models._run_state import Snapshot


class Monitor:
    """Asked by the training loop of every network, before, between and after its epochs.

    Worker processes get a copy; all they share lies in files.

    Parameters
    ----------
    names
        Names of the replicates; the first trains for an epoch at least.
    max_epochs
        Most epochs of each.
    checkpoints, log
        Where training is kept and told of, if it is.
    """

    def __init__(
        self,
        names: Sequence[str],
        max_epochs: int,
        *,
        checkpoints: Checkpoints | None = None,
        log: TrainingLog | None = None,
    ) -> None:
        self.names = list(names)
        self.checkpoints, self.log = checkpoints, log
        self.stop = StopFlag()
        self._interval = settings.checkpoint_seconds
        self._kept_at = time.monotonic()
        self._bar = EpochBar(len(self.names), max_epochs)
        self._writes = True

    @property
    def keeps(self) -> bool:
        """Whether anything is written."""
        return self.checkpoints is not None or self.log is not None

    def reading(self) -> Monitor:
        """The same for a process that goes on from a checkpoint, but leaves writing to another."""
        other = copy.copy(self)
        other.log, other._writes = None, False
        return other

    def begin(self, name: str, *, stopped: bool | None = None) -> FittedState | Snapshot | None:
        """What there is of a network: all of it, a checkpoint, or nothing, so that training begins.

        A network that has not begun when the fit is to stop is given back as it is: without parameters. Those who
        share in its steps must think alike of that: they say whether it is `stopped`.
        """
        stopped = self.stop.is_set if stopped is None else stopped
        kept = None if self.checkpoints is None else self.checkpoints.read(name)
        fitted = None if kept is None else unpack_fitted(kept)
        if kept is None and stopped and name != self.names[0]:
            return FittedState(name, {}, 0, finished=False)
        history: list[Row] = [] if kept is None else kept.facts["history"]
        if self.log is not None:
            self.log.begin(name, history)
        self._bar.begin(self.names.index(name), name, history)
        self._kept_at = time.monotonic()
        if fitted is not None:
            self._close(name)
        return fitted or kept

    def after_epoch(self, name: str, rows: Sequence[Row], pack: Callable[[], Snapshot]) -> bool:
        """Take note of an epoch; whether training is to stop here."""
        if self.log is not None:
            self.log.write(name, rows)
        self._bar.show(rows)
        stop = self.stop.is_set
        now = time.monotonic()
        if (
            self.checkpoints is not None
            and self._writes
            and (stop or now - self._kept_at >= self._interval)
        ):
            self.checkpoints.write(name, pack())
            self._kept_at = time.monotonic()
        return stop

    def end(self, state: FittedState) -> FittedState:
        """Take note of a network whose training is over, or stopped."""
        if state.finished and self.checkpoints is not None and self._writes:
            self.checkpoints.finish(state.name, state)
        self._close(state.name)
        return state

    def _close(self, name: str) -> None:
        if self.log is not None:
            self.log.end(name)
        self._bar.end()

    def close(self) -> None:
        """Take the bar away."""
        self._bar.close()


class EpochBar:
    """One bar over all epochs of all networks of this process; in worker processes there is none.

    How many epochs are to come is guessed: as many a network as those took that are fitted, or the most.

    Parameters
    ----------
    n_networks
        How many are trained.
    max_epochs
        Most epochs of each.
    """

    def __init__(self, n_networks: int, max_epochs: int) -> None:
        self.n_networks, self.max_epochs = n_networks, max_epochs
        self._owner = os.getpid()
        self._bar: Any = None
        self._lengths: list[int] = []
        self._epochs = 0

    def begin(self, number: int, name: str, history: Sequence[Row]) -> None:
        """Show the next network, some epochs of which may be done."""
        if os.getpid() != self._owner or not settings.progress:
            return
        if self._bar is None:
            self._bar = progress(desc="fit", total=self.n_networks * self.max_epochs)
        self._bar.set_description(f"{name} ({number + 1}/{self.n_networks})", refresh=False)
        self._epochs = max((row["epoch"] for row in history), default=0)
        self._bar.initial += self._epochs  # they took no time
        self._bar.update(self._epochs)

    def show(self, rows: Sequence[Row]) -> None:
        """Show an epoch."""
        if self._bar is None or not rows:
            return
        self._epochs = rows[0]["epoch"]
        supervised = rows[0].get("target_loss", 0.0) != 0.0
        what = "target_loss" if supervised else "loss"
        said = ", ".join(f"{row['part']} {row[what]:.3g}" for row in rows)
        self._bar.set_postfix_str(f"epoch {self._epochs}, {said}", refresh=False)
        self._bar.update()

    def end(self) -> None:
        """Guess anew how many epochs are to come."""
        if self._bar is None:
            return
        self._lengths.append(self._epochs)
        mean = sum(self._lengths) / len(self._lengths)
        left = self.n_networks - len(self._lengths)
        self._bar.total = sum(self._lengths) + round(left * mean)
        self._bar.refresh()

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def __getstate__(self) -> dict[str, Any]:
        """What a worker process gets: no bar."""
        return {**vars(self), "_bar": None}
