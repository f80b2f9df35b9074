"""The replicate engine: a list of replicates in, a list of fitted states out.

Folds, ensembles, bootstrap draws, shuffled labels and rewired graphs are all replicates of one fit. A
replicate runs on one thread wherever it runs, so that the numbers do not depend on how many run at the
same time. The data are shared with the workers through memory maps, not copied to each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pathweave._core.progress import progress
from pathweave._core.settings import settings
from pathweave.models._store import SampleStore
from pathweave.models._train import FittedState, Replicate, TrainSpec, train_replicate
from pathweave.nn import resolve_device, single_thread

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from pathweave.nn.pathway_vae import GraphArrays, NetSpec


def fit_replicates(
    spec: NetSpec,
    training: TrainSpec,
    values: dict[str, np.ndarray] | SampleStore,
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
        For each layer float32 (n_samples, n_features), NaN where unmeasured; or a store that reads them, whose
        replicates are fitted one after the other, each read ahead by a thread.
    outcomes
        For each target float64 (n_samples, 1 or 2), NaN where unknown.
    graph
        Graph shared by all replicates that do not bring their own.
    replicates
        What to fit.
    device
        ``"auto"``, ``"cpu"`` or ``"cuda"``; on a GPU replicates run one after the other.
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
    where = resolve_device(device).type
    jobs = min(settings.n_jobs if n_jobs is None else n_jobs, len(replicates))
    if where != "cpu" or jobs <= 1 or isinstance(values, SampleStore):
        bar = progress(replicates, desc="fitting replicates")
        return [_fit_one(spec, training, values, outcomes, graph, r, where, library) for r in bar]
    from joblib import Parallel, delayed

    tasks = (
        delayed(_fit_one)(spec, training, values, outcomes, graph, r, where, library)
        for r in replicates
    )
    results = Parallel(n_jobs=jobs, return_as="generator", max_nbytes="256K")(tasks)
    return list(progress(results, desc="fitting replicates", total=len(replicates)))


def _fit_one(
    spec: NetSpec,
    training: TrainSpec,
    values: dict[str, np.ndarray] | SampleStore,
    outcomes: dict[str, np.ndarray],
    graph: GraphArrays | None,
    replicate: Replicate,
    device: str,
    library: dict[str, np.ndarray] | None,
) -> FittedState:
    with single_thread():
        return train_replicate(
            spec, training, values, outcomes, graph, replicate, device=device, library=library
        )
