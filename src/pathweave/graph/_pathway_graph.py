"""The frozen graph of genes, compounds and pathways that all rooms share."""

from __future__ import annotations

import json
from itertools import chain, count
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from pathweave._core.checks import check_choice, listed
from pathweave.graph import _files, _hierarchy, _nulls, _project, _tables
from pathweave.graph._export import Exports
from pathweave.graph._graph_value import TABLES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from os import PathLike


class PathwayGraph(Exports):
    """A typed, signed graph of genes and compounds with its pathways; a value that never changes.

    Tables are brought into one canonical form: sorted, without repeats, ends of undirected edges
    in alphabetical order. Table attributes hand out copies, so that nothing can change a graph.

    Parameters
    ----------
    nodes
        Column ``id`` (a CURIE such as ``hgnc:11998``), and ``kind``, ``symbol``, ``name``.
    edges
        Columns ``source``, ``target``, and ``type``, ``sign`` (-1, 0, 1), ``directed``,
        ``pathways`` (ids joined by ``;``), ``database``, ``weight``, ``flags`` (what else is said
        of the edge, joined by ``;``). Parallel edges of another type, sign or direction stay
        apart; equal ones are merged.
    pathways
        Column ``id``, and ``name``, ``database``, ``parents`` (ids joined by ``;``).
    members
        Columns ``node``, ``pathway``.
    meta
        What can be said about the origin (release, dates); it is not part of the digest.

    Examples
    --------
    >>> import pandas as pd
    >>> from pathweave.graph import PathwayGraph
    >>> PathwayGraph(
    ...     nodes=pd.DataFrame({"id": ["hgnc:11998", "hgnc:6973"], "symbol": ["TP53", "MDM2"]}),
    ...     edges=pd.DataFrame(
    ...         {
    ...             "source": ["hgnc:6973"],
    ...             "target": ["hgnc:11998"],
    ...             "type": ["inhibition"],
    ...             "sign": [-1],
    ...         }
    ...     ),
    ... )
    PathwayGraph: 2 nodes (2 gene), 1 edges (1 inhibition), 0 pathways, 0 memberships
    """

    def __or__(self, other: PathwayGraph) -> PathwayGraph:
        """Unite two graphs; where both describe a node or pathway, the left one's words stay.

        ``meta`` holds what both say; where they say different things under one name, the right
        one's stand under ``name (2)``. An edge that either source gives without a pathway is flagged
        ``unclaimed``, and holds in all pathways.
        """
        if not isinstance(other, PathwayGraph):
            return NotImplemented
        both = {
            name: pd.concat(
                [getattr(self, f"_{name}"), getattr(other, f"_{name}")], ignore_index=True
            )
            for name in TABLES
        }
        parents = both["pathways"].groupby("id")["parents"].agg(_tables.SEP.join)
        both["pathways"]["parents"] = both["pathways"]["id"].map(parents).astype(object)
        return PathwayGraph(**both, meta=_united(self._meta, other._meta))

    def rename(self, nodes: Mapping[str, str]) -> PathwayGraph:
        """Give nodes other ids; those that come to have one id become one node.

        So meet compounds that one source numbers by KEGG and another by ChEBI, or the genes of a
        mouse and those of man, by a table of yours.

        Parameters
        ----------
        nodes
            Old id to new id; nodes that are not named stay, names that are not nodes are passed
            over.

        Returns
        -------
        The graph with the new ids. A node that had the new id already keeps its symbol and name.
        Edges between nodes that became one are gone.

        Raises
        ------
        ValueError
            If a new id is not a text such as ``chebi:15361``.

        Examples
        --------
        >>> from pathweave import graph
        >>> sets = graph.gmt({"a": ["TP53", "MDM2"]})
        >>> sets.rename({"hgnc:6973": "my:1"}).nodes["id"].tolist()
        ['hgnc:11998', 'my:1']
        """
        new = {old: name for old, name in nodes.items() if old != name}
        bad = [name for name in new.values() if not (isinstance(name, str) and ":" in name)]
        if bad:
            msg = f"nodes: {listed(bad)} are no ids; write prefix:number, such as chebi:15361."
            raise ValueError(msg)
        table = self._nodes
        renamed = table["id"].isin(list(new))
        # The rows that keep their id come first: of two nodes that become one the first is kept.
        table = pd.concat([table[~renamed], table[renamed]])
        table = table.assign(id=_renamed(table["id"], new))
        ends = {end: _renamed(self._edges[end], new) for end in ("source", "target")}
        edges = self._edges.assign(**ends)
        was_loop = self._edges["source"] == self._edges["target"]
        return self._with(
            nodes=table,
            edges=edges[(edges["source"] != edges["target"]) | was_loop],
            members=self._members.assign(node=_renamed(self._members["node"], new)),
        )

    def subset(self, pathways: Iterable[str]) -> PathwayGraph:
        """Keep some pathways with their members and edges.

        Members of a sub-pathway that is not kept go to its nearest kept ancestors, so that
        asking for a pathway high up in the hierarchy gives all its genes.

        Parameters
        ----------
        pathways
            Ids (``reactome:R-HSA-69541``, or without the prefix).

        Returns
        -------
        A graph of these pathways, their members, and the edges they carry. Edges that a source
        gives without a pathway stay if both ends do.

        Examples
        --------
        >>> from pathweave import graph
        >>> both = graph.gmt({"a": ["TP53", "MDM2"], "b": ["CDK2"]})
        >>> len(both.subset(["gmt:a"]).nodes)
        2
        """
        kept = self._pathway_ids([pathways] if isinstance(pathways, str) else pathways)
        to = _hierarchy.nearest_kept(_hierarchy.parents_of(self._pathways), kept)
        members = self._lifted_members(to)
        edges = self._edges.assign(pathways=_hierarchy.lift_texts(self._edges["pathways"], to))
        carried = (edges["pathways"] != "").to_numpy()
        unclaimed = _tables.unclaimed(self._edges).to_numpy()
        ends = set(members["node"]) | set(edges.loc[carried, ["source", "target"]].to_numpy().flat)
        inside = (edges["source"].isin(ends) & edges["target"].isin(ends)).to_numpy()
        return self._with(
            nodes=self._nodes[self._nodes["id"].isin(ends)],
            edges=edges[carried | (unclaimed & inside)],
            pathways=_hierarchy.keep_pathways(self._pathways, kept),
            members=members,
        )

    def _pathway_ids(self, pathways: Iterable[str]) -> list[str]:
        """Complete ids that lack their prefix; raise for those that do not exist."""
        ids = self._pathways["id"]
        short = ids.str.split(":", n=1).str[-1]
        bare = dict(zip(short, ids, strict=True))
        known = set(ids)
        asked = list(pathways)
        unknown = [p for p in asked if p not in known and p not in bare]
        if unknown:
            msg = f"pathways: {listed(unknown)} not in the graph, which has {listed(ids)}."
            raise KeyError(msg)
        for p in asked:
            several = ids[short == p] if p not in known else ids[:0]
            if len(several) > 1:
                msg = f"pathways: {p!r} is the end of {len(several)} ids; give one of {listed(several)}."
                raise ValueError(msg)
        return [p if p in known else bare[p] for p in asked]

    def restrict(self, nodes: Iterable[str]) -> PathwayGraph:
        """Keep some nodes, the edges between them, and the pathways they belong to.

        Parameters
        ----------
        nodes
            Node ids; those that are not in the graph are passed over, unless all are: ValueError.

        Returns
        -------
        The smaller graph; pathways without members go, unless one below them has some.

        Examples
        --------
        >>> from pathweave import graph
        >>> both = graph.gmt({"a": ["TP53", "MDM2"], "b": ["CDK2"]})
        >>> len(both.restrict(both.nodes["id"][:1]).nodes)
        1
        """
        keep = {nodes} if isinstance(nodes, str) else set(nodes)
        if keep and not self._nodes["id"].isin(keep).any():
            msg = (
                f"nodes: none of {listed(sorted(map(str, keep)))} is in the graph, whose ids are such as "
                f"{listed(self._nodes['id'][:3])}. `pathweave.ids.map` finds the ids of names."
            )
            raise ValueError(msg)
        members = self._members[self._members["node"].isin(keep)]
        above = _hierarchy.ancestors(_hierarchy.parents_of(self._pathways))
        edges = self._edges
        edges = edges[edges["source"].isin(keep) & edges["target"].isin(keep)]
        alive = set(members["pathway"])
        alive.update(p for text in edges["pathways"].unique() for p in _tables.split(text))
        alive.update(*(above[pathway] for pathway in alive))
        return self._with(
            nodes=self._nodes[self._nodes["id"].isin(keep)],
            edges=edges,
            pathways=_hierarchy.keep_pathways(self._pathways, alive),
            members=members,
        )

    def rolled_up(self) -> PathwayGraph:
        """Make every member of a pathway a member of all its ancestors too.

        Examples
        --------
        >>> from pathweave import graph
        >>> graph.PathwayGraph().rolled_up()
        PathwayGraph: 0 nodes, 0 edges, 0 pathways, 0 memberships
        """
        above = _hierarchy.ancestors(_hierarchy.parents_of(self._pathways))
        to = {pathway: {pathway, *found} for pathway, found in above.items()}
        return self._with(members=self._lifted_members(to))

    def _lifted_members(self, to: dict[str, set[str]]) -> pd.DataFrame:
        lifted = _hierarchy.lift(self._members["pathway"], to)
        return pd.DataFrame(
            {"node": self._members["node"].reindex(lifted.index), "pathway": lifted}
        )

    def at_level(self, level: int) -> PathwayGraph:
        """Cut the hierarchy: one level of pathways, each with the members of all below it.

        A pathway's level is the longest way to it (see `levels`), so that none of the level lies
        within another. Above it those stay that end there, and those that have members or edges
        of their own, with these alone: no node, edge or membership is lost.

        Parameters
        ----------
        level
            From 1, the roots, to the depth of the hierarchy; others raise ValueError.

        Examples
        --------
        >>> from pathweave import graph
        >>> int((graph.reactome().at_level(1).pathways["parents"] == "").sum())
        29
        """
        to = _hierarchy.cut(self._pathways, self._members, self._edges, level=level)
        return self._with(
            edges=self._edges.assign(pathways=_hierarchy.lift_texts(self._edges["pathways"], to)),
            pathways=_hierarchy.keep_pathways(self._pathways, set().union(*to.values())),
            members=self._lifted_members(to),
        )

    def project_genes(
        self, *, through: Literal["pathways", "compounds"] = "pathways", max_size: int = 60
    ) -> PathwayGraph:
        """Join genes that share pathways (or metabolites) by undirected, weighted edges.

        Parameters
        ----------
        through
            ``"pathways"`` takes the memberships as they are (see `rolled_up`); ``"compounds"``
            the compounds that edges join to genes, currency metabolites (water, ATP ...) apart.
        max_size
            Pathways or compounds with more genes are left out.

        Returns
        -------
        The graph with these edges alone, of type ``shares_pathway`` or ``shares_metabolite``;
        ``weight`` is the sum of 1 / (n - 1) over shared pathways of n genes.

        Examples
        --------
        >>> from pathweave import graph
        >>> sets = graph.gmt({"a": ["TP53", "MDM2", "ATM"], "b": ["TP53", "MDM2"]})
        >>> sets.project_genes().edges["weight"].tolist()
        [1.5, 0.5, 0.5]
        """
        check_choice("through", through, ("pathways", "compounds"))
        if max_size < 2:
            msg = f"max_size={max_size!r} must be at least 2: a pair needs two genes."
            raise ValueError(msg)
        if through == "pathways":
            left, groups, kind = self._members["node"], self._members["pathway"], "shares_pathway"
        else:
            pairs = _project.through_compounds(self._edges, self._nodes, _project.CURRENCY)
            left, groups, kind = pairs["gene"], pairs["compound"], "shares_metabolite"
        edges = _project.gene_edges(self._nodes, left, groups, kind=kind, max_size=max_size)
        return self._with(edges=edges)

    def rewire(self, *, seed: int, members: bool | None = None) -> PathwayGraph:
        """Rewire at random, so that every node keeps its degrees; a null for the graph's edges.

        In- and out-degree of every node stay exactly, for each type, sign and kind of partner.
        Ends are swapped until the share of edges that are as they were stops falling, and then as
        long again.

        Parameters
        ----------
        seed
            Seed of the swaps.
        members
            Also swap members between pathways, by which sizes and the number of pathways of a
            node stay. ``None``: where the graph has no edges to rewire.

        Returns
        -------
        The rewired graph. ``meta["rewired"]`` tells the seed and, for ``edges`` and ``members``,
        how far they are from the original: ``kept``, the share that is as it was,
        ``kept_by_chance``, what a random graph of the same degrees shares with it on average,
        ``rounds`` of swaps, and ``mixed``, whether the share had stopped falling. Where ``kept``
        is near ``kept_by_chance``, nothing is left of the original but its degrees.

        Examples
        --------
        >>> from pathweave import graph
        >>> sets = graph.gmt({"a": ["TP53", "MDM2", "ATM"], "b": ["CDK2", "RB1"]})
        >>> sets.rewire(seed=0).members.groupby("pathway").size().tolist()
        [3, 2]
        """
        rng = np.random.default_rng(seed)
        tables: dict[str, Any] = {}
        tables["edges"], mixing = _nulls.rewire_edges(self._edges, self._nodes, rng)
        told: dict[str, Any] = {"seed": seed, "edges": mixing.told()}
        if members or (members is None and self._edges.empty):
            tables["members"], mixing = _nulls.rewire_members(
                self._members, self._nodes, self._pathways, rng
            )
            told["members"] = mixing.told()
        return self._with(**tables, meta={**self._meta, "rewired": told})

    def permute_nodes(self, *, seed: int) -> PathwayGraph:
        """Let nodes change places with others of their kind; a null that keeps the whole shape.

        Examples
        --------
        >>> from pathweave import graph
        >>> sets = graph.gmt({"a": ["TP53", "MDM2", "ATM"], "b": ["CDK2", "RB1"]})
        >>> sets.permute_nodes(seed=0).members.groupby("pathway").size().tolist()
        [3, 2]
        """
        moved = _nulls.permutation(self._nodes, np.random.default_rng(seed))
        source, target = self._edges["source"].map(moved), self._edges["target"].map(moved)
        return self._with(
            edges=self._edges.assign(source=source, target=target),
            members=self._members.assign(node=self._members["node"].map(moved)),
        )

    def random_pathways(self, *, seed: int) -> PathwayGraph:
        """Draw the members of every pathway anew; a null that keeps sizes (of each kind) alone.

        Examples
        --------
        >>> from pathweave import graph
        >>> sets = graph.gmt({"a": ["TP53", "MDM2", "ATM"], "b": ["CDK2", "RB1"]})
        >>> sets.random_pathways(seed=0).members.groupby("pathway").size().tolist()
        [3, 2]
        """
        rng = np.random.default_rng(seed)
        return self._with(members=_nulls.random_members(self._members, self._nodes, rng))

    def save(self, path: str | PathLike[str]) -> None:
        """Write the graph to a folder, whole or not at all; an older graph there is replaced.

        Examples
        --------
        >>> import tempfile
        >>> from pathweave import graph
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     graph.PathwayGraph().save(f"{folder}/g")
        ...     graph.PathwayGraph.load(f"{folder}/g")
        PathwayGraph: 0 nodes, 0 edges, 0 pathways, 0 memberships
        """
        tables = {name: getattr(self, f"_{name}") for name in TABLES}
        try:
            json.dumps(self._meta)
        except (TypeError, ValueError) as error:
            msg = f"meta must be what JSON can hold, to be saved: {error}."
            raise TypeError(msg) from error
        _files.save(tables, {"digest": self.digest, "meta": self._meta}, path)

    @classmethod
    def load(cls, path: str | PathLike[str]) -> PathwayGraph:
        """Read a graph that `save` wrote; raises if what a table says was changed since."""
        tables, header = _files.load(path)
        graph = cls(**tables, meta=header.get("meta"))
        if graph.digest != header.get("digest"):
            msg = f"path={str(path)!r}: the tables do not fit the digest in graph.json; save anew."
            raise ValueError(msg)
        return graph


def _united(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """What is known of both origins; neither hides the other, nor its licence."""
    out = dict(one)
    for name, said in other.items():
        names = chain([name], (f"{name} ({n})" for n in count(2)))
        out[next(key for key in names if key not in out or out[key] == said)] = said
    return out


def _renamed(ids: pd.Series, new: Mapping[str, str]) -> pd.Series:
    return ids.map(new).fillna(ids).astype(object)
