"""What can be explained, from where, and how it is read sample by sample."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import pathweave as pw


def test_one_dimension_of_the_latent_is_that_of_all(small):
    mdata, model = small
    every = pw.explain.attribute(mdata, model, of="latent", n_steps=4, max_samples=6).feature
    third = pw.explain.attribute(mdata, model, of="Z3", n_steps=4, max_samples=6).feature
    pd.testing.assert_frame_equal(
        every.query("group == 'Z3'").reset_index(drop=True),
        third,
        check_exact=False,
        rtol=1e-4,
        atol=1e-6,
    )


def test_the_distance_of_a_group_is_that_of_the_centres(small):
    mdata, model = small
    found = pw.explain.attribute(
        mdata, model, of="distance", groupby="class", reference=("class", "A"), n_steps=32
    )
    z = pd.DataFrame(model.embed(mdata)).groupby(mdata.obs["class"].astype(str).to_numpy()).mean()
    assert found.layer["group"].unique().tolist() == [g for g in z.index if g != "A"]
    assert found.params["completeness_gap_relative"] < 0.01
    assert found.params["unit"] == "units of the latent"
    gap = np.linalg.norm(z.loc["B"] - z.loc["A"])
    total = found.layer.query("group == 'B'")["value"].sum()
    assert total > 0.3 * gap  # what is left is what the centre's mean of inputs is off the centre


def test_a_pathway_is_explained_by_what_is_near_it(small):
    mdata, model = small
    pathway = model.pathways_[0]
    found = pw.explain.attribute(
        mdata, model, of=pathway.split(":")[-1], n_steps=16, max_samples=10
    )
    assert found.params["of"] == pathway
    assert found.params["completeness_gap_relative"] < 0.01
    members = model.ensemble_.graph.members[0]
    inside = found.gene["node"].isin(np.array(model.ensemble_.graph.node_ids)[members])
    assert (
        found.gene.loc[inside, "importance"].mean() > found.gene.loc[~inside, "importance"].mean()
    )


def test_layers_of_a_gene_lie_side_by_side(small):
    mdata, model = small
    found = pw.explain.attribute(mdata, model, of="outcome", n_steps=4, max_samples=10)
    table = found.gene_layer
    by_gene = (table["value"] * table["n_samples"]).groupby(table["node"]).sum()
    expected = (found.gene["value"] * found.gene["n_samples"]).set_axis(found.gene["node"])
    np.testing.assert_allclose(by_gene.reindex(expected.index), expected, rtol=1e-4, atol=1e-5)
    shares = table.groupby("node")["share"].sum()
    assert np.isclose(shares[shares > 0], 1.0).all()
    for name, matrix in model.ensemble_.graph.feature_maps.items():
        n_measured = int((np.asarray((matrix != 0).sum(axis=0)).ravel() > 0).sum())
        assert (table["layer"] == name).sum() == n_measured


def test_samples_have_the_mean_of_their_group(small, tmp_path):
    mdata, model = small
    out = pw.tl.attribute(mdata, model, of="class", n_steps=4, keep_samples=True, copy=True)
    assert "attributions" not in mdata.uns.get("pathweave", {})
    table = pw.get.attributions(out, level="gene", group="A").set_index("node")
    genes = pw.get.sample_attributions(out, level="gene", group="A")
    assert genes.shape == (int((mdata.obs["class"] == "A").sum()), len(table))
    symbol, n = table["symbol"].iloc[0], table["n_samples"].iloc[0]
    assert 0 < n <= len(genes)
    assert np.isclose(genes[symbol].sum() / n, table["value"].iloc[0], rtol=1e-4)
    assert np.isclose(genes[symbol].abs().sum() / n, table["importance"].iloc[0], rtol=1e-4)
    whole = pw.get.sample_attributions(out, level="layer")
    by_feature = pw.get.sample_attributions(out, level="feature")
    summed = by_feature.T.groupby(level=0).sum().T[whole.columns]
    np.testing.assert_allclose(summed, whole, rtol=1e-3, atol=1e-4)
    parts = [
        pw.get.sample_attributions(out, level="gene", layer=name).reindex(columns=[symbol])
        for name in model.ensemble_.graph.feature_maps
    ]
    total = sum(part.fillna(0.0) for part in parts)
    np.testing.assert_allclose(
        total[symbol], pw.get.sample_attributions(out)[symbol], rtol=1e-4, atol=1e-6
    )
    pw.io.write_h5mu(out, tmp_path / "out.h5mu")
    back = pw.io.read_h5mu(tmp_path / "out.h5mu")
    np.testing.assert_array_equal(pw.get.sample_attributions(back, group="A"), genes)


def test_samples_in_several_groups_need_a_name(small):
    mdata, model = small
    found = pw.explain.attribute(
        mdata, model, of="latent", n_steps=2, max_samples=3, keep_samples=True
    )
    with pytest.raises(ValueError, match="several groups; name one"):
        found.samples.table("gene")
    assert found.samples.table("gene", group="Z2").shape[0] == 3
    with pytest.raises(ValueError, match="not kept by layer"):
        found.samples.table("pathway", group="Z2", layer="rna")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"of": "Z99"}, "of='Z99' is not known; choose one of 'class', 'outcome', 'latent', 'Z1'"),
        ({"contrast": ("A",)}, "must name two classes"),
        ({"contrast": ("A", "C")}, "contrast='C' is not known"),
        ({"contrast": ("A", "B"), "of": "outcome"}, "needs a target with classes"),
        ({"of": "distance"}, "of='distance' needs groupby="),
        ({"reference": ("class", "Z")}, "no sample has that label"),
        ({"reference": "class"}, "must be a pair"),
        ({"method": "lime"}, "method='lime' is not known"),
        ({"n_baselines": 0}, "n_baselines=0"),
        ({"batch_size": 0}, "batch_size=0"),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, dict) else "",
)
def test_errors_say_what_is_allowed(small, changes, message):
    mdata, model = small
    with pytest.raises(ValueError, match=message):
        pw.explain.attribute(mdata, model, **changes)


def test_no_pathways_no_conductance(small):
    mdata, _ = small
    plain = pw.models.FeedForward(max_epochs=2, n_folds=3).fit(mdata, target="outcome")
    with pytest.raises(ValueError, match="method='grad_cam' explains by the pathway activities"):
        pw.explain.attribute(mdata, plain, method="grad_cam")
    with pytest.raises(ValueError, match="without a graph, so it knows layers only"):
        pw.explain.attribute(mdata, plain, method="feature_ablation", units="gene")
    with pytest.raises(KeyError, match="keep_samples=True"):
        pw.get.sample_attributions(mdata)
