"""Other names, other platforms: the graph is the common vocabulary."""

from __future__ import annotations

import mudata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from tests_helpers import quick, snapshot

import pathweave as pw
from pathweave._core.warnings import DataWarning
from pathweave.models._match import same_nodes


def rna_only(mdata):
    with pw.io.quiet_mudata():
        return mudata.MuData({"rna": mdata["rna"].copy()})


def renamed(mdata, how):
    """The same values under other identifiers of the same genes."""
    table = pw.ids.map(list(mdata["rna"].var_names), to="hgnc").drop_duplicates("name")
    hgnc = table.set_index("name")["id"].reindex(mdata["rna"].var_names)
    assert hgnc.notna().all()
    assert hgnc.is_unique
    other = rna_only(mdata)
    if how == "hgnc":
        other["rna"].var_names = hgnc.to_list()
    elif how == "column":
        symbols = other["rna"].var_names.copy()
        other["rna"].var_names = [f"probe_{i}_at" for i in range(len(symbols))]
        other["rna"].var["symbol"] = symbols.to_numpy()
    other.update()
    return other


@pytest.fixture(scope="module")
def cohort(mdata):
    """RNA on the graph only, every gene once."""
    small = rna_only(mdata)
    nodes = set(pw.graph.reactome().nodes["id"])
    table = pw.ids.map(list(small["rna"].var_names), to="hgnc")
    good = table[table["id"].isin(nodes)].drop_duplicates("name")
    good = good[~good["id"].duplicated()]
    with pw.io.quiet_mudata():
        return mudata.MuData({"rna": small["rna"][:, good["name"].to_list()[:300]].copy()})


@pytest.fixture(scope="module")
def fitted(cohort, graph):
    return quick().fit(cohort, graph)


@pytest.mark.parametrize("how", ["hgnc", "column"])
def test_the_same_genes_under_other_names_give_the_same_embedding(cohort, fitted, how):
    other = renamed(cohort, how)
    before = snapshot(other)
    with pytest.warns(DataWarning, match="300 of 300 features seen in fit were not found by name"):
        there = fitted.embed(other)
    np.testing.assert_allclose(there, fitted.embed(cohort), atol=1e-5)
    assert snapshot(other) == before
    row = fitted.match(other).loc["rna"]
    assert (row["how"], row["n_by_name"], row["n_by_graph"], row["n_lost"]) == ("graph", 0, 300, 0)


def test_names_alone_find_nothing_and_say_so(cohort, fitted):
    other = renamed(cohort, "hgnc")
    assert fitted.match(other, match="names").loc["rna", "how"] == "nothing"
    with pytest.raises(ValueError, match=r"nothing of mdata .* with match='names'"):
        fitted.translate(other, match="names")
    with pytest.raises(ValueError, match="match='symbol'"):
        fitted.match(other, match="symbol")


def test_a_model_without_a_graph_knows_identifiers(cohort):
    model = pw.models.MultimodalVAE(4, max_epochs=2).fit(cohort)
    other = renamed(cohort, "hgnc")
    with pytest.warns(DataWarning, match="300 of 300 features"):
        there = model.embed(other)
    np.testing.assert_allclose(there, model.embed(cohort), atol=1e-5)


def test_genes_off_the_graph_are_found_by_their_identifiers(cohort):
    model = quick().fit(cohort, pw.graph.gmt({"few": list(cohort["rna"].var_names[:40])}))
    assert len(model.ensemble_.graph.node_ids) == 40
    other = renamed(cohort, "hgnc")
    with pytest.warns(DataWarning, match="300 of 300 features"):
        there = model.embed(other)
    np.testing.assert_allclose(there, model.embed(cohort), atol=1e-5)


def test_strange_names_are_told(cohort, fitted):
    other = rna_only(cohort)
    other["rna"].var = pd.DataFrame(index=[f"row {i}" for i in range(other["rna"].n_vars)])
    other.update()
    with pytest.raises(ValueError, match="has none of the 300 features seen in fit"):
        fitted.embed(other)


