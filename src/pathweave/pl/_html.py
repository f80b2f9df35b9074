"""Small pieces of a self-contained HTML page: everything that comes from data is escaped here."""

from __future__ import annotations

import base64
import io
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from matplotlib.axes import Axes

_LARGE = 700_000
"""Bytes of an SVG beyond which a figure is a PNG."""

STYLE = """
:root { color-scheme: light; }
body { margin: 0 auto; max-width: 68rem; padding: 1.5rem 1.5rem 4rem; color: #222; background: #fff;
  font: 16px/1.5 system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0 0 .2rem; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 2.4rem 0 .6rem; padding-bottom: .2rem; border-bottom: 1px solid #ddd; }
p.note, figcaption, caption { color: #555; font-size: .88rem; }
p.note { margin: .3rem 0 .8rem; }
ul.verdict { list-style: none; margin: .8rem 0; padding: .8rem 1.1rem; background: #f2f6fa;
  border-left: 4px solid #0072B2; }
ul.verdict li { margin: .25rem 0; overflow-wrap: anywhere; }
li.warn { color: #8f1d22; font-weight: 600; }
ul.plain li { margin: .35rem 0; }
div.wide { overflow-x: auto; }
div.wide + div.wide { margin-top: 1.2rem; }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
th, td { padding: .32rem .6rem; text-align: left; vertical-align: top; border-bottom: 1px solid #e6e6e6; }
thead th { border-bottom: 2px solid #999; vertical-align: bottom; }
table.numbers { font-size: .86rem; }
table.numbers td { white-space: nowrap; }
table.numbers th[scope=row] { min-width: 9rem; max-width: 20rem; overflow-wrap: anywhere; }
table.numbers td.words { white-space: normal; min-width: 16rem; }
tbody th { font-weight: 500; }
tr.null { color: #777; }
td.best { font-weight: 700; }
small { display: block; color: #666; font-weight: 400; }
figure { margin: 1.2rem 0; }
figure img { max-width: 100%; height: auto; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; background: #f6f6f6; padding: .8rem 1rem; font-size: .85rem; }
footer { margin-top: 3rem; color: #777; font-size: .85rem; }
@media print { body { max-width: none; font-size: 11pt; } figure, tr { break-inside: avoid; }
  table.numbers { font-size: 7pt; } th, td { padding: 2pt 3pt; } }
"""


def page(title: str, body: Iterable[str], foot: str) -> str:
    """Put sections into a page that needs no other file."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        f"<h1>{escape(title)}</h1>\n" + "\n".join(part for part in body if part)
        + f"\n<footer>{escape(foot)}</footer>\n</body>\n</html>\n"
    )  # fmt: skip


def section(title: str, *parts: str) -> str:
    """Put parts under a heading."""
    return f"<section>\n<h2>{escape(title)}</h2>\n" + "\n".join(parts) + "\n</section>"


def note(text: str) -> str:
    """Say something in small print."""
    return f'<p class="note">{escape(text)}</p>'


def lines(texts: Iterable[str], *, kind: str) -> str:
    """List sentences; warnings stand out."""
    items = [
        f'<li class="warn">{escape(text)}</li>'
        if text.startswith("WARNING")
        else f"<li>{escape(text)}</li>"
        for text in texts
    ]
    return f'<ul class="{escape(kind)}">\n' + "\n".join(items) + "\n</ul>"


def pairs(rows: Iterable[tuple[str, str]]) -> str:
    """Lay out names and what they are."""
    body = "\n".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(text)}</td></tr>'
        for name, text in rows
    )
    return f'<div class="wide"><table>\n<tbody>\n{body}\n</tbody>\n</table></div>'


def table(
    header: Sequence[str | tuple[str, str]],
    rows: Iterable[tuple[str, Sequence[tuple[str, str]]]],
    *,
    best: Sequence[str | None] = (),
    grey: Iterable[str] = (),
    words: Iterable[int] = (),
) -> str:
    """Lay out numbers: a row is its name and cells of a number and its small print, as a header may be.

    `best` names the row whose cell is bold, for each column after the first; rows in `grey` step back.
    Cells at the places `words` are text that may take several lines.
    """
    behind, text = set(grey), set(words)
    head = "".join(
        f'<th scope="col">{escape(name)}{f"<small>{escape(small)}</small>" if small else ""}</th>'
        for name, small in (
            column if isinstance(column, tuple) else (column, "") for column in header
        )
    )
    body = []
    for name, cells in rows:
        told = ""
        for i, (number, small) in enumerate(cells):
            bold = ' class="best"' if i < len(best) and best[i] == name else ""
            bold = ' class="words"' if i in text else bold
            more = f"<small>{escape(small)}</small>" if small else ""
            told += f"<td{bold}>{escape(number)}{more}</td>"
        step = ' class="null"' if name in behind else ""
        body.append(f'<tr{step}><th scope="row">{escape(name)}</th>{told}</tr>')
    return (
        f'<div class="wide"><table class="numbers">\n<thead><tr>{head}</tr></thead>\n<tbody>\n'
        + "\n".join(body)
        + "\n</tbody>\n</table></div>"
    )


def figure(plot: Callable[[], Axes], caption: str) -> str:
    """Draw into the page, as SVG, or PNG where that is large; where a plot cannot be drawn the page says why."""
    import matplotlib as mpl
    import matplotlib.pyplot as plt

    before = set(plt.get_fignums())
    # The same report gives the same bytes: no date, no random ids. Letters are drawn, so no font is needed.
    style = {"svg.hashsalt": "pathweave", "svg.fonttype": "path", "figure.dpi": 100}
    with plt.ioff(), mpl.rc_context(style):
        try:
            drawn: Any = plot().get_figure()
            kind, out = "svg+xml", io.BytesIO()
            drawn.savefig(out, format="svg", metadata={"Date": None}, bbox_inches="tight")
            if out.tell() > _LARGE:
                kind, out = "png", io.BytesIO()
                drawn.savefig(
                    out, format="png", dpi=160, metadata={"Software": None}, bbox_inches="tight"
                )
        except ValueError as error:
            return note(f"{caption} Not drawn: {error}")
        finally:
            for number in set(plt.get_fignums()) - before:
                plt.close(number)
    data = base64.b64encode(out.getvalue()).decode("ascii")
    alt = escape(caption, quote=True)
    return (
        f'<figure><img alt="{alt}" src="data:image/{kind};base64,{data}">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )
