"""The files of a folder of downloads, and the record of where they came from."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pathweave.graph._fetch.download import Fetched, write_json

if TYPE_CHECKING:
    from os import PathLike

COLUMNS = ["file", "status", "sha256"]
"""Columns that every table of downloads ends with."""


def made_folder(folder: str | PathLike[str]) -> Path:
    """Make the folder, if it is not there."""
    path = Path(folder)
    if path.exists() and not path.is_dir():
        msg = f"folder={str(path)!r} is a file; give a folder."
        raise NotADirectoryError(msg)
    path.mkdir(parents=True, exist_ok=True)
    return path


class Cache:
    """The files of a folder, and the record of where they came from."""

    def __init__(
        self, folder: Path, record: str, *, overwrite: bool, max_age: float | None = None
    ) -> None:
        self.folder = folder
        self.overwrite = overwrite
        self._path = folder / record
        self._oldest = None if max_age is None else datetime.now(UTC) - timedelta(days=max_age)
        self._new: dict[str, dict[str, Any]] = {}
        self.files = self._read()

    def _read(self) -> dict[str, dict[str, Any]]:
        try:
            files = json.loads(self._path.read_text(encoding="utf-8"))["files"]
        except (OSError, ValueError, KeyError, TypeError):
            return {}  # none yet, or damaged: the files themselves are looked at
        known = files.items() if isinstance(files, dict) else ()
        return {name: entry for name, entry in known if isinstance(entry, dict)}

    def note(self, name: str, said: dict[str, Any]) -> None:
        """Record a file."""
        self._new[name] = self.files[name] = said

    def __enter__(self) -> None:
        return

    def __exit__(self, *_: object) -> None:
        """Write the record, also of a call that is broken off; others may have written meanwhile."""
        if self._new:
            write_json(self._path, {"files": {**self._read(), **self._new}})

    def fresh(self, name: str) -> bool:
        """Whether a file (or the answer that there is none) is young enough to be kept."""
        if self.overwrite:
            return False
        if self._oldest is None:
            return True
        try:
            date = datetime.fromisoformat(self.files[name]["date"])
            return date >= self._oldest
        except (KeyError, TypeError, ValueError):
            path = self.folder / name
            return path.exists() and path.stat().st_mtime >= self._oldest.timestamp()


def entry(found: Fetched, **more: str) -> dict[str, Any]:
    """What the record says of a file."""
    return {key: value for key, value in (asdict(found) | more).items() if value}
