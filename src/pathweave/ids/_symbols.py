"""Gene symbols as people write them: approved, previous, alias, damaged by Excel, wrong in case."""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

from pathweave.ids._hgnc import lookup
from pathweave.ids._text import spell_greek


class Hit(NamedTuple):
    """What became of one name: ids found (none for a loss) and how, or why not."""

    ids: tuple[str, ...]
    how: str


UNKNOWN = Hit((), "unknown symbol")
NUMBER = Hit((), "a number, not a symbol (Excel's date, or source='entrez'?)")
_MONTHS = {
    "jan": ("JAN",), "feb": ("FEB",), "mar": ("MARCH", "MARC"), "apr": ("APR",), "may": ("MAY",),
    "jun": ("JUN",), "jul": ("JUL",), "aug": ("AUG",), "sep": ("SEPT", "SEP"), "oct": ("OCT",),
    "nov": ("NOV",), "dec": ("DEC",),
}  # fmt: skip
_MONTH = "|".join(_MONTHS)
# R writes 1-Mar as X1.Mar and Sep-02 as Sep.02; Excel may add the year.
_DAY_MONTH = re.compile(
    rf"^X?0?(\d{{1,2}})([-.])({_MONTH})[a-z]*(?:\2(?:19|20)?\d\d)?$", re.IGNORECASE
)
_MONTH_DAY = re.compile(rf"^({_MONTH})[a-z]*[-.]0?(\d{{1,2}})$", re.IGNORECASE)
_ISO_DATE = re.compile(r"^\d{4}-(\d{2})-(\d{2})( 00:00:00)?$")
_TRUNCATED = re.compile(r"^(SEPT?|MARCH|MARC|MAR|DEC)-?0?(\d{1,2})$")
_LOC = re.compile(r"^LOC(\d+)$")
_CLONE = re.compile(r"^(RP\d+|CT[ABCD]|A[CLFPDJ]\d{4,}|KB|XX[a-z]*|GS\d|LL\d+NC\d+).*[-.]")


@cache
def entrez_ids() -> dict[str, str]:
    """Return Entrez number -> HGNC id."""
    return dict(lookup("entrez").itertuples(index=False, name=None))


@cache
def known_symbols() -> dict[str, Hit]:
    """Every symbol of HGNC with what it stands for: approved wins over previous over alias."""
    table: dict[str, Hit] = {}
    for column, how in (("symbol", "approved"), ("previous", "previous"), ("alias", "alias")):
        pairs = lookup(column)
        pairs = pairs[~pairs["value"].isin(list(table))]
        twice = set(pairs.loc[pairs["value"].duplicated(), "value"])
        for value, gene in pairs.itertuples(index=False, name=None):
            table[value] = (
                Hit((), f"ambiguous {how}{' symbol' if how == 'previous' else ''}")
                if value in twice
                else Hit((gene,), how)
            )
    return table


@cache
def _folded() -> dict[str, Hit]:
    """Symbols in upper case; a better kind of symbol wins, two genes of one kind are ambiguous."""
    order = {"approved": 0, "previous": 1, "alias": 2}
    best: dict[str, tuple[int, Hit]] = {}
    for value, hit in known_symbols().items():
        rank = order[hit.how] if hit.ids else 1 if hit.how.endswith("symbol") else 2
        key = value.upper()
        old = best.get(key)
        if old is None or rank < old[0]:
            best[key] = (rank, Hit(hit.ids, "case") if hit.ids else hit)
        elif rank == old[0] and hit.ids != old[1].ids:
            best[key] = (rank, Hit((), "ambiguous spelling"))
    return {key: hit for key, (_, hit) in best.items()}


def _dated(name: str) -> tuple[str, str] | None:
    """Return (month in three letters, number) of a name that Excel turned into a date."""
    if match := _DAY_MONTH.match(name):
        return match[3].lower(), match[1]
    if match := _MONTH_DAY.match(name):
        return match[1].lower(), match[2]
    if match := _ISO_DATE.match(name):
        month = int(match[1])
        return (list(_MONTHS)[month - 1], str(int(match[2]))) if 1 <= month <= 12 else None
    if match := _TRUNCATED.match(name):
        return match[1][:3].lower(), match[2]
    return None


def _undo_excel(name: str) -> Hit | None:
    dated = _dated(name)
    if dated is None:
        return None
    month, number = dated
    known = known_symbols()
    stems = [stem + number for stem in _MONTHS[month]]
    hits = [known.get(stem) or _folded().get(stem, UNKNOWN) for stem in stems]
    for kinds in (("approved", "previous"), ("alias", "case")):
        found = dict.fromkeys(i for hit in hits if hit.how in kinds for i in hit.ids)
        if found:
            return Hit(tuple(found), "excel")
    return Hit((), "looks like a date, of no known symbol")


@cache
def _dashed() -> dict[str, str]:
    return {value.replace("-", "."): value for value in known_symbols() if "-" in value}


@cache
def _dotted_aliases() -> frozenset[str]:
    """Aliases that R makes of the approved symbol of another gene, as ``NKX6.1`` of NKX6-1."""
    known = known_symbols()
    return frozenset(
        dotted
        for dotted, dashed in _dashed().items()
        if known[dashed].how == "approved"
        and known.get(dotted, UNKNOWN).how == "alias"
        and known[dotted].ids != known[dashed].ids
    )


def symbol(name: str) -> Hit:
    """Find the gene of one symbol."""
    known = known_symbols()
    name = name.strip()
    if name.isdigit():
        return NUMBER
    hit = known.get(name)
    if hit is not None and hit.ids and name not in _dotted_aliases():
        return hit
    found = _repaired(name) or hit or _folded().get(name.upper())
    if found is not None:
        return found
    spelled = spell_greek(name)
    return symbol(spelled) if spelled != name else _unknown(name)


def _repaired(name: str) -> Hit | None:
    """Undo what tools do to symbols; `None` where there is nothing to undo."""
    if match := _LOC.match(name):
        gene = entrez_ids().get(match[1])
        return Hit((gene,), "entrez") if gene else Hit((), "LOC number that HGNC has not named")
    if (excel := _undo_excel(name)) is not None:
        return excel
    dashed = known_symbols().get(_dashed().get(name, ""))
    return Hit(dashed.ids, "punctuation") if dashed is not None and dashed.ids else None


def _unknown(name: str) -> Hit:
    return Hit((), "clone name without a gene symbol") if _CLONE.match(name) else UNKNOWN
