"""Four tables that never change, in canonical form: what a graph is, before what it can do."""

from __future__ import annotations

import copy
import hashlib
import json
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pathweave.graph import _hierarchy, _losses, _tables

if TYPE_CHECKING:
    from typing import Self

TABLES = ("nodes", "edges", "pathways", "members")


class GraphValue:
    """The tables of a `PathwayGraph`, checked, and handed out as copies."""

    def __init__(
        self,
        *,
        nodes: pd.DataFrame | None = None,
        edges: pd.DataFrame | None = None,
        pathways: pd.DataFrame | None = None,
        members: pd.DataFrame | None = None,
        meta: dict[str, Any] | None = None,
    ) -> None:
        fine_nodes = _tables.nodes_table(nodes)
        fine_pathways = _tables.pathways_table(pathways)
        state = {
            "_nodes": fine_nodes,
            "_pathways": fine_pathways,
            "_members": _tables.members_table(members, fine_nodes, fine_pathways),
            "_edges": _tables.edges_table(edges, fine_nodes, fine_pathways),
            "_meta": copy.deepcopy(meta or {}),
        }
        self.__dict__.update(state)

    _nodes: pd.DataFrame
    _edges: pd.DataFrame
    _pathways: pd.DataFrame
    _members: pd.DataFrame
    _meta: dict[str, Any]

    def __setattr__(self, name: str, value: object) -> None:
        msg = f"a PathwayGraph never changes; build a new one instead of setting {name!r}."
        raise AttributeError(msg)

    def __delattr__(self, name: str) -> None:
        msg = f"a PathwayGraph never changes; {name!r} cannot be deleted."
        raise AttributeError(msg)

    @property
    def nodes(self) -> pd.DataFrame:
        """Nodes, sorted by ``id``: columns id, kind, symbol, name."""
        return self._nodes.copy()

    @property
    def edges(self) -> pd.DataFrame:
        """Edges: columns source, target, type, sign, directed, pathways, database, weight, flags."""
        return self._edges.copy()

    @property
    def pathways(self) -> pd.DataFrame:
        """Pathways, sorted by ``id``: columns id, name, database, parents."""
        return self._pathways.copy()

    @property
    def members(self) -> pd.DataFrame:
        """Memberships as given (see `rolled_up`): columns node, pathway."""
        return self._members.copy()

    @property
    def meta(self) -> dict[str, Any]:
        """What is known about the origin."""
        return copy.deepcopy(self._meta)

    @cached_property
    def digest(self) -> str:
        """Sha256 of the content of the four tables, in whatever order they were given."""
        hasher = hashlib.sha256()
        for name in TABLES:
            table = getattr(self, f"_{name}")
            hasher.update(f"{name}:{len(table)}\n".encode())
            for column in table.columns:
                text = json.dumps([str(value) for value in table[column].tolist()])
                hasher.update(f"{column}:{text}\n".encode())
        return hasher.hexdigest()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, GraphValue):
            return NotImplemented
        return self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        def counts(values: pd.Series) -> str:
            top = values.value_counts()
            shown = [f"{n:,} {name}" for name, n in top.head(4).items()]
            return f" ({', '.join([*shown, '...'] if len(top) > 4 else shown)})" if shown else ""

        return (
            f"PathwayGraph: {len(self._nodes):,} nodes{counts(self._nodes['kind'])}, "
            f"{len(self._edges):,} edges{counts(self._edges['type'])}, "
            f"{len(self._pathways):,} pathways, {len(self._members):,} memberships"
        )

    def levels(self) -> pd.DataFrame:
        """Tell how deep each pathway lies in the hierarchy.

        Returns
        -------
        Columns ``pathway``, ``shortest``, ``longest``: pathways on the shortest and on the longest
        way down from a root to this one, both counted, so that a root is at level 1. Pathways that
        lie in a circle are at one level.

        Examples
        --------
        >>> import pandas as pd
        >>> from pathweave.graph import PathwayGraph
        >>> pathways = pd.DataFrame(
        ...     {"id": ["p:a", "p:b", "p:c"], "parents": ["", "p:a", "p:a;p:b"]}
        ... )
        >>> PathwayGraph(pathways=pathways).levels().to_numpy().tolist()
        [['p:a', 1, 1], ['p:b', 2, 2], ['p:c', 2, 3]]
        """
        return _hierarchy.levels(self._pathways)

    def describe(self) -> pd.DataFrame:
        """Count what the graph holds.

        Returns
        -------
        Columns ``part``, ``what``, ``n``. Parts: nodes, members (by kind), edges (by type), signs,
        edges by database (an edge of two databases counts twice), degree (edges at a node),
        components (connected in either direction, of two nodes or more), pathways (by database),
        pathway sizes (members as given, see `rolled_up`) and hierarchy (see `levels`). What a graph
        has none of has no rows.

        Examples
        --------
        >>> from pathweave import graph
        >>> table = graph.gmt({"a": ["TP53", "MDM2"], "b": ["CDK2"]}).describe()
        >>> table[table["part"] == "pathway sizes"]["n"].tolist()
        [1.5, 2, 0]
        """
        edges = self._edges
        parts = {
            "nodes": self._nodes["kind"],
            "edges": edges["type"],
            "signs": edges["sign"].map({-1: "inhibiting", 0: "unsigned", 1: "activating"}),
            "edges by database": _split(edges["database"]),
            "pathways": self._pathways["database"].replace("", "unknown"),
            "members": self._members["node"].map(self._nodes.set_index("id")["kind"]),
        }
        rows: list[tuple[str, str, float]] = [
            (part, str(what), int(n))
            for part, values in parts.items()
            for what, n in values.value_counts().items()
        ]
        rows += [("degree", *row) for row in self._degrees()]
        rows += [("components", *row) for row in self._components()]
        rows += [("pathway sizes", *row) for row in self._sizes()]
        rows += [("hierarchy", *row) for row in _hierarchy.counts(self._pathways)]
        # Means stand beside counts: as objects, counts stay whole numbers.
        return pd.DataFrame(rows, columns=["part", "what", "n"], dtype=object)

    def losses(self, *, n_examples: int = 5) -> pd.DataFrame:
        """Tell what the sources of the graph held that it does not.

        Parameters
        ----------
        n_examples
            Names to show of each kind of loss; ``meta`` holds up to a thousand.

        Returns
        -------
        Columns ``source`` (key in ``meta``), ``what``, ``n`` and ``examples`` (joined by ``;``).

        Examples
        --------
        >>> from pathweave import graph
        >>> graph.gmt({"a": ["TP53", "nonsense"]}).losses()["examples"].tolist()
        ['', 'nonsense']
        """
        return _losses.table(self._meta, n_examples)

    def _ends(self) -> np.ndarray:
        """Numbers of the nodes at the two ends of each edge."""
        index = pd.Index(self._nodes["id"])
        return np.stack([index.get_indexer(self._edges[end]) for end in ("source", "target")])

    def _degrees(self) -> list[tuple[str, float]]:
        if self._edges.empty:
            return []
        source, target = self._ends()
        # A loop is one edge at its node.
        degree = np.bincount(source, minlength=len(self._nodes))
        degree += np.bincount(target[source != target], minlength=len(self._nodes))
        return [*_spread(degree), ("isolated nodes", int((degree == 0).sum()))]

    def _components(self) -> list[tuple[str, float]]:
        if self._edges.empty:
            return []
        import scipy.sparse as sp

        n = len(self._nodes)
        joined = sp.csr_matrix((np.ones(len(self._edges)), tuple(self._ends())), shape=(n, n))
        size = np.bincount(sp.csgraph.connected_components(joined, directed=False)[1])
        return [("number", int((size > 1).sum())), ("nodes in the largest", int(size.max()))]

    def _sizes(self) -> list[tuple[str, float]]:
        if self._pathways.empty:
            return []
        size = self._members["pathway"].value_counts()
        empty = len(self._pathways) - len(size)
        if size.empty:
            return [("without members", empty)]
        spread = dict(_spread(size.to_numpy()))
        return [*((k, spread[k]) for k in ("median", "maximum")), ("without members", empty)]

    def _with(self, **tables: Any) -> Self:
        """Build a graph in which some tables are others."""
        old = {name: getattr(self, f"_{name}") for name in (*TABLES, "meta")}
        return type(self)(**{**old, **tables})


def _split(texts: pd.Series) -> pd.Series:
    """One row a name of ``";"``-joined texts; ``"unknown"`` for empty ones."""
    names = {text: _tables.split(text) or ["unknown"] for text in texts.unique()}
    return texts.map(names).explode()


def _spread(values: np.ndarray) -> list[tuple[str, float]]:
    """Minimum, median, mean and maximum of counts."""
    median, mean = float(np.median(values)), float(np.mean(values))
    return [
        ("minimum", int(values.min())),
        ("median", int(median) if median.is_integer() else median),
        ("mean", round(mean, 2)),
        ("maximum", int(values.max())),
    ]
