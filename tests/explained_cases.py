"""Explanations written by hand, so that every width is known."""

from __future__ import annotations

import json

import anndata as ad
import mudata
import numpy as np
import pandas as pd

import pathweave as pw

SETS = {
    "cycle": ["CDK2", "CDK4", "TP53"],
    "death": ["TP53", "BAX", "CASP3"],
    "twin": ["BAX", "CASP3"],
}


def graph():
    """Three pathways, one of them inside another, and a gene in none."""
    members = pw.graph.gmt(SETS)
    lonely = pd.DataFrame({"source": ["EGFR"], "target": ["CDK2"], "type": ["activation"], "sign": [1]})  # fmt: skip
    return members | pw.graph.edges(lonely)


def ids(table):
    return dict(zip(table.nodes["symbol"], table.nodes["id"], strict=True))


def empty(obs=8):
    names = [f"s{i}" for i in range(obs)]
    layers = {
        name: ad.AnnData(np.zeros((obs, 1), dtype=np.float32), pd.DataFrame(index=names), pd.DataFrame(index=[f"{name}1"]))
        for name in ("rna", "cnv")
    }  # fmt: skip
    with pw.io.quiet_mudata():
        return mudata.MuData(layers)


GENES = [
    # symbol, layer, importance, direction
    ("CDK2", "rna", 3.0, 0.9), ("CDK4", "rna", 1.0, -0.5), ("TP53", "rna", 2.0, 0.8), ("TP53", "cnv", 1.0, -0.7),
    ("BAX", "rna", 2.0, 0.2), ("CASP3", "cnv", 2.0, -0.4), ("EGFR", "cnv", 1.0, 0.6),
]  # fmt: skip
OUTSIDE = {"rna": 0.75, "cnv": 0.25}
TOTAL = sum(row[2] for row in GENES) + sum(OUTSIDE.values())


def explained(*, group="A", genes=GENES, outside=None):
    """MuData with attributions of one group, its graph, and node ids by symbol."""
    outside = OUTSIDE if outside is None else outside
    network, mdata = graph(), empty()
    node = ids(network)
    table = pd.DataFrame(genes, columns=["symbol", "layer", "importance", "direction"])
    table = table.assign(group=group, node=table["symbol"].map(node), value=table["importance"])
    table = table.sort_values("importance", ascending=False, kind="stable", ignore_index=True)
    table["rank"] = np.arange(1, len(table) + 1)
    by_node = table.groupby(["group", "node", "symbol"], as_index=False).agg({"importance": "sum", "direction": "first"})  # fmt: skip
    by_node["rank"] = by_node["importance"].rank(ascending=False, method="first").astype(int)
    features = pd.concat(
        [table, pd.DataFrame([{"layer": k, "importance": v, "direction": 0.0, "value": v} for k, v in outside.items()])],
        ignore_index=True,
    ).assign(group=group)  # fmt: skip
    features["feature"] = [f"f{i}" for i in range(len(features))]
    features["rank"] = np.arange(1, len(features) + 1)
    paths = pd.DataFrame(
        {
            "group": group, "pathway": [f"gmt:{name}" for name in ("cycle", "death", "twin")], "name": ["Cycle", "Death", "Twin"],
            "n_measured": [5, 6, 5], "score": [3.0, 2.0, 1.0], "rank": [1, 2, 3],
        }
    )  # fmt: skip
    params = {"of": "class", "task": "class", "unit": "log odds"}
    keep = {
        "gene_layer": table[["group", "node", "symbol", "layer", "value", "importance", "direction", "rank"]],
        "gene": by_node, "feature": features[["group", "layer", "feature", "value", "importance", "direction", "rank"]],
        "pathway": paths, "params": json.dumps(params),
    }  # fmt: skip
    mdata.uns["pathweave"] = {"attributions": keep}
    return mdata, network, node


def with_tests(*, q=0.01):
    """MuData with tests of genes and pathways, and ranks under four draws."""
    network, mdata = graph(), empty()
    node = ids(network)
    genes = pd.DataFrame(
        {
            "group": "A", "node": [node[s] for s in ("CDK2", "TP53", "EGFR", "BAX")], "symbol": ["CDK2", "TP53", "EGFR", "BAX"],
            "q": [q, q, q, 0.9], "direction": [2.0, -2.0, 1.0, 0.5], "association_rna": [5.0, 3.0, np.nan, 9.0],
            "association_cnv": [0.5, 2.0, 4.0, np.nan], "rank": [1, 2, 3, 4], "layer": "rna",
        }
    )  # fmt: skip
    paths = pd.DataFrame({"group": "A", "pathway": ["gmt:death", "gmt:cycle", "gmt:twin"], "name": ["Death", "Cycle", "Twin"], "rank": [1, 2, 3]})  # fmt: skip
    ranks = {"draw_1": [1, 2, 3], "draw_2": [2, 1, 3], "draw_3": [1, 3, 2], "draw_4": [1, 2, 3]}
    draws = pd.DataFrame({"group": "A", "level": "pathway", "unit": paths["pathway"], "name": paths["name"], "rank": [1, 2, 3], **ranks})  # fmt: skip
    found = {
        "stability_pathway": 0.25, "overlap_pathway": 0.75, "stability_gene": 0.1, "overlap_gene": 0.2,
    }  # fmt: skip
    params = {"alpha": 0.05, "n_top": 2, "groups": {"A": found}}
    mdata.uns["pathweave"] = {
        "pathway_tests": {"pathway": paths, "gene": genes, "draws": draws, "params": json.dumps(params), "verdict": ""}
    }  # fmt: skip
    return mdata, network, node
