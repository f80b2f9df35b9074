"""What is drawn of a pathway: genes joined to boxes, boxes to blocks, edges to a few links."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from pathweave.pl._style import short

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pandas as pd

TRANSCRIPTION = frozenset({"expression", "repression"})
INDIRECT = frozenset({"indirect", "indirect effect", "through compound"})
REACTION = frozenset({"catalysis", "conversion"})
ALONGSIDE = frozenset({"compound", "pathway"})
"""Kinds whose members are never put together, however alike their edges are."""
_ACCESSION = re.compile(r"^([CGD]\d{5}|CHEBI:\d+|HMDB\d+)$", re.IGNORECASE)
_MAX_CLIQUES = 5000


@dataclass
class Box:
    """One gene, a family of genes with the same edges, a compound, or another map."""

    ids: list[str]
    kind: str
    label: str
    value: float = float("nan")


@dataclass
class Block:
    """Boxes that lie together: a complex, genes with the same edges, those without an edge, or one."""

    boxes: list[int]
    role: str = "single"


@dataclass(frozen=True)
class Link:
    """An edge as drawn; an end below zero is a whole block, ``-1 - i`` the i-th."""

    source: int
    target: int
    look: str
    head: bool = True


@dataclass
class Items:
    """All that is drawn."""

    boxes: list[Box] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    n_left_out: int = 0

    def block_of(self) -> dict[int, int]:
        """Block of each box, and of each end that is a block."""
        found = {box: i for i, block in enumerate(self.blocks) for box in block.boxes}
        return found | {-1 - i: i for i in range(len(self.blocks))}


def natural(text: str) -> list[tuple[int, int, str]]:
    """Key that sorts MAP2K2 before MAP2K10."""
    parts = re.split(r"(\d+)", text)
    return [(1, int(part), "") if part.isdigit() else (0, 0, part) for part in parts]


def label_of(node: Mapping[str, str]) -> str:
    """Symbol of a node; for compounds with a name the name; never the id with its prefix."""
    symbol, name = node["symbol"], node["name"]
    if name and name != symbol and (not symbol or _ACCESSION.match(symbol)):
        return short(name, 22)
    return symbol or str(node["id"]).split(":", 1)[-1]


def look_of(edge: Mapping[str, object]) -> str:
    """Name of the style an edge is drawn in; what the legend says."""
    kind, sign = str(edge["type"]), int(edge["sign"])  # type: ignore[call-overload]
    if kind in REACTION:
        return "reaction"
    if kind == "missing_interaction" or "missing interaction" in str(edge["flags"]).split(";"):
        return "missing interaction"
    if kind in {"complex", "binding", "maplink", "shares_metabolite"} and not sign:
        return {"maplink": "link to a map", "shares_metabolite": "shared metabolite"}.get(
            kind, kind
        )
    if not edge["directed"]:
        # What has no direction acts on nobody: a negative correlation is no inhibition.
        return {0: "association", 1: "positive association", -1: "negative association"}[sign]
    indirect = kind in INDIRECT or bool(INDIRECT & set(str(edge["flags"]).split(";")))
    what = ("expression", "regulation of expression", "repression")
    if kind not in TRANSCRIPTION:
        what = ("activation", "effect of unknown sign", "inhibition")
    name = what[1 - sign]
    return f"{name}, indirect" if indirect else name


def family(symbol: str) -> str:
    """Stem of a symbol: CCND of CCND1, GADD of GADD45A, SDH of SDHA."""
    stem = re.sub(r"\d+[A-Z]{0,2}\d*$", "", symbol)
    stem = symbol[:-1] if stem == symbol else stem
    return stem if len(stem) > 2 else symbol


def make_items(
    nodes: pd.DataFrame,
    edges: pd.DataFrame,
    *,
    values: Mapping[str, float],
    names: Mapping[str, str],
    collapse: bool,
    max_nodes: int,
) -> Items:
    """Boil a pathway down to what is drawn."""
    table = nodes.set_index("id", drop=False).to_dict("index")
    labels = {node: names.get(node) or label_of(row) for node, row in table.items()}
    rows = _drawn_edges(edges, {node: row["kind"] for node, row in table.items()})
    around = _surroundings(rows)
    order = sorted(table, key=lambda n: (natural(labels[n]), n))
    twins, crowds = _twins(order, {node: row["kind"] for node, row in table.items()}, around)
    rows = [row for row in rows if crowds.get(row[0], row[0]) != crowds.get(row[1], row[1])]
    items = Items()
    classes: list[list[int]] = []
    for members in twins:
        stems = [family(labels[n]) if collapse and len(members) > 1 else n for n in members]
        here = []
        for stem in dict.fromkeys(stems):
            ids = [n for n, own in zip(members, stems, strict=True) if own == stem]
            more = f" +{len(ids) - 1}" if len(ids) > 1 else ""
            known = [values[n] for n in ids if n in values]
            value = float(np.mean(known)) if known else float("nan")
            here.append(len(items.boxes))
            items.boxes.append(Box(ids, table[ids[0]]["kind"], labels[ids[0]] + more, value))
        classes.append(here)
    box_of = {node: i for i, box in enumerate(items.boxes) for node in box.ids}
    links = {Link(box_of[a], box_of[b], look, head) for a, b, look, head in rows}
    links = {link for link in links if link.source != link.target}
    keep = _best_connected(items.boxes, links, max_nodes)
    items.n_left_out = sum(len(b.ids) for i, b in enumerate(items.boxes) if i not in keep)
    links = {link for link in links if {link.source, link.target} <= keep}
    classes = [[i for i in here if i in keep] for here in classes]
    items.blocks = _blocks([c for c in classes if c], links, items.boxes)
    items.links = _bundled(items, links)
    return items


def _drawn_edges(edges: pd.DataFrame, kinds: Mapping[str, str]) -> list[tuple[str, str, str, bool]]:
    """Source, target, look and whether there is a head, of each edge that says something of its own."""
    has_reaction = bool((edges["type"] == "catalysis").any())
    found: dict[tuple[str, str, str, bool], None] = {}
    records = edges.to_dict("records")
    catalysis = {(e["source"], e["target"]) for e in records if e["type"] == "catalysis"}
    into, out = defaultdict(set), defaultdict(set)
    for a, b in catalysis:
        out[a].add(b)
        into[b].add(a)
    converted = {(e["source"], e["target"]) for e in records if e["type"] == "conversion"}
    for edge in records:
        a, b = edge["source"], edge["target"]
        look = look_of(edge)
        head = bool(edge["directed"]) and look not in {"binding", "complex"}
        if edge["type"] == "shares_pathway" or (look == "shared metabolite" and has_reaction):
            continue
        if edge["type"] == "conversion":
            # The enzyme stands on the line already; or the line back is this line with two heads.
            if out[a] & into[b] or ((b, a) in converted and a > b):
                continue
            if (b, a) in converted:
                look = "reversible reaction"
        elif edge["type"] == "catalysis" and kinds[b] != "compound":
            # An arrow into the enzyme would say that the substrate acts on it.
            if (b, a) in catalysis:
                continue
            head = False
        found[a, b, look, head] = None
    return list(found)


def _surroundings(
    rows: list[tuple[str, str, str, bool]],
) -> dict[str, frozenset[tuple[object, ...]]]:
    around: dict[str, set[tuple[object, ...]]] = defaultdict(set)
    for a, b, look, head in rows:
        way = ("to", "from") if head or look == "reaction" else ("with", "with")
        around[a].add((way[0], look, b))
        around[b].add((way[1], look, a))
    return {node: frozenset(found) for node, found in around.items()}


def _twins(
    order: list[str],
    kinds: Mapping[str, str],
    around: Mapping[str, frozenset[tuple[object, ...]]],
) -> tuple[list[list[str]], dict[str, str]]:
    """Put nodes with the same edges together; return them, and the crowd of those who are in one.

    A crowd is three nodes or more that have the same edges, those with each other among them: KEGG's
    groups that act on groups with the same members (the APC/C with CDC20, then with FZR1).
    """
    open_: dict[object, list[str]] = defaultdict(list)
    for node in order:
        alone = kinds[node] in ALONGSIDE or node not in around
        open_[(kinds[node], node) if alone else (kinds[node], around[node])].append(node)
    crowds: list[list[str]] = []
    for node, *others in open_.values():
        if others or node not in around or kinds[node] in ALONGSIDE:
            continue
        home = next((c for c in crowds if kinds[c[0]] == kinds[node]
                     and all(_alike(node, one, around) for one in c)), None)  # fmt: skip
        if home is None:
            crowds.append([node])
        else:
            home.append(node)
    crowds = [crowd for crowd in crowds if len(crowd) > 2]
    of = {node: crowd[0] for crowd in crowds for node in crowd}
    found = [*(twins for twins in open_.values() if twins[0] not in of), *crowds]
    place = {node: i for i, node in enumerate(order)}
    return sorted(found, key=lambda twins: place[twins[0]]), of


def _alike(one: str, other: str, around: Mapping[str, frozenset[tuple[object, ...]]]) -> bool:
    """Whether two nodes have the same edges, and each of them that with the other which it has."""
    if len(around[one]) != len(around[other]):
        return False
    turned = {(way, look, one if end == other else end) for way, look, end in around[one]}
    return turned == around[other]


def _best_connected(boxes: list[Box], links: Iterable[Link], n: int) -> set[int]:
    degree = np.zeros(len(boxes), dtype=int)
    for link in links:
        degree[[link.source, link.target]] += 1
    order = sorted(
        range(len(boxes)),
        key=lambda i: (-degree[i], np.isnan(boxes[i].value), natural(boxes[i].label), i),
    )
    return set(order[:n])


def _blocks(classes: list[list[int]], links: set[Link], boxes: list[Box]) -> list[Block]:
    """Complexes, then genes with the same edges, then single boxes; last those without an edge."""
    import networkx as nx

    linked = {end for link in links for end in (link.source, link.target)}
    class_of = {box: i for i, here in enumerate(classes) for box in here}
    graph = nx.Graph()
    for link in sorted(links, key=lambda k: (k.source, k.target)):
        pair = class_of[link.source], class_of[link.target]
        if link.look == "complex" and pair[0] != pair[1]:
            graph.add_edge(*pair)
    cliques = [sorted(found) for found in islice(nx.find_cliques(graph), _MAX_CLIQUES)]
    taken: set[int] = set()
    blocks = []
    for clique in sorted(cliques, key=lambda c: (-len(c), c)):
        free = [c for c in clique if c not in taken]
        if len(free) > 1:
            taken.update(free)
            blocks.append(Block([box for c in free for box in classes[c]], "complex"))
    loose = []
    for i, here in enumerate(classes):
        if i in taken:
            continue
        if not linked & set(here):
            loose += here
        else:
            blocks.append(Block(here, "stack" if len(here) > 1 else "single"))
    loose.sort(key=lambda i: (boxes[i].kind in ALONGSIDE, boxes[i].kind, natural(boxes[i].label)))
    return [*blocks, Block(loose, "loose")] if loose else blocks


def _bundled(items: Items, links: set[Link]) -> list[Link]:
    """One link for a whole block where each of its boxes has it."""
    block_of = items.block_of()
    links = {k for k in links if k.look != "complex" or block_of[k.source] != block_of[k.target]}
    for end in ("target", "source"):
        other = "source" if end == "target" else "target"
        found: dict[tuple[object, ...], list[Link]] = defaultdict(list)
        for k in links:
            found[getattr(k, other), block_of[getattr(k, end)], k.look, k.head].append(k)
        links = set()
        for (fixed, block, look, head), group in found.items():
            whole = len(group) == len(items.blocks[block].boxes) > 1  # type: ignore[call-overload]
            if whole and block_of[fixed] != block:  # type: ignore[index]
                links.add(Link(**{other: fixed, end: -1 - block, "look": look, "head": head}))  # type: ignore[arg-type, operator]
            else:
                links.update(group)
    return sorted(links, key=lambda k: (k.source, k.target, k.look))
