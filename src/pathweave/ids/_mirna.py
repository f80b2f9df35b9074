"""Forms of a miRNA's name: hairpin and mature arms, copies of a hairpin, the old star."""

from __future__ import annotations

import re

from pathweave.ids._patterns import PATTERNS

_ARM = re.compile(r"-[35]p$", re.IGNORECASE)
_COPY = re.compile(r"(?<=\d[a-z])-\d+$|(?<=\d)-\d$", re.IGNORECASE)


def mirna_spellings(name: str) -> list[list[str]]:
    """Groups of other names of a miRNA, the nearest first; all of a group stand for it together.

    A hairpin (``hsa-mir-20a``, ``hsa-let-7a-1``) stands for both of its mature arms; the arm of a
    name that a table lists without arms is dropped; ``miR-20a*`` is the arm that was rarer.
    """
    text = name.strip()
    if not PATTERNS["mirna"].match(text) or text.upper().startswith("MI0"):
        return []
    if text.upper().startswith("MIMAT"):
        return []
    star = text.removesuffix("*")
    if star != text:
        return [[f"{star}-3p"], [f"{star}-5p"]]
    if _ARM.search(text):
        return [[_ARM.sub("", text)]]
    bare = _COPY.sub("", text)
    groups = [[f"{text}-5p", f"{text}-3p"]]
    if bare != text:
        groups += [[bare], [f"{bare}-5p", f"{bare}-3p"]]
    return groups
