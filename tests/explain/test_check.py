"""Checks of attributions: a known function's curves, and what a good and a bad explanation get."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pytest
import torch

import pathweave as pw
from pathweave.explain._faithfulness import (
    FRACTIONS,
    Explanation,
    area,
    deletion_and_insertion,
    infidelity_of,
)
from pathweave.explain._paths import Batch
from pathweave.explain._randomised import randomised

mpl.use("agg")
N = 100


def summed(x, seen):
    return torch.where(seen["a"], x["a"], 0.0).sum(dim=1, keepdim=True)


def explanation(scores):
    """Explain a sum of 100 features, of which the first ten are 1 and the others 0."""
    values = torch.zeros(3, N)
    values[:, :10] = 1.0
    batch = Batch({"a": values}, torch.zeros(3, dtype=torch.int64), np.arange(3))
    base = {"a": np.zeros(N, np.float32)}
    return Explanation(summed, batch, base, {"a": np.tile(scores, (3, 1))}, 2)


TRUE = np.r_[np.ones(10), np.zeros(90)]


def test_deletion_of_a_sum():
    # 1, 2, 5 and 10 % of 100 features are 1, 2, 5 and 10 of the ones.
    expected = [10, 9, 8, 5, 0, 0, 0, 0, 0, 0]
    assert FRACTIONS[:5] == (0.0, 0.01, 0.02, 0.05, 0.1)
    np.testing.assert_allclose(
        explanation(TRUE).curve(TRUE[None].repeat(3, 0), "deletion"), expected
    )
    inserted = explanation(TRUE).curve(TRUE[None].repeat(3, 0), "insertion")
    np.testing.assert_allclose(inserted, 10 - np.array(expected))
    assert np.isclose(area(np.ones(len(FRACTIONS))), 1.0)


def test_unmeasured_features_are_not_counted():
    ex = explanation(TRUE)
    ex.seen[:, 20:] = False  # 20 measured features: 5 % is one of them
    curve = ex.curve(TRUE[None].repeat(3, 0), "deletion")
    assert curve[FRACTIONS.index(0.05)] == 9
    assert curve[FRACTIONS.index(0.2)] == 6


@pytest.mark.parametrize(
    ("scores", "passed"), [(TRUE, True), (-TRUE, False)], ids=["true", "false"]
)
def test_the_right_order_passes_and_the_reverse_fails(scores, passed):
    curves, rows = deletion_and_insertion(
        explanation(scores), n_random=25, rng=np.random.default_rng(0)
    )
    assert [row["passed"] for row in rows] == [passed, passed]
    random = curves.query("order == 'random' and curve == 'deletion'")
    np.testing.assert_allclose(random["value"], 10 * (1 - np.array(FRACTIONS)), atol=0.8)
    assert (random["low"] <= random["value"]).all()
    found = infidelity_of(explanation(scores), seed=0)
    assert found["passed"] is passed
    if passed:
        assert found["value"] < 1e-10


def test_new_parameters_change_the_output_and_not_the_model(small):
    mdata, model = small
    before = model.predict(mdata)
    other = randomised(model, seed=3)
    assert not np.allclose(other.predict(mdata)["outcome"], before["outcome"])
    assert model.predict(mdata)["outcome"].equals(before["outcome"])
    again = randomised(model, seed=3)
    np.testing.assert_array_equal(other.predict(mdata)["outcome"], again.predict(mdata)["outcome"])
    kept = randomised(model, seed=3, networks=False, linear=False)
    np.testing.assert_allclose(kept.predict(mdata)["outcome"], before["outcome"], rtol=1e-5)


def test_check_in_one_call(small):
    mdata, model = small
    out = pw.tl.check(mdata, model, of="outcome", max_samples=10, n_random=19, n_steps=8, copy=True)
    found = pw.get.faithfulness(out)
    table = found.table.set_index("check")
    assert list(table.index) == [
        "completeness", "deletion", "insertion", "infidelity", "randomised", "randomised network",
    ]  # fmt: skip
    assert table.loc[["completeness", "deletion", "insertion", "infidelity"], "passed"].all()
    assert found.passed == bool(table["passed"].all())
    assert len(found.verdict.splitlines()) == 1 + len(table)
    ends = found.curves.query("fraction == 1.0 and curve == 'deletion'")["value"]
    assert np.ptp(ends) < 1e-6
    ax = pw.pl.deletion(found)
    assert "19 random orders" in ax.get_legend().get_texts()[0].get_text()
    with pytest.raises(ValueError, match="n_random=0"):
        pw.explain.check(mdata, model, n_random=0)
    with pytest.raises(ValueError, match="method='deeplift' is not known"):
        pw.explain.check(mdata, model, method="deeplift")
    with pytest.raises(KeyError, match=r"pathweave\.tl\.check"):
        pw.get.faithfulness(mdata)


def test_plots_of_samples_and_layers(small):
    mdata, model = small
    with pytest.raises(KeyError, match="attributions"):
        pw.pl.swarm(mdata)
    out = pw.tl.attribute(mdata, model, of="outcome", n_steps=2, keep_samples=True, copy=True)
    ax = pw.pl.swarm(out, n_top=4, layer="rna")
    drawn = pw.get.sample_attributions(out, level="feature", layer="rna")
    best = drawn.abs().mean().idxmax()
    assert ax.get_yticklabels()[0].get_text() == f"{best}  (rna)"
    x = ax.collections[0].get_offsets()[:, 0]
    assert set(np.round(x, 5)) <= set(np.round(drawn[best].to_numpy(dtype=float), 5))
    assert ax.get_xlabel() == "attribution (units of the target)"
    heat = pw.pl.gene_layers(out, n_top=5)
    assert len(heat.get_yticks()) == 5
    table = pw.get.attributions(out, level="gene_layer")
    assert np.isclose(heat.images[0].get_clim()[1], _most(table))


def _most(table):
    best = table.groupby("node")["importance"].max().nlargest(5).index
    return table[table["node"].isin(best)]["value"].abs().max()
