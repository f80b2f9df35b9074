"""The bridge to PyTorch Geometric: the one file of this room that needs torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pathweave.graph._hierarchy import parents_of

if TYPE_CHECKING:
    from torch_geometric.data import HeteroData as HeteroData  # noqa: PLC0414  handed on

    from pathweave.graph._graph_value import GraphValue

USUAL_SIGN = {"activation": 1, "expression": 1, "inhibition": -1, "repression": -1}
SIGN_NAME = {-1: "negative", 0: "unsigned", 1: "positive"}


def relation_name(kind: str, sign: int) -> str:
    """Name a relation by its type, and by its sign where that does not follow from the type."""
    usual = USUAL_SIGN.get(kind, 0)
    return kind if sign == usual else f"{kind}_{SIGN_NAME[sign]}"


def to_pyg(graph: GraphValue) -> HeteroData:
    """Build the HeteroData."""
    import torch
    from torch_geometric.data import HeteroData

    data = HeteroData()
    nodes = graph.nodes
    ids = {kind: part.to_numpy(object) for kind, part in nodes.groupby("kind", sort=True)["id"]}
    own = graph.pathways["id"]
    ids["pathway"] = np.array(sorted({*own, *ids.get("pathway", ())}), dtype=object)
    for kind in ("gene", "compound"):
        ids.setdefault(kind, np.array([], dtype=object))
    for kind in sorted(ids):
        data[kind].num_nodes = len(ids[kind])
        data[kind].node_id = ids[kind].tolist()
    place = {
        kind: pd.Series(range(len(names)), index=names, dtype=np.int64)
        for kind, names in ids.items()
    }

    def add(head: str, name: str, tail: str, pairs: pd.DataFrame, **values: Any) -> None:
        both = [place[head][pairs["source"]].to_numpy(), place[tail][pairs["target"]].to_numpy()]
        if (head, name, tail) in data.edge_types:
            msg = f"edges: the type {name!r} is the name of a relation of pathways; rename it."
            raise ValueError(msg)
        store = data[head, name, tail]
        store.edge_index = torch.tensor(np.stack(both), dtype=torch.long)
        for key, value in values.items():
            setattr(store, key, torch.tensor(np.asarray(value)))

    for head, name, tail, edges in _relations(graph.edges, nodes):
        weight = edges["weight"].to_numpy(np.float32)
        sign = edges["sign"].to_numpy(np.int8)
        add(head, name, tail, edges, edge_weight=weight, edge_sign=sign)
    members = graph.members.set_axis(["source", "target"], axis=1)
    kind_of = members["source"].map(nodes.set_index("id")["kind"])
    for kind, part in members.groupby(kind_of, sort=True):
        add(str(kind), "member_of", "pathway", part)
        add("pathway", "rev_member_of", str(kind), turned(part))
    child = [(c, p) for c, above in parents_of(graph.pathways).items() for p in above]
    if child:
        part = pd.DataFrame(child, columns=["source", "target"])
        add("pathway", "child_of", "pathway", part)
        add("pathway", "rev_child_of", "pathway", turned(part))
    return data


def turned(pairs: pd.DataFrame) -> pd.DataFrame:
    """Exchange source and target."""
    return pairs.rename(columns={"source": "target", "target": "source"})


def _relations(
    edges: pd.DataFrame, nodes: pd.DataFrame
) -> list[tuple[str, str, str, pd.DataFrame]]:
    """One table a relation: reverse relations of directed edges, both ways of undirected ones."""
    kind = nodes.set_index("id")["kind"]
    edges = edges.assign(head=edges["source"].map(kind), tail=edges["target"].map(kind))
    found: dict[tuple[str, str, str], list[pd.DataFrame]] = {}
    keys = ["type", "sign", "directed", "head", "tail"]
    for (kind_of_edge, sign, directed, head, tail), part in edges.groupby(keys, sort=True):
        name = relation_name(kind_of_edge, int(sign))
        back = turned(part)
        if directed:
            found.setdefault((head, name, tail), []).append(part)
            found.setdefault((tail, f"rev_{name}", head), []).append(back)
            continue
        back = back[back["source"] != back["target"]]
        name = f"{name}_undirected" if _also_directed(edges, kind_of_edge) else name
        found.setdefault((head, name, tail), []).append(part)
        found.setdefault((tail, name, head), []).append(back)
    return [
        (head, name, tail, pd.concat(parts)) for (head, name, tail), parts in sorted(found.items())
    ]


def _also_directed(edges: pd.DataFrame, kind: str) -> bool:
    return bool(edges.loc[edges["type"] == kind, "directed"].any())
