"""Gene sets: GMT files, or a dictionary of sets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from pathweave._core.checks import listed
from pathweave.graph import _genes
from pathweave.graph._pathway_graph import PathwayGraph

if TYPE_CHECKING:
    from collections.abc import Iterable

_CURIE = re.compile(r"^[a-z][a-z0-9.]*:\S.*$")
_KNOWN_IDS = (
    (re.compile(r"^R-[A-Z]{3}-\d+$"), "reactome"),
    (re.compile(r"^WP\d+$"), "wikipathways"),
    (re.compile(r"^(path:)?[a-z]{3,4}\d{5}$"), "kegg.pathway"),
    (re.compile(r"^GO:\d{7}$"), "go"),
)


def gmt(
    sets: str | PathLike[str] | Mapping[str, Iterable[str]],
    *,
    identifiers: str = "auto",
    database: str = "gmt",
) -> PathwayGraph:
    """Read gene sets as a graph of pathways without edges.

    Parameters
    ----------
    sets
        A GMT file (name, description, genes, apart by tabs), or a dictionary of gene lists.
    identifiers
        What the genes are: ``"auto"``, or a kind that `pathweave.ids.map` knows.
    database
        Prefix of the ids of sets that have no known stable id (``gmt:HALLMARK_APOPTOSIS``).

    Returns
    -------
    Genes (``hgnc:...``), pathways and members. Genes that HGNC does not know are left out and
    counted in ``meta``.

    Examples
    --------
    >>> from pathweave import graph
    >>> graph.gmt({"a": ["TP53", "MDM2"], "b": ["TP53"]})
    PathwayGraph: 2 nodes (2 gene), 0 edges, 2 pathways, 3 memberships
    """
    given: Any = sets
    if isinstance(given, str | PathLike):
        rows = _from_file(given, database)
    elif isinstance(given, Mapping):
        rows = _from_mapping(given, database)
    else:
        msg = f"sets must be a GMT file or a dictionary, found {type(sets).__name__}."
        raise TypeError(msg)
    members = pd.DataFrame(
        [(pathway, gene) for pathway, _, genes in rows for gene in genes],
        columns=["pathway", "gene"],
        dtype=object,
    )
    nodes_of = _genes.of_names(members["gene"], source=identifiers)
    lost = sorted(set(members["gene"]) - set(nodes_of))
    if len(members) and not nodes_of:
        msg = (
            f"sets: no gene could be mapped to HGNC (identifiers={identifiers!r}); "
            f"found {listed(lost)}. Say what the names are, or check the species (human)."
        )
        raise ValueError(msg)
    members["node"] = members["gene"].map(nodes_of)
    members = members.explode("node").dropna()
    return PathwayGraph(
        nodes=_genes.node_table(members["node"]),
        pathways=pd.DataFrame(
            [(pathway, name, pathway.split(":")[0]) for pathway, name, _ in rows],
            columns=["id", "name", "database"],
            dtype=object,
        ),
        members=members[["node", "pathway"]],
        meta={database: {"sets": len(rows), "genes_not_mapped": len(lost)}},
    )


def _from_mapping(
    sets: Mapping[str, Iterable[str]], database: str
) -> list[tuple[str, str, list[str]]]:
    rows = []
    for name, genes in sets.items():
        if isinstance(genes, str):
            msg = f"sets[{name!r}] must be a list of genes, found the text {genes!r}."
            raise TypeError(msg)
        rows.append((*_identity(str(name), "", database), [str(gene) for gene in genes]))
    return rows


def _from_file(path: str | PathLike[str], database: str) -> list[tuple[str, str, list[str]]]:
    rows: dict[str, tuple[str, list[str]]] = {}
    try:
        text = Path(path).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        msg = f"sets={str(path)!r} is not a text file ({error.reason}); unpack it first."
        raise ValueError(msg) from error
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        fields = [field.strip() for field in line.split("\t")]
        genes = [gene for gene in fields[2:] if gene]
        if len(fields) < 3 or not fields[0] or not genes:
            msg = (
                f"sets={str(path)!r}, line {number}: a set needs a name, a description and at "
                f"least one gene, apart by tabs; found {line[:60]!r}."
            )
            raise ValueError(msg)
        pathway, name = _identity(fields[0], fields[1], database)
        if pathway in rows:
            msg = f"sets={str(path)!r}, line {number}: the set {pathway!r} is there already."
            raise ValueError(msg)
        rows[pathway] = (name, genes)
    if not rows:
        msg = f"sets={str(path)!r} holds no gene set."
        raise ValueError(msg)
    return [(pathway, name, genes) for pathway, (name, genes) in rows.items()]


def _identity(first: str, second: str, database: str) -> tuple[str, str]:
    """Id and name of a set: a stable id in either column is the id, the other one the name."""
    words = [*first.split("%")]  # WikiPathways: name%WikiPathways_date%WP1%Homo sapiens
    for candidate, name in ((first, second), (second, first), *((w, words[0]) for w in words[1:])):
        if _CURIE.match(candidate) and "//" not in candidate:
            return candidate.replace(";", ","), name or candidate
        for pattern, prefix in _KNOWN_IDS:
            if pattern.match(candidate):
                return f"{prefix}:{candidate.split(':')[-1]}", name or candidate
    return f"{database}:{first.replace(';', ',')}", first
