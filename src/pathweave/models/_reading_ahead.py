"""Work that is done ahead, in a thread of its own, a few pieces at most."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

T = TypeVar("T")


def read_ahead(pieces: Iterable[T], *, depth: int = 2) -> Iterator[T]:
    """Go through an iterable while a thread already makes what comes next.

    Parameters
    ----------
    pieces
        Made one after the other in the thread. What goes wrong there is raised here.
    depth
        Pieces that may wait, beside the one in the making.

    Returns
    -------
    The same pieces in the same order. When the iterator is closed, the thread ends.
    """
    waiting: queue.Queue[tuple[str, object]] = queue.Queue(maxsize=depth)
    stop = threading.Event()

    def put(kind: str, what: object) -> bool:
        while not stop.is_set():
            try:
                waiting.put((kind, what), timeout=0.1)
            except queue.Full:
                continue
            return True
        return False

    def work() -> None:
        try:
            for piece in pieces:
                if not put("piece", piece):
                    return
            put("end", None)
        except BaseException as error:  # noqa: BLE001  # it is raised where the pieces are used
            put("error", error)

    thread = threading.Thread(target=work, name="pathweave-reader", daemon=True)
    thread.start()
    try:
        while True:
            kind, what = waiting.get()
            if kind == "end":
                return
            if kind == "error":
                raise cast("BaseException", what)
            yield cast("T", what)
    finally:
        stop.set()
        thread.join()
