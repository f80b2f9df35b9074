"""Importing pathweave is quick, because it loads nothing heavy."""

from __future__ import annotations

import subprocess
import sys

import pytest

import pathweave as pw


def loaded_after(statement: str) -> set[str]:
    code = f"{statement}\nimport sys; print(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603
    return set(done.stdout.split())


def test_import_loads_nothing_heavy():
    heavy = {
        "torch",
        "pandas",
        "numpy",
        "anndata",
        "mudata",
        "scanpy",
        "scipy",
        "matplotlib",
        "captum",
    }
    assert not heavy & loaded_after("import pathweave")


@pytest.mark.parametrize("room", ["graph", "ids", "io", "pp", "get", "datasets", "pl"])
def test_data_rooms_load_no_torch(room):
    assert not {"torch", "torch_geometric", "captum"} & loaded_after(
        f"import pathweave; pathweave.{room}"
    )


def test_rooms_load_on_first_use():
    assert "pathweave.graph" in loaded_after("import pathweave as pw; pw.graph")
    assert set(pw.__all__) <= set(dir(pw))


def test_unknown_room_is_named():
    with pytest.raises(AttributeError, match=r"no attribute 'plots'; it has .*pl"):
        _ = pw.plots
