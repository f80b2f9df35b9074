"""Rewired graphs: what must stay stays exactly, all else is drawn fairly, and how far is measured."""

from __future__ import annotations

from itertools import combinations, permutations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from pathweave import graph
from pathweave.graph import PathwayGraph, _nulls

KINDS = ("gene", "compound")


@st.composite
def graphs(draw):
    """Up to 14 nodes of two kinds, edges of two types, three signs, both directions."""
    n = draw(st.integers(2, 14))
    kinds = [draw(st.sampled_from(KINDS)) for _ in range(n)]
    ids = [f"{'hgnc' if kind == 'gene' else 'chebi'}:{i}" for i, kind in enumerate(kinds)]
    end = st.sampled_from(ids)
    row = st.tuples(end, end, st.sampled_from("ab"), st.sampled_from((-1, 0, 1)), st.booleans())
    rows = draw(st.lists(row, min_size=1, max_size=60))
    columns = ["source", "target", "type", "sign", "directed"]
    nodes = pd.DataFrame({"id": ids, "kind": kinds})
    return PathwayGraph(nodes=nodes, edges=pd.DataFrame(rows, columns=columns))


def degrees(g):
    """Out-, in- and undirected degree of every node for each type, sign and kind of partner."""
    kind = g.nodes.set_index("id")["kind"]
    edges = g.edges
    ways = []
    for a, b, out, into in (
        ("source", "target", "out", "both"),
        ("target", "source", "in", "both"),
    ):
        way = np.where(edges["directed"], out, into)
        part = pd.DataFrame({"node": edges[a], "way": way, "partner": edges[b].map(kind)})
        part[["type", "sign"]] = edges[["type", "sign"]]
        loop = (edges["source"] == edges["target"]) & ~edges["directed"] & (a == "target")
        ways.append(part[~loop])
    return pd.concat(ways).value_counts().sort_index()


@settings(max_examples=80)
@given(graphs(), st.integers(0, 5))
def test_what_must_stay_stays(g, seed):
    null = g.rewire(seed=seed)
    pd.testing.assert_series_equal(degrees(null), degrees(g))
    assert len(null.edges) == len(g.edges)  # no edge became another's double
    loops = [e["source"].eq(e["target"]).sum() for e in (g.edges, null.edges)]
    assert loops[0] == loops[1]
    assert null == g.rewire(seed=seed)
    told = null.meta["rewired"]["edges"]
    key = ["source", "target", "type", "sign", "directed"]
    shared = len(g.edges[key].merge(null.edges[key]))
    assert told["n"] == len(g.edges)
    assert told["kept"] == pytest.approx(shared / len(g.edges), abs=1e-4)
    assert "rewired" not in g.meta


def all_directed(out_degree, in_degree):
    """Every simple directed graph without loops that has these degrees, by brute force."""
    n = len(out_degree)
    pairs = list(permutations(range(n), 2))
    found = set()
    for chosen in combinations(pairs, sum(out_degree)):
        if [sum(a == v for a, _ in chosen) for v in range(n)] == list(out_degree) and [
            sum(b == v for _, b in chosen) for v in range(n)
        ] == list(in_degree):
            found.add(chosen)
    return found


