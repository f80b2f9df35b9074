"""KEGG pathway maps, from KGML files that the user brings."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from pathweave._core.checks import listed
from pathweave.graph import _genes
from pathweave.graph._kegg import edges as meaning
from pathweave.graph._kegg.kgml import Map, read_kgml
from pathweave.graph._pathway_graph import PathwayGraph
from pathweave.graph._tables import join

if TYPE_CHECKING:
    from collections.abc import Iterable
    from os import PathLike

DATABASE = "kegg"
PREFIX = {
    "cpd": "kegg.compound", "gl": "kegg.glycan", "dr": "kegg.drug", "path": "kegg.pathway",
    "ko": "kegg.orthology", "ec": "ec-code",
}  # fmt: skip
OVERVIEW = ("011", "012")
LICENCE = "KEGG's: for academic use, not to be passed on"


def kegg(  # noqa: PLR0913  each rule is a switch that a user can read
    path_or_files: str | PathLike[str] | Iterable[str | PathLike[str]],
    *,
    overview: bool = False,
    exclude: Iterable[str] = (),
    complexes: Literal["components", "all", "none"] = "components",
    max_complex_size: int = 60,
    within_components: bool = True,
    enzyme_relations: Literal["symmetric", "as_written", "none"] = "symmetric",
    reactions: bool = True,
    through_compounds: bool = False,
    phosphorylation_sign: Literal[-1, 0, 1] = 0,
    self_loops: bool = False,
    maps: bool = True,
    orthologs: bool = False,
) -> PathwayGraph:
    """Read KEGG pathway maps (KGML of any age) as one typed, signed graph.

    Genes of a box that stands for several, and the components of a group, each get the edges of
    the box. Activation and expression are positive, inhibition and repression negative, the rest
    unsigned; GErel relations are of type ``expression`` or ``repression``; reactions give
    ``catalysis`` (substrate to gene, gene to product) and ``conversion`` edges, both ways if
    reversible; ECrel relations are undirected ``shares_metabolite``. One row per (source, target,
    type, sign) lists the pathways that carry it; modifiers such as phosphorylation that go with
    a sign stand in ``flags``. What is left out is counted in ``meta["kegg"]["left_out"]``.

    The rules of graphite (Sales et al., BMC Bioinformatics 2012) are ``complexes="all",
    within_components=False, enzyme_relations="none", through_compounds=True``; those of KEGGgraph
    (Zhang and Wiemann, Bioinformatics 2009) ``complexes="none", self_loops=True,
    enzyme_relations="as_written"``.

    KEGG's data may not be passed on, so none are part of this package.

    Parameters
    ----------
    path_or_files
        A folder of KGML files (``*.xml``, ``*.kgml``), one file, or a list of files.
    overview
        Also read overview maps (hsa01100 and others), which repeat the specific ones.
    exclude
        Beginnings of map numbers to leave out: ``["05"]`` leaves out the maps of diseases.
    complexes
        Undirected ``complex`` edges between genes of different components of a group, between
        all its genes, or none.
    max_complex_size
        Groups with more genes give no ``complex`` edges.
    within_components
        Keep directed edges between genes that stand for each other in one component of a group.
    enzyme_relations
        ECrel relations (two enzymes share a metabolite) as undirected edges, directed as they
        were drawn (which is not the flux), or not at all.
    reactions
        Read reactions.
    through_compounds
        Add ``indirect`` edges from gene to gene where relations lead through a compound; their
        sign is the product of the two.
    phosphorylation_sign
        Sign of a phosphorylation that comes without activation or inhibition.
    self_loops
        Keep edges of a gene with itself.
    maps
        Keep other maps that a map points to, as nodes of kind ``pathway``.
    orthologs
        Keep boxes without a gene of the organism, as nodes ``kegg.orthology:K...`` and
        ``ec-code:...``: all boxes of a reference map (ko00010) are such.

    Returns
    -------
    The graph. Genes are ``hgnc:...`` (``ncbigene:...`` where HGNC does not know the Entrez id, and
    for other organisms), compounds ``kegg.compound:C...``, glycans ``kegg.glycan:G...``, pathways
    ``kegg.pathway:hsa...``. ``meta["kegg"]["maps"]`` holds the sha256 of every file.

    Raises
    ------
    FileNotFoundError
        If there is no such file or folder, or no KGML in it.
    ValueError
        If a file is not KGML, is cut off or built to do harm, or nothing is left to read.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from pathweave import graph
    >>> text = '''<pathway name="path:hsa99999" org="hsa" number="99999" title="Made up">
    ... <entry id="1" name="hsa:4193" type="gene"/><entry id="2" name="hsa:7157" type="gene"/>
    ... <relation entry1="1" entry2="2" type="PPrel"><subtype name="inhibition" value="--|"/>
    ... </relation></pathway>'''
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "hsa99999.xml").write_text(text)
    ...     graph.kegg(folder)
    PathwayGraph: 2 nodes (2 gene), 1 edges (1 inhibition), 1 pathways, 2 memberships
    """
    rules = meaning.Rules(
        complexes, max_complex_size, within_components, enzyme_relations, reactions,
        through_compounds, phosphorylation_sign, self_loops, maps, orthologs,
    )  # fmt: skip
    left_out: Counter[str] = Counter()
    kept = _chosen_maps(path_or_files, left_out, overview=overview, exclude=exclude)
    found: dict[tuple[str, str, str, int, bool], _Edge] = {}
    members: list[tuple[str, str]] = []
    for kgml in kept:
        pathway = _node_id(f"path:{kgml.id}", kgml.organism)
        drawn = meaning.members(kgml, orthologs=orthologs)
        members += [(_node_id(name, kgml.organism), pathway) for name in drawn]
        left_out.update(meaning.left_out_entries(kgml, orthologs=orthologs))
        for edge in meaning.edges_of(kgml, rules, left_out):
            if not maps and "path:" in (edge.source[:5], edge.target[:5]):
                left_out["links to maps"] += 1
                continue
            ends = [_node_id(name, kgml.organism) for name in (edge.source, edge.target)]
            # Two Entrez numbers can be one HGNC gene by now.
            if ends[0] == ends[1] and not self_loops:
                left_out["self loops"] += 1
                continue
            if not edge.directed:
                ends.sort()
            key = (ends[0], ends[1], edge.type, edge.sign, edge.directed)
            found.setdefault(key, _Edge()).add(edge, pathway)
    return PathwayGraph(
        nodes=_nodes(kept, found, members),
        edges=_edge_table(found),
        pathways=pd.DataFrame(
            {
                "id": [_node_id(f"path:{kgml.id}", kgml.organism) for kgml in kept],
                "name": [kgml.title for kgml in kept],
                "database": DATABASE,
            }
        ),
        members=pd.DataFrame(members, columns=["node", "pathway"], dtype=object),
        meta={
            DATABASE: {
                "licence": LICENCE,
                "maps": {kgml.id: kgml.sha256 for kgml in kept},
                "left_out": {what: n for what, n in sorted(left_out.items()) if n},
            }
        },
    )


class _Edge:
    """What several maps say of one edge."""

    def __init__(self) -> None:
        self.pathways: set[str] = set()
        self.flags: set[str] = set()
        self.weight = 0.0

    def add(self, edge: meaning.RawEdge, pathway: str) -> None:
        self.pathways.add(pathway)
        self.flags.update(edge.flags)
        self.weight = max(self.weight, edge.weight)


def _chosen_maps(
    path_or_files: str | PathLike[str] | Iterable[str | PathLike[str]],
    left_out: Counter[str],
    *,
    overview: bool,
    exclude: Iterable[str],
) -> list[Map]:
    """Parse the files; leave out unwanted maps; raise where nothing or too much is left."""
    files = _files(path_or_files)
    prefixes = (exclude,) if isinstance(exclude, str) else tuple(exclude)
    unwanted = prefixes + (() if overview else OVERVIEW)
    read: dict[str, tuple[Path, Map]] = {}
    skipped = []
    for file in files:
        kgml = read_kgml(file)
        if kgml.number.startswith(unwanted):
            skipped.append(file.name)
            left_out["overview maps" if kgml.number.startswith(OVERVIEW) else "excluded maps"] += 1
            continue
        first, before = read.setdefault(kgml.id, (file, kgml))
        if before.sha256 != kgml.sha256:
            msg = f"path_or_files: {first} and {file} both hold {kgml.id}, but differ; keep one."
            raise ValueError(msg)
    if not read:
        msg = (
            f"path_or_files: all {len(skipped)} file(s) are overview or excluded maps "
            f"({listed(skipped)}); give overview=True, or exclude less."
        )
        raise ValueError(msg)
    return [kgml for _, (_, kgml) in sorted(read.items())]


def _files(path_or_files: str | PathLike[str] | Iterable[str | PathLike[str]]) -> list[Path]:
    if isinstance(path_or_files, str) or hasattr(path_or_files, "__fspath__"):
        path = Path(path_or_files)  # type: ignore[arg-type]
        if not path.exists():
            msg = f"path_or_files={str(path)!r} does not exist; give a folder or file of KGML."
            raise FileNotFoundError(msg)
        if not path.is_dir():
            return [path]
        files = sorted(f for f in path.iterdir() if f.suffix.lower() in {".xml", ".kgml"})
        if not files:
            msg = f"path_or_files={str(path)!r} holds no *.xml or *.kgml file."
            raise FileNotFoundError(msg)
        return files
    files = [Path(file) for file in path_or_files]
    if not files:
        msg = "path_or_files is an empty list; give at least one KGML file."
        raise ValueError(msg)
    lost = [str(file) for file in files if not file.is_file()]
    if lost:
        msg = f"path_or_files: no such file: {listed(lost)}."
        raise FileNotFoundError(msg)
    return files


def _node_id(name: str, organism: str) -> str:
    """CURIE of a KEGG name; KEGG's numbers of human genes are Entrez ids."""
    prefix, _, local = name.partition(":")
    if prefix == organism and prefix not in PREFIX:
        if organism == "hsa":
            return _genes.of_entrez(local)
        return f"ncbigene:{local}" if local.isdigit() else f"kegg.genes:{name}"
    return f"{PREFIX.get(prefix, f'kegg.{prefix}')}:{local}"


