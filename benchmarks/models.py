"""What each part of a model adds: linear parts alone, with an autoencoder, with the graph, with a rewired graph.

Run from the project's root: ``python benchmarks/models.py [rosmap luad ...] [--repeats 1]``. It needs the data sets
in ``../shared/data``, keeps every fit in ``benchmarks/.model_fits`` and writes ``benchmarks/models.csv``: a row a data
set, method and metric, with its interval; tuned baselines on the same folds beside them. Defaults only, no setting by
data set; nothing is chosen on the test part.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch
from evaluation import ROOT, SETS, put

import pathweave as pw
from pathweave._core.folds import folds
from pathweave.models._data import read_training
from pathweave.models._parts import fit_all_parts
from pathweave.models._raw import read_raw
from pathweave.models._targets import read_targets
from pathweave.nn.stack import Stack

if TYPE_CHECKING:
    import mudata

BASELINES = {
    "class": ["ridge", "ridge_late", "elastic_net", "random_forest"],
    "number": ["ridge", "ridge_late", "random_forest"],
    "survival": ["cox_ridge", "cox_ridge_late", "random_survival_forest"],
}


def linear_parts(how: dict):
    """Make a function for `cross_validate`: the stack of linear and kernel parts without any network."""

    def linear(train: mudata.MuData, test: mudata.MuData) -> pd.DataFrame | np.ndarray:
        everyone = np.ones(train.n_obs, dtype=bool)
        targets = read_targets(train.obs, target=how.get("target"), survival=how.get("survival"))
        schema, values, _ = read_training(train, None, everyone)
        outcomes = {t.name: t.encode(train.obs) for t in targets}
        first = outcomes[targets[0].name][:, -1]
        fold = folds(first if targets[0].task != "number" else np.full(len(first), np.nan), seed=0)
        parts = fit_all_parts(targets, values, outcomes, fold, [])
        new = {l.name: torch.tensor(l.inputs(x)) for l, x in zip(schema, read_raw(test, schema).values(), strict=True)}  # fmt: skip
        seen = {name: ~x.isnan() for name, x in new.items()}
        filled = {name: x.nan_to_num() for name, x in new.items()}
        found = []
        for target in targets:
            part = parts[target.name]
            stack = Stack(part.linear, list(part.weights), part.task, offset=part.offset).eval()
            with torch.no_grad():
                found.append(stack(filled, seen).numpy())
        if targets[0].task == "class":
            return pd.DataFrame(
                np.exp(found[0]), index=test.obs_names, columns=list(targets[0].classes)
            )
        return np.concatenate(found, axis=1)

    return linear


def run(name: str, repeats: int, jobs: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Evaluate one data set, print what was found, and give its rows and paired differences."""
    mdata, how = SETS[name]()
    how = {key: value for key, value in how.items() if key in {"target", "survival"}}
    several = isinstance(how.get("target"), list)
    kind = "survival" if "survival" in how else "number" if several else "class"
    report = pw.evaluate.cross_validate(
        mdata, pw.graph.reactome(),
        models={
            "linear parts": linear_parts(how),
            "+ autoencoder": pw.models.MultimodalVAE(),
            "+ graph": pw.models.PathwayVAE(),
        },
        baselines=BASELINES[kind], nulls=() if several else ["rewired_graph"],
        n_repeats=repeats, folder=ROOT / "benchmarks" / ".model_fits" / name, n_jobs=jobs, **how,
    )  # fmt: skip
    print(f"\n{name}\n{report.summary()}\n{report.verdict()}", flush=True)
    tables = [report.summary(m).reset_index().assign(metric=m) for m in report.metrics]
    return pd.concat(tables, ignore_index=True).assign(data=name), report


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", nargs="*", default=list(SETS), help="data sets; all by default")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2, help="processes, each on one thread")
    chosen = parser.parse_args()
    for data in chosen.data:
        rows, _ = run(data, chosen.repeats, chosen.jobs)
        columns = ["data", "method", "kind", "metric", "mean", "low", "high", "n", "seconds", "peak_mb"]  # fmt: skip
        put(ROOT / "benchmarks" / "models.csv", data, rows, columns)
