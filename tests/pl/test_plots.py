"""Plots show what their tables say: checked on the artists."""

from __future__ import annotations

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from tests_helpers import quick

import pathweave as pw

mpl.use("agg")


@pytest.fixture(scope="module")
def fitted():
    mdata = pw.datasets.simulate(70, n_pathways_active=3, seed=2)
    model = quick().fit(mdata, pw.graph.reactome(), target="class", survival=("time", "event"))
    pw.tl.embed(mdata, model)
    pw.tl.predict(mdata, model)
    pw.tl.attribute(mdata, model, n_steps=4)
    return mdata, model


def points(ax) -> int:
    return sum(len(c.get_offsets()) for c in ax.collections if len(c.get_offsets()))


def test_embedding_draws_every_sample_once(fitted):
    mdata, _ = fitted
    ax = pw.pl.embedding(mdata, color="class", method="pca")
    assert points(ax) == mdata.n_obs
    texts = [text.get_text() for text in ax.get_legend().get_texts()]
    counts = mdata.obs["class"].value_counts()
    assert sorted(texts) == sorted(f"{name} ({n})" for name, n in counts.items())
    assert "%" in ax.get_xlabel()


def test_embedding_shows_missing_and_continuous_values(fitted):
    mdata, _ = fitted
    with_gaps = mdata.obs["outcome"].copy()
    mdata.obs["gaps"] = with_gaps.where(np.arange(mdata.n_obs) > 4)
    ax = pw.pl.embedding(mdata, color="gaps", method="pca")
    assert points(ax) == mdata.n_obs
    assert ax.get_legend().get_texts()[0].get_text() == "missing (5)"
    assert len(ax.figure.axes) == 2  # the colour bar


def test_bars_are_the_strongest_in_order(fitted):
    mdata, _ = fitted
    group = str(mdata.obs["class"].cat.categories[0])
    table = pw.get.attributions(mdata, level="gene", group=group)
    ax = pw.pl.attributions(mdata, level="gene", group=group, n_top=6)
    widths = [patch.get_width() for patch in ax.patches]
    np.testing.assert_allclose(widths, table.nsmallest(6, "rank")["importance"])
    assert widths == sorted(widths, reverse=True)
    assert "log odds" in ax.get_xlabel()
    labels = [tick.get_text() for tick in ax.get_yticklabels()]
    assert labels == table.nsmallest(6, "rank")["symbol"].tolist()


def test_layer_shares_fill_the_axis(fitted):
    mdata, _ = fitted
    ax = pw.pl.attributions(mdata, level="layer")
    n_groups = pw.get.attributions(mdata, level="layer")["group"].nunique()
    assert np.isclose(sum(patch.get_width() for patch in ax.patches), 100.0 * n_groups)


def test_pathways_of_one_group_lie_at_their_score(fitted):
    mdata, _ = fitted
    group = str(mdata.obs["class"].cat.categories[0])
    ax = pw.pl.pathways(mdata, group=group, n_top=5)
    offsets = ax.collections[0].get_offsets()
    table = pw.get.attributions(mdata, level="pathway", group=group)
    table = table[table["n_measured"].between(5, 150)]
    assert np.isclose(offsets[:, 0].max(), table["score"].max())
    assert len(ax.get_yticks()) == 5


def test_history_marks_the_epoch_that_was_kept(fitted):
    _, model = fitted
    ax = pw.pl.history(model)
    dots = [line for line in ax.lines if line.get_marker() == "o"]
    assert len(dots) == model.history_["replicate"].nunique()
    curve = model.history_.query("replicate == 'reference' and part == 'validation'")
    assert dots[0].get_ydata()[0] == curve["target_loss"].min()


def test_parts_show_scores(fitted):
    _, model = fitted
    ax = pw.pl.parts(model, target="class")
    table = model.parts_.query("target == 'class'")
    np.testing.assert_allclose([patch.get_width() for patch in ax.patches], table["score"])
    assert max(ax.get_xticks()) == pytest.approx(1.0), (
        "an accuracy ends at 1, whatever room words need"
    )


def test_survival_curves_start_at_one_and_hold_everyone(fitted):
    mdata, _ = fitted
    ax = pw.pl.survival(mdata, time="time", event="event", groups=2)
    curves = [line for line in ax.lines if line.get_drawstyle() == "steps-post"]
    assert len(curves) == 2
    for curve in curves:
        y = curve.get_ydata()
        assert y[0] == 1.0
        assert (np.diff(y) <= 1e-12).all()
    told = [text.get_text() for text in ax.get_legend().get_texts()]
    numbers = [int(text.split(": ")[1].split()[0]) for text in told]
    assert sum(numbers) == mdata.n_obs


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: pw.pl.embedding(m, color="nothing"), "not a column"),
        (lambda m: pw.pl.embedding(m, method="tsne"), "method='tsne'"),
        (lambda m: pw.pl.attributions(m, level="pathways"), "level='pathways'"),
        (lambda m: pw.pl.attributions(m, group="Z"), "group='Z'"),
        (lambda m: pw.pl.pathways(m, min_size=10_000, max_size=20_000), "no pathway"),
        (lambda m: pw.pl.survival(m, time="time", event="event", risk="x"), "'x' is not in"),
        (lambda m: pw.pl.survival(m, time="time", event="event", groups=1), "groups=1"),
    ],
)
def test_wrong_arguments_are_named(fitted, call, message):
    with pytest.raises((KeyError, ValueError), match=message):
        call(fitted[0])


def test_axes_are_used_when_given(fitted):
    mdata, model = fitted
    _, axes = plt.subplots(1, 2)
    assert pw.pl.history(model, ax=axes[0]) is axes[0]
    assert pw.pl.attributions(mdata, ax=axes[1]) is axes[1]


def test_coverage_adds_up_to_all_features():
    table = pw.graph.coverage(pw.datasets.miniacc(), pw.graph.reactome())
    ax = pw.pl.coverage(table)
    inside, alone, lost = (bars.patches for bars in ax.containers)
    for layer, a, b, c in zip(table.index, inside, alone, lost, strict=True):
        row = table.loc[layer]
        assert a.get_width() == pytest.approx(100 * row["n_in_pathway"] / row["n_features"])
        assert a.get_width() + b.get_width() == pytest.approx(100 * row["fraction"])
        assert c.get_x() + c.get_width() == pytest.approx(100)
    assert [t.get_text() for t in ax.texts] == [f"{share:.0%}" for share in table["fraction"]]
    with pytest.raises(ValueError, match="it lacks"):
        pw.pl.coverage(table[["kind"]])
