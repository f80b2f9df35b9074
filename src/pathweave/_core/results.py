"""Frozen tables that travel between rooms."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Truth:
    """What `datasets.simulate` planted.

    Attributes
    ----------
    pathways
        Ids of the active pathways (``reactome:R-HSA-...``).
    genes
        Node ids of the genes that carry the signal (``hgnc:...``).
    compounds
        Node ids of the metabolites that carry it (``chebi:...``).
    effects
        For each pathway the coefficients of its activity on every outcome.
    parameters
        Arguments of the simulation.
    """

    pathways: tuple[str, ...]
    genes: tuple[str, ...]
    compounds: tuple[str, ...] = ()
    effects: dict[str, dict[str, float]] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Attributions:
    """Attributions of one output, one table a level.

    Attributes
    ----------
    feature, gene, pathway, layer
        Long tables; the columns are described in `pathweave.explain.attribute`.
    params
        Method, explained output, grouping, completeness gap and the model's identity.
    """

    feature: pd.DataFrame
    gene: pd.DataFrame
    pathway: pd.DataFrame
    layer: pd.DataFrame
    params: dict[str, Any]


@dataclass(frozen=True)
class PathwayTests:
    """Evidence for pathways and genes, one row a group and pathway or gene.

    Attributes
    ----------
    pathway, gene
        Tables, the best first in every group; the columns are described in `pathweave.get.pathway_tests`.
    params
        What was tested and how; by group how much pathways explain, beside shuffled labels and random pathways.
    verdict
        The result in words, a line a group.
    """

    pathway: pd.DataFrame
    gene: pd.DataFrame
    params: dict[str, Any]
    verdict: str
