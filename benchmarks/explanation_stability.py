"""How alike the tables of `pw.tl.test_pathways` are from one fit to the next, and what the whole table costs.

Run from the project's root: ``python benchmarks/explanation_stability.py [ccle4 gbmlgg] [--skip-time]``. It needs the data
sets in ``../shared/data`` and writes ``explanation_stability.csv`` beside it: a row a data set, way of drawing samples,
level and column.

``tau`` is Kendall's tau of all pathways (or nodes) between two draws, averaged over all pairs of draws and over
groups; ``top20`` the share of the first 20 that two draws have in common. ``five_folds``: the training parts of five
folds, four fifths of the samples each (two of them share three quarters of theirs), every one tested anew (50 shuffles). ``bootstrap``: the stability that the table
itself tells, of samples drawn with replacement; harsher, as a third of the samples is missing and others count twice.
What is tested does not depend on the network: its refits change nothing here but the column ``attributed``.

ccle4: lineages (``tcga_code``, ten lines or more) from rna, meth, protein and metab; the folds on the six largest
lineages, the time on all of them. gbmlgg: overall survival from rna, cnv and mutation. ``seconds`` (wall) and
``cpu_seconds`` are those of one call with its defaults (200 shuffles, 50 bootstrap draws, attributions included).
"""

from __future__ import annotations

import argparse
import time
import warnings
from itertools import combinations
from pathlib import Path

import mudata
import numpy as np
import pandas as pd
from scipy.stats import kendalltau
from sklearn.model_selection import StratifiedKFold
from tqdm import tqdm

import pathweave as pw

HERE = Path(__file__).resolve().parent
DATA = HERE.parents[1] / "shared" / "data"
OUT = HERE / "explanation_stability.csv"
TOP, LEAST, LARGEST = 20, 10, 6
COLUMNS = {
    "pathway": {
        "score": 1, "score_alone": 1, "association": 1, "p_over_representation": -1, "gsea": 1, "linear_weights": 1,
    },
    "gene": {"score": 1, "association": 1, "p_t_test": -1, "linear_weights": 1},
}  # fmt: skip


def ccle4(*, largest: int | None = None) -> tuple[mudata.MuData, dict[str, object]]:
    """Lineages of cell lines."""
    whole = mudata.read(DATA / "ccle4" / "ccle4.h5mu")
    mdata = mudata.MuData({k: whole[k].copy() for k in ("rna", "meth", "protein", "metab")})
    code = whole.obs["tcga_code"].astype(str).reindex(mdata.obs_names)
    count = code[~code.isin(["", "nan", "UNABLE TO CLASSIFY"])].value_counts()
    kept = count[count >= LEAST].index[:largest]
    mdata = mdata[code.isin(kept).to_numpy()].copy()
    mdata.obs["lineage"] = pd.Categorical(code.reindex(mdata.obs_names))
    return mdata, {"target": "lineage"}


def gbmlgg(*, largest: int | None = None) -> tuple[mudata.MuData, dict[str, object]]:
    """Survival of gliomas."""
    del largest
    whole = mudata.read(DATA / "tcga_surv_gbmlgg" / "tcga_surv_gbmlgg.h5mu")
    mdata = mudata.MuData({k: whole[k].copy() for k in ("rna", "cnv", "mutation")})
    for column in ("survival_months", "event"):
        mdata.obs[column] = whole.obs[column].reindex(mdata.obs_names).astype(float)
    known = mdata.obs[["survival_months", "event"]].notna().all(axis=1).to_numpy()
    mdata = mdata[known].copy()
    return mdata, {"survival": ("survival_months", "event")}


SETS = {"ccle4": ccle4, "gbmlgg": gbmlgg}


def fitted(mdata: mudata.MuData, outcome: dict[str, object], epochs: int, folds: int) -> object:
    """A model on the embedded Reactome; how far it is trained does not change what is tested."""
    model = pw.models.PathwayVAE(max_epochs=epochs, n_folds=folds, n_jobs=1)
    return model.fit(mdata, pw.graph.reactome(), **outcome)


