"""A pathway as it is drawn: checked on the artists, not on the eye."""

from __future__ import annotations

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from explained_cases import explained
from matplotlib.patches import ArrowStyle, Circle, FancyArrowPatch, FancyBboxPatch, Rectangle

from pathweave import graph
from pathweave.graph import PathwayGraph
from pathweave.pl import pathway_network

mpl.use("agg")
SYMBOLS = {
    "hgnc:1": "ATM", "hgnc:2": "TP53", "hgnc:3": "MDM2", "hgnc:4": "CCND1", "hgnc:5": "CCND2",
    "hgnc:6": "CDK4", "hgnc:7": "LONELY", "hgnc:8": "ENZYME",
}  # fmt: skip


@pytest.fixture
def drawn():
    """ATM -> TP53 -> MDM2 -| TP53; CCND1 and CCND2 (twins) in a complex with CDK4; one reaction."""
    edges = [
        ("hgnc:1", "hgnc:2", "activation", 1, True),
        ("hgnc:2", "hgnc:3", "expression", 1, True),
        ("hgnc:3", "hgnc:2", "inhibition", -1, True),
        ("hgnc:2", "hgnc:4", "inhibition", -1, True),
        ("hgnc:2", "hgnc:5", "inhibition", -1, True),
        ("hgnc:4", "hgnc:6", "complex", 0, False),
        ("hgnc:5", "hgnc:6", "complex", 0, False),
        ("chebi:1", "hgnc:8", "catalysis", 0, True),
        ("hgnc:8", "chebi:2", "catalysis", 0, True),
        ("chebi:1", "chebi:2", "conversion", 0, True),
    ]
    nodes = pd.DataFrame({"id": list(SYMBOLS), "symbol": list(SYMBOLS.values())})
    compounds = pd.DataFrame({"id": ["chebi:1", "chebi:2"], "symbol": ["", ""], "name": ["A", "B"]})
    nodes = pd.concat([nodes.assign(name=""), compounds], ignore_index=True)
    table = pd.DataFrame(edges, columns=["source", "target", "type", "sign", "directed"])
    return PathwayGraph(
        nodes=nodes,
        edges=table.assign(pathways="my:p1"),
        pathways=pd.DataFrame({"id": ["my:p1", "my:p2"], "name": ["Circuit", "Nothing in it"]}),
        members=pd.DataFrame({"node": nodes["id"], "pathway": "my:p1"}),
    )


def shapes(ax):
    """Patches of nodes by the id of their (first) node."""
    found = [p for p in ax.patches if isinstance(p, Rectangle | Circle)]
    return {p.get_gid(): p for p in found}


def arrows(ax):
    return [p for p in ax.patches if isinstance(p, FancyArrowPatch)]


def test_every_node_and_edge_is_there_once(drawn):
    ax = pathway_network(drawn, "p1")
    found = shapes(ax)
    # CCND1 and CCND2 are of one family and have the same edges: one box.
    assert set(found) == set(drawn.nodes["id"]) - {"hgnc:5"}
    assert {isinstance(found[c], Circle) for c in ("chebi:1", "chebi:2")} == {True}
    texts = {text.get_text() for text in ax.texts}
    assert {"ATM", "TP53", "MDM2", "CCND1 +1", "CDK4", "LONELY", "ENZYME", "A", "B"} <= texts
    looks = sorted(arrow.get_gid() for arrow in arrows(ax))
    # The complex is a frame, not a line; the conversion runs through its enzyme.
    assert looks == ["activation", "expression", "inhibition", "inhibition", "reaction", "reaction"]
    frames = [p.get_gid() for p in ax.patches if isinstance(p, FancyBboxPatch)]
    assert frames == ["complex"]
    assert ax.get_title() == "Circuit (p1)"


