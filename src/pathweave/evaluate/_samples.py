"""Samples as estimators see them: aligned layers, an outcome, and what groups them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from pathweave._core.checks import (
    check_mudata,
    check_obs_column,
    check_values,
    listed,
    select_layers,
)
from pathweave.io import layer_kinds, quiet_mudata, set_kinds
from pathweave.models._targets import Target, read_targets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mudata import MuData

Task = Literal["class", "number", "survival"]
TIME, EVENT = "time", "event"


@dataclass(frozen=True)
class Samples:
    """Some samples, with all that an estimator may learn from.

    Attributes
    ----------
    names
        Sample names (n,).
    layers
        For each layer (n, n_features), NaN where unmeasured.
    features, kinds
        Feature names and kind of each layer.
    task
        ``"class"``, ``"number"`` or ``"survival"``.
    targets, classes
        Columns of the outcome, and the class labels in order.
    y
        Outcome: class codes (n, 1), numbers (n, n_targets) with NaN where unknown, or times and
        events (n, 2).
    groups, batch
        Codes (n,) of the group and of the batch of each sample, or ``None``.
    ordinal
        Whether the order of the classes means something.
    obs, var
        Other columns that models read: of samples (n rows), and of each layer's features.
    """

    names: np.ndarray
    layers: dict[str, np.ndarray]
    features: dict[str, np.ndarray]
    kinds: dict[str, str]
    task: Task
    targets: tuple[str, ...]
    classes: tuple[str, ...]
    y: np.ndarray
    groups: np.ndarray | None = None
    batch: np.ndarray | None = None
    ordinal: bool = False
    obs: pd.DataFrame | None = None
    var: dict[str, pd.DataFrame] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.names)

    def take(self, rows: np.ndarray) -> Samples:
        """Some of the samples, in the order given."""
        return replace(
            self,
            names=self.names[rows],
            layers={layer: x[rows] for layer, x in self.layers.items()},
            y=self.y[rows],
            groups=None if self.groups is None else self.groups[rows],
            batch=None if self.batch is None else self.batch[rows],
            obs=None if self.obs is None else self.obs.iloc[rows],
        )

    def only(self, layers: Sequence[str]) -> Samples:
        """The same samples with some of the layers."""
        return replace(
            self,
            layers={k: self.layers[k] for k in layers},
            features={k: self.features[k] for k in layers},
            kinds={k: self.kinds[k] for k in layers},
            var={k: table for k, table in self.var.items() if k in layers},
        )

    def without(self, layers: Sequence[str], rows: np.ndarray) -> Samples:
        """The same samples, as if some layers had not been measured in the samples of a mask."""
        gone = {}
        for layer in layers:
            gone[layer] = self.layers[layer].copy()
            gone[layer][rows] = np.nan
        return replace(self, layers={**self.layers, **gone})

    def has(self, layer: str) -> np.ndarray:
        """Mask of the samples with any value in a layer."""
        return ~np.isnan(self.layers[layer]).all(axis=1)

    def side_by_side(self) -> np.ndarray:
        """All layers, one after the other, in their own precision."""
        return np.concatenate(list(self.layers.values()), axis=1)

    def known(self, column: int = 0) -> np.ndarray:
        """Mask of the samples whose outcome is known."""
        return ~np.isnan(self.y[:, column])

    def labels(self) -> np.ndarray:
        """Class labels (n,)."""
        return np.asarray(self.classes, dtype=object)[self.y[:, 0].astype(int)]

    def outcome_table(self) -> pd.DataFrame:
        """The outcome as columns for ``obs``."""
        if self.task == "class":
            labels: Any = self.labels().astype(str)
            if self.ordinal:
                labels = pd.Categorical(labels, categories=list(self.classes), ordered=True)
            return pd.DataFrame({self.targets[0]: labels}, index=self.names)
        return pd.DataFrame(self.y, index=self.names, columns=list(self.targets))

    def to_mudata(self, *, outcome: bool) -> MuData:
        """Build a MuData of these samples alone.

        Samples without any value in a layer are missing from it, as are features without any value
        and layers that nobody has.
        """
        import mudata
        from anndata import AnnData

        mods = {}
        for layer, x in self.layers.items():
            rows, columns = self.has(layer), ~np.isnan(x).all(axis=0)
            if not rows.any():
                continue
            mods[layer] = AnnData(
                x[np.ix_(rows, columns)].astype(np.float32),
                obs=pd.DataFrame(index=self.names[rows]),
                var=self._var(layer).iloc[columns].copy(),
            )
        with quiet_mudata():
            mdata = mudata.MuData(mods)
            absent = pd.Index(self.names).difference(mdata.obs_names, sort=False)
            if len(absent):  # a sample without any layer stays a row of the first one
                first = next(iter(mods))
                empty = AnnData(
                    np.full((len(absent), mods[first].n_vars), np.nan, np.float32),
                    obs=pd.DataFrame(index=absent),
                    var=mods[first].var.copy(),
                )
                import anndata

                mods[first] = anndata.concat([mods[first], empty])
                mdata = mudata.MuData(mods)
            mdata = mdata[self.names].copy()
            if self.obs is not None:
                for column, values in self.obs.items():
                    mdata.obs[column] = values.loc[mdata.obs_names]
            if outcome:
                for column, values in self.outcome_table().items():
                    mdata.obs[column] = values.loc[mdata.obs_names].array
        set_kinds(mdata, {layer: kind for layer, kind in self.kinds.items() if layer in mods})
        return mdata

    def _var(self, layer: str) -> pd.DataFrame:
        bare = pd.DataFrame(index=self.features[layer])
        return self.var[layer].loc[self.features[layer]] if layer in self.var else bare


def read_samples(
    mdata: MuData,
    *,
    target: str | Sequence[str] | None,
    survival: tuple[str, str] | None,
    layers: Sequence[str] | str | None = None,
    groups: str | None = None,
    batch: str | None = None,
    also: tuple[Sequence[str], Sequence[str]] = ((), ()),
) -> Samples:
    """Check a MuData and read the samples whose outcome is known, and `also` some columns of obs and of var.

    Returns
    -------
    The samples, in the order of ``mdata.obs_names``.

    Raises
    ------
    ValueError
        If there is no outcome, or several that cannot be judged together.
    """
    check_mudata(mdata)
    columns = [] if target is None else [target] if isinstance(target, str) else list(target)
    if bool(columns) == (survival is not None):
        msg = (
            f"target={target!r} and survival={survival!r}: give one of them, what is to be predicted. "
            "Evaluate several outcomes one by one."
        )
        raise ValueError(msg)
    found = read_targets(mdata.obs, target=columns or None, survival=survival)
    tasks = {t.task for t in found}
    if len(found) > 1 and tasks != {"number"}:
        msg = (
            f"target={target!r}: several targets must all be numbers, found {sorted(tasks)}; evaluate "
            "classes one column at a time."
        )
        raise ValueError(msg)
    first = found[0]
    chosen = select_layers(mdata, layers)
    y = (
        np.hstack([t.encode(mdata.obs) for t in found])
        if first.task == "number"
        else first.encode(mdata.obs)
    )
    some = (~np.isnan(y)).any(axis=1) if first.task == "number" else ~np.isnan(y).any(axis=1)
    values = {layer: aligned_values(mdata, layer)[some] for layer in chosen}
    if not any((~np.isnan(x)).any() for x in values.values()):
        msg = f"layers={layers!r}: no sample with a known outcome has a value in any of them."
        raise ValueError(msg)
    kinds = layer_kinds(mdata)
    obs_columns, var_columns = also
    for column in obs_columns:
        check_obs_column(mdata.obs, "a column that models read", column)
    outcome = first.columns if first.task == "survival" else tuple(t.columns[0] for t in found)
    return Samples(
        names=mdata.obs_names.to_numpy(dtype=object)[some],
        layers=values,
        features={k: mdata.mod[k].var_names.to_numpy(dtype=object) for k in chosen},
        kinds={k: kinds[k] for k in chosen},
        task=first.task,
        targets=outcome,
        classes=first.classes,
        y=y[some],
        groups=_codes(mdata, "groups", groups, some),
        batch=_codes(mdata, "batch", batch, some),
        ordinal=first.ordinal,
        obs=mdata.obs.loc[some, list(dict.fromkeys(obs_columns))] if obs_columns else None,
        var={k: v for k in chosen if (v := _of_features(mdata, k, var_columns)).shape[1]},
    )


def _of_features(mdata: MuData, layer: str, columns: Sequence[str]) -> pd.DataFrame:
    """Those of some columns that a layer's ``var`` has."""
    var = mdata.mod[layer].var
    return var[[column for column in dict.fromkeys(columns) if column in var.columns]]


