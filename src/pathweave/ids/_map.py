"""`map`: names in, identifiers of graph nodes out, one reason for every loss."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pathweave._core.checks import check_choice, listed
from pathweave._core.warnings import DataWarning, warn
from pathweave.ids._compounds import compound
from pathweave.ids._genes import EMPTY, full_name, gene
from pathweave.ids._patterns import SEVERAL, TYPES, detect_texts
from pathweave.ids._symbols import Hit
from pathweave.ids._text import listed_names, tidy
from pathweave.ids._user_table import UserTable

if TYPE_CHECKING:
    from collections.abc import Iterable

_LIKE_MOUSE = re.compile(r"^[A-Z][a-z][a-z0-9-]*$")
_FEW = 10
_NEEDS = re.compile(r"needs a .*$")
TARGETS = ("hgnc", "chebi", "kegg.compound", "compound")


def map(  # noqa: A001
    names: Iterable[object],
    *,
    to: str = "hgnc",
    source: str = "auto",
    table: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Map names to the identifiers of graph nodes.

    Gene symbols are looked up as approved, then previous, then unique alias, then undamaged from
    Excel's dates, then regardless of case. Nothing is guessed: ambiguous names are losses. All genes
    are human: a warning tells when most names are found only regardless of case, as mouse genes are.

    Parameters
    ----------
    names
        Names; each is mapped once, in the order of first appearance. Several names in one
        (``P04637;Q00987``) are taken apart. Gaps (NaN, ``NA``, ``?``) are losses.
    to
        ``"hgnc"`` for genes; ``"chebi"``, ``"kegg.compound"``, or ``"compound"`` for either.
    source
        Type of the names, one that `detect` returns, or ``"auto"``. With ``"auto"`` and a compound
        target, bare numbers are ChEBI numbers.
    table
        What the user knows better: columns ``name`` and ``id`` (a CURIE; a gene symbol or Ensembl
        id, or for compounds a ChEBI number), and optionally ``weight``. It is asked first,
        regardless of case: a manifest of CpG probes, targets of miRNAs, names or HMDB accessions of
        metabolites, genes of another species. Compounds are looked up as salt and acid, with and without stereo
        prefix, ``A/B`` as both, ``C34:1 PC`` as its class. miRNAs repress their targets: without a
        column ``weight`` theirs are negative.

    Returns
    -------
    Columns ``name``, ``id`` (CURIE; NaN for a loss), ``weight`` (those of a name sum to 1 in size)
    and ``how`` (``approved``, ``previous``, ..., or the reason of the loss). One row a pair of name
    and id; `pathweave.ids.report` says it in words.

    Examples
    --------
    >>> import pathweave as pw
    >>> pw.ids.map(["TP53", "3-Mar", "ENSG00000141510.18", "nonsense"])[
    ...     ["id", "how"]
    ... ].values.tolist()
    [['hgnc:11998', 'approved'], ['hgnc:28728', 'excel'], ['hgnc:11998', 'ensembl'], [nan, 'unknown symbol']]
    """
    check_choice("to", to, TARGETS)
    check_choice("source", source, ("auto", *TYPES))
    unique = list(dict.fromkeys(listed_names(names)))
    known = None if table is None else UserTable(table, compounds=to != "hgnc")
    if to == "hgnc":
        tidied = [tidy(name) for name in unique]
        kind = detect_texts(tidied) if source == "auto" else source
        hits = [_one_gene(name, kind) for name in tidied]
    else:
        numbers = source in {"auto", "chebi", "name"}
        hits = [compound(tidy(name), to=to, numbers=numbers) for name in unique]
    rows: list[tuple[str, object, float, str]] = []
    for name, hit in zip(unique, hits, strict=True):
        own, how = (None, "") if known is None else known.find(name)
        if own and to in {"chebi", "kegg.compound"}:
            own = _of_prefix(own, f"{to}:")
            how = how if own else f"table gives no id of {to}"
        if own:
            rows.extend((name, identifier, weight, how) for identifier, weight in own.items())
        elif own is not None:
            rows.append((name, np.nan, np.nan, how))
        elif hit.ids:
            rows.extend((name, i, 1.0 / len(hit.ids), hit.how) for i in hit.ids)
        else:
            why = hit.how if known is None else _NEEDS.sub("not in the table", hit.how)
            rows.append((name, np.nan, np.nan, why))
    out = pd.DataFrame(rows, columns=["name", "id", "weight", "how"])
    foreign = _like_mouse(out)
    if foreign:
        warn(
            f"{len(foreign)} names, most of those found, are human genes only when case is set aside "
            f"({listed(foreign)}), as names of mouse and rat genes are. If they are, give their "
            "human genes: table=, a DataFrame with columns name and id.",
            DataWarning,
        )
    return out.astype({"name": object, "id": object, "weight": float, "how": object})


def _of_prefix(ids: dict[str, float], prefix: str) -> dict[str, float]:
    kept = {
        identifier: weight for identifier, weight in ids.items() if identifier.startswith(prefix)
    }
    total = sum(abs(weight) for weight in kept.values())
    return {identifier: weight / total for identifier, weight in kept.items()}


def _like_mouse(mapping: pd.DataFrame) -> list[str]:
    """Names written as mouse genes are (Brca1), if they are most of what was found."""
    found = mapping.dropna(subset="id").drop_duplicates("name")
    names = [name for name in found.loc[found["how"] == "case", "name"] if _LIKE_MOUSE.match(name)]
    return names if len(names) >= _FEW and 2 * len(names) > len(found) else []


def _one_gene(name: str, kind: str) -> Hit:
    if not SEVERAL.search(name):
        return gene(name, kind)
    if (whole := full_name(name)) is not None:
        return whole
    hits = [gene(part, kind) for part in SEVERAL.split(name) if part]
    found = dict.fromkeys(i for hit in hits for i in hit.ids)
    how = next((hit.how for hit in hits if hit.ids), hits[0].how if hits else EMPTY.how)
    return Hit(tuple(found), how)
