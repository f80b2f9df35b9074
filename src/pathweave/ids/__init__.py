"""Names of features turned into the identifiers of pathway graphs, with a reason for every loss."""

from __future__ import annotations

from pathweave.ids._hgnc import hgnc
from pathweave.ids._map import map  # noqa: A004
from pathweave.ids._patterns import detect
from pathweave.ids._report import report

__all__ = ["detect", "hgnc", "map", "report"]
