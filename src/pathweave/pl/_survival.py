"""Kaplan-Meier curves of groups of predicted risk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pathweave._core import keys
from pathweave._core.checks import check_obs_column
from pathweave.pl._kaplan_meier import check_groups, kaplan_meier, log_rank, told_p
from pathweave.pl._style import legend_outside, new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from mudata import MuData


def survival(
    mdata: MuData,
    *,
    time: str,
    event: str,
    risk: str = keys.RISK,
    groups: int = 3,
    samples: np.ndarray | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw Kaplan-Meier curves of samples grouped by predicted risk, with the log-rank test.

    Curves of samples that the model was fitted on flatter it; pass the held-out ones as `samples`.

    Parameters
    ----------
    mdata
        MuData with predicted risks (`pathweave.tl.predict` after a fit with ``survival=``).
    time, event
        Columns of ``mdata.obs``: follow-up time, and 1 where the event was seen.
    risk
        Column of ``mdata.obs`` with predicted log hazards.
    groups
        Number of equally large risk groups.
    samples
        Boolean mask of the samples to draw; all by default.
    ax
        Axes to draw on.

    Returns
    -------
    The axes; the legend tells samples and events, ticks mark censored samples.

    Examples
    --------
    >>> import matplotlib, pathweave as pw
    >>> matplotlib.use("agg")
    >>> mdata = pw.datasets.simulate(60, seed=1)
    >>> model = pw.models.PathwayVAE(8, max_epochs=3, n_folds=3)
    >>> pw.tl.predict(mdata, model.fit(mdata, survival=("time", "event")))
    >>> len(pw.pl.survival(mdata, time="time", event="event").get_legend().get_texts())
    3
    """
    for name, column in (("time", time), ("event", event)):
        check_obs_column(mdata.obs, name, column)
    if risk not in mdata.obs:
        msg = f"{risk!r} is not in mdata.obs; fit with survival=({time!r}, {event!r}) and run tl.predict."
        raise KeyError(msg)
    check_groups(groups)
    columns = mdata.obs[[time, event, risk]].astype(float)
    keep = columns.notna().all(axis=1).to_numpy()
    if samples is not None:
        keep &= np.asarray(samples, dtype=bool)
    columns = columns[keep]
    if len(columns) < 2 * groups:
        msg = f"{len(columns)} samples have time, event and risk; {2 * groups} are needed for {groups} groups."
        raise ValueError(msg)
    order = columns[risk].rank(method="first").to_numpy() - 1
    which = np.minimum((order * groups // len(columns)).astype(int), groups - 1)
    t, e = columns[time].to_numpy(), columns[event].to_numpy()
    ax = new_axes(ax)
    kaplan_meier(ax, t, e, which, groups)
    ax.set_xlabel(time)
    ax.set_title(f"Survival by predicted risk (log-rank {told_p(log_rank(t, e, which))})")
    legend_outside(ax, fontsize=8)
    return ax
