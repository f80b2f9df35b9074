"""Layers imputed from each other: pathweave beside tuned ridge regression, nearest neighbours and the network alone.

Run from the project's root: ``python benchmarks/imputation.py [rosmap ccle4 ...]``. It needs the data sets in
``../shared/data`` and writes ``benchmarks/imputation.csv``, a row a data set, layer and method.

Five folds; a layer is hidden in the test samples that have it, and predicted from all their other layers. Ridge
regression sees these side by side, standardised, the training mean where unmeasured, one penalty for the layer by
leave-one-out error; nearest neighbours are scikit-learn's KNNImputer. ``r`` is the mean over features of the Pearson
correlation over samples, both sides centred within each test fold, so that the means of folds do not count; features
that do not vary are left out. ``within_1sd`` and ``within_2sd`` are the shares of hidden values within 1 and 1.96
of pathweave's standard deviations (nominal 0.68 and 0.95).
"""

from __future__ import annotations

import argparse
import time
import warnings
from pathlib import Path

import mudata
import numpy as np
import pandas as pd
from sklearn.impute import KNNImputer
from sklearn.linear_model import RidgeCV

import pathweave as pw

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data"
OUT = ROOT / "benchmarks" / "imputation.csv"
SETS = ("brca_mixomics", "rosmap", "acc_miniacc", "tcga_surv_gbmlgg", "tcga_surv_luad", "ccle4")


def load(name: str) -> mudata.MuData:
    """A data set without the layers that are targets."""
    mdata = mudata.read(DATA / name / f"{name}.h5mu")
    with pw.io.quiet_mudata():
        return mudata.MuData({k: m for k, m in mdata.mod.items() if not k.startswith("drug_")})


def values_of(mdata: mudata.MuData) -> dict[str, np.ndarray]:
    """Layers over all samples, NaN where unmeasured."""
    out = {}
    for name, mod in mdata.mod.items():
        x = np.full((mdata.n_obs, mod.n_vars), np.nan)
        x[mdata.obs_names.get_indexer(mod.obs_names)] = (
            mod.X.toarray() if hasattr(mod.X, "toarray") else mod.X
        )
        out[name] = x
    return out


def hide(mdata: mudata.MuData, layer: str, test: np.ndarray) -> mudata.MuData:
    """The test samples without a layer."""
    names = mdata.obs_names[test]
    with pw.io.quiet_mudata():
        return mudata.MuData(
            {k: m[m.obs_names.isin(names)].copy() for k, m in mdata.mod.items() if k != layer}
        )


def rivals(
    values: dict[str, np.ndarray], layer: str, train: np.ndarray, test: np.ndarray
) -> dict[str, np.ndarray]:
    """Ridge regression and nearest neighbours."""
    others = []
    for name, x in values.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # features nobody has in training
            mean, spread = np.nanmean(x[train], axis=0), np.nanstd(x[train], axis=0)
        varies = spread > 1e-6 * np.maximum(np.abs(mean), 1e-3)  # else rounding would be blown up
        if name == layer:
            own = mean, np.where(varies, spread, 1.0)
        else:
            others.append((x - mean) / np.where(varies, spread, np.inf))
    wide = np.concatenate(others, axis=1)
    y = (values[layer] - own[0]) / own[1]
    rows = train & ~np.isnan(y).all(axis=1)
    filled = np.nan_to_num(wide)
    penalties = filled.shape[1] * 10.0 ** np.arange(-3.0, 2.01, 0.5)
    ridge = RidgeCV(penalties).fit(filled[rows], np.nan_to_num(y[rows]))
    neighbours = KNNImputer(n_neighbors=10, keep_empty_features=True)
    neighbours.fit(np.concatenate([wide[rows], y[rows]], axis=1))
    hidden = np.concatenate([wide[test], np.full_like(y[test], np.nan)], axis=1)
    near = neighbours.transform(hidden)[:, wide.shape[1] :]
    found = {"ridge": ridge.predict(filled[test]), "nearest neighbours": near}
    return {name: p * own[1] + own[0] for name, p in found.items()}


