"""A cohort of another platform rewritten in the layers, features and units of a fitted model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anndata as ad
import mudata as md
import numpy as np
import pandas as pd

from pathweave._core.checks import check_choice, listed
from pathweave._core.warnings import DataWarning, warn
from pathweave.io import quiet_mudata, set_kinds
from pathweave.models._data import dense
from pathweave.models._likelihoods import COUNTS
from pathweave.models._match import LayerMatch, find_layers, warn_translated
from pathweave.models._units import Units

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pathweave.models._fitted import FittedModel


def translated(
    model: FittedModel,
    mdata: md.MuData,
    *,
    match: str,
    units: str,
    rename: Mapping[str, str] | None,
) -> md.MuData:
    """See `FittedModel.translate`."""
    check_choice("units", units, ("same", "cohort"))
    matches = find_layers(model, mdata, match=match, rename=rename)
    there = [m for m in matches if m.found_as]
    if not any(m.found.any() for m in there):
        msg = (
            f"nothing of mdata ({listed(mdata.mod, 30)}) was found among the layers seen in fit "
            f"({listed(model.layers_)}) with match={match!r}. model.match(mdata) shows what was looked for."
        )
        raise ValueError(msg)
    warn_translated(there)
    for lost in (m for m in there if not m.found.any()):
        n = len(lost.layer.features)
        warn(
            f"layer {lost.found_as!r}: none of the {n} features of {lost.layer.name!r} seen in fit was found, so the "
            "layer is left out and counts as unmeasured. model.match(mdata) counts; give var_names the identifiers of "
            "the fit, or fit with a graph that knows both.",
            DataWarning,
        )
    mods = {}
    for i, found in enumerate(matches):
        if found.found_as and found.found.any():
            mods[found.layer.name] = _modality(model, mdata, i, found, units)
    with quiet_mudata():
        whole = md.MuData(mods)
        result = whole[[name for name in mdata.obs_names if name in whole.obs_names]].copy()
        result.obs = mdata.obs.loc[result.obs_names].copy()
    set_kinds(result, {name: model.layers_[name].kind for name in mods})
    return result


def _modality(
    model: FittedModel, mdata: md.MuData, i: int, found: LayerMatch, units: str
) -> ad.AnnData:
    mod = mdata.mod[found.found_as]
    x = dense(mod)
    if units == "cohort" and found.layer.likelihood not in {"bernoulli", *COUNTS}:
        # Each feature by itself, then their means: features of one gene may have different units.
        x = _standardize(found.carry(_standardize(x)))
        state = model.ensemble_.states[0].state
        mean, scale = (state[f"standardize.l{i}.{part}"] for part in ("mean", "scale"))
        x = (mean + x * np.where(np.isinf(scale), 0.0, scale)).astype(np.float32)
    else:
        x = found.carry(x)
        if found.layer.likelihood in COUNTS:
            x = np.rint(x)  # a mean of counts, where several features stand for one
    var = pd.DataFrame(
        {"found_by": np.select([found.by_name, found.found], ["name", "graph"], "")},
        index=pd.Index(found.layer.features),
    )
    return ad.AnnData(x, obs=pd.DataFrame(index=mod.obs_names), var=var)


def _standardize(x: np.ndarray) -> np.ndarray:
    """Zero mean and unit deviation over the samples given; constant features become 0."""
    return Units.of(x).standardize(x)
