"""PathwayVAE: the default estimator."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np
import pandas as pd

from pathweave._core.checks import check_choice, check_mudata, listed
from pathweave._core.folds import folds
from pathweave.models._consensus import fit_consensus
from pathweave.models._data import LayerSchema, check_samples, read_training, read_values
from pathweave.models._ensemble import FittedEnsemble
from pathweave.models._graph_arrays import measured_graph
from pathweave.models._imputer import LayerImputer
from pathweave.models._parts import fit_parts
from pathweave.models._replicates import fit_replicates
from pathweave.models._save import save_model
from pathweave.models._targets import Target, read_targets
from pathweave.models._train import FittedState, Replicate, TrainSpec
from pathweave.nn.pathway_vae import GraphArrays, HeadSpec, LayerSpec, NetSpec

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mudata import MuData

    from pathweave.graph import PathwayGraph
    from pathweave.models._parts import TargetParts

_MIN_SAMPLES = 20


class PathwayVAE:
    """One latent for all layers, with a pathway graph among its encoders.

    A variational autoencoder with an encoder and a decoder per layer and a graph encoder that reads the
    layers through genes, their relations and pathways; the posterior is the product of whatever experts
    a sample has (Wu and Goodman 2018), so that samples may lack layers in `fit` and later. With a target
    the prediction is a stack: ridge-penalised linear models over all layers side by side ("early") and
    layer by layer ("late"), and an ensemble of these networks, mixed by their out-of-fold likelihood
    inside the training samples. `parts_` shows what each part is worth.

    Parameters
    ----------
    n_latent
        Dimensions of the latent.
    n_hidden
        Width of the layers' encoders and decoders.
    n_channels
        Channels of a node of the graph.
    n_graph_layers
        Rounds of message passing.
    dropout
        Dropout before the latent and the targets.
    layer_dropout
        Chance that a sample is trained without one of its layers.
    pathway_size
        Smallest and largest number of measured members of a pathway with an activity of its own.
    encode_on_graph
        Let the layers' encoders see features that are on the graph, too. With ``False`` the graph
        encoder alone carries them.
    max_epochs, patience, batch_size, learning_rate, weight_decay
        Training of every network; it stops when the validation samples have not improved for `patience`
        epochs, and the best epoch counts.
    reconstruction_weight
        Weight of the autoencoder's loss beside that of the targets.
    n_folds
        Folds inside the training samples: members of the ensemble, and out-of-fold predictions.
    seed
        Seed of everything random.
    device
        ``"auto"``, ``"cpu"`` or ``"cuda"``.
    n_jobs
        Worker processes on a CPU; ``pathweave.settings.n_jobs`` by default. The numbers do not depend on it.

    Attributes
    ----------
    history_
        Training curves: replicate, epoch, part, loss, target_loss, reconstruction, kl.
    parts_
        Parts of the prediction: target, part, weight, loss and score out of fold.
    layers_
        Layers seen in `fit`, by name.
    targets_
        Targets seen in `fit`, by name.
    graph_
        The measured part of the graph, or ``None``.
    imputer_
        The training samples (2000 at most) and the models that fill gaps from them.
    consensus_
        Linear maps of the layers to the embedding of a model without a target, otherwise ``None``.

    Examples
    --------
    >>> import pathweave as pw
    >>> mdata = pw.datasets.simulate(60, seed=1)
    >>> model = pw.models.PathwayVAE(n_latent=8, max_epochs=3, n_folds=3)
    >>> model.fit(mdata, pw.graph.reactome(), target="class").embed(mdata).shape
    (60, 8)
    """

    def __init__(  # noqa: PLR0913  # hyperparameters are named one by one, as in scikit-learn
        self,
        n_latent: int = 32,
        *,
        n_hidden: int = 64,
        n_channels: int = 4,
        n_graph_layers: int = 1,
        dropout: float = 0.5,
        layer_dropout: float = 0.2,
        pathway_size: tuple[int, int] = (4, 150),
        encode_on_graph: bool = True,
        max_epochs: int = 150,
        patience: int = 20,
        batch_size: int = 64,
        learning_rate: float = 2e-3,
        weight_decay: float = 0.05,
        reconstruction_weight: float = 0.3,
        n_folds: int = 5,
        seed: int = 0,
        device: str = "auto",
        n_jobs: int | None = None,
    ) -> None:
        self.n_latent = n_latent
        self.n_hidden = n_hidden
        self.n_channels = n_channels
        self.n_graph_layers = n_graph_layers
        self.dropout = dropout
        self.layer_dropout = layer_dropout
        self.pathway_size = pathway_size
        self.encode_on_graph = encode_on_graph
        self.max_epochs = max_epochs
        self.patience = patience
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.reconstruction_weight = reconstruction_weight
        self.n_folds = n_folds
        self.seed = seed
        self.device = device
        self.n_jobs = n_jobs

    # ------------------------------------------------------------------ fit

    def fit(
        self,
        mdata: MuData,
        graph: PathwayGraph | None = None,
        *,
        target: str | Sequence[str] | None = None,
        survival: tuple[str, str] | None = None,
        layers: Sequence[str] | str | None = None,
        samples: Any = None,
    ) -> PathwayVAE:
        """Fit the model.

        Parameters
        ----------
        mdata
            Samples; they need not have every layer, and values may be NaN.
        graph
            Pathway graph; without one the layers' encoders do all the work.
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
        self._check_parameters()
        check_mudata(mdata)
        mask = check_samples(mdata, samples)
        obs = mdata.obs.loc[mask]
        targets = read_targets(obs, target=target, survival=survival)
        schema, values = read_training(mdata, layers, mask)
        if len(obs) < _MIN_SAMPLES:
            msg = f"{len(obs)} training samples are too few to learn from; {_MIN_SAMPLES} are the least."
            raise ValueError(msg)
        names = {layer.name for layer in schema}
        measured = None
        if graph is not None:
            small, big = self.pathway_size
            measured = measured_graph(mdata, schema, graph, min_size=small, max_size=big)
        arrays = None if measured is None else measured[1]
        spec = self._net_spec(schema, targets, arrays)
        outcomes = {t.name: t.encode(obs) for t in targets}
        fold = self._folds(targets, outcomes, len(obs))
        states = fit_replicates(
            spec, self._train_spec(), values, outcomes, arrays, self._plan(fold, bool(targets)),
            device=self.device, n_jobs=self.n_jobs,
        )  # fmt: skip
        parts = {t.name: fit_parts(t, values, outcomes[t.name], fold, states[1:]) for t in targets}
        self._keep(schema, targets, spec, arrays, states, parts)
        self.graph_ = None if measured is None else measured[0]
        if self.graph_ is not None:
            self.ensemble_.calibrate_activity(values)
        self.graph_digest_ = None if graph is None else graph.digest
        self.training_samples_ = tuple(map(str, obs.index))
        self.imputer_ = LayerImputer.of(schema, values, self.training_samples_, fold == 0)
        self.consensus_ = None if targets else fit_consensus(self.imputer_.values, self.n_latent)
        self.baseline_ = {name: np.nanmean(values[name], axis=0) for name in names}
        for name, mean in self.baseline_.items():
            self.baseline_[name] = np.nan_to_num(mean).astype(np.float32)
        return self

    def _check_parameters(self) -> None:
        positive = (
            "n_latent",
            "n_hidden",
            "n_channels",
            "n_graph_layers",
            "max_epochs",
            "patience",
            "batch_size",
        )
        for name in positive:
            value = getattr(self, name)
            if not isinstance(value, (int, np.integer)) or value < 1:
                msg = f"{name}={value!r} must be a whole number of 1 or more."
                raise ValueError(msg)
        for name in ("dropout", "layer_dropout"):
            if not 0 <= getattr(self, name) < 1:
                msg = f"{name}={getattr(self, name)!r} must lie in [0, 1)."
                raise ValueError(msg)
        if self.n_folds < 2:
            msg = f"n_folds={self.n_folds!r}: at least 2 folds are needed."
            raise ValueError(msg)

    def _net_spec(
        self,
        schema: tuple[LayerSchema, ...],
        targets: tuple[Target, ...],
        arrays: GraphArrays | None,
    ) -> NetSpec:
        specs = []
        for layer in schema:
            on_graph = np.zeros(len(layer.features), dtype=bool)
            if arrays is not None and layer.name in arrays.feature_maps:
                on_graph = np.diff(arrays.feature_maps[layer.name].indptr) > 0
            rest = tuple(int(i) for i in np.flatnonzero(~on_graph))
            specs.append(LayerSpec(layer.name, len(layer.features), layer.likelihood, rest))
        heads = tuple(HeadSpec(t.name, t.task, t.n_outputs) for t in targets)
        return NetSpec(
            tuple(specs), heads, self.n_latent, self.n_hidden, self.n_channels, self.n_graph_layers,
            self.dropout, self.layer_dropout, self.encode_on_graph,
        )  # fmt: skip

    def _train_spec(self) -> TrainSpec:
        return TrainSpec(
            max_epochs=self.max_epochs,
            patience=self.patience,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
            reconstruction_weight=self.reconstruction_weight,
        )

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

    # ------------------------------------------------------------------ use

    @property
    def pathways_(self) -> tuple[str, ...]:
        """Ids of the pathways that have an activity."""
        self._need_fit()
        return () if self.ensemble_.graph is None else self.ensemble_.graph.pathway_ids

    def embed(self, mdata: MuData) -> np.ndarray:
        """Embed samples.

        A model with a target gives the mean of the network's posterior. A model without gives the directions
        on which the layers agree (regularised generalised canonical correlation), which tell groups of
        samples apart better than the network's latent or principal components; a layer that predicts no
        other hardly counts.

        Parameters
        ----------
        mdata
            Samples with at least one of the layers seen in `fit`.

        Returns
        -------
        float32 (n_obs, n_latent), row i for ``mdata.obs_names[i]``; NaN for a sample without any layer.
        """
        values = self._read(mdata)
        if self.consensus_ is not None:
            return self.consensus_.embed(values)
        return self.ensemble_.latent(values)

    def pathway_activity(self, mdata: MuData) -> pd.DataFrame:
        """Pathway activities of samples.

        Returns
        -------
        DataFrame (n_obs, n_pathways), columns pathway ids, in standard deviations of the training
        samples; higher means higher measured members (the sign a network gives is arbitrary, so each
        activity is turned to agree with the mean of its members).
        """
        read = self._read(mdata)
        if self.graph_ is None:
            msg = "this model was fitted without a graph, so it has no pathway activities."
            raise ValueError(msg)
        values = self.ensemble_.activity(read)
        return pd.DataFrame(values, index=mdata.obs_names, columns=list(self.pathways_))

    def predict(self, mdata: MuData) -> pd.DataFrame:
        """Predict every target.

        Returns
        -------
        DataFrame (n_obs, n_targets): labels for classes, numbers in their units, and for survival
        ``"risk"``, the log relative hazard.
        """
        values = self._read(mdata)
        self._need_target()
        columns: dict[str, Any] = {}
        for name, target in self.targets_.items():
            out = self.ensemble_.predict(name, values)
            if target.task == "class":
                best = np.array(target.classes)[out.argmax(axis=1)]
                columns[name] = pd.Categorical(best, categories=list(target.classes))
            else:
                columns[name] = out[:, 0]
        return pd.DataFrame(columns, index=mdata.obs_names)

    @property
    def out_of_fold_(self) -> pd.DataFrame:
        """Predictions of the training samples by parts that had not seen them.

        DataFrame (n_training, n_targets) as `predict` gives it, missing where a sample has no outcome: what
        to compare with the truth when there are no held-out samples.
        """
        self._need_fit()
        self._need_target()
        columns: dict[str, Any] = {}
        for name, target in self.targets_.items():
            out = self.ensemble_.parts[name].out_of_fold
            known = ~np.isnan(out).any(axis=1)
            if target.task == "class":
                labels = np.full(len(out), None, dtype=object)
                labels[known] = np.array(target.classes)[out[known].argmax(axis=1)]
                columns[name] = pd.Categorical(labels, categories=list(target.classes))
            else:
                columns[name] = out[:, 0]
        return pd.DataFrame(columns, index=list(self.training_samples_))

    def predict_proba(self, mdata: MuData, target: str | None = None) -> pd.DataFrame:
        """Predict class probabilities.

        Parameters
        ----------
        mdata
            Samples.
        target
            Which target; may be left out when there is one with classes.

        Returns
        -------
        DataFrame (n_obs, n_classes); rows sum to one.
        """
        values = self._read(mdata)
        self._need_target()
        classes = [name for name, t in self.targets_.items() if t.task == "class"]
        if not classes:
            msg = f"no target has classes (targets: {listed(self.targets_)}); use predict."
            raise ValueError(msg)
        chosen = classes[0] if target is None and len(classes) == 1 else target
        check_choice("target", chosen, classes)
        proba = np.exp(self.ensemble_.predict(str(chosen), values))
        proba /= proba.sum(axis=1, keepdims=True)
        return pd.DataFrame(
            proba, index=mdata.obs_names, columns=list(self.targets_[str(chosen)].classes)
        )

    @overload
    def impute(
        self,
        mdata: MuData,
        *,
        layers: Sequence[str] | None = ...,
        return_std: Literal[False] = ...,
    ) -> dict[str, pd.DataFrame]: ...

    @overload
    def impute(
        self, mdata: MuData, *, layers: Sequence[str] | None = ..., return_std: Literal[True]
    ) -> tuple[dict[str, pd.DataFrame], dict[str, pd.DataFrame]]: ...

    def impute(
        self,
        mdata: MuData,
        *,
        layers: Sequence[str] | None = None,
        return_std: bool = False,
    ) -> dict[str, pd.DataFrame] | tuple[dict[str, pd.DataFrame], dict[str, pd.DataFrame]]:
        """Fill what was not measured, whole layers included.

        A layer is predicted from all others that a sample has, by ridge and Gaussian kernel regressions on the
        training samples and the network's decoder, stacked by what they predict of samples they have not
        seen; a value missing inside a layer from the rest of that layer, too. Each combination of layers
        gets a model when it is first met, which takes seconds with hundreds of samples.

        Parameters
        ----------
        mdata
            Samples.
        layers
            Layers to fill; all of `fit` by default.
        return_std
            Give standard deviations, too.

        Returns
        -------
        For each layer a DataFrame (n_obs, n_features) in the units of ``mod.X``: measured values
        as they are, the others imputed (probabilities for 0/1 layers). With `return_std` a second dictionary like
        it: the root mean squared error of such an imputation in training samples left out, 0 where
        measured, NaN for a feature that no training sample has.
        """
        values = self._read(mdata)
        chosen = list(self.layers_) if layers is None else list(layers)
        for layer in chosen:
            check_choice("layers", layer, list(self.layers_))
        made = self.imputer_.impute(values, chosen, self.ensemble_.impute)
        filled, deviations = (
            {
                name: pd.DataFrame(
                    x, index=mdata.obs_names, columns=list(self.layers_[name].features)
                )
                for name, x in arrays.items()
            }
            for arrays in made
        )
        return (filled, deviations) if return_std else filled

    def save(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write the model to a folder: safetensors, JSON and the graph; nothing that runs code.

        The folder holds names and values of the training samples, from which
        `impute` works: who may not have the data, may not have the model.

        Parameters
        ----------
        path
            Folder; written whole or not at all.
        overwrite
            Replace an earlier model there.
        """
        self._need_fit()
        save_model(self, path, overwrite=overwrite)

    def get_params(self) -> dict[str, Any]:
        """Hyperparameters by name."""
        return {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}

    def __repr__(self) -> str:
        """Show what differs from the defaults, and what was fitted."""
        defaults = inspect.signature(type(self)).parameters
        changed = {k: v for k, v in self.get_params().items() if v != defaults[k].default}
        inside = ", ".join(f"{name}={value!r}" for name, value in changed.items())
        fitted = f" fitted on {listed(self.layers_)}" if hasattr(self, "layers_") else ""
        return f"PathwayVAE({inside}){fitted}"

    def _read(self, mdata: MuData) -> dict[str, np.ndarray]:
        self._need_fit()
        return read_values(mdata, list(self.layers_.values()))

    def _need_fit(self) -> None:
        if not hasattr(self, "ensemble_"):
            msg = "this PathwayVAE is not fitted yet; call fit(mdata, graph) first."
            raise ValueError(msg)

    def _need_target(self) -> None:
        if not self.targets_:
            msg = "this model was fitted without a target, so it predicts none; fit with target= or survival=."
            raise ValueError(msg)
