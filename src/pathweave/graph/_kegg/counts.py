"""Count one KGML file the way other tools do, so that readings can be compared."""

from __future__ import annotations

from itertools import combinations, product
from typing import TYPE_CHECKING

import pandas as pd

from pathweave.graph._kegg.edges import alternatives, catalysts, compounds, expand
from pathweave.graph._kegg.kgml import read_kgml

if TYPE_CHECKING:
    from os import PathLike

    from pathweave.graph._kegg.kgml import Map


def kegg_counts(path: str | PathLike[str]) -> pd.Series:
    """Count what a KGML file holds.

    Parameters
    ----------
    path
        One KGML file.

    Returns
    -------
    Counts by name: entries, relations, reactions, gene_nodes, gene_gene_pairs_directed_unique
    (groups and families expanded, loops kept) and others; nothing is cleaned as `kegg` does it.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from pathweave import graph
    >>> text = '''<pathway name="path:hsa99999" org="hsa" number="99999" title="Made up">
    ... <entry id="1" name="hsa:7157 hsa:4193" type="gene"/></pathway>'''
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "hsa99999.xml")
    ...     _ = file.write_text(text)
    ...     int(graph.kegg_counts(file)["gene_nodes"])
    2
    """
    kgml = read_kgml(path)
    entries = list(kgml.entries.values())
    counts: dict[str, int] = {
        "entries": len(entries),
        "relations": len(kgml.relations),
        "reactions": len(kgml.reactions),
        "gene_entries": sum(entry.type == "gene" for entry in entries),
        "group_entries": sum(entry.type == "group" for entry in entries),
        "gene_nodes": len(_drawn_genes(kgml)),
        "reactions_reversible": sum(reaction.reversible for reaction in kgml.reactions),
        "reactions_irreversible": sum(not reaction.reversible for reaction in kgml.reactions),
    }
    return pd.Series(counts | _pair_counts(kgml) | _reaction_counts(kgml), name=kgml.id)


def _drawn_genes(kgml: Map) -> set[str]:
    """Return all names in boxes of genes, as KEGGgraph does, even ``hsa:`` or those of another organism."""
    return {name for e in kgml.entries.values() if e.type == "gene" for name in e.names}


def _pair_counts(kgml: Map) -> dict[str, int]:
    drawn = _drawn_genes(kgml)

    def genes_of(entry_id: str) -> list[str]:
        return [name for name in expand(kgml, entry_id, as_written=True) if name in drawn]

    rows: set[tuple[str, str, str, str]] = set()
    for relation in kgml.relations:
        heads, tails = genes_of(relation.entry1), genes_of(relation.entry2)
        subtypes = sorted({name for name, _ in relation.subtypes}) or [""]
        for (a, b), subtype in product(product(heads, tails), subtypes):
            rows.add((a, b, relation.type, subtype))
    pairs = {(a, b) for a, b, _, _ in rows}
    bound: set[tuple[str, str]] = set()
    for entry in kgml.entries.values():
        if entry.type == "group":
            bound.update(combinations(sorted(genes_of(entry.id)), 2))
    inside = alternatives(kgml)
    between = {(a, b) for a, b in pairs if a != b and (a, b) not in inside}
    touched = {gene for pair in between | bound for gene in pair}
    return {
        "gene_gene_pairs_directed_unique": len(pairs),
        "self_loop_pairs": sum(a == b for a, b in pairs),
        "gene_gene_pair_type_subtype_rows": len(rows),
        "complex_clique_pairs_undirected": len(bound),
        "pairs_between_components": len(between),
        "rows_between_components": sum((a, b) in between for a, b, _, _ in rows),
        "genes_with_an_edge": len(touched),
    }


def _reaction_counts(kgml: Map) -> dict[str, int]:
    written: set[tuple[str, str]] = set()
    doubled: set[tuple[str, str]] = set()
    into: set[tuple[str, str]] = set()
    out: set[tuple[str, str]] = set()
    catalysed: set[tuple[str, tuple[str, ...]]] = set()
    for reaction in kgml.reactions:
        one, other = compounds(reaction.substrates), compounds(reaction.products)
        enzymes = catalysts(kgml, reaction)
        written.update(product(one, other))
        catalysed.update((gene, reaction.names) for gene in enzymes)
        for left, right in [(one, other), (other, one)][: 2 if reaction.reversible else 1]:
            doubled.update(product(left, right))
            into.update(product(left, enzymes))
            out.update(product(enzymes, right))
    return {
        "reaction_graph_compound_nodes": len({name for pair in written for name in pair}),
        "reaction_graph_compound_edges_as_written": len(written),
        "compound_edges_reversible_doubled": len(doubled),
        "substrate_to_gene_edges_reversible_doubled": len(into),
        "gene_to_product_edges_reversible_doubled": len(out),
        "gene_reaction_pairs": len(catalysed),
    }
