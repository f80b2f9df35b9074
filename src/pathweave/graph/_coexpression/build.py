"""A graph learned from the data: features that go up and down together."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from scipy import sparse

from pathweave import ids, io
from pathweave._core import keys
from pathweave._core.checks import check_choice, check_unique, listed
from pathweave.graph import _genes
from pathweave.graph._coexpression import correlate
from pathweave.graph._features import _candidates
from pathweave.graph._pathway_graph import PathwayGraph

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anndata import AnnData
    from mudata import MuData


def coexpression(
    data: MuData | AnnData,
    *,
    layer: str | None = None,
    samples: Sequence[str] | np.ndarray | pd.Series | None = None,
    method: Literal["spearman", "pearson"] = "spearman",
    min_abs_correlation: float = 0.5,
    n_neighbors: int = 10,
    missing: Literal["pairwise", "error"] = "pairwise",
    min_samples: int = 20,
    kind: str | None = None,
    table: pd.DataFrame | None = None,
    database: str = "coexpression",
) -> PathwayGraph:
    """Learn a graph of the genes (or compounds) of a layer that are strongly correlated.

    **It learns from the samples it is given.** Inside cross-validation, or wherever a model that
    uses the graph is judged on held-out samples, call it on the training samples alone
    (``samples=...``), in every fold anew; otherwise the test samples have shaped the model.

    Parameters
    ----------
    data
        A MuData, or an AnnData of one layer. Values should be normalised (see `pathweave.pp`).
    layer
        Modality of the MuData; may be left out where there is only one.
    samples
        Training samples: names, or true/false for each sample of `data`. ``None`` for all. Samples
        that the layer lacks are passed over.
    method
        ``"spearman"`` (of ranks) or ``"pearson"``.
    min_abs_correlation
        Weaker pairs are no edges. With few samples chance alone goes far: of 20,000 genes in 30
        samples, thousands of unrelated pairs pass 0.7.
    n_neighbors
        An edge joins two features if each is among the other's strongest so many.
    missing
        ``"pairwise"`` correlates a pair over the samples that have both (ranks are those among the
        samples that have the feature); ``"error"`` refuses missing values.
    min_samples
        A pair with fewer samples in common is no edge, and fewer samples at all are an error.
    kind
        What the layer measures, see `pathweave.io.guess_kind`; ``None`` for what is recorded or
        guessed. A metabolome's nodes are compounds, a miRNA layer's miRNAs, all others' genes.
    table
        Names and ids that the user knows better, as for `pathweave.ids.map`.
    database
        Name written into the edges' ``database``, and the key in ``meta``.

    Returns
    -------
    Undirected edges of type ``coexpression``; ``sign`` is that of the correlation, ``weight`` its
    size. Features of one node (probes of a gene) are correlated one by one and the strongest pair
    counts; two features that share a node give no edge. Nodes without an edge are left out.
    ``meta[database]`` holds the number of samples and the sha256 of their sorted names, the
    settings, and counts of features that are unmapped, or constant (or with too few values).

    Examples
    --------
    >>> import pathweave as pw
    >>> learned = pw.graph.coexpression(pw.datasets.miniacc(), layer="rna")
    >>> learned.edges["type"].unique().tolist(), learned.meta["coexpression"]["samples"]
    (['coexpression'], 79)
    """
    _check(method, missing, min_abs_correlation, n_neighbors, min_samples)
    mod, name, all_names = _layer(data, layer)
    rows = _rows(mod, _chosen(samples, all_names))
    if len(rows) < min_samples:
        msg = (
            f"samples: layer {name!r} has {len(rows)} of them; at least min_samples={min_samples} are "
            "needed for a correlation worth an edge."
        )
        raise ValueError(msg)
    chosen = mod.obs_names[rows]
    if kind is not None:
        check_choice("kind", kind, keys.LAYER_KINDS)
    kind = kind or _kind(mod, name)
    features, found = _found(mod, kind, table)
    nodes = _genes.nodes_of(found)
    if not nodes:
        msg = (
            f"layer {name!r} (kind {kind!r}): no feature is a known gene or compound; found "
            f"{listed(features)}. Give table= (names and ids), or the right kind=."
        )
        raise ValueError(msg)
    kept = np.flatnonzero([bool(nodes.get(f)) for f in features])
    # In the order of their names, so that ties do not depend on the order of columns.
    kept = kept[np.argsort(np.asarray(mod.var_names[kept], dtype=str), kind="stable")]
    values = _values(mod, rows, kept, name)
    if missing == "error" and np.isnan(values).any():
        at = kept[np.isnan(values).any(axis=0)]
        msg = (
            f"layer {name!r} has missing values in {len(at)} feature(s): {listed(mod.var_names[at])}. "
            "Impute them, or take missing='pairwise'."
        )
        raise ValueError(msg)
    usable = correlate.varies(values, min_samples)
    pairs = correlate.mutual_neighbors(
        values[:, usable],
        ranks=method == "spearman",
        least=min_abs_correlation,
        k=n_neighbors,
        min_samples=min_samples,
    )
    kept_names = [features[i] for i in kept[usable]]
    edges = _edge_table(pairs, kept_names, nodes, database)
    lost = found[found["node"].isna()]
    meta: dict[str, Any] = {
        database: {
            "layer": name,
            "samples": len(rows),
            "samples_sha256": hashlib.sha256("\n".join(sorted(chosen)).encode()).hexdigest(),
            "method": method,
            "min_abs_correlation": min_abs_correlation,
            "n_neighbors": n_neighbors,
            "features": int(mod.n_vars),
            "features_constant": int((~usable).sum()),
            "features_not_mapped": int(mod.n_vars - len(kept)),
        }
    }
    if len(lost):
        meta[f"{database}_lost"] = _genes.told(lost)
    one = ((n, ns[0]) for n, ns in nodes.items() if len(ns) == 1 and ":" not in n)
    labels = {node: n for n, node in sorted(one, reverse=True)}  # in any order of columns
    return PathwayGraph(
        nodes=_genes.named_nodes([*edges["source"], *edges["target"]], labels),
        edges=edges,
        meta=meta,
    )


def _check(method: str, missing: str, least: float, k: int, min_samples: int) -> None:
    check_choice("method", method, ("spearman", "pearson"))
    check_choice("missing", missing, ("pairwise", "error"))
    if not 0 <= least <= 1:
        msg = f"min_abs_correlation={least!r} must be from 0 to 1."
        raise ValueError(msg)
    for name, value, low in (("n_neighbors", k, 1), ("min_samples", min_samples, 3)):
        if value < low:
            msg = f"{name}={value!r} must be at least {low}."
            raise ValueError(msg)


def _layer(data: Any, layer: str | None) -> tuple[AnnData, str, pd.Index]:
    """Return the layer, its name and the names of all samples."""
    from mudata import MuData

    if isinstance(data, MuData):
        if layer is None and len(data.mod) == 1:
            layer = next(iter(data.mod))
        if layer not in data.mod:
            msg = f"layer={layer!r}: choose one of {listed(data.mod, 30)}."
            raise KeyError(msg)
        mod = data.mod[layer]
    elif hasattr(data, "var_names"):
        mod, layer = data, layer or "data"
    else:
        msg = f"data must be a MuData or an AnnData, found {type(data).__name__}."
        raise TypeError(msg)
    check_unique(data.obs_names, "sample names")
    check_unique(mod.var_names, f"feature names of layer {layer!r}")
    return mod, str(layer), data.obs_names


def _chosen(samples: Any, all_names: pd.Index) -> pd.Index:
    """Return the names of the samples meant."""
    if samples is None:
        return all_names
    if isinstance(samples, str):
        msg = f"samples must be a list of names or of true and false, found the text {samples!r}."
        raise TypeError(msg)
    if isinstance(samples, pd.Series) and samples.dtype == bool:
        unknown = samples.index.difference(all_names)
        picked = samples.index[samples.to_numpy()]
    else:
        given = np.asarray(samples)
        if given.dtype == bool:
            if given.shape != (len(all_names),):
                msg = (
                    f"samples: {given.size} values of true and false for {len(all_names)} samples."
                )
                raise ValueError(msg)
            return all_names[given]
        if given.dtype.kind in "iuf":
            msg = "samples must be names of samples or true and false, found numbers."
            raise TypeError(msg)
        picked = pd.Index(given.astype(str))
        unknown = picked.difference(all_names)
        check_unique(picked, "samples")
    if len(unknown):
        msg = f"samples: {len(unknown)} name(s) are not in the data: {listed(unknown)}."
        raise KeyError(msg)
    return picked


def _rows(mod: AnnData, chosen: pd.Index) -> np.ndarray:
    """Positions in the layer, by name: neither its order nor that of `samples` says anything."""
    rows = np.flatnonzero(mod.obs_names.isin(chosen))
    return rows[np.argsort(np.asarray(mod.obs_names[rows], dtype=str), kind="stable")]


def _kind(mod: AnnData, name: str) -> str:
    from mudata import MuData

    with io.quiet_mudata():
        return io.layer_kinds(MuData({name: mod}))[name]


def _found(mod: AnnData, kind: str, table: pd.DataFrame | None) -> tuple[list[str], pd.DataFrame]:
    """Look up the names that put most features on nodes: ``var_names``, or a column of ``var``."""
    best: tuple[int, list[str], pd.DataFrame] | None = None
    for _, names in _candidates(mod):
        if kind == "metabolome":
            found = ids.map(names, to="compound", table=table).rename(columns={"id": "node"})
        elif kind == "mirna" and table is None:
            found = pd.DataFrame({"name": names, "node": [f"mirna:{name}" for name in names]})
            found = found.drop_duplicates().assign(how="miRNA")
        else:
            found = _genes.resolve(names, source="auto", table=table)
        n = int(pd.Series(names).isin(found.loc[found["node"].notna(), "name"]).sum())
        if best is None or n > best[0]:
            best = n, names, found
    return ([], pd.DataFrame()) if best is None else best[1:]


def _values(mod: AnnData, rows: np.ndarray, columns: np.ndarray, name: str) -> np.ndarray:
    """Dense values of some samples and features."""
    values = mod.X[rows][:, columns]
    dense = np.asarray(values.toarray() if sparse.issparse(values) else values, dtype=np.float64)
    if np.isinf(dense).any():
        at = columns[np.isinf(dense).any(axis=0)]
        msg = (
            f"layer {name!r} holds infinite values in {listed(mod.var_names[at])} (log of zero?). "
            "Replace them by NaN or a number."
        )
        raise ValueError(msg)
    return dense


def _edge_table(
    pairs: tuple[np.ndarray, np.ndarray, np.ndarray],
    names: list[str],
    nodes: dict[str, list[str]],
    database: str,
) -> pd.DataFrame:
    """Edges between nodes; of several pairs of features the strongest counts."""
    first, second, r = pairs
    out = pd.DataFrame(
        {
            "source": [nodes[names[i]] for i in first],
            "target": [nodes[names[i]] for i in second],
            "sign": np.sign(r).astype(int),
            "weight": np.abs(r),
        }
    )
    # Two features of one node (probes of a gene, antibodies of a family) say nothing of its members.
    same = [bool(set(a) & set(b)) for a, b in zip(out["source"], out["target"], strict=True)]
    out = out[~np.array(same, dtype=bool)]
    out = out.explode("source").explode("target").astype({"source": object, "target": object})
    ends = np.sort(out[["source", "target"]].to_numpy(dtype=str), axis=1)
    out["source"], out["target"] = ends[:, 0].astype(object), ends[:, 1].astype(object)
    out = out.sort_values(["weight", "sign"], ascending=False, kind="stable")
    out = out.drop_duplicates(["source", "target"])
    return out.assign(type="coexpression", directed=False, database=database)
