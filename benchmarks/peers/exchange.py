"""Ask a peer about a MuData in the very splits of `pathweave.evaluate.cross_validate`, and score what it says.

    from peers import exchange
    report = exchange.evaluate("mofa", mdata, folder, target="subtype", n_repeats=5)
    both = pw.evaluate.cross_validate(mdata, target="subtype", n_repeats=5, baselines=["ridge"]) | report
    both.compare()

The peer runs as a process in its own environment (`environment.py`) on one thread; what it said of a split is
kept, so that the same call goes on where it broke off.
"""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from peers.environment import python_of

from pathweave.evaluate import Report
from pathweave.evaluate._jobs import job_seed
from pathweave.evaluate._samples import Samples, read_samples
from pathweave.evaluate._scoring import (
    evaluation_times,
    prediction_table,
    score_table,
    timing_table,
)
from pathweave.evaluate._splits import Split, make_splits

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mudata import MuData

HERE = Path(__file__).resolve().parent
COLUMNS = ["data", "method", "kind", "metric", "mean", "low", "high", "n", "seconds", "peak_mb"]


@dataclass(frozen=True)
class Question:
    """What a peer is asked: samples and splits, and the folder they were written to."""

    folder: Path
    samples: Samples
    splits: list[Split]


def write(
    mdata: MuData,
    folder: Path,
    *,
    target: str | None = None,
    survival: tuple[str, str] | None = None,
    layers: Sequence[str] | None = None,
    n_folds: int = 5,
    n_repeats: int = 1,
    seed: int = 0,
    covariates: pd.DataFrame | None = None,
) -> Question:
    """Write the folder that `folder.read` reads.

    Parameters
    ----------
    mdata, target, survival, layers, n_folds, n_repeats, seed
        As for `cross_validate`; the splits are the same for the same arguments.
    folder
        Where to; answers that are there already are kept.
    covariates
        Numbers known of the samples besides their layers, for peers that use them.
    """
    samples = read_samples(mdata, target=target, survival=survival, layers=layers)
    splits = make_splits(samples, n_folds=n_folds, n_repeats=n_repeats, seed=seed)
    (folder / "layers").mkdir(parents=True, exist_ok=True)
    for layer, x in samples.layers.items():
        features = samples.features[layer].astype(str)
        np.savez(folder / "layers" / f"{layer}.npz", x=x.astype(np.float32), features=features)
    (folder / "covariates.npz").unlink(missing_ok=True)
    if covariates is not None:
        x = covariates.loc[list(samples.names)].to_numpy(np.float32)
        np.savez(folder / "covariates.npz", x=x, features=np.asarray(covariates.columns, str))
    y = samples.y[:, 0].astype(int) if samples.task == "class" else samples.y
    outcome = {"task": samples.task, "classes": list(samples.classes), "layers": list(samples.layers)}  # fmt: skip
    told = [
        {"repeat": s.repeat, "fold": s.fold, "train": s.train.tolist(), "test": s.test.tolist(),
         "seed": job_seed(seed, s)}
        for s in splits
    ]  # fmt: skip
    _json(folder / "samples.json", [str(name) for name in samples.names])
    _json(folder / "outcome.json", {**outcome, "y": y.tolist()})
    _json(folder / "splits.json", told)
    return Question(folder, samples, splits)


def ask(
    script: Path,
    question: Question,
    *,
    method: str,
    python: Path,
    options: Mapping[str, Any] | None = None,
) -> None:
    """Run a peer's script on a question; it leaves a file a split."""
    flags = [f"--{k.replace('_', '-')}={v}" for k, v in (options or {}).items()]
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    # Sets of names must come out in one order for a peer to be repeatable.
    env = {**os.environ, **threads, "PYTHONHASHSEED": "0", "PYTHONPATH": ""}
    command = [str(python), str(script), str(question.folder), method, *flags]
    subprocess.run(command, check=True, env=env)  # noqa: S603


def report(question: Question, method: str, *, kind: str = "peer") -> Report:
    """What was said, as a `Report`, which joins with others of the same splits by ``|``.

    Parameters
    ----------
    question
        What was asked.
    method
        Name under which the answers are kept, and of the method in the report.
    kind
        What the method is called; ``"baseline"`` lets `Report.verdict` count it among the rivals.
    """
    samples, times = question.samples, evaluation_times(question.samples)
    tables, records = [], []
    for split in question.splits:
        path = question.folder / "said" / method / f"{split.repeat}-{split.fold}.json"
        record = json.loads(path.read_text())
        asked = (record["split"]["train"], record["split"]["test"])
        if asked != (split.train.tolist(), split.test.tolist()):
            msg = f"{path} answers other training or test samples than were asked; delete it and ask again."
            raise ValueError(msg)
        said = _said(record, samples, len(split.test), path)
        tables.append(prediction_table(method, split, said, samples.take(split.test), times))
        records.append(record)
    predictions = pd.concat(tables, ignore_index=True)
    trains = {(s.repeat, s.fold): samples.y[s.train] for s in question.splits}
    about = pd.DataFrame(
        {"kind": [kind], "of": [""], "null": [""]}, index=pd.Index([method], name="method")
    )
    return Report(
        task=samples.task,
        targets=samples.targets,
        classes=samples.classes,
        methods=about,
        predictions=predictions,
        scores=score_table(predictions, samples.task, trains, times),
        timings=timing_table([method] * len(records), question.splits, records),
        trains=trains,
        params={"times": times.tolist(), f"{method} versions": records[0]["versions"]},
    )


def evaluate(
    peer: str,
    mdata: MuData,
    folder: Path,
    *,
    method: str | None = None,
    options: Mapping[str, Any] | None = None,
    kind: str = "peer",
    **how: Any,
) -> Report:
    """Write, ask and report: ``peer`` names a script ``run_<peer>.py`` and its environment."""
    question = write(mdata, Path(folder), **how)
    name = method or peer
    ask(HERE / f"run_{peer}.py", question, method=name, python=python_of(peer), options=options)
    return report(question, name, kind=kind)


def rows(found: Report, data: str) -> pd.DataFrame:
    """Rows of a report as ``benchmarks/evaluation.csv`` has them."""
    tables = [found.summary(m).reset_index().assign(metric=m) for m in found.metrics]
    return pd.concat(tables, ignore_index=True).assign(data=data)[COLUMNS].round(4)


def _said(record: dict[str, Any], samples: Samples, n: int, path: Path) -> dict[str, Any]:
    """An answer in the form of `prediction_table`, checked."""
    key, width = {
        "class": ("proba", len(samples.classes)),
        "number": ("value", len(samples.targets)),
        "survival": ("risk", 1),
    }[samples.task]
    values = np.asarray(record[key], dtype=np.float64).reshape(n, -1)
    if values.shape[1] != width or not np.isfinite(values).all():
        msg = f"{path}: {key} of shape {values.shape} or not finite; ({n}, {width}) finite numbers are needed."
        raise ValueError(msg)
    if samples.task == "class":
        if (values < 0).any() or not np.allclose(values.sum(axis=1), 1, atol=1e-4):
            msg = f"{path}: probabilities that are negative or do not add up to 1."
            raise ValueError(msg)
        return {"value": values.argmax(axis=1), "proba": values}
    return {"value": values if samples.task == "number" else values[:, 0], "survival": None}


def _json(path: Path, values: Any) -> None:
    path.write_text(json.dumps(values))
