"""Graphs learned from data: features that go up and down together."""

from __future__ import annotations
