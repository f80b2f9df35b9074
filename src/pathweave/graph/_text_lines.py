"""Lines of a text file that a user brought: packed or not, of any encoding, with bounded memory."""

from __future__ import annotations

import gzip
import io
import lzma
import zipfile
import zlib
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from os import PathLike

MAX_LINE = 8 * 2**20
"""Longest line; a set of all human genes has 0.2 MB."""

MAX_BYTES = 256 * 2**20
"""Unpacked size of a whole file; all sets of MSigDB have 40 MB."""

MAX_TABLE = 2**30
"""Unpacked size of a table of interactions; all links of STRING for one species have 0.6 GB."""

_BLOCK = 2**16


@contextmanager
def opened(path: str | PathLike[str], argument: str) -> Iterator[IO[bytes]]:
    """Open a file that may be packed by gzip, or alone in a zip, whatever its name says."""
    with Path(path).open("rb") as raw:
        magic = raw.read(4)
        raw.seek(0)
        try:
            if magic[:2] == b"\x1f\x8b":
                with gzip.open(raw) as handle:
                    yield handle  # type: ignore[misc]  # a GzipFile reads bytes as any other
            elif magic == b"PK\x03\x04":
                with _unzipped(raw, f"{argument}={str(path)!r}") as handle:
                    yield handle
            else:
                yield raw
        except (
            EOFError,
            zlib.error,
            lzma.LZMAError,
            gzip.BadGzipFile,
            zipfile.BadZipFile,
        ) as error:
            msg = f"{argument}={str(path)!r} is damaged or cut off ({error}); get it anew."
            raise ValueError(msg) from error


def _unzipped(raw: IO[bytes], label: str) -> IO[bytes]:
    try:
        archive = zipfile.ZipFile(raw)
        inside = [
            info
            for info in archive.infolist()
            if not info.filename.endswith("/") and not info.filename.startswith("__MACOSX/")
        ]
        if len(inside) == 1:
            return archive.open(inside[0])
    except (RuntimeError, OSError, UnicodeDecodeError) as error:  # a password, or nonsense inside
        msg = f"{label} cannot be unpacked ({error}); unpack it and give the file itself."
        raise ValueError(msg) from error
    msg = f"{label} packs {len(inside)} files; unpack it and give the one that is meant."
    raise ValueError(msg)


class Bounded(io.RawIOBase):
    """Bytes of a table, refused beyond a size, or where a line is too long to be a row.

    Parameters
    ----------
    handle
        The unpacked file.
    label
        Argument and path, for messages.
    """

    def __init__(self, handle: IO[bytes], label: str) -> None:
        self._handle = handle
        self._label = label
        self._size = self._line = 0

    def readable(self) -> bool:
        """Whether it can be read: it can."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read some bytes, and count them."""
        data = self._handle.read(len(buffer))
        buffer[: len(data)] = data
        self._size += len(data)
        end = data.rfind(b"\n")
        self._line = self._line + len(data) if end < 0 else len(data) - end - 1
        for size, most, what in (
            (self._size, MAX_TABLE, "unpacks to more than"),
            (self._line, MAX_LINE, "has a line longer than"),
        ):
            if size > most:
                msg = (
                    f"{self._label} {what} {most / 2**20:.3g} MB, so it is no table to read whole."
                )
                raise ValueError(msg)
        return len(data)


class Lines:
    """Numbered lines of a text file.

    Parameters
    ----------
    path
        The file.
    argument
        Name of the caller's argument, for messages.
    max_line, max_bytes
        Sizes in bytes that are refused: no such file is what it should be.
    """

    def __init__(
        self,
        path: str | PathLike[str],
        argument: str,
        *,
        max_line: int = MAX_LINE,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self._label = f"{argument}={str(path)!r}"
        self._path = path
        self._argument = argument
        self._max_line = max_line
        self._max_bytes = max_bytes
        self.not_utf8 = 0

    def __iter__(self) -> Iterator[tuple[int, str]]:
        number = size = 0
        begun = False
        with opened(self._path, self._argument) as handle:
            while raw := handle.readline(self._max_line + 1):
                number += 1
                size += len(raw)
                if len(raw) > self._max_line:
                    self._refuse(
                        number, f"is longer than {self._max_line / 2**20:.3g} MB, so it is no row"
                    )
                if size > self._max_bytes:
                    msg = (
                        f"{self._label} unpacks to more than {self._max_bytes / 2**20:.3g} MB; "
                        "split it into several files."
                    )
                    raise ValueError(msg)
                text = self._decoded(raw, number, start=not begun)
                begun = begun or bool(text.strip())
                for part in text.rstrip("\r\n").split("\r"):
                    yield number, part

    def _decoded(self, raw: bytes, number: int, *, start: bool) -> str:
        if start:
            if raw[:2] in {b"\xff\xfe", b"\xfe\xff"}:
                self._refuse(number, "is UTF-16; save the file as UTF-8")
            raw = raw.removeprefix(b"\xef\xbb\xbf")
            if looks_like_markup(raw):
                self._refuse(number, "is of a web page or XML; download the text file itself")
        if b"\0" in raw:
            self._refuse(number, "holds NUL bytes: this is not a text file")
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            self.not_utf8 += 1
            return raw.decode("latin-1")

    def _refuse(self, number: int, why: str) -> None:
        msg = f"{self._label}: line {number} {why}."
        raise ValueError(msg)


def looks_like_markup(raw: bytes) -> bool:
    """Whether a file begins as HTML or XML does."""
    start = raw[:_BLOCK].lstrip()[:9].lower()
    return start.startswith((b"<!doctype", b"<html", b"<?xml", b"<head", b"<body"))
