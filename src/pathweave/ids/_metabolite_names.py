"""Other spellings of a metabolite's name, to be looked up in a user's table."""

from __future__ import annotations

import re

LIPID_CLASSES = {
    "PC": "phosphatidylcholine", "LPC": "lysophosphatidylcholine", "PE": "phosphatidylethanolamine",
    "LPE": "lysophosphatidylethanolamine", "SM": "sphingomyelin", "DAG": "diglyceride",
    "TAG": "triglyceride", "CE": "cholesteryl ester", "PS": "phosphatidylserine",
    "PI": "phosphatidylinositol", "PG": "phosphatidylglycerol", "CER": "ceramide",
    "MAG": "monoglyceride", "PA": "phosphatidic acid",
}  # fmt: skip
"""Lipid shorthand is looked up at the level of its class."""

_LIPID = re.compile(
    r"^C\d+:\d+ ([A-Z]+)(-[A-Z])?$|^([A-Z]+)[ (]?\d+:\d+(/\d+:\d+)*\)?$", re.IGNORECASE
)
_BRACKETS = re.compile(r"\s*\([^)]*\)|\*+$")
_STEREO = re.compile(r"^(?:d|l|dl|cis|trans|\(\+\)|\(-\))-", re.IGNORECASE)
_GREEK = {"alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ"}
_PHOSPHATE = re.compile(r"[- ]?(\d?)-?P$")


def _forms(name: str) -> list[str]:
    """Salt and acid, with and without the stereo prefix."""
    out = [name]
    if name.endswith("ate"):
        out += [name[:-3] + "ic acid", name[:-3] + "oic acid", name + " ion"]
    if name.endswith("ic acid"):
        out.append(name[:-7] + "ate")
    out += ["l-" + form for form in out] + ["d-" + form for form in out]
    bare = _STEREO.sub("", name)
    if bare != name:
        out.append(bare)
        out += [bare[:-3] + "ic acid"] if bare.endswith("ate") else []
    for word, letter in _GREEK.items():
        out += [form.replace(word, letter) for form in out if word in form]
    return out


def spellings(name: str) -> list[list[str]]:
    """Return, for each compound that a name stands for, its spellings, the best first.

    ``A/B`` stands for both; lipid shorthand (``C34:1 PC``) for its class.
    """
    name = re.sub(r"\s+", " ", name.strip())
    match = _LIPID.match(name)
    if match:
        label = LIPID_CLASSES.get((match[1] or match[3]).upper())
        return [[label, label + "s"]] if label else []
    plain = _BRACKETS.sub("", name).replace("_", " ").strip()
    parts = [part.strip() for part in plain.split("/")] if "/" in plain else [plain]
    out = []
    for part in parts:
        tries = _forms(part.lower())
        if _PHOSPHATE.search(part):
            tries += _forms(_PHOSPHATE.sub(r" \1-phosphate", part).lower().replace("  ", " "))
        out.append(tries)
    return out
