"""Evidence of every node once the activities of the strongest pathways have told what they know of the outcome."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg import eigh

from pathweave.explain._pathway_tests.evidence import NodeEvidence, node_evidence
from pathweave.explain._pathway_tests.joint import normal_scores
from pathweave.explain._pathway_tests.telling_layer import telling_layer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pathweave.explain._pathway_tests.draws import Draws
    from pathweave.explain._pathway_tests.evidence import StandardLayer
    from pathweave.explain._pathway_tests.joint import GeneSets

# Chosen on simulations with the seeds 101 to 108.
_FROM, _ALL = 2.5, 3.5
_MOST = 8
_ALIKE = 0.7
_LEAST_EXCESS = 0.05
_ROWS, _CELLS = 512, 2**24  # rows of residuals at once, and values in them


class Activities:
    """Activity of gene sets in the tested samples: the first principal component of their members' features."""

    def __init__(self, layers: Sequence[StandardLayer], sets: GeneSets) -> None:
        self.layers, self.sets = layers, sets
        self._known: dict[int, np.ndarray] = {}

    @cached_property
    def _features(self) -> list[np.ndarray]:
        """For each layer whether a set has a feature (n_sets, n_features)."""
        return [(self.sets.members @ layer.nodes.T).tocsr() for layer in self.layers]

    def of(self, which: int) -> np.ndarray:
        """Activity of one set (n,), of length 1; zero where none of its features varies."""
        if which not in self._known:
            parts = [
                layer.x[:, features[which].indices]
                for layer, features in zip(self.layers, self._features, strict=True)
            ]
            self._known[which] = _first_component(np.concatenate(parts, axis=1))
        return self._known[which]


def _first_component(x: np.ndarray) -> np.ndarray:
    """Left singular vector of the largest singular value, from the smaller of the two products."""
    n, p = x.shape
    if not p:
        return np.zeros(n)
    wide = p >= n
    product = x @ x.T if wide else x.T @ x
    last = len(product) - 1
    vector = eigh(product, subset_by_index=(last, last))[1][:, 0]
    component = vector if wide else x @ vector
    size = np.linalg.norm(component)
    return np.asarray(component / size if size > 1e-12 else np.zeros(n))


def strongest_sets(set_score: np.ndarray, activities: Activities) -> list[int]:
    """The sets of highest score, none whose activity is much like that of one before it.

    Parameters
    ----------
    set_score
        Joint score of every set in units of what shuffled labels do (n_sets,).
    activities
        Activities of the sets.
    """
    chosen: list[int] = []
    for which in np.argsort(-set_score, kind="stable"):
        if set_score[which] <= _FROM or len(chosen) == _MOST:
            break
        mine = activities.of(int(which))
        if all(abs(mine @ activities.of(other)) < _ALIKE for other in chosen):
            chosen.append(int(which))
    return chosen


def conditional_evidence(
    layers: Sequence[StandardLayer],
    draws: Draws,
    activities: Activities,
    set_score: np.ndarray,
    nodes: NodeEvidence,
) -> NodeEvidence:
    """Evidence of every node, given the activities of the strongest sets that do not hold it.

    Parameters
    ----------
    layers
        Standardised layers.
    draws
        Residuals; every draw chooses its own sets, shuffled ones too, so that they stay comparable.
    activities
        Activities of the sets.
    set_score
        Joint scores of the sets in units of what shuffled labels do (n_draws, n_sets).
    nodes
        Evidence without any condition.
    """
    association = nodes.association.copy()
    by_layer = {name: values.copy() for name, values in nodes.by_layer.items()}
    # Of the observed labels one by one, since only the first row of evidence is told by layer.
    for _, alike, row in _conditions(draws, activities, set_score[:1], first=0):
        found = node_evidence(layers, replace(draws, rows=row[None]))
        association[0, alike] = found.association[0, alike]
        for name, values in found.by_layer.items():
            by_layer[name][alike] = values[alike]
    others = _conditions(draws, activities, set_score[1:], first=1)
    at_once = max(1, min(_ROWS, _CELLS // draws.rows.shape[1]))
    while part := list(islice(others, at_once)):
        rows = np.stack([row for _, _, row in part])
        given = node_evidence(layers, replace(draws, rows=rows)).association
        for (draw, alike, _), values in zip(part, given, strict=True):
            association[draw, alike] = values[alike]
    return NodeEvidence(association, by_layer, nodes.direction)


def _conditions(
    draws: Draws, activities: Activities, set_score: np.ndarray, *, first: int
) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """For draws from `first` on, one by one: the draw, nodes that the same of its chosen sets hold, their residuals."""
    for draw, of_sets in enumerate(set_score, start=first):
        chosen = strongest_sets(of_sets, activities)
        if not chosen:
            continue
        known = np.column_stack([activities.of(which) for which in chosen])
        share = np.clip((of_sets[chosen] - _FROM) / (_ALL - _FROM), 0.0, 1.0)
        inside = activities.sets.members[chosen].toarray() > 0
        held, which = np.unique(inside, axis=1, return_inverse=True)
        for i, holds in enumerate(held.T):
            if not holds.all():
                alike = np.flatnonzero(which.ravel() == i)
                yield draw, alike, draws.without(draw, known[:, ~holds], share[~holds])


@dataclass(frozen=True)
class SecondLook:
    """What the nodes' evidence is once it was looked at with and without condition.

    Attributes
    ----------
    node_score
        Normal scores of both looks, averaged (n_draws, n_nodes).
    weight
        Weight of the conditional ones for the observed labels.
    layer
        Name of the layer that tells most of each node (n_nodes,).
    """

    node_score: np.ndarray
    weight: float
    layer: np.ndarray


def look_again(
    layers: Sequence[StandardLayer],
    draws: Draws,
    activities: Activities,
    set_score: np.ndarray,
    nodes: NodeEvidence,
    node_score: np.ndarray,
) -> SecondLook:
    """Average the evidence with that given the strongest sets.

    Parameters
    ----------
    layers, draws, activities, set_score, nodes
        As in `conditional_evidence`.
    node_score
        Normal scores of the nodes without condition (n_draws, n_nodes).
    """
    given = conditional_evidence(layers, draws, activities, set_score, nodes)
    weight = weight_of_condition(nodes.association, given.association)[:, None]
    both = (1.0 - weight) * node_score + weight * normal_scores(given.association)
    share = float(weight[0, 0])
    by_layer = {
        name: (1.0 - share) * values + share * given.by_layer[name]
        for name, values in nodes.by_layer.items()
    }
    return SecondLook(both, share, telling_layer(by_layer))


def weight_of_condition(marginal: np.ndarray, conditional: np.ndarray) -> np.ndarray:
    r"""How much the conditional evidence counts beside the marginal, by the squares of what either finds.

    What a condition takes from the outcome is either other causes, and the rest is told the clearer, or the very thing
    that most genes go with, and little but noise is left. With e the mean association of all nodes beyond 1, which
    chance gives,

    .. math:: w = e_c^2 / (2 e_m^2 + e_c^2)

    draw by draw, so that shuffled labels are treated as the observed ones. The marginal counts double since it is the
    steadier: which pathways a condition is made of changes from sample to sample.

    Parameters
    ----------
    marginal, conditional
        Mean squared z (n_draws, n_nodes).

    Returns
    -------
    (n_draws,), between 0 and 1.
    """
    power = [np.maximum(x.mean(axis=1) - 1.0, _LEAST_EXCESS) ** 2 for x in (marginal, conditional)]
    return np.asarray(power[1] / (2.0 * power[0] + power[1]))
