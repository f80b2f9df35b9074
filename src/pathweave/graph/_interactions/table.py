"""Tables of interactions as graphs: the user's own, and those of well-known databases."""

from __future__ import annotations

from collections import Counter
from os import PathLike
from typing import TYPE_CHECKING

import pandas as pd

from pathweave._core.checks import check_choice, listed
from pathweave.graph._interactions.build import OPTIONAL, build
from pathweave.graph._interactions.dialects import NAMES, OWN, Dialect, plain, recognise
from pathweave.graph._interactions.files import chunks, header_of
from pathweave.graph._interactions.names import Ends
from pathweave.graph._tables import truth

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pathweave.graph._pathway_graph import PathwayGraph


MAX_ROWS = 5_000_000
"""Rows that are kept; the densest database of one species has fewer at medium confidence."""


def edges(
    table: pd.DataFrame | str | PathLike[str],
    *,
    identifiers: str = "auto",
    dialect: str = "auto",
    columns: Mapping[str, str] | None = None,
    names: pd.DataFrame | None = None,
    min_score: float | None = None,
    directed: bool = True,
    database: str | None = None,
    sep: str | None = None,
) -> PathwayGraph:
    """Read a table of interactions between genes (or compounds) as a graph without pathways.

    Parameters
    ----------
    table
        DataFrame, or a text file (packed or not). Either with columns ``source``, ``target`` and,
        if wanted, ``type``, ``sign`` (-1, 0, 1), ``directed``, ``weight``, ``flags`` (other columns
        are passed over; without ``sign`` a negative weight is a negative sign, or the type tells: that of
        ``inhibition`` is -1), or a table of a
        database, see Notes.
    identifiers
        What the names are: ``"auto"``, or a kind that `pathweave.ids.map` knows. Names that are
        node ids already (``hgnc:11998``, ``chebi:15377``) are taken as they are.
    dialect
        Layout of the table: ``"auto"`` tells it by the columns; else ``"own"``, ``"omnipath"``,
        ``"signor"``, ``"string"``, ``"string_actions"``, ``"string_network"``, ``"reactome_fi"`` or
        ``"mirtarbase"``.
    columns
        Where a table of one's own names its columns otherwise: our name to the table's, such as
        ``{"source": "from", "target": "to"}``.
    names
        What names stand for: columns ``name`` and ``id`` (symbol, accession or node id; several
        joined by ``;``), STRING's ``protein.info`` (without it ENSP ids are lost), or SIGNOR's table
        of complexes or families (whose members then take the complex's edges).
    min_score
        Smallest score kept, as the table writes it. ``None`` keeps all, but of STRING's only those
        of high confidence: 700 of 1000 (400 is its medium one).
    directed
        Direction of the edges where the table does not tell.
    database
        Name written into the edges' ``database``; ``None`` for the dialect's (``edges`` for ``own``).
    sep
        Separator of the file; ``None`` finds it.

    Returns
    -------
    The graph. Edges with an end that cannot be mapped are left out; ``meta[database]`` counts them,
    and ``meta[f"{database}_lost"]`` names the ends, by reason. An end of several genes (a family, a
    complex whose members are known) gives an edge for each.

    Notes
    -----
    OmniPath: UniProt accessions, else symbols; a row that is stimulation and inhibition gives two
    edges; the one that the consensus supports is flagged ``consensus``; members of ``COMPLEX:...``
    take its edges; miRNAs repress. SIGNOR: the effect is the sign, the mechanism a flag, or the type
    where there is no sign; transcription gives ``expression`` and ``repression``; weight is the
    score, where it is missing the smallest one. STRING: undirected, weight is the score by 1000; the
    actions file has modes, signs and directions. Reactome's functional interactions: each end's sign
    in ``Direction`` is an edge; ``expression regulates`` alone tells no sign. miRTarBase: see
    `pathweave.graph.mirna_targets`.

    Examples
    --------
    >>> import pandas as pd
    >>> from pathweave import graph
    >>> table = pd.DataFrame({"source": ["MDM2"], "target": ["TP53"], "sign": [-1]})
    >>> graph.edges(table).edges[["source", "target", "type"]].iloc[0].tolist()
    ['hgnc:6973', 'hgnc:11998', 'inhibition']
    """
    check_choice("dialect", dialect, ("auto", *NAMES))
    if columns is not None and dialect == "auto":
        dialect = OWN
    dropped: Counter[str] = Counter()
    if not isinstance(table, pd.DataFrame | str | PathLike):
        msg = f"table must be a DataFrame or a file, found {type(table).__name__}."
        raise TypeError(msg)
    if isinstance(table, pd.DataFrame):
        frame = _renamed(table, columns)
        layout = recognise(list(frame.columns), dialect)
        n_rows, frame = len(frame), _scored(frame, layout, min_score, dropped)
    else:
        layout, n_rows, frame = _from_file(table, dialect, columns, sep, min_score, dropped)
    if layout.leaves_out is not None:
        left_out, what = layout.leaves_out[0](frame).to_numpy(bool), layout.leaves_out[1]
        dropped[what] += int(left_out.sum())
        frame = frame[~left_out]
    frame = frame.reset_index(drop=True)
    rows = layout.read(frame)
    if "weight" not in rows and layout.score and layout.score in frame:
        rows["weight"] = pd.to_numeric(frame[layout.score]).to_numpy(float) / layout.scale
    if "directed" not in rows:
        rows["directed"] = directed
    rows["directed"] = truth(rows["directed"], "directed", empty=directed)
    ends = Ends(identifiers, names=names, second=_second(rows), why=layout.why)
    counts = {"rows": n_rows, **{what: n for what, n in dropped.items() if n}}
    return build(rows, ends, database=database or layout.database, counts=counts)