def _nodes(kept: list[Map], found: Iterable[Any], members: list[tuple[str, str]]) -> pd.DataFrame:
    ids = {node for node, _ in members} | {end for key in found for end in key[:2]}
    table = _genes.node_table(ids)
    titles = {}
    for kgml in kept:
        for entry in kgml.entries.values():
            if entry.type == "map" and not entry.label.startswith("TITLE:"):
                titles.update({_node_id(name, ""): entry.label for name in entry.names})
    titles.update({_node_id(f"path:{kgml.id}", ""): kgml.title for kgml in kept})
    name = table["id"].map(titles)
    compound = table["id"].str.match(r"kegg\.(compound|glycan|drug):")
    symbol = table["symbol"].mask(compound, table["id"].str.split(":").str[-1])
    return table.assign(name=name.fillna(table["name"]), symbol=symbol)


def _edge_table(found: dict[tuple[str, str, str, int, bool], _Edge]) -> pd.DataFrame:
    names = ["source", "target", "type", "sign", "directed"]
    table = pd.DataFrame(list(found), columns=names) if found else pd.DataFrame(columns=names)
    return table.assign(
        pathways=[join(edge.pathways) for edge in found.values()],
        flags=[join(edge.flags) for edge in found.values()],
        weight=[edge.weight for edge in found.values()],
        database=DATABASE,
    )
