"""Plots of perturbations show what their tables say: checked on the artists."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pytest
from tests_helpers import quick

import pathweave as pw

mpl.use("agg")


@pytest.fixture(scope="module")
def perturbed():
    mdata = pw.datasets.simulate(60, n_pathways_active=2, n_features=100, seed=2)
    model = quick(max_epochs=2).fit(mdata, pw.graph.reactome(), target=["class", "outcome"])
    genes = list(mdata["rna"].var_names[:8])
    pw.tl.perturb(mdata, model, {genes[0]: "lowest"}, groupby="class", n_null=0)
    pw.tl.perturb_screen(mdata, model, "lowest", units=genes, n_null=20)
    return mdata


def test_bars_are_the_shifts(perturbed):
    table = pw.get.perturbations(perturbed).query("unit == 'probability'")
    ax = pw.pl.perturbation(perturbed)
    np.testing.assert_allclose([bar.get_width() for bar in ax.patches], table["shift"])
    labels = [text.get_text() for text in ax.get_yticklabels()]
    assert labels == ["class A, A", "class B, A", "class A, B", "class B, B"]
    assert ax.get_xlabel().startswith("shift, probability")
    one = pw.pl.perturbation(perturbed, of="outcome", group="A")
    assert [text.get_text() for text in one.get_yticklabels()] == ["outcome"]
    segments = one.collections[0].get_segments()
    row = pw.get.perturbations(perturbed, group="A").query("target == 'outcome'").iloc[0]
    np.testing.assert_allclose(segments[0][:, 0], [row["low"], row["high"]])
    assert "what the model says, not what the cell does" in ax.get_title()


@pytest.mark.parametrize(("level", "value"), [("pathway", "shift"), ("layer", "sds"), ("latent", "shift")])  # fmt: skip
def test_the_largest_shifts_are_drawn_in_order(perturbed, level, value):
    ax = pw.pl.perturbation(perturbed, level=level, group="B", n_top=5)
    table = pw.get.perturbations(perturbed, level=level, group="B")
    if level == "layer":
        table = table[~table["changed"]]
    if level == "latent":
        table = table[table["dimension"] != "distance"]
    best = table[value].iloc[np.argsort(-table[value].abs().to_numpy(), kind="stable")[:5]]
    np.testing.assert_allclose([bar.get_width() for bar in ax.patches], best)
    for bar, segment in zip(ax.patches, ax.collections[0].get_segments(), strict=True):
        assert segment[0][0] <= bar.get_width() + 1e-9
        assert bar.get_width() <= segment[1][0] + 1e-9


def test_a_screen_is_drawn_by_rank(perturbed):
    table = pw.get.perturbations(perturbed, level="screen")
    ax = pw.pl.perturbation_screen(perturbed, n_top=6)
    dots = ax.collections[1]
    np.testing.assert_allclose(dots.get_offsets()[:, 0], table["shift"].head(6))
    hollow = (dots.get_facecolors()[:, :3] == 1.0).all(axis=1)
    assert hollow.tolist() == (table["p_random"].head(6) >= 0.05).tolist()
    with pytest.raises(ValueError, match="group='Z' is not known"):
        pw.pl.perturbation_screen(perturbed, group="Z")
    with pytest.raises(ValueError, match="level='samples' is not known"):
        pw.pl.perturbation(perturbed, level="samples")
    with pytest.raises(ValueError, match="of='risk' is not known"):
        pw.pl.perturbation(perturbed, of="risk")
