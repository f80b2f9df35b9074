"""Join genes that share pathways or metabolites."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import scipy.sparse as sp

if TYPE_CHECKING:
    from collections.abc import Collection

CURRENCY = frozenset(
    f"kegg.compound:{c}"
    for c in (
        "C00001", "C00080", "C00002", "C00008", "C00009", "C00013", "C00003", "C00004",
        "C00005", "C00006", "C00011", "C00007", "C00010",
    )
) | frozenset(
    f"chebi:{c}"
    for c in (
        "15377", "15378", "30616", "456216", "43474", "33019", "57540", "57945", "57783",
        "58349", "16526", "15379", "57287",
    )
)  # fmt: skip
"""H2O, H+, ATP, ADP, Pi, PPi, NAD(P)(H), CO2, O2, CoA: sharing one of them says nothing."""


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
