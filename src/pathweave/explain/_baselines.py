"""What attributions are measured from: the training mean, a group of samples, or several of its members."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pathweave._core.checks import check_obs_column, listed
from pathweave.explain._outputs import groups_of

if TYPE_CHECKING:
    from mudata import MuData

    from pathweave.models import Estimator

    Baseline = dict[str, np.ndarray]


def check_reference(mdata: MuData, reference: tuple[str, str] | None) -> None:
    """Raise unless a reference is a column of obs and a label of it."""
    if reference is None:
        return
    if isinstance(reference, str) or len(tuple(reference)) != 2:
        msg = f"reference={reference!r} must be a pair (column of mdata.obs, label), such as ('stage', 'I')."
        raise ValueError(msg)
    column, label = reference
    check_obs_column(mdata.obs, "reference", column)
    found = groups_of(mdata, column)
    if str(label) not in found:
        msg = f"reference={reference!r}: no sample has that label; mdata.obs[{column!r}] holds {listed(found, 20)}."
        raise ValueError(msg)


def baselines(
    mdata: MuData,
    model: Estimator,
    values: dict[str, np.ndarray],
    *,
    reference: tuple[str, str] | None,
    n_baselines: int,
    rng: np.random.Generator,
) -> tuple[list[Baseline], str]:
    """Make the baselines, and say in words what they are.

    A value that a reference lacks is the mean of the training samples. Without a reference several
    baselines are training samples, as far as `mdata` holds any.
    """
    check_reference(mdata, reference)
    mean = {name: np.asarray(model.baseline_[name], dtype=np.float32) for name in values}
    if reference is None:
        if n_baselines == 1:
            return [mean], "mean of the training samples"
        trained = mdata.obs_names.isin(model.training_samples_)
        mask, words = (trained, "training samples") if trained.any() else (~trained, "samples")
    else:
        mask = groups_of(mdata, reference[0])[str(reference[1])]
        words = f"samples with {reference[0]} = {reference[1]}"
    rows = np.flatnonzero(
        mask & ~np.all([np.isnan(x).all(axis=1) for x in values.values()], axis=0)
    )
    if not len(rows):
        msg = f"reference={reference!r}: none of its samples has a layer, so there is no baseline."
        raise ValueError(msg)
    if n_baselines == 1:
        return [
            {name: _mean(x[rows], mean[name]) for name, x in values.items()}
        ], f"mean of {words}"
    chosen = rng.choice(rows, min(n_baselines, len(rows)), replace=False)
    made = [
        {n: np.where(np.isnan(x[i]), mean[n], x[i]).astype(np.float32) for n, x in values.items()}
        for i in chosen
    ]
    return made, f"{len(made)} {words}"


def _mean(x: np.ndarray, otherwise: np.ndarray) -> np.ndarray:
    measured = ~np.isnan(x)
    count = measured.sum(axis=0)
    total = np.where(measured, x, 0.0).sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), otherwise).astype(np.float32)
