"""The order of features along which `ConvNet` convolves."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pathweave._core.checks import listed
from pathweave._core.warnings import DataWarning, warn

if TYPE_CHECKING:
    from mudata import MuData

    from pathweave.models._data import LayerSchema


def check_order(order: Any) -> tuple[str, ...]:
    """Columns that give the order: none, (position,), or (chromosome, position)."""
    columns = () if order is None else (order,) if isinstance(order, str) else order
    is_columns = isinstance(columns, (tuple, list)) and all(isinstance(c, str) for c in columns)
    if not is_columns or len(columns) not in ({1, 2} if order is not None else {0}):
        msg = (
            f"order={order!r} must be a column of var with positions, such as 'start', two of them, such as "
            "('chrom', 'start'), or None for the order of var."
        )
        raise ValueError(msg)
    return tuple(columns)


def in_order(
    mdata: MuData,
    schema: tuple[LayerSchema, ...],
    values: dict[str, np.ndarray],
    columns: tuple[str, ...],
) -> tuple[tuple[LayerSchema, ...], dict[str, np.ndarray]]:
    """Sort the features of every layer that has the columns, and mark its segments.

    Returns
    -------
    The schema with features in order and ``segments``, and the values with their columns moved alike.
    """
    if not columns:
        warn(
            f"order=None: ConvNet convolves over the features of {listed(layer.name for layer in schema)} in the "
            "order of var; nothing says that neighbours there belong together. Give order=, a column of var with "
            "positions or two with chromosome and position, or use FeedForward or MultimodalVAE.",
            DataWarning,
        )
        return tuple(replace(layer, segments=(len(layer.features),)) for layer in schema), values
    have = [l.name for l in schema if set(columns) <= set(mdata.mod[l.name].var.columns)]
    if not have:
        found = {layer.name: list(mdata.mod[layer.name].var.columns) for layer in schema}
        msg = f"order={columns!r}: no layer has such columns of var; found {found}."
        raise KeyError(msg)
    bare = [layer.name for layer in schema if layer.name not in have]
    if bare:
        warn(
            f"order={columns!r}: layers {listed(bare)} have no such columns of var; they get a dense encoder.",
            DataWarning,
        )
    ordered, moved = [], dict(values)
    for layer in schema:
        if layer.name in bare:
            ordered.append(layer)
            continue
        order, segments = _sorted(mdata.mod[layer.name].var, columns, layer)
        features = tuple(layer.features[i] for i in order)
        shares = tuple(layer.shares[i] for i in order) if layer.shares else ()
        ordered.append(replace(layer, features=features, shares=shares, segments=segments))
        moved[layer.name] = values[layer.name][:, order]
    return tuple(ordered), moved


def _sorted(
    var: pd.DataFrame, columns: tuple[str, ...], layer: LayerSchema
) -> tuple[np.ndarray, tuple[int, ...]]:
    """Positions of the features in their order, and the size of each segment."""
    names = list(layer.features)
    table = var.loc[names, list(columns)].astype(object)
    position = pd.to_numeric(table[columns[-1]], errors="coerce").to_numpy(dtype=np.float64)
    segment = table[columns[0]] if len(columns) == 2 else pd.Series("", index=names)
    lost = ~np.isfinite(position) | segment.isna().to_numpy()
    if lost.any():
        msg = (
            f"order={columns!r}: {int(lost.sum())} of {len(names)} features of layer {layer.name!r} have no position "
            f"there ({listed(np.array(names)[lost], 3)}); fill the column with numbers, or drop these features."
        )
        raise ValueError(msg)
    keys = pd.DataFrame(
        {"segment": segment.astype(str).to_numpy(), "position": position, "name": names}
    )
    keys = keys.sort_values(["segment", "position", "name"], kind="stable")
    sizes = keys.groupby("segment", sort=True).size()
    return keys.index.to_numpy(), tuple(int(size) for size in sizes)
