"""Learning curves of models tuned from another cohort (or from samples without labels) and of models from scratch.

Run from the project's root: ``python benchmarks/transfer.py [luad gbmlgg ...] [--repeats 5]``. It needs the data sets in
``../shared/data`` and writes ``benchmarks/transfer.csv``: a row a task, size, repeat and method, on the same training and
test samples for all methods of a repeat. Pretraining sees no label, and no sample of a test part. ``--print`` shows
means and paired differences with corrected intervals (Nadeau and Bengio 2003).
"""

from __future__ import annotations

import argparse
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mudata
import numpy as np
import pandas as pd
from scipy import stats

import pathweave as pw

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data"
OUT = ROOT / "benchmarks" / "transfer.csv"


@dataclass
class Task:
    """Where to pretrain, and what is learned from few samples."""

    source: mudata.MuData
    cohort: mudata.MuData
    fit: dict[str, Any]  # target= or survival=
    sizes: tuple[int, ...] = (20, 40, 80)
    within: bool = False  # the source is the cohort itself, less the test part


def read(name: str, layers: list[str], columns: list[str] = ()) -> mudata.MuData:
    whole = mudata.read(DATA / name / f"{name}.h5mu")
    with pw.io.quiet_mudata():
        small = mudata.MuData({layer: whole[layer].copy() for layer in layers})
        small.obs = whole.obs.loc[small.obs_names, list(columns)].copy()
    return small


def labelled(mdata: mudata.MuData, column: str, least: int = 10) -> mudata.MuData:
    """Samples of the classes that have enough of them."""
    label = mdata.obs[column].astype(str)
    counts = label[~label.isin(["", "nan", "None", "UNABLE TO CLASSIFY"])].value_counts()
    with pw.io.quiet_mudata():
        small = mdata[label.isin(counts.index[counts >= least]).to_numpy()].copy()
    small.obs[column] = small.obs[column].astype(str)
    return small


OMICS, TIMES = ["rna", "cnv", "mutation"], ["survival_months", "event"]


def luad() -> Task:
    """Survival in lung, pretrained on glioma."""
    source, cohort = read("tcga_surv_gbmlgg", OMICS), read("tcga_surv_luad", OMICS, TIMES)
    return Task(source, cohort, {"survival": tuple(TIMES)}, (40, 80, 160))


def gbmlgg() -> Task:
    """Survival in glioma, pretrained on lung."""
    source, cohort = read("tcga_surv_luad", OMICS), read("tcga_surv_gbmlgg", OMICS, TIMES)
    return Task(source, cohort, {"survival": tuple(TIMES)}, (40, 80, 160))


def brca() -> Task:
    """PAM50 from a microarray's RNA, pretrained on RNA-seq of cell lines."""
    source = read("ccle4", ["rna", "protein"])
    cohort = read("brca_mixomics", ["rna", "protein"], ["subtype"])
    return Task(source, cohort, {"target": "subtype"}, (20, 40, 80))


def glioma_types() -> Task:
    """Types of glioma from RNA, pretrained on cell lines."""
    cohort = labelled(read("tcga_surv_gbmlgg", ["rna"], ["oncotree_code"]), "oncotree_code")
    return Task(read("ccle4", ["rna"]), cohort, {"target": "oncotree_code"})


def cell_lines() -> Task:
    """Lineage of cell lines, pretrained on cell lines without labels."""
    layers = ["rna", "meth", "protein", "metab"]
    cohort = labelled(read("ccle4", layers, ["tcga_code"]), "tcga_code", 30)
    return Task(cohort, cohort, {"target": "tcga_code"}, (40, 80, 160), within=True)


def dev_drug() -> Task:
    """For choosing settings: response to a MEK inhibitor."""
    cohort = read("ccle4", ["rna", "protein"])
    response = mudata.read(DATA / "ccle4/ccle4.h5mu")["drug_ccle_actarea"].to_df()["AZD6244"]
    cohort.obs["response"] = response.reindex(cohort.obs_names)
    return Task(cohort, cohort, {"target": "response"}, (40, 80), within=True)


def dev_atrx() -> Task:
    """For choosing settings: ATRX mutations of glioma from RNA, pretrained on lung."""
    cohort = read("tcga_surv_gbmlgg", ["rna"])
    mutated = mudata.read(DATA / "tcga_surv_gbmlgg/tcga_surv_gbmlgg.h5mu")["mutation"].to_df()
    cohort.obs["atrx"] = np.where(mutated["ATRX"].reindex(cohort.obs_names) > 0, "yes", "no")
    return Task(read("tcga_surv_luad", ["rna"]), cohort, {"target": "atrx"}, (20, 40))


TASKS = {
    "luad": luad,
    "gbmlgg": gbmlgg,
    "brca": brca,
    "glioma_types": glioma_types,
    "cell_lines": cell_lines,
}
DEVELOPMENT = {"dev_drug": dev_drug, "dev_atrx": dev_atrx}
METHODS = {"scratch": None, "tuned": {}}


def draw(task: Task, repeat: int) -> tuple[np.ndarray, np.ndarray]:
    """Order of the training samples, spread over the classes, and the test part (a third)."""
    obs = task.cohort.obs
    column = task.fit.get("target") or task.fit["survival"][1]
    label = obs[column]
    number = label.dtype.kind == "f" and label.nunique() > 2
    known = np.flatnonzero(label.notna())
    strata = pd.Series(np.zeros(len(known))) if number else label.iloc[known].reset_index(drop=True)
    fold = pw.evaluate.folds(strata.astype(str), n_folds=3, seed=repeat)
    rng = np.random.default_rng(repeat)
    rest = np.flatnonzero(fold != 0)
    rest = rest[rng.permutation(len(rest))]
    # Every class comes up in turn: the first n samples hold each at its share.
    rank = strata.iloc[rest].groupby(strata.iloc[rest].to_numpy()).cumcount().to_numpy()
    share = rank / strata.iloc[rest].map(strata.iloc[rest].value_counts()).to_numpy()
    return known[rest[np.argsort(share, kind="stable")]], known[fold == 0]


