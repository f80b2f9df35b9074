"""The parts of a prediction, and what each is worth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pathweave._core.checks import check_choice
from pathweave.pl._style import MISSING, PALETTE, new_axes, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def parts(model: Any, *, target: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw the out-of-fold score of every part of a prediction, with its weight in the stack.

    Parameters
    ----------
    model
        Fitted model with a target.
    target
        Which target; the first by default.
    ax
        Axes to draw on.

    Returns
    -------
    The axes.

    Examples
    --------
    >>> import matplotlib, pathweave as pw
    >>> matplotlib.use("agg")
    >>> mdata = pw.datasets.simulate(60, seed=1)
    >>> model = pw.models.PathwayVAE(8, max_epochs=3, n_folds=3).fit(mdata, target="class")
    >>> len(pw.pl.parts(model).patches)
    8
    """
    table = model.parts_
    if table.empty:
        msg = "the model was fitted without a target, so its prediction has no parts."
        raise ValueError(msg)
    targets = list(dict.fromkeys(table["target"]))
    chosen = targets[0] if target is None else target
    check_choice("target", chosen, targets)
    table = table[table["target"] == chosen]
    ax = tidy(new_axes(ax, height=0.9 + 0.4 * len(table)))
    y = np.arange(len(table))[::-1]
    stack = (table["part"] == "stack").to_numpy()
    ax.barh(y, table["score"], color=np.where(stack, PALETTE[0], MISSING), height=0.65)
    for row, score, weight, whole in zip(y, table["score"], table["weight"], stack, strict=True):
        text = f"{score:.3f}" + ("" if whole else f"   weight {weight:.2f}")
        ax.text(max(score, 0.0), row, " " + text, va="center", fontsize=8)
    ax.set_yticks(y, table["part"])
    lowest, highest = min(0.0, float(table["score"].min())), max(1.0, float(table["score"].max()))
    ax.set_xlim(lowest, highest * 1.25)  # the words need room that the score does not
    ax.set_xticks([tick for tick in ax.get_xticks() if lowest <= tick <= highest + 1e-9])
    ax.spines["bottom"].set_bounds(lowest, highest)
    ax.set_xlabel(f"{table['metric'].iloc[0]} out of fold")
    ax.set_title(f"Parts of the prediction of {chosen}")
    return ax
