"""Find the XML documents of reactions in files, folders and archives, and look at them with care."""

from __future__ import annotations

import gzip
import hashlib
import tarfile
import zipfile
import zlib
from contextlib import contextmanager
from fnmatch import fnmatch
from importlib import import_module
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any, Protocol
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException, EntitiesForbidden
from defusedxml.ElementTree import DefusedXMLParser

from pathweave._core.checks import listed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from os import PathLike

CHUNK = 2**18
MAX_DOCUMENTS = 50_000
"""Reactome's archive of all species holds about 20,000."""
MAX_ARCHIVE = 64 * 2**30
"""Reactome's largest archives unpack to some 10 GB."""
MAX_DEPTH = 64
"""SBML with notes nests some fifteen deep, BioPAX four."""
MAX_TOKEN = 4 * 2**20
"""Bytes of one tag or comment: expat holds it whole, and scans it anew with every piece."""
MAX_ENTITY = 200
MAX_ENTITIES = 50
PACKED = (".gz", ".zip", ".tgz", ".tar")
BROKEN = (OSError, EOFError, zlib.error, zipfile.BadZipFile, tarfile.TarError, RuntimeError,
          NotImplementedError)  # fmt: skip
"""What the readers of archives raise on damaged, encrypted or unknown ones."""


class Readable(Protocol):
    """What is needed of a handle."""

    def read(self, size: int, /) -> bytes:
        """Read up to `size` bytes."""


def needed(module: str, *, extra: str, function: str) -> Any:
    """Import a package that only an extra installs."""
    try:
        return import_module(module)
    except ImportError as error:
        msg = f"{function} needs the package {module!r}: pip install 'pathweave[{extra}]'."
        raise ImportError(msg) from error


def documents(
    path_or_files: str | PathLike[str] | Iterable[str | PathLike[str]],
    *,
    suffixes: tuple[str, ...],
    only: str | None,
    what: str,
) -> Iterator[tuple[str, Readable]]:
    """Open one document after the other; each handle is good until the next is asked for.

    Parameters
    ----------
    path_or_files
        A file, a folder, a list of files; any may be packed (gzip, zip, tar).
    suffixes
        How names of documents end in folders and archives.
    only
        Pattern that the names in folders and archives must match (``R-HSA-*``).
    what
        Name of the format, for messages.
    """
    names: dict[str, int] = {}
    for path, inside in _files(path_or_files, suffixes=suffixes, what=what):
        for name, handle in _opened(path, suffixes):
            # In a folder the name of a packed file is judged without ``.gz``.
            judged = PurePosixPath(name).name
            if only is not None and (inside or name != path.name) and not _fits(judged, only):
                continue
            names[name] = names.get(name, 0) + 1
            if len(names) > MAX_DOCUMENTS:
                msg = f"path_or_files: more than {MAX_DOCUMENTS:,} documents; give only='...'."
                raise ValueError(msg)
            # Names are keys of what has no stable id, so that no two documents may share one.
            yield (name if names[name] == 1 else f"{name} ({names[name]})"), handle
    if not names:
        match = f" whose name matches only={only!r}" if only is not None else ""
        msg = f"path_or_files={str(path_or_files)!r} holds no {what} document{match} (*{', *'.join(suffixes)})."
        raise FileNotFoundError(msg)


def _fits(name: str, only: str) -> bool:
    return fnmatch(name, only) or fnmatch(name.removesuffix(".gz"), only)


