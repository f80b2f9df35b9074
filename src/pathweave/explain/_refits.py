"""What a fit on shuffled labels needs: labels that change places, and data that processes can share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pathweave._core.checks import check_obs_column, listed
from pathweave.io import layer_kinds, quiet_mudata, set_kinds
from pathweave.models import Tuned
from pathweave.models._again import Again

if TYPE_CHECKING:
    from mudata import MuData

    from pathweave.models import Estimator

_MIN_UNITS = 8


def check_refits(mdata: MuData, model: Estimator, task: str) -> None:
    """Raise where a fit on shuffled labels is no null of what is explained, or cannot be repeated."""
    if task in ("latent", "distance", "pathway"):
        instead = (
            f"explain a target of the model ({listed(model.targets_)})"
            if model.targets_
            else "fit with target= or survival="
        )
        msg = f"n_null: what is explained (of=) is a {task}, which has no labels to shuffle; {instead}, or leave n_null=0."
        raise ValueError(msg)
    if model.fine_tuned_from_ is not None:
        msg = (
            "n_null: the model was fine-tuned, and what it began with had learned from the real labels of other samples; "
            "explain a model fitted from scratch, or leave n_null=0."
        )
        raise ValueError(msg)
    if isinstance(model, Tuned):
        msg = (
            "n_null: the search of a Tuned model would have to be done again for every refit; explain model.model_, the best "
            "model that it found (its settings were chosen by the real labels, so its p are somewhat too small)."
        )
        raise ValueError(msg)
    if model.unfinished_:
        msg = (
            f"n_null: the fit was interrupted ({listed(model.unfinished_)}), so a whole one is not its null; fit again, or "
            "leave n_null=0."
        )
        raise ValueError(msg)
    if not hasattr(model, "fit_groups_"):
        msg = (
            "n_null: the model was saved by a release that did not note how it was fitted (groups=); fit and save it "
            "again, or leave n_null=0."
        )
        raise ValueError(msg)
    absent = [name for name in model.training_samples_ if name not in mdata.obs_names]
    if absent:
        msg = (
            f"n_null: the model is fitted again, and mdata lacks {len(absent)} of its {len(model.training_samples_)} "
            f"training samples ({listed(absent)}); give the data of the fit, or leave n_null=0."
        )
        raise ValueError(msg)
    for target in model.targets_.values():
        for column in target.columns:
            check_obs_column(mdata.obs, "n_null (outcome)", column)
    Again.of(model).check_outcome(mdata.obs)


@dataclass(frozen=True)
class Shuffles:
    """Outcomes that change places among the training samples, all of a sample together.

    Samples whose explained outcome is unknown keep what they have, as do all that were not learned from: who has an
    outcome may go with what was measured, and stays as it is. With groups (patients) whole groups change places.

    Attributes
    ----------
    columns
        Columns of the outcomes.
    units
        What changes places: positions of the samples of each unit, among all samples.
    """

    columns: tuple[str, ...]
    units: list[np.ndarray]

    @classmethod
    def of(cls, mdata: MuData, model: Estimator, target: str) -> Shuffles:
        """Find who may exchange outcomes."""
        rows = np.flatnonzero(mdata.obs_names.isin(model.training_samples_))
        codes = model._groups(mdata.obs.iloc[rows], model.fit_groups_)
        known = ~np.isnan(model.targets_[target].encode(mdata.obs.iloc[rows])).any(axis=1)
        codes = np.arange(len(rows)) if codes is None else codes
        rows, codes = rows[known], codes[known]
        columns = tuple(dict.fromkeys(c for t in model.targets_.values() for c in t.columns))
        told = mdata.obs.iloc[rows][list(columns)].astype(str)
        units = [rows[codes == code] for code in np.unique(codes)]
        if len(told.assign(code=codes).drop_duplicates()) > len(units):
            msg = (
                "n_null: samples of one group (groups= or subject= of the fit) differ in their outcome, so neither they nor "
                "the groups can change places; leave n_null=0."
            )
            raise ValueError(msg)
        if len(units) < _MIN_UNITS:
            msg = (
                f"n_null: {len(units)} training samples (or groups of them) with a known outcome are too few to change "
                f"places; {_MIN_UNITS} are the least. Leave n_null=0."
            )
            raise ValueError(msg)
        return cls(columns, units)

    def apply(self, obs: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
        """Shuffle once; a new table."""
        source = np.arange(len(obs))
        for mine, other in zip(self.units, rng.permutation(len(self.units)), strict=True):
            source[mine] = self.units[other][0]
        moved = obs[list(self.columns)].iloc[source].set_axis(obs.index, axis=0)
        return obs.assign(**{str(name): moved[name] for name in self.columns})


@dataclass(frozen=True)
class Packed:
    """Layers of a MuData in parts that processes can share."""

    layers: dict[str, tuple[Any, pd.Index, pd.DataFrame]]
    kinds: dict[str, str]
    names: pd.Index

    @classmethod
    def of(cls, mdata: MuData) -> Packed:
        """Take apart; what is on disk is read."""
        layers = {}
        for name, mod in mdata.mod.items():
            x = mod.X.to_memory() if hasattr(mod.X, "to_memory") else mod.X
            x = np.asarray(x) if type(x).__module__.startswith("h5py") else x
            layers[name] = (x, mod.obs_names, mod.var)
        return cls(layers, layer_kinds(mdata), mdata.obs_names)

    def to_mudata(self, obs: pd.DataFrame) -> MuData:
        """Put together, with columns of samples."""
        import mudata
        from anndata import AnnData

        mods = {
            name: AnnData(x, obs=pd.DataFrame(index=rows), var=var.copy())
            for name, (x, rows, var) in self.layers.items()
        }
        with quiet_mudata():
            made = mudata.MuData(mods)
            names = self.names[self.names.isin(made.obs_names)]  # the rest has no layer at all
            if not made.obs_names.equals(names):
                made = made[names].copy()
            made.obs = obs.loc[names].copy()
        set_kinds(made, self.kinds)
        return made
