"""Names as plain text: no stray characters, Greek letters spelled out, gaps told from names."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

MISSING = frozenset({"", "NAN", "NA", "<NA>", "N/A", "#N/A", "NONE", "NULL", "?", "---"})
"""What tables write, in any case, where there is no name; ``NaN`` is also an alias of SCN11A."""

_DASHES = re.compile("[\u2010-\u2015\u2212]")
_UNSEEN = re.compile("[\u200b-\u200d\u2060\ufeff]")
_GREEK = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "ζ": "zeta",
    "η": "eta", "θ": "theta", "κ": "kappa", "λ": "lambda", "μ": "mu", "σ": "sigma", "τ": "tau",
    "ω": "omega",
}  # fmt: skip
_SPELLED = str.maketrans(_GREEK)


def listed_names(names: Iterable[object]) -> list[str]:
    """Return names as texts; one text is one name."""
    if isinstance(names, str):
        return [names]
    try:
        return [str(name) for name in names]
    except TypeError:
        msg = f"names must be a list of names, found {type(names).__name__}."
        raise TypeError(msg) from None


def tidy(name: str) -> str:
    """Drop white space around a name and what cannot be seen; every dash becomes a hyphen."""
    if not name.isascii():
        name = _DASHES.sub("-", _UNSEEN.sub("", unicodedata.normalize("NFKC", name)))
    return name.strip()


def spell_greek(text: str) -> str:
    """Spell Greek letters: ``TNF-α`` is ``TNF-alpha``."""
    return text if text.isascii() else text.translate(_SPELLED)
