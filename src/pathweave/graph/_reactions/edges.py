"""What reactions mean: complexes and sets taken apart, and the typed, signed edges of each reaction."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, product
from typing import TYPE_CHECKING, NamedTuple

from pathweave.graph._project import CURRENCY

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterable, Iterator, Mapping

    from pathweave.graph._reactions.model import Control, Entity, Reaction

MAX_PARTS = 5_000
"""Entities of which one may be built, all levels together; the largest of Reactome has some 1,000."""
MAX_PAIRS = 100_000
"""Pairs that one block of a reaction may give."""
COMPOUNDS = ("chebi:", "kegg.compound:")
SIGNED = {1: "activation", -1: "inhibition", 0: "regulation"}
TRANSCRIPTION = {1: "expression", -1: "repression", 0: "expression"}


@dataclass(frozen=True)
class Rules:
    """How reactions become edges; `sbml` says what each rule means."""

    max_members: int = 60
    currency: bool = False
    persisting: bool = False
    to_inputs: bool = False

    def __post_init__(self) -> None:
        if self.max_members < 2:
            msg = f"max_members={self.max_members!r} must be at least 2: a complex has two members."
            raise ValueError(msg)


class RawEdge(NamedTuple):
    """One edge between nodes."""

    source: str
    target: str
    type: str
    sign: int = 0
    flag: str = ""
    weight: float = 1.0
    directed: bool = True


@dataclass(frozen=True, slots=True)
class View:
    """What an entity, or one side of a reaction, comes down to."""

    nodes: frozenset[str] = frozenset()
    """All of it, for membership in pathways."""
    genes: frozenset[str] = frozenset()
    compounds: frozenset[str] = frozenset()
    """Free ones: those bound in a complex are not turned over."""
    dna: frozenset[str] = frozenset()
    """Genes that are here as free DNA."""
    made: frozenset[str] = frozenset()
    """Genes that are here as free protein or RNA."""
    forms: frozenset[tuple[str, str]] = frozenset()
    """Genes and the key of the entity they are here as: modified, cleaved, elsewhere in the cell."""
    flat: bool = False
    """Whether the forms inside of some complex or set are not known."""
    lacks: bool = False
    """Whether some of it has no node: a drug, a virus."""

    def __or__(self, other: View) -> View:
        """Put two together."""
        return View(
            self.nodes | other.nodes,
            self.genes | other.genes,
            self.compounds | other.compounds,
            self.dna | other.dna,
            self.made | other.made,
            self.forms | other.forms,
            self.flat or other.flat,
            self.lacks or other.lacks,
        )


EMPTY = View()


class Expander:
    """Take entities apart, each once.

    Parameters
    ----------
    entities
        By key; parts that are not there are passed over with a count.
    nodes_of
        Nodes of each name; names without one are absent.
    rules
        Which entities are too large, and whether currency metabolites count.
    left_out
        Where losses are counted.
    """

    def __init__(
        self,
        entities: Mapping[str, Entity],
        nodes_of: Mapping[str, tuple[str, ...]],
        rules: Rules,
        left_out: Counter[str],
    ) -> None:
        self._entities = entities
        self._nodes_of = nodes_of
        self._rules = rules
        self._left_out = left_out
        self._views: dict[str, tuple[View, bool]] = {}
        self._blocked = frozenset() if rules.currency else CURRENCY
        self._counted: set[tuple[str, str]] = set()

    def _count(self, what: str, key: str) -> None:
        """Count a loss once for each entity."""
        if (what, key) not in self._counted:
            self._counted.add((what, key))
            self._left_out[what] += 1

    def all_of(self, keys: Iterable[str]) -> View:
        """See some entities together, those over the cap too: for membership in pathways."""
        out = EMPTY
        for key in keys:
            out |= self._view(key)[0]
        return out

    def small_of(self, keys: Iterable[str]) -> View:
        """See some entities together without those over the cap: for edges."""
        out = EMPTY
        for key in keys:
            view, fits = self._view(key)
            if fits:
                out |= view
        return out

    def _view(self, key: str) -> tuple[View, bool]:
        if key not in self._views:
            view = self._walk(key)
            fits = len(view.nodes) <= self._rules.max_members
            if not fits:
                self._count("entities over the size cap", key)
            self._views[key] = view, fits
        return self._views[key]

    def below(self, key: str) -> list[tuple[str, bool]]:
        """List an entity and all its parts of all levels, and whether they are in a complex.

        Circles do no harm: each (entity, in a complex or not) is met once.
        """
        seen = {(key, False): None}
        todo = [(key, False)]
        while todo and len(seen) <= MAX_PARTS:
            at, bound = todo.pop()
            entity = self._entities.get(at)
            if entity is None:
                self._count("participants that are not defined", at)
                continue
            bound = bound or entity.kind == "complex"
            for part in entity.parts:
                if (part, bound) not in seen:
                    seen[part, bound] = None
                    todo.append((part, bound))
        if len(seen) > MAX_PARTS:
            self._count(f"entities of more than {MAX_PARTS:,} parts", key)
            return []
        return list(seen)

    def _walk(self, key: str) -> View:
        nodes, genes, compounds, dna, made = (set[str]() for _ in range(5))
        forms: set[tuple[str, str]] = set()
        flat = lacks = False
        for at, bound in self.below(key):
            entity = self._entities.get(at)
            if entity is None or entity.parts:
                flat |= entity is not None and entity.flat
                continue
            found = self._of_single(at, entity)
            nodes.update(found)
            lacks |= not found
            for node in found:
                if node in self._blocked:
                    self._count("currency metabolites", node)
                elif not node.startswith(COMPOUNDS):
                    genes.add(node)
                    forms.add((node, at))
                    if not bound:
                        (dna if entity.dna else made).add(node)
                elif not bound:
                    compounds.add(node)
        return View(
            frozenset(nodes), frozenset(genes), frozenset(compounds), frozenset(dna),
            frozenset(made), frozenset(forms), flat, lacks,
        )  # fmt: skip

    def _of_single(self, key: str, entity: Entity) -> list[str]:
        found = [node for name in entity.names for node in self._nodes_of.get(name, ())]
        if not entity.names:
            self._count("entities without a known identifier", key)
        elif not found:
            self._count("entities without a node", key)
        return found

    def complexes(self, key: str) -> list[str]:
        """List the complexes in an entity, itself included, that are not over the cap."""
        found = {at for at, _ in self.below(key) if at in self._entities}
        return sorted(
            at for at in found if self._entities[at].kind == "complex" and self._view(at)[1]
        )

    def joined(self, key: str) -> Iterator[RawEdge]:
        """Undirected pairs of nodes of different parts of a complex, weight 1 / (nodes - 1)."""
        parts = [self._view(part)[0].nodes - self._blocked for part in self._entities[key].parts]
        size = len(frozenset().union(*parts))
        pairs = {
            (min(a, b), max(a, b))
            for one, other in combinations(parts, 2)
            for a, b in product(one, other)
            if a != b
        }
        for a, b in sorted(pairs):
            yield RawEdge(a, b, "complex", weight=1 / (size - 1), directed=False)


def edges_of(
    reaction: Reaction, expander: Expander, rules: Rules, left_out: Counter[str]
) -> Iterator[RawEdge]:
    """All edges of one reaction but those within complexes."""
    one, other = expander.small_of(reaction.inputs), expander.small_of(reaction.outputs)
    if not reaction.outputs:
        left_out["reactions without outputs"] += 1
    if not reaction.inputs and reaction.kind != "transcription":
        left_out["reactions without inputs"] += 1
    catalysts = [c.controller for c in reaction.controls if c.role == "catalyst"]
    enzymes = expander.small_of(catalysts).genes
    for left, right in [(one, other), (other, one)][: 2 if reaction.reversible else 1]:
        yield from _turnover(left, right, enzymes, rules, left_out)
        targets, effect = _targets(reaction, left, right, rules)
        aims = frozenset(node for node in targets if not node.startswith(COMPOUNDS))
        yield from _act(enzymes, aims, RawEdge("", "", "catalysis"), left_out)
        if reaction.kind == "degradation":
            yield from _lost(1, enzymes, left, left_out)
        for control in reaction.controls:
            if control.role == "catalyst":
                continue
            heads, sign = _regulators(control, expander, enzymes, left, left_out), control.sign
            edge = RawEdge("", "", effect[sign], sign)
            # A factor bound to the gene it regulates is written as one complex: it does act on it.
            bound = effect is TRANSCRIPTION
            yield from (_pairs if bound else _act)(heads, targets, edge, left_out)
            # What regulates a catalysed reaction acts on its enzyme, for all that the formats say.
            yield from _act(heads, enzymes, RawEdge("", "", SIGNED[sign], sign), left_out)
            if reaction.kind == "degradation":
                yield from _lost(sign, heads, left, left_out)


def _regulators(
    control: Control,
    expander: Expander,
    enzymes: frozenset[str],
    left: View,
    left_out: Counter[str],
) -> frozenset[str]:
    """Nodes through which an entity regulates.

    What takes part in the reaction anyway does not regulate it: of an inhibitor that holds the enzyme
    or the substrate only the inhibitor counts, and nothing where it is a drug without a node.
    """
    view = expander.small_of([control.controller])
    heads = view.genes | view.compounds
    others = heads - enzymes - left.genes - left.compounds
    if others:
        left_out["regulators that take part themselves"] += len(heads) - len(others)
    elif view.lacks:
        left_out["regulators without a node"] += 1
        return others
    return others or heads


def _turnover(
    left: View, right: View, enzymes: frozenset[str], rules: Rules, left_out: Counter[str]
) -> Iterator[RawEdge]:
    """Compounds and proteins before to those after the reaction; compounds to and from enzymes."""
    for before, after, kind in (
        (left.compounds, right.compounds, "conversion"),
        (left.genes, right.genes, "reaction"),
    ):
        # What is there before and after says nothing of direction: it was bound, moved or modified.
        both = frozenset() if rules.persisting else before & after
        left_out["kept on both sides of a reaction"] += len(both)
        yield from _pairs_but(both, before, after, RawEdge("", "", kind), left_out)
    edge = RawEdge("", "", "catalysis")
    yield from _pairs(left.compounds, enzymes, edge, left_out)
    yield from _pairs(enzymes, right.compounds, edge, left_out)


def _targets(
    reaction: Reaction, left: View, right: View, rules: Rules
) -> tuple[frozenset[str], Mapping[int, str]]:
    """Nodes on which the controls of a reaction act, and the types of these edges by sign."""
    read = left.dna & right.made
    if reaction.kind == "transcription" or read:
        return read or right.genes, TRANSCRIPTION
    targets = _changed(left, right) | right.compounds
    return (targets | left.genes | left.compounds if rules.to_inputs else targets), SIGNED


def _changed(left: View, right: View) -> frozenset[str]:
    """Genes that come out in another form than they went in; all where none or nobody knows."""
    changed = frozenset(gene for gene, _ in right.forms - left.forms)
    return right.genes if left.flat or right.flat or not changed else changed


def _lost(
    sign: int, heads: frozenset[str], left: View, left_out: Counter[str]
) -> Iterator[RawEdge]:
    """What helps a degradation works against what is degraded."""
    edge = RawEdge("", "", SIGNED[-sign], -sign, "degradation")
    yield from _act(heads, left.genes | left.compounds, edge, left_out)


def _act(
    heads: frozenset[str], tails: frozenset[str], edge: RawEdge, left_out: Counter[str]
) -> Iterator[RawEdge]:
    """From a control to what it acts on.

    A complex that acts on some of its own members does so through the others: an inhibitor on the
    enzyme it sits on, a kinase on the substrate that it holds.
    """
    both = heads & tails
    left_out["targets within their controller"] += len(both)
    yield from _pairs_but(both, heads, tails, edge, left_out)


def _pairs_but(
    both: frozenset[str],
    heads: frozenset[str],
    tails: frozenset[str],
    edge: RawEdge,
    left_out: Counter[str],
) -> Iterator[RawEdge]:
    """Every head with every tail, but not within `both`."""
    yield from _pairs(heads - both, tails, edge, left_out)
    yield from _pairs(both, tails - both, edge, left_out)


def _pairs(
    heads: frozenset[str], tails: frozenset[str], edge: RawEdge, left_out: Counter[str]
) -> Iterator[RawEdge]:
    """Every head with every tail; nothing with itself."""
    if len(heads) * len(tails) > MAX_PAIRS:
        left_out[f"blocks of over {MAX_PAIRS:,} pairs"] += 1
        return
    for head, tail in product(heads, tails):
        if head == tail:
            left_out["self loops"] += 1
        else:
            yield edge._replace(source=head, target=tail)
