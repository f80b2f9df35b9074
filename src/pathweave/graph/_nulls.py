"""Graphs that keep the shape of a graph and lose its meaning: what results are compared with."""

from __future__ import annotations

import numpy as np
import pandas as pd

N_ROUNDS = 30
"""Rounds of swaps; in each one every edge is offered one swap."""


def rewire_edges(
    edges: pd.DataFrame, nodes: pd.DataFrame, rng: np.random.Generator
) -> pd.DataFrame:
    """Swap ends of edges that agree in type, sign, direction and kinds of their ends."""
    index = pd.Index(nodes["id"])
    kind = pd.factorize(nodes["kind"], sort=True)[0]
    ends = np.column_stack([index.get_indexer(edges["source"]), index.get_indexer(edges["target"])])
    directed = edges["directed"].to_numpy(bool)
    # An undirected edge between two kinds is turned so that the first kind comes first.
    turned = ~directed & (kind[ends[:, 0]] > kind[ends[:, 1]])
    ends[turned] = ends[turned, ::-1]
    groups = edges.groupby(
        ["type", "sign", "directed", kind[ends[:, 0]], kind[ends[:, 1]]], sort=True
    ).indices
    for group, rows in groups.items():
        loose = not group[2] and group[3] == group[4]
        ends[rows] = swap_ends(ends[rows], len(nodes), rng, undirected=loose)
    names = index.to_numpy(dtype=object)
    return edges.assign(source=names[ends[:, 0]], target=names[ends[:, 1]])


def swap_ends(
    ends: np.ndarray, n: int, rng: np.random.Generator, *, undirected: bool
) -> np.ndarray:
    """Degree-preserving randomisation of distinct pairs of node numbers below `n`.

    Pairs of edges (a, b), (c, d) become (a, d), (c, b) wherever that makes neither a loop nor an
    edge that exists; every round offers one swap to every edge at once. Loops stay.
    """
    ends = ends.copy()
    free = np.flatnonzero(ends[:, 0] != ends[:, 1])
    if len(free) < 2:
        return ends
    work = ends[free]
    half = len(work) // 2
    for _ in range(N_ROUNDS):
        if undirected:
            turn = rng.random(len(work)) < 0.5
            work[turn] = work[turn, ::-1]
        order = rng.permutation(len(work))
        first, second = order[:half], order[half : 2 * half]
        new_first = np.column_stack([work[first, 0], work[second, 1]])
        new_second = np.column_stack([work[second, 0], work[first, 1]])
        present = _codes(work, n, undirected=undirected)
        codes = np.concatenate(
            [_codes(new, n, undirected=undirected) for new in (new_first, new_second)]
        )
        _, inverse, count = np.unique(codes, return_inverse=True, return_counts=True)
        fresh = (count[inverse] == 1) & ~np.isin(codes, present)
        fine = fresh[:half] & fresh[half:]
        fine &= (new_first[:, 0] != new_first[:, 1]) & (new_second[:, 0] != new_second[:, 1])
        work[first[fine]] = new_first[fine]
        work[second[fine]] = new_second[fine]
    ends[free] = work
    return ends


def _codes(ends: np.ndarray, n: int, *, undirected: bool) -> np.ndarray:
    if undirected:
        ends = np.sort(ends, axis=1)
    return ends[:, 0].astype(np.int64) * n + ends[:, 1]


def rewire_members(
    members: pd.DataFrame, nodes: pd.DataFrame, pathways: pd.DataFrame, rng: np.random.Generator
) -> pd.DataFrame:
    """Swap members between pathways: sizes, and how many pathways a node is in, stay."""
    node_index, pathway_index = pd.Index(nodes["id"]), pd.Index(pathways["id"])
    kind = pd.factorize(nodes["kind"], sort=True)[0]
    node = node_index.get_indexer(members["node"])
    # Pathway numbers start after the nodes', so that no pair looks like a loop.
    ends = np.column_stack([node, pathway_index.get_indexer(members["pathway"]) + len(nodes)])
    for code in np.unique(kind[node]):
        rows = np.flatnonzero(kind[node] == code)
        ends[rows] = swap_ends(ends[rows], len(nodes) + len(pathways), rng, undirected=False)
    return pd.DataFrame(
        {
            "node": node_index.to_numpy(dtype=object)[ends[:, 0]],
            "pathway": pathway_index.to_numpy(dtype=object)[ends[:, 1] - len(nodes)],
        }
    )


def permutation(nodes: pd.DataFrame, rng: np.random.Generator) -> dict[str, str]:
    """Give each node the place of another one of its kind."""
    moved: dict[str, str] = {}
    for _, ids in nodes.groupby("kind", sort=True)["id"]:
        names = ids.to_numpy(dtype=object)
        moved.update(zip(names, rng.permutation(names), strict=True))
    return moved


def random_members(
    members: pd.DataFrame, nodes: pd.DataFrame, rng: np.random.Generator
) -> pd.DataFrame:
    """Draw each pathway's members anew, of the same kinds, from all nodes in any pathway."""
    kind = members["node"].map(nodes.set_index("id")["kind"])
    parts = []
    for _, part in members.groupby(kind, sort=True):
        universe = np.unique(part["node"].to_numpy(dtype=str)).astype(object)
        for pathway, rows in part.groupby("pathway", sort=True):
            drawn = universe[rng.choice(len(universe), size=len(rows), replace=False)]
            parts.append(pd.DataFrame({"node": drawn, "pathway": pathway}))
    return pd.concat(parts, ignore_index=True) if parts else members
