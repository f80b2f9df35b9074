"""The embedded human part of Reactome: pathways, their hierarchy, and lowest-level members."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files

import pandas as pd

from pathweave import ids
from pathweave.graph._pathway_graph import PathwayGraph
from pathweave.ids._hgnc import lookup

PREFIX = "reactome:"


def _read(name: str) -> pd.DataFrame:
    source = files("pathweave.graph").joinpath(f"data/reactome/{name}.parquet")
    with source.open("rb") as handle:
        return pd.read_parquet(handle)


def _gene_members() -> tuple[pd.DataFrame, dict[str, int]]:
    """Turn protein memberships into gene memberships: isoforms stripped, each pair once."""
    proteins = _read("proteins")
    accession = proteins["source"].str.replace(r"-\d+$", "", regex=True)
    proteins = pd.DataFrame({"value": accession, "pathway": proteins["pathway"]}).drop_duplicates()
    members = proteins.merge(lookup("uniprot"), on="value", how="left")
    found = members["id"].notna()
    counts = {
        "accessions": int(accession.nunique()),
        "accessions_with_gene": int(members.loc[found, "value"].nunique()),
        "memberships_without_gene": int((~found).sum()),
    }
    genes = members.loc[found, ["id", "pathway"]].rename(columns={"id": "node"}).drop_duplicates()
    return genes, counts | {"gene_memberships": len(genes)}


def _nodes(genes: pd.Series, compounds: pd.Series) -> pd.DataFrame:
    """Return the node table: genes with their HGNC symbol and name, then compounds."""
    table = ids.hgnc()
    gene_rows = table.loc[table["id"].isin(genes), ["id", "symbol", "name"]].assign(kind="gene")
    compound_ids = pd.Series(compounds.unique(), dtype=object).sort_values()
    label = compound_ids.str.upper()
    compound_rows = pd.DataFrame({"id": compound_ids, "symbol": label, "name": label})
    nodes = pd.concat([gene_rows, compound_rows.assign(kind="compound")], ignore_index=True)
    return nodes[["id", "kind", "symbol", "name"]]


def _prefix_each(joined: pd.Series) -> pd.Series:
    return joined.where(joined == "", PREFIX + joined.str.replace(";", ";" + PREFIX, regex=False))


@cache
def reactome() -> PathwayGraph:
    """Return the embedded Reactome: human pathways, their hierarchy and lowest-level members.

    Proteins (release 91) are mapped to HGNC genes; an accession of several genes, such as the
    histones, is a member through each of them, and accessions without a human gene (viruses,
    bacteria) are counted and left out. Compounds come from release 78, the last that could be had in
    bulk, and are named by their ChEBI number. The flat files hold no reactions, so there are no edges.

    Returns
    -------
    A `PathwayGraph` whose ``members`` are lowest-level; ``rolled_up()`` adds all ancestors. ``meta``
    holds releases, dates, addresses and checksums of the files, and what was counted on the way.
    The graph is immutable and loaded once in a process.

    Examples
    --------
    >>> import pathweave as pw
    >>> graph = pw.graph.reactome()
    >>> len(graph.pathways), graph.meta["release"]
    (2751, '91')
    """
    source = files("pathweave.graph").joinpath("data/reactome/provenance.json")
    meta = json.loads(source.read_text(encoding="utf-8"))
    pathways = _read("pathways")
    pathways["id"] = PREFIX + pathways["id"]
    pathways["parents"] = _prefix_each(pathways["parents"])
    pathways["database"] = "reactome"

    genes, counts = _gene_members()
    meta["counts"] |= counts
    compounds = _read("compounds").rename(columns={"source": "node"})
    compounds["node"] = "chebi:" + compounds["node"]
    members = pd.concat([genes, compounds], ignore_index=True)
    members["pathway"] = PREFIX + members["pathway"]
    return PathwayGraph(
        nodes=_nodes(genes["node"], compounds["node"]),
        pathways=pathways[["id", "name", "database", "parents"]],
        members=members[["node", "pathway"]],
        meta=meta,
    )
