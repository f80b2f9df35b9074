"""Typed readers of what pathweave wrote into a MuData: they return copies and write nothing."""

from __future__ import annotations

from pathweave.get._explained import (
    attributions,
    edges,
    faithfulness,
    pathway_tests,
    sample_attributions,
    stability,
)
from pathweave.get._made import (
    adata,
    embedding,
    history,
    imputed,
    pathway_activity,
    predictions,
    truth,
)
from pathweave.get._perturbed import perturbations

__all__ = [
    "adata", "attributions", "edges", "embedding", "faithfulness", "history", "imputed", "pathway_activity",
    "pathway_tests", "perturbations", "predictions", "sample_attributions", "stability", "truth",
]  # fmt: skip
