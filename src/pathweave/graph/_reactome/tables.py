"""The tables in Reactome's flat files, those rows of them that are of one species."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pandas as pd

from pathweave._core.checks import listed
from pathweave.graph import _hierarchy
from pathweave.graph._reactome.files import ID, Source, refusal, rows_of
from pathweave.graph._tables import join
from pathweave.ids._hgnc import lookup

if TYPE_CHECKING:
    from collections.abc import Iterable

HUMAN = "Homo sapiens"
ALL_LEVELS = "_all_levels"
_ENOUGH = 20  # from so many identifiers (or pairs) on, content is trusted to tell what they are
_NAMED = re.compile(
    r"(uniprot|ncbi|entrez|ensembl|chebi|mirbase|gtop|iuphar)_?(?:2|to)_?reactome", re.IGNORECASE
)
_KINDS = {
    "uniprot": re.compile(
        r"(?:[OPQ][0-9][A-Z0-9]{3}[0-9]|[A-NR-Z][0-9](?:[A-Z][A-Z0-9]{2}[0-9]){1,2})(-.+)?$"
    ),
    "mirbase": re.compile(r"MI(MAT)?\d{7}$"),
    "ensembl": re.compile(r"ENS[A-Z]*[GTP]\d{11}(\.\d+)?$"),
    "chebi": re.compile(r"CHEBI:\d+$", re.IGNORECASE),
    "number": re.compile(r"\d+$"),
}


@dataclass(frozen=True)
class Members:
    """Memberships that one file gives for one species, each pair once."""

    source: Source
    kind: str
    all_levels: bool
    rows: int
    pairs: pd.DataFrame
    names: dict[str, str]

    @property
    def label(self) -> str:
        return self.kind + (ALL_LEVELS if self.all_levels and self.kind != "gmt" else "")


def species_code(species: str) -> str:
    """Code in stable ids: Homo sapiens is HSA in R-HSA-69541."""
    first, _, rest = species.partition(" ")
    return (first[:1] + rest[:2]).upper()


def _bad_row(source: Source, number: int, what: str) -> str:
    return f"{source.name}, line {number}: {what}. Download the file again."


def read_pathways(source: Source, species: str) -> tuple[dict[str, str], set[str]]:
    """Names of the pathways of one species by id, and all species of the file."""
    names: dict[str, str] = {}
    seen: set[str] = set()
    for number, line in rows_of(source):
        identifier, name, found = line.split("\t")
        found = found.strip()
        if not ID.match(identifier):
            raise ValueError(_bad_row(source, number, f"{identifier!r} is not a stable id"))
        seen.add(found)
        if found == species:
            names.setdefault(identifier, name)
    return names, seen


def read_hierarchy(source: Source) -> pd.DataFrame:
    """Pairs of parent and child, all species; a pathway is never its own parent."""
    rows = (line.split("\t") for _, line in rows_of(source))
    pairs = dict.fromkeys((parent.strip(), child.strip()) for parent, child in rows)
    table = _pairs(pairs, ["parent", "child"])
    return table[table["parent"] != table["child"]]


def read_members(source: Source, species: str) -> tuple[Members, set[str]]:
    """Memberships of one species (curated and inferred ones are one), and all species."""
    pathway = 1 if source.columns == 6 else 3
    name = pathway + 2
    pairs: dict[tuple[str, str], None] = {}
    names: dict[str, str] = {}
    seen: set[str] = set()
    rows = 0
    for number, line in rows_of(source):
        fields = line.split("\t")
        found = fields[-1].strip()
        seen.add(found)
        if not (fields[0].strip() and ID.match(fields[pathway])):
            raise ValueError(_bad_row(source, number, "the identifier or the pathway is missing"))
        if found == species:
            rows += 1
            pairs[fields[0].strip(), fields[pathway]] = None
            names.setdefault(fields[pathway], fields[name])
    table = _pairs(pairs, ["source", "pathway"])
    kind = _kind(source, table["source"], human=species == HUMAN)
    all_levels = bool(re.search(r"all[_-]?levels", source.name, re.IGNORECASE))
    return Members(source, kind, all_levels, rows, table, names), seen


def read_gmt(source: Source) -> Members:
    """Gene sets: the name comes first, the id second; they hold the members of all levels."""
    pairs: dict[tuple[str, str], None] = {}
    names: dict[str, str] = {}
    for number, line in rows_of(source):
        fields = [field.strip() for field in line.split("\t")]
        name, identifier, *genes = [*fields, ""][: max(len(fields), 2)]
        if not ID.match(identifier) or not any(genes):
            what = f"a set needs a name, a stable id and a gene, apart by tabs: {line[:60]!r}"
            raise ValueError(_bad_row(source, number, what))
        names.setdefault(identifier, name)
        pairs.update(dict.fromkeys((gene, identifier) for gene in genes if gene))
    table = _pairs(pairs, ["source", "pathway"])
    return Members(source, "gmt", all_levels=True, rows=len(names), pairs=table, names=names)


def read_interactions(source: Source, code: str) -> tuple[pd.DataFrame, int]:
    """Interactions of one species: ends ``a`` and ``b``, ``type`` and ``context``; rows read."""
    found: dict[tuple[str, ...], None] = {}
    rows = 0
    for _, line in rows_of(source):
        fields = line.split("\t")
        if fields[7].startswith(f"reactome:R-{code}-"):
            rows += 1
            a, b = sorted((fields[0].strip(), fields[3].strip()))
            found[a, b, fields[6].strip(), fields[7]] = None
    return _pairs(found, ["a", "b", "type", "context"]), rows


def _kind(source: Source, names: pd.Series, *, human: bool) -> str:
    """Tell what the identifiers are by their looks, and by the name where numbers have none."""
    ids = pd.Series(names.unique(), dtype=object)
    match = _NAMED.search(source.name)
    named = match[1].lower().replace("entrez", "ncbi") if match else ""
    if named in {"gtop", "iuphar"}:
        raise ValueError(refusal(source.path, "ligands of the Guide to Pharmacology have no node"))
    seen = next((k for k, like in _KINDS.items() if ids.str.match(like).mean() > 0.9), "")
    if seen == "number":
        # A number says nothing of itself, but few ChEBI numbers are Entrez numbers of human genes.
        share = ids.isin(lookup("entrez")["value"]).mean()
        sure = human and len(ids) >= _ENOUGH
        seen = "ncbi" if sure and share > 0.8 else "chebi" if sure and share < 0.5 else ""
    if seen and named and seen != named:
        msg = (
            f"files: {source.name} is named for {named}, but its identifiers look like {seen}'s "
            f"({listed(ids.head(3))}); rename it if it is right."
        )
        raise ValueError(msg)
    if not (seen or named or ids.empty):
        found = f"the identifiers ({listed(ids.head(3))}) could be of several databases"
        raise ValueError(refusal(source.path, found))
    return seen or named


def settle_level(members: Members, relations: pd.DataFrame) -> Members:
    """Take a file for all levels, too, where whoever is in a pathway is in its parents as well."""
    if members.all_levels or members.pairs.empty:
        return members
    up = members.pairs.merge(relations, left_on="pathway", right_on="child")
    if len(up) < _ENOUGH:
        return members
    have = pd.MultiIndex.from_frame(members.pairs)
    closed = pd.MultiIndex.from_frame(up[["source", "parent"]]).isin(have).mean()
    return replace(members, all_levels=bool(closed > 0.95))


def lowest_level(pairs: pd.DataFrame, above: dict[str, set[str]]) -> pd.DataFrame:
    """Drop pairs that a membership further down implies; a circle of pathways implies none."""
    strict = [(p, up) for p, found in above.items() for up in found if p not in above.get(up, ())]
    steps = _pairs(strict, ["pathway", "up"])
    implied = pairs.merge(steps, on="pathway")[["source", "up"]]
    known = pd.MultiIndex.from_frame(pairs[["source", "pathway"]])
    return pairs[~known.isin(pd.MultiIndex.from_frame(implied))]


@dataclass
class Content:
    """All that was read."""

    names: dict[str, str] = field(default_factory=dict)
    relations: pd.DataFrame = field(default_factory=lambda: _pairs((), ["parent", "child"]))
    members: dict[str, Members] = field(default_factory=dict)
    interactions: pd.DataFrame | None = None
    interaction_rows: int = 0
    roles: dict[str, Source] = field(default_factory=dict)

    @property
    def pathways(self) -> pd.DataFrame:
        """Columns ``id``, ``name``, ``parents``."""
        parents = self.relations.groupby("child")["parent"].agg(join).to_dict()
        rows = [(p, name, parents.get(p, "")) for p, name in self.names.items()]
        return _pairs(rows, ["id", "name", "parents"])

    def lowest(self, members: Members) -> pd.DataFrame:
        """Return the pairs of known pathways, at the lowest level if a hierarchy is there."""
        pairs = members.pairs[members.pairs["pathway"].isin(list(self.names))]
        if members.rows and pairs.empty:
            msg = (
                f"files: none of the {members.pairs['pathway'].nunique()} pathways of "
                f"{members.source.name} is in the list of pathways; found "
                f"{listed(members.pairs['pathway'].unique())}. Take both from one release."
            )
            raise ValueError(msg)
        if not members.all_levels or self.relations.empty:
            return pairs
        return lowest_level(pairs, _hierarchy.ancestors(_hierarchy.parents_of(self.pathways)))


def read(sources: list[Source], species: str) -> Content:
    """Read all files; two of one role, or a species that is not in them, are errors."""
    out = Content()
    code = species_code(species)
    seen: set[str] = set()
    for source in sources:
        if source.role != "members":
            _enter(out.roles, source.role, source)
    of = out.roles
    if "pathways" in of:
        out.names, seen = read_pathways(of["pathways"], species)
    found: list[Members] = []
    for source in sources:
        if source.role == "members":
            members, species_here = read_members(source, species)
            seen |= species_here
            found.append(members)
    if "gmt" in of:
        found += [read_gmt(of["gmt"])] if species == HUMAN else []
        seen.add(HUMAN)
    _check_species(species, seen)
    relations = read_hierarchy(of["relations"]) if "relations" in of else out.relations
    if "pathways" not in of:
        out.names = _names_elsewhere(found, relations, code)
    known = relations["parent"].isin(list(out.names)) & relations["child"].isin(list(out.names))
    out.relations = relations[known]
    for given in found:
        members = settle_level(given, out.relations)
        if members.kind != "gmt":
            _enter(of, members.label or members.source.name, members.source)
        if members.rows:
            out.members[members.label] = members
    if "interactions" in of:
        out.interactions, out.interaction_rows = read_interactions(of["interactions"], code)
    return out


def _check_species(species: str, seen: set[str]) -> None:
    if seen and species not in seen:
        msg = f"species={species!r} is not in the files, which have {listed(sorted(seen), 30)}."
        raise ValueError(msg)


def _enter(roles: dict[str, Source], role: str, source: Source) -> None:
    if role in roles:
        msg = (
            f"files: {roles[role].name} and {source.name} are both {role!r}; which one is right "
            "cannot be told. Give a list with one of them."
        )
        raise ValueError(msg)
    roles[role] = source


def _names_elsewhere(found: list[Members], relations: pd.DataFrame, code: str) -> dict[str, str]:
    """Names of pathways where ReactomePathways is not among the files."""
    names = {pathway: name for part in found for pathway, name in part.names.items()}
    ours = (f"R-{code}-", "REACT_")
    ids = pd.unique(relations[["parent", "child"]].to_numpy().ravel())
    every = {pathway: pathway for pathway in ids} | names
    return {p: name for p, name in every.items() if p.startswith(ours) and ID.match(p)}


def _pairs(rows: Iterable[object], columns: list[str]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=columns, dtype=object)
