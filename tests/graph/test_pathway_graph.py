"""The graph as a value: canonical form, checks, unions, subsets, nulls, files, exports."""

from __future__ import annotations

import json

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings

from pathweave import graph
from pathweave.graph import PathwayGraph

GENES = [f"hgnc:{i}" for i in range(12)]
NODES = [*GENES, *(f"chebi:{i}" for i in range(4))]
PATHWAYS = [f"p:{i}" for i in range(4)]
TYPES = ["activation", "inhibition", "binding"]
KEY = ["source", "target", "type", "sign", "directed"]
quick = settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def graphs(draw):
    edge = st.tuples(
        st.sampled_from(NODES), st.sampled_from(NODES), st.sampled_from(TYPES),
        st.sampled_from([-1, 0, 1]), st.booleans(), st.sampled_from(["", *PATHWAYS]),
        st.sampled_from(["", "b;a", "a;b", "c"]), st.sampled_from(["", "y;x", "x"]),
    )  # fmt: skip
    edges = draw(st.lists(edge, max_size=60))
    members = draw(
        st.lists(st.tuples(st.sampled_from(NODES), st.sampled_from(PATHWAYS)), max_size=40)
    )
    return PathwayGraph(
        nodes=pd.DataFrame({"id": NODES}),
        edges=pd.DataFrame(edges, columns=[*KEY, "pathways", "flags", "database"]),
        pathways=pd.DataFrame({"id": PATHWAYS, "parents": ["p:1", "p:2;p:3", "", ""]}),
        members=pd.DataFrame(members, columns=["node", "pathway"]),
    )


def degrees(g, *, seen_from):
    edges = g.edges
    kind = g.nodes.set_index("id")["kind"]
    other = {"source": "target", "target": "source"}[seen_from]
    partner = edges[other].map(kind)
    keys = [edges[seen_from], edges["type"], edges["sign"], edges["directed"], partner]
    return edges[edges["directed"]].groupby(keys).size().to_dict()


def undirected_degrees(g):
    loose = g.edges[~g.edges["directed"]]
    ends = pd.concat([loose["source"], loose["target"]]).to_numpy()
    rows = pd.concat([loose[["type", "sign"]]] * 2)
    return rows.assign(end=ends).groupby(["end", "type", "sign"]).size().to_dict()


@quick
@given(graphs(), graphs())
def test_union_is_idempotent_commutative_and_holds_both(a, b):
    assert a | a == a
    assert a | b == b | a
    for name in ("members", "nodes"):
        both = set(map(tuple, getattr(a | b, name).to_numpy()))
        assert both == {
            *map(tuple, getattr(a, name).to_numpy()),
            *map(tuple, getattr(b, name).to_numpy()),
        }
    assert not (a | b).edges.duplicated(KEY).any()


@quick
@given(graphs(), st.integers(0, 1000))
def test_digest_does_not_depend_on_the_order_of_rows(g, seed):
    rng = np.random.default_rng(seed)
    tables = {
        name: getattr(g, name).iloc[rng.permutation(len(getattr(g, name)))]
        for name in ("nodes", "edges", "pathways", "members")
    }
    assert PathwayGraph(**tables).digest == g.digest


@quick
@given(graphs(), st.integers(0, 1000))
def test_rewire_keeps_degrees_types_signs(g, seed):
    null = g.rewire(seed=seed)
    assert len(null.edges) == len(g.edges)
    for seen_from in ("source", "target"):
        assert degrees(null, seen_from=seen_from) == degrees(g, seen_from=seen_from)
    assert undirected_degrees(null) == undirected_degrees(g)
    assert null == g.rewire(seed=seed)


@quick
@given(graphs(), st.integers(0, 1000))
def test_other_nulls_keep_what_they_promise(g, seed):
    sizes = g.members.groupby("pathway").size().to_dict()
    random, permuted = g.random_pathways(seed=seed), g.permute_nodes(seed=seed)
    swapped = g.rewire(seed=seed, members=True)
    for null in (random, permuted, swapped):
        assert null.members.groupby("pathway").size().to_dict() == sizes
    assert (
        swapped.members["node"].value_counts().to_dict()
        == g.members["node"].value_counts().to_dict()
    )
    # Ends of undirected edges are sorted anew, so that only those of directed ones can be told apart.
    directed = [x.edges[x.edges["directed"]] for x in (g, permuted)]
    for end in ("source", "target"):
        before, after = (sorted(edges[end].value_counts()) for edges in directed)
        assert before == after


