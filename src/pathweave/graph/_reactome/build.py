"""Reactome: the embedded human release, or any release and species from the official flat files."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files as package_files
from typing import TYPE_CHECKING, Literal

import pandas as pd

from pathweave._core.checks import check_choice, listed
from pathweave.graph._pathway_graph import PathwayGraph
from pathweave.graph._reactome.files import find
from pathweave.graph._reactome.nodes import GENES, Mapper, node_table
from pathweave.graph._reactome.tables import ALL_LEVELS, HUMAN, Content, Members, read

if TYPE_CHECKING:
    from collections.abc import Iterable
    from os import PathLike

PREFIX = "reactome:"
LICENCE = "CC0-1.0"
CITATION = (
    "Milacic M et al. The Reactome Pathway Knowledgebase 2024. Nucleic Acids Res 2024;52:D672"
)
_NOUN = {"uniprot": "protein", "chebi": "compound", "mirbase": "mirna"}


def _read(name: str) -> pd.DataFrame:
    source = package_files("pathweave.graph").joinpath(f"data/reactome/{name}.parquet")
    with source.open("rb") as handle:
        return pd.read_parquet(handle)


def reactome(
    files: str | PathLike[str] | Iterable[str | PathLike[str]] | None = None,
    *,
    species: str = HUMAN,
    genes: Literal["auto", "uniprot", "ncbi", "ensembl", "gmt"] = "auto",
    table: pd.DataFrame | None = None,
    keep_unmapped: bool = False,
    max_complex_size: int = 60,
    release: str | None = None,
) -> PathwayGraph:
    """Return Reactome: pathways, their hierarchy, and lowest-level members.

    Without `files` it is the embedded human release 91: proteins are mapped to HGNC genes; an
    accession of several genes, such as the histones, is a member through each of them, and
    accessions without a human gene (viruses, bacteria) are counted and left out. Compounds come
    from release 78, the last that could be had in bulk, and are named by their ChEBI number.

    With `files` it is what these files hold, of any release and species. What a file is, is told by
    its content and its name, so that it may be called otherwise than by Reactome. The files of
    members hold no reactions; the interactions file gives undirected edges of unknown sign.

    Parameters
    ----------
    files
        A folder, one file or a list of official flat files (plain, ``.gz`` or ``.zip``):
        ReactomePathways, ReactomePathwaysRelation, {UniProt, NCBI, Ensembl, ChEBI,
        miRBase}2Reactome, each also ``_All_Levels`` or ``_PE_``, ReactomePathways.gmt, and the
        tab-delimited interactions. ``None`` is the embedded release.
    species
        Name of the species, as the files spell it (``"Mus musculus"``).
    genes
        The files whose genes are taken, so that no gene is there under two names. ``"auto"``: the
        first that there is of UniProt, NCBI, Ensembl and the gene sets. A file of the lowest level
        is preferred to one of all levels, which is brought down to the lowest by the hierarchy.
    table
        Columns ``name`` (an accession) and ``id`` (the node, or a human symbol), as
        `pathweave.ids.map` takes it: it is asked before HGNC. Genes of other species become nodes
        of your choice by it (``P02340`` is ``mgi:98834``).
    keep_unmapped
        Keep identifiers without a gene in HGNC or the table as nodes (``uniprot:P04585``, a virus).
        Other species without a `table` keep all of theirs anyway.
    max_complex_size
        Complexes and reactions with more participants give no interactions.
    release
        Release of the files; ``None`` reads it from their names, or from the record that
        `download_reactome` wrote beside them.

    Returns
    -------
    A `PathwayGraph` whose ``members`` are lowest-level; ``rolled_up()`` adds all ancestors. Genes are
    ``hgnc:...`` (other species: ``uniprot:...``, ``ncbigene:...`` or ``ensembl:...``), compounds
    ``chebi:...``, miRNA ``mirbase:MI...``. ``meta["reactome"]`` holds release, names and checksums of the files,
    and what was counted on the way. The embedded graph is loaded once in a process.

    Raises
    ------
    FileNotFoundError
        If there is no such file or folder, or nothing of Reactome in it.
    ValueError
        If a file is empty, cut off, not text in UTF-8, ragged, or cannot be told; if two files are
        the same thing; if a species is not in the files.

    Examples
    --------
    >>> import pathweave as pw
    >>> graph = pw.graph.reactome()
    >>> len(graph.pathways), graph.meta["reactome"]["release"]
    (2751, '91')
    """
    check_choice("genes", genes, ("auto", *GENES))
    if max_complex_size < 2:
        msg = (
            f"max_complex_size={max_complex_size!r} must be at least 2: a pair is two participants."
        )
        raise ValueError(msg)
    if files is None:
        changed = {
            "species": species != HUMAN, "genes": genes not in {"auto", "uniprot"},
            "table": table is not None, "keep_unmapped": keep_unmapped,
            "release": release not in {None, "91"},
        }  # fmt: skip
        if any(changed.values()):
            msg = (
                f"{listed(name for name, is_so in changed.items() if is_so)} cannot be changed for the "
                "embedded graph, which is the human release 91; give files= "
                "(`pathweave.graph.download_reactome` fetches them)."
            )
            raise ValueError(msg)
        return _embedded()
    sources, passed_over = find(files)
    mapper = Mapper(human=species == HUMAN, table=table, keep=keep_unmapped)
    content = read(sources, species)
    used = _chosen(content.members, genes)
    counts = {"pathways": len(content.names), "relations": len(content.relations)}
    members: list[pd.DataFrame] = []
    of_genes: set[str] = set()
    for part in used.values():
        nodes, found = _mapped(part, content, mapper)
        counts |= found
        members.append(nodes)
        of_genes.update(nodes["node"] if part.kind in GENES else ())
    edges, found = _edges(content, mapper, max_complex_size)
    ends = [*edges["source"], *edges["target"]]
    of_genes.update(end for end in ends if not end.startswith("chebi:"))
    whole = _member_table(members)
    return PathwayGraph(
        nodes=node_table(of_genes, [*whole["node"], *ends]),
        edges=edges,
        pathways=_pathway_table(content.pathways),
        members=whole,
        meta={
            "reactome": {
                "database": "Reactome",
                "licence": LICENCE,
                "citation": CITATION,
                "release": release or _release(content),
                "species": species,
                "files": {
                    role: {
                        "file": source.name,
                        "release": source.release,
                        "sha256": source.sha256,
                        "used": role in used or role in {"pathways", "relations", "interactions"},
                    }
                    for role, source in content.roles.items()
                },
                "files_passed_over": passed_over,
                "counts": counts | found,
            }
        },
    )


def _release(content: Content) -> str | None:
    """Release of the list of pathways, or the one that all files agree on."""
    if "pathways" in content.roles and content.roles["pathways"].release:
        return content.roles["pathways"].release
    found = {source.release for source in content.roles.values()}
    return found.pop() if len(found) == 1 else None


def _chosen(found: dict[str, Members], genes: str) -> dict[str, Members]:
    """One kind of genes, compounds and miRNA, each at the lowest level if that is there."""
    kinds = {members.kind for members in found.values()}
    if genes != "auto" and genes not in kinds:
        msg = f"genes={genes!r} is not among the files, which have {listed(found) or 'no members'}."
        raise ValueError(msg)
    first = next((kind for kind in GENES if kind in kinds), None)
    wanted = (first if genes == "auto" else genes, "chebi", "mirbase")
    labels = [
        next((label for label in (kind, f"{kind}{ALL_LEVELS}") if label in found), None)
        for kind in wanted
    ]
    return {label: found[label] for label in labels if label is not None}


def _mapped(
    members: Members, content: Content, mapper: Mapper
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Memberships of nodes, and what was counted."""
    pairs = content.lowest(members)
    nodes, found = mapper.nodes_of(members.kind, pairs)
    noun = _NOUN.get(members.kind, members.kind)
    counts = {f"{noun}_rows": members.rows, f"{noun}_memberships": len(pairs), **found}
    gone = int((~members.pairs["pathway"].isin(list(content.names))).sum())
    if gone:
        counts[f"{noun}_memberships_of_pathways_not_listed"] = gone
    return nodes, counts


