"""A model of cell lines meets cohorts of other platforms and identifiers: what is found, and whether values agree.

Run from the project's root: ``python benchmarks/platforms.py``. It needs the data sets in ``../shared/data`` and writes
``benchmarks/platforms.csv``: what of the fit is found in each cohort by name and through the graph; and, for the
same cohort under other identifiers of its genes, how far its embedding moves (largest difference, and the deviation of
the embedding over the samples to compare it with).
"""

from __future__ import annotations

import warnings
from pathlib import Path

import mudata
import numpy as np
import pandas as pd

import pathweave as pw

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data"
OTHERS = (
    "brca_mixomics", "rosmap", "tcga_surv_gbmlgg", "acc_miniacc", "covid_su",
)  # fmt: skip


def read(name: str, layers: list[str]) -> mudata.MuData:
    whole = mudata.read(DATA / name / f"{name}.h5mu")
    with pw.io.quiet_mudata():
        return mudata.MuData({layer: whole[layer].copy() for layer in layers})


def under(mdata: mudata.MuData, layer: str, names: pd.Series) -> mudata.MuData:
    """The same values under other names, and nothing else that tells the genes."""
    with pw.io.quiet_mudata():
        other = mudata.MuData({name: mod.copy() for name, mod in mdata.mod.items()})
        known = names.notna().to_numpy() & ~names.duplicated().to_numpy()
        mod = other[layer][:, known].copy()
        mod.var = pd.DataFrame(index=names[known].astype(str).to_list())
        other = mudata.MuData({**other.mod, layer: mod})
        pw.io.set_kinds(other, {layer: pw.io.layer_kinds(mdata)[layer]})
    return other


def hgnc(names: pd.Index) -> pd.Series:
    table = pw.ids.map(list(names), to="hgnc").drop_duplicates("name").set_index("name")["id"]
    return table.reindex(names)


if __name__ == "__main__":
    warnings.simplefilter("ignore", UserWarning)
    with pw.settings.override(progress=False):
        ccle = read("ccle4", ["rna", "meth", "protein", "metab"])
        model = pw.models.PathwayVAE(n_jobs=1, max_epochs=15).fit(ccle, pw.graph.reactome())
        rows = []
        for name in OTHERS:
            cohort = mudata.read(DATA / name / f"{name}.h5mu")
            for match in ("names", "auto", "graph"):
                table = model.match(cohort, match=match).reset_index()
                table = table[table["how"] != "missing layer"]
                rows.append(table.assign(fit="ccle4", cohort=name, match=match))
        entrez = ccle["rna"].var["entrez"].astype(str).str.replace(r"\.0$", "", regex=True)
        entrez = entrez.where(entrez.str.fullmatch(r"\d+"))
        cases = [("rna", "entrez", entrez), ("rna", "hgnc", hgnc(ccle["rna"].var_names))]
        for layer, how, names in cases:
            other = under(ccle, layer, names)
            table = model.match(other).loc[[layer]].reset_index()
            # What has no other name is left out of both.
            kept = names.notna().to_numpy() & ~names.duplicated().to_numpy()
            here = under(ccle, layer, pd.Series(ccle[layer].var_names).where(kept))
            one, two = model.embed(here), model.embed(other)
            order = other.obs_names.get_indexer(here.obs_names)
            moved = float(np.nanmax(np.abs(one - two[order])))
            rows.append(
                table.assign(
                    fit="ccle4", cohort=f"ccle4, {layer} as {how}", match="auto", moved=moved,
                    spread=float(np.nanstd(one, axis=0).mean()),
                )
            )  # fmt: skip
    columns = ["fit", "cohort", "match", "layer", "kind", "how", "n_features", "n_by_name", "n_by_graph", "n_lost", "n_unused", "moved", "spread"]  # fmt: skip
    found = pd.concat(rows, ignore_index=True)[columns]
    found.to_csv(ROOT / "benchmarks" / "platforms.csv", index=False)
    print(found.to_string(index=False))