def whole_table(name: str) -> list[dict[str, object]]:
    """One call with its defaults: seconds, and what the table tells of its own stability."""
    mdata, outcome = SETS[name]()
    model = fitted(mdata, outcome, 3, 5)
    start = time.perf_counter(), time.process_time()
    tests = pw.explain.test_pathways(mdata, model)
    cost = {
        "seconds": time.perf_counter() - start[0],
        "cpu_seconds": time.process_time() - start[1],
    }
    groups = tests.params["groups"].values()
    about = {"data": name, "draws": "bootstrap", "n_samples": mdata.n_obs, "n_groups": len(groups)}
    rows = []
    for column in ("score", "score_alone", "association"):
        taus = [group[f"stability_{column}"] for group in groups]
        rows.append(
            about
            | {"level": "pathway", "column": column, "tau": np.mean(taus), "least_tau": min(taus)}
        )
    rows[0] |= cost
    return rows


def folds(name: str) -> list[dict[str, object]]:
    """Tests of the training parts of five folds, compared pair by pair."""
    mdata, outcome = SETS[name](largest=LARGEST)
    model = fitted(mdata, outcome, 1, 3)
    few = pw.explain.attribute(mdata, model, n_steps=2, max_samples=2)
    label = mdata.obs["lineage"] if "target" in outcome else mdata.obs["event"]
    split = StratifiedKFold(5, shuffle=True, random_state=0).split(np.zeros(len(label)), label)
    found = []
    for train, _ in tqdm(list(split), desc=f"{name}: folds"):
        part = mdata[np.sort(train)].copy()
        found.append(
            pw.explain.test_pathways(
                part, model, attributions=few, n_null=50, n_boot=2, classics=True
            )
        )
    groups = list(found[0].params["groups"])
    about = {"data": name, "draws": "five_folds", "n_samples": mdata.n_obs, "n_groups": len(groups)}
    return [
        about | {"level": level, "column": column} | alike(found, groups, level, column, sign)
        for level, columns in COLUMNS.items()
        for column, sign in columns.items()
    ]


def alike(
    found: list[object], groups: list[str], level: str, column: str, sign: int
) -> dict[str, float]:
    """Kendall's tau and the overlap of the first twenty, over pairs of draws and groups."""
    key = "pathway" if level == "pathway" else "node"
    by_group = []
    for group in groups:
        tables = [getattr(tests, level) for tests in found]
        series = [sign * t[t["group"] == group].set_index(key)[column] for t in tables]
        tau, top = [], []
        for one, two in combinations(series, 2):
            shared = one.index.intersection(two.index)
            tau.append(kendalltau(one[shared], two[shared]).statistic)
            best = set(one.nlargest(TOP).index) & set(two.nlargest(TOP).index)
            top.append(len(best) / TOP)
        # Without one gene found everywhere, all sets tie: no order, no agreement.
        by_group.append((np.nan_to_num(np.mean(tau)), np.mean(top)))
    taus, tops = np.array(by_group).T
    return {"tau": taus.mean(), "least_tau": taus.min(), "top20": tops.mean()}


def main() -> None:
    """Run what is asked; rows of a set and way of drawing are replaced."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sets", nargs="*", default=list(SETS))
    parser.add_argument("--skip-time", action="store_true")
    asked = parser.parse_args()
    pw.settings.progress = False
    jobs = [(name, folds, "five_folds") for name in asked.sets]
    if not asked.skip_time:
        jobs += [(name, whole_table, "bootstrap") for name in reversed(asked.sets)]
    for name, run, draws in tqdm(jobs, desc="sets"):
        with pw.io.quiet_mudata(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # layers without names on the graph are told once a fit
            rows = pd.DataFrame(run(name))
        if OUT.exists():
            old = pd.read_csv(OUT)
            rows = pd.concat([old[(old["data"] != name) | (old["draws"] != draws)], rows])
        rows.to_csv(OUT, index=False, float_format="%.4g")


if __name__ == "__main__":
    main()
