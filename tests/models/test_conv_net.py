"""ConvNet and FeedForward: an order that means something, and plain references without one."""

from __future__ import annotations

import anndata
import mudata
import numpy as np
import pandas as pd
import pytest

import pathweave as pw
from pathweave._core.warnings import DataWarning

SMALL = {"max_epochs": 3, "n_folds": 3, "seed": 1, "n_channels": 2}


def ordered(n=48, seed=0):
    """Probes on three chromosomes, in the order of their names, and a panel without places."""
    rng = np.random.default_rng(seed)
    names = [f"cg{i:02d}" for i in range(40)]
    var = pd.DataFrame(
        {
            "chrom": rng.choice(["1", "2", "X"], 40),
            "start": rng.permutation(40).astype(str),  # as text, as tables often have it
        },
        index=names,
    )
    obs = pd.DataFrame(index=[f"s{i}" for i in range(n)])
    probes = anndata.AnnData(rng.normal(size=(n, 40)).astype("float32"), obs=obs, var=var)
    panel = anndata.AnnData(
        rng.normal(size=(n, 6)).astype("float32"),
        obs=obs,
        var=pd.DataFrame(index=[f"p{i}" for i in range(6)]),
    )
    with pw.io.quiet_mudata():
        mdata = mudata.MuData({"meth": probes, "panel": panel})
    mdata.obs["class"] = np.where(probes.X[:, 3] > 0, "high", "low")
    return mdata


def shuffled(mdata):
    order = np.random.default_rng(5).permutation(mdata["meth"].n_vars)
    with pw.io.quiet_mudata():
        return mudata.MuData(
            {"meth": mdata["meth"][:, order].copy(), "panel": mdata["panel"].copy()}
        )


def fit(mdata, *, order=("chrom", "start"), layers="meth", **settings):
    model = pw.models.ConvNet(4, order=order, **{**SMALL, **settings})
    return model.fit(mdata, target="class", layers=layers)


def test_features_are_taken_chromosome_by_chromosome():
    mdata = ordered()
    var = mdata["meth"].var.assign(start=lambda v: v["start"].astype(int))
    expected = var.sort_values(["chrom", "start"])
    layer = fit(mdata).layers_["meth"]
    assert list(layer.features) == expected.index.tolist()
    assert layer.segments == tuple(expected.groupby("chrom").size())
    assert fit(mdata, order="start").layers_["meth"].segments == (40,)


def test_the_order_of_the_columns_does_not_matter_where_positions_are_given():
    mdata, moved = ordered(), shuffled(ordered())
    moved.obs["class"] = mdata.obs["class"]
    one, other = fit(mdata), fit(moved)
    np.testing.assert_array_equal(one.embed(mdata), other.embed(mdata))
    np.testing.assert_array_equal(one.embed(mdata), one.embed(moved))
    pd.testing.assert_frame_equal(one.predict_proba(mdata), other.predict_proba(moved))
    pd.testing.assert_frame_equal(one.impute(mdata)["meth"], other.impute(moved)["meth"])


def test_without_positions_the_order_at_fit_is_kept_by_name():
    mdata = ordered()
    with pytest.warns(DataWarning, match="order of var; nothing says that neighbours there belong"):
        model = fit(mdata, order=None)
    assert list(model.layers_["meth"].features) == mdata["meth"].var_names.tolist()
    np.testing.assert_array_equal(model.embed(mdata), model.embed(shuffled(mdata)))


def test_layers_without_positions_keep_a_dense_encoder():
    mdata = ordered()
    with pytest.warns(DataWarning, match="layers 'panel' have no such columns of var"):
        model = fit(mdata, layers=None)
    encoders = model.ensemble_.nets[0].encoders
    kinds = [[type(m).__name__ for m in encoders[name]] for name in ("l0", "l1")]
    assert "SegmentConv" in kinds[0]
    assert "SegmentConv" not in kinds[1]


def test_segments_come_back_from_a_file(tmp_path):
    mdata = ordered()
    model = fit(mdata)
    model.save(tmp_path / "run")
    again = pw.models.load(tmp_path / "run")
    assert again.layers_ == model.layers_
    assert again.ensemble_.spec == model.ensemble_.spec
    assert again.get_params() == model.get_params()
    np.testing.assert_array_equal(again.embed(mdata), model.embed(mdata))


