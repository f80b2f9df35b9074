"""Downloads that a user asks for: KEGG's maps under KEGG's terms, and Reactome's files."""

from __future__ import annotations

import gzip
import json
import re
import tarfile
import zipfile
import zlib
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from pathweave._core.checks import listed
from pathweave._core.progress import progress
from pathweave._core.warnings import DataWarning, warn
from pathweave.graph._download import (
    DownloadError,
    Fetched,
    NotThereError,
    Pace,
    download,
    sha256_of,
    write_json,
)
from pathweave.graph._kgml import read_kgml
from pathweave.graph._reactome_files import RECORD, sniff

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from os import PathLike

KEGG_TERMS = (
    "KEGG may be used for academic purposes by academic users only; all others need a licence, and "
    "the files may not be passed on (https://www.kegg.jp/kegg/legal.html)."
)
KEGG_RECORD = "kegg_download.json"
KEGG_PACE = Pace(0.35)
"""KEGG allows three requests a second; all downloads of a process share them."""

_MAX_KGML = 64 * 2**20
_REFERENCE = ("ko", "ec", "rn")
_PATHWAY = re.compile(r"(?:path:)?([a-z]{2,4})?(\d{5})$")
_COLUMNS = ["file", "status", "sha256"]

_MAPPED = {"uniprot": "UniProt", "ncbi": "NCBI", "ensembl": "Ensembl", "chebi": "ChEBI",
           "mirbase": "miRBase"}  # fmt: skip
_REACTOME = {
    "pathways": "ReactomePathways.txt",
    "hierarchy": "ReactomePathwaysRelation.txt",
    **{kind: f"{name}2Reactome.txt" for kind, name in _MAPPED.items()},
    **{f"{kind}_all_levels": f"{name}2Reactome_All_Levels.txt" for kind, name in _MAPPED.items()},
    "gmt": "ReactomePathways.gmt.zip",
    "interactions": "interactors/reactome.{species}.interactions.tab-delimited.txt",
    "sbml": "{species}.3.1.sbml.tgz",
    "biopax": "biopax.zip",
}
_ROLE = {"pathways": "pathways", "hierarchy": "relations", "gmt": "gmt",
         "interactions": "interactions"}  # fmt: skip


class _EmptyError(ValueError):
    """KEGG answers with nothing where a map has no KGML."""


def download_kegg(
    folder: str | PathLike[str],
    *,
    academic_use: bool,
    organism: str = "hsa",
    pathways: str | Iterable[str] | None = None,
    overwrite: bool = False,
    max_age: float | None = None,
    base_url: str = "https://rest.kegg.jp",
) -> pd.DataFrame:
    """Download KEGG pathway maps (KGML), after you confirmed KEGG's terms.

    KEGG may be used for academic purposes by academic users only; all others need a licence, and
    the files may not be passed on (see https://www.kegg.jp/kegg/legal.html). At most three requests
    a second are made. Files that are there are kept, so that a call that was broken off can be
    repeated. Each file is checked to be the map that was asked for before it is kept.

    Parameters
    ----------
    folder
        Where to write ``hsa04110.xml`` and so on, and ``kegg_download.json`` with address, date and
        sha256 of each. It is made if it is not there.
    academic_use
        ``True`` says that you may use KEGG under its terms; anything else raises.
    organism
        KEGG's code: ``"hsa"``, ``"mmu"``; ``"ko"``, ``"ec"`` or ``"rn"`` for reference maps.
    pathways
        Maps to fetch (``"hsa04110"``, ``"04110"``); ``None`` is all that KEGG lists for the organism.
    overwrite
        Fetch all files again.
    max_age
        Fetch files again that are older than so many days.
    base_url
        Address of KEGG's service.

    Returns
    -------
    Columns ``pathway``, ``file`` (name), ``status`` (``downloaded``, ``kept``, ``no KGML``, or why it was
    refused) and ``sha256``. `pathweave.graph.kegg` reads the folder.

    Raises
    ------
    ValueError
        If academic use is not confirmed, or a map or organism is not spelled as KEGG does.
    DownloadError
        If KEGG cannot be reached; call again to go on.

    Examples
    --------
    >>> import tempfile
    >>> from pathweave import graph
    >>> with tempfile.TemporaryDirectory() as folder:  # pathways=None fetches all
    ...     graph.download_kegg(folder, academic_use=True, pathways=[]).columns.tolist()
    ['pathway', 'file', 'status', 'sha256']
    """
    if academic_use is not True:
        msg = f"academic_use={academic_use!r}: {KEGG_TERMS} If that holds, give academic_use=True."
        raise ValueError(msg)
    if not re.fullmatch(r"[a-z]{2,4}", organism):
        msg = f"organism={organism!r} is not a code of KEGG, such as 'hsa', 'mmu' or 'ko'."
        raise ValueError(msg)
    target = _folder(folder)
    base = base_url.rstrip("/")
    cache = _Cache(target, KEGG_RECORD, overwrite=overwrite, max_age=max_age)
    wanted = (
        _listed_maps(cache, organism, base)
        if pathways is None
        else _asked_maps([pathways] if isinstance(pathways, str) else pathways, organism)
    )
    rows = []
    with cache:
        for pathway in progress(wanted, desc=f"KEGG {organism}"):
            status, sha256 = _one_map(cache, pathway, f"{base}/get/{pathway}/kgml")
            file = f"{pathway}.xml" if sha256 else ""
            rows.append((pathway, file, status, sha256))
    table = pd.DataFrame(rows, columns=["pathway", *_COLUMNS])
    refused = table.loc[table["status"].str.startswith("refused"), "pathway"]
    if len(refused):
        warn(
            f"{len(refused)} map(s) of KEGG were refused: {listed(refused)}; the column 'status' says "
            "why.", DataWarning,
        )  # fmt: skip
    return table