def test_arrows_activate_and_bars_inhibit(drawn):
    heads = {}
    for arrow in arrows(pathway_network(drawn, "Circuit")):
        heads.setdefault(arrow.get_gid(), set()).add(type(arrow.get_arrowstyle()))
    assert heads["inhibition"] == {ArrowStyle.BracketB}
    assert heads["activation"] == heads["expression"] == {ArrowStyle.CurveFilledB}
    # From the substrate to the enzyme there is no head: it would say that the substrate acts on it.
    assert heads["reaction"] == {ArrowStyle.Curve, ArrowStyle.CurveFilledB}


def test_the_legend_explains_what_is_there_and_nothing_else(drawn):
    texts = [t.get_text() for t in pathway_network(drawn, "p1").get_legend().get_texts()]
    looks = ["activation", "inhibition", "expression", "reaction"]
    assert sorted(texts) == sorted(["gene", "metabolite", "complex", *looks])


def test_values_are_colours(drawn):
    values = {"ATM": 2.0, "hgnc:2": -1.0, "CCND1": 1.0, "CCND2": 0.0, "MDM2": np.nan, "BRCA1": 9.0}
    ax = pathway_network(drawn, "p1", values=pd.Series(values, name="log2 fold change"))
    found = {node: shape.get_facecolor() for node, shape in shapes(ax).items()}
    assert found["hgnc:3"] == found["hgnc:7"] == mpl.colors.to_rgba("#C8C8C8")
    norm = mpl.colors.Normalize(-2, 2)  # symmetric about zero, from the nodes of this pathway alone
    for node, value in (("hgnc:1", 2.0), ("hgnc:2", -1.0), ("hgnc:4", 0.5)):
        assert found[node] == pytest.approx(mpl.colormaps["RdBu_r"](norm(value)))
    assert "log2 fold change" in [a.get_xlabel() for a in ax.child_axes]
    one_sided = pathway_network(drawn, "p1", values={"ATM": 2.0, "TP53": 1.0})
    low, high = mpl.colormaps["viridis"](0.0), mpl.colormaps["viridis"](1.0)
    assert shapes(one_sided)["hgnc:2"].get_facecolor() == pytest.approx(low)
    assert shapes(one_sided)["hgnc:1"].get_facecolor() == pytest.approx(high)


def test_the_order_of_tables_does_not_matter(drawn):
    shuffled = PathwayGraph(
        nodes=drawn.nodes.sample(frac=1, random_state=0),
        edges=drawn.edges.sample(frac=1, random_state=1),
        pathways=drawn.pathways,
        members=drawn.members.sample(frac=1, random_state=2),
    )
    digest = drawn.digest
    one, other = (shapes(pathway_network(g, "p1")) for g in (drawn, shuffled))
    assert drawn.digest == digest
    for node, shape in one.items():
        window = shape.get_window_extent().bounds
        assert window == pytest.approx(other[node].get_window_extent().bounds)


def test_boxes_do_not_overlap_and_names_fit(drawn):
    ax = pathway_network(drawn, "p1")
    ax.figure.canvas.draw()
    boxes = [s.get_window_extent() for s in shapes(ax).values()]
    for i, one in enumerate(boxes):
        for other in boxes[i + 1 :]:
            assert not one.overlaps(other)
    by_id = shapes(ax)
    for text in ax.texts:
        if text.get_text() in SYMBOLS.values():
            node = next(n for n, s in SYMBOLS.items() if s == text.get_text())
            around, inside = by_id[node].get_window_extent(), text.get_window_extent()
            assert around.x0 <= inside.x0
            assert inside.x1 <= around.x1


def test_options(drawn):
    apart = pathway_network(drawn, "p1", collapse=False)
    assert "hgnc:5" in shapes(apart)
    renamed = pathway_network(drawn, "p1", labels={"hgnc:2": "p53"})
    assert "p53" in {text.get_text() for text in renamed.texts}
    bare = pathway_network(drawn, "p1", labels=False)
    assert "TP53" not in {text.get_text() for text in bare.texts}
    _, mine = plt.subplots()
    assert pathway_network(drawn, "p1", ax=mine) is mine
    few = pathway_network(drawn, "p1", max_nodes=3)
    # The best connected boxes; of those with two edges the first of the alphabet (CCND1 is two genes).
    assert set(shapes(few)) == {"hgnc:2", "hgnc:4", "hgnc:8"}
    assert few.texts[-1].get_text().startswith("6 of 10 nodes")


