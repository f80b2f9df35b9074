"""Graphs from networkx graphs and from nets of decoupler, and back."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pathweave import graph
from pathweave.graph import PathwayGraph


def found(made):
    """Edges by symbol, as source, target, type, sign, directed, weight."""
    label = made.nodes.set_index("id")["symbol"]
    label = label.where(label != "", label.index)
    edges = made.edges
    ends = (edges[end].map(label) for end in ("source", "target"))
    return set(
        zip(*ends, edges["type"], edges["sign"], edges["directed"], edges["weight"], strict=True)
    )


@pytest.fixture
def small():
    """All kinds of nodes and edges: undirected, parallel, a loop, a pathway without members."""
    edges = [
        ("hgnc:6973", "hgnc:11998", "inhibition", -1, True, "p:a;p:b", "x;y", 0.5, "u;v"),
        ("hgnc:6973", "hgnc:11998", "expression", 1, True, "", "x", 1.0, ""),
        ("hgnc:11998", "hgnc:6973", "binding", 0, False, "p:b", "", 2.0, "w"),
        ("hgnc:11998", "hgnc:11998", "binding", 0, False, "", "", 1.0, ""),
        ("chebi:15422", "hgnc:795", "activation", 0, True, "", "", -3.0, ""),
    ]
    columns = ["source", "target", "type", "sign", "directed", "pathways", "database", "weight",
               "flags"]  # fmt: skip
    return PathwayGraph(
        nodes=pd.DataFrame(
            {
                "id": ["hgnc:6973", "hgnc:11998", "hgnc:795", "chebi:15422", "my:alone"],
                "symbol": ["MDM2", "TP53", "ATM", "ATP", ""],
                "kind": ["gene", "gene", "gene", "compound", "phenotype"],
                "name": ["", "tumor protein", "", "", "alone; but named"],
            }
        ),
        edges=pd.DataFrame(edges, columns=columns),
        pathways=pd.DataFrame(
            {"id": ["p:a", "p:b", "p:top"], "name": ["A", "B", "Top"], "database": ["d", "", "d"],
             "parents": ["p:top", "p:a;p:top", ""]}
        ),
        members=pd.DataFrame(
            {"node": ["hgnc:6973", "hgnc:6973", "my:alone"], "pathway": ["p:a", "p:b", "p:b"]}
        ),
        meta={"release": "1"},
    )  # fmt: skip


# networkx


@pytest.mark.parametrize(
    ("kind", "directed"),
    [(nx.Graph, False), (nx.DiGraph, True), (nx.MultiGraph, False), (nx.MultiDiGraph, True)],
)
def test_all_kinds_of_networkx_graphs(kind, directed):
    G = kind()
    G.add_edge("MDM2", "TP53", sign=-1, weight=0.5)
    G.add_edge("ATM", "TP53", type="phosphorylation")
    G.add_node("CDK2")
    made = graph.from_networkx(G)
    # Of an undirected edge the alphabetically first id is the source: TP53 is hgnc:11998.
    ends = ("MDM2", "TP53") if directed else ("TP53", "MDM2")
    atm = ("ATM", "TP53") if directed else ("TP53", "ATM")
    assert found(made) == {
        (*ends, "inhibition", -1, directed, 0.5),
        (*atm, "phosphorylation", 0, directed, 1.0),
    }
    assert set(made.nodes["symbol"]) == {"MDM2", "TP53", "ATM", "CDK2"}
    assert set(made.edges["database"]) == {"networkx"}
    assert made.meta == {"networkx": {"nodes": 4, "rows": 2, "rows_not_mapped": 0}}


@pytest.mark.parametrize("kind", [nx.MultiGraph, nx.MultiDiGraph])
def test_parallel_edges(kind):
    G = kind()
    G.add_edge("TP53", "MDM2", sign=1)
    G.add_edge("TP53", "MDM2", sign=-1)
    G.add_edge("TP53", "MDM2", sign=-1, weight=7, flags=["b", "a"])
    made = graph.from_networkx(G)
    assert {edge[2:4] + edge[5:] for edge in found(made)} == {
        ("activation", 1, 1.0),
        ("inhibition", -1, 7.0),
    }
    assert set(made.edges["flags"]) == {"", "a;b"}


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"weight": -2}, ("inhibition", -1, 2.0)),
        ({"weight": 2}, ("interaction", 0, 2.0)),
        ({"weight": -2, "sign": 1}, ("activation", 1, -2.0)),
        ({"weight": None, "sign": None}, ("interaction", 0, 1.0)),
        ({"weight": "0.5", "sign": "-"}, ("inhibition", -1, 0.5)),
        ({"sign": "+1"}, ("activation", 1, 1.0)),
        ({"sign": -0.7}, ("inhibition", -1, 1.0)),
        ({"sign": 0, "type": "binding"}, ("binding", 0, 1.0)),
        ({"sign": float("nan")}, ("interaction", 0, 1.0)),
    ],
)
def test_signs_and_weights(data, expected):
    made = graph.from_networkx(nx.DiGraph([("MDM2", "TP53", data)]))
    assert {(*edge[2:4], edge[5]) for edge in found(made)} == {expected}


def test_attributes_of_other_names():
    G = nx.DiGraph()
    G.add_node(0, gene="MDM2")
    G.add_node(1, gene=float("nan"))
    G.add_node(2, gene="TP53")
    G.add_edge(0, 2, how="ubiquitination", effect=-1, size=3)
    G.add_edge(1, 2)
    keys = {"type_key": "how", "sign_key": "effect", "weight_key": "size"}
    made = graph.from_networkx(G, name_key="gene", **keys, database="mine")
    assert found(made) == {("MDM2", "TP53", "ubiquitination", -1, True, 3.0)}
    assert set(made.nodes["symbol"]) == {"MDM2", "TP53"}  # and not SCN11A, whose alias is NaN
    assert made.meta == {"mine": {"nodes": 3, "rows": 2, "rows_not_mapped": 1}}
    G.add_node(3)
    with pytest.raises(KeyError, match="name_key='gene': node 3 has no such attribute"):
        graph.from_networkx(G, name_key="gene")


def test_an_edge_can_say_whether_it_is_directed():
    edges = [("MDM2", "TP53", {"directed": "false"}), ("ATM", "TP53", {"directed": False}), ("CDK2", "TP53", {})]  # fmt: skip
    made = graph.from_networkx(nx.DiGraph(edges))
    assert {(edge[0], edge[4]) for edge in found(made)} == {("TP53", False), ("CDK2", True)}
    made = graph.from_networkx(nx.Graph([("MDM2", "TP53", {"directed": None})]))
    assert not made.edges["directed"].any()
    with pytest.raises(ValueError, match="G: 'directed' must be true or false, found 'perhaps'"):
        graph.from_networkx(nx.DiGraph([("MDM2", "TP53", {"directed": "perhaps"})]))


def test_names_of_nodes():
    G = nx.Graph([(7157, 4193), (7157, 99999999)])
    made = graph.from_networkx(G, identifiers="entrez")
    assert set(made.nodes["symbol"]) == {"TP53", "MDM2"}
    why = "Entrez number without an HGNC gene"
    assert made.meta["networkx_lost"] == {why: {"n": 1, "names": ["99999999"]}}
    names = pd.DataFrame({"name": ["AP1"], "id": ["FOS;JUN"]})
    made = graph.from_networkx(nx.DiGraph([("AP1", "MYC")]), names=names)
    assert {edge[:2] for edge in found(made)} == {("FOS", "MYC"), ("JUN", "MYC")}
    made = graph.from_networkx(nx.DiGraph([("my:a", 1)]), identifiers="node")
    assert made.edges[["source", "target"]].to_numpy().tolist() == [["my:a", "1"]]


def test_order_of_nodes_and_edges_does_not_matter():
    edges = [("MDM2", "TP53"), ("HDM2", "ATM"), ("CDK2", "TP53")]
    made = graph.from_networkx(nx.Graph(edges))
    other = graph.from_networkx(nx.Graph([(b, a) for a, b in edges[::-1]]))
    assert (made, made.meta) == (other, other.meta)


def test_a_graph_comes_back_as_it_was(small):
    back = graph.from_networkx(small.to_networkx())
    assert back == small
    assert back.digest == small.digest
    for name in ("nodes", "edges", "pathways", "members"):
        pd.testing.assert_frame_equal(getattr(back, name), getattr(small, name))
    assert graph.from_networkx(PathwayGraph().to_networkx()) == PathwayGraph()


def test_what_was_done_to_it_since_counts(small):
    G = small.to_networkx()
    G.remove_node("my:alone")
    G.remove_edge("hgnc:6973", "hgnc:11998", key="inhibition-1")
    G.add_edge("hgnc:795", "hgnc:1771", sign=1, pathways=["p:new"])
    made = graph.from_networkx(G)
    assert set(made.nodes["id"]) == {
        "hgnc:6973", "hgnc:11998", "hgnc:795", "chebi:15422", "hgnc:1771"
    }  # fmt: skip
    assert len(made.edges) == 5
    assert "inhibition" not in set(made.edges["type"])
    assert set(made.pathways["id"]) == {"p:a", "p:b", "p:top", "p:new"}
    assert len(made.members) == 2


def test_graphml_comes_back_but_for_the_table_of_pathways(small, tmp_path):
    small.to_graphml(tmp_path / "small.graphml")
    back = graph.from_networkx(nx.read_graphml(tmp_path / "small.graphml"), identifiers="node")
    for name in ("nodes", "edges", "members"):
        pd.testing.assert_frame_equal(getattr(back, name), getattr(small, name))
    assert back.pathways["name"].tolist() == ["p:a", "p:b"]


@settings(max_examples=50)
@given(
    edges=st.lists(
        st.tuples(
            st.integers(0, 4),
            st.integers(0, 4),
            st.sampled_from(["a", "b"]),
            st.sampled_from([-1, 0, 1]),
            st.booleans(),
            st.floats(-5, 5),
        ),
        max_size=12,
    )
)
def test_any_graph_comes_back(edges):
    table = pd.DataFrame(edges, columns=["source", "target", "type", "sign", "directed", "weight"])
    for end in ("source", "target"):
        table[end] = "n:" + table[end].astype(str)
    made = PathwayGraph(nodes=pd.DataFrame({"id": [f"n:{i}" for i in range(5)]}), edges=table)
    assert graph.from_networkx(made.to_networkx()).digest == made.digest


@pytest.mark.parametrize(
    ("G", "options", "error", "why"),
    [
        ([("A", "B")], {}, TypeError, "G must be a networkx graph, found list"),
        (nx.Graph([("MDM2", "TP53", {"weight": "big"})]), {}, ValueError, "weight_key='weight': edge 'MDM2' - 'TP53' has 'big', which is no number"),
        (nx.Graph([("MDM2", "TP53", {"sign": "up"})]), {}, ValueError, "sign_key='sign': edge 'MDM2' - 'TP53' has 'up', which is no number"),
        (nx.Graph([("MDM2", "TP53", {"weight": float("inf")})]), {}, ValueError, "'weight' holds values that are not finite"),
        (nx.Graph([("nogene1", "nogene2")]), {}, ValueError, "lost were 'nogene1', 'nogene2'"),
        (nx.Graph([("MDM2", "TP53")]), {"identifiers": "nodes"}, ValueError, "identifiers='nodes' is not known"),
    ],
)  # fmt: skip
def test_wrong_networkx_graphs(G, options, error, why):
    with pytest.raises(error, match=why):
        graph.from_networkx(G, **options)


# decoupler

NET = pd.DataFrame(
    {"source": ["MYC", "MYC", "AP1"], "target": ["CDKN1A", "TP53", "MYC"], "weight": [-0.5, 2, 0]}
)


@pytest.mark.parametrize("column", ["weight", "mor"])
def test_nets_as_edges(column):
    net = NET.rename(columns={"weight": column}).assign(resources="a;b")
    before = net.copy(deep=True)
    names = pd.DataFrame({"name": ["AP1"], "id": ["FOS;JUN"]})
    made = graph.from_decoupler(net, names=names)
    assert found(made) == {
        ("MYC", "CDKN1A", "repression", -1, True, 0.5),
        ("MYC", "TP53", "expression", 1, True, 2.0),
        ("FOS", "MYC", "expression", 0, True, 0.0),
        ("JUN", "MYC", "expression", 0, True, 0.0),
    }
    assert set(made.edges["database"]) == {"decoupler"}
    assert made.meta == {"decoupler": {"rows": 3, "rows_not_mapped": 0}}
    pd.testing.assert_frame_equal(net, before)
    assert graph.from_decoupler(net[::-1], names=names) == made


def test_nets_of_kinases_and_without_weights():
    made = graph.from_decoupler(NET[:2], types=("activation", "inhibition"), database="kinases")
    assert {edge[2] for edge in found(made)} == {"activation", "inhibition"}
    assert set(made.edges["database"]) == {"kinases"}
    bare = graph.from_decoupler(NET[:2].drop(columns="weight"))
    assert {edge[2:] for edge in found(bare)} == {("expression", 0, True, 1.0)}


def test_what_is_lost_from_nets():
    net = pd.concat([NET, pd.DataFrame({"source": [None], "target": ["TP53"], "weight": [1]})])
    made = graph.from_decoupler(net)
    assert made.meta["decoupler"] == {"rows": 4, "rows_without_ends": 1, "rows_not_mapped": 1}
    assert [group["names"] for group in made.meta["decoupler_lost"].values()] == [["AP1"]]


def test_nets_as_pathways():
    net = pd.DataFrame({"source": ["B", "A", "A"], "target": ["TP53", "TP53", "MDM2"], "weight": [1, 1, -2]})  # fmt: skip
    made = graph.from_decoupler(net, as_="pathways", database="progeny")
    assert made.members.to_numpy().tolist() == [
        ["hgnc:11998", "progeny:A"],
        ["hgnc:6973", "progeny:A"],
        ["hgnc:11998", "progeny:B"],
    ]
    assert len(made.edges) == 0
    assert made.meta["progeny"]["weights_dropped"] == 1
    assert "weights_dropped" not in graph.from_decoupler(net[:2], as_="pathways").meta["decoupler"]


def test_nets_go_both_ways():
    made = graph.gmt({"A": ["TP53", "MDM2"], "B": ["ncbigene:22059", "CDK2"]})
    net = made.to_decoupler()
    assert set(net.itertuples(index=False, name=None)) == {
        ("gmt:A", "TP53", 1.0), ("gmt:A", "MDM2", 1.0),
        ("gmt:B", "ncbigene:22059", 1.0), ("gmt:B", "CDK2", 1.0),
    }  # fmt: skip
    back = graph.from_decoupler(net, as_="pathways")
    pd.testing.assert_frame_equal(back.members, made.members)
    pd.testing.assert_frame_equal(back.nodes, made.nodes)


@pytest.mark.parametrize(
    ("net", "options", "error", "why"),
    [
        ({"source": []}, {}, TypeError, "net must be a DataFrame .*, found dict"),
        (NET.drop(columns="target"), {}, ValueError, "net lacks the columns 'target'; found 'source'"),
        (NET, {"as_": "sets"}, ValueError, "as_='sets' is not known; choose one of 'edges', 'pathways'"),
        (NET.assign(weight="big"), {}, ValueError, "column 'weight' must hold finite numbers, found 'big'"),
        (NET.assign(weight=np.inf), {}, ValueError, "column 'weight' must hold finite numbers, found 'inf'"),
        (NET.assign(source="nogene1", target="nogene2"), {}, ValueError, "net: no row has two ends.*take as_='pathways'"),
        (NET, {"identifiers": "symbols"}, ValueError, "identifiers='symbols' is not known"),
    ],
)  # fmt: skip
def test_wrong_nets(net, options, error, why):
    with pytest.raises(error, match=why):
        graph.from_decoupler(net, **options)
