"""From attributions per sample and feature to tables of features, genes, pathways and layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import scipy.sparse as sp
from scipy.stats import rankdata

if TYPE_CHECKING:
    from pathweave.models import Estimator

_MIN_PATHWAY = 3


@dataclass
class Explained:
    """Attributions of one group: per replicate and layer an array (n_samples, n_features)."""

    group: str
    rows: np.ndarray
    inputs: dict[str, np.ndarray]
    replicates: list[dict[str, np.ndarray]]

    def mean(self, layer: str) -> np.ndarray:
        """Attributions of a layer, averaged over replicates."""
        return np.mean([replicate[layer] for replicate in self.replicates], axis=0)


def attribution_tables(
    model: Estimator, explained: list[Explained]
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Make the four tables, strongest first within every group."""
    feature, gene, pathway, layer = [], [], [], []
    for item in explained:
        feature.append(_features(model, item))
        layer.append(_layers(model, item))
        if model.ensemble_.graph is not None and model.graph_ is not None:
            nodes = _nodes(model, item, feature[-1])
            gene.append(nodes)
            pathway.append(_pathways(model, item, nodes))
    empty_gene = pd.DataFrame(
        columns=[
            "group",
            "node",
            "symbol",
            "kind",
            "value",
            "importance",
            "direction",
            "se",
            "rank",
        ]
    )
    empty_pathway = pd.DataFrame(
        columns=[
            "group", "pathway", "name", "n_measured", "value", "importance", "direction", "se", "score", "rank",
        ]
    )  # fmt: skip
    return (
        pd.concat(feature, ignore_index=True),
        pd.concat(gene, ignore_index=True) if gene else empty_gene,
        pd.concat(pathway, ignore_index=True) if pathway else empty_pathway,
        pd.concat(layer, ignore_index=True),
    )


def _ranked(table: pd.DataFrame, by: str) -> pd.DataFrame:
    table = table.sort_values(by, ascending=False, kind="stable", ignore_index=True)
    table["rank"] = np.arange(1, len(table) + 1)
    return table


def _standard_error(values: np.ndarray) -> np.ndarray:
    """Standard error over replicates (first axis)."""
    if len(values) < 2:
        return np.full(values.shape[1:], np.nan)
    return values.std(axis=0, ddof=1) / np.sqrt(len(values))


def _features(model: Estimator, item: Explained) -> pd.DataFrame:
    tables = []
    for name, layer in model.layers_.items():
        a = item.mean(name)
        tables.append(
            pd.DataFrame(
                {
                    "group": item.group,
                    "layer": name,
                    "feature": list(layer.features),
                    "value": a.mean(axis=0),
                    "importance": np.abs(a).mean(axis=0),
                    "direction": _direction(item.inputs[name], a),
                    "se": _standard_error(
                        np.array([r[name].mean(axis=0) for r in item.replicates])
                    ),
                }
            )
        )
    return _ranked(pd.concat(tables, ignore_index=True), "importance")


def _direction(x: np.ndarray, a: np.ndarray) -> np.ndarray:
    """Correlation of the measured inputs with their attributions, 0 where either is constant."""
    measured = ~np.isnan(x)
    count = np.maximum(measured.sum(axis=0), 1)

    def centred(values: np.ndarray) -> np.ndarray:
        filled = np.where(measured, values, 0.0).astype(np.float64)
        return np.where(measured, filled - filled.sum(axis=0) / count, 0.0)

    dx, da = centred(x), centred(a)
    norm = np.sqrt((dx**2).sum(axis=0) * (da**2).sum(axis=0))
    return np.divide((dx * da).sum(axis=0), norm, out=np.zeros(x.shape[1]), where=norm > 1e-12)


def _layers(model: Estimator, item: Explained) -> pd.DataFrame:
    rows = []
    for name in model.layers_:
        totals = np.array([r[name].sum(axis=1).mean() for r in item.replicates])
        a = item.mean(name)
        rows.append(
            {
                "group": item.group,
                "layer": name,
                "value": a.sum(axis=1).mean(),
                "importance": np.abs(a).sum(axis=1).mean(),
                "se": float(_standard_error(totals[:, None])[0]),
            }
        )
    table = pd.DataFrame(rows)
    total = table["importance"].sum()
    table["share"] = table["importance"] / total if total > 0 else 0.0
    return _ranked(table, "importance")


