"""Attributions of a fitted model, whether to believe them, and tests of what goes with its outcome."""

from __future__ import annotations

from pathweave.explain._attribute import attribute
from pathweave.explain._check import check
from pathweave.explain._edges import edges
from pathweave.explain._pathway_tests.run import test_pathways
from pathweave.explain._perturbation.perturb import perturb
from pathweave.explain._perturbation.screen import perturb_screen

__all__ = ["attribute", "check", "edges", "perturb", "perturb_screen", "test_pathways"]
