"""What the checks look at: layers as measured, outcomes, splits, groups and batches, in one value."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pathweave._core import keys
from pathweave._core.checks import MISSING_LABELS, check_mudata, check_obs_column, select_layers
from pathweave.evaluate._samples import aligned_values
from pathweave.evaluate._splits import read_splits
from pathweave.models._targets import Target, read_targets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mudata import MuData

    from pathweave.evaluate._splits import Split

_BATCH_WORDS = frozenset(
    {
        "batch", "plate", "site", "center", "centre", "tss", "lane", "chip", "slide", "hospital", "institute", "cohort",
        "study", "platform", "instrument", "sequencer", "laboratory",
    }
)  # fmt: skip
_BODY_WORDS = frozenset(
    {"primary", "tumor", "tumour", "tissue", "anatomic", "biopsy", "body", "disease", "metastasis", "organ"}
)  # fmt: skip
_MAX_FEATURES = 2000


@dataclass(frozen=True)
class Layer:
    """A layer as measured: ``rows`` are its samples' positions among all, ``x`` has NaN where unmeasured."""

    name: str
    features: np.ndarray
    rows: np.ndarray
    x: np.ndarray

    def some(self, seed: int) -> Layer:
        """At most 2000 features, drawn: what is said of most features shows on these as well."""
        if self.x.shape[1] <= _MAX_FEATURES:
            return self
        drawn = np.random.default_rng(seed).permutation(self.x.shape[1])[:_MAX_FEATURES]
        drawn.sort()
        return Layer(self.name, self.features[drawn], self.rows, self.x[:, drawn])


@dataclass(frozen=True)
class Outcome:
    """An outcome of all samples, NaN where unknown."""

    target: Target
    encoded: np.ndarray

    @property
    def y(self) -> np.ndarray:
        """Class codes or numbers (n,), or (n, 2: time, event)."""
        return self.encoded if self.target.task == "survival" else self.encoded[:, 0]

    @property
    def known(self) -> np.ndarray:
        """Mask of the samples whose outcome is known."""
        return ~np.isnan(self.encoded).any(axis=1)

    @property
    def labels(self) -> np.ndarray | None:
        """Class, or event of a survival time, of each sample; none for numbers."""
        return None if self.target.task == "number" else self.encoded[:, -1]

    @property
    def prediction(self) -> str:
        """Column of obs to which `tl.predict` writes this outcome."""
        return (
            keys.RISK if self.target.task == "survival" else keys.prediction(self.target.columns[0])
        )

    @property
    def name(self) -> str:
        """The column or columns, for sentences."""
        return " and ".join(repr(c) for c in self.target.columns)


@dataclass(frozen=True)
class Study:
    """All that the checks look at; everything is in the order of ``names``."""

    names: np.ndarray
    obs: pd.DataFrame
    layers: tuple[Layer, ...]
    outcomes: tuple[Outcome, ...]
    splits: tuple[Split, ...]
    groups: str | None
    batches: tuple[str, ...]
    guessed: bool
    seed: int

    @property
    def columns(self) -> set[str]:
        """Columns of obs that hold an outcome."""
        return {c for o in self.outcomes for c in o.target.columns}

    def torn(self, code: np.ndarray) -> np.ndarray:
        """Which codes (0 or more) some split has in training and in test part."""
        both = [np.intersect1d(code[s.train], code[s.test]) for s in self.splits]
        found = np.unique(np.concatenate([*both, np.array([], dtype=np.int64)]))
        return found[found >= 0]


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
    obs = mdata.obs
    targets = read_targets(obs, target=target, survival=survival)
    outcomes = tuple(Outcome(t, t.encode(obs)) for t in targets)
    if groups is not None:
        check_obs_column(obs, "groups", groups)
    batches = (batch,) if isinstance(batch, str) else tuple(batch or ())
    for column in batches:
        check_obs_column(obs, "batch", column)
    if batch is None:
        batches = _guess_batches(obs, {groups, *(c for t in targets for c in t.columns)})
    return Study(
        names=mdata.obs_names.to_numpy(dtype=object),
        obs=obs,
        layers=tuple(_read_layer(mdata, layer) for layer in chosen),
        outcomes=outcomes,
        splits=() if splits is None else _read_splits(splits, mdata, outcomes, groups),
        groups=groups,
        batches=batches,
        guessed=batch is None,
        seed=seed,
    )


def codes(values: pd.Series) -> np.ndarray:
    """Codes of a column's values as text, -1 where missing."""
    text = values.astype(object).map(str).str.strip()
    missing = values.isna().to_numpy() | text.str.lower().isin(MISSING_LABELS).to_numpy()
    coded = pd.factorize(text, sort=True)[0].astype(np.int64)
    coded[missing] = -1
    return coded


def words(name: object) -> list[str]:
    """Words of a name in lower case: ``"Site_Primary"`` and ``"sitePrimary"`` give site, primary."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z][a-z])", " ", str(name))
    return [word for word in re.split(r"[^a-z0-9]+", spaced.lower()) if word]


def is_continuous(x: np.ndarray) -> np.ndarray:
    """Features of which at least half of the values are different."""
    ordered = np.sort(x, axis=0)  # NaN last, and none differs from another
    distinct = 1 + (np.diff(ordered, axis=0) > 0).sum(axis=0)
    return distinct >= np.maximum(5, 0.5 * (~np.isnan(x)).sum(axis=0))


def _read_splits(
    splits: Any, mdata: MuData, outcomes: tuple[Outcome, ...], groups: str | None
) -> tuple[Split, ...]:
    """Read the splits as `cross_validate` does, in positions among all samples."""
    known = np.ones(mdata.n_obs, dtype=bool)
    y = np.zeros(mdata.n_obs)
    if outcomes:
        known = np.any([o.known for o in outcomes], axis=0)
        y = outcomes[0].encoded[:, -1]
    where = np.flatnonzero(known)
    own = None if groups is None else codes(mdata.obs[groups])[known]
    made = read_splits(splits, mdata.obs_names.to_numpy(dtype=object)[known], y[known], own)
    if not made or not all(len(s.train) and len(s.test) for s in made):
        msg = f"splits: {len(made)} split(s), of which some have no training or no test sample."
        raise ValueError(msg)
    return tuple(type(s)(s.repeat, s.fold, where[s.train], where[s.test]) for s in made)


def _guess_batches(obs: pd.DataFrame, used: set[str | None]) -> tuple[str, ...]:
    """Columns named like a batch, with some but not only different values."""
    found = []
    for column in obs.columns:
        parts = {re.sub(r"\d+$", "", word) for word in words(column)}
        if column in used or not parts & _BATCH_WORDS or parts & _BODY_WORDS:
            continue
        code = codes(obs[column])
        if 2 <= len(np.unique(code[code >= 0])) <= len(obs) / 2:
            found.append(str(column))
    return tuple(found)


def _read_layer(mdata: MuData, layer: str) -> Layer:
    x = aligned_values(mdata, layer)
    rows, some = ~np.isnan(x).all(axis=1), ~np.isnan(x).all(axis=0)
    features = mdata.mod[layer].var_names.to_numpy(dtype=object)[some]
    return Layer(layer, features, np.flatnonzero(rows), x[np.ix_(rows, some)])
