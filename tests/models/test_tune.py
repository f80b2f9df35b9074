"""Tuning: inside the training samples, never worse than the model's own values there, resumable to the digit."""

from __future__ import annotations

import json
import logging
import warnings
import zlib

import numpy as np
import pandas as pd
import pytest
from tests_helpers import snapshot

import pathweave as pw
from pathweave._core.warnings import PathweaveWarning
from pathweave.models import _tune
from pathweave.models._data import check_samples, read_training
from pathweave.models._space import DEFAULT_SPACE, default_space, read_space
from pathweave.models._trials import Trials

pytest.importorskip("optuna", reason="tuning needs the extra 'tune'")

SPACE = {"n_latent": (2, 12, "log"), "dropout": (0, 0.8), "n_hidden": [8, 16], "batch_size": [16]}


def small(**changes):
    return pw.models.MultimodalVAE(
        4, **{"n_hidden": 16, "max_epochs": 2, "n_folds": 2, "n_jobs": 1, **changes}
    )


def comparable(found) -> pd.DataFrame:
    return found.table.drop(columns="seconds")


class Counted(pw.models.MultimodalVAE):
    """Counts fits, and breaks off where it is told to; its loss is a bowl over what it was given to learn from."""

    fits, stop_at = 0, None

    def __init__(self, n_latent=4, *, dropout=0.5, n_folds=2, seed=0):
        super().__init__(n_latent, dropout=dropout, n_folds=n_folds, seed=seed)

    def fit(self, mdata, graph=None, *, target=None, samples=None, **_):
        if type(self).stop_at == type(self).fits:
            raise KeyboardInterrupt
        type(self).fits += 1
        self._check_parameters()
        mask = check_samples(mdata, samples)
        _, values, _ = read_training(mdata, None, mask)
        labels = mdata.obs.loc[mask, target].astype(str).map(hash_of) @ np.arange(mask.sum())
        seen = sum(float(np.nansum(x)) for x in values.values()) + labels
        loss = (self.dropout - 0.3) ** 2 + self.n_latent / 100 + seen % 1.0
        stack = {"target": target, "part": "stack", "weight": 1.0, "loss": loss, "score": 0.5}
        self.parts_ = pd.DataFrame([stack])
        return self


def hash_of(label: str) -> float:
    return zlib.crc32(label.encode()) / 7.0


@pytest.fixture
def counted():
    Counted.fits, Counted.stop_at = 0, None
    return Counted


@pytest.fixture(scope="module")
def data():
    return pw.datasets.simulate(
        60, layers=["rna", "metab"], n_features=300, n_pathways_active=3, missing_layers=0.1, seed=3
    )


@pytest.fixture(scope="module")
def found(data):
    return pw.tl.tune(data, target="class", model=small(), space=SPACE, n_trials=8)


def test_first_trial_is_the_model_itself(data, found):
    own = small()
    first = found.table.iloc[0]
    assert first["number"] == 0
    assert {name: first[name] for name in SPACE} == {n: own.get_params()[n] for n in SPACE}
    table = own.fit(data, target="class").parts_.set_index("part")
    assert first["loss"] == table.loc["stack", "loss"]
    assert first["score"] == table.loc["stack", "score"]


def test_best_is_the_least_loss_and_fits_to_it_again(data, found):
    row = found.table.loc[found.table["loss"].idxmin()]
    assert row["loss"] <= found.table["loss"].iloc[0]
    assert found.best_params == {name: row[name] for name in sorted(SPACE)}
    assert found.best.get_params() == {**small().get_params(), **found.best_params}
    with pytest.raises(ValueError, match="not fitted"):
        found.best.embed(data)
    again = type(found.best)(**found.best.get_params()).fit(data, target="class")
    assert again.parts_["loss"].iloc[-1] == row["loss"]
    assert f"in trial {row['number']}" in repr(found)


def test_values_stay_inside_the_space(found):
    table = found.table.iloc[1:]
    assert table["n_latent"].between(2, 12).all()
    assert table["n_latent"].dtype.kind == "i"
    assert table["dropout"].between(0, 0.8).all()
    assert table["dropout"].nunique() == len(table)
    assert set(table["n_hidden"]) == {8, 16}
    assert set(table["batch_size"]) == {16}


