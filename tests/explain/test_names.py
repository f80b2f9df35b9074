"""A gene and a metabolite with one symbol, and pathways of two databases with one short name, stay apart."""

from __future__ import annotations

import anndata as ad
import mudata
import numpy as np
import pandas as pd
import pytest

import pathweave as pw

NODES = pd.DataFrame(
    {
        "id": ["hgnc:11998", "hgnc:1516", "chebi:15377", "hgnc:3236", "hgnc:4566"],
        "kind": ["gene", "gene", "compound", "gene", "gene"],
        "symbol": ["TP53", "CAT", "CAT", "EGFR", "GRB2"],
    }
)
GENES = ["TP53", "CAT", "EGFR", "GRB2"]


@pytest.fixture(scope="module")
def twins():
    """The metabolite drives the outcome, the gene of the same symbol does not."""
    rng = np.random.default_rng(0)
    members = pd.DataFrame(
        {
            "node": [*NODES["id"], "hgnc:1516", "chebi:15377", "hgnc:3236"],
            "pathway": ["a:P"] * 5 + ["b:P"] * 3,
        }
    )
    pathways = pd.DataFrame({"id": ["a:P", "b:P"], "name": ["first", "second"]})
    graph = pw.graph.PathwayGraph(nodes=NODES, members=members, pathways=pathways)
    names = pd.DataFrame(index=[f"s{i}" for i in range(40)])
    rna, metab = (rng.normal(size=(40, k)).astype(np.float32) for k in (4, 1))
    with pw.io.quiet_mudata():
        mdata = mudata.MuData(
            {
                "rna": ad.AnnData(rna, obs=names.copy(), var=pd.DataFrame(index=GENES)),
                "metab": ad.AnnData(
                    metab, obs=names.copy(), var=pd.DataFrame(index=["CHEBI:15377"])
                ),
            }
        )
        mdata.obs["y"] = 2 * metab[:, 0] + rna[:, 0]
    model = pw.models.PathwayVAE(3, max_epochs=3, n_folds=3, pathway_size=(3, 50))
    return mdata, model.fit(mdata, graph, target="y")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda m, model: pw.explain.attribute(
                m, model, method="feature_ablation", units=["CAT"]
            ),
            "units: 'CAT' is the name of 2 .*'hgnc:1516'.*give the id",
        ),
        (
            lambda m, model: pw.explain.attribute(m, model, method="feature_ablation", units=["P"]),
            "units: 'P' is the name of 2 .'a:P', 'b:P'",
        ),
        (lambda m, model: pw.explain.attribute(m, model, of="P"), "of: 'P' is the name of 2"),
        (
            lambda m, model: pw.explain.perturb(m, model, {"CAT": "knockout"}),
            "changes: 'CAT' is the name of 2",
        ),
        (
            lambda m, model: pw.explain.perturb(m, model, {"P": "knockout"}),
            "changes: 'P' is the name of 2",
        ),
        (
            lambda m, model: pw.explain.attribute(
                m, model, method="feature_ablation", units=["TP53", "hgnc:11998"]
            ),
            "each once; these are",
        ),
    ],
    ids=["symbol", "pathway", "of", "perturb", "perturb pathway", "twice"],
)
def test_a_name_of_two_is_asked_about(twins, call, message):
    with pytest.raises(ValueError, match=message):
        call(*twins)


def test_ids_are_always_understood(twins):
    mdata, model = twins
    asked = ["chebi:15377", "hgnc:1516", "TP53"]
    table = pw.explain.attribute(mdata, model, method="feature_ablation", units=asked).gene
    assert sorted(table["node"]) == ["chebi:15377", "hgnc:11998", "hgnc:1516"]
    found = table.set_index("node")["importance"]
    assert found["chebi:15377"] > 3 * found["hgnc:1516"]  # they were not exchanged
    assert pw.explain.attribute(mdata, model, of="b:P", n_steps=2).params["of"] == "b:P"
    knocked = pw.explain.perturb(mdata, model, {"hgnc:1516": "knockout"}, n_null=5, n_boot=5)
    assert knocked.params["units"]["hgnc:1516"]["kind"] == "gene"


def test_samples_name_nodes_alike_in_every_layer(twins):
    """A column must not be called CAT in two layers and be another thing in each."""
    mdata, model = twins
    samples = pw.explain.attribute(mdata, model, n_steps=2, keep_samples=True).samples
    whole = samples.table("gene")
    assert "CAT" not in whole
    assert {"hgnc:1516", "chebi:15377"} <= set(whole)
    for layer, node in (("rna", "hgnc:1516"), ("metab", "chebi:15377")):
        part = samples.table("gene", layer=layer)
        assert "CAT" not in part
        np.testing.assert_array_equal(part[node], whole[node])


def test_tables_keep_both(twins):
    mdata, model = twins
    table = pw.explain.attribute(mdata, model, n_steps=2).gene
    assert table.loc[table["symbol"] == "CAT", "node"].nunique() == 2
    assert len(table) == len(NODES)
