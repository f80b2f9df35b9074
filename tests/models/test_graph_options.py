"""Options of the graph part: edges without pathways, levels of pathways, gates, attention."""

from __future__ import annotations

import mudata
import numpy as np
import pandas as pd
import pytest

import pathweave as pw
from pathweave._core.warnings import LayerOffGraphWarning
from pathweave.models._hierarchy import pathway_levels

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*none of its .* features is on the graph:pathweave._core.warnings.LayerOffGraphWarning"
)
SMALL = {"max_epochs": 3, "n_folds": 2, "seed": 1, "n_jobs": 1}


@pytest.fixture(scope="module")
def own_edges(mdata):
    genes = list(mdata["rna"].var_names[:40])
    return pw.graph.edges(pd.DataFrame({"source": genes[:-1], "target": genes[1:]}))


@pytest.mark.parametrize("kind", [pw.models.PathwayVAE, pw.models.PathwayGNN])
def test_edges_without_pathways_are_read_node_by_node(tmp_path, mdata, own_edges, kind):
    model = kind(4, **SMALL).fit(mdata, own_edges, target="class")
    arrays = model.ensemble_.graph
    assert arrays.members == ()
    assert arrays.relation_names == ("signalling", "signalling backwards")
    assert model.pathways_ == ()
    with pytest.raises(ValueError, match="graph of this model has no pathways"):
        model.pathway_activity(mdata)
    tables = pw.explain.attribute(mdata, model, n_steps=4, max_samples=4)
    assert set(tables.gene["node"]) == set(arrays.node_ids)
    assert tables.pathway.empty
    with pw.io.quiet_mudata():
        written = pw.tl.embed(mdata, model, copy=True)
    assert "X_pathweave" in written.obsm
    assert "X_pathway_activity" not in written.obsm
    model.save(tmp_path / "run")
    again = pw.models.load(tmp_path / "run")
    np.testing.assert_array_equal(again.embed(mdata), model.embed(mdata))


def test_a_node_is_read_from_its_neighbour(mdata, own_edges):
    """A gene that nothing but the graph carries moves the latent of the graph network."""
    model = pw.models.PathwayGNN(4, **SMALL).fit(mdata, own_edges)
    with pw.io.quiet_mudata():
        alone = mudata.MuData({"rna": mdata["rna"].copy()})
    before = model.embed(alone)
    alone["rna"].X[:, 5] += 3.0
    assert np.abs(model.embed(alone) - before).max() > 1e-4


def test_without_a_pathway_of_the_size_nodes_with_edges_are_read(mdata, graph, own_edges):
    few = graph.subset(["reactome:R-HSA-69541"])
    for given, then in ((few | own_edges, "nodes are read one by one"), (few, "without the graph")):
        model = pw.models.PathwayVAE(4, pathway_size=(900, 901), **SMALL)
        with pytest.warns(LayerOffGraphWarning, match=f"has 900 to 901 measured members; .*{then}"):
            model.fit(mdata, given)
        assert model.pathways_ == ()
        assert (model.graph_ is None) == (given is few)
        assert np.isfinite(model.embed(mdata)).all()


def test_features_of_nodes_in_no_pathway_are_not_lost(mdata, graph, own_edges):
    """With two pathways most genes are on the graph but in no pathway: the encoders read them."""
    few = graph.subset(["reactome:R-HSA-69541", "reactome:R-HSA-162582"]) | own_edges
    model = pw.models.PathwayGNN(4, **SMALL).fit(mdata, few)
    arrays = model.ensemble_.graph
    pooled = np.unique(np.concatenate(arrays.members))
    assert 0 < len(pooled) < arrays.n_nodes
    rna = arrays.feature_maps["rna"]
    beside = np.flatnonzero((np.diff(rna.indptr) > 0) & (np.diff(rna[:, pooled].indptr) == 0))
    assert len(beside)
    assert set(beside) <= set(model.ensemble_.spec.layers[0].off_graph)
    with pw.io.quiet_mudata():
        alone = mudata.MuData({"rna": mdata["rna"].copy()})
    before = model.embed(alone)
    alone["rna"].X[:, beside] += 3.0
    assert np.abs(model.embed(alone) - before).max() > 1e-4


@pytest.fixture(scope="module")
def layered(mdata, graph):
    return pw.models.PathwayVAE(4, hierarchy=True, **SMALL).fit(mdata, graph, target="class")


