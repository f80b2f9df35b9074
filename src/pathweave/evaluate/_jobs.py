"""Fits of all methods in all splits: in processes, kept on disk as they come, resumed where they broke off."""

from __future__ import annotations

import hashlib
import json
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pathweave._core.files import whole
from pathweave._core.interruption import whole_fits_only
from pathweave._core.progress import progress
from pathweave._core.settings import settings
from pathweave._core.source import source_digest
from pathweave._core.workers import run_items
from pathweave.evaluate._memory import peak_memory
from pathweave.nn import single_thread

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    from pathweave.evaluate._predicted import Method
    from pathweave.evaluate._samples import Samples
    from pathweave.evaluate._splits import Split

FORMAT = 1
MAX_SEED = 2**31 - 1
_NEEDS = (
    6  # a fit holds about so many times the data: its part, standardised, masks, a library's copies
)


@dataclass(frozen=True)
class Job:
    """One fit: a method, a split, and the test sets it predicts.

    Attributes
    ----------
    method, split
        What is fitted, and on which samples.
    tests
        Names of the test sets (variants of the test part) to predict.
    """

    method: Method
    split: Split
    tests: tuple[str, ...] = ("",)

    @property
    def name(self) -> str:
        """Method, repeat and fold, for messages."""
        where = f"repeat {self.split.repeat}, fold {self.split.fold}"
        return f"{self.method.name}, {where} ({len(self.split.train)} training samples)"


def run_jobs(
    jobs: Sequence[Job],
    samples: Samples,
    tests: dict[str, Samples],
    *,
    seed: int,
    times: np.ndarray,
    folder: str | PathLike[str] | None,
    n_jobs: int | None,
) -> list[dict[str, Any]]:
    """Run every job, or take its result from `folder`.

    Parameters
    ----------
    jobs
        What to fit.
    samples
        All samples that splits point to.
    tests
        For each name of a test set the samples that ``split.test`` points to; ``""`` is `samples` itself.
    seed
        Seed of everything random.
    times
        Times at which survival is predicted.
    folder
        Where results are kept; ``None`` keeps none.
    n_jobs
        Processes, each on one thread; ``settings.n_jobs`` by default.

    Returns
    -------
    One record a job, in the order of `jobs`: seconds, peak_mb and the predictions of each test set.
    """
    store = _Store(folder, _data_digest(samples, tests, times), seed)
    found: list[dict[str, Any] | None] = [store.read(job) for job in jobs]
    waiting = [i for i, record in enumerate(found) if record is None]
    work = _Work([jobs[i] for i in waiting], samples, tests, seed, times)
    bar = progress(desc="fits", total=len(jobs))
    bar.update(len(jobs) - len(waiting))

    def keep(k: int, record: dict[str, Any]) -> None:
        i = waiting[k]
        store.write(jobs[i], record)
        found[i] = record
        bar.set_postfix_str(f"{jobs[i].method.name}, {record['seconds']:.0f} s")
        bar.update()

    with bar:
        names = [job.name for job in work.jobs]
        needs = _NEEDS * sum(x.nbytes for x in samples.layers.values())
        run_items(_run, work, names, n_jobs=n_jobs, needs=needs, done=keep)
    return [record for record in found if record is not None]


@dataclass(frozen=True)
class _Work:
    """All that the fits of one call read."""

    jobs: list[Job]
    samples: Samples
    tests: dict[str, Samples]
    seed: int
    times: np.ndarray


def job_seed(seed: int, split: Split) -> int:
    """Seed of a split: the same for all methods, another for every repeat and fold."""
    return (seed + 1009 * split.repeat + 31 * split.fold) % MAX_SEED


