"""Hyperparameters searched inside the training samples: every trial is judged out of fold."""

from __future__ import annotations

import importlib.util
import logging
import time
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch

from pathweave._core.checks import check_mudata, listed
from pathweave._core.interruption import whole_fits_only
from pathweave._core.progress import progress
from pathweave._core.warnings import PathweaveWarning, warn
from pathweave.models._data import check_samples
from pathweave.models._estimator import Estimator
from pathweave.models._space import read_space
from pathweave.models._targets import read_targets
from pathweave.models._trials import Trials, fingerprint

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from os import PathLike

    from mudata import MuData

    from pathweave.graph import PathwayGraph
    from pathweave.models._space import Dimension

_LOSSES = {"class": "log loss", "number": "mean squared error", "survival": "Cox loss an event"}
_FAILURES = (ValueError, ArithmeticError, MemoryError, torch.OutOfMemoryError)


@dataclass(frozen=True, repr=False, eq=False)
class Tuning:
    """What a search found.

    The best loss is the least of many, so it flatters: judge tuning on samples it has not seen, such as by
    ``evaluate.cross_validate(models=[models.Tuned(...)])``.

    Attributes
    ----------
    table
        One row a trial: ``number`` (0: the model's own values), one column a hyperparameter, ``loss``, ``score``
        (mean over targets of the accuracy, Pearson's r or C-index out of fold; NaN without a target),
        ``seconds``, ``state`` (``"complete"`` or ``"failed"``) and ``error``.
    best
        Unfitted model with the best values.
    best_params
        These values, by name; the model's own if nothing was better.
    yardstick
        What ``loss`` is, in words.
    """

    table: pd.DataFrame
    best: Estimator
    best_params: dict[str, Any]
    yardstick: str

    def __repr__(self) -> str:
        """Tell what came out."""
        row = self.table.loc[self.table["loss"].idxmin()]
        n_failed = int((self.table["state"] == "failed").sum())
        failed = f", {n_failed} failed" if n_failed else ""
        own = float(self.table["loss"].iloc[0])
        found = ", ".join(f"{name}={value!r}" for name, value in self.best_params.items())
        if row["number"] == 0:
            return f"Tuning: {len(self.table)} trials{failed}; none beats the model's own values ({self.yardstick} {own:.4g})"
        return (
            f"Tuning: {len(self.table)} trials{failed}; {self.yardstick} {row['loss']:.4g} in trial {row['number']}, "
            f"{own:.4g} with the model's own values\n  {found}"
        )


def search(
    model: Estimator,
    mdata: MuData,
    graph: PathwayGraph | None = None,
    *,
    target: str | Sequence[str] | None = None,
    survival: tuple[str, str] | None = None,
    layers: Sequence[str] | str | None = None,
    samples: Any = None,
    groups: str | None = None,
    space: Mapping[str, Any] | None = None,
    n_trials: int = 20,
    folder: str | PathLike[str] | None = None,
    seed: int = 0,
) -> Tuning:
    """Search hyperparameters; `pathweave.tl.tune` says what the arguments are."""
    check_model(model)
    value: Any
    for name, value, least in (("n_trials", n_trials, 1), ("seed", seed, 0)):
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
            msg = f"{name}={value!r} must be a whole number of {least} or more."
            raise ValueError(msg)
    if importlib.util.find_spec("optuna") is None:
        msg = "tuning needs optuna: pip install 'pathweave[tune]'."
        raise ImportError(msg)
    check_mudata(mdata)
    mask = check_samples(mdata, samples)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PathweaveWarning)  # the fit says it again
        targets = read_targets(mdata.obs.loc[mask], target=target, survival=survival)
    dimensions = read_space(model, space, graph=graph is not None, target=bool(targets))
    told = fingerprint(
        model, mdata, graph,
        targets=targets, layers=layers, mask=mask, groups=groups, space=dimensions, seed=seed,
    )  # fmt: skip
    kept = Trials(folder, told)
    own = {d.name: d.drawn(model.get_params()[d.name]) for d in dimensions}
    records: list[dict[str, Any]] = []
    with progress(desc="trials", total=n_trials) as bar:
        for number in range(n_trials):
            record = kept.read(number)
            if record is None:
                drawn = _draw(records, own, dimensions, seed) if number else own
                trial = _changed(model, _values(drawn, dimensions) if number else {})
                record = _repeated(records, drawn) or _judged(
                    trial, mdata, graph, catch=number > 0,
                    target=target, survival=survival, layers=layers, samples=samples, groups=groups,
                )  # fmt: skip
                record = {**record, "number": number, "drawn": drawn}
                kept.write(record)
            records.append(record)
            bar.set_postfix_str(f"best loss {np.nanmin(_losses(records)):.4g}")
            bar.update()
    tasks = [t.task for t in targets]
    return _result(model, records, dimensions, _yardstick(tasks))


def check_model(model: Any) -> None:
    """Raise unless `model` is a model with hyperparameters to search, and not one that searches itself."""
    if not isinstance(model, Estimator) or "space" in model.get_params():
        msg = f"model must be an unfitted model such as PathwayVAE(), found {type(model).__name__}."
        raise TypeError(msg)


def _changed(model: Estimator, values: dict[str, Any]) -> Estimator:
    """Make a fresh model with other values."""
    return type(model)(**{**model.get_params(), **values})


