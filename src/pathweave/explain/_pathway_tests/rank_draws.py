"""Ranks of the best pathways and genes under bootstrap draws, small enough to keep."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from pathweave._core.stability import ranks

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

_KEPT = 50


def rank_draws(
    table: pd.DataFrame, level: str, ids: Sequence[str], drawn: np.ndarray
) -> pd.DataFrame:
    """Lay out the ranks of the first 50: group, level, unit, name, rank, and a column a draw.

    Parameters
    ----------
    table
        Pathways or genes of one group, the best first.
    level
        ``"pathway"`` or ``"gene"``.
    ids
        Units in the order of the columns of `drawn`.
    drawn
        Scores (n_draws, n_units).
    """
    best = table.head(_KEPT)
    unit = best["pathway" if level == "pathway" else "node"].astype(str)
    name = best["name" if level == "pathway" else "symbol"].astype(str)
    position = {name: i for i, name in enumerate(ids)}
    columns = ranks(drawn)[:, [position[u] for u in unit]]
    found = pd.DataFrame(
        {
            "group": best["group"].astype(str).to_numpy(), "level": level, "unit": unit.to_numpy(),
            "name": name.where(name.str.len() > 0, unit).to_numpy(), "rank": best["rank"].to_numpy(),
        }
    )  # fmt: skip
    return found.join(pd.DataFrame(columns.T, columns=[f"draw_{i + 1}" for i in range(len(drawn))]))
