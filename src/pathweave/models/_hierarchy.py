"""Pathways too large to be pooled from nodes, as levels above their children."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    import pandas as pd


def pathway_levels(
    pathways: pd.DataFrame, pooled: Sequence[str], large: Collection[str]
) -> tuple[tuple[tuple[np.ndarray, ...], ...], tuple[str, ...]]:
    """Arrange ancestors of pooled pathways into levels.

    Parameters
    ----------
    pathways
        Table with id and parents (ids joined by ``;``).
    pooled
        Ids of the pathways that are pooled from nodes, in order.
    large
        Ids of those that are too large for that.

    Returns
    -------
    For each level and pathway the positions of its children among all pathways before that level, and the
    ids of the levels' pathways in the same order. A large pathway stands one level above its highest child;
    one with a single child would only repeat it. What is neither pooled nor on a level hands its children
    on to its own parents.
    """
    children = _children(pathways)
    place: dict[str, int] = {pathway: i for i, pathway in enumerate(pooled)}
    height: dict[str, int] = dict.fromkeys(pooled, 0)
    stands_for: dict[str, frozenset[str]] = {pathway: frozenset([pathway]) for pathway in pooled}
    found: dict[int, dict[str, tuple[str, ...]]] = {}

    def visit(pathway: str, seen: frozenset[str]) -> frozenset[str]:
        """Pathways with an activity that a parent of this one would be made of."""
        if pathway in stands_for:
            return stands_for[pathway]
        below: set[str] = set()
        for child in children.get(pathway, ()):
            if child not in seen:
                below |= visit(child, seen | {child})
        if len(below) < 2 or pathway not in large:
            stands_for[pathway] = frozenset(below)
        else:
            level = 1 + max(height[child] for child in below)
            height[pathway] = level
            found.setdefault(level, {})[pathway] = tuple(sorted(below))
            stands_for[pathway] = frozenset([pathway])
        return stands_for[pathway]

    for pathway in sorted(pathways["id"]):
        visit(pathway, frozenset([pathway]))
    levels, ids = [], []
    for level in sorted(found):
        rows = [np.array([place[child] for child in of]) for of in found[level].values()]
        for pathway in found[level]:
            place[pathway] = len(place)
        levels.append(tuple(rows))
        ids += list(found[level])
    return tuple(levels), tuple(ids)


def _children(pathways: pd.DataFrame) -> dict[str, list[str]]:
    children: dict[str, list[str]] = {}
    for pathway, text in zip(pathways["id"], pathways["parents"], strict=True):
        for parent in str(text or "").split(";"):
            if parent and parent != pathway:
                children.setdefault(parent, []).append(str(pathway))
    return children
