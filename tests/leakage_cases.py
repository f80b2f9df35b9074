"""Data without any leakage, into which the tests plant some."""

from __future__ import annotations

import anndata as ad
import mudata
import numpy as np
import pandas as pd

from pathweave.evaluate import check_leakage
from pathweave.io import quiet_mudata


def mu(layers, obs, names=None):
    """A MuData of arrays, or of (array, positions of its samples) for layers that some samples lack."""
    n = len(next(iter(obs.values())))
    names = [f"s{i}" for i in range(n)] if names is None else names
    index = pd.Index(names, dtype=object)
    mods = {}
    for name, given in layers.items():
        x, rows = given if isinstance(given, tuple) else (given, np.arange(n))
        var = pd.DataFrame(index=[f"{name}{i}" for i in range(x.shape[1])])
        mods[name] = ad.AnnData(
            np.asarray(x, dtype=np.float32), obs=pd.DataFrame(index=index[rows]), var=var
        )
    with quiet_mudata():
        mdata = mudata.MuData(mods)
    for column, values in obs.items():
        mdata.obs[column] = pd.Series(values, index=index).reindex(mdata.obs_names)
    return mdata


def clean(seed=0, n=80, p=200):
    """Two independent layers, and outcomes and columns that have nothing to do with them."""
    rng = np.random.default_rng(seed)
    layers = {"a": rng.normal(size=(n, p)), "b": rng.gamma(2.0, size=(n, p))}
    obs = {
        "kind": rng.permutation(np.resize(["x", "y"], n)),
        "three": rng.permutation(np.resize(["u", "v", "w"], n)),
        "dose": rng.normal(size=n),
        "months": rng.exponential(10, size=n),
        "died": rng.integers(0, 2, n),
        "plate": rng.permutation(np.resize(["p1", "p2", "p3", "p4"], n)),
        "age": rng.normal(60, 8, n),
        "ward": rng.choice(list("abcdef"), n),
    }
    return layers, obs


def found(mdata, **how):
    """Findings as (check, severity) pairs, notes and all."""
    table = check_leakage(mdata, **how).findings
    return list(zip(table["check"], table["severity"], strict=True))


TASKS = {
    "two classes": {"target": "kind"},
    "three classes": {"target": "three"},
    "numbers": {"target": "dose"},
    "survival": {"survival": ("months", "died")},
}
