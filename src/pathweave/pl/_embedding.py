"""Samples in two dimensions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from pathweave import get
from pathweave._core import keys
from pathweave._core.checks import MISSING_LABELS, check_choice, check_obs_column
from pathweave.pl._style import MISSING, PALETTE, legend_outside, new_axes, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from mudata import MuData

_FEW = 15
_MAX_CATEGORIES = 20


def embedding(
    mdata: MuData,
    color: str | None = None,
    *,
    basis: str = keys.EMBEDDING,
    method: Literal["umap", "pca"] = "umap",
    seed: int = 0,
    ax: Axes | None = None,
) -> Axes:
    """Draw the joint embedding in two dimensions.

    Parameters
    ----------
    mdata
        MuData with an embedding (`pathweave.tl.embed`).
    color
        Column of ``mdata.obs``: categories or numbers; samples without a value are grey.
    basis
        Slot of the embedding.
    method
        ``"umap"`` (scanpy's neighbours and UMAP) or ``"pca"`` of the embedding; fewer than 15 samples are
        always drawn by PCA.
    seed
        Seed of UMAP.
    ax
        Axes to draw on.

    Returns
    -------
    The axes.

    Examples
    --------
    >>> import matplotlib, pathweave as pw
    >>> matplotlib.use("agg")
    >>> mdata = pw.datasets.simulate(40, seed=1)
    >>> pw.tl.embed(mdata, pw.models.PathwayVAE(4, max_epochs=2).fit(mdata))
    >>> pw.pl.embedding(mdata, color="class", method="pca").get_xlabel()
    'PC1 of the embedding (... %)'
    """
    check_choice("method", method, ("umap", "pca"))
    table = get.embedding(mdata, key=basis)
    if color is not None:
        check_obs_column(mdata.obs, "color", color)
    table = table[table.notna().all(axis=1)]
    points, names = _project(table, method if len(table) >= _FEW else "pca", seed)
    ax = tidy(new_axes(ax))
    size = float(np.clip(4000 / len(table), 6, 45))
    if color is None:
        ax.scatter(points[:, 0], points[:, 1], s=size, color=PALETTE[0], linewidths=0, alpha=0.85)
    else:
        _colored(ax, points, mdata.obs.loc[table.index, color], size)
    ax.set_xlabel(names[0])
    ax.set_ylabel(names[1])
    ax.set_xticks([])
    ax.set_yticks([])
    ax.set_title(color or f"{len(table)} samples")
    return ax


def _project(table: pd.DataFrame, method: str, seed: int) -> tuple[np.ndarray, tuple[str, str]]:
    values = table.to_numpy(dtype=np.float64)
    if method == "umap":
        import anndata
        import scanpy as sc

        adata = anndata.AnnData(obs=pd.DataFrame(index=table.index), obsm={"X": values})
        sc.pp.neighbors(adata, use_rep="X", n_neighbors=min(15, len(table) - 1), random_state=seed)
        sc.tl.umap(adata, random_state=seed)
        return np.asarray(adata.obsm["X_umap"]), ("UMAP 1", "UMAP 2")
    centred = values - values.mean(axis=0)
    u, s, _ = np.linalg.svd(centred, full_matrices=False)
    points = np.zeros((len(values), 2))
    n = min(2, len(s))
    points[:, :n] = u[:, :n] * s[:n]
    share = np.zeros(2)
    share[:n] = 100 * s[:n] ** 2 / max(float((s**2).sum()), 1e-12)
    return points, (
        f"PC1 of the embedding ({share[0]:.0f} %)",
        f"PC2 of the embedding ({share[1]:.0f} %)",
    )


def _colored(ax: Axes, points: np.ndarray, values: pd.Series, size: float) -> None:
    text = values.astype("string").str.strip().str.lower()
    missing = (values.isna() | text.isin(MISSING_LABELS)).to_numpy(dtype=bool)
    if missing.any():
        ax.scatter(
            points[missing][:, 0],
            points[missing][:, 1],
            s=size,
            color=MISSING,
            linewidths=0,
            label=f"missing ({missing.sum()})",
        )
    numeric = values.dtype.kind in "iuf" and values.nunique() > 2
    if numeric:
        drawn = ax.scatter(
            points[~missing][:, 0],
            points[~missing][:, 1],
            s=size,
            c=values[~missing],
            cmap="viridis",
            linewidths=0,
        )
        figure = ax.get_figure()
        if figure is not None:
            figure.colorbar(drawn, ax=ax, shrink=0.7, label=str(values.name))
    else:
        counts = values[~missing].astype("string").value_counts()
        shown = list(counts.index[:_MAX_CATEGORIES])
        labels = values.astype("string").where(
            values.astype("string").isin(shown) | missing, "other"
        )
        if len(counts) > _MAX_CATEGORIES:
            shown.append("other")
        for i, name in enumerate(sorted(shown)):
            rows = (labels == name).fillna(value=False).to_numpy(dtype=bool)
            color = PALETTE[i % len(PALETTE)]
            ax.scatter(
                points[rows][:, 0],
                points[rows][:, 1],
                s=size,
                color=color,
                linewidths=0,
                alpha=0.9,
                label=f"{name} ({rows.sum()})",
            )
    if missing.any() or not numeric:
        outside = {"bbox_to_anchor": (1.25, 1.0)} if numeric else {}
        legend_outside(ax, fontsize=8, markerscale=max(1.0, (20 / size) ** 0.5), **outside)