def test_what_is_drawn_depends_on_what_was_found():
    """After the random trials the sampler keeps near the good ones: a bowl with its least at 0.2."""
    dimension = read_space(small(), {"dropout": (0, 0.9)}, graph=False, target=True)
    records = []
    for number in range(30):
        drawn = _tune._draw(records, {"dropout": 0.5}, dimension, 1) if number else {"dropout": 0.5}
        losses = {"y": (drawn["dropout"] - 0.2) ** 2}
        records.append({"drawn": drawn, "losses": losses, "state": "complete"})
    values = np.array([record["drawn"]["dropout"] for record in records])
    assert np.abs(values[15:] - 0.2).mean() < 0.5 * np.abs(values[1:11] - 0.2).mean()


def test_same_seed_same_trials_and_another_seed_others(data, counted):
    how = {"target": "class", "space": {"dropout": (0.1, 0.7)}, "n_trials": 3}
    one, two = (pw.tl.tune(data, model=counted(), seed=5, **how) for _ in range(2))
    other = pw.tl.tune(data, model=counted(), seed=6, **how)
    pd.testing.assert_frame_equal(comparable(one), comparable(two))
    assert not set(one.table["dropout"][1:]) & set(other.table["dropout"][1:])
    longer = pw.tl.tune(data, model=counted(), seed=5, **{**how, "n_trials": 4})
    pd.testing.assert_frame_equal(comparable(longer).iloc[:3], comparable(one))


@pytest.mark.parametrize("stop_at", [1, 5, 12])
def test_a_search_that_broke_off_goes_on_as_if_it_had_not(tmp_path, data, counted, stop_at):
    how = {"target": "class", "space": {"dropout": (0.1, 0.7), "n_latent": (2, 9)}, "n_trials": 13}
    whole = pw.tl.tune(data, model=counted(), **how)
    counted.fits, counted.stop_at = 0, stop_at
    with pytest.raises(KeyboardInterrupt):
        pw.tl.tune(data, model=counted(), folder=tmp_path / "trials", **how)
    counted.stop_at = None
    resumed = pw.tl.tune(data, model=counted(), folder=tmp_path / "trials", **how)
    assert counted.fits == 13  # no trial twice
    pd.testing.assert_frame_equal(comparable(resumed), comparable(whole))
    third = pw.tl.tune(data, model=counted(), folder=str(tmp_path / "trials"), **how)
    assert counted.fits == 13
    pd.testing.assert_frame_equal(third.table, resumed.table)


def test_nothing_outside_the_training_samples_has_a_say(tmp_path, data):
    mask = np.arange(data.n_obs) < 48
    changed = data.copy()
    for mod in changed.mod.values():
        rows = ~mod.obs_names.isin(data.obs_names[mask])
        mod.X[rows] = mod.X[rows] * 50.0 + 3.0
    changed.obs["class"] = changed.obs["class"].astype(str).where(mask, "other")
    how = {"target": "class", "samples": mask, "space": {"dropout": (0.1, 0.7)}, "n_trials": 3}
    one = pw.tl.tune(data, model=small(), folder=tmp_path, **how)
    two = pw.tl.tune(changed, model=small(), **how)
    pd.testing.assert_frame_equal(comparable(one), comparable(two))
    taken = pw.tl.tune(changed, model=small(), folder=tmp_path, **how)
    pd.testing.assert_frame_equal(taken.table, one.table)  # its seconds, too: nothing was fitted
    inside = data.copy()
    inside.obs["class"] = inside.obs["class"].to_numpy()[::-1]
    three = pw.tl.tune(inside, model=small(), **how)
    assert (three.table["loss"] != one.table["loss"]).all()