def correlation(truth: np.ndarray, predicted: np.ndarray, fold: np.ndarray) -> float:
    """Mean over features of the correlation within test folds."""
    known = ~np.isnan(truth)
    y, p = np.where(known, truth, 0.0), np.where(known, predicted, 0.0)
    for k in np.unique(fold):
        rows = fold == k
        count = np.maximum(known[rows].sum(axis=0), 1)
        y[rows] = np.where(known[rows], y[rows] - y[rows].sum(axis=0) / count, 0.0)
        p[rows] = np.where(known[rows], p[rows] - p[rows].sum(axis=0) / count, 0.0)
    yy, pp = (y**2).sum(axis=0), (p**2).sum(axis=0)
    varies = yy > 1e-9
    r = (y * p).sum(axis=0) / np.sqrt(np.maximum(yy * pp, 1e-18))
    return float(r[varies].mean())


def run(name: str, seed: int = 0) -> pd.DataFrame:
    """All layers of a data set."""
    mdata = load(name)
    values = values_of(mdata)
    fold = pw.evaluate.folds(np.full(mdata.n_obs, np.nan), n_folds=5, seed=seed)
    said: dict[str, dict[str, np.ndarray]] = {layer: {} for layer in values}
    sd = {layer: np.full(x.shape, np.nan) for layer, x in values.items()}
    shares: dict[str, list[float]] = {layer: [] for layer in values}
    for k in range(5):
        train, started = fold != k, time.perf_counter()
        model = pw.models.PathwayVAE(seed=seed).fit(mdata, samples=train)
        fitted = time.perf_counter() - started
        for layer, x in values.items():
            others = np.any([~np.isnan(v).all(axis=1) for o, v in values.items() if o != layer], 0)
            test = ~train & ~np.isnan(x).all(axis=1) & others
            started = time.perf_counter()
            asked = hide(mdata, layer, test)
            filled, deviation = model.impute(asked, layers=[layer], return_std=True)
            names = mdata.obs_names[test]
            columns = mdata[layer].var_names
            found = rivals(values, layer, train, test)
            found["pathweave"] = filled[layer].loc[names, columns].to_numpy()
            network = model.ensemble_.impute(model._read(asked))[layer]
            found["network alone"] = network[asked.obs_names.get_indexer(names)]
            for method, predicted in found.items():
                whole = said[layer].setdefault(method, np.full(x.shape, np.nan))
                whole[test] = predicted
            sd[layer][test] = deviation[layer].loc[names, columns].to_numpy()
            shares[layer].append(model.imputer_._network_share(layer, model.ensemble_.impute))
            seconds = time.perf_counter() - started
            print(f"{name} fold {k} {layer}: fit {fitted:.0f} s, all methods {seconds:.0f} s", flush=True)  # fmt: skip
    rows = []
    for layer, x in values.items():
        with np.errstate(invalid="ignore", divide="ignore"):
            z = np.abs(x - said[layer]["pathweave"]) / sd[layer]
        z = z[np.isfinite(z)]
        for method, predicted in said[layer].items():
            done = ~np.isnan(predicted).all(axis=1)
            row = {"data": name, "layer": layer, "method": method, "n": int(done.sum())}
            row["r"] = correlation(x[done], predicted[done], fold[done])
            if method == "pathweave":
                row |= {"within_1sd": (z < 1).mean(), "within_2sd": (z < 1.96).mean()}
                row["network_share"] = float(np.mean(shares[layer]))
            rows.append(row)
    return pd.DataFrame(rows)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", nargs="*", default=list(SETS), help="data sets; all by default")
    for data in parser.parse_args().data:
        with pw.settings.override(progress=False):
            table = run(data).round(4)
        print(table.to_string(), flush=True)
        if OUT.exists():
            before = pd.read_csv(OUT)
            table = pd.concat([before[before["data"] != data], table], ignore_index=True)
        table.to_csv(OUT, index=False)
