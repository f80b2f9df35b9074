"""Hand a graph to other tools: PyG, networkx, Cytoscape, decoupler, GMT."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from pathweave._core.files import whole
from pathweave.graph import _pyg
from pathweave.graph._graph_value import GraphValue
from pathweave.graph._tables import join, split

if TYPE_CHECKING:
    from os import PathLike

    import networkx as nx

    from pathweave.graph._pyg import HeteroData


class Exports(GraphValue):
    """What a graph becomes elsewhere."""

    def to_pyg(self) -> HeteroData:
        """Convert to a PyG HeteroData.

        Returns
        -------
        Node types gene, compound, pathway (and others found) with ``num_nodes`` and ``node_id``;
        one edge type a relation with ``edge_index``, ``edge_weight``, ``edge_sign``; for every
        directed relation its reverse ``rev_...``; undirected ones hold both directions.

        Examples
        --------
        >>> from pathweave import graph
        >>> graph.gmt({"a": ["TP53", "MDM2"]}).to_pyg()["gene"].num_nodes
        2
        """
        return _pyg.to_pyg(self)

    def to_networkx(self) -> nx.MultiDiGraph:
        """Convert to a networkx MultiDiGraph; undirected edges go both ways, ``directed=False``.

        Nodes and edges carry the columns of the tables, nodes their pathways besides, and the
        graph the table of pathways, so that `pathweave.graph.from_networkx` gives it back.

        Examples
        --------
        >>> from pathweave import graph
        >>> graph.gmt({"a": ["TP53", "MDM2"]}).to_networkx().number_of_nodes()
        2
        """
        import networkx as nx

        # The table of pathways, with names and parents, has no other place in a networkx graph.
        out = nx.MultiDiGraph(digest=self.digest, pathways=self._pathways.to_dict("records"))
        carried = self._members.groupby("node")["pathway"].agg(list).to_dict()
        for node in self._nodes.to_dict("records"):
            name = node.pop("id")
            out.add_node(name, **node, pathways=carried.get(name, []))
        for edge in self._edges.to_dict("records"):
            source, target = edge.pop("source"), edge.pop("target")
            edge["pathways"], edge["flags"] = split(edge["pathways"]), split(edge["flags"])
            key = f"{edge['type']}{edge['sign']:+d}{'' if edge['directed'] else ' undirected'}"
            out.add_edge(source, target, key=key, **edge)
            if not edge["directed"] and source != target:
                out.add_edge(target, source, key=key, **edge)
        return out

    def to_graphml(self, path: str | PathLike[str]) -> None:
        """Write a GraphML file, for Cytoscape, Gephi or igraph: nodes and edges with all columns.

        Lists of pathways and flags are texts joined by ``;``. Undirected edges are there once,
        with ``directed`` false.

        Examples
        --------
        >>> import tempfile
        >>> import networkx as nx
        >>> from pathweave import graph
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     graph.gmt({"a": ["TP53", "MDM2"]}).to_graphml(f"{folder}/a.graphml")
        ...     nx.read_graphml(f"{folder}/a.graphml").nodes["hgnc:11998"]["symbol"]
        'TP53'
        """
        import networkx as nx

        out = nx.MultiDiGraph()
        carried = self._members.groupby("node")["pathway"].agg(join).to_dict()
        for node in self._nodes.to_dict("records"):
            name = node.pop("id")
            out.add_node(name, **node, pathways=carried.get(name, ""))
        for edge in self._edges.to_dict("records"):
            out.add_edge(edge.pop("source"), edge.pop("target"), **edge)
        with whole(path) as work:
            nx.write_graphml(out, work)

    def to_decoupler(self) -> pd.DataFrame:
        """List the genes of each pathway as decoupler takes them.

        Returns
        -------
        Columns ``source`` (pathway id), ``target`` (symbol, or the id where there is none),
        ``weight``.

        Examples
        --------
        >>> from pathweave import graph
        >>> graph.gmt({"a": ["TP53", "MDM2"]}).to_decoupler()["target"].tolist()
        ['TP53', 'MDM2']
        """
        genes = self._nodes[self._nodes["kind"] == "gene"]
        symbol = genes["symbol"].where(genes["symbol"] != "", genes["id"])
        label = pd.Series(symbol.to_numpy(), index=genes["id"].to_numpy(), dtype=object)
        members = self._members
        table = pd.DataFrame({"source": members["pathway"], "target": members["node"].map(label)})
        table = table.dropna().drop_duplicates(ignore_index=True)
        return table.assign(weight=1.0)

    def to_gmt(self, path: str | PathLike[str]) -> None:
        """Write a GMT file: id, name, symbols of each pathway that has genes.

        Examples
        --------
        >>> import tempfile
        >>> from pathweave import graph
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     graph.gmt({"a": ["TP53", "MDM2"]}).to_gmt(f"{folder}/sets.gmt")
        ...     graph.gmt(f"{folder}/sets.gmt").pathways["id"].tolist()
        ['gmt:a']
        """
        names = self._pathways.set_index("id")["name"]
        lines = []
        for pathway, genes in self.to_decoupler().groupby("source", sort=True)["target"]:
            fields = [pathway, names[pathway], *sorted(genes)]
            lines.append("\t".join(" ".join(str(field).split()) for field in fields))
        with whole(path) as work:
            text = "".join(f"{line}\n" for line in lines)
            work.write_text(text, encoding="utf-8", newline="\n")
