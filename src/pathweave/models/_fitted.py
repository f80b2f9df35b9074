"""What a fitted model does: embed, predict, impute, save; the same for every model of the family."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np
import pandas as pd

from pathweave._core.checks import check_choice, listed
from pathweave._core.processes import is_first
from pathweave._core.survival import check_times, curves_between
from pathweave.models._edge_gates import edge_gate_table
from pathweave.models._reads import ReadsSamples
from pathweave.models._save import save_model

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mudata import MuData

    from pathweave.graph import PathwayGraph
    from pathweave.models._consensus import Consensus
    from pathweave.models._imputer import LayerImputer
    from pathweave.models._targets import Target


class FittedModel(ReadsSamples):
    """What was learned, and how it is used on samples; `Estimator` adds how it is learned."""

    targets_: dict[str, Target]
    history_: pd.DataFrame
    parts_: pd.DataFrame
    graph_: PathwayGraph | None
    graph_digest_: str | None
    training_samples_: tuple[str, ...]
    unfinished_: tuple[str, ...]
    fit_groups_: str | None
    core_samples_: tuple[str, ...]
    baseline_: dict[str, np.ndarray]
    imputer_: LayerImputer
    consensus_: Consensus | None
    fine_tuned_from_: dict[str, Any] | None

    @property
    def pathways_(self) -> tuple[str, ...]:
        """Ids of the pathways that have an activity."""
        self._need_fit()
        return () if self.ensemble_.graph is None else self.ensemble_.graph.pathway_ids

    def embed(self, mdata: MuData) -> np.ndarray:
        """Embed samples.

        A model with a target gives the mean of the network's posterior. A `PathwayVAE` or `MultimodalVAE` without
        one gives the directions on which the layers agree (regularised generalised canonical correlation), which
        tell groups of samples apart better than the network's latent or principal components; a layer that
        predicts no other hardly counts.

        Parameters
        ----------
        mdata
            Samples with at least one of the layers seen in `fit`.

        Returns
        -------
        float32 (n_obs, n_latent), row i for ``mdata.obs_names[i]``; NaN for a sample without any layer.
        """
        self._need_fit()
        found = self.ensemble_.latent if self.consensus_ is None else self.consensus_.embed
        return np.concatenate([found(values) for values in self._chunks(mdata)])

    def pathway_activity(self, mdata: MuData) -> pd.DataFrame:
        """Pathway activities of samples.

        Returns
        -------
        DataFrame (n_obs, n_pathways), columns pathway ids, in standard deviations of the training
        samples; higher means higher measured members (the sign a network gives is arbitrary, so each
        activity is turned to agree with the mean of its members).
        """
        self._need_fit()
        if self.graph_ is None:
            msg = "this model was fitted without a graph, so it has no pathway activities."
            raise ValueError(msg)
        if not self.pathways_:
            msg = "the graph of this model has no pathways, so there are no activities; see model.graph_."
            raise ValueError(msg)
        values = np.concatenate([self.ensemble_.activity(x) for x in self._chunks(mdata)])
        return pd.DataFrame(values, index=mdata.obs_names, columns=list(self.pathways_))

    def edge_gates(self) -> pd.DataFrame:
        """Read how far every edge's gate was opened; for models fitted with ``gate_edges=True``.

        Returns
        -------
        One row an edge: source, target (node ids; messages go from source to target), type (relation of the
        network; ``"backwards"`` against the edge's direction), gate (mean over the networks; 1 as
        before training, 0 closed, 2 wide open) and se (its standard error over the networks).
        Edges of one type into one target share a gate.
        """
        self._need_fit()
        return edge_gate_table(self.ensemble_)

    @overload
    def predict(self, mdata: MuData, *, return_std: Literal[False] = ...) -> pd.DataFrame: ...
    @overload
    def predict(
        self, mdata: MuData, *, return_std: Literal[True]
    ) -> tuple[pd.DataFrame, pd.DataFrame]: ...
    def predict(
        self, mdata: MuData, *, return_std: bool = False
    ) -> pd.DataFrame | tuple[pd.DataFrame, pd.DataFrame]:
        """Predict every target.

        Parameters
        ----------
        mdata
            Samples.
        return_std
            Give standard deviations, too.

        Returns
        -------
        DataFrame (n_obs, n_targets): labels for classes, numbers in their units, and for survival
        ``"risk"``, the log relative hazard. With `return_std` a pair of that and a DataFrame of the same shape:

        - numbers: standard deviation of the outcome around its prediction, in its units, so that about 95 % of new
          samples lie within 1.96 of it: the root mean square of the out-of-fold residuals, and the spread of the
          ensemble, added as variances. It grows for samples over which the ensemble is torn, no further.
        - survival: standard deviation of the log hazard over the ensemble.
        - classes: standard deviation of the predicted class's probability over the ensemble.

        The spread of the ensemble is that of the stack with one network at a time (one a fold); linear
        parts are the same in all, so it tells how far the networks agree, and is no noise of the outcome: how
        sure a class is, `predict_proba` says.
        """
        self._need_target()
        columns: dict[str, Any] = {}
        deviations: dict[str, np.ndarray] = {}
        found = [self.ensemble_.predict_all(list(self.targets_), x) for x in self._chunks(mdata)]
        for name in self.targets_:
            out = np.concatenate([chunk[name][0] for chunk in found])
            single = np.concatenate([chunk[name][1] for chunk in found], axis=1)
            target = self.targets_[name]
            columns[name] = target.labels(out) if target.task == "class" else out[:, 0]
            if return_std:
                held_out = self.ensemble_.held_out[name]
                deviations[name] = held_out.deviation(target, out, single)
        predicted = pd.DataFrame(columns, index=mdata.obs_names)
        if not return_std:
            return predicted
        return predicted, pd.DataFrame(deviations, index=mdata.obs_names)

    def predict_survival(self, mdata: MuData, times: Any) -> pd.DataFrame:
        """Predict the probability of surviving past given times.

        The risk of the whole stack stands on Breslow's baseline, on the out-of-fold risks of the training samples.
        With ``survival_loss="discrete_time"`` these curves are averaged with the networks' own, which need not be
        proportional, by the share of the networks in `parts_`.

        Parameters
        ----------
        mdata
            Samples.
        times
            Increasing times (n_times,), in the unit of `fit`. Past the last event of the training samples nothing is
            known, and the curves stay level.

        Returns
        -------
        DataFrame (n_obs, n_times), columns the times.

        References
        ----------
        Breslow, discussion of Cox, Journal of the Royal Statistical Society B 34 (1972). Hazards constant inside
        intervals: Kvamme and Borgan, Lifetime Data Analysis 27 (2021), section 4.
        """
        self._need_target()
        name = next((n for n, t in self.targets_.items() if t.task == "survival"), None)
        if name is None:
            msg = f"no target is a survival (targets: {listed(self.targets_)}); fit with survival=."
            raise ValueError(msg)
        times = check_times(times)
        found = [
            (self.ensemble_.predict(name, x)[:, 0], *self.ensemble_.interval_survival(name, x))
            for x in self._chunks(mdata)
        ]
        risk = np.concatenate([chunk[0] for chunk in found])
        curves = self.ensemble_.held_out[name].survival(risk, times)
        ends, survived = found[0][1], np.concatenate([chunk[2] for chunk in found])
        if len(ends):
            share = self.parts_.set_index(["target", "part"]).loc[(name, "network"), "weight"]
            curves = (1 - share) * curves + share * curves_between(ends, survived, times)
        return pd.DataFrame(curves, index=mdata.obs_names, columns=times)

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
            columns[name] = target.labels(out) if target.task == "class" else out[:, 0]
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
        self._need_target()
        classes = [name for name, t in self.targets_.items() if t.task == "class"]
        if not classes:
            msg = f"no target has classes (targets: {listed(self.targets_)}); use predict."
            raise ValueError(msg)
        chosen = classes[0] if target is None and len(classes) == 1 else target
        check_choice("target", chosen, classes)
        proba = np.exp(
            np.concatenate([self.ensemble_.predict(str(chosen), x) for x in self._chunks(mdata)])
        )
        proba /= proba.sum(axis=1, keepdims=True)
        return pd.DataFrame(
            proba, index=mdata.obs_names, columns=list(self.targets_[str(chosen)].classes)
        )

    @overload
    def impute(
        self,
        mdata: MuData,
        *,
        layers: Sequence[str] | str | None = ...,
        return_std: Literal[False] = ...,
    ) -> dict[str, pd.DataFrame]: ...

    @overload
    def impute(
        self, mdata: MuData, *, layers: Sequence[str] | str | None = ..., return_std: Literal[True]
    ) -> tuple[dict[str, pd.DataFrame], dict[str, pd.DataFrame]]: ...

    def impute(
        self,
        mdata: MuData,
        *,
        layers: Sequence[str] | str | None = None,
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
        as they are, the others imputed (probabilities for 0/1 layers; expected counts at the sample's library
        size, or at the median of the training samples where the sample lacks the layer). With `return_std` a
        second dictionary like it: the root mean squared error of such an imputation in training samples left
        out, widened where few samples have the feature (so that +-1.96 of it hold 95 %); 0 where measured,
        NaN for a feature that one training sample has, or none.
        """
        self._need_fit()
        own = [name for name in self.layers_ if not self.layers_[name].lag]
        chosen = own if layers is None else [layers] if isinstance(layers, str) else list(layers)
        for name in chosen:
            check_choice("layers", name, own)
        found = [self._impute(raw, chosen) for raw in self._raw_chunks(mdata)]
        filled: dict[str, pd.DataFrame] = {}
        deviations: dict[str, pd.DataFrame] = {}
        for name in chosen:
            names = list(self.layers_[name].features)
            for part, tables in enumerate((filled, deviations)):
                x = np.concatenate([chunk[name][part] for chunk in found])
                tables[name] = pd.DataFrame(x, index=mdata.obs_names, columns=names)
        return (filled, deviations) if return_std else filled

    def _impute(
        self, raw: dict[str, np.ndarray], chosen: Sequence[str]
    ) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Values and deviations of some layers, in the units of the data."""
        inputs = {name: self.layers_[name].inputs(x) for name, x in raw.items()}
        made = self.imputer_.impute(inputs, chosen, self._reconstruct)
        result = {}
        for name in chosen:
            x, sd = self.layers_[name].units_of_inputs(made[0][name], made[1][name], raw[name])
            result[name] = np.where(np.isnan(raw[name]), x, raw[name]), sd
        return result

    def _reconstruct(self, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The network's reconstruction of every layer, in the units of the inputs."""
        made = self.ensemble_.impute(inputs)
        return {name: self.layers_[name].as_inputs(x) for name, x in made.items()}

    def save(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write the model to a folder: safetensors, JSON and the graph; nothing that runs code.

        Of several processes that fitted it together the first one writes; to the others this does nothing.

        Parameters
        ----------
        path
            Folder; written whole or not at all.
        overwrite
            Replace an earlier model there.
        """
        self._need_fit()
        if is_first():
            save_model(self, path, overwrite=overwrite)

    def get_params(self) -> dict[str, Any]:
        """Hyperparameters by name."""
        return {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}

    def __repr__(self) -> str:
        """Show what differs from the defaults, and what was fitted."""
        defaults = inspect.signature(type(self)).parameters
        changed = {k: v for k, v in self.get_params().items() if v != defaults[k].default}
        inside = ", ".join(f"{name}={value!r}" for name, value in changed.items())
        layers = [name for name, layer in getattr(self, "layers_", {}).items() if not layer.lag]
        fitted = f" fitted on {listed(layers)}" if layers else ""
        return f"{type(self).__name__}({inside}){fitted}"

    def _need_target(self) -> None:
        self._need_fit()
        if not self.targets_:
            msg = "this model was fitted without a target, so it predicts none; fit with target= or survival=."
            raise ValueError(msg)
