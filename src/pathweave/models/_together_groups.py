"""Groups of replicates that are trained together: of one shape, and no more than fit in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from pathweave._core.workers.memory import free_memory
from pathweave.models._together import train_together
from pathweave.models._together_member import Member
from pathweave.models._train import FittedState, Replicate, TrainSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np

    from pathweave.models._hardware import Hardware
    from pathweave.nn.pathway_vae import GraphArrays, NetSpec

_SHARE = 0.8


def fit_together(
    spec: NetSpec,
    training: TrainSpec,
    values: dict[str, np.ndarray],
    outcomes: dict[str, np.ndarray],
    graph: GraphArrays | None,
    replicates: Sequence[Replicate],
    *,
    hardware: Hardware,
    library: dict[str, np.ndarray],
    needs: int,
    done: Callable[[int], object],
    stop: Callable[[], bool],
) -> list[FittedState]:
    """Fit replicates in groups.

    Parameters
    ----------
    spec, training, values, outcomes, graph, replicates, hardware, library
        As in `fit_replicates`.
    needs
        Bytes that a replicate takes (see `replicate_bytes`).
    done
        Called with the number of replicates that have just been fitted.
    stop
        Asked after every epoch whether to end training.

    Returns
    -------
    Fitted states in the order of the replicates. One whose shape is its own is a group of its own, so that its
    numbers do not depend on the others. After `stop` no group begins any more: its networks have no parameters.
    """
    where = torch.device(hardware.device)
    needs += step_bytes(spec, training, graph)
    most = max(1, int(_SHARE * _free(where) // needs))

    def make(which: Sequence[int]) -> list[Member]:
        return [
            Member.make(spec, values, outcomes, graph, replicates[i], device=where, library=library)
            for i in which
        ]

    groups = _Groups(make, training, [r.name for r in replicates], done, stop)
    with hardware.borrowed():
        for start in range(0, len(replicates), most):
            groups.fit(range(start, min(start + most, len(replicates))))
    return [groups.states[i] for i in range(len(replicates))]


class _Groups:
    """Trains replicates, by their positions, group by group, and keeps what each leaves behind."""

    def __init__(
        self,
        make: Callable[[Sequence[int]], list[Member]],
        training: TrainSpec,
        names: Sequence[str],
        done: Callable[[int], object],
        stop: Callable[[], bool],
    ) -> None:
        self.make, self.training, self.names = make, training, names
        self.done, self.stop = done, stop
        self.states: dict[int, FittedState] = {}

    def fit(self, which: Sequence[int]) -> None:
        """Fit replicates that go into memory at once, by their shapes."""
        if self._over(which):
            return
        groups: dict[object, list[tuple[int, Member]]] = {}
        for i, member in zip(which, self.make(which), strict=True):
            groups.setdefault(member.shape(self.training), []).append((i, member))
        for shape in list(groups):
            group = groups.pop(shape)
            if not self._over([i for i, _ in group]):
                self._train([i for i, _ in group], [member for _, member in group])

    def _over(self, which: Sequence[int]) -> bool:
        """Whether no more networks begin: those are left out. Some have begun by then, or there would be no model."""
        if not self.states or not self.stop():
            return False
        self.states.update((i, FittedState(self.names[i], {}, 0, finished=False)) for i in which)
        self.done(len(which))
        return True

    def _train(self, which: Sequence[int], members: list[Member]) -> None:
        """Train a group, in halves where memory does not last after all."""
        try:
            trained = train_together(members, self.training, self.done, self.stop)
            self.states.update(zip(which, trained, strict=True))
        except torch.OutOfMemoryError:
            if len(which) == 1:
                raise
        else:
            return
        members.clear()
        for half in (which[: len(which) // 2], which[len(which) // 2 :]):
            if not self._over(half):
                self._train(half, self.make(half))


def step_bytes(spec: NetSpec, training: TrainSpec, graph: GraphArrays | None) -> int:
    """Memory that one step of one replicate takes, about: what every layer hands on, and its gradient."""
    each = sum(8 * layer.n_features for layer in spec.layers)
    if graph is not None:
        pooled = sum(max(2, 1 << (len(nodes) - 1).bit_length()) for nodes in graph.pooled)
        inputs = (1 + len(graph.relations)) * max(1, len(graph.feature_maps))
        each += 2 * graph.n_nodes * (inputs + 4 * spec.n_channels * spec.n_graph_layers)
        each += 2 * pooled * spec.n_channels
    return 4 * training.batch_size * each


def _free(device: torch.device) -> int:
    """Bytes that can still be taken on a device."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return free_memory()
