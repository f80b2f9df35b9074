"""One small fitted model, and one that is linear, shared by the tests of this room."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
from tests_helpers import quick

import pathweave as pw


@pytest.fixture(scope="session")
def small():
    """Samples and a model with classes, a number and survival; small, so that a method takes a second."""
    mdata = pw.datasets.simulate(
        60, n_pathways_active=2, n_features=200, missing=0.05, missing_layers=0.2, seed=6
    )
    model = quick(max_epochs=3).fit(mdata, pw.graph.reactome(), target=["class", "outcome"])
    return mdata, model


@pytest.fixture(scope="session")
def linear(small):
    """The same model with the early-fused linear part alone: f(x) = sum_i w_i (x_i - mean_i) / scale_i + b."""
    _, model = small
    other = copy.copy(model)
    parts = dict(model.ensemble_.parts)
    only = np.zeros(len(parts["outcome"].weights))
    only[0] = 0.7
    parts["outcome"] = replace(parts["outcome"], weights=only)
    other.ensemble_ = replace(model.ensemble_, parts=parts)
    return other
