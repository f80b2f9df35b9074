"""Text files that hold a table: separator, header and rows, in pieces."""

from __future__ import annotations

import csv
import io
from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING

import pandas as pd

from pathweave.graph._interactions.dialects import DIALECTS, plain
from pathweave.graph._text_lines import Bounded, looks_like_markup, opened

if TYPE_CHECKING:
    from collections.abc import Iterator
    from os import PathLike

_CHUNK = 500_000
_MAX_HEADER = 2**16


def read_table(path: str | PathLike[str], argument: str) -> pd.DataFrame:
    """Read all columns of a text table, as texts; `argument` is the caller's, for messages."""
    skip, header, sep = header_of(path, None, argument)
    parts = [pd.DataFrame(columns=header, dtype=object)]
    parts += chunks(path, skip, header, [*range(len(header))], sep, argument)
    return pd.concat(parts, ignore_index=True)


def chunks(
    path: str | PathLike[str],
    skip: int,
    header: list[str],
    used: list[int],
    sep: str,
    argument: str,
) -> Iterator[pd.DataFrame]:
    quoted = sep != "\t" or any(name.startswith('"') for name in header)
    try:
        label = f"{argument}={str(path)!r}"
        with opened(path, argument) as handle, _utf8(Bounded(handle, label)) as text:
            yield from pd.read_csv(
                text,
                sep=sep,
                skiprows=skip,
                header=None,
                names=header,
                usecols=used,
                index_col=False,
                dtype=object,
                keep_default_na=False,
                na_values=[""],
                quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE,
                chunksize=_CHUNK,
            )
    except pd.errors.ParserError as error:
        msg = f"{argument}={str(path)!r} cannot be read with sep={sep!r}: {error}. Give the right sep."
        raise ValueError(msg) from error


def _utf8(handle: io.RawIOBase) -> io.TextIOWrapper:
    return io.TextIOWrapper(
        io.BufferedReader(handle), encoding="utf-8-sig", errors="replace", newline=""
    )


def header_of(
    path: str | PathLike[str], sep: str | None, argument: str
) -> tuple[int, list[str], str]:
    """Return the lines up to the first row, the header's columns and the separator."""
    with opened(path, argument) as handle:
        lines = []
        for raw in islice(iter(lambda: handle.readline(_MAX_HEADER), b""), 1000):
            lines.append(raw)
            if len(raw) == _MAX_HEADER or (raw.strip() and not raw.startswith(b"#")):
                break
        more = islice(iter(lambda: handle.readline(_MAX_HEADER), b""), 1000)
        following = next((r for r in more if r.strip()), b"").decode("utf-8", errors="replace")
    first = b"".join(lines).removeprefix(b"\xef\xbb\xbf")
    what = "empty"
    if looks_like_markup(first) or b"\0" in first:
        what = "a web page, XML or no text"
    elif lines and len(lines[-1]) == _MAX_HEADER:
        what = f"no table: line {len(lines)} is longer than {_MAX_HEADER // 1024} kB"
    else:
        texts = [raw.decode("utf-8-sig", errors="replace").rstrip("\r\n") for raw in lines]
        for number, text in enumerate(texts, start=1):
            apart = sep or _separator(text)
            cells = [c.strip() for c in (text.split() if apart == r"\s+" else text.split(apart))]
            # STRING begins its headers with "#": such a line is a comment unless its columns are known.
            known = any(d.fits({plain(c) for c in cells}) for d in DIALECTS)
            if any(cells) and (number == len(texts) or known):
                first_row = next((t for t in [*texts[number:], following] if t.strip()), "")
                _check_row(f"{argument}={str(path)!r}", cells, first_row, apart)
                return number, _unique(cells), apart
    msg = f"{argument}={str(path)!r} is {what}; it must be a table with a header line."
    raise ValueError(msg)


def _check_row(label: str, header: list[str], line: str, sep: str) -> None:
    """Refuse a table whose rows are longer than its header: every column would be another's."""
    text = line.rstrip("\r\n")
    cells = text.split() if sep == r"\s+" else next(csv.reader([text], delimiter=sep[:1]), [])
    while cells and not cells[-1].strip():  # a separator that ends the line parts nothing
        cells.pop()
    if len(cells) > len(header):
        msg = (
            f"{label}: the header names {len(header)} column(s), the first row has {len(cells)}: "
            f"{text[:60]!r}. Name all columns, that of the names of rows too."
        )
        raise ValueError(msg)


def _separator(line: str) -> str:
    for sep in ("\t", ",", ";"):
        if sep in line:
            return sep
    return r"\s+"


def _unique(cells: list[str]) -> list[str]:
    seen: Counter[str] = Counter()
    out = []
    for cell in cells:
        seen[cell] += 1
        out.append(cell if seen[cell] == 1 else f"{cell}.{seen[cell] - 1}")
    return out
