"""Read one KGML file: what KEGG wrote, nothing expanded, nothing interpreted."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import iterparse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from os import PathLike
    from xml.etree.ElementTree import Element

MAX_BYTES = 64 * 2**20
"""The largest human map (hsa01100) has about 2 MB."""

MAX_DEPTH = 8
"""KGML nests four deep."""

OLD_SUBTYPES = {
    "indirect": "indirect effect",
    "missing": "missing interaction",
    "ubiquination": "ubiquitination",
}
"""Spellings of the files of 2008 and 2009, and of today's."""

OLD_TYPES = {"genes": "group"}
"""Types of entries of the files of 2005 and 2006 (KGML 0.5, 0.6), and of today's."""

OLD_PREFIXES = {"glycan": "gl"}
"""Databases as the files of 2009 and before write them, and today's."""


@dataclass(frozen=True)
class Entry:
    """A box of the map: genes that can stand for each other, a compound, a map, or a group.

    `twins` are further boxes that the file gives the same id.
    """

    id: str
    type: str
    names: tuple[str, ...]
    reactions: tuple[str, ...] = ()
    components: tuple[str, ...] = ()
    label: str = ""
    twins: tuple[str, ...] = ()


@dataclass(frozen=True)
class Relation:
    """An arrow between two entries, with all its subtypes."""

    entry1: str
    entry2: str
    type: str
    subtypes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Reaction:
    """A reaction; substrates and products are (entry id, compound names)."""

    id: str
    names: tuple[str, ...]
    reversible: bool
    substrates: tuple[tuple[str, tuple[str, ...]], ...] = ()
    products: tuple[tuple[str, tuple[str, ...]], ...] = ()


@dataclass(frozen=True)
class Map:
    """All of one KGML file."""

    id: str
    organism: str
    number: str
    title: str
    sha256: str
    entries: dict[str, Entry] = field(default_factory=dict)
    relations: tuple[Relation, ...] = ()
    reactions: tuple[Reaction, ...] = ()


def read_kgml(path: str | PathLike[str]) -> Map:
    """Parse a KGML file without fetching its DTD and without expanding entities.

    Raises
    ------
    ValueError
        If the file is not KGML, is cut off, or is built to do harm.
    """
    file = Path(path)
    size = file.stat().st_size
    if size > MAX_BYTES:
        msg = f"{file.name} has {size:,} bytes; no KGML file is larger than {MAX_BYTES:,}."
        raise ValueError(msg)
    if size == 0:
        msg = f"{file.name} is empty: this organism has no KGML of the map; leave the file out."
        raise ValueError(msg)
    root = _root(file)
    name = _needed(root, "name", file.name).removeprefix("path:")
    if not re.fullmatch(r"\w+", name):
        msg = f"{file.name}: the map is called {name!r}; a KEGG map is called path:hsa04110 or so."
        raise ValueError(msg)
    return Map(
        id=name,
        organism=_needed(root, "org", file.name),
        number=root.get("number", ""),
        title=root.get("title", ""),
        sha256=hashlib.sha256(file.read_bytes()).hexdigest(),
        entries=_by_id(_entry(element, file.name) for element in root.iter("entry")),
        relations=tuple(_relation(element, file.name) for element in root.iter("relation")),
        reactions=tuple(_reaction(element, file.name) for element in root.iter("reaction")),
    )


def _events(file: Path) -> Iterator[tuple[str, Element]]:
    """Yield the parser's events; what goes wrong inside it is a `ValueError` that names the file."""
    with file.open("rb") as handle:
        try:
            yield from iterparse(handle, events=("start", "end"), forbid_external=True)
        except DefusedXmlException as error:
            msg = f"{file.name} defines entities or fetches others ({error!r}); KGML never does, so it is not read."
            raise ValueError(msg) from error
        except (ParseError, LookupError, ValueError) as error:  # the latter two: the encoding
            msg = f"{file.name} is not whole XML ({error}): cut off or damaged; download it again."
            raise ValueError(msg) from error


def _root(file: Path) -> Element:
    """Build the tree; stop at the first tag that is not ``pathway``, or at a silly depth."""
    root: Element | None = None
    depth = 0
    for event, element in _events(file):
        depth += 1 if event == "start" else -1
        if root is None:
            root = element
            if element.tag != "pathway":
                msg = (
                    f"{file.name} is not KGML: its first tag is {element.tag!r}, not 'pathway'"
                    " (an error page saved in its place?); download it again."
                )
                raise ValueError(msg)
        if depth > MAX_DEPTH:
            msg = f"{file.name} nests tags more than {MAX_DEPTH} deep; KGML never does."
            raise ValueError(msg)
    if root is None:
        msg = f"{file.name} holds no XML tag; download it again."
        raise ValueError(msg)
    return root


def _needed(element: Element, attribute: str, file: str) -> str:
    value = element.get(attribute)
    if not value:
        msg = f"{file}: a <{element.tag}> lacks the attribute {attribute!r}; the file is damaged."
        raise ValueError(msg)
    return value


def _names(element: Element) -> tuple[str, ...]:
    """Names of a box or compound, with the prefixes of today."""
    parts = (name.partition(":") for name in element.get("name", "").split())
    return tuple(OLD_PREFIXES.get(prefix, prefix) + colon + rest for prefix, colon, rest in parts)


def _by_id(entries: Iterable[Entry]) -> dict[str, Entry]:
    """Entries by id. KEGG uses an id once; where an edited file does not, no entry is lost."""
    found: dict[str, Entry] = {}
    twins: dict[str, list[str]] = {}
    for entry in entries:
        if entry.id in found:
            key = f"{entry.id}\0{len(found)}"  # a character that no XML holds
            twins.setdefault(entry.id, []).append(key)
            found[key] = replace(entry, id=key)
        else:
            found[entry.id] = entry
    return found | {key: replace(found[key], twins=tuple(others)) for key, others in twins.items()}


def _entry(element: Element, file: str) -> Entry:
    kind = _needed(element, "type", file)
    kind = OLD_TYPES.get(kind, kind)
    label = next((g.get("name", "") for g in element.iter("graphics")), "")
    return Entry(
        id=_needed(element, "id", file),
        type=kind,
        names=() if kind in {"brite", "group"} else _names(element),
        reactions=tuple(element.get("reaction", "").split()),
        components=tuple(_needed(part, "id", file) for part in element.iter("component"))
        if kind == "group"
        else (),
        label=label,
    )


def _relation(element: Element, file: str) -> Relation:
    return Relation(
        entry1=_needed(element, "entry1", file),
        entry2=_needed(element, "entry2", file),
        type=_needed(element, "type", file),
        subtypes=tuple(
            (subtype_name(part.get("name", "")), part.get("value", ""))
            for part in element.iter("subtype")
            if part.get("name")
        ),
    )


def subtype_name(name: str) -> str:
    """Spell a subtype as KGML 0.7.2 does."""
    return OLD_SUBTYPES.get(name, name)


def _reaction(element: Element, file: str) -> Reaction:
    def side(tag: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
        return tuple((part.get("id", ""), _names(part)) for part in element.findall(tag))

    return Reaction(
        id=element.get("id", ""),
        names=tuple(element.get("name", "").split()),
        reversible=_needed(element, "type", file) == "reversible",
        substrates=side("substrate"),
        products=side("product"),
    )
