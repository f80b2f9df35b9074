"""What the object itself says of steps that were learned from all samples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pathweave._core import keys
from pathweave.evaluate._leakage.read import words
from pathweave.evaluate._leakage.report import Checked, Finding, named

if TYPE_CHECKING:
    from mudata import MuData

_STEPS = {
    "hvg": "highly variable genes", "pca": "PCA", "neighbors": "neighbours", "umap": "UMAP", "tsne": "t-SNE",
    "leiden": "Leiden clusters", "louvain": "Louvain clusters", "mofa": "MOFA", "scaler": "scaling",
}  # fmt: skip
_SELECTED = ("highly_variable", "selected", "feature_selected", "vst.variable")
_TESTED = frozenset({"pval", "pvalue", "padj", "fdr", "qvalue", "qval", "logfc", "log2fc", "fstat"})


def check_records(mdata: MuData, layers: list[str], columns: set[str]) -> Checked:
    """Read ``uns``, ``obsm`` and ``var``; per-sample steps such as log1p are no leak and not told."""
    findings = []
    for name, holder in [("", mdata), *((layer, mdata.mod[layer]) for layer in layers)]:
        told = _unsupervised(holder, name)
        supervised = _supervised(holder, name, columns)
        if supervised:
            what = f"The labels were used before: {'; '.join(supervised)}."
            advice = "Do not evaluate on features or embeddings that came of it; repeat the step inside each training part."
            findings.append(
                Finding("note", name, what + _also(told), len(supervised), len(supervised), advice)
            )
        elif told:
            what = f"Steps learned from all samples are recorded: {'; '.join(told)}."
            advice = "Mild, as no labels were used. Evaluate on X, not on what they made, or repeat them inside the folds."
            findings.append(Finding("note", name, what, len(told), len(told), advice))
    return Checked(findings)


def _also(told: list[str]) -> str:
    return f" Also recorded: {'; '.join(told)}." if told else ""


def _unsupervised(holder: Any, layer: str) -> list[str]:
    told = [what for key, what in _STEPS.items() if key in holder.uns]
    made = [
        key for key in holder.obsm
        if str(key).lower().startswith("x_") and key not in (keys.EMBEDDING, keys.ACTIVITY)
    ]  # fmt: skip
    if made:
        told.append(f"obsm {named(made)}")
    if layer:
        for column in _SELECTED:
            if column in holder.var.columns and holder.var[column].dtype.kind in "biu":
                flag = holder.var[column].astype(bool)
                kept = "all features left, so that X was cut to them" if flag.all() else f"{int(flag.sum())} features"
                told.append(f"var[{column!r}] ({kept})")
    return told


def _supervised(holder: Any, layer: str, columns: set[str]) -> list[str]:
    told = []
    ranked = holder.uns.get("rank_genes_groups")
    params = ranked.get("params", {}) if hasattr(ranked, "get") else {}
    groupby = str(params.get("groupby", "")) if hasattr(params, "get") else ""
    if groupby in columns:
        told.append(f"uns['rank_genes_groups'] by {groupby!r}")
    if layer:
        tested = [c for c in holder.var.columns if set(words(c)) & _TESTED]
        if tested:
            told.append(f"results of a test in var ({named(tested, 3)})")
    else:
        predicted = {keys.prediction(c) for c in columns} | {keys.RISK}
        written = [c for c in holder.obs.columns if c in predicted]
        record = holder.uns.get(keys.UNS)
        fitted = [
            key for key in (keys.EMBEDDING, keys.ACTIVITY)
            if key in holder.obsm and (written or (hasattr(record, "get") and keys.HISTORY in record))
        ]  # fmt: skip
        if columns and (written or fitted):
            told.append(f"a model fitted to these samples wrote {named([*written, *fitted])}")
    return told
