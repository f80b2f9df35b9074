"""Shorthand of lipids (``C34:1 PC``, ``PC aa C34:1``, ``1-oleoyl-GPC (18:1)``) to their class."""

from __future__ import annotations

import re

CLASSES = {
    "PC": "phosphatidylcholine", "LPC": "lysophosphatidylcholine", "PE": "phosphatidylethanolamine",
    "LPE": "lysophosphatidylethanolamine", "SM": "sphingomyelin", "DAG": "diglyceride",
    "DG": "diglyceride", "TAG": "triglyceride", "TG": "triglyceride", "CE": "cholesterol ester",
    "PS": "phosphatidylserine", "LPS": "lysophosphatidylserine", "PI": "phosphatidylinositol",
    "LPI": "lysophosphatidylinositol", "PG": "phosphatidylglycerol",
    "LPG": "lysophosphatidylglycerol", "CER": "ceramide", "MAG": "monoglyceride",
    "MG": "monoglyceride", "PA": "phosphatidic acid", "LYSOPC": "lysophosphatidylcholine",
    "LYSOPE": "lysophosphatidylethanolamine",
}  # fmt: skip
"""Shorthand : name of the class, as name tables have it."""

_BACKBONE = {"GPC": "PC", "GPE": "PE", "GPI": "PI", "GPG": "PG", "GPS": "PS", "GPA": "PA"}

_SHORT = re.compile(
    r"^C\d+:\d+ (?P<after>[A-Z]+)(?:-[A-Z])?$"
    r"|^(?P<before>[A-Z]+)(?: aa?)?[ (]?C?[dt]?\d+:\d+(?:[/_]\d+:\d+)*\)?$",
    re.IGNORECASE,
)
_ACYL = r"[a-z-]*(?:oyl|[^t]yl)"
_GLYCERO = re.compile(
    rf"^(?:1|2)-\(?{_ACYL}\)?(?P<second>-2-\(?[a-z0-9-]*oyl\)?|)-(?P<head>GP[CEIGSA])\b"
    rf"|^1,2-di[a-z]*oyl-(?P<both>GP[CEIGSA])\b"
)
_ETHER = re.compile(r"\([OP]-\d+:\d+|1-enyl-")
"""Ether lipids and plasmalogens are of other classes."""


def lipid_class(name: str) -> str | None:
    """Name of the class, an empty text for shorthand of an unknown class, `None` for no shorthand."""
    match = _SHORT.match(name)
    if match:
        return CLASSES.get((match["after"] or match["before"]).upper(), "")
    match = _GLYCERO.match(name)
    if match is None:
        return None
    if _ETHER.search(name):
        return ""
    if match["both"]:
        return CLASSES[_BACKBONE[match["both"]]]
    short = _BACKBONE[match["head"]]
    return CLASSES.get(short if match["second"] else f"L{short}", "")
