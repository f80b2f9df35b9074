"""Embeddings without labels: what they know of groups that they were not told, beside PCA, MOFA+ and SNF.

Run from the project's root: ``python benchmarks/embedding.py [ccle4_lineage ...]``. It needs the data sets in
``../shared/data`` and writes ``benchmarks/embedding.csv``, a row a data set, group of samples and method. MOFA+ and SNF
are left out where they have no environment (``python benchmarks/peers/environment.py mofa snf``).

Every method embeds all samples, incomplete ones included, in 32 dimensions: PCA takes the standardised layers side by
side, the mean where unmeasured. ``accuracy`` is that of the nearest neighbours' vote (5, 7, ... 15 neighbours, averaged;
five stratified folds, five times); ``ari`` and ``nmi`` compare k-means (as many clusters as classes; five seeds) with
the labels, for SNF its own spectral clusters. The settings of pathweave were chosen on the sets without
``lineage``; that label was looked at once.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import time
from pathlib import Path

import mudata
import numpy as np
import pandas as pd
from imputation import DATA, load, values_of
from peers.environment import python_of
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.neighbors import KNeighborsClassifier

import pathweave as pw

HERE = Path(__file__).resolve().parent
OUT = HERE / "embedding.csv"
CORE = ["rna", "meth", "protein", "metab"]
DIMS, LEAST = 32, 10
# name: data set, label, layers
SETS = {
    "brca_mixomics": ("brca_mixomics", "subtype", None),
    "rosmap": ("rosmap", "diagnosis", None),
    "acc_coc": ("acc_miniacc", "COC", None),
    "acc_methylation": ("acc_miniacc", "MethyLevel", None),
    "covid_su": ("covid_su", "severity", None),
    "gbmlgg": ("tcga_surv_gbmlgg", "oncotree_code", None),
    "ccle4_site": ("ccle4", "Site_Primary", CORE),
    "ccle4_site_six_layers": ("ccle4", "Site_Primary", None),
    "ccle4_lineage": ("ccle4", "tcga_code", CORE),
    "ccle4_lineage_six_layers": ("ccle4", "tcga_code", None),
}


def read(name: str) -> tuple[mudata.MuData, pd.DataFrame, str]:
    """Layers, annotation, and the label's column."""
    folder, label, layers = SETS[name]
    mdata = load(folder)
    about = mudata.read(DATA / folder / f"{folder}.h5mu").obs
    with pw.io.quiet_mudata():
        mdata = mudata.MuData({k: mdata[k].copy() for k in layers or list(mdata.mod)})
    return mdata, about.loc[mdata.obs_names], label


def groups(about: pd.DataFrame, label: str) -> dict[str, pd.Series]:
    """Labels of classes with ten samples or more, missing elsewhere; for ccle4 also of complete lines only."""
    y = about[label].astype(str)
    y = y.where(~y.isin(["", "nan", "None", "<NA>", "UNABLE TO CLASSIFY"]))
    chosen = {"all": y}
    if "has_all4" in about:
        chosen["complete"] = y.where(about["has_all4"].astype(str).str.lower() == "true")
    return {k: v.where(v.map(v.value_counts()) >= LEAST) for k, v in chosen.items()}


def standardized(mdata: mudata.MuData) -> dict[str, np.ndarray]:
    """Layers standardised, NaN where unmeasured."""
    out = {}
    for name, x in values_of(mdata).items():
        spread = np.nanstd(x, axis=0)
        varies = spread > 1e-6 * np.maximum(np.abs(np.nanmean(x, axis=0)), 1e-3)
        out[name] = (x - np.nanmean(x, axis=0)) / np.where(varies, spread, np.inf)
    return out


def ask(
    peer: str, layers: dict[str, np.ndarray], clusters: int, seed: int
) -> dict[str, np.ndarray]:
    """A peer's answer, from its own environment."""
    with tempfile.TemporaryDirectory() as folder:
        asked, told = Path(folder) / "in.npz", Path(folder) / "out.npz"
        about = {"dims": DIMS, "clusters": clusters, "seed": seed}
        np.savez(asked, **about, **{f"layer.{k}": v for k, v in layers.items()})
        command = [
            str(python_of(peer)),
            str(HERE / "peers" / "embed.py"),
            peer,
            str(asked),
            str(told),
        ]
        subprocess.run(command, check=True)  # noqa: S603
        with np.load(told) as found:
            return dict(found)


def judge(z: np.ndarray, y: np.ndarray, labels: np.ndarray | None) -> dict[str, float]:
    """Scores of an embedding."""
    scores = [
        cross_val_score(
            KNeighborsClassifier(k), z, y, cv=StratifiedKFold(5, shuffle=True, random_state=seed)
        ).mean()
        for seed in range(5)
        for k in range(5, 16, 2)
    ]
    n = len(np.unique(y))
    found = (
        [labels]
        if labels is not None
        else [KMeans(n, n_init=10, random_state=s).fit_predict(z) for s in range(5)]
    )
    return {
        "accuracy": float(np.mean(scores)),
        "ari": float(np.mean([adjusted_rand_score(y, c) for c in found])),
        "nmi": float(np.mean([normalized_mutual_info_score(y, c) for c in found])),
    }


def run(name: str, peers: list[str], seed: int = 0) -> pd.DataFrame:
    """All methods on one data set."""
    mdata, about, label = read(name)
    chosen = groups(about, label)
    layers = standardized(mdata)
    clusters = chosen["all"].nunique()
    found: dict[str, np.ndarray] = {}
    own_labels: dict[str, np.ndarray] = {}
    seconds = {}
    started = time.perf_counter()
    model = pw.models.PathwayVAE(DIMS, seed=seed).fit(mdata)
    found["pathweave"] = model.embed(mdata)
    seconds["pathweave"] = time.perf_counter() - started
    found["network's latent"] = model.ensemble_.latent(model._read(mdata))
    started = time.perf_counter()
    wide = np.nan_to_num(np.concatenate(list(layers.values()), axis=1))
    found["pca"] = PCA(DIMS, random_state=seed).fit_transform(wide)
    seconds["pca"] = time.perf_counter() - started
    for peer in peers:
        started = time.perf_counter()
        try:
            said = ask(peer, layers, clusters, seed)
        except FileNotFoundError as error:
            print(f"{name}: left out: {error}", flush=True)
            continue
        found[peer] = said["latent"]
        seconds[peer] = time.perf_counter() - started
        if "labels" in said:
            own_labels[peer] = said["labels"]
    rows = []
    for which, y in chosen.items():
        known = y.notna().to_numpy()
        truth = y[known].to_numpy().astype(str)
        for method, z in found.items():
            labels = own_labels.get(method)
            scores = judge(z[known], truth, None if labels is None else labels[known])
            row = {"data": name, "samples": which, "n": len(truth), "classes": len(set(truth))}
            rows.append({**row, "method": method, **scores, "seconds": seconds.get(method)})
    return pd.DataFrame(rows)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", nargs="*", default=list(SETS), help="data sets; all by default")
    parser.add_argument("--peers", nargs="*", default=["mofa", "snf"], help="mofa, snf or neither")
    asked = parser.parse_args()
    for data in asked.data:
        with pw.settings.override(progress=False):
            table = run(data, asked.peers).round(4)
        print(table.to_string(), flush=True)
        if OUT.exists():
            before = pd.read_csv(OUT)
            table = pd.concat([before[before["data"] != data], table], ignore_index=True)
        table.to_csv(OUT, index=False)
