"""Genes, metabolites, pathways and features by name: which values of which layers they stand for."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import scipy.sparse as sp

from pathweave import ids
from pathweave._core.checks import listed
from pathweave.explain._names import by_short_name, the_one
from pathweave.explain._units import memberships
from pathweave.models._match import vocabulary

if TYPE_CHECKING:
    from pathweave.models import Estimator

LEVELS = ("gene", "pathway", "feature")
_MIN_PATHWAY = 3


@dataclass(frozen=True)
class Unit:
    """Something that can be changed.

    Attributes
    ----------
    name
        Node id, pathway id or name of a feature.
    label
        Symbol or name.
    kind
        ``"gene"``, ``"compound"``, ``"pathway"`` ... or ``"feature"``.
    shares
        By layer positions of its features, and how much of each feature it is, in (0, 1].
    """

    name: str
    label: str
    kind: str
    shares: dict[str, tuple[np.ndarray, np.ndarray]]

    @property
    def n_features(self) -> int:
        """Features in all layers together."""
        return sum(len(at) for at, _ in self.shares.values())


class Names:
    """Every name by which a fitted model's features may be called.

    Nodes are those of the model's graph, and genes and compounds beside it that a feature's own name tells.
    """

    def __init__(self, model: Estimator) -> None:
        self.layers = {n: layer for n, layer in model.layers_.items() if not layer.lag}
        tables, parts = [], {}
        for name, layer in self.layers.items():
            nodes, weights = vocabulary(model, layer)
            tables.append(nodes)
            parts[name] = (nodes["id"].astype(str).to_numpy(), sp.csr_matrix(weights))
        nodes = pd.concat(tables, ignore_index=True).drop_duplicates("id")
        self.nodes = pd.Index(nodes["id"].astype(str))
        self.members = {}
        for name, (own, weights) in parts.items():
            coo = sp.coo_matrix(weights)
            cols = self.nodes.get_indexer(own)[coo.col]
            shape = (weights.shape[0], len(self.nodes))
            self.members[name] = sp.csc_matrix((coo.data, (coo.row, cols)), shape=shape)
        measured = sum(np.diff(m.indptr) for m in self.members.values())
        self.measured = np.asarray(measured) > 0
        symbol = pd.Series(nodes["symbol"].fillna("").astype(str).to_numpy(), index=self.nodes)
        known = ids.hgnc().set_index("id")["symbol"].reindex(self.nodes).fillna("")
        self.symbols = symbol.where(symbol != "", known)
        self.kinds = pd.Series(nodes["kind"].astype(str).to_numpy(), index=self.nodes)
        self.pathways = pd.Series(dtype=object)
        self.pathway_members = sp.csr_matrix((0, len(self.nodes)))
        if model.graph_ is not None:
            found, self.pathway_members = memberships(model.graph_.members, list(self.nodes))
            names = model.graph_.pathways.set_index("id")["name"].reindex(found)
            self.pathways = pd.Series(names.fillna("").astype(str).to_numpy(), index=found)

    def find(self, name: str) -> Unit:
        """Find a gene, compound, pathway or feature, or raise with names that are near."""
        node = self._node(name)
        if node is not None:
            return self._of_nodes(node, self.symbols[node] or node, self.kinds[node], [node])
        every = by_short_name(self.pathways.index) | {str(p): [str(p)] for p in self.pathways.index}
        if name in every:
            pathway = the_one("changes", name, every[name])
            return self._pathway(self.pathways.index.get_loc(pathway))
        shares = {
            layer: (np.array([schema.features.index(name)]), np.ones(1))
            for layer, schema in self.layers.items()
            if name in schema.features
        }
        if shares:
            return Unit(name, name, "feature", shares)
        raise KeyError(self._unknown(name))

    def every(self, level: str) -> list[Unit]:
        """Every unit of a level: measured genes and compounds, pathways with three or more, or features."""
        if level == "gene":
            chosen = self.nodes[self.measured]
            return [self._of_nodes(n, self.symbols[n] or n, self.kinds[n], [n]) for n in chosen]
        if level == "pathway":
            size = np.asarray(self.pathway_members[:, self.measured].sum(axis=1)).ravel()
            return [self._pathway(int(i)) for i in np.flatnonzero(size >= _MIN_PATHWAY)]
        return [
            Unit(f"{layer}: {feature}", feature, "feature", {layer: (np.array([i]), np.ones(1))})
            for layer, schema in self.layers.items()
            for i, feature in enumerate(schema.features)
        ]

    def _node(self, name: str) -> str | None:
        """Measured node of an id, a symbol, or any other identifier or older symbol."""
        measured = self.nodes[self.measured]
        if name in measured:
            return name
        own = self.symbols.index[(self.symbols == name).to_numpy() & self.measured]
        if len(own):
            return the_one("changes", name, list(map(str, own)))
        for to in ("hgnc", "compound"):
            found = ids.map([name], to=to)["id"].dropna()
            found = found[found.isin(measured)].tolist()
            if len(found) == 1:
                return str(found[0])
        return None

    def _pathway(self, row: int) -> Unit:
        nodes = self.nodes[self.pathway_members[row].indices]
        pathway = str(self.pathways.index[row])
        return self._of_nodes(pathway, self.pathways.iloc[row] or pathway, "pathway", list(nodes))

    def _of_nodes(self, name: str, label: str, kind: str, nodes: list[str]) -> Unit:
        cols = self.nodes.get_indexer(nodes)
        shares = {}
        for layer, matrix in self.members.items():
            share = np.asarray(abs(matrix[:, cols]).sum(axis=1)).ravel()
            at = np.flatnonzero(share)
            if len(at):
                shares[layer] = (at, np.minimum(share[at], 1.0))
        return Unit(name, str(label), str(kind), shares)

    def _unknown(self, name: str) -> str:
        gene = ids.map([name], to="hgnc")["id"].dropna().tolist()
        if gene:
            return (
                f"changes[{name!r}] is a gene ({gene[0]}), but no layer of this model measures it "
                f"(layers: {listed(self.layers, 30)})."
            )
        features = {f for schema in self.layers.values() for f in schema.features}
        known = {s for s in self.symbols if s} | features | set(map(str, self.pathways.index))
        known |= {str(p).rsplit(":", 1)[-1] for p in self.pathways.index} | set(self.pathways)
        folded = {k.lower(): k for k in sorted(known)}
        near = [folded[k] for k in get_close_matches(name.lower(), folded, n=3, cutoff=0.7)]
        by_name = self.pathways.index[(self.pathways == name).to_numpy()]
        hint = f" Did you mean {listed(near)}?" if near else ""
        if len(by_name):
            hint = f" It is the name of {listed(by_name)}: pathways go by their id."
        return (
            f"changes[{name!r}] is no gene, metabolite, pathway or feature of this model (symbol, identifier such as "
            f"'hgnc:11998' or 'ENSG00000141510', pathway id, or name of a feature).{hint}"
        )
