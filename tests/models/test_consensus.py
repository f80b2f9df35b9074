"""The embedding without a target: what layers share comes first, and a sample is the same wherever it stands."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.neighbors import KNeighborsClassifier
from tests_helpers import quick

import pathweave as pw
from pathweave.models._consensus import fit_consensus

N = 120


def layers(seed=0, *, noise_layer=True):
    """Three groups that two layers tell of, each below louder signals of its own; a third layer is noise."""
    rng = np.random.default_rng(seed)
    group = np.arange(N) % 3
    values = {}
    for name, p in {"rna": 60, "protein": 40}.items():
        own = rng.normal(size=(N, 6)) @ rng.normal(size=(6, p))
        shared = rng.normal(size=(3, p))[group]
        values[name] = own + 0.8 * shared + 0.5 * rng.normal(size=(N, p))
    if noise_layer:
        values["noise"] = rng.normal(size=(N, 50))
    return {k: x.astype(np.float32) for k, x in values.items()}, group


def accuracy(z, group):
    train = np.arange(len(z)) < 60
    return KNeighborsClassifier(7).fit(z[train], group[train]).score(z[~train], group[~train])


def test_what_layers_share_tells_groups_apart_and_noise_does_not_count():
    values, group = layers()
    found = fit_consensus(values, 8)
    assert found.weights["noise"] < 0.1 * max(found.weights.values())
    z = found.embed(values)
    wide = np.hstack([(x - x.mean(axis=0)) / x.std(axis=0) for x in values.values()])
    assert accuracy(z, group) > accuracy(PCA(8, random_state=0).fit_transform(wide), group) + 0.1


def test_axes_come_in_the_order_of_accord_and_are_not_correlated():
    z = fit_consensus(layers(noise_layer=False)[0], 6).embed(layers(noise_layer=False)[0])
    spread = z.std(axis=0)
    assert (np.diff(spread) <= 1e-6).all()
    correlation = np.corrcoef(z.T)
    np.testing.assert_allclose(correlation, np.eye(6), atol=1e-3)


def test_any_subset_of_layers_alone_or_in_a_batch():
    values, group = layers()
    found = fit_consensus(values, 8)
    holes = {k: x.copy() for k, x in values.items()}
    holes["rna"][::2] = np.nan
    holes["protein"][1::2] = np.nan
    holes["noise"][5] = np.nan
    holes["protein"][5] = holes["rna"][5] = np.nan
    z = found.embed(holes)
    assert np.isnan(z[5]).all()
    assert np.isfinite(np.delete(z, 5, axis=0)).all()
    alone = found.embed({k: x[[8]] for k, x in holes.items()})
    np.testing.assert_allclose(alone[0], z[8], atol=1e-6)
    seen = np.delete(np.arange(N), 5)
    assert accuracy(z[seen], group[seen]) > 0.6  # a third by chance


def test_incomplete_samples_take_part_in_the_fit():
    values, group = layers()
    values["rna"][::5] = np.nan
    values["protein"][1::5] = np.nan
    assert accuracy(fit_consensus(values, 8).embed(values), group) > 0.7


def test_order_of_samples_features_and_layers_does_not_matter():
    values, _ = layers()
    rng = np.random.default_rng(1)
    rows = rng.permutation(N)
    cols = {k: rng.permutation(x.shape[1]) for k, x in values.items()}
    turned = {k: values[k][rows][:, cols[k]] for k in reversed(list(values))}
    one, two = fit_consensus(values, 5).embed(values), fit_consensus(turned, 5).embed(turned)
    np.testing.assert_allclose(two, one[rows], atol=1e-4)


def test_one_layer_gives_its_principal_components():
    x = layers()[0]["rna"]
    z = fit_consensus({"rna": x}, 4).embed({"rna": x})
    scaled = (x - x.mean(axis=0)) / x.std(axis=0)
    reference = PCA(4, svd_solver="full").fit_transform(scaled)
    np.testing.assert_allclose(np.abs(z), np.abs(reference), atol=1e-2)


@pytest.mark.parametrize("n_latent", [3, 40])
def test_more_dimensions_than_the_samples_span_are_zero(n_latent):
    values = {k: x[:25] for k, x in layers()[0].items()}
    z = fit_consensus(values, n_latent).embed(values)
    assert z.shape == (25, n_latent)
    assert np.abs(z[:, 25:]).max(initial=0.0) == 0.0


def test_the_estimator_embeds_by_it_without_a_target_only(tmp_path, mdata):
    free = quick().fit(mdata)
    told = quick().fit(mdata, target="class")
    assert told.consensus_ is None
    np.testing.assert_array_equal(free.embed(mdata), free.consensus_.embed(free._read(mdata)))
    free.save(tmp_path / "free")
    np.testing.assert_array_equal(pw.models.load(tmp_path / "free").embed(mdata), free.embed(mdata))


def test_the_differentiable_output_is_the_embedding(mdata):
    import torch

    model = pw.models.MultimodalVAE(4, max_epochs=2, n_folds=3, seed=1).fit(mdata)
    values = {name: torch.tensor(x) for name, x in model._read(mdata).items()}
    measured = {name: ~x.isnan() for name, x in values.items()}
    filled = {name: x.nan_to_num() for name, x in values.items()}
    out = model.consensus_.output(filled, measured)
    np.testing.assert_allclose(out, model.embed(mdata), atol=1e-5)
    tables = pw.explain.attribute(mdata, model, of="latent", n_steps=16, max_samples=5)
    assert tables.params["completeness_gap_relative"] < 0.02
