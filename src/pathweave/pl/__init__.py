"""Plots of what `pathweave.get` returns: each takes an axes and returns it."""

from __future__ import annotations

from pathweave.pl._attributions import attributions
from pathweave.pl._coverage import coverage
from pathweave.pl._embedding import embedding
from pathweave.pl._history import history
from pathweave.pl._parts import parts
from pathweave.pl._pathway_network import pathway_network
from pathweave.pl._pathways import pathways
from pathweave.pl._scores import scores
from pathweave.pl._survival import survival

__all__ = [
    "attributions", "coverage", "embedding", "history", "parts", "pathway_network", "pathways", "scores",
    "survival",
]  # fmt: skip
