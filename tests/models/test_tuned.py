"""Tuned: the search inside `fit`, and then the best model in every respect."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import pathweave as pw
from pathweave.evaluate._models import ModelFitter

pytest.importorskip("optuna", reason="tuning needs the extra 'tune'")

SPACE = {"dropout": (0.1, 0.7), "n_latent": [3, 5]}


def small(**changes):
    return pw.models.PathwayVAE(4, **{"max_epochs": 1, "n_folds": 2, "n_jobs": 1, **changes})


@pytest.fixture(scope="module")
def data():
    return pw.datasets.simulate(
        60, layers=["rna", "metab"], n_features=300, n_pathways_active=3, missing_layers=0.1, seed=3
    )


@pytest.fixture(scope="module")
def fitted(data):
    model = pw.models.Tuned(small(seed=2), SPACE, n_trials=2, seed=1)
    return model.fit(data, pw.graph.reactome(), target="class")


def test_it_is_the_best_model_of_the_search(data, fitted):
    found = pw.tl.tune(
        data, pw.graph.reactome(), target="class",
        model=small(seed=3), space=SPACE, n_trials=2, seed=1,
    )  # fmt: skip
    best = found.best.fit(data, pw.graph.reactome(), target="class")
    assert fitted.tuning_.best_params == found.best_params
    assert fitted.model_.get_params() == best.get_params()
    np.testing.assert_array_equal(fitted.embed(data), best.embed(data))
    pd.testing.assert_frame_equal(fitted.predict_proba(data), best.predict_proba(data))
    pd.testing.assert_frame_equal(fitted.parts_, best.parts_)
    pd.testing.assert_frame_equal(fitted.out_of_fold_, best.out_of_fold_)
    pd.testing.assert_frame_equal(fitted.pathway_activity(data), best.pathway_activity(data))
    for name, table in fitted.impute(data).items():
        pd.testing.assert_frame_equal(table, best.impute(data)[name])


def test_it_goes_where_models_go(tmp_path, data, fitted):
    mdata = data.copy()
    pw.tl.embed(mdata, fitted)
    pw.tl.predict(mdata, fitted)
    pw.tl.attribute(mdata, fitted, of="latent", n_steps=2)
    latent = pw.get.attributions(mdata, level="layer")
    assert latent["group"].nunique() == fitted.n_latent == fitted.model_.n_latent
    fitted.save(tmp_path / "run")
    again = pw.models.load(tmp_path / "run")
    assert type(again) is pw.models.PathwayVAE
    pd.testing.assert_frame_equal(again.predict_proba(data), fitted.predict_proba(data))


def test_parameters_make_the_same_model_again(fitted):
    params = fitted.get_params()
    assert list(params) == ["model", "space", "n_trials", "seed", "n_jobs"]
    again = pw.models.Tuned(**params)
    assert again.get_params() == params
    assert not hasattr(again, "model_")
    assert repr(again).startswith("Tuned(model=PathwayVAE(n_latent=4,")
    with pytest.raises(ValueError, match="this Tuned is not fitted yet"):
        again.save("nowhere")


def made(name):
    """A model of a name with its own values; what reads a time course must be told its columns."""
    needs = {"subject": "patient", "time": "week"} if name == "Recurrent" else {}
    return getattr(pw.models, name)(**needs)


@pytest.mark.parametrize("name", pw.models.available()["name"])
def test_it_says_of_the_graph_what_its_model_says(name):
    model = made(name)
    tuned = pw.models.Tuned(model)
    assert tuned.uses_graph == model.uses_graph
    assert tuned.needs_graph == model.needs_graph


def test_cross_validation_is_nested(tmp_path, data):
    """Each fold is tuned by its training samples: what the test samples say does not move it."""
    model = pw.models.Tuned(
        pw.models.MultimodalVAE(4, max_epochs=1, n_folds=2), {"dropout": (0.1, 0.7)}, n_trials=2
    )
    how = {"target": "class", "models": [model], "n_folds": 2, "n_jobs": 1}
    report = pw.evaluate.cross_validate(data, folder=tmp_path, **how)
    assert report.summary().index.tolist() == ["tuned"]
    again = pw.evaluate.cross_validate(data, folder=tmp_path, **how)
    pd.testing.assert_frame_equal(again.predictions, report.predictions)
    assert len(list((tmp_path / "fits").iterdir())) == 2

    fold = np.arange(data.n_obs) % 2
    changed = data.copy()
    labels = changed.obs["class"].to_numpy().copy()
    labels[fold == 0] = np.roll(labels[fold == 0], 1)
    changed.obs["class"] = labels
    columns = [c for c in report.predictions.columns if c.startswith("proba")]
    one, two = (
        pw.evaluate.cross_validate(mdata, splits=fold, **how).predictions.query("fold == 0")
        for mdata in (data, changed)
    )
    assert columns
    np.testing.assert_array_equal(one[columns], two[columns])


def test_another_space_is_another_method(data):
    one = ModelFitter(pw.models.Tuned(small(), SPACE), None).describe()
    two = ModelFitter(pw.models.Tuned(small(), {"dropout": (0.1, 0.6)}), None).describe()
    three = ModelFitter(pw.models.Tuned(small(n_hidden=8), SPACE), None).describe()
    assert len({one, two, three}) == 3


@pytest.mark.parametrize("model", ["pathway_vae", pw.models.PathwayVAE, None], ids=str)
def test_what_is_no_model_is_refused(model):
    with pytest.raises(TypeError, match="must be an unfitted model such as PathwayVAE"):
        pw.models.Tuned(model)


def test_only_models_are_tuned(data):
    for model in ("pathway_vae", pw.models.Tuned(small())):
        with pytest.raises(TypeError, match="must be an unfitted model such as PathwayVAE"):
            pw.tl.tune(data, target="class", model=model)


def test_tuning_the_tuned_is_refused():
    with pytest.raises(TypeError, match="found Tuned"):
        pw.models.Tuned(pw.models.Tuned(small()))
