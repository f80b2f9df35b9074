"""What goes into a network and what comes out of its encoders, as plain dataclasses of arrays."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch

from pathweave.nn.sparse_product import bag

if TYPE_CHECKING:
    from collections.abc import Callable

    import scipy.sparse as sp
    from torch import Tensor


@dataclass(frozen=True)
class GraphArrays:
    """The graph as arrays: who maps where, who touches whom, who belongs to which pathway.

    `levels` are pathways made of pathways: for each the positions, among all pathways before its level, of
    its children. `pathway_ids` names the pathways of `members` first, then those of the levels.
    """

    feature_maps: dict[str, sp.csr_matrix]  # layer -> (n_features, n_nodes)
    relations: tuple[sp.csr_matrix, ...]  # each (n_nodes, n_nodes), row-normalised
    relation_names: tuple[str, ...]
    members: tuple[np.ndarray, ...]  # pathway -> node positions
    node_ids: tuple[str, ...]
    pathway_ids: tuple[str, ...]
    levels: tuple[tuple[np.ndarray, ...], ...] = ()

    @property
    def n_nodes(self) -> int:
        """Number of nodes."""
        return len(self.node_ids)

    @property
    def pooled(self) -> tuple[np.ndarray, ...]:
        """Nodes that are read together: the pathways' members, or each node alone without pathways."""
        return self.members or tuple(np.array([i]) for i in range(self.n_nodes))

    @property
    def reach(self) -> tuple[np.ndarray, ...]:
        """Nodes under every pathway, those of the levels included."""
        reach = list(self.members)
        for level in self.levels:
            reach += [np.unique(np.concatenate([reach[child] for child in of])) for of in level]
        return tuple(reach)


@dataclass(frozen=True)
class LayerMoments:
    """Means and variances (n_features,), float64, of a layer's training rows.

    `inputs` are those of what a network reads; `observed` those of what its observation model is fitted to: counts at
    the reference library size, or shares that keep a margin.
    """

    inputs: tuple[Tensor, Tensor]
    observed: tuple[Tensor, Tensor]
    n_rows: int


@dataclass
class Prepared:
    """Inputs after everything that no parameter touches: standardised, and spread over the graph.

    `measured` tells of the layers with gaps which values there are: a layer that it lacks has them all. `observed` and
    `library` are for the loss: what layers of counts and shares hold, and library sizes.
    """

    z: dict[str, Tensor]
    measured: dict[str, Tensor]
    present: Tensor  # (n, n_layers) bool
    # (n, (1 + n_relations) * n_graph_inputs, n_nodes): nodes last, as a product over few channels is quick then.
    nodes: Tensor | None
    observed: dict[str, Tensor] = field(default_factory=dict)
    library: dict[str, Tensor] = field(default_factory=dict)  # (n, 1)

    def rows(self, index: Tensor) -> Prepared:
        """Take a part of the samples."""
        return self._each(lambda x: x.index_select(0, index))

    def to(self, device: torch.device) -> Prepared:
        """Take them to a device."""
        return self._each(lambda x: x.to(device))

    def _each(self, function: Callable[[Tensor], Tensor]) -> Prepared:
        return Prepared(
            {name: function(z) for name, z in self.z.items()},
            {name: function(m) for name, m in self.measured.items()},
            function(self.present),
            None if self.nodes is None else function(self.nodes),
            {name: function(x) for name, x in self.observed.items()},
            {name: function(x) for name, x in self.library.items()},
        )

    def mixed(self, index: Tensor, partner: Tensor, share: Tensor | float) -> Prepared:
        """Take samples, of each a share, and the rest of its partner; what either lacks, the mixture lacks."""
        both = mixing(index, partner, share)
        return Prepared(
            {name: both(z) for name, z in self.z.items()},
            {
                name: m.index_select(0, index) & m.index_select(0, partner)
                for name, m in self.measured.items()
            },
            self.present.index_select(0, index),
            None if self.nodes is None else both(self.nodes),
            {name: both(x) for name, x in self.observed.items()},
            {name: both(x) for name, x in self.library.items()},
        )


@dataclass
class Encoded:
    """Posterior of the latent, and what the experts said on the way."""

    mean: Tensor
    log_var: Tensor
    experts: list[tuple[Tensor, Tensor]]  # (mean of one expert, which samples it speaks for)
    activity: Tensor | None


def mixing(index: Tensor, partner: Tensor, share: Tensor | float) -> Callable[[Tensor], Tensor]:
    """How to make ``share * x[index] + (1 - share) * x[partner]`` of the rows of some x, outside autograd."""
    if not isinstance(share, float) or index.device.type != "cpu":
        return lambda x: x.index_select(0, partner).lerp(x.index_select(0, index), share)
    # In one pass: a row of the product is the sum of two rows.
    rows = torch.stack([index, partner], dim=1).flatten()
    offsets = torch.arange(0, len(rows) + 1, 2)
    weights = torch.tensor([share, 1.0 - share]).repeat(len(index))
    return lambda x: bag(x.flatten(1), (offsets, rows, weights)).view(-1, *x.shape[1:])
