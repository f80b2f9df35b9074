"""Attributions of a fitted model: from features to genes, pathways and layers; and whether to believe them."""

from __future__ import annotations

from pathweave.explain._attribute import attribute
from pathweave.explain._check import check

__all__ = ["attribute", "check"]
