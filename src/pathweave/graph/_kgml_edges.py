"""What a KGML file means: groups and families expanded, subtypes read as types and signs."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, product
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator

    from pathweave.graph._kgml import Entry, Map, Reaction, Relation

SIGNED = {
    "activation": ("activation", 1),
    "inhibition": ("inhibition", -1),
    "expression": ("expression", 1),
    "repression": ("repression", -1),
}
MODIFIERS = (
    "phosphorylation",
    "dephosphorylation",
    "ubiquitination",
    "glycosylation",
    "methylation",
)
WEAK = ("binding/association", "dissociation", "state change", "missing interaction",
        "compound", "hidden compound", "indirect effect")  # fmt: skip
TYPE_OF_WEAK = {"binding/association": "binding", "hidden compound": "compound",
                "indirect effect": "indirect"}  # fmt: skip
SYMMETRIC = {"binding", "complex", "shares_metabolite", "maplink"}
TRANSCRIPTION = {"activation": "expression", "inhibition": "repression"}
KEPT_TYPES = frozenset({"gene", "compound", "map"})


@dataclass(frozen=True)
class RawEdge:
    """One edge between KEGG names (``hsa:7157``, ``cpd:C00031``, ``path:hsa00010``)."""

    source: str
    target: str
    type: str
    sign: int
    flags: tuple[str, ...] = ()
    weight: float = 1.0

    @property
    def directed(self) -> bool:
        """Whether the order of the ends has a meaning."""
        return self.type not in SYMMETRIC


def names_of(entry: Entry, organism: str) -> tuple[str, ...]:
    """Names that become nodes: this organism's genes, compounds, maps; nothing of the others."""
    if entry.type not in KEPT_TYPES:
        return ()
    if entry.type == "gene":
        return tuple(name for name in entry.names if name.startswith(f"{organism}:"))
    return entry.names


def expand(kgml: Map, entry_id: str, seen: frozenset[str] = frozenset()) -> list[str]:
    """Names an entry stands for; groups give those of all their components."""
    entry = kgml.entries.get(entry_id)
    if entry is None or entry_id in seen:
        return []
    if entry.type != "group":
        return list(names_of(entry, kgml.organism))
    inside = (expand(kgml, part, seen | {entry_id}) for part in entry.components)
    return list(dict.fromkeys(name for names in inside for name in names))


def meanings(relation: Relation, *, phosphorylation_sign: int = 0) -> list[tuple[str, int]]:
    """Types and signs of a relation: one, or two if it says both activation and inhibition."""
    subtypes = {name for name, _ in relation.subtypes}
    if relation.type == "maplink":
        return [("maplink", 0)]
    if relation.type == "ECrel":
        return [("shares_metabolite", 0)]
    signed = [SIGNED[name] for name in SIGNED if name in subtypes]
    if relation.type == "GErel":
        signed = [(TRANSCRIPTION.get(kind, kind), sign) for kind, sign in signed]
        return list(dict.fromkeys(signed)) or [("expression", 0)]
    if signed:
        return signed
    known = [name for name in (*MODIFIERS, *WEAK) if name in subtypes]
    name = (known or sorted(subtypes) or ["unknown"])[0]
    sign = phosphorylation_sign if name == "phosphorylation" else 0
    return [(TYPE_OF_WEAK.get(name, name.replace(" ", "_")), sign)]


def relation_edges(
    kgml: Map, dropped: Counter[str], *, phosphorylation_sign: int = 0
) -> Iterator[RawEdge]:
    """Edges of all relations: every name of one end with every name of the other."""
    for relation in kgml.relations:
        lost = {relation.entry1, relation.entry2} - kgml.entries.keys()
        if lost:
            dropped["relations with an undefined end"] += 1
            continue
        heads, tails = expand(kgml, relation.entry1), expand(kgml, relation.entry2)
        if not heads or not tails:
            dropped["relations with an end without gene or compound"] += 1
            continue
        said = meanings(relation, phosphorylation_sign=phosphorylation_sign)
        for kind, sign in said:
            flags = tuple(sorted({name for name, _ in relation.subtypes} - {kind}))
            for head, tail in product(heads, tails):
                if head == tail:
                    dropped["self loops"] += 1
                else:
                    yield RawEdge(head, tail, kind, sign, flags)


def complex_edges(
    kgml: Map, dropped: Counter[str], *, max_size: int, within_components: bool = False
) -> Iterator[RawEdge]:
    """Undirected pairs of members of one group, each of weight 1 / (size - 1)."""
    for entry in kgml.entries.values():
        if entry.type != "group":
            continue
        components = [expand(kgml, part, frozenset({entry.id})) for part in entry.components]
        names = sorted({name for part in components for name in part})
        if len(names) > max_size:
            dropped["groups over the size cap"] += 1
            continue
        if within_components:
            components = [[name] for name in names]
        pairs = {
            tuple(sorted((a, b)))
            for left, right in combinations(components, 2)
            for a, b in product(left, right)
            if a != b
        }
        for a, b in sorted(pairs):
            yield RawEdge(a, b, "complex", 0, weight=1 / (len(names) - 1))


def catalysts(kgml: Map, reaction: Reaction) -> list[str]:
    """Genes of the entries that catalyse a reaction (older files lack the reaction's entry id)."""
    entry = kgml.entries.get(reaction.id)
    if entry is not None and (not entry.reactions or set(entry.reactions) & set(reaction.names)):
        entries = [entry]
    else:
        entries = [e for e in kgml.entries.values() if set(e.reactions) & set(reaction.names)]
    genes = (name for e in entries for name in expand(kgml, e.id))
    return [name for name in dict.fromkeys(genes) if name.startswith(f"{kgml.organism}:")]


def compounds(side: tuple[tuple[str, tuple[str, ...]], ...]) -> list[str]:
    """Names on one side of a reaction."""
    return list(dict.fromkeys(name for _, names in side for name in names))


def reaction_edges(kgml: Map, dropped: Counter[str]) -> Iterator[RawEdge]:
    """Substrate to enzyme to product, and substrate to product; both ways if reversible."""
    for reaction in kgml.reactions:
        enzymes = catalysts(kgml, reaction)
        if not enzymes:
            dropped["reactions without a gene"] += 1
        one, other = compounds(reaction.substrates), compounds(reaction.products)
        for left, right in [(one, other), (other, one)][: 2 if reaction.reversible else 1]:
            for a, b in product(left, right):
                if a == b:
                    dropped["self loops"] += 1
                else:
                    yield RawEdge(a, b, "conversion", 0)
            yield from (RawEdge(a, e, "catalysis", 0) for a, e in product(left, enzymes))
            yield from (RawEdge(e, b, "catalysis", 0) for e, b in product(enzymes, right))


def members(kgml: Map) -> list[str]:
    """Genes and compounds drawn on the map, and compounds that only reactions name."""
    drawn = [
        name
        for entry in kgml.entries.values()
        if entry.type in {"gene", "compound"}
        for name in names_of(entry, kgml.organism)
    ]
    for reaction in kgml.reactions:
        drawn += compounds(reaction.substrates) + compounds(reaction.products)
    return list(dict.fromkeys(drawn))
