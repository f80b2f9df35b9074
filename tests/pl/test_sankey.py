"""The Sankey diagram: widths are shares and add up, bands fit their bars, labels keep clear of each other."""

from __future__ import annotations

import itertools

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from explained_cases import GENES, OUTSIDE, TOTAL, explained, with_tests
from matplotlib.colors import to_hex

import pathweave as pw
from pathweave.pl._bands import apart
from pathweave.pl._style import DOWN, PALETTE, UP

mpl.use("agg")


def bars(ax, kind):
    """Lower and upper end of every bar of a column."""
    found = [p for p in ax.patches if str(p.get_gid()).startswith(f"{kind}:")]
    return {p.get_gid().split(":", 1)[1]: (p.get_y(), p.get_y() + p.get_height()) for p in found}


def bands(ax):
    """Source, target, ends at the left, ends at the right, colour of every band."""
    found = []
    for patch in ax.patches:
        if ">" in str(patch.get_gid()):
            source, target = patch.get_gid().split(">")
            v = patch.get_path().vertices
            color = to_hex(patch.get_facecolor()).lower()
            found.append((source, target, (v[0, 1], v[7, 1]), (v[3, 1], v[4, 1]), color))
    return found


def widths(ax):
    """Total width by source and target; every band is as wide at one end as at the other."""
    table = {}
    for source, target, left, right, _ in bands(ax):
        assert left[1] - left[0] == pytest.approx(right[1] - right[0])
        table[source, target] = table.get((source, target), 0.0) + left[1] - left[0]
    return table


def total(ends):
    return sum(high - low for low, high in ends.values())


def test_widths_are_shares_of_all_attribution():
    mdata, graph, node = explained()
    ax = pw.pl.sankey(mdata, graph)
    found = widths(ax)
    for symbol, layer, importance, _ in GENES:
        assert found[layer, node[symbol]] == pytest.approx(importance / TOTAL)
    for layer, amount in OUTSIDE.items():
        assert found[layer, "outside the graph"] == pytest.approx(amount / TOTAL)
    # TP53 is in both pathways that are shown: half of it to each.
    assert found[node["TP53"], "gmt:cycle"] == pytest.approx(1.5 / TOTAL)
    assert found[node["TP53"], "gmt:death"] == pytest.approx(1.5 / TOTAL)
    assert found[node["CDK2"], "gmt:cycle"] == pytest.approx(3.0 / TOTAL)
    assert found[node["EGFR"], "in no pathway"] == pytest.approx(1.0 / TOTAL)
    texts = {t.get_gid(): t.get_text() for t in ax.texts}
    assert texts["label:rna"] == f"rna  {100 * 8.75 / TOTAL:.0f} %"
    assert texts[f"label:{node['TP53']}"] == f"TP53  {100 * 3 / TOTAL:.1f} %"
    assert "A" in ax.get_title()


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("n_genes", [1, 3, 50])
@pytest.mark.parametrize("n_pathways", [1, 5])
def test_every_column_is_the_whole(n_genes, n_pathways, signed):
    mdata, graph, _ = explained()
    ax = pw.pl.sankey(mdata, graph, n_genes=n_genes, n_pathways=n_pathways, signed=signed)
    assert total(bars(ax, "layer")) == pytest.approx(1.0)
    assert total(bars(ax, "gene")) == pytest.approx(1.0)
    outside = bars(ax, "gene")["outside the graph"]
    assert total(bars(ax, "pathway")) == pytest.approx(1.0 - (outside[1] - outside[0]))
    assert len(bars(ax, "gene")) == min(n_genes, 6) + 1 + (n_genes < 6)


def covered(parts, ends):
    """Whether intervals fill a bar without a gap and without lying on each other."""
    parts = sorted(parts)
    assert parts[0][0] == pytest.approx(ends[0])
    assert parts[-1][1] == pytest.approx(ends[1])
    for (_, high), (low, _) in itertools.pairwise(parts):
        assert high == pytest.approx(low)


