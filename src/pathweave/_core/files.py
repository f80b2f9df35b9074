"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import secrets
import stat
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from os import PathLike


@contextmanager
def whole(path: str | PathLike[str]) -> Iterator[Path]:
    """Give the name of a file beside the target; it takes the target's place if all goes well.

    It is on the disk before it does, so that a machine that loses power has the earlier file or the new one.
    """
    target = Path(path).resolve()  # behind a link it is the file that is written, not the link
    if not target.parent.is_dir():
        msg = (
            f"path={str(path)!r}: the folder {str(target.parent)!r} does not exist; make it first."
        )
        raise FileNotFoundError(msg)
    work = target.with_name(f".{target.stem}-{secrets.token_hex(8)}{target.suffix}")
    # A file that only its owner could read stays so; for a new one the umask decides.
    mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else None
    os.close(os.open(work, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o666 if mode is None else 0o600))
    try:
        yield work
        if mode is not None:
            work.chmod(mode)
        _to_disk(work, os.O_RDWR)
        work.replace(target)
        if os.name != "nt":  # where folders cannot be opened
            _to_disk(target.parent, os.O_RDONLY)
    finally:
        work.unlink(missing_ok=True)


def _to_disk(path: Path, flags: int) -> None:
    """Have the system write what it holds of a file, or of the names in a folder."""
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
