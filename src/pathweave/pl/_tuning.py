"""The trials of a tuning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pathweave.pl._style import PALETTE, REFERENCE, legend_outside, new_axes, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def tuning(result: Any, *, ax: Axes | None = None) -> Axes:
    """Draw the loss of every trial, and the best so far.

    Parameters
    ----------
    result
        What `pathweave.tl.tune` returned.
    ax
        Axes to draw on.

    Returns
    -------
    The axes: a dot a trial, steps for the best so far, a dashed line for the model's own values (trial 0), a
    cross at the lower edge for a trial that failed. Fits that went astray may lie above the axes, as a triangle
    at the upper edge.

    Examples
    --------
    >>> import matplotlib, pathweave as pw
    >>> matplotlib.use("agg")
    >>> mdata = pw.datasets.simulate(40, seed=1)
    >>> small = pw.models.MultimodalVAE(4, max_epochs=2, n_folds=2)
    >>> found = pw.tl.tune(mdata, model=small, space={"dropout": (0.1, 0.7)}, n_trials=2)
    >>> pw.pl.tuning(found).get_xlabel()
    'trial'
    """
    from matplotlib.ticker import MaxNLocator

    table = result.table
    number, loss = table["number"].to_numpy(), table["loss"].to_numpy(dtype=float)
    own, best = loss[0], np.fmin.accumulate(loss)
    ax = tidy(new_axes(ax, height=3.6))
    # One fit that went astray must not flatten the others.
    seen = loss[np.isfinite(loss)]
    bottom, top = seen.min(), max(own, np.median(seen) + 4 * (np.median(seen) - seen.min()))
    room = 0.08 * (top - bottom or abs(top) or 1.0)
    ax.set_ylim(bottom - room, min(top, seen.max()) + room)
    astray = loss > ax.get_ylim()[1]
    edge = ax.get_xaxis_transform()
    ax.axhline(own, color=REFERENCE, linestyle="--", linewidth=1, label="own values", zorder=1)
    ax.step(
        number, best, where="post", color=PALETTE[1], linewidth=1.5, label="best so far", zorder=2
    )
    shown = ~astray & np.isfinite(loss)
    ax.plot(
        number[shown], loss[shown], "o", color=PALETTE[0], markersize=5, label="trial", zorder=3
    )
    marks = (
        (astray, "^", PALETTE[0], 0.98, "off the scale"),
        (np.isnan(loss), "x", "black", 0.02, "failed"),
    )
    for rows, marker, color, height, label in marks:
        if rows.any():
            at = np.full(int(rows.sum()), height)
            ax.plot(
                number[rows], at, marker, color=color, markersize=6, transform=edge, label=label
            )
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_xlabel("trial")
    ax.set_ylabel(result.yardstick.replace(", ", ",\n"))
    legend_outside(ax)
    return ax
