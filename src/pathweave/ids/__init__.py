"""Names of features turned into the identifiers of pathway graphs, with a reason for every loss."""

from __future__ import annotations

from pathweave.ids._hgnc import hgnc

__all__ = ["hgnc"]
