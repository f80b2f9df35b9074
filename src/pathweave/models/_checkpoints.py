"""Checkpoints of a fit in a folder: a file for every network, written whole, the last two of those in training."""

from __future__ import annotations

import errno
import hashlib
import json
import re
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from pathweave._core.checks import listed
from pathweave._core.files import whole
from pathweave._core.version import VERSION
from pathweave._core.warnings import DamagedCheckpointWarning, warn
from pathweave.models._run_state import Snapshot
from pathweave.models._train import FittedState

if TYPE_CHECKING:
    from collections.abc import Mapping
    from os import PathLike

    import numpy as np

FORMAT = 1
_HEAD = "fit.json"
_ENDING = ".safetensors"
_STALE = 600.0


class Checkpoints:
    """What is kept of a fit, so that it can go on.

    Parameters
    ----------
    folder
        Where; it is made if it is not there.
    told
        All that the fit depends on, in words or as digests. A folder of a fit of which anything else is told is
        refused.
    """

    def __init__(self, folder: str | PathLike[str], told: Mapping[str, str]) -> None:
        self.folder = Path(folder).absolute()  # wherever the program goes from here
        self._fit = hashlib.sha256(json.dumps(dict(told), sort_keys=True).encode()).hexdigest()
        head = self.folder / _HEAD
        if head.is_file():
            _check_same(self.folder, _read_head(head), told)
        elif any(self.folder.glob(f"*{_ENDING}")):
            msg = (
                f"resume={str(folder)!r} holds {_ENDING} files but no {_HEAD}, so nothing tells of which fit they are; "
                "give another folder."
            )
            raise ValueError(msg)
        else:
            self.folder.mkdir(parents=True, exist_ok=True)
            record = {"format": FORMAT, "pathweave": VERSION, "told": dict(told)}
            self._write_whole(head, json.dumps(record, indent=1).encode())
        for left in self.folder.glob(f".*-*{_ENDING}"):  # of a process that was killed as it wrote
            if time.time() - left.stat().st_mtime > _STALE:
                left.unlink(missing_ok=True)

    def read(self, name: str) -> Snapshot | None:
        """Read what is kept of a network: the newest that is whole; ``None`` if there is none.

        Damaged files are told of and removed.
        """
        path, earlier = self._paths(name)
        for file in (path, earlier):
            if not file.is_file():
                continue
            try:
                return _decoded(file, name, self._fit)
            except (SafetensorError, ValueError, KeyError, OSError) as error:
                goes_on = (
                    f"the fit goes on from the one before, {earlier.name}"
                    if file == path and earlier.is_file()
                    else f"training of {name!r} begins anew"
                )
                file.unlink(missing_ok=True)  # else it would take the place of the earlier one
                warn(
                    f"{file}: this checkpoint is damaged ({error}) and was removed; {goes_on}.",
                    DamagedCheckpointWarning,
                )
        return None

    def write(self, name: str, snapshot: Snapshot) -> None:
        """Keep a network in training, and what was kept of it before."""
        path, earlier = self._paths(name)
        self._write_whole(path, _encoded(name, snapshot, self._fit), earlier)

    def finish(self, name: str, state: FittedState) -> None:
        """Keep a fitted network, and nothing else of it."""
        path, earlier = self._paths(name)
        self._write_whole(path, _encoded(name, pack_fitted(state), self._fit))
        earlier.unlink(missing_ok=True)

    def _paths(self, name: str) -> tuple[Path, Path]:
        plain = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-")[:40]
        stem = f"{plain}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
        return self.folder / f"{stem}{_ENDING}", self.folder / f"{stem}.earlier{_ENDING}"

    def _write_whole(self, path: Path, data: bytes, earlier: Path | None = None) -> None:
        try:
            with whole(path) as work:
                work.write_bytes(data)
                if earlier is not None and path.is_file():
                    path.replace(earlier)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            free = shutil.disk_usage(self.folder).free
            msg = (
                f"resume={str(self.folder)!r}: no space for {path.name}, which needs {_size(len(data))} ({_size(free)} "
                "are free). What was kept before is whole: make space and call fit again, and it goes on from there."
            )
            raise OSError(error.errno, msg) from error


