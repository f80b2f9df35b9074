"""Groups of one or two samples: they can be explained, but say nothing about a group."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pathweave._core.checks import listed
from pathweave._core.warnings import DataWarning, warn

if TYPE_CHECKING:
    from collections.abc import Mapping

FEWEST = 3
"""Samples from which on a group is more than its members: with two any correlation is 1 or -1."""


def warn_of_few(sizes: Mapping[str, int], then: str) -> None:
    """Warn of groups of fewer than `FEWEST` samples, with what follows from it."""
    few = {name: n for name, n in sizes.items() if n < FEWEST}
    if few:
        told = listed((f"{name} ({n})" for name, n in few.items()), 10)
        warn(f"groups of fewer than {FEWEST} samples: {told}. {then}", DataWarning)
