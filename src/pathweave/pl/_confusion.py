"""Which classes are taken for which."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pathweave.pl._reports import check_report, choose_one, once, told_score
from pathweave.pl._style import new_axes, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_FEW = 8
_PERCENT = 12


def confusion(report: Any, method: str | None = None, *, ax: Axes | None = None) -> Axes:
    """Draw which classes were taken for which, as a share of each true class.

    Parameters
    ----------
    report
        What `pathweave.evaluate.cross_validate` or `validate` returned, for classes.
    method
        Which one; by default the best model, or the best baseline where there is no model.
    ax
        Axes to draw on.

    Returns
    -------
    The axes; a row is a true class (with its number of test samples), a column a predicted one, a number
    the samples. The samples are those of one repeat, so that each counts once.

    Raises
    ------
    ValueError
        If the outcome is not a class.

    Examples
    --------
    >>> import matplotlib, pathweave as pw
    >>> matplotlib.use("agg")
    >>> mdata = pw.datasets.simulate(60, seed=1)
    >>> report = pw.evaluate.cross_validate(
    ...     mdata, target="class", models=[], baselines=["knn"], n_folds=3, n_jobs=1
    ... )
    >>> pw.pl.confusion(report).get_ylabel()
    'true class'
    """
    check_report(report, "confusion", "class")
    name = choose_one(report, method)
    rows = once(report, name)
    classes = [str(c) for c in report.classes]
    counts = pd.crosstab(rows["truth"].astype(str), rows["prediction"].astype(str))
    table = counts.reindex(index=classes, columns=classes, fill_value=0).to_numpy()
    total = table.sum(axis=1)
    share = table / np.maximum(total, 1)[:, None]
    k = len(classes)
    cell = 0.55 if k <= _PERCENT else 0.38
    ax = new_axes(ax, width=3.4 + cell * max(k, 4), height=2.2 + 0.77 * cell * max(k, 4))
    image = ax.imshow(share, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for i, j in np.argwhere(table > 0):
        percent = f"\n{share[i, j]:.0%}" if k <= _PERCENT else ""
        ax.text(
            j, i, f"{table[i, j]}{percent}", ha="center", va="center", linespacing=1.1,
            fontsize=9 if k <= _FEW else 8 if k <= _PERCENT else 7, color="white" if share[i, j] > 0.55 else "black",
        )  # fmt: skip
    names = [short(c, 22) for c in classes]
    size = 9 if k <= _PERCENT else 8
    ax.set_yticks(
        range(k), [f"{c} ({n})" for c, n in zip(names, total, strict=True)], fontsize=size
    )
    slanted = k > _FEW or sum(map(len, names)) > 9 * max(k, 4)
    ax.set_xticks(range(k), names, fontsize=size, rotation=90 if slanted else 0)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    ax.set_xlabel("predicted class")
    ax.set_ylabel("true class")
    score = told_score(report, name, "balanced_accuracy")
    ax.set_title(f"{short(name, 36)}\nbalanced accuracy {score}", fontsize=10)
    figure = ax.get_figure()
    if figure is not None:
        bar = figure.colorbar(image, ax=ax, shrink=0.7, pad=0.02)
        bar.set_label("share of the true class", fontsize=8)
        bar.ax.tick_params(labelsize=8)
        bar.outline.set_visible(False)
    return ax
