"""`map`: names in, identifiers of graph nodes out, one reason for every loss."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pathweave._core.checks import check_choice, listed
from pathweave.ids._compounds import compound, curie
from pathweave.ids._genes import gene
from pathweave.ids._metabolite_names import spellings
from pathweave.ids._patterns import SEVERAL, TYPES, detect_texts
from pathweave.ids._symbols import Hit, symbol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

TARGETS = ("hgnc", "chebi", "kegg.compound", "compound")
_SPACES = re.compile(r"[\s_]+")


def map(  # noqa: A001
    names: Iterable[object],
    *,
    to: str = "hgnc",
    source: str = "auto",
    table: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Map names to the identifiers of graph nodes.

    Gene symbols are looked up as approved, then previous, then unique alias, then undamaged from
    Excel's dates, then regardless of case. Nothing is guessed: ambiguous names are losses.

    Parameters
    ----------
    names
        Names; each is mapped once, in the order of first appearance. Several names in one
        (``P04637;Q00987``) are taken apart.
    to
        ``"hgnc"`` for genes; ``"chebi"``, ``"kegg.compound"``, or ``"compound"`` for either.
    source
        Type of the names, one that `detect` returns, or ``"auto"``. With ``"auto"`` and a compound
        target, bare numbers are ChEBI numbers.
    table
        What the user knows better: columns ``name`` and ``id`` (a CURIE, or a gene symbol), and
        optionally ``weight``. It is asked first, regardless of case: a manifest of CpG probes,
        targets of miRNAs, names of metabolites, genes of another species. Compounds are looked up as
        salt and acid, with and without stereo prefix, ``A/B`` as both, ``C34:1 PC`` as its class.

    Returns
    -------
    Columns ``name``, ``id`` (CURIE; NaN for a loss), ``weight`` (those of a name sum to 1; negative
    weights of the table keep their sign) and ``how`` (``approved``, ``previous``, ..., or the reason
    of the loss). One row a pair of name and id.

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
    if isinstance(names, str):
        names = [names]
    unique = list(dict.fromkeys(str(name) for name in names))
    known = {} if table is None else _user_table(table)
    if to == "hgnc":
        kind = detect_texts(unique) if source == "auto" else source
        hits = [_one_gene(name.strip(), kind) for name in unique]
    else:
        numbers = source in {"auto", "chebi", "name"}
        hits = [compound(name.strip(), to=to, numbers=numbers) for name in unique]
    rows: list[tuple[str, object, float, str]] = []
    for name, hit in zip(unique, hits, strict=True):
        own, how = _in_table(name, known, compounds=to != "hgnc")
        if own:
            rows.extend((name, identifier, weight, how) for identifier, weight in own.items())
        elif own is not None:
            rows.append((name, np.nan, np.nan, how))
        elif hit.ids:
            rows.extend((name, i, 1.0 / len(hit.ids), hit.how) for i in hit.ids)
        else:
            rows.append((name, np.nan, np.nan, hit.how))
    out = pd.DataFrame(rows, columns=["name", "id", "weight", "how"])
    return out.astype({"name": object, "id": object, "weight": float, "how": object})


def _in_table(
    name: str, known: Mapping[str, dict[str, float]], *, compounds: bool
) -> tuple[dict[str, float] | None, str]:
    """Look a name up in the user's table; compounds also under other spellings of their name."""
    own = known.get(_key(name))
    if own is not None:
        return own, "table" if own else "table gives no known gene"
    if not known or not compounds:
        return None, ""
    found = [
        next((known[key] for spelling in part if (key := _key(spelling)) in known), None)
        for part in spellings(name)
    ]
    hits = [hit for hit in found if hit]
    merged: dict[str, float] = {}
    for hit in hits:
        for identifier, weight in hit.items():
            merged[identifier] = merged.get(identifier, 0.0) + weight / len(hits)
    return (merged, "table, other spelling") if merged else (None, "")


def _one_gene(name: str, kind: str) -> Hit:
    if not SEVERAL.search(name):
        return gene(name, kind)
    hits = [gene(part, kind) for part in SEVERAL.split(name) if part]
    found = dict.fromkeys(i for hit in hits for i in hit.ids)
    how = next((hit.how for hit in hits if hit.ids), hits[0].how if hits else "empty name")
    return Hit(tuple(found), how)


def _key(name: object) -> str:
    return _SPACES.sub(" ", str(name)).strip().lower()


def _user_table(table: pd.DataFrame) -> Mapping[str, dict[str, float]]:
    """Return name -> {id: weight}, weights of a name summing to 1 in size."""
    if not isinstance(table, pd.DataFrame):
        msg = f"table must be a DataFrame with columns name and id, found {type(table).__name__}."
        raise TypeError(msg)
    lacking = [column for column in ("name", "id") if column not in table.columns]
    if lacking:
        msg = f"table lacks the column(s) {listed(lacking)}; found {listed(table.columns)}."
        raise ValueError(msg)
    table = table.dropna(subset=["name", "id"])
    weights = table["weight"] if "weight" in table.columns else np.ones(len(table))
    weights = pd.to_numeric(pd.Series(np.asarray(weights)), errors="coerce").to_numpy(float)
    if not np.isfinite(weights).all() or (weights == 0).any():
        msg = "table: column 'weight' must hold finite numbers other than 0."
        raise ValueError(msg)
    out: dict[str, dict[str, float]] = {}
    for name, identifier, weight in zip(table["name"], table["id"], weights, strict=True):
        entry = out.setdefault(_key(name), {})
        for part in SEVERAL.split(str(identifier)):
            text = curie(part)
            genes = (text,) if ":" in text else symbol(text).ids
            for found in genes:
                entry.setdefault(found, float(weight) / len(genes))
    for entry in out.values():
        total = sum(abs(weight) for weight in entry.values()) or 1.0
        entry.update({identifier: weight / total for identifier, weight in entry.items()})
    return out
