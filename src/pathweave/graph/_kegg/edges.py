"""What a KGML file means: groups and families expanded, subtypes read as types and signs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import chain, combinations, product
from typing import TYPE_CHECKING, Literal

from pathweave._core.checks import check_choice

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator

    from pathweave.graph._kegg.kgml import Entry, Map, Reaction, Relation

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
    "demethylation",
)
WEAK = ("binding/association", "dissociation", "state change", "missing interaction",
        "compound", "hidden compound", "indirect effect")  # fmt: skip
TYPE_OF_WEAK = {"binding/association": "binding", "hidden compound": "compound",
                "indirect effect": "indirect"}  # fmt: skip
SYMMETRIC = {"binding", "complex", "shares_metabolite", "maplink"}
NO_CATALYST = ("cpd:", "gl:", "dr:", "path:")
TRANSCRIPTION = {"activation": "expression", "inhibition": "repression"}
COMPOUND_NAME = re.compile(r"^(cpd|gl|dr):\w+$")
NAMES = {
    "compound": COMPOUND_NAME,
    "map": re.compile(r"^path:\w+$"),
    "ortholog": re.compile(r"^ko:\w+$"),
    "enzyme": re.compile(r"^ec:[\w.-]+$"),
}
"""What an entry of each type may be called; whatever else stands there is no node."""
MAX_PAIRS = 1_000_000
REFERENCE_TYPES = frozenset({"ortholog", "enzyme"})


@dataclass(frozen=True)
class Rules:
    """How a map is expanded; `kegg` says what each rule means."""

    complexes: Literal["components", "all", "none"] = "components"
    max_complex_size: int = 60
    within_components: bool = True
    enzyme_relations: Literal["symmetric", "as_written", "none"] = "symmetric"
    reactions: bool = True
    through_compounds: bool = False
    phosphorylation_sign: Literal[-1, 0, 1] = 0
    self_loops: bool = False
    maps: bool = True
    orthologs: bool = False

    def __post_init__(self) -> None:
        check_choice("complexes", self.complexes, ("components", "all", "none"))
        check_choice("enzyme_relations", self.enzyme_relations, ("symmetric", "as_written", "none"))
        check_choice("phosphorylation_sign", self.phosphorylation_sign, (-1, 0, 1))
        if self.max_complex_size < 2:
            msg = f"max_complex_size={self.max_complex_size!r} must be at least 2."
            raise ValueError(msg)


DEFAULT = Rules()


@dataclass(frozen=True)
class RawEdge:
    """One edge between KEGG names (``hsa:7157``, ``cpd:C00031``, ``path:hsa00010``)."""

    source: str
    target: str
    type: str
    sign: int
    flags: tuple[str, ...] = ()
    weight: float = 1.0
    directed: bool = True


def names_of(entry: Entry, organism: str, *, orthologs: bool = False) -> tuple[str, ...]:
    """Names that become nodes: this organism's genes, compounds, maps; nothing of the others."""
    if entry.type == "gene":
        start = f"{organism}:"
        return tuple(n for n in entry.names if n.startswith(start) and n != start and ";" not in n)
    if entry.type not in NAMES or (entry.type in REFERENCE_TYPES and not orthologs):
        return ()
    return tuple(name for name in entry.names if NAMES[entry.type].match(name))


def expand(
    kgml: Map,
    entry_id: str,
    *,
    orthologs: bool = False,
    without: str | None = None,
    as_written: bool = False,
) -> list[str]:
    """Names an entry stands for; groups give those of all their components.

    Groups may be nested, in circles too: each is opened once, and `without` never. All names
    `as_written`, or those that become nodes.
    """
    found: dict[str, None] = {}
    seen = {without}
    todo = [entry_id]
    while todo:
        current = todo.pop()
        entry = kgml.entries.get(current)
        if entry is None or current in seen:
            continue
        seen.add(current)
        todo.extend(reversed(entry.components + entry.twins))
        names = entry.names if as_written else names_of(entry, kgml.organism, orthologs=orthologs)
        found.update(dict.fromkeys(names))
    return list(found)


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


