"""What the formats of reactions share: entities, reactions, pathways, and names of foreign databases.

A reaction has inputs, outputs and controls (catalysts, regulators). What takes part is an entity: one
molecule (a single name, or names that stand for each other), a complex (all of its parts), or a set
(any one of its parts); parts are entities again. `_reaction_edges` says what edges they give.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Literal
from urllib.parse import unquote

import pandas as pd

from pathweave import ids
from pathweave.graph import _genes, _hierarchy
from pathweave.graph._pathway_graph import PathwayGraph
from pathweave.graph._reactions.edges import COMPOUNDS, Expander, RawEdge, edges_of
from pathweave.graph._tables import SEP, join

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pathweave.graph._reactions.edges import Rules

ACCESSION = r"(?:[OPQ][0-9][A-Z0-9]{3}[0-9]|[A-NR-Z][0-9](?:[A-Z][A-Z0-9]{2}[0-9]){1,2})"
NAMES = (
    ("uniprot", re.compile(rf"uniprot.*?[/: #]({ACCESSION})(?:-\d+)?$", re.IGNORECASE)),
    ("ensembl", re.compile(r"\b(ENS[A-Z]{0,4}G\d{11})(?:\.\d+)?$")),
    ("hgnc", re.compile(r"hgnc[^a-z]*?[/:](?:HGNC:)?(\d+)$", re.IGNORECASE)),
    ("ncbigene", re.compile(r"(?:ncbigene|entrez[ .]?gene|ncbi gene|geneid)[/:](\d+)$", re.IGNORECASE)),
    ("symbol", re.compile(r"(?:hgnc[. ]symbol|hgnc)[/:]([A-Z][A-Za-z0-9-]*)$", re.IGNORECASE)),
    ("mirbase", re.compile(r"mirbase.*?[/: ](MI\d{7})$", re.IGNORECASE)),
    ("ensembl.transcript", re.compile(r"\b(ENS[A-Z]{0,4}[TP]\d{11})(?:\.\d+)?$")),
    ("chebi", re.compile(r"chebi.*?[/:=](?:CHEBI:)?(\d+)$", re.IGNORECASE)),
    ("kegg.compound", re.compile(r"(?:kegg|compound|cpd|ligand).*?[/:](C\d{5})$", re.IGNORECASE)),
)  # fmt: skip
"""Beginning of a name and how databases write it, the best first: links, URNs, ``database:id``."""

REACTOME = re.compile(r"\b(R-[A-Z]{3}-\d+(?:-\d+)?)(?:\.\d+)?$")
"""Where one human thing has several counterparts in another species: ``R-SCE-5693527-2``."""


def identify(text: str) -> str:
    """Turn a link or ``database:id`` into a short name such as ``uniprot:P04637``.

    Isoforms (``-2``) and versions are stripped. Returns an empty text where no gene or compound is
    named: literature, ontologies, databases that have no node here.
    """
    plain = unquote(text).strip()
    for prefix, pattern in NAMES:
        match = pattern.search(plain)
        if match:
            local = match[1] if prefix in {"symbol", "ensembl"} else match[1].upper()
            return f"{prefix}:{local}"
    return ""


def best_names(texts: Iterable[str]) -> tuple[str, ...]:
    """Names of one molecule in the best database that names it (see `NAMES`), sorted."""
    found = sorted({name for name in map(identify, texts) if name})
    for prefix, _ in NAMES:
        of_prefix = tuple(name for name in found if name.startswith(f"{prefix}:"))
        if of_prefix:
            return of_prefix
    return ()


def reactome_id(texts: Iterable[str]) -> str:
    """Stable id of Reactome among links, or an empty text."""
    return next((match[1] for match in map(REACTOME.search, map(unquote, texts)) if match), "")


@dataclass(frozen=True, slots=True)
class Entity:
    """What takes part in reactions."""

    kind: Literal["single", "complex", "set"]
    names: tuple[str, ...] = ()
    """Of a single entity: names as `identify` gives them; several stand for each other."""
    parts: tuple[str, ...] = ()
    """Of a complex or a set: keys of entities."""
    label: str = ""
    dna: bool = False
    flat: bool = False
    """Of a complex or a set: its parts are names, so that nobody knows in which form they are."""


@dataclass(frozen=True, slots=True)
class Control:
    """An entity that catalyses a reaction, or regulates it (sign 0: how is not known)."""

    controller: str
    role: Literal["catalyst", "regulator"]
    sign: int = 1


@dataclass(slots=True)
class Reaction:
    """Inputs become outputs; all are keys of entities."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    controls: tuple[Control, ...] = ()
    reversible: bool = False
    kind: Literal["reaction", "degradation", "transcription"] = "reaction"
    pathways: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Pathway:
    """Name and parents (ids) of a pathway."""

    name: str
    parents: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Model:
    """All that was read, from however many files."""

    entities: dict[str, Entity] = field(default_factory=dict)
    reactions: dict[str, Reaction] = field(default_factory=dict)
    pathways: dict[str, Pathway] = field(default_factory=dict)
    left_out: Counter[str] = field(default_factory=Counter)
    files: dict[str, str] = field(default_factory=dict)
    """Sha256 of each file read."""
    release: str = ""

    def add_reaction(self, key: str, reaction: Reaction) -> None:
        """Keep a reaction; one that another file held already only gets its pathways."""
        self.reactions.setdefault(key, reaction).pathways.update(reaction.pathways)

    def add_pathway(self, key: str, name: str, parents: Iterable[str] = ()) -> None:
        """Keep a pathway; the first name stays, parents add up."""
        known = self.pathways.setdefault(key, Pathway(name))
        known.name = known.name or name
        known.parents.update(parent for parent in parents if parent != key)


