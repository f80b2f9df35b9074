"""Walks over the hierarchy of pathways: ancestors, and what is left when pathways are dropped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pathweave.graph._tables import join, split

if TYPE_CHECKING:
    from collections.abc import Collection

    import pandas as pd


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
    names = ids.map(lambda pathway: sorted(to.get(pathway, ())))
    return names.explode().dropna()


def lift_texts(texts: pd.Series, to: dict[str, set[str]]) -> pd.Series:
    """Replace pathways in ``";"``-joined texts by `to`."""
    new = {
        text: join(new for old in split(text) for new in to.get(old, ())) for text in texts.unique()
    }
    return texts.map(new).astype(object)
