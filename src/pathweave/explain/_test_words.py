"""What the tests of pathways say, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

    from pathweave.explain._joint import GeneSets

_USED = 1.64


def row_verdicts(table: pd.DataFrame, sets: GeneSets, alpha: float) -> list[str]:
    """One verdict a pathway: whether it goes with the group, by itself or for another's sake, and is used."""
    position = {name: i for i, name in enumerate(sets.ids)}
    names = dict(zip(table["pathway"], table["name"], strict=True))
    strength = dict(zip(table["pathway"], table["coefficient"], strict=True))
    chosen = [name for name in sets.ids if strength[name] > 0]
    verdicts = []
    for row in table.itertuples():
        if row.q < alpha:
            used = (
                "and the model weighs its members more than others"
                if row.attributed >= _USED
                else "but the model hardly weighs its members more than others"
            )
            verdicts.append(f"goes with {row.group} (q = {row.q:.2g}), {used}")
        elif row.q_alone < alpha:
            mine = sets.members[position[row.pathway]]
            rivals = [name for name in chosen if name != row.pathway]
            shared = [
                float((mine @ sets.members[position[r]].T).toarray()[0, 0]) * strength[r]
                for r in rivals
            ]
            through = f"{names[rivals[int(np.argmax(shared))]]}" if any(shared) else "others"
            verdicts.append(f"goes with {row.group} only for what it shares with {through}")
        else:
            verdicts.append("not told from shuffled labels")
    return verdicts


def summary(table: pd.DataFrame, params: dict[str, Any]) -> str:
    """A few sentences on every group."""
    alpha, told = params["alpha"], []
    for group, found in params["groups"].items():
        mine = table[table["group"] == group]
        hits = mine[mine["q"] < alpha]
        best = ", ".join(hits["name"].head(3))
        said = (
            f"{group}: {len(hits)} of {len(mine)} pathways go with it at a false discovery rate of {alpha:g}"
            + (f" (first: {best})" if best else "")
            + "."
        )
        real, shuffled, random = (
            found[key]
            for key in ("explained", "explained_shuffled_labels", "explained_random_pathways")
        )
        beyond = found["p_shuffled_labels"] < alpha and found["p_random_pathways"] < alpha
        said += (
            f" Pathways explain {100 * real:.0f} % of the genes' evidence; with shuffled labels "
            f"{100 * shuffled:.0f} % (p = {found['p_shuffled_labels']:.2g}), as random sets of the same sizes "
            f"{100 * random:.0f} % (p = {found['p_random_pathways']:.2g}): "
        )
        said += (
            "that genes of a pathway go together here is more than chance."
            if beyond
            else "no advantage of real pathways shows."
        )
        told.append(said)
    return "\n".join(told)
