"""Features of another cohort or platform as features of a fitted model: by name, or through the graph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import scipy.sparse as sp

from pathweave import ids
from pathweave._core.checks import check_choice, check_mudata, listed
from pathweave._core.warnings import DataWarning, warn
from pathweave.graph import PathwayGraph, feature_map
from pathweave.models._raw import open_raw
from pathweave.models._rows import LayerRows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mudata import MuData

    from pathweave.models._data import LayerSchema
    from pathweave.models._raw import RawReader, Reader
    from pathweave.models._reads import ReadsSamples

WAYS = ("auto", "names", "graph")


@dataclass(frozen=True)
class LayerMatch:
    """One layer of `fit` in another cohort.

    Attributes
    ----------
    layer
        What the layer looked like in `fit`.
    found_as
        Name of the modality that is this layer; empty where there is none.
    by_name
        Which features of `fit` were found by name, bool (n_features_of_fit,).
    translation
        CSR (n_features_of_fit, n_features_there); rows sum to 1, or to 0 where nothing was found.
    """

    layer: LayerSchema
    found_as: str
    by_name: np.ndarray
    translation: sp.csr_matrix

    @property
    def found(self) -> np.ndarray:
        """Which features of `fit` were found at all, bool (n_features_of_fit,)."""
        return np.asarray(np.diff(self.translation.indptr) > 0)

    def row(self) -> dict[str, object]:
        """Count what was found, in words and numbers."""
        n_names, n_found = int(self.by_name.sum()), int(self.found.sum())
        how = {(True, True): "names and graph", (True, False): "names", (False, True): "graph"}
        way = how.get((n_names > 0, n_found > n_names), "nothing")
        return {
            "layer": self.layer.name,
            "kind": self.layer.kind,
            "found_as": self.found_as,
            "how": way if self.found_as else "missing layer",
            "n_features": len(self.layer.features),
            "n_by_name": n_names,
            "n_by_graph": n_found - n_names,
            "n_lost": len(self.layer.features) - n_found,
            "n_unused": self.translation.shape[1] - len(np.unique(self.translation.indices)),
        }

    def carry(self, x: np.ndarray) -> np.ndarray:
        """Values there (n, n_features_there) to values of the features of `fit`, NaN where unmeasured."""
        seen = ~np.isnan(x)
        total = (self.translation @ np.where(seen, x, 0.0).T).T
        weight = (abs(self.translation) @ seen.astype(np.float32).T).T
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(weight > 0, total / weight, np.nan).astype(np.float32)


def find_layers(
    model: ReadsSamples, mdata: MuData, *, match: str, rename: Mapping[str, str] | None
) -> list[LayerMatch]:
    """Look for every layer and feature of a fitted model in a cohort.

    Parameters
    ----------
    model
        Fitted model.
    mdata
        The cohort.
    match
        ``"names"``, ``"graph"`` (names first, then nodes) or ``"auto"`` (nodes where no name matches).
    rename
        Name of a modality there to the name of the layer in `fit`.
    """
    check_mudata(mdata)
    check_choice("match", match, WAYS)
    own = [layer for layer in model.layers_.values() if not layer.lag]
    names = their_names(rename, list(mdata.mod), [layer.name for layer in own])
    return [_find(model, mdata, layer, names.get(layer.name, ""), match) for layer in own]


def their_names(
    rename: Mapping[str, str] | None, theirs: list[str], ours: list[str]
) -> dict[str, str]:
    """Layer of `fit` to the modality that holds it, for layers that are there."""
    if rename is not None and not hasattr(rename, "items"):
        msg = f"rename={rename!r} must be a dict: {{'layer of mdata': 'layer of fit'}}."
        raise TypeError(msg)
    rename = dict(rename or {})
    for side, known, given in (("mdata", theirs, list(rename)), ("fit", ours, [*rename.values()])):
        strange = [name for name in given if name not in known]
        if strange or len(set(given)) < len(given):
            told = listed(strange or given)
            msg = (
                f"rename={rename!r}: {told} must be different layers of {side} ({listed(known, 30)}); "
                "write {'layer of mdata': 'layer of fit'}."
            )
            raise ValueError(msg)
    found = {name: name for name in theirs if name in ours and name not in rename}
    found |= {our: their for their, our in rename.items()}
    return found


def _find(
    model: ReadsSamples, mdata: MuData, layer: LayerSchema, found_as: str, match: str
) -> LayerMatch:
    n = len(layer.features)
    if not found_as:
        return LayerMatch(layer, "", np.zeros(n, dtype=bool), sp.csr_matrix((n, 0)))
    mod = mdata.mod[found_as]
    position = mod.var_names.get_indexer(list(layer.features))
    by_name = position >= 0
    ours = np.flatnonzero(by_name)
    ones = np.ones(len(ours), dtype=np.float32)
    translation = sp.csr_matrix((ones, (ours, position[ours])), shape=(n, mod.n_vars))
    if match == "graph" or (match == "auto" and not by_name.any()):
        through = _through_graph(model, mdata, layer, found_as)
        if through is not None:
            translation = sp.csr_matrix(
                translation + sp.diags((~by_name).astype(np.float32)) @ through
            )
    translation.eliminate_zeros()
    return LayerMatch(layer, found_as, by_name, translation)


def _through_graph(
    model: ReadsSamples, mdata: MuData, layer: LayerSchema, found_as: str
) -> sp.csr_matrix | None:
    """Features of `fit` x features there: who measures the same genes or compounds, else who shares some."""
    nodes, ours = vocabulary(model, layer)
    if not ours.nnz:
        return None
    found = feature_map(
        mdata.mod[found_as], PathwayGraph(nodes=nodes), kind=layer.kind, layer=found_as
    )
    shelf = PathwayGraph(nodes=nodes).nodes["id"]
    place = pd.Index(shelf).get_indexer(nodes["id"])
    return same_nodes(ours, sp.csr_matrix(sp.csr_matrix(found.matrix)[:, place]))


def vocabulary(model: ReadsSamples, layer: LayerSchema) -> tuple[pd.DataFrame, sp.csr_matrix]:
    """Genes or compounds that a layer of `fit` measured, and its features' weights on them.

    Nodes of the graph where features lie on it (by ``var_names`` or a column of ``var``, as in `fit`), identifiers
    of their names elsewhere: a gene that no pathway knows is the same gene on both platforms, too.
    """
    arrays, graph = model.ensemble_.graph, model.graph_
    columns = ["id", "kind", "symbol", "name"]
    on = sp.csr_matrix((len(layer.features), 0), dtype=np.float32)
    nodes = pd.DataFrame(columns=columns, dtype=object)
    if arrays is not None and graph is not None:
        table = graph.nodes.set_index("id", drop=False).loc[list(arrays.node_ids), columns]
        nodes = table.reset_index(drop=True)
        empty = sp.csr_matrix((len(layer.features), arrays.n_nodes), dtype=np.float32)
        on = arrays.feature_maps.get(layer.name, empty)
    off = pd.Index(layer.features)[np.diff(on.indptr) == 0 if on.shape[1] else slice(None)]
    if layer.kind == "other" or off.empty:
        return nodes, on
    compounds = layer.kind == "metabolome"
    source = "auto" if compounds else ids.detect(layer.features)
    to = "compound" if compounds else "hgnc"
    known = ids.map(list(off), to=to, source=source).dropna(subset="id")
    known = known[~known["id"].isin(nodes["id"])].drop_duplicates(["name", "id"])
    extra = pd.Index(known["id"].unique())
    rows = pd.Index(layer.features).get_indexer(known["name"])
    weight = known["weight"].to_numpy(np.float32)
    more = sp.csr_matrix(
        (weight, (rows, extra.get_indexer(known["id"]))), (len(layer.features), len(extra))
    )
    new = pd.DataFrame({"id": extra, "kind": "compound" if compounds else "gene"})
    return (
        pd.concat([nodes, new.reindex(columns=columns, fill_value="")], ignore_index=True),
        sp.csr_matrix(sp.hstack([on, more])),
    )


def nodes_of(model: ReadsSamples, mdata: MuData, name: str, kind: str) -> sp.csr_matrix:
    """Features of a modality x nodes of the fitted model's graph."""
    arrays, graph = model.ensemble_.graph, model.graph_
    if arrays is None or graph is None:
        msg = "this model was fitted without a graph"
        raise ValueError(msg)
    found = feature_map(mdata.mod[name], graph, kind=kind, layer=name)
    place = pd.Index(graph.nodes["id"]).get_indexer(list(arrays.node_ids))
    return sp.csr_matrix(sp.csr_matrix(found.matrix)[:, place])


