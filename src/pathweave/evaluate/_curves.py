"""Curves: what more samples would bring, and what a missing layer would cost."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from pathweave._core.checks import check_choice
from pathweave._core.intervals import interval
from pathweave.evaluate._jobs import Job, run_jobs
from pathweave.evaluate._metrics import LOWER_IS_BETTER
from pathweave.evaluate._resolve import check_graph, check_subjects, columns_read, resolve
from pathweave.evaluate._samples import read_samples
from pathweave.evaluate._scoring import (
    evaluation_times,
    prediction_table,
    primary_metric,
    scores_of,
)
from pathweave.evaluate._splits import Split, make_splits

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    from mudata import MuData

    from pathweave.evaluate._samples import Samples
    from pathweave.graph import PathwayGraph

_QUARTERS = (0.25, 0.5, 0.75, 1.0)
_MIN_TRAIN = 20
_KEYS = ["method", "missing", "fraction"]


@dataclass(frozen=True)
class Curve:
    """Scores along one axis.

    Attributes
    ----------
    kind
        ``"learning"`` or ``"missing"``.
    primary
        The metric shown unless told otherwise.
    scores
        Long: method, missing (the layer that test samples lack, or ``""``), fraction (of the training
        samples used, or of the test samples that lack the layer), repeat, fold, metric, value, n_train,
        n_test.
    """

    kind: Literal["learning", "missing"]
    primary: str
    scores: pd.DataFrame = field(repr=False)

    def summary(self, metric: str | None = None) -> pd.DataFrame:
        """Mean and interval (95 %, Nadeau and Bengio) of each point.

        Parameters
        ----------
        metric
            The metric; the primary one by default.

        Returns
        -------
        Columns method, missing, fraction, n_train, mean, low, high, n.
        """
        metric = self.primary if metric is None else metric
        check_choice("metric", metric, list(self.scores["metric"].unique()))
        rows = []
        chosen = self.scores[self.scores["metric"] == metric].dropna(subset="value")
        for key, part in chosen.groupby(_KEYS, sort=False):
            found = interval(
                part["value"].to_numpy(), part["n_train"].to_numpy(), part["n_test"].to_numpy()
            )
            rows.append((*key, round(part["n_train"].mean()), *found, len(part)))
        table = pd.DataFrame(rows, columns=[*_KEYS, "n_train", "mean", "low", "high", "n"])
        table.attrs.update(metric=metric, lower_is_better=metric in LOWER_IS_BETTER)
        return table


def learning_curve(  # noqa: PLR0913  # named one by one, as in cross_validate
    mdata: MuData,
    graph: PathwayGraph | None = None,
    *,
    target: str | Sequence[str] | None = None,
    survival: tuple[str, str] | None = None,
    layers: Sequence[str] | str | None = None,
    models: Any = ("pathway_vae",),
    baselines: Sequence[str] | str = (),
    fractions: Sequence[float] | None = None,
    n_folds: int = 5,
    n_repeats: int = 1,
    n_inner: int = 5,
    seed: int = 0,
    folder: str | PathLike[str] | None = None,
    n_jobs: int | None = None,
) -> Curve:
    """Judge methods that learned from part of the training samples.

    The test parts are the same for all sizes, and a smaller training set lies inside a larger one.

    Parameters
    ----------
    mdata, graph, target, survival, layers, models, baselines
        As in `cross_validate`.
    fractions
        Parts of the training samples, above 0 to 1; by default quarters, those of at least 20 samples.
    n_folds, n_repeats, n_inner, seed, folder, n_jobs
        As in `cross_validate`.

    Returns
    -------
    A `Curve`.

    Examples
    --------
    >>> import pathweave as pw
    >>> mdata = pw.datasets.simulate(80, seed=1)
    >>> curve = pw.evaluate.learning_curve(
    ...     mdata,
    ...     target="class",
    ...     models=[],
    ...     baselines=["ridge"],
    ...     fractions=[0.5, 1],
    ...     n_folds=3,
    ...     n_jobs=1,
    ... )
    >>> curve.summary()["n_train"].tolist()
    [27, 53]
    """
    sizes = _checked(_QUARTERS if fractions is None else fractions)
    check_graph(graph)
    samples = read_samples(
        mdata, target=target, survival=survival, layers=layers, also=columns_read(models)
    )
    methods = resolve(samples, graph, models=models, baselines=baselines, nulls=(), n_inner=n_inner)
    splits = make_splits(samples, n_folds=n_folds, n_repeats=n_repeats, seed=seed)
    check_subjects(models, samples, splits)
    if fractions is None:
        smallest = min(len(s.train) for s in splits)
        sizes = [size for size in sizes if np.ceil(size * smallest) >= _MIN_TRAIN] or [1.0]
    least = min(int(np.ceil(sizes[0] * len(s.train))) for s in splits)
    if least < _MIN_TRAIN:
        msg = f"fractions: {sizes[0]:g} of the training samples are {least}; {_MIN_TRAIN} are the least."
        raise ValueError(msg)
    jobs, points = [], []
    for split in splits:
        order = _stratified_order(samples, split, seed)
        for size in sizes:
            train = np.sort(order[: int(np.ceil(size * len(order)))])
            part = Split(split.repeat, split.fold, train, split.test)
            jobs += [Job(method, part) for method in methods]
            points += [[("", size)] for _ in methods]
    return _curve("learning", jobs, points, samples, {}, seed=seed, folder=folder, n_jobs=n_jobs)


def missing_layers(  # noqa: PLR0913  # named one by one, as in cross_validate
    mdata: MuData,
    graph: PathwayGraph | None = None,
    *,
    target: str | Sequence[str] | None = None,
    survival: tuple[str, str] | None = None,
    layers: Sequence[str] | str | None = None,
    models: Any = ("pathway_vae",),
    baselines: Sequence[str] | str = (),
    fractions: Sequence[float] = (0.5, 1.0),
    n_folds: int = 5,
    n_repeats: int = 1,
    n_inner: int = 5,
    seed: int = 0,
    folder: str | PathLike[str] | None = None,
    n_jobs: int | None = None,
) -> Curve:
    """Judge what it costs if test samples lack a layer: the proteome, say, is not there.

    Methods learn from complete training parts, once; then each layer in turn is taken away from part
    of the test samples.

    Parameters
    ----------
    mdata, graph, target, survival, layers, models, baselines
        As in `cross_validate`.
    fractions
        Parts of the test samples that lack the layer, above 0 to 1.
    n_folds, n_repeats, n_inner, seed, folder, n_jobs
        As in `cross_validate`.

    Returns
    -------
    A `Curve`, with all layers as they are at fraction 0.

    Examples
    --------
    >>> import pathweave as pw
    >>> mdata = pw.datasets.simulate(60, seed=1)
    >>> curve = pw.evaluate.missing_layers(
    ...     mdata,
    ...     target="class",
    ...     models=[],
    ...     baselines=["ridge_late"],
    ...     fractions=[1],
    ...     n_folds=3,
    ...     n_jobs=1,
    ... )
    >>> curve.summary()["missing"].tolist()
    ['', 'rna', 'meth', 'protein', 'metab']
    """
    sizes = _checked(fractions)
    check_graph(graph)
    samples = read_samples(
        mdata, target=target, survival=survival, layers=layers, also=columns_read(models)
    )
    if len(samples.layers) < 2:
        msg = f"layers: there is one only ({list(samples.layers)}); a second is needed to do without it."
        raise ValueError(msg)
    methods = resolve(samples, graph, models=models, baselines=baselines, nulls=(), n_inner=n_inner)
    luck = np.random.default_rng([seed, 7]).random(len(samples))
    tests: dict[str, Samples] = {}
    where = [("", 0.0)]
    for layer in samples.layers:
        for size in sizes:
            tests[f"{size:g} without {layer}"] = samples.without([layer], luck < size)
            where.append((layer, size))
    splits = make_splits(samples, n_folds=n_folds, n_repeats=n_repeats, seed=seed)
    check_subjects(models, samples, splits)
    names = ("", *tests)
    jobs = [Job(method, split, names) for split in splits for method in methods]
    return _curve(
        "missing", jobs, [where] * len(jobs), samples, tests, seed=seed, folder=folder, n_jobs=n_jobs
    )  # fmt: skip


def _checked(fractions: Sequence[float]) -> list[float]:
    if isinstance(fractions, (int, float)):
        fractions = [fractions]
    sizes = sorted({float(f) for f in fractions})
    if not sizes or sizes[0] <= 0 or sizes[-1] > 1:
        msg = f"fractions={list(fractions)!r} must lie above 0 and at or below 1, such as (0.5, 1): parts, not percent."
        raise ValueError(msg)
    return sizes


def _curve(
    kind: Literal["learning", "missing"],
    jobs: list[Job],
    points: list[list[tuple[str, float]]],
    samples: Samples,
    tests: dict[str, Samples],
    *,
    seed: int,
    folder: str | PathLike[str] | None,
    n_jobs: int | None,
) -> Curve:
    """Fit, predict and score every point."""
    times = evaluation_times(samples)
    records = run_jobs(jobs, samples, tests, seed=seed, times=times, folder=folder, n_jobs=n_jobs)
    rows: list[dict[str, Any]] = []
    for job, record, where in zip(jobs, records, points, strict=True):
        split = job.split
        train = samples.y[split.train]
        for name, (missing, fraction) in zip(job.tests, where, strict=True):
            test = (tests[name] if name else samples).take(split.test)
            table = prediction_table(job.method.name, split, record["said"][name], test, times)
            here = {
                "method": job.method.name, "missing": missing, "fraction": fraction,
                "repeat": split.repeat, "fold": split.fold,
            }  # fmt: skip
            rows += [
                {**here, "metric": m, "value": v, "n_train": len(train), "n_test": len(test)}
                for m, v in scores_of(table, samples.task, train, times).items()
            ]
    primary = primary_metric(samples.task, len(samples.classes))
    return Curve(kind, primary, pd.DataFrame(rows))


def _stratified_order(samples: Samples, split: Split, seed: int) -> np.ndarray:
    """Training samples in an order whose every beginning holds the classes in proportion."""
    rng = np.random.default_rng([seed, split.repeat, split.fold])
    labels = samples.y[split.train, -1] if samples.task != "number" else np.zeros(len(split.train))
    place = np.empty(len(labels))
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        place[rng.permutation(rows)] = (np.arange(len(rows)) + rng.random()) / len(rows)
    return split.train[np.argsort(place, kind="stable")]
