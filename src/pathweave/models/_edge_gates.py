"""Gates of the networks of a fitted model, as a table of edges."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from pathweave.models._ensemble import FittedEnsemble


def edge_gate_table(ensemble: FittedEnsemble) -> pd.DataFrame:
    """Make the table of `Estimator.edge_gates`, widest open first."""
    learned = [net.gates.values.numpy() for net in ensemble.nets if net.gates is not None]
    if ensemble.graph is None or not learned:
        msg = "this model has no edge gates; fit it with a graph and gate_edges=True."
        raise ValueError(msg)
    gates = np.stack(learned).astype(np.float64)
    mean = gates.mean(axis=0)
    spread = gates.std(axis=0, ddof=1) if len(gates) > 1 else np.full(mean.shape, np.nan)
    error = spread / np.sqrt(len(gates))
    node = np.array(ensemble.graph.node_ids, dtype=object)
    tables = []
    for r, (name, matrix) in enumerate(
        zip(ensemble.graph.relation_names, ensemble.graph.relations, strict=True)
    ):
        edges = matrix.tocoo()
        tables.append(
            pd.DataFrame(
                {
                    "source": node[edges.col],
                    "target": node[edges.row],
                    "type": name,
                    "gate": mean[r, edges.row],
                    "se": error[r, edges.row],
                }
            )
        )
    columns = ["source", "target", "type", "gate", "se"]
    table = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=columns)
    return table.sort_values("gate", ascending=False, kind="stable", ignore_index=True)
