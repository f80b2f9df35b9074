"""Reactome's flat files: found, read, mapped to nodes and downloaded."""

from __future__ import annotations