def _folder(folder: str | PathLike[str]) -> Path:
    path = Path(folder)
    if path.exists() and not path.is_dir():
        msg = f"folder={str(path)!r} is a file; give a folder."
        raise NotADirectoryError(msg)
    path.mkdir(parents=True, exist_ok=True)
    return path


class _Cache:
    """The files of a folder, and the record of where they came from."""

    def __init__(
        self, folder: Path, record: str, *, overwrite: bool, max_age: float | None = None
    ) -> None:
        self.folder = folder
        self.overwrite = overwrite
        self._path = folder / record
        self._oldest = None if max_age is None else datetime.now(UTC) - timedelta(days=max_age)
        self._new: dict[str, dict[str, Any]] = {}
        self.files = self._read()

    def _read(self) -> dict[str, dict[str, Any]]:
        try:
            files = json.loads(self._path.read_text(encoding="utf-8"))["files"]
        except (OSError, ValueError, KeyError, TypeError):
            return {}  # none yet, or damaged: the files themselves are looked at
        known = files.items() if isinstance(files, dict) else ()
        return {name: entry for name, entry in known if isinstance(entry, dict)}

    def note(self, name: str, entry: dict[str, Any]) -> None:
        self._new[name] = self.files[name] = entry

    def __enter__(self) -> None:
        return

    def __exit__(self, *_: object) -> None:
        """Write the record, also of a call that is broken off; others may have written meanwhile."""
        if self._new:
            write_json(self._path, {"files": {**self._read(), **self._new}})

    def fresh(self, name: str) -> bool:
        """Whether a file (or the answer that there is none) is young enough to be kept."""
        if self.overwrite:
            return False
        if self._oldest is None:
            return True
        try:
            date = datetime.fromisoformat(self.files[name]["date"])
            return date >= self._oldest
        except (KeyError, TypeError, ValueError):
            path = self.folder / name
            return path.exists() and path.stat().st_mtime >= self._oldest.timestamp()


def _asked_maps(pathways: Iterable[str], organism: str) -> list[str]:
    out = []
    for text in pathways:
        match = _PATHWAY.fullmatch(str(text))
        if match is None or match[1] not in {None, organism, "map"}:
            msg = (
                f"pathways: {text!r} is not a map of organism={organism!r}; write "
                f"'{organism}04110' or '04110'."
            )
            raise ValueError(msg)
        out.append(organism + match[2])
    return list(dict.fromkeys(out))


