"""How every model of the family is fitted: read, cut folds, train the networks, fit the linear parts."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import pandas as pd

from pathweave._core.checks import check_choice, check_mudata
from pathweave._core.folds import folds
from pathweave.models._data import LayerSchema, check_samples, read_training
from pathweave.models._ensemble import FittedEnsemble
from pathweave.models._fitted import FittedModel
from pathweave.models._graph_arrays import measured_graph
from pathweave.models._parts import fit_parts
from pathweave.models._replicates import fit_replicates
from pathweave.models._targets import Target, read_targets
from pathweave.models._train import FittedState, Replicate, TrainSpec
from pathweave.models._transfer import Start, started
from pathweave.nn.pathway_vae import GraphArrays, HeadSpec, LayerSpec, NetSpec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mudata import MuData

    from pathweave.graph import PathwayGraph
    from pathweave.models._parts import TargetParts

_MIN_SAMPLES = 20
_AT_LEAST_ONE = (
    "n_latent", "n_hidden", "n_channels", "n_graph_layers", "max_epochs", "patience", "batch_size",
)  # fmt: skip


class Estimator(FittedModel):
    """A network of some kind beside linear parts, all judged out of fold inside the training samples.

    A model of the family names its hyperparameters in its constructor; those that a network (`NetSpec`)
    or its training (`TrainSpec`) know by the same name are handed on. `network` fixes what sets
    the model apart.
    """

    uses_graph: ClassVar[bool] = True
    needs_graph: ClassVar[bool] = False
    network: ClassVar[dict[str, Any]] = {}

    n_latent: int
    n_folds: int
    seed: int
    device: str
    n_jobs: int | None

    def fit(
        self,
        mdata: MuData,
        graph: PathwayGraph | None = None,
        *,
        target: str | Sequence[str] | None = None,
        survival: tuple[str, str] | None = None,
        layers: Sequence[str] | str | None = None,
        samples: Any = None,
    ) -> Self:
        """Fit the model.

        Parameters
        ----------
        mdata
            Samples; they need not have every layer, and values may be NaN.
        graph
            Pathway graph; without one the layers' encoders do all the work. `PathwayGNN` needs one,
            `MultimodalVAE` takes no notice of it.
        target
            Column(s) of ``mdata.obs``: text, booleans and two-valued numbers are classes, other numbers
            are numbers. Samples without a label still teach the autoencoder.
        survival
            Columns (time, event) of ``mdata.obs``; event is 1 where the event was seen.
        layers
            Modalities to use; all by default.
        samples
            Training samples: boolean mask or names; all by default. Nothing is learned from the others.

        Returns
        -------
        The model itself.

        Raises
        ------
        KeyError
            A column or a layer that is not there.
        ValueError
            Data or labels that cannot be learned from; the message says which, and what to do.
        """
        return self._learn(
            mdata, graph, target=target, survival=survival, layers=layers, samples=samples
        )

    def fine_tune(  # as `fit`, and how to start
        self,
        mdata: MuData,
        *,
        target: str | Sequence[str] | None = None,
        survival: tuple[str, str] | None = None,
        layers: Sequence[str] | str | None = None,
        samples: Any = None,
        rename: Mapping[str, str] | None = None,
        units: str = "cohort",
        learning_rate: float | None = None,
        n_folds: int | None = None,
        seed: int | None = None,
    ) -> Self:
        """Fit another cohort from where this model stands; this model stays as it is.

        Encoders, graph network and decoders start from this model's weights, targets that both have (with the
        same classes) from its heads; what has no counterpart starts afresh. Features are matched by name
        and, where a name is not there, through the graph (`match`), so that the cohort may come from another
        platform, lack layers or bring new ones. The nodes, relations and pathways of the graph stay. Linear
        parts are fitted on the new cohort alone; one more reads the latent and the pathway activities of
        this model. All are weighed by what they predict out of fold among the new training samples.

        Parameters
        ----------
        mdata
            The new cohort.
        target, survival, layers, samples
            As in `fit`.
        rename
            Layers that have another name there: ``{"layer of mdata": "layer of fit"}``. The result keeps the names
            of `mdata`.
        units
            How features are standardised for the networks. ``"cohort"``: by the new training samples.
            ``"fit"``: by the samples that this model was fitted on, where it knows the feature; right only
            where both cohorts have the same units.
        learning_rate
            Of the networks; this model's by default (a fifth and a half of it did no better in a first look).
        n_folds, seed
            As in the constructor; this model's by default.

        Returns
        -------
        A new fitted model of the same class; ``fine_tuned_from_`` says from what: class, version, digest of the
        parameters, layers, targets, n_samples, units.

        Raises
        ------
        ValueError
            If no layer has a feature in common with this model, or the data cannot be learned from.

        References
        ----------
        Yosinski et al. (2014), How transferable are features in deep neural networks? NeurIPS 27.

        Examples
        --------
        >>> import pathweave as pw
        >>> many, few = pw.datasets.simulate(80, seed=1), pw.datasets.simulate(40, seed=2)
        >>> pretrained = pw.models.MultimodalVAE(4, max_epochs=3, n_folds=3).fit(many)
        >>> tuned = pretrained.fine_tune(few, target="class")
        >>> tuned.predict_proba(few).shape, tuned.fine_tuned_from_["n_samples"]
        ((40, 2), 80)
        """
        self._need_fit()
        check_choice("units", units, ("cohort", "fit"))
        changed = {
            "learning_rate": learning_rate or self.get_params()["learning_rate"],
            "n_folds": n_folds or self.n_folds,
            "seed": self.seed if seed is None else seed,
        }
        model = type(self)(**{**self.get_params(), **changed})
        start = Start(self, mdata, rename, units == "fit")
        return model._learn(
            mdata, None, target=target, survival=survival, layers=layers, samples=samples, start=start
        )  # fmt: skip

    def _learn(
        self,
        mdata: MuData,
        graph: PathwayGraph | None,
        *,
        target: str | Sequence[str] | None,
        survival: tuple[str, str] | None,
        layers: Sequence[str] | str | None,
        samples: Any,
        start: Start | None = None,
    ) -> Self:
        self._check_parameters()
        check_mudata(mdata)
        mask = check_samples(mdata, samples)
        obs = mdata.obs.loc[mask]
        targets = read_targets(obs, target=target, survival=survival)
        schema, values = read_training(mdata, layers, mask)
        if len(obs) < _MIN_SAMPLES:
            msg = f"{len(obs)} training samples are too few to learn from; {_MIN_SAMPLES} are the least."
            raise ValueError(msg)
        if start is not None:
            start.check(schema, list(map(str, obs.index)))
        measured = self._measured_graph(mdata, schema, graph, start)
        arrays = None if measured is None else measured[1]
        outcomes = {t.name: t.encode(obs) for t in targets}
        spec = self._net_spec(schema, targets, outcomes, arrays)
        fold = self._folds(targets, outcomes, len(obs))
        plan = self._plan(fold, bool(targets))
        pretrained = None
        if start is not None:
            plan = started(plan, start.states(spec, arrays, targets, len(plan)))
            pretrained = start.network(spec, arrays, values) if targets else None
        states = fit_replicates(
            spec, TrainSpec(**self._known_to(TrainSpec)), values, outcomes, arrays, plan,
            device=self.device, n_jobs=self.n_jobs,
        )  # fmt: skip
        parts = {
            t.name: fit_parts(t, values, outcomes[t.name], fold, states[1:], pretrained)
            for t in targets
        }
        self._keep(schema, targets, spec, arrays, states, parts)
        self.graph_ = None if measured is None else measured[0]
        if self.graph_ is not None:
            self.ensemble_.calibrate_activity(values)
        self.graph_digest_ = None if graph is None or not self.uses_graph else graph.digest
        self.fine_tuned_from_ = None if start is None else start.record()
        if start is not None:
            self.graph_digest_ = start.old.graph_digest_ if measured is not None else None
        self.training_samples_ = tuple(map(str, obs.index))
        self.baseline_ = {
            layer.name: np.nan_to_num(np.nanmean(values[layer.name], axis=0)).astype(np.float32)
            for layer in schema
        }
        return self

    def _check_parameters(self) -> None:
        params = self.get_params()
        for name in _AT_LEAST_ONE:
            value = params.get(name, 1)
            if not isinstance(value, (int, np.integer)) or value < 1:
                msg = f"{name}={value!r} must be a whole number of 1 or more."
                raise ValueError(msg)
        for name in ("dropout", "layer_dropout"):
            if not 0 <= params.get(name, 0) < 1:
                msg = f"{name}={params[name]!r} must lie in [0, 1)."
                raise ValueError(msg)
        if self.n_folds < 2:
            msg = f"n_folds={self.n_folds!r}: at least 2 folds are needed."
            raise ValueError(msg)

    def _measured_graph(
        self,
        mdata: MuData,
        schema: tuple[LayerSchema, ...],
        graph: PathwayGraph | None,
        start: Start | None = None,
    ) -> tuple[PathwayGraph, GraphArrays] | None:
        """The measured part of the graph, for models that use one."""
        measured = start.measured(schema) if start is not None else None
        if graph is not None and self.uses_graph:
            small, big = self.get_params()["pathway_size"]
            measured = measured_graph(mdata, schema, graph, min_size=small, max_size=big)
        if measured is None and self.needs_graph:
            none = graph is None and start is None
            found = "graph=None" if none else "no layer with a feature on the graph"
            msg = (
                f"{type(self).__name__} reads everything through a graph; found {found}. Give a graph of the same "
                "identifiers, such as pathweave.graph.reactome(), or use MultimodalVAE."
            )
            raise ValueError(msg)
        return measured

    def _known_to(self, spec: type) -> dict[str, Any]:
        """Hyperparameters that a network or its training knows by the same name."""
        known = {field.name for field in fields(spec)}
        return {name: value for name, value in self.get_params().items() if name in known}

    def _net_spec(
        self,
        schema: tuple[LayerSchema, ...],
        targets: tuple[Target, ...],
        outcomes: dict[str, np.ndarray],
        arrays: GraphArrays | None,
    ) -> NetSpec:
        specs = []
        for layer in schema:
            on_graph = np.zeros(len(layer.features), dtype=bool)
            if arrays is not None and layer.name in arrays.feature_maps:
                on_graph = np.diff(arrays.feature_maps[layer.name].indptr) > 0
            rest = tuple(int(i) for i in np.flatnonzero(~on_graph))
            specs.append(LayerSpec(layer.name, len(layer.features), layer.likelihood, rest))
        weighed = self.get_params().get("class_weight")
        heads = tuple(
            HeadSpec(t.name, t.task, t.n_outputs, t.class_weights(outcomes[t.name], weighed))
            for t in targets
        )
        return NetSpec(tuple(specs), heads, **{**self._known_to(NetSpec), **self.network})

    def _folds(
        self, targets: tuple[Target, ...], outcomes: dict[str, np.ndarray], n: int
    ) -> np.ndarray:
        """Folds stratified by the first target: its class, or whether the event was seen."""
        labels = np.full(n, np.nan)
        if targets and targets[0].task != "number":
            labels = outcomes[targets[0].name][:, -1]
        return folds(labels, n_folds=self.n_folds, seed=self.seed)

    def _plan(self, fold: np.ndarray, supervised: bool) -> list[Replicate]:  # noqa: FBT001
        """The reference fit, whose latent and reconstructions are used, and one fit a fold."""
        everyone = np.arange(len(fold))
        plan = [Replicate("reference", everyone[fold != 0], everyone[fold == 0], self.seed)]
        if supervised:
            plan += [
                Replicate(
                    f"fold {k + 1}", everyone[fold != k], everyone[fold == k], self.seed + 1 + k
                )
                for k in range(int(fold.max()) + 1)
            ]
        return plan

    def _keep(
        self,
        schema: tuple[LayerSchema, ...],
        targets: tuple[Target, ...],
        spec: NetSpec,
        arrays: GraphArrays | None,
        states: list[FittedState],
        parts: dict[str, TargetParts],
    ) -> None:
        self.layers_ = {layer.name: layer for layer in schema}
        self.targets_ = {t.name: t for t in targets}
        self.ensemble_ = FittedEnsemble(spec, arrays, states, parts)
        self.history_ = pd.DataFrame([row for state in states for row in state.history])
        tables = [p.table for p in parts.values()]
        columns = ["target", "part", "weight", "loss", "score", "metric"]
        self.parts_ = (
            pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=columns)
        )
