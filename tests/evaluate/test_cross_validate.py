"""Cross-validation: scikit-learn's numbers, chance on noise, no leak, resuming, clear errors."""

from __future__ import annotations

import anndata
import mudata
import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import pathweave as pw
from pathweave import evaluate, settings
from pathweave._core.warnings import LayerOffGraphWarning
from pathweave.evaluate._compare import corrected_t_test, interval
from pathweave.evaluate._jobs import Job, run_jobs
from pathweave.evaluate._models import FunctionFitter, ModelFitter
from pathweave.evaluate._prepare import best_threshold, prepare
from pathweave.evaluate._resolve import resolve
from pathweave.evaluate._samples import read_samples
from pathweave.evaluate._splits import Split


def toy(n=60, *, seed=0, signal=1.0, p=12):
    """Two layers, two classes, a number, and survival that follow the first features."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 2
    x = rng.normal(size=(n, 2 * p))
    x[:, :3] += signal * (y[:, None] - 0.5) * 2
    names = [f"s{i}" for i in range(n)]
    mods = {
        name: anndata.AnnData(
            part,
            obs=pd.DataFrame(index=names),
            var=pd.DataFrame(index=[f"{name}{j}" for j in range(p)]),
        )
        for name, part in (("rna", x[:, :p]), ("protein", x[:, p:]))
    }
    with pw.io.quiet_mudata():
        mdata = mudata.MuData(mods)
        mdata.obs["class"] = np.array(["b", "a"])[y]
        mdata.obs["number"] = x[:, 0] + 0.3 * rng.normal(size=n)
        mdata.obs["time"] = rng.exponential(np.exp(-x[:, 0]))
        mdata.obs["event"] = (rng.random(n) < 0.7).astype(int)
        mdata.obs["donor"] = np.repeat([f"d{i}" for i in range(n // 2)], 2)
        mdata.obs["year"] = np.arange(n) // 6
        mdata.obs["plate"] = np.array(["p1", "p2", "p3"])[np.arange(n) // 2 % 3]
    return mdata


def search():
    model = make_pipeline(StandardScaler(), LogisticRegression())
    grid = {"logisticregression__C": [0.01, 0.1, 1.0]}
    return GridSearchCV(model, grid, cv=StratifiedKFold(3, shuffle=True, random_state=1))


@pytest.mark.parametrize(
    ("metric", "scorer"),
    [
        ("accuracy", "accuracy"),
        ("balanced_accuracy", "balanced_accuracy"),
        ("macro_f1", "f1_macro"),
        ("auroc", "roc_auc"),
        ("auprc", "average_precision"),
        ("log_loss", "neg_log_loss"),
    ],
)
def test_nested_cross_validation_equals_scikit_learns(metric, scorer):
    mdata = toy(signal=0.4)
    outer = StratifiedKFold(5, shuffle=True, random_state=3)
    report = evaluate.cross_validate(
        mdata, target="class", models={"lr": search()}, splits=outer, n_jobs=1
    )
    x = np.hstack([mdata["rna"].X, mdata["protein"].X])
    y = (mdata.obs["class"] == "b").astype(int).to_numpy()
    expected = cross_val_score(search(), x, y, cv=outer, scoring=scorer)
    scores = report.scores.query("metric == @metric")["value"].to_numpy()
    assert scores.tolist() == (-expected if scorer == "neg_log_loss" else expected).tolist()


def test_numbers_equal_scikit_learns():
    mdata = toy()
    fold = np.arange(60) % 4
    report = evaluate.cross_validate(
        mdata, target="number", models=[Ridge()], splits=fold, n_jobs=1
    )
    x = np.hstack([mdata["rna"].X, mdata["protein"].X])
    pairs = [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(4)]
    expected = cross_val_score(Ridge(), x, mdata.obs["number"], cv=pairs, scoring="r2")
    assert report.scores.query("metric == 'r2'")["value"].tolist() == expected.tolist()
    assert report.per_target("r2").loc["number", "ridge"] == pytest.approx(expected.mean())


@pytest.mark.parametrize(
    "name",
    [
        "ridge",
        "elastic_net",
        "svm",
        "random_forest",
        "gradient_boosting",
        "knn",
        "sparse_plsda",
        "ridge_late",
    ],
)
def test_noise_scores_chance_within_its_interval(name):
    report = evaluate.cross_validate(
        toy(80, signal=0.0, seed=5),
        target="class",
        models=[],
        baselines=[name],
        n_repeats=2,
        n_jobs=1,
    )
    row = report.summary("auroc").loc[name]
    assert row["low"] <= 0.5 <= row["high"]


@pytest.mark.parametrize(
    ("how", "name"),
    [
        (
            {"target": "class", "models": pw.models.PathwayVAE(4, max_epochs=5, n_folds=2)},
            "pathway_vae",
        ),
        ({"survival": ("time", "event"), "models": [], "baselines": "cox_ridge"}, "cox_ridge"),
        (
            {"survival": ("time", "event"), "models": [], "baselines": "random_survival_forest"},
            "random_survival_forest",
        ),
        ({"target": "number", "models": [], "baselines": "ridge"}, "ridge"),
    ],
    ids=["model", "survival", "forest", "number"],
)
def test_noise_scores_chance_for_models_and_other_outcomes(how, name):
    mdata = toy(80, signal=0.0, seed=6)
    order = np.random.default_rng(0).permutation(80)
    columns = ["number", "time", "event"]
    mdata.obs[columns] = mdata.obs[columns].to_numpy()[order]
    mdata.obs["event"] = mdata.obs["event"].astype(int)
    report = evaluate.cross_validate(mdata, **how, n_repeats=2, n_jobs=1)
    row = report.summary().loc[name]
    chance = 0.0 if report.primary == "pearson" else 0.5
    # What leaks lifts the score; below chance folds of few samples fall by themselves (what a training part
    # has too much of, its test part lacks).
    assert row["low"] <= chance
    assert row["mean"] > chance - 0.2


def fitters(task, samples, graph):
    both = ["ridge", "elastic_net", "svm", "random_forest", "gradient_boosting", "knn"]
    named = {
        "class": [*both, "sparse_plsda"],
        "number": both,
        "survival": [
            "cox_ridge", "cox_ridge_late", "cox_ridge_stacked", "random_survival_forest"
        ],
    }[task]  # fmt: skip
    named = [*named, "majority"] + (["ridge_late", "ridge_stacked"] if task != "survival" else [])
    model = pw.models.PathwayVAE(4, max_epochs=2, n_folds=2)
    made = resolve(samples, graph, models=[model], baselines=named, nulls=(), n_inner=3)
    tune = task == "class"
    return prepare(made, correct=True, select=8, tune_threshold=tune, n_inner=2)


@pytest.mark.parametrize("task", ["class", "number", "survival"])
def test_changing_a_test_sample_moves_no_other_prediction(task):
    outcome = {
        "class": {"target": "class", "survival": None},
        "number": {"target": "number", "survival": None},
        "survival": {"target": None, "survival": ("time", "event")},
    }[task]
    mdata = toy()
    samples = read_samples(mdata, **outcome, batch="plate")
    train, test = np.arange(45), np.arange(45, 60)
    changed = mdata.copy()
    changed["rna"].X[50] = 99.0
    changed.obs.loc["s50", ["number", "time"]] = 77.0
    changed.obs.loc["s50", ["class", "plate"]] = ["a", "p4"]
    other = read_samples(changed, **outcome, batch="plate")
    times = np.array([0.2, 0.5])
    for method in fitters(task, samples, None):
        jobs = [Job(method, Split(0, 0, train, test))]
        said = [
            run_jobs(jobs, s, {}, seed=0, times=times, folder=None, n_jobs=1)[0]["said"][""]
            for s in (samples, other)
        ]
        for part in ("value", "proba", "survival"):
            if said[0][part] is not None:
                one, two = (np.delete(np.asarray(s[part]), 5, axis=0) for s in said)
                np.testing.assert_allclose(one, two, rtol=1e-6, atol=1e-7, err_msg=method.name)


def test_same_numbers_in_processes_and_after_resuming(tmp_path):
    arguments = {"target": "class", "models": [], "baselines": ["ridge", "knn"], "n_folds": 3}
    alone = evaluate.cross_validate(toy(), **arguments, n_jobs=1)
    first = evaluate.cross_validate(toy(), **arguments, n_jobs=2, folder=tmp_path)
    pd.testing.assert_frame_equal(alone.predictions, first.predictions)
    kept = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "fits").iterdir()}
    assert len(kept) == 6
    gone = sorted((tmp_path / "fits").iterdir())[0]
    gone.unlink()
    again = evaluate.cross_validate(toy(), **arguments, n_jobs=1, folder=tmp_path)
    pd.testing.assert_frame_equal(first.scores, again.scores)
    now = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "fits").iterdir()}
    assert {name for name in now if now[name] != kept[name]} == {gone.name}
    evaluate.cross_validate(toy(seed=9), **arguments, n_jobs=1, folder=tmp_path)
    assert len(list((tmp_path / "fits").iterdir())) == 12, "other data are fitted anew"
    with settings.override(precision="bf16"):
        evaluate.cross_validate(toy(), **arguments, n_jobs=1, folder=tmp_path)
    assert len(list((tmp_path / "fits").iterdir())) == 18, "so are they in another precision"


def test_a_damaged_fit_is_named(tmp_path):
    arguments = {"target": "class", "models": [], "baselines": "majority", "n_folds": 2}
    evaluate.cross_validate(toy(), **arguments, n_jobs=1, folder=tmp_path)
    next((tmp_path / "fits").iterdir()).write_text("{")
    with pytest.raises(ValueError, match=r"is damaged .* delete it"):
        evaluate.cross_validate(toy(), **arguments, n_jobs=1, folder=tmp_path)


def test_groups_sites_and_time_are_kept():
    mdata = toy()
    rest = {"target": "class", "models": [], "baselines": "majority", "n_jobs": 1}
    grouped = evaluate.cross_validate(mdata, groups="donor", n_folds=4, **rest).predictions
    donor = mdata.obs["donor"]
    folds_of_donor = grouped.groupby(donor.loc[grouped["sample"]].to_numpy())["fold"].nunique()
    assert (folds_of_donor == 1).all()
    sites = evaluate.cross_validate(mdata, site="year", **rest)
    assert sites.predictions.groupby("fold")["sample"].size().tolist() == [6] * 10
    forward = evaluate.cross_validate(mdata, time="year", n_folds=4, **rest)
    year = mdata.obs["year"]
    accuracy = forward.scores.query("metric == 'accuracy'").set_index("fold")
    for fold, part in forward.predictions.groupby("fold"):
        first = year.loc[part["sample"]].min()
        assert accuracy.loc[fold, "n_train"] == (year < first).sum(), "all that came before"


def test_nulls_and_verdict():
    graph = pw.graph.reactome()
    mdata = pw.datasets.simulate(60, seed=1)
    report = evaluate.cross_validate(
        mdata,
        graph,
        target="class",
        models=[pw.models.PathwayVAE(4, max_epochs=2, n_folds=2)],
        baselines=["ridge"],
        nulls=["shuffled_labels", "rewired_graph", "random_pathways", "no_graph"],
        n_folds=3,
        n_jobs=2,
    )
    assert report.methods["null"].tolist()[2:] == [
        "shuffled_labels",
        "rewired_graph",
        "random_pathways",
        "no_graph",
    ]
    text = report.verdict()
    for words in ("rewired graph", "andom", "ridge", "chance"):
        assert words in text
    table = report.findings()
    assert set(table["answer"]) <= {"better", "worse", "equal", "unclear"}
    assert ((table["low"] <= table["difference"]) & (table["difference"] <= table["high"])).all()


def test_a_leak_is_shouted():
    def cheats(train, test):
        return pd.Series(["b" if int(s[1:]) % 2 == 0 else "a" for s in test.obs_names])

    report = evaluate.cross_validate(
        toy(signal=0.0), target="class", models=cheats, nulls="shuffled_labels", n_jobs=1
    )
    assert "WARNING" in report.verdict("balanced_accuracy")


def test_functions_see_no_outcome_of_test_samples():
    seen = {}

    def spy(train, test):
        seen.update(
            train=list(train.obs),
            test=list(test.obs),
            shared=train.obs_names.isin(test.obs_names).any(),
        )
        return np.full(test.n_obs, "a")

    evaluate.cross_validate(toy(), target="class", models=spy, n_folds=2, n_jobs=1)
    assert seen["train"] == ["class"]
    assert seen["test"] == []
    assert not seen["shared"]


def test_report_is_saved_and_loaded(tmp_path):
    report = evaluate.cross_validate(
        toy(), survival=("time", "event"), models=[], baselines=["cox_ridge", "majority"], n_jobs=1
    )
    report.save(tmp_path / "report")
    again = evaluate.Report.load(tmp_path / "report")
    pd.testing.assert_frame_equal(report.summary(), again.summary())
    pd.testing.assert_frame_equal(report.compare(), again.compare())
    assert set(report.metrics) == {"c_index", "c_index_ipcw", "auc_t", "integrated_brier"}
    assert report.summary().loc["majority", "mean"] == 0.5
    assert report.summary().loc["cox_ridge", "mean"] > 0.55


def test_scores_are_drawn():
    import matplotlib as mpl

    mpl.use("agg")
    report = evaluate.cross_validate(
        toy(), target="class", models=[], baselines=["knn", "majority"], n_jobs=1
    )
    ax = pw.pl.scores(report, metric="accuracy")
    table = report.summary("accuracy")
    drawn = {float(line.get_xdata()[0]) for line in ax.lines if line.get_marker() == "o"}
    assert drawn == {table["mean"].iloc[0]}, "one colour, best first"
    assert [t.get_text() for t in ax.get_yticklabels()] == table.index.tolist()
    assert ax.get_xlabel().startswith("accuracy (5 splits")
    with pytest.raises(TypeError, match="found dict"):
        pw.pl.scores({})


def test_interval_and_test_are_nadeau_and_bengios():
    a, b = np.array([0.80, 0.85, 0.78, 0.90]), np.array([0.75, 0.84, 0.79, 0.83])
    mean, low, high = interval(a, [80] * 4, [20] * 4)
    half = 3.182446305284263 * np.sqrt((1 / 4 + 0.25) * a.var(ddof=1))
    assert (mean, low, high) == pytest.approx((a.mean(), a.mean() - half, a.mean() + half))
    found = corrected_t_test(a, b, [80] * 4, [20] * 4)
    t = (a - b).mean() / np.sqrt(0.5 * (a - b).var(ddof=1))
    from scipy import stats

    assert found["p"] == pytest.approx(2 * stats.t.sf(t, 3))
    assert corrected_t_test(b, a, [80] * 4, [20] * 4)["difference"] == -found["difference"]
    assert corrected_t_test(a, a, [80] * 4, [20] * 4)["p"] == 1.0


def test_the_same_difference_everywhere_is_no_certainty():
    found = corrected_t_test([0.5, 0.75], [0.25, 0.5], [80] * 2, [20] * 2)
    assert found["difference"] == 0.25
    assert np.isnan(found["p"])


def test_a_difference_stands_beside_the_means_of_the_same_splits():
    report = evaluate.cross_validate(
        toy(),
        target="class",
        models=LogisticRegression(),
        baselines="majority",
        nulls="single_layers",
        n_repeats=2,
        null_repeats=1,
        n_jobs=1,
    )
    table = report.findings().set_index("null")
    assert table["n"].to_dict() == {"": 10, "layer rna": 5, "layer protein": 5}
    np.testing.assert_allclose(table["mean"] - table["mean_against"], table["difference"])
    first = report.scores.query("repeat == 0 and metric == 'auroc'").set_index("method")["value"]
    assert table.loc["layer rna", "mean"] == first["logistic_regression"].mean()


def test_reports_on_the_same_splits_are_joined():
    arguments = {"target": "class", "models": [], "n_jobs": 1}
    one = evaluate.cross_validate(toy(), **arguments, baselines="knn")
    other = evaluate.cross_validate(toy(), **arguments, baselines="majority")
    both = evaluate.cross_validate(toy(), **arguments, baselines=["knn", "majority"])
    joined = (one | other).summary("accuracy")
    columns = ["kind", "mean", "low", "high", "n"]
    pd.testing.assert_frame_equal(joined[columns], both.summary("accuracy")[columns])
    with pytest.raises(ValueError, match="both reports hold 'knn'"):
        one | one
    with pytest.raises(ValueError, match="do not judge the same outcome"):
        one | evaluate.cross_validate(toy(), **arguments, baselines="majority", seed=4)
    with pytest.raises(TypeError, match="found int"):
        one | 3


def test_a_function_may_write_into_its_samples_and_is_given_them_quietly():
    def greedy(train, test):
        clean = bool((train["rna"].X != 0).all())
        train["rna"].X[:] = 0
        del train.obs["class"]
        return np.full(test.n_obs, "a" if clean else "b")

    mudata.set_options(pull_on_update=None)  # as in a user's session
    report = evaluate.cross_validate(toy(), target="class", models=greedy, n_jobs=1)
    assert (report.predictions["prediction"] == "a").all()


def test_tables_of_functions_are_read_by_name():
    def proba(train, test):
        odd = np.array([int(s[1:]) % 2 for s in test.obs_names], dtype=float)
        table = pd.DataFrame({"b": 1 - odd, "a": odd}, index=test.obs_names)
        return table.iloc[::-1]

    report = evaluate.cross_validate(toy(), target="class", models=proba, n_jobs=1)
    assert report.summary("accuracy")["mean"].tolist() == [1.0]


def test_layers_off_the_graph_are_told_once():
    model = pw.models.PathwayVAE(4, max_epochs=1, n_folds=2)
    graph = pw.graph.gmt({"a": ["TP53", "MDM2", "ATM", "CDK2", "RB1"]})
    with pytest.warns(LayerOffGraphWarning, match="'rna', 'protein'") as caught:
        evaluate.cross_validate(toy(), graph, target="class", models=model, n_folds=2, n_jobs=1)
    assert len(caught) == 1


def test_one_split_is_tested_by_drawing_its_samples_anew(monkeypatch):
    monkeypatch.setattr("pathweave.evaluate._report._BOOTSTRAPS", 200)
    model = {"lr": LogisticRegression(), "again": LogisticRegression()}
    report = evaluate.cross_validate(
        toy(200, signal=0.6),
        target="class",
        models=model,
        baselines="majority",
        splits=[(range(120), range(120, 200))],
        n_jobs=1,
    )
    found = report.compare("accuracy", reference="majority").loc["lr"]
    truth, said = (
        report.predictions.query("method == @m").sort_values("sample") for m in ("majority", "lr")
    )
    right = [(t["truth"] == t["prediction"]).to_numpy() for t in (said, truth)]
    each = right[0].astype(float) - right[1]
    assert found["difference"] == pytest.approx(each.mean())
    half = 1.96 * each.std() / np.sqrt(80)
    ends = (each.mean() - half, each.mean() + half)
    assert (found["low"], found["high"]) == pytest.approx(ends, abs=0.03)
    assert found["p"] < 0.05
    same = report.compare("accuracy", reference="lr").loc["again"]
    assert same[["difference", "low", "high", "p"]].tolist() == [0.0, 0.0, 0.0, 1.0]
    text = report.verdict("accuracy")
    assert "better than majority" in text
    assert "bootstraps of the test samples of one split: they hold for these fits" in text
    assert "nan" not in text


@pytest.mark.parametrize(
    ("function", "match"),
    [
        (lambda train, test: None, "returned NoneType; predictions for"),
        (lambda train, test: ["zz"] * test.n_obs, "with 'zz'"),
    ],
    ids=["nothing", "unknown label"],
)
def test_bad_functions(function, match):
    with pytest.raises((ValueError, TypeError), match=match):
        evaluate.cross_validate(toy(), target="class", models=function, n_folds=2, n_jobs=1)


@pytest.mark.parametrize("model", [LogisticRegression(), Ridge()], ids=["classifier", "regressor"])
def test_survival_needs_an_estimator_made_for_it(model):
    with pytest.raises(TypeError, match="needs a survival estimator"):
        evaluate.cross_validate(toy(), survival=("time", "event"), models=model, n_jobs=1)


def test_interval_of_the_one_split_that_has_a_score(monkeypatch):
    monkeypatch.setattr("pathweave.evaluate._report._BOOTSTRAPS", 60)
    mdata = toy()
    order = mdata.obs["class"].astype(str)
    mdata.obs["site"] = np.where(np.arange(60) < 30, "mixed", np.where(order == "a", "A", "B"))
    how = {"target": "class", "models": [], "baselines": ["ridge", "majority"], "n_jobs": 1}
    report = evaluate.cross_validate(mdata, site="site", **how)
    rows = report.summary("auroc")
    assert rows["n"].tolist() == [1, 1]
    assert rows.loc["majority", ["mean", "low", "high"]].tolist() == [0.5, 0.5, 0.5]
    assert rows.loc["ridge", "low"] <= rows.loc["ridge", "mean"] <= rows.loc["ridge", "high"]
    assert "not defined in 2 of 3 splits" in report.verdict("auroc")


def test_a_report_is_not_saved_over_a_file(tmp_path):
    report = evaluate.cross_validate(
        toy(), target="class", models=[], baselines="majority", n_folds=2, n_jobs=1
    )
    (tmp_path / "taken").touch()
    with pytest.raises(FileExistsError, match="taken' is a file; name a folder"):
        report.save(tmp_path / "taken")


def test_a_score_that_one_split_alone_has_is_drawn_anew_from_that_split(monkeypatch):
    """AUROC is undefined where a site has one class; the samples of such sites say nothing of it."""
    monkeypatch.setattr("pathweave.evaluate._report._BOOTSTRAPS", 60)
    mdata = toy(signal=2.0)
    site = np.where(mdata.obs["class"] == "a", "only a", "only b").astype(object)
    site[:20] = "both"
    mdata.obs["site"] = site
    given = {"target": "class", "models": [], "baselines": ["knn"], "n_jobs": 1}
    report = evaluate.cross_validate(mdata, site="site", **given)
    alone = evaluate.cross_validate(
        mdata, splits=[(np.arange(20, 60), np.arange(20))], **given
    ).summary("auroc")
    row = report.summary("auroc").loc["knn"]
    assert row["n"] == 1
    assert row["low"] <= row["mean"] <= row["high"]
    assert (
        row[["mean", "low", "high"]].tolist() == alone.loc["knn", ["mean", "low", "high"]].tolist()
    )


def test_threshold_is_the_best_one():
    rng = np.random.default_rng(0)
    proba = rng.random(50)
    labels = (proba + 0.3 * rng.normal(size=50) > 0.7).astype(int)

    def balanced(t):
        return evaluate.balanced_accuracy(labels, (proba >= t).astype(int))

    chosen = best_threshold(labels, proba)
    assert balanced(chosen) == max(balanced(t) for t in np.r_[0, np.sort(proba), 1])


def test_curves_and_external_validation():
    mdata = toy(80)
    rest = {"target": "class", "models": [], "baselines": ["ridge_late"], "n_jobs": 1}
    missing = evaluate.missing_layers(mdata, **rest, n_folds=3).summary("auroc")
    points = missing.set_index(["missing", "fraction"])["mean"]
    assert points["rna", 1.0] < points["protein", 1.0], "the signal lies in rna"
    full = evaluate.cross_validate(mdata, **rest, n_folds=3).summary("auroc")["mean"]
    assert points["", 0.0] == full["ridge_late"]
    curve = evaluate.learning_curve(mdata, **rest, n_folds=3, fractions=[0.4, 1.0]).summary("auroc")
    assert curve["mean"].iloc[-1] == full["ridge_late"]
    # Quarters by default; of the 53 in training, one quarter would be fewer than 20.
    small = evaluate.learning_curve(mdata, **rest, n_folds=3).summary("auroc")
    assert small["n_train"].tolist() == [27, 40, 53]
    other = toy(40, seed=8)
    other.obs_names = [f"new{i}" for i in range(40)]
    for mod in other.mod.values():
        mod.obs_names = other.obs_names
    with pw.io.quiet_mudata():
        other.update()
    row = evaluate.validate(mdata, other, **rest).summary("auroc").iloc[0]
    assert row["low"] <= row["mean"] <= row["high"]
    with pytest.raises(ValueError, match=r"other holds 80 sample\(s\) of mdata"):
        evaluate.validate(mdata, mdata, **rest)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"target": None}, "give one of them"),
        ({"models": "deep"}, "'deep' is not known; choose among 'pathway_vae'"),
        ({"baselines": "cox_ridge"}, "not known for a target of kind 'class'"),
        ({"nulls": "permuted"}, "nulls=.*'permuted' is not known"),
        ({"nulls": "rewired_graph"}, "need a pathweave model and a graph"),
        ({"models": []}, "nothing to evaluate"),
        ({"models": [LogisticRegression()] * 2}, "two of the name 'logistic_regression'"),
        ({"n_folds": 1}, "at least 2 folds"),
        ({"splits": [0, 1]}, "the folds of 2 samples; there are 60"),
        ({"splits": [(range(40), range(30, 60))]}, r"10 sample\(s\) in training and test part"),
        ({"groups": "donor", "site": "year"}, "groups and site each say how to split"),
        ({"n_repeats": 0}, "n_repeats=0"),
        ({"n_folds": "5"}, "n_folds='5' must be a whole number"),
        ({"splits": 5}, "splits=5 must be the fold of each sample"),
        ({"baselines": None}, "baselines=None; give names"),
        ({"graph": "my_kgml/"}, r"graph must be a PathwayGraph, found str; make one with"),
        ({"graph": "class", "target": None}, r"predicted, name it: target='class'"),
        ({"models": KMeans(2)}, "'k_means' is a clusterer; a target of kind 'class' needs"),
        ({"models": Ridge()}, "'ridge' is a regressor; a target of kind 'class' needs"),
        ({"models": LogisticRegression}, "LogisticRegression is a class; give an instance"),
        ({"baselines": [Ridge()]}, "baselines must be names, found Ridge; your own estimators go"),
        ({"nulls": 3}, "nulls must be names, found int"),
        ({"groups": np.arange(60)}, "groups must be the name of a column of mdata.obs, found"),
        ({"select": 0}, "select=0 must be a whole number"),
        (
            {"target": "number", "models": Ridge(), "tune_threshold": True},
            "needs a target of two classes",
        ),
    ],
    ids=lambda v: "-".join(f"{k}={x}" for k, x in v.items())[:40] if isinstance(v, dict) else "",
)
def test_bad_arguments(change, match):
    arguments = {"target": "class", "models": LogisticRegression(), "n_jobs": 1, **change}
    with pytest.raises((ValueError, TypeError), match=match):
        evaluate.cross_validate(toy(), **arguments)


def test_what_a_method_is_told_apart_by():
    model = pw.models.PathwayVAE(4)
    graph = pw.graph.gmt({"a": ["TP53", "MDM2"]})
    told = {
        ModelFitter(model, None).describe(),
        ModelFitter(model, graph).describe(),
        ModelFitter(model, graph, damage="rewired_graph").describe(),
        ModelFitter(pw.models.PathwayVAE(5), graph).describe(),
        FunctionFitter(toy).describe(),
    }
    assert len(told) == 5