def test_rewire_changes_most_of_a_large_graph():
    rng = np.random.default_rng(0)
    pairs = pd.DataFrame(rng.integers(0, 200, (1000, 2)), columns=["source", "target"])
    pairs = "hgnc:" + pairs.drop_duplicates().astype(str)
    g = PathwayGraph(nodes=pd.DataFrame({"id": [f"hgnc:{i}" for i in range(200)]}), edges=pairs)
    same = g.rewire(seed=1).edges.merge(g.edges, on=["source", "target"])
    assert len(same) < 0.1 * len(pairs)
    assert g.rewire(seed=1) != g.rewire(seed=2)


def test_rewire_without_edges_swaps_members():
    sets = {str(i): [f"hgnc:{j}" for j in range(i, i + 9)] for i in range(20)}
    members = pd.DataFrame(
        [(n, f"p:{p}") for p, ns in sets.items() for n in ns], columns=["node", "pathway"]
    )
    g = PathwayGraph(
        nodes=pd.DataFrame({"id": members["node"].unique()}),
        pathways=pd.DataFrame({"id": members["pathway"].unique()}),
        members=members,
    )
    null = g.rewire(seed=0)
    assert len(null.members.merge(g.members)) < 0.75 * len(members)
    assert g.rewire(seed=0, members=False) == g


@quick
@given(graphs())
def test_save_and_load_give_the_same_graph(g):
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        g.save(f"{folder}/g")
        g.save(f"{folder}/g")
        again = PathwayGraph.load(f"{folder}/g")
    assert again == g
    for name in ("nodes", "edges", "pathways", "members"):
        pd.testing.assert_frame_equal(getattr(again, name), getattr(g, name))


@quick
@given(graphs())
def test_exports_tell_the_same_counts(g):
    undirected = (~g.edges["directed"] & (g.edges["source"] != g.edges["target"])).sum()
    nx = g.to_networkx()
    assert nx.number_of_nodes() == len(g.nodes)
    assert nx.number_of_edges() == len(g.edges) + undirected
    table = g.to_decoupler()
    assert len(table) == g.members["node"].isin(GENES).sum()


def test_a_graph_never_changes():
    g = PathwayGraph(nodes=pd.DataFrame({"id": ["hgnc:1"]}))
    before = g.digest
    nodes = g.nodes
    nodes.loc[0, "id"] = "hgnc:2"
    g.meta["x"] = 1
    with pytest.raises(AttributeError, match="never changes"):
        g.digest = "x"
    assert g.nodes["id"].tolist() == ["hgnc:1"]
    assert g.meta == {}
    assert PathwayGraph(nodes=g.nodes).digest == before


def test_parallel_edges_stay_and_equal_ones_merge():
    g = PathwayGraph(
        nodes=pd.DataFrame({"id": ["hgnc:1", "hgnc:2"]}),
        pathways=pd.DataFrame({"id": ["p:1", "p:2"]}),
        edges=pd.DataFrame(
            [("hgnc:1", "hgnc:2", "activation", 1, "p:1"), ("hgnc:1", "hgnc:2", "activation", 1, "p:2"),
             ("hgnc:1", "hgnc:2", "inhibition", -1, "p:2")],
            columns=["source", "target", "type", "sign", "pathways"],
        ),
    )  # fmt: skip
    assert g.edges["pathways"].tolist() == ["p:1;p:2", "p:2"]
    assert g.edges["sign"].dtype == np.int8


@pytest.mark.parametrize(
    ("tables", "error", "match"),
    [
        ({"nodes": pd.DataFrame({"ID": ["a"]})}, ValueError, "nodes lacks the columns 'id'"),
        ({"nodes": ["a"]}, TypeError, "nodes must be a DataFrame, found list"),
        ({"nodes": pd.DataFrame({"id": ["a", None]})}, ValueError, "'id' is empty in 1 row"),
        ({"nodes": pd.DataFrame({"id": ["a"], "colour": [1]})}, ValueError, "unknown 'colour'"),
        ({"members": pd.DataFrame({"node": ["z"], "pathway": ["p"]})}, ValueError, "'node' are not in nodes: 'z'"),
        ({"edges": pd.DataFrame({"source": ["z"], "target": ["z"]})}, ValueError, "'source' are not in nodes"),
        ({"pathways": pd.DataFrame({"id": ["p"], "parents": ["q"]})}, ValueError, "parent.* 'q'"),
        ({"pathways": pd.DataFrame({"id": ["p;q"]})}, ValueError, "must not hold ';'"),
    ],
)  # fmt: skip
def test_wrong_tables_are_named(tables, error, match):
    with pytest.raises(error, match=match):
        PathwayGraph(**tables)


