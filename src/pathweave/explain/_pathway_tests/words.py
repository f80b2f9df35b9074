"""What the tests of pathways say, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

    from pathweave.explain._pathway_tests.joint import GeneSets

_USED = 1.64


def row_verdicts(table: pd.DataFrame, sets: GeneSets, alpha: float) -> list[str]:
    """One verdict a pathway: whether it goes with the group, more than other genes do, by itself, and is used."""
    position = {name: i for i, name in enumerate(sets.ids)}
    names = dict(zip(table["pathway"], table["name"], strict=True))
    strength = dict(zip(table["pathway"], table["coefficient"], strict=True))
    chosen = [name for name in sets.ids if strength[name] > 0]
    verdicts = []
    for row in table.itertuples():
        used = _used(row.attributed)
        if row.q_association >= alpha and row.q >= alpha:
            verdicts.append("not told from shuffled labels")
        elif row.q < alpha:
            verdicts.append(f"goes with {row.group}, more than other genes do{used}")
        elif row.q_alone < alpha:
            mine = sets.members[position[row.pathway]]
            rivals = [name for name in chosen if name != row.pathway]
            shared = [
                float((mine @ sets.members[position[r]].T).toarray()[0, 0]) * strength[r]
                for r in rivals
            ]
            through = names[rivals[int(np.argmax(shared))]] if any(shared) else "others"
            verdicts.append(
                f"goes with {row.group}, more than other genes do only by what it shares with {through}"
            )
        else:
            verdicts.append(f"goes with {row.group}, no more than other genes do{used}")
    return verdicts


def _used(attributed: float) -> str:
    """Whether the model uses a pathway; nothing where it has no attribution of this group (ordered classes)."""
    if np.isnan(attributed):
        return ""
    how = "weighs" if attributed >= _USED else "hardly weighs"
    return f"; the model {how} its members more than others"


def summary(table: pd.DataFrame, params: dict[str, Any]) -> str:
    """A few sentences on every group."""
    alpha, told = params["alpha"], []
    for group, found in params["groups"].items():
        mine = table[table["group"] == group]
        associated, beyond = mine["q_association"] < alpha, mine["q"] < alpha
        best = ", ".join(mine.loc[beyond, "name"].head(3)) if beyond.any() else ""
        real, shuffled, random = (
            found[key]
            for key in ("explained", "explained_shuffled_labels", "explained_random_pathways")
        )
        matters = found["p_shuffled_labels"] < alpha and found["p_random_pathways"] < alpha
        told.append(
            f"{group}: {100 * found['associated_genes']:.0f} % of the genes and {associated.sum()} of {len(mine)} "
            f"pathways go with it at a false discovery rate of {alpha:g}; {beyond.sum()} do so more than other genes"
            + (f" (first: {best})" if best else "")
            + f". Pathways explain {100 * real:.0f} % of how genes rank; with shuffled labels {100 * shuffled:.0f} % "
            f"(p = {found['p_shuffled_labels']:.2g}), as random sets of the same sizes {100 * random:.0f} % "
            f"(p = {found['p_random_pathways']:.2g}): "
            + (
                "that the genes of a pathway go together here is more than chance."
                if matters
                else "no advantage of real pathways shows."
            )
        )
    return "\n".join(told)
