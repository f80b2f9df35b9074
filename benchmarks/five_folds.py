"""Five-fold accuracy of PathwayVAE beside tuned logistic regression, on the same folds.

Run from the project's root: ``python benchmarks/five_folds.py [rosmap ccle4 ...]``. It needs the data sets
in ``../shared/data`` and writes ``benchmarks/five_folds.csv``: one row a data set, method and fold. Nothing is
chosen on the test part; the penalty of every logistic regression is tuned by inner folds.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import mudata
import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold

import pathweave as pw

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data"
PENALTIES = {"C": [0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 1.0]}


def rosmap() -> tuple[mudata.MuData, str, dict]:
    """AD against control, all 351 samples."""
    return mudata.read(DATA / "rosmap/rosmap.h5mu"), "diagnosis", {}


def ccle4() -> tuple[mudata.MuData, str, dict]:
    """Lineage of cell lines with all four layers, classes of ten lines or more."""
    mdata = mudata.read(DATA / "ccle4/ccle4.h5mu")
    label = mdata.obs["tcga_code"].astype(str)
    keep = (mdata.obs["has_all4"].astype(str).str.lower() == "true") & ~label.isin(
        ["", "nan", "None", "UNABLE TO CLASSIFY"]
    )
    counts = label[keep].value_counts()
    keep &= label.isin(counts.index[counts >= 10])
    layers = ["rna", "meth", "protein", "metab"]
    names = mdata.obs_names[keep]
    small = mudata.MuData(
        {name: mdata.mod[name][mdata.mod[name].obs_names.isin(names)].copy() for name in layers}
    )
    small.obs["tcga_code"] = label.loc[small.obs_names].to_numpy()
    return small, "tcga_code", {}


def brca() -> tuple[mudata.MuData, str, dict]:
    """PAM50 with the published split: the test part has no protein."""
    mdata = mudata.read(DATA / "brca_mixomics/brca_mixomics.h5mu")
    return mdata, "subtype", {"split": (mdata.obs["split"] == "train").to_numpy()}


SETS = {"rosmap": rosmap, "ccle4": ccle4, "brca_mixomics": brca}


def spaces(mdata: mudata.MuData, train: np.ndarray) -> dict[str, np.ndarray]:
    """Layers standardised by the training part, and turned to its principal axes (an exact rotation)."""
    result = {}
    for name, mod in mdata.mod.items():
        x = np.full((mdata.n_obs, mod.n_vars), np.nan)
        rows = mdata.obs_names.get_indexer(mod.obs_names)
        x[rows] = mod.X.toarray() if hasattr(mod.X, "toarray") else mod.X
        mean, spread = np.nanmean(x[train], axis=0), np.nanstd(x[train], axis=0)
        result[name] = np.nan_to_num((x - mean) / np.where(spread > 0, spread, np.inf))
    return result


def logistic(x: np.ndarray, y: np.ndarray, train: np.ndarray, seed: int) -> np.ndarray:
    """Probabilities for all samples, the penalty tuned by five inner folds of the training part."""
    axes = np.linalg.svd(x[train], full_matrices=False)[2].T
    inner = StratifiedKFold(5, shuffle=True, random_state=seed)
    search = GridSearchCV(
        LogisticRegression(max_iter=2000, tol=1e-3),
        PENALTIES,
        cv=inner,
        scoring="neg_log_loss",
        n_jobs=2,
    )
    search.fit(x[train] @ axes, y[train])
    return search.predict_proba(x @ axes)


def rivals(
    mdata: mudata.MuData, y: np.ndarray, train: np.ndarray, seed: int
) -> dict[str, np.ndarray]:
    """Early- and late-fused logistic regression; late averages over the layers a sample has."""
    parts = spaces(mdata, train)
    early = logistic(np.concatenate(list(parts.values()), axis=1), y, train, seed)
    total, count = np.zeros_like(early), np.zeros((len(y), 1))
    for name, x in parts.items():
        has = mdata.obs_names.isin(mdata.mod[name].obs_names)
        total[has] += logistic(x, y, train & has, seed)[has]
        count += has[:, None]
    return {"LR early": early, "LR late": total / count}


def run(name: str, seed: int = 0) -> pd.DataFrame:
    """All methods on one data set."""
    mdata, target, extra = SETS[name]()
    labels = mdata.obs[target].astype(str).to_numpy()
    classes, y = np.unique(labels, return_inverse=True)
    splits = [extra["split"]] if extra else []
    if not splits:
        fold = pw.evaluate.folds(mdata.obs[target], n_folds=5, seed=seed)
        splits = [fold != k for k in range(5)]
    graph = pw.graph.reactome()
    rows = []
    for k, train in enumerate(splits):
        started = time.perf_counter()
        found = rivals(mdata, y, train, seed)
        linear_time = time.perf_counter() - started
        started = time.perf_counter()
        model = pw.models.PathwayVAE(seed=seed).fit(mdata, graph, target=target, samples=train)
        found["PathwayVAE"] = model.predict_proba(mdata)[list(classes)].to_numpy()
        deep_time = time.perf_counter() - started
        for method, proba in found.items():
            scores = pw.evaluate.score(
                labels[~train],
                classes[proba[~train].argmax(axis=1)],
                pd.DataFrame(proba[~train], columns=classes),
                task="class",
            )
            seconds = deep_time if method == "PathwayVAE" else linear_time / 2
            rows.append({"data": name, "method": method, "fold": k, **scores, "seconds": seconds})
        print(pd.DataFrame(rows).query("fold == @k").to_string(), flush=True)
        print(model.parts_.round(3).to_string(), flush=True)
    return pd.DataFrame(rows)


if __name__ == "__main__":
    chosen = sys.argv[1:] or list(SETS)
    with pw.settings.override(progress=False):
        table = pd.concat([run(name) for name in chosen], ignore_index=True)
    out = ROOT / "benchmarks" / "five_folds.csv"
    if out.exists():
        before = pd.read_csv(out)
        table = pd.concat([before[~before["data"].isin(chosen)], table], ignore_index=True)
    table.round(4).to_csv(out, index=False)
    print(
        table.groupby(["data", "method"])
        .mean(numeric_only=True)
        .drop(columns="fold")
        .round(3)
        .to_string()
    )
