"""What the object itself says of steps that were learned from all samples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pathweave._core import keys
from pathweave._core.checks import listed
from pathweave.evaluate._leakage.report import Checked, Finding

if TYPE_CHECKING:
    from mudata import MuData

_STEPS = {
    "hvg": "highly variable genes", "pca": "PCA", "neighbors": "neighbours", "umap": "UMAP", "tsne": "t-SNE",
    "leiden": "Leiden clusters", "louvain": "Louvain clusters", "mofa": "MOFA",
}  # fmt: skip


def check_records(
    mdata: MuData, layers: list[str], columns: set[str], *, predicted: set[str]
) -> Checked:
    """Read ``uns``, ``obsm`` and ``var``, and which columns of obs hold predictions of these targets.

    `pp.normalize` and log1p use each sample's own values, so that their records are no sign of leakage.
    """
    findings = []
    for name, holder in [("", mdata), *((layer, mdata.mod[layer]) for layer in layers)]:
        told = _supervised(mdata, predicted) if not name else _ranked(holder, columns)
        if told:
            what = f"The labels were used before: {'; '.join(told)}."
            advice = "Do not evaluate on what came of it; repeat it inside each training part."
            findings.append(Finding("warning", name, what, len(told), len(told), advice))
        told = [what for key, what in _STEPS.items() if key in holder.uns]
        chosen = holder.var.get("highly_variable") if name else None
        if chosen is not None and chosen.astype(bool).all():
            told.append("X holds highly variable features only")
        if told:
            what = f"Steps learned from all samples are recorded: {'; '.join(told)}."
            advice = "Mild, as no labels were used. Evaluate on X, not on what they made, or repeat them inside the folds."
            findings.append(Finding("note", name, what, len(told), len(told), advice))
    return Checked(findings)


def _ranked(mod: Any, columns: set[str]) -> list[str]:
    """Features ranked by a target with scanpy's ``rank_genes_groups``."""
    by = dict(dict(mod.uns.get("rank_genes_groups", {})).get("params", {})).get("groupby")
    return [f"uns['rank_genes_groups'] by {by!r}"] if by in columns else []


def _supervised(mdata: MuData, predicted: set[str]) -> list[str]:
    """Embeddings and predictions of a model that was fitted to these targets."""
    written = [c for c in mdata.obs.columns if c in predicted]
    made = [key for key in (keys.EMBEDDING, keys.ACTIVITY) if key in mdata.obsm]
    return [f"a model of this target wrote {listed([*written, *made])}"] if written else []
