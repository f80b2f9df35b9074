"""Data sets that need no download: a real one, and simulations with a planted truth."""

from __future__ import annotations

from pathweave.datasets._embedded import available, miniacc
from pathweave.datasets._simulate import simulate

__all__ = ["available", "miniacc", "simulate"]
