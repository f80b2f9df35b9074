"""A subject's samples in time: which came before which, and the layers of those before."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pathweave._core.checks import check_obs_column, listed
from pathweave.models._raw import read_raw

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mudata import MuData

    from pathweave.models._data import LayerSchema


def earlier_visits(obs: pd.DataFrame, subject: str, time: str, n_steps: int) -> np.ndarray:
    """For every sample the positions of its subject's samples before it.

    Parameters
    ----------
    obs
        Samples.
    subject, time
        Columns: whose sample it is, and when it was taken.
    n_steps
        Samples that are read, the present one included.

    Returns
    -------
    Positions (n, n_steps - 1), the latest first; -1 where there is none.
    """
    codes = subject_codes(obs, subject)
    table = pd.DataFrame({"subject": codes, "time": _times(obs, time).to_numpy()})
    twice = table.duplicated(keep=False).to_numpy()
    if twice.any():
        msg = (
            f"subject={subject!r}, time={time!r}: {int(twice.sum())} samples share subject and time with another "
            f"({listed(obs.index[twice], 4)}); which came first? Average or drop replicates, or give finer times."
        )
        raise ValueError(msg)
    order = table.sort_values(["subject", "time"], kind="stable").index.to_numpy()
    sorted_codes = codes[order]
    earlier = np.full((len(obs), n_steps - 1), -1, dtype=np.int64)
    for lag in range(1, min(n_steps, len(obs))):
        same = sorted_codes[lag:] == sorted_codes[:-lag]
        earlier[order[lag:][same], lag - 1] = order[:-lag][same]
    return earlier


def subject_codes(obs: pd.DataFrame, subject: str) -> np.ndarray:
    """A code for every sample's subject."""
    check_obs_column(obs, "subject", subject)
    codes = pd.factorize(obs[subject].astype(object))[0]
    if (codes < 0).any():
        msg = (
            f"subject={subject!r}: {int((codes < 0).sum())} sample(s) have none "
            f"({listed(obs.index[codes < 0], 4)}); fill the column or leave these samples out."
        )
        raise ValueError(msg)
    return codes


def _times(obs: pd.DataFrame, time: str) -> pd.Series:
    """Times that can be ordered: numbers or dates, also those written as text."""
    check_obs_column(obs, "time", time)
    times = obs[time]
    kind = getattr(times.dtype, "kind", "O")
    if kind not in "iufMm":
        text = times.astype(object).where(times.notna()).astype("string")
        numbers = pd.to_numeric(text, errors="coerce")
        dates = pd.to_datetime(text, errors="coerce", format="ISO8601", utc=True)
        times = numbers if numbers.isna().sum() <= dates.isna().sum() else dates
    bad = times.isna().to_numpy()
    if bad.any():
        given = obs[time][bad].astype(str)
        msg = (
            f"time={time!r}: {int(bad.sum())} sample(s) have no number or date there ({listed(given.unique(), 3)} in "
            f"{listed(obs.index[bad], 4)}); fill the column or leave these samples out."
        )
        raise ValueError(msg)
    return times


def lagged(values: np.ndarray, earlier: np.ndarray) -> np.ndarray:
    """Values of the earlier sample in every row, NaN where there is none."""
    there = earlier >= 0
    moved = np.full_like(values, np.nan)
    moved[there] = values[earlier[there]]
    return moved


def with_earlier(
    schema: tuple[LayerSchema, ...],
    values: dict[str, np.ndarray],
    sizes: dict[str, np.ndarray],
    earlier: np.ndarray,
    *,
    subject: str,
) -> tuple[tuple[LayerSchema, ...], dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Add to the layers, and to the library sizes of counts, those of earlier samples as far as there are any."""
    if not (earlier >= 0).any():
        msg = (
            f"subject={subject!r}: no subject has two of the {len(earlier)} training samples, so there is no past to "
            "read. Recurrent needs repeated samples; use FeedForward or MultimodalVAE."
        )
        raise ValueError(msg)
    layers, read, libraries = list(schema), dict(values), dict(sizes)
    for lag in range(1, earlier.shape[1] + 1):
        for layer in schema:
            moved = lagged(values[layer.name], earlier[:, lag - 1])
            if not np.isnan(moved).all():
                name = f"{layer.name} @-{lag}"
                layers.append(replace(layer, name=name, earlier_of=layer.name, lag=lag))
                read[name] = moved
                if layer.name in sizes:
                    size = lagged(sizes[layer.name], earlier[:, lag - 1])
                    libraries[name] = np.where(np.isnan(size), layer.library, size)
    return tuple(layers), read, libraries


def read_with_earlier(
    mdata: MuData, schema: Sequence[LayerSchema], earlier: np.ndarray
) -> dict[str, np.ndarray]:
    """Read all samples as `read_raw` does, and those before them."""
    values = read_raw(mdata, [layer for layer in schema if not layer.lag])
    return {
        layer.name: lagged(values[layer.earlier_of], earlier[:, layer.lag - 1])
        if layer.lag
        else values[layer.name]
        for layer in schema
    }
