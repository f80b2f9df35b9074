"""Signs of leakage: each is found where it was planted, and not where it was not."""

from __future__ import annotations

import numpy as np
import pytest
from leakage_cases import TASKS, clean, found, mu
from scipy.stats import mannwhitneyu, rankdata
from sklearn.feature_selection import f_classif, f_regression
from sklearn.impute import SimpleImputer
from sklearn.model_selection import GroupKFold
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, StandardScaler

from pathweave.evaluate import check_leakage, folds


def _codes(labels):
    return np.unique(labels, return_inverse=True)[1].astype(float)


# Copies of samples


@pytest.mark.parametrize("noise", [0.0, 0.005], ids=["exact", "nearly"])
@pytest.mark.parametrize("n_features", [40, 1500])
def test_copied_samples_are_named_and_an_error_across_folds(noise, n_features):
    layers, obs = clean(p=n_features)
    rng = np.random.default_rng(1)
    for x in layers.values():
        x[7] = x[3] + noise * rng.normal(size=n_features)
    mdata = mu(layers, obs)
    report = check_leakage(mdata)
    assert report.findings["check"].tolist() == ["duplicates"]
    row = report.findings.iloc[0]
    assert (row["severity"], row["layer"], row["n"]) == ("warning", "a, b", 1)
    assert "s3 and s7" in row["what"]
    fold = np.arange(80) % 5  # 3 and 7 part
    assert found(mdata, splits=fold) == [("duplicates", "error")]
    fold[7] = fold[3]
    assert found(mdata, splits=fold) == []
    mdata.obs["pair"] = [f"q{3 if i == 7 else i}" for i in range(80)]
    assert found(mdata, groups="pair") == []


def test_alike_is_not_copied():
    layers, obs = clean()
    rng = np.random.default_rng(1)
    layers["a"][7] = 0.95 * layers["a"][3] + 0.3 * rng.normal(size=200)
    assert np.corrcoef(layers["a"][[3, 7]])[0, 1] > 0.9
    assert found(mu(layers, obs)) == []


def test_copies_with_gaps_are_seen():
    layers, obs = clean()
    layers["a"][7] = layers["a"][3]
    layers["a"][np.random.default_rng(1).random(layers["a"].shape) < 0.2] = np.nan
    assert found(mu({"a": layers["a"]}, obs)) == [("duplicates", "warning")]


def test_all_of_four_copies_are_compared():
    layers, obs = clean()
    x = layers["a"]
    x[[5, 10, 15]] = x[0]
    fold = np.arange(80) % 5
    fold[[0, 5, 10, 15]] = [0, 0, 1, 1]
    mdata = mu({"a": x}, obs)
    assert check_leakage(mdata).findings["n"].tolist() == [6]
    assert check_leakage(mdata, splits=fold).findings["n"].tolist() == [4]


def test_features_that_say_the_same_agree_by_chance():
    rng = np.random.default_rng(0)
    x = np.outer(rng.normal(size=80), np.ones(60)) + 1e-4 * rng.normal(size=(80, 60))
    report = check_leakage(mu({"a": x}, clean()[1]))
    assert report.findings.empty
    assert not report.checks.loc["duplicates", "ran"]


def test_coarse_values_agree_by_chance():
    rng = np.random.default_rng(0)
    mutation = rng.random((80, 100)) < 0.01
    mdata = mu({"mutation": mutation, "a": clean()[0]["a"]}, clean()[1])
    report = check_leakage(mdata)
    assert report.ok
    assert "mutation" in report.checks.loc["duplicates", "why"]


# Patients


def test_a_torn_patient_is_an_error():
    layers, obs = clean()
    obs["who"] = [f"w{i // 2}" for i in range(80)]
    mdata = mu(layers, obs)
    report = check_leakage(mdata, groups="who", splits=np.arange(80) % 5)
    assert report.findings[["check", "severity", "n"]].to_numpy().tolist() == [
        ["patients", "error", 40]
    ]
    assert "w0" in report.findings["what"][0]
    for splits in (
        np.arange(80) // 2 % 5,
        list(GroupKFold(4).split(obs["who"], groups=obs["who"])),
    ):
        assert found(mdata, groups="who", splits=splits) == []
    assert found(mdata, groups="who") == []


