"""Attributions of a fitted model, whether to believe them, and tests of what goes with its outcome."""

from __future__ import annotations

from pathweave.explain._attribute import attribute
from pathweave.explain._check import check
from pathweave.explain._edges import edges
from pathweave.explain._perturb import perturb
from pathweave.explain._perturb_screen import perturb_screen
from pathweave.explain._test_pathways import test_pathways

__all__ = ["attribute", "check", "edges", "perturb", "perturb_screen", "test_pathways"]
