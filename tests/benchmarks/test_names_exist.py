"""Benchmarks run seldom: what they take from the library must still be there."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path
from types import ModuleType

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


def found(name: str, attribute: str) -> object:
    """An attribute of a module, or its submodule."""
    module = importlib.import_module(name)
    if not hasattr(module, attribute):
        return importlib.import_module(f"{name}.{attribute}")
    return getattr(module, attribute)


def missing_names(code: str) -> list[str]:
    """Dotted names of pathweave that a script uses and that do not exist."""
    tree, modules, missing = ast.parse(code), {}, []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules |= {a.asname: importlib.import_module(a.name) for a in node.names
                        if a.asname and a.name.split(".")[0] == "pathweave"}  # fmt: skip
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "pathweave":
            for alias in node.names:
                try:
                    value = found(str(node.module), alias.name)
                except ModuleNotFoundError:
                    missing.append(f"{node.module}.{alias.name}")
                    continue
                if isinstance(value, ModuleType):
                    modules[alias.asname or alias.name] = value
    for node in ast.walk(tree):
        parts: list[str] = []
        at: ast.expr | ast.AST = node
        while isinstance(at, ast.Attribute):
            parts, at = [at.attr, *parts], at.value
        value: object = modules.get(at.id) if isinstance(at, ast.Name) else None
        for part in parts if isinstance(value, ModuleType) else ():
            if not isinstance(value, ModuleType):
                break
            if not hasattr(value, part):
                missing.append(f"{value.__name__}.{part}")
                break
            value = getattr(value, part)
    return sorted(set(missing))


def test_missing_names_are_seen() -> None:
    code = "import pathweave as pw\nfrom pathweave.models import _estimator, none\n_estimator.not_there = 1\npw.tl.no()"
    assert missing_names(code) == [
        "pathweave.models._estimator.not_there",
        "pathweave.models.none",
        "pathweave.tl.no",
    ]


@pytest.mark.parametrize("path", sorted(BENCHMARKS.glob("*.py")), ids=lambda path: path.stem)
def test_names_of_the_library_exist(path: Path) -> None:
    assert missing_names(path.read_text()) == []
