"""Graphs of genes, compounds and pathways: a frozen value, its builders, nulls and exports."""

from __future__ import annotations

from pathweave.graph._coexpression.build import coexpression
from pathweave.graph._converters import from_decoupler, from_networkx
from pathweave.graph._features import FeatureMap, coverage, feature_map
from pathweave.graph._fetch.http import DownloadError, NotThereError
from pathweave.graph._gmt import gmt
from pathweave.graph._interactions.mirna import mirna_targets
from pathweave.graph._interactions.sif import sif
from pathweave.graph._interactions.table import edges
from pathweave.graph._kegg.build import kegg
from pathweave.graph._kegg.counts import kegg_counts
from pathweave.graph._kegg.download import download_kegg
from pathweave.graph._pathway_graph import PathwayGraph
from pathweave.graph._reactions.biopax import biopax
from pathweave.graph._reactions.sbml import sbml
from pathweave.graph._reactome.build import reactome
from pathweave.graph._reactome.download import download_reactome

__all__ = [
    "DownloadError", "FeatureMap", "NotThereError", "PathwayGraph", "biopax", "coexpression",
    "coverage", "download_kegg", "download_reactome", "edges", "feature_map", "from_decoupler",
    "from_networkx", "gmt", "kegg", "kegg_counts", "mirna_targets", "reactome", "sbml", "sif",
]  # fmt: skip
