"""Features of a layer put on the nodes of a graph, with a reason for every one that is not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import sparse

from pathweave import ids, io
from pathweave._core import keys
from pathweave._core.checks import check_choice, check_mudata, select_layers
from pathweave.graph._pathway_graph import PathwayGraph
from pathweave.ids._user_table import UserTable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from anndata import AnnData
    from mudata import MuData

MAPPED = "mapped"
OFF_GRAPH = "not on the graph"
_COLUMNS = (
    "symbol", "gene_symbol", "gene_symbols", "gene_name", "gene", "hgnc", "hgnc_id", "ensembl",
    "ensembl_id", "gene_id", "gene_ids", "entrez", "entrez_id", "uniprot", "chebi", "kegg", "kegg_id",
)  # fmt: skip
_UNMISTAKABLE = frozenset(
    {"hgnc", "symbol", "ensembl", "uniprot", "symbol|entrez", "symbol_region"}
)
_GENE_KINDS = ("transcriptome", "methylation", "proteome", "cnv", "mutation", "mirna")


@dataclass(frozen=True)
class FeatureMap:
    """Where the features of one layer sit on a graph.

    Attributes
    ----------
    matrix
        CSR float32 of shape ``(n_vars, n_graph_nodes)``, columns in the order of ``graph.nodes``; the
        weights of a feature sum to 1, or to 0 where it is not on the graph.
    report
        Index ``var_names``; columns ``identifier`` (what was looked up), ``node`` (ids joined by
        ``;``) and ``status`` (``mapped``, ``not on the graph``, or why it has no identifier).
    id_type
        Type of the identifiers, as `pathweave.ids.detect` names it.
    column
        Column of ``var`` they were taken from; empty for ``var_names``.
    """

    matrix: Any
    report: pd.DataFrame
    id_type: str
    column: str


@dataclass(frozen=True)
class _Try:
    """One way to name the features: pairs on the graph, and a status for each feature."""

    names: list[str]
    pairs: pd.DataFrame
    status: np.ndarray
    id_type: str
    column: str

    @property
    def n_mapped(self) -> int:
        return int((self.status == MAPPED).sum())


def _on_nodes(
    names: list[str], nodes: pd.DataFrame, kind: str, user: pd.DataFrame | None
) -> tuple[pd.DataFrame, str]:
    """Map names to ids; a name that is a node's own id or label needs no table."""
    if kind == "metabolome":
        id_type = ids.detect(names)
        id_type = "chebi" if id_type == "entrez" else id_type
        table = ids.map(names, to="compound", table=user)
    elif kind in _GENE_KINDS:
        id_type = ids.detect(names)
        table = ids.map(names, to="hgnc", source=id_type, table=user)
    else:
        return _of_unknown_kind(names, user)
    of_kind = nodes[(nodes["kind"] == "compound") == (kind == "metabolome")]
    own = _own_labels(of_kind)
    lost = ~table["id"].isin(nodes["id"])
    by_label = table.loc[lost, "name"].map(own)
    found = by_label.index[by_label.notna()]
    if len(found):
        table.loc[found, "id"] = by_label[found]
        table.loc[found, "weight"] = 1.0
        table.loc[found, "how"] = "label"
        # A name found by its label must not keep ids that are off the graph as well.
        table = table.drop_duplicates(["name", "id"])
    if kind == "metabolome" and user is not None:
        table = _bridge_charges(table, of_kind["id"], UserTable(user, compounds=True).charge_states)
    return table, id_type


def _bridge_charges(table: pd.DataFrame, nodes: pd.Series, states: pd.Series) -> pd.DataFrame:
    """Give ids off the graph the nodes that are the same compound in another charge.

    ChEBI numbers pyruvic acid and pyruvate apart; pathways hold one of them, data the other.
    """
    on = states[states.index.isin(nodes)]
    lost = table["id"].notna() & ~table["id"].isin(nodes)
    label = table["id"].where(lost).map(states)
    other = pd.DataFrame({"label": on.to_numpy(), "node": on.index.to_numpy()})
    rows = table.assign(label=label, row=np.arange(len(table))).merge(other, on="label", how="left")
    bridged = rows["label"].notna() & rows["node"].notna()
    rows.loc[bridged, "weight"] /= rows.groupby("row")["row"].transform("size")[bridged]
    rows.loc[bridged, "how"] = "other charge state"
    rows["id"] = rows["node"].where(bridged, rows["id"])
    return rows[list(table.columns)].drop_duplicates(["name", "id"], ignore_index=True)