def _second(rows: pd.DataFrame) -> dict[str, str]:
    out: dict[str, str] = {}
    for end in ("source", "target"):
        if f"{end}_alt" in rows:
            pairs = zip(rows[end], rows[f"{end}_alt"], strict=True)
            out.update({name: other for name, other in pairs if other and other != name})
    return out


def _renamed(frame: pd.DataFrame, columns: Mapping[str, str] | None) -> pd.DataFrame:
    """Return the table with columns as dialects spell them."""
    given = columns or {}
    odd = [name for name in given if name not in {"source", "target", *OPTIONAL}]
    lacking = [name for name in given.values() if name not in frame.columns]
    twice = [name for name, n in Counter(given.values()).items() if n > 1]
    msg = ""
    if odd:
        msg = f"columns: {listed(odd)} cannot be named; only source, target, {', '.join(OPTIONAL)}."
    elif lacking:
        msg = f"columns: table lacks {listed(lacking)}; found {listed(frame.columns, 20)}."
    elif twice:
        msg = (
            f"columns: {listed(twice)} is named more than once; each column can be one thing only."
        )
    if msg:
        raise ValueError(msg)
    theirs = {their: our for our, their in given.items()}
    labels = [theirs.get(name, plain(name)) for name in frame.columns]
    taken = [
        name in theirs or label not in given for name, label in zip(frame, labels, strict=True)
    ]
    out = frame.set_axis(labels, axis=1).loc[:, taken]
    return out.loc[:, ~out.columns.duplicated()]


def _scored(
    frame: pd.DataFrame, layout: Dialect, min_score: float | None, dropped: Counter[str]
) -> pd.DataFrame:
    """Rows of a score that is high enough."""
    least = layout.min_score if min_score is None else min_score
    if least is None:
        return frame
    if layout.score not in frame:
        msg = f"min_score={min_score!r}: a table of layout {layout.name!r} has no column of scores here."
        raise ValueError(msg)
    enough = pd.to_numeric(frame[layout.score], errors="coerce") >= least
    dropped["rows below min_score"] += int((~enough).sum())
    return frame[enough]


def _from_file(
    path: str | PathLike[str],
    dialect: str,
    columns: Mapping[str, str] | None,
    sep: str | None,
    min_score: float | None,
    dropped: Counter[str],
) -> tuple[Dialect, int, pd.DataFrame]:
    """Read the columns that count, in pieces, and of them the rows whose score is high enough."""
    skip, header, sep = header_of(path, sep, "table")
    empty = _renamed(pd.DataFrame(columns=header), columns)
    layout = recognise(list(empty.columns), dialect)
    wanted = {*(columns or {}).values()}
    used = [
        i for i, name in enumerate(header) if name in wanted or plain(name) in layout.looks_at()
    ]
    parts = [empty.iloc[:, :0]]
    n_rows = n_kept = 0
    for chunk in chunks(path, skip, header, used, sep, "table"):
        n_rows += len(chunk)
        parts.append(_scored(_renamed(chunk, columns), layout, min_score, dropped))
        n_kept += len(parts[-1])
        if n_kept > MAX_ROWS:
            msg = (
                f"table={str(path)!r} holds more than {MAX_ROWS:,} interactions; raise min_score, or "
                "split the file."
            )
            raise ValueError(msg)
    frame = pd.concat(parts, ignore_index=True)
    if not layout.fits(set(frame.columns)):
        frame = empty
    return layout, n_rows, frame
