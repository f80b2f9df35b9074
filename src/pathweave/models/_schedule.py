"""How long and in what batches networks are trained, by the number of training samples."""

from __future__ import annotations

import inspect
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pathweave.models._train import TrainSpec

USUAL = 5000
"""Training samples up to which the defaults hold as they are."""
_LEAST_EPOCHS, _LEAST_PATIENCE, _MOST_BATCHES = 5, 3, 8


def scheduled(training: TrainSpec, n: int, model: type, params: dict[str, Any]) -> TrainSpec:
    """Fit the defaults of a training to the number of samples.

    Above 5,000 training samples a network sees as many samples in all as it would see of 5,000: the default
    `max_epochs` and `patience` fall as ``5,000 / n`` (to 5 and 3 at least), and the default `batch_size` grows with the
    square root of ``n / 5,000`` (to 8 times at most). Values other than the defaults are taken as given.

    Parameters
    ----------
    training
        The training as its hyperparameters have it.
    n
        Number of training samples.
    model, params
        Class of the model and its hyperparameters, which say what is a default.

    Returns
    -------
    The training for so many samples.
    """
    if n <= USUAL:
        return training
    more = n / USUAL
    fitted = {
        "max_epochs": max(_LEAST_EPOCHS, int(np.ceil(training.max_epochs / more))),
        "patience": max(_LEAST_PATIENCE, int(np.ceil(training.patience / more))),
        "batch_size": round(training.batch_size * min(_MOST_BATCHES, float(np.sqrt(more)))),
    }
    defaults = inspect.signature(model).parameters
    ours = {k: v for k, v in fitted.items() if k in defaults and params[k] == defaults[k].default}
    return replace(training, **ours)
