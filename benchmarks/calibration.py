"""How well probabilities are calibrated, beside what a perfectly calibrated forecast would get on as many samples.

Run from the project's root after ``benchmarks/evaluation.py``, whose kept reports it reads:
``python benchmarks/calibration.py [rosmap ...]``. It writes ``benchmarks/calibration.csv``. A calibration error is
never negative, so few samples make it too large, however good the forecast: the error of a split's test part (44 to
150 samples) says little. Here it is that of a repeat, in which every sample was predicted once, averaged over
repeats; `ideal` is the same for labels drawn from the forecast's own probabilities.
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd
from evaluation import ROOT, put

from pathweave.evaluate import calibration_error

_DRAWS = 20


def calibration(predictions: pd.DataFrame) -> pd.DataFrame:
    """One row a method: error a split and a repeat, and what a perfect forecast would get there."""
    probabilities = [c for c in predictions if c.startswith("proba_")]
    classes = [c.removeprefix("proba_") for c in probabilities]
    rng = np.random.default_rng(0)
    rows = []
    for method, mine in predictions.dropna(subset=probabilities).groupby("method", sort=False):
        row: dict[str, object] = {"method": method, "n_repeats": mine["repeat"].nunique()}
        for name, by in (("split", ["repeat", "fold"]), ("repeat", ["repeat"])):
            found, ideal = [], []
            for _, part in mine.groupby(by):
                proba = part[probabilities].to_numpy(dtype=float)
                proba /= proba.sum(axis=1, keepdims=True)
                truth = part["truth"].astype(str).to_numpy()
                found.append(calibration_error(truth, proba, classes=classes))
                upto = proba.cumsum(axis=1)
                for _ in range(_DRAWS):
                    code = (rng.random((len(proba), 1)) > upto[:, :-1]).sum(axis=1)
                    drawn = np.array(classes)[code]
                    ideal.append(calibration_error(drawn, proba, classes=classes))
            row |= {name: np.mean(found), f"{name}, ideal": np.mean(ideal)}
        rows.append(row)
    return pd.DataFrame(rows).sort_values("repeat")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    kept = sorted((ROOT / "benchmarks" / ".fits").glob("*/report/predictions.parquet"))
    parser.add_argument("data", nargs="*", default=[path.parts[-3] for path in kept])
    for data in parser.parse_args().data:
        predictions = pd.read_parquet(
            ROOT / "benchmarks" / ".fits" / data / "report" / "predictions.parquet"
        )
        if any(c.startswith("proba_") for c in predictions):
            table = calibration(predictions).assign(data=data)
            print(f"\n{data}\n{table.round(3).to_string(index=False)}")
            columns = ["data", "method", "n_repeats", "split", "split, ideal", "repeat", "repeat, ideal"]  # fmt: skip
            put(ROOT / "benchmarks" / "calibration.csv", data, table, columns)
