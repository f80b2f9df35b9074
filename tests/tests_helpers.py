"""Small helpers that several tests share."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import anndata as ad
import mudata
import numpy as np
import pandas as pd
import scipy.sparse as sp

import pathweave as pw

if TYPE_CHECKING:
    from mudata import MuData


def quick(**changes) -> pw.models.PathwayVAE:
    """Build a model that is fitted in a second."""
    return pw.models.PathwayVAE(6, **{"max_epochs": 4, "n_folds": 3, "seed": 1, **changes})


def cells(n: int = 150, seed: int = 0, *, gaps: bool = True) -> MuData:
    """Sparse counts of all cells, and proteins of most, some of them unmeasured."""
    rng = np.random.default_rng(seed)
    group = rng.integers(0, 3, n)
    profile = rng.gamma(0.5, 1.0, (3, 40))
    counts = rng.poisson(profile[group] / profile.sum(1)[group, None] * 200).astype(np.float32)
    protein = rng.normal(size=(3, 12))[group] + rng.normal(size=(n, 12))
    if gaps:
        protein[rng.random(protein.shape) < 0.05] = np.nan
    names = [f"c{i:04d}" for i in range(n)]

    def layer(x, prefix):
        var = pd.DataFrame(index=[f"{prefix}{j}" for j in range(x.shape[1])])
        return ad.AnnData(x, obs=pd.DataFrame(index=names), var=var)

    rna = layer(sp.csr_matrix(counts), "g")
    rest = layer(protein.astype(np.float32), "p")[rng.permutation(n)[: n * 4 // 5]].copy()
    with pw.io.quiet_mudata():
        made = mudata.MuData({"rna": rna, "protein": rest})
    made.obs["group"] = pd.Categorical(np.array(list("abc"))[group])
    made.obs["time"] = rng.exponential(1.0 + group, n)
    made.obs["event"] = (rng.random(n) < 0.7).astype(int)
    return made


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
