"""Cytoscape's simple interaction format, and the extended one of Pathway Commons."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pandas as pd

from pathweave._core.checks import listed
from pathweave._core.warnings import DataWarning, warn
from pathweave.graph._interactions.build import build
from pathweave.graph._interactions.names import Ends
from pathweave.graph._text_lines import MAX_BYTES, Lines

if TYPE_CHECKING:
    from collections.abc import Mapping
    from os import PathLike

    from pathweave.graph._pathway_graph import PathwayGraph

TYPES: dict[str, tuple[str, int, bool]] = {
    # Pathway Commons
    "controls-state-change-of": ("state_change", 0, True),
    "controls-phosphorylation-of": ("phosphorylation", 0, True),
    "controls-transport-of": ("transport", 0, True),
    "controls-expression-of": ("expression", 0, True),
    "controls-production-of": ("catalysis", 0, True),
    "controls-transport-of-chemical": ("transport", 0, True),
    "consumption-controlled-by": ("catalysis", 0, True),
    "consumption-controled-by": ("catalysis", 0, True),
    "catalysis-precedes": ("catalysis_precedes", 0, True),
    "chemical-affects": ("chemical_affects", 0, True),
    "used-to-produce": ("conversion", 0, True),
    "reacts-with": ("reacts_with", 0, False),
    "in-complex-with": ("complex", 0, False),
    "interacts-with": ("binding", 0, False),
    "neighbor-of": ("neighbor_of", 0, False),
    # signalling
    "activates": ("activation", 1, True),
    "activation": ("activation", 1, True),
    "stimulates": ("activation", 1, True),
    "stimulation": ("activation", 1, True),
    "up-regulates": ("activation", 1, True),
    "inhibits": ("inhibition", -1, True),
    "inhibition": ("inhibition", -1, True),
    "down-regulates": ("inhibition", -1, True),
    "expression": ("expression", 1, True),
    "represses": ("repression", -1, True),
    "repression": ("repression", -1, True),
    "phosphorylates": ("phosphorylation", 0, True),
    "phosphorylation": ("phosphorylation", 0, True),
    "binds": ("binding", 0, False),
    "binding": ("binding", 0, False),
    "1": ("activation", 1, True),
    "-1": ("inhibition", -1, True),
    "->": ("activation", 1, True),
    "-|": ("inhibition", -1, True),
    # Cytoscape's own examples: protein-protein, protein-DNA, and others
    "pp": ("binding", 0, False),
    "pd": ("expression", 0, True),
    "pr": ("protein_reaction", 0, True),
    "rc": ("reaction_compound", 0, True),
    "cr": ("compound_reaction", 0, True),
    "gl": ("genetic_lethal", 0, False),
    "pm": ("protein_metabolite", 0, False),
    "mp": ("protein_metabolite", 0, False),
}
"""Interaction type of a SIF file : type, sign and direction of the edge."""

_HEADER = "participant_a"
_NODES = "participant"
_SPACES = re.compile(r"[\s_]+")


def sif(
    path: str | PathLike[str],
    *,
    identifiers: str = "auto",
    types: Mapping[str, tuple[str, int, bool]] | None = None,
    names: pd.DataFrame | None = None,
    database: str = "sif",
) -> PathwayGraph:
    r"""Read a SIF file as a graph without pathways.

    Parameters
    ----------
    path
        Lines ``A type B C D``, apart by tabs if the file has any, else by spaces; a line of one word
        is a node without edges. The extended SIF of Pathway Commons (``PARTICIPANT_A``,
        ``INTERACTION_TYPE``, ``PARTICIPANT_B``, ...) is read up to its table of nodes.
    identifiers
        What the names are: ``"auto"``, or a kind that `pathweave.ids.map` knows. Node ids and
        ``CHEBI:...`` are taken as they are.
    types
        Interaction types of one's own: ``{"turns-off": ("inhibition", -1, True)}`` gives type, sign
        and whether directed. They come before what is known: the types of Pathway Commons, and words
        such as ``activates`` and ``pp``. Others keep their name, unsigned and directed.
    names
        What names stand for, as for `pathweave.graph.edges`.
    database
        Name written into the edges' ``database``.

    Returns
    -------
    The graph. ``meta`` counts rows, unknown types and lines that are no interaction, and names what
    could not be mapped.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from pathweave import graph
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = pathlib.Path(folder, "small.sif")
    ...     _ = file.write_text("MDM2 inhibits TP53 TP63\nATM\n")
    ...     graph.sif(file)
    PathwayGraph: 4 nodes (4 gene), 2 edges (2 inhibition), 0 pathways, 0 memberships
    """
    known = TYPES | {_plain(name): meaning for name, meaning in _checked(types).items()}
    rows, single, counts = _read(path)
    frame = pd.DataFrame(rows, columns=["source", "said", "target"], dtype=object)
    meanings = {
        said: known.get(_plain(said), (_SPACES.sub("_", said) or "interaction", 0, True))
        for said in frame["said"].unique()
    }
    for position, column in enumerate(("type", "sign", "directed")):
        frame[column] = [meanings[said][position] for said in frame["said"]]
    unknown = sorted(said for said in meanings if _plain(said) not in known)
    counts |= {"rows": len(frame), **({"unknown_types": unknown[:50]} if unknown else {})}
    ends = Ends(identifiers, names=names)
    return build(frame, ends, database=database, counts=counts, argument="path", isolated=single)


def _plain(said: str) -> str:
    return _SPACES.sub("-", said.strip().lower())


def _checked(types: Mapping[str, tuple[str, int, bool]] | None) -> dict[str, tuple[str, int, bool]]:
    out = dict(types or {})
    for name, meaning in out.items():
        fits = isinstance(meaning, tuple | list) and len(meaning) == 3 and meaning[1] in {-1, 0, 1}
        if not fits:
            msg = (
                f"types[{name!r}] must be a type, a sign (-1, 0, 1) and whether it is directed, "
                f"such as ('inhibition', -1, True); found {meaning!r}."
            )
            raise ValueError(msg)
    return out


def _read(
    path: str | PathLike[str],
) -> tuple[list[tuple[str, str, str]], list[str], dict[str, object]]:
    """Rows, single nodes and counts; tabs part words where the file has any."""
    lines = Lines(path, "path", max_bytes=4 * MAX_BYTES)
    texts = [text for _, text in lines if text.strip() and not text.startswith("#")]
    tabs = any("\t" in text for text in texts)
    rows: list[tuple[str, str, str]] = []
    single: list[str] = []
    odd: list[str] = []
    extended = False
    word: dict[str, str] = {}
    for text in texts:
        fields = [f.strip() for f in text.split("\t")] if tabs else text.split()
        first = fields[0].lower()
        if first == _HEADER:
            extended = True
        elif first == _NODES and extended:
            break
        else:
            fields = [word.setdefault(f, f) for f in (fields[:3] if extended else fields) if f]
            if len(fields) == 1:
                single.append(fields[0])
            elif len(fields) == 2:
                odd.append(text[:60])
            else:
                rows += [(fields[0], fields[1], target) for target in fields[2:]]
    if not rows and not single:
        msg = f"path={str(path)!r} holds no interaction: lines must read 'A type B', found {listed(odd)}."
        raise ValueError(msg)
    counts: dict[str, object] = {}
    if odd:
        counts["lines_without_target"] = len(odd)
        warn(f"path={str(path)!r}: {len(odd)} line(s) have no target: {listed(odd)}.", DataWarning)
    if lines.not_utf8:
        counts["lines_not_utf8"] = lines.not_utf8
    return rows, single, counts
