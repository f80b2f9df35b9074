"""Fitted networks and linear parts, brought back to life for new samples."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, cast

import numpy as np
import torch
from torch.nn.functional import softplus

from pathweave.nn import PathwayVAENet, single_thread
from pathweave.nn.stack import DeepPart, Stack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch import Tensor, nn

    from pathweave.models._held_out import HeldOut
    from pathweave.models._parts import TargetParts
    from pathweave.models._train import FittedState
    from pathweave.nn.heads import DiscreteTimeHead
    from pathweave.nn.pathway_vae import GraphArrays, NetSpec

_CHUNK = 256


@dataclass
class FittedEnsemble:
    """All that was learned: the reference network, one a fold, and the linear parts of each target."""

    spec: NetSpec
    graph: GraphArrays | None
    states: list[FittedState]
    parts: dict[str, TargetParts]
    signs: np.ndarray | None = None
    activity_units: tuple[np.ndarray, np.ndarray] = field(
        default_factory=lambda: (np.zeros(0), np.ones(0))
    )
    held_out: dict[str, HeldOut] = field(default_factory=dict)

    @cached_property
    def nets(self) -> list[PathwayVAENet]:
        """The networks, in evaluation mode; the first is the reference."""
        nets = []
        for state in self.states:
            with torch.random.fork_rng(devices=[]):
                net = PathwayVAENet(self.spec, self.graph)
            arrays = {
                k: torch.tensor(v) for k, v in state.state.items() if not k.startswith("unit.")
            }
            net.load_state_dict(arrays)
            net.eval()
            net.requires_grad_(requires_grad=False)
            nets.append(net)
        return nets

    def deep_part(self, target: str, members: list[int] | None = None) -> DeepPart:
        """Ensemble of the folds' networks (or of some of them) as a part of a stack."""
        which = list(range(1, len(self.states))) if members is None else members
        key = f"unit.{target}"
        units = [
            (float(self.states[i].state[key][0]), float(self.states[i].state[key][1]))
            for i in which
            if key in self.states[i].state
        ]
        return DeepPart([self.nets[i] for i in which], target, self.parts[target].task, units)

    def stack(self, target: str, members: list[int] | None = None) -> Stack:
        """The whole prediction of a target as one differentiable module."""
        parts = self.parts[target]
        modules: list[nn.Module] = [*parts.linear, self.deep_part(target, members)]
        return Stack(modules, list(parts.weights), parts.task, offset=parts.offset).eval()

    def predict(self, target: str, values: dict[str, np.ndarray]) -> np.ndarray:
        """Log-probabilities (n, n_classes), or numbers or log hazards (n, 1)."""
        return self.predict_all([target], values)[target][0]

    def predict_all(
        self, targets: Sequence[str], values: dict[str, np.ndarray]
    ) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Predict targets, all from one pass through the networks.

        Returns
        -------
        For each target what the whole stack says (n, n_outputs), and the stacks with one network of the ensemble
        each, (n_networks, n, n_outputs).
        """
        stacks = {target: self.stack(target) for target in targets}
        nets = self.nets[1:]
        whole: dict[str, list[Tensor]] = {target: [] for target in targets}
        single: dict[str, list[Tensor]] = {target: [] for target in targets}
        with single_thread(), torch.no_grad():
            for x, seen in _tensors(values):
                latents = [net.encode(net.prepare(x, seen)).mean for net in nets]
                for target, stack in stacks.items():
                    both = stack.with_members(x, seen, latents)
                    whole[target].append(both[0])
                    single[target].append(both[1])
        return {
            target: (
                torch.cat(whole[target]).double().numpy(),
                torch.cat(single[target], dim=1).double().numpy(),
            )
            for target in targets
        }

    def interval_survival(
        self, target: str, values: dict[str, np.ndarray]
    ) -> tuple[np.ndarray, np.ndarray]:
        """What the networks alone say of a survival in discrete time.

        Returns
        -------
        The ends of the intervals (n_intervals,), and the probability of surviving each (n, n_intervals), a mean over
        the networks; no intervals where the networks learned log hazards.
        """
        ends = next(np.array(h.cuts) for h in self.spec.heads if h.name == target)

        def survived(x: dict[str, Tensor], seen: dict[str, Tensor]) -> Tensor:
            curves = []
            for net in self.nets[1:]:
                head = cast("DiscreteTimeHead", net.heads.of(target))
                hazard = head.hazard_logits(net.encode(net.prepare(x, seen)).mean)
                curves.append(torch.exp(-softplus(hazard).cumsum(dim=1)))
            return torch.stack(curves).mean(dim=0)

        n = len(next(iter(values.values())))
        return ends, self._chunks(values, survived) if len(ends) else np.ones((n, 0))

    def latent(self, values: dict[str, np.ndarray]) -> np.ndarray:
        """Mean of the posterior (n, n_latent); NaN where a sample has no layer at all."""
        net = self.nets[0]
        latent = self._chunks(values, lambda x, seen: net.encode(net.prepare(x, seen)).mean)
        empty = np.all([np.isnan(x).all(axis=1) for x in values.values()], axis=0)
        latent[empty] = np.nan
        return latent.astype(np.float32)

    def impute(self, values: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Reconstruct all layers in the units of the data."""
        net = self.nets[0]
        names = [layer.name for layer in self.spec.layers]

        def decode(x: dict[str, Tensor], seen: dict[str, Tensor]) -> Tensor:
            made = net.impute(net.encode(net.prepare(x, seen)).mean)
            return torch.cat([made[name] for name in names], dim=1)

        joined = self._chunks(values, decode)
        ends = np.cumsum([layer.n_features for layer in self.spec.layers])[:-1]
        return dict(zip(names, np.split(joined, ends, axis=1), strict=True))

    def _activity_and_means(self, values: dict[str, np.ndarray]) -> list[np.ndarray]:
        net = self.nets[0]

        def pooled(x: dict[str, Tensor], seen: dict[str, Tensor]) -> Tensor:
            prepared = net.prepare(x, seen)
            return torch.cat(
                [net.activity(prepared, prepared.present), self._member_means(prepared.nodes)], 1
            )

        return np.split(self._chunks(values, pooled), 2, axis=1)

    def calibrate_activity(self, values: dict[str, np.ndarray]) -> None:
        """Fix sign and units of the activities on the training samples.

        A network's activity may point either way; it is turned to rise with the mean of its members.
        """
        if self.graph is None or not self.graph.pathway_ids:
            return
        activity, means = self._activity_and_means(values)
        center, spread = activity.mean(axis=0), activity.std(axis=0)
        signs = np.sign(((activity - center) * (means - means.mean(axis=0))).sum(axis=0))
        self.signs = np.where(signs == 0, 1.0, signs)
        self.activity_units = (center, np.maximum(spread, 1e-6))

    def activity(self, values: dict[str, np.ndarray]) -> np.ndarray:
        """Pathway activities (n, n_pathways) in standard deviations of the training samples."""
        raw = self._activity_and_means(values)[0]
        center, spread = self.activity_units
        return (raw - center) / spread * self.signs

    def _member_means(self, nodes: Tensor | None) -> Tensor:
        if nodes is None or self.graph is None:
            msg = "no graph"
            raise ValueError(msg)
        own = nodes[:, : len(self.nets[0].graph_layers)].mean(dim=1)
        columns = [own[:, torch.as_tensor(m)].mean(dim=1) for m in self.graph.reach]
        return torch.stack(columns, dim=1)

    @torch.no_grad()
    def _chunks(
        self,
        values: dict[str, np.ndarray],
        function: Callable[[dict[str, Tensor], dict[str, Tensor]], Tensor],
    ) -> np.ndarray:
        """Apply a function to a few hundred samples at a time."""
        with single_thread():
            return np.concatenate([function(*chunk).double().numpy() for chunk in _tensors(values)])


def _tensors(
    values: dict[str, np.ndarray],
) -> Iterator[tuple[dict[str, Tensor], dict[str, Tensor]]]:
    n = len(next(iter(values.values())))
    for start in range(0, n, _CHUNK):
        x = {name: torch.tensor(v[start : start + _CHUNK]) for name, v in values.items()}
        seen = {name: ~v.isnan() for name, v in x.items()}
        yield {name: v.nan_to_num() for name, v in x.items()}, seen
