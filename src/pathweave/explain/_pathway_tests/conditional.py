"""Evidence of every node once the activities of the strongest pathways have told what they know of the outcome."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg import eigh

from pathweave.explain._pathway_tests.evidence import NodeEvidence, node_evidence
from pathweave.explain._pathway_tests.joint import normal_scores
from pathweave.explain._pathway_tests.telling_layer import telling_layer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pathweave.explain._pathway_tests.draws import Draws
    from pathweave.explain._pathway_tests.evidence import StandardLayer
    from pathweave.explain._pathway_tests.joint import GeneSets

# Chosen on simulations with the seeds 101 to 108.
_FROM, _ALL = 2.5, 3.5
_MOST = 8
_ALIKE = 0.7
_LEAST_EXCESS = 0.05
_ROWS = 512


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


def strongest_sets(score: np.ndarray, activities: Activities) -> list[int]:
    """The sets of highest score, none whose activity is much like that of one before it.

    Parameters
    ----------
    score
        Joint score of every set in units of what shuffled labels do (n_sets,).
    activities
        Activities of the sets.
    """
    chosen: list[int] = []
    for which in np.argsort(-score, kind="stable"):
        if score[which] <= _FROM or len(chosen) == _MOST:
            break
        mine = activities.of(int(which))
        if all(abs(mine @ activities.of(other)) < _ALIKE for other in chosen):
            chosen.append(int(which))
    return chosen


def conditional_evidence(
    layers: Sequence[StandardLayer],
    draws: Draws,
    activities: Activities,
    score: np.ndarray,
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
    score
        Joint scores of the sets in units of what shuffled labels do (n_draws, n_sets).
    nodes
        Evidence without any condition.
    """
    association = nodes.association.copy()
    by_layer = {name: values.copy() for name, values in nodes.by_layer.items()}
    rows, places = [], []
    for draw, of_sets in enumerate(score):
        chosen = strongest_sets(of_sets, activities)
        if not chosen:
            continue
        known = np.column_stack([activities.of(which) for which in chosen])
        share = np.clip((of_sets[chosen] - _FROM) / (_ALL - _FROM), 0.0, 1.0)
        inside = activities.sets.members[chosen].toarray() > 0
        for pattern, alike in _alike(inside):
            if not pattern.all():
                rows.append(draws.without(draw, known[:, ~pattern], share[~pattern]))
                places.append((draw, alike))
    for start in range(0, len(rows), _ROWS):
        part = replace(draws, rows=np.stack(rows[start : start + _ROWS]))
        found = node_evidence(layers, part).association
        for row, (draw, alike) in zip(found, places[start : start + _ROWS], strict=True):
            association[draw, alike] = row[alike]
    for row, (draw, alike) in zip(rows, places, strict=True):
        if draw == 0:
            observed = node_evidence(layers, replace(draws, rows=row[None])).by_layer
            for name, values in observed.items():
                by_layer[name][alike] = values[alike]
    return NodeEvidence(association, by_layer, nodes.direction)


@dataclass(frozen=True)
class SecondLook:
    """What the nodes' evidence is once it was looked at with and without condition.

    Attributes
    ----------
    scores
        Normal scores of both looks, averaged (n_draws, n_nodes).
    weight
        Weight of the conditional ones for the observed labels.
    layer
        Name of the layer that tells most of each node (n_nodes,).
    """

    scores: np.ndarray
    weight: float
    layer: np.ndarray


def look_again(
    layers: Sequence[StandardLayer],
    draws: Draws,
    activities: Activities,
    score: np.ndarray,
    nodes: NodeEvidence,
    scores: np.ndarray,
) -> SecondLook:
    """Average the evidence with that given the strongest sets.

    Parameters
    ----------
    layers, draws, activities, score, nodes
        As in `conditional_evidence`.
    scores
        Normal scores of the nodes without condition (n_draws, n_nodes).
    """
    given = conditional_evidence(layers, draws, activities, score, nodes)
    weight = weight_of_condition(nodes.association, given.association)[:, None]
    both = (1.0 - weight) * scores + weight * normal_scores(given.association)
    share = float(weight[0, 0])
    by_layer = {
        name: (1.0 - share) * values + share * given.by_layer[name]
        for name, values in nodes.by_layer.items()
    }
    return SecondLook(both, share, telling_layer(by_layer))


def weight_of_condition(marginal: np.ndarray, conditional: np.ndarray) -> np.ndarray:
    r"""How much the conditional evidence counts beside the marginal: as the square of what either finds, half.

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


def _alike(inside: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Nodes by the chosen sets that hold them: whether each set does (n_chosen,), and the nodes."""
    patterns, which = np.unique(inside, axis=1, return_inverse=True)
    return [(patterns[:, i], np.flatnonzero(which.ravel() == i)) for i in range(patterns.shape[1])]
