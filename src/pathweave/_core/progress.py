"""Progress bars, switched by ``settings.progress``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pathweave._core.settings import settings

if TYPE_CHECKING:
    from collections.abc import Iterable


def progress(items: Iterable[Any] | None = None, *, desc: str, total: int | None = None) -> Any:
    """Wrap an iterable (or a manual counter) in a tqdm bar that vanishes when done."""
    from tqdm.auto import tqdm

    return tqdm(items, desc=desc, total=total, disable=not settings.progress, leave=False)
