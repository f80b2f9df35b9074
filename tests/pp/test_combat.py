"""ComBat against scanpy and inmoose, and that it learns from training samples alone."""

from __future__ import annotations

import warnings
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from anndata import AnnData
from hypothesis import given
from hypothesis import strategies as st

from pathweave import io
from pathweave._core.warnings import DataWarning
from pathweave.pp import ComBat

REFERENCE = Path(__file__).parent / "reference" / "combat.npz"


def make(seed=0, sizes=(15, 20, 25), p=40):
    """Values with batches, a sex and an age."""
    rng = np.random.default_rng(seed)
    batch = np.repeat(list("abcdefgh")[: len(sizes)], sizes)
    n = len(batch)
    sex, age = rng.integers(0, 2, n), rng.normal(70, 8, n)
    x = 5 + rng.normal(size=(n, p)) * rng.gamma(2, 1, p)
    x += np.outer(sex, rng.normal(size=p)) + np.outer(age / 20, rng.normal(size=p))
    for i, label in enumerate(np.unique(batch)):
        x[batch == label] = x[batch == label] * (1 + 0.5 * i) + rng.normal(i, 1, p)
    return x, batch, pd.DataFrame({"sex": np.where(sex, "m", "f"), "age": age})


def spread_of(x, batch):
    """How far the batches' means lie apart, in deviations within them, averaged over the features."""
    means = np.stack([np.nanmean(x[batch == b], axis=0) for b in np.unique(batch)])
    within = np.sqrt(np.mean([np.nanvar(x[batch == b], axis=0) for b in np.unique(batch)], axis=0))
    return float(np.mean(np.ptp(means, axis=0) / within))


def scanpy_combat(x, batch, covariates=None):
    import scanpy as sc

    obs = pd.DataFrame({"batch": pd.Categorical(batch)}, index=[f"s{i}" for i in range(len(x))])
    for name, values in (covariates or {}).items():
        obs[name] = np.asarray(values, dtype=float)
    return sc.pp.combat(
        AnnData(x, obs=obs), covariates=list(covariates or {}) or None, inplace=False
    )


@pytest.mark.reference
def test_agrees_with_scanpy():
    x, batch, _ = make()
    ours = ComBat().fit(x, batch).transform(x, batch)
    np.testing.assert_allclose(ours, scanpy_combat(x, batch), rtol=0, atol=1e-10)
    assert spread_of(x, batch) > 5 * spread_of(ours, batch)


@pytest.mark.reference
def test_agrees_with_scanpy_on_a_category_and_a_number():
    x, batch, covariates = make()
    theirs = scanpy_combat(x, batch, {"sex": covariates["sex"] == "m", "age": covariates["age"]})
    for sex in (covariates["sex"], covariates["sex"].astype("category"), covariates["sex"] == "f"):
        table = covariates.assign(sex=sex)
        ours = ComBat().fit(x, batch, table).transform(x, batch, table)
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-9)


@pytest.mark.reference
@pytest.mark.parametrize(
    ("case", "options"),
    [
        ("mean_only", {"mean_only": True}),
        ("reference", {"mean_only": True, "reference": "b"}),
        ("nonparametric", {"mean_only": True, "parametric": False}),
    ],
)
def test_agrees_with_inmoose(case, options):
    stored = np.load(REFERENCE)
    x, batch = stored["x"], stored["batch"]
    covariates = pd.DataFrame(
        {"sex": stored["sex"].astype(str), "stage": stored["stage"].astype(str)}
    )
    ours = ComBat(**options).fit(x, batch, covariates).transform(x, batch, covariates)
    np.testing.assert_allclose(ours, stored[case], rtol=0, atol=1e-9)


