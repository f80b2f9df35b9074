"""Ranks of pathways or genes when samples are drawn anew, or a model is fitted again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from pathweave import get
from pathweave._core.checks import check_choice
from pathweave._core.stability import rank_stability, ranks, top_overlap
from pathweave.pl._style import PALETTE, REFERENCE, new_axes, short, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from mudata import MuData

_TOP = 20


def stability(
    data: MuData | pd.DataFrame,
    *,
    level: Literal["pathway", "gene"] = "pathway",
    group: str | None = None,
    n_top: int = 20,
    ax: Axes | None = None,
) -> Axes:
    """Draw how far the ranks of the best pathways or genes move from draw to draw.

    Parameters
    ----------
    data
        MuData with tests (`pathweave.tl.test_pathways`), whose bootstrap draws are shown; or scores of refits of your
        own, such as the importance of genes in several attributions: a row a unit, a column a refit, high is strong.
    level
        ``"pathway"`` or ``"gene"``; of a table it is only the name of its rows.
    group
        Group to show; the first by default. A table has none.
    n_top
        Units to show, the best first (of a table: by mean rank).
    ax
        Axes to draw on.

    Returns
    -------
    The axes: a box holds the middle half of a unit's ranks, a line 95 %, a dot its rank in all samples (of a table: its
    median rank), a number how often it is among the first 20. The title tells the mean Kendall tau between draws, over
    all units, and what two draws have in common among their first 20, beside what chance gives.

    Examples
    --------
    >>> import matplotlib, numpy as np, pandas as pd, pathweave as pw
    >>> matplotlib.use("agg")
    >>> rng = np.random.default_rng(0)
    >>> strength = np.arange(100.0)[:, None] + rng.normal(0, 5, (100, 10))
    >>> refits = pd.DataFrame(strength, index=[f"gene {i}" for i in range(100)])
    >>> ax = pw.pl.stability(refits, level="gene", n_top=8)
    >>> len(ax.get_yticks())
    8
    """
    check_choice("level", level, ("pathway", "gene"))
    if n_top < 1:
        msg = f"n_top={n_top!r} must be 1 or more."
        raise ValueError(msg)
    if isinstance(data, pd.DataFrame):
        names, observed, drawn, told = _of_refits(data, group)
        heading, what = f"{level.capitalize()}s over {drawn.shape[1]} refits", "refits"
    else:
        names, observed, drawn, told, chosen = _of_draws(data, level, group)
        heading = f"{level.capitalize()}s that go with {chosen}, {drawn.shape[1]} bootstrap draws"
        what = "draws"
    names, observed, drawn = names[:n_top], observed[:n_top], drawn[:n_top]
    ax = tidy(new_axes(ax, width=8.5, height=1.5 + 0.25 * len(names)))
    y = np.arange(len(names))[::-1]
    low, first, third, high = np.percentile(drawn, [2.5, 25, 75, 97.5], axis=1)
    ax.hlines(y, low, high, color=REFERENCE, linewidth=1.0, zorder=1)
    # On a log axis a box of no width would not show.
    ax.barh(
        y, third * 1.04 - first * 0.96, left=first * 0.96, height=0.55, color=PALETTE[5], edgecolor=PALETTE[0],
        linewidth=0.6, zorder=2,
    )  # fmt: skip
    ax.scatter(observed, y, color=PALETTE[1], s=22, zorder=3)
    n_units, n_first = told["n_units"], told["n_top"]
    ax.axvline(n_first + 0.5, color=REFERENCE, linewidth=0.8, linestyle="--", zorder=0)
    for row, share in zip(y, (drawn <= n_first).mean(axis=1), strict=True):
        ax.text(
            1.01, row, f"{100 * share:.0f} %", transform=ax.get_yaxis_transform(), va="center", fontsize=8,
            gid="among the first",
        )  # fmt: skip
    ax.text(
        1.01, -0.02, f"among the\nfirst {n_first}", transform=ax.transAxes, va="top", fontsize=8
    )  # fmt: skip
    ax.set_xscale("log")
    ax.set_xlim(0.8, max(float(high.max()) * 1.2, n_first * 1.5))
    ticks = [t for t in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000) if t <= ax.get_xlim()[1]]  # fmt: skip
    ax.set_xticks(ticks, [str(t) for t in ticks])
    ax.minorticks_off()
    ax.set_yticks(y, [short(name, 46) for name in names], fontsize=8)
    ax.set_ylim(-0.7, len(names) - 0.3)
    dot = "all samples" if what == "draws" else "median"
    ax.set_xlabel(
        f"rank among {n_units} {level}s (dot: {dot}; box: half of the {what}; line: 95 %)",
        fontsize=9,
    )
    ax.set_title(
        f"{heading}\nKendall tau {told['tau']:.2f}; two {what} share {100 * told['overlap']:.0f} % of their first "
        f"{n_first} (chance: {100 * told['by_chance']:.0f} %)", fontsize=10,
    )  # fmt: skip
    return ax


_Found = tuple[list[str], np.ndarray, np.ndarray, dict[str, Any]]


def _of_draws(
    mdata: MuData, level: str, group: str | None
) -> tuple[list[str], np.ndarray, np.ndarray, dict[str, Any], str]:
    table = get.stability(mdata, level=level)
    groups = list(dict.fromkeys(table["group"].astype(str)))
    if not groups:
        msg = f"level={level!r}: there are no draws of {level}s; run pathweave.tl.test_pathways again."
        raise ValueError(msg)
    chosen = groups[0] if group is None else str(group)
    check_choice("group", chosen, groups)
    mine = table[table["group"].astype(str) == chosen]
    drawn = mine.filter(like="draw_").to_numpy(dtype=float)
    told = table.attrs["groups"][chosen]
    names = mine["name"].astype(str).tolist()
    return names, mine["rank"].to_numpy(dtype=float), drawn, told, chosen


def _of_refits(table: pd.DataFrame, group: str | None) -> _Found:
    if group is not None:
        msg = f"group={group!r}: a table of refits has no groups; give the table of one group."
        raise ValueError(msg)
    numbers = table.apply(pd.to_numeric, errors="coerce").to_numpy(dtype=float)
    if min(table.shape) < 2 or not np.isfinite(numbers).all() or not table.index.is_unique:
        msg = (
            f"data: a table of refits must have finite numbers, two or more rows of different names and two or more columns; "
            f"found {table.shape[0]} rows ({table.index.nunique()} names), {table.shape[1]} columns and "
            f"{int((~np.isfinite(numbers)).sum())} values that are no finite number."
        )
        raise ValueError(msg)
    drawn = ranks(numbers.T).T.astype(float)
    order = np.argsort(drawn.mean(axis=1), kind="stable")
    n, n_first = len(table), min(_TOP, len(table))
    told = {
        "tau": rank_stability(numbers.T, at_most=50), "overlap": top_overlap(numbers.T, n_first),
        "by_chance": n_first / n, "n_top": n_first, "n_units": n,
    }  # fmt: skip
    names = [str(table.index[i]) for i in order]
    return names, np.median(drawn[order], axis=1), drawn[order], told