def test_a_column_that_names_patients_is_told():
    layers, obs = clean()
    obs["patient_id"] = [f"w{i // 2}" for i in range(80)]
    mdata = mu(layers, obs)
    assert found(mdata) == [("patients", "warning")]
    assert "groups='patient_id'" in check_leakage(mdata).findings["advice"][0]
    assert found(mdata, splits=np.arange(80) % 5) == [("patients", "error")]
    assert found(mdata, splits=np.arange(80) // 2 % 5) == []
    mdata.obs["patient_id"] = mdata.obs_names  # one sample each
    mdata.obs["patient_age"] = np.arange(80) // 4  # of a patient, not the patient
    mdata.obs["patient_died"] = np.arange(80) // 4
    assert found(mdata, target="patient_died") == []


NAMES = {
    "TCGA": lambda i: f"TCGA-AB-{1000 + i // 2}-{['01A', '11A'][i % 2]}",
    "replicates": lambda i: f"P{i // 2}_rep{1 + i % 2}",
    "before and after": lambda i: f"P{i // 2}-{['pre', 'post'][i % 2]}",
    "made unique": lambda i: f"P{i // 2}" + ["", "-1"][i % 2],
}


@pytest.mark.parametrize("kind", NAMES)
def test_names_that_tell_the_patient(kind):
    layers, obs = clean()
    names = [NAMES[kind](i) for i in range(80)]
    mdata = mu(layers, obs, names)
    assert found(mdata) == [("patients", "warning")]
    assert f"{names[0]} and {names[1]}" in check_leakage(mdata).findings["what"][0]
    assert found(mdata, splits=np.arange(80) % 2) == [("patients", "warning")]
    assert found(mdata, splits=np.arange(80) // 2 % 4) == []


@pytest.mark.parametrize("name", ["TCGA-AB-{:04d}", "P{}", "P-{}", "day{}", "A-12-{}"])
def test_names_of_one_sample_a_patient(name):
    layers, obs = clean()
    assert found(mu(layers, obs, [name.format(i) for i in range(80)])) == []


def test_names_of_conditions_are_no_patients():
    layers, obs = clean(n=24)
    obs["kind"] = np.repeat(["drug", "vehicle"], 12)
    names = [f"{'drug' if i < 12 else 'vehicle'}{i // 6}_rep{i % 6}" for i in range(24)]
    assert found(mu(layers, obs, names), target="kind") == []
    layers, obs = clean()
    assert found(mu(layers, obs, [f"line{i % 4}_rep{i // 4}" for i in range(80)])) == []


# Features that hold the target

COPIES = {
    "class as number": ("two classes", lambda o: _codes(o["kind"])),
    "class in other units": ("two classes", lambda o: 5 - 3 * _codes(o["kind"])),
    "one of three classes": ("three classes", lambda o: (np.array(o["three"]) == "v") * 1.0),
    "three classes shuffled": ("three classes", lambda o: np.array([7, 1, 3])[_codes(o["three"]).astype(int)]),
    "number": ("numbers", lambda o: 3 * np.array(o["dose"]) - 1),
    "number bent": ("numbers", lambda o: np.exp(-np.array(o["dose"]))),
    "time": ("survival", lambda o: np.log(np.array(o["months"]))),
    "time of the dead": ("survival", lambda o: np.where(np.array(o["died"]) == 1, o["months"], np.nan)),
    "event": ("survival", lambda o: 1.0 - np.array(o["died"])),
}  # fmt: skip


@pytest.mark.parametrize("case", COPIES)
def test_a_feature_that_is_the_target(case):
    layers, obs = clean()
    task, make = COPIES[case]
    layers["b"][:, 17] = make(obs)
    report = check_leakage(mu(layers, obs), **TASKS[task])
    assert report.findings[["check", "severity", "layer", "n"]].to_numpy().tolist() == [
        ["target copies", "error", "b", 1]
    ]
    assert "'b17'" in report.findings["what"][0]


@pytest.mark.parametrize("task", ["two classes", "numbers"])
def test_a_feature_made_from_the_target_stands_out(task):
    layers, obs = clean()
    y = _codes(obs["kind"]) if task == "two classes" else np.array(obs["dose"])
    layers["a"][:, 5] = y + 0.05 * np.random.default_rng(1).normal(size=80)
    mdata = mu(layers, obs)
    assert found(mdata, **TASKS[task]) == [("target copies", "warning")]
    assert "stand out" in check_leakage(mdata, **TASKS[task]).findings["advice"][0]


def test_strong_biology_is_a_note():
    layers, obs = clean()
    effect = np.where(np.arange(200) < 40, 6 - np.arange(200) / 7, 0)
    layers["a"] += np.outer(_codes(obs["kind"]), effect)
    assert found(mu(layers, obs), target="kind") == [("target copies", "note")]


def test_few_samples_tell_by_chance():
    layers, obs = clean(n=10, p=2000)
    assert found(mu(layers, obs), target="kind") == []
    layers, obs = clean(n=8, p=20_000)
    rho = (rankdata(layers["a"], axis=0) - 4.5).T @ (rankdata(obs["dose"]) - 4.5) / 42
    assert np.abs(rho).max() > 0.99  # of 20,000, one is
    assert found(mu(layers, obs), target="dose") == []
    mutation = np.zeros((80, 300))
    obs = clean()[1]
    obs["kind"] = ["x"] * 78 + ["y"] * 2
    mutation[78:, 4] = 1  # one of 300 genes, in both of the two
    assert found(mu({"mutation": mutation}, obs), target="kind") == []


# Columns of obs

COLUMNS = {
    "the target": ("kind", lambda o: o["kind"], "error", "is the target"),
    "other words": ("kind2", lambda o: np.where(np.array(o["kind"]) == "x", "sick", "well"), "error", "determines"),
    "finer words": ("stage", lambda o: [f"{k}{i % 3}" for i, k in enumerate(o["kind"])], "error", "determines"),
    "finer numbers": ("grade", lambda o: np.array([0, 2, 4, 1, 3, 5])[(_codes(o["kind"]) * 3).astype(int) + np.arange(80) % 3], "error", "determines"),
    "gaps": ("days_to_death", lambda o: np.where(np.array(o["kind"]) == "x", 5.0 + np.arange(80) % 7, np.nan), "error", "missing exactly"),
    "numbers": ("score", lambda o: _codes(o["kind"]) * 2.0, "error", "determines"),
    "nearly": ("score", lambda o: _codes(o["kind"]) + np.random.default_rng(0).normal(size=80) / 9, "warning", "nearly alone"),
    "a prediction": ("pathweave_kind", lambda o: o["ward"], "error", "prediction"),
}  # fmt: skip


@pytest.mark.parametrize("case", COLUMNS)
def test_columns_that_give_the_target_away(case):
    layers, obs = clean()
    name, make, severity, words = COLUMNS[case]
    mdata = mu(layers, {**obs, name: make(obs)})
    report = check_leakage(mdata, target="kind", obs_features=["age", "ward", name])
    table = report.findings[report.findings["check"] == "obs features"]
    assert table["severity"].tolist() == [severity]
    assert table["n"].tolist() == [1]
    assert words in table["what"].iloc[0]


@pytest.mark.parametrize("task", TASKS)
def test_columns_that_do_not(task):
    layers, obs = clean()
    obs["sample"] = [f"n{i}" for i in range(80)]
    obs["gap"] = np.where(np.arange(80) % 3, np.nan, 1.0)
    columns = ["age", "ward", "plate", "sample", "gap"]
    assert found(mu(layers, obs), obs_features=columns, **TASKS[task]) == []


def test_survival_told_by_a_column():
    layers, obs = clean()
    obs["status"] = np.where(np.array(obs["died"]) == 1, "dead", "alive")
    obs["followup"] = np.round(np.array(obs["months"]) * 30.4, 2)
    mdata = mu(layers, obs)
    how = {"survival": ("months", "died")}
    for column, words in (("status", "determines"), ("followup", "holds")):
        report = check_leakage(mdata, obs_features=column, **how)
        assert report.findings["severity"].tolist() == ["error"]
        assert f"{column!r} {words} the target 'months' and 'died'" in report.findings["what"][0]


# Batches


def _share(labels, share, seed=0):
    """A column that is the label in a share of the samples, else at random."""
    rng = np.random.default_rng(seed)
    code = _codes(labels).astype(int)
    other = rng.integers(0, code.max() + 1, len(code))
    return [f"b{k}" for k in np.where(rng.random(len(code)) < share, code, other)]


@pytest.mark.parametrize(
    ("share", "expected"),
    [(1.0, "error"), (0.85, "warning"), (0.45, "note"), (0.0, None)],
)
@pytest.mark.parametrize("task", ["two classes", "three classes"])
def test_batches_that_go_with_the_labels(share, expected, task):
    layers, obs = clean(n=150)
    obs["run"] = _share(obs[TASKS[task]["target"]], share)
    report = check_leakage(mu(layers, obs), batch="run", **TASKS[task])
    severities = report.findings.loc[report.findings["check"] == "batches", "severity"].tolist()
    assert severities == ([expected] if expected else [])


def test_batches_are_guessed_from_their_names():
    layers, obs = clean(n=150)
    obs["plate"] = _share(obs["kind"], 0.85)
    mdata = mu(layers, obs)
    report = check_leakage(mdata, target="kind")
    assert "guessed" in report.findings["what"][0]
    assert check_leakage(mdata, target="kind", batch=[]).ok
    mdata.obs["site_primary"] = mdata.obs.pop("plate")  # where a tumour sits
    report = check_leakage(mdata, target="kind")
    assert report.ok
    assert not report.checks.loc["batches", "ran"]


@pytest.mark.parametrize(
    ("effect", "expected"), [(0.0, None), (0.35, "note"), (3.0, "warning"), (50.0, "error")]
)
def test_batches_that_go_with_numbers(effect, expected):
    layers, obs = clean(n=200)
    obs["dose"] = np.array(obs["dose"]) + effect * _codes(obs["plate"])
    report = check_leakage(mu(layers, obs), target="dose")
    severities = report.findings.loc[report.findings["check"] == "batches", "severity"].tolist()
    assert severities == ([expected] if expected else [])


def test_batches_that_go_with_survival():
    layers, obs = clean(n=150)
    mdata = mu(layers, obs)
    assert found(mdata, survival=("months", "died")) == []
    mdata.obs["months"] *= 1 + 3 * _codes(mdata.obs["plate"])
    assert found(mdata, survival=("months", "died")) == [("batches", "note")]
    # Times differ and events do not: an effect size of events would deny it.
    told = str(check_leakage(mdata, survival=("months", "died")))
    assert "log-rank" in told
    assert "Cramer" not in told
    mdata.obs["plate"] = ["p1" if d else f"p{2 + i % 2}" for i, d in enumerate(mdata.obs["died"])]
    assert found(mdata, survival=("months", "died")) == [("batches", "error")]


def test_batches_that_nothing_can_be_said_of():
    """Never at risk together, of one number, of features that do not vary: no error, no finding."""
    layers, obs = clean()
    obs["plate"] = np.repeat(["p1", "p2"], 40)
    obs["months"] = np.r_[np.linspace(1, 2, 40), np.linspace(3, 9, 40)]
    obs["died"] = np.r_[np.zeros(40), np.resize([1, 0, 0, 0, 0, 0, 0, 0], 40)].astype(int)
    assert check_leakage(mu(layers, obs), survival=("months", "died"), batch="plate").ok
    obs["dose"] = np.r_[np.random.default_rng(0).normal(size=20), np.ones(60)]
    obs["plate"] = [None] * 20 + ["p1", "p2"] * 30
    report = check_leakage(mu({"a": np.ones((80, 60))}, obs), target="dose", batch="plate")
    assert report.findings.empty
    assert not report.checks.loc["batch correction", "ran"]


def test_who_has_a_layer_tells_the_class():
    layers, obs = clean()
    kind = np.array(obs["kind"])
    half = np.flatnonzero(np.arange(80) % 2)
    cases = {"error": np.flatnonzero(kind == "x"), "warning": np.flatnonzero((kind == "x") | (np.arange(80) < 8))}  # fmt: skip
    for severity, rows in cases.items():
        mdata = mu({"a": layers["a"], "b": (layers["b"][rows], rows)}, obs)
        assert found(mdata, target="kind") == [("missing layers", severity)]
    some = np.flatnonzero((kind == "x") | (np.arange(80) % 4 > 0))
    for rows in (half, some):
        mdata = mu({"a": layers["a"], "b": (layers["b"][rows], rows)}, obs)
        assert found(mdata, target="kind") == []


# Batch correction


def _with_batches(seed=0, labels=0.0):
    layers, obs = clean(seed, n=96)
    rng = np.random.default_rng(seed)
    x = layers["a"] + 1.5 * rng.normal(size=(4, 200))[_codes(obs["plate"]).astype(int)]
    return x + labels * np.outer(_codes(obs["kind"]), rng.normal(size=200)), obs


def test_centred_batches_are_seen():
    x, obs = _with_batches()
    assert found(mu({"a": x}, obs), target="kind") == []
    for plate in np.unique(obs["plate"]):
        x[np.array(obs["plate"]) == plate] -= x[np.array(obs["plate"]) == plate].mean(axis=0)
    x += 7
    assert found(mu({"a": x}, obs), target="kind") == [("batch correction", "warning")]
    assert found(mu({"a": x}, obs), target="kind", batch=[]) == []


def test_combat_is_seen():
    import scanpy as sc

    x, obs = _with_batches()
    mdata = mu({"a": x}, obs)
    mod = mdata.mod["a"]
    mod.obs["plate"] = mdata.obs["plate"].astype("category")
    sc.pp.combat(mod, key="plate")
    assert ("batch correction", "warning") in found(mdata, target="kind")


def test_batches_balanced_by_design_are_not_corrected():
    layers, obs = clean(n=96)
    obs["plate"] = [f"p{i // 6}" for i in range(96)]
    obs["kind"] = np.tile(["x", "y"], 48)
    x = layers["a"] + 20 * np.outer(_codes(obs["kind"]), np.random.default_rng(1).normal(size=200))
    assert ("batch correction", "warning") not in found(mu({"a": x}, obs), target="kind")


# Scaling and imputation


@pytest.mark.parametrize(
    "scaler", [StandardScaler(), StandardScaler(with_std=False), MinMaxScaler(), MinMaxScaler((-1, 1))],
    ids=["mean 0, sd 1", "mean 0", "0 to 1", "-1 to 1"],
)  # fmt: skip
def test_scaling_before_the_split(scaler):
    layers, obs = clean()
    x = layers["b"]
    assert found(mu({"b": scaler.fit_transform(x)}, obs)) == [("scaling", "note")]
    assert found(mu({"b": scaler.fit(x[:60]).transform(x)}, obs)) == []


def test_scaling_sample_by_sample_is_no_leak():
    x, obs = clean()[0]["b"], clean()[1]
    for values in (
        x - np.median(x, axis=1, keepdims=True),
        x / x.sum(axis=1, keepdims=True),
        MaxAbsScaler().fit_transform(x.T).T,
    ):
        assert found(mu({"b": values}, obs)) == []


@pytest.mark.parametrize("strategy", ["mean", "median"])
@pytest.mark.parametrize("then", ["as is", "scaled"])
def test_imputation_before_the_split(strategy, then):
    layers, obs = clean(n=81)
    x = layers["b"]
    x[np.random.default_rng(1).random(x.shape) < 0.1] = np.nan
    assert found(mu({"b": x}, obs)) == []
    whole = SimpleImputer(strategy=strategy).fit_transform(x)
    part = SimpleImputer(strategy=strategy).fit(x[:60]).transform(x)
    if then == "scaled":
        whole, part = (StandardScaler().fit(v[:60]).transform(v) for v in (whole, part))
    assert found(mu({"b": whole}, obs)) == [("imputation", "note")]
    assert found(mu({"b": part}, obs)) == []


def test_imputation_by_class_tells_the_class():
    layers, obs = clean()
    x, kind = layers["a"], np.array(obs["kind"])
    x += np.outer(kind == "x", np.full(200, 0.3))
    x[np.random.default_rng(1).random(x.shape) < 0.2] = np.nan
    for k in ("x", "y"):
        x[kind == k] = SimpleImputer().fit_transform(x[kind == k])
    assert ("imputation", "error") in found(mu({"a": x}, obs), target="kind")
    assert found(mu({"a": x}, obs)) == []


@pytest.mark.parametrize("fill", ["zeros", "floor"])
def test_repeated_values_that_are_no_mean(fill):
    layers, obs = clean()
    x = layers["b"]
    low = np.quantile(x, 0.2, axis=0)
    x = np.where(x < low, 0.0 if fill == "zeros" else low, x)
    assert found(mu({"b": x}, obs)) == []


def test_few_values_around_zero_are_not_imputed():
    values = np.repeat([-2.0, -1, 0, 1, 2], [10, 15, 30, 15, 10])
    x = np.random.default_rng(0).permuted(np.tile(values[:, None], 100), axis=0)
    assert found(mu({"cnv": x}, clean()[1])) == []


def test_few_values_beside_many_zeros_are_not_imputed_by_class():
    """With four or five others zero is near their middle by chance, in most features."""
    for seed in range(12):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=(24, 100)) * (rng.random((24, 100)) > 0.6)
        obs = {"kind": np.resize(["x", "y"], 24)}
        assert ("imputation", "error") not in found(mu({"a": x}, obs), target="kind")


# Features chosen with the labels


def _choose(x, obs, task, k, rows=None):
    rows = np.arange(len(x)) if rows is None else rows
    if task == "numbers":
        score = f_regression(x[rows], np.array(obs["dose"])[rows])[0]
    elif task == "survival":
        score = _log_rank_scores(
            x[rows], np.array(obs["months"])[rows], np.array(obs["died"])[rows]
        )
    else:
        score = f_classif(x[rows], np.array(obs[TASKS[task]["target"]])[rows])[0]
    return x[:, np.argsort(-score)[:k]]


def _log_rank_scores(x, time, event):
    """Score test of a Cox model, feature by feature."""
    score, information = np.zeros(x.shape[1]), np.zeros(x.shape[1])
    for t in np.flatnonzero(event):
        risk = x[time >= time[t]]
        score += x[t] - risk.mean(axis=0)
        information += risk.var(axis=0)
    return score**2 / np.maximum(information, 1e-9)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("seed", [0, 1])
def test_noise_chosen_with_the_labels(task, seed):
    obs = clean(seed, n=100)[1]
    x = np.random.default_rng(seed).normal(size=(100, 20_000))
    mdata = mu({"a": _choose(x, obs, task, 200)}, obs)
    assert found(mdata, **TASKS[task]) == [("feature selection", "warning")]
    assert found(mu({"a": x[:, :3000]}, obs), **TASKS[task]) == []
    others = {k: v for k, v in TASKS.items() if k != task}
    assert not any(found(mdata, **how) for how in others.values())


@pytest.mark.parametrize("task", ["two classes", "three classes", "numbers"])
def test_real_signal_chosen_with_the_labels(task):
    obs = clean(n=100)[1]
    rng = np.random.default_rng(1)
    column = obs[TASKS[task].get("target")]
    y = np.array(column) if task == "numbers" else _codes(column)
    effects = 0.4 * rng.normal(size=5000) * (rng.random(5000) < 0.2)
    factors = rng.normal(size=(100, 10)) @ rng.normal(size=(10, 5000)) / 4
    x = rng.normal(size=(100, 5000)) + factors + np.outer((y - y.mean()) / y.std(), effects)
    assert found(mu({"a": x}, obs), **TASKS[task]) == []
    assert found(mu({"a": _choose(x, obs, task, 300)}, obs), **TASKS[task]) == [("feature selection", "warning")]  # fmt: skip


def test_noise_chosen_by_a_moderated_t():
    rng, obs = np.random.default_rng(0), clean(n=100)[1]
    x = rng.normal(size=(100, 5000)) * rng.gamma(4, 0.25, size=5000)
    inside = np.array(obs["kind"]) == "x"
    spread = np.sqrt((x[inside].var(axis=0) + x[~inside].var(axis=0)) / 2)
    t = np.abs(x[inside].mean(axis=0) - x[~inside].mean(axis=0)) / (spread + np.median(spread))
    mdata = mu({"a": x[:, np.argsort(-t)[:200]]}, obs)
    assert found(mdata, target="kind") == [("feature selection", "warning")]


def test_noise_of_heavy_tails_chosen_by_ranks():
    """Wilcoxon's test leaves no trace in the F-test of such values: the check looks at ranks, too."""
    obs = clean(n=80)[1]
    x = np.random.default_rng(0).standard_cauchy(size=(80, 8000))
    inside = np.array(obs["kind"]) == "x"
    p = mannwhitneyu(x[inside], x[~inside]).pvalue
    assert found(mu({"a": x[:, np.argsort(p)[:150]]}, obs), target="kind") == [("feature selection", "warning")]  # fmt: skip


def test_the_strongest_of_overwhelming_signals_are_a_note():
    """All have p < 1e-9: that weaker ones were left out flatters no score that matters."""
    obs = clean(n=200)[1]
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 3000))
    x[:, :400] += _codes(obs["kind"])[:, None] * rng.uniform(1.5, 2.5, 400)
    strongest = _choose(x, obs, "two classes", 300)
    assert ("feature selection", "note") in found(mu({"a": strongest}, obs), target="kind")
    assert check_leakage(mu({"a": strongest}, obs), target="kind").ok


