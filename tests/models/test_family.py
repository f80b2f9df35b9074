"""Every model of the family keeps the same promises."""

from __future__ import annotations

import mudata
import numpy as np
import pandas as pd
import pytest
from tests_helpers import snapshot

import pathweave as pw
from pathweave.models._family import FAMILY

SMALL = {"max_epochs": 3, "n_folds": 3, "seed": 1}
OWN = {
    "ConvNet": {"order": "position", "n_channels": 2},
    "Recurrent": {"subject": "patient", "time": "week"},
}


def make(kind, n_latent=6, **settings):
    return kind(n_latent, **{**SMALL, **OWN.get(kind.__name__, {}), **settings})


@pytest.fixture(scope="module")
def mdata(mdata):
    """The samples with all that any model of the family reads: an order of features, subjects and times."""
    with pw.io.quiet_mudata():
        mdata = mdata.copy()
    mdata.obs["patient"] = [f"p{i // 2}" for i in range(mdata.n_obs)]
    mdata.obs["week"] = np.arange(mdata.n_obs) % 2
    for mod in mdata.mod.values():
        mod.var["position"] = np.arange(mod.n_vars)[::-1]
    return mdata


@pytest.fixture(scope="module", params=FAMILY, ids=lambda model: model.__name__)
def fitted(request, mdata, graph):
    model = make(request.param)
    before = snapshot(mdata)
    model.fit(mdata, graph, target=["class", "outcome"], survival=("time", "event"))
    assert snapshot(mdata) == before
    return model


def test_shapes(mdata, fitted):
    n = mdata.n_obs
    assert fitted.embed(mdata).shape == (n, 6)
    assert fitted.predict(mdata).columns.tolist() == ["class", "outcome", "risk"]
    np.testing.assert_allclose(fitted.predict_proba(mdata).sum(axis=1), 1.0, rtol=1e-6)
    assert {name: t.shape for name, t in fitted.impute(mdata).items()} == {
        name: (n, mod.n_vars) for name, mod in mdata.mod.items()
    }


def test_sample_order_and_company_do_not_matter(mdata, fitted):
    order = np.random.default_rng(0).permutation(mdata.n_obs)
    order = np.r_[order[order % 2 == 0], order[order % 2 == 1]]  # the first one has no past to lose
    with pw.io.quiet_mudata():
        moved = mdata[order].copy()
        alone = mdata[order[:1]].copy()
    whole = fitted.embed(mdata)
    np.testing.assert_allclose(fitted.embed(moved), whole[order], atol=1e-5)
    np.testing.assert_allclose(fitted.embed(alone)[0], whole[order[0]], atol=1e-5)
    proba = fitted.predict_proba(mdata)
    pd.testing.assert_frame_equal(
        fitted.predict_proba(moved).loc[mdata.obs_names], proba, atol=1e-5
    )


def test_saved_and_loaded(tmp_path, mdata, fitted):
    fitted.save(tmp_path / "run")
    again = pw.models.load(tmp_path / "run")
    assert type(again) is type(fitted)
    assert again.get_params() == fitted.get_params()
    np.testing.assert_array_equal(again.embed(mdata), fitted.embed(mdata))
    pd.testing.assert_frame_equal(again.predict(mdata), fitted.predict(mdata))
    for name, table in again.impute(mdata).items():
        pd.testing.assert_frame_equal(table, fitted.impute(mdata)[name])


def test_attributions_add_up(mdata, fitted):
    tables = pw.explain.attribute(mdata, fitted, of="class", n_steps=48, max_samples=6)
    assert tables.params["completeness_gap_relative"] < 0.05


def test_names_say_what_was_fitted(fitted):
    assert repr(fitted).startswith(f"{type(fitted).__name__}(n_latent=6")
    assert repr(fitted).endswith("fitted on 'rna', 'meth', 'protein', 'metab'")


@pytest.mark.parametrize("kind", FAMILY, ids=lambda model: f"{model.__name__}-untrained")
def test_what_is_not_fitted_says_so(mdata, kind):
    with pytest.raises(ValueError, match=f"this {kind.__name__} is not fitted"):
        make(kind).embed(mdata)
    with pytest.raises(ValueError, match="n_latent=0 must be a whole number"):
        make(kind, 0).fit(mdata)
    with pytest.raises(ValueError, match="class_weight='even' must be None, 'balanced' or a dict"):
        make(kind, class_weight="even").fit(mdata, pw.graph.reactome(), target="class")


def test_the_list_of_models_says_when_each_makes_sense():
    table = pw.models.available()
    assert table["name"].tolist() == [kind.__name__ for kind in FAMILY]
    assert table["when"].str.len().min() > 20
    assert table["when"].is_unique


