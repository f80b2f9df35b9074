"""Small helpers that several tests share."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

import pathweave as pw

if TYPE_CHECKING:
    from mudata import MuData


def quick(**changes) -> pw.models.PathwayVAE:
    """Build a model that is fitted in a second."""
    return pw.models.PathwayVAE(6, **{"max_epochs": 4, "n_folds": 3, "seed": 1, **changes})


def snapshot(mdata: MuData) -> str:
    """Digest of everything a function might have touched."""
    digest = hashlib.sha256()
    for name, mod in mdata.mod.items():
        digest.update(name.encode())
        values = mod.X.toarray() if hasattr(mod.X, "toarray") else np.asarray(mod.X)
        digest.update(np.ascontiguousarray(values).tobytes())
        digest.update(
            repr((list(mod.layers), list(mod.obs), list(mod.var), sorted(mod.uns))).encode()
        )
    digest.update(repr((list(mdata.obs), list(mdata.obsm), sorted(mdata.uns))).encode())
    return digest.hexdigest()
