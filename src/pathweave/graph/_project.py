"""Join genes that share pathways or metabolites."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import scipy.sparse as sp

if TYPE_CHECKING:
    from collections.abc import Collection

_CURRENCY = {
    "H2O": "C00001 HMDB0002111 15377",
    "H+": "C00080 HMDB0059597 15378 24636",
    "ATP": "C00002 HMDB0000538 15422 30616 57299",
    "ADP": "C00008 HMDB0001341 16761 456216",
    "Pi": "C00009 HMDB0001429 HMDB0002142 18367 26020 26078 35780 39745 43474",
    "PPi": "C00013 HMDB0000250 18361 29888 33017 33019 35782 45212",
    "NAD+": "C00003 HMDB0000902 13389 15846 44215 57540",
    "NADH": "C00004 HMDB0001487 16908 57945",
    "NADP+": "C00006 HMDB0000217 18009 25523 44409 58349",
    "NADPH": "C00005 HMDB0000221 16474 57783",
    "NAD(P), NAD(P)H": "13390 13392 25524",
    "CO2": "C00011 HMDB0001967 16526",
    "O2": "C00007 HMDB0001377 15379",
    "CoA": "C00010 HMDB0001423 15346 57287",
}
"""Currency metabolites by their numbers in KEGG, HMDB and ChEBI, which has one a charge state."""


def _curie(number: str) -> str:
    prefix = {"C": "kegg.compound:", "H": "hmdb:"}.get(number[0], "chebi:")
    return prefix + number


CURRENCY = frozenset(_curie(number) for text in _CURRENCY.values() for number in text.split())
"""Nodes of currency metabolites: two genes that share one of them have nothing in common."""


def shared_pairs(
    left: pd.Series, groups: pd.Series, genes: pd.Series, *, max_size: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs of genes that share groups, weighted by the sum of 1 / (size of the group - 1).

    Parameters
    ----------
    left, groups
        Memberships (gene id, group id), each once.
    genes
        Ids of all genes.
    max_size
        Groups with more genes are left out: they say little and cost much.

    Returns
    -------
    Positions of the first and second gene, the first smaller, and the weights.
    """
    row = pd.Index(genes).get_indexer(left)
    column, _ = pd.factorize(groups, sort=True)
    row, column = row[row >= 0], column[row >= 0]
    size = np.bincount(column) if len(column) else np.zeros(0, dtype=int)
    fits = (size >= 2) & (size <= max_size)
    keep = fits[column]
    row, column = row[keep], column[keep]
    incidence = sp.csr_matrix((np.ones(len(row)), (row, column)), shape=(len(genes), len(size)))
    scale = np.divide(1.0, size - 1.0, out=np.zeros(len(size)), where=fits)
    shared = sp.triu(incidence @ sp.diags(scale) @ incidence.T, k=1).tocoo()
    return shared.row, shared.col, shared.data


def gene_edges(
    nodes: pd.DataFrame, left: pd.Series, groups: pd.Series, *, kind: str, max_size: int
) -> pd.DataFrame:
    """Build the edge table of the projection."""
    genes = nodes.loc[nodes["kind"] == "gene", "id"].reset_index(drop=True)
    first, second, weight = shared_pairs(left, groups, genes, max_size=max_size)
    names = genes.to_numpy(dtype=object)
    return pd.DataFrame(
        {
            "source": names[first],
            "target": names[second],
            "type": kind,
            "directed": False,
            "weight": weight,
        }
    )


def through_compounds(
    edges: pd.DataFrame, nodes: pd.DataFrame, blocked: Collection[str]
) -> pd.DataFrame:
    """List each (gene, compound) pair that an edge joins, without blocked compounds."""
    kind = nodes.set_index("id")["kind"]
    both = pd.concat(
        [
            edges[["source", "target"]],
            edges[["target", "source"]].set_axis(["source", "target"], axis=1),
        ]
    ).set_axis(["gene", "compound"], axis=1)
    fits = (both["gene"].map(kind) == "gene") & (both["compound"].map(kind) == "compound")
    return both[fits & ~both["compound"].isin(blocked)].drop_duplicates(ignore_index=True)
