"""Patches, legend and colour bar of a pathway."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from pathweave.pl._network_scene import RADIUS, Rect, Scene, outline
from pathweave.pl._style import DIVERGING, MISSING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.patches import Patch

    from pathweave.pl._network_items import Items

POSITIVE, NEGATIVE, PLAIN, FAINT = "#00795C", "#D55E00", "#444444", "#9A9A9A"
SOLID, DASHED, DOTTED = "-", (0, (4, 2)), (0, (1, 1.5))
LOOKS: dict[str, tuple[str, Any, str]] = {
    "activation": (POSITIVE, SOLID, "-|>"),
    "inhibition": (NEGATIVE, SOLID, "|"),
    "expression": (POSITIVE, DASHED, "-|>"),
    "repression": (NEGATIVE, DASHED, "|"),
    "activation, indirect": (POSITIVE, DOTTED, "-|>"),
    "inhibition, indirect": (NEGATIVE, DOTTED, "|"),
    "expression, indirect": (POSITIVE, DOTTED, "-|>"),
    "repression, indirect": (NEGATIVE, DOTTED, "|"),
    "effect of unknown sign": (PLAIN, SOLID, "->"),
    "effect of unknown sign, indirect": (PLAIN, DOTTED, "->"),
    "regulation of expression": (PLAIN, DASHED, "->"),
    "regulation of expression, indirect": (PLAIN, DOTTED, "->"),
    "reaction": (PLAIN, SOLID, "-|>"),
    "reversible reaction": (PLAIN, SOLID, "<|-|>"),
    "association": (PLAIN, SOLID, "-"),
    "positive association": (POSITIVE, SOLID, "-"),
    "negative association": (NEGATIVE, SOLID, "-"),
    "binding": (FAINT, SOLID, "-"),
    "complex": (FAINT, DASHED, "-"),
    "shared metabolite": (FAINT, DOTTED, "-"),
    "link to a map": (FAINT, DOTTED, "-"),
    "missing interaction": (FAINT, DOTTED, "-|>"),
}
"""Colour, line and head of each kind of edge, in the order of the legend."""
FILL = {"gene": "#E3EDF7", "compound": "#F7D9A8", "pathway": "#EDEDED"}
SHAPES = {"gene": "gene", "compound": "metabolite", "pathway": "other map"}
FRAMES = {"complex": ("#F1EDE2", "#8C8C8C", "complex"), "stack": ("white", "#BDBDBD", "same edges")}
POINT = 7.0
WIDEST, HIGHEST = 24.0, 16.0


def canvas(scene: Scene, ax: Axes | None) -> tuple[Axes, float]:
    """Axes in which an inch of the scene is `scale` inches, and the scale."""
    import matplotlib.pyplot as plt

    x0, y0, x1, y1 = scene.extent
    x0, y0, x1, y1 = x0 - 0.15, y0 - 0.15, x1 + 0.15, y1 + 0.15
    if ax is None:
        scale = min(1.0, WIDEST / (x1 - x0), HIGHEST / (y1 - y0))
        width, height = max((x1 - x0) * scale, 3.2), (y1 - y0) * scale
        below, right, above = 0.75, 2.5, 0.4
        # No automatic layout: names fit their boxes at this size of the axes and no other.
        whole = width + right + 0.1, max(height + below + above, 2.2)
        figure = plt.figure(figsize=whole)
        low = whole[1] - above - height
        ax = figure.add_axes((0.1 / whole[0], low / whole[1], width / whole[0], height / whole[1]))
    else:
        figure = ax.get_figure(root=True)
        box = ax.get_window_extent()
        inch = figure.dpi if figure is not None else 100.0
        scale = min(box.width / inch / (x1 - x0), box.height / inch / (y1 - y0))
    ax.set_xlim(x0, x1)
    ax.set_ylim(y0, y1)
    ax.set_aspect("equal")
    ax.set_axis_off()
    return ax, float(scale)


def colors(items: Items) -> Any:
    """Colour scale: centred on zero where values have both signs."""
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    shown = [box.value for box in items.boxes if not np.isnan(box.value)]
    low, high = min(shown), max(shown)
    if low < 0 < high or low == high == 0:
        top = max(-low, high) or 1.0
        return ScalarMappable(Normalize(-top, top), colormaps[DIVERGING])
    if low == high:
        low, high = min(low, 0.0), max(high, 0.0)
    return ScalarMappable(Normalize(low, high), colormaps["viridis"])


def items(ax: Axes, scene: Scene, scale: float, color: Any, *, text: bool) -> None:
    """Add frames, lines, boxes and names."""
    from matplotlib.patches import FancyBboxPatch

    items, size = scene.items, POINT * scale
    for i, block in enumerate(items.blocks):
        if block.role in FRAMES:
            face, edge, _ = FRAMES[block.role]
            x, y, w, h = scene.rect[-1 - i]
            style = "round,pad=0,rounding_size=0.05"
            ax.add_patch(
                FancyBboxPatch(
                    (x - w / 2, y - h / 2), w, h, boxstyle=style, facecolor=face, edgecolor=edge,
                    linewidth=0.8 * scale, zorder=1, gid=block.role,
                )
            )  # fmt: skip
    for link, points in zip(items.links, scene.lines, strict=True):
        head = LOOKS[link.look][2] if link.head or link.look == "reversible reaction" else "-"
        ax.add_patch(_arrow(points, link.look, head, scale))
    for i, box in enumerate(items.boxes):
        if i not in scene.rect:
            continue
        face = FILL.get(box.kind, FILL["gene"])
        if color is not None:
            face = MISSING if np.isnan(box.value) else color.to_rgba(box.value)
        x, y, _, h = scene.rect[i]
        ax.add_patch(_shape(box.kind, scene.rect[i], face, scale, gid=box.ids[0]))
        if not text:
            continue
        below = box.kind == "compound"
        ax.text(
            x, y - h / 2 if below else y - 0.005, box.label, fontsize=size, zorder=4, ha="center",
            va="bottom" if below else "center", color="black" if below else _ink(face),
        )  # fmt: skip


def _arrow(points: np.ndarray, look: str, head: str, scale: float) -> Patch:
    """Line through points, level at each, with the head that its look has."""
    from matplotlib.patches import ArrowStyle, FancyArrowPatch
    from matplotlib.path import Path

    color, line, _ = LOOKS[look]
    vertices = [points[0]]
    codes = [Path.MOVETO]
    if len(points) == 4 and points[1][0] == points[2][0]:
        vertices += [*points[1:]]
        codes += [Path.CURVE4] * 3
    else:
        straight = len(points) == 2 and look in {"reaction", "reversible reaction"}
        for a, b in pairwise(points):
            if straight or abs(a[1] - b[1]) < 1e-6:
                vertices.append(b)
                codes.append(Path.LINETO)
            else:
                middle = (a[0] + b[0]) / 2
                vertices += [(middle, a[1]), (middle, b[1]), b]
                codes += [Path.CURVE4] * 3
    style = {
        "|": ArrowStyle.BracketB(widthB=0.42, lengthB=0.0),
        "-|>": ArrowStyle.CurveFilledB(head_length=0.5, head_width=0.25),
        "<|-|>": ArrowStyle.CurveFilledAB(head_length=0.5, head_width=0.25),
        "->": ArrowStyle.CurveB(head_length=0.45, head_width=0.25),
        "-": ArrowStyle.Curve(),
    }[head]
    return FancyArrowPatch(
        path=Path(np.array(vertices), codes), arrowstyle=style, mutation_scale=8 * scale,
        color=color, linestyle=line, linewidth=0.9 * scale, zorder=2, gid=look, capstyle="butt",
    )  # fmt: skip


def _shape(kind: str, rect: Rect, face: Any, scale: float, *, gid: str | None) -> Patch:
    """Box of a gene, circle of a compound, rounded box of a map."""
    from matplotlib.patches import Circle, FancyBboxPatch, Rectangle

    how = {
        "facecolor": face,
        "edgecolor": "#444444",
        "linewidth": 0.6 * scale,
        "zorder": 3,
        "gid": gid,
    }
    x, y, w, h = rect
    if kind == "compound":
        return Circle(outline(rect, round_=True)[:2], RADIUS, **how)
    if kind == "pathway":
        return FancyBboxPatch(
            (x - w / 2, y - h / 2), w, h, boxstyle="round,pad=0,rounding_size=0.1", **how
        )
    return Rectangle((x - w / 2, y - h / 2), w, h, **how)


def _ink(face: Any) -> str:
    """Black or white, whichever can be read on a colour."""
    from matplotlib.colors import to_rgb

    return "black" if np.dot(to_rgb(face), (0.299, 0.587, 0.114)) > 0.5 else "white"


def legend(ax: Axes, scene: Scene, color: Any) -> None:
    """Explain what is there, and nothing else."""
    from matplotlib.legend_handler import HandlerPatch
    from matplotlib.patches import Circle, FancyArrowPatch, Rectangle

    items, scale = scene.items, 1.0
    kinds = {items.boxes[box].kind for block in items.blocks for box in block.boxes}
    handles: list[Patch] = []
    for kind in sorted(kinds, key=[*SHAPES, *sorted(kinds)].index):
        face = FILL.get(kind, FILL["gene"]) if color is None else "white"
        handles.append(_shape(kind, (0, 0, 1, 1), face, scale, gid=None))
        handles[-1].set_label(SHAPES.get(kind, kind))
    if color is not None and any(
        np.isnan(items.boxes[b].value) for k in items.blocks for b in k.boxes
    ):
        handles.append(
            Rectangle((0, 0), 1, 1, facecolor=MISSING, edgecolor="#444444", linewidth=0.6)
        )
        handles[-1].set_label("without a value")
    for role in (r for r in FRAMES if r in {block.role for block in items.blocks}):
        face, edge, name = FRAMES[role]
        handles.append(Rectangle((0, 0), 1, 1, facecolor=face, edgecolor=edge, label=name))
    looks = {link.look for link in items.links}
    for look in (name for name in LOOKS if name in looks):
        handles.append(_arrow(np.array([[0.0, 0.0], [1.0, 0.0]]), look, LOOKS[look][2], scale))
        handles[-1].set_label(look)
    shapes = {Circle: HandlerPatch(_small_circle), FancyArrowPatch: HandlerPatch(_small_arrow)}
    ax.legend(
        handles=handles, handler_map=shapes, loc="upper left", bbox_to_anchor=(1.0, 1.0),
        frameon=False, fontsize=8, handlelength=2.4, borderaxespad=0.2,
    )  # fmt: skip


def _small_circle(*_: Any, **place: Any) -> Patch:
    from matplotlib.patches import Circle

    height = place["height"]
    centre = place["width"] / 2 - place["xdescent"], height / 2 - place["ydescent"]
    return Circle(centre, height / 2)


def _small_arrow(*_: Any, **place: Any) -> Patch:
    look = str(place["orig_handle"].get_label())
    x, y = -place["xdescent"], place["height"] / 2 - place["ydescent"]
    return _arrow(np.array([[x, y], [x + place["width"], y]]), look, LOOKS[look][2], 1.0)


def color_bar(ax: Axes, color: Any, name: str, scene: Scene, scale: float) -> None:
    """Put the colour scale below the drawing, on the left."""
    figure = ax.get_figure()
    if figure is None:
        return
    x0, y0, x1, y1 = scene.extent
    width, height = (x1 - x0) * scale, (y1 - y0) * scale
    inset = ax.inset_axes((0.0, -0.2 / height, min(2.0 / width, 0.6), 0.09 / height))
    bar = figure.colorbar(color, cax=inset, orientation="horizontal")
    bar.set_label(name, fontsize=8)
    bar.ax.tick_params(labelsize=8)
    bar.outline.set_visible(False)


def caption(ax: Axes, text: str, *, under_bar: bool) -> None:
    """Say below the drawing, and below the colour scale if there is one, what is not in it."""
    ax.annotate(
        text, (1, 0), (0, -44 if under_bar else -6), xycoords="axes fraction", textcoords="offset points", ha="right",
        va="top", fontsize=8, gid="caption",
    )  # fmt: skip
