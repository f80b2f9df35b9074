"""What flows from layers through genes into pathways, as numbers: shares that add up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pathweave._core.checks import listed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pathweave.graph import PathwayGraph

OTHER_GENES, OUTSIDE = "other genes", "outside the graph"
OTHER_PATHWAYS, NO_PATHWAY = "other pathways", "in no pathway"
_KEY = ["node", "layer", "sign"]


@dataclass(frozen=True)
class Flows:
    """Shares of one whole.

    Attributes
    ----------
    first
        Layer to gene: source, target, layer, sign, share.
    second
        Gene to pathway: the same columns; what lies outside the graph ends at the genes.
    genes, pathways
        Labels by key, in the order in which they are drawn.
    """

    first: pd.DataFrame
    second: pd.DataFrame
    genes: dict[str, str]
    pathways: dict[str, str]


def flows(
    amounts: pd.DataFrame,
    outside: pd.DataFrame,
    table: pd.DataFrame,
    graph: PathwayGraph,
    *,
    n_genes: int,
    chosen: Sequence[str] | int,
) -> Flows:
    """Share out amounts among genes and pathways.

    Parameters
    ----------
    amounts
        One row a node, layer and sign: node, symbol, layer, sign, amount (0 or more).
    outside
        What no node has: layer, sign, amount.
    table
        Pathways, the best first: pathway, name.
    graph
        Says which nodes belong to which pathway.
    n_genes
        Genes to show.
    chosen
        Pathways to show, or how many of the best; of these, such as have most of their amount in better ones are passed over.
    """
    total = float(amounts["amount"].sum() + outside["amount"].sum())
    if not total > 0:
        msg = "there is nothing to draw: all attributions are zero."
        raise ValueError(msg)
    amounts = amounts.assign(share=amounts["amount"] / total)
    node_share = amounts.groupby("node")["share"].sum().sort_values(ascending=False, kind="stable")
    sets = _members(graph, table, node_share, chosen)
    inside = pd.DataFrame(
        [(node, pathway) for pathway, nodes in sets.items() for node in nodes],
        columns=["node", "pathway"],
    )
    genes = _genes(node_share, set(inside["node"]), n_genes)
    symbol = amounts.drop_duplicates("node").set_index("node")["symbol"].astype(str)
    amounts["gene"] = amounts["node"].where(amounts["node"].isin(genes), OTHER_GENES)
    parts = _shared_out(amounts, inside, set(graph.members["node"]))
    rest = outside.assign(share=outside["amount"] / total, target=OUTSIDE)
    first = _summed(
        pd.concat([amounts.assign(target=amounts["gene"]), rest], ignore_index=True)
        .assign(source=lambda t: t["layer"])
    )  # fmt: skip
    second = _summed(parts.assign(source=parts["gene"], target=parts["pathway"]))
    names = table.drop_duplicates("pathway").set_index("pathway")["name"].astype(str)
    labels = {key: str(names.get(key, key)) or key for key in sets}
    order = _beside(second, genes, list(sets))
    return Flows(
        first, second,
        {**{g: symbol[g] or g for g in order}, **_present(first, OTHER_GENES, OUTSIDE)},
        {**labels, **_present(second, OTHER_PATHWAYS, NO_PATHWAY)},
    )  # fmt: skip


def _present(table: pd.DataFrame, *names: str) -> dict[str, str]:
    return {name: name for name in names if (table["target"] == name).any()}


def _summed(table: pd.DataFrame) -> pd.DataFrame:
    found = table.groupby(["source", "target", "layer", "sign"], sort=False, as_index=False)["share"].sum()  # fmt: skip
    return found[found["share"] > 0].reset_index(drop=True)


def _members(
    graph: PathwayGraph, table: pd.DataFrame, share: pd.Series, chosen: Sequence[str] | int
) -> dict[str, list[str]]:
    """Nodes with an amount of each pathway to show."""
    known = set(graph.pathways["id"])
    wanted = list(table["pathway"]) if isinstance(chosen, int) else list(dict.fromkeys(chosen))
    lost = [name for name in wanted if name not in known]
    if lost:
        what = "graph" if isinstance(chosen, int) else "pathways"
        msg = f"{what}: {listed(lost)} are not in the graph; give the graph of the fit, model.graph_, and ids of its pathways."
        raise ValueError(msg)
    most = chosen if isinstance(chosen, int) else len(wanted)
    at_once = graph.members.groupby("pathway")["node"].agg(set).to_dict()
    children: dict[str, list[str]] = {}
    for name, parents in zip(graph.pathways["id"], graph.pathways["parents"], strict=True):
        for parent in str(parents or "").split(";"):
            children.setdefault(parent, []).append(str(name))
    sets: dict[str, list[str]] = {}
    taken: set[str] = set()
    for pathway in wanted:
        if len(sets) == most:
            break
        below = set().union(*(at_once.get(name, set()) for name in _with_below(pathway, children)))
        nodes = [node for node in share.index if node in below and share[node] > 0]
        new = [node for node in nodes if node not in taken]
        # A parent, or a sister with the same genes, would be drawn for what is there already.
        if isinstance(chosen, int) and 2 * share[new].sum() <= share[nodes].sum():
            continue
        sets[pathway] = nodes
        taken |= set(nodes)
    return sets


def _with_below(pathway: str, children: dict[str, list[str]]) -> set[str]:
    """The pathway and all below it."""
    found, todo = {pathway}, [pathway]
    while todo:
        new = set(children.get(todo.pop(), [])) - found
        found |= new
        todo.extend(new)
    return found


def _genes(share: pd.Series, inside: set[str], n_genes: int) -> list[str]:
    """The strongest of all and the strongest of the pathways shown, in turn."""
    share = share[share > 0]
    strongest = list(share.index)
    members = [node for node in strongest if node in inside]
    found: dict[str, None] = {}
    for i in range(len(strongest)):
        for names in (strongest[i : i + 1], members[i : i + 1]):
            if len(found) < n_genes:
                found.update(dict.fromkeys(names))
    return list(found)


def _shared_out(
    amounts: pd.DataFrame, inside: pd.DataFrame, in_any: set[str]
) -> pd.DataFrame:  # fmt: skip
    """Amounts by pathway: a node in several of those shown is shared out equally among them."""
    times = inside.groupby("node")["pathway"].transform("size")
    joined = amounts.merge(inside.assign(part=1.0 / times), on="node", how="left")
    missing = joined["pathway"].isna()
    elsewhere = np.where(joined["node"].isin(in_any), OTHER_PATHWAYS, NO_PATHWAY)
    joined["pathway"] = joined["pathway"].where(~missing, pd.Series(elsewhere, joined.index))
    joined["share"] *= joined["part"].fillna(1.0)
    return joined


def _beside(second: pd.DataFrame, genes: list[str], pathways: list[str]) -> list[str]:
    """Genes beside their pathways, so that few bands cross; the strongest first where they share one."""
    place = {name: i for i, name in enumerate(pathways)}
    mine = second[second["source"].isin(genes)]
    height = mine["target"].map(place).fillna(len(pathways)).astype(float)
    weighed = (height * mine["share"]).groupby(mine["source"]).sum()
    middle = weighed / mine.groupby("source")["share"].sum()
    return sorted(genes, key=lambda g: (round(float(middle[g]), 6), genes.index(g)))
