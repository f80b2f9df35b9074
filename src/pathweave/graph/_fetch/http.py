"""One request at a time: paced, redirected to safe places only, its answer sorted."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from threading import Lock
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import requests

MAX_REDIRECTS = 5
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class DownloadError(OSError):
    """A file could not be had; nothing was left under its name."""


class NotThereError(DownloadError):
    """The server says that there is no such file."""


class BrokenOffError(Exception):
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


@dataclass
class Job:
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


@contextmanager
def answer(job: Job, headers: dict[str, str]) -> Iterator[requests.Response]:
    """Ask, follow redirects to http(s) only, and sort the answers that hold no file."""
    url = job.url
    for _ in range(MAX_REDIRECTS + 1):
        with _get(job, url, headers) as response:
            if response.status_code not in _REDIRECTS:
                _sort(response, url)
                yield response
                return
            url = allowed(urljoin(url, response.headers.get("Location", "")), url)
    msg = f"{job.url} is redirected more than {MAX_REDIRECTS} times, to {url} at last; refused."
    raise DownloadError(msg)


def _get(job: Job, url: str, headers: dict[str, str]) -> requests.Response:
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


def allowed(url: str, before: str | None) -> str:
    """Return an address that may be asked; others raise."""
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
        raise BrokenOffError(said, _retry_after(response.headers.get("Retry-After", "")))
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
