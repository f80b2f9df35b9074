"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from os import PathLike


@contextmanager
def whole(path: str | PathLike[str]) -> Iterator[Path]:
    """Give the name of a file beside the target; it takes the target's place if all goes well."""
    target = Path(path)
    if not target.parent.is_dir():
        msg = f"path={str(target)!r}: the folder {str(target.parent)!r} does not exist; make it first."
        raise FileNotFoundError(msg)
    handle, name = tempfile.mkstemp(
        prefix=f".{target.stem}-", suffix=target.suffix, dir=target.parent
    )
    os.close(handle)
    work = Path(name)
    try:
        yield work
        # mkstemp lets nobody else read; the umask decides, as it does for files made otherwise.
        mask = os.umask(0)
        os.umask(mask)
        work.chmod(0o666 & ~mask)
        work.replace(target)
    finally:
        work.unlink(missing_ok=True)