def clean_id(text: str) -> str:
    """Make a text fit to be the end of an id: no spaces, and no ``;``, which joins ids."""
    return re.sub(r"[\s;]+", "_", text.strip())


def build(
    model: Model,
    rules: Rules,
    *,
    database: str,
    origin: str,
    table: pd.DataFrame | None,
    keep_unknown: bool,
    hierarchy: PathwayGraph | None = None,
) -> PathwayGraph:
    """Turn a model into a graph.

    Parameters
    ----------
    model
        What was read.
    rules
        How reactions become edges.
    database
        Name written into edges, pathways and ``meta``.
    origin
        Name of the format, for ``meta``.
    table
        The user's table of names, see `pathweave.ids.map`.
    keep_unknown
        Keep proteins and genes that HGNC does not know under the id of their own database.
    hierarchy
        A graph whose parents of pathways are taken.
    """
    left_out = Counter(model.left_out)
    parents = {key: sorted(pathway.parents) for key, pathway in model.pathways.items()}
    if hierarchy is not None:
        parents = _known_parents(hierarchy, parents)
        above = _hierarchy.ancestors(parents)
        for reaction in model.reactions.values():
            reaction.pathways -= set().union(*(above[key] for key in reaction.pathways))
    names = {name for entity in model.entities.values() for name in entity.names}
    nodes_of = _nodes_of(names, table=table, keep_unknown=keep_unknown)
    expander = Expander(model.entities, nodes_of, rules, left_out)
    edges, members = _Edges(), set[tuple[str, str]]()
    within: dict[str, set[str]] = {}
    for _, reaction in sorted(model.reactions.items()):
        controllers = {control.controller for control in reaction.controls}
        part = sorted({*reaction.inputs, *reaction.outputs, *controllers})
        nodes = expander.all_of(part).nodes
        members.update((node, key) for node in nodes for key in reaction.pathways)
        for key in part:
            within.setdefault(key, set()).update(reaction.pathways)
        carried = join(reaction.pathways)
        for edge in edges_of(reaction, expander, rules, left_out):
            edges.add(edge, carried)
    for complex_key, pathways in _complexes(within, expander).items():
        for edge in expander.joined(complex_key):
            edges.add(edge, join(pathways))
    return PathwayGraph(
        nodes=_node_table({*(node for node, _ in members), *edges.ends()}, model, nodes_of),
        edges=edges.table(database),
        pathways=pd.DataFrame(
            [
                (key, pathway.name, database, join(parents[key]))
                for key, pathway in model.pathways.items()
            ],
            columns=["id", "name", "database", "parents"],
            dtype=object,
        ),
        members=pd.DataFrame(sorted(members), columns=["node", "pathway"], dtype=object),
        meta={
            database: {
                "format": origin,
                **({"release": model.release} if model.release else {}),
                "files": model.files,
                "reactions": len(model.reactions),
                "left_out": {what: n for what, n in sorted(left_out.items()) if n},
            }
        },
    )


