"""pathweave's models and the user's functions as methods, and the nulls of a method."""

from __future__ import annotations

import inspect
import json
import warnings
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pathweave._core.warnings import PathweaveWarning
from pathweave.evaluate._predicted import Method, Predicted, from_output

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pathweave.evaluate._samples import Samples
    from pathweave.graph import PathwayGraph

NULLS = ("shuffled_labels", "rewired_graph", "random_pathways", "no_graph", "single_layers")
_GROUPS = "groups of these samples"
GRAPH_NULLS = ("rewired_graph", "random_pathways", "no_graph")


@dataclass(frozen=True)
class ModelFitter:
    """An unfitted pathweave model and the graph it is given.

    Attributes
    ----------
    model
        Hyperparameters; a fresh model with these is made for every fit, on one thread.
    graph
        The graph, or ``None``.
    damage
        ``"rewired_graph"`` or ``"random_pathways"``: drawn anew with the seed of each fold.
    """

    model: Any
    graph: PathwayGraph | None
    damage: str = ""

    def describe(self) -> str:
        """Tell class, hyperparameters and graph."""
        # How many processes fit, and where, changes no number.
        params = {k: v for k, v in self.model.get_params().items() if k not in {"n_jobs", "device"}}
        digest = None if self.graph is None else self.graph.digest
        told = json.dumps(params, sort_keys=True, default=str)
        return f"{type(self.model).__name__} {told} {digest} {self.damage}"

    def fit(self, train: Samples, *, seed: int) -> Callable[[Samples], Predicted]:
        """Fit on training samples; gives a function that predicts others."""
        params = {**self.model.get_params(), "n_jobs": 1}
        params["seed"] = params.get("seed", 0) + seed
        model = type(self.model)(**params)
        graph = self.graph
        if graph is not None and self.damage == "rewired_graph":
            graph = graph.rewire(seed=seed, members=True)
        elif graph is not None and self.damage == "random_pathways":
            graph = graph.random_pathways(seed=seed)
        mdata = train.to_mudata(outcome=True)
        outcome: dict[str, Any] = {"target": list(train.targets)}
        if train.task == "survival":
            outcome = {"survival": train.targets}
        if train.groups is not None:
            mdata.obs[_GROUPS] = pd.Series(train.groups, index=train.names).loc[mdata.obs_names]
            outcome["groups"] = _GROUPS
        with warnings.catch_warnings():
            # Of layers off the graph `cross_validate` tells once, not in every fold.
            warnings.simplefilter("ignore", PathweaveWarning)
            model.fit(mdata, graph, **outcome)

        def predict(new: Samples) -> Predicted:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", PathweaveWarning)
                return _predicted_by(model, new)

        return predict


def _predicted_by(model: Any, new: Samples) -> Predicted:
    mdata = new.to_mudata(outcome=False)
    if new.task == "class":
        table = model.predict_proba(mdata, new.targets[0]).loc[list(new.names)]
        proba = table.reindex(columns=list(new.classes), fill_value=0.0).to_numpy()
        return Predicted(proba.argmax(axis=1), proba)
    table = model.predict(mdata).loc[list(new.names)]
    if new.task == "number":
        return Predicted(table[list(new.targets)].to_numpy(dtype=np.float64))

    def survival(times: np.ndarray) -> np.ndarray:
        return np.asarray(model.predict_survival(mdata, times).loc[list(new.names)])

    return Predicted(table["risk"].to_numpy(dtype=np.float64), survival=survival)


@dataclass(frozen=True)
class FunctionFitter:
    """A user's function of two MuData: training samples with their outcome, test samples without."""

    function: Callable[..., Any]

    def describe(self) -> str:
        """Tell the function's source, so that a changed one is not taken for the old."""
        function = self.function
        name = getattr(function, "__qualname__", repr(function))
        try:
            source = inspect.getsource(function)
        except (OSError, TypeError):
            source = name  # typed at a prompt, or an object: its name must do
        return f"{getattr(function, '__module__', '')}.{name} {source}"

    def fit(self, train: Samples, *, seed: int) -> Callable[[Samples], Predicted]:  # noqa: ARG002
        """Give a function that calls the user's own for each set of new samples."""
        name = getattr(self.function, "__name__", "the function")

        def predict(new: Samples) -> Predicted:
            # Made anew for every call: the function may write into what it is given.
            output = self.function(train.to_mudata(outcome=True), new.to_mudata(outcome=False))
            return from_output(output, new, name)

        return predict


@dataclass(frozen=True)
class ShuffledLabels:
    """A method that learns from training samples whose outcomes changed places."""

    fitter: Any

    def describe(self) -> str:
        """Tell the method."""
        return f"shuffled labels {self.fitter.describe()}"

    def fit(self, train: Samples, *, seed: int) -> Callable[[Samples], Predicted]:
        """Fit on shuffled labels."""
        order = np.random.default_rng([seed, 0x5EED]).permutation(len(train))
        return self.fitter.fit(replace(train, y=train.y[order]), seed=seed)


@dataclass(frozen=True)
class SomeLayers:
    """A method that is shown some of the layers only."""

    fitter: Any
    layers: tuple[str, ...]

    def describe(self) -> str:
        """Tell method and layers."""
        return f"{','.join(self.layers)} only {self.fitter.describe()}"

    def fit(self, train: Samples, *, seed: int) -> Callable[[Samples], Predicted]:
        """Fit on these layers; samples without them are learned nothing from."""
        few = train.only(self.layers)
        has = np.any([few.has(layer) for layer in self.layers], axis=0)
        predict = _for_layers(self.fitter, self.layers).fit(
            few.take(np.flatnonzero(has)), seed=seed
        )
        return lambda new: predict(new.only(self.layers))


def _for_layers(fitter: Any, layers: Sequence[str]) -> Any:
    """A fitter whose model's likelihoods name no other layers."""
    if not isinstance(fitter, ModelFitter):
        return fitter
    params = fitter.model.get_params()
    if not isinstance(params.get("likelihood"), dict):
        return fitter
    params["likelihood"] = {k: v for k, v in params["likelihood"].items() if k in layers}
    return replace(fitter, model=type(fitter.model)(**params))


def nulls_of(method: Method, names: Sequence[str], layers: Sequence[str]) -> list[Method]:
    """Nulls of a method, by name; those of the graph where the method has one."""
    made = []
    fitter = method.fitter
    with_graph = (
        isinstance(fitter, ModelFitter)
        and fitter.graph is not None
        and getattr(fitter.model, "uses_graph", True)
    )
    for name in names:
        if name == "shuffled_labels":
            made.append(_null(method, name, "shuffled labels", ShuffledLabels(fitter)))
        elif name == "single_layers":
            if len(layers) > 1:
                made += [
                    _null(method, f"layer {layer}", f"{layer} alone", SomeLayers(fitter, (layer,)))
                    for layer in layers
                ]
        elif with_graph and isinstance(fitter, ModelFitter):
            if name == "no_graph":
                if not getattr(fitter.model, "needs_graph", False):
                    made.append(_null(method, name, "no graph", ModelFitter(fitter.model, None)))
            else:
                damaged = ModelFitter(fitter.model, fitter.graph, damage=name)
                made.append(_null(method, name, name.replace("_", " "), damaged))
    return made


def _null(method: Method, null: str, told: str, fitter: Any) -> Method:
    return Method(f"{method.name}, {told}", fitter, "null", of=method.name, null=null)
