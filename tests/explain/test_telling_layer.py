"""The layer named for a gene: its own evidence where that is clear, the other genes' where it is not."""

from __future__ import annotations

import numpy as np

from pathweave.explain._pathway_tests.telling_layer import telling_layer


def test_a_node_that_nobody_measures_has_no_layer():
    layers = {"rna": np.array([1.0, np.nan, np.nan]), "protein": np.array([2.0, 0.5, np.nan])}
    assert telling_layer(layers).tolist() == ["protein", "protein", ""]


def test_near_ties_go_the_way_of_the_other_genes_and_clear_cases_their_own():
    rng = np.random.default_rng(0)
    rna, meth = (rng.normal(3.5, 1.0, 300)) ** 2, (rng.normal(2.0, 1.0, 300)) ** 2
    rna[:2], meth[:2] = [8.0, 1.0], [8.5, 40.0]
    named = telling_layer({"rna": rna, "meth": meth})
    assert named[:2].tolist() == ["rna", "meth"]
    own = np.where(rna > meth, "rna", "meth")
    assert (own[2:] == "rna").mean() + 0.03 < (named[2:] == "rna").mean() < 1.0


def test_genes_that_differ_in_their_layer_keep_theirs():
    """Half of the genes are told by one layer, half by the other: nothing is shared that would mislead."""
    rng = np.random.default_rng(1)
    first = np.arange(400) < 200
    means = np.where(first, [[5.0], [0.0]], [[0.0], [5.0]])
    rna, meth = rng.normal(means) ** 2
    named = telling_layer({"rna": rna, "meth": meth})
    assert (named == np.where(first, "rna", "meth")).mean() > 0.98


def test_without_any_evidence_the_larger_is_named():
    layers = {"rna": np.array([0.2, 0.1]), "meth": np.array([0.1, 0.4])}
    assert telling_layer(layers).tolist() == ["rna", "meth"]
