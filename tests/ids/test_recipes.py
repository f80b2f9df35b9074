"""The shipped tables are those that the recipes record."""

from __future__ import annotations

import hashlib
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def outputs(name):
    recipe = tomllib.loads((ROOT / "data_recipes" / name / "recipe.toml").read_text("utf-8"))
    output = recipe["output"]
    return [output] if "file" in output else list(output.values())


@pytest.mark.parametrize("name", ["hgnc", "reactome"])
def test_sha256_of_what_ships(name):
    for output in outputs(name):
        found = hashlib.sha256((ROOT / output["file"]).read_bytes()).hexdigest()
        assert found == output["sha256"], output["file"]


def test_they_are_small():
    files = [ROOT / o["file"] for name in ("hgnc", "reactome") for o in outputs(name)]
    assert sum(file.stat().st_size for file in files) < 2_000_000
