"""A pathway with a place for every box, block and line, in inches at letters of seven points."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pathweave.pl import _network_layout as layout

if TYPE_CHECKING:
    from pathweave.pl._network_items import Block, Items

Rect = tuple[float, float, float, float]
"""Centre, width and height."""
LETTER, HEIGHT, RADIUS, PAD, CELL = 0.062, 0.21, 0.085, 0.06, 0.035
"""At 7 points: width of a letter, height of a box, radius of a compound, and gaps, in inches."""
FRAMED = frozenset({"complex", "stack"})


@dataclass
class Scene:
    """Items with a place: rectangle of each box and block (ends below zero), points of each link."""

    items: Items
    rect: dict[int, tuple[float, float, float, float]]
    lines: list[np.ndarray]
    extent: tuple[float, float, float, float]


def _box_size(items: Items, box: int) -> tuple[float, float]:
    width = LETTER * len(items.boxes[box].label) + 0.1
    if items.boxes[box].kind == "compound":
        return max(width, 2 * RADIUS), 2 * RADIUS + 0.15
    return max(width, 0.4), HEIGHT


def _grid(items: Items, block: Block, wide: float) -> tuple[np.ndarray, list[Rect]]:
    """Size of a block, and rectangle of each of its boxes around its centre."""
    sizes = np.array([_box_size(items, box) for box in block.boxes])
    n = len(sizes)
    cell = sizes.max(axis=0) + CELL
    if block.role == "loose":
        n_columns = max(1, min(n, int(wide / cell[0])))
    else:
        n_columns = 1 if n <= 5 else int(np.ceil(np.sqrt(n * cell[1] / cell[0] * 1.5)))
    n_rows = -(-n // n_columns)
    pad = 2 * PAD if block.role in FRAMED else 0.0
    size = np.array([n_columns * cell[0] - CELL + pad, n_rows * cell[1] - CELL + pad])
    rects = []
    for k, (w, h) in enumerate(sizes):
        # Filled column by column; a box is as wide as its column unless it is a compound.
        column, row = divmod(k, n_rows) if block.role != "loose" else divmod(k, n_columns)[::-1]
        x = (column - (n_columns - 1) / 2) * cell[0]
        y = ((n_rows - 1) / 2 - row) * cell[1]
        compound = items.boxes[block.boxes[k]].kind == "compound"
        rects.append((x, y, w if compound else cell[0] - CELL, h))
    return size, rects


def arranged(items: Items) -> Scene:
    """Give every block, box and link its place."""
    block_of = items.block_of()
    ends = [(block_of[k.source], block_of[k.target]) for k in items.links]
    parts = layout.components(len(items.blocks), [(a, b, True) for a, b in ends])
    loose = {i for i, block in enumerate(items.blocks) if block.role == "loose"}
    sizes = np.array([_grid(items, block, 6.0)[0] for block in items.blocks])
    centre = np.zeros((len(sizes), 2))
    ways: list[np.ndarray] = [np.zeros((0, 2)) for _ in items.links]
    straight: set[int] = set()
    boxes: list[tuple[float, float]] = []
    shapes = []
    for part in [p for p in parts if not loose & set(p)]:
        number = {block: i for i, block in enumerate(part)}
        inside = [i for i, (a, b) in enumerate(ends) if a in number and a != b]
        arcs = [(number[ends[i][0]], number[ends[i][1]], _leads_on(items, i)) for i in inside]
        reactions = sum("reaction" in items.links[i].look for i in inside)
        if 2 * reactions > len(inside):
            at = layout.spread(sizes[part], arcs)
            straight.update(inside)
            found: dict[int, list[tuple[float, float]]] = {}
        else:
            at, found = layout.layered(sizes[part], arcs)
        low, high = (at - sizes[part] / 2).min(axis=0), (at + sizes[part] / 2).max(axis=0)
        centre[part] = at
        for i, points in found.items():
            ways[inside[i]] = np.array(points)
        boxes.append(tuple(high - low))
        shapes.append((part, inside, np.array([low[0], high[1]])))
    wide = max([w for w, _ in boxes], default=0.0)
    total = sum(w * h for w, h in boxes)
    wide = max(wide, np.sqrt(1.6 * total), 4.0)
    for i in loose:
        sizes[i] = _grid(items, items.blocks[i], _loose_width(items, items.blocks[i], wide))[0]
        boxes.append(tuple(sizes[i]))
        shapes.append(([i], [], np.array([-sizes[i, 0] / 2, sizes[i, 1] / 2])))
    for (part, inside, corner), new in zip(shapes, layout.packed(boxes, width=wide), strict=True):
        centre[part] += new - corner
        for i in inside:
            ways[i] = ways[i] + new - corner
    rect: dict[int, Rect] = {}
    for i, block in enumerate(items.blocks):
        wide_here = _loose_width(items, block, wide)
        for box, (x, y, w, h) in zip(block.boxes, _grid(items, block, wide_here)[1], strict=True):
            rect[box] = (centre[i, 0] + x, centre[i, 1] + y, w, h)
        rect[-1 - i] = (*centre[i], *sizes[i])
    lines = _lines(items, rect, ways, straight)
    corners = np.array(
        [(x + s * w / 2, y + s * h / 2) for x, y, w, h in rect.values() for s in (-1, 1)]
    )
    every = np.concatenate([corners, *lines])
    return Scene(items, rect, lines, (*every.min(axis=0), *every.max(axis=0)))


def _loose_width(items: Items, block: Block, wide: float) -> float:
    """A grid is as wide as the rest, or, alone, wide enough to be wider than high."""
    if len(items.blocks) > 1:
        return wide
    cells = np.array([_box_size(items, box) for box in block.boxes]).max(axis=0) + CELL
    return float(max(np.sqrt(2.2 * len(block.boxes) * cells.prod()), cells[0]))


def _leads_on(items: Items, i: int) -> bool:
    link = items.links[i]
    return link.head or link.look == "reaction"


def _lines(
    items: Items,
    rect: dict[int, Rect],
    ways: list[np.ndarray],
    straight: set[int],
) -> list[np.ndarray]:
    """Points of each link from border to border; links at one side of a box are spread along it."""
    ports: dict[tuple[int, int], list[tuple[float, int, int]]] = defaultdict(list)
    sides: dict[tuple[int, int], int] = {}
    round_ = {i for i, box in enumerate(items.boxes) if box.kind == "compound"}
    for i, link in enumerate(items.links):
        if i in straight:
            continue
        for which, end in enumerate((link.source, link.target)):
            far = rect[link.target if which == 0 else link.source]
            toward = ways[i][0 if which == 0 else -1] if len(ways[i]) else np.array(far[:2])
            x, _, w, _ = rect[end]
            side = -1 if toward[0] < x - w / 2 else 1
            sides[i, which] = side
            ports[end, side].append((-toward[1], i, which))
    at: dict[tuple[int, int], np.ndarray] = {}
    for (end, side), found in ports.items():
        x, y, w, h = outline(rect[end], round_=end in round_)
        gap = min(0.09, 0.8 * h / len(found))
        for k, (_, i, which) in enumerate(sorted(found)):
            drop = ((len(found) - 1) / 2 - k) * gap
            half = np.sqrt(max((w / 2) ** 2 - drop**2, 0)) if end in round_ else w / 2
            at[i, which] = np.array([x + side * (half + 0.02), y + drop])
    lines = []
    for i, link in enumerate(items.links):
        if i in straight:
            one, other = (outline(rect[e], round_=e in round_) for e in (link.source, link.target))
            lines.append(_clipped(one, other, (link.source in round_, link.target in round_)))
        elif sides[i, 0] == sides[i, 1] and not len(ways[i]):
            # Within a column the line swings out beside it.
            out = sides[i, 0] * (0.12 + 0.04 * (i % 4)) + max(at[i, 0][0], at[i, 1][0])
            bend = [[out, at[i, 0][1]], [out, at[i, 1][1]]]
            lines.append(np.array([at[i, 0], *bend, at[i, 1]]))
        else:
            lines.append(np.array([at[i, 0], *ways[i], at[i, 1]]))
    return lines


def outline(rect: Rect, *, round_: bool) -> Rect:
    """Rectangle to which lines lead: of a compound its circle, above the name."""
    x, y, w, h = rect
    return (x, y + h / 2 - RADIUS, 2 * RADIUS, 2 * RADIUS) if round_ else (x, y, w, h)


def _clipped(
    one: Rect,
    other: Rect,
    rounds: tuple[bool, bool],
) -> np.ndarray:
    """Straight line between two outlines."""
    a, b = np.array(one[:2]), np.array(other[:2])
    way = b - a
    length = float(np.hypot(*way)) or 1.0
    ends = []
    for centre, (_, _, w, h), circle, sign in ((a, one, rounds[0], 1), (b, other, rounds[1], -1)):
        if circle:
            reach = w / 2 / length
        else:
            reach = min(
                size / 2 / abs(step) if step else np.inf
                for size, step in zip((w, h), way, strict=True)
            )
        ends.append(centre + sign * way * min(reach + 0.02 / length, 0.5))
    return np.array(ends)
