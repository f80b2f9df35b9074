"""KEGG: maps read, expanded into edges, counted and downloaded."""

from __future__ import annotations