def _files(
    path_or_files: str | PathLike[str] | Iterable[str | PathLike[str]],
    *,
    suffixes: tuple[str, ...],
    what: str,
) -> list[tuple[Path, bool]]:
    """Pairs (file, whether it was found in a folder)."""
    if isinstance(path_or_files, str) or hasattr(path_or_files, "__fspath__"):
        path = Path(path_or_files)  # type: ignore[arg-type]
        if not path.exists():
            msg = f"path_or_files={str(path)!r} does not exist; give a folder or file of {what}."
            raise FileNotFoundError(msg)
        if path.is_dir():
            ends = (*suffixes, *PACKED)
            found = (f for f in path.iterdir() if f.is_file() and f.name.lower().endswith(ends))
            return [(file, True) for file in sorted(found)]
        return [(path, False)]
    files = [Path(file) for file in path_or_files]
    if not files:
        msg = f"path_or_files is an empty list; give at least one file of {what}."
        raise ValueError(msg)
    lost = [str(file) for file in files if not file.is_file()]
    if lost:
        msg = f"path_or_files: no such file: {listed(lost)}."
        raise FileNotFoundError(msg)
    return [(file, False) for file in files]


@contextmanager
def _whole(path: Path) -> Iterator[None]:
    try:
        yield
    except BROKEN as error:
        msg = f"{path.name} cannot be unpacked ({error!r}): cut off, damaged or encrypted; download it again."
        raise ValueError(msg) from error


def _opened(path: Path, suffixes: tuple[str, ...]) -> Iterator[tuple[str, Readable]]:
    """Documents of one file, told apart by content: zip, tar, gzip (of a tar or a document), plain.

    Nothing is ever written to disk, so that names such as ``../x`` in an archive can do nothing.
    """
    with path.open("rb") as raw:
        head = raw.read(4)
        raw.seek(0)
        if head == b"PK\x03\x04":
            yield from _zipped(path, raw, suffixes)
            return
        packed = head[:2] == b"\x1f\x8b"
        with gzip.GzipFile(fileobj=raw) if packed else raw as stream:
            with _whole(path):
                start = stream.read(512)
                stream.seek(0)
            if start[257:262] == b"ustar":
                yield from _tarred(path, stream, suffixes)
            else:
                yield path.name, _Guarded(stream, path)


def _wanted(name: str, suffixes: tuple[str, ...]) -> bool:
    base = PurePosixPath(name).name
    return base.lower().endswith(suffixes) and not base.startswith("._")


def _zipped(
    path: Path, raw: IO[bytes], suffixes: tuple[str, ...]
) -> Iterator[tuple[str, Readable]]:
    with _whole(path):
        archive = zipfile.ZipFile(raw)
    with archive:
        for info in archive.infolist():
            if not info.is_dir() and _wanted(info.filename, suffixes):
                with _whole(path):
                    handle = archive.open(info)
                with handle:
                    yield PurePosixPath(info.filename).name, _Guarded(handle, path)


def _tarred(path: Path, stream: Any, suffixes: tuple[str, ...]) -> Iterator[tuple[str, Readable]]:
    with _whole(path):
        archive = tarfile.open(fileobj=stream, mode="r|")  # noqa: SIM115  closed below
    total = 0
    with archive:
        while True:
            with _whole(path):
                member = archive.next()
            total += member.size if member else 0
            if total > MAX_ARCHIVE:
                msg = f"{path.name} unpacks to more than {MAX_ARCHIVE:,} bytes, which no real file does."
                raise ValueError(msg)
            with _whole(path):
                # Only regular files: a link could point anywhere.
                handle = archive.extractfile(member) if member and member.isreg() else None
            if member is None:
                return
            if handle is not None and _wanted(member.name, suffixes):
                yield PurePosixPath(member.name).name, _Guarded(handle, path)


class _Guarded:
    """A handle whose errors name the archive."""

    def __init__(self, handle: Any, path: Path) -> None:
        self._handle = handle
        self._path = path

    def read(self, size: int, /) -> bytes:
        """Read, and say whose fault it is if that fails."""
        with _whole(self._path):
            return self._handle.read(size)


def chunks(name: str, handle: Readable, *, max_bytes: int, digest: Any = None) -> Iterator[bytes]:
    """Read a document piece by piece; raise where it is empty or larger than any real one."""
    total = 0
    digest = hashlib.sha256() if digest is None else digest
    while chunk := handle.read(CHUNK):
        total += len(chunk)
        if total > max_bytes:
            msg = (
                f"{name} has more than {max_bytes:,} bytes (unpacked); no real file is that large."
            )
            raise ValueError(msg)
        digest.update(chunk)
        yield chunk
    if not total:
        msg = f"{name} is empty; download it again."
        raise ValueError(msg)


