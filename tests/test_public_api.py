"""Every public name is documented, and its documentation agrees with its signature."""

from __future__ import annotations

import importlib
import inspect
import re

import pytest

ROOMS = (
    "datasets",
    "evaluate",
    "explain",
    "get",
    "graph",
    "ids",
    "io",
    "models",
    "nn",
    "pl",
    "pp",
    "tl",
)


def public() -> list[tuple[str, object]]:
    found = []
    for room in ROOMS:
        module = importlib.import_module(f"pathweave.{room}")
        found += [(f"{room}.{name}", getattr(module, name)) for name in module.__all__]
    return found


FUNCTIONS = [(name, value) for name, value in public() if inspect.isfunction(value)]


def documented_parameters(doc: str) -> list[str]:
    section = re.search(r"Parameters\n\s*-+\n(.*?)(\n\s*\n\s*[A-Z]\w+\n\s*-+\n|\Z)", doc, re.DOTALL)
    if section is None:
        return []
    body = inspect.cleandoc("\n" + section.group(1))
    names = [line for line in body.splitlines() if line and not line.startswith(" ")]
    return [name.strip().lstrip("*") for line in names for name in line.split(":")[0].split(",")]


def test_rooms_list_what_they_hold():
    for room in ROOMS:
        module = importlib.import_module(f"pathweave.{room}")
        assert sorted(module.__all__) == sorted(set(module.__all__)), room


@pytest.mark.parametrize(("name", "value"), public(), ids=lambda v: v if isinstance(v, str) else "")
def test_public_names_have_a_docstring(name, value):
    if inspect.isfunction(value) or inspect.isclass(value):
        assert len((value.__doc__ or "").strip()) > 20


@pytest.mark.parametrize(("name", "function"), FUNCTIONS, ids=[name for name, _ in FUNCTIONS])
def test_docstring_names_the_parameters(name, function):
    doc = inspect.getdoc(function) or ""
    expected = list(inspect.signature(function).parameters)
    assert documented_parameters(doc) == expected
    assert "Examples" in doc, "a runnable example"
