"""A worker seen from the program that started it: a process that is sent numbers of items, and sends back what came out."""

from __future__ import annotations

import os
import pickle  # noqa: TID251  between our own processes; nothing is kept
import signal
import subprocess
import sys
from contextlib import suppress
from threading import Thread
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from queue import SimpleQueue

_LIBRARIES = ("OMP", "MKL", "OPENBLAS", "NUMEXPR")
_ONE_THREAD = dict.fromkeys((f"{name}_NUM_THREADS" for name in _LIBRARIES), "1")


class Worker:
    """One process on one thread.

    It is started without running the user's script again, lives in a session of its own (Ctrl-C reaches the program,
    which then decides), and ends by itself when the program is gone or when nothing was asked of it for a while.

    Attributes
    ----------
    answers
        Queue that gets (worker, pickled answer), and (worker, None) when the process has ended.
    n_sent
        Bytes sent to it so far.
    """

    def __init__(self, answers: SimpleQueue[Any]) -> None:
        # Other things than text may stand in sys.path; Python passes over them.
        path = [place for place in sys.path if isinstance(place, str)]
        start = f"import sys; sys.path[:] = {path!r}; from pathweave._core.workers import inside; inside.main()"
        self.answers = answers
        self.ended = False
        self.n_sent = 0
        self.process = subprocess.Popen(  # noqa: S603  our own code
            [sys.executable, "-c", start],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **_ONE_THREAD},
            start_new_session=True,
        )
        self._reader = Thread(target=self._read, daemon=True, name="pathweave-worker")
        self._reader.start()

    def _read(self) -> None:
        stream = self.process.stdout
        with suppress(EOFError, pickle.UnpicklingError):
            while stream is not None:
                answer = pickle.load(stream)  # noqa: S301  our own process
                self.answers.put((self, answer))
        self.ended = True
        self.answers.put((self, None))

    def work_for(self, answers: SimpleQueue[Any]) -> bool:
        """Send answers elsewhere from now on; whether there will be any."""
        self.answers = answers  # first: an end that comes after the next line is told there
        return not self.ended

    def send(self, folder: str, item: int) -> None:
        """Ask for an item of what lies in a folder (see `mapped`); of no folder, to forget the last one."""
        message = pickle.dumps((folder, item))
        self.n_sent += len(message)
        stream = self.process.stdin
        if stream is not None:
            with suppress(BrokenPipeError):  # it has just ended: the reader says so
                stream.write(message)
                stream.flush()

    def how_it_ended(self) -> str:
        """Signal or exit code of an ended process, in words."""
        code = self.process.wait()
        if code >= 0:
            return f"exit code {code}"
        known = {number.value: number.name for number in signal.Signals}
        name = known.get(-code, f"signal {-code}")
        hint = ", as when memory runs out" if name == "SIGKILL" else ""
        return f"exit code {code}, {name}{hint}"

    def close(self) -> None:
        """End the process, whatever it does, and wait until it is gone."""
        self.process.kill()
        self.process.wait()
        self._reader.join()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                with suppress(BrokenPipeError):  # what was not yet sent
                    stream.close()
