"""Tables of attributions that belong to layers, genes or pathways as they are."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pathweave.explain._tables import direction_of, over_samples, ranked, standard_error
from pathweave.explain._units import memberships

if TYPE_CHECKING:
    from pathweave.models import Estimator


@dataclass
class ExplainedUnits:
    """Attributions of one group to units, summed over replicates.

    Attributes
    ----------
    group, rows
        Name, and positions of the samples.
    level, names
        What the units are.
    drive
        How high or low each unit is in each sample (n_samples, n_units), NaN where it was not measured.
    total
        Sum of the attributions over replicates, same shape.
    sums
        For each replicate the sum over samples (n_units,).
    """

    group: str
    rows: np.ndarray
    level: str
    names: list[str]
    drive: np.ndarray
    total: np.ndarray | None = None
    sums: list[np.ndarray] = field(default_factory=list)

    def add(self, attributed: np.ndarray) -> None:
        """Take in the attributions of one more replicate; what was not measured gets none."""
        # Exactly nothing, not a rounding error.
        attributed = np.where(np.isnan(self.drive), 0.0, attributed)
        self.total = attributed if self.total is None else self.total + attributed
        self.sums.append(attributed.sum(axis=0))

    def mean(self) -> np.ndarray:
        """Attributions averaged over replicates, (n_samples, n_units)."""
        return np.asarray(self.total) / len(self.sums)


def unit_tables(model: Estimator, item: ExplainedUnits) -> dict[str, pd.DataFrame]:
    """Make the table of one group at the level of its units, strongest first."""
    a, has = item.mean(), ~np.isnan(item.drive)
    numbers = {
        "value": over_samples(a.sum(axis=0), has),
        "importance": over_samples(np.abs(a).sum(axis=0), has),
        "direction": direction_of(item.drive, a),
        "se": standard_error(over_samples(np.array(item.sums), has)),
        "n_samples": has.sum(axis=0),
    }
    if item.level == "layer":
        total = float(numbers["importance"].sum())
        share = numbers["importance"] / total if total > 0 else np.zeros(len(item.names))
        rest = {name: numbers[name] for name in ("value", "importance", "se", "n_samples")}
        table = pd.DataFrame({"group": item.group, "layer": item.names, **rest, "share": share})
        return {"layer": ranked(table, "importance")}
    graph = model.graph_
    if graph is None:
        msg = "no graph"
        raise ValueError(msg)
    if item.level == "gene":
        info = graph.nodes.set_index("id").loc[item.names]
        named = {
            "group": item.group,
            "node": item.names,
            "symbol": info["symbol"].to_numpy(),
            "kind": info["kind"].to_numpy(),
        }
        return {"gene": ranked(pd.DataFrame({**named, **numbers}), "importance")}
    nodes = [] if model.ensemble_.graph is None else list(model.ensemble_.graph.node_ids)
    pathways, member = memberships(graph.members, nodes)
    size = pd.Series(np.asarray(member.sum(axis=1)).ravel(), index=pathways)
    importance = numbers["importance"]
    spread = float(importance.std())
    named = {
        "group": item.group,
        "pathway": item.names,
        "name": graph.pathways.set_index("id").loc[item.names, "name"].to_numpy(),
        "n_measured": size.loc[item.names].to_numpy().astype(int),
    }
    score = (importance - importance.mean()) / spread if spread > 0 else np.zeros(len(importance))
    return {"pathway": ranked(pd.DataFrame({**named, **numbers, "score": score}), "score")}
