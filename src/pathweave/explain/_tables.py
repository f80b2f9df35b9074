"""From attributions per sample and feature to tables of features, genes, pathways and layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from pathweave.explain._few_samples import FEWEST
from pathweave.explain._units import memberships, nodes_measured

if TYPE_CHECKING:
    from collections.abc import Mapping

    import scipy.sparse as sp

    from pathweave.models import Estimator
    from pathweave.nn.pathway_vae import GraphArrays

_MIN_PATHWAY = 3

COLUMNS = {
    "feature": (
        "group", "layer", "feature", "value", "importance", "direction", "se", "n_samples", "rank",
    ),
    "gene": (
        "group", "node", "symbol", "kind", "value", "importance", "direction", "se", "n_samples", "rank",
    ),
    "pathway": (
        "group", "pathway", "name", "n_measured", "value", "importance", "direction", "se", "n_samples", "score", "rank",
    ),
    "layer": ("group", "layer", "value", "importance", "se", "n_samples", "share", "rank"),
    "gene_layer": (
        "group", "node", "symbol", "layer", "value", "importance", "direction", "se", "n_samples", "share", "rank",
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
    sums
        For each replicate and layer the sum over samples (n_features,).
    """

    group: str
    rows: np.ndarray
    inputs: dict[str, np.ndarray]
    total: dict[str, np.ndarray]
    sums: list[dict[str, np.ndarray]]

    def add(self, attributed: dict[str, np.ndarray]) -> None:
        """Take in the attributions of one more replicate."""
        for name, a in attributed.items():
            self.total[name] = self.total[name] + a if name in self.total else a
        self.sums.append({name: a.sum(axis=0) for name, a in attributed.items()})

    def mean(self, layer: str) -> np.ndarray:
        """Attributions of a layer, averaged over replicates."""
        return np.asarray(self.total[layer] / len(self.sums))

    def measured(self, layer: str) -> np.ndarray:
        """Which values of a layer were measured, bool (n_samples, n_features)."""
        return ~np.isnan(self.inputs[layer])

    def has_nodes(self, maps: Mapping[str, sp.csr_matrix]) -> np.ndarray:
        """Which samples have any feature of a node, by these maps of layers to nodes; bool (n_samples, n_nodes)."""
        return nodes_measured({name: self.measured(name) for name in maps}, maps)


def over_samples(summed: np.ndarray, has: np.ndarray) -> np.ndarray:
    """Divide sums over samples by how many have a unit: a sample that lacks it has no say; 0 where all lack it."""
    return np.asarray(summed / np.maximum(has.sum(axis=0), 1))


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
        a, has = item.mean(name), item.measured(name)
        sums = np.array([m[name] for m in item.sums])
        tables.append(
            pd.DataFrame(
                {
                    "group": item.group,
                    "layer": name,
                    "feature": list(layer.features),
                    "value": over_samples(a.sum(axis=0), has),
                    "importance": over_samples(np.abs(a).sum(axis=0), has),
                    "direction": direction_of(item.inputs[name], a),
                    "se": standard_error(over_samples(sums, has)),
                    "n_samples": has.sum(axis=0),
                }
            )
        )
    return ranked(pd.concat(tables, ignore_index=True), "importance")


def direction_of(x: np.ndarray, a: np.ndarray) -> np.ndarray:
    """Correlation of the measured inputs with their attributions, 0 where either is constant or few were measured."""
    measured = ~np.isnan(x)
    measured &= measured.sum(axis=0) >= FEWEST
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
        a, has = item.mean(name), np.any(item.measured(name), axis=1)[:, None]
        totals = np.array([[m[name].sum()] for m in item.sums])
        rows.append(
            {
                "group": item.group,
                "layer": name,
                "value": over_samples(a.sum(keepdims=True)[0], has)[0],
                "importance": over_samples(np.abs(a).sum(keepdims=True)[0], has)[0],
                "se": standard_error(over_samples(totals, has))[0],
                "n_samples": int(has.sum()),
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
    has = item.has_nodes(graph.feature_maps)
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
            "value": over_samples(mean.sum(axis=0), has),
            "importance": over_samples(np.abs(mean).sum(axis=0), has),
            "direction": np.divide(pull, weight, out=np.zeros(n), where=weight > 0),
            "se": standard_error(_node_values(graph, item, has)),
            "n_samples": has.sum(axis=0),
        }
    )
    return ranked(table, "importance")


def _node_values(graph: GraphArrays, item: Explained, has: np.ndarray) -> np.ndarray:
    """Mean attribution of every node in every replicate, (n_replicates, n_nodes)."""
    sums = np.zeros((len(item.sums), graph.n_nodes))
    for name, matrix in graph.feature_maps.items():
        sums += np.array([m[name] @ matrix for m in item.sums])
    return over_samples(sums, has)


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
        mean, seen = item.mean(name) @ own, item.has_nodes({name: own})
        sums = np.array([m[name] @ own for m in item.sums])
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
                    "value": over_samples(mean.sum(axis=0), seen),
                    "importance": over_samples(np.abs(mean).sum(axis=0), seen),
                    "direction": np.divide(pull, weight, out=np.zeros(len(has)), where=weight > 0),
                    "se": standard_error(over_samples(sums, seen)),
                    "n_samples": seen.sum(axis=0),
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
    has = item.has_nodes(arrays.feature_maps)
    values = _node_values(arrays, item, has)
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
            "n_samples": (has[:, position].astype(np.float32) @ member.T > 0).sum(axis=0),
            "score": (member @ ranks - expected) / deviation,
        }
    )
    return ranked(table[table["n_measured"] >= _MIN_PATHWAY], "score")
