"""Graphs that keep the shape of a graph and lose its meaning: what results are compared with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

BLOCK = 5
MAX_ROUNDS = 250
STILL = 0.001
"""A chain runs in blocks of rounds, each round offering one swap to every edge. It has mixed when a
block's average of the edges still shared with the original lies below that of the block before by
less than this part of all edges; then it runs as long again."""


@dataclass(frozen=True)
class Mixing:
    """How far chains of swaps came from where they began; sums over groups of edges."""

    n: int = 0
    kept: int = 0
    chance: float = 0.0
    rounds: int = 0
    mixed: bool = True

    def __add__(self, other: Mixing) -> Mixing:
        return Mixing(
            self.n + other.n,
            self.kept + other.kept,
            self.chance + other.chance,
            max(self.rounds, other.rounds),
            self.mixed and other.mixed,
        )

    def told(self) -> dict[str, float]:
        """What is written into ``meta``."""
        parts = {"kept": self.kept, "kept_by_chance": self.chance}
        shares = {what: round(n / max(self.n, 1), 4) for what, n in parts.items()}
        return {"n": self.n, **shares, "rounds": self.rounds, "mixed": self.mixed}


def rewire_edges(
    edges: pd.DataFrame, nodes: pd.DataFrame, rng: np.random.Generator
) -> tuple[pd.DataFrame, Mixing]:
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
    mixing = Mixing()
    for group, rows in groups.items():
        loose = not group[2] and group[3] == group[4]
        ends[rows], part = swap_ends(ends[rows], len(nodes), rng, undirected=loose)
        mixing += part
    names = index.to_numpy(dtype=object)
    return edges.assign(source=names[ends[:, 0]], target=names[ends[:, 1]]), mixing


def swap_ends(
    ends: np.ndarray, n: int, rng: np.random.Generator, *, undirected: bool
) -> tuple[np.ndarray, Mixing]:
    """Degree-preserving randomisation of distinct pairs of node numbers below `n`.

    Pairs of edges (a, b), (c, d) become (a, d), (c, b) wherever that makes neither a loop nor an
    edge that exists; every round offers one swap to every edge at once. Loops stay.
    """
    ends = ends.copy()
    free = np.flatnonzero(ends[:, 0] != ends[:, 1])
    work = ends[free]
    original = _codes(work, n, undirected=undirected)

    def shared() -> int:
        return int(_found(_codes(work, n, undirected=undirected), original).sum())

    rounds, mixed = 0, len(work) < 2
    before, here = np.inf, []
    while not mixed and rounds < MAX_ROUNDS:
        _swap_once(work, n, rng, undirected=undirected)
        rounds += 1
        here.append(shared())
        if len(here) == BLOCK:
            now = float(np.mean(here))
            mixed = before - now <= max(STILL * len(work), 0.5)
            before, here = now, []
    # A chain that is left when it looks mixed is not a fair draw; one that goes on is.
    for _ in range(rounds):
        _swap_once(work, n, rng, undirected=undirected)
    kept = shared()
    chance = kept_by_chance(ends[free], undirected=undirected)
    ends[free] = work
    loops = len(ends) - len(free)
    return ends, Mixing(len(ends), kept + loops, chance + loops, 2 * rounds, mixed)


def _swap_once(work: np.ndarray, n: int, rng: np.random.Generator, *, undirected: bool) -> None:
    """Offer every edge one swap, in place.

    A swap takes two pairs of nodes and gives two. Of swaps that name the same pair of nodes only
    the first is tried: the swap back names the same four, so that it is as likely as the swap, and
    no graph is favoured. (To refuse swaps that collide, as is often done, makes edges between hubs
    rarer than they should be.)
    """
    if undirected:
        turn = rng.random(len(work)) < 0.5
        work[turn] = work[turn, ::-1]
    half = len(work) // 2
    order = rng.permutation(len(work))
    first, second = order[:half], order[half : 2 * half]
    new_first = np.column_stack([work[first, 0], work[second, 1]])
    new_second = np.column_stack([work[second, 0], work[first, 1]])
    present = _codes(work, n, undirected=undirected)
    new = [_codes(ends, n, undirected=undirected) for ends in (new_first, new_second)]
    fine = _first_to_name(np.column_stack([present[first], present[second], *new]))
    fine &= (new_first[:, 0] != new_first[:, 1]) & (new_second[:, 0] != new_second[:, 1])
    fine = np.flatnonzero(fine)
    taken = _found(np.concatenate([codes[fine] for codes in new]), present)
    fine = fine[~taken[: len(fine)] & ~taken[len(fine) :]]
    work[first[fine]] = new_first[fine]
    work[second[fine]] = new_second[fine]


def _first_to_name(codes: np.ndarray) -> np.ndarray:
    """Tell which rows hold no code of an earlier row (nor one of the same hash, at times)."""
    slots, bits = _slots(codes, codes.size)
    row = np.repeat(np.arange(len(codes), dtype=np.int32), codes.shape[1])
    owner = np.empty(1 << bits, dtype=np.int32)
    # Where a slot is written to more than once, the last one stays: the lowest row.
    owner[slots.ravel()[::-1]] = row[::-1]
    return (owner[slots] == np.arange(len(codes))[:, None]).all(axis=1)


def _codes(ends: np.ndarray, n: int, *, undirected: bool) -> np.ndarray:
    one, other = ends[:, 0], ends[:, 1]
    if undirected:
        one, other = np.minimum(one, other), np.maximum(one, other)
    return one.astype(np.int64) * n + other


def _slots(codes: np.ndarray, n: int) -> tuple[np.ndarray, int]:
    """Hash codes to places in a table with room for `n`, and the bits of its size."""
    bits = max(n, 1).bit_length() + 3
    # Multiplication by 2^64 over the golden ratio mixes low bits into the high ones.
    return (codes.view(np.uint64) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(64 - bits), bits


def _found(codes: np.ndarray, among: np.ndarray) -> np.ndarray:
    """Tell which codes occur among others; compares only what a hash cannot tell apart."""
    n = max(len(codes), len(among))
    (slots, bits), (others, _) = _slots(codes, n), _slots(among, n)
    there = np.zeros(1 << bits, dtype=bool)
    there[others] = True
    maybe = np.flatnonzero(there[slots])
    there[:] = False
    there[slots[maybe]] = True
    out = np.zeros(len(codes), dtype=bool)
    out[maybe] = np.isin(codes[maybe], among[there[others]])
    return out


def kept_by_chance(ends: np.ndarray, *, undirected: bool, n_steps: int = 200) -> float:
    """Expect how many of these edges a random graph of the same degrees has.

    In the random graph with given expected degrees that assumes nothing else, nodes i and j are
    joined with probability x_i y_j / (1 + x_i y_j); nodes of one degree share one x, so the
    equations for x and y are as many as there are different degrees. No node is its own partner:
    where nodes of one out-degree differ in their in-degree, the average of them counts.
    """
    if not len(ends):
        return 0.0
    sides = [ends.ravel()] * 2 if undirected else list(ends.T)
    degree = [np.bincount(side, minlength=int(ends.max()) + 1) for side in sides]
    (out_degree, n_out), (in_degree, n_in) = (
        np.unique(counts[counts > 0], return_counts=True) for counts in degree
    )
    x, y = (values / np.sqrt(degree[0].sum()) for values in (out_degree, in_degree))
    itself = np.zeros((len(n_out), len(n_in)))
    both = (degree[0] > 0) & (degree[1] > 0)
    classes = (
        np.searchsorted(values, counts[both])
        for values, counts in zip((out_degree, in_degree), degree, strict=True)
    )
    np.add.at(itself, tuple(classes), 1)
    targets, sources = n_in - itself / n_out[:, None], n_out[:, None] - itself / n_in
    for _ in range(n_steps):
        new = out_degree / (targets * y / (1 + np.outer(x, y))).sum(axis=1)
        # Both sides at once would swing to and fro; the geometric mean does not.
        x = np.sqrt(x * new) if undirected else new
        y = (
            x
            if undirected
            else in_degree / (sources * x[:, None] / (1 + np.outer(x, y))).sum(axis=0)
        )
    product = (
        x[np.searchsorted(out_degree, degree[0][ends[:, 0]])]
        * y[np.searchsorted(in_degree, degree[1][ends[:, 1]])]
    )
    return float((product / (1 + product)).sum())


def rewire_members(
    members: pd.DataFrame, nodes: pd.DataFrame, pathways: pd.DataFrame, rng: np.random.Generator
) -> tuple[pd.DataFrame, Mixing]:
    """Swap members between pathways: sizes, and how many pathways a node is in, stay."""
    node_index, pathway_index = pd.Index(nodes["id"]), pd.Index(pathways["id"])
    kind = pd.factorize(nodes["kind"], sort=True)[0]
    node = node_index.get_indexer(members["node"])
    # Pathway numbers start after the nodes', so that no pair looks like a loop.
    ends = np.column_stack([node, pathway_index.get_indexer(members["pathway"]) + len(nodes)])
    mixing = Mixing()
    n = len(nodes) + len(pathways)
    for code in np.unique(kind[node]):
        rows = np.flatnonzero(kind[node] == code)
        ends[rows], part = swap_ends(ends[rows], n, rng, undirected=False)
        mixing += part
    table = pd.DataFrame(
        {
            "node": node_index.to_numpy(dtype=object)[ends[:, 0]],
            "pathway": pathway_index.to_numpy(dtype=object)[ends[:, 1] - len(nodes)],
        }
    )
    return table, mixing


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
