"""From what a user names to methods that can be fitted."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from inspect import Parameter, signature
from typing import TYPE_CHECKING, Any

import numpy as np

from pathweave import models as _rooms_models
from pathweave._core.checks import listed
from pathweave.evaluate._baselines import baseline
from pathweave.evaluate._fusion import Fused
from pathweave.evaluate._models import GRAPH_NULLS, NULLS, FunctionFitter, ModelFitter, nulls_of
from pathweave.evaluate._predicted import Method

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pathweave.evaluate._samples import Samples
    from pathweave.evaluate._splits import Split
    from pathweave.graph import PathwayGraph


def check_graph(graph: Any) -> None:
    """Raise unless `graph` is a graph, or none: what is given second by place lands here."""
    if graph is None or hasattr(graph, "rewire"):
        return
    msg = (
        f"graph must be a PathwayGraph, found {type(graph).__name__}; make one with pathweave.graph.reactome(), "
        "pathweave.graph.kegg(folder) or pathweave.graph.PathwayGraph.load(folder)."
    )
    if isinstance(graph, str):
        msg += f" If {graph!r} is what is to be predicted, name it: target={graph!r}."
    raise TypeError(msg)


def resolve(
    samples: Samples,
    graph: PathwayGraph | None,
    *,
    models: Any,
    baselines: Sequence[str] | str,
    nulls: Sequence[str] | str,
    n_inner: int,
) -> list[Method]:
    """Name every method, check that it fits the task, and make it.

    Returns
    -------
    Models, baselines and the nulls of every model (of the first baseline where there is no model).
    """
    chosen = [Method(name, _fitter(value, graph)) for name, value in _named(models).items()]
    for method in chosen:
        if isinstance(method.fitter, Fused):
            _check_kind(method.name, method.fitter.estimator, samples.task)
    names = _listed_names("baselines", baselines)
    rivals = [Method(n, baseline(n, samples.task, n_inner=n_inner), "baseline") for n in names]
    wanted = _listed_names("nulls", nulls)
    unknown = [null for null in wanted if null not in NULLS]
    if unknown:
        msg = f"nulls={wanted!r}: {listed(unknown)} is not known; choose among {listed(NULLS)}."
        raise ValueError(msg)
    tested = chosen or rivals[:1]
    made = [null for m in tested for null in nulls_of(m, wanted, list(samples.layers))]
    graph_nulls = [null for null in wanted if null in GRAPH_NULLS]
    if graph_nulls and not any(m.null in graph_nulls for m in made):
        msg = (
            f"nulls={wanted!r}: {listed(graph_nulls)} need a pathweave model and a graph; give graph= (such as "
            "pathweave.graph.reactome()) and models=['pathway_vae'], or leave them out."
        )
        raise ValueError(msg)
    methods = [*chosen, *rivals, *made]
    if not methods:
        msg = "there is nothing to evaluate: models and baselines are both empty."
        raise ValueError(msg)
    twice = {m.name for m in methods if sum(o.name == m.name for o in methods) > 1}
    if twice:
        msg = f"{listed(sorted(twice))} is the name of more than one method; give models as a dict of names."
        raise ValueError(msg)
    return methods


def columns_read(models: Any) -> tuple[list[str], list[str]]:
    """Columns of obs and of var, beside the outcome, that pathweave's own models among `models` read."""
    own = [model for model in _named(models).values() if isinstance(model, _rooms_models.Estimator)]
    obs = [column for model in own for column in model.obs_columns]
    return obs, [column for model in own for column in model.var_columns]


def check_subjects(models: Any, samples: Samples, made: Sequence[Split]) -> None:
    """Raise if a split tears a subject of a model that reads a subject's earlier samples."""
    for name, model in _named(models).items():
        subject = getattr(model, "subject", None)
        if not isinstance(model, _rooms_models.Estimator) or subject is None or samples.obs is None:
            continue
        values = samples.obs[subject].astype(str).to_numpy()
        for split in made:
            torn = np.intersect1d(values[split.train], values[split.test])
            if len(torn):
                msg = (
                    f"models: {name!r} reads the earlier samples of a subject, but repeat {split.repeat}, fold "
                    f"{split.fold} has samples of {len(torn)} subject(s) ({listed(torn, 3)}) in training and "
                    f"test part; keep subjects whole: evaluate.cross_validate(..., groups={subject!r})."
                )
                raise ValueError(msg)


