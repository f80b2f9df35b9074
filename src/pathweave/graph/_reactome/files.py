"""Reactome's flat files, packed or not: what each one is, and its lines, with bounded memory."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import zipfile
import zlib
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from pathweave._core.checks import listed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from os import PathLike

MAX_LINE = 4 * 2**20
"""The longest line of release 91, a gene set, has 25 kB."""

MAX_BYTES = 16 * 2**30
"""Unpacked size at which a file is taken for a bomb; the largest one has about 1 GB."""

RECORD = "reactome_download.json"
"""What `download_reactome` writes beside the files."""

BLOCK = 2**20
SNIFFED = 200
ROLES = (
    "ReactomePathways.txt", "ReactomePathwaysRelation.txt", "UniProt2Reactome.txt",
    "NCBI2Reactome.txt", "Ensembl2Reactome.txt", "ChEBI2Reactome.txt", "miRBase2Reactome.txt",
    "..._All_Levels.txt", "ReactomePathways.gmt", "reactome.<species>.interactions.tab-delimited.txt",
)  # fmt: skip

ID = re.compile(r"(R-[A-Z]{3}-\d+(-\d+)?(\.\d+)?|REACT_\d+(\.\d+)?)$")
_SPECIES = re.compile(r"[A-Z][a-z]+ [a-z]")
_RELEASE = re.compile(r"(?:^|[_.-])(?:r|v|release[_-]?)(\d{2,3})(?=[_.-]|$)", re.IGNORECASE)
_TEXT = (".txt", ".tsv", ".tab", ".gmt", ".gz", ".zip")


@dataclass(frozen=True)
class Source:
    """A flat file and what it was found to be."""

    path: Path
    role: str
    columns: int
    sha256: str
    release: str | None

    @property
    def name(self) -> str:
        return self.path.name


@contextmanager
def _unpacked(path: Path) -> Iterator[IO[bytes]]:
    """Open a file that may be packed, whatever its name says."""
    with path.open("rb") as raw:
        magic = raw.read(4)
        raw.seek(0)
        if magic[:2] == b"\x1f\x8b":
            with gzip.open(raw) as handle:
                yield handle  # type: ignore[misc]  # a GzipFile reads bytes as any other
        elif magic == b"PK\x03\x04":
            with zipfile.ZipFile(raw) as archive:
                inside = [
                    name
                    for name in archive.namelist()
                    if not name.endswith("/") and not name.startswith("__MACOSX")
                ]
                if len(inside) != 1:
                    msg = (
                        f"{path.name} holds {len(inside)} files ({listed(inside)}); a flat file of "
                        "Reactome is packed alone. Unpack it and give the file that is meant."
                    )
                    raise ValueError(msg)
                with archive.open(inside[0]) as handle:
                    yield handle
        else:
            yield raw


def _blocks(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the number of the first line and whole lines, a block at a time."""
    number, size, rest = 1, 0, b""
    with _unpacked(path) as handle:
        while True:
            block = handle.read(BLOCK)
            size += len(block)
            end = block.rfind(b"\n") + 1 if block else 0
            if size > MAX_BYTES:
                msg = f"{path.name} unpacks to more than {MAX_BYTES:,} bytes; no file of Reactome does."
                raise ValueError(msg)
            if block and not end:
                rest += block
                if len(rest) > MAX_LINE:
                    msg = (
                        f"{path.name}, line {number}: longer than {MAX_LINE:,} bytes; no line of "
                        "Reactome's files is. Download the file again."
                    )
                    raise ValueError(msg)
                continue
            text = (rest + block[:end]).decode("utf-8-sig" if number == 1 else "utf-8")
            rest = block[end:]
            if "\x00" in text:
                msg = f"{path.name} is not a text file in UTF-8: it holds zero bytes."
                raise ValueError(msg)
            lines = text.replace("\r\n", "\n").removesuffix("\n").split("\n") if text else []
            yield number, lines
            number += len(lines)
            if not block:
                return


