"""What the checks look at: layers as measured, outcomes, splits, groups and batches, in one value."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pathweave._core.checks import (
    MISSING_LABELS,
    check_mudata,
    check_obs_column,
    check_values,
    listed,
    select_layers,
)
from pathweave.io import layer_kinds
from pathweave.models._targets import Target, read_targets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mudata import MuData

_BATCH_WORDS = frozenset(
    {
        "batch", "plate", "site", "center", "centre", "run", "tss", "lane", "chip", "array", "slide", "hospital",
        "institute", "cohort", "study", "platform", "instrument", "sequencer", "lab", "laboratory",
    }
)  # fmt: skip
_BODY_WORDS = frozenset(
    {
        "primary", "tumor", "tumour", "tissue", "anatomic", "anatomical", "biopsy", "metastasis", "metastatic", "organ",
        "body", "disease", "cancer", "histology", "pathology", "neoplasm", "refined", "progression",
    }
)  # fmt: skip
_MAX_FEATURES = 2000


@dataclass(frozen=True)
class Layer:
    """A layer as measured.

    Attributes
    ----------
    name, kind
        Name of the layer and what it measures.
    features
        Feature names (n_features,).
    rows
        Positions of its samples among all, shape (n_measured,).
    x
        Values (n_measured, n_features), NaN where unmeasured.
    """

    name: str
    kind: str
    features: np.ndarray
    rows: np.ndarray
    x: np.ndarray

    def some(self, seed: int) -> Layer:
        """At most 2000 features, drawn: what is said of most features shows on these as well."""
        if self.x.shape[1] <= _MAX_FEATURES:
            return self
        drawn = np.sort(
            np.random.default_rng(seed).permutation(self.x.shape[1])[:_MAX_FEATURES]
        )
        return Layer(self.name, self.kind, self.features[drawn], self.rows, self.x[:, drawn])


@dataclass(frozen=True)
class Outcome:
    """An outcome of all samples: ``y`` of shape (n,), or (n, 2: time, event); NaN where unknown."""

    target: Target
    y: np.ndarray

    @property
    def known(self) -> np.ndarray:
        """Mask of the samples whose outcome is known."""
        return ~np.isnan(self.y.reshape(len(self.y), -1)).any(axis=1)

    @property
    def name(self) -> str:
        """The column or columns, for sentences."""
        return " and ".join(repr(c) for c in self.target.columns)


@dataclass(frozen=True)
class Study:
    """All that the checks look at; masks and codes are in the order of ``names``."""

    names: np.ndarray
    obs: pd.DataFrame
    layers: tuple[Layer, ...]
    outcomes: tuple[Outcome, ...]
    train: np.ndarray | None
    test: np.ndarray | None
    groups: np.ndarray | None
    groups_column: str
    batches: dict[str, np.ndarray]
    guessed: bool
    seed: int

    def torn(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """For pairs of samples: whether some split has one in training and the other in the test part."""
        if self.train is None or self.test is None:
            return np.zeros(len(a), dtype=bool)
        crossing = (self.train[:, a] & self.test[:, b]) | (self.train[:, b] & self.test[:, a])
        return crossing.any(axis=0)


def read_study(
    mdata: MuData,
    *,
    target: str | Sequence[str] | None,
    survival: tuple[str, str] | None,
    layers: Sequence[str] | str | None,
    splits: Any,
    groups: str | None,
    batch: str | Sequence[str] | None,
    seed: int,
) -> Study:
    """Check the arguments and read what they name."""
    check_mudata(mdata)
    chosen = select_layers(mdata, layers)
    kinds = layer_kinds(mdata)
    obs = mdata.obs
    read = read_targets(obs, target=target, survival=survival)
    outcomes = tuple(Outcome(t, _outcome_values(t, obs)) for t in read)
    known = np.ones(len(obs), dtype=bool)
    if outcomes:
        known = np.any([o.known for o in outcomes], axis=0)
    train, test = _read_splits(splits, known)
    if groups is not None:
        check_obs_column(obs, "groups", groups)
    named = [batch] if isinstance(batch, str) else list(batch or ())
    for column in named:
        check_obs_column(obs, "batch", column)
    used = {c for o in outcomes for c in o.target.columns} | {groups}
    guessed = batch is None
    columns = _guess_batches(obs, used) if guessed else named
    return Study(
        names=mdata.obs_names.to_numpy(dtype=object),
        obs=obs,
        layers=tuple(_read_layer(mdata, layer, kinds[layer]) for layer in chosen),
        outcomes=outcomes,
        train=train,
        test=test,
        groups=None if groups is None else codes(obs[groups]),
        groups_column=groups or "",
        batches={column: codes(obs[column]) for column in columns},
        guessed=guessed,
        seed=seed,
    )


def codes(values: pd.Series) -> np.ndarray:
    """Codes of a column's values as text, -1 where missing."""
    text = values.astype(object).map(str).str.strip()
    missing = values.isna().to_numpy() | text.str.lower().isin(MISSING_LABELS).to_numpy()
    coded = pd.factorize(text, sort=True)[0].astype(np.int64)
    coded[missing] = -1
    return coded


