"""Where blocks of a pathway lie: in layers from left to right, or spread by distance."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

Arc = tuple[int, int, bool]
"""Block, block, and whether the first comes before the second."""
GAP_X, GAP_Y, LANE = 0.55, 0.14, 0.1
_SWEEPS = 24


def components(n: int, arcs: Sequence[Arc]) -> list[list[int]]:
    """Connected blocks, the largest first."""
    import networkx as nx

    graph = nx.Graph()
    graph.add_nodes_from(range(n))
    graph.add_edges_from((a, b) for a, b, _ in arcs)
    return sorted((sorted(c) for c in nx.connected_components(graph)), key=lambda c: (-len(c), c))


def layered(
    sizes: np.ndarray, arcs: Sequence[Arc]
) -> tuple[np.ndarray, dict[int, list[tuple[float, float]]]]:
    """Lay out one connected graph in layers (Sugiyama, Tagawa and Toda 1981).

    Parameters
    ----------
    sizes
        Width and height of each block.
    arcs
        Links between blocks.

    Returns
    -------
    Centres of the blocks, and for each arc that passes other layers the points it goes through.
    """
    n = len(sizes)
    if n == 1:
        return np.zeros((1, 2)), {}
    rank = _acyclic_order(n, arcs)
    forward = [(a, b) if rank[a] < rank[b] else (b, a) for a, b, _ in arcs]
    layer = _layers(n, forward, rank)
    heights = list(sizes[:, 1])
    chains: dict[int, list[int]] = {}
    steps: list[tuple[int, int]] = []
    columns: list[list[int]] = [[] for _ in range(max(layer) + 1)]
    for block in sorted(range(n), key=lambda i: rank[i]):
        columns[layer[block]].append(block)
    lanes: dict[tuple[int, int, int], int] = {}
    for i, (a, b) in enumerate(forward):
        last = a
        for between in range(layer[a] + 1, layer[b]):
            # Arcs from one block that pass the same layers share a lane for as long as they can.
            key = (a, between, b)
            if key not in lanes:
                lanes[key] = len(heights)
                heights.append(LANE)
                columns[between].append(lanes[key])
            steps.append((last, lanes[key]))
            chains.setdefault(i, []).append(lanes[key])
            last = lanes[key]
        steps.append((last, b))
    order = _ordered(columns, steps, len(heights))
    y = _heights(order, steps, np.array(heights))
    x, width = _columns(order, steps, sizes)
    place = {v: i for i, column in enumerate(order) for v in column}
    centres = np.array([[x[place[v]], y[v]] for v in range(n)])
    ways: dict[int, list[tuple[float, float]]] = {}
    for i, lane in chains.items():
        points = []
        for v in lane:
            half = width[place[v]] / 2
            points += [(x[place[v]] - half, float(y[v])), (x[place[v]] + half, float(y[v]))]
        a, b, _ = arcs[i]
        ways[i] = points if rank[a] < rank[b] else points[::-1]
    return centres, ways


def _acyclic_order(n: int, arcs: Sequence[Arc]) -> np.ndarray:
    """Number blocks so that few directed arcs run backwards (Eades, Lin and Smyth 1993)."""
    out, into = defaultdict(set), defaultdict(set)
    for a, b, directed in arcs:
        if directed and a != b:
            out[a].add(b)
            into[b].add(a)
    left: list[int] = []
    right: list[int] = []
    rest = set(range(n))

    def take(v: int, side: list[int]) -> None:
        side.append(v)
        rest.discard(v)
        for w in out[v]:
            into[w].discard(v)
        for w in into[v]:
            out[w].discard(v)

    while rest:
        sinks = sorted(v for v in rest if not out[v])
        sources = sorted(v for v in rest if not into[v] and out[v])
        if sinks:
            take(sinks[-1], right)
        elif sources:
            take(sources[0], left)
        else:
            take(max(sorted(rest), key=lambda v: len(out[v]) - len(into[v])), left)
    rank = np.empty(n, dtype=int)
    rank[left + right[::-1]] = np.arange(n)
    return rank


def _layers(n: int, forward: list[tuple[int, int]], rank: np.ndarray) -> list[int]:
    """Longest way from a source; then what only leads on moves up to where it leads."""
    after, before = defaultdict(set), defaultdict(set)
    for a, b in forward:
        if a != b:
            after[a].add(b)
            before[b].add(a)
    layer = [0] * n
    by_rank = sorted(range(n), key=lambda v: rank[v])
    for v in by_rank:
        layer[v] = max((layer[u] + 1 for u in before[v]), default=0)
    for v in reversed(by_rank):
        if after[v] and len(after[v]) >= len(before[v]):
            layer[v] = min(layer[w] for w in after[v]) - 1
    first = min(layer)
    return [depth - first for depth in layer]


def _ordered(columns: list[list[int]], steps: list[tuple[int, int]], n: int) -> list[list[int]]:
    """Order each column by the mean place of neighbours, to and fro; the fewest crossings win."""
    after, before = defaultdict(list), defaultdict(list)
    for a, b in steps:
        after[a].append(b)
        before[b].append(a)
    order = [list(column) for column in columns]
    best, fewest = [list(c) for c in order], _crossings(order, after, n)
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        for i in range(1, len(order)) if down else range(len(order) - 2, -1, -1):
            beside = order[i - 1] if down else order[i + 1]
            at = {v: k / max(len(beside) - 1, 1) for k, v in enumerate(beside)}
            own = {v: k / max(len(order[i]) - 1, 1) for k, v in enumerate(order[i])}
            near = before if down else after

            def mean(v: int, at: dict = at, own: dict = own, near: dict = near) -> float:  # type: ignore[type-arg]
                places = [at[w] for w in near[v] if w in at]
                return float(np.mean(places)) if places else own[v]

            order[i].sort(key=mean)
        count = _crossings(order, after, n)
        if count < fewest:
            best, fewest = [list(c) for c in order], count
    return best


def _crossings(order: list[list[int]], after: dict[int, list[int]], n: int) -> int:
    place = np.zeros(n, dtype=int)
    for column in order:
        place[column] = np.arange(len(column))
    total = 0
    for column in order[:-1]:
        pairs = np.array([(place[v], place[w]) for v in column for w in after[v]])
        if len(pairs) > 1:
            one, other = pairs.T
            total += int(((one[:, None] < one) & (other[:, None] > other)).sum())
    return total


def _heights(
    order: list[list[int]], steps: list[tuple[int, int]], heights: np.ndarray
) -> np.ndarray:
    """Bring each block near its neighbours while a column's order and gaps hold."""
    from scipy.optimize import isotonic_regression

    near = defaultdict(list)
    for a, b in steps:
        near[a].append(b)
        near[b].append(a)
    shift = []
    y = np.zeros(len(heights))
    for column in order:
        size = heights[column]
        apart = np.concatenate([[0.0], np.cumsum((size[1:] + size[:-1]) / 2 + GAP_Y)])
        shift.append(apart)
        y[column] = apart - apart[-1] / 2
    for sweep in range(3 * _SWEEPS):
        turn = range(len(order)) if sweep % 2 == 0 else range(len(order) - 1, -1, -1)
        for i in turn:
            column = order[i]
            wish = np.array([np.mean(y[near[v]]) if near[v] else y[v] for v in column])
            weight = np.array([1.0 + len(near[v]) for v in column])
            fitted = isotonic_regression(wish - shift[i], weights=weight).x
            y[column] = fitted + shift[i]
    return -y


