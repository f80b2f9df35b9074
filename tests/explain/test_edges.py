"""Attributions of edges: sums that must hold, another implementation, samples and batches, bad input."""

from __future__ import annotations

import matplotlib as mpl
import mudata
import numpy as np
import pytest
import torch
from tests_helpers import quick

import pathweave as pw
from pathweave.explain._outputs import ask
from pathweave.explain._paths import Batch, flat


@pytest.fixture(scope="module")
def explained(small):
    mdata, model = small
    return pw.explain.edges(mdata, model, of="outcome", n_steps=16, max_samples=15)


def captum_received(mdata, model, of):
    """Captum's conductance of what nodes receive, mean over samples and networks (nodes, relations)."""
    from captum.attr import LayerConductance

    values = model._read(mdata)
    question = ask(
        mdata, model, values, of=of, contrast=None, groupby=None, reference=None, max_samples=15,
        rng=np.random.default_rng(0), network_only=True,
    )  # fmt: skip
    (job,) = question.jobs
    x = {name: torch.tensor(v[job.rows]) for name, v in values.items()}
    batch = Batch(x, torch.as_tensor(job.which), np.arange(len(job.rows)))
    filled, base = batch.against({n: np.asarray(b, np.float32) for n, b in model.baseline_.items()})
    found = []
    for output, net in zip(question.outputs, question.nets, strict=True):
        received = LayerConductance(flat(output, list(x)), net.received).attribute(
            tuple(filled.values()),
            baselines=tuple(b.contiguous() for b in base.values()),
            target=batch.which,
            additional_forward_args=tuple(batch.seen.values()),
            n_steps=250,  # Captum adds up small steps: nearer with more of them
        )
        found.append(received.detach().double().numpy().mean(axis=0))
    mean = np.mean(found, axis=0)
    return mean.reshape(len(mean), -1, len(question.nets[0].graph_layers)).sum(axis=2)


def test_edges_of_a_node_add_up_to_what_captum_says_it_receives(small, explained):
    mdata, model = small
    expected = captum_received(mdata, model, "outcome")
    graph = model.ensemble_.graph
    sums = explained.table.groupby(["target", "relation"])["value"].sum()
    assert len(sums) > 20
    found = np.zeros_like(expected)
    node = {name: i for i, name in enumerate(graph.node_ids)}
    relation = {name: 1 + r for r, name in enumerate(graph.relation_names)}
    for (target, kind), value in sums.items():
        found[node[target], relation[kind]] = value
    largest = np.abs(expected[:, 1:]).max()
    assert largest > 0
    np.testing.assert_allclose(found[:, 1:], expected[:, 1:], atol=1e-2 * largest)


def test_a_pathways_activity_has_no_other_way_than_the_graph(small):
    mdata, model = small
    params = pw.explain.edges(mdata, model, of=model.pathways_[0], n_steps=16).params
    assert params["past_the_graph"] < 1e-3
    assert params["along_edges"] > 0.01
    assert params["in_nodes"] > 0.01
    assert pw.explain.edges(mdata, model, n_steps=4).params["past_the_graph"] > 0.01


def test_only_edges_of_the_graph_have_rows(small, explained):
    _, model = small
    pairs = set(zip(explained.table["source"], explained.table["target"], strict=True))
    graph = model.ensemble_.graph
    ids = np.asarray(graph.node_ids)
    stored = [m.tocoo() for m in graph.relations]
    assert pairs == {(ids[c], ids[r]) for m in stored for r, c in zip(m.row, m.col, strict=True)}
    assert len(explained.table) == sum(m.nnz for m in stored)
    assert explained.table["importance"].ge(explained.table["value"].abs() - 1e-12).all()
    assert explained.table["importance"].is_monotonic_decreasing


@pytest.mark.parametrize("batch_size", [1, 7])
def test_batches_do_not_matter(small, explained, batch_size):
    mdata, model = small
    again = pw.explain.edges(
        mdata, model, of="outcome", n_steps=16, max_samples=15, batch_size=batch_size
    )
    key = ["source", "target", "relation"]
    a, b = (t.set_index(key)["value"].sort_index() for t in (explained.table, again.table))
    np.testing.assert_allclose(a, b, atol=1e-8)
    assert again.params["along_edges"] == pytest.approx(explained.params["along_edges"], rel=1e-4)


def test_edges_are_taken_in_pieces(small, explained, monkeypatch):
    mdata, model = small
    monkeypatch.setattr("pathweave.explain._edges._MOST_VALUES", 1000)
    again = pw.explain.edges(mdata, model, of="outcome", n_steps=16, max_samples=15)
    np.testing.assert_allclose(again.table["importance"], explained.table["importance"], atol=1e-12)


def test_order_of_samples_does_not_matter(small):
    mdata, model = small
    order = np.random.default_rng(0).permutation(mdata.n_obs)
    with pw.io.quiet_mudata():
        moved = mdata[order].copy()
    key = ["source", "target", "relation"]
    tables = [pw.explain.edges(m, model, of="outcome", n_steps=4).table for m in (mdata, moved)]
    a, b = (t.set_index(key)["value"].sort_index() for t in tables)
    np.testing.assert_allclose(a, b, atol=1e-7)


def test_a_lost_layer_sends_nothing(small):
    mdata, model = small
    layers = list(model.layers_)
    with pw.io.quiet_mudata():
        rest = mudata.MuData({layers[0]: mdata[layers[0]].copy()})
        rest.obs = mdata.obs.reindex(rest.obs_names)
    table = pw.explain.edges(rest, model, of="outcome", n_steps=4).table
    assert set(table.loc[table["importance"] > 0, "layer"]) == {layers[0]}


def test_written_read_and_drawn(small):
    mdata, model = small
    with pw.io.quiet_mudata():
        own = mdata.copy()
    with pytest.raises(KeyError, match=r"no attributions of edges.*pathweave.tl.edges"):
        pw.get.edges(own)
    pw.tl.edges(own, model, n_steps=4)
    found = pw.get.edges(own)
    assert found.groupby("group")["rank"].min().eq(1).all()
    other = pw.tl.edges(mdata, model, n_steps=4, copy=True)
    assert "edges" not in mdata.uns.get("pathweave", {})
    np.testing.assert_array_equal(pw.get.edges(other)["value"], found["value"])
    mpl.use("agg")
    second = found["group"].unique()[1]
    ax = pw.pl.edges(own, group=second, n_top=6)
    rows = found[found["group"] == second].nsmallest(6, "rank")
    np.testing.assert_allclose([bar.get_width() for bar in ax.patches[:6]], rows["value"])
    assert "log odds" in ax.get_xlabel()
    assert rows["source_symbol"].iloc[0] in ax.get_yticklabels()[0].get_text()
    with pytest.raises(ValueError, match="group='Z'"):
        pw.pl.edges(own, group="Z")


def test_bad_input_is_told(small):
    mdata, model = small
    with pytest.raises(ValueError, match="n_steps=1 must be a whole number of 2 or more"):
        pw.explain.edges(mdata, model, n_steps=1)
    with pytest.raises(ValueError, match="max_samples=0 must be a whole number of 1 or more"):
        pw.explain.edges(mdata, model, max_samples=0)
    bare = quick(max_epochs=1).fit(mdata, target="class")
    with pytest.raises(ValueError, match="fitted without a graph"):
        pw.explain.edges(mdata, bare)