def levels(values: pd.Series) -> list[str]:
    """What the codes of `codes` stand for."""
    return [str(v) for v in pd.factorize(values.astype(object).map(str).str.strip(), sort=True)[1]]


def words(name: object) -> list[str]:
    """Words of a name in lower case: ``"Site_Primary"`` and ``"sitePrimary"`` give site, primary."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z][a-z])", " ", str(name))
    return [word for word in re.split(r"[^a-z0-9]+", spaced.lower()) if word]


def _outcome_values(target: Target, obs: pd.DataFrame) -> np.ndarray:
    y = target.encode(obs)
    return y if target.task == "survival" else y[:, 0]


def _guess_batches(obs: pd.DataFrame, used: set[str | None]) -> list[str]:
    """Columns named like a batch, with some but not only different values."""
    found = []
    for column in obs.columns:
        parts = {re.sub(r"\d+$", "", word) for word in words(column)}
        if column in used or not parts & _BATCH_WORDS or parts & _BODY_WORDS:
            continue
        code = codes(obs[column])
        if 2 <= len(np.unique(code[code >= 0])) <= len(obs) / 2:
            found.append(str(column))
    return found


def _read_layer(mdata: MuData, layer: str, kind: str) -> Layer:
    mod = mdata.mod[layer]
    if mod.X is None:
        msg = f"layer {layer!r} has no X; put its values into mod.X."
        raise ValueError(msg)
    x = np.asarray(mod.X.toarray() if hasattr(mod.X, "toarray") else mod.X)
    if x.dtype.kind not in "fiub":
        msg = f"layer {layer!r} holds {x.dtype} values; numbers are needed."
        raise TypeError(msg)
    x = x if x.dtype in (np.float32, np.float64) else x.astype(np.float64)
    some = ~np.isnan(x).all(axis=0)
    check_values(x[:, some], layer, mod.var_names[some])
    rows = mdata.obs_names.get_indexer(mod.obs_names)
    measured = ~np.isnan(x).all(axis=1) & (rows >= 0)
    features = mod.var_names.to_numpy(dtype=object)[some]
    return Layer(layer, kind, features, rows[measured], x[np.ix_(measured, some)])


def _read_splits(splits: Any, known: np.ndarray) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Masks (n_splits, n) of the training and test samples.

    Positions are among the samples with a known outcome, as in `cross_validate`; a fold vector may also
    be as long as all samples.
    """
    if splits is None:
        return None, None
    if isinstance(splits, str) or not hasattr(splits, "__iter__"):
        msg = (
            f"splits={splits!r} must be the fold of each sample or a list of (train, test) positions: "
            "splits=mdata.obs['fold'], or list(splitter.split(X, y))."
        )
        raise TypeError(msg)
    given = list(splits)
    where = np.flatnonzero(known)
    if given and (isinstance(given[0], str) or not hasattr(given[0], "__len__")):
        fold = pd.Series(given, dtype=object)
        if len(fold) == len(known):
            fold = fold[known]
        if len(fold) != len(where) or fold.isna().any():
            msg = (
                f"splits holds {len(given)} folds, {int(fold.isna().sum())} of them missing; give one for each of the "
                f"{len(known)} samples, or of the {len(where)} with a known outcome."
            )
            raise ValueError(msg)
        code = pd.factorize(fold)[0]
        pairs = [(code != k, code == k) for k in np.unique(code)]
    else:
        pairs = given
    train, test = (np.zeros((len(pairs), len(known)), dtype=bool) for _ in range(2))
    for k, pair in enumerate(pairs):
        if len(pair) != 2:
            msg = f"splits: fold {k} has {len(pair)} parts; a pair (train, test) is needed."
            raise ValueError(msg)
        for mask, part in zip((train, test), pair, strict=True):
            mask[k, where[_positions(part, len(where), k)]] = True
    if not len(pairs) or not (train.any(axis=1) & test.any(axis=1)).all():
        msg = f"splits: {len(pairs)} split(s), of which some have no training or no test sample."
        raise ValueError(msg)
    return train, test


def _positions(part: Any, n: int, fold: int) -> np.ndarray:
    part = np.asarray(part)
    if part.dtype == bool and part.shape == (n,):
        return np.flatnonzero(part)
    whole = part.ndim == 1 and part.dtype.kind in "iu"
    if not whole or (len(part) and (part.min() < 0 or part.max() >= n)):
        shown = listed(part.ravel()[:3], 3)
        msg = (
            f"splits: fold {fold} holds {shown} ...; positions 0 to {n - 1} of the samples with a known outcome "
            "are needed, or masks of them."
        )
        raise ValueError(msg)
    return part.astype(np.int64)
