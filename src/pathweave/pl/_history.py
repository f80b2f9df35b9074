"""Training curves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pathweave import get
from pathweave._core.checks import check_choice
from pathweave.pl._style import PALETTE, legend_outside, new_axes, tidy

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from mudata import MuData


def history(source: MuData | Any, *, what: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw training and validation loss of every replicate.

    Parameters
    ----------
    source
        A fitted model, or a MuData embedded with one.
    what
        ``"loss"``, ``"target_loss"``, ``"reconstruction"`` or ``"kl"``; what early stopping watched by
        default.
    ax
        Axes to draw on.

    Returns
    -------
    The axes: thin lines are replicates, thick ones their mean, the dots the epochs that were kept.

    Examples
    --------
    >>> import matplotlib, pathweave as pw
    >>> matplotlib.use("agg")
    >>> mdata = pw.datasets.simulate(40, seed=1)
    >>> model = pw.models.PathwayVAE(4, max_epochs=3).fit(mdata)
    >>> pw.pl.history(model).get_xlabel()
    'epoch'
    """
    table: pd.DataFrame = source.history_ if hasattr(source, "history_") else get.history(source)
    measures = ("loss", "target_loss", "reconstruction", "kl")
    supervised = bool((table["target_loss"] != 0).any())
    chosen = ("target_loss" if supervised else "loss") if what is None else what
    check_choice("what", chosen, measures)
    ax = tidy(new_axes(ax))
    for color, part in zip(PALETTE, ("train", "validation"), strict=False):
        rows = table[table["part"] == part]
        for _, curve in rows.groupby("replicate", sort=False):
            ax.plot(curve["epoch"], curve[chosen], color=color, linewidth=0.7, alpha=0.35)
            if part == "validation":
                best = curve.loc[curve[chosen].idxmin()]
                ax.plot(best["epoch"], best[chosen], "o", color=color, markersize=4)
        full = (
            rows.pivot_table(index="epoch", columns="replicate", values=chosen)
            .dropna()
            .mean(axis=1)
        )
        ax.plot(full.index, full, color=color, linewidth=2.2, label=part)
    ax.set_xlabel("epoch")
    ax.set_ylabel(chosen.replace("_", " ") + " (nats)" * (chosen in ("kl",)))
    ax.set_title(f"Training, {table['replicate'].nunique()} replicates")
    legend_outside(ax)
    return ax