def _nodes(model: Estimator, item: Explained, features: pd.DataFrame) -> pd.DataFrame:
    """Carry attributions over the FeatureMap: a feature of several nodes is shared out among them."""
    graph = model.ensemble_.graph
    if graph is None or model.graph_ is None:
        msg = "no graph"
        raise ValueError(msg)
    n = graph.n_nodes
    mean = np.zeros((len(item.rows), n))
    values = np.zeros((len(item.replicates), n))
    pull, weight = np.zeros(n), np.zeros(n)
    by_feature = features.set_index(["layer", "feature"])
    for name, matrix in graph.feature_maps.items():
        mean += item.mean(name) @ matrix
        values += np.array([r[name].mean(axis=0) @ matrix for r in item.replicates])
        part = by_feature.loc[name].loc[list(model.layers_[name].features)]
        importance = part["importance"].to_numpy()
        pull += (part["direction"].to_numpy() * importance) @ matrix
        weight += importance @ matrix
    info = model.graph_.nodes.set_index("id").loc[list(graph.node_ids)]
    table = pd.DataFrame(
        {
            "group": item.group,
            "node": list(graph.node_ids),
            "symbol": info["symbol"].to_numpy(),
            "kind": info["kind"].to_numpy(),
            "value": mean.mean(axis=0),
            "importance": np.abs(mean).mean(axis=0),
            "direction": np.divide(pull, weight, out=np.zeros(n), where=weight > 0),
            "se": _standard_error(values),
        }
    )
    return _ranked(table, "importance")


def _pathways(model: Estimator, item: Explained, nodes: pd.DataFrame) -> pd.DataFrame:
    """Sum nodes over memberships, and ask whether members weigh more than other measured nodes.

    The score is the z statistic of the rank-sum test (Wilcoxon 1945; for gene sets as in CAMERA's
    ranks, Wu and Smyth 2012, without its correction for correlation: it ranks pathways, it is no p).
    """
    graph = model.graph_
    if graph is None:
        msg = "no graph"
        raise ValueError(msg)
    nodes = nodes.set_index("node")
    position = {node: i for i, node in enumerate(nodes.index)}
    members = graph.members
    inside = members["node"].isin(position)
    pathway_ids = pd.Index(members.loc[inside, "pathway"].unique())
    rows = pathway_ids.get_indexer(members.loc[inside, "pathway"])
    cols = members.loc[inside, "node"].map(position).to_numpy()
    member = sp.csr_matrix((np.ones(len(rows)), (rows, cols)), shape=(len(pathway_ids), len(nodes)))
    member.data[:] = 1.0
    size = np.asarray(member.sum(axis=1)).ravel()
    n = len(nodes)
    ranks = rankdata(nodes["importance"].to_numpy())
    expected = size * (n + 1) / 2
    deviation = np.sqrt(np.maximum(size * (n - size) * (n + 1) / 12, 1e-12))
    importance = nodes["importance"].to_numpy()
    total = member @ importance
    direction = np.divide(
        member @ (nodes["direction"].to_numpy() * importance),
        total,
        out=np.zeros(len(size)),
        where=total > 0,
    )
    info = graph.pathways.set_index("id").loc[pathway_ids]
    table = pd.DataFrame(
        {
            "group": item.group,
            "pathway": pathway_ids.to_numpy(),
            "name": info["name"].to_numpy(),
            "n_measured": size.astype(int),
            "value": member @ nodes["value"].to_numpy(),
            "importance": total / size,
            "direction": direction,
            "se": np.sqrt(member @ np.square(nodes["se"].to_numpy())),
            "score": (member @ ranks - expected) / deviation,
        }
    )
    return _ranked(table[table["n_measured"] >= _MIN_PATHWAY], "score")