def _columns(
    order: list[list[int]], steps: list[tuple[int, int]], sizes: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Centre and width of each column; columns with many lines between them lie further apart."""
    width = np.array([max((sizes[v, 0] for v in c if v < len(sizes)), default=0.1) for c in order])
    place = {v: i for i, column in enumerate(order) for v in column}
    lines = np.bincount([min(place[a], place[b]) for a, b in steps], minlength=len(order))
    gaps = GAP_X + np.minimum(0.02 * lines, 0.6)
    left = np.concatenate([[0.0], np.cumsum(width[:-1] + gaps[:-1])])
    return left + width / 2, width


def spread(sizes: np.ndarray, arcs: Sequence[Arc], *, step: float = 0.75) -> np.ndarray:
    """Lay out one connected graph so that distances are those along it (Gansner et al. 2004)."""
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import shortest_path

    n = len(sizes)
    if n == 1:
        return np.zeros((1, 2))
    ends = np.array([(a, b) for a, b, _ in arcs])
    joined = csr_matrix((np.ones(len(ends)), ends.T), shape=(n, n))
    wish = shortest_path(joined, directed=False, unweighted=True) * step
    squared = wish**2
    centred = squared - squared.mean(0) - squared.mean(1)[:, None] + squared.mean()
    _, vectors = np.linalg.eigh(-centred / 2)
    at = vectors[:, -2:][:, ::-1] * np.sqrt(n) * step
    at = at * np.sign(at[np.argmax(np.abs(at), axis=0), [0, 1]])
    # Exactly equal places would stay equal: a shift that is the same in every run parts them.
    at = at + 0.01 * np.random.default_rng(0).standard_normal(at.shape)
    weight = 1 / np.where(wish > 0, squared, np.inf)
    laplacian = np.diag(weight.sum(1)) - weight
    inverse = np.linalg.pinv(laplacian)
    for _ in range(300):
        gap = np.linalg.norm(at[:, None] - at, axis=2)
        pull = -weight * wish / np.where(gap > 0, gap, np.inf)
        pull -= np.diag(pull.sum(1))
        at = inverse @ (pull @ at)
    _, _, turn = np.linalg.svd(at - at.mean(0), full_matrices=False)
    return apart((at - at.mean(0)) @ turn.T, sizes)


def apart(at: np.ndarray, sizes: np.ndarray, *, gap: float = 0.12, rounds: int = 200) -> np.ndarray:
    """Push blocks that overlap away from each other, the shorter way."""
    at = at.copy()
    room = (sizes[:, None] + sizes) / 2 + gap
    for _ in range(rounds):
        delta = at[:, None] - at
        over = room - np.abs(delta)
        hit = (over > 1e-6).all(axis=2) & ~np.eye(len(at), dtype=bool)
        if not hit.any():
            break
        way = np.where(
            delta == 0,
            np.sign(np.arange(len(at))[:, None] - np.arange(len(at)))[..., None],
            np.sign(delta),
        )
        sideways = over[..., 0] < over[..., 1]
        move = np.zeros_like(delta)
        move[..., 0] = np.where(hit & sideways, over[..., 0] * way[..., 0], 0)
        move[..., 1] = np.where(hit & ~sideways, over[..., 1] * way[..., 1], 0)
        at += 0.3 * move.sum(axis=1)
    return at


def packed(parts: list[tuple[float, float]], *, width: float, gap: float = 0.5) -> np.ndarray:
    """Upper left corners of parts of some width and height, in rows of at most `width`."""
    corners = np.zeros((len(parts), 2))
    x = y = row = 0.0
    for i, (w, h) in enumerate(parts):
        if x > 0 and x + w > width:
            x, y, row = 0.0, y - row - gap, 0.0
        corners[i] = x, y
        x, row = x + w + gap, max(row, h)
    return corners
