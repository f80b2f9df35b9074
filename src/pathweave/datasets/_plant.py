"""Choose what a simulation plants: active pathways, background pathways, measured genes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from pathweave.graph import reactome

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

ACTIVE_SIZE = (15, 60)
TWIN = 0.4
"""Pathways that share more (Jaccard) with a pathway that is no relative cannot be told from it."""
SHARED = 0.15
"""At most this part of an active pathway's genes may lie in another active one."""
MIN_COMPOUNDS = 60
MAX_PATHWAYS_OF_COMPOUND = 20
"""Compounds of more pathways (water, ATP ...) are currency, no signal."""


@dataclass(frozen=True)
class Reference:
    """Lowest-level Reactome as matrices: pathways x genes and pathways x compounds."""

    pathways: np.ndarray
    genes: np.ndarray
    compounds: np.ndarray
    has_gene: sparse.csr_matrix
    has_compound: sparse.csr_matrix
    candidates: np.ndarray


@dataclass(frozen=True)
class Plan:
    """What is planted; weights are loadings on one latent activity a pathway."""

    active: tuple[str, ...]
    genes: tuple[str, ...]
    compounds: tuple[str, ...]
    active_genes: np.ndarray
    """Active pathways x genes, 0 where a gene does not load."""
    active_compounds: np.ndarray
    background_genes: np.ndarray
    """Background pathways x genes."""


@cache
def reference() -> Reference:
    """Lay Reactome out for drawing; done once in a process."""
    graph = reactome()
    members = graph.members
    gene_ids = set(graph.nodes.loc[graph.nodes["kind"] == "gene", "id"])
    is_gene = members["node"].isin(gene_ids).to_numpy()
    pathways = np.sort(members.loc[is_gene, "pathway"].unique())
    members = members[members["pathway"].isin(pathways)]
    is_gene = members["node"].isin(gene_ids).to_numpy()
    has_gene, genes = _incidence(members[is_gene], pathways)
    has_compound, compounds = _incidence(members[~is_gene], pathways)
    return Reference(
        pathways=pathways,
        genes=genes,
        compounds=compounds,
        has_gene=has_gene,
        has_compound=has_compound,
        candidates=_candidates(graph.pathways, pathways, has_gene),
    )


def _incidence(members: pd.DataFrame, pathways: np.ndarray) -> tuple[sparse.csr_matrix, np.ndarray]:
    """Sparse 0/1 matrix pathways x nodes, and the sorted nodes."""
    nodes = np.sort(members["node"].unique())
    rows = np.searchsorted(pathways, members["pathway"].to_numpy())
    columns = np.searchsorted(nodes, members["node"].to_numpy())
    ones = np.ones(len(members), np.float32)
    return sparse.csr_matrix((ones, (rows, columns)), (len(pathways), len(nodes))), nodes


def _candidates(
    table: pd.DataFrame, pathways: np.ndarray, has_gene: sparse.csr_matrix
) -> np.ndarray:
    """Pathways that can be active: leaves of the right size that have no twin."""
    parents = {parent for text in table["parents"] for parent in str(text).split(";") if parent}
    leaf = ~np.isin(pathways, sorted(parents))
    size = np.asarray(has_gene.sum(axis=1)).ravel()
    fits = leaf & (size >= ACTIVE_SIZE[0]) & (size <= ACTIVE_SIZE[1])
    index = np.flatnonzero(fits)
    shared = (has_gene[index] @ has_gene.T).toarray()
    union = size[index][:, None] + size[None, :] - shared
    jaccard = shared / np.maximum(union, 1)
    jaccard[np.arange(len(index)), index] = 0
    return index[jaccard.max(axis=1) <= TWIN]