def test_crowds_that_act_on_themselves_are_one_stack():
    """KEGG's APC/C with CDC20 acts on APC/C with FZR1: each member on each, in both directions."""
    crowd = [f"hgnc:{i}" for i in range(1, 6)]
    rows = [(a, b, "activation", 1) for a in crowd for b in crowd if a != b]
    rows += [(a, "hgnc:9", "inhibition", -1) for a in crowd]
    edges = pd.DataFrame(rows, columns=["source", "target", "type", "sign"]).assign(pathways="p:a")
    names = [f"{s}X" for s in ("AA", "BB", "CC", "DD", "EE", "END")]
    made = PathwayGraph(
        nodes=pd.DataFrame({"id": [*crowd, "hgnc:9"], "symbol": names}),
        edges=edges,
        pathways=pd.DataFrame({"id": ["p:a"]}),
        members=pd.DataFrame({"node": [*crowd, "hgnc:9"], "pathway": "p:a"}),
    )
    ax = pathway_network(made, "a")
    assert [arrow.get_gid() for arrow in arrows(ax)] == ["inhibition"]
    assert set(shapes(ax)) == {*crowd, "hgnc:9"}


def test_memberships_alone_are_a_grid():
    sets = graph.gmt({"a": ["TP53", "MDM2", "ATM", "CDK2"]})
    ax = pathway_network(sets, "a", values={"TP53": 1.0})
    assert len(shapes(ax)) == 4
    assert not arrows(ax)


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"pathway": "Circiut"}, KeyError, r"near matches: 'my:p1 \(Circuit\)'"),
        ({"pathway": "Nothing in it"}, ValueError, "neither members nor edges"),
        ({"values": {"BRCA1": 1.0}}, KeyError, "name none of its nodes"),
        ({"values": {"TP53": np.nan}}, ValueError, "NaN for all its nodes"),
        ({"values": {"TP53": "high"}}, ValueError, "not finite numbers"),
        ({"values": {"TP53": np.inf}}, ValueError, "not finite numbers"),
        ({"values": [1.0]}, TypeError, "found list"),
        ({"values": pd.Series([1.0, 2.0], index=["TP53"] * 2)}, ValueError, "more than once"),
        ({"max_nodes": 0}, ValueError, "at least 1"),
        ({"graph": "reactome"}, TypeError, "must be a PathwayGraph, found str"),
    ],
)
def test_what_is_wrong_is_told(drawn, change, error, match):
    arguments = {"graph": drawn, "pathway": "p1", **change}
    with pytest.raises(error, match=match):
        pathway_network(arguments.pop("graph"), arguments.pop("pathway"), **arguments)
    assert plt.get_fignums() == []


def test_a_name_of_two_pathways_needs_an_id():
    pathways = pd.DataFrame({"id": ["a:1", "b:1"], "name": ["Same", "same"]})
    two = PathwayGraph(pathways=pathways)
    with pytest.raises(ValueError, match=r"name of 2 pathways; give an id: 'a:1', 'b:1'"):
        pathway_network(two, "Same")


def test_real_pathways_are_drawn_whole(shared):
    found = graph.kegg(shared / "pathways" / "kgml", exclude=["05"])
    for pathway in ("hsa04115", "hsa04110", "hsa00020"):
        part = found.subset([pathway])
        ax = pathway_network(found, pathway)
        genes = part.nodes.loc[part.nodes["kind"] == "gene"]
        shown = sum(1 + int(t.get_text().partition(" +")[2] or 0) for t in ax.texts if t.get_text())
        compounds = (part.nodes["kind"] == "compound").sum()
        assert shown == len(genes) + compounds


