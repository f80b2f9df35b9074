"""Bars in columns and the filled Bezier bands between them, with labels that keep clear of each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pandas as pd
    from matplotlib.axes import Axes

BAR = 0.045


@dataclass(frozen=True)
class Bar:
    """One bar: left edge, lower end and height, in the units of the axes."""

    x: float
    y: float
    height: float

    @property
    def middle(self) -> float:
        """Height of its middle."""
        return self.y + self.height / 2


def column(
    sizes: Mapping[str, float], x: float, *, gap: float, step: float = 0.0
) -> dict[str, Bar]:
    """Stack bars from the top down, the whole column centred on 0; a bar has `step` of room at least."""
    room = {name: max(size + gap, step) for name, size in sizes.items()}
    top = sum(room.values()) / 2
    bars = {}
    for name, size in sizes.items():
        bars[name] = Bar(x, top - (room[name] + size) / 2, size)
        top -= room[name]
    return bars


def bands(
    ax: Axes,
    flows: pd.DataFrame,
    left: Mapping[str, Bar],
    right: Mapping[str, Bar],
    color: Callable[[Any], Any],
) -> None:
    """Draw one band a flow; bands leave and reach a bar in the order of the bars at their other end."""
    from matplotlib.patches import PathPatch

    kinds = {name: i for i, name in enumerate(dict.fromkeys(zip(flows["layer"], flows["sign"], strict=True)))}  # fmt: skip
    kind = np.array([kinds[key] for key in zip(flows["layer"], flows["sign"], strict=True)])
    at_left, at_right = ({n: i for i, n in enumerate(bars)} for bars in (left, right))
    source = flows["source"].map(at_left).to_numpy()
    target = flows["target"].map(at_right).to_numpy()
    share = flows["share"].to_numpy()
    start, end = np.zeros(len(flows)), np.zeros(len(flows))
    for ends, order, bars, names in (
        (start, np.lexsort((kind, target, source)), left, flows["source"]),
        (end, np.lexsort((kind, source, target)), right, flows["target"]),
    ):
        used = {name: bar.y + bar.height for name, bar in bars.items()}
        for i in order:
            name = names.iloc[i]
            used[name] -= share[i]
            ends[i] = used[name]
    for i, row in enumerate(flows.itertuples()):
        a, b = left[str(row.source)].x + BAR, right[str(row.target)].x
        ax.add_patch(
            PathPatch(
                ribbon(a, b, start[i], end[i], share[i]), facecolor=color(row), alpha=0.42, linewidth=0.0, zorder=1,
                gid=f"{row.source}>{row.target}",
            )
        )  # fmt: skip


def ribbon(a: float, b: float, low_a: float, low_b: float, width: float) -> Any:
    """Closed path from x = a to x = b, level at both ends, as wide as the share everywhere along y."""
    from matplotlib.path import Path

    middle = (a + b) / 2
    high_a, high_b = low_a + width, low_b + width
    vertices = [
        (a, low_a), (middle, low_a), (middle, low_b), (b, low_b), (b, high_b), (middle, high_b), (middle, high_a),
        (a, high_a), (a, low_a),
    ]  # fmt: skip
    codes = [Path.MOVETO, *[Path.CURVE4] * 3, Path.LINETO, *[Path.CURVE4] * 3, Path.CLOSEPOLY]
    return Path(np.array(vertices), codes)


def boxes(
    ax: Axes, bars: Mapping[str, Bar], colors: Mapping[str, str], otherwise: str, prefix: str
) -> None:
    """Draw the bars themselves."""
    from matplotlib.patches import Rectangle

    for name, bar in bars.items():
        ax.add_patch(
            Rectangle(
                (bar.x, bar.y), BAR, bar.height, facecolor=colors.get(name, otherwise), edgecolor="white", linewidth=0.3, zorder=3,
                gid=f"{prefix}:{name}",
            )
        )  # fmt: skip


def apart(wanted: Sequence[float], step: float, low: float, high: float) -> np.ndarray:
    """Heights in falling order, `step` apart at least and within bounds, as near to the wanted ones as can be.

    Least squares: isotonic regression of what is left once the steps are taken out, cut at the bounds.
    """
    from scipy.optimize import isotonic_regression

    y = -np.asarray(wanted, dtype=float)
    if not len(y):
        return y
    steps = step * np.arange(len(y))
    free = isotonic_regression(y - steps).x
    return np.asarray(-(np.clip(free, -high, max(-high, -low - steps[-1])) + steps))


def names(
    ax: Axes,
    bars: Mapping[str, Bar],
    texts: Mapping[str, str],
    *,
    step: float,
    size: float,
    right: bool = True,
) -> None:
    """Write a label beside every bar, moved along where bars are thin, with a line to the bar."""
    from matplotlib.patheffects import withStroke

    low, high = ax.get_ylim()
    middles = [bar.middle for bar in bars.values()]
    heights = apart(middles, step, low + step / 2, high - step / 2)
    for (name, bar), y in zip(bars.items(), heights, strict=True):
        edge = bar.x + BAR if right else bar.x
        side = 1.0 if right else -1.0
        ax.annotate(
            texts[name], (edge, bar.middle), (edge + side * 0.035, y), fontsize=size, va="center",
            ha="left" if right else "right", zorder=5, gid=f"label:{name}", annotation_clip=False,
            path_effects=[withStroke(linewidth=1.8, foreground="white", alpha=0.85)],
            arrowprops={"arrowstyle": "-", "color": "#8A8A8A", "linewidth": 0.4, "shrinkA": 0, "shrinkB": 0}
            if abs(y - bar.middle) > 0.3 * step else None,
        )  # fmt: skip
