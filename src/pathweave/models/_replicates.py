"""The replicate engine: a list of replicates in, a list of fitted states out.

Folds, ensembles, bootstrap draws, shuffled labels and rewired graphs are all replicates of one fit. A
replicate runs on one thread wherever it runs, so that the numbers do not depend on how many run at the
same time. The data are shared with the workers through memory maps, not copied to each. Processes that
``torchrun`` started share the replicates, or the samples of every step where there are fewer (`shared_by`).
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from pathweave._core.progress import progress
from pathweave._core.settings import settings
from pathweave.models._hardware import Hardware
from pathweave.models._shared import digest_of, shared_by
from pathweave.models._train import FittedState, Replicate, TrainSpec, train_replicate
from pathweave.nn import Processes, join_processes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np

    from pathweave.nn.pathway_vae import GraphArrays, NetSpec


def fit_replicates(
    spec: NetSpec,
    training: TrainSpec,
    values: dict[str, np.ndarray],
    outcomes: dict[str, np.ndarray],
    graph: GraphArrays | None,
    replicates: Sequence[Replicate],
    *,
    device: str = "auto",
    n_jobs: int | None = None,
    library: dict[str, np.ndarray] | None = None,
) -> list[FittedState]:
    """Fit every replicate, in the order given.

    Parameters
    ----------
    spec, training
        The network, and how to train it.
    values
        For each layer float32 (n_samples, n_features), NaN where unmeasured.
    outcomes
        For each target float64 (n_samples, 1 or 2), NaN where unknown.
    graph
        Graph shared by all replicates that do not bring their own.
    replicates
        What to fit.
    device
        ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"mps"``; on a GPU replicates run one after the other. The settings say
        what else hardware may do (precision, accumulate, deterministic, processes).
    n_jobs
        Worker processes on a CPU; ``settings.n_jobs`` by default.
    library
        For each layer of counts the library sizes (n_samples,); `values` then holds
        ``log1p(counts / size * library of the layer's spec)``.

    Returns
    -------
    Fitted states, the same numbers whatever `n_jobs`.

    Examples
    --------
    >>> import numpy as np
    >>> from pathweave.models import Replicate, TrainSpec, fit_replicates
    >>> from pathweave.nn.pathway_vae import LayerSpec, NetSpec
    >>> rng = np.random.default_rng(0)
    >>> values = {"rna": rng.normal(size=(30, 5)).astype("float32")}
    >>> spec = NetSpec((LayerSpec("rna", 5, "gaussian", tuple(range(5))),), heads=(), n_latent=2)
    >>> fold = np.arange(30) % 3
    >>> plan = [
    ...     Replicate(f"fold {k}", np.flatnonzero(fold != k), np.flatnonzero(fold == k), seed=k)
    ...     for k in range(3)
    ... ]
    >>> states = fit_replicates(spec, TrainSpec(max_epochs=2), values, {}, None, plan, n_jobs=1)
    >>> [state.name for state in states]
    ['fold 0', 'fold 1', 'fold 2']
    """
    processes = Processes() if settings.processes == "off" else join_processes()
    hardware = Hardware.of(device, spec, local_rank=processes.local_rank)
    fit_one = partial(
        _fit_one, spec, training, values, outcomes, graph, hardware=hardware, library=library
    )
    if processes.size > 1:
        jobs = n_jobs or max(1, settings.n_jobs // processes.local_size)
        digest = digest_of([spec, training], values, outcomes, replicates)
        with settings.override(progress=settings.progress and processes.rank == 0):
            return shared_by(
                processes, fit_one, replicates, digest,
                several=lambda some: _fit_some(fit_one, some, hardware, jobs),
            )  # fmt: skip
    return _fit_some(fit_one, replicates, hardware, settings.n_jobs if n_jobs is None else n_jobs)


def _fit_some(
    fit_one: Callable[[Replicate], FittedState],
    replicates: Sequence[Replicate],
    hardware: Hardware,
    n_jobs: int,
) -> list[FittedState]:
    """Fit replicates in this process, or in workers on a CPU."""
    jobs = min(n_jobs, len(replicates))
    if hardware.device != "cpu" or jobs <= 1:
        return [fit_one(r) for r in progress(replicates, desc="fitting replicates")]
    from joblib import Parallel, delayed

    tasks = (delayed(fit_one)(r) for r in replicates)
    results = Parallel(n_jobs=jobs, return_as="generator", max_nbytes="256K")(tasks)
    return list(progress(results, desc="fitting replicates", total=len(replicates)))


def _fit_one(
    spec: NetSpec,
    training: TrainSpec,
    values: dict[str, np.ndarray],
    outcomes: dict[str, np.ndarray],
    graph: GraphArrays | None,
    replicate: Replicate,
    *,
    hardware: Hardware,
    library: dict[str, np.ndarray] | None,
    processes: Processes | None = None,
) -> FittedState:
    return train_replicate(
        spec, training, values, outcomes, graph, replicate,
        hardware=hardware, library=library, processes=processes,
    )  # fmt: skip