def same_nodes(ours: sp.csr_matrix, theirs: sp.csr_matrix) -> sp.csr_matrix:
    """Weights (n_ours, n_theirs), rows summing to 1 or 0, of features that measure the same nodes.

    Where features there sit on exactly the nodes of ours, they alone count, all alike; elsewhere those that
    share nodes, by the product of their weights on them.
    """
    on, off = (ours != 0).astype(np.float32), (theirs != 0).astype(np.float32)
    common = sp.coo_matrix(on @ off.T)
    size_on, size_off = np.diff(ours.indptr), np.diff(theirs.indptr)
    equal = (common.data == size_on[common.row]) & (common.data == size_off[common.col])
    exact = sp.csr_matrix(
        (equal[equal].astype(np.float32), (common.row[equal], common.col[equal])), common.shape
    )
    has_exact = np.diff(exact.indptr) > 0
    some = sp.diags((~has_exact).astype(np.float32)) @ sp.csr_matrix(ours @ theirs.T)
    weights = sp.csr_matrix(exact + some)
    weights.eliminate_zeros()
    total = np.asarray(abs(weights).sum(axis=1)).ravel()
    scale = np.divide(1.0, total, out=np.zeros_like(total), where=total > 0)
    return sp.csr_matrix(sp.diags(scale) @ weights).astype(np.float32)


