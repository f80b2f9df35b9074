"""Identifiers of Reactome's files to nodes of a graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from pathweave import ids
from pathweave.ids._hgnc import lookup

if TYPE_CHECKING:
    from collections.abc import Iterable

GENES = ("uniprot", "ncbi", "ensembl", "gmt")
"""Kinds of identifiers of genes, in the order in which one is chosen."""

_PREFIX = {"uniprot": "uniprot:", "ncbi": "ncbigene:", "ensembl": "ensembl:", "gmt": "symbol:",
           "chebi": "chebi:", "mirbase": "mirbase:"}  # fmt: skip
_HGNC_COLUMN = {"uniprot": "uniprot", "ncbi": "entrez", "ensembl": "ensembl"}
_SOURCE = {"uniprot": "uniprot", "ncbi": "entrez", "ensembl": "ensembl", "gmt": "symbol"}
_TRANSCRIPT = r"(?:ENS[A-Z]*[TP]\d{11}|FB(?:tr|pp)\d+)$"


class Mapper:
    """Identifiers of the files to nodes."""

    def __init__(
        self, *, human: bool, table: pd.DataFrame | None = None, keep: bool = False
    ) -> None:
        self._human = human
        self._table = table
        self._keep = keep

    def nodes_of(self, kind: str, pairs: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int]]:
        """Turn memberships into those of nodes, each once; several nodes of one name all count."""
        bare = _bare(kind, pairs["source"])
        pairs = pd.DataFrame({"value": bare, "pathway": pairs["pathway"]}).drop_duplicates()
        pairs = pairs[pairs["value"] != ""]
        if kind == "ensembl":  # the file repeats each gene by its transcripts and proteins
            pairs = pairs[~pairs["value"].str.match(_TRANSCRIPT)]
        if kind not in GENES:
            node = _PREFIX[kind] + pairs["value"]
            return pd.DataFrame({"node": node, "pathway": pairs["pathway"]}), {}
        names = "accessions" if kind == "uniprot" else "identifiers"
        if self._table is None and not self._human:
            node = _PREFIX[kind] + pairs["value"]
            counts = {names: int(pairs["value"].nunique()), "gene_memberships": len(pairs)}
            return pd.DataFrame({"node": node, "pathway": pairs["pathway"]}), counts
        known = self.genes(kind, pairs["value"])
        found = pairs["value"].isin(known["value"])
        counts = {
            names: int(pairs["value"].nunique()),
            f"{names}_with_gene": int(pairs.loc[found, "value"].nunique()),
            "memberships_without_gene": int((~found).sum()),
        }
        members = pairs.merge(known, on="value")[["id", "pathway"]]
        members = members.rename(columns={"id": "node"}).drop_duplicates()
        counts["gene_memberships"] = len(members)
        if self._keep:
            rest = pairs[~found]
            node = _PREFIX[kind] + rest["value"]
            rest = pd.DataFrame({"node": node, "pathway": rest["pathway"]})
            members = pd.concat([members, rest], ignore_index=True)
        return members, counts

    def genes(self, kind: str, values: pd.Series) -> pd.DataFrame:
        """Pairs (value, id) of the identifiers that have a gene."""
        if self._table is None and kind in _HGNC_COLUMN:
            return lookup(_HGNC_COLUMN[kind])
        found = ids.map(values.unique(), to="hgnc", source=_SOURCE[kind], table=self._table)
        found = found[found["id"].notna()]
        if kind == "gmt":
            # Reactome writes approved symbols. What fits an alias, or regardless of case, is a gene
            # of a virus: tat of HIV is not TAT, nor PB1 of influenza the alias of PBRM1.
            sure = found["how"].isin(["approved", "previous"]) | found["how"].str.startswith(
                "table"
            )
            found = found[sure]
        return found.rename(columns={"name": "value"})[["value", "id"]]

    def ends(self, names: pd.Series) -> pd.Series:
        """List the nodes of each end of an interaction (``uniprotkb:P04637-2``, ``ChEBI:15377``)."""
        parts = pd.Series(names.unique(), dtype=object)
        database = parts.str.split(":", n=1).str[0].str.lower()
        kinds = database.map({"uniprotkb": "uniprot", "uniprot": "uniprot", "chebi": "chebi"})
        out = pd.Series([[] for _ in parts], index=parts, dtype=object)
        for kind, of_kind in parts.groupby(kinds):
            value = of_kind.str.split(":", n=1).str[1]
            # The name takes the place of a pathway, and comes back with its nodes.
            pairs = pd.DataFrame({"source": value, "pathway": of_kind})
            nodes, _ = self.nodes_of(str(kind), pairs)
            found = nodes.groupby("pathway")["node"].agg(list)
            out[found.index] = found
        return out


def _bare(kind: str, names: pd.Series) -> pd.Series:
    """Strip isoforms, versions and prefixes."""
    if kind == "uniprot":
        return names.str.replace(r"-(?:PRO_)?\d+$", "", regex=True)
    if kind == "ensembl":
        return names.str.replace(r"^(ENS[A-Z]*\d{11})\.\d+$", r"\1", regex=True)
    if kind == "chebi":
        return names.str.replace(r"^CHEBI:", "", regex=True, case=False)
    return names


def node_table(genes: Iterable[str], nodes: Iterable[str]) -> pd.DataFrame:
    """Return the node table: HGNC's symbols and names, and of the others the bare identifiers."""
    wanted = pd.Series(sorted(set(nodes)), dtype=object)
    table = ids.hgnc()
    known = table.loc[table["id"].isin(wanted), ["id", "symbol", "name"]].assign(kind="gene")
    rest = wanted[~wanted.isin(known["id"])]
    label = rest.str.split(":", n=1).str[1]
    label = label.where(~rest.str.startswith("chebi:"), rest.str.upper())
    kind = pd.Series("", index=rest.index, dtype=object).mask(rest.isin(set(genes)), "gene")
    other = pd.DataFrame({"id": rest, "symbol": label, "name": label, "kind": kind})
    return pd.concat([known, other], ignore_index=True)[["id", "kind", "symbol", "name"]]
