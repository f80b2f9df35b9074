"""One name of a gene, in any of the types but free text, to its HGNC ids."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from pathweave.ids import _rppa
from pathweave.ids._hgnc import hgnc, lookup
from pathweave.ids._patterns import PATTERNS
from pathweave.ids._symbols import UNKNOWN, Hit, entrez_ids, symbol
from pathweave.ids._text import MISSING

if TYPE_CHECKING:
    from collections.abc import Callable

EMPTY = Hit((), "empty name")
OTHERS = ("hgnc", "ensembl", "cpg", "mirna", "symbol|entrez", "symbol_region", "uniprot")
"""Types that a stray name in a list of another type is taken for, in this order."""

_TWICE = re.compile(r"\.\d+$")


@cache
def _several(column: str) -> dict[str, tuple[str, ...]]:
    table: dict[str, tuple[str, ...]] = {}
    for value, gene in lookup(column).itertuples(index=False, name=None):
        table[value] = (*table.get(value, ()), gene)
    return table


def _part(kind: str, name: str, group: int = 1) -> str | None:
    match = PATTERNS[kind].match(name)
    return None if match is None else match[group]


def _ensembl(name: str) -> Hit:
    gene = (_part("ensembl", name) or "").upper()
    if not gene:
        return Hit((), "not an Ensembl id")
    if not gene.startswith("ENSG"):
        human = gene.startswith(("ENST", "ENSP"))
        why = "Ensembl transcript or protein: give gene ids" if human else "of another species"
        return Hit((), why if human else f"Ensembl id {why}")
    found = _several("ensembl").get(gene, ())
    return Hit(found, "ensembl" if found else "Ensembl id without an HGNC gene")


def _uniprot(name: str) -> Hit:
    accession = _part("uniprot", name)
    if accession is None:
        return Hit((), "not a UniProt accession")
    found = _several("uniprot").get(accession, ())
    return Hit(found, "uniprot" if found else "UniProt accession without an HGNC gene")


def _entrez(name: str) -> Hit:
    number = _part("entrez", name)
    if number is None:
        return Hit((), "not an Entrez number")
    gene = entrez_ids().get(number)
    return Hit((gene,), "entrez") if gene else Hit((), "Entrez number without an HGNC gene")


def _symbol_entrez(name: str) -> Hit:
    label, number = _part("symbol|entrez", name), _part("symbol|entrez", name, 2)
    if label is None or number is None:
        return Hit((), "not SYMBOL|number")
    by_number = _entrez(number)
    return by_number if by_number.ids or label == "?" else symbol(label)


def _region(name: str) -> Hit:
    label = _part("symbol_region", name)
    return symbol(label) if label else Hit((), "not SYMBOL_chromosome_start_end")


def _antibody(name: str) -> Hit:
    symbols = _rppa.antibody_symbols(name)
    if symbols:
        found = dict.fromkeys(gene for text in symbols for gene in symbol(text).ids)
        return Hit(tuple(found), "rppa")
    if _rppa.squeeze(name) in _rppa.NOT_GENES:
        return Hit((), "antibody against no protein")
    label = _rppa.strip(name)
    for spelling in (
        label,
        label.replace("_", "-"),
        label.translate({45: None, 95: None, 32: None}),
        _rppa.unsited(label),
    ):
        hit = symbol(spelling)
        if hit.ids:
            return hit if label == name else Hit(hit.ids, "rppa")
    return Hit((), "unknown antibody label")


@cache
def _full_names() -> dict[str, str]:
    table = hgnc()
    return dict(zip(table["name"].str.lower(), table["id"], strict=True))


def full_name(name: str) -> Hit | None:
    """Find a gene by its approved name; pandas adds ``.1`` to a column that is there twice."""
    if " " not in name:
        return None
    found = _full_names().get(_TWICE.sub("", name).lower())
    return Hit((found,), "gene name") if found else None


@cache
def _hgnc_numbers() -> frozenset[str]:
    return frozenset(lookup("symbol")["id"])


def _hgnc(name: str) -> Hit:
    curie = name.lower()
    return Hit((curie,), "hgnc") if curie in _hgnc_numbers() else Hit((), "unknown HGNC number")


def _lost(why: str) -> Callable[[str], Hit]:
    return lambda _: Hit((), why)


RESOLVERS: dict[str, Callable[[str], Hit]] = {
    "symbol": symbol,
    "hgnc": _hgnc,
    "ensembl": _ensembl,
    "entrez": _entrez,
    "uniprot": _uniprot,
    "symbol|entrez": _symbol_entrez,
    "symbol_region": _region,
    "rppa": _antibody,
    "cpg": _lost("CpG probe: needs a manifest"),
    "mirna": _lost("miRNA: needs a target table"),
    "chebi": _lost("compound, not a gene: map with to='chebi'"),
    "kegg_compound": _lost("compound, not a gene: map with to='kegg.compound'"),
    "hmdb": _lost("compound, not a gene: map with to='chebi' and a table"),
    "name": symbol,
}


def gene(name: str, source: str) -> Hit:
    """Map one name; where it does not look like `source`, by what it does look like."""
    if name.upper() in MISSING:
        return EMPTY
    hit = RESOLVERS[source](name)
    if hit.ids or source == "hgnc":
        return hit
    for kind in OTHERS:
        if kind != source and PATTERNS[kind].match(name):
            other = RESOLVERS[kind](name)
            return other if other.ids or hit == UNKNOWN else hit
    return full_name(name) or hit
