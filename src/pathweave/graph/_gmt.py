"""Gene sets: GMT files, or a dictionary of sets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from os import PathLike
from typing import TYPE_CHECKING, Any

import pandas as pd

from pathweave._core.checks import listed
from pathweave._core.warnings import DataWarning, warn
from pathweave.graph import _genes
from pathweave.graph._pathway_graph import PathwayGraph
from pathweave.graph._text_lines import Lines

if TYPE_CHECKING:
    from collections.abc import Iterable

_CURIE = re.compile(r"^[a-z][a-z0-9.]*:\S.*$")
_KNOWN_IDS = (
    (re.compile(r"^R-[A-Z]{3}-\d+$"), "reactome"),
    (re.compile(r"^WP\d+$"), "wikipathways"),
    (re.compile(r"^(path:[a-z]{2,4}|hsa|mmu|rno|map)\d{5}$"), "kegg.pathway"),
    (re.compile(r"^GO:\d{7}$"), "go"),
)
_GUESSED = ("alias", "case", "excel", "punctuation")
_MICROBE = "of a microbe or an alias (Reactome's sets hold approved symbols, and viruses' genes)"


def gmt(
    sets: str | PathLike[str] | Mapping[str, Iterable[str]],
    *,
    identifiers: str = "auto",
    table: pd.DataFrame | None = None,
    database: str = "gmt",
) -> PathwayGraph:
    """Read gene sets as a graph of pathways without edges.

    Parameters
    ----------
    sets
        A GMT file (name, description, genes, apart by tabs; packed or not), such as those of MSigDB,
        WikiPathways and Reactome, or a dictionary of gene lists.
    identifiers
        What the genes are: ``"auto"``, or a kind that `pathweave.ids.map` knows.
    table
        What the user knows better, as for `pathweave.ids.map`: columns ``name`` and ``id``. With it
        genes may be of another species (``MGI:98834``, ``ncbigene:22059``, or their human
        orthologues); if no id is human, names that it lacks are lost.
    database
        Prefix of the ids of sets that have no known stable id (``gmt:HALLMARK_APOPTOSIS``).

    Returns
    -------
    Genes (``hgnc:...``), pathways and members. ``meta[database]`` counts the genes that are left out,
    ``meta[f"{database}_lost"]`` names them, by reason. In sets of Reactome only approved and previous
    symbols count: their ``tat`` is a gene of HIV. A set without genes is left out with a warning, one
    that is there twice is kept once; a file that is no GMT is an error.

    Examples
    --------
    >>> from pathweave import graph
    >>> graph.gmt({"a": ["TP53", "MDM2"], "b": ["TP53"]})
    PathwayGraph: 2 nodes (2 gene), 0 edges, 2 pathways, 3 memberships
    """
    given: Any = sets
    counts: dict[str, int] = {}
    if isinstance(given, str | PathLike):
        rows = read_sets(given, database, counts)
    elif isinstance(given, Mapping):
        rows = _from_mapping(given, database)
    else:
        msg = f"sets must be a GMT file or a dictionary, found {type(sets).__name__}."
        raise TypeError(msg)
    members = pd.DataFrame(
        [(pathway, gene) for pathway, _, genes in rows for gene in genes],
        columns=["pathway", "name"],
        dtype=object,
    )
    found = _genes.resolve(members["name"], source=identifiers, table=table)
    if len(members) and found["node"].isna().all():
        msg = (
            f"sets: no gene could be mapped to HGNC (identifiers={identifiers!r}); "
            f"found {listed(found['name'])}. Say what the names are, or check the species: genes "
            "that are not human need table=."
        )
        raise ValueError(msg)
    members = members.merge(found, on="name")
    microbe = members["pathway"].str.startswith("reactome:") & members["how"].isin(_GUESSED)
    members.loc[microbe, ["node", "how"]] = [None, _MICROBE]
    lost = members[members["node"].isna()]
    members = members.dropna(subset="node")
    names = members.groupby("node")["name"].min().to_dict()
    n_lost = len(set(lost["name"]) - set(members["name"]))
    meta: dict[str, Any] = {database: {"sets": len(rows), **counts, "genes_not_mapped": n_lost}}
    if len(lost):
        meta[f"{database}_lost"] = _genes.told(lost)
    return PathwayGraph(
        nodes=_genes.named_nodes(names, {n: s for n, s in names.items() if ":" not in s}),
        pathways=pd.DataFrame(
            [(pathway, name, pathway.split(":")[0]) for pathway, name, _ in rows],
            columns=["id", "name", "database"],
            dtype=object,
        ),
        members=members[["node", "pathway"]],
        meta=meta,
    )


def _from_mapping(
    sets: Mapping[str, Iterable[str]], database: str
) -> list[tuple[str, str, list[str]]]:
    rows: dict[str, tuple[str, str, list[str]]] = {}
    for name, genes in sets.items():
        if isinstance(genes, str):
            msg = f"sets[{name!r}] must be a list of genes, found the text {genes!r}."
            raise TypeError(msg)
        pathway, label = identity(str(name), "", database)
        if pathway in rows:
            msg = f"sets: {name!r} and another set both get the id {pathway!r}. Rename one of them."
            raise ValueError(msg)
        rows[pathway] = pathway, label, _genes.texts(genes)
    return list(rows.values())


def read_sets(
    path: str | PathLike[str], database: str, counts: dict[str, int]
) -> list[tuple[str, str, list[str]]]:
    """Read id, name and genes of each set of a GMT file; count in `counts` what is odd."""
    rows: dict[str, tuple[str, list[str]]] = {}
    empty: list[str] = []
    lines = Lines(path, "sets")
    known: dict[str, str] = {}
    for number, line in lines:
        if not line.strip():
            continue
        fields = [" ".join(field.split()) for field in line.split("\t")]
        genes = list(dict.fromkeys(known.setdefault(g, g) for g in fields[2:] if g))
        if len(fields) < 2 or not fields[0]:
            msg = (
                f"sets={str(path)!r}, line {number}: a set needs a name, a description and at "
                f"least one gene, apart by tabs; found {line[:60]!r}."
            )
            raise ValueError(msg)
        pathway, name = identity(fields[0], fields[1], database)
        if not genes:
            empty.append(pathway)
        elif pathway not in rows:
            rows[pathway] = (name, genes)
        elif set(rows[pathway][1]) == set(genes):
            counts["sets_repeated"] = counts.get("sets_repeated", 0) + 1
        else:
            msg = (
                f"sets={str(path)!r}, line {number}: the set {pathway!r} is there already, with "
                "other genes. Rename one of them."
            )
            raise ValueError(msg)
    if not rows:
        msg = f"sets={str(path)!r} holds no gene set."
        raise ValueError(msg)
    if empty:
        counts["sets_without_genes"] = len(empty)
        warn(f"sets={str(path)!r}: {len(empty)} set(s) have no gene: {listed(empty)}.", DataWarning)
    if lines.not_utf8:
        counts["lines_not_utf8"] = lines.not_utf8
        warn(
            f"sets={str(path)!r}: {lines.not_utf8} line(s) are not UTF-8 and were read as Latin-1.",
            DataWarning,
        )
    return [(pathway, name, genes) for pathway, (name, genes) in rows.items()]


def identity(first: str, second: str, database: str) -> tuple[str, str]:
    """Id and name of a set: a stable id in either column is the id, the other one the name."""
    words = [*first.split("%")]  # WikiPathways: name%WikiPathways_date%WP1%Homo sapiens
    known = {prefix for _, prefix in _KNOWN_IDS}
    for candidate, name in ((first, second), (second, first), *((w, words[0]) for w in words[1:])):
        for pattern, prefix in _KNOWN_IDS:
            if pattern.match(candidate):
                return f"{prefix}:{candidate.split(':')[-1]}", name or candidate
        # A description such as "pmid:1234" may be that of many sets, and is no id.
        own = candidate == first or candidate.split(":")[0] in known
        if own and _CURIE.match(candidate) and "//" not in candidate:
            return candidate.replace(";", ","), name or candidate
    return f"{database}:{first.replace(';', ',')}", first
