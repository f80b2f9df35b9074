"""Hyperparameters that make no sense are named before anything is read or fitted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pathweave._core.checks import check_choice
from pathweave.models._heads import SURVIVAL_LOSSES

if TYPE_CHECKING:
    from collections.abc import Mapping

_AT_LEAST_ONE = (
    "n_latent", "n_hidden", "n_hidden_layers", "n_channels", "n_graph_layers", "pool_size", "max_epochs",
    "patience", "batch_size",
)  # fmt: skip


def check_parameters(params: Mapping[str, Any]) -> None:
    """Raise on the first hyperparameter, of those a model has, that cannot be meant."""
    _check_whole_numbers(params)
    _check_numbers(params)
    check_choice("survival_loss", params.get("survival_loss", "cox"), SURVIVAL_LOSSES)
    check_choice("fusion", params.get("fusion", "product"), ("product", "attention"))


def _check_whole_numbers(params: Mapping[str, Any]) -> None:
    least = dict.fromkeys(_AT_LEAST_ONE, 1) | {"n_folds": 2, "seed": 0}
    for name in [name for name in least if name in params]:
        value = params[name]
        if not _whole(value) or value < least[name]:
            msg = f"{name}={value!r} must be a whole number of {least[name]} or more."
            raise ValueError(msg)
    jobs = params.get("n_jobs")
    if jobs is not None and (not _whole(jobs) or jobs < 1):
        msg = f"n_jobs={jobs!r} must be None or a whole number of 1 or more."
        raise ValueError(msg)
    size = params.get("pathway_size", (1, 1))
    if not isinstance(size, (tuple, list)) or len(size) != 2 or not all(map(_real, size)):
        msg = (
            f"pathway_size={size!r} must be a pair: the smallest and the largest number of members."
        )
        raise ValueError(msg)
    if size[0] > size[1]:
        msg = (
            f"pathway_size={size!r}: the smallest comes first; did you mean {(size[1], size[0])!r}?"
        )
        raise ValueError(msg)


def _check_numbers(params: Mapping[str, Any]) -> None:
    for name in ("dropout", "layer_dropout"):
        if not _real(params.get(name, 0)) or not 0 <= params.get(name, 0) < 1:
            msg = f"{name}={params[name]!r} must lie in [0, 1)."
            raise ValueError(msg)
    for name in ("gate_penalty", "weight_decay", "reconstruction_weight"):
        if not _real(params.get(name, 0)) or not params.get(name, 0) >= 0:
            msg = f"{name}={params[name]!r} must be 0 or more."
            raise ValueError(msg)
    rate = params.get("learning_rate", 1e-3)
    if not _real(rate) or not rate > 0:
        msg = f"learning_rate={rate!r} must be a number above 0."
        raise ValueError(msg)


def _whole(value: Any) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def _real(value: Any) -> bool:
    return isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
