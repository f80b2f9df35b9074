"""From a PathwayGraph and the measured features to the arrays that a network takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

from pathweave._core.checks import listed
from pathweave._core.warnings import LayerOffGraphWarning, warn
from pathweave.graph import PathwayGraph, feature_map
from pathweave.models._hierarchy import pathway_levels
from pathweave.nn.pathway_vae import GraphArrays

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from mudata import MuData

    from pathweave.models._data import LayerSchema

_FAMILIES = {
    "expression": "transcription",
    "repression": "transcription",
    "binding": "binding",
    "complex": "binding",
    "conversion": "metabolic",
    "catalysis": "metabolic",
    "compound": "metabolic",
    "shares_metabolite": "metabolic",
    "reaction": "metabolic",
}
"""Edge types that say the same to a network; every other type is signalling."""


def measured_graph(
    mdata: MuData,
    schema: Sequence[LayerSchema],
    graph: PathwayGraph,
    *,
    min_size: int,
    max_size: int,
    hierarchy: bool = False,
) -> tuple[PathwayGraph, GraphArrays] | None:
    """Cut a graph down to what was measured, and turn it into arrays.

    Parameters
    ----------
    mdata, schema
        The features, and the layers that are used.
    graph
        The whole graph.
    min_size, max_size
        Smallest and largest number of measured members of a pathway that gets an activity.
    hierarchy
        Give larger pathways an activity, too, made from those of their children.

    Returns
    -------
    The measured part of the graph, memberships rolled up the hierarchy, and its arrays; ``None`` when no
    layer has a feature on the graph, or nothing joins the nodes. With edges, but without a pathway that
    fits, nodes are read one by one.
    """
    maps, off = {}, []
    for layer in schema:
        mod = mdata.mod[layer.name]
        found = feature_map(mod, graph, kind=layer.kind, layer=layer.name)
        if found.matrix.nnz:
            maps[layer.name] = sp.csr_matrix(found.matrix)
        else:
            off.append(layer)
    if not maps:
        warn(
            f"no layer has a feature on the graph (layers: {listed([l.name for l in schema])}; nodes such as "
            f"{listed(graph.nodes['id'].head(2))}): it is left out, and there are no pathways. "
            "pathweave.graph.coverage says why features found no node; pathweave.ids maps identifiers.",
            LayerOffGraphWarning,
        )
        return None
    for layer in off:
        warn(
            f"layer {layer.name!r} ({layer.kind}): none of its {len(layer.features)} features is on the "
            "graph. The layer still counts, through its own encoder; pathweave.graph.coverage says why "
            "its features found no node.",
            LayerOffGraphWarning,
        )
    hit = np.unique(np.concatenate([matrix.indices for matrix in maps.values()]))
    ids = graph.nodes["id"].to_numpy()[hit]
    measured = graph.rolled_up().restrict(ids)
    members = _pathway_members(measured, min_size=min_size, max_size=max_size)
    if not members and (len(measured.pathways) or not len(measured.edges)):
        then = (
            "its nodes are read one by one, and there are no pathway activities"
            if len(measured.edges)
            else "the model is fitted without the graph"
        )
        warn(
            f"no pathway of the graph has {min_size} to {max_size} measured members; {then}.",
            LayerOffGraphWarning,
        )
        if not len(measured.edges):
            return None
    size = measured.members.drop_duplicates().groupby("pathway")["node"].size()
    large = set(size.index[size > max_size]) if hierarchy else set()
    levels, parents = pathway_levels(measured.pathways, list(members), large)
    position = {node: i for i, node in enumerate(ids)}
    relations = _relations(graph.restrict(ids), position)
    arrays = GraphArrays(
        feature_maps={name: sp.csr_matrix(matrix[:, hit]) for name, matrix in maps.items()},
        relations=tuple(relations.values()),
        relation_names=tuple(relations),
        members=tuple(np.array([position[n] for n in nodes]) for nodes in members.values()),
        node_ids=tuple(map(str, ids)),
        pathway_ids=(*members, *parents),
        levels=levels,
    )
    return measured, arrays


def _pathway_members(graph: PathwayGraph, *, min_size: int, max_size: int) -> dict[str, list[str]]:
    """Pathways of fitting size, by id; of pathways with the same members the most specific stays."""
    depth = dict(graph.levels().set_index("pathway")["longest"])
    groups = graph.members.groupby("pathway", sort=True)["node"].agg(
        lambda nodes: tuple(sorted(set(nodes)))
    )
    chosen: dict[tuple[str, ...], str] = {}
    for pathway, nodes in groups.items():
        if min_size <= len(nodes) <= max_size:
            rival = chosen.get(nodes)
            if rival is None or depth.get(pathway, 0) > depth.get(rival, 0):
                chosen[nodes] = str(pathway)
    return dict(sorted((pathway, list(nodes)) for nodes, pathway in chosen.items()))


def _relations(graph: PathwayGraph, position: dict[str, int]) -> dict[str, sp.csr_matrix]:
    """Typed, signed relations as row-normalised matrices; directed ones also backwards."""
    n = len(position)
    shared = graph.project_genes().edges
    edges = graph.edges
    kept: dict[str, sp.csr_matrix] = {}
    if len(shared):
        kept["shares_pathway"] = _matrix(shared, position, n, symmetric=True)
    if len(edges):
        family = edges["type"].map(lambda kind: _FAMILIES.get(kind, "signalling"))
        sign = edges["sign"].map({-1: "-", 0: "", 1: "+"})
        for (name, mark, directed), part in edges.groupby(
            [family, sign, edges["directed"]], sort=True
        ):
            label = f"{name}{mark}"
            matrix = _matrix(part, position, n, symmetric=not directed)
            kept[label] = kept[label] + matrix if label in kept else matrix
            if directed:
                kept[f"{label} backwards"] = _matrix(
                    part, position, n, symmetric=False, backwards=True
                )
    return {name: _row_normalized(matrix) for name, matrix in kept.items()}


def _matrix(
    edges: pd.DataFrame,
    position: dict[str, int],
    n: int,
    *,
    symmetric: bool,
    backwards: bool = False,
) -> sp.csr_matrix:
    """Adjacency (receiver, sender) of some edges."""
    source = edges["source"].map(position).to_numpy()
    target = edges["target"].map(position).to_numpy()
    weight = edges["weight"].to_numpy(dtype=np.float32)
    if backwards:
        source, target = target, source
    matrix = sp.csr_matrix((weight, (target, source)), shape=(n, n))
    return matrix + matrix.T if symmetric else matrix


def _row_normalized(matrix: sp.csr_matrix) -> sp.csr_matrix:
    total = np.asarray(matrix.sum(axis=1)).ravel()
    scale = np.divide(1.0, total, out=np.zeros_like(total), where=total > 0)
    return sp.csr_matrix(sp.diags(scale) @ matrix)
