"""Features on nodes: weights, the better column, reasons, and layers off the graph."""

from __future__ import annotations

import time

import anndata as ad
import mudata
import numpy as np
import pandas as pd
import pytest

from pathweave import graph, ids
from pathweave.graph import PathwayGraph


def layer_of(names, **columns):
    var = pd.DataFrame(columns, index=pd.Index(names))
    return ad.AnnData(np.zeros((2, len(names)), dtype=np.float32), var=var)


def small_graph():
    genes = ids.hgnc().set_index("symbol")["id"]
    nodes = [*genes[["TP53", "AKT1", "AKT2"]], "chebi:15377"]
    return PathwayGraph(nodes=pd.DataFrame({"id": nodes}))


def test_matrix_and_report():
    found = graph.feature_map(
        layer_of(["nonsense", "Akt_pS473", "p53_Caution", "c-Myc_Caution"]),
        small_graph(),
        kind="proteome",
        layer="protein",
    )
    assert found.matrix.shape == (4, 4)
    assert found.matrix.dtype == np.float32
    assert np.asarray(found.matrix.sum(axis=1)).ravel() == pytest.approx([0, 1, 1, 0])
    assert found.matrix[1].nnz == 2
    assert found.report["status"].tolist() == [
        "unknown antibody label", "mapped", "mapped", "not on the graph",
    ]  # fmt: skip
    tp53 = found.report.loc["p53_Caution", "node"]
    assert tp53 == "hgnc:11998"
    column = small_graph().nodes["id"].tolist().index(tp53)
    assert found.matrix[2].indices.tolist() == [column]


def test_a_column_that_maps_better_is_taken():
    mod = layer_of(["f1", "f2"], Symbol=["TP53", "AKT1"])
    before = mod.var.copy()
    found = graph.feature_map(mod, small_graph(), kind="transcriptome", layer="rna")
    assert found.column == "Symbol"
    assert found.report["identifier"].tolist() == ["TP53", "AKT1"]
    assert found.report["status"].eq("mapped").all()
    pd.testing.assert_frame_equal(mod.var, before)
    names = layer_of(["TP53", "AKT1"], symbol=["x", None])
    found = graph.feature_map(names, small_graph(), kind="transcriptome", layer="rna")
    assert found.column == ""


def test_two_features_of_one_gene_both_map():
    mod = layer_of(["a", "b"], symbol=["TP53", "TP53"])
    found = graph.feature_map(mod, small_graph(), kind="methylation", layer="meth")
    assert found.matrix.sum() == pytest.approx(2)


def test_compounds_by_bare_number_and_genes_by_none():
    found = graph.feature_map(layer_of(["15377"]), small_graph(), kind="metabolome", layer="m")
    assert (found.id_type, found.report["node"].tolist()) == ("chebi", ["chebi:15377"])
    found = graph.feature_map(layer_of(["15377"]), small_graph(), kind="transcriptome", layer="r")
    assert found.matrix.nnz == 0


def test_nodes_of_a_users_own_graph_are_found_by_id_and_label():
    own = PathwayGraph(
        nodes=pd.DataFrame({"id": ["mgi:98834", "x:1"], "kind": "gene", "symbol": ["Trp53", ""]})
    )
    found = graph.feature_map(layer_of(["Trp53", "x:1"]), own, kind="transcriptome", layer="rna")
    assert found.report["node"].tolist() == ["mgi:98834", "x:1"]


@pytest.mark.parametrize("kind", ["other", "mirna", "methylation", "metabolome"])
def test_a_layer_off_the_graph_is_no_error(kind):
    found = graph.feature_map(layer_of(["zz1", "zz2"]), small_graph(), kind=kind, layer="x")
    assert found.matrix.nnz == 0
    assert (found.report["status"] != "mapped").all()


def test_a_users_table_puts_probes_and_mirnas_on_genes():
    table = pd.DataFrame(
        {"name": ["cg01", "cg01", "mir-x"], "id": ["TP53", "AKT1", "TP53"], "weight": [1, 1, -1]}
    )
    found = graph.feature_map(
        layer_of(["cg01", "mir-x", "cg02"]), small_graph(), kind="mirna", layer="x", table=table
    )
    assert found.report["status"].tolist()[:2] == ["mapped", "mapped"]
    assert np.asarray(found.matrix.sum(axis=1)).ravel() == pytest.approx([1, -1, 0])


def test_unknown_kind_is_named():
    with pytest.raises(ValueError, match="kind of layer 'x'"):
        graph.feature_map(layer_of(["a"]), small_graph(), kind="rna", layer="x")


def test_20000_features_in_a_second():
    mod = layer_of(ids.hgnc()["symbol"].iloc[:20_000].tolist())
    whole = graph.reactome()
    start = time.perf_counter()
    graph.feature_map(mod, whole, kind="transcriptome", layer="rna")
    assert time.perf_counter() - start < 3  # 0.15 s on an idle machine


@pytest.mark.filterwarnings("ignore")
def test_coverage_of_ccle(shared):
    mdata = mudata.read_h5mu(shared / "data" / "ccle4" / "ccle4.h5mu")
    table = graph.coverage(mdata, graph.reactome())
    assert table.loc["protein", "fraction"] > 0.95
    assert table.loc["meth", "id_type"] == "symbol_region"
    assert table.loc["metab", "n_mapped"] == 0
    assert "needs a table" in table.loc["metab", "reasons"]
    with pytest.raises(KeyError, match="tables"):
        graph.coverage(mdata, small_graph(), tables={"nope": pd.DataFrame()})
    assert (table["n_in_pathway"] <= table["n_mapped"]).all()
