"""Walks over the hierarchy of pathways: ancestors, and what is left when pathways are dropped."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pathweave.graph._tables import join, split

if TYPE_CHECKING:
    from collections.abc import Collection


def parents_of(pathways: pd.DataFrame) -> dict[str, list[str]]:
    """Direct parents of each pathway."""
    return {
        pathway: split(text)
        for pathway, text in zip(pathways["id"], pathways["parents"], strict=True)
    }


def ancestors(parents: dict[str, list[str]]) -> dict[str, set[str]]:
    """All ancestors of each pathway, without itself; circles in the hierarchy do no harm."""
    out: dict[str, set[str]] = {}
    for pathway, above in parents.items():
        seen: set[str] = set()
        todo = list(above)
        while todo:
            parent = todo.pop()
            if parent not in seen:
                seen.add(parent)
                todo.extend(parents.get(parent, []))
        out[pathway] = seen - {pathway}
    return out


def levels(pathways: pd.DataFrame) -> pd.DataFrame:
    """Pathways on the shortest and longest way from a root; those in a circle count as one."""
    import scipy.sparse as sp

    index = pd.Index(pathways["id"])
    pairs = [(p, c) for c, above in parents_of(pathways).items() for p in above if p != c]
    ends = np.array([index.get_indexer(side) for side in zip(*pairs, strict=True)] or [[], []])
    ends = ends.astype(int)
    n = len(index)
    joined = sp.csr_matrix((np.ones(ends.shape[1]), tuple(ends)), shape=(n, n))
    n_knots, knot = sp.csgraph.connected_components(joined, connection="strong") if n else (0, [])
    knot = np.asarray(knot, dtype=int)
    below: dict[int, set[int]] = {}
    for parent, child in {*zip(*knot[ends].tolist(), strict=True)}:
        if parent != child:
            below.setdefault(parent, set()).add(child)
    waiting = np.bincount([c for found in below.values() for c in found], minlength=n_knots)
    todo = np.flatnonzero(waiting == 0).tolist()
    shortest, longest = np.full(n_knots, n + 1), np.ones(n_knots, dtype=int)
    shortest[todo] = 1
    while todo:
        parent = todo.pop()
        for child in below.get(parent, ()):
            shortest[child] = min(shortest[child], shortest[parent] + 1)
            longest[child] = max(longest[child], longest[parent] + 1)
            waiting[child] -= 1
            if waiting[child] == 0:
                todo.append(child)
    return pd.DataFrame(
        {"pathway": pathways["id"], "shortest": shortest[knot], "longest": longest[knot]}
    )


def counts(pathways: pd.DataFrame) -> list[tuple[str, float]]:
    """Roots, leaves and depth of the hierarchy; nothing where there are no pathways."""
    if pathways.empty:
        return []
    parents = parents_of(pathways)
    has_child = {p for c, above in parents.items() for p in above if p != c}
    longest = levels(pathways)["longest"]
    return [
        ("roots", int((longest == 1).sum())),
        ("leaves", len(parents) - len(has_child)),
        ("depth", int(longest.max())),
    ]


def cut(
    pathways: pd.DataFrame, members: pd.DataFrame, edges: pd.DataFrame, *, level: int
) -> dict[str, set[str]]:
    """Where each pathway's members go when the hierarchy is cut at a level; see `at_level`.

    Parameters
    ----------
    pathways, members, edges
        Tables of the graph.
    level
        Level of the cut, from 1 for roots.

    Returns
    -------
    For each pathway those that take its members. On the longest way to a pathway below the cut
    stands one of the very level, so that there is one for each.
    """
    longest = levels(pathways).set_index("pathway")["longest"]
    depth = int(longest.max()) if len(longest) else 0
    if not 1 <= level <= depth:
        found = f"1 (the roots) to {depth}" if depth else "no pathways"
        msg = f"level={level!r} is not in the hierarchy, which has {found}."
        raise ValueError(msg)
    own = set(members["pathway"]).union(*map(split, edges["pathways"].unique()))
    parents = parents_of(pathways)
    inner = {p for c, above in parents.items() for p in above if p != c}
    at = set(longest.index[longest == level])
    kept = {p for p in longest.index[longest < level] if p not in inner or p in own}
    to = {p: {q for q in (p, *above) if q in at} for p, above in ancestors(parents).items()}
    return {p: {p} if p in kept else found for p, found in to.items()}


def nearest_kept(parents: dict[str, list[str]], kept: Collection[str]) -> dict[str, set[str]]:
    """For each pathway itself if it is kept, else the nearest of its ancestors that are."""
    keep = set(kept)
    return {p: {p} if p in keep else _kept_above(p, parents, keep) for p in parents}


def _kept_above(pathway: str, parents: dict[str, list[str]], keep: set[str]) -> set[str]:
    found: set[str] = set()
    seen: set[str] = {pathway}
    todo = list(parents[pathway])
    while todo:
        parent = todo.pop()
        if parent in seen:
            continue
        seen.add(parent)
        if parent in keep:
            found.add(parent)
        else:
            todo.extend(parents.get(parent, []))
    return found


def keep_pathways(pathways: pd.DataFrame, kept: Collection[str]) -> pd.DataFrame:
    """Drop the other pathways; grandparents take the place of parents that were dropped."""
    parents = parents_of(pathways)
    keep = set(kept)
    out = pathways[pathways["id"].isin(keep)].copy()
    out["parents"] = [join(_kept_above(p, parents, keep)) for p in out["id"]]
    return out


def lift(ids: pd.Series, to: dict[str, set[str]]) -> pd.DataFrame:
    """Long table (row label of `ids`, pathway) after replacing pathways by `to`."""
    names = {pathway: sorted(to.get(pathway, ())) for pathway in ids.unique()}
    return ids.map(names).explode().dropna()


def lift_texts(texts: pd.Series, to: dict[str, set[str]]) -> pd.Series:
    """Replace pathways in ``";"``-joined texts by `to`."""
    new = {
        text: join(new for old in split(text) for new in to.get(old, ())) for text in texts.unique()
    }
    return texts.map(new).astype(object)
