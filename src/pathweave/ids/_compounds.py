"""Names of compounds: ChEBI and KEGG numbers by themselves, all else through a user's table."""

from __future__ import annotations

import re

from pathweave.ids._patterns import PATTERNS
from pathweave.ids._symbols import Hit

_CURIE = re.compile(r"^(chebi|kegg\.compound|kegg\.glycan|kegg\.drug|hmdb):", re.IGNORECASE)


def compound(name: str, *, to: str, numbers: bool) -> Hit:
    """Map one compound name.

    Parameters
    ----------
    name
        The name.
    to
        ``chebi``, ``kegg.compound``, or ``compound`` for either.
    numbers
        Whether a bare number is a ChEBI number.

    Returns
    -------
    The CURIE found, or why there is none.
    """
    match = PATTERNS["chebi"].match(name)
    number = match[1] if match else None
    if number is None and numbers and re.match(r"^\d+(\.0)?$", name):
        number = name.removesuffix(".0")
    if number is not None:
        if to == "kegg.compound":
            return Hit((), "ChEBI number: needs a table to KEGG")
        return Hit((f"chebi:{int(number)}",), "chebi")
    match = PATTERNS["kegg_compound"].match(name)
    if match:
        if to == "chebi":
            return Hit((), "KEGG compound: needs a table to ChEBI")
        return Hit((f"kegg.compound:{match[1]}",), "kegg_compound")
    if PATTERNS["hmdb"].match(name):
        return Hit((), "HMDB accession: needs a table")
    return Hit((), "metabolite name: needs a table of names and ids")


def curie(identifier: str) -> str:
    """Bring an id of a user's table into the spelling of the graphs."""
    text = identifier.strip()
    match = PATTERNS["chebi"].match(text)
    if match:
        return f"chebi:{int(match[1])}"
    match = PATTERNS["kegg_compound"].match(text)
    if match:
        return f"kegg.compound:{match[1]}"
    if PATTERNS["hgnc"].match(text):
        return text.lower()
    match = _CURIE.match(text)
    return text[: match.end()].lower() + text[match.end() :] if match else text
