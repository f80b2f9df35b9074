"""Options of the models that came from different hands, used together."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from anndata import AnnData

from pathweave import datasets, evaluate, models
from pathweave.graph import reactome
from pathweave.models._stack import number_weights
from pathweave.models._targets import check_class_weight, read_targets
from pathweave.models._transplant import transplant
from pathweave.models._trials import fingerprint
from pathweave.nn import PathwayVAENet, seeded

if TYPE_CHECKING:
    from pathlib import Path

    from mudata import MuData

pytestmark = pytest.mark.filterwarnings("ignore::pathweave._core.warnings.PathweaveWarning")
FEW: dict[str, Any] = {"max_epochs": 1, "n_folds": 2, "n_hidden": 8, "n_jobs": 1}


@pytest.fixture
def mdata() -> MuData:
    made = datasets.simulate(42, seed=1)
    made.obs["patient"], made.obs["week"] = np.arange(42) // 3, np.arange(42) % 3
    return made


def counted(mdata: MuData) -> MuData:
    shape = mdata["rna"].shape
    mdata["rna"].X = np.random.default_rng(0).poisson(20, shape).astype(np.float32)
    return mdata


def without(mdata: MuData, layer: str) -> MuData:
    del mdata.mod[layer]
    mdata.update()
    return mdata


def test_a_number_that_nothing_predicts_has_a_weak_even_mixture() -> None:
    y = np.random.default_rng(0).normal(size=60)
    wrong = np.stack([-y, -y])
    weights, offset = number_weights(wrong, y)
    np.testing.assert_allclose(weights, 0.025)
    assert offset == pytest.approx(0.95 * y.mean())


def test_a_tuned_recurrent_model_reads_the_past(mdata: MuData) -> None:
    inner = models.Recurrent(4, subject="patient", time="week", **FEW)
    tuned = models.Tuned(inner, {"dropout": [0.5]}, n_trials=1)
    assert evaluate._resolve.columns_read([tuned]) == (["patient", "week"], [])
    assert tuned.subject == "patient"
    fitted = tuned.fit(mdata, target="class")
    pd.testing.assert_frame_equal(fitted.predict_proba(mdata), fitted.model_.predict_proba(mdata))


def test_match_has_no_rows_for_the_past(mdata: MuData) -> None:
    model = models.Recurrent(4, subject="patient", time="week", **FEW).fit(mdata)
    assert model.match(mdata).index.tolist() == list(mdata.mod)


def test_trials_are_of_the_subjects_they_were_fitted_on(mdata: MuData) -> None:
    model = models.Recurrent(4, subject="patient", time="week")

    def told() -> dict[str, str]:
        return fingerprint(
            model, mdata, None, targets=(), layers=None, mask=np.ones(42, dtype=bool),
            groups=None, space=(), seed=0,
        )  # fmt: skip

    before = told()
    mdata.obs["week"] = 2 - mdata.obs["week"]
    changed = [name for name, digest in told().items() if digest != before[name]]
    assert changed == ["columns that the model reads"]


def test_zero_inflated_counts_are_fine_tuned(mdata: MuData) -> None:
    many = counted(mdata)
    how = {"rna": "zero_inflated_negative_binomial"}
    base = models.MultimodalVAE(4, likelihood=how, **FEW).fit(many)
    old = base.ensemble_.nets[0]
    with seeded(9):
        new = PathwayVAENet(old.spec)
    eye = {l.name: (l.name, _eye(l.n_features)) for l in old.spec.layers}
    state = transplant(old, new, eye, set(), keep_units=False)
    for key, tensor in old.state_dict().items():
        if key.startswith("decoders.l0"):
            np.testing.assert_allclose(state[key], tensor, rtol=1e-6)
    assert base.fine_tune(many, target="class").layers_["rna"].likelihood == how["rna"]


def test_decoders_of_another_likelihood_do_not_go_over(mdata: MuData) -> None:
    counts = models.MultimodalVAE(4, likelihood={"rna": "negative_binomial"}, **FEW)
    old = counts.fit(counted(mdata), layers=["rna"]).ensemble_.nets[0]
    plain = models.MultimodalVAE(4, likelihood={"rna": "gaussian"}, **FEW)
    spec = plain.fit(mdata, layers=["rna"]).ensemble_.spec
    with seeded(9):
        new = PathwayVAENet(spec)
    eye = {"rna": ("rna", _eye(spec.layers[0].n_features))}
    state = transplant(old, new, eye, set(), keep_units=False)
    np.testing.assert_array_equal(
        state["decoders.l0.2.bias"], new.state_dict()["decoders.l0.2.bias"]
    )


def _eye(n: int) -> Any:
    return sp.csr_matrix(sp.identity(n, dtype=np.float32))


def test_likelihoods_go_over_to_layers_that_are_there(mdata: MuData) -> None:
    base = models.MultimodalVAE(4, likelihood={"rna": "negative_binomial"}, **FEW).fit(
        counted(mdata)
    )
    assert base.fine_tune(without(mdata.copy(), "rna"), target="class").likelihood == {}
    other = mdata.copy()
    other.mod["array"] = other["rna"].copy()
    other = without(other, "rna")
    tuned = base.fine_tune(other, target="class", rename={"array": "rna"})
    assert tuned.layers_["array"].likelihood == "negative_binomial"


def test_gates_levels_and_attention_go_over(mdata: MuData) -> None:
    model = models.PathwayVAE(
        4, hierarchy=True, gate_edges=True, fusion="attention", pathway_size=(3, 20), **FEW
    ).fit(mdata, reactome())
    old = model.ensemble_.nets[0]
    for part in old.parameters():
        part.add_(0.1)
    with seeded(9):
        new = PathwayVAENet(old.spec, model.ensemble_.graph)
    eye = {l.name: (l.name, _eye(l.n_features)) for l in old.spec.layers}
    state = transplant(old, new, eye, set(), keep_units=False)
    keys = [k for k in state if k.startswith(("gates.", "levels.", "attention."))]
    assert {k.split(".")[0] for k in keys} == {"gates", "levels", "attention"}
    for key in keys:
        np.testing.assert_array_equal(state[key], old.state_dict()[key])


def test_gates_of_a_graph_without_edges(mdata: MuData) -> None:
    model = models.PathwayVAE(4, gate_edges=True, **FEW)
    model.fit(mdata, reactome(), layers=["metab"])
    assert not model.ensemble_.graph.relations  # type: ignore[union-attr]
    assert np.isfinite(model.history_["loss"]).all()
    with pytest.raises(ValueError, match="no edge gates"):
        model.edge_gates()


def test_translated_counts_are_whole(mdata: MuData) -> None:
    model = models.MultimodalVAE(4, likelihood={"rna": "negative_binomial"}, **FEW)
    model.fit(counted(mdata), layers=["rna"])
    other = mdata.copy()
    old, names = other["rna"], other["rna"].var_names.to_list()
    x = np.hstack([old.X[:, :1] + 1, old.X])  # a gene twice, under other names
    var = pd.DataFrame(
        {"symbol": [names[0], *names]}, index=["twin", "other twin", *names[1:]], dtype=object
    )
    rna = AnnData(x, obs=old.obs, var=var)
    other.mod["rna"] = rna
    other.update()
    assert model.match(other, match="graph")["n_by_graph"].tolist() == [1]
    whole = model.translate(other)["rna"].X
    whole = whole[~np.isnan(whole)]
    np.testing.assert_array_equal(whole, np.rint(whole))
    model.embed(model.translate(other))


def test_numbers_of_numpy_are_saved(mdata: MuData, tmp_path: Path) -> None:
    model = models.MultimodalVAE(np.int64(4), dropout=np.float64(0.3), **FEW).fit(mdata)  # type: ignore[arg-type]
    model.save(tmp_path / "run")
    again = models.load(tmp_path / "run")
    assert again.get_params() == model.get_params()


def test_class_weights_that_are_no_numbers(mdata: MuData) -> None:
    targets = read_targets(mdata.obs, target="class", survival=None)
    label = targets[0].classes[0]
    for weight in ("much", None, 0, float("inf")):
        with pytest.raises(ValueError, match="has no positive weight"):
            check_class_weight(targets, {label: weight})


def test_a_target_may_not_have_the_name_of_the_risk(mdata: MuData) -> None:
    obs = mdata.obs.assign(risk=np.arange(42) % 2, time=np.arange(42.0), event=1)
    with pytest.raises(ValueError, match="rename the column"):
        read_targets(obs, target="risk", survival=("time", "event"))


def test_single_layers_of_a_model_with_likelihoods() -> None:
    mdata = datasets.simulate(60, seed=1)
    model = models.MultimodalVAE(4, likelihood={"rna": "negative_binomial"}, **FEW)
    report = evaluate.cross_validate(
        counted(mdata), target="class", models=[model], baselines=(), nulls="single_layers",
        layers=["rna", "protein"], n_folds=2, n_repeats=1, n_jobs=1,
    )  # fmt: skip
    assert len(report.scores)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("n_latent", True, "n_latent=True must be a whole number"),
        ("dropout", "much", "must lie in"),
        ("n_folds", 2.5, "n_folds=2.5 must be a whole number of 2"),
        ("seed", -1, "seed=-1 must be"),
        ("learning_rate", 0, "learning_rate=0 must be"),
        ("weight_decay", -1, "weight_decay=-1 must be 0 or more"),
        ("n_jobs", 0, "n_jobs=0 must be None or a whole number"),
        ("n_jobs", "x", "n_jobs='x' must be None or a whole number"),
        ("pathway_size", (9, 3), "the smallest comes first"),
        ("reconstruction_weight", "x", "must be 0 or more"),
        ("gate_penalty", None, "gate_penalty=None must be 0 or more"),
        ("pathway_size", (5,), "must be a pair"),
    ],
)
def test_hyperparameters_that_make_no_sense(
    mdata: MuData, name: str, value: Any, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        models.PathwayVAE(**{**FEW, name: value}).fit(mdata, target="class")


def test_arguments_that_make_no_sense(mdata: MuData) -> None:
    model = models.MultimodalVAE(4, **FEW)
    with pytest.raises(ValueError, match="must be a boolean mask, or a list"):
        model.fit(mdata, samples="all")
    fitted = model.fit(mdata)
    assert list(fitted.impute(mdata, layers="rna")) == ["rna"]
    with pytest.raises(TypeError, match="rename='rna' must be a dict"):
        fitted.fine_tune(mdata, target="class", rename="rna")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="n_folds=0"):
        fitted.fine_tune(mdata, target="class", n_folds=0)


@pytest.mark.parametrize(
    ("how", "error", "said"),
    [
        ({"target": 3}, TypeError, "target=3 must be a name or a list of names"),
        ({"target": []}, ValueError, "names no column"),
        ({"target": "clas"}, KeyError, "Did you mean 'class'"),
        ({"layers": 3}, TypeError, "layers=3 must be a name or a list of names"),
        ({"layers": []}, ValueError, "holds no layer"),
        ({"survival": 5}, ValueError, "survival=5 must be a pair"),
        ({"survival": "te"}, ValueError, "survival='te' must be a pair"),
    ],
    ids=["a number", "none", "nearly", "layer", "no layer", "survival", "two letters"],
)
def test_names_that_are_none_are_told(how, error, said) -> None:
    mdata = datasets.simulate(30, seed=1)
    with pytest.raises(error, match=re.escape(said)):
        models.MultimodalVAE(2, max_epochs=1, n_folds=2).fit(mdata, **how)