def all_undirected(degree):
    n = len(degree)
    pairs = list(combinations(range(n), 2))
    return {
        chosen
        for chosen in combinations(pairs, sum(degree) // 2)
        if [sum(v in pair for pair in chosen) for v in range(n)] == list(degree)
    }


def draws(start, *, undirected, n_draws=1000):
    rng = np.random.default_rng(0)
    n = 1 + max(max(pair) for pair in start)
    counts: dict[object, int] = {}
    for _ in range(n_draws):
        ends, _ = _nulls.swap_ends(np.array(start), n, rng, undirected=undirected)
        pairs = (tuple(sorted(p)) if undirected else tuple(p) for p in ends.tolist())
        key = tuple(sorted(pairs))
        counts[key] = counts.get(key, 0) + 1
    return counts


@pytest.mark.parametrize(
    ("start", "undirected"),
    [
        (((0, 1), (2, 3), (4, 5)), True),  # 15 perfect matchings of six nodes
        (((0, 1), (0, 2), (0, 3), (1, 2), (3, 4)), True),  # a hub
        (((0, 1), (0, 2), (1, 2), (3, 0), (2, 3)), False),
    ],
)
def test_every_graph_of_the_degrees_is_as_likely(start, undirected):
    n = 1 + max(max(pair) for pair in start)
    if undirected:
        whole = all_undirected([sum(v in pair for pair in start) for v in range(n)])
    else:
        whole = all_directed(
            [sum(a == v for a, _ in start) for v in range(n)],
            [sum(b == v for _, b in start) for v in range(n)],
        )
    counts = draws(start, undirected=undirected)
    assert set(counts) == {tuple(sorted(found)) for found in whole}
    assert stats.chisquare(list(counts.values())).pvalue > 1e-3


def test_kept_by_chance_is_what_random_graphs_share():
    """A hub with half of all nodes: a third of its edges come back whatever is done."""
    rng = np.random.default_rng(3)
    n = 80
    weight = 1 / np.arange(1, n + 1)
    pairs = set()
    while len(pairs) < 500:
        a, b = rng.choice(n, 2, replace=False, p=weight / weight.sum())
        pairs.add((int(a), int(b)))
    ends = np.array(sorted(pairs))
    expected = _nulls.kept_by_chance(ends, undirected=False)
    kept = [_nulls.swap_ends(ends, n, rng, undirected=False)[1].kept for _ in range(40)]
    assert expected > 50  # far from none: the reason to tell
    assert np.mean(kept) == pytest.approx(expected, rel=0.05)


def test_a_graph_without_freedom_says_so():
    """Of three nodes all joined both ways there is one graph: nothing can change."""
    ends = list(permutations(["hgnc:1", "hgnc:2", "hgnc:3"], 2))
    nodes = pd.DataFrame({"id": ["hgnc:1", "hgnc:2", "hgnc:3"]})
    whole = PathwayGraph(nodes=nodes, edges=pd.DataFrame(ends, columns=["source", "target"]))
    null = whole.rewire(seed=0)
    assert null == whole
    told = null.meta["rewired"]["edges"]
    assert told["kept"] == 1.0
    assert told["kept_by_chance"] == pytest.approx(1.0, abs=0.01)


def test_members_of_reactome_mix_to_what_chance_leaves():
    null = graph.reactome().rewire(seed=1)
    told = null.meta["rewired"]["members"]
    assert told["mixed"]
    assert told["kept"] == pytest.approx(told["kept_by_chance"], abs=0.005)
    before, after = graph.reactome().members, null.members
    for column in ("node", "pathway"):
        pd.testing.assert_series_equal(
            before[column].value_counts().sort_index(), after[column].value_counts().sort_index()
        )


@pytest.mark.parametrize("through", ["compounds"])
def test_currency_metabolites_join_nobody_in_any_spelling(through):
    """ATP by KEGG, HMDB or ChEBI (three charges): shared by two genes, it says nothing."""
    atp = ["kegg.compound:C00002", "hmdb:HMDB0000538", "chebi:15422", "chebi:30616", "chebi:57299"]
    rows = [(a, b) for c in [*atp, "chebi:15361"] for a, b in (("hgnc:1", c), (c, "hgnc:2"))]
    nodes = pd.DataFrame({"id": ["hgnc:1", "hgnc:2", *atp, "chebi:15361"]})
    made = PathwayGraph(nodes=nodes, edges=pd.DataFrame(rows, columns=["source", "target"]))
    assert len(made.project_genes(through=through).edges) == 1  # through pyruvate alone
    none = made.restrict(["hgnc:1", "hgnc:2", *atp])
    assert none.project_genes(through=through).edges.empty
