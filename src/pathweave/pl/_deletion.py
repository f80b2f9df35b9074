"""Deletion and insertion curves of attributions beside random orders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pathweave._core.checks import check_choice
from pathweave.pl._style import PALETTE, REFERENCE, new_axes, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_UNITS = {
    "class": "log odds",
    "contrast": "log ratio of two classes",
    "survival": "log hazard",
    "number": "units of the target",
    "latent": "units of the latent",
    "distance": "distance in the latent",
    "pathway": "standard deviations of the activity",
}


def deletion(
    check: Any, *, curve: Literal["deletion", "insertion"] = "deletion", ax: Axes | None = None
) -> Axes:
    """Draw how the output falls as features are taken away in the order of their attributions.

    Parameters
    ----------
    check
        What `pathweave.explain.check` or `pathweave.get.faithfulness` returns.
    curve
        ``"deletion"`` or ``"insertion"``.
    ax
        Axes to draw on.

    Returns
    -------
    The axes: the order of the attributions, and the mean and 95 % band of random orders. Attributions are signed:
    once the features that raise the output are gone, the curve comes back to the baseline.

    Examples
    --------
    >>> import matplotlib, pathweave as pw
    >>> matplotlib.use("agg")
    >>> mdata = pw.datasets.simulate(60, seed=1)
    >>> model = pw.models.PathwayVAE(8, max_epochs=3, n_folds=3).fit(mdata, target="class")
    >>> ax = pw.pl.deletion(pw.explain.check(mdata, model, max_samples=10))
    >>> ax.get_xlabel()
    'measured features set to the baseline (%)'
    """
    check_choice("curve", curve, ("deletion", "insertion"))
    table = check.curves[check.curves["curve"] == curve]
    ax = tidy(new_axes(ax, width=5.5, height=3.8))
    for order, color, label in (
        ("random", REFERENCE, f"{check.params['n_random']} random orders (95 %)"),
        ("attribution", PALETTE[0], "order of the attributions"),
    ):
        part = table[table["order"] == order]
        # A square root: what matters happens in the first percent.
        x = np.sqrt(part["fraction"].to_numpy(dtype=float))
        value = part["value"].to_numpy(dtype=float)
        marker = "o" if order == "attribution" else "s"
        ax.plot(x, value, color=color, marker=marker, markersize=4, label=label)
        if order == "random":
            low, high = part["low"].to_numpy(dtype=float), part["high"].to_numpy(dtype=float)
            ax.fill_between(x, low, high, color=color, alpha=0.3, linewidth=0)
    ticks = (0, 1, 5, 10, 20, 40, 60, 80, 100)
    ax.set_xticks([np.sqrt(t / 100) for t in ticks], [str(t) for t in ticks])
    done = "set to the baseline" if curve == "deletion" else "brought in from the baseline"
    ax.set_xlabel(f"measured features {done} (%)")
    ax.set_ylabel(f"mean output ({_UNITS.get(check.params.get('task'), 'output')})")
    row = check.table.set_index("check").loc[curve]
    better = "better" if bool(row["passed"]) else "no better"
    ax.set_title(f"{curve.capitalize()} of {check.params['of']}: {better} than chance")
    ax.legend(frameon=False, fontsize=8)
    return ax