_SURVIVAL = "survival needs a survival estimator, whose fit takes times and events (n, 2) and whose predict gives a risk"


def _listed_names(argument: str, names: Any) -> list[str]:
    if names is None:
        msg = f"{argument}=None; give names, or () for none."
        raise TypeError(msg)
    given = [names] if isinstance(names, str) or not isinstance(names, Iterable) else list(names)
    for name in given:
        if not isinstance(name, str):
            hint = "; your own estimators go into models=" if argument == "baselines" else ""
            msg = f"{argument} must be names, found {type(name).__name__}{hint}."
            raise TypeError(msg)
    return given


def _check_kind(name: str, estimator: Any, task: str) -> None:
    """Refuse estimators of scikit-learn that are made for another task."""
    from sklearn.base import is_classifier, is_clusterer, is_regressor

    kinds = {"classifier": is_classifier, "regressor": is_regressor, "clusterer": is_clusterer}
    found = [kind for kind, test in kinds.items() if test(estimator)]
    wanted = {"class": "classifier", "number": "regressor"}.get(task)
    if task == "survival" and {"classifier", "clusterer"} & set(found):
        msg = f"models: {name!r} is a {found[0]}; {_SURVIVAL}, such as the baseline 'cox_ridge'."
        raise TypeError(msg)
    if wanted is not None and found and wanted not in found:
        msg = f"models: {name!r} is a {found[0]}; a target of kind {task!r} needs a {wanted}."
        raise TypeError(msg)


def _named(models: Any) -> dict[str, Any]:
    """Models under names of their own."""
    if isinstance(models, Mapping):
        return {str(name): value for name, value in models.items()}
    if isinstance(models, str) or hasattr(models, "fit") or callable(models):
        models = [models]
    named: dict[str, Any] = {}
    for value in models:
        name = value if isinstance(value, str) else _name_of(value)
        if name in named:
            msg = f"models holds two of the name {name!r}; give a dict of names."
            raise ValueError(msg)
        named[name] = value
    return named


def _name_of(value: Any) -> str:
    if isinstance(value, Fused):
        return f"{_snake(type(value.estimator).__name__)}_{value.fusion}"
    name = getattr(value, "__name__", None) or type(value).__name__
    return _snake(name)


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def _fitter(value: Any, graph: PathwayGraph | None) -> Any:
    """Make a fitter of a model's name, a model, a scikit-learn estimator or a function."""
    if isinstance(value, str):
        known = {_snake(name): name for name in _rooms_models.available()["name"]}
        if value not in known:
            msg = (
                f"models: {value!r} is not known; choose among {listed(known, 20)}, or give an unfitted model, a "
                "scikit-learn estimator, evaluate.Fused(...) or a function of (training, test) MuData."
            )
            raise ValueError(msg)
        kind = getattr(_rooms_models, known[value])
        needed = [
            p.name for p in signature(kind).parameters.values() if p.default is Parameter.empty
        ]
        if needed:
            msg = (
                f"models: {value!r} cannot go by name, as {listed(needed)} must be said; give an unfitted model: "
                f"pathweave.models.{known[value]}({', '.join(f'{n}=...' for n in needed)})."
            )
            raise ValueError(msg)
        return ModelFitter(kind(), graph)
    if isinstance(value, Fused):
        return value
    if isinstance(value, type):
        msg = f"models: {value.__name__} is a class; give an instance: {value.__name__}()."
        raise TypeError(msg)
    if hasattr(value, "embed") and hasattr(value, "get_params"):
        return ModelFitter(value, graph)
    if hasattr(value, "fit") and hasattr(value, "predict"):
        return Fused(value)
    if callable(value):
        return FunctionFitter(value)
    msg = (
        f"models: {value!r} is no model; give the name of one, an unfitted model, a scikit-learn estimator, "
        "evaluate.Fused(...) or a function of (training, test) MuData."
    )
    raise TypeError(msg)
