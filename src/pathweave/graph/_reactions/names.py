"""Names that foreign databases give to what takes part in reactions, made short."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Iterable

ACCESSION = r"(?:[OPQ][0-9][A-Z0-9]{3}[0-9]|[A-NR-Z][0-9](?:[A-Z][A-Z0-9]{2}[0-9]){1,2})"
NAMES = (
    ("uniprot", re.compile(rf"uniprot.*?[/: #]({ACCESSION})(?:-\d+)?$", re.IGNORECASE)),
    ("ensembl", re.compile(r"\b(ENS[A-Z]{0,4}G\d{11})(?:\.\d+)?$")),
    ("hgnc", re.compile(r"hgnc[^a-z]*?[/:](?:HGNC:)?(\d+)$", re.IGNORECASE)),
    ("ncbigene", re.compile(r"(?:ncbigene|entrez[ .]?gene|ncbi gene|geneid)[/:](\d+)$", re.IGNORECASE)),
    ("symbol", re.compile(r"(?:hgnc[. ]symbol|hgnc)[/:]([A-Z][A-Za-z0-9-]*)$", re.IGNORECASE)),
    ("mirbase", re.compile(r"mirbase.*?[/: ](MI\d{7})$", re.IGNORECASE)),
    ("ensembl.transcript", re.compile(r"\b(ENS[A-Z]{0,4}[TP]\d{11})(?:\.\d+)?$")),
    ("chebi", re.compile(r"chebi.*?[/:=](?:CHEBI:)?(\d+)$", re.IGNORECASE)),
    ("kegg.compound", re.compile(r"(?:kegg|compound|cpd|ligand).*?[/:](C\d{5})$", re.IGNORECASE)),
)  # fmt: skip
"""Beginning of a name and how databases write it, the best first: links, URNs, ``database:id``."""

REACTOME = re.compile(r"\b(R-[A-Z]{3}-\d+(?:-\d+)?)(?:\.\d+)?$")
"""Where one human thing has several counterparts in another species: ``R-SCE-5693527-2``."""


def identify(text: str) -> str:
    """Turn a link or ``database:id`` into a short name such as ``uniprot:P04637``.

    Isoforms (``-2``) and versions are stripped. Returns an empty text where no gene or compound is
    named: literature, ontologies, databases that have no node here.
    """
    plain = unquote(text).strip()
    for prefix, pattern in NAMES:
        match = pattern.search(plain)
        if match:
            local = match[1] if prefix in {"symbol", "ensembl"} else match[1].upper()
            return f"{prefix}:{local}"
    return ""


def best_names(texts: Iterable[str]) -> tuple[str, ...]:
    """Names of one molecule in the best database that names it (see `NAMES`), sorted."""
    found = sorted({name for name in map(identify, texts) if name})
    for prefix, _ in NAMES:
        of_prefix = tuple(name for name in found if name.startswith(f"{prefix}:"))
        if of_prefix:
            return of_prefix
    return ()


def reactome_id(texts: Iterable[str]) -> str:
    """Stable id of Reactome among links, or an empty text."""
    return next((match[1] for match in map(REACTOME.search, map(unquote, texts)) if match), "")


def clean_id(text: str) -> str:
    """Make a text fit to be the end of an id: no spaces, and no ``;``, which joins ids."""
    return re.sub(r"[\s;]+", "_", text.strip())