def aligned_values(mdata: MuData, layer: str) -> np.ndarray:
    """Values of a layer for all samples, in the layer's own floating-point precision."""
    mod = mdata.mod[layer]
    if mod.X is None:
        msg = f"layer {layer!r} has no X; put its values into mod.X."
        raise ValueError(msg)
    x = np.asarray(mod.X.toarray() if hasattr(mod.X, "toarray") else mod.X)
    x = x if x.dtype.kind == "f" else x.astype(np.float64)
    check_values(x, layer, mod.var_names)
    rows = mod.obs_names.get_indexer(mdata.obs_names)
    aligned = np.full((len(rows), x.shape[1]), np.nan, dtype=x.dtype)
    aligned[rows >= 0] = x[rows[rows >= 0]]
    return aligned


def _codes(mdata: MuData, name: str, column: str | None, some: np.ndarray) -> np.ndarray | None:
    """Codes of the values of a column of obs; a missing one is an error."""
    if column is None:
        return None
    check_obs_column(mdata.obs, name, column)
    values: Any = mdata.obs[column][some]
    if values.isna().any():
        msg = (
            f"{name}={column!r}: {int(values.isna().sum())} sample(s) have no value there; fill the "
            "column or drop these samples."
        )
        raise ValueError(msg)
    return pd.factorize(values.astype(str), sort=True)[0]