def edges_of(kgml: Map, rules: Rules, dropped: Counter[str]) -> Iterator[RawEdge]:
    """All edges that a map gives under some rules."""
    siblings = set() if rules.within_components else alternatives(kgml)
    parts = [relation_edges(kgml, rules, dropped), reaction_edges(kgml, rules, dropped)]
    if rules.through_compounds:
        parts.append(chain_edges(kgml, rules))
    for n, edge in enumerate(chain(*parts)):
        _check_size(kgml, n)
        if edge.source == edge.target and not rules.self_loops:
            dropped["self loops"] += 1
        elif (edge.source, edge.target) in siblings:
            dropped["edges within a component of a complex"] += 1
        else:
            yield edge
    if rules.complexes != "none":
        yield from complex_edges(kgml, rules, dropped)


def _check_size(kgml: Map, n: int) -> None:
    if n > MAX_PAIRS:
        msg = (
            f"{kgml.id}: the map stands for more than {MAX_PAIRS:,} pairs of names; no map of KEGG "
            "has a tenth of that. Is the file damaged?"
        )
        raise ValueError(msg)


def relation_edges(kgml: Map, rules: Rules, dropped: Counter[str]) -> Iterator[RawEdge]:
    """Edges of all relations: every name of one end with every name of the other."""
    for relation in kgml.relations:
        if relation.type == "ECrel" and rules.enzyme_relations == "none":
            dropped["enzyme relations"] += 1
            continue
        if {relation.entry1, relation.entry2} - kgml.entries.keys():
            dropped["relations with an undefined end"] += 1
            continue
        heads, tails = (
            expand(kgml, end, orthologs=rules.orthologs)
            for end in (relation.entry1, relation.entry2)
        )
        if not heads or not tails:
            dropped["relations with an end without gene or compound"] += 1
            continue
        for kind, sign in meanings(relation, phosphorylation_sign=rules.phosphorylation_sign):
            flags = tuple(sorted({name for name, _ in relation.subtypes} - {kind}))
            written = kind == "shares_metabolite" and rules.enzyme_relations == "as_written"
            directed = written or kind not in SYMMETRIC
            for head, tail in product(heads, tails):
                yield RawEdge(head, tail, kind, sign, flags, directed=directed)


def alternatives(kgml: Map) -> set[tuple[str, str]]:
    """Ordered pairs of names that only stand for each other in one component of some group."""
    inside: set[tuple[str, str]] = set()
    across: set[tuple[str, str]] = set()
    for entry in kgml.entries.values():
        if entry.type == "group":
            parts = [expand(kgml, part, without=entry.id) for part in entry.components]
            _check_size(kgml, sum(len(part) ** 2 for part in parts) + len(inside))
            inside.update(pair for part in parts for pair in product(part, part))
            across.update(
                pair for one, other in combinations(parts, 2) for pair in product(one, other)
            )
    return inside - across - {(b, a) for a, b in across}


def complex_edges(kgml: Map, rules: Rules, dropped: Counter[str]) -> Iterator[RawEdge]:
    """Undirected pairs of members of one group, each of weight 1 / (size - 1)."""
    for entry in kgml.entries.values():
        if entry.type != "group":
            continue
        components = [
            expand(kgml, part, orthologs=rules.orthologs, without=entry.id)
            for part in entry.components
        ]
        names = sorted({name for part in components for name in part})
        if len(names) > rules.max_complex_size:
            dropped["groups over the size cap"] += 1
            continue
        if rules.complexes == "all":
            components = [[name] for name in names]
        pairs = {
            tuple(sorted((a, b)))
            for left, right in combinations(components, 2)
            for a, b in product(left, right)
            if a != b
        }
        for a, b in sorted(pairs):
            yield RawEdge(a, b, "complex", 0, weight=1 / (len(names) - 1), directed=False)


def catalysts(kgml: Map, reaction: Reaction, *, orthologs: bool = False) -> list[str]:
    """Genes of the entries that catalyse a reaction (older files lack the reaction's entry id)."""
    entry = kgml.entries.get(reaction.id)
    if entry is not None and (not entry.reactions or set(entry.reactions) & set(reaction.names)):
        entries = [entry]
    else:
        entries = [e for e in kgml.entries.values() if set(e.reactions) & set(reaction.names)]
    kinds = {"gene", "group"} | (REFERENCE_TYPES if orthologs else frozenset())
    names = (
        name for e in entries if e.type in kinds for name in expand(kgml, e.id, orthologs=orthologs)
    )
    return [name for name in dict.fromkeys(names) if not name.startswith(NO_CATALYST)]


