"""What each type of identifier looks like, and the vote on which one a list of names holds."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pathweave.ids import _rppa
from pathweave.ids._symbols import symbol
from pathweave.ids._text import MISSING, listed_names, tidy

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_ACCESSION: Final = r"(?:[OPQ][0-9][A-Z0-9]{3}[0-9]|[A-NR-Z][0-9](?:[A-Z][A-Z0-9]{2}[0-9]){1,2})"
PATTERNS: Final = {
    "hgnc": re.compile(r"^HGNC:\d+$", re.IGNORECASE),
    "ensembl": re.compile(
        r"^(?:ensembl:)?(ENS[A-Z]{0,4}[GTP]\d{11})(?:\.\d+)?(?:_PAR_Y)?$", re.IGNORECASE
    ),
    "cpg": re.compile(r"^(cg\d{6,}|ch\.\w+\.\d+[FR]?)(_\w+)?$"),
    "mirna": re.compile(
        r"^([a-z]{3}-)?(mir|let)-?\w+(-\w+)*\*?$|^MI(MAT)?\d{7}(_\d)?$", re.IGNORECASE
    ),
    "symbol|entrez": re.compile(r"^([^|]+)\|(\d+)$"),
    "symbol_region": re.compile(r"^(.+?)_(?:chr)?(?:\d{1,2}|X|Y|MT?)_\d+_\d+$"),
    "chebi": re.compile(r"^chebi[:_]\s*(\d+)$", re.IGNORECASE),
    "kegg_compound": re.compile(r"^(?:cpd:|kegg\.compound:)?(C\d{5})$"),
    "hmdb": re.compile(r"^HMDB\d{5,7}$", re.IGNORECASE),
    "uniprot": re.compile(
        rf"^(?:(?i:uniprot|uniprotkb):|(?:sp|tr)\|)?({_ACCESSION})(?:-\d+)?(?:\.\d+)?(?:\|\w+)?$"
    ),
    "entrez": re.compile(r"^(?:(?i:ncbigene|geneid|entrez|hsa):)?(\d+)(?:\.0)?$"),
}
"""In this order: the first that fits a single name is its type."""

TYPES: Final = (
    "symbol", "ensembl", "entrez", "uniprot", "symbol|entrez", "symbol_region", "rppa", "cpg",
    "mirna", "chebi", "kegg_compound", "hmdb", "hgnc", "name",
)  # fmt: skip
COMPOUND_TYPES: Final = ("chebi", "kegg_compound", "hmdb", "name")
SEVERAL: Final = re.compile(r"\s*(?:///|;|,)\s*")
_SAMPLE: Final = 2000


def type_of(name: str) -> str | None:
    """Return the type whose pattern fits one name, or `None` for free text and symbols."""
    return next((kind for kind, pattern in PATTERNS.items() if pattern.match(name)), None)


def _votes(name: str) -> list[str]:
    if name.upper() in MISSING:
        return []
    first = SEVERAL.split(name)[0]
    kind = type_of(first)
    if kind == "mirna":
        return [kind]
    if symbol(first).ids and not _rppa.is_telltale(first):
        both = ["symbol", "rppa"] if _rppa.antibody_symbols(first) else ["symbol"]
        return both if kind is None else [kind, "symbol"]
    if kind is not None:
        return [kind]
    if _rppa.is_telltale(name) or _rppa.antibody_symbols(name):
        return ["rppa"]
    return ["name"]


def detect(names: Iterable[object]) -> str:
    """Tell what type of identifier a list of names holds, by majority vote.

    Parameters
    ----------
    names
        Feature names; of more than 2,000 an evenly spaced sample votes.

    Returns
    -------
    One of ``symbol``, ``ensembl``, ``entrez``, ``uniprot``, ``symbol|entrez``, ``symbol_region``
    (``SKI_1_2159133_2160133``), ``rppa`` (antibody labels), ``cpg``, ``mirna``, ``chebi``,
    ``kegg_compound``, ``hmdb``, ``hgnc``, or ``name`` where nothing was recognised. Bare numbers are
    ``entrez``: nothing in a number tells it from a ChEBI number.

    Examples
    --------
    >>> import pathweave as pw
    >>> pw.ids.detect(["TP53", "MDM2", "1-Mar"])
    'symbol'
    >>> pw.ids.detect(["Akt_pS473", "4E-BP1_pS65", "PTEN"])
    'rppa'
    """
    return detect_texts([tidy(name) for name in listed_names(names)])


def detect_texts(names: Sequence[str]) -> str:
    """Vote, for names that are text already."""
    sample = names[:: max(1, len(names) // _SAMPLE)]
    count = dict.fromkeys(TYPES, 0)
    for name in sample:
        for vote in _votes(name):
            count[vote] += 1
    # A symbol wins a tie with antibody labels; nothing at all is free text.
    best = max(TYPES, key=lambda kind: (count[kind], -TYPES.index(kind)))
    return best if count[best] else "name"