def _values(drawn: dict[str, Any], dimensions: Sequence[Dimension]) -> dict[str, Any]:
    return {d.name: d.value(drawn[d.name]) for d in dimensions}


def _draw(
    records: list[dict[str, Any]],
    own: dict[str, Any],
    dimensions: Sequence[Dimension],
    seed: int,
) -> dict[str, Any]:
    """Ask a tree-structured Parzen estimator what to try next.

    A function of the trials so far, the seed and the trial's number: what is drawn does not depend on whether
    the search was broken off in between. The model's own values count where they lie inside the space.
    """
    import optuna
    from optuna.trial import TrialState, create_trial

    distributions = {d.name: d.distribution() for d in dimensions}
    number = len(records)
    told = records if None not in own.values() else records[1:]
    with _quiet_optuna():
        sampler = optuna.samplers.TPESampler(
            seed=int(np.random.SeedSequence([seed, number]).generate_state(1)[0])
        )
        study = optuna.create_study(sampler=sampler)
        for record, loss in zip(told, _losses(records)[number - len(told) :], strict=True):
            failed = record["state"] == "failed"
            trial = create_trial(
                params=record["drawn"],
                distributions=distributions,
                state=TrialState.FAIL if failed else TrialState.COMPLETE,
                value=None if failed else loss,
            )
            study.add_trial(trial)
        return dict(study.ask(distributions).params)


@contextmanager
def _quiet_optuna() -> Iterator[None]:
    """Keep optuna's notes of every study and trial out of the user's terminal."""
    log = logging.getLogger("optuna")
    before = log.level
    log.setLevel(logging.WARNING)
    try:
        yield
    finally:
        log.setLevel(before)


def _repeated(records: list[dict[str, Any]], drawn: dict[str, Any]) -> dict[str, Any] | None:
    """Take the result of an earlier trial of the same values: a fit gives the same numbers again."""
    for record in records:
        if record["drawn"] == drawn:
            return {**record, "seconds": 0.0}
    return None


def _judged(
    model: Estimator, mdata: MuData, graph: PathwayGraph | None, *, catch: bool, **what: Any
) -> dict[str, Any]:
    """Fit a model and take its losses; what a drawn value makes impossible is recorded."""
    started = time.perf_counter()
    losses: dict[str, float] = {}
    score, error = float("nan"), ""
    with warnings.catch_warnings():
        if catch:  # what is said of the data was said in the first trial
            warnings.simplefilter("ignore", PathweaveWarning)
        try:
            with whole_fits_only():
                model.fit(mdata, graph, **what)
            losses, score = _out_of_fold(model)
            if not np.isfinite(list(losses.values())).all():
                error = f"the loss is not finite: {losses}"
        except _FAILURES as failure:
            if not catch:
                raise
            error = f"{type(failure).__name__}: {failure}"
    if error and not catch:
        msg = f"the model's own values cannot be judged ({error}); look at its training curves (pl.history)."
        raise ValueError(msg)
    return {
        "losses": {} if error else losses,
        "score": None if error or np.isnan(score) else score,
        "seconds": time.perf_counter() - started,
        "state": "failed" if error else "complete",
        "error": error,
    }


def _out_of_fold(model: Estimator) -> tuple[dict[str, float], float]:
    """Loss of each target's stack out of fold and the mean score; the validation loss without a target."""
    stack = model.parts_[model.parts_["part"] == "stack"]
    if len(stack):
        losses = {
            str(t): float(loss) for t, loss in zip(stack["target"], stack["loss"], strict=True)
        }
        return losses, float(stack["score"].mean())
    curve = model.history_.query("replicate == 'reference' and part == 'validation'")
    return {"": float(curve["loss"].min())}, float("nan")


def _losses(records: list[dict[str, Any]]) -> list[float]:
    """One loss a trial; those of several targets are first divided by the loss of the model's own values."""
    own = records[0]["losses"]
    units = {name: max(abs(loss), 1e-12) if len(own) > 1 else 1.0 for name, loss in own.items()}
    return [
        float(np.mean([loss / units[name] for name, loss in record["losses"].items()]))
        if record["losses"]
        else float("nan")
        for record in records
    ]


def _yardstick(tasks: Sequence[str]) -> str:
    if not tasks:
        return "validation loss"
    if len(tasks) == 1:
        return f"out-of-fold {_LOSSES[tasks[0]]}"
    return "out-of-fold loss (own values: 1), mean over targets"


def _result(
    model: Estimator,
    records: list[dict[str, Any]],
    dimensions: Sequence[Dimension],
    yardstick: str,
) -> Tuning:
    own = {d.name: model.get_params()[d.name] for d in dimensions}
    tried = [own, *(_values(record["drawn"], dimensions) for record in records[1:])]
    rows = [
        {
            "number": record["number"],
            **values,
            "loss": loss,
            "score": np.nan if record["score"] is None else record["score"],
            **{name: record[name] for name in ("seconds", "state", "error")},
        }
        for record, values, loss in zip(records, tried, _losses(records), strict=True)
    ]
    table = pd.DataFrame(rows)
    failed = table[table["state"] == "failed"]
    if len(failed):
        warn(
            f"{len(failed)} of {len(table)} trials failed, the first with {listed(failed['error'][:1])}; "
            "the table's column 'error' says why.",
        )
    best = tried[int(table["loss"].idxmin())]
    return Tuning(table, _changed(model, best), best, yardstick)
