"""Preprocessing of the layers, before a model sees them."""

from __future__ import annotations

from pathweave.pp._combat import ComBat
from pathweave.pp._normalize import normalize

__all__ = ["ComBat", "normalize"]
