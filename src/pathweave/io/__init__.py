"""Tables and h5mu files in and out; what each layer measures."""

from __future__ import annotations

from pathweave.io._h5mu import read_h5mu, write_h5mu
from pathweave.io._kinds import guess_kind, layer_kinds, set_kinds
from pathweave.io._mudata import quiet_mudata
from pathweave.io._on_disk import open_mudata
from pathweave.io._tables import read_tables

__all__ = [
    "guess_kind",
    "layer_kinds",
    "open_mudata",
    "quiet_mudata",
    "read_h5mu",
    "read_tables",
    "set_kinds",
    "write_h5mu",
]