def judge(task: Task, model: pw.models.Estimator, test: np.ndarray) -> tuple[str, float]:
    cohort = task.cohort
    if "survival" in task.fit:
        time_, event = (cohort.obs[c].to_numpy(float)[test] for c in task.fit["survival"])
        risk = model.predict(cohort)["risk"].to_numpy()[test]
        scores = pw.evaluate.score(np.c_[time_, event], risk, task="survival")
        return "c_index", scores["c_index"]
    name = task.fit["target"]
    truth = cohort.obs[name].to_numpy()[test]
    if model.targets_[name].task == "number":
        return "pearson", float(
            np.corrcoef(truth, model.predict(cohort)[name].to_numpy()[test])[0, 1]
        )
    proba = model.predict_proba(cohort).iloc[test]
    labels = proba.columns.to_numpy()[proba.to_numpy().argmax(axis=1)]
    scores = pw.evaluate.score(truth.astype(str), labels, proba, task="class")
    return "balanced_accuracy", scores["balanced_accuracy"]


def run(name: str, repeats: int, methods: dict[str, Any], sizes: list[int] | None) -> pd.DataFrame:
    task = {**TASKS, **DEVELOPMENT}[name]()
    graph = pw.graph.reactome()
    rows, pretrained = [], None
    for repeat in range(repeats):
        order, test = draw(task, repeat)
        if pretrained is None or task.within:
            free = np.ones(task.source.n_obs, dtype=bool)
            if task.within:
                free[test] = False
            began = time.perf_counter()
            pretrained = pw.models.PathwayVAE(n_jobs=1).fit(task.source, graph, samples=free)
            print(f"{name}: pretrained in {time.perf_counter() - began:.0f} s", flush=True)
        for size in sizes or [*task.sizes, -1]:
            n = len(order) if size < 0 else size
            mask = np.zeros(task.cohort.n_obs, dtype=bool)
            mask[order[:n]] = True
            for method, how in methods.items():
                began = time.perf_counter()
                if how is None:
                    model = pw.models.PathwayVAE(seed=repeat, n_jobs=1)
                    model.fit(task.cohort, graph, samples=mask, **task.fit)
                else:
                    model = pretrained.fine_tune(
                        task.cohort, samples=mask, seed=repeat, **task.fit, **how
                    )
                metric, score = judge(task, model, test)
                parts = model.parts_.set_index("part")
                spent = time.perf_counter() - began
                rows.append({
                    "task": name, "method": method, "n": size, "n_train": n, "repeat": repeat, "metric": metric,
                    "score": round(score, 4), "network_alone": round(parts.loc["network", "score"], 4),
                    "network_loss": round(parts.loc["network", "loss"], 4), "stack_loss": round(parts.loc["stack", "loss"], 4),
                    "seconds": round(spent, 1), "n_test": len(test),
                })  # fmt: skip
                print(rows[-1], flush=True)
        put(name, pd.DataFrame(rows))
    return pd.DataFrame(rows)


def put(name: str, table: pd.DataFrame) -> None:
    """Write the rows of a task in place of its earlier ones."""
    if OUT.exists():
        before = pd.read_csv(OUT)
        table = pd.concat([before[before["task"] != name], table], ignore_index=True)
    table.to_csv(OUT, index=False)


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """Mean score by method, and what tuning adds with its interval over repeats."""
    rows = []
    for (task, n), part in table.groupby(["task", "n"], sort=False):
        wide = part.pivot_table(index="repeat", columns="method", values="score")
        if "scratch" not in wide:
            continue
        row = {
            "task": task,
            "n": "all" if n < 0 else n,
            "metric": part["metric"].iloc[0],
            "repeats": len(wide),
        }
        row |= {method: round(wide[method].mean(), 3) for method in wide}
        for method in wide.columns.drop("scratch"):
            gain = (wide[method] - wide["scratch"]).dropna()
            ratio = (part["n_test"] / part["n_train"]).mean()
            half = (
                stats.t.ppf(0.975, len(gain) - 1) * np.sqrt((1 / len(gain) + ratio) * gain.var())
                if len(gain) > 1
                else np.nan
            )
            row[f"{method} - scratch"] = (
                f"{gain.mean():+.3f} [{gain.mean() - half:+.3f}, {gain.mean() + half:+.3f}]"
            )
        rows.append(row)
    return pd.DataFrame(rows)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tasks", nargs="*", default=list(TASKS), help="all by default")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument(
        "--sizes",
        type=int,
        nargs="*",
        help="training samples, -1 for all; each task's own by default",
    )
    parser.add_argument("--print", action="store_true", help="run nothing, print the table")
    chosen = parser.parse_args()
    if not chosen.print:
        for name in chosen.tasks:
            with pw.settings.override(progress=False), warnings.catch_warnings():
                # Cohorts differ in features; the counts of `match` are not news here.
                warnings.simplefilter("ignore", UserWarning)
                run(name, chosen.repeats, METHODS, chosen.sizes)
    print(summary(pd.read_csv(OUT)).to_string(index=False))
