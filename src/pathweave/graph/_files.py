"""A graph on disk: a folder of four parquet files and one JSON, written whole or not at all."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from pathweave.graph._graph_value import TABLES

if TYPE_CHECKING:
    from os import PathLike

FORMAT = 2


def save(
    tables: dict[str, pd.DataFrame], header: dict[str, Any], path: str | PathLike[str]
) -> None:
    """Write the tables beside the target, then move the finished folder there.

    An older graph waits beside it as ``.name.old`` for the blink of an eye in which neither has the
    name; `load` and `save` find it there if the process died in between.
    """
    target = Path(path).resolve()  # behind a link it is the folder that is written, not the link
    old = _waiting(target)
    if old.exists() and not target.exists():
        old.rename(target)
    if target.exists() and not _replaceable(target):
        msg = f"path={str(target)!r} exists and is not a saved graph; choose another folder."
        raise FileExistsError(msg)
    target.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        fresh = work / "new"
        fresh.mkdir()
        for name in TABLES:
            tables[name].to_parquet(fresh / f"{name}.parquet", compression="zstd", index=False)
        text = json.dumps({"format": FORMAT, **header}, indent=1, sort_keys=True)
        (fresh / "graph.json").write_text(text, encoding="utf-8")
        shutil.rmtree(old, ignore_errors=True)  # of a process that died after it had the name
        try:
            if target.exists():
                target.rename(old)
            fresh.rename(target)
        except BaseException:
            if old.exists() and not target.exists():
                old.rename(target)
            raise
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _waiting(target: Path) -> Path:
    """Where an older graph waits while a new one takes its name."""
    return target.with_name(f".{target.name}.old")


def _replaceable(target: Path) -> bool:
    if not target.is_dir():
        return False
    names = {child.name for child in target.iterdir()}
    ours = {"graph.json", *(f"{name}.parquet" for name in TABLES)}
    return not names or ("graph.json" in names and names <= ours)


def load(path: str | PathLike[str]) -> tuple[dict[str, pd.DataFrame], dict[str, Any]]:
    """Read the tables and the header of a saved graph."""
    folder = Path(path)
    if not folder.exists() and _waiting(folder.resolve()).exists():
        folder = _waiting(folder.resolve())
    try:
        header = json.loads((folder / "graph.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError) as error:
        msg = f"path={str(folder)!r} is not a saved graph: it holds no graph.json."
        raise FileNotFoundError(msg) from error
    except ValueError as error:
        msg = f"{folder / 'graph.json'} cannot be read as JSON ({error}); save the graph anew."
        raise ValueError(msg) from error
    found = header.get("format") if isinstance(header, dict) else None
    if found != FORMAT:
        msg = f"path={str(folder)!r}: graph format {found!r}, this version reads {FORMAT}."
        raise ValueError(msg)
    tables: dict[str, pd.DataFrame] = {}
    for name in TABLES:
        file = folder / f"{name}.parquet"
        try:
            tables[name] = pd.read_parquet(file)
        except FileNotFoundError as error:
            msg = f"path={str(folder)!r} is not a whole graph: {name}.parquet is missing."
            raise FileNotFoundError(msg) from error
        except (OSError, ValueError) as error:
            msg = f"{file} cannot be read as parquet ({error}); save the graph anew."
            raise ValueError(msg) from error
    return tables, header
