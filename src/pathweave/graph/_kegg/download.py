"""KEGG's maps, downloaded under KEGG's terms, once, slowly, and each checked."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pandas as pd

from pathweave._core.checks import listed
from pathweave._core.progress import progress
from pathweave._core.warnings import DataWarning, warn
from pathweave.graph._fetch.cache import COLUMNS, Cache, entry, made_folder
from pathweave.graph._fetch.download import download, sha256_of
from pathweave.graph._fetch.http import NotThereError, Pace
from pathweave.graph._kegg.kgml import read_kgml

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from os import PathLike
    from pathlib import Path

TERMS = (
    "KEGG may be used for academic purposes by academic users only; all others need a licence, and "
    "the files may not be passed on (https://www.kegg.jp/kegg/legal.html)."
)
RECORD = "kegg_download.json"
PACE = Pace(0.35)
"""KEGG allows three requests a second; all downloads of a process share them."""

_MAX_KGML = 64 * 2**20
_REFERENCE = ("ko", "ec", "rn")
_PATHWAY = re.compile(r"(?:path:)?([a-z]{2,4})?(\d{5})$")


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
    the files may not be passed on (see https://www.kegg.jp/kegg/legal.html). A process makes
    at most three requests a second; run no two at once, as KEGG counts them by address. Files that are there are kept, so that a call that was broken off can be
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
        msg = f"academic_use={academic_use!r}: {TERMS} If that holds, give academic_use=True."
        raise ValueError(msg)
    if not re.fullmatch(r"[a-z]{2,4}", organism):
        msg = f"organism={organism!r} is not a code of KEGG, such as 'hsa', 'mmu' or 'ko'."
        raise ValueError(msg)
    target = made_folder(folder)
    base = base_url.rstrip("/")
    cache = Cache(target, RECORD, overwrite=overwrite, max_age=max_age)
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
    table = pd.DataFrame(rows, columns=["pathway", *COLUMNS])
    refused = table.loc[table["status"].str.startswith("refused"), "pathway"]
    if len(refused):
        warn(
            f"{len(refused)} map(s) of KEGG were refused: {listed(refused)}; the column 'status' says "
            "why.", DataWarning,
        )  # fmt: skip
    return table


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


def _listed_maps(cache: Cache, organism: str, base: str) -> list[str]:
    """All maps that KEGG lists; the list is kept beside them."""
    name = f"kegg_pathways_{organism}.txt"
    path = cache.folder / name
    if not (path.exists() and cache.fresh(name)):
        what = "" if organism in _REFERENCE else f"/{organism}"
        with cache:
            found = download(
                f"{base}/list/pathway{what}", path, check=_check_list, max_bytes=_MAX_KGML,
                pace=PACE, bar=False,
            )  # fmt: skip
            cache.note(name, entry(found))
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


def _one_map(cache: Cache, pathway: str, url: str) -> tuple[str, str]:
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
            url, path, check=check, max_bytes=_MAX_KGML, pace=PACE, bar=False
        )  # fmt: skip
    except (NotThereError, _EmptyError):
        if path.exists() and _fine(path, check):
            return "kept: KEGG has it no more", sha256_of(path)
        date = datetime.now(UTC).isoformat(timespec="seconds")
        cache.note(name, {"url": url, "date": date, "status": "no KGML"})
        return "no KGML", ""
    except ValueError as error:
        return f"refused: {error}", ""
    cache.note(name, entry(found))
    return "downloaded", found.sha256


def _fine(path: Path, check: Callable[[Path], None]) -> bool:
    try:
        check(path)
    except ValueError:
        return False
    return True