def _of_unknown_kind(names: list[str], user: pd.DataFrame | None) -> tuple[pd.DataFrame, str]:
    """Place a layer of unknown kind on genes, if its names leave no doubt that they are genes.

    Bare numbers may be Entrez ids, or just numbers: they stay off the graph until the kind is set.
    """
    id_type = ids.detect(names)
    if id_type in _UNMISTAKABLE:
        table = ids.map(names, to="hgnc", source=id_type, table=user)
        if table.loc[table["id"].notna(), "name"].nunique() >= len(set(names)) / 2:
            return table, id_type
    reason = "the layer's kind is unknown; tell it with pathweave.io.set_kinds"
    table = pd.DataFrame({"name": pd.unique(pd.Series(names, dtype=object))})
    return table.assign(id=np.nan, weight=np.nan, how=reason), ""


def _own_labels(nodes: pd.DataFrame) -> dict[str, str]:
    """Return ids, and unique labels of nodes that HGNC does not name, to ids."""
    labels = nodes.loc[~nodes["id"].str.startswith("hgnc:"), ["id", "symbol", "name"]]
    long = labels.melt("id", value_name="label")[["label", "id"]].drop_duplicates()
    long = long[(long["label"] != "") & ~long["label"].duplicated(keep=False)]
    own = dict(long.itertuples(index=False, name=None))
    return own | {node: node for node in nodes["id"]}


def _attempt(
    names: list[str], nodes: pd.DataFrame, kind: str, column: str, user: pd.DataFrame | None
) -> _Try:
    table, id_type = _on_nodes(names, nodes, kind, user)
    position = pd.Series(np.arange(len(nodes)), index=nodes["id"])
    table = table.assign(node=table["id"].map(position))
    has_id = table["id"].notna()
    on = table[table["node"].notna()]
    status = table.drop_duplicates("name").set_index("name")["how"].copy()
    status[table.loc[has_id, "name"].unique()] = OFF_GRAPH
    status[on["name"].unique()] = MAPPED
    rows = pd.DataFrame({"feature": np.arange(len(names)), "name": names})
    pairs = rows.merge(on[["name", "node", "weight"]], on="name", how="inner")
    return _Try(names, pairs, status.reindex(names).to_numpy(object), id_type, column)


def _candidates(mod: AnnData) -> list[tuple[str, list[str]]]:
    """Return ``var_names`` and the columns of ``var`` that may hold identifiers."""
    out = [("", [str(name) for name in mod.var_names])]
    for column in mod.var.columns:
        if str(column).lower() in _COLUMNS:
            values = mod.var[column].astype(object)
            values = values.where(values.notna(), "").astype(str)
            out.append((str(column), values.tolist()))
    return out


