"""One small fitted model of each kind of target, shared by the tests of this room."""

from __future__ import annotations

import pytest
from tests_helpers import quick

import pathweave as pw


@pytest.fixture(scope="session")
def mdata():
    return pw.datasets.simulate(80, n_pathways_active=3, missing=0.05, missing_layers=0.2, seed=3)


@pytest.fixture(scope="session")
def graph():
    return pw.graph.reactome()


@pytest.fixture(scope="session")
def model(mdata, graph):
    return quick().fit(mdata, graph, target=["class", "outcome"], survival=("time", "event"))
