"""From attributions per sample and feature to tables of features, genes, pathways and layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from pathweave.explain._units import memberships

if TYPE_CHECKING:
    from pathweave.models import Estimator
    from pathweave.nn.pathway_vae import GraphArrays

_MIN_PATHWAY = 3

COLUMNS = {
    "feature": ("group", "layer", "feature", "value", "importance", "direction", "se", "rank"),
    "gene": ("group", "node", "symbol", "kind", "value", "importance", "direction", "se", "rank"),
    "pathway": (
        "group", "pathway", "name", "n_measured", "value", "importance", "direction", "se", "score", "rank",
    ),
    "layer": ("group", "layer", "value", "importance", "se", "share", "rank"),
    "gene_layer": (
        "group", "node", "symbol", "layer", "value", "importance", "direction", "se", "share", "rank",
    ),
}  # fmt: skip


@dataclass
class Explained:
    """Attributions of one group, summed over replicates: bounded, however many replicates there are.

    Attributes
    ----------
    group, rows
        Name, and positions of the samples.
    inputs
        For each layer the values (n_samples, n_features), NaN where unmeasured.
    total
        For each layer the sum of the attributions over replicates, same shape.
    means
        For each replicate and layer the mean over samples (n_features,).
    """

    group: str
    rows: np.ndarray
    inputs: dict[str, np.ndarray]
    total: dict[str, np.ndarray]
    means: list[dict[str, np.ndarray]]

    def add(self, attributed: dict[str, np.ndarray]) -> None:
        """Take in the attributions of one more replicate."""
        for name, a in attributed.items():
            self.total[name] = self.total[name] + a if name in self.total else a
        self.means.append({name: a.mean(axis=0) for name, a in attributed.items()})

    def mean(self, layer: str) -> np.ndarray:
        """Attributions of a layer, averaged over replicates."""
        return np.asarray(self.total[layer] / len(self.means))


def empty_table(level: str) -> pd.DataFrame:
    """Make a table of a level without rows."""
    return pd.DataFrame(columns=list(COLUMNS[level]))


def joined(tables: dict[str, list[pd.DataFrame]]) -> dict[str, pd.DataFrame]:
    """Put the tables of all groups below one another, at every level."""
    return {
        level: pd.concat(found, ignore_index=True)
        if (found := tables.get(level))
        else empty_table(level)
        for level in COLUMNS
    }


def attribution_tables(model: Estimator, item: Explained) -> dict[str, pd.DataFrame]:
    """Make the tables of one group, by level, strongest first."""
    features = _features(model, item)
    tables = {"feature": features, "layer": _layers(model, item)}
    if model.ensemble_.graph is not None and model.graph_ is not None:
        tables["gene"] = _nodes(model, item, features)
        tables["pathway"] = _pathways(model, item, tables["gene"])
        tables["gene_layer"] = _nodes_by_layer(model, item, features)
    return tables


def ranked(table: pd.DataFrame, by: str) -> pd.DataFrame:
    """Sort a table, strongest first, and number its rows."""
    table = table.sort_values(by, ascending=False, kind="stable", ignore_index=True)
    table["rank"] = np.arange(1, len(table) + 1)
    return table


def standard_error(values: np.ndarray) -> np.ndarray:
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
                    "direction": direction_of(item.inputs[name], a),
                    "se": standard_error(np.array([m[name] for m in item.means])),
                }
            )
        )
    return ranked(pd.concat(tables, ignore_index=True), "importance")


def direction_of(x: np.ndarray, a: np.ndarray) -> np.ndarray:
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
        totals = np.array([m[name].sum() for m in item.means])
        a = item.mean(name)
        rows.append(
            {
                "group": item.group,
                "layer": name,
                "value": a.sum(axis=1).mean(),
                "importance": np.abs(a).sum(axis=1).mean(),
                "se": float(standard_error(totals[:, None])[0]),
            }
        )
    table = pd.DataFrame(rows)
    total = table["importance"].sum()
    table["share"] = table["importance"] / total if total > 0 else 0.0
    return ranked(table, "importance")


def _nodes(model: Estimator, item: Explained, features: pd.DataFrame) -> pd.DataFrame:
    """Carry attributions over the FeatureMap: a feature of several nodes is shared out among them."""
    graph = model.ensemble_.graph
    if graph is None or model.graph_ is None:
        msg = "no graph"
        raise ValueError(msg)
    n = graph.n_nodes
    mean = np.zeros((len(item.rows), n))
    values = _node_values(graph, item)
    pull, weight = np.zeros(n), np.zeros(n)
    by_feature = features.set_index(["layer", "feature"])
    for name, matrix in graph.feature_maps.items():
        mean += item.mean(name) @ matrix
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
            "se": standard_error(values),
        }
    )
    return ranked(table, "importance")


def _node_values(graph: GraphArrays, item: Explained) -> np.ndarray:
    """Mean attribution of every node in every replicate, (n_replicates, n_nodes)."""
    values = np.zeros((len(item.means), graph.n_nodes))
    for name, matrix in graph.feature_maps.items():
        values += np.array([m[name] @ matrix for m in item.means])
    return values


def _nodes_by_layer(model: Estimator, item: Explained, features: pd.DataFrame) -> pd.DataFrame:
    """Genes with their layers side by side; only layers that measure the gene."""
    graph = model.ensemble_.graph
    if graph is None or model.graph_ is None:
        msg = "no graph"
        raise ValueError(msg)
    symbol = model.graph_.nodes.set_index("id").loc[list(graph.node_ids), "symbol"].to_numpy()
    by_feature = features.set_index(["layer", "feature"])
    parts = []
    for name, matrix in graph.feature_maps.items():
        has = np.flatnonzero(np.asarray((matrix != 0).sum(axis=0)).ravel())
        own = matrix[:, has]
        mean = item.mean(name) @ own
        part = by_feature.loc[name].loc[list(model.layers_[name].features)]
        importance = part["importance"].to_numpy()
        weight = importance @ own
        pull = (part["direction"].to_numpy() * importance) @ own
        parts.append(
            pd.DataFrame(
                {
                    "group": item.group,
                    "node": np.array(graph.node_ids)[has],
                    "symbol": symbol[has],
                    "layer": name,
                    "value": mean.mean(axis=0),
                    "importance": np.abs(mean).mean(axis=0),
                    "direction": np.divide(pull, weight, out=np.zeros(len(has)), where=weight > 0),
                    "se": standard_error(np.array([m[name] @ own for m in item.means])),
                }
            )
        )
    table = pd.concat(parts, ignore_index=True)
    total = table.groupby("node")["importance"].transform("sum")
    table["share"] = (table["importance"] / total.where(total > 0)).fillna(0.0)
    return ranked(table, "importance")


def _pathways(model: Estimator, item: Explained, nodes: pd.DataFrame) -> pd.DataFrame:
    """Sum nodes over memberships, and ask whether members weigh more than other measured nodes.

    The score is the z statistic of the rank-sum test (Wilcoxon 1945; for gene sets as in CAMERA's
    ranks, Wu and Smyth 2012, without its correction for correlation: it ranks pathways, it is no p).
    """
    graph, arrays = model.graph_, model.ensemble_.graph
    if graph is None or arrays is None:
        msg = "no graph"
        raise ValueError(msg)
    nodes = nodes.set_index("node")
    # Members move together from replicate to replicate: their standard errors do not add up as if by themselves.
    values = _node_values(arrays, item)
    position = pd.Index(arrays.node_ids).get_indexer(nodes.index)
    pathway_ids, member = memberships(graph.members, list(nodes.index))
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
            "se": standard_error(values[:, position] @ member.T),
            "score": (member @ ranks - expected) / deviation,
        }
    )
    return ranked(table[table["n_measured"] >= _MIN_PATHWAY], "score")