def _edges(
    content: Content, mapper: Mapper, max_complex_size: int
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Undirected, unsigned edges of the interactions whose two ends are nodes."""
    rows = content.interactions
    if rows is None:
        return pd.DataFrame({"source": [], "target": []}, dtype=object), {}
    ends = pd.concat([rows[["context", end]].set_axis(["context", "end"], axis=1) for end in "ab"])
    sizes = ends.drop_duplicates().groupby("context").size()
    small = rows[rows["context"].map(sizes) <= max_complex_size]
    nodes = mapper.ends(pd.concat([small["a"], small["b"]]))
    kind = small["type"].str.replace(";", ",", regex=False).replace("-", "")
    edges = pd.DataFrame({"source": small["a"].map(nodes), "target": small["b"].map(nodes)})
    edges = edges.assign(flags=kind).explode("source").explode("target")
    whole = edges.dropna(subset=["source", "target"])
    proper = whole[whole["source"] != whole["target"]].reset_index(drop=True)
    counts = {
        "interaction_rows": content.interaction_rows,
        "interactions_of_large_complexes": len(rows) - len(small),
        "interactions_without_node": len(small) - whole.index.nunique(),
        "interactions_with_itself": int((whole["source"] == whole["target"]).sum()),
    }
    fixed = {"type": "interaction", "sign": 0, "directed": False, "database": "reactome"}
    return proper.drop_duplicates().assign(**fixed), counts


@cache
def _embedded() -> PathwayGraph:
    source = package_files("pathweave.graph").joinpath("data/reactome/provenance.json")
    meta = json.loads(source.read_text(encoding="utf-8"))
    pathways = _read("pathways")
    genes, counts = Mapper(human=True).nodes_of("uniprot", _read("proteins"))
    compounds, _ = Mapper(human=True).nodes_of("chebi", _read("compounds"))
    meta["counts"] |= counts
    return PathwayGraph(
        nodes=node_table(genes["node"], [*genes["node"], *compounds["node"]]),
        pathways=_pathway_table(pathways),
        members=_member_table([genes, compounds]),
        meta={"reactome": meta},
    )


def _pathway_table(pathways: pd.DataFrame) -> pd.DataFrame:
    parents = pathways["parents"]
    joined = PREFIX + parents.str.replace(";", ";" + PREFIX, regex=False)
    return pd.DataFrame(
        {
            "id": PREFIX + pathways["id"],
            "name": pathways["name"],
            "database": "reactome",
            "parents": parents.where(parents == "", joined),
        }
    )


def _member_table(parts: list[pd.DataFrame]) -> pd.DataFrame:
    empty = pd.DataFrame({"node": [], "pathway": []}, dtype=object)
    members = pd.concat([empty, *parts], ignore_index=True)
    members["pathway"] = PREFIX + members["pathway"]
    return members
