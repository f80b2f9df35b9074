"""Ends of edges, as tables name them, turned into nodes; what a name stands for, and what is lost."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pandas as pd

from pathweave._core.checks import listed
from pathweave.graph import _genes
from pathweave.graph._interactions.dialects import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_LAYOUTS = (
    ("name", "id"),
    ("string_protein_id", "preferred_name"),
    ("protein_external_id", "preferred_name"),
    ("signor id", "list of entities"),
    ("signor_id", "list of entities"),
)
"""Columns of tables of names: the user's own, STRING's protein.info, SIGNOR's complexes."""

_APART = re.compile(r"\s*(?:///|;|,|\|)\s*")
_CURIE = re.compile(r"^[A-Za-z][\w.-]*:\S+$")
_COMPLEX = re.compile(r"^COMPLEX:")


class Ends:
    """Names of ends and their nodes.

    Parameters
    ----------
    identifiers
        What the names are.
    names
        Table of the user: names and what they stand for.
    second
        Second names, asked where the first ones are unknown.
    why
        Patterns of names that no table of genes knows, and what to say of them.
    """

    def __init__(
        self,
        identifiers: str,
        *,
        names: pd.DataFrame | None = None,
        second: Mapping[str, str] | None = None,
        why: Iterable[tuple[str, str]] = (),
    ) -> None:
        self._identifiers = identifiers
        self._stands_for = {} if names is None else _stands_for(names)
        self._own = frozenset(p for parts in self._stands_for.values() for p in parts)
        self._second = second or {}
        self._why = [(re.compile(pattern), text) for pattern, text in why]

    def find(self, names: Iterable[str]) -> tuple[dict[str, list[str]], pd.DataFrame]:
        """Return the nodes of each name that has some, and the others (columns name, how)."""
        wanted = list(dict.fromkeys(names))
        parts = {name: self._parts(name) for name in wanted}
        found = self._resolved(leaf for leaves in parts.values() for leaf in leaves)
        nodes = _genes.nodes_of(found)
        again = [n for n in wanted if self._second.get(n) and not any(p in nodes for p in parts[n])]
        if again:
            extra = self._resolved(self._second[n] for n in again)
            # The accession of a mouse with its "Cdk2" is not the human gene that is so called.
            extra = extra[extra["how"] != "case"]
            by_second = _genes.nodes_of(extra)
            nodes |= {n: by_second[self._second[n]] for n in again if self._second[n] in by_second}
            parts |= {n: (n,) for n in again if n in nodes}
        out: dict[str, list[str]] = {}
        lost: list[tuple[str, str]] = []
        reasons = dict(zip(found["name"], found["how"], strict=True))
        for name in wanted:
            hit = dict.fromkeys(node for part in parts[name] for node in nodes.get(part, ()))
            if hit:
                out[name] = list(hit)
            else:
                lost.append((name, self._reason(name, reasons.get(parts[name][0], "unknown"))))
        return out, pd.DataFrame(lost, columns=["name", "how"], dtype=object)

    def _resolved(self, leaves: Iterable[str]) -> pd.DataFrame:
        found = _genes.resolve(leaves, source=self._identifiers)
        # What the user's own table names as an id is one, of whatever species or database.
        own = found["node"].isna() & found["name"].isin(self._own) & found["name"].str.match(_CURIE)
        return found.assign(node=found["node"].mask(own, found["name"]))

    def _parts(self, name: str) -> tuple[str, ...]:
        """What a name stands for in the end; circles in the table do no harm."""
        if name not in self._stands_for and not _COMPLEX.match(name):
            return (name,)
        out: dict[str, None] = {}
        seen = {name}
        todo = [name]
        while todo:
            one = todo.pop(0)
            if _COMPLEX.match(one) and one not in self._stands_for:
                inside: tuple[str, ...] = tuple(_COMPLEX.sub("", one).split("_"))
            else:
                inside = self._stands_for.get(one, ())
            if not inside:
                out[one] = None
            todo += [part for part in inside if part not in seen]
            seen.update(inside)
        return tuple(out) or (name,)

    def _reason(self, name: str, how: str) -> str:
        return next((text for pattern, text in self._why if pattern.search(name)), how)


def _stands_for(names: pd.DataFrame) -> dict[str, tuple[str, ...]]:
    if not isinstance(names, pd.DataFrame):
        msg = f"names must be a DataFrame, found {type(names).__name__}."
        raise TypeError(msg)
    columns = {plain(column): column for column in names.columns}
    layout = next((two for two in _LAYOUTS if set(two) <= columns.keys()), None)
    if layout is None:
        known = "; ".join(" and ".join(two) for two in _LAYOUTS)
        msg = f"names has the columns {listed(names.columns, 10)}; it needs two of these: {known}."
        raise ValueError(msg)
    table = names[[columns[c] for c in layout]].dropna().astype(str)
    out: dict[str, list[str]] = {}
    for name, cell in table.itertuples(index=False, name=None):
        out.setdefault(name.strip(), []).extend(p for p in _APART.split(cell.strip()) if p)
    return {name: tuple(dict.fromkeys(parts)) for name, parts in out.items()}