@pytest.mark.reference
@pytest.mark.parametrize(
    ("case", "options"), [("full", {}), ("full_reference", {"reference": "b"})]
)
def test_is_near_inmoose_which_divides_variances_by_n(case, options):
    stored = np.load(REFERENCE)
    x, batch = stored["x"], stored["batch"]
    covariates = pd.DataFrame(
        {"sex": stored["sex"].astype(str), "stage": stored["stage"].astype(str)}
    )
    ours = ComBat(**options).fit(x, batch, covariates).transform(x, batch, covariates)
    assert np.abs(ours - stored[case]).max() < 0.015 * np.abs(x - stored[case]).max()


def test_nonparametric_equals_the_formula_feature_by_feature():
    x, batch, _ = make(p=9)
    combat = ComBat(parametric=False).fit(x, batch)
    for b, label in enumerate(combat.batches_):
        z = (x[batch == label] - combat.mean_) / combat.scale_
        g, d = z.mean(axis=0), z.var(axis=0, ddof=1)
        for i in range(9):
            others = np.arange(9) != i
            density = np.exp(-((z[:, [i]] - g[others]) ** 2) / (2 * d[others]))
            weight = (density / np.sqrt(2 * np.pi * d[others])).prod(axis=0)
            assert combat.gamma_[b, i] == pytest.approx((weight * g[others]).sum() / weight.sum())
            assert combat.delta_[b, i] == pytest.approx((weight * d[others]).sum() / weight.sum())


def test_estimates_solve_the_equations_of_the_posterior():
    x, batch, _ = make()
    combat = ComBat().fit(x, batch)
    z = (x[batch == "c"] - combat.mean_) / combat.scale_
    n, g, d = len(z), z.mean(axis=0), z.var(axis=0, ddof=1)
    gamma, delta = combat.gamma_[2], combat.delta_[2]
    m, s = d.mean(), d.var(ddof=1)
    a, b = m**2 / s + 2, m**3 / s + m  # the inverse gamma of this mean and variance
    np.testing.assert_allclose(
        gamma, (n * g.var() * g + delta * g.mean()) / (n * g.var() + delta), rtol=1e-3
    )
    square = ((z - gamma) ** 2).sum(axis=0)
    np.testing.assert_allclose(delta, (b + square / 2) / (n / 2 + a - 1), rtol=1e-3)


def test_batches_agree_afterwards():
    x, batch, _ = make(sizes=(200, 300), p=30)
    fixed = ComBat().fit(x, batch).transform(x, batch)
    a, b = fixed[batch == "a"], fixed[batch == "b"]
    deviation = fixed.std(axis=0)
    assert (np.abs(a.mean(axis=0) - b.mean(axis=0)) < 0.05 * deviation).all()
    np.testing.assert_allclose(a.std(axis=0), b.std(axis=0), rtol=0.1)
    np.testing.assert_allclose(fixed.mean(axis=0), x.mean(axis=0), atol=0.05 * deviation.max())


def test_what_covariates_explain_stays():
    rng = np.random.default_rng(1)
    batch = np.repeat(["a", "b"], 100)
    ill = rng.random(200) < np.where(batch == "a", 0.2, 0.8)
    x = rng.normal(size=(200, 60)) + 2.0 * ill[:, None] + 3.0 * (batch == "b")[:, None]
    table = pd.DataFrame({"ill": ill})
    kept = ComBat().fit(x, batch, table).transform(x, batch, table)
    lost = ComBat().fit(x, batch).transform(x, batch)
    assert kept[ill].mean() - kept[~ill].mean() == pytest.approx(2.0, abs=0.1)
    assert lost[ill].mean() - lost[~ill].mean() < 1.5


def test_test_samples_change_nothing_that_was_learned():
    x, batch, covariates = make()
    train = np.arange(len(x)) % 3 > 0
    combat = ComBat().fit(x[train], batch[train], covariates[train])
    before = {k: v.copy() for k, v in vars(combat).items() if isinstance(v, np.ndarray)}
    first = combat.transform(x[~train], batch[~train])
    noise = x.copy()
    noise[~train] = 1e6
    combat.transform(noise[~train], batch[~train])
    for name, value in before.items():
        np.testing.assert_array_equal(getattr(combat, name), value)
    # One by one or together, in any company.
    rows = np.flatnonzero(~train)
    single = np.vstack([combat.transform(x[[i]], batch[[i]]) for i in rows])
    np.testing.assert_allclose(single, first, rtol=1e-12)


