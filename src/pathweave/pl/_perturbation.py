"""What a perturbation shifts, with intervals, and the ranking of a screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pathweave import get
from pathweave._core.checks import check_choice
from pathweave.pl._style import DOWN, MISSING, REFERENCE, UP, new_axes, short, tidy

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from mudata import MuData

_LEVELS = ("outputs", "latent", "pathway", "layer")
_ALPHA = 0.05


def perturbation(
    mdata: MuData,
    *,
    level: str = "outputs",
    of: str | None = None,
    group: str | None = None,
    n_top: int = 15,
    ax: Axes | None = None,
) -> Axes:
    """Draw what a perturbation shifts, with intervals.

    Parameters
    ----------
    mdata
        MuData with a perturbation (`pathweave.tl.perturb`).
    level
        ``"outputs"`` (predictions), ``"latent"``, ``"pathway"`` (activities) or ``"layer"`` (decoded features that were
        not changed themselves).
    of
        Target to show among the outputs; the first by default.
    group
        Group of samples; all of them by default for outputs, the first for other levels.
    n_top
        Number of bars, the largest shifts first; outputs are all shown.
    ax
        Axes to draw on.

    Returns
    -------
    The axes: a bar a shift (after - before), red up and blue down, with the 95 % interval over samples; of classes
    the probabilities, of features standard deviations of the training samples.

    Examples
    --------
    >>> import matplotlib, pathweave as pw
    >>> matplotlib.use("agg")
    >>> mdata = pw.datasets.simulate(60, seed=1)
    >>> model = pw.models.PathwayVAE(8, max_epochs=3, n_folds=3).fit(mdata, target="class")
    >>> pw.tl.perturb(mdata, model, {mdata["rna"].var_names[0]: "lowest"}, n_null=0)
    >>> [t.get_text() for t in pw.pl.perturbation(mdata).get_yticklabels()]
    ['class A', 'class B']
    """
    check_choice("level", level, _LEVELS)
    table = get.perturbations(mdata, level=level, group=group)
    groups = list(dict.fromkeys(table["group"]))
    if level == "outputs":
        shown, label = _outputs(table, of)
    else:
        first = table[table["group"] == groups[0]] if groups else table
        shown, label = _of_level(first, level, n_top)
        groups = groups[:1]
    ax = tidy(new_axes(ax, width=7.5, height=1.6 + 0.3 * max(len(shown), 2)))
    y = np.arange(len(shown))[::-1]
    shift, low, high = (shown[c].to_numpy(dtype=float) for c in ("shift", "low", "high"))
    ax.barh(y, shift, color=np.where(shift > 0, UP, DOWN), height=0.65)
    ax.hlines(y, low, high, colors="black", linewidth=1.2)
    ax.scatter(np.r_[low, high], np.r_[y, y], marker="|", c="black", s=30, zorder=3)
    ax.axvline(0.0, color=REFERENCE, linewidth=0.8)
    names = shown["label"]
    if level == "outputs" and len(groups) > 1:
        of_group = shown["group"].astype(str)
        alone = len(set(names)) == 1
        label = f"{label} ({names.iloc[0]})" if alone else label
        names = of_group if alone else names + ", " + of_group
    ax.set_yticks(y, [short(name, 50) for name in names], fontsize=8)
    ax.set_xlabel(f"shift, {label}; line: 95 % interval over samples", fontsize=9)
    asked = table.attrs["params"]["changes"]
    where = "" if groups in ([], ["all"]) or len(groups) > 1 else f", {groups[0]}"
    ax.set_title(
        short(f"{', '.join(f'{n}: {_spelled(c)}' for n, c in asked.items())}{where}", 90)
        + "\nwhat the model says, not what the cell does",
        fontsize=10,
    )
    return ax


def _outputs(table: pd.DataFrame, of: str | None) -> tuple[pd.DataFrame, str]:
    targets = list(dict.fromkeys(table["target"]))
    if not targets:
        msg = "the model was fitted without a target, so no prediction shifts; draw level='latent' or level='layer'."
        raise ValueError(msg)
    if of is not None:
        check_choice("of", of, targets)
    mine = table[(table["target"] == (of or targets[0])) & (table["unit"] != "log odds")]
    same = mine["target"] == mine["output"]
    label = mine["target"].where(same, mine["target"] + " " + mine["output"])
    return mine.assign(label=label), str(mine["unit"].iloc[0])


def _of_level(table: pd.DataFrame, level: str, n_top: int) -> tuple[pd.DataFrame, str]:
    if level == "pathway":
        name = table["name"].where(table["name"] != "", table["pathway"])
        return table.assign(label=name).head(n_top), "standard deviations of the activity"
    if level == "latent":
        only = table[table["dimension"] != "distance"].assign(label=lambda t: t["dimension"])
        order = np.argsort(-only["shift"].abs().to_numpy(), kind="stable")
        return only.iloc[order].head(n_top), "units of the latent"
    best = table[~table["changed"].astype(bool)].head(n_top)
    per = (best["sds"] / best["shift"]).fillna(0.0)
    scaled = {c: best[c] * per for c in ("low", "high")}
    label = best["feature"] + " (" + best["layer"] + ")"
    return best.assign(shift=best["sds"], label=label, **scaled), "standard deviations"


def perturbation_screen(
    mdata: MuData, *, group: str | None = None, n_top: int = 20, ax: Axes | None = None
) -> Axes:
    """Draw the units of a screen that shift an output most.

    Parameters
    ----------
    mdata
        MuData with a screen (`pathweave.tl.perturb_screen`).
    group
        Class to show; the first by default.
    n_top
        Number of genes or pathways.
    ax
        Axes to draw on.

    Returns
    -------
    The axes: a dot a unit with its 95 % interval over samples, red where the output rises, blue where it falls,
    filled where few random features do as much (p_random < .05) and grey and hollow elsewhere; a tick at its mean
    absolute shift, which is larger where samples go either way.

    Examples
    --------
    >>> import matplotlib, pathweave as pw
    >>> matplotlib.use("agg")
    >>> mdata = pw.datasets.simulate(60, seed=1)
    >>> model = pw.models.MultimodalVAE(8, max_epochs=3, n_folds=3).fit(mdata, target="outcome")
    >>> pw.tl.perturb_screen(
    ...     mdata, model, "lowest", units=list(mdata["rna"].var_names[:5]), n_null=0
    ... )
    >>> len(pw.pl.perturbation_screen(mdata).get_yticks())
    5
    """
    table = get.perturbations(mdata, level="screen")
    groups = list(dict.fromkeys(table["group"].astype(str)))
    if group is not None:
        check_choice("group", group, groups)
    shown = group or groups[0]
    best = table[table["group"].astype(str) == shown].head(n_top)
    params = table.attrs["params"]
    ax = tidy(new_axes(ax, width=7.5, height=1.8 + 0.27 * max(len(best), 3)))
    y = np.arange(len(best))[::-1]
    shift = best["shift"].to_numpy(dtype=float)
    beyond = (best["p_random"] < _ALPHA).to_numpy() | best["p_random"].isna().to_numpy()
    side = np.where(shift > 0, UP, DOWN)
    colour = np.where(beyond, side, MISSING)
    ax.hlines(y, best["low"], best["high"], colors=colour, linewidth=1.6)
    ax.scatter(
        shift, y, c=np.where(beyond, side, "white"), edgecolors=np.where(beyond, side, REFERENCE), s=40, zorder=3
    )  # fmt: skip
    tick = np.where(shift >= 0, 1.0, -1.0) * best["effect"]
    ax.scatter(tick, y, marker="|", c=REFERENCE, s=60, label="mean absolute shift, which ranks")
    ax.legend(fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(0.0, -0.1))
    ax.axvline(0.0, color=REFERENCE, linewidth=0.8)
    names = [f"{short(s, 42)} ({where})" for s, where in zip(best["symbol"], best["layers"], strict=True)]  # fmt: skip
    ax.set_yticks(y, names, fontsize=8)
    ax.set_xlabel(f"shift, {params['unit']}; line: 95 % interval over samples", fontsize=9)
    key = "filled: more than most random features changed as much (p < .05)"
    key = key if best["p_random"].notna().any() else "not compared with random features"
    ax.set_title(
        f"{_spelled(params['change'])} of {params['n_units']} units, one at a time: {shown}\n"
        f"{key}\nwhat the model says, not what the cell does",
        fontsize=10,
    )
    return ax


def _spelled(change: object) -> str:
    """Write a change as a reader would."""
    if isinstance(change, dict):
        return "; ".join(f"{layer} {_spelled(own)}" for layer, own in change.items())
    if isinstance(change, (list, tuple)):
        return " ".join(f"{part:g}" if isinstance(part, float) else str(part) for part in change)
    return f"times {change:g}" if isinstance(change, float) else str(change)
