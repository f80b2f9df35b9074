"""The scanpy-style skin: fit, and write what a model says into the container."""

from __future__ import annotations

from pathweave.tl._attribute import attribute, check
from pathweave.tl._edges import edges
from pathweave.tl._embed import embed
from pathweave.tl._fit import fit
from pathweave.tl._impute import impute
from pathweave.tl._perturb import perturb, perturb_screen
from pathweave.tl._predict import predict
from pathweave.tl._test_pathways import test_pathways
from pathweave.tl._tune import tune

__all__ = [
    "attribute", "check", "edges", "embed", "fit", "impute", "perturb", "perturb_screen", "predict", "test_pathways",
    "tune",
]  # fmt: skip