def plan(n_active: int, n_features: int, *, rng: np.random.Generator) -> Plan:
    """Draw active and background pathways, the genes to measure, and all loadings."""
    ref = reference()
    active = _draw_active(ref, n_active, rng)
    chosen = _members(ref.has_gene, active)
    if len(chosen) > n_features:
        msg = (
            f"n_features={n_features} is too small: the {n_active} active pathways have "
            f"{len(chosen)} genes. Use at least that many, or fewer n_pathways_active."
        )
        raise ValueError(msg)
    others = _draw_others(ref, active, chosen, n_features, rng)
    for pathway in others:
        new = np.setdiff1d(_members(ref.has_gene, [pathway]), chosen)
        chosen = np.concatenate([chosen, new[: n_features - len(chosen)]])
    genes = np.sort(chosen)
    active_matrix = ref.has_gene[active][:, genes].toarray()
    background = _background(ref, others, genes, active_matrix)
    compounds = _compounds(ref, np.concatenate([active, others]).astype(int), rng)
    return Plan(
        active=tuple(str(name) for name in ref.pathways[active]),
        genes=tuple(str(name) for name in ref.genes[genes]),
        compounds=tuple(str(name) for name in ref.compounds[compounds]),
        active_genes=_loadings(active_matrix, rng),
        active_compounds=_loadings(ref.has_compound[active][:, compounds].toarray(), rng),
        background_genes=_loadings(background, rng),
    )


def _members(matrix: sparse.csr_matrix, pathways: Iterable[int]) -> np.ndarray:
    """Columns that any of the pathways has."""
    return np.unique(matrix[list(pathways)].indices)


def _draw_active(ref: Reference, n: int, rng: np.random.Generator) -> np.ndarray:
    """Draw leaves that hardly overlap; leaves are never each other's ancestors."""
    active: list[int] = []
    taken = np.zeros(len(ref.genes), bool)
    for index in rng.permutation(ref.candidates):
        if len(active) == n:
            break
        own = ref.has_gene[[index]].indices
        others = ref.has_gene[active] if active else None
        fits = taken[own].mean() <= SHARED
        if others is not None and fits:
            shared = others[:, own].sum(axis=1) / others.sum(axis=1)
            fits = float(shared.max()) <= SHARED
        if fits:
            active.append(int(index))
            taken[own] = True
    if len(active) < n:
        msg = (
            f"n_pathways_active={n} is too many: Reactome has only {len(active)} pathways of "
            f"{ACTIVE_SIZE[0]} to {ACTIVE_SIZE[1]} genes that hardly overlap."
        )
        raise ValueError(msg)
    return np.array(sorted(active), int)


def _draw_others(
    ref: Reference,
    active: np.ndarray,
    chosen: np.ndarray,
    n_features: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Draw other pathways until their genes fill the layer."""
    size = np.asarray(ref.has_gene.sum(axis=1)).ravel()
    pool = np.setdiff1d(np.flatnonzero((size >= 5) & (size <= ACTIVE_SIZE[1])), active)
    taken = np.zeros(len(ref.genes), bool)
    taken[chosen] = True
    others = []
    for index in rng.permutation(pool):
        if taken.sum() >= n_features:
            break
        taken[ref.has_gene[[index]].indices] = True
        others.append(int(index))
    if taken.sum() < n_features:
        msg = f"n_features={n_features} is too large: Reactome's pathways have {int(taken.sum())} genes to draw from."
        raise ValueError(msg)
    return np.array(others, int)


def _background(
    ref: Reference, others: np.ndarray, genes: np.ndarray, active: np.ndarray
) -> np.ndarray:
    """Every other drawn pathway of ten genes or more co-varies, if it hardly touches active ones."""
    rows = ref.has_gene[others][:, genes].toarray()
    size = rows.sum(axis=1)
    touched = rows[:, active.any(axis=0)].sum(axis=1)
    fits = (size >= 10) & (touched <= SHARED * size)
    return rows[fits][::2]


def _compounds(ref: Reference, pathways: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Compounds of the drawn pathways that are no currency, filled up with others if they are few."""
    common = np.asarray(ref.has_compound.sum(axis=0)).ravel() > MAX_PATHWAYS_OF_COMPOUND
    found = _members(ref.has_compound, pathways)
    found = found[~common[found]]
    others = rng.permutation(np.setdiff1d(np.flatnonzero(~common), found))
    return np.sort(np.concatenate([found, others[: max(0, MIN_COMPOUNDS - len(found))]]))


def _loadings(members: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Random loadings of the members, five of six with the pathway's own sign."""
    size = rng.uniform(0.5, 1.1, members.shape)
    sign = np.where(rng.random(members.shape) < 5 / 6, 1.0, -1.0)
    return members * size * sign
