"""Layouts of well-known interaction tables, told by their columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pathweave._core.checks import listed
from pathweave.graph._interactions import readers as read

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

OWN = "own"


@dataclass(frozen=True)
class Dialect:
    """A layout of interaction tables.

    Attributes
    ----------
    name
        What the user calls it.
    needs
        Columns (lower case) by which it is known; of names joined by ``|`` one is enough.
    read
        Turns the table into columns ``source``, ``target``, ``type``, ``sign``, ``directed``,
        ``weight``, ``flags`` and, where there is one, a second name of each end (``source_alt``,
        ``target_alt``).
    also
        Other columns it looks at.
    score
        Column that ``min_score`` is compared with, and the smallest score kept by default.
    scale
        What scores are divided by to give weights.
    why
        Names that no table of genes knows, and what to say of them.
    leaves_out
        Which rows are no interaction, and what to say of them.
    """

    name: str
    needs: tuple[str, ...]
    read: Callable[[pd.DataFrame], pd.DataFrame]
    also: tuple[str, ...] = ()
    score: str = ""
    min_score: float | None = None
    scale: float = 1.0
    why: tuple[tuple[str, str], ...] = ()
    leaves_out: tuple[Callable[[pd.DataFrame], pd.Series], str] | None = None

    @property
    def database(self) -> str:
        """Name written into edges where the user gives none."""
        return {OWN: "edges", "string_actions": "string", "string_network": "string"}.get(
            self.name, self.name
        )

    def fits(self, columns: set[str]) -> bool:
        """Whether a table with these columns (lower case) can be of this layout."""
        return all(any(name in columns for name in need.split("|")) for need in self.needs)

    def looks_at(self) -> set[str]:
        """Names of all columns that are read."""
        several = (name for need in self.needs for name in need.split("|"))
        return {*several, *self.also, *((self.score,) if self.score else ())}


def plain(column: object) -> str:
    """Spell the name of a column for comparison: STRING begins headers with ``#``."""
    return str(column).strip().strip("\"'").lstrip("#").strip().lower()


_ENSP = (r"^(\d+\.)?ENS[A-Z]*P\d+", "protein of STRING: give its protein.info table as names")
DIALECTS = (
    Dialect("signor", ("entitya", "ida", "entityb", "idb", "effect"), read.signor,
            ("typea", "databasea", "typeb", "databaseb", "mechanism", "direct"), score="score",
            why=((r"^SIGNOR-C\d", "complex of SIGNOR: give SIGNOR's table of complexes as names"),
                 (r"^SIGNOR-PF\d", "family of SIGNOR: give SIGNOR's table of families as names"),
                 (r"^SIGNOR-PH\d", "phenotype"), (r"^SIGNOR-ST\d", "stimulus"),
                 (r"^SIGNOR-", "entity of SIGNOR without an identifier elsewhere"),
                 (r"^(CID|SID):", "PubChem number: give names and ids"))),
    Dialect("string_actions", ("item_id_a", "item_id_b", "mode", "is_directional", "a_is_acting"),
            read.string_actions, ("action",), "score", 700, 1000, (_ENSP,)),
    Dialect("string", ("protein1", "protein2", "combined_score"), read.string, (), "combined_score",
            700, 1000, (_ENSP,)),
    Dialect("string_network", ("preferredname_a", "preferredname_b", "score"), read.string_network,
            (), "score", 0.7),
    Dialect("string_network", ("node1", "node2", "combined_score"), read.string_network, (),
            "combined_score", 0.7),
    Dialect("reactome_fi", ("gene1", "gene2", "annotation", "direction"), read.reactome_fi,
            score="score"),
    Dialect("mirtarbase", ("mirna", "target gene"), read.mirtarbase,
            ("target gene (entrez id)", "target gene (entrez gene id)", "support type"),
            leaves_out=(read.without_function, "rows of non-functional support")),
    Dialect("omnipath", ("source", "target", "is_stimulation|consensus_stimulation",
                         "is_inhibition|consensus_inhibition"), read.omnipath,
            ("source_genesymbol", "target_genesymbol", "is_directed", "consensus_stimulation",
             "consensus_inhibition", "type"),
            why=((r"^CID:", "small molecule by its PubChem number: give names and ids"),)),
    Dialect(OWN, ("source", "target"), read.own, ("type", "sign", "directed", "weight", "flags"),
            "weight", leaves_out=(read.without_number, "rows without a number as weight")),
)  # fmt: skip
"""The most telling first: the first that fits is taken."""

NAMES = tuple(dict.fromkeys(dialect.name for dialect in DIALECTS))


def recognise(columns: list[str], dialect: str) -> Dialect:
    """Find the layout of a table with these columns (as `plain` spells them)."""
    held = set(columns)
    tried = [d for d in DIALECTS if dialect in {"auto", d.name}]
    for one in tried:
        if one.fits(held):
            return one
    if "item_id_a" in held and dialect in {"auto", "string_actions"}:
        msg = (
            "table looks like protein.actions of STRING before 10.5, which lacks 'is_directional'; "
            "take a newer release."
        )
        raise ValueError(msg)
    if dialect in {"auto", OWN}:
        lacking = [name for name in ("source", "target") if name not in held]
        known = "; ".join(f"{d.name}: {', '.join(d.needs).replace('|', ' or ')}" for d in tried)
        msg = (
            f"table lacks the columns {listed(lacking)}; found {listed(columns, 20)}. Name them "
            f"with columns={{'source': ..., 'target': ...}}, or bring a known table ({known})."
        )
    else:
        needs = tried[0].needs
        lacking = [n for n in needs if not any(name in held for name in n.split("|"))]
        msg = f"table: dialect={dialect!r} needs the columns {listed(lacking)}; found {listed(columns, 20)}."
    raise ValueError(msg)