def test_a_folder_of_another_search_is_refused(tmp_path, data, counted):
    how = {"target": "class", "model": counted(), "space": {"dropout": (0.1, 0.7)}, "n_trials": 1}
    pw.tl.tune(data, folder=tmp_path, **how)
    labels, values = data.copy(), data.copy()
    labels.obs["class"] = labels.obs["class"].to_numpy()[::-1]
    values.mod["rna"].X[3, 4] = 5.0
    cases = {
        "'outcome'": (labels, {}),
        "'training samples or values'": (values, {}),
        "'training samples or values', 'outcome'": (data, {"samples": np.arange(60) > 5}),
        "'model'": (data, {"model": counted(5)}),
        "'space'": (data, {"space": {"dropout": (0.1, 0.6)}}),
        "'seed'": (data, {"seed": 1}),
        "'graph'": (data, {"graph": pw.graph.reactome()}),
    }
    for what, (mdata, changes) in cases.items():
        with pytest.raises(ValueError, match=rf"another tuning \(it differs in: {what}\)"):
            pw.tl.tune(mdata, folder=tmp_path, **{**how, **changes})
    assert counted.fits == 1
    (tmp_path / "trial-0000.json").write_text("{")
    with pytest.raises(ValueError, match=r"trial-0000\.json is damaged"):
        pw.tl.tune(data, folder=tmp_path, **how)
    (tmp_path / "file").write_text("")
    with pytest.raises(FileExistsError, match="is a file"):
        pw.tl.tune(data, folder=tmp_path / "file", **how)


def test_other_code_does_not_go_on(tmp_path):
    Trials(tmp_path, {"version of pathweave's code": "a"})
    with pytest.raises(ValueError, match="version of pathweave's code"):
        Trials(tmp_path, {"version of pathweave's code": "b"})


def test_failed_trials_are_told(tmp_path, data, counted):
    how = {"target": "class", "model": counted(), "n_trials": 4, "folder": tmp_path}
    with pytest.warns(PathweaveWarning, match=r"of 4 trials failed.*dropout=1\.0 must lie"):
        out = pw.tl.tune(data, space={"dropout": [1.0]}, **how)
    assert out.table["state"].tolist() == ["complete"] + ["failed"] * 3
    assert out.table["error"].str.startswith("ValueError: dropout").sum() == 3
    assert out.table["loss"].isna().tolist() == [False, True, True, True]
    assert out.best_params == {"dropout": 0.5}
    assert "3 failed; none beats the model's own" in repr(out)


def test_what_fails_with_the_models_own_values_is_raised(data):
    with pytest.raises(ValueError, match=r"dropout=1\.5 must lie"):
        pw.tl.tune(data, model=small(dropout=1.5), space={"n_latent": [4]}, target="class")
    with pytest.raises(KeyError, match="'nothing' is not a column"):
        pw.tl.tune(data, model=small(), target="nothing")


def test_values_drawn_again_are_not_fitted_again(data, counted):
    out = pw.tl.tune(data, model=counted(), target="class", space={"n_latent": [4, 6]}, n_trials=6)
    assert counted.fits == 2
    assert out.table.groupby("n_latent")["loss"].nunique().tolist() == [1, 1]
    assert (out.table["seconds"] == 0).sum() == 4


def test_several_targets_count_alike_and_none_is_judged_by_validation(data):
    both = pw.tl.tune(
        data, model=small(), target="outcome", survival=("time", "event"),
        space={"dropout": (0.1, 0.7)}, n_trials=2,
    )  # fmt: skip
    own = small().fit(data, target="outcome", survival=("time", "event")).parts_
    drawn = small(dropout=both.table["dropout"][1])
    other = drawn.fit(data, target="outcome", survival=("time", "event")).parts_
    ratio = other["loss"][other["part"] == "stack"] / own["loss"][own["part"] == "stack"]
    np.testing.assert_allclose(both.table["loss"], [1.0, ratio.mean()], rtol=1e-12)
    none = pw.tl.tune(data, model=small(), space={"dropout": (0.1, 0.7)}, n_trials=1)
    curve = small().fit(data).history_
    assert none.table["loss"][0] == curve.loc[curve["part"] == "validation", "loss"].min()
    assert none.yardstick == "validation loss"
    assert none.table["score"].isna().all()


