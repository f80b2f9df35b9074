"""What a perturbation shifted, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pathweave._core.perturbation_results import CAUTION

if TYPE_CHECKING:
    import pandas as pd

_MOST_OUTPUTS = 6
_MANY, _FAR = 0.05, 5.0


def told(changes: pd.DataFrame, tables: dict[str, pd.DataFrame], params: dict[str, Any]) -> str:
    """A few sentences on every group."""
    lines = [_what(changes, params)]
    several = len(params["n_samples"]) > 1
    for group, n in params["n_samples"].items():
        outputs, latent = (tables[part] for part in ("outputs", "latent"))
        mine = outputs[outputs["group"] == group]
        odds = mine[mine["unit"] == "log odds"].set_index(["target", "output"])["shift"]
        mine = mine[mine["unit"] != "log odds"]
        strongest = mine.reindex(mine["shift"].abs().sort_values(ascending=False).index)
        lines.append(f"{'all' if params['groupby'] is None else group}, {n} samples:")
        lines += [
            f"  {_output(row, odds.get((row.target, row.output)), params)}"
            for row in strongest.head(2 if several else _MOST_OUTPUTS).itertuples()
        ]
        moved = latent[(latent["group"] == group) & (latent["dimension"] == "distance")].iloc[0]
        lines.append(
            f"  the latent moves by {moved['shift']:.3g}, {moved['sds']:.2g} times how far samples lie from their centre"
        )
        if not several:
            lines.append(f"  {_others(tables['layer'], group)}")
    outside, far = (changes["outside"] > _MANY).sum(), (changes["sds"] > _FAR).sum()
    if outside:
        lines.append(
            f"{outside} of {len(changes)} changed features end beyond all training samples, where the model was never "
            "taught; 'lowest' or 'highest' stay inside."
        )
    if far:
        lines.append(
            f"{far} of {len(changes)} changed features move by more than {_FAR:g} standard deviations: that may say more "
            "of an outlier among the training samples than of the gene."
        )
    return "\n".join([*lines, CAUTION])


def screen_told(table: pd.DataFrame, params: dict[str, Any]) -> str:
    """A few sentences on every group of a screen."""
    what = params["change"]
    if isinstance(what, dict):
        what = "; ".join(f"{layer} {own}" for layer, own in what.items())
    skipped = params["n_skipped"]
    lines = [
        f"{what} of {params['n_units']} units ({params['units']}), one at a time, in {params['n_samples']} samples"
        + (f"; {skipped} that it does not touch are left out." if skipped else ".")
    ]
    for group, mine in table.groupby("group", sort=False):
        best = [f"{row.symbol} {_shift(row)}" for row in mine.head(_MOST_OUTPUTS).itertuples()]
        line = f"{group} ({params['unit']}): most of all {', '.join(best)}."
        p = mine["p_random"].dropna()
        if len(p):
            line += (
                f" {100 * (p < 0.05).mean():.0f} % have p < .05 against random features of the same size (5 % is what "
                "chance gives)."
            )
        tau = params["stability"][str(group)]
        if np.isfinite(tau):
            line += f" The {params['n_members']} networks rank units alike with a Kendall tau of {tau:.2f}."
        lines.append(line)
    return "\n".join([*lines, CAUTION])


def _what(changes: pd.DataFrame, params: dict[str, Any]) -> str:
    asked = ", ".join(f"{name}: {_short(change)}" for name, change in params["changes"].items())
    by_layer = changes.groupby("layer", sort=False).size()
    where = ", ".join(f"{n} in {layer}" for layer, n in by_layer.items())
    left = params["n_left_out"]
    out = f"; {left} samples without any of them are left out" if left else ""
    return f"{asked} (features: {where}{out})"


def _short(change: Any) -> str:
    if isinstance(change, dict):
        return "; ".join(f"{layer} {_short(own)}" for layer, own in change.items())
    if isinstance(change, list):
        return " ".join(f"{part:g}" if isinstance(part, float) else str(part) for part in change)
    return f"scale {change:g}" if isinstance(change, float) else str(change)


def _output(row: Any, odds: float | None, params: dict[str, Any]) -> str:
    what = row.target if row.target == row.output else f"{row.target} {row.output}"
    if row.effect == 0:
        return f"{what}: no shift, the model does not use what was changed"
    words = f"{what}: {row.shift:+.3g} {row.unit}"
    if odds is not None:
        words += f" ({odds:+.3g} log odds)"
    if np.isfinite(row.low):
        words += f", 95 % interval over samples {row.low:+.3g} to {row.high:+.3g}"
    if np.isfinite(row.se):
        words += f", standard error over {params['n_members']} networks {row.se:.2g}"
    if np.isfinite(row.p_random):
        words += f"; p = {row.p_random:.2g} against random features changed as much"
    return words


def _shift(row: Any) -> str:
    """Shift of a unit, and that it goes either way where it does."""
    words = [] if abs(row.shift) > 0.8 * row.effect else [f"either way, {row.effect:.2g}"]
    words += [f"p {row.p_random:.2g}"] if np.isfinite(row.p_random) else []
    return f"{row.shift:+.2g}" + (f" ({'; '.join(words)})" if words else "")


def _others(layer: pd.DataFrame, group: str) -> str:
    mine = layer[(layer["group"] == group) & ~layer["changed"]].head(3)
    if mine.empty:
        return "no other feature is decoded"
    told = [f"{r.feature} ({r.layer}) {r.sds:+.2g}" for r in mine.itertuples()]
    return f"decoded otherwise, most of all in standard deviations: {', '.join(told)}"
