"""A wish to stop (Ctrl-C, SIGTERM) that work takes note of between its steps, here and in its worker processes."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import threading
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pathweave._core.settings import settings

if TYPE_CHECKING:
    from collections.abc import Iterator

_whole_only: ContextVar[bool] = ContextVar("whole_only", default=False)


@contextmanager
def whole_fits_only() -> Iterator[None]:
    """Inside this block Ctrl-C stops all: a model that was cut short must not be compared with others."""
    token = _whole_only.set(True)
    try:
        yield
    finally:
        _whole_only.reset(token)


def may_be_cut_short() -> bool:
    """Whether Ctrl-C may leave a model with what it has learned so far."""
    return not _whole_only.get()


class StopFlag:
    """Whether work was asked to stop, and by which signal.

    The flag is also a file, so that worker processes, which get a copy of this object, see it.

    Attributes
    ----------
    signum
        The signal that asked; ``None`` as long as none did.
    """

    def __init__(self) -> None:
        self.signum: int | None = None
        self._file: Path | None = None
        self._before: dict[int, Any] = {}

    @property
    def is_set(self) -> bool:
        """Whether to stop."""
        return self.signum is not None or (self._file is not None and self._file.exists())

    @contextmanager
    def listening(self, *, interrupt: bool, terminate: bool) -> Iterator[None]:
        """Turn the first Ctrl-C (SIGINT) or SIGTERM into the flag; a second one does what it would have done.

        Only in the main thread, where Python handles signals. A SIGINT handler of the user's own stays, and so do
        signals that are ignored.

        Parameters
        ----------
        interrupt, terminate
            Which signals to listen to.
        """
        self.signum = None
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        folder = Path(tempfile.mkdtemp(prefix="pathweave-stop-"))
        self._file = folder / "stop"
        try:
            if interrupt and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
                self._before[signal.SIGINT] = signal.signal(signal.SIGINT, self._ask)
            if terminate and signal.getsignal(signal.SIGTERM) not in (signal.SIG_IGN, None):
                self._before[signal.SIGTERM] = signal.signal(signal.SIGTERM, self._ask)
            yield
        finally:
            self._restore()
            self._file = None
            shutil.rmtree(folder, ignore_errors=True)

    def _ask(self, signum: int, _frame: object) -> None:
        if self.signum is not None:
            self._restore()
            signal.raise_signal(signum)
            return
        self.signum = signum
        if self._file is not None:
            self._file.touch()
        if settings.progress and signum == signal.SIGINT:
            # Not through sys.stderr, which may be in the middle of a write.
            os.write(2, b"\nStopping after this epoch; Ctrl-C again stops at once.\n")

    def _restore(self) -> None:
        while self._before:
            signum, handler = self._before.popitem()
            signal.signal(signum, handler)

    def __getstate__(self) -> dict[str, Any]:
        """What a worker process gets: the file to look for."""
        return {**vars(self), "_before": {}}
