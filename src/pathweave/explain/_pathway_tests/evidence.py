"""How strongly every node of the graph goes with an outcome, beside the same for shuffled labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pathweave.explain._pathway_tests.draws import Draws


@dataclass(frozen=True)
class StandardLayer:
    """A layer of the tested samples, every feature of mean 0 within strata and mean square 1.

    Attributes
    ----------
    name
        The layer.
    x
        Values (n, n_features), 0 where unmeasured and for features that do not vary.
    count
        Samples that have each feature (n_features,).
    patterns, pattern
        The different patterns of gaps (n, n_patterns), and which of them a feature has (n_features,).
    nodes
        Features that vary x nodes.
    """

    name: str
    x: np.ndarray
    count: np.ndarray
    patterns: np.ndarray
    pattern: np.ndarray
    nodes: sp.csr_matrix

    @classmethod
    def of(
        cls, name: str, values: np.ndarray, feature_map: sp.csr_matrix, strata: np.ndarray
    ) -> StandardLayer:
        """Standardise a layer (n, n_features), NaN where unmeasured, with its features x nodes."""
        x = values.astype(np.float64)
        measured = ~np.isnan(x)
        count = measured.sum(axis=0)
        x = np.where(measured, x, 0.0)
        size = np.abs(x).max(axis=0, initial=0.0)
        for code in np.unique(strata):
            inside = strata == code
            own = measured[inside]
            mean = x[inside].sum(axis=0) / np.maximum(own.sum(axis=0), 1)
            x[inside] = np.where(own, x[inside] - mean, 0.0)
        spread = np.sqrt(np.square(x).sum(axis=0) / np.maximum(count, 1))
        varies = spread > 1e-6 * size  # the rest is rounding
        x = np.where(varies, x / np.where(varies, spread, 1.0), 0.0)
        patterns, pattern = np.unique(measured, axis=1, return_inverse=True)
        nodes = sp.csr_matrix(sp.diags(varies.astype(float)) @ feature_map)
        return cls(name, x, count, patterns, pattern.ravel(), nodes)

    def z(self, draws: Draws) -> np.ndarray:
        """Each feature's z under every draw (n_draws, n_features).

        The correlation with the residual, within strata and among the samples that have the feature, times the root of
        their number: the score test of a regression on that feature alone.
        """
        moves = draws.spread(self.patterns)[:, self.pattern]
        z = draws.rows @ self.x / np.sqrt(np.maximum(self.count, 1))
        return np.divide(z, moves, out=np.zeros_like(z), where=moves > 1e-6)


def standard_layers(
    values: Mapping[str, np.ndarray],
    feature_maps: Mapping[str, sp.csr_matrix],
    strata: np.ndarray,
) -> list[StandardLayer]:
    """Standardise the layers on the graph.

    Parameters
    ----------
    values
        Layers (n, n_features) of the samples with known outcome, NaN where unmeasured.
    feature_maps
        For each layer on the graph its features x nodes.
    strata
        Code of each sample's stratum (n,).
    """
    return [StandardLayer.of(name, values[name], m, strata) for name, m in feature_maps.items()]


@dataclass(frozen=True)
class NodeEvidence:
    """Association of every node under every draw.

    Attributes
    ----------
    association
        Mean squared z of a node's features (n_draws, n_nodes); 1 is expected where nothing is associated.
    by_layer
        The same of each layer's features alone, observed labels only; NaN where a layer does not measure the node.
    direction
        Mean z of a node's features, observed labels (n_nodes,).
    """

    association: np.ndarray
    by_layer: dict[str, np.ndarray]
    direction: np.ndarray


def node_evidence(layers: Sequence[StandardLayer], draws: Draws) -> NodeEvidence:
    """Associate features with residuals, and carry them to the nodes they measure."""
    n_nodes = layers[0].nodes.shape[1]
    total = np.zeros((len(draws.rows), n_nodes))
    weight, pull = np.zeros(n_nodes), np.zeros(n_nodes)
    by_layer = {}
    for layer in layers:
        z = layer.z(draws)
        share = np.asarray(layer.nodes.sum(axis=0)).ravel()
        squares = np.square(z) @ layer.nodes
        by_layer[layer.name] = np.divide(
            squares[0], share, out=np.full(n_nodes, np.nan), where=share > 0
        )
        total += squares
        weight += share
        pull += z[0] @ layer.nodes
    seen = np.maximum(weight, 1e-12)
    return NodeEvidence(total / seen, by_layer, pull / seen)
