"""Attributions of a fitted model: from features to genes, pathways and layers."""

from __future__ import annotations

from pathweave.explain._attribute import attribute

__all__ = ["attribute"]