def test_some_names_differ(cohort, fitted):
    """By default names decide as soon as one matches; match="graph" fills the rest."""
    other = rna_only(cohort)
    hgnc = renamed(cohort, "hgnc")["rna"].var_names
    other["rna"].var_names = [*other["rna"].var_names[:200], *hgnc[200:]]
    other.update()
    assert fitted.match(other).loc["rna", ["how", "n_lost"]].tolist() == ["names", 100]
    row = fitted.match(other, match="graph").loc["rna"]
    assert (row["how"], row["n_by_name"], row["n_by_graph"]) == ("names and graph", 200, 100)
    with pytest.warns(DataWarning, match="100 of 300 features"):
        whole = fitted.translate(other)
    np.testing.assert_allclose(fitted.embed(whole), fitted.embed(cohort), atol=1e-5)
    assert whole["rna"].var["found_by"].value_counts().to_dict() == {"name": 200, "graph": 100}


def test_another_layer_name(cohort, fitted):
    with pw.io.quiet_mudata():
        other = mudata.MuData({"transcriptome": cohort["rna"].copy()})
    with pytest.raises(
        ValueError, match=r"'transcriptome' is transcriptome as 'rna' was.*rename=\{'transcriptome'"
    ):
        fitted.embed(other)
    moved = fitted.translate(other, rename={"transcriptome": "rna"})
    np.testing.assert_allclose(fitted.embed(moved), fitted.embed(cohort), atol=1e-5)
    with pytest.raises(ValueError, match=r"rename=.*'array' must be different layers of mdata"):
        fitted.translate(other, rename={"array": "rna"})
    with pytest.raises(ValueError, match="'protein' must be different layers of fit"):
        fitted.translate(other, rename={"transcriptome": "protein"})


def test_units_of_the_cohort(cohort, fitted):
    """A cohort in other units comes to the same place when each feature is standardised in it."""
    other = rna_only(cohort)
    other["rna"].X = other["rna"].X * 7.0 - 100.0
    same = fitted.embed(fitted.translate(cohort, units="cohort"))
    np.testing.assert_allclose(
        fitted.embed(fitted.translate(other, units="cohort")), same, atol=1e-3
    )
    assert np.abs(fitted.embed(fitted.translate(other)) - same).max() > 0.1
    # By default a sample does not depend on its company.
    with pw.io.quiet_mudata():
        alone = other[:1].copy()
    whole, one = (fitted.translate(m)["rna"].X for m in (other, alone))
    np.testing.assert_array_equal(whole[:1], one)
    with pytest.raises(ValueError, match="units"):
        fitted.translate(other, units="z")


def test_features_on_the_same_nodes_stand_for_each_other():
    ours = sp.csr_matrix([[1.0, 0, 0], [0.5, 0.5, 0], [0, 0, 1.0], [0, 1.0, 0]])
    theirs = sp.csr_matrix([[1.0, 0, 0], [1.0, 0, 0], [0, 1.0, 0]])
    expected = [[0.5, 0.5, 0], [1 / 3, 1 / 3, 1 / 3], [0, 0, 0], [0, 0, 1.0]]
    np.testing.assert_allclose(same_nodes(ours, theirs).toarray(), expected, atol=1e-6)


def test_unmeasured_values_have_no_say(cohort, fitted):
    other = renamed(cohort, "hgnc")
    rng = np.random.default_rng(0)
    hole = rng.random(other["rna"].shape) < 0.3
    other["rna"].X = np.where(hole, np.nan, other["rna"].X)
    here = rna_only(cohort)
    here["rna"].X = other["rna"].X.copy()
    with pytest.warns(DataWarning, match="not found by name"):
        there = fitted.embed(other)
    np.testing.assert_allclose(there, fitted.embed(here), atol=1e-5)


def test_missing_layers_are_counted(mdata, model, cohort):
    table = model.match(cohort)
    assert table.loc["meth", "how"] == "missing layer"
    assert table.loc["meth", "n_lost"] == len(model.layers_["meth"].features)
    assert isinstance(table, pd.DataFrame)


def test_a_layer_that_is_lost_as_a_whole_is_told(mdata):
    fitted = quick().fit(mdata, layers=["rna", "protein"])
    with pw.io.quiet_mudata():
        other = mudata.MuData({name: mdata[name].copy() for name in ("rna", "protein")})
        other["rna"].var_names = [f"unknown_{name}" for name in other["rna"].var_names]
        other["rna"].var = pd.DataFrame(index=other["rna"].var_names)  # no column of symbols either
        other.update()
    with pytest.warns(
        DataWarning, match="layer 'rna': none of the .* was found, so the layer is left out"
    ):
        assert list(fitted.translate(other).mod) == ["protein"]