def test_bands_fill_their_bars_without_lying_on_each_other():
    mdata, graph, _ = explained()
    ax = pw.pl.sankey(mdata, graph, n_genes=3, signed=True)
    found = bands(ax)
    for name, ends in bars(ax, "layer").items():
        covered([left for source, _, left, _, _ in found if source == name], ends)
    for name, ends in bars(ax, "gene").items():
        covered([right for _, target, _, right, _ in found if target == name], ends)
        out = [left for source, _, left, _, _ in found if source == name]
        if name != "outside the graph":
            covered(out, ends)
        else:
            assert not out
    for name, ends in bars(ax, "pathway").items():
        covered([right for _, target, _, right, _ in found if target == name], ends)


def test_colours_tell_the_layer_or_the_direction():
    mdata, graph, node = explained()
    plain = bands(pw.pl.sankey(mdata, graph))
    assert {c for s, _, _, _, c in plain if s == "rna"} == {PALETTE[0].lower()}
    # What leaves a gene keeps the colour of the layer it came through.
    assert {c for s, _, _, _, c in plain if s == node["TP53"]} == {c.lower() for c in PALETTE[:2]}
    signed = bands(pw.pl.sankey(mdata, graph, signed=True))
    color = {(s, t): c for s, t, _, _, c in signed}
    assert color["rna", node["CDK2"]] == UP.lower()
    assert color["cnv", node["TP53"]] == DOWN.lower()
    assert color["rna", "outside the graph"] not in {UP.lower(), DOWN.lower()}


def test_a_pathway_with_most_of_its_genes_in_a_better_one_is_passed_over():
    mdata, graph, node = explained()
    assert "gmt:twin" not in bars(pw.pl.sankey(mdata, graph, n_pathways=3), "pathway")
    both = pw.pl.sankey(mdata, graph, pathways=["gmt:death", "gmt:twin"])
    assert widths(both)[node["BAX"], "gmt:twin"] == pytest.approx(1.0 / TOTAL)


def test_of_tests_only_what_is_told_from_chance_flows():
    mdata, graph, node = with_tests()
    ax = pw.pl.sankey(mdata, graph, source="tests", signed=True)
    # Beyond 1, of genes below the rate: 4 + 0 of CDK2, 2 + 1 of TP53, 3 of EGFR.
    found = widths(ax)
    assert found["rna", node["CDK2"]] == pytest.approx(4 / 10)
    assert found["cnv", node["TP53"]] == pytest.approx(1 / 10)
    assert ("cnv", node["CDK2"]) not in found
    assert node["BAX"] not in bars(ax, "gene")
    assert total(bars(ax, "pathway")) == pytest.approx(1.0)
    color = {(s, t): c for s, t, _, _, c in bands(ax)}
    assert color["rna", node["TP53"]] == DOWN.lower()
    assert "3 genes" in ax.get_title()
    nothing, graph, _ = with_tests(q=0.5)
    with pytest.raises(ValueError, match="no gene is told from shuffled labels"):
        pw.pl.sankey(nothing, graph, source="tests")


def test_the_order_of_rows_changes_nothing():
    mdata, graph, _ = explained()
    one = bands(pw.pl.sankey(mdata, graph))
    tables = mdata.uns["pathweave"]["attributions"]
    turned = {k: v.iloc[::-1] if isinstance(v, pd.DataFrame) else v for k, v in tables.items()}
    mdata.uns["pathweave"] = {"attributions": turned}
    two = bands(pw.pl.sankey(mdata, graph))
    assert [b[:2] for b in sorted(one)] == [b[:2] for b in sorted(two)]
    np.testing.assert_allclose([b[2] for b in sorted(one)], [b[2] for b in sorted(two)])


