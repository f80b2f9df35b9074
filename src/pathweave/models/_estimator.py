"""How every model of the family is fitted: read, cut folds, train the networks, fit the linear parts."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import pandas as pd

from pathweave._core.checks import check_mudata
from pathweave._core.folds import folds, folds_of_groups
from pathweave.models._check_parameters import check_parameters
from pathweave.models._cohorts import AcrossCohorts
from pathweave.models._consensus import fit_consensus
from pathweave.models._core_samples import among_all, core_samples, kernel_samples, within
from pathweave.models._data import LayerSchema, check_samples, read_groups, read_training
from pathweave.models._ensemble import FittedEnsemble
from pathweave.models._fit_networks import Kept, fit_networks
from pathweave.models._graph_arrays import measured_graph
from pathweave.models._heads import head_spec
from pathweave.models._held_out import HeldOut
from pathweave.models._imputer import LayerImputer
from pathweave.models._parts import fit_all_parts
from pathweave.models._schedule import scheduled
from pathweave.models._store import SampleStore, take
from pathweave.models._survey import open_training
from pathweave.models._targets import Target, check_class_weight, read_targets
from pathweave.models._train import FittedState, Replicate, TrainSpec
from pathweave.models._transfer import Start, started
from pathweave.nn.pathway_vae import GraphArrays, LayerSpec, NetSpec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from os import PathLike

    from mudata import MuData

    from pathweave.graph import PathwayGraph
    from pathweave.models._again import Again
    from pathweave.models._parts import TargetParts

_MIN_SAMPLES = 20


class Estimator(AcrossCohorts):
    """A network of some kind beside linear parts, all judged out of fold inside the training samples.

    A model of the family names its hyperparameters in its constructor; those that a network (`NetSpec`)
    or its training (`TrainSpec`) know by the same name are handed on. `network` fixes what sets
    the model apart.
    """

    uses_graph: ClassVar[bool] = True
    needs_graph: ClassVar[bool] = False
    network: ClassVar[dict[str, Any]] = {}
    consensus: ClassVar[bool] = False
    streams: ClassVar[bool] = True
    when: ClassVar[str]

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
        groups: str | None = None,
        resume: str | PathLike[str] | None = None,
        log: str | PathLike[str] | None = None,
    ) -> Self:
        """Fit the model.

        Ctrl-C while networks are trained ends the training after the epoch at hand: the model is fitted with what
        there is, and warns. A second Ctrl-C stops at once and leaves the model as it was.

        Parameters
        ----------
        mdata
            Samples; they need not have every layer, and values may be NaN. Layers may be on disk
            (`pathweave.io.open_mudata`, a backed MuData): they are read in pieces.
        graph
            Pathway graph; without one the layers' encoders do all the work. `PathwayGNN` needs one;
            models that use none (`pathweave.models.available` says which) take no notice of it.
        target
            Column(s) of ``mdata.obs``: text, booleans and two-valued numbers are classes, other numbers
            are numbers. The classes of an ordered categorical are learned in its order. Samples without a label
            still teach the autoencoder, and those that lack one of several numbers teach the others.
        survival
            Columns (time, event) of ``mdata.obs``; event is 1 where the event was seen.
        layers
            Modalities to use; all by default.
        samples
            Training samples: boolean mask or names; all by default. Nothing is learned from the others.
        groups
            Column of ``mdata.obs`` (patient, donor): the model's own folds keep its samples together. Without it a
            patient's second sample is predicted from the first, and all that is judged out of fold looks too good.
        resume
            Folder for checkpoints of the networks: every ``settings.checkpoint_seconds``, on SIGTERM and on Ctrl-C,
            and when a network is fitted. The same call again, after whatever ended this one, goes on from there to the
            same model, bit for bit on a CPU; of fitted networks it takes the parameters, so a script may simply be
            run again. A folder of another fit is refused. The fitted networks stay there; delete the folder when
            the model is saved.
        log
            Where losses are written after every epoch: a file whose name ends in ``.csv`` (the rows of
            ``history_``), or a folder of event files for TensorBoard (extra ``tensorboard``), a run a network.

        Returns
        -------
        The model itself. ``history_`` has a row an epoch and part (``"train"``, ``"validation"``) of every network:
        replicate, epoch, part, loss, target_loss, reconstruction, kl, seconds. ``unfinished_`` names the networks
        whose training Ctrl-C cut short.

        Raises
        ------
        KeyError
            A column or a layer that is not there.
        ValueError
            Data or labels that cannot be learned from, or a `resume` folder of another fit; the message says
            which, and what to do.
        OSError
            No space for a checkpoint; what was kept before is whole.
        """
        return self._learn(
            mdata, graph, target=target, survival=survival, layers=layers, samples=samples, groups=groups,
            kept=Kept(resume, log),
        )  # fmt: skip

    def _learn(self, *args: Any, **kwargs: Any) -> Self:
        """Fit, or leave the model as it was."""
        before = dict(vars(self))
        try:
            return self._learn_all(*args, **kwargs)
        except BaseException:  # Ctrl-C, too: half of one fit and half of another is no model
            vars(self).clear()
            vars(self).update(before)
            raise

    def _learn_all(
        self,
        mdata: MuData,
        graph: PathwayGraph | None,
        *,
        target: str | Sequence[str] | None,
        survival: tuple[str, str] | None,
        layers: Sequence[str] | str | None,
        samples: Any,
        groups: str | None,
        kept: Kept,
        start: Start | None = None,
        again: Again | None = None,
    ) -> Self:
        self._check_parameters()
        check_mudata(mdata)
        mask = check_samples(mdata, samples)
        obs = mdata.obs.loc[mask]
        targets = read_targets(obs, target=target, survival=survival)
        class_weight = self.get_params().get("class_weight")
        check_class_weight(targets, class_weight)
        schema, values, sizes = self._read_training(mdata, layers, mask)
        if len(obs) < _MIN_SAMPLES:
            msg = f"{len(obs)} training samples are too few to learn from; {_MIN_SAMPLES} are the least."
            raise ValueError(msg)
        if start is not None:
            start.check(schema, list(map(str, obs.index)))
        measured = self._measured_graph(mdata, schema, graph, again or start)
        arrays = None if measured is None else measured[1]
        outcomes = {t.name: t.encode(obs) for t in targets}
        spec = self._net_spec(schema, targets, outcomes, arrays)
        labels = self._labels(targets, outcomes, len(obs))
        fold = self._folds(labels, self._groups(obs, groups))
        known = _known(outcomes, len(obs))
        core = core_samples(labels, fold, known, seed=self.seed)
        if isinstance(values, SampleStore):
            values.learn_moments(fold)
        near = take(values, core)
        plan, pretrained = self._plan(fold, core, bool(targets)), None
        if start is not None:
            plan = started(plan, start.states(spec, arrays, targets, len(plan)))
            pretrained = start.network(spec, arrays, near) if targets else None
        states, unfinished = fit_networks(
            self, spec, self._training(len(obs)), values, outcomes, arrays, plan,
            library=sizes, samples=obs.index, kept=kept,
        )  # fmt: skip
        parts = fit_all_parts(
            targets, near, {name: y[core] for name, y in outcomes.items()}, fold[core],
            within(core, states[1:]), class_weight=class_weight, pretrained=pretrained,
            by_kernel=kernel_samples(labels[core], fold[core], known[core], seed=self.seed),
        )  # fmt: skip
        among_all(core, len(obs), parts)
        for state in states:
            state.curves.clear()  # they have done their work
        self._keep(schema, targets, spec, arrays, states, parts)
        self.ensemble_.held_out = {
            t.name: HeldOut.learn(t, outcomes[t.name], parts[t.name].out_of_fold) for t in targets
        }
        self.graph_ = None if measured is None else measured[0]
        if self.graph_ is not None:
            self.ensemble_.calibrate_activity(near)
        self.graph_digest_ = None if graph is None or not self.uses_graph else graph.digest
        self.fine_tuned_from_ = None if start is None else start.record()
        if start is not None:
            self.graph_digest_ = start.old.graph_digest_ if measured is not None else None
        self.training_samples_ = tuple(map(str, obs.index))
        self.core_samples_ = tuple(self.training_samples_[i] for i in core)
        self.unfinished_ = unfinished
        self.fit_groups_ = groups
        self.imputer_ = LayerImputer.of(schema, near, self.core_samples_, fold[core] == 0)
        self.consensus_ = (
            None
            if targets or not self.consensus
            else fit_consensus(self.imputer_.values, self.n_latent)
        )
        self.baseline_ = (
            values.means()
            if isinstance(values, SampleStore)
            else {layer.name: _column_means(values[layer.name]) for layer in schema}
        )
        return self

    @property
    def obs_columns(self) -> tuple[str, ...]:
        """Columns of ``mdata.obs`` that the model reads beside its outcome, in `fit` and later."""
        return ()

    @property
    def var_columns(self) -> tuple[str, ...]:
        """Columns of a modality's ``var`` that `fit` reads."""
        return ()

    def _check_parameters(self) -> None:
        check_parameters(self.get_params())

    def _measured_graph(
        self,
        mdata: MuData,
        schema: tuple[LayerSchema, ...],
        graph: PathwayGraph | None,
        known: Start | Again | None = None,
    ) -> tuple[PathwayGraph, GraphArrays] | None:
        """The measured part of the graph, for models that use one; that of another fit where this one goes on from it."""
        measured = known.measured(schema) if known is not None else None
        if graph is not None and self.uses_graph:
            params = self.get_params()
            small, big = params["pathway_size"]
            measured = measured_graph(
                mdata, schema, graph, min_size=small, max_size=big, hierarchy=params["hierarchy"]
            )
        if measured is None and self.needs_graph:
            none = graph is None and known is None
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
                read = np.unique(np.concatenate(arrays.pooled))
                on_graph = np.diff(arrays.feature_maps[layer.name][:, read].indptr) > 0
            rest = tuple(int(i) for i in np.flatnonzero(~on_graph))
            specs.append(
                LayerSpec(
                    layer.name, len(layer.features), layer.likelihood, rest, layer.library,
                    layer.segments, layer.earlier_of, layer.lag,
                )
            )  # fmt: skip
        heads = tuple(head_spec(t, outcomes[t.name], self.get_params()) for t in targets)
        return NetSpec(tuple(specs), heads, **{**self._known_to(NetSpec), **self.network})

    def _labels(
        self, targets: tuple[Target, ...], outcomes: dict[str, np.ndarray], n: int
    ) -> np.ndarray:
        """What samples are stratified by: the class of the first target, or whether its event was seen."""
        if targets and targets[0].task != "number":
            return outcomes[targets[0].name][:, -1]
        return np.full(n, np.nan)

    def _folds(self, labels: np.ndarray, groups: np.ndarray | None) -> np.ndarray:
        if groups is None:
            return folds(labels, n_folds=self.n_folds, seed=self.seed)
        return folds_of_groups(labels, groups, n_folds=self.n_folds, seed=self.seed)

    def _read_training(
        self, mdata: MuData, layers: Sequence[str] | str | None, mask: np.ndarray
    ) -> tuple[tuple[LayerSchema, ...], dict[str, np.ndarray] | SampleStore, dict[str, np.ndarray]]:
        """Layers of the training samples, as the network is to see them; opened, where they are on disk or many."""
        likelihood = self.get_params().get("likelihood", "auto")
        store = open_training(mdata, layers, mask, likelihood) if self.streams else None
        return self._read_whole(mdata, layers, mask) if store is None else store.training

    def _read_whole(
        self, mdata: MuData, layers: Sequence[str] | str | None, mask: np.ndarray
    ) -> tuple[tuple[LayerSchema, ...], dict[str, np.ndarray], dict[str, np.ndarray]]:
        return read_training(mdata, layers, mask, self.get_params().get("likelihood", "auto"))

    def _training(self, n: int) -> TrainSpec:
        """How to train on so many samples."""
        spec = TrainSpec(**self._known_to(TrainSpec))
        return scheduled(spec, n, type(self), self.get_params())

    def _groups(self, obs: pd.DataFrame, groups: str | None) -> np.ndarray | None:
        """What no fold may tear, if anything: a code for every training sample."""
        return read_groups(obs, groups)

    def _plan(
        self,
        fold: np.ndarray,
        core: np.ndarray,
        supervised: bool,  # noqa: FBT001
    ) -> list[Replicate]:
        """The reference fit, whose latent and reconstructions are used, and one fit a fold.

        All samples of the other folds are learned from; those of `core` in the fold itself decide when to stop.
        """
        everyone, held = np.arange(len(fold)), fold[core]
        plan = [Replicate("reference", everyone[fold != 0], core[held == 0], self.seed)]
        if supervised:
            plan += [
                Replicate(f"fold {k + 1}", everyone[fold != k], core[held == k], self.seed + 1 + k)
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


def _known(outcomes: Mapping[str, np.ndarray], n: int) -> np.ndarray:
    """Which outcomes of which samples are known, bool (n, n_targets)."""
    columns = [~np.isnan(y).any(axis=1) for y in outcomes.values()]
    return np.column_stack(columns) if columns else np.zeros((n, 0), dtype=bool)


def _column_means(x: np.ndarray) -> np.ndarray:
    """Mean of the measured values of each feature, 0 where there are none."""
    measured = ~np.isnan(x)
    total = np.where(measured, x, 0.0).sum(axis=0, dtype=np.float64)
    return (total / np.maximum(measured.sum(axis=0), 1)).astype(np.float32)
