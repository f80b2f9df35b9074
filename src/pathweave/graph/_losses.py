"""What the sources of a graph could not use, as one table out of what they wrote into ``meta``."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd

_LOSS = re.compile(
    r"not_mapped|without|below|functional|not_utf8|dropped|repeated|constant|of_large|itself"
)
_NAMED = "_lost"
COLUMNS = ["source", "what", "n", "examples"]


def table(meta: dict[str, Any], n_examples: int) -> pd.DataFrame:
    """One row a source and kind of loss, in the order of the sources."""
    rows: list[tuple[str, str, int, str]] = []
    for key, said in meta.items():
        if not isinstance(said, dict):
            continue
        match = re.fullmatch(rf"(.+){_NAMED}( \(\d+\))?", key)
        if match:
            rows += [
                (
                    match[1] + (match[2] or ""),
                    f"names: {why}",
                    found["n"],
                    "; ".join(found["names"][:n_examples]),
                )
                for why, found in said.items()
            ]
            continue
        counted = {**said, **said.get("counts", {})}
        lost = {what: n for what, n in counted.items() if _LOSS.search(what)} | said.get(
            "left_out", {}
        )
        rows += [
            (key, what.replace("_", " "), n, "")
            for what, n in lost.items()
            if isinstance(n, int) and n
        ]
    return pd.DataFrame(rows, columns=COLUMNS).astype({"n": int})
