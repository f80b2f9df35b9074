"""The check of leakage on clean, recorded and real data; its report; what it refuses."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from leakage_cases import TASKS, clean, found, mu
from scipy import stats
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import KFold

import pathweave as pw
from pathweave.evaluate import LeakageReport, check_leakage
from pathweave.evaluate._association import associate, n_independent, span
from pathweave.evaluate._leakage.batches import contingency, corrected_v
from pathweave.evaluate._leakage.determined import tell
from pathweave.evaluate._leakage.read import Outcome
from pathweave.io import quiet_mudata
from pathweave.models._targets import read_targets


@pytest.mark.parametrize("task", TASKS)
def test_noise_raises_no_alarm(task):
    alarms = []
    for seed in range(20):
        layers, obs = clean(seed, n=40 + 4 * seed, p=100)
        columns = ["age", "ward"]
        alarms += found(mu(layers, obs), obs_features=columns, **TASKS[task])
    assert len(alarms) <= 1, alarms


def test_simulated_layers_raise_no_alarm():
    for seed in range(2):
        mdata = pw.datasets.simulate(80, seed=seed)
        assert check_leakage(mdata, target="class").ok


def test_nothing_is_changed():
    layers, obs = clean()
    obs["kind"] = pd.Categorical(obs["kind"])
    rows = np.arange(60)
    mdata = mu({"a": layers["a"], "b": (layers["b"][rows], rows)}, obs)
    with quiet_mudata():
        before = mdata.copy()
    check_leakage(mdata, target="kind", splits=np.arange(80) % 4, obs_features="age")
    pd.testing.assert_frame_equal(mdata.obs, before.obs)
    for name, mod in mdata.mod.items():
        np.testing.assert_array_equal(mod.X, before.mod[name].X)
        assert dict(mod.uns) == dict(before.mod[name].uns)
        pd.testing.assert_frame_equal(mod.var, before.mod[name].var)


def test_sparse_layers_and_views_are_read():
    from scipy.sparse import csr_matrix

    layers, obs = clean()
    layers["a"][:, 3] = np.array(obs["kind"]) == "x"
    mdata = mu(layers, obs)
    mdata.mod["a"].X = csr_matrix(mdata.mod["a"].X)
    assert found(mdata, target="kind") == [("target copies", "error")]
    with quiet_mudata():
        assert found(mdata[:60], target="kind") == [("target copies", "error")]


def test_same_seed_same_report():
    layers, obs = clean(p=2500)
    mdata = mu(layers, obs)
    one, two = (check_leakage(mdata, target="three", seed=5) for _ in range(2))
    pd.testing.assert_frame_equal(one.findings, two.findings)


# The report


def test_the_gravest_comes_first_and_all_is_told():
    layers, obs = clean()
    layers["a"][:, 0] = np.array(obs["kind"]) == "x"
    layers["b"] = (layers["b"] - layers["b"].mean(axis=0)) / layers["b"].std(axis=0)
    layers["b"][9] = layers["b"][8]
    report = check_leakage(mu(layers, obs), target="kind")
    assert isinstance(report, LeakageReport)
    assert report.findings["severity"].tolist()[:2] == ["error", "warning"]
    assert not report.ok
    text = str(report)
    assert (
        "Leakage check of 80 samples, layers a, b; class 'kind' of 80: 1 error, 1 warning" in text
    )
    assert text.index("ERROR (target copies, layer a)") < text.index(
        "WARNING (duplicates, layer b)"
    )
    assert "Not run: obs features (no obs_features=)." in text
    assert max(map(len, text.splitlines())) <= 110


def test_a_clean_report_says_what_was_looked_at():
    report = check_leakage(mu(*clean()), target="kind", splits=np.arange(80) % 4)
    assert report.ok
    assert report.findings.empty
    assert list(report.findings) == ["check", "severity", "layer", "what", "evidence", "n", "advice"]  # fmt: skip
    assert "no sign of leakage was found in 10 checks." in " ".join(str(report).split())
    assert "4 split(s)" in str(report)
    assert report.checks["ran"].sum() == 10


def test_without_a_target_fewer_checks_run():
    checks = check_leakage(mu(*clean())).checks
    assert checks.loc["target copies", "why"] == "no target"
    assert checks.loc["duplicates", "ran"]


def test_small_layers_are_named():
    layers, obs = clean()
    report = check_leakage(mu({"a": layers["a"], "tiny": layers["b"][:, :4]}, obs), target="kind")
    assert "tiny" in report.checks.loc["feature selection", "why"]
    assert report.checks.loc["feature selection", "ran"]


def test_outcomes_and_layers_that_do_not_overlap():
    layers, obs = clean()
    obs["kind"] = np.where(np.arange(80) < 40, obs["kind"], "")
    obs["dose"] = np.where(np.arange(80) < 40, np.nan, obs["dose"])
    first, last = np.arange(40), np.arange(40, 80)
    layers["b"][60:, 3] = np.nan  # of which a batch has no value
    obs["plate"] = np.where(np.arange(80) < 60, obs["plate"], "p5")
    mdata = mu({"a": (layers["a"][first], first), "b": (layers["b"][last], last)}, obs)
    assert found(mdata, target="dose", batch="plate") == []
    report = check_leakage(mdata, target=["kind", "dose"], batch="plate")
    assert "class 'kind' of 40; number 'dose' of 40" in report.subject
    assert set(report.findings["check"]) <= {"batches", "missing layers"}


# What the object records


def test_recorded_steps():
    import scanpy as sc

    layers, obs = clean()
    mdata = mu({"b": layers["b"]}, obs)
    mod = mdata.mod["b"]
    pw.pp.normalize(mdata)
    assert found(mdata, target="kind") == []
    sc.pp.pca(mod, n_comps=5)
    report = check_leakage(mdata, target="kind")
    assert report.findings[["check", "severity"]].to_numpy().tolist() == [["records", "note"]]
    assert "PCA" in report.findings["what"][0]
    mod.obs["kind"] = mdata.obs["kind"].astype("category")
    sc.tl.rank_genes_groups(mod, "kind", method="wilcoxon")
    assert ("records", "warning") in found(mdata, target="kind")
    assert ("records", "warning") not in found(mdata, target="three")


def test_variable_features_that_x_was_cut_to():
    layers, obs = clean()
    mdata = mu({"b": layers["b"]}, obs)
    mdata.mod["b"].var["highly_variable"] = True
    assert found(mdata) == [("records", "note")]
    mdata.mod["b"].var["highly_variable"] = np.arange(200) < 50
    assert found(mdata) == []


def test_predictions_of_a_model_of_this_target():
    mdata = mu(*clean())
    mdata.obs["pathweave_kind"] = "x"
    assert found(mdata, target="kind") == [("records", "warning")]
    assert found(mdata, target="three") == []


# Errors


@pytest.mark.parametrize(
    ("how", "error", "words"),
    [
        ({"target": "nope"}, KeyError, "target"),
        ({"layers": ["nope"]}, KeyError, "layers"),
        ({"groups": "nope"}, KeyError, "groups"),
        ({"batch": ["nope"]}, KeyError, "batch"),
        ({"obs_features": ["nope"]}, KeyError, "obs_features"),
        ({"splits": "fold"}, TypeError, "splits='fold' must be the fold of each sample"),
        ({"splits": 5}, TypeError, "splits=5 must be"),
        ({"splits": [0, 1, 2]}, ValueError, "splits holds the folds of 3 samples"),
        ({"splits": [(np.arange(50), np.arange(40, 80))]}, ValueError, "training and test part"),
        ({"splits": [(np.arange(50), np.arange(50, 81))]}, ValueError, "positions 0 to 79"),
        ({"splits": [(np.arange(50), np.arange(0))]}, ValueError, "no training or no test sample"),
        ({"survival": ("months",)}, ValueError, "pair"),
    ],
)
def test_what_is_refused(how, error, words):
    mdata = mu(*clean())
    with pytest.raises(error, match=words):
        check_leakage(mdata, **how)


def test_no_mudata():
    with pytest.raises(TypeError, match="MuData"):
        check_leakage(pd.DataFrame())


def test_splits_count_the_samples_with_a_known_outcome():
    layers, obs = clean()
    obs["kind"] = np.where(np.arange(80) < 20, "", obs["kind"])
    layers["a"][70] = layers["a"][30]  # positions 50 and 10 of the 60 known
    mdata = mu({"a": layers["a"]}, obs)
    splits = [(np.arange(40), np.arange(40, 60))]
    assert found(mdata, target="kind", splits=splits) == [("duplicates", "error")]
    assert found(mdata, target="kind", splits=KFold(3)) == [("duplicates", "error")]


# The numbers inside


def _outcome(obs, **how):
    target = read_targets(pd.DataFrame(obs), **{"target": None, "survival": None, **how})[0]
    return Outcome(target, target.encode(pd.DataFrame(obs)))


def test_p_values_are_those_of_scipy():
    layers, obs = clean()
    x = layers["a"][:, :6]
    outcome = _outcome(obs, target="three")
    parts = [x[np.array(obs["three"]) == k] for k in "uvw"]
    p, direction = associate(x, outcome.y, outcome.target.task)
    np.testing.assert_allclose(p, stats.f_oneway(*parts).pvalue, rtol=1e-9)
    assert not direction.any()
    outcome = _outcome(obs, target="dose")
    p, direction = associate(x, outcome.y, outcome.target.task)
    expected = [stats.pearsonr(v, obs["dose"]) for v in x.T]
    np.testing.assert_allclose(p, [e.pvalue for e in expected], rtol=1e-9)
    agree = direction * [np.sign(e.statistic) for e in expected]
    assert abs(agree.sum()) == 6  # all turned or none


def test_survival_scores_are_those_of_statsmodels():
    from statsmodels.duration.hazard_regression import PHReg

    layers, obs = clean()
    obs["months"] = np.ceil(obs["months"])  # ties
    outcome = _outcome(obs, survival=("months", "died"))
    p, direction = associate(layers["a"][:, :5], outcome.y, "survival")
    for i in range(5):
        x = layers["a"][:, [i]]
        model = PHReg(obs["months"], x, status=obs["died"], ties="breslow")
        z = model.score(np.zeros(1))[0] / np.sqrt(-model.hessian(np.zeros(1))[0, 0])
        assert p[i] == pytest.approx(2 * stats.norm.sf(abs(z)), rel=1e-6)
        assert direction[i] == np.sign(z)


def test_strength_is_the_auroc():
    layers, obs = clean()
    x = np.round(layers["a"], 1)
    x[:5, 0] = np.nan
    told = tell(x, _outcome(obs, target="kind"), np.arange(80), 200)
    y = np.array(obs["kind"]) == "y"
    for i in range(5):
        seen = ~np.isnan(x[:, i])
        area = roc_auc_score(y[seen], x[seen, i])
        assert told.strength[i] == pytest.approx(max(area, 1 - area), abs=1e-12)
    told = tell(x, _outcome(obs, target="dose"), np.arange(80), 200)
    seen = ~np.isnan(x[:, 0])
    rho = stats.spearmanr(x[seen, 0], np.array(obs["dose"])[seen]).statistic
    assert told.strength[0] == pytest.approx(abs(rho), abs=1e-12)


def test_corrected_v_is_one_for_the_same_and_zero_for_nothing():
    code = np.repeat([0, 1, 2], 10)
    assert corrected_v(contingency(code, code)) == pytest.approx(1.0)
    assert corrected_v(contingency(code, np.tile([0, 1], 15))) == 0.0
    assert corrected_v(contingency(code, np.zeros(30, int))) == 0.0


def test_how_many_features_are_independent():
    rng = np.random.default_rng(0)
    outcome = _outcome(clean(n=200)[1], target="kind")
    basis = span(outcome.y, outcome.target.task)
    x = rng.normal(size=(200, 100))
    assert n_independent(x, basis) > 60
    assert n_independent(np.repeat(x[:, :10], 10, axis=1), basis) == pytest.approx(10, rel=0.2)


# Real data, read as a biologist would


def _read(shared, name):
    import mudata

    with quiet_mudata():
        return mudata.read(shared / "data" / name / f"{name}.h5mu")


def test_rosmap_was_preselected_in_its_training_part(shared):
    report = check_leakage(_read(shared, "rosmap"), target="diagnosis")
    chosen = report.findings[report.findings["check"] == "feature selection"]
    assert chosen["layer"].tolist() == ["rna", "meth"]
    assert chosen["what"].str.contains("split = train alone").all()


def test_covid_metabolites_were_imputed_by_the_median(shared):
    report = check_leakage(_read(shared, "covid_su"), target="severity")
    assert report.findings[["check", "severity", "layer"]].to_numpy().tolist() == [
        ["imputation", "note", "metab"]
    ]


def test_tumour_sites_go_with_survival(shared):
    how = {"survival": ("survival_months", "event")}
    for name, severity in (("tcga_surv_gbmlgg", "warning"), ("tcga_surv_luad", "note")):
        assert found(_read(shared, name), **how) == [("batches", severity)]


@pytest.mark.parametrize(
    ("name", "target"),
    [("brca_mixomics", "subtype"), ("acc_miniacc", "C1A.C1B"), ("nutrimouse", "genotype"), ("nutrimouse", "diet")],
)  # fmt: skip
def test_real_data_raise_no_alarm(shared, name, target):
    assert check_leakage(_read(shared, name), target=target).ok


def test_risks_are_predictions_of_survival_alone():
    layers, obs = clean()
    obs["pathweave_risk"] = np.random.default_rng(0).normal(size=80)
    mdata = mu(layers, obs)
    told = {"obs_features": "pathweave_risk"}
    assert found(mdata, target="kind", **told) == []
    survival = {"survival": ("months", "died")}
    assert found(mdata, **survival, **told) == [("obs features", "error"), ("records", "warning")]
