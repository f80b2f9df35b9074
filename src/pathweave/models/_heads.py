"""Which head of the network learns a target."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pathweave.nn.heads import HeadSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pathweave.models._targets import Target

SURVIVAL_LOSSES = ("cox", "discrete_time")
_MOST_INTERVALS = 10
_EVENTS_AN_INTERVAL = 4


def head_spec(target: Target, outcome: np.ndarray, params: Mapping[str, Any]) -> HeadSpec:
    """Describe the head of a target.

    Parameters
    ----------
    target, outcome
        The target, and its encoded values (n, 1 or 2) in the training samples.
    params
        Hyperparameters of the model: ``class_weight`` and ``survival_loss`` count.
    """
    discrete = target.task == "survival" and params.get("survival_loss") == "discrete_time"
    return HeadSpec(
        target.name,
        target.task,
        target.n_outputs,
        target.class_weights(outcome, params.get("class_weight")),
        ordinal=target.ordinal,
        cuts=interval_ends(outcome[:, 0], outcome[:, 1]) if discrete else (),
    )


def interval_ends(time: np.ndarray, event: np.ndarray) -> tuple[float, ...]:
    """Upper ends of up to ten intervals with as many events each: quantiles of the times of the events.

    Parameters
    ----------
    time, event
        Follow-up times and events (1, censored 0) of the training samples, NaN where unknown.
    """
    times = time[(event > 0) & ~np.isnan(time)]
    n_intervals = int(np.clip(len(times) // _EVENTS_AN_INTERVAL, 1, _MOST_INTERVALS))
    ends = np.quantile(times, np.arange(1, n_intervals + 1) / n_intervals, method="inverted_cdf")
    return tuple(float(end) for end in np.unique(ends))
