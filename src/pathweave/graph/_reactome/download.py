"""Reactome's official files, downloaded once and each checked."""

from __future__ import annotations

import gzip
import re
import tarfile
import zipfile
import zlib
from typing import TYPE_CHECKING

import pandas as pd

from pathweave._core.checks import listed
from pathweave.graph._fetch.cache import COLUMNS, Cache, entry, made_folder
from pathweave.graph._fetch.download import download, sha256_of
from pathweave.graph._fetch.http import DownloadError
from pathweave.graph._reactome.files import RECORD, sniff

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from os import PathLike
    from pathlib import Path

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
    target = made_folder(folder)
    cache = Cache(target, RECORD, overwrite=overwrite)
    of = "homo_sapiens" if species == "Homo sapiens" else "all_species"
    rows = []
    with cache:
        for each in dict.fromkeys(asked):
            where = _REACTOME[each].format(species=of)
            url = f"{base_url.rstrip('/')}/{release}/{where}"
            rows.append((each, *_one_file(cache, each, url, str(release), sums.get(each))))
    return pd.DataFrame(rows, columns=["what", *COLUMNS])


def _one_file(
    cache: Cache, what: str, url: str, release: str, expected: str | None
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
    cache.note(name, entry(fetched, release=release))
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
