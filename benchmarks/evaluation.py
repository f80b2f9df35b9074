"""PathwayVAE beside tuned baselines and its nulls, on the same repeated folds; one table for all data sets.

Run from the project's root: ``python benchmarks/evaluation.py [rosmap luad ...] [--repeats 5] [--jobs 2]``. It needs
the data sets in ``../shared/data``, keeps every fit in ``benchmarks/.fits`` (so that it goes on where it broke off)
and writes ``benchmarks/evaluation.csv``, a row a data set, method and metric, with its interval; and
``benchmarks/findings.csv``, what each model is better or worse than. Nulls are fitted in the first repeat.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import mudata
import pandas as pd
from five_folds import DATA, brca, ccle4, rosmap
from peers import tcga

import pathweave as pw

ROOT = Path(__file__).resolve().parents[1]
CLASSES = [
    "ridge", "ridge_late", "elastic_net", "svm", "sparse_plsda", "random_forest", "gradient_boosting", "knn",
    "majority",
]  # fmt: skip
SURVIVAL = [
    "cox_ridge", "cox_ridge_late", "random_survival_forest", "random_survival_forest_late", "majority",
]  # fmt: skip
# Every target is fitted by itself: elastic net and SVM would take longer than all the others, and a split's forests
# take minutes, so that they are grown in the first repeat only.
NUMBERS = ["ridge", "ridge_late", "knn", "majority"]
SLOW = ["random_forest", "gradient_boosting"]
NULLS = ["shuffled_labels", "rewired_graph", "random_pathways", "no_graph"]


def classes(mdata: mudata.MuData, target: str) -> tuple[mudata.MuData, dict]:
    return mdata, {"target": target, "baselines": CLASSES}


def survival(name: str) -> tuple[mudata.MuData, dict]:
    mdata = mudata.read(DATA / name / f"{name}.h5mu")
    return mdata, {"survival": ("survival_months", "event"), "baselines": SURVIVAL}


def drugs() -> tuple[mudata.MuData, dict]:
    """Response (activity area) of the cell lines to the 24 drugs of CCLE, predicted together from all layers.

    The nulls are left out: eight models would be fitted a split, of 24 outcomes each.
    """
    mdata = mudata.read(DATA / "ccle4/ccle4.h5mu")
    response = mdata["drug_ccle_actarea"].to_df().add_prefix("drug ")
    layers = ["rna", "meth", "protein", "metab", "cnv", "mutation"]
    with pw.io.quiet_mudata():
        small = mudata.MuData({name: mdata[name].copy() for name in layers})
        small.obs = response.reindex(small.obs_names)
    return small, {
        "target": list(response.columns),
        "baselines": NUMBERS,
        "slow": SLOW,
        "nulls": (),
    }


SETS = {
    "rosmap": lambda: classes(*rosmap()[:2]),
    "brca_mixomics": lambda: classes(*brca()[:2]),
    "ccle4": lambda: classes(*ccle4()[:2]),
    "luad": lambda: survival("tcga_surv_luad"),
    "gbmlgg": lambda: survival("tcga_surv_gbmlgg"),
    "brca": lambda: classes(tcga.load("brca"), "target"),
    "lgg": lambda: classes(tcga.load("lgg"), "target"),
    "kipan": lambda: classes(tcga.load("kipan"), "target"),
    "ccle4_drugs": drugs,
}


def run(name: str, repeats: int, jobs: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Evaluate one data set, print what was found, and give its rows and findings."""
    mdata, how = SETS[name]()
    how = {"nulls": NULLS, **how}
    slow = how.pop("slow", [])

    def evaluate(n_repeats: int, baselines: list[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
        report = pw.evaluate.cross_validate(
            mdata, pw.graph.reactome(), n_repeats=n_repeats, null_repeats=1,
            folder=ROOT / "benchmarks" / ".fits" / name, n_jobs=jobs, **{**how, "baselines": baselines},
        )  # fmt: skip
        report.save(ROOT / "benchmarks" / ".fits" / name / "report")
        print(f"\n{name}\n{report.verdict()}", flush=True)
        tables = [report.summary(m).reset_index().assign(metric=m) for m in report.metrics]
        rows = pd.concat(tables, ignore_index=True).assign(data=name)
        return rows, report.findings().assign(data=name, metric=report.primary)

    rows, found = [], []
    if slow:
        first = evaluate(1, [*how["baselines"], *slow])
        rows.append(first[0][first[0]["method"].isin(slow)])
        found.append(first[1][first[1]["against"].isin(slow)])
    whole = evaluate(repeats, how["baselines"])
    return pd.concat([whole[0], *rows]), pd.concat([whole[1], *found])


def put(out: Path, name: str, table: pd.DataFrame, columns: list[str]) -> None:
    """Write the rows of a data set in place of its earlier ones."""
    table = table[columns].round(4)
    if out.exists():
        # "null" is a kind of method here, not a gap.
        before = pd.read_csv(out, keep_default_na=False, na_values=[""])
        table = pd.concat([before[before["data"] != name], table], ignore_index=True)
    table.to_csv(out, index=False)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", nargs="*", default=list(SETS), help="data sets; all by default")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=2, help="processes, each on one thread")
    chosen = parser.parse_args()
    for data in chosen.data:
        rows, found = run(data, chosen.repeats, chosen.jobs)
        columns = ["data", "method", "kind", "metric", "mean", "low", "high", "n", "seconds", "peak_mb"]  # fmt: skip
        put(ROOT / "benchmarks" / "evaluation.csv", data, rows, columns)
        columns = [
            "data", "metric", "method", "against", "answer", "difference", "low", "high", "p", "n",
        ]  # fmt: skip
        put(ROOT / "benchmarks" / "findings.csv", data, found, columns)
