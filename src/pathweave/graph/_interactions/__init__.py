"""Tables of interactions, of many layouts, as graphs."""

from __future__ import annotations
