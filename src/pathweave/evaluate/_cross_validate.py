"""Nested, repeated cross-validation of models beside baselines and nulls, all learning inside the folds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pathweave._core.checks import check_obs_column, listed
from pathweave._core.version import VERSION
from pathweave._core.warnings import LayerOffGraphWarning, warn
from pathweave.evaluate._jobs import Job, run_jobs
from pathweave.evaluate._prepare import prepare
from pathweave.evaluate._report import Report
from pathweave.evaluate._resolve import check_graph, check_subjects, columns_read, resolve
from pathweave.evaluate._samples import Samples, read_samples
from pathweave.evaluate._scoring import (
    evaluation_times,
    prediction_table,
    score_table,
    timing_table,
)
from pathweave.evaluate._splits import make_splits
from pathweave.graph import coverage

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    from mudata import MuData

    from pathweave.evaluate._predicted import Method
    from pathweave.graph import PathwayGraph


def cross_validate(  # noqa: PLR0913  # what an evaluation depends on is named one by one
    mdata: MuData,
    graph: PathwayGraph | None = None,
    *,
    target: str | Sequence[str] | None = None,
    survival: tuple[str, str] | None = None,
    layers: Sequence[str] | str | None = None,
    models: Any = ("pathway_vae",),
    baselines: Sequence[str] | str = (),
    nulls: Sequence[str] | str = (),
    n_folds: int = 5,
    n_repeats: int = 1,
    null_repeats: int | None = None,
    groups: str | None = None,
    site: str | None = None,
    time: str | None = None,
    splits: Any = None,
    batch: str | None = None,
    select: int | None = None,
    tune_threshold: bool = False,
    n_inner: int = 5,
    seed: int = 0,
    folder: str | PathLike[str] | None = None,
    n_jobs: int | None = None,
) -> Report:
    """Judge models on samples they have not seen, beside baselines and nulls on the same splits.

    Everything that is learned is learned inside the training part of each split: imputation, scaling,
    batch effects, selection of features, hyperparameters (by inner folds), thresholds. Samples whose outcome is
    unknown take no part.

    Parameters
    ----------
    mdata
        Samples; they may lack layers.
    graph
        Pathway graph, for models that take one.
    target
        Column of ``mdata.obs`` to predict: classes or numbers; several columns of numbers are
        predicted together, and a sample may lack some of them.
    survival
        Columns (time, event) of ``mdata.obs``, instead of `target`.
    layers
        Modalities to use; all by default.
    models
        What is to be judged: names (``"pathway_vae"``), unfitted pathweave models, scikit-learn
        estimators (``evaluate.Fused`` says how they take several layers; side by side by default), or
        functions that take training and test samples as two MuData, the second without outcome, and
        return labels, probabilities (a table with the classes as columns), numbers or risks. A list,
        or a dict of names.
    baselines
        Rivals by name; linear models, sparse PLS-DA, SVM and kNN are tuned by inner folds, forests and boosting have fixed
        settings: ``"ridge"``, ``"elastic_net"``, ``"svm"``, ``"random_forest"``, ``"gradient_boosting"``,
        ``"knn"``, ``"sparse_plsda"`` (classes), ``"cox_ridge"`` and ``"random_survival_forest"`` (survival; the
        second needs ``pathweave[survival]``), ``"majority"``; with the ending ``"_late"`` one model a layer,
        averaged, with ``"_stacked"`` one a layer and a linear model of them.
    nulls
        What every model is compared with, or the first baseline if there is no model:
        ``"shuffled_labels"`` (training labels change places), ``"rewired_graph"`` (edges and memberships
        swapped, degrees and sizes kept), ``"random_pathways"`` (members drawn anew), ``"no_graph"``,
        ``"single_layers"``. Each is drawn anew in each split.
    n_folds, n_repeats
        Stratified folds, and how often they are dealt anew (not with `site`, `time` or `splits`).
    null_repeats
        Repeats in which the nulls are fitted; all by default.
    groups
        Column of obs (patient, donor): no group has samples in training and test part. Of inner folds those of
        pathweave's models and of ridge, elastic net, sparse PLS-DA and kNN (for classes) keep groups together too; those
        of the other baselines do not. With `Recurrent` subjects must not be torn: name its `subject` here.
    site
        Column of obs: each site (centre, cohort) in turn is the test part.
    time
        Column of obs with numbers: `n_folds` blocks, each predicted from all blocks before it.
    splits
        Your own instead: the fold of each sample with a known outcome, a list of (train, test) positions
        among them, or a scikit-learn splitter.
    batch
        Column of obs (plate, centre) whose effects ComBat takes out of each layer, as learned from the training
        part; samples of a batch that it does not hold stay as they are. The outcome is no covariate of
        it: of a test sample it is not known.
    select
        Features of each layer to keep before every method: those most associated with the outcome in the
        training part.
    tune_threshold
        For two classes: predict the second above the probability that gives the best balanced accuracy
        on inner folds, instead of 1/2. Fits every method `n_inner` times more.
    n_inner
        Inner folds for tuning.
    seed
        Seed of everything random; scikit-learn estimators of yours keep their own ``random_state``.
    folder
        Keep every finished fit here; the same call again goes on where it broke off, and fits only what
        changed: data, methods, splits, seed, or pathweave's own code.
    n_jobs
        Processes, each on one thread; ``pathweave.settings.n_jobs`` by default. No number depends on it.

    Returns
    -------
    A `Report`: predictions, scores with intervals, comparisons, ``report.verdict()`` in words.

    Raises
    ------
    KeyError
        A column or layer that is not there.
    ValueError
        Arguments that contradict each other, unknown names, too few samples.

    References
    ----------
    Nested cross-validation: Varma and Simon, BMC Bioinformatics 7:91 (2006). Intervals and tests: Nadeau and
    Bengio, Machine Learning 52 (2003). ComBat: Johnson, Li and Rabinovic, Biostatistics 8 (2007).

    Examples
    --------
    >>> import pathweave as pw
    >>> mdata = pw.datasets.simulate(60, seed=1)
    >>> report = pw.evaluate.cross_validate(
    ...     mdata, target="class", models=[], baselines=["ridge", "majority"], n_folds=3, n_jobs=1
    ... )
    >>> report.summary("accuracy").index.tolist()
    ['ridge', 'majority']
    """
    check_graph(graph)
    samples = read_samples(
        mdata, target=target, survival=survival, layers=layers, groups=groups, batch=batch,
        also=columns_read(models),
    )  # fmt: skip
    methods = resolve(
        samples, graph, models=models, baselines=baselines, nulls=nulls, n_inner=n_inner
    )
    _check(samples, tune_threshold=tune_threshold, select=select, n_inner=n_inner)
    made = make_splits(
        samples,
        n_folds=n_folds,
        n_repeats=n_repeats,
        seed=seed,
        site=_site_codes(mdata, site, samples),
        time=_time_values(mdata, time, samples),
        splits=splits,
    )
    check_subjects(models, samples, made)
    if graph is not None:
        _tell_off_graph(mdata, graph, list(samples.layers))
    methods = prepare(
        methods, correct=batch is not None, select=select, tune_threshold=tune_threshold, n_inner=n_inner
    )  # fmt: skip
    jobs = [
        Job(method, split)
        for split in made
        for method in methods
        if method.kind != "null" or null_repeats is None or split.repeat < null_repeats
    ]
    params = {
        "how": _how(groups, site, time, splits), "n_folds": n_folds,
        "n_repeats": 1 + max(s.repeat for s in made), "n_inner": n_inner, "seed": seed,
        "batch": batch, "select": select, "tune_threshold": tune_threshold, "n_samples": len(samples),
        "layers": {k: int(samples.has(k).sum()) for k in samples.layers}, "version": VERSION,
    }  # fmt: skip
    return run_report(jobs, methods, samples, params, seed=seed, folder=folder, n_jobs=n_jobs)


def run_report(
    jobs: Sequence[Job],
    methods: Sequence[Method],
    samples: Samples,
    params: dict[str, Any],
    *,
    seed: int,
    folder: str | PathLike[str] | None,
    n_jobs: int | None,
    tests: dict[str, Samples] | None = None,
) -> Report:
    """Run jobs and gather them into a report; of several test sets it tells the first."""
    tests = tests or {}
    times = evaluation_times(samples)
    records = run_jobs(jobs, samples, tests, seed=seed, times=times, folder=folder, n_jobs=n_jobs)
    tables = []
    for job, record in zip(jobs, records, strict=True):
        name = job.tests[0]
        test = (tests[name] if name else samples).take(job.split.test)
        said = record["said"][name]
        tables.append(prediction_table(job.method.name, job.split, said, test, times))
    predictions = pd.concat(tables, ignore_index=True)
    trains = {(s.repeat, s.fold): samples.y[s.train] for s in (job.split for job in jobs)}
    return Report(
        task=samples.task,
        targets=samples.targets,
        classes=samples.classes,
        methods=_method_table(methods),
        predictions=predictions,
        scores=score_table(predictions, samples.task, trains, times),
        timings=timing_table([j.method.name for j in jobs], [j.split for j in jobs], records),
        trains=trains,
        params={**params, "times": times.tolist()},
    )


def _method_table(methods: Sequence[Method]) -> pd.DataFrame:
    rows = {m.name: {"kind": m.kind, "of": m.of, "null": m.null} for m in methods}
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["kind", "of", "null"])
    table.index.name = "method"
    return table


def _check(samples: Samples, *, tune_threshold: bool, select: int | None, n_inner: int) -> None:
    if tune_threshold and len(samples.classes) != 2:
        found = f"{len(samples.classes)} classes" if samples.classes else "no classes"
        msg = f"tune_threshold=True needs a target of two classes; {samples.targets[0]!r} has {found}."
        raise ValueError(msg)
    for name, value, least in (("select", select, 1), ("n_inner", n_inner, 2)):
        if value is not None and (not isinstance(value, (int, np.integer)) or value < least):
            msg = f"{name}={value!r} must be a whole number of {least} or more."
            raise ValueError(msg)


def _site_codes(mdata: MuData, site: str | None, samples: Samples) -> np.ndarray | None:
    if site is None:
        return None
    check_obs_column(mdata.obs, "site", site)
    values = mdata.obs[site].loc[list(samples.names)]
    if values.isna().any():
        msg = f"site={site!r}: {int(values.isna().sum())} sample(s) have none; fill the column or drop them."
        raise ValueError(msg)
    return pd.factorize(values.astype(str), sort=True)[0]


def _time_values(mdata: MuData, time: str | None, samples: Samples) -> np.ndarray | None:
    if time is None:
        return None
    check_obs_column(mdata.obs, "time", time)
    values = mdata.obs[time].loc[list(samples.names)]
    if values.dtype.kind not in "iufM" or values.isna().any():
        msg = (
            f"time={time!r} must hold a number or a date for every sample; found {values.dtype} with "
            f"{int(values.isna().sum())} missing."
        )
        raise ValueError(msg)
    return values.to_numpy().astype(np.float64)


def _tell_off_graph(mdata: MuData, graph: PathwayGraph, layers: list[str]) -> None:
    """Say once which layers have no feature on the graph."""
    mapped = coverage(mdata, graph).loc[layers, "n_mapped"]
    off = [layer for layer in layers if mapped[layer] == 0]
    if off:
        warn(
            f"layers without any feature on the graph: {listed(off)}. They still count, through their own encoders; "
            "pathweave.graph.coverage says why.",
            LayerOffGraphWarning,
        )


def _how(groups: str | None, site: str | None, time: str | None, splits: Any) -> str:
    if splits is not None:
        return "splits given"
    if site is not None:
        return f"one {site} left out at a time"
    if time is not None:
        return f"forward in {time}"
    return "stratified folds" if groups is None else f"folds by {groups}"