def test_a_pathway_without_edges_borrows_those_between_its_members():
    rows = pd.DataFrame({"source": ["MDM2", "ATM"], "target": ["TP53", "TP53"], "sign": [-1, 1]})
    edges = graph.edges(rows)
    carried = PathwayGraph(
        nodes=edges.nodes,
        edges=edges.edges.assign(pathways="kegg.pathway:hsa99999"),
        pathways=pd.DataFrame({"id": ["kegg.pathway:hsa99999"]}),
    )
    whole = carried | graph.gmt({"a": ["TP53", "MDM2"]})
    ax = pathway_network(whole, "a")
    looks = [patch.get_gid() for patch in ax.patches]
    assert looks.count("inhibition") == 1
    assert "activation" not in looks
    assert [t.get_text() for t in ax.texts if t.get_gid() == "caption"] == [
        "the edges are those of other pathways between its members"
    ]


def test_an_interaction_that_disease_takes_away_is_not_drawn_as_one():
    rows = pd.DataFrame(
        {"source": ["CDKN2A"], "target": ["CDK4"], "flags": ["missing interaction"]}
    )
    whole = graph.edges(rows.assign(type="dissociation")) | graph.gmt({"a": ["CDKN2A", "CDK4"]})
    looks = {patch.get_gid() for patch in pathway_network(whole, "a").patches}
    assert "missing interaction" in looks
    assert "effect of unknown sign" not in looks


@pytest.mark.parametrize(
    ("kind", "sign", "look"),
    [("interaction", 0, "association"), ("coexpression", -1, "negative association"),
     ("coexpression", 1, "positive association")],
)  # fmt: skip
def test_what_has_no_direction_has_no_head_and_the_legend_says_so(kind, sign, look):
    rows = pd.DataFrame({"source": ["TP53"], "target": ["MDM2"], "type": [kind], "sign": [sign]})
    whole = graph.edges(rows, directed=False) | graph.gmt({"a": ["TP53", "MDM2"]})
    ax = pathway_network(whole, "a")
    (line,) = [patch for patch in ax.patches if patch.get_gid() == look]
    assert type(line.get_arrowstyle()) is ArrowStyle.Curve
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["gene", look]
    (drawn,) = [h for h in ax.get_legend().legend_handles if isinstance(h, FancyArrowPatch)]
    assert type(drawn.get_arrowstyle()) is ArrowStyle.Curve


def test_attributions_colour_the_genes_with_their_direction():
    mdata, network, node = explained()
    ax = pathway_network(network, "gmt:cycle", values=mdata)
    color = {gid: patch.get_facecolor() for gid, patch in shapes(ax).items()}
    up, down = color[node["CDK2"]], color[node["CDK4"]]
    assert up[0] > up[2], "high values raise: red"
    assert down[2] > down[0], "high values lower: blue"
    bar = ax.figure.axes[-1] if len(ax.figure.axes) > 1 else ax.child_axes[0]
    assert "|attribution| of A (log odds)" in bar.get_xlabel()
    importance = mdata.uns["pathweave"]["attributions"]["gene"].set_index("node")["importance"]
    by_hand = importance * np.where(importance.index == node["CDK4"], -1, 1)
    same = shapes(pathway_network(network, "gmt:cycle", values=by_hand))
    assert {gid: p.get_facecolor() for gid, p in same.items()} == color


def test_attributions_that_are_not_there_are_told():
    mdata, network, _ = explained()
    with pytest.raises(ValueError, match="group='Z'"):
        pathway_network(network, "gmt:cycle", values=mdata, group="Z")
    with pytest.raises(ValueError, match="give values=mdata"):
        pathway_network(network, "gmt:cycle", group="A")
    tables = mdata.uns["pathweave"]["attributions"]
    tables["gene"] = tables["gene"].iloc[:0]
    with pytest.raises(ValueError, match="no attributions of genes"):
        pathway_network(network, "gmt:cycle", values=mdata)
    mdata.uns["pathweave"] = {}
    with pytest.raises(KeyError, match=r"tl\.attribute"):
        pathway_network(network, "gmt:cycle", values=mdata)
