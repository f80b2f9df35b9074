"""Shared ground: slot names, settings, checks, progress, result tables. No torch, no files."""

from __future__ import annotations
