"""Downloads that resume, check what came, and leave no half file."""

from __future__ import annotations
