"""Finished trials of a tuning, kept in a folder: one file each, written whole."""

from __future__ import annotations

import hashlib
import json
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pathweave._core.checks import listed
from pathweave._core.files import whole
from pathweave._core.source import source_digest
from pathweave._core.warnings import PathweaveWarning
from pathweave.models._data import read_groups, read_training

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    import pandas as pd
    from mudata import MuData

    from pathweave.graph import PathwayGraph
    from pathweave.models._estimator import Estimator
    from pathweave.models._space import Dimension
    from pathweave.models._targets import Target

FORMAT = 1


def fingerprint(
    model: Estimator,
    mdata: MuData,
    graph: PathwayGraph | None,
    *,
    targets: Sequence[Target],
    layers: Sequence[str] | str | None,
    mask: np.ndarray,
    groups: str | None,
    space: Sequence[Dimension],
    seed: int,
) -> dict[str, str]:
    """Digests of all that a trial depends on, by what it is: nothing of samples outside `mask`."""
    # How many processes fit, and where, changes no number.
    params = {k: v for k, v in model.get_params().items() if k not in {"n_jobs", "device"}}
    told = json.dumps(params, sort_keys=True, default=str)
    return {
        "training samples or values": _data_digest(
            mdata, layers, mask, params.get("likelihood", "auto")
        ),
        "outcome": _outcome_digest(mdata, targets, mask),
        "columns that the model reads": _columns_digest(model, mdata, mask),
        "groups": _groups_digest(mdata.obs.loc[mask], groups),
        "graph": "none" if graph is None else graph.digest,
        "model": hashlib.sha256(f"{type(model).__name__} {told}".encode()).hexdigest(),
        "space": hashlib.sha256(repr(tuple(space)).encode()).hexdigest(),
        "seed": str(seed),
        "version of pathweave's code": source_digest(),
    }


def _data_digest(
    mdata: MuData, layers: Sequence[str] | str | None, mask: np.ndarray, likelihood: Any
) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PathweaveWarning)  # the fit says it again
        schema, values, sizes = read_training(mdata, layers, mask, likelihood)
    digest = hashlib.sha256(json.dumps(list(mdata.obs_names[mask])).encode())
    for layer in schema:
        digest.update(json.dumps(layer.to_json()).encode())
        digest.update(np.ascontiguousarray(values[layer.name]).tobytes())
        if layer.name in sizes:
            digest.update(np.ascontiguousarray(sizes[layer.name]).tobytes())
    return digest.hexdigest()


def _columns_digest(model: Estimator, mdata: MuData, mask: np.ndarray) -> str:
    """Subjects and times of `Recurrent`, the order of `ConvNet`."""
    obs = mdata.obs.loc[mask]
    read = [name for name in dict.fromkeys(model.obs_columns) if name in obs]
    told = obs[read].to_csv() if read else ""
    for layer, mod in mdata.mod.items():
        names = [name for name in dict.fromkeys(model.var_columns) if name in mod.var]
        told += f"{layer} {mod.var[names].to_csv()}" if names else ""
    return hashlib.sha256(told.encode()).hexdigest()


def _groups_digest(obs: pd.DataFrame, groups: str | None) -> str:
    codes = read_groups(obs, groups)
    return "none" if codes is None else hashlib.sha256(codes.tobytes()).hexdigest()


def _outcome_digest(mdata: MuData, targets: Sequence[Target], mask: np.ndarray) -> str:
    digest = hashlib.sha256()
    for target in targets:
        digest.update(json.dumps(target.to_json()).encode())
        digest.update(np.ascontiguousarray(target.encode(mdata.obs.loc[mask])).tobytes())
    return digest.hexdigest()


class Trials:
    """Records of trials in a folder, or nowhere."""

    def __init__(self, folder: str | PathLike[str] | None, told: dict[str, str]) -> None:
        self.folder = None if folder is None else Path(folder)
        if self.folder is None:
            return
        if self.folder.is_file():
            msg = f"folder={str(folder)!r} is a file; name a folder, where trials are kept."
            raise FileExistsError(msg)
        head = self.folder / "tuning.json"
        if head.is_file():
            found = _read(head).get("told", {})
            other = [what for what, digest in told.items() if found.get(what) != digest]
            if other:
                msg = (
                    f"folder={str(folder)!r} keeps trials of another tuning (it differs in: {listed(other, 10)}); "
                    "give another folder, or delete this one."
                )
                raise ValueError(msg)
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        with whole(head) as work:
            work.write_text(json.dumps({"format": FORMAT, "told": told}, indent=1), "utf-8")

    def read(self, number: int) -> dict[str, Any] | None:
        """Read a trial; ``None`` if it was not finished."""
        path = self._path(number)
        return None if path is None or not path.is_file() else _read(path)

    def write(self, record: dict[str, Any]) -> None:
        """Keep a finished trial."""
        path = self._path(record["number"])
        if path is not None:
            with whole(path) as work:
                work.write_text(json.dumps({"format": FORMAT, **record}), "utf-8")

    def _path(self, number: int) -> Path | None:
        return None if self.folder is None else self.folder / f"trial-{number:04d}.json"


def _read(path: Path) -> dict[str, Any]:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        known = record["format"] == FORMAT
    except (ValueError, KeyError, TypeError) as error:
        msg = f"{path} is damaged ({error}); delete it, and the trial is done again."
        raise ValueError(msg) from error
    if not known:
        msg = f"{path}: format {record['format']!r} is not known to this release; give another folder."
        raise ValueError(msg)
    return record