def test_new_samples_of_a_known_batch_are_corrected_too():
    x, batch, _ = make(sizes=(60, 60), p=200)
    train = np.arange(len(x)) % 2 == 0
    combat = ComBat().fit(x[train], batch[train])
    fixed = combat.transform(x[~train], batch[~train])
    assert spread_of(fixed, batch[~train]) < 0.5 * spread_of(x[~train], batch[~train])
    assert (x[~train] != fixed).all()


@given(seed=st.integers(0, 1000))
def test_order_of_samples_and_features_does_not_matter(seed):
    x, batch, covariates = make(seed=3, sizes=(6, 7), p=8)
    rng = np.random.default_rng(seed)
    rows, columns = rng.permutation(len(x)), rng.permutation(8)
    expected = ComBat().fit(x, batch, covariates).transform(x, batch, covariates)
    shuffled = covariates.iloc[rows]
    got = ComBat().fit(x[rows][:, columns], batch[rows], shuffled)
    got = got.transform(x[rows][:, columns], batch[rows], shuffled)
    np.testing.assert_allclose(got, expected[rows][:, columns], rtol=1e-9)


@given(shift=st.floats(-100, 100), factor=st.floats(0.01, 100))
def test_units_do_not_matter(shift, factor):
    x, batch, _ = make(seed=4, sizes=(8, 9), p=6)
    expected = ComBat().fit(x, batch).transform(x, batch)
    y = factor * x + shift
    got = ComBat().fit(y, batch).transform(y, batch)
    np.testing.assert_allclose(got, factor * expected + shift, rtol=1e-6, atol=1e-6 * factor)


def test_missing_covariates_leave_the_shift_as_it_is():
    x, batch, covariates = make()
    combat = ComBat(mean_only=True).fit(x, batch, covariates)
    with_them = combat.transform(x, batch, covariates)
    np.testing.assert_allclose(combat.transform(x, batch), with_them, rtol=1e-10)
    full = ComBat().fit(x, batch, covariates)
    around_mean = (x - full.mean_) / full.scale_
    which = np.searchsorted(["a", "b", "c"], batch)
    expected = (around_mean - full.gamma_[which]) / np.sqrt(
        full.delta_[which]
    ) * full.scale_ + full.mean_
    np.testing.assert_allclose(full.transform(x, batch), expected, rtol=1e-10)
    np.testing.assert_allclose(full.mean_, x.mean(axis=0), rtol=1e-10)


def test_the_reference_batch_stays():
    x, batch, covariates = make()
    fixed = ComBat(reference="b").fit(x, batch, covariates).transform(x, batch, covariates)
    np.testing.assert_array_equal(fixed[batch == "b"], x[batch == "b"])
    assert spread_of(x, batch) > 3 * spread_of(fixed, batch)


def test_missing_values_stay_and_are_left_out():
    x, batch, covariates = make(sizes=(60, 60, 60))
    gaps = np.random.default_rng(0).random(x.shape) < 0.05
    holed = np.where(gaps, np.nan, x)
    fixed = ComBat().fit(holed, batch, covariates).transform(holed, batch, covariates)
    np.testing.assert_array_equal(np.isnan(fixed), gaps)
    full = ComBat().fit(x, batch, covariates).transform(x, batch, covariates)
    assert np.abs(fixed - full)[~gaps].mean() < 0.05 * np.abs(x - full)[~gaps].mean()


def test_a_feature_with_gaps_is_estimated_from_its_other_samples():
    x, batch, covariates = make()
    x[:5, 3] = np.nan
    combat = ComBat().fit(x, batch, covariates)
    alone = ComBat().fit(x[5:, [3]], batch[5:], covariates[5:])
    # Its effects are those among its samples; centring moves with the covariates' means.
    np.testing.assert_allclose(
        combat.effects_[:, 3] / combat._covariates.scale,
        alone.effects_[:, 0] / alone._covariates.scale,
        rtol=1e-8,
    )
    np.testing.assert_allclose(combat.scale_[3], alone.scale_[0], rtol=1e-8)


