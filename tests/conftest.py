"""Fixtures for all tests."""

from __future__ import annotations

import sys
from pathlib import Path

import hypothesis
import mudata
import pytest

from pathweave import settings

# The same examples in every run: a test fails for the change that broke it, not for a stranger's.
# `pytest --hypothesis-profile=default` looks for new ones. No test asserts on a clock.
hypothesis.settings.register_profile("same", derandomize=True, deadline=None)
hypothesis.settings.load_profile("same")

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real data beside the checkout; a user's clone does not have them."""
    if not SHARED.is_dir():
        pytest.skip("the real data sets lie beside the developers' checkouts only")
    return SHARED


@pytest.fixture(autouse=True, scope="session")
def _quiet():
    """No progress bars, and one process a fit, so that tests do not start workers by the dozen."""
    with settings.override(progress=False, n_jobs=1):
        yield


@pytest.fixture(autouse=True)
def _mudata_of_tomorrow():
    """The behaviour of mudata 0.4: without a choice every MuData made in a test would warn."""
    mudata.set_options(pull_on_update=False)


@pytest.fixture(autouse=True)
def _figures_closed():
    """Every test starts and ends without figures, those of examples in docstrings (run in the same process) included."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None:
        pyplot.close("all")
    yield
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None:
        pyplot.close("all")