@pytest.mark.parametrize(
    ("space", "error", "message"),
    [
        (
            {"depth": [1]},
            ValueError,
            "'depth', which MultimodalVAE does not have; it has 'n_latent'",
        ),
        ({"seed": [1, 2]}, ValueError, "luckiest seed is no better model. Choose among 'n_latent'"),
        ({"n_folds": (2, 5)}, ValueError, "another yardstick"),
        ({"n_latent": (2.5, 8)}, TypeError, "both bounds must be whole numbers"),
        ({"n_latent": [4, "8"]}, TypeError, "values must be like the model's own 4"),
        ({"n_latent": [4, True]}, TypeError, "values must be like the model's own 4"),
        ({"variational": (0, 1)}, TypeError, "give a list of values"),
        ({"dropout": (0.5, 0.5)}, ValueError, "the lower one first"),
        ({"dropout": (0.5, float("nan"))}, ValueError, "must be finite"),
        ({"dropout": (0.0, 0.5, "log")}, ValueError, "lower one above 0"),
        ({"dropout": (0.1, 0.5, "linear")}, ValueError, "may only be 'log'"),
        ({"dropout": 0.5}, TypeError, r"must be a list of values, or bounds \(low, high\)"),
        ({"dropout": []}, ValueError, "at least one value, and none twice"),
        ({"dropout": [0.5, 0.5]}, ValueError, "at least one value, and none twice"),
        ({}, TypeError, "None searches the default space"),
        (["dropout"], TypeError, "None searches the default space"),
    ],
    ids=str,
)
def test_unfit_spaces_are_refused(data, space, error, message):
    with pytest.raises(error, match=message):
        pw.tl.tune(data, model=small(), target="class", space=space)


@pytest.mark.parametrize("changes", [{"n_trials": 0}, {"n_trials": 2.5}, {"seed": -1}], ids=str)
def test_unfit_numbers_are_refused(data, changes):
    with pytest.raises(ValueError, match="must be a whole number"):
        pw.tl.tune(data, model=small(), target="class", **changes)


def test_without_a_target_what_changes_the_yardstick_is_not_tuned(data):
    with pytest.raises(ValueError, match="changes the loss that trials are judged by"):
        pw.tl.tune(data, model=small(), space={"variational": [True, False]})


def made(name):
    """A model of a name with its own values; what reads a time course must be told its columns."""
    needs = {"subject": "patient", "time": "week"} if name == "Recurrent" else {}
    return getattr(pw.models, name)(**needs)


@pytest.mark.parametrize("name", pw.models.available()["name"])
def test_default_space_fits_every_model_and_holds_its_defaults(name):
    model = made(name)
    for graph in (True, False):
        for target in (True, False):
            space = default_space(model, graph=graph, target=target)
            assert len(space) >= 5
            assert ("n_graph_layers" in space) == (graph and model.uses_graph)
            assert ("reconstruction_weight" in space) == target
            for dimension in read_space(model, None, graph=graph, target=target):
                assert dimension.drawn(model.get_params()[dimension.name]) is not None
    documented = pw.tl.tune.__doc__.replace("\n", " ")
    for hyperparameter, bounds in DEFAULT_SPACE.items():
        written = str(bounds).replace("'", '"').replace("0.0005", "5e-4").replace("0.001", "1e-3")
        written = written.replace("0.01,", "1e-2,")
        assert f"{hyperparameter}={written}" in documented


def test_choices_may_be_anything(data):
    out = pw.tl.tune(
        data, pw.graph.reactome(), target="class", n_trials=2,
        model=pw.models.PathwayVAE(4, max_epochs=1, n_folds=2, n_jobs=1),
        space={"pathway_size": [(6, 60)], "encode_on_graph": [True, False]},
    )  # fmt: skip
    assert out.table["pathway_size"].tolist() == [(4, 150), (6, 60)]


def test_the_users_objects_and_optunas_log_stay_as_they_are(data, counted, capsys):
    import optuna

    model, before, level = counted(), snapshot(data), optuna.logging.get_verbosity()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pw.tl.tune(data, model=model, target="class", space={"n_latent": (2, 5)}, n_trials=13)
    assert snapshot(data) == before
    assert not hasattr(model, "ensemble_")
    assert optuna.logging.get_verbosity() == level == logging.INFO
    assert capsys.readouterr() == ("", "")


def test_without_optuna_the_extra_is_named(data, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"pip install 'pathweave\[tune\]'"):
        pw.tl.tune(data, target="class", model=small())


def test_kept_trials_are_plain_json(tmp_path, data, counted):
    pw.tl.tune(
        data,
        model=counted(),
        target="class",
        space={"n_latent": (2, 5)},
        n_trials=2,
        folder=tmp_path,
    )
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "trial-0000.json", "trial-0001.json", "tuning.json",
    ]  # fmt: skip
    record = json.loads((tmp_path / "trial-0001.json").read_text())
    assert record["state"] == "complete"
    assert list(record["losses"]) == ["class"]