def _run(work: _Work, i: int) -> dict[str, Any]:
    """Fit and predict, on one thread."""
    from threadpoolctl import threadpool_limits

    job = work.jobs[i]
    started = time.perf_counter()
    # What Ctrl-C cut short must not be scored.
    with whole_fits_only(), single_thread(), threadpool_limits(1), peak_memory() as memory:
        train = work.samples.take(job.split.train)
        predict = job.method.fitter.fit(train, seed=job_seed(work.seed, job.split))
        said = {}
        for name in job.tests:
            test = (work.tests[name] if name else work.samples).take(job.split.test)
            said[name] = _plain(predict(test), work.times)
    return {"seconds": time.perf_counter() - started, "peak_mb": memory.peak_mb, "said": said}


def _plain(predicted: Any, times: np.ndarray) -> dict[str, Any]:
    """Predictions as lists, which JSON keeps exactly."""
    bad = not np.isfinite(predicted.value).all() or (
        predicted.proba is not None and not np.isfinite(predicted.proba).all()
    )
    if bad:
        msg = "a prediction is NaN or infinite; the method must give a finite one for every test sample."
        raise ValueError(msg)
    curves = predicted.survival(times) if predicted.survival is not None and len(times) else None
    return {
        "value": predicted.value.tolist(),
        "proba": None if predicted.proba is None else predicted.proba.tolist(),
        "survival": None if curves is None else np.asarray(curves).tolist(),
    }


class _Store:
    """Results of jobs in a folder, one file each, named by all that they depend on."""

    def __init__(self, folder: str | PathLike[str] | None, data: str, seed: int) -> None:
        self.folder = None if folder is None else Path(folder) / "fits"
        self.data, self.seed = data, seed
        self.described: dict[str, str] = {}
        if self.folder is not None:
            if Path(folder or "").is_file():
                msg = f"folder={str(folder)!r} is a file; name a folder, where fits are kept."
                raise FileExistsError(msg)
            self.folder.mkdir(parents=True, exist_ok=True)

    def _path(self, job: Job) -> Path | None:
        if self.folder is None:
            return None
        name = job.method.name
        if name not in self.described:
            self.described[name] = job.method.fitter.describe()
        told = [
            source_digest(),
            self.data,
            self.described[name],
            job_seed(self.seed, job.split),
            job.tests,
            [settings.precision, settings.accumulate, settings.deterministic],
        ]
        digest = hashlib.sha256(json.dumps(told).encode())
        digest.update(job.split.train.tobytes())
        digest.update(job.split.test.tobytes())
        plain = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-")[:60]
        where = f"{job.split.repeat}-{job.split.fold}"
        return self.folder / f"{plain}-{where}-{digest.hexdigest()[:16]}.json"

    def read(self, job: Job) -> dict[str, Any] | None:
        path = self._path(job)
        if path is None or not path.is_file():
            return None
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            complete = record["format"] == FORMAT and set(record["said"]) == set(job.tests)
        except (ValueError, KeyError, TypeError) as error:
            msg = f"{path} is damaged ({error}); delete it, and the fit is done again."
            raise ValueError(msg) from error
        return record if complete else None

    def write(self, job: Job, record: dict[str, Any]) -> None:
        path = self._path(job)
        if path is not None:
            with whole(path) as work:
                work.write_text(json.dumps({"format": FORMAT, **record}), encoding="utf-8")


def _data_digest(samples: Samples, tests: dict[str, Samples], times: np.ndarray) -> str:
    """Digest of all data that the fits see."""
    digest = hashlib.sha256()
    for name, part in {"": samples, **tests}.items():
        head = [
            name,
            part.names.tolist(),
            list(part.classes),
            part.ordinal,
            list(part.targets),
            part.task,
            part.kinds,
        ]
        digest.update(json.dumps(head, default=str).encode())
        for layer, x in part.layers.items():
            digest.update(json.dumps([layer, part.features[layer].tolist()], default=str).encode())
            digest.update(np.ascontiguousarray(x).tobytes())
        for table in ([] if part.obs is None else [part.obs]) + list(part.var.values()):
            digest.update(table.to_csv().encode())
        for array in (part.y, part.groups, part.batch):
            digest.update(b"-" if array is None else np.ascontiguousarray(array).tobytes())
    digest.update(np.ascontiguousarray(times).tobytes())
    return digest.hexdigest()
