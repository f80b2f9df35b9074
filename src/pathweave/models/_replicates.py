"""The replicate engine: a list of replicates in, a list of fitted states out.

Folds, ensembles, bootstrap draws, shuffled labels and rewired graphs are all replicates of one fit. A
replicate runs on one thread wherever it runs, so that the numbers do not depend on how many run at the
same time (`run_items`). The data are shared with the workers through memory maps, not copied to each. Processes that
``torchrun`` started share the replicates, or the samples of every step where there are fewer (`shared_by`).
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from pathweave._core.progress import progress
from pathweave._core.settings import settings
from pathweave._core.workers import how_many, run_items
from pathweave.models._hardware import Hardware
from pathweave.models._shared import digest_of, shared_by
from pathweave.models._store import SampleStore
from pathweave.models._together import can_train_together
from pathweave.models._together_groups import fit_together
from pathweave.models._train import FittedState, Replicate, TrainSpec, train_replicate
from pathweave.nn import Processes, join_processes

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from pathweave.models._monitor import Monitor
    from pathweave.nn.pathway_vae import GraphArrays, NetSpec

_AHEAD = 2048
"""Samples in batches that are made and wait while others are learned from."""


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
    together: bool | None = None,
    monitor: Monitor | None = None,
) -> list[FittedState]:
    """Fit every replicate, in the order given.

    Parameters
    ----------
    spec, training
        The network, and how to train it.
    values
        For each layer float32 (n_samples, n_features), NaN where unmeasured; or a store that reads them, ahead of the
        network in a thread. From a store on disk replicates are fitted one after the other.
    outcomes
        For each target float64 (n_samples, 1 or 2), NaN where unknown.
    graph
        Graph shared by all replicates that do not bring their own.
    replicates
        What to fit.
    device
        ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"mps"``. The settings say what else hardware may do (precision, accumulate,
        deterministic, processes).
    n_jobs
        Worker processes on a CPU; ``settings.n_jobs`` by default. No more run at once than fit in memory.
    library
        For each layer of counts the library sizes (n_samples,); `values` then holds
        ``log1p(counts / size * library of the layer's spec)``.
    together
        Train replicates of one shape as one batched computation (`train_together`): by default on CUDA and nowhere
        else, since on a CPU it is slower than workers.
    monitor
        Checkpoints, log and bar of a fit; nothing is kept and told without. With checkpoints or a log replicates are
        not trained together.

    Returns
    -------
    Fitted states, the same numbers whatever `n_jobs`. Trained together they differ in what dropout draws, and by
    rounding.

    Raises
    ------
    ValueError
        ``together=True`` for a store.
    RuntimeError
        A replicate whose worker process died three times. Before that a warning names it, and it is run again.

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
    if together and isinstance(values, SampleStore):
        msg = (
            "together=True needs all samples in memory at once; these are read in pieces. Leave together out, or give "
            "values as arrays."
        )
        raise ValueError(msg)
    processes = Processes() if settings.processes == "off" else join_processes()
    hardware = Hardware.of(device, spec, local_rank=processes.local_rank)
    work = _Work(
        spec, training, values, outcomes, graph, replicates, hardware, library or {}, monitor
    )
    if processes.size == 1:
        return _fit_some(work, n_jobs, together)
    jobs = n_jobs or max(1, settings.n_jobs // processes.local_size)
    digest = digest_of([spec, training], values, outcomes, replicates)
    with settings.override(progress=settings.progress and processes.rank == 0):
        return shared_by(
            processes, partial(_fit_one, work), [replicate.name for replicate in replicates], digest,
            several=lambda some: _fit_some(work.some(some), jobs, together),
        )  # fmt: skip


@dataclass(frozen=True)
class _Work:
    """All that the replicates of one call read."""

    spec: NetSpec
    training: TrainSpec
    values: dict[str, np.ndarray] | SampleStore
    outcomes: dict[str, np.ndarray]
    graph: GraphArrays | None
    replicates: Sequence[Replicate]
    hardware: Hardware
    library: dict[str, np.ndarray]
    monitor: Monitor | None

    def some(self, which: Sequence[int]) -> _Work:
        """The same for some of the replicates."""
        return replace(self, replicates=[self.replicates[i] for i in which])


def _fit_some(work: _Work, n_jobs: int | None, together: bool | None) -> list[FittedState]:  # noqa: FBT001
    """Fit replicates in this process: in its workers on a CPU, together on CUDA."""
    hardware, monitor = work.hardware, work.monitor
    needs = replicate_bytes(work.spec, work.values, work.graph, work.replicates)
    names = [replicate.name for replicate in work.replicates]
    plain = hardware.precision == "float32" and hardware.accumulate == 1
    kept = monitor is not None and monitor.keeps
    if together is None:
        together = hardware.device.startswith("cuda")
    together = together and len(names) > 1 and can_train_together(work.spec) and plain and not kept
    open_file = (
        isinstance(work.values, SampleStore) and work.values.on_disk
    )  # no process can have another's
    jobs = how_many(n_jobs, len(names)) if hardware.device == "cpu" and not open_file else 1
    # A monitor has a bar of its own, over epochs, where training happens in this process.
    hidden = monitor is not None and jobs == 1 and not together
    with nullcontext() if hidden else progress(desc="fitting replicates", total=len(names)) as bar:
        done = bar.update if bar is not None else bool
        if together and not isinstance(work.values, SampleStore):
            return fit_together(
                work.spec, work.training, work.values, work.outcomes, work.graph, work.replicates,
                hardware=hardware, library=work.library, needs=needs, done=done,
                stop=(lambda: False) if monitor is None else (lambda: monitor.stop.is_set),
            )  # fmt: skip
        return run_items(
            _fit_one, work, names, n_jobs=jobs, needs=needs, what="replicates",
            done=lambda *_: done(1),
        )  # fmt: skip


def _fit_one(work: _Work, i: int, processes: Processes | None = None) -> FittedState:
    return train_replicate(
        work.spec, work.training, work.values, work.outcomes, work.graph, work.replicates[i],
        hardware=work.hardware, library=work.library, processes=processes, monitor=work.monitor,
    )  # fmt: skip


def replicate_bytes(
    spec: NetSpec,
    values: dict[str, np.ndarray] | SampleStore,
    graph: GraphArrays | None,
    replicates: Sequence[Replicate],
) -> int:
    """Memory that a replicate takes, about: its samples, the graph's inputs, parameters five times over.

    A parameter has a gradient, two moments and a copy of the best epoch beside it. Values are held twice in single
    and while means are learned twice in double precision. Of samples that are read in pieces only those that decide
    when to stop are held, beside some batches.
    """
    if isinstance(values, SampleStore):
        n = max((len(r.validation) for r in replicates), default=0) + _AHEAD
        features = values.n_features
    else:
        n = max((len(r.train) + len(r.validation) for r in replicates), default=0)
        features = sum(x.shape[1] for x in values.values())
    samples = n * features * 26
    parameters = features * 2 * spec.n_hidden
    graphs = [g for g in [graph, *(r.graph for r in replicates)] if g is not None]
    for arrays in graphs[:1]:
        inputs = (1 + len(arrays.relations)) * max(1, len(arrays.feature_maps))
        samples += n * arrays.n_nodes * inputs * 4 * 3
        parameters += sum(map(len, arrays.pooled)) * spec.n_channels
        samples += 32 * sum(relation.nnz for relation in arrays.relations)
    return samples + parameters * 4 * 5
