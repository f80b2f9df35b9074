"""Gene names of foreign files turned into nodes."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

import pandas as pd

from pathweave import ids

if TYPE_CHECKING:
    from collections.abc import Iterable


NODE_ID = re.compile(
    r"^(hgnc|ncbigene|chebi|kegg\.compound|kegg\.glycan|kegg\.drug|hmdb|mirbase):\S+$"
)


@cache
def _entrez_table() -> dict[str, str]:
    table = ids.hgnc()
    table = table[table["entrez"] != ""].drop_duplicates("entrez")
    return dict(zip(table["entrez"], table["id"], strict=True))


@cache
def _labels() -> pd.DataFrame:
    return ids.hgnc().set_index("id")[["symbol", "name"]]


def of_entrez(entrez: str) -> str:
    """Node of an Entrez gene: its HGNC id, or ``ncbigene:`` where HGNC does not know it."""
    return _entrez_table().get(entrez, f"ncbigene:{entrez}")


def of_names(names: Iterable[str], *, source: str) -> dict[str, list[str]]:
    """Nodes of each name (symbol, Entrez, ... or a node id already); names not found are absent."""
    wanted = list(pd.unique(pd.Series(list(names), dtype=object)))
    ready = {name: [name] for name in wanted if NODE_ID.match(name)}
    rest = [name for name in wanted if name not in ready]
    if not rest:
        return ready
    found = ids.map(rest, to="hgnc", source=source)
    found = found[found["id"].notna()]
    return ready | found.groupby("name", sort=False)["id"].agg(list).to_dict()


def node_table(nodes: Iterable[str]) -> pd.DataFrame:
    """Node table with symbols and names from HGNC for the ids that HGNC knows."""
    wanted = pd.Index(sorted(set(nodes)), dtype=object)
    labels = _labels().reindex(wanted).fillna("")
    return labels.rename_axis("id").reset_index()
