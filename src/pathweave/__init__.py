"""pathweave: multi-omics layers woven through pathway graphs, with the evidence for every result."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathweave import datasets, evaluate, explain, get, graph, ids, io, models, nn, pl, pp, tl
    from pathweave._core.settings import settings

from pathweave._core import processes as _processes  # noqa: F401  notes who was launched, before any worker is
from pathweave._core import version as _version

__version__ = _version.VERSION

_ROOMS = (
    "datasets", "evaluate", "explain", "get", "graph", "ids", "io", "models", "nn", "pl", "pp", "tl",
)  # fmt: skip

__all__ = [
    "__version__", "datasets", "evaluate", "explain", "get", "graph", "ids", "io", "models",
    "nn", "pl", "pp", "settings", "tl",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """Load a room on first use, so that ``import pathweave`` stays quick and torch-free."""
    if name in _ROOMS:
        return importlib.import_module(f"pathweave.{name}")
    if name == "settings":
        return importlib.import_module("pathweave._core.settings").settings
    msg = f"module 'pathweave' has no attribute {name!r}; it has {', '.join(__all__)}"
    raise AttributeError(msg)


def __dir__() -> list[str]:
    return sorted(__all__)
