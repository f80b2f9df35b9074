"""Names in foreign files turned into nodes, with a reason for every one that is lost."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pathweave import ids
from pathweave._core.checks import check_choice
from pathweave.graph._tables import KIND_OF_PREFIX
from pathweave.ids._patterns import COMPOUND_TYPES, PATTERNS, TYPES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


NODE_ID = re.compile(
    r"^(hgnc|ncbigene|chebi|hmdb|mirbase|mirna|reactome|ec-code"
    r"|kegg\.(compound|glycan|drug|pathway|orthology|genes)):\S+$"
)
MAX_TOLD = 1000
"""Names of each reason that are kept in ``meta``; the count is always whole."""


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


def texts(names: Iterable[Any]) -> list[str]:
    """Names as texts, without gaps: None and NaN are no names."""
    return [str(name) for name in names if not (name is None or name != name)]  # noqa: PLR0124


def of_names(
    names: Iterable[str], *, source: str, table: pd.DataFrame | None = None
) -> dict[str, list[str]]:
    """Nodes of each name (symbol, Entrez, ... or a node id already); names not found are absent."""
    return nodes_of(resolve(names, source=source, table=table))


def nodes_of(found: pd.DataFrame) -> dict[str, list[str]]:
    """Nodes of each name that `resolve` found."""
    out: dict[str, list[str]] = {}
    hits = found[found["node"].notna()]
    for name, node in zip(hits["name"], hits["node"], strict=True):
        out.setdefault(name, []).append(node)
    return out


def resolve(
    names: Iterable[str], *, source: str, table: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Find the nodes of names: genes of HGNC, compounds by their number, node ids as they are.

    Parameters
    ----------
    names
        Names, each looked up once.
    source
        ``auto``, or a type that `pathweave.ids.map` knows.
    table
        The user's own names and ids. Where it holds no human gene, it is of another species, and
        the names it lacks are lost: a mouse's ``Cdk2`` is not the human gene of the same name.

    Returns
    -------
    Columns ``name``, ``node`` (NaN for a loss) and ``how`` (found, or why not).
    """
    check_choice("identifiers", source, ("auto", *TYPES))
    wanted = list(dict.fromkeys(names))
    ready = {name: node for name in wanted if (node := _ready(name)) is not None}
    known = pd.DataFrame({"name": ready.keys(), "node": ready.values()}).assign(how="node id")
    rest = wanted if table is not None else [name for name in wanted if name not in ready]
    if not rest:
        return known.astype(object)
    to = "compound" if source in COMPOUND_TYPES and source != "name" else "hgnc"
    found = ids.map(rest, to=to, source=source, table=table)
    found = found.rename(columns={"id": "node"})[["name", "node", "how"]]
    if table is not None:  # the user's table comes first, then what is a node id already
        found = _of_species(found)
        known = known[~known["name"].isin(found.loc[found["node"].notna(), "name"])]
        found = found[~found["name"].isin(known["name"])]
    return pd.concat([known, found], ignore_index=True).astype(object)


def _ready(name: str) -> str | None:
    if name.startswith("ncbigene:"):  # the nodes of human genes are HGNC's
        return of_entrez(name.removeprefix("ncbigene:"))
    return name if NODE_ID.match(name) else _compound(name)


def _compound(name: str) -> str | None:
    """Node of a compound's number; names of genes never look like one."""
    if match := PATTERNS["chebi"].match(name):
        return f"chebi:{int(match[1])}"
    if match := PATTERNS["kegg_compound"].match(name):
        return f"kegg.compound:{match[1]}"
    return f"hmdb:{name.upper()}" if PATTERNS["hmdb"].match(name) else None


def _of_species(found: pd.DataFrame) -> pd.DataFrame:
    """Forget what the embedded human tables said where the user's table is of another species."""
    own = found["how"].str.startswith("table") & found["node"].notna()
    if not own.any() or found.loc[own, "node"].str.startswith("hgnc:").any():
        return found
    node = found["node"].mask(~own, np.nan)
    return found.assign(node=node, how=found["how"].mask(~own, "not in the table"))


def told(lost: pd.DataFrame) -> dict[str, Any]:
    """Count and name what was lost, by reason, for a graph's ``meta``."""
    lost = lost.drop_duplicates("name")
    return {
        why: {"n": len(group), "names": sorted(group)[:MAX_TOLD]}
        for why, group in lost.groupby("how", sort=True)["name"]
    }


def node_table(nodes: Iterable[str]) -> pd.DataFrame:
    """Node table with symbols and names from HGNC for the ids that HGNC knows."""
    wanted = pd.Index(sorted(set(nodes)), dtype=object)
    labels = _labels().reindex(wanted).fillna("")
    return labels.rename_axis("id").reset_index()


def named_nodes(nodes: Iterable[str], labels: Mapping[str, str]) -> pd.DataFrame:
    """Node table in which nodes that HGNC does not name have a label of their own.

    MiRNAs are of kind ``mirna``; ids of a prefix unknown to the library (``MGI:98834``) are genes,
    as only a user's table of genes can have brought them.
    """
    out = node_table(nodes)
    bare = out["id"].str.split(":", n=1).str[-1]
    own = out["id"].map(dict(labels)).fillna("")
    prefix = out["id"].str.split(":", n=1).str[0]
    mirna = prefix.isin(["mirna", "mirbase"])
    own = own.mask(mirna & (own == ""), bare)
    out["symbol"] = out["symbol"].where(out["symbol"] != "", own)
    kind = prefix.str.lower().map(KIND_OF_PREFIX).fillna("gene")
    return out.assign(kind=kind.mask(mirna, "mirna").astype(object))
