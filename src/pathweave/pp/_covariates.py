"""Covariates as columns of numbers: categories one-hot, all centred by what `fit` saw."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from pathweave._core.checks import listed


@dataclass(frozen=True)
class Covariates:
    """How covariates become columns of numbers: what `fit` saw of them."""

    levels: dict[Any, list[Any] | None]
    origin: list[Any]
    mean: np.ndarray
    scale: np.ndarray

    @classmethod
    def learn(cls, table: pd.DataFrame, n: int) -> Covariates:
        """Learn levels of categories, and means of all columns: the batches then keep the features' means."""
        _check_table(table, n)
        levels: dict[Any, list[Any] | None] = {}
        for name, column in table.items():
            number = pd.api.types.is_numeric_dtype(column)
            levels[name] = None if number else sorted(column.unique(), key=str)
        columns, origin = _columns(table, levels)
        mean, scale = columns.mean(axis=0), columns.std(axis=0)
        # A column that does not vary has no effect.
        constant = scale <= 1e-10 * np.abs(columns).max(axis=0, initial=0.0)
        return cls(levels, origin, mean, np.where(constant, np.inf, scale))

    def encode(self, table: pd.DataFrame, n: int) -> np.ndarray:
        """Encode the covariates of some samples, shape (n, n_columns)."""
        _check_table(table, n)
        missing = [name for name in self.levels if name not in table.columns]
        if missing:
            msg = f"covariates lack {listed(missing)}, which fit had; add them, or give no covariates."
            raise ValueError(msg)
        for name, known in self.levels.items():
            new = [] if known is None else [v for v in table[name].unique() if v not in known]
            if new:
                msg = (
                    f"covariates[{name!r}] holds {listed(new)}, which fit did not see (known: {listed(known or [], 20)}). "
                    "Leave these samples out, or give no covariates."
                )
                raise ValueError(msg)
        return (_columns(table, self.levels)[0] - self.mean) / self.scale


def _columns(
    table: pd.DataFrame, levels: dict[Any, list[Any] | None]
) -> tuple[np.ndarray, list[Any]]:
    """Numbers as they are, categories one column a level but the first; and whence each column comes."""
    columns, origin = [], []
    for name, known in levels.items():
        values = table[name].to_numpy()
        parts = [values] if known is None else [values == level for level in known[1:]]
        columns += [part.astype(np.float64) for part in parts]
        origin += [name] * len(parts)
    return np.stack(columns, axis=1) if columns else np.empty((len(table), 0)), origin


def _check_table(table: Any, n: int) -> None:
    if not isinstance(table, pd.DataFrame):
        msg = f"covariates must be a DataFrame, found {type(table).__name__}; use pd.DataFrame({{'sex': sex}})."
        raise TypeError(msg)
    if len(table) != n:
        msg = f"covariates have {len(table)} rows for {n} samples; give one row a sample, in order."
        raise ValueError(msg)
    if not table.columns.is_unique:
        msg = f"covariates name {listed(table.columns[table.columns.duplicated()])} more than once."
        raise ValueError(msg)
    gaps = table.columns[table.isna().any()]
    if len(gaps):
        msg = f"covariates hold missing values in {listed(gaps)}; fill them, or leave these samples out."
        raise ValueError(msg)


def check_confounding(dummies: np.ndarray, extra: np.ndarray, covariates: Covariates) -> None:
    """Raise if batches and covariates cannot be told apart."""
    used = np.isfinite(covariates.scale)
    origin = [name for name, use in zip(covariates.origin, used, strict=True) if use]
    extra = extra[:, used]
    n_batches = dummies.shape[1]
    if np.linalg.matrix_rank(np.hstack([dummies, extra])) == n_batches + extra.shape[1]:
        return
    guilty = []
    for name in dict.fromkeys(origin):
        own = extra[:, [o == name for o in origin]]
        if np.linalg.matrix_rank(np.hstack([dummies, own])) < n_batches + own.shape[1]:
            guilty.append(name)
    what = f"{listed(guilty)} cannot" if guilty else f"{listed(covariates.levels)} together cannot"
    msg = (
        f"covariates: {what} be told from the batches (or from each other): some batches hold one level only, "
        "or columns add up. Leave such a covariate out, or merge batches."
    )
    raise ValueError(msg)