def _known_parents(hierarchy: PathwayGraph, parents: dict[str, list[str]]) -> dict[str, list[str]]:
    """Parents of the pathways read: the nearest in the hierarchy that were read too."""
    kept = _hierarchy.keep_pathways(hierarchy.pathways, parents.keys())
    return parents | _hierarchy.parents_of(kept)


def _complexes(within: dict[str, set[str]], expander: Expander) -> dict[str, set[str]]:
    """Pathways of each complex that takes part in reactions, itself or inside of others."""
    out: dict[str, set[str]] = {}
    for key, pathways in within.items():
        for found in expander.complexes(key):
            out.setdefault(found, set()).update(pathways)
    return out


def _nodes_of(
    names: set[str], *, table: pd.DataFrame | None, keep_unknown: bool
) -> dict[str, tuple[str, ...]]:
    """Nodes of names; compounds are their own, genes go through HGNC."""
    out: dict[str, tuple[str, ...]] = {}
    sources = {"uniprot": "uniprot", "ensembl": "ensembl", "ncbigene": "entrez", "symbol": "symbol"}
    by_source: dict[str, dict[str, str]] = {}
    for name in names:
        prefix, _, local = name.partition(":")
        if prefix in sources:
            by_source.setdefault(prefix, {})[local] = name
        elif prefix != "ensembl.transcript" or keep_unknown:
            out[name] = (name,)
    for prefix, locals_ in by_source.items():
        found = ids.map(sorted(locals_), to="hgnc", source=sources[prefix], table=table)
        found = found[found["id"].notna()]
        for local, nodes in found.groupby("name")["id"]:
            out[locals_[local]] = tuple(sorted(nodes))
    if keep_unknown:
        out |= {name: (name,) for name in names - out.keys()}
    return out


@cache
def _both(one: str, other: str) -> str:
    """Join two joined texts; few different ones come up, again and again."""
    return join((*one.split(SEP), *other.split(SEP)))


class _Edges:
    """Edges of all reactions; equal ones are merged on the way."""

    def __init__(self) -> None:
        self._carried: dict[RawEdge, str] = {}

    def add(self, edge: RawEdge, pathways: str) -> None:
        before = self._carried.get(edge, "")
        self._carried[edge] = pathways if before in {"", pathways} else _both(before, pathways)

    def ends(self) -> set[str]:
        return {end for edge in self._carried for end in edge[:2]}

    def table(self, database: str) -> pd.DataFrame:
        columns = ["source", "target", "type", "sign", "flags", "weight", "directed"]
        frame = pd.DataFrame(list(self._carried), columns=columns)
        return frame.assign(pathways=list(self._carried.values()), database=database)


def _node_table(
    nodes: set[str], model: Model, nodes_of: dict[str, tuple[str, ...]]
) -> pd.DataFrame:
    """Genes as HGNC names them; compounds and the rest as the file does."""
    labels: dict[str, str] = {}
    for entity in model.entities.values():
        found = {node for name in entity.names for node in nodes_of.get(name, ())}
        if len(found) == 1 and entity.label:
            node = next(iter(found))
            # The shortest, then the first of the alphabet: whatever order the files have.
            labels[node] = min(
                labels.get(node, entity.label), entity.label, key=lambda text: (len(text), text)
            )
    out = _genes.node_table(nodes)
    compound = out["id"].str.startswith(COMPOUNDS)
    name = out["name"].where(out["name"] != "", out["id"].map(labels).fillna(""))
    symbol = out["symbol"].mask(compound, out["id"].str.upper())
    return out.assign(name=name, symbol=symbol)
