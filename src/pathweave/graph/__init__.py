"""Graphs of genes, compounds and pathways: a frozen value, its builders, nulls and exports."""

from __future__ import annotations

from pathweave.graph._download import DownloadError, NotThereError
from pathweave.graph._features import FeatureMap, coverage, feature_map
from pathweave.graph._kegg_counts import kegg_counts
from pathweave.graph._pathway_graph import PathwayGraph
from pathweave.graph.biopax import biopax
from pathweave.graph.download import download_kegg, download_reactome
from pathweave.graph.edges import edges
from pathweave.graph.gmt import gmt
from pathweave.graph.kegg import kegg
from pathweave.graph.reactome import reactome
from pathweave.graph.sbml import sbml

__all__ = [
    "DownloadError", "FeatureMap", "NotThereError", "PathwayGraph", "biopax", "coverage",
    "download_kegg", "download_reactome", "edges", "feature_map", "gmt", "kegg", "kegg_counts",
    "reactome", "sbml",
]  # fmt: skip