@pytest.mark.parametrize(("column", "value"), [("sign", 2), ("sign", "up"), ("weight", np.inf)])
def test_wrong_edge_values_are_named(column, value):
    edges = pd.DataFrame({"source": ["hgnc:1"], "target": ["hgnc:1"], column: [value]})
    with pytest.raises(ValueError, match=column):
        PathwayGraph(nodes=pd.DataFrame({"id": ["hgnc:1"]}), edges=edges)


def chain():
    """Three pathways above each other with one member each, and an edge in the lowest."""
    return PathwayGraph(
        nodes=pd.DataFrame({"id": ["hgnc:1", "hgnc:2", "hgnc:3"]}),
        pathways=pd.DataFrame({"id": ["p:a", "p:b", "p:c"], "parents": ["p:b", "p:c", ""]}),
        members=pd.DataFrame({"node": ["hgnc:1", "hgnc:2", "hgnc:3"], "pathway": ["p:a", "p:b", "p:c"]}),
        edges=pd.DataFrame({"source": ["hgnc:1"], "target": ["hgnc:2"], "pathways": ["p:a"]}),
    )  # fmt: skip


def test_rolled_up_and_subset_follow_the_hierarchy():
    g = chain()
    rolled = g.rolled_up()
    assert rolled.members.groupby("pathway").size().to_dict() == {"p:a": 1, "p:b": 2, "p:c": 3}
    assert rolled.rolled_up() == rolled
    top = g.subset(["c"])
    assert set(top.members["node"]) == {"hgnc:1", "hgnc:2", "hgnc:3"}
    assert top.edges["pathways"].tolist() == ["p:c"]
    ends = g.subset(["p:a", "p:c"])
    assert ends.pathways.set_index("id").loc["p:a", "parents"] == "p:c"
    with pytest.raises(KeyError, match="'p:z' not in the graph"):
        g.subset(["p:z"])


def test_restrict_drops_empty_pathways_but_not_ancestors():
    small = chain().restrict(["hgnc:2", "hgnc:99"])
    assert small.nodes["id"].tolist() == ["hgnc:2"]
    assert small.pathways["id"].tolist() == ["p:b", "p:c"]
    assert small.edges.empty


def test_projection_weights_by_hand():
    g = chain().rolled_up()
    weight = g.project_genes().edges.set_index(["source", "target"])["weight"].to_dict()
    assert weight == {
        ("hgnc:1", "hgnc:2"): 1.5,
        ("hgnc:1", "hgnc:3"): 0.5,
        ("hgnc:2", "hgnc:3"): 0.5,
    }
    assert len(g.project_genes(max_size=2).edges) == 1
    with pytest.raises(ValueError, match="at least 2"):
        g.project_genes(max_size=1)


