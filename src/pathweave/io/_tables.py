"""Plain tables (files or DataFrames) into one MuData."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pathweave._core.checks import check_some_overlap, check_unique, listed
from pathweave.io._kinds import set_kinds
from pathweave.io._mudata import quiet_mudata
from pathweave.io._orient import samples_in_columns
from pathweave.io._read_table import read_table

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    import pandas as pd
    from mudata import MuData

logger = logging.getLogger(__name__)


def read_tables(
    tables: Mapping[str, str | os.PathLike[str] | pd.DataFrame],
    *,
    obs: str | os.PathLike[str] | pd.DataFrame | None = None,
    kinds: Mapping[str, str] | None = None,
    transpose: bool | Literal["auto"] = "auto",
    sep: str | None = None,
) -> MuData:
    """Join one table a layer into a MuData over the union of their samples.

    Parameters
    ----------
    tables
        Layer name to table: a DataFrame, or a CSV, TSV or parquet file (also gzipped) whose first
        column holds the row names.
    obs
        Table of the samples (clinical data, labels): a DataFrame or file with sample names in front.
    kinds
        Layer name to kind where the guess from the name would be wrong, as in `set_kinds`.
    transpose
        Whether the tables hold features in rows and samples in columns; ``"auto"`` decides for each
        table by the names in `obs`, the names shared by the tables, and what identifiers look like.
    sep
        Field separator of text files; found out if not given.

    Returns
    -------
    MuData with one modality a layer, `X` float32 of shape ``(n_samples, n_features)`` with NaN where
    a value is missing, and `obs` reordered to its samples. Samples need not be in every table.

    Examples
    --------
    >>> import pandas as pd, pathweave as pw
    >>> rna = pd.DataFrame({"TP53": [1.0, 2.0], "EGFR": [0.5, 0.1]}, index=["s1", "s2"])
    >>> meth = pd.DataFrame({"s2": [0.1], "s3": [0.9]}, index=["cg00000029"])
    >>> mdata = pw.io.read_tables({"rna": rna, "meth": meth})
    >>> mdata.n_obs, mdata.mod["meth"].shape
    (3, (2, 1))
    """
    if not hasattr(tables, "items") or not tables:
        msg = (
            f"tables must be a dict such as {{'rna': 'rna.csv'}} with at least one layer, found {tables!r}."
            if not hasattr(tables, "items")
            else "tables is empty; give at least one layer such as {'rna': 'rna.csv'}."
        )
        raise TypeError(msg) if not hasattr(tables, "items") else ValueError(msg)
    if transpose not in {True, False, "auto"}:
        msg = f"transpose={transpose!r} is not known; choose True, False or 'auto'."
        raise ValueError(msg)
    frames = {
        layer: read_table(table, f"tables[{layer!r}]", sep) for layer, table in tables.items()
    }
    samples = None if obs is None else _obs_table(read_table(obs, "obs", sep))
    flip = (
        samples_in_columns(frames, None if samples is None else samples.index)
        if transpose == "auto"
        else dict.fromkeys(frames, transpose)
    )
    mods = {}
    for layer, frame in frames.items():
        if flip[layer]:
            logger.info("layer %r: features are in rows, table transposed", layer)
        mods[layer] = _modality(frame.T if flip[layer] else frame, layer)
    mdata = _join(mods)
    check_some_overlap(mdata, list(mods))
    if samples is not None:
        _attach(mdata, samples)
    if kinds:
        set_kinds(mdata, kinds)
    return mdata


def _join(mods: dict[str, Any]) -> MuData:
    """One MuData of the modalities."""
    from mudata import MuData

    with quiet_mudata():
        return MuData(mods)


def _modality(frame: pd.DataFrame, layer: str) -> Any:
    """AnnData of one table: numbers only, names unique."""
    import anndata as ad
    import pandas as pd

    rows, columns = frame.index.astype(str).str.strip(), frame.columns.astype(str).str.strip()
    check_unique(rows, f"sample names of layer {layer!r}")
    check_unique(columns, f"feature names of layer {layer!r}")
    return ad.AnnData(
        X=_numbers(frame, layer),
        obs=pd.DataFrame(index=rows.rename(None)),
        var=pd.DataFrame(index=columns.rename(None)),
    )


def _numbers(frame: pd.DataFrame, layer: str) -> np.ndarray:
    """Turn the table into float32, or raise naming the text in it."""
    import pandas as pd

    if all(dtype.kind in "fiub" for dtype in frame.dtypes):
        return frame.to_numpy(dtype=np.float32, copy=True)
    columns = [pd.to_numeric(frame.iloc[:, i], errors="coerce") for i in range(frame.shape[1])]
    values = np.column_stack([np.asarray(column, dtype=np.float32) for column in columns])
    given = frame.notna().to_numpy()
    bad = given & np.isnan(values)
    if bad.any():
        row, column = np.argwhere(bad)[0]
        text = sorted({str(value) for value in frame.to_numpy(dtype=object)[bad]})
        msg = (
            f"layer {layer!r} holds text where numbers are needed: {listed(text)} in "
            f"{listed(frame.columns[np.flatnonzero(bad.any(axis=0))])} (first in row {frame.index[row]!r}, column "
            f"{frame.columns[column]!r}). Drop such columns, or move labels into obs."
        )
        raise ValueError(msg)
    return values


def _obs_table(frame: pd.DataFrame) -> pd.DataFrame:
    """Sample table whose columns h5mu can hold: text columns hold nothing but text."""
    frame = frame.copy()
    frame.index = frame.index.astype(str).str.strip().rename(None)
    frame.columns = frame.columns.astype(str)
    check_unique(frame.index, "sample names of obs")
    check_unique(frame.columns, "column names of obs")
    for name in frame.columns:
        column = frame[name]
        if column.dtype == object:
            frame[name] = column.where(column.isna(), column.astype(str))
    return frame


def _attach(mdata: MuData, samples: pd.DataFrame) -> None:
    """Put the sample table into ``mdata.obs``, in the order of its samples."""
    known = mdata.obs_names.isin(samples.index)
    if not known.any():
        msg = (
            f"obs shares no sample name with the tables: obs has {listed(samples.index)}, the tables "
            f"have {listed(mdata.obs_names)}. Are they written alike (case, '-' or '.', suffixes)?"
        )
        raise ValueError(msg)
    if not known.all():
        logger.warning(
            "%d sample(s) are not in obs, e.g. %s", (~known).sum(), listed(mdata.obs_names[~known])
        )
    unused = int((~samples.index.isin(mdata.obs_names)).sum())
    if unused:
        logger.info("%d sample(s) of obs are in no table and were left out", unused)
    with quiet_mudata():
        mdata.obs = samples.reindex(mdata.obs_names)