def pack_fitted(state: FittedState) -> Snapshot:
    """Describe a network that is fitted."""
    groups: dict[str, Mapping[str, np.ndarray]] = {
        "state": state.state, "scores": state.scores, "curves": state.curves,
        "validation": {"": state.validation},
    }  # fmt: skip
    tensors = {
        f"{group}.{k}": torch.tensor(v)
        for group, arrays in groups.items()
        for k, v in arrays.items()
    }
    facts = {"name": state.name, "best_epoch": state.best_epoch, "history": state.history}
    return Snapshot(tensors, {**facts, "fitted": True})


def unpack_fitted(snapshot: Snapshot) -> FittedState | None:
    """Rebuild a fitted network; ``None`` if the snapshot is of one in training."""
    facts = snapshot.facts
    if not facts.get("fitted"):
        return None
    state, scores, curves = (
        {k: v.numpy() for k, v in snapshot.under(prefix).items()}
        for prefix in ("state.", "scores.", "curves.")
    )
    validation = snapshot.tensors["validation."].numpy()
    return FittedState(
        facts["name"], state, facts["best_epoch"], facts["history"], validation, scores, curves
    )


def _encoded(name: str, snapshot: Snapshot, fit: str) -> bytes:
    record = {
        "format": str(FORMAT), "network": name, "fit": fit, "facts": json.dumps(snapshot.facts),
    }  # fmt: skip
    return save(snapshot.tensors, {**record, "sha256": _digest(snapshot.tensors, record)})


def _decoded(path: Path, name: str, fit: str) -> Snapshot:
    with safe_open(path, framework="pt") as file:
        record = file.metadata() or {}
        tensors = {key: file.get_tensor(key).clone() for key in file.keys()}  # noqa: SIM118
    if record.get("format") != str(FORMAT):
        msg = f"format {record.get('format')!r} is not known to this release"
        raise ValueError(msg)
    if record.pop("sha256", "") != _digest(tensors, record):
        msg = "its digest is another"
        raise ValueError(msg)
    if record["network"] != name or record["fit"] != fit:
        other = "another fit" if record["network"] == name else f"network {record['network']!r}"
        msg = f"it is of {other}"
        raise ValueError(msg)
    return Snapshot(tensors, json.loads(record["facts"]))


def _digest(tensors: Mapping[str, torch.Tensor], record: Mapping[str, str]) -> str:
    """SHA-256 of all that a file holds: tensors, facts, and of which network of which fit they are."""
    digest = hashlib.sha256(json.dumps(dict(record), sort_keys=True).encode())
    for name in sorted(tensors):
        tensor = tensors[name].contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        if tensor.numel():
            digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _read_head(path: Path) -> dict[str, Any]:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        known = record["format"] == FORMAT and isinstance(record["told"], dict)
    except (ValueError, KeyError, TypeError) as error:
        msg = f"{path} is damaged ({error}); delete the folder, and the fit begins anew."
        raise ValueError(msg) from error
    if not known:
        msg = f"{path}: format {record['format']!r} is not known to this release; give another folder."
        raise ValueError(msg)
    return record


def _check_same(folder: Path, record: Mapping[str, Any], told: Mapping[str, str]) -> None:
    found = record["told"]
    other = [what for what in {**told, **found} if told.get(what) != found.get(what)]
    if other:
        named = [
            f"{what} (there {found.get(what, 'none')}, here {told.get(what, 'none')})"
            if _short(found.get(what, "none")) and _short(told.get(what, "none"))
            else what
            for what in other
        ]
        msg = (
            f"resume={str(folder)!r} keeps another fit, by pathweave {record.get('pathweave')}; it differs in: "
            f"{listed(named, 8)}. Give another folder for this fit, fit as there, or delete that folder."
        )
        raise ValueError(msg)


def _short(value: str) -> bool:
    """Whether it says something to a reader, as a digest does not."""
    return len(value) <= 40


def _size(n_bytes: int) -> str:
    return f"{n_bytes / 1e6:.1f} MB" if n_bytes >= 1e5 else f"{n_bytes} bytes"