def test_features_that_a_batch_lacks_or_that_are_constant_stay():
    x, batch, _ = make()
    x[:, 0] = 7.3
    x[:, 1] = np.where(batch == "a", 1.1, 2.2)
    x[batch == "b", 2] = np.nan
    x[:, 3] = np.nan
    combat = ComBat().fit(x, batch)
    fixed = combat.transform(x, batch)
    np.testing.assert_array_equal(fixed[:, [0, 1, 3]], x[:, [0, 1, 3]])
    assert not np.isnan(fixed[batch != "b"][:, 2]).any()
    later = np.zeros((1, x.shape[1]))
    assert combat.transform(later, ["b"])[0, 2] == 0.0
    assert combat.transform(later, ["b"])[0, 5] != 0.0


def test_a_feature_constant_in_one_batch_gets_finite_values():
    x, batch, _ = make()
    x[batch == "a", 0] = 0.0
    assert np.isfinite(ComBat().fit(x, batch).transform(x, batch)).all()


def test_one_feature_is_corrected_without_shrinking():
    x, batch, _ = make(p=1)
    fixed = ComBat().fit(x, batch).transform(x, batch)
    means = [fixed[batch == b].mean() for b in "abc"]
    deviations = [fixed[batch == b].std(ddof=1) for b in "abc"]
    np.testing.assert_allclose(means, means[0])
    np.testing.assert_allclose(deviations, deviations[0])


def test_precision_is_kept_and_the_input_untouched():
    x, batch, _ = make()
    single = x.astype(np.float32)
    before = single.copy()
    fixed = ComBat().fit(single, batch).transform(single, batch)
    assert fixed.dtype == np.float32
    np.testing.assert_array_equal(single, before)
    expected = ComBat().fit(x, batch).transform(x, batch)
    np.testing.assert_allclose(fixed, expected, rtol=1e-4, atol=1e-4)
    assert ComBat().fit(x.astype(int), batch).transform(x.astype(int), batch).dtype == np.float64


def test_sparse_values_are_read():
    x = np.random.default_rng(0).poisson(1.0, size=(40, 12)).astype(float)
    batch = np.repeat(["a", "b"], 20)
    expected = ComBat().fit(x, batch).transform(x, batch)
    sparse = scipy.sparse.csr_matrix(x)
    np.testing.assert_array_equal(ComBat().fit(sparse, batch).transform(sparse, batch), expected)


def test_unknown_batches_stay_with_a_warning():
    x, batch, _ = make()
    combat = ComBat().fit(x, batch)
    with pytest.warns(DataWarning, match="'z' were not in fit: their 1 sample"):
        fixed = combat.transform(x[[0, 20]], ["z", batch[20]])
    np.testing.assert_array_equal(fixed[0], x[0])
    np.testing.assert_array_equal(fixed[1], combat.transform(x[[20]], batch[[20]])[0])


def test_a_batch_of_one_sample_means_that_only_means_are_corrected():
    x, batch, _ = make()
    batch = np.where(np.arange(len(x)) == 0, "lonely", batch)
    with pytest.warns(DataWarning, match="'lonely' have one sample"):
        combat = ComBat().fit(x, batch)
    assert combat.mean_only_
    assert (combat.delta_ == 1).all()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        said = ComBat(mean_only=True).fit(x, batch)
    np.testing.assert_array_equal(said.gamma_, combat.gamma_)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda x, b, c: (x, ["a"] * len(x), c), "two batches are the least"),
        (lambda x, b, c: (x, b[:-1], c), "59 labels for 60 samples"),
        (lambda x, b, c: (x, np.where(b == "a", None, b), c), "15 sample\\(s\\) have no label"),
        (lambda x, b, c: (x[0], b, c), "shape \\(n_samples, n_features\\)"),
        (lambda x, b, c: (np.where(x > 5, np.inf, x), b, c), "infinite"),
        (lambda x, b, c: (x, b, c[:-1]), "59 rows for 60 samples"),
        (lambda x, b, c: (x, b, c.assign(age=np.nan)), "missing values in 'age'"),
        (lambda x, b, c: (x, b, c.assign(site=b)), "'site' cannot be told from the batches"),
        (lambda x, b, c: (x, b, c.assign(b=b == "b")), "'b' cannot be told from the batches"),
        (lambda x, b, c: (x, b, c.assign(old=2 * c["age"])), "'sex', 'age', 'old' together cannot"),
    ],
    ids=["one", "labels", "gap", "flat", "inf", "rows", "nan", "site", "flag", "twice"],
)
def test_errors_of_fit(change, match):
    with pytest.raises(ValueError, match=match):
        ComBat().fit(*change(*make()))


