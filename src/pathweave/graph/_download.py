"""One careful download: resumed where it can be, whole under its name or not there at all."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import logging
import os
import re
import secrets
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from threading import Lock
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from pathweave._core.progress import progress
from pathweave._core.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from io import BufferedRandom
    from pathlib import Path

    import requests

# Windows has none: unfinished files cannot be locked there, so each call starts anew.
_FCNTL: Any = importlib.import_module("fcntl") if importlib.util.find_spec("fcntl") else None
LOG = logging.getLogger(__name__)
MAX_BYTES = 8 * 2**30
MAX_REDIRECTS = 5
MAX_WAIT = 120.0
CHUNK = 2**14  # a part of a chunk is lost when the connection drops
PROGRESS = 2**20  # so many new bytes make an earlier failure forgotten
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)$")


class DownloadError(OSError):
    """A file could not be had; nothing was left under its name."""


class NotThereError(DownloadError):
    """The server says that there is no such file."""


class _BrokenOffError(Exception):
    """One try failed; another may not."""

    def __init__(self, why: str, wait: float | None = None) -> None:
        super().__init__(why)
        self.wait = wait


@dataclass
class Pace:
    """Keeps requests apart in time, those of all threads that share it.

    Parameters
    ----------
    interval
        Least number of seconds from the start of a request to the start of the next.
    clock, sleep
        For tests.
    """

    interval: float = 0.0
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _next: float | None = None
    _lock: Lock = field(default_factory=Lock, repr=False)

    def wait(self) -> None:
        """Return when a request may start."""
        with self._lock:
            now = self.clock()
            while self._next is not None and now < self._next:
                self.sleep(self._next - now)
                now = self.clock()
            self._next = now + self.interval


@dataclass(frozen=True)
class Fetched:
    """What was downloaded, for the record."""

    url: str
    sha256: str
    bytes: int
    date: str
    etag: str = ""
    last_modified: str = ""


@dataclass
class _Job:
    """One file on its way."""

    url: str
    name: str
    sha256: str | None
    max_bytes: int
    timeout: tuple[float, float]
    pace: Pace
    session: requests.Session
    bar: bool
    headers: dict[str, str] = field(default_factory=dict)  # of the version that the part is of
    resumed: bool = False


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

    job = _Job(
        url, target.name, sha256, max_bytes, timeout, pace or Pace(), session or requests.Session(),
        bar,
    )  # fmt: skip
    _allowed(url, None)
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


def _recall(job: _Job, handle: BufferedRandom, notes: Path) -> None:
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


def _fill(job: _Job, handle: BufferedRandom, notes: Path, tries: int) -> None:
    """Try until the part is whole."""
    failures = 0
    while True:
        before = handle.seek(0, os.SEEK_END)
        try:
            _try(job, handle, notes)
        except _BrokenOffError as error:
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


def _try(job: _Job, handle: BufferedRandom, notes: Path) -> None:
    import requests

    offset = handle.seek(0, os.SEEK_END)
    asked = {"User-Agent": f"pathweave/{VERSION}", "Accept-Encoding": "identity"}
    version = _version(job.headers)
    if offset and version:
        asked |= {"Range": f"bytes={offset}-", "If-Range": version}
    elif offset:
        offset = handle.truncate(0)
    try:
        with _answer(job, asked) as response:
            start = _start(job, response, handle, offset)
            if start is not None:
                _note(job, response, notes)
                _receive(job, response, handle, start)
    except requests.RequestException as error:
        why = f"{type(error).__name__}: {str(error)[:200]}"
        drops = (requests.ConnectionError, requests.Timeout, requests.exceptions.ContentDecodingError,
                 requests.exceptions.ChunkedEncodingError)  # fmt: skip
        if isinstance(error, drops) and not isinstance(error, requests.exceptions.SSLError):
            raise _BrokenOffError(why) from error
        msg = f"{job.url} cannot be asked for ({why})."
        raise DownloadError(msg) from error


def _version(headers: dict[str, str]) -> str:
    """What names a version for ``If-Range``: a strong ETag, else the date."""
    etag = headers.get("etag", "")
    return etag if etag and not etag.startswith("W/") else headers.get("last_modified", "")


@contextmanager
def _answer(job: _Job, headers: dict[str, str]) -> Iterator[requests.Response]:
    """Ask, follow redirects to http(s) only, and sort the answers that hold no file."""
    url = job.url
    for _ in range(MAX_REDIRECTS + 1):
        with _get(job, url, headers) as response:
            if response.status_code not in _REDIRECTS:
                _sort(response, url)
                yield response
                return
            url = _allowed(urljoin(url, response.headers.get("Location", "")), url)
    msg = f"{job.url} is redirected more than {MAX_REDIRECTS} times, to {url} at last; refused."
    raise DownloadError(msg)


def _get(job: _Job, url: str, headers: dict[str, str]) -> requests.Response:
    import requests

    job.pace.wait()
    try:
        return job.session.get(
            url, headers=headers, stream=True, timeout=job.timeout, allow_redirects=False
        )
    except ValueError as error:  # requests looks at where a redirect leads, even if not to follow
        if isinstance(error, requests.RequestException):
            raise
        msg = f"{url} redirects to what is no address ({error}); refused."
        raise DownloadError(msg) from error


def _allowed(url: str, before: str | None) -> str:
    scheme = urlsplit(url).scheme.lower()
    if scheme not in {"http", "https"}:
        where = f"{before} redirects to {url}" if before else f"url={url!r}"
        msg = f"{where}: only http and https are followed; refused."
        raise DownloadError(msg)
    if before and urlsplit(before).scheme.lower() == "https" and scheme == "http":
        msg = f"{before} redirects to {url}, which is not encrypted; refused."
        raise DownloadError(msg)
    return url


def _sort(response: requests.Response, url: str) -> None:
    code = response.status_code
    if code in {200, 206, 416}:
        return
    said = f"{url} answered {code} {response.reason}"
    if code in {404, 410}:
        msg = f"{said}: there is no such file."
        raise NotThereError(msg)
    if code in _AGAIN:
        raise _BrokenOffError(said, _retry_after(response.headers.get("Retry-After", "")))
    msg = f"{said}; not tried again."
    raise DownloadError(msg)


def _retry_after(text: str) -> float | None:
    """Seconds to wait, from a number or a date."""
    if text.strip().isdecimal():
        return float(text)
    try:
        when = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return max(0.0, (when - datetime.now(UTC)).total_seconds())


def _start(
    job: _Job, response: requests.Response, handle: BufferedRandom, offset: int
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
    raise _BrokenOffError(msg)


def _note(job: _Job, response: requests.Response, notes: Path) -> None:
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


def _receive(job: _Job, response: requests.Response, handle: BufferedRandom, offset: int) -> None:
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
        raise _BrokenOffError(msg)


def _small_enough(job: _Job, size: int) -> None:
    if size > job.max_bytes:
        msg = f"{job.url} has {size:,} bytes or more; at most {job.max_bytes:,} are taken."
        raise DownloadError(msg)


def _verified(job: _Job, handle: BufferedRandom, notes: Path, tries: int) -> str:
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
