"""MiRNAs and the genes they repress."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from pathweave._core.checks import listed
from pathweave.graph import _genes
from pathweave.graph._gmt import read_sets
from pathweave.graph._interactions.build import build
from pathweave.graph._interactions.dialects import plain
from pathweave.graph._interactions.files import read_table
from pathweave.graph._interactions.names import Ends
from pathweave.graph._interactions.table import edges
from pathweave.graph._pathway_graph import PathwayGraph

if TYPE_CHECKING:
    from collections.abc import Iterable


def mirna_targets(
    targets: pd.DataFrame | str | PathLike[str] | Mapping[str, Iterable[str]],
    *,
    identifiers: str = "auto",
    database: str = "mirna_targets",
) -> PathwayGraph:
    """Read which genes miRNAs repress as a graph of directed edges of sign -1.

    Parameters
    ----------
    targets
        A GMT file whose sets are miRNAs; a table with columns ``mirna`` and ``target``, or with those
        of miRTarBase (``miRNA``, ``Target Gene``, ``Target Gene (Entrez ID)``, ``Support Type``;
        rows of non-functional support are left out, weak ones flagged ``weak``); or a dictionary of
        gene lists. Files are told apart by their names (``.gmt``, ``.gmt.gz``).
    identifiers
        What the genes are: ``"auto"``, or a kind that `pathweave.ids.map` knows.
    database
        Name written into the edges' ``database``.

    Returns
    -------
    Genes, and miRNAs as ``mirna:hsa-miR-20a-5p`` (``mirbase:MIMAT0000075`` where the table gives
    accessions), joined by edges of type ``repression``. ``meta`` counts and names the genes that are
    not found. To place a layer of miRNAs on genes instead, give the table to
    `pathweave.graph.coverage`.

    Examples
    --------
    >>> from pathweave import graph
    >>> made = graph.mirna_targets({"hsa-miR-34a-5p": ["BCL2", "SIRT1"]})
    >>> made.edges[["source", "type", "sign"]].astype(str).iloc[0].tolist()
    ['mirna:hsa-miR-34a-5p', 'repression', '-1']
    """
    given: Any = targets
    counts: dict[str, Any] = {}
    if isinstance(given, Mapping):
        texts = [mirna for mirna, genes in given.items() if isinstance(genes, str)]
        if texts:
            msg = f"targets[{texts[0]!r}] must be a list of genes, found {given[texts[0]]!r}."
            raise TypeError(msg)
        pairs = _pairs((str(mirna), genes) for mirna, genes in given.items())
    elif isinstance(given, str | PathLike) and ".gmt" in Path(given).suffixes:
        rows = read_sets(given, "mirna", counts)
        pairs = _pairs((_bare(pathway), genes) for pathway, _, genes in rows)
    elif isinstance(given, str | PathLike | pd.DataFrame):
        found = _table(given, identifiers, database)
        if isinstance(found, PathwayGraph):
            return found
        pairs = found
    else:
        msg = f"targets must be a file, a DataFrame or a dictionary, found {type(given).__name__}."
        raise TypeError(msg)
    pairs["source"] = [_node(name) for name in pairs["source"]]
    out = pairs.assign(type="repression", sign=-1, directed=True)
    ends = Ends(identifiers)
    counts = {"rows": len(out), **counts}
    return build(out, ends, database=database, counts=counts, argument="targets")


def _table(given: Any, identifiers: str, database: str) -> pd.DataFrame | PathwayGraph:
    frame = given
    if not isinstance(given, pd.DataFrame):
        frame = read_table(given, "targets")
    columns = {plain(name): name for name in frame.columns}
    if {"mirna", "target gene"} <= columns.keys():
        return edges(frame, dialect="mirtarbase", identifiers=identifiers, database=database)
    if not {"mirna", "target"} <= columns.keys():
        msg = (
            f"targets has the columns {listed(frame.columns, 12)}; it needs 'mirna' and 'target', "
            "or 'miRNA' and 'Target Gene'."
        )
        raise ValueError(msg)
    pairs = frame[[columns["mirna"], columns["target"]]].dropna().astype(str)
    return pairs.set_axis(["source", "target"], axis=1)


def _pairs(sets: Iterable[tuple[str, Iterable[str]]]) -> pd.DataFrame:
    rows = [(mirna, gene) for mirna, genes in sets for gene in _genes.texts(genes)]
    return pd.DataFrame(rows, columns=["source", "target"], dtype=object)


def _bare(pathway: str) -> str:
    return pathway.removeprefix("mirna:")


def _node(name: str) -> str:
    text = name.strip().replace(" ", "_")
    if text.startswith(("mirna:", "mirbase:")):
        return text
    return f"mirbase:{text}" if text[:2] == "MI" and text[-7:].isdigit() else f"mirna:{text}"
