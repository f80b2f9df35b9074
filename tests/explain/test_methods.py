"""Every method against what is known of it: closed forms, sums, differences, signs."""

from __future__ import annotations

import anndata as ad
import mudata
import numpy as np
import pandas as pd
import pytest
import torch

import pathweave as pw
from pathweave.explain._paths import (
    Batch,
    Settings,
    even_draws,
    gradient_shap,
    integrated_gradients,
)
from pathweave.explain._units import Units, feature_ablation, read_units, shapley_sampling


def closed_form(mdata, model, bases):
    """Attribution w (x - b) / scale of every measured value, by layer (n, n_features)."""
    part = model.ensemble_.parts["outcome"]
    module, weight = part.linear[0], part.weights[0]
    values = model._read(mdata)
    found = {}
    for name, x in values.items():
        i = module.layers.index(name)
        scale = getattr(module, f"scale_{i}").double().numpy()
        w = module.weight(name)[:, 0].double().numpy()
        b = np.mean([base[name] for base in bases], axis=0)
        found[name] = weight * np.where(np.isnan(x), 0.0, (x - b) * w / scale)
    return found


@pytest.mark.parametrize("method", ["integrated_gradients", "gradient_shap", "deeplift"])
def test_of_a_linear_model_every_method_gives_the_closed_form(small, linear, method):
    mdata, _ = small
    found = pw.explain.attribute(
        mdata, linear, of="outcome", method=method, n_baselines=1, n_steps=4, keep_samples=True
    )
    expected = closed_form(mdata, linear, [linear.baseline_])
    for name, a in expected.items():
        table = found.samples.table("feature", layer=name)
        rows = mdata.obs_names.get_indexer(table.index)
        np.testing.assert_allclose(table, a[rows], rtol=1e-3, atol=2e-5)
    assert found.params["completeness_gap_relative"] < 1e-3


def test_shapley_values_of_a_linear_model_are_sums_of_the_closed_form(small, linear):
    mdata, _ = small
    found = pw.explain.attribute(
        mdata, linear, of="outcome", method="shapley_sampling", keep_samples=True, max_samples=12
    ).samples.table("layer")
    expected = closed_form(mdata, linear, [linear.baseline_])
    rows = mdata.obs_names.get_indexer(found.index)
    for name, a in expected.items():
        np.testing.assert_allclose(found[name], a[rows].sum(axis=1), rtol=1e-3, atol=2e-4)


def test_an_ensemble_of_baselines_is_their_mean_where_the_model_is_linear(small, linear):
    mdata, _ = small
    reference = ("class", "A")
    several = pw.explain.attribute(
        mdata,
        linear,
        of="outcome",
        reference=reference,
        n_baselines=10_000,
        n_steps=2,
        max_samples=5,
    )  # more than there are: all of them
    a = mdata.obs["class"].astype(str).eq("A").to_numpy()
    assert several.params["baseline"] == f"{a.sum()} samples with class = A"
    values = linear._read(mdata)
    filled = {n: np.where(np.isnan(x), linear.baseline_[n], x)[a] for n, x in values.items()}
    usable = ~np.all([np.isnan(x).all(axis=1) for x in values.values()], axis=0)
    assert usable.all()
    mean = {name: x.mean(axis=0) for name, x in filled.items()}
    expected = closed_form(mdata, linear, [mean])
    drawn = np.sort(np.random.default_rng(0).choice(mdata.n_obs, 5, replace=False))
    for name, part in expected.items():
        table = several.feature.query("layer == @name").set_index("feature")["value"]
        got = table.loc[list(linear.layers_[name].features)]
        has = ~np.isnan(values[name][drawn])
        mean = part[drawn].sum(axis=0) / np.maximum(has.sum(axis=0), 1)
        np.testing.assert_allclose(got, mean, rtol=1e-3, atol=1e-4)


def test_a_contrast_is_the_difference_of_the_log_probabilities(small):
    mdata, model = small
    there = pw.explain.attribute(
        mdata, model, contrast=("A", "B"), max_samples=8, keep_samples=True
    )
    back = pw.explain.attribute(mdata, model, contrast=("B", "A"), max_samples=8)
    assert there.params["completeness_gap_relative"] < 0.01
    merged = there.feature.merge(back.feature, on=["layer", "feature"])
    np.testing.assert_allclose(merged["value_x"], -merged["value_y"], atol=1e-5)
    log_p = model.ensemble_.predict("class", model._read(mdata))
    total = there.samples.table("layer").sum(axis=1)
    rows = mdata.obs_names.get_indexer(total.index)
    # In between samples the baseline's value differs only by what was measured; complete samples share it.
    whole = ~np.any([np.isnan(x) for x in map(_row_gaps, model._read(mdata).values())], axis=0)[
        rows
    ]
    start = log_p[rows, 0] - log_p[rows, 1] - total.to_numpy()
    assert whole.sum() == 0 or np.ptp(start[whole]) < 0.02