def test_large_pathways_become_levels_with_names(tmp_path, mdata, graph, layered):
    arrays = layered.ensemble_.graph
    n = len(arrays.members)
    assert max(map(len, arrays.members)) <= 150
    added = layered.pathways_[n:]
    assert len(added) == sum(map(len, arrays.levels)) > 5
    size = layered.graph_.members.groupby("pathway")["node"].nunique()
    assert (size.loc[list(added)] > 150).all()
    assert "reactome:R-HSA-1430728" in added  # Metabolism, a root
    activity = layered.pathway_activity(mdata)
    assert activity.columns.tolist() == list(layered.pathways_)
    assert np.isfinite(activity.to_numpy()).all()
    layered.save(tmp_path / "run")
    again = pw.models.load(tmp_path / "run")
    pd.testing.assert_frame_equal(again.pathway_activity(mdata), activity)
    assert again.hierarchy is True
    under = {p: set(r) for p, r in zip(layered.pathways_, arrays.reach, strict=True)}
    members = layered.graph_.members
    position = {node: i for i, node in enumerate(arrays.node_ids)}
    for pathway in added:
        nodes = members.loc[members["pathway"] == pathway, "node"].map(position)
        assert under[pathway] <= set(nodes)


def test_levels_by_hand():
    pathways = pd.DataFrame(
        {
            "id": ["a", "b", "c", "mid", "only", "top", "round1", "round2"],
            "parents": ["mid", "mid", "only", "top", "top", "", "round2", "round1"],
        }
    )
    levels, ids = pathway_levels(pathways, ["a", "b", "c"], {"mid", "only", "top", "round1"})
    assert ids == ("mid", "top")  # "only" has one child, which goes on to "top"
    assert [[of.tolist() for of in level] for level in levels] == [[[0, 1]], [[2, 3]]]
    levels, ids = pathway_levels(pathways, ["a", "b", "c"], {"top"})
    assert ids == ("top",)
    assert levels[0][0].tolist() == [0, 1, 2]
    assert pathway_levels(pathways.assign(parents=""), ["a"], {"top"}) == ((), ())


def test_gates_are_read_edge_by_edge(mdata, own_edges):
    model = pw.models.PathwayVAE(4, gate_edges=True, **SMALL).fit(mdata, own_edges, target="class")
    table = model.edge_gates()
    assert table.columns.tolist() == ["source", "target", "type", "gate", "se"]
    forth = table[table["type"] == "signalling"].set_index(["source", "target"])
    assert set(forth.index) == set(
        own_edges.edges[["source", "target"]].itertuples(index=False, name=None)
    )
    assert table["gate"].between(0, 2).all()
    assert table["gate"].std() > 0
    shared = table.groupby(["target", "type"])["gate"].nunique()
    assert (shared == 1).all()
    closing = pw.models.PathwayVAE(4, gate_edges=True, gate_penalty=100.0, **SMALL)
    closing.fit(mdata, own_edges, target="class")
    assert closing.edge_gates()["gate"].max() < 1.0 < table["gate"].max()
    with pytest.raises(ValueError, match="gate_penalty=-1"):
        pw.models.PathwayGNN(4, gate_penalty=-1).fit(mdata, own_edges)
    plain = pw.models.PathwayVAE(4, **SMALL).fit(mdata, own_edges)
    with pytest.raises(ValueError, match="fit it with a graph and gate_edges=True"):
        plain.edge_gates()


def test_attention_takes_any_layers(mdata, own_edges):
    model = pw.models.PathwayVAE(4, fusion="attention", **SMALL)
    model.fit(mdata, own_edges, target="class")
    whole = model.embed(mdata)
    assert np.isfinite(whole).all()
    name = mdata.obs_names[7]
    layers = {n: m[m.obs_names == name].copy() for n, m in mdata.mod.items() if name in m.obs_names}
    with pw.io.quiet_mudata():
        alone = mudata.MuData(layers)
        part = mudata.MuData({"protein": mdata["protein"].copy()})
    np.testing.assert_allclose(model.embed(alone)[0], whole[7], atol=1e-5)
    assert np.isfinite(model.embed(part)).all()
    with pytest.raises(ValueError, match="fusion"):
        pw.models.MultimodalVAE(4, fusion="sum").fit(mdata)


def test_a_graph_of_other_genes_is_told_of_once(tmp_path):
    file = tmp_path / "other.gmt"
    file.write_text("P1\tna\tOR4F5\tOR4F29\tOR4F16\tDEFB1\tDEFB4A\n")
    mdata = pw.datasets.simulate(30, seed=0)
    model = pw.models.PathwayVAE(2, max_epochs=1, n_folds=2, n_jobs=1)
    with pytest.warns(LayerOffGraphWarning, match="^no layer has a feature on the graph") as told:
        model.fit(mdata, pw.graph.gmt(file), target="class")
    assert len(told) == 1
    assert model.graph_ is None
    with pytest.raises(ValueError, match="with one that holds none of its features"):
        pw.explain.test_pathways(mdata, model)