def test_errors_of_transform_and_options():
    x, batch, covariates = make()
    with pytest.raises(ValueError, match="not fitted"):
        ComBat().transform(x, batch)
    plain, full = ComBat().fit(x, batch), ComBat().fit(x, batch, covariates)
    with pytest.raises(ValueError, match="39 features, fit saw 40"):
        plain.transform(x[:, 1:], batch)
    with pytest.raises(ValueError, match="fit had none"):
        plain.transform(x, batch, covariates)
    with pytest.raises(ValueError, match="lack 'age'"):
        full.transform(x, batch, covariates[["sex"]])
    with pytest.raises(ValueError, match="'other', which fit did not see"):
        full.transform(x, batch, covariates.assign(sex="other"))
    with pytest.raises(TypeError, match=r"X must be an array .*, found AnnData; give its values"):
        ComBat().fit(anndata.AnnData(np.ones((4, 3))), list("aabb"))
    with pytest.raises(TypeError, match="must be a DataFrame, found ndarray"):
        ComBat().fit(x, batch, covariates.to_numpy())
    with pytest.raises(ValueError, match="reference='z' is no batch; choose among 'a', 'b', 'c'"):
        ComBat(reference="z").fit(x, batch)
    batch = np.where(np.arange(len(x)) == 0, "lonely", batch)
    with pytest.raises(ValueError, match="'lonely' has one sample"):
        ComBat(reference="lonely", mean_only=True).fit(x, batch)


def test_a_covariate_that_does_not_vary_changes_nothing():
    x, batch, covariates = make()
    same = covariates.assign(country="nl", visit=1.0)
    got = ComBat().fit(x, batch, same).transform(x, batch, same)
    expected = ComBat().fit(x, batch, covariates).transform(x, batch, covariates)
    np.testing.assert_allclose(got, expected, rtol=1e-10)


def test_batches_put_on_real_expression_are_taken_off_unseen_samples(shared):
    mdata = io.read_h5mu(shared / "data" / "rosmap" / "rosmap.h5mu")
    clean = np.asarray(mdata.mod["rna"].X, dtype=np.float64)
    ill = (mdata.obs["diagnosis"].astype(str) == "AD").to_numpy()
    rng = np.random.default_rng(0)
    which = rng.integers(0, 3, len(clean))
    deviation = clean.std(axis=0)
    shift, factor = rng.normal(0, 1.5, (3, 200)), rng.gamma(20, 1 / 20, (3, 200))
    batched = (
        clean.mean(axis=0) + (clean - clean.mean(axis=0)) * factor[which] + shift[which] * deviation
    )
    train = np.arange(len(clean)) % 3 > 0
    table = pd.DataFrame({"ill": ill})
    combat = ComBat().fit(batched[train], which[train], table[train])
    fixed = combat.transform(batched[~train], which[~train])

    def error(x):
        """Distance from the clean values up to each feature's common shift and scale."""
        r = [np.corrcoef(x[:, j], clean[~train, j])[0, 1] for j in range(200)]
        return 1 - np.mean(r)

    assert error(fixed) < 0.1 * error(batched[~train])
