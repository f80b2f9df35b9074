"""Attributions sample by sample, gathered group by group."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pathweave._core.results import SampleAttributions
from pathweave.explain._unit_tables import ExplainedUnits
from pathweave.explain._units import memberships

if TYPE_CHECKING:
    from pathweave.explain._tables import Explained
    from pathweave.models import Estimator


class SampleCollector:
    """Keeps the attributions of every sample at every level, float32.

    Parameters
    ----------
    model
        The model explained.
    names
        Names of all samples.
    """

    def __init__(self, model: Estimator, names: pd.Index) -> None:
        self.model, self.names = model, names
        self.rows: list[pd.DataFrame] = []
        self.columns: dict[str, pd.DataFrame] = {}
        self.values: dict[str, list[np.ndarray]] = {}

    def add(self, item: Explained | ExplainedUnits) -> None:
        """Take in one group."""
        named = {"group": item.group, "sample": self.names[item.rows].astype(str)}
        self.rows.append(pd.DataFrame(named))
        if isinstance(item, ExplainedUnits):
            key = {"gene": "node"}.get(item.level, item.level)
            columns = {key: item.names}
            if item.level == "gene":
                columns["symbol"] = self._symbols(item.names)
            self._put(item.level, columns, item.mean())
            return
        layers = self.model.layers_
        a = {name: item.mean(name) for name in layers}
        labels = [(name, feature) for name, layer in layers.items() for feature in layer.features]
        of, feature = ([label[k] for label in labels] for k in (0, 1))
        self._put("feature", {"layer": of, "feature": feature}, np.hstack(list(a.values())))
        self._put(
            "layer", {"layer": list(a)}, np.stack([x.sum(axis=1) for x in a.values()], axis=1)
        )
        graph = self.model.ensemble_.graph
        if graph is None or self.model.graph_ is None:
            return
        nodes = np.array(graph.node_ids)
        where, which, parts = [], [], []
        total = np.zeros((len(item.rows), len(nodes)))
        for name, matrix in graph.feature_maps.items():
            has = np.flatnonzero(np.asarray((matrix != 0).sum(axis=0)).ravel())
            parts.append(a[name] @ matrix[:, has])
            total[:, has] += parts[-1]
            where += [name] * len(has)
            which += list(nodes[has])
        gene = {"layer": where, "node": which, "symbol": self._symbols(which)}
        self._put("gene", gene, np.hstack(parts))
        pathways, member = memberships(self.model.graph_.members, list(nodes))
        self._put("pathway", {"pathway": list(map(str, pathways))}, (member @ total.T).T)

    def _symbols(self, nodes: list[str]) -> list[str]:
        graph = self.model.graph_
        if graph is None:
            return list(nodes)
        found = graph.nodes.set_index("id")["symbol"].reindex(nodes).fillna("").astype(str)
        return [symbol or node for symbol, node in zip(found, nodes, strict=True)]

    def _put(self, level: str, columns: dict[str, list[str]], values: np.ndarray) -> None:
        self.columns.setdefault(level, pd.DataFrame(columns))
        self.values.setdefault(level, []).append(values.astype(np.float32))

    def result(self) -> SampleAttributions:
        """Put all groups below one another."""
        values = {level: np.concatenate(parts) for level, parts in self.values.items()}
        return SampleAttributions(pd.concat(self.rows, ignore_index=True), self.columns, values)