@pytest.mark.parametrize(
    ("settings", "error", "match"),
    [
        ({"order": "place"}, KeyError, r"order=\('place',\): no layer has such columns of var; found"),
        ({"order": ("a", "b", "c")}, ValueError, "must be a column of var with positions"),
        ({"order": 3}, ValueError, "order=3 must be a column of var"),
        ({"order": "chrom"}, ValueError, "features of layer 'meth' have no position there"),
        ({"kernel_size": 4}, ValueError, "kernel_size=4 must be an odd number"),
        ({"pool_size": 0}, ValueError, "pool_size=0 must be a whole number of 1 or more"),
    ],
    ids=["no such column", "three columns", "no name", "no numbers", "even kernel", "no pool"],
)  # fmt: skip
def test_bad_orders(settings, error, match):
    with pytest.raises(error, match=match):
        fit(ordered(), **settings)


def test_a_missing_position_is_named():
    mdata = ordered()
    mdata["meth"].var.loc["cg07", "start"] = np.nan
    with pytest.raises(ValueError, match=r"1 of 40 features of layer 'meth'.*\('cg07'\)"):
        fit(mdata)


def bumps(n=240, seed=0):
    """A pattern of neighbours (up, down, up) anywhere along 60 places: linear models see nothing."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 60), scale=0.4)
    sign = rng.integers(0, 2, n) * 2 - 1
    for i, start in enumerate(rng.integers(0, 54, n)):
        x[i, start : start + 6] += sign[i] * np.array([3.0, -1.5, -1.5, 3.0, -1.5, -1.5])
    obs = pd.DataFrame(index=[f"s{i}" for i in range(n)])
    var = pd.DataFrame({"mz": np.arange(60)}, index=[f"m{i}" for i in range(60)])
    with pw.io.quiet_mudata():
        mdata = mudata.MuData({"spectrum": anndata.AnnData(x.astype("float32"), obs=obs, var=var)})
    mdata.obs["class"] = np.where(sign > 0, "up", "down")
    return mdata


def test_a_pattern_that_moves_along_the_order_is_found():
    mdata = bumps()
    settings = {"n_folds": 3, "seed": 1, "max_epochs": 40, "dropout": 0.1, "learning_rate": 5e-3}
    conv = pw.models.ConvNet(8, order="mz", **settings).fit(mdata, target="class")
    dense = pw.models.FeedForward(8, **settings).fit(mdata, target="class")
    loss = {
        name: model.parts_.set_index("part")["loss"]["network"]
        for name, model in (("conv", conv), ("dense", dense))
    }
    linear = conv.parts_.set_index("part")["loss"]["linear, early fusion"]
    assert loss["conv"] < 0.4
    assert loss["conv"] < min(loss["dense"], linear) - 0.1


def test_the_feed_forward_latent_is_the_last_hidden_layer():
    mdata = ordered()
    model = pw.models.FeedForward(5, n_hidden=7, n_hidden_layers=2, max_epochs=2, n_folds=3, seed=1)
    model.fit(mdata, target="class")
    widths = [
        m.out_features for m in model.ensemble_.nets[0].joint.steps if hasattr(m, "out_features")
    ]
    assert widths == [7, 7, 5]
    assert (model.history_["kl"] == 0).all()
    with pytest.raises(ValueError, match="n_hidden_layers=0 must be a whole number of 1 or more"):
        pw.models.FeedForward(5, n_hidden_layers=0).fit(mdata)


def test_orders_reach_the_folds_of_an_evaluation():
    mdata = ordered()
    report = pw.evaluate.cross_validate(
        mdata,
        target="class",
        layers="meth",
        models={
            "feed_forward": pw.models.FeedForward(4, max_epochs=2, n_folds=2),
            "conv_net": pw.models.ConvNet(
                4, order=("chrom", "start"), max_epochs=2, n_folds=2, n_channels=2
            ),
        },
        n_folds=2,
        select=20,
        n_jobs=1,
    )
    assert report.summary("accuracy")["n"].tolist() == [2, 2]
    with pytest.raises(ValueError, match=r"choose among .*'feed_forward', 'conv_net', 'recurrent'"):
        pw.evaluate.cross_validate(mdata, target="class", models="convnet")
