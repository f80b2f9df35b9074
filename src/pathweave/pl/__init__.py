"""Plots of what `pathweave.get` and `pathweave.evaluate` return: each takes an axes and returns it.

`report` puts those of an explained model, or of an evaluation, into one HTML file.
"""

from __future__ import annotations

from pathweave.pl._attributions import attributions
from pathweave.pl._calibration import calibration
from pathweave.pl._confusion import confusion
from pathweave.pl._coverage import coverage
from pathweave.pl._critical_difference import critical_difference
from pathweave.pl._curve import curve
from pathweave.pl._deletion import deletion
from pathweave.pl._edges import edges
from pathweave.pl._embedding import embedding
from pathweave.pl._gene_layers import gene_layers
from pathweave.pl._history import history
from pathweave.pl._parts import parts
from pathweave.pl._pathway_network import pathway_network
from pathweave.pl._pathway_tests import pathway_tests, volcano
from pathweave.pl._pathways import pathways
from pathweave.pl._perturbation import perturbation, perturbation_screen
from pathweave.pl._predicted import predicted
from pathweave.pl._report import report
from pathweave.pl._roc import roc
from pathweave.pl._sankey import sankey
from pathweave.pl._scores import scores
from pathweave.pl._stability import stability
from pathweave.pl._survival import survival
from pathweave.pl._survival_by_risk import survival_by_risk
from pathweave.pl._swarm import swarm
from pathweave.pl._tuning import tuning

__all__ = [
    "attributions", "calibration", "confusion", "coverage", "critical_difference", "curve", "deletion", "edges",
    "embedding", "gene_layers", "history", "parts", "pathway_network", "pathway_tests", "pathways", "perturbation",
    "perturbation_screen", "predicted", "report", "roc", "sankey", "scores", "stability", "survival",
    "survival_by_risk", "swarm", "tuning", "volcano",
]  # fmt: skip
