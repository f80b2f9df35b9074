"""What a fitted model does: embed, predict, impute, save; the same for every model of the family."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pathweave._core.checks import check_choice, listed
from pathweave.models._match import find_layers, match_table, read_matched
from pathweave.models._save import save_model
from pathweave.models._translate import translated

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mudata import MuData

    from pathweave.graph import PathwayGraph
    from pathweave.models._data import LayerSchema
    from pathweave.models._ensemble import FittedEnsemble
    from pathweave.models._targets import Target


class FittedModel:
    """What was learned, and how it is used on samples; `Estimator` adds how it is learned."""

    layers_: dict[str, LayerSchema]
    targets_: dict[str, Target]
    ensemble_: FittedEnsemble
    history_: pd.DataFrame
    parts_: pd.DataFrame
    graph_: PathwayGraph | None
    graph_digest_: str | None
    training_samples_: tuple[str, ...]
    baseline_: dict[str, np.ndarray]
    fine_tuned_from_: dict[str, Any] | None

    @property
    def pathways_(self) -> tuple[str, ...]:
        """Ids of the pathways that have an activity."""
        self._need_fit()
        return () if self.ensemble_.graph is None else self.ensemble_.graph.pathway_ids

    def embed(self, mdata: MuData) -> np.ndarray:
        """Embed samples: the mean of the latent's posterior.

        Parameters
        ----------
        mdata
            Samples with at least one of the layers seen in `fit`.

        Returns
        -------
        float32 (n_obs, n_latent), row i for ``mdata.obs_names[i]``; NaN for a sample without any layer.
        """
        values = self._read(mdata)
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

    def impute(self, mdata: MuData) -> dict[str, pd.DataFrame]:
        """Fill what was not measured, whole layers included.

        Returns
        -------
        For each layer of `fit` a DataFrame (n_obs, n_features) in the units of ``mod.X``: measured values
        as they are, the others from the latent (probabilities for 0/1 layers).
        """
        values = self._read(mdata)
        made = self.ensemble_.impute(values)
        return {
            name: pd.DataFrame(
                np.where(np.isnan(x), made[name], x),
                index=mdata.obs_names,
                columns=list(self.layers_[name].features),
            )
            for name, x in values.items()
        }

    def match(
        self, mdata: MuData, *, match: str = "auto", rename: Mapping[str, str] | None = None
    ) -> pd.DataFrame:
        """Count which features of the fit a cohort has, and by what they were found.

        Parameters
        ----------
        mdata
            A cohort, perhaps of another platform.
        match
            ``"names"``: features of the same name. ``"graph"``: where a name is not there, features of the same genes or
            compounds stand for it: nodes of the graph, and the identifiers of features that are off it or of
            a model without a graph (there they are taken from ``var_names`` or a column of ``var``
            such as ``symbol``, see `pathweave.graph.feature_map`). ``"auto"``: names, and the graph for layers in which
            no name matches; what `embed` and `predict` do.
        rename
            Layers that have another name there: ``{"layer of mdata": "layer of fit"}``.

        Returns
        -------
        One row a layer of the fit: kind, found_as (its modality there), how (``names``, ``graph``,
        ``names and graph``, ``nothing``, ``missing layer``), n_features, n_by_name, n_by_graph, n_lost (features of the
        fit that count as unmeasured) and n_unused (features there that stand for none).

        Examples
        --------
        >>> import pathweave as pw
        >>> mdata = pw.datasets.simulate(40, seed=1)
        >>> model = pw.models.PathwayVAE(4, max_epochs=2).fit(mdata, pw.graph.reactome())
        >>> model.match(mdata)["how"].tolist()
        ['names', 'names', 'names', 'names']
        """
        self._need_fit()
        return match_table(find_layers(self, mdata, match=match, rename=rename))

    def translate(
        self,
        mdata: MuData,
        *,
        match: str = "graph",
        units: str = "same",
        rename: Mapping[str, str] | None = None,
    ) -> MuData:
        """Rewrite a cohort of another platform in the layers and features of the fit.

        Each feature of the fit becomes the mean of the features there that measure exactly its genes (compounds) or,
        if there are none, of those that share some with it. The result goes into `embed`, `predict`, `impute`
        or anything else that takes a MuData.

        Parameters
        ----------
        mdata
            The cohort.
        match, rename
            As in `match`.
        units
            ``"same"``: values stay as they are; right where both cohorts have the same units. ``"cohort"``: each
            feature is standardised over the samples of `mdata` and put in the units of the fit (0/1
            layers stay as they are). No label is used, but what comes out for a sample then depends on
            its company, and a shift between the cohorts as a whole is lost, be it of the platform or of biology.

        Returns
        -------
        MuData with layers named as in the fit, NaN where nothing was found, ``var["found_by"]`` (``name``,
        ``graph`` or empty), and the samples that have any of the layers.

        Raises
        ------
        ValueError
            Nothing was found at all, or a layer in `rename` is not there.

        Examples
        --------
        >>> import pathweave as pw
        >>> mdata = pw.datasets.simulate(40, seed=1)
        >>> model = pw.models.PathwayVAE(4, max_epochs=2).fit(mdata, pw.graph.reactome())
        >>> model.translate(mdata, units="cohort").shape == mdata.shape
        True
        """
        self._need_fit()
        return translated(self, mdata, match=match, units=units, rename=rename)

    def save(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write the model to a folder: safetensors, JSON and the graph; nothing that runs code.

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
        return f"{type(self).__name__}({inside}){fitted}"

    def _read(self, mdata: MuData) -> dict[str, np.ndarray]:
        self._need_fit()
        return read_matched(self, mdata)

    def _need_fit(self) -> None:
        if not hasattr(self, "ensemble_"):
            msg = f"this {type(self).__name__} is not fitted yet; call fit(mdata, graph) first."
            raise ValueError(msg)

    def _need_target(self) -> None:
        if not self.targets_:
            msg = "this model was fitted without a target, so it predicts none; fit with target= or survival=."
            raise ValueError(msg)
