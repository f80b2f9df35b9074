"""One table from a file, with its row names in front and its column names as written."""

from __future__ import annotations

import csv
import gzip
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pathweave._core.checks import listed

if TYPE_CHECKING:
    import os

    import pandas as pd

_TEXT = (".csv", ".tsv", ".txt", ".tab")
_SEPARATORS = {".csv": ",", ".tsv": "\t", ".tab": "\t"}


def read_table(
    table: str | os.PathLike[str] | pd.DataFrame, name: str, sep: str | None = None
) -> pd.DataFrame:
    """Read a table; `name` is what errors call it."""
    import pandas as pd

    if isinstance(table, pd.DataFrame):
        return _not_empty(table, name)
    if not isinstance(table, str | Path) and not hasattr(table, "__fspath__"):
        msg = f"{name} must be a path or a DataFrame, found {type(table).__name__}."
        raise TypeError(msg)
    path = Path(table)
    if not path.is_file():
        msg = f"{name}={str(path)!r} does not exist or is no file."
        raise FileNotFoundError(msg)
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() != ".gz"]
    suffix = suffixes[-1] if suffixes else ""
    if suffix in {".parquet", ".pq"}:
        return _not_empty(_parquet(path), name)
    if suffix not in _TEXT and sep is None:
        msg = f"{name}={str(path)!r}: files end in {listed((*_TEXT, '.parquet'))} (also .gz), or give sep."
        raise ValueError(msg)
    return _not_empty(_text(path, name, sep or _SEPARATORS.get(suffix)), name)


def _not_empty(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    """Raise on a table without rows or columns."""
    if frame.empty:
        msg = f"{name} is empty: {frame.shape[0]} rows x {frame.shape[1]} columns beside the names."
        raise ValueError(msg)
    return frame


def _parquet(path: Path) -> pd.DataFrame:
    """Parquet; without stored row names the first column of text gives them."""
    import pandas as pd

    frame = pd.read_parquet(path)
    if isinstance(frame.index, pd.RangeIndex) and not pd.api.types.is_numeric_dtype(
        frame.dtypes.iloc[0]
    ):
        frame = frame.set_index(frame.columns[0])
    return frame


def _text(path: Path, name: str, sep: str | None) -> pd.DataFrame:
    """Delimited text; a header that lacks the name of the first column (R) is understood."""
    import pandas as pd

    raw = path.read_bytes()
    try:
        text = (gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).decode("utf-8-sig")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        msg = f"{name}={str(path)!r} is no (gzipped) UTF-8 text: {error}."
        raise ValueError(msg) from error
    head = [line for line in text[:5_000_000].splitlines()[:2] if line.strip()]
    if len(head) < 2:
        msg = f"{name}={str(path)!r} is empty: a header line and at least one row are needed."
        raise ValueError(msg)
    sep = _separator(head[0], sep)
    header, first = (
        next(csv.reader(head[:1], delimiter=sep)),
        next(csv.reader(head[1:], delimiter=sep)),
    )
    if len(first) < 2:
        msg = (
            f"{name}={str(path)!r} has one column only when split at {sep!r}; "
            "give the separator, e.g. sep=';'."
        )
        raise ValueError(msg)
    columns = header if len(header) == len(first) - 1 else header[1:]
    try:
        frame = pd.read_csv(
            io.StringIO(text),
            sep=sep,
            header=None,
            skiprows=1,
            index_col=0,
            dtype=_DTYPES,
            low_memory=False,
        )
    except (pd.errors.ParserError, ValueError) as error:
        msg = f"{name}={str(path)!r} is ragged or damaged: {error}"
        raise ValueError(msg) from error
    if frame.shape[1] != len(columns):
        msg = (
            f"{name}={str(path)!r}: the header names {len(columns)} columns beside the row names, "
            f"the rows hold {frame.shape[1]}."
        )
        raise ValueError(msg)
    frame.columns = columns
    return frame


_DTYPES: dict[int, Any] = {0: str}


def _separator(line: str, sep: str | None) -> str:
    """Take the separator given, unless the header shows another one (European CSV: semicolons)."""
    counts = {candidate: line.count(candidate) for candidate in "\t,;"}
    best = max(counts, key=lambda candidate: counts[candidate])
    if sep is not None and line.count(sep):
        return sep
    return best if counts[best] else (sep or ",")
