"""Published peers in the splits of `evaluation.py`: BioNeuralNet's DPMON, MOFA+ and Flexynesis.

Run from the project's root, after ``python benchmarks/peers/environment.py``:
``python benchmarks/against_peers.py [brca lgg ...] [--peers dpmon mofa ...] [--repeats 1]``. What a peer said is kept in
``benchmarks/.peers/asked``, so that it goes on where it broke off; rows go to ``benchmarks/peers.csv``, in the columns of
``evaluation.csv``, and the report to ``benchmarks/.peers/reports/<data>``. Where `evaluation.py` was run before, paired
differences from the peers on the splits that both have seen go to ``benchmarks/paired.csv``.
"""

from __future__ import annotations

import argparse
from functools import reduce
from operator import or_
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
from five_folds import ccle4, rosmap
from peers import exchange, tcga

import pathweave as pw

if TYPE_CHECKING:
    import mudata

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "benchmarks" / "peers.csv"
PAIRED = ROOT / "benchmarks" / "paired.csv"
OURS = ["pathway_vae", "ridge", "ridge_late"]


def cohort(name: str) -> tuple[mudata.MuData, str, pd.DataFrame | None]:
    """Data, column to predict, and covariates where a peer's makers use some."""
    if name in tcga.TARGETS:
        return tcga.load(name), "target", tcga.covariates(name)
    mdata, target, _ = {"rosmap": rosmap, "ccle4": ccle4}[name]()
    return mdata, target, None


DPMON = {"network": "threshold", "model": "GAT"}
SPEARMAN = {"lgg": {"network": "spearman"}, "kipan": {"network": "spearman"}}
# method: (script, options, options of single data sets: what the peer's makers chose there)
# dpmon takes 30 to 60 s a split on a core of its own, dpmon_recipe, without tuning, 10 s.
PEERS = {
    "dpmon": ("bioneuralnet", {**DPMON, "trials": 4}, SPEARMAN),
    "dpmon_recipe": ("bioneuralnet", DPMON, SPEARMAN),
    "mofa": ("mofa", {}, {}),
    "flexynesis": ("flexynesis", {"draws": 10}, {}),
}


def paired(data: str, peers: pw.evaluate.Report) -> pd.DataFrame:
    """Differences of our methods from each peer (ours minus the peer's), on the same splits."""
    kept = ROOT / "benchmarks" / ".fits" / data / "report"
    if not kept.exists():
        return pd.DataFrame()
    both = pw.evaluate.Report.load(kept) | peers
    tables = []
    for metric in ("accuracy", "balanced_accuracy", "macro_f1", "auroc", "log_loss"):
        for peer in peers.methods.index:
            table = both.compare(metric, reference=peer).reindex(OURS).drop(columns="p_holm")
            tables.append(table.reset_index().assign(data=data, metric=metric, against=peer))
    columns = ["data", "metric", "method", "against", "difference", "low", "high", "p", "n"]
    return pd.concat(tables)[columns].round(4)


def put(out: Path, table: pd.DataFrame, data: str, key: str) -> None:
    """Write the rows of a data set in place of earlier ones of the same methods."""
    if table.empty:
        return
    if out.exists():
        before = pd.read_csv(out)
        again = (before["data"] == data) & before[key].isin(table[key].unique())
        table = pd.concat([before[~again], table], ignore_index=True)
    table.to_csv(out, index=False)


def run(data: str, methods: list[str], repeats: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Ask some peers about a data set; rows of what they scored, and paired differences."""
    mdata, target, covariates = cohort(data)
    home = ROOT / "benchmarks" / ".peers"
    found = []
    for method in methods:
        script, options, own = PEERS[method]
        one = exchange.evaluate(
            script, mdata, home / "asked" / data, method=method, options={**options, **own.get(data, {})},
            target=target, n_repeats=repeats, covariates=covariates,
        )  # fmt: skip
        print(f"\n{data}, {method}\n{one}", flush=True)
        found.append(one)
    whole = reduce(or_, found)
    whole.save(home / "reports" / data)
    return exchange.rows(whole, data), paired(data, whole)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", nargs="*", default=list(tcga.TARGETS), help="data sets")
    parser.add_argument("--peers", nargs="+", default=list(PEERS), choices=list(PEERS))
    parser.add_argument("--repeats", type=int, default=1)
    chosen = parser.parse_args()
    for name in chosen.data:
        rows, differences = run(name, chosen.peers, chosen.repeats)
        put(OUT, rows, name, "method")
        put(PAIRED, differences, name, "against")
