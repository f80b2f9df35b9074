"""PathwayVAE beside tuned baselines and its nulls, on the same repeated folds; one table for all data sets.

Run from the project's root: ``python benchmarks/evaluation.py [rosmap luad ...] [--repeats 5]``. It needs the
data sets in ``../shared/data``, keeps every fit in ``benchmarks/.fits`` (so that it goes on where it broke off)
and writes ``benchmarks/evaluation.csv``: a row a data set, method and metric, with its interval.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import mudata
import pandas as pd
from five_folds import DATA, ccle4, rosmap

import pathweave as pw

ROOT = Path(__file__).resolve().parents[1]
LINEAR = ["ridge", "ridge_late", "elastic_net", "svm"]
OTHERS = ["random_forest", "gradient_boosting", "knn", "majority"]
NULLS = ["shuffled_labels", "rewired_graph", "random_pathways", "no_graph"]
SURVIVAL = {"survival": ("survival_months", "event"), "baselines": ["cox_ridge", "cox_ridge_late", "majority"]}  # fmt: skip


def classes(mdata: mudata.MuData, target: str) -> tuple[mudata.MuData, dict]:
    return mdata, {"target": target, "baselines": [*LINEAR, *OTHERS]}


SETS = {
    "rosmap": lambda: classes(*rosmap()[:2]),
    "ccle4": lambda: classes(*ccle4()[:2]),
    "luad": lambda: (mudata.read(DATA / "tcga_surv_luad/tcga_surv_luad.h5mu"), SURVIVAL),
    "gbmlgg": lambda: (mudata.read(DATA / "tcga_surv_gbmlgg/tcga_surv_gbmlgg.h5mu"), SURVIVAL),
}


def run(name: str, repeats: int) -> pd.DataFrame:
    """Evaluate one data set, print what was found, and give its rows."""
    mdata, how = SETS[name]()
    report = pw.evaluate.cross_validate(
        mdata, pw.graph.reactome(), n_repeats=repeats, null_repeats=1, nulls=NULLS,
        folder=ROOT / "benchmarks" / ".fits" / name, **how,
    )  # fmt: skip
    print(f"\n{name}\n{report.verdict()}", flush=True)
    tables = [report.summary(m).reset_index().assign(metric=m) for m in report.metrics]
    return pd.concat(tables, ignore_index=True).assign(data=name)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", nargs="*", default=list(SETS), help="data sets; all by default")
    parser.add_argument("--repeats", type=int, default=5)
    chosen = parser.parse_args()
    out = ROOT / "benchmarks" / "evaluation.csv"
    columns = ["data", "method", "kind", "metric", "mean", "low", "high", "n", "seconds", "peak_mb"]
    for data in chosen.data:
        table = run(data, chosen.repeats)[columns].round(4)
        if out.exists():
            before = pd.read_csv(
                out, keep_default_na=False, na_values=[""]
            )  # "null" is a kind here
            table = pd.concat([before[before["data"] != data], table], ignore_index=True)
        table.to_csv(out, index=False)
