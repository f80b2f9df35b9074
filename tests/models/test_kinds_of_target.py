"""Many numbers with gaps, classes in an order, survival in discrete time, and groups kept together."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
import torch
from anndata import AnnData
from mudata import MuData

import pathweave as pw
from pathweave._core.metrics import concordance_index
from pathweave._core.survival import curves_between
from pathweave.evaluate._models import ModelFitter
from pathweave.evaluate._samples import read_samples
from pathweave.models._heads import interval_ends
from pathweave.models._targets import read_targets

SMALL = {"max_epochs": 3, "n_folds": 3, "seed": 1, "n_jobs": 1}


def layer(x, **obs) -> MuData:
    names = [f"s{i}" for i in range(len(x))]
    columns = pd.DataFrame(index=[f"f{j}" for j in range(x.shape[1])])
    with pw.io.quiet_mudata():
        made = MuData({"rna": AnnData(x.astype("float32"), pd.DataFrame(index=names), columns)})
    for name, values in obs.items():
        made.obs[name] = values
    return made


@pytest.fixture(scope="module")
def drugs():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(90, 12))
    y = x[:, :3] + 0.3 * rng.normal(size=(90, 3))
    y[rng.random((90, 3)) < [0.0, 0.3, 0.6]] = np.nan
    y[:5, 1:] = np.nan
    return layer(x, whole=y[:, 0], some=y[:, 1], few=y[:, 2])


def test_gaps_in_one_number_lose_no_other(drugs):
    names = ["few", "whole", "some"]
    model = pw.models.MultimodalVAE(4, **SMALL).fit(drugs, target=names)
    predicted = model.predict(drugs)
    assert predicted.columns.tolist() == names
    assert predicted.notna().all(axis=None)
    for name in names:
        known = drugs.obs[name].notna()
        assert model.out_of_fold_[name].notna().tolist() == known.tolist()
        assert np.corrcoef(model.out_of_fold_[name][known], drugs.obs[name][known])[0, 1] > 0.8


def test_linear_parts_do_not_see_which_other_numbers_are_missing(drugs):
    both = pw.models.MultimodalVAE(4, **SMALL).fit(drugs, target=["whole", "few"])
    alone = pw.models.MultimodalVAE(4, **SMALL).fit(drugs, target="whole")
    rows = [m.parts_.query("target == 'whole' and part != 'network' and part != 'stack'")["score"] for m in (both, alone)]  # fmt: skip
    np.testing.assert_allclose(*rows, rtol=1e-9)


GRADES = ["low", "medium", "high"]


@pytest.fixture(scope="module")
def graded():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(120, 10))
    rank = np.searchsorted([-0.8, 0.8], 2 * x[:, 0] + rng.logistic(size=120))
    grade = pd.Categorical(
        np.array(GRADES)[rank], categories=["none", *GRADES, "extreme"], ordered=True
    )
    grade[[3, 50]] = np.nan
    return layer(x, grade=grade, rank=rank.astype(float))


def test_order_of_classes_is_that_of_the_categories(graded, tmp_path):
    model = pw.models.MultimodalVAE(4, **SMALL).fit(graded, target="grade")
    assert model.targets_["grade"].classes == tuple(GRADES)
    assert model.predict_proba(graded).columns.tolist() == GRADES
    predicted = model.predict(graded)["grade"]
    assert predicted.cat.ordered
    assert predicted.cat.categories.tolist() == GRADES
    assert np.corrcoef(predicted.cat.codes, graded.obs["rank"])[0, 1] > 0.5
    model.save(tmp_path / "run")
    again = pw.models.load(tmp_path / "run")
    pd.testing.assert_frame_equal(again.predict_proba(graded), model.predict_proba(graded))
    assert again.targets_ == model.targets_


def test_classes_without_an_order_stay_sorted_and_nominal(graded):
    obs = graded.obs.assign(grade=graded.obs["grade"].astype(str).replace("nan", None))
    (target,) = read_targets(obs, target="grade", survival=None)
    assert not target.ordinal
    assert target.classes == ("high", "low", "medium")


def test_evaluation_hands_the_order_on(graded):
    samples = read_samples(graded, target="grade", survival=None)
    with pw.io.quiet_mudata():
        inside = samples.take(np.arange(60)).to_mudata(outcome=True)
    (target,) = read_targets(inside.obs, target="grade", survival=None)
    assert target.ordinal
    assert target.classes == tuple(GRADES)


@pytest.fixture(scope="module")
def lived():
    rng = np.random.default_rng(2)
    x = rng.normal(size=(160, 8))
    time, end = rng.exponential(10 * np.exp(-1.5 * x[:, 0])), rng.uniform(2, 30, 160)
    return layer(x, months=np.minimum(time, end), died=(time <= end).astype(int))


def test_survival_in_discrete_time(lived, tmp_path):
    model = pw.models.MultimodalVAE(
        4, **{**SMALL, "max_epochs": 40}, survival_loss="discrete_time", dropout=0.1
    ).fit(lived, survival=("months", "died"))
    (head,) = model.ensemble_.spec.heads
    time, event = lived.obs["months"].to_numpy(), lived.obs["died"].to_numpy()
    assert len(head.cuts) == 10
    assert head.cuts[-1] == time[event == 1].max()
    network = model.parts_.set_index("part").loc["network"]
    assert network["score"] > 0.7
    assert concordance_index(time, event, model.out_of_fold_["risk"]) > 0.7
    ends, survived = model.ensemble_.interval_survival("risk", model._read(lived))
    np.testing.assert_array_equal(ends, np.array(head.cuts))
    share = network["weight"]
    proportional = model.ensemble_.held_out["risk"].survival(
        model.predict(lived)["risk"].to_numpy(), ends
    )
    np.testing.assert_allclose(
        model.predict_survival(lived, ends), (1 - share) * proportional + share * survived
    )
    assert (np.diff(survived, axis=1) <= 0).all()
    model.save(tmp_path / "run")
    again = pw.models.load(tmp_path / "run")
    assert again.survival_loss == "discrete_time"
    pd.testing.assert_frame_equal(
        again.predict_survival(lived, [5, 10]), model.predict_survival(lived, [5, 10])
    )


def test_intervals_hold_as_many_events_each():
    time, event = np.arange(100.0), (np.arange(100) % 2).astype(float)
    ends = np.array(interval_ends(time, event))
    inside = np.bincount(np.searchsorted(ends, time[event == 1]))
    assert inside.tolist() == [5] * 10
    assert len(interval_ends(time[:12], event[:12])) == 1
    assert interval_ends(np.ones(50), np.ones(50)) == (1.0,)


def test_curves_between_have_constant_hazards():
    survived = np.exp(-0.1 * np.array([[1.0, 4.0, 5.0]]))
    times = np.array([0.0, 0.5, 1.0, 3.0, 4.5, 5.0, 50.0])
    curves = curves_between(np.array([1.0, 4.0, 5.0]), survived, times)
    np.testing.assert_allclose(curves[0], np.exp(-0.1 * np.minimum(times, 5.0)))


def test_own_curves_multiply_what_survives_each_interval(lived):
    model = pw.models.MultimodalVAE(4, **SMALL, survival_loss="discrete_time")
    model.fit(lived, survival=("months", "died"))
    values = model._read(lived)
    x = {name: torch.tensor(v) for name, v in values.items()}
    seen = {name: torch.ones_like(v, dtype=torch.bool) for name, v in x.items()}
    curves = []
    with torch.no_grad():
        for net in model.ensemble_.nets[1:]:
            latent = net.encode(net.prepare(x, seen)).mean
            hazard = net.heads.of("risk").hazard_logits(latent).sigmoid().double().numpy()
            curves.append(np.cumprod(1 - hazard, axis=1))
    found = model.ensemble_.interval_survival("risk", values)[1]
    np.testing.assert_allclose(found, np.mean(curves, axis=0), rtol=1e-4)


def test_unknown_loss_is_refused(lived):
    model = pw.models.MultimodalVAE(4, survival_loss="weibull")
    with pytest.raises(ValueError, match="survival_loss='weibull' is not known"):
        model.fit(lived, survival=("months", "died"))


@pytest.fixture(scope="module")
def twice():
    """Patients with two nearly equal samples and an outcome that nothing tells."""
    rng = np.random.default_rng(3)
    x = np.repeat(rng.normal(size=(60, 200)), 2, axis=0) + 0.01 * rng.normal(size=(120, 200))
    luck = np.repeat(np.array(["a", "b"])[rng.permutation(60) % 2], 2)
    return layer(x, luck=luck, patient=[f"p{i}" for i in np.repeat(np.arange(60), 2)])


def test_groups_are_not_torn_and_their_scores_not_inflated(twice):
    apart = pw.models.MultimodalVAE(4, **{**SMALL, "n_folds": 6}).fit(twice, target="luck")
    whole = pw.models.MultimodalVAE(4, **{**SMALL, "n_folds": 6}).fit(
        twice, target="luck", groups="patient"
    )
    patient = twice.obs["patient"].to_numpy()
    for state in whole.ensemble_.states[1:]:
        held = patient[state.validation]
        assert (pd.Series(held).value_counts() == 2).all()
    score = [
        m.parts_.set_index("part").loc["linear, early fusion", "score"] for m in (apart, whole)
    ]
    assert score[0] > 0.7
    assert score[1] < 0.65


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"patient": [None, *["p"] * 119]}, "1 training sample\\(s\\) have no value"),
        ({"patient": ["p"] * 120}, "a single value"),
    ],
    ids=["missing", "one"],
)
def test_groups_must_be_whole(twice, change, message):
    with pw.io.quiet_mudata():
        data = twice.copy()
    data.obs = data.obs.assign(**change)
    with pytest.raises(ValueError, match=message):
        pw.models.MultimodalVAE(4, **SMALL).fit(data, target="luck", groups="patient")


class Recorder:
    """Stands for a model; remembers what it is fitted with."""

    seen: ClassVar[dict] = {}

    def __init__(self, seed=0, n_jobs=1):
        pass

    def get_params(self):
        return {"seed": 0, "n_jobs": 1}

    def fit(self, mdata, graph, **how):
        self.seen.update(how, obs=mdata.obs)


def test_evaluation_hands_groups_on(twice):
    samples = read_samples(twice, target="luck", survival=None, groups="patient")
    train = samples.take(np.random.default_rng(0).permutation(120)[:80])
    with pw.io.quiet_mudata():
        ModelFitter(Recorder(), None).fit(train, seed=0)
    column = Recorder.seen["obs"][Recorder.seen["groups"]]
    patient = twice.obs["patient"].loc[column.index]
    assert (pd.crosstab(column, patient) > 0).sum().max() == 1
    assert column.nunique() == patient.nunique()