def match_table(matches: list[LayerMatch]) -> pd.DataFrame:
    """One row a layer of `fit`: what was found, and how."""
    return pd.DataFrame([match.row() for match in matches]).set_index("layer")


def open_matched(model: ReadsSamples, mdata: MuData) -> RawReader:
    """Samples in the features of `fit`, to be read; a layer none of whose names matches goes through the graph."""

    def translate(layer: LayerSchema) -> Reader | None:
        match = _find(model, mdata, layer, layer.name, "auto")
        if not match.found.any():
            return None
        warn_translated([match])
        return carried(match, mdata)

    return open_raw(mdata, list(model.layers_.values()), translate)


def warn_translated(matches: list[LayerMatch]) -> None:
    """Say for which layers values stand for features of other names."""
    for match in matches:
        n = int(match.found.sum() - match.by_name.sum())
        if n:
            lost = len(match.layer.features) - int(match.found.sum())
            warn(
                f"layer {match.found_as!r}: {n} of {len(match.layer.features)} features seen in fit were not found by "
                f"name; values of the same genes or compounds stand for them, in the units they have ({lost} features "
                "were not found at all and count as unmeasured). model.match(mdata) counts; model.translate "
                "changes how.",
                DataWarning,
            )


def carried(match: LayerMatch, mdata: MuData) -> Reader:
    """Reads one layer of a cohort in the features of `fit`."""
    rows = LayerRows(match.found_as, mdata.mod[match.found_as], mdata.obs_names)

    def read(index: np.ndarray) -> np.ndarray:
        return match.carry(rows.read(index).take(np.arange(len(index))))

    return read
