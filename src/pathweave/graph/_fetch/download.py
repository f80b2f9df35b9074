"""One careful download: resumed where it can be, whole under its name or not there at all."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import logging
import os
import re
import secrets
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pathweave._core.progress import progress
from pathweave._core.version import VERSION
from pathweave.graph._fetch.http import BrokenOffError, DownloadError, Job, Pace, allowed, answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from io import BufferedRandom
    from pathlib import Path

    import requests

# Windows has none: unfinished files cannot be locked there, so each call starts anew.
_FCNTL: Any = importlib.import_module("fcntl") if importlib.util.find_spec("fcntl") else None
LOG = logging.getLogger(__name__)
MAX_BYTES = 8 * 2**30
MAX_WAIT = 120.0
CHUNK = 2**14  # a part of a chunk is lost when the connection drops
PROGRESS = 2**20  # so many new bytes make an earlier failure forgotten
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)$")


@dataclass(frozen=True)
class Fetched:
    """What was downloaded, for the record."""

    url: str
    sha256: str
    bytes: int
    date: str
    etag: str = ""
    last_modified: str = ""


def download(
    url: str,
    target: Path,
    *,
    sha256: str | None = None,
    check: Callable[[Path], None] | None = None,
    max_bytes: int = MAX_BYTES,
    tries: int = 5,
    timeout: tuple[float, float] = (10.0, 60.0),
    pace: Pace | None = None,
    session: requests.Session | None = None,
    bar: bool = True,
) -> Fetched:
    """Download a file; what is there under its name is replaced when the new one is whole.

    Drops and busy servers are tried again, with growing waits. What has come is kept in a hidden
    ``.part`` file beside the target, and a later try or call goes on from there if the server still
    has the same version (``If-Range``).

    Parameters
    ----------
    url
        Address; http or https.
    target
        File to write; its folder must exist.
    sha256
        Checksum that the file must have.
    check
        Called with the finished part before it gets its name; raises if it is not what was asked.
    max_bytes
        Size above which the file is refused.
    tries
        Failures in a row without progress after which it gives up.
    timeout
        Seconds to wait for a connection, and for the next bytes.
    pace
        Keeps requests apart.
    session
        A session of requests, to keep connections open over several files.
    bar
        Show a progress bar of bytes.

    Returns
    -------
    Address, checksum, size, date, and the server's version of it.

    Raises
    ------
    DownloadError
        If the file cannot be had, or is not the one asked for. `NotThereError` for 404 and 410.
    """
    import requests

    job = Job(
        url, target.name, sha256, max_bytes, timeout, pace or Pace(), session or requests.Session(),
        bar,
    )  # fmt: skip
    allowed(url, None)
    try:
        with _part(target) as (handle, path, notes):
            _recall(job, handle, notes)
            try:
                _fill(job, handle, notes, tries)
                found = _verified(job, handle, notes, tries)
                if check is not None:
                    check(path)
            except (DownloadError, ValueError) as error:
                if not isinstance(error, _Unfinished):
                    handle.truncate(0)
                raise
            size = handle.seek(0, os.SEEK_END)
            os.fsync(handle.fileno())
            # The lock is held until the part has its name: no other process may write to it now.
            if _FCNTL is None:
                handle.close()
            path.replace(target)
            notes.unlink(missing_ok=True)
    finally:
        if session is None:
            job.session.close()
    date = datetime.now(UTC).isoformat(timespec="seconds")
    etag, modified = (job.headers.get(key, "") for key in ("etag", "last_modified"))
    return Fetched(url, found, size, date, etag, modified)


class _Unfinished(DownloadError):  # noqa: N818  an error, but one that keeps its part
    """It was broken off; what has come can be used later."""


@contextmanager
def _part(target: Path) -> Iterator[tuple[BufferedRandom, Path, Path]]:
    """Open the unfinished file, locked; where another process has it, one of our own."""
    path = target.with_name(f".{target.name}.part")
    handle = _locked(path)
    shared = handle is not None
    if handle is None:
        path = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
        handle = path.open("a+b")
    notes = path.with_name(f"{path.name}.json")
    try:
        yield handle, path, notes
    finally:
        empty = not handle.closed and os.fstat(handle.fileno()).st_size == 0
        if path.exists() and (empty or not shared):
            path.unlink()
            notes.unlink(missing_ok=True)
        handle.close()


def _locked(path: Path) -> BufferedRandom | None:
    if _FCNTL is None:
        return None
    while True:
        handle = path.open("a+b")
        try:
            _FCNTL.flock(handle, _FCNTL.LOCK_EX | _FCNTL.LOCK_NB)
        except OSError:  # another process has it, or the file system knows no locks
            handle.close()
            return None
        # Between opening and locking another process may have finished and renamed it.
        if path.exists() and os.fstat(handle.fileno()).st_ino == path.stat().st_ino:
            return handle
        handle.close()


def _recall(job: Job, handle: BufferedRandom, notes: Path) -> None:
    """Take up what an earlier call left, if it is known what it is a part of."""
    try:
        known = json.loads(notes.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        known = None
    if isinstance(known, dict) and known.pop("url", None) == job.url:
        job.headers = {key: str(value) for key, value in known.items()}
        job.resumed = handle.seek(0, os.SEEK_END) > 0
    else:
        handle.truncate(0)


def _fill(job: Job, handle: BufferedRandom, notes: Path, tries: int) -> None:
    """Try until the part is whole."""
    failures = 0
    while True:
        before = handle.seek(0, os.SEEK_END)
        try:
            _try(job, handle, notes)
        except BrokenOffError as error:
            failures = 1 if handle.seek(0, os.SEEK_END) - before >= PROGRESS else failures + 1
            wait = min(2.0 ** (failures - 1), MAX_WAIT) if error.wait is None else error.wait
            if failures >= tries or wait > MAX_WAIT:
                why = (
                    f"the server asks to wait {wait:.0f} s" if wait > MAX_WAIT else f"{tries} tries"
                )
                msg = f"{job.url} could not be downloaded ({why}): {error}. Try again later."
                raise _Unfinished(msg) from error
            LOG.info("%s: %s; again in %.1f s", job.url, error, wait)
            job.pace.sleep(wait)
        else:
            return


def _try(job: Job, handle: BufferedRandom, notes: Path) -> None:
    import requests

    offset = handle.seek(0, os.SEEK_END)
    asked = {"User-Agent": f"pathweave/{VERSION}", "Accept-Encoding": "identity"}
    version = _version(job.headers)
    if offset and version:
        asked |= {"Range": f"bytes={offset}-", "If-Range": version}
    elif offset:
        offset = handle.truncate(0)
    try:
        with answer(job, asked) as response:
            start = _start(job, response, handle, offset)
            if start is not None:
                _note(job, response, notes)
                _receive(job, response, handle, start)
    except requests.RequestException as error:
        why = f"{type(error).__name__}: {str(error)[:200]}"
        drops = (requests.ConnectionError, requests.Timeout, requests.exceptions.ContentDecodingError,
                 requests.exceptions.ChunkedEncodingError)  # fmt: skip
        if isinstance(error, drops) and not isinstance(error, requests.exceptions.SSLError):
            raise BrokenOffError(why) from error
        msg = f"{job.url} cannot be asked for ({why})."
        raise DownloadError(msg) from error


def _version(headers: dict[str, str]) -> str:
    """What names a version for ``If-Range``: a strong ETag, else the date."""
    etag = headers.get("etag", "")
    return etag if etag and not etag.startswith("W/") else headers.get("last_modified", "")


def _start(
    job: Job, response: requests.Response, handle: BufferedRandom, offset: int
) -> int | None:
    """Where the bytes of this answer begin; `None` if the part is whole already."""
    if response.status_code == 200:
        return handle.truncate(0)  # all of it, whatever was asked
    where = response.headers.get("Content-Range", "")
    match = _RANGE.match(where)
    same = all(
        response.headers.get(key, "") in {"", job.headers.get(known, "")}
        for key, known in (("ETag", "etag"), ("Last-Modified", "last_modified"))
    )
    if response.status_code == 206 and match and int(match[1]) == offset > 0 and same:
        job.resumed = True
        return offset
    if response.status_code == 416 and offset and where == f"bytes */{offset}" and same:
        return None
    handle.truncate(0)
    msg = f"the server cannot go on from byte {offset} ({response.status_code}, {where!r})"
    raise BrokenOffError(msg)


def _note(job: Job, response: requests.Response, notes: Path) -> None:
    """Keep beside the part what it is a part of."""
    if response.status_code != 200:
        return
    job.resumed = False
    encoded = response.headers.get("Content-Encoding", "identity") != "identity"
    job.headers = {
        "etag": "" if encoded else response.headers.get("ETag", ""),
        "last_modified": "" if encoded else response.headers.get("Last-Modified", ""),
    }
    write_json(notes, {"url": job.url, **job.headers})


def _receive(job: Job, response: requests.Response, handle: BufferedRandom, offset: int) -> None:
    encoded = response.headers.get("Content-Encoding", "identity") != "identity"
    length = response.headers.get("Content-Length", "")
    total = offset + int(length) if length.isdecimal() and not encoded else None
    if total is not None:
        _small_enough(job, total)
    shown = progress(desc=job.name, total=total) if job.bar else None
    try:
        for chunk in response.iter_content(CHUNK):
            handle.write(chunk)
            offset += len(chunk)
            _small_enough(job, offset)
            if shown is not None:
                shown.update(len(chunk))
    finally:
        handle.flush()
        if shown is not None:
            shown.close()
    if total is not None and offset != total:
        msg = f"{offset:,} of {total:,} bytes came"
        raise BrokenOffError(msg)


def _small_enough(job: Job, size: int) -> None:
    if size > job.max_bytes:
        msg = f"{job.url} has {size:,} bytes or more; at most {job.max_bytes:,} are taken."
        raise DownloadError(msg)


def _verified(job: Job, handle: BufferedRandom, notes: Path, tries: int) -> str:
    """Checksum of the part; a wrong one of a resumed part is given one fresh try."""
    found = _sha256(handle)
    if job.sha256 is not None and found != job.sha256.lower() and job.resumed:
        handle.truncate(0)
        job.headers = {}
        _fill(job, handle, notes, tries)
        found = _sha256(handle)
    if job.sha256 is not None and found != job.sha256.lower():
        msg = (
            f"{job.url} has sha256 {found}, expected {job.sha256}: changed, or not the file that "
            "was meant; refused. Give the right checksum, or none."
        )
        raise DownloadError(msg)
    return found


def _sha256(handle: BufferedRandom) -> str:
    handle.flush()
    handle.seek(0)
    return hashlib.file_digest(handle, "sha256").hexdigest()


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write a small JSON file, whole or not at all."""
    work = path.with_name(f".{path.name.lstrip('.')}.{secrets.token_hex(4)}.new")
    try:
        work.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        work.replace(path)
    finally:
        work.unlink(missing_ok=True)


def sha256_of(path: Path) -> str:
    """Checksum of a file."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
