"""Which gene sets explain the nodes' evidence together, so that none is named for what another explains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp
from scipy.special import ndtri
from scipy.stats import rankdata

from pathweave.explain._pathway_tests.elastic_net import non_negative_elastic_net

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_PENALTY = 2e-3
_L1_SHARE = 0.5
# Chosen on simulations with the seeds 101 to 108; a tenth to twice of it rank pathways alike.


def normal_scores(association: np.ndarray) -> np.ndarray:
    """Ranks of the nodes as quantiles of a normal distribution, row by row: no single node can rule a pathway."""
    n = association.shape[1]
    return np.asarray(ndtri(rankdata(association, axis=1) / (n + 1)))


@dataclass(frozen=True)
class GeneSets:
    """Distinct sets of measured nodes.

    Attributes
    ----------
    ids
        One id a set: of pathways with the same measured members the one farthest from the roots.
    members
        Sets x nodes, 1 where a node belongs.
    """

    ids: tuple[str, ...]
    members: sp.csr_matrix

    @classmethod
    def of(
        cls, sets: Mapping[str, Sequence[int]], depth: dict[str, int], n_nodes: int, size: tuple[int, int]
    ) -> GeneSets:  # fmt: skip
        """Keep sets of fitting size, each once."""
        chosen: dict[tuple[int, ...], str] = {}
        for name in sorted(sets):
            nodes = tuple(sorted(set(sets[name])))
            if not size[0] <= len(nodes) <= size[1]:
                continue
            rival = chosen.get(nodes)
            if rival is None or depth.get(name, 0) > depth.get(rival, 0):
                chosen[nodes] = name
        ids = tuple(chosen.values())
        rows = np.repeat(np.arange(len(ids)), [len(nodes) for nodes in chosen])
        cols = np.array([i for nodes in chosen for i in nodes], dtype=int)
        ones = np.ones(len(cols))
        return cls(ids, sp.csr_matrix((ones, (rows, cols)), shape=(len(ids), n_nodes)))

    @property
    def sizes(self) -> np.ndarray:
        """Measured members of each set."""
        return np.diff(self.members.indptr)


@dataclass(frozen=True)
class JointFit:
    """How sets explain nodes, one row a draw.

    Attributes
    ----------
    alone
        Enrichment of each set's members, as a z statistic (n_draws, n_sets).
    joint
        The same after what the other sets explain was taken away.
    coefficient
        Mean normal score that membership adds, 0 for most sets.
    support
        What the sets say of a node (n_draws, n_nodes).
    explained
        Share of the nodes' variance that the sets explain (n_draws,).
    """

    alone: np.ndarray
    joint: np.ndarray
    coefficient: np.ndarray
    support: np.ndarray
    explained: np.ndarray


def explain_jointly(scores: np.ndarray, sets: GeneSets) -> JointFit:
    r"""Regress the nodes' scores on memberships with coefficients of zero or more.

    .. math:: \min_{c \ge 0} \frac{1}{2N} \lVert q - M^\top c \rVert^2 + \alpha \rho \lVert c \rVert_1
              + \frac{\alpha (1 - \rho)}{2} \lVert c \rVert^2

    (elastic net, Zou and Hastie 2005, equation 3, restricted to non-negative coefficients; a set that overlaps with a
    stronger one is left with what is its own, as in the model-based analysis of Bauer, Gagneur and Robinson 2010).

    Parameters
    ----------
    scores
        Normal scores of the nodes (n_draws, n_nodes).
    sets
        The gene sets.
    """
    members, n = sets.members, scores.shape[1]
    root = np.sqrt(np.maximum(sets.sizes, 1))
    product = np.asarray(members @ scores.T)
    gram = np.asarray((members @ members.T).todense())
    ridge, lasso = _PENALTY * (1 - _L1_SHARE), _PENALTY * _L1_SHARE
    coefficient = non_negative_elastic_net(gram / n, product / n, ridge=ridge, lasso=lasso).T
    support = np.asarray((members.T @ coefficient.T).T)
    rest = scores - support
    joint = np.asarray(members @ rest.T).T / root + coefficient * root
    # All nodes tie where a draw has nobody of a small class: nothing to explain.
    power = np.square(scores).sum(axis=1)
    left = np.square(rest).sum(axis=1)
    explained = 1.0 - np.divide(left, power, out=np.ones_like(power), where=power > 0)
    return JointFit(product.T / root, joint, coefficient, support, explained)


def trust_in_pathways(scores: np.ndarray, support: np.ndarray, n_null: int) -> float:
    r"""How much the pathways' word counts beside a node's own evidence.

    With own evidence :math:`q = b s + m + e`, support s, the node's own effect m and noise e, the best prediction of
    ``b s + m`` is :math:`w q + (1 - w) b s` with :math:`w = \mathrm{var}(m) / (\mathrm{var}(m) + \mathrm{var}(e))`
    (Efron and Morris 1973); the noise is what bootstrap draws differ by.
    """
    q, s = scores[0], support[0]
    power = float(s @ s)
    if power <= 0:
        return 0.0
    slope = float(s @ q) / power
    left = float(np.square(q - slope * s).mean())
    noise = float(scores[1 + n_null :].var(axis=0, ddof=1).mean())
    own = max(
        1.0 - noise / left, 0.1
    )  # never all for the pathways: most genes' sets are incomplete
    return slope * (1.0 - own) / own
