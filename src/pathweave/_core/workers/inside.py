"""What a worker process does: take the number of an item, run the function, send back what came out."""

from __future__ import annotations

import os
import pickle  # noqa: TID251  between our own processes; nothing is kept
import shutil
import signal
import sys
import traceback
import warnings
from queue import Empty, SimpleQueue
from threading import Thread
from typing import IO, Any

import cloudpickle

from pathweave._core.settings import settings
from pathweave._core.workers.mapped import read

IDLE = 300.0
"""Seconds without work after which a worker ends."""

inside = False
"""Whether this process is a worker: it starts no workers of its own."""


def main() -> None:
    """Serve until the program that started this process is gone."""
    global inside  # noqa: PLW0603  a property of the process
    inside = True
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the program decides what Ctrl-C means
    settings.progress, settings.n_jobs = False, 1
    requests = sys.stdin.buffer
    sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: PTH123, SIM115  for good
    # What the work prints must not fall among the answers.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    items: SimpleQueue[tuple[str, int]] = SimpleQueue()
    Thread(target=_receive, args=(requests, items), daemon=True).start()
    current, shared = "", None
    while True:
        try:
            folder, item = items.get(timeout=IDLE)
        except Empty:
            os._exit(0)  # at once: the thread that reads holds what an orderly end waits for
        if folder != current:
            current, shared = folder, None
        if not folder:
            continue
        well, result, said, shared = _answer(folder, item, shared)
        # Pickled twice: what comes out is opened where the work was asked for, and may fail there.
        pickle.dump(_pickled(well, result, said), answers)
        answers.flush()


def _receive(requests: IO[bytes], items: SimpleQueue[tuple[str, int]]) -> None:
    """Take requests; end the process at once, work or not, when no more can come."""
    folder = ""
    try:
        while True:
            folder, item = pickle.load(requests)  # noqa: S301  from the program that started us
            items.put((folder, item))
    except (EOFError, pickle.UnpicklingError):
        if folder:  # the program was killed and could not take its data away
            shutil.rmtree(folder, ignore_errors=True)
        os._exit(0)


def _answer(folder: str, item: int, shared: Any) -> tuple[bool, Any, list[Any], Any]:
    """Whether it went well, result or exception, what was warned of, and what is shared."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("default")
        try:
            if shared is None:
                shared = read(folder)
            function, data, taken_over, place = shared
            if place:
                os.chdir(place)  # names of files mean what they mean in the program
            for name, value in taken_over.items():
                setattr(settings, name, value)
            result = function(data, item)
            well = True
        except BaseException as error:  # noqa: BLE001  it is raised where the work was asked for
            error.add_note("In the worker:\n" + "".join(traceback.format_exception(error)))
            well, result = False, error
    said = [(str(w.message), w.category, w.filename, w.lineno) for w in told]
    return well, result, said, shared


def _pickled(well: bool, result: Any, said: list[Any]) -> bytes:  # noqa: FBT001
    """Pickle an answer; what cannot be pickled is told in words."""
    try:
        message = cloudpickle.dumps((well, result, said), protocol=5)
        pickle.loads(message) if not well else None  # noqa: S301  some exceptions only come apart
    except Exception as error:  # noqa: BLE001  anything a class may do
        what = "what came out" if well else f"{type(result).__name__}: {result}"
        told = RuntimeError(f"{what} (it could not be sent from the worker: {error})")
        for note in getattr(result, "__notes__", []):
            told.add_note(note)
        return pickle.dumps((False, told, []))
    return message