def read_like(mdata: MuData, like: Samples, *, name: str) -> Samples:
    """Read a second cohort in the layers, features and classes of a first.

    Features and layers that it lacks are unmeasured; none in common is an error.
    """
    check_mudata(mdata, name=name)
    target = Target(like.targets[0], like.task, like.targets, like.classes)
    for column in like.targets:
        check_obs_column(mdata.obs, "target" if like.task != "survival" else "survival", column)
    y = target.encode(mdata.obs)
    some = (~np.isnan(y)).any(axis=1) if like.task == "number" else ~np.isnan(y).any(axis=1)
    if some.sum() < 2:
        hint = f" (classes: {listed(like.classes, 10)})" if like.classes else ""
        msg = f"{name}: {int(some.sum())} sample(s) have a known outcome{hint}; at least 2 are needed."
        raise ValueError(msg)
    layers = {}
    shared = 0
    for layer, names in like.features.items():
        x = np.full((mdata.n_obs, len(names)), np.nan, dtype=like.layers[layer].dtype)
        if layer in mdata.mod:
            own = aligned_values(mdata, layer)
            columns = mdata.mod[layer].var_names.get_indexer(names)
            x[:, columns >= 0] = own[:, columns[columns >= 0]]
            shared += int((columns >= 0).sum())
        layers[layer] = x[some]
    if not shared:
        msg = (
            f"{name} has no layer and feature in common with mdata (layers there: {listed(mdata.mod, 10)}, here: "
            f"{listed(like.layers, 10)}). Use the same names of layers and identifiers of features."
        )
        raise ValueError(msg)
    return replace(
        like,
        names=mdata.obs_names.to_numpy(dtype=object)[some],
        layers=layers,
        y=y[some],
        groups=None,
        batch=None,
        obs=None if like.obs is None else _like_obs(mdata, like.obs, some, name),
    )


def _like_obs(mdata: MuData, like: pd.DataFrame, some: np.ndarray, name: str) -> pd.DataFrame:
    for column in like.columns:
        check_obs_column(mdata.obs, f"a column of {name} that models read", column)
    return mdata.obs.loc[some, list(like.columns)]