def _listed_maps(cache: _Cache, organism: str, base: str) -> list[str]:
    """All maps that KEGG lists; the list is kept beside them."""
    name = f"kegg_pathways_{organism}.txt"
    path = cache.folder / name
    if not (path.exists() and cache.fresh(name)):
        what = "" if organism in _REFERENCE else f"/{organism}"
        with cache:
            found = download(
                f"{base}/list/pathway{what}", path, check=_check_list, max_bytes=_MAX_KGML,
                pace=KEGG_PACE, bar=False,
            )  # fmt: skip
            cache.note(name, _entry(found))
    return [f"{organism}{number}" for number in _numbers(path)]


def _numbers(path: Path) -> list[str]:
    """Numbers of the maps in a list; older ones write ``path:`` before each."""
    text = path.read_text(encoding="utf-8", errors="replace")
    matches = [_PATHWAY.fullmatch(line.split("\t")[0].strip()) for line in text.splitlines()]
    return list(dict.fromkeys(match[2] for match in matches if match))


def _check_list(path: Path) -> None:
    if not _numbers(path):
        start = path.read_bytes()[:60].decode(errors="replace")
        msg = f"KEGG's list of pathways holds no map; it begins with {start!r}."
        raise ValueError(msg)


def _one_map(cache: _Cache, pathway: str, url: str) -> tuple[str, str]:
    """Status and sha256 of one map, fetched if need be."""
    name = f"{pathway}.xml"
    path = cache.folder / name

    def check(part: Path) -> None:
        if part.stat().st_size < 1024 and not part.read_bytes().strip():
            raise _EmptyError
        kgml = read_kgml(part)
        if kgml.id != pathway:
            msg = f"this is the map {kgml.id!r}, not {pathway!r}"
            raise ValueError(msg)

    if cache.fresh(name):
        if path.exists() and _fine(path, check):
            return "kept", sha256_of(path)
        if cache.files.get(name, {}).get("status") == "no KGML":
            return "no KGML", ""
    try:
        found = download(
            url, path, check=check, max_bytes=_MAX_KGML, pace=KEGG_PACE, bar=False
        )  # fmt: skip
    except (NotThereError, _EmptyError):
        date = datetime.now(UTC).isoformat(timespec="seconds")
        cache.note(name, {"url": url, "date": date, "status": "no KGML"})
        return "no KGML", ""
    except ValueError as error:
        return f"refused: {error}", ""
    cache.note(name, _entry(found))
    return "downloaded", found.sha256


def _fine(path: Path, check: Callable[[Path], None]) -> bool:
    try:
        check(path)
    except ValueError:
        return False
    return True


def _entry(found: Fetched, **more: str) -> dict[str, Any]:
    return {key: value for key, value in (asdict(found) | more).items() if value}


