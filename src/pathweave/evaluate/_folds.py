"""Folds, where users look for them."""

from __future__ import annotations

from pathweave._core.folds import folds

__all__ = ["folds"]