@pytest.mark.parametrize("size", [None, (5, 3)], ids=["own figure", "small axes"])
def test_labels_lie_inside_and_apart(size):
    members = pw.graph.reactome().members
    mdata = pw.datasets.simulate(40, n_features=150, seed=3)
    graph = pw.graph.reactome()
    symbols = graph.nodes[graph.nodes["kind"] == "gene"].head(60)
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "group": "B", "node": symbols["id"].to_numpy(), "symbol": symbols["symbol"].to_numpy(), "layer": "rna",
            "importance": rng.exponential(size=60), "direction": rng.normal(size=60), "rank": np.arange(1, 61),
        }
    )  # fmt: skip
    counts = members[members["node"].isin(table["node"])]["pathway"].value_counts()
    paths = graph.pathways.set_index("id").loc[counts.index[counts.between(2, 12)][:40], ["name"]]
    paths = paths.reset_index(names="pathway").assign(group="B", n_measured=9)
    paths["rank"] = np.arange(1, len(paths) + 1)
    mdata.uns["pathweave"] = {
        "attributions": {"gene_layer": table, "feature": table, "pathway": paths, "params": "{}"}
    }
    ax = None if size is None else plt.subplots(figsize=size)[1]
    ax = pw.pl.sankey(mdata, graph, n_genes=30, n_pathways=20, ax=ax)
    ax.figure.canvas.draw()
    frame = ax.get_window_extent()
    boxes = [t.get_window_extent() for t in ax.texts if str(t.get_gid()).startswith("label:")]
    boxes = [mpl.transforms.Bbox(box) for box in boxes]
    assert len(boxes) > 40
    for box in boxes:
        assert frame.x0 <= box.x0 + 1
        assert box.x1 <= frame.x1 + 1
        assert frame.y0 <= box.y0 + 1
        assert box.y1 <= frame.y1 + 1
    # Baselines a line apart: what overlaps is less than the space between lines.
    for one, other in itertools.combinations(boxes, 2):
        if one.x0 < other.x1 and other.x0 < one.x1:
            assert min(one.y1, other.y1) - max(one.y0, other.y0) < 0.35 * one.height


def test_heights_are_moved_apart_as_little_as_can_be():
    assert apart([], 1.0, 0.0, 1.0).tolist() == []
    np.testing.assert_allclose(apart([9.0, 5.0, 1.0], 1.0, 0.0, 10.0), [9.0, 5.0, 1.0])
    np.testing.assert_allclose(apart([5.0, 5.0, 5.0], 1.0, 0.0, 10.0), [6.0, 5.0, 4.0])
    np.testing.assert_allclose(apart([0.0, 0.0, 0.0], 1.0, 0.0, 10.0), [2.0, 1.0, 0.0])
    np.testing.assert_allclose(apart([10.0, 10.0], 1.0, 0.0, 10.0), [10.0, 9.0])


@pytest.mark.parametrize("kind", ["svg", "png"])
def test_it_can_be_saved(kind, tmp_path):
    mdata, graph, _ = explained()
    path = tmp_path / f"sankey.{kind}"
    pw.pl.sankey(mdata, graph).figure.savefig(path)
    assert path.read_bytes()[:5] in {b"<?xml", b"\x89PNG\r"}


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({"source": "weights"}, ValueError, "source='weights'"),
        ({"group": "Z"}, ValueError, "group='Z'"),
        ({"n_genes": 0}, ValueError, "n_genes=0"),
        ({"n_pathways": 0}, ValueError, "n_pathways=0"),
        ({"pathways": []}, ValueError, "name one or be left out"),
        ({"pathways": ["gmt:none"]}, ValueError, "gmt:none.*not in the graph"),
        ({"source": "tests"}, KeyError, r"tl\.test_pathways"),
    ],
)
def test_wrong_arguments_are_named(arguments, error, match):
    mdata, graph, _ = explained()
    with pytest.raises(error, match=match):
        pw.pl.sankey(mdata, graph, **arguments)


def test_what_cannot_be_drawn_is_told():
    mdata, graph, _ = explained()
    with pytest.raises(TypeError, match=r"graph must be the PathwayGraph of the fit"):
        pw.pl.sankey(mdata, None)
    zero, graph, _ = explained(genes=[(*row[:2], 0.0, 0.0) for row in GENES], outside={"rna": 0.0})
    with pytest.raises(ValueError, match="all attributions are zero"):
        pw.pl.sankey(zero, graph)
    tables = mdata.uns["pathweave"]["attributions"]
    tables["gene_layer"] = tables["gene_layer"].iloc[:0]
    with pytest.raises(ValueError, match="fit with a graph"):
        pw.pl.sankey(mdata, graph)