def feature_map(
    mod: AnnData,
    graph: PathwayGraph,
    *,
    kind: str,
    layer: str,
    table: pd.DataFrame | None = None,
) -> FeatureMap:
    """Find the nodes of a graph that the features of a layer measure.

    Names are taken from ``var_names``, or from the column of ``var`` (such as ``symbol``, ``ensembl``
    or ``chebi``) that puts more features on the graph.

    Parameters
    ----------
    mod
        The layer.
    graph
        The graph.
    kind
        What the layer measures: genes for all kinds but ``metabolome`` (compounds) and ``other``
        (nothing). MiRNAs have no node of their own and need a table of targets.
    layer
        Name of the layer, for messages.
    table
        What the user knows better, as for `pathweave.ids.map`: columns ``name`` and ``id``, such as a
        manifest of CpG probes, targets of miRNAs or names of metabolites. Names of compounds also
        tell which ids are one compound in different charges (pyruvic acid, pyruvate), so that either
        finds the node of the other.

    Returns
    -------
    A `FeatureMap`. A layer without any feature on the graph is no error: its matrix is empty.

    Examples
    --------
    >>> import anndata as ad, numpy as np, pandas as pd, pathweave as pw
    >>> mod = ad.AnnData(np.zeros((2, 2)), var=pd.DataFrame(index=["TP53", "nonsense"]))
    >>> found = pw.graph.feature_map(mod, pw.graph.reactome(), kind="transcriptome", layer="rna")
    >>> found.report["status"].tolist()
    ['mapped', 'unknown symbol']
    """
    check_choice(f"the kind of layer {layer!r}", kind, keys.LAYER_KINDS)
    nodes = graph.nodes
    tries = [_attempt(names, nodes, kind, column, table) for column, names in _candidates(mod)]
    best = max(tries, key=lambda attempt: attempt.n_mapped)
    pairs = best.pairs
    shape = (mod.n_vars, len(nodes))
    feature, node = pairs["feature"].to_numpy(int), pairs["node"].to_numpy(int)
    weight = pairs["weight"].to_numpy(float)
    total = np.bincount(feature, weights=np.abs(weight), minlength=mod.n_vars)
    weight = weight / total[feature]
    matrix = sparse.csr_matrix((weight.astype(np.float32), (feature, node)), shape=shape)
    node_ids = nodes["id"].to_numpy(object)
    joined = pd.Series(node_ids[node], dtype=object).groupby(feature).agg(";".join)
    report = pd.DataFrame(
        {
            "identifier": np.array(best.names, dtype=object),
            "node": joined.reindex(np.arange(mod.n_vars)).fillna("").to_numpy(object),
            "status": best.status,
        },
        index=mod.var_names,
    )
    return FeatureMap(matrix, report, best.id_type, best.column)


def _reasons(status: pd.Series) -> str:
    lost = status[status != MAPPED].value_counts()
    return "; ".join(f"{n} {why}" for why, n in lost.items())


def coverage(
    mdata: MuData, graph: PathwayGraph, *, tables: Mapping[str, pd.DataFrame] | None = None
) -> pd.DataFrame:
    """Count, layer by layer, how many features are found on a graph, and why others are not.

    Parameters
    ----------
    mdata
        Data with one modality a layer.
    graph
        The graph.
    tables
        Layer name to a table of the user, see `feature_map`.

    Returns
    -------
    Index ``layer``; columns ``kind``, ``id_type``, ``n_features``, ``n_mapped`` (on the graph),
    ``fraction``, ``n_nodes`` (different nodes hit), ``n_in_pathway`` (features on a node that
    belongs to a pathway) and ``reasons`` (text). The table of a single layer's features is
    `feature_map`'s ``report``.

    Examples
    --------
    >>> import pathweave as pw
    >>> table = pw.graph.coverage(pw.datasets.miniacc(), pw.graph.reactome())
    >>> table.loc["rna", "id_type"]
    'symbol'
    """
    check_mudata(mdata)
    given: Any = graph
    if not isinstance(given, PathwayGraph):
        msg = f"graph must be a PathwayGraph, found {type(given).__name__}; `graph.reactome()` is one."
        raise TypeError(msg)
    tables = tables or {}
    select_layers(mdata, [*mdata.mod, *tables], name="tables")
    in_pathway = graph.nodes["id"].isin(graph.members["node"]).to_numpy()
    rows = {}
    for layer, kind in io.layer_kinds(mdata).items():
        table = tables.get(layer)
        found = feature_map(mdata.mod[layer], graph, kind=kind, layer=layer, table=table)
        n_mapped = int((found.report["status"] == MAPPED).sum())
        rows[layer] = {
            "kind": kind,
            "id_type": found.id_type,
            "n_features": len(found.report),
            "n_mapped": n_mapped,
            "fraction": n_mapped / len(found.report),
            "n_nodes": len(np.unique(found.matrix.indices)),
            "n_in_pathway": int((abs(found.matrix[:, in_pathway]).sum(axis=1) > 0).sum()),
            "reasons": _reasons(found.report["status"]),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("layer")