def _row_gaps(x):
    return np.where(np.isnan(x).any(axis=1), np.nan, 0.0)


@pytest.mark.parametrize("method", ["integrated_gradients", "gradient_shap"])
def test_any_batch_size_gives_the_same_numbers(small, method):
    mdata, model = small
    tables = [
        pw.explain.attribute(
            mdata, model, of="outcome", method=method, n_steps=4, n_baselines=2, max_samples=7, batch_size=size
        ).feature.sort_values(["layer", "feature"])["value"].to_numpy()
        for size in (1, 3, 500)
    ]  # fmt: skip
    np.testing.assert_allclose(tables[0], tables[2], rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(tables[1], tables[2], rtol=1e-4, atol=1e-7)


def test_any_batch_size_gives_the_same_units(small):
    mdata, model = small
    tables = [
        pw.explain.attribute(
            mdata, model, of="class", method="shapley_sampling", n_steps=3, max_samples=5, batch_size=size
        ).layer
        for size in (2, 500)
    ]  # fmt: skip
    pd.testing.assert_frame_equal(*tables, rtol=1e-4, atol=1e-6)


def test_a_layer_that_is_not_there_gets_nothing_from_any_method(small):
    mdata, model = small
    lacks = np.isnan(model._read(mdata)["protein"]).all(axis=1)
    assert lacks.any()
    for method in ("integrated_gradients", "gradient_shap", "shapley_sampling", "feature_ablation"):
        found = pw.explain.attribute(mdata, model, method=method, n_steps=3, keep_samples=True)
        table = found.samples.table("layer")
        absent = table.index.isin(mdata.obs_names[lacks])
        assert (table.loc[absent, "protein"] == 0.0).all(), method
        assert (table.loc[~absent, "protein"] != 0.0).any(), method


def test_deeplift_is_refused_where_it_does_not_add_up(small):
    mdata, model = small
    with pytest.raises(ValueError, match="method='deeplift' is wrong for this model"):
        pw.explain.attribute(mdata, model, of="outcome", method="deeplift")


@pytest.fixture(scope="module")
def six_genes():
    """Genes of two pathways in one layer: nothing passes the pathways by."""
    rng = np.random.default_rng(0)
    genes = ["TP53", "MDM2", "CDKN1A", "EGFR", "GRB2", "SOS1"]
    x = rng.normal(size=(60, 6)).astype(np.float32)
    obs = pd.DataFrame({"y": x[:, 0] + x[:, 1] - x[:, 4]}, index=[f"s{i}" for i in range(60)])
    rna = ad.AnnData(x, obs=obs[[]].copy(), var=pd.DataFrame(index=genes))
    with pw.io.quiet_mudata():
        mdata = mudata.MuData({"rna": rna})
        mdata.obs["y"] = obs["y"]
    return mdata


def test_conductance_and_what_passes_by_make_the_difference(six_genes):
    mdata = six_genes
    sets = {"P53": ["TP53", "MDM2", "CDKN1A"], "RAS": ["EGFR", "GRB2", "SOS1"]}
    graph = pw.graph.gmt(sets)
    model = pw.models.PathwayGNN(3, max_epochs=30, n_folds=3, pathway_size=(3, 150)).fit(
        mdata, graph, target="y"
    )
    found = pw.explain.attribute(
        mdata, model, method="conductance", n_steps=400, max_samples=6, keep_samples=True
    )
    assert found.feature.empty
    assert found.gene_layer.empty
    assert sorted(found.pathway["pathway"]) == sorted(model.pathways_)
    # All of the output passes through the two pathways.
    assert found.params["past_the_pathways"] < 0.01
    networks = [model.ensemble_.deep_part("y", [k]) for k in range(1, len(model.ensemble_.states))]
    values = torch.tensor(model._read(mdata)["rna"])
    seen = {"rna": torch.ones_like(values, dtype=torch.bool)}
    base = torch.as_tensor(model.baseline_["rna"], dtype=torch.float32).expand_as(values)
    with torch.no_grad():
        moved = [(net({"rna": values}, seen) - net({"rna": base}, seen))[:, 0] for net in networks]
    expected = torch.stack(moved).mean(dim=0).numpy()
    total = found.samples.table("pathway").sum(axis=1)
    rows = mdata.obs_names.get_indexer(total.index)
    np.testing.assert_allclose(total, expected[rows], rtol=0.02, atol=2e-3)
    with pytest.raises(ValueError, match="explains by pathways"):
        pw.explain.attribute(mdata, model, of=model.pathways_[0], method="conductance")
    grad_cam = pw.explain.attribute(mdata, model, method="grad_cam", max_samples=6)
    assert np.isfinite(grad_cam.pathway["value"]).all()
    assert grad_cam.params["completeness_gap"] is None


# A model made by hand: out = 3 a0 - 2 a1 + a0 b0, two layers of two and one features.
def by_hand(x, seen):
    a = torch.where(seen["a"], x["a"], 0.0)
    b = torch.where(seen["b"], x["b"], 0.0)
    return (3 * a[:, 0] - 2 * a[:, 1] + a[:, 0] * b[:, 0]).unsqueeze(1)


def hand_batch():
    nan = float("nan")
    values = {"a": torch.tensor([[1.0, 1.0], [2.0, -1.0]]), "b": torch.tensor([[4.0], [nan]])}
    return Batch(values, torch.zeros(2, dtype=torch.int64), np.arange(2))


ZERO = {"a": np.zeros(2, np.float32), "b": np.zeros(1, np.float32)}


def hand_units():
    from scipy.sparse import csr_matrix

    members = {"a": csr_matrix([[1.0, 0.0], [0.0, 1.0]]), "b": csr_matrix([[0.0, 1.0]])}
    return Units("gene", ["first", "second"], members)


def test_signs_and_interactions_by_hand():
    a, gap = integrated_gradients(by_hand, hand_batch(), [ZERO], Settings(8, 100))
    # The product of a0 = 1 and b0 = 4 is shared out evenly; the second sample lacks b.
    np.testing.assert_allclose(a["a"], [[3 + 2, -2], [6, 2]], atol=1e-5)
    np.testing.assert_allclose(a["b"], [[2], [0]], atol=1e-5)
    np.testing.assert_allclose(gap, 0, atol=1e-5)


def test_gradient_shap_comes_near_integrated_gradients_by_hand():
    draws = even_draws(2, 400, 1, seed=3)
    a, gap = gradient_shap(by_hand, hand_batch(), [ZERO], Settings(400, 100, draws))
    np.testing.assert_allclose(a["a"], [[5, -2], [6, 2]], atol=0.02)
    assert np.abs(gap).max() < 0.02


def test_draws_are_even():
    chosen, alphas = even_draws(3, 32, 4, seed=0)
    assert (np.apply_along_axis(np.bincount, 1, chosen) == 8).all()
    for alpha in alphas:
        assert (np.bincount((np.sort(alpha) * 32).astype(int), minlength=32) == 1).all()


def test_ablation_by_hand():
    found = feature_ablation(by_hand, hand_units(), hand_batch(), [ZERO], 100)
    # f = 5 and 8; without a0: -2 and 2; without a1 and b0: 3 and 6.
    np.testing.assert_allclose(found, [[5 + 2, 5 - 3], [8 - 2, 8 - 6]], atol=1e-6)


def test_shapley_by_hand():
    found, gap = shapley_sampling(
        by_hand, hand_units(), hand_batch(), [ZERO], n_permutations=2, batch_size=10, seed=0
    )
    # Alone the first gains 3 and 6, the second -2 and 2; together 5 and 8.
    np.testing.assert_allclose(found, [[(3 + 7) / 2, (-2 + 2) / 2], [6, 2]], atol=1e-6)
    np.testing.assert_allclose(gap, 0, atol=1e-6)


def test_overlapping_units_take_all_their_members_away():
    from scipy.sparse import csr_matrix

    members = {"a": csr_matrix([[1.0, 1.0], [0.0, 1.0]]), "b": csr_matrix((1, 2))}
    units = Units("pathway", ["p", "q"], members)
    found = feature_ablation(by_hand, units, hand_batch(), [ZERO], 100)
    np.testing.assert_allclose(found, [[7, 5], [6, 8]], atol=1e-6)
    shares, gap = shapley_sampling(
        by_hand, units, hand_batch(), [ZERO], n_permutations=6, batch_size=10, seed=0
    )
    assert shares.shape == (2, 2)  # the feature in no unit is a player, too, and not returned
    assert np.abs(gap).max() > 0 or np.allclose(shares.sum(axis=1), [5, 8])


def test_units_by_name(small):
    _, model = small
    node = model.ensemble_.graph.node_ids[3]
    assert read_units(model, [node]).names == [node]
    pathway = model.pathways_[0]
    assert read_units(model, pathway.split(":")[-1]).names == [pathway]
    assert read_units(model, ["rna", "meth"]).level == "layer"
    with pytest.raises(ValueError, match="'NOGENE' is no layer"):
        read_units(model, ["rna", "NOGENE"])
    with pytest.raises(ValueError, match="of several levels"):
        read_units(model, ["rna", node])
    with pytest.raises(ValueError, match="64 players are the most"):
        pw.explain.attribute(
            small[0], model, method="shapley_sampling", units="gene", max_samples=1
        )
