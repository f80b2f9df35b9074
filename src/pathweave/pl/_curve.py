"""Learning curves, and what a missing layer costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pathweave.pl._reports import asked_for
from pathweave.pl._style import PALETTE, legend_outside, new_axes, short, tidy

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from matplotlib.axes import Axes

_STYLES = ("-", "--", ":", "-.")
_MARKS = ("o", "s", "^", "D")


def curve(
    curve: Any,
    *,
    metric: str | None = None,
    methods: Sequence[str] | str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw scores over the number of training samples, or over the share of samples that lack a layer.

    Parameters
    ----------
    curve
        What `pathweave.evaluate.learning_curve` or `missing_layers` returned.
    metric
        The primary one by default.
    methods
        Which ones; all by default.
    ax
        Axes to draw on.

    Returns
    -------
    The axes; a dot is the mean over the splits, a bar its 95 % interval. Of a learning curve a colour is
    a method, of missing layers a colour is a layer and a line style a method.

    Examples
    --------
    >>> import matplotlib, pathweave as pw
    >>> matplotlib.use("agg")
    >>> mdata = pw.datasets.simulate(80, seed=1)
    >>> found = pw.evaluate.learning_curve(
    ...     mdata,
    ...     target="class",
    ...     models=[],
    ...     baselines=["knn"],
    ...     fractions=[0.5, 1],
    ...     n_folds=3,
    ...     n_jobs=1,
    ... )
    >>> pw.pl.curve(found).get_xlabel()
    'training samples (3 splits a point, 95 % interval)'
    """
    if not all(hasattr(curve, part) for part in ("kind", "primary", "scores", "summary")):
        msg = f"curve must be what evaluate.learning_curve or missing_layers returned, found {type(curve).__name__}."
        raise TypeError(msg)
    table = curve.summary(metric)
    names = [str(name) for name in table["method"].unique()]
    if methods is not None:
        names = asked_for(methods, names)
    ax = tidy(new_axes(ax, width=8.0, height=4.2))
    lines = _learning(table, names) if curve.kind == "learning" else _missing(table, names)
    span = max(float(line["x"].max()) for line, _ in lines)
    for i, (line, style) in enumerate(lines):
        # Moved apart a little, so that intervals can be told from each other.
        shift = (i - (len(lines) - 1) / 2) * 0.008 * span
        x, mean = line["x"].to_numpy(float), line["mean"].to_numpy(float)
        x = np.where(x > 0, x + shift, x)
        reach = np.nan_to_num(np.abs(line[["low", "high"]].to_numpy(float).T - mean))
        ax.errorbar(
            x, mean, yerr=reach, capsize=2.5, linewidth=1.6, elinewidth=1.0, markersize=5, **style
        )
    n = int(table["n"].max())
    told = f"({n} split{'s' if n > 1 else ''} a point, 95 % interval)"
    if curve.kind == "learning":
        ax.set_xlabel(f"training samples {told}")
        ax.set_xlim(left=0)
    else:
        ax.set_xlabel(f"share of the test samples that lack the layer {told}")
        ax.set_xticks(sorted(table["fraction"].unique()))
    better = "lower" if table.attrs["lower_is_better"] else "higher"
    ax.set_ylabel(f"{table.attrs['metric']} ({better} is better)")
    legend_outside(ax, fontsize=9)
    return ax


def _learning(
    table: pd.DataFrame, names: Sequence[str]
) -> list[tuple[pd.DataFrame, dict[str, Any]]]:
    lines = []
    for i, name in enumerate(names):
        line = (
            table[table["method"] == name].sort_values("n_train").assign(x=lambda t: t["n_train"])
        )
        lines.append(
            (line, {"color": PALETTE[i % len(PALETTE)], "fmt": "o-", "label": short(name, 32)})
        )
    return lines


def _missing(
    table: pd.DataFrame, names: Sequence[str]
) -> list[tuple[pd.DataFrame, dict[str, Any]]]:
    """A line a method and layer; all begin where nothing is missing."""
    layers = [str(layer) for layer in table["missing"].unique() if layer]
    lines = []
    for i, name in enumerate(names):
        own = table[table["method"] == name]
        for j, layer in enumerate(layers):
            line = own[own["missing"].isin(["", layer])].sort_values("fraction")
            label = f"without {short(layer, 24)}"
            style = {
                "color": PALETTE[j % len(PALETTE)], "fmt": _MARKS[i % len(_MARKS)] + _STYLES[i % len(_STYLES)],
                "label": label if len(names) == 1 else f"{short(name, 24)}, {label}",
            }  # fmt: skip
            line = line.assign(x=line["fraction"])
            if j:  # the point that all lines begin at has one interval, not one a layer
                line.loc[line["x"] == 0, ["low", "high"]] = np.nan
            lines.append((line, style))
    return lines
