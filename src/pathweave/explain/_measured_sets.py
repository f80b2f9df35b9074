"""Which nodes of a model belong to which pathway of a fitting size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pathweave.explain._joint import GeneSets

if TYPE_CHECKING:
    import pandas as pd

    from pathweave.graph import PathwayGraph


def measured_sets(graph: PathwayGraph, nodes: list[str], size: tuple[int, int]) -> GeneSets:
    """Sets of a fitting size among the nodes; of pathways with the same members the one farthest from the roots."""
    position = {node: i for i, node in enumerate(nodes)}
    inside = graph.members[graph.members["node"].isin(position)]
    sets = {
        str(pathway): [position[node] for node in part]
        for pathway, part in inside.groupby("pathway", sort=True)["node"]
    }
    found = GeneSets.of(sets, _depths(graph.pathways), len(nodes), size)
    if not found.ids:
        msg = (
            f"pathway_size={size!r}: no pathway of the model's graph has so many measured members."
        )
        raise ValueError(msg)
    return found


def _depths(pathways: pd.DataFrame) -> dict[str, int]:
    """Steps from each pathway up to its farthest root."""
    parents = {
        str(name): [p for p in str(above or "").split(";") if p]
        for name, above in zip(pathways["id"], pathways["parents"], strict=True)
    }
    depth = dict.fromkeys(parents, 0)
    for _ in range(len(parents)):  # a cycle in a hostile file ends here
        deeper = {
            name: max((1 + depth[p] for p in above if p in depth), default=0)
            for name, above in parents.items()
        }
        if deeper == depth:
            break
        depth = deeper
    return depth
