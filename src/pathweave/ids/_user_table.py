"""What a user knows better than any embedded table: names and their identifiers."""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pathweave._core.checks import listed
from pathweave.ids._compounds import curie
from pathweave.ids._genes import gene
from pathweave.ids._metabolite_names import chargeless, spellings
from pathweave.ids._mirna import mirna_spellings
from pathweave.ids._patterns import PATTERNS, SEVERAL
from pathweave.ids._text import tidy

if TYPE_CHECKING:
    from collections.abc import Iterable

_SPACES = re.compile(r"[\s_]+")
_HMDB = re.compile(r"^hmdb0*(\d+)$")
_NUMBER = re.compile(r"^\d+(\.0)?$")


def _key(name: object) -> str:
    """Spell a name for comparison; HMDB wrote five digits before it wrote seven."""
    text = _SPACES.sub(" ", tidy(str(name))).strip().lower()
    match = _HMDB.match(text)
    return f"hmdb{match[1]}" if match else text


class UserTable:
    """A table of names and ids, asked name by name.

    Parameters
    ----------
    table
        Columns ``name``, ``id``, and optionally ``weight``.
    compounds
        Whether the ids are compounds: bare numbers are ChEBI's, names have other spellings.
    """

    def __init__(self, table: pd.DataFrame, *, compounds: bool) -> None:
        rows = _checked(table)
        self._compounds = compounds
        self._rows = rows
        self._known: dict[str, dict[str, float]] = {}
        repress = "weight" not in rows.columns and not compounds
        weights = rows["weight"] if "weight" in rows.columns else np.ones(len(rows))
        for name, identifier, weight in zip(rows["name"], rows["id"], weights, strict=True):
            sign = -1.0 if repress and PATTERNS["mirna"].match(str(name)) else 1.0
            entry = self._known.setdefault(_key(name), {})
            for found, share in self._ids(str(identifier)):
                entry.setdefault(found, sign * float(weight) * share)
        for entry in self._known.values():
            total = sum(abs(weight) for weight in entry.values()) or 1.0
            entry.update({identifier: weight / total for identifier, weight in entry.items()})

    def _ids(self, cell: str) -> Iterable[tuple[str, float]]:
        for part in SEVERAL.split(cell):
            text = curie(f"CHEBI:{int(float(part))}" if self._is_number(part) else part)
            ids = (text,) if ":" in text else gene(text, "symbol").ids
            yield from ((found, 1.0 / len(ids)) for found in ids)

    def _is_number(self, text: str) -> bool:
        return self._compounds and bool(_NUMBER.match(text.strip()))

    def find(self, name: str) -> tuple[dict[str, float] | None, str]:
        """Return ids and weights of a name and how they were found; `None` if it is not there."""
        own = self._known.get(_key(name))
        if own is not None:
            return own, "table" if own else "table gives no known gene"
        if not self._compounds:
            return self._mirna(name)
        found = [
            next(
                (self._known[k] for spelling in part if (k := _key(spelling)) in self._known), None
            )
            for part in spellings(name)
        ]
        merged = _mean([hit for hit in found if hit])
        return (merged, "table, other spelling") if merged else (None, "")

    def _mirna(self, name: str) -> tuple[dict[str, float] | None, str]:
        for group in mirna_spellings(name):
            hits = [self._known[key] for key in map(_key, group) if self._known.get(key)]
            if hits:
                return _mean(hits), "table, other form of the miRNA"
        return None, ""

    @cached_property
    def charge_states(self) -> pd.Series:
        """Label that ids of one compound in different charges share, by id."""
        table = pd.DataFrame(
            {
                "id": [curie(str(i)) for i in self._rows["id"]],
                "label": [chargeless(str(name)) for name in self._rows["name"]],
            }
        )
        return table.drop_duplicates("id").set_index("id")["label"]


def _mean(hits: list[dict[str, float]]) -> dict[str, float]:
    merged: dict[str, float] = {}
    for hit in hits:
        for identifier, weight in hit.items():
            merged[identifier] = merged.get(identifier, 0.0) + weight / len(hits)
    return merged


def _checked(table: pd.DataFrame) -> pd.DataFrame:
    if not isinstance(table, pd.DataFrame):
        msg = f"table must be a DataFrame with columns name and id, found {type(table).__name__}."
        raise TypeError(msg)
    lacking = [column for column in ("name", "id") if column not in table.columns]
    if lacking:
        msg = f"table lacks the column(s) {listed(lacking)}; found {listed(table.columns)}."
        raise ValueError(msg)
    rows = table.dropna(subset=["name", "id"])
    if "weight" in rows.columns:
        weight = pd.to_numeric(rows["weight"], errors="coerce").to_numpy(float)
        if not np.isfinite(weight).all() or (weight == 0).any():
            msg = "table: column 'weight' must hold finite numbers other than 0."
            raise ValueError(msg)
        rows = rows.assign(weight=weight)
    return rows