class Watch:
    """Look at a document before a parser that trusts it: first tag, entities, depth.

    Parameters
    ----------
    name
        Name of the file, for messages.
    root
        First tag that is allowed, without its namespace.
    what
        Name of the format, for messages.
    namespaces
        Allow a DTD of short entities that are plain text, as ontology editors write for namespaces.
    """

    def __init__(self, name: str, *, root: str, what: str, namespaces: bool = False) -> None:
        self._name = name
        self._root = root
        self._what = what
        self.depth = 0
        self.started = False
        self._fed = 0
        self._parser: Any = _Parser(
            target=self, forbid_dtd=not namespaces, forbid_entities=True, forbid_external=True
        )

    def feed(self, chunk: bytes) -> None:
        """Look at the next piece."""
        self._guarded(self._parser.feed, chunk)
        self._fed += len(chunk)
        if self._fed - self._parser.parser.CurrentByteIndex > MAX_TOKEN:
            msg = f"{self._name} has a tag or comment of more than {MAX_TOKEN:,} bytes; {self._what} never does."
            raise ValueError(msg)

    def finish(self) -> None:
        """Say that this was the last piece; raise if tags are still open."""
        self._guarded(self._parser.close)

    def _guarded(self, call: Any, *args: bytes) -> None:
        try:
            call(*args)
        except ParseError as error:
            msg = f"{self._name} is not whole XML ({error}): cut off or damaged; download it again."
            raise ValueError(msg) from error
        except DefusedXmlException as error:
            msg = f"{self._name} defines entities or fetches others ({error!r}); {self._what} never does, so it is not read."
            raise ValueError(msg) from error
        except (LookupError, UnicodeError) as error:
            msg = f"{self._name} is in an encoding that cannot be read ({error}); {self._what} is UTF-8."
            raise ValueError(msg) from error

    # What the parser calls.
    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """See a tag open."""
        del attributes
        self.depth += 1
        if not self.started:
            self.started = True
            if tag.rsplit("}", 1)[-1] != self._root:
                msg = (
                    f"{self._name} is not {self._what}: its first tag is {tag!r}, not {self._root!r}"
                    " (an error page saved in its place?); download it again."
                )
                raise ValueError(msg)
        if self.depth > MAX_DEPTH:
            msg = f"{self._name} nests tags more than {MAX_DEPTH} deep; {self._what} never does."
            raise ValueError(msg)

    def end(self, tag: str) -> None:
        """See a tag close."""
        del tag
        self.depth -= 1

    def close(self) -> None:
        """See the end of the document."""


class _Parser(DefusedXMLParser):
    """A parser that fetches nothing; where a DTD is allowed, its entities must be short plain text."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._entities = 0
        self.parser.StartDoctypeDeclHandler = self._see_doctype

    def _see_doctype(self, name: str, sysid: str | None, pubid: str | None, internal: bool) -> None:  # noqa: FBT001  expat's signature
        if self.forbid_dtd or sysid or pubid:
            self.defused_start_doctype_decl(name, sysid, pubid, internal)

    def defused_entity_decl(
        self,
        name: str,
        is_parameter_entity: bool,  # noqa: FBT001
        value: str | None,
        base: str | None,
        sysid: str | None,
        pubid: str | None,
        notation_name: str | None,
    ) -> None:
        """Allow what cannot grow: few, short, without references to others."""
        self._entities += 1
        plain = value is not None and len(value) <= MAX_ENTITY and not {"&", "%", "<"} & set(value)
        if is_parameter_entity or not plain or self._entities > MAX_ENTITIES:
            raise EntitiesForbidden(name, value, base, sysid, pubid, notation_name)
