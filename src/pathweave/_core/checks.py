"""Checks at the public edge: each error names the argument, what was found, what to do."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Collection

    import pandas as pd
    from mudata import MuData

MISSING_LABELS = frozenset(
    {
        "", "na", "n/a", "nan", "none", "null", "unknown", "[unknown]", "not available",
        "[not available]", "not reported", "not applicable", "[not applicable]",
        "unable to classify", "unclassified", "?",
    }
)  # fmt: skip
"""What clinical tables write where there is no label (compared in lower case)."""


def listed(names: Iterable[Any], n: int = 5) -> str:
    """Spell the first `n` names, and how many more there are."""
    names = [str(name) for name in names]
    more = f" and {len(names) - n} more" if len(names) > n else ""
    return ", ".join(repr(name) for name in names[:n]) + more


def check_choice(name: str, value: Any, allowed: Collection[Any]) -> None:
    """Raise if `value` is not one of `allowed`."""
    if value not in allowed:
        msg = f"{name}={value!r} is not known; choose one of {listed(allowed, 20)}."
        raise ValueError(msg)


def names_of(argument: str, given: Any, what: str) -> list[str]:
    """Turn a name, or several, into a list; raise if it is neither."""
    if isinstance(given, str):
        return [given]
    if not isinstance(given, Iterable):
        msg = f"{argument}={given!r} must be a name or a list of names ({what}), found {type(given).__name__}."
        raise TypeError(msg)
    return list(given)


def check_obs_column(obs: pd.DataFrame, name: str, column: Any) -> None:
    """Raise if `column` is not a column of `obs`."""
    if not isinstance(column, (str, int)):
        msg = (
            f"{name} must be the name of a column of mdata.obs, found {type(column).__name__}; put the values there "
            f"(mdata.obs[{name!r}] = ...) and give the name."
        )
        raise TypeError(msg)
    if column not in obs.columns:
        near = get_close_matches(str(column), map(str, obs.columns), n=3)
        hint = f" Did you mean {listed(near)}?" if near else ""
        msg = f"{name}={column!r} is not a column of mdata.obs; found {listed(obs.columns, 12)}.{hint}"
        raise KeyError(msg)


def check_unique(names: pd.Index, what: str) -> None:
    """Raise if `names` holds a name twice."""
    if not names.is_unique:
        twice = names[names.duplicated()].unique()
        msg = (
            f"{what} are not unique: {listed(twice)} occur more than once. "
            "Rename or merge them (for samples: average the replicates) before going on."
        )
        raise ValueError(msg)


def check_mudata(mdata: Any, *, name: str = "mdata") -> None:
    """Raise unless `mdata` is a MuData whose samples and features can be relied on."""
    from mudata import MuData

    if not isinstance(mdata, MuData):
        hint = (
            " Put the layer into a MuData: mudata.MuData({'rna': adata})."
            if type(mdata).__name__ == "AnnData"
            else " Read one with pathweave.io.read_h5mu or pathweave.io.read_tables."
        )
        msg = f"{name} must be a MuData, found {type(mdata).__name__}.{hint}"
        raise TypeError(msg)
    if not mdata.mod:
        msg = f"{name} has no modality; a MuData with at least one layer is needed."
        raise ValueError(msg)
    check_unique(mdata.obs_names, f"sample names of {name}")
    for layer, mod in mdata.mod.items():
        check_unique(mod.obs_names, f"sample names of layer {layer!r}")
        check_unique(mod.var_names, f"feature names of layer {layer!r}")
        if mod.n_obs == 0 or mod.n_vars == 0:
            msg = (
                f"layer {layer!r} of {name} is empty ({mod.n_obs} samples x {mod.n_vars} features); drop it: "
                f"del {name}.mod[{layer!r}], then {name}.update()."
            )
            raise ValueError(msg)


def select_layers(
    mdata: MuData, layers: Iterable[str] | str | None, *, name: str = "layers"
) -> list[str]:
    """Return the modalities asked for (all for ``None``), or raise naming those that exist."""
    if layers is None:
        return list(mdata.mod)
    chosen = names_of(name, layers, "modalities of mdata")
    if not chosen:
        msg = f"{name}={layers!r} holds no layer; name some of {listed(mdata.mod, 30)}, or leave it out for all."
        raise ValueError(msg)
    unknown = [layer for layer in chosen if layer not in mdata.mod]
    if unknown:
        msg = f"{name}={chosen!r}: no such layer {listed(unknown)}; mdata has {listed(mdata.mod, 30)}."
        raise KeyError(msg)
    return chosen


def check_values(values: np.ndarray, layer: str, var_names: pd.Index) -> None:
    """Raise on infinite values and on features without a single measured value."""
    if np.isinf(values).any():
        bad = np.flatnonzero(np.isinf(values).any(axis=0))
        msg = (
            f"layer {layer!r} holds infinite values in {listed(var_names[bad])} "
            "(log of zero?). Replace them by NaN or a number."
        )
        raise ValueError(msg)
    empty = np.flatnonzero(np.isnan(values).all(axis=0))
    if len(empty):
        msg = (
            f"layer {layer!r}: {len(empty)} feature(s) have no value in any sample: "
            f"{listed(var_names[empty])}. Drop them: mdata.mod[{layer!r}] = mod[:, keep]."
        )
        raise ValueError(msg)


def check_some_overlap(mdata: MuData, layers: list[str]) -> None:
    """Raise if no sample has two of the layers: then nothing can be learned jointly."""
    if len(layers) < 2:
        return
    count = sum(
        np.asarray(mdata.obs_names.isin(mdata.mod[layer].obs_names), int) for layer in layers
    )
    if int(np.max(count)) < 2:
        sizes = {layer: mdata.mod[layer].n_obs for layer in layers}
        msg = (
            f"the layers share no samples ({sizes}): no sample has two of them. "
            "Are the sample names written alike in all layers (case, '-' or '.', suffixes)?"
        )
        raise ValueError(msg)