def test_load_tells_damage_from_absence(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no graph\.json"):
        PathwayGraph.load(tmp_path / "none")
    chain().save(tmp_path / "g")
    PathwayGraph().nodes.to_parquet(tmp_path / "g" / "members.parquet")
    with pytest.raises(ValueError, match=r"members lacks|do not fit the digest"):
        PathwayGraph.load(tmp_path / "g")
    header = json.loads((tmp_path / "g" / "graph.json").read_text())
    (tmp_path / "g" / "graph.json").write_text(json.dumps({**header, "format": 99}))
    with pytest.raises(ValueError, match="format 99"):
        PathwayGraph.load(tmp_path / "g")
    other = tmp_path / "mine"
    other.mkdir()
    (other / "thesis.txt").write_text("x")
    with pytest.raises(FileExistsError, match="not a saved graph"):
        chain().save(other)
    assert (other / "thesis.txt").read_text() == "x"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["g", "mine"]


def test_pyg_holds_reverse_relations_and_isolated_nodes():
    g = chain() | PathwayGraph(
        nodes=pd.DataFrame({"id": ["hgnc:1", "hgnc:3", "hgnc:9", "chebi:1"]}),
        edges=pd.DataFrame(
            [("hgnc:1", "hgnc:3", "inhibition", -1, True), ("hgnc:1", "hgnc:3", "inhibition", 1, True),
             ("hgnc:1", "hgnc:3", "binding", 0, False)],
            columns=KEY,
        ),
    )  # fmt: skip
    data = g.to_pyg()
    with pytest.warns(UserWarning, match="compound.* isolated"):
        assert data.validate()
    assert data["gene"].num_nodes == 4
    assert data["gene"].node_id == ["hgnc:1", "hgnc:2", "hgnc:3", "hgnc:9"]
    assert data["gene", "inhibition", "gene"].edge_index.tolist() == [[0], [2]]
    assert data["gene", "rev_inhibition", "gene"].edge_index.tolist() == [[2], [0]]
    assert data["gene", "inhibition_positive", "gene"].edge_sign.tolist() == [1]
    assert sorted(data["gene", "binding", "gene"].edge_index.T.tolist()) == [[0, 2], [2, 0]]
    assert data["pathway", "child_of", "pathway"].edge_index.tolist() == [[0, 1], [1, 2]]


def test_gmt_needs_whole_lines(tmp_path):
    with pytest.raises(TypeError, match="sets must be a GMT file or a dictionary, found list"):
        graph.gmt(["TP53"])
    with pytest.raises(TypeError, match="must be a list of genes"):
        graph.gmt({"a": "TP53"})
    file = tmp_path / "sets.gmt"
    file.write_text("a\tx\tTP53\nb\n")
    with pytest.raises(ValueError, match="line 2"):
        graph.gmt(file)
    file.write_text("")
    with pytest.raises(ValueError, match="holds no gene set"):
        graph.gmt(file)


def test_edge_table_needs_its_columns():
    with pytest.raises(ValueError, match="lacks the columns 'source'"):
        graph.edges(pd.DataFrame({"from": ["TP53"], "target": ["MDM2"]}))
    table = pd.DataFrame(
        {"source": ["hgnc:1"], "target": ["chebi:2"], "sign": [-1], "directed": ["no"]}
    )
    made = graph.edges(table)
    assert made.edges[["type", "directed"]].to_numpy().tolist() == [["inhibition", False]]


def test_gmt_knows_stable_ids_and_comes_back_whole(tmp_path):
    file = tmp_path / "sets.gmt"
    file.write_text(
        "Apoptosis\tR-HSA-109581\tTP53\tnonsense-gene\n"
        "Cell%WikiPathways_20220610%WP179%Homo sapiens\thttp://x.org/WP179\tMDM2\n"
        "HALLMARK_X\thttp://x.org\tATM\tncbigene:1\n"
    )
    sets = graph.gmt(file)
    assert sets.pathways["id"].tolist() == [
        "gmt:HALLMARK_X",
        "reactome:R-HSA-109581",
        "wikipathways:WP179",
    ]
    assert sets.pathways["name"].tolist() == ["HALLMARK_X", "Apoptosis", "Cell"]
    assert sets.meta["gmt"]["genes_not_mapped"] == 1
    sets.to_gmt(tmp_path / "again.gmt")
    assert graph.gmt(tmp_path / "again.gmt") == sets
    with pytest.raises(ValueError, match="no gene could be mapped"):
        graph.gmt({"a": ["nonsense-gene"]})


def test_edges_that_cannot_be_mapped_are_counted():
    table = pd.DataFrame({"source": ["MDM2", "nonsense-gene"], "target": ["TP53", "TP53"]})
    made = graph.edges(table)
    assert len(made.edges) == 1
    assert made.meta["edges"] == {"rows": 2, "rows_not_mapped": 1}


def test_rename_merges_nodes_that_are_one():
    """Pyruvate of KEGG meets pyruvate of ChEBI: what either had, the one node has."""
    nodes = pd.DataFrame(
        {
            "id": ["chebi:15361", "hgnc:1", "hgnc:2", "kegg.compound:C00022"],
            "symbol": ["", "A", "B", "C00022"],
            "name": ["pyruvate", "", "", "Pyruvic acid"],
        }
    )
    edges = pd.DataFrame(
        {
            "source": ["hgnc:1", "kegg.compound:C00022", "chebi:15361", "hgnc:1"],
            "target": ["chebi:15361", "hgnc:2", "kegg.compound:C00022", "kegg.compound:C00022"],
            "type": ["catalysis"] * 4,
            "pathways": ["", "", "", "p:k"],
        }
    )
    pathways = pd.DataFrame({"id": ["p:k", "p:r"]})
    members = pd.DataFrame(
        {"node": ["kegg.compound:C00022", "chebi:15361"], "pathway": ["p:k", "p:r"]}
    )
    before = graph.PathwayGraph(nodes=nodes, edges=edges, pathways=pathways, members=members)
    digest = before.digest
    one = before.rename({"kegg.compound:C00022": "chebi:15361", "hgnc:99": "hgnc:100"})
    assert one.nodes["id"].tolist() == ["chebi:15361", "hgnc:1", "hgnc:2"]
    assert one.nodes.set_index("id").loc["chebi:15361", ["symbol", "name"]].tolist() == [
        "C00022", "pyruvate",
    ]  # fmt: skip
    found = one.edges[["source", "target", "pathways"]].to_numpy().tolist()
    assert found == [["chebi:15361", "hgnc:2", ""], ["hgnc:1", "chebi:15361", "p:k"]]
    assert one.members["node"].tolist() == ["chebi:15361"] * 2
    assert before.digest == digest
    assert before.rename({}) == before
    there = {"hgnc:1": "my:1", "hgnc:2": "hgnc:1"}
    back = {new: old for old, new in there.items()}
    assert before.rename(there).rename(back) == before
    with pytest.raises(ValueError, match=r"nodes: 'TP53' are no ids"):
        before.rename({"hgnc:1": "TP53"})


def test_graphml_holds_every_row_once(tmp_path):
    import networkx as nx

    edges = pd.DataFrame(
        {
            "source": ["hgnc:1", "hgnc:1", "hgnc:2"],
            "target": ["hgnc:2", "hgnc:2", "hgnc:3"],
            "type": ["activation", "inhibition", "complex"],
            "sign": [1, -1, 0],
            "directed": [True, True, False],
        }
    )
    nodes = pd.DataFrame({"id": ["hgnc:1", "hgnc:2", "hgnc:3"], "symbol": ["A&B", "<C>", "é"]})
    made = graph.PathwayGraph(nodes=nodes, edges=edges)
    made.to_graphml(tmp_path / "a.graphml")
    read = nx.read_graphml(tmp_path / "a.graphml")
    assert [read.nodes[n]["symbol"] for n in nodes["id"]] == ["A&B", "<C>", "é"]
    rows = [(s, t, d["type"], d["sign"], d["directed"]) for s, t, d in read.edges(data=True)]
    columns = ["source", "target", "type", "sign", "directed"]
    assert sorted(rows) == sorted(made.edges[columns].itertuples(index=False, name=None))
    with pytest.raises(FileNotFoundError, match="make it first"):
        made.to_graphml(tmp_path / "no" / "a.graphml")


def test_a_union_hides_no_licence_and_shrinks_no_pathway(tmp_path):
    """An edge of one's own, which no pathway claims, stays in all of them whatever KEGG says of it."""
    (tmp_path / "hsa99999.xml").write_text(
        '<pathway name="path:hsa99999" org="hsa" number="99999" title="Made up">'
        '<entry id="1" name="hsa:7157" type="gene"/><entry id="2" name="hsa:4193" type="gene"/>'
        '<relation entry1="1" entry2="2" type="PPrel"><subtype name="activation" value=""/>'
        "</relation></pathway>"
    )
    table = pd.DataFrame({"source": ["TP53"], "target": ["MDM2"], "sign": [1]})
    own, kegg = graph.edges(table), graph.kegg(tmp_path)
    sets = graph.gmt({"a": ["TP53", "MDM2"]})
    for whole in (own | sets | kegg, kegg | own | sets):
        assert len(whole.subset(["gmt:a"]).edges) == 1
        assert whole.edges["flags"].str.contains("unclaimed").all()
        assert "not to be passed on" in whole.meta["kegg"]["licence"]
    assert len((sets | kegg).subset(["gmt:a"]).edges) == 0
    both = (graph.reactome() | own | graph.edges(table[:0])).meta
    assert both["reactome"]["licence"] == "CC0-1.0"
    assert (both["edges"]["rows"], both["edges (2)"]["rows"]) == (1, 0)


def test_losses_of_all_sources_are_one_table():
    rows = pd.DataFrame({"source": ["TP53", "nogene1"], "target": ["MDM2", "TP53"]})
    told = (graph.edges(rows) | graph.gmt({"a": ["TP53", "nogene2"]})).losses()
    assert told.to_numpy().tolist() == [
        ["edges", "rows not mapped", 1, ""],
        ["edges", "names: unknown symbol", 1, "nogene1"],
        ["gmt", "genes not mapped", 1, ""],
        ["gmt", "names: unknown symbol", 1, "nogene2"],
    ]


def test_restrict_to_symbols_says_that_they_are_no_ids():
    with pytest.raises(ValueError, match=r"nodes: none of 'TP53' is in the graph.*hgnc:"):
        graph.gmt({"a": ["TP53"]}).restrict("TP53")


def test_the_type_tells_the_sign_of_ones_own_edges():
    rows = pd.DataFrame({"source": ["MDM2"], "target": ["TP53"], "type": ["inhibition"]})
    assert graph.edges(rows).edges["sign"].tolist() == [-1]
    with pytest.raises(
        ValueError, match=r"1 row\(s\) contradict themselves.*'inhibition' with sign"
    ):
        graph.edges(rows.assign(sign=1))


def test_one_content_one_digest():
    nodes = pd.DataFrame({"id": ["a:1", "a:2"]})
    edge = {"source": ["a:1"], "target": ["a:2"]}

    def made(**more):
        return PathwayGraph(nodes=nodes, edges=pd.DataFrame({**edge, **more}))

    one = made(flags=["b;a"], database=["y;x"], weight=[-0.0])
    assert one == made(flags=["a;b"], database=["x;y"], weight=[0.0]) == one | one
    names = [PathwayGraph(nodes=nodes.assign(name=n)) for n in (["x\x1fy", "z"], ["x", "y\x1fz"])]
    assert names[0] != names[1]
    assert len(PathwayGraph(nodes=nodes.assign(name=["\ud800", ""])).digest) == 64


def test_a_kind_that_is_told_wins_over_a_guess():
    guessed = PathwayGraph(nodes=pd.DataFrame({"id": ["mgi:1"]}))
    told = PathwayGraph(nodes=pd.DataFrame({"id": ["mgi:1"], "kind": ["gene"]}))
    assert guessed.nodes["kind"].tolist() == ["other"]
    assert (guessed | told) == (told | guessed) == told


@pytest.mark.parametrize(
    ("given", "read"), [("False", False), ("no", False), ("1", True), (0, False)]
)
def test_directions_are_read_as_they_are_written(given, read):
    nodes = pd.DataFrame({"id": ["a:1", "a:2"]})
    edges = pd.DataFrame({"source": ["a:1"], "target": ["a:2"], "directed": [given]})
    assert PathwayGraph(nodes=nodes, edges=edges).edges["directed"].tolist() == [read]
    for odd in ("maybe", np.nan):
        with pytest.raises(ValueError, match="edges: 'directed' must be true or false"):
            PathwayGraph(nodes=nodes, edges=edges.assign(directed=odd))


def test_an_id_that_several_pathways_end_with_is_not_guessed():
    pathways = pd.DataFrame({"id": ["gmt:apop", "mine:apop"]})
    g = PathwayGraph(pathways=pathways)
    assert g.subset(["mine:apop"]).pathways["id"].tolist() == ["mine:apop"]
    with pytest.raises(
        ValueError, match="'apop' is the end of 2 ids; give one of 'gmt:apop', 'mine:apop'"
    ):
        g.subset(["apop"])


def test_gmt_lines_stay_whole_whatever_the_names(tmp_path):
    g = PathwayGraph(
        nodes=pd.DataFrame({"id": ["a:1", "a:2"], "kind": "gene", "symbol": ["A\tB", "C\nD"]}),
        pathways=pd.DataFrame({"id": ["p:x\ty"], "name": ["n"]}),
        members=pd.DataFrame({"node": ["a:1", "a:2"], "pathway": "p:x\ty"}),
    )
    g.to_gmt(tmp_path / "x.gmt")
    assert (tmp_path / "x.gmt").read_bytes() == b"p:x y\tn\tA B\tC D\n"


def test_a_relation_that_has_the_name_of_membership_is_refused():
    g = PathwayGraph(
        nodes=pd.DataFrame({"id": ["a:1", "p:1"], "kind": ["gene", "pathway"]}),
        edges=pd.DataFrame({"source": ["a:1"], "target": ["p:1"], "type": ["member_of"]}),
        pathways=pd.DataFrame({"id": ["p:1"]}),
        members=pd.DataFrame({"node": ["a:1"], "pathway": ["p:1"]}),
    )
    with pytest.raises(ValueError, match="type 'member_of' is the name of a relation of pathways"):
        g.to_pyg()
