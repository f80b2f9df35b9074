"""One object in a folder: its arrays in a file that processes map instead of copying, the rest pickled."""

from __future__ import annotations

import errno
import mmap
import pickle  # noqa: TID251  between our own processes; nothing is kept
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cloudpickle

if TYPE_CHECKING:
    from collections.abc import Iterator

_ALIGN = 64


@contextmanager
def mapped(shared: Any) -> Iterator[str]:
    """Write an object to a temporary folder, which is gone after the block; `read` brings it back.

    Arrays (also those inside of dataclasses, tables and sparse matrices) are written once, as they lie in memory.
    """
    with tempfile.TemporaryDirectory(prefix="pathweave-", ignore_cleanup_errors=True) as folder:
        try:
            _write(shared, Path(folder))
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            msg = (
                f"no space in {tempfile.gettempdir()!r} for the data that worker processes share; set the environment "
                "variable TMPDIR to a folder on a larger disk, or use n_jobs=1, which shares nothing."
            )
            raise OSError(error.errno, msg) from error
        yield folder


def _write(shared: Any, folder: Path) -> None:
    buffers: list[pickle.PickleBuffer] = []
    head = cloudpickle.dumps(shared, protocol=5, buffer_callback=buffers.append)
    places: list[tuple[int, int]] = []
    with Path(folder, "arrays").open("wb") as file:
        for buffer in buffers:
            file.write(bytes(-file.tell() % _ALIGN))
            with buffer.raw() as raw:
                places.append((file.tell(), raw.nbytes))
                file.write(raw)
    Path(folder, "head").write_bytes(pickle.dumps((head, places)))


def read(folder: str) -> Any:
    """Bring a `mapped` object back; its arrays share memory with other processes until one writes to its own."""
    head, places = pickle.loads(Path(folder, "head").read_bytes())  # noqa: S301  we wrote it
    if not any(size for _, size in places):
        return pickle.loads(head, buffers=[bytearray() for _ in places])  # noqa: S301
    with Path(folder, "arrays").open("rb") as file:
        view = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY))
    return pickle.loads(head, buffers=[view[at : at + size] for at, size in places])  # noqa: S301
