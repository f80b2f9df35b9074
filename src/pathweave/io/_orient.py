"""Find out whether the samples of a table are its rows or its columns."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pathweave.io._kinds import _identifier_kind

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

_SYMBOL: Final = re.compile(r"[A-Z][A-Z0-9]{1,6}(-?[A-Z0-9]{1,4})?$")
_COMMON: Final = frozenset(
    [
        "TP53",
        "EGFR",
        "MYC",
        "PTEN",
        "KRAS",
        "BRAF",
        "RB1",
        "CDKN2A",
        "AKT1",
        "PIK3CA",
        "ERBB2",
        "ESR1",
        "GAPDH",
        "ACTB",
        "VEGFA",
        "STAT3",
        "JUN",
        "FOS",
        "CCND1",
        "CDK4",
        "CDK2",
        "BCL2",
        "MTOR",
        "MAPK1",
        "NRAS",
        "NF1",
        "ATM",
        "BRCA1",
        "BRCA2",
        "VIM",
        "CDH1",
        "CD44",
        "IL6",
        "TNF",
        "KDR",
        "MET",
        "ALK",
    ]
)


def samples_in_columns(
    frames: Mapping[str, pd.DataFrame], samples: pd.Index | None
) -> dict[str, bool]:
    """For each table whether its columns are samples; rows are, where nothing speaks against it."""
    rows = {layer: _names(frame.index) for layer, frame in frames.items()}
    columns = {layer: _names(frame.columns) for layer, frame in frames.items()}
    flip: dict[str, bool] = {}
    for layer in frames:
        if samples is not None:
            known = _names(samples)
        else:
            known = set().union(
                *(rows[other] | columns[other] for other in frames if other != layer)
            )
        by_row = len(rows[layer] & known) / max(len(rows[layer]), 1)
        by_column = len(columns[layer] & known) / max(len(columns[layer]), 1)
        if by_row > 0 and by_column > 0 and samples is None:
            flip[layer] = _looks_like_features(rows[layer]) > _looks_like_features(columns[layer])
        elif by_row != by_column:
            flip[layer] = by_column > by_row
        else:
            flip[layer] = _looks_like_features(rows[layer]) > _looks_like_features(columns[layer])
    return flip


def _names(names: pd.Index) -> set[str]:
    """Names as text without blanks around them."""
    return {str(name).strip() for name in names}


def _looks_like_features(names: set[str]) -> float:
    """How much names look like molecules rather than samples, from 0 to 2."""
    if _identifier_kind(sorted(names)) is not None:
        return 2.0
    symbols = sum(_SYMBOL.match(name) is not None for name in names) / max(len(names), 1)
    return symbols if len(names & _COMMON) >= 2 else 0.0
