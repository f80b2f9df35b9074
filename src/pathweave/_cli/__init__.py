"""Commands that have their own file; `pathweave.__main__` gathers them."""

from __future__ import annotations