def test_the_multimodal_vae_takes_no_notice_of_a_graph(mdata, graph):
    model = pw.models.MultimodalVAE(4, **SMALL)
    with_graph = model.fit(mdata, graph).embed(mdata)
    assert model.graph_ is None
    assert model.graph_digest_ is None
    without = pw.models.MultimodalVAE(4, **SMALL).fit(mdata).embed(mdata)
    np.testing.assert_array_equal(with_graph, without)


def test_a_plain_autoencoder_has_no_noise(mdata):
    curves = {}
    for variational in (True, False):
        model = pw.models.MultimodalVAE(4, variational=variational, **SMALL).fit(mdata)
        curves[variational] = model.history_
    assert (curves[False]["kl"] == 0).all()
    assert (curves[True]["kl"] > 0).all()


def test_the_graph_network_sees_on_graph_features_through_the_graph_only(mdata, graph):
    model = pw.models.PathwayGNN(4, **SMALL).fit(mdata, graph)
    net = model.ensemble_.nets[0]
    for i, layer in enumerate(model.ensemble_.spec.layers):
        encoded = getattr(net, f"encoded_{i}")
        assert tuple(encoded.tolist()) == layer.off_graph
        assert len(layer.off_graph) < layer.n_features
    alone = mudata.MuData({"rna": mdata["rna"].copy()})
    rna = alone["rna"]
    on_graph = next(
        i
        for i in range(rna.n_vars)
        if i not in model.ensemble_.spec.layers[0].off_graph
        and i in np.unique(model.ensemble_.graph.feature_maps["rna"].nonzero()[0])
    )
    before = model.embed(alone)
    rna.X[:, on_graph] += 3.0
    assert np.abs(model.embed(alone) - before).max() > 1e-4  # off the encoders, but not lost


def test_the_graph_network_asks_for_a_graph(mdata):
    with pytest.raises(
        ValueError, match="PathwayGNN reads everything through a graph; found graph=None"
    ):
        pw.models.PathwayGNN(4, **SMALL).fit(mdata)
    with pw.io.quiet_mudata():
        odd = mudata.MuData({"panel": mdata["rna"].copy()})
    odd["panel"].var_names = [f"panel{i}" for i in range(odd["panel"].n_vars)]
    odd["panel"].var = odd["panel"].var[[]]
    odd.update()
    with (
        pytest.raises(ValueError, match="no layer with a feature on the graph"),
        pytest.warns(UserWarning, match="graph"),
    ):
        pw.models.PathwayGNN(4, **SMALL).fit(odd, pw.graph.reactome())


def test_balanced_weights_are_those_of_scikit_learn():
    from sklearn.utils.class_weight import compute_class_weight

    from pathweave.models._targets import Target, check_class_weight

    labels = np.array([0, 0, 0, 0, 1, 1, 2, np.nan])[:, None]
    target = Target("stage", "class", ("stage",), ("I", "II", "III"))
    known = labels[:-1, 0]
    expected = compute_class_weight("balanced", classes=np.unique(known), y=known)
    np.testing.assert_allclose(target.class_weights(labels, "balanced"), expected)
    assert target.class_weights(labels, {"III": 5}) == (1.0, 1.0, 5.0)
    with pytest.raises(ValueError, match=r"'IV' is no class of any target.*'I', 'II', 'III'"):
        check_class_weight([target], {"IV": 2})
    with pytest.raises(ValueError, match="'II' has no positive weight"):
        check_class_weight([target], {"II": -1})


def test_nulls_of_the_graph_are_asked_of_models_that_use_one(mdata, graph):
    report = pw.evaluate.cross_validate(
        mdata,
        graph,
        target="class",
        models=[pw.models.MultimodalVAE(4, **SMALL), pw.models.PathwayGNN(4, **SMALL)],
        baselines=(),
        nulls=["rewired_graph", "no_graph"],
        n_folds=2,
    )
    found = set(report.summary().index)
    assert found == {"multimodal_vae", "pathway_gnn", "pathway_gnn, rewired graph"}


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"learning_rate": "fast"}, "learning_rate='fast' must be a number"),
        ({"dropout": "a"}, "dropout='a' must lie in"),
        ({"seed": "a"}, "seed='a' must be a whole number of 0 or more"),
        ({"n_folds": 2.5}, "n_folds=2.5 must be a whole number of 2 or more"),
        ({"n_folds": 1}, "n_folds=1 must be a whole number of 2 or more"),
        ({"device": "gpu"}, "device='gpu' is not known; use 'auto', 'cpu'"),
    ],
)
def test_settings_that_cannot_be_are_named(mdata, setting, message):
    with pytest.raises(ValueError, match=message):
        make(pw.models.MultimodalVAE, **setting).fit(mdata, target="class")


def test_one_layer_may_be_named_without_a_list(mdata):
    fitted = make(pw.models.MultimodalVAE).fit(mdata)
    assert list(fitted.impute(mdata, layers="rna")) == ["rna"]
