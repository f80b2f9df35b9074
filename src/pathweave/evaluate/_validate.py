"""External validation: learn from one cohort, judge on another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pathweave._core.checks import listed
from pathweave._core.version import VERSION
from pathweave._core.warnings import DataWarning, warn
from pathweave.evaluate._cross_validate import run_report
from pathweave.evaluate._jobs import Job
from pathweave.evaluate._resolve import check_graph, columns_read, resolve
from pathweave.evaluate._samples import read_like, read_samples
from pathweave.evaluate._splits import Split

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    from mudata import MuData

    from pathweave.evaluate._report import Report
    from pathweave.graph import PathwayGraph


def validate(  # noqa: PLR0913  # named one by one, as in cross_validate
    mdata: MuData,
    other: MuData,
    graph: PathwayGraph | None = None,
    *,
    target: str | Sequence[str] | None = None,
    survival: tuple[str, str] | None = None,
    layers: Sequence[str] | str | None = None,
    models: Any = ("pathway_vae",),
    baselines: Sequence[str] | str = (),
    nulls: Sequence[str] | str = (),
    n_inner: int = 5,
    seed: int = 0,
    folder: str | PathLike[str] | None = None,
    n_jobs: int | None = None,
) -> Report:
    """Fit on one cohort and judge on another that nobody has looked at.

    Parameters
    ----------
    mdata
        Cohort to learn from.
    other
        Cohort to judge on. Features are matched by name; what it lacks counts as unmeasured. It is
        used as it is: nothing is learned from it, so it must be normalised as `mdata` was.
    graph
        Pathway graph, for models that take one.
    target, survival, layers, models, baselines, nulls, n_inner, seed, folder, n_jobs
        As in `cross_validate`.

    Returns
    -------
    A `Report` with one split; intervals are bootstraps of the samples of `other`.

    Raises
    ------
    ValueError
        If the cohorts share samples, or have no layer and feature in common.

    Examples
    --------
    >>> import pathweave as pw
    >>> both = pw.datasets.simulate(90, seed=1)
    >>> with pw.io.quiet_mudata():
    ...     first, second = both[:60].copy(), both[60:].copy()
    >>> report = pw.evaluate.validate(
    ...     first, second, target="class", models=[], baselines=["ridge"], n_jobs=1
    ... )
    >>> report.summary("accuracy")["n"].tolist()
    [1]
    """
    check_graph(graph)
    samples = read_samples(
        mdata, target=target, survival=survival, layers=layers, also=columns_read(models)
    )
    test = read_like(other, samples, name="other")
    twice = np.intersect1d(samples.names.astype(str), test.names.astype(str))
    if len(twice):
        msg = f"other holds {len(twice)} sample(s) of mdata: {listed(twice)}; a second cohort must not share any."
        raise ValueError(msg)
    _tell_missing(samples.layers, test.layers)
    methods = resolve(
        samples, graph, models=models, baselines=baselines, nulls=nulls, n_inner=n_inner
    )
    split = Split(0, 0, np.arange(len(samples)), np.arange(len(test)))
    jobs = [Job(method, split, ("external",)) for method in methods]
    params = {
        "how": "external validation", "n_folds": 1, "n_repeats": 1, "n_inner": n_inner, "seed": seed,
        "n_samples": len(samples), "n_test": len(test), "version": VERSION,
        "layers": {k: int(samples.has(k).sum()) for k in samples.layers},
    }  # fmt: skip
    return run_report(
        jobs, methods, samples, params, seed=seed, folder=folder, n_jobs=n_jobs,
        tests={"external": test},
    )  # fmt: skip


def _tell_missing(first: dict[str, np.ndarray], second: dict[str, np.ndarray]) -> None:
    """Warn of features that the second cohort does not have."""
    for layer, x in second.items():
        gone = np.isnan(x).all(axis=0) & ~np.isnan(first[layer]).all(axis=0)
        if gone.any():
            warn(
                f"other: layer {layer!r} lacks {int(gone.sum())} of {len(gone)} features of mdata; they count as "
                "unmeasured.",
                DataWarning,
            )
