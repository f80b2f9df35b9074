"""What the formats of reactions share: entities, reactions and pathways.

A reaction has inputs, outputs and controls (catalysts, regulators). What takes part is an entity: one
molecule (a single name, or names that stand for each other), a complex (all of its parts), or a set
(any one of its parts); parts are entities again. `edges` says what edges they give, `build` makes the graph.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable


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
