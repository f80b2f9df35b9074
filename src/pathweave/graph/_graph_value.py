"""Four tables that never change, in canonical form: what a graph is, before what it can do."""

from __future__ import annotations

import copy
import hashlib
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pandas as pd

from pathweave.graph import _tables

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
                text = "\x1f".join(map(str, table[column].tolist()))
                hasher.update(f"{column}:{len(text)}\n{text}\n".encode())
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

    def describe(self) -> pd.DataFrame:
        """Count what the graph holds.

        Returns
        -------
        Columns ``part`` (nodes, edges, signs, pathways, members), ``what``, ``n``.

        Examples
        --------
        >>> from pathweave import graph
        >>> graph.PathwayGraph().describe().shape
        (0, 3)
        """
        edges = self._edges
        parts = {
            "nodes": self._nodes["kind"],
            "edges": edges["type"],
            "signs": edges["sign"].map({-1: "inhibiting", 0: "unsigned", 1: "activating"}),
            "pathways": self._pathways["database"].replace("", "unknown"),
            "members": self._members["node"].map(self._nodes.set_index("id")["kind"]),
        }
        rows = [
            (part, what, int(n))
            for part, values in parts.items()
            for what, n in values.value_counts().items()
        ]
        return pd.DataFrame(rows, columns=["part", "what", "n"])

    def _with(self, **tables: Any) -> Self:
        """Build a graph in which some tables are others."""
        old = {name: getattr(self, f"_{name}") for name in (*TABLES, "meta")}
        return type(self)(**{**old, **tables})