def lines_of(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Like `_blocks`; whatever goes wrong inside is a `ValueError` that names the file."""
    blocks = _blocks(path)
    while True:
        try:
            item = next(blocks)
        except StopIteration:
            return
        except UnicodeDecodeError as error:
            msg = f"{path.name} is not a text file in UTF-8 ({error.reason}, byte {error.start})."
            raise ValueError(msg) from error
        except (EOFError, OSError, zlib.error, zipfile.BadZipFile, NotImplementedError,
                RuntimeError) as error:  # fmt: skip
            if isinstance(error, OSError) and not isinstance(error, gzip.BadGzipFile):
                raise
            msg = f"{path.name} is cut off or damaged ({error}); download it again."
            raise ValueError(msg) from error
        yield item


def _shape(row: list[str]) -> str:
    """Role of a file by one of its rows; empty where it fits none."""
    n, is_id = len(row), [bool(ID.match(field)) for field in row[:4]]
    fits = {
        "relations": n == 2 and is_id == [True, True],
        "pathways": n == 3 and is_id == [True, False, False] and bool(_SPECIES.match(row[-1])),
        "members": (n == 6 and is_id[1] and "://" in row[2])
        or (n == 8 and is_id[1] and is_id[3] and "://" in row[4]),
        "interactions": n == 9 and row[7].startswith("reactome:"),
        "gmt": n >= 3 and is_id[:3] == [False, True, False] and "://" not in row[2],
    }
    return next((role for role, true in fits.items() if true), "")


def refusal(path: Path, found: str) -> str:
    return (
        f"files: cannot tell what {path.name} is: {found}. Known are {listed(ROLES, 20)} (plain, "
        ".gz or .zip); other files must not be among them."
    )


def sniff(path: Path, *, name: str | None = None) -> tuple[str, int]:
    """Tell role and number of columns of a flat file by its first lines and its name.

    Raises
    ------
    ValueError
        If the file is empty, damaged, no text, or its role cannot be told.
    """
    called = Path(name or path.name)
    lines: list[str] = []
    for _, block in lines_of(path):
        lines += [line for line in block if line.strip()][:SNIFFED]
        if len(lines) >= SNIFFED:
            break
    if not lines:
        msg = f"{called.name} is empty; download it again."
        raise ValueError(msg)
    if lines[0].lstrip().startswith("<"):
        msg = (
            f"{called.name} is HTML or XML ({lines[0].strip()[:40]!r}), not a flat file: an error "
            "page saved in its place? Download it again."
        )
        raise ValueError(msg)
    header = len(lines) > 1 and (lines[0].startswith("#") or not _has_id(lines[0]))
    rows = [line.split("\t") for line in lines[header:]]
    shapes = Counter((_shape(row), 0 if _shape(row) == "gmt" else len(row)) for row in rows)
    (role, columns), n = shapes.most_common(1)[0]
    if not role or n < len(rows) / 2:
        raise ValueError(refusal(called, f"a line is {lines[header][:60]!r}"))
    if role == "members" and "reactions" in called.name.lower():
        raise ValueError(refusal(called, "it lists reactions, not pathways"))
    return role, columns


def find(
    files: str | PathLike[str] | Iterable[str | PathLike[str]],
) -> tuple[list[Source], list[str]]:
    """Find the flat files, and the names of what was passed over in a folder."""
    from os import PathLike as PathTypes

    given: Any = files
    if isinstance(given, str | PathTypes):
        path = Path(given)
        if path.is_dir():
            return _in_folder(path)
        given = [path]
    paths = [Path(each) for each in given]
    if not paths:
        msg = "files is an empty list; give a folder or at least one flat file of Reactome."
        raise ValueError(msg)
    return [_source(path) for path in paths], []


def _source(path: Path) -> Source:
    if not path.is_file():
        msg = f"files: no such file as {str(path)!r}."
        raise FileNotFoundError(msg)
    role, columns = sniff(path)
    with path.open("rb") as handle:
        sha256 = hashlib.file_digest(handle, "sha256").hexdigest()
    return Source(path, role, columns, sha256, _release(path, sha256))


def _release(path: Path, sha256: str) -> str | None:
    """Release in the name of a file, or in the record that the download wrote beside it."""
    match = _RELEASE.search(path.name)
    if match:
        return match[1]
    record = path.with_name(RECORD)
    if not record.is_file():
        return None
    try:
        entry = json.loads(record.read_text(encoding="utf-8"))["files"][path.name]
        return str(entry["release"]) if entry["sha256"] == sha256 else None
    except (ValueError, KeyError, TypeError):
        return None  # no record of this file that can be read; the release is not known


def _in_folder(folder: Path) -> tuple[list[Source], list[str]]:
    found: list[Source] = []
    other: list[str] = []
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or not path.is_file():
            continue
        wanted = path.name.lower().endswith(_TEXT) and not path.name.lower().startswith("biopax")
        if wanted and ("reactome" in path.name.lower() or _mentions_reactome(path)):
            found.append(_source(path))
        else:
            other.append(path.name)
    if not found:
        msg = (
            f"files={str(folder)!r}: no flat file of Reactome in this folder"
            + (f", which holds {listed(other)}" if other else "")
            + f". Known are {listed(ROLES, 20)} (plain, .gz or .zip)."
        )
        raise FileNotFoundError(msg)
    return found, other


def _mentions_reactome(path: Path) -> bool:
    """Whether a file of a folder can be meant: damaged ones are, and are refused later on."""
    if path.stat().st_size == 0:
        return True
    for _, lines in lines_of(path):
        return lines[0].lstrip().startswith("<") or any(map(_has_id, lines[:SNIFFED]))
    return True


def _has_id(line: str) -> bool:
    return any(ID.match(field.removeprefix("reactome:")) for field in line.split("\t")[:9])


def rows_of(source: Source) -> Iterator[tuple[int, str]]:
    """Yield lines with their numbers, each checked for its number of columns."""
    tabs = source.columns - 1
    for first, lines in lines_of(source.path):
        for number, line in enumerate(lines, start=first):
            if not line.strip():
                continue
            if number == 1 and (line.startswith("#") or not _has_id(line)):
                continue  # a header
            if tabs >= 0 and line.count("\t") != tabs:
                msg = (
                    f"{source.name}, line {number}: {line.count(chr(9)) + 1} columns, where the "
                    f"others have {source.columns}: {line[:60]!r}. Download the file again."
                )
                raise ValueError(msg)
            yield number, line