def compounds(side: tuple[tuple[str, tuple[str, ...]], ...]) -> list[str]:
    """Names on one side of a reaction."""
    return list(
        dict.fromkeys(name for _, names in side for name in names if COMPOUND_NAME.match(name))
    )


def reaction_edges(kgml: Map, rules: Rules, dropped: Counter[str]) -> Iterator[RawEdge]:
    """Substrate to enzyme to product, and substrate to product; both ways if reversible."""
    if not rules.reactions:
        if kgml.reactions:
            dropped["reactions"] += len(kgml.reactions)
        return
    for reaction in kgml.reactions:
        enzymes = catalysts(kgml, reaction, orthologs=rules.orthologs)
        if not enzymes:
            dropped["reactions without a gene"] += 1
        one, other = compounds(reaction.substrates), compounds(reaction.products)
        for left, right in [(one, other), (other, one)][: 2 if reaction.reversible else 1]:
            yield from (RawEdge(a, b, "conversion", 0) for a, b in product(left, right))
            yield from (RawEdge(a, e, "catalysis", 0) for a, e in product(left, enzymes))
            yield from (RawEdge(e, b, "catalysis", 0) for e, b in product(enzymes, right))


def chain_edges(kgml: Map, rules: Rules) -> Iterator[RawEdge]:
    """Gene to gene where relations lead from one gene to a compound and on to another gene."""
    into: dict[str, list[tuple[str, int]]] = {}
    out: dict[str, list[tuple[str, int]]] = {}
    for relation in kgml.relations:
        ends = [kgml.entries.get(end) for end in (relation.entry1, relation.entry2)]
        if any(end is None for end in ends) or relation.type in {"maplink", "ECrel"}:
            continue
        kinds = ["compound" if end and end.type == "compound" else "gene" for end in ends]
        if kinds[0] == kinds[1]:
            continue
        said = meanings(relation, phosphorylation_sign=rules.phosphorylation_sign)
        sign = said[0][1] if len(said) == 1 else 0
        compound, gene = (0, 1) if kinds[0] == "compound" else (1, 0)
        side = out if compound == 0 else into
        entries = (relation.entry1, relation.entry2)
        for name, partner in product(
            expand(kgml, entries[compound]),
            expand(kgml, entries[gene], orthologs=rules.orthologs),
        ):
            if not partner.startswith(NO_CATALYST):
                side.setdefault(name, []).append((partner, sign))
    for name in sorted(into.keys() & out.keys()):
        for (head, one), (tail, other) in product(into[name], out[name]):
            yield RawEdge(head, tail, "indirect", one * other, ("through compound",))


def members(kgml: Map, *, orthologs: bool = False) -> list[str]:
    """Genes and compounds drawn on the map, and compounds that only reactions name."""
    drawn = [
        name
        for entry in kgml.entries.values()
        if entry.type != "map"
        for name in names_of(entry, kgml.organism, orthologs=orthologs)
    ]
    for reaction in kgml.reactions:
        drawn += compounds(reaction.substrates) + compounds(reaction.products)
    return list(dict.fromkeys(drawn))


def left_out_entries(kgml: Map, *, orthologs: bool = False) -> dict[str, int]:
    """Count entries, and names beside others in one, that give no node, by why."""
    reasons = {"ortholog": "orthologs without gene", "enzyme": "enzymes without gene"}
    count: dict[str, int] = {}
    for entry in kgml.entries.values():
        if entry.type == "group":
            continue
        kept = names_of(entry, kgml.organism, orthologs=orthologs)
        if not kept:
            why = reasons.get(entry.type, f"{entry.type} entries without a name of this organism")
            count[why] = count.get(why, 0) + 1
        elif len(kept) < len(entry.names):
            why = "names that are no node, beside others"
            count[why] = count.get(why, 0) + len(entry.names) - len(kept)
    return count