def download_reactome(
    folder: str | PathLike[str],
    *,
    release: str | int = "current",
    what: str | Iterable[str] = ("pathways", "hierarchy", "uniprot", "chebi"),
    species: str = "Homo sapiens",
    sha256: Mapping[str, str] | None = None,
    overwrite: bool = False,
    base_url: str = "https://download.reactome.org",
) -> pd.DataFrame:
    """Download Reactome's official files of a release (CC0).

    Parameters
    ----------
    folder
        Where to write the files under their own names, and ``reactome_download.json`` with release,
        address, date and sha256 of each. It is made if it is not there.
    release
        Number of the release, or ``"current"``. Only a number can be repeated later.
    what
        ``pathways``, ``hierarchy``; the members by ``uniprot``, ``ncbi``, ``ensembl``, ``chebi``,
        ``mirbase``, each also as ``uniprot_all_levels`` and so on; ``gmt`` (human), ``interactions``;
        ``sbml`` and ``biopax`` (archives of hundreds of MB).
    species
        Interactions and SBML come for ``"Homo sapiens"`` alone or for all species; all other
        files always hold all species.
    sha256
        Checksums that files must have, by the names of `what` (``{"uniprot": "9f86..."}``).
    overwrite
        Fetch also what is there.
    base_url
        Address of Reactome's downloads.

    Returns
    -------
    Columns ``what``, ``file`` (name), ``status`` (``downloaded``, or ``kept`` for what is there, of
    this release and unchanged) and ``sha256``. `pathweave.graph.reactome` reads the folder.

    Raises
    ------
    ValueError
        If an argument is wrong, or what came is not the file that was asked for.
    DownloadError
        If a file cannot be had or has another checksum; call again to go on.

    Examples
    --------
    >>> import tempfile
    >>> from pathweave import graph
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     graph.download_reactome(folder, release=91, what=[]).columns.tolist()
    ['what', 'file', 'status', 'sha256']
    """
    asked = [what] if isinstance(what, str) else list(what)
    sums = dict(sha256 or {})
    for name, given in (("what", asked), ("sha256", list(sums))):
        unknown = [each for each in given if each not in _REACTOME]
        if unknown:
            msg = f"{name}: {listed(unknown)} not known; choose of {listed(_REACTOME, 30)}."
            raise ValueError(msg)
    if not re.fullmatch(r"current|\d{1,3}", str(release)):
        msg = f"release={release!r} must be a number, such as 91, or 'current'."
        raise ValueError(msg)
    bad = [each for each in sums if not re.fullmatch(r"[0-9a-fA-F]{64}", sums[each])]
    if bad:
        msg = f"sha256: {listed(bad)} must have 64 hexadecimal digits."
        raise ValueError(msg)
    target = _folder(folder)
    cache = _Cache(target, RECORD, overwrite=overwrite)
    of = "homo_sapiens" if species == "Homo sapiens" else "all_species"
    rows = []
    with cache:
        for each in dict.fromkeys(asked):
            where = _REACTOME[each].format(species=of)
            url = f"{base_url.rstrip('/')}/{release}/{where}"
            rows.append((each, *_one_file(cache, each, url, str(release), sums.get(each))))
    return pd.DataFrame(rows, columns=["what", *_COLUMNS])


def _one_file(
    cache: _Cache, what: str, url: str, release: str, expected: str | None
) -> tuple[str, str, str]:
    """Name, status and sha256 of one file, fetched if need be."""
    name = url.rsplit("/", 1)[1]
    path = cache.folder / name
    known = cache.files.get(name, {})
    if path.exists() and not cache.overwrite:
        found = sha256_of(path)
        right = expected or (known.get("sha256") if known.get("url") == url else None)
        if right and found == right.lower():
            if known.get("url") != url:
                cache.note(name, {"url": url, "sha256": found, "release": release})
            return name, "kept", found
    try:
        fetched = download(url, path, sha256=expected, check=lambda part: _check(part, what, name))
    except ValueError as error:
        msg = f"{url} gave something else than was asked for: {error}"
        raise DownloadError(msg) from error
    cache.note(name, _entry(fetched, release=release))
    return name, "downloaded", fetched.sha256


def _check(part: Path, what: str, name: str) -> None:
    """Raise unless a file is whole and what its name says."""
    if what in {"sbml", "biopax"}:
        _check_archive(part, name)
        return
    role, _ = sniff(part, name=name)
    wanted = _ROLE.get(what, "members")
    if role != wanted:
        msg = f"{name} looks like the file of {role}, not of {wanted}"
        raise ValueError(msg)


def _check_archive(part: Path, name: str) -> None:
    """Unpack an archive to nowhere: it must be whole."""
    try:
        if name.endswith(".zip"):
            with zipfile.ZipFile(part) as archive:
                broken = archive.testzip()
                count = len(archive.namelist())
        else:
            broken = None
            with tarfile.open(part, "r|gz") as archive_:
                count = sum(1 for _ in archive_)
    except (zipfile.BadZipFile, tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError,
            RuntimeError, NotImplementedError) as error:  # fmt: skip
        msg = f"{name} is not a whole archive ({error})"
        raise ValueError(msg) from error
    if broken or not count:
        msg = f"{name} is not a whole archive ({'damaged: ' + broken if broken else 'empty'})"
        raise ValueError(msg)
