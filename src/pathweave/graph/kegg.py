"""KEGG pathway maps, from KGML files that the user brings."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from pathweave._core.checks import check_choice, listed
from pathweave.graph import _genes
from pathweave.graph import _kgml_edges as meaning
from pathweave.graph._kgml import Map, read_kgml
from pathweave.graph._pathway_graph import PathwayGraph
from pathweave.graph._tables import join

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from os import PathLike

DATABASE = "kegg"
PREFIX = {
    "cpd": "kegg.compound", "gl": "kegg.glycan", "dr": "kegg.drug", "path": "kegg.pathway",
}  # fmt: skip
OVERVIEW = ("011", "012")


def kegg(
    path_or_files: str | PathLike[str] | Iterable[str | PathLike[str]],
    *,
    overview: bool = False,
    exclude: Iterable[str] = (),
    complexes: Literal["components", "all", "none"] = "components",
    max_complex_size: int = 60,
    phosphorylation_sign: Literal[-1, 0, 1] = 0,
    maps: bool = True,
) -> PathwayGraph:
    """Read KEGG pathway maps (KGML) as one typed, signed graph.

    Genes of a box that stands for several, and the components of a group, each get the edges of
    the box. Activation and expression are positive, inhibition and repression negative, the rest
    unsigned; GErel relations are of type ``expression`` or ``repression``; reactions give
    ``catalysis`` (substrate to gene, gene to product) and ``conversion`` edges, both ways if
    reversible; ECrel relations are undirected ``shares_metabolite``. One row per (source, target,
    type, sign) lists the pathways that carry it; modifiers such as phosphorylation that go with
    a sign stand in ``flags``. Loops, orthologs without a human gene and the like are left out
    and counted in ``meta["kegg"]["left_out"]``.

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
    phosphorylation_sign
        Sign of a phosphorylation that comes without activation or inhibition.
    maps
        Keep other maps that a map points to, as nodes of kind ``pathway``.

    Returns
    -------
    The graph. Genes are ``hgnc:...`` (``ncbigene:...`` where HGNC does not know the Entrez id),
    compounds ``kegg.compound:C...``, glycans ``kegg.glycan:G...``, pathways ``kegg.pathway:hsa...``.

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
    check_choice("complexes", complexes, ("components", "all", "none"))
    check_choice("phosphorylation_sign", phosphorylation_sign, (-1, 0, 1))
    if max_complex_size < 2:
        msg = f"max_complex_size={max_complex_size!r} must be at least 2."
        raise ValueError(msg)
    kept = _chosen_maps(path_or_files, overview=overview, exclude=exclude)
    left_out: Counter[str] = Counter()
    found: dict[tuple[str, str, str, int, bool], _Edge] = {}
    members: list[tuple[str, str]] = []
    for kgml in kept:
        pathway = _node_id(f"path:{kgml.id}", kgml.organism)
        members += [(_node_id(name, kgml.organism), pathway) for name in meaning.members(kgml)]
        left_out["orthologs without gene"] += sum(
            entry.type == "ortholog" for entry in kgml.entries.values()
        )
        for edge in _edges(
            kgml,
            left_out,
            complexes=complexes,
            max_complex_size=max_complex_size,
            phosphorylation_sign=phosphorylation_sign,
        ):
            if not maps and "path:" in (edge.source[:5], edge.target[:5]):
                left_out["links to maps"] += 1
                continue
            ends = [_node_id(name, kgml.organism) for name in (edge.source, edge.target)]
            if ends[0] == ends[1]:
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


def _edges(
    kgml: Map,
    left_out: Counter[str],
    *,
    complexes: str,
    max_complex_size: int,
    phosphorylation_sign: int,
) -> Iterator[meaning.RawEdge]:
    yield from meaning.relation_edges(kgml, left_out, phosphorylation_sign=phosphorylation_sign)
    if complexes != "none":
        yield from meaning.complex_edges(
            kgml, left_out, max_size=max_complex_size, within_components=complexes == "all"
        )
    yield from meaning.reaction_edges(kgml, left_out)


def _node_id(name: str, organism: str) -> str:
    """CURIE of a KEGG name; KEGG's numbers of human genes are Entrez ids."""
    prefix, _, local = name.partition(":")
    if prefix == organism:
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
