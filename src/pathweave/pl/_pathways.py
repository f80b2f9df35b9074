"""Pathways that made a result."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pathweave import get
from pathweave._core.checks import check_choice
from pathweave.pl._style import DIVERGING, direction_bar, new_axes, short, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from mudata import MuData


def pathways(
    mdata: MuData,
    *,
    group: str | None = None,
    n_top: int = 15,
    min_size: int = 5,
    max_size: int = 150,
    ax: Axes | None = None,
) -> Axes:
    """Draw the pathways whose measured members weigh more than others.

    Parameters
    ----------
    mdata
        MuData with attributions (`pathweave.tl.attribute`).
    group
        Group to show; by default the best pathways of all groups, side by side.
    n_top
        Number of pathways a group.
    min_size, max_size
        Leave out pathways with fewer or more measured members.
    ax
        Axes to draw on.

    Returns
    -------
    The axes: a dot for each pathway and group; its place along x (one group) or its column (several)
    and size tell the enrichment score, its colour whether high members raise or lower the output. The
    score ranks; it is no test.

    Examples
    --------
    >>> import matplotlib, pathweave as pw
    >>> matplotlib.use("agg")
    >>> mdata = pw.datasets.simulate(60, seed=1)
    >>> model = pw.models.PathwayVAE(8, max_epochs=3, n_folds=3)
    >>> model = model.fit(mdata, pw.graph.reactome(), target="class")
    >>> pw.tl.attribute(mdata, model, n_steps=8)
    >>> len(pw.pl.pathways(mdata, group=model.targets_["class"].classes[0], n_top=7).get_yticks())
    7
    """
    table = get.attributions(mdata, level="pathway")
    table = table[table["n_measured"].between(min_size, max_size)]
    if table.empty:
        msg = f"no pathway with {min_size} to {max_size} measured members has an attribution (a graph is needed in fit)."
        raise ValueError(msg)
    groups = list(dict.fromkeys(table["group"]))
    if group is not None:
        check_choice("group", group, groups)
        groups = [group]
    table = table[table["group"].isin(groups)]
    # Nested pathways often hold the same measured members: show such a set once.
    key = ["group", "n_measured", "importance"]
    table = table.sort_values("rank").drop_duplicates(key)
    best = table.groupby("group", sort=False).head(n_top)["pathway"].unique()
    score = table[table["pathway"].isin(best)].pivot_table(
        index="pathway", columns="group", values="score"
    )
    order = (
        score.max(axis=1)
        .sort_values(ascending=False)
        .index[: max(n_top, 2 * n_top if len(groups) > 1 else 0)]
    )
    table = table[table["pathway"].isin(order)]
    ax = tidy(new_axes(ax, width=7.5 + 0.35 * len(groups), height=1.0 + 0.27 * len(order)))
    y = {pathway: len(order) - 1 - i for i, pathway in enumerate(order)}
    single = len(groups) == 1
    x = table["score"] if single else table["group"].map({g: i for i, g in enumerate(groups)})
    drawn = ax.scatter(
        x,
        table["pathway"].map(y),
        s=np.clip(table["n_measured"] * 2.5, 15, 220)
        if single
        else np.clip(table["score"], 0.1, None) ** 2 * 22,
        c=table["direction"],
        cmap=DIVERGING,
        vmin=-1,
        vmax=1,
        edgecolors="#444444",
        linewidths=0.5,
        zorder=3,
    )
    info = table.drop_duplicates("pathway").set_index("pathway")
    names = [f"{short(info.loc[p, 'name'], 50)} ({info.loc[p, 'n_measured']})" for p in order]
    ax.set_yticks([y[p] for p in order], names, fontsize=8)
    ax.grid(axis="y", color="#E5E5E5", linewidth=0.6, zorder=0)
    if single:
        ax.set_xlabel("enrichment of attribution among members (z); dot size: measured members")
        ax.set_title(f"Pathways behind {groups[0]}")
    else:
        ax.set_xticks(
            range(len(groups)), [short(str(g), 18) for g in groups], rotation=45, ha="right"
        )
        ax.set_xlim(-0.7, len(groups) - 0.3)
        ax.set_title("Pathways behind each group (dot size: enrichment)")
    ax.set_ylim(-0.8, len(order) - 0.2)
    direction_bar(ax, drawn)
    return ax
