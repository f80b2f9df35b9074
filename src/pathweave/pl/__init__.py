"""pl."""

from __future__ import annotations
