"""Which nodes of a model belong to which pathway of a fitting size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pathweave.explain._pathway_tests.joint import GeneSets

if TYPE_CHECKING:
    from pathweave.graph import PathwayGraph


def measured_sets(graph: PathwayGraph, nodes: list[str], size: tuple[int, int]) -> GeneSets:
    """Sets of a fitting size among the nodes; of pathways with the same members the one farthest from the roots."""
    position = {node: i for i, node in enumerate(nodes)}
    inside = graph.members[graph.members["node"].isin(position)]
    sets = {
        str(pathway): [position[node] for node in part]
        for pathway, part in inside.groupby("pathway", sort=True)["node"]
    }
    depth = dict(graph.levels().set_index("pathway")["longest"])
    found = GeneSets.of(sets, depth, len(nodes), size)
    if not found.ids:
        msg = (
            f"pathway_size={size!r}: no pathway of the model's graph has so many measured members."
        )
        raise ValueError(msg)
    return found
