"""The rows of the tests: a pathway or a gene each, with all evidence for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pathweave.explain._pathway_tests.joint import trust_in_pathways
from pathweave.explain._pathway_tests.significance import (
    false_discovery_rate,
    pooled_p,
    standardised,
)

if TYPE_CHECKING:
    from pathweave.explain._pathway_tests.evidence import NodeEvidence
    from pathweave.explain._pathway_tests.joint import GeneSets, JointFit
    from pathweave.graph import PathwayGraph

TOP = 20


def pathway_table(
    group: str,
    joint: JointFit,
    alone: np.ndarray,
    z: np.ndarray,
    sets: GeneSets,
    graph: PathwayGraph,
    n_null: int,
    usual: pd.DataFrame,
) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    """The table of a group, and its three scores under bootstrap draws."""
    score = standardised(joint.joint, n_null)
    members = sets.members.multiply(1.0 / sets.sizes[:, None]).tocsr()
    whole = standardised(np.asarray((members @ z.T).T), n_null)
    boot = {
        name: x[1 + n_null :]
        for name, x in (("score", score), ("score_alone", alone), ("association", whole))
    }
    n_top = min(TOP, len(sets.ids))
    among = np.argsort(-boot["score"], axis=1)[:, :n_top]
    p = {"": pooled_p(score, n_null), "_alone": pooled_p(alone, n_null)}
    p["_association"] = pooled_p(whole, n_null)
    table = pd.DataFrame(
        {
            "group": group,
            "pathway": list(sets.ids),
            "name": graph.pathways.set_index("id").loc[list(sets.ids), "name"].to_numpy(),
            "n_measured": sets.sizes,
            "association": whole[0],
            "p_association": p["_association"],
            "q_association": false_discovery_rate(p["_association"]),
            "score": score[0],
            "se": boot["score"].std(axis=0, ddof=1),
            "p": p[""],
            "q": false_discovery_rate(p[""]),
            "score_alone": alone[0],
            "p_alone": p["_alone"],
            "q_alone": false_discovery_rate(p["_alone"]),
            "coefficient": joint.coefficient[0],
            "among_top": np.bincount(among.ravel(), minlength=len(sets.ids)) / len(among),
        }
    )
    return _ranked(pd.concat([table, usual], axis=1)), boot


def _ranked(table: pd.DataFrame) -> pd.DataFrame:
    table = table.sort_values("score", ascending=False, kind="stable", ignore_index=True)
    table["rank"] = np.arange(1, len(table) + 1)
    return table


def gene_table(
    group: str,
    nodes: NodeEvidence,
    layer: np.ndarray,
    z: np.ndarray,
    scores: np.ndarray,
    joint: JointFit,
    info: pd.DataFrame,
    n_null: int,
    usual: pd.DataFrame,
) -> tuple[pd.DataFrame, np.ndarray]:
    """Evidence of every node (its own, and its rank with that of its pathways), and its scores under bootstrap draws.

    `info` holds symbol and kind of the nodes by their ids, in their order.
    """
    combined = scores + trust_in_pathways(scores, joint.support, n_null) * joint.support
    p = pooled_p(z, n_null)
    table = pd.DataFrame(
        {
            "group": group,
            "node": info.index.to_numpy(),
            "symbol": info["symbol"].to_numpy(),
            "kind": info["kind"].to_numpy(),
            "score": combined[0],
            "se": combined[1 + n_null :].std(axis=0, ddof=1),
            "association": nodes.association[0],
            "p": p,
            "q": false_discovery_rate(p),
            "direction": nodes.direction,
            "layer": layer,
        }
    )
    for name, values in nodes.by_layer.items():
        table[f"association_{name}"] = values
    return _ranked(pd.concat([table, usual], axis=1)), combined[1 + n_null :]
