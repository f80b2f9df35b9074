"""One command for the tables of models, baselines, nulls and peers, and the table that README.md shows.

Run from the project's root: ``python benchmarks/tables.py`` makes the peers' environments, runs `evaluation.py` and
`against_peers.py` (each goes on where it broke off) and prints the table; ``--print`` only prints it.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

import pandas as pd

HERE = Path(__file__).resolve().parent
PRIMARY = {
    "rosmap": "auroc", "brca_mixomics": "balanced_accuracy", "ccle4": "balanced_accuracy", "luad": "c_index",
    "gbmlgg": "c_index", "brca": "balanced_accuracy", "lgg": "auroc", "kipan": "auroc", "ccle4_drugs": "pearson",
}  # fmt: skip
NULLS = {
    "no graph": "pathway_vae, no graph", "rewired": "pathway_vae, rewired graph",
    "random pathways": "pathway_vae, random pathways", "shuffled labels": "pathway_vae, shuffled labels",
}  # fmt: skip


def table() -> pd.DataFrame:
    """One row a data set: metric, best baseline, pathweave, its nulls, and the best peer."""
    read = {"keep_default_na": False, "na_values": [""]}  # "null" is a kind of method here
    ours = pd.read_csv(HERE / "evaluation.csv", **read)
    peers = pd.read_csv(HERE / "peers.csv", **read)
    rows = {}
    for data, metric in PRIMARY.items():
        here = ours[(ours["data"] == data) & (ours["metric"] == metric)].set_index("method")
        if here.empty:
            continue
        best = here[here["kind"] == "baseline"]["mean"].idxmax()
        row = {"metric": metric, "splits": int(here.loc["pathway_vae", "n"])}
        row["best baseline"] = f"{best} {_told(here.loc[best])}"
        row["pathweave"] = _told(here.loc["pathway_vae"])
        for title, name in NULLS.items():
            row[title] = f"{here.loc[name, 'mean']:.3f}" if name in here.index else ""
        rivals = peers[(peers["data"] == data) & (peers["metric"] == metric)].set_index("method")
        row["best peer"] = ""
        if len(rivals):
            best = rivals["mean"].idxmax()
            row["best peer"] = f"{best} {_told(rivals.loc[best])}"
        rows[data] = row
    return pd.DataFrame.from_dict(rows, orient="index")


def _told(row: pd.Series) -> str:
    return f"{row['mean']:.3f} [{row['low']:.3f}, {row['high']:.3f}]"


def markdown(found: pd.DataFrame) -> str:
    """The table as README.md shows it."""
    lines = ["| data | " + " | ".join(found.columns) + " |", "|---" * (found.shape[1] + 1) + "|"]
    lines += [f"| {data} | " + " | ".join(map(str, row)) + " |" for data, row in zip(found.index, found.to_numpy(), strict=True)]  # fmt: skip
    return "\n".join(lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--print", action="store_true", help="run nothing, print the table")
    if not parser.parse_args().print:
        for script in ("peers/environment.py", "evaluation.py", "against_peers.py"):
            subprocess.run([sys.executable, str(HERE / script)], check=True)  # noqa: S603
    print(markdown(table()))