def test_chosen_in_one_part():
    obs = clean(n=150)[1]
    x = np.random.default_rng(0).normal(size=(150, 10_000))
    train = np.arange(150) < 100
    obs["split"] = np.where(train, "train", "test")
    mdata = mu({"a": _choose(x, obs, "two classes", 200, np.flatnonzero(train))}, obs)
    report = check_leakage(mdata, target="kind")
    assert report.findings[["check", "severity"]].to_numpy().tolist() == [["feature selection", "warning"]]  # fmt: skip
    assert "split = train alone" in report.findings["what"][0]
    split = [(np.flatnonzero(train), np.flatnonzero(~train))]
    assert found(mdata, target="kind", splits=split) == [("feature selection", "note")]
    assert found(mdata, target="kind", splits=folds(obs["kind"])) == [("feature selection", "warning")]  # fmt: skip


@pytest.mark.parametrize("kind", ["all shifted", "two modules", "three classes apart"])
def test_strong_biology_is_not_called_chosen(kind):
    rng = np.random.default_rng(0)
    obs = clean(n=200)[1]
    y = _codes(obs["kind"])
    x = rng.normal(size=(200, 300))
    if kind == "all shifted":
        x += np.outer(y, rng.normal(1, 0.3, 300))
    elif kind == "two modules":
        factor = 1.6 * y + rng.normal(size=200)
        x = 1.2 * x + np.outer(factor, rng.choice([-1, 1], 300) * rng.normal(1, 0.2, 300))
    else:
        x += rng.normal(size=(3, 300))[_codes(obs["three"]).astype(int)]
    target = "three" if kind == "three classes apart" else "kind"
    assert check_leakage(mu({"a": x}, obs), target=target).ok
