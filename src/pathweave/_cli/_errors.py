"""What a user can mend is one line, not a traceback."""

from __future__ import annotations

import sys
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def told_errors() -> Iterator[None]:
    """Turn what a user can mend into one line and exit code 2, and our warnings into notes."""

    def show(message: Warning | str, category: type[Warning], *_: object, **__: object) -> None:
        if category.__module__.startswith("pathweave"):
            print(f"note: {message}", file=sys.stderr)

    with warnings.catch_warnings():
        warnings.simplefilter("default")
        warnings.showwarning = show
        try:
            yield
        except (ValueError, KeyError, TypeError, OSError, ImportError) as error:
            text = error.args[0] if isinstance(error, KeyError) and error.args else error
            print(f"pathweave: {text}", file=sys.stderr)
            raise typer.Exit(2) from error
