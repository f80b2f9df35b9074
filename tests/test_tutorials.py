"""Tutorials run from top to bottom."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

TUTORIALS = sorted((Path(__file__).resolve().parents[1] / "tutorials").glob("*.ipynb"))


@pytest.mark.slow
@pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)
@pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::RuntimeWarning", "ignore::ResourceWarning"
)
def test_tutorial_runs(path, tmp_path):
    notebook = nbformat.read(path, as_version=4)
    # Tests run side by side already: workers of the notebook's own would wait for the same cores.
    first = nbformat.v4.new_code_cell("import pathweave\npathweave.settings.n_jobs = 1")
    notebook.cells.insert(0, first)
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    errors = [
        o for cell in notebook.cells for o in cell.get("outputs", []) if o.output_type == "error"
    ]
    assert not errors
    figures = [
        o
        for cell in notebook.cells
        for o in cell.get("outputs", [])
        if "image/png" in o.get("data", {})
    ]
    assert len(figures) >= 5


def test_there_is_a_tutorial():
    assert TUTORIALS
