"""A log of the losses that is there while a fit runs: lines of a CSV file, or events of TensorBoard."""

from __future__ import annotations

import importlib.util
import os
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

COLUMNS = (
    "replicate", "epoch", "part", "loss", "target_loss", "reconstruction", "kl", "seconds",
)  # fmt: skip
"""Columns of ``history_``."""

Row = dict[str, Any]


class TrainingLog(ABC):
    """Where rows of the history go as they come. Networks may be trained in several processes."""

    @abstractmethod
    def open(self) -> None:
        """Begin anew: what an earlier fit, or this one before it was broken off, wrote here is dropped."""

    @abstractmethod
    def begin(self, replicate: str, rows: Sequence[Row]) -> None:
        """Begin a network whose training has given these rows already."""

    @abstractmethod
    def write(self, replicate: str, rows: Sequence[Row]) -> None:
        """Write the rows of an epoch."""

    @abstractmethod
    def end(self, replicate: str) -> None:
        """No rows of a network will come any more."""


def training_log(log: str | PathLike[str] | None) -> TrainingLog | None:
    """Choose by the name: ``.csv`` is a file of lines, all else a folder of TensorBoard's event files."""
    if log is None:
        return None
    path = Path(log)
    return CsvLog(path) if path.suffix.lower() == ".csv" else TensorBoardLog(path)


class CsvLog(TrainingLog):
    """One line a network, epoch and part; lines of an epoch come together, and whole."""

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.parent.is_dir():
            msg = (
                f"log={str(path)!r}: the folder {str(path.parent)!r} does not exist; make it first."
            )
            raise FileNotFoundError(msg)
        if path.exists() and not self._is_ours():
            msg = f"log={str(path)!r} exists and is no log of a fit; name another file."
            raise FileExistsError(msg)

    def _is_ours(self) -> bool:
        if not self.path.is_file():
            return False
        with self.path.open("rb") as file:
            head = file.read(len(_HEAD))
        return head in (b"", _HEAD)

    def open(self) -> None:
        """Leave the header alone in the file."""
        self.path.write_bytes(_HEAD)

    def begin(self, replicate: str, rows: Sequence[Row]) -> None:
        """Write what is known already."""
        self.write(replicate, rows)

    def write(self, replicate: str, rows: Sequence[Row]) -> None:
        """Append lines in one piece, so that processes do not write into each other's."""
        del replicate
        text = "".join(
            ",".join(_cell(row.get(name, "")) for name in COLUMNS) + "\n" for row in rows
        )
        data = text.encode()
        if not data:
            return
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            size = os.fstat(descriptor).st_size
            if os.write(descriptor, data) < len(data):  # the disk is full
                os.ftruncate(descriptor, size)
                msg = f"log={str(self.path)!r}: no space for a line; make space, or fit without a log."
                raise OSError(msg)
        finally:
            os.close(descriptor)

    def end(self, replicate: str) -> None:
        """Nothing is open."""


_HEAD = (",".join(COLUMNS) + "\n").encode()


def _cell(value: Any) -> str:
    text = repr(value) if isinstance(value, float) else str(value)
    return '"' + text.replace('"', '""') + '"' if any(c in text for c in ',"\n') else text


_MARK = ".pathweave-run"


class TensorBoardLog(TrainingLog):
    """One run a network in a folder: ``tensorboard --logdir <folder>`` shows the curves."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._writers: dict[str, Any] = {}
        if importlib.util.find_spec("tensorboard") is None:
            msg = (
                f"log={str(folder)!r} is a folder for TensorBoard, which is not installed: pip install "
                "'pathweave[tensorboard]'. A name that ends in .csv needs nothing."
            )
            raise ImportError(msg)
        if folder.is_file():
            msg = f"log={str(folder)!r} is a file; name a folder, or a file that ends in .csv."
            raise FileExistsError(msg)

    def open(self) -> None:
        """Make the folder, without the runs that an earlier fit left there; all that others put there stays."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for mark in self.folder.glob(f"*/{_MARK}"):
            # Events first: a run that could not be removed in full is still marked as ours.
            for file in [*mark.parent.glob("events.out.tfevents.*"), mark]:
                file.unlink(missing_ok=True)
            if not any(mark.parent.iterdir()):
                mark.parent.rmdir()

    def begin(self, replicate: str, rows: Sequence[Row]) -> None:
        """Begin a run; earlier events of it are not shown any more."""
        from torch.utils.tensorboard import SummaryWriter

        run = self.folder / replicate
        run.mkdir(exist_ok=True)
        (run / _MARK).touch()
        self._writers[replicate] = SummaryWriter(str(run), purge_step=0)
        self.write(replicate, rows)

    def write(self, replicate: str, rows: Sequence[Row]) -> None:
        """Add a point to each curve."""
        writer = self._writers[replicate]
        for row in rows:
            for name in COLUMNS[3:]:
                if name in row:
                    writer.add_scalar(f"{name}/{row['part']}", row[name], row["epoch"])
        writer.flush()

    def end(self, replicate: str) -> None:
        """Close the run."""
        writer = self._writers.pop(replicate, None)
        if writer is not None:
            writer.close()

    def __getstate__(self) -> dict[str, Any]:
        """What a worker process gets: the folder."""
        return {**vars(self), "_writers": {}}
