"""What is usually done instead: over-representation, running sums of ranked genes, weights of a linear model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import hypergeom, t, ttest_ind_from_stats
from sklearn.linear_model import RidgeCV

from pathweave.explain._pathway_tests.significance import false_discovery_rate

if TYPE_CHECKING:
    from collections.abc import Mapping

    import scipy.sparse as sp

_ROWS = 32
_PENALTIES = tuple(10.0**k for k in range(6))


def feature_p(x: np.ndarray, residual: np.ndarray) -> np.ndarray:
    """Two-sided p of every feature against an outcome.

    Parameters
    ----------
    x
        Features (n, n_features), NaN where unmeasured.
    residual
        Outcome (n,): with two values Welch's t-test, otherwise the t-test of Pearson's correlation.

    Returns
    -------
    p (n_features,), 1 where a feature has too few values or does not vary.
    """
    x = x.astype(np.float64)
    levels = np.unique(residual)
    if len(levels) == 2:
        one, two = (_moments(x[residual == level]) for level in levels)
        enough = (one[2] > 1) & (two[2] > 1) & (one[1] + two[1] > 0)
        p = np.ones(x.shape[1])
        parts = [part[enough] for part in (*one, *two)]
        p[enough] = ttest_ind_from_stats(*parts, equal_var=False).pvalue
        return p
    seen = ~np.isnan(x)
    n = seen.sum(axis=0)
    y = np.where(seen, residual[:, None], 0.0)
    y = np.where(seen, y - y.sum(axis=0) / np.maximum(n, 1), 0.0)
    x = np.where(seen, x, 0.0)
    x = np.where(seen, x - x.sum(axis=0) / np.maximum(n, 1), 0.0)
    size = np.sqrt(np.square(x).sum(axis=0) * np.square(y).sum(axis=0))
    usable = (size > 0) & (n > 2)
    r = np.divide((x * y).sum(axis=0), size, out=np.zeros(len(n)), where=usable)
    free = np.maximum(n - 2, 1)
    statistic = r * np.sqrt(free / np.maximum(1 - r**2, 1e-15))
    return np.asarray(np.where(usable, 2 * t.sf(np.abs(statistic), free), 1.0))


def _moments(x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean, standard deviation and number of the values of every column."""
    seen = ~np.isnan(x)
    n = seen.sum(axis=0)
    mean = np.where(seen, x, 0.0).sum(axis=0) / np.maximum(n, 1)
    square = np.where(seen, np.square(x - mean), 0.0).sum(axis=0)
    spread = np.sqrt(square / np.maximum(n - 1, 1))
    varies = spread > 1e-6 * np.abs(mean)  # the rest is rounding
    return mean, np.where(varies, spread, 0.0), n


def best_feature(
    values: Mapping[str, np.ndarray], feature_maps: Mapping[str, sp.csr_matrix]
) -> tuple[np.ndarray, np.ndarray]:
    """Least p of the features that measure a node, times their number, and the name of its layer.

    Parameters
    ----------
    values
        For each layer the p of its features (n_features,).
    feature_maps
        For each layer its features x nodes.
    """
    n_nodes = next(iter(feature_maps.values())).shape[1]
    least, count = np.ones(n_nodes), np.zeros(n_nodes)
    layer = np.full(n_nodes, next(iter(feature_maps)), dtype=object)
    for name, feature_map in feature_maps.items():
        feature, node = feature_map.nonzero()
        mine = np.ones(n_nodes)
        np.minimum.at(mine, node, values[name][feature])
        count += np.bincount(node, minlength=n_nodes)
        layer[mine < least] = name
        least = np.minimum(least, mine)
    return np.minimum(least * np.maximum(count, 1), 1.0), layer


def over_representation(hits: np.ndarray, members: sp.csr_matrix) -> np.ndarray:
    """Fisher's exact test of every set, one-sided: more hits than among as many nodes drawn at random.

    Parameters
    ----------
    hits
        Which nodes were found (n_nodes,).
    members
        Sets x nodes.
    """
    inside = np.asarray(members @ hits.astype(float)).round()
    size = np.diff(members.indptr)
    return np.asarray(hypergeom.sf(inside - 1, len(hits), int(hits.sum()), size))


def running_sum(metric: np.ndarray, members: sp.csr_matrix) -> np.ndarray:
    r"""Enrichment score of every set: the largest deviation of a running sum down the ranked nodes.

    .. math:: \max_k \Big| \sum_{i \le k, i \in S} \frac{|r_i|}{\sum_{j \in S} |r_j|}
              - \sum_{i \le k, i \notin S} \frac{1}{N - |S|} \Big|

    with its sign (Subramanian et al., PNAS 2005, appendix, with exponent 1).

    Parameters
    ----------
    metric
        What nodes are ranked by, the largest first (n_nodes,).
    members
        Sets x nodes.
    """
    n = len(metric)
    position = np.empty(n, dtype=int)
    position[np.argsort(-metric, kind="stable")] = np.arange(n)
    size = np.diff(members.indptr)
    of_set = np.repeat(np.arange(len(size)), size)
    order = np.lexsort((position[members.indices], of_set))
    node = members.indices[order]
    start = members.indptr[:-1]
    weight = np.abs(metric[node])
    summed = np.cumsum(weight)
    before = np.concatenate([[0.0], summed])[start]
    total = np.maximum(np.add.reduceat(weight, start), 1e-300)
    hit = (summed - before[of_set]) / total[of_set]
    within = np.arange(len(node)) - start[of_set]
    miss = (position[node] - within) / np.maximum(n - size, 1)[of_set]
    top = np.maximum.reduceat(hit - miss, start)
    bottom = np.minimum.reduceat(hit - weight / total[of_set] - miss, start)
    return np.asarray(np.where(top >= -bottom, top, bottom))


def linear_weights(
    values: Mapping[str, np.ndarray],
    feature_maps: Mapping[str, sp.csr_matrix],
    residual: np.ndarray,
) -> np.ndarray:
    """Absolute weights of a ridge regression on all features, summed over the features of each node.

    Parameters
    ----------
    values
        Layers (n, n_features), NaN where unmeasured; standardised here, unmeasured values at the mean.
    feature_maps
        For each layer its features x nodes.
    residual
        Outcome (n,). The penalty is chosen by leaving samples out one by one.
    """
    parts = []
    for x in values.values():
        mean, spread, _ = _moments(x.astype(np.float64))
        scaled = (x - mean) / np.where(spread > 0, spread, np.inf)
        parts.append(np.nan_to_num(scaled))
    ridge = RidgeCV(alphas=_PENALTIES).fit(np.concatenate(parts, axis=1), residual)
    edges = np.cumsum([x.shape[1] for x in parts])[:-1]
    weights = dict(zip(values, np.split(np.abs(ridge.coef_), edges), strict=True))
    total = np.zeros(next(iter(feature_maps.values())).shape[1])
    for name, feature_map in feature_maps.items():
        total += np.asarray(weights[name] @ feature_map)
    return total


def member_score(node_values: np.ndarray, members: sp.csr_matrix) -> np.ndarray:
    """Mean over the members of a set against all nodes, in standard errors of a random set of its size."""
    size = np.maximum(np.diff(members.indptr), 1)
    spread = max(float(node_values.std()), 1e-300)
    mean = np.asarray(members @ node_values) / size
    return np.asarray((mean - node_values.mean()) / spread * np.sqrt(size))


def classic_columns(
    values: Mapping[str, np.ndarray],
    feature_maps: Mapping[str, sp.csr_matrix],
    outcome: np.ndarray,
    rows: np.ndarray,
    members: sp.csr_matrix,
    alpha: float,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The three classics, for every set and for every node.

    Parameters
    ----------
    values
        Layers (n, n_features) of the samples with known outcome, NaN where unmeasured.
    feature_maps
        For each layer on the graph its features x nodes.
    outcome
        Residuals (n,).
    rows
        The observed residuals, centred, and shuffled ones (1 + n_null, n).
    members
        Sets x nodes.
    alpha
        False discovery rate under which a node counts as found.

    Returns
    -------
    For sets: p_over_representation, q_over_representation (Fisher's exact test of the nodes found by t-tests),
    gsea (enrichment score over its mean under shuffled labels), p_gsea, q_gsea, and linear_weights. For nodes:
    p_t_test, q_t_test, layer_t_test, and linear_weights.
    """
    p = {name: feature_p(values[name], outcome) for name in feature_maps}
    node_p, layer = best_feature(p, feature_maps)
    node_q = false_discovery_rate(node_p)
    over = over_representation(node_q < alpha, members)
    strongest = strongest_feature(values, feature_maps, rows)
    sums = np.stack([running_sum(row, members) for row in strongest])
    gsea, p_gsea = normalised_sums(sums)
    weights = linear_weights(values, feature_maps, outcome)
    sets = pd.DataFrame(
        {
            "p_over_representation": over,
            "q_over_representation": false_discovery_rate(over),
            "gsea": gsea,
            "p_gsea": p_gsea,
            "q_gsea": false_discovery_rate(p_gsea),
            "linear_weights": member_score(weights, members),
        }
    )
    nodes = pd.DataFrame(
        {"p_t_test": node_p, "q_t_test": node_q, "layer_t_test": layer, "linear_weights": weights}
    )
    return sets, nodes


def strongest_feature(
    values: Mapping[str, np.ndarray], feature_maps: Mapping[str, sp.csr_matrix], rows: np.ndarray
) -> np.ndarray:
    """Largest absolute z of the features that measure a node, a row a draw (n_draws, n_nodes)."""
    strongest = np.zeros((len(rows), next(iter(feature_maps.values())).shape[1]))
    for name, feature_map in feature_maps.items():
        mean, spread, count = _moments(values[name].astype(np.float64))
        x = np.nan_to_num((values[name] - mean) / np.where(spread > 0, spread, np.inf))
        feature, node = feature_map.nonzero()
        order = np.argsort(node, kind="stable")
        feature, node = feature[order], node[order]
        if not len(node):
            continue
        first = np.flatnonzero(np.diff(node, prepend=-1))
        for start in range(0, len(rows), _ROWS):  # bounds the memory of many features
            block = slice(start, start + _ROWS)
            z = np.abs(rows[block] @ x) / np.sqrt(np.maximum(count, 1))
            best = np.maximum.reduceat(z[:, feature], first, axis=1)
            strongest[block, node[first]] = np.maximum(strongest[block, node[first]], best)
    return strongest


def normalised_sums(sums: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Enrichment scores over their mean under shuffled labels, and one-sided p against those of all sets.

    Parameters
    ----------
    sums
        Enrichment scores (1 + n_null, n_sets), the observed ones first; each is divided by the mean of the shuffled
        ones of its sign (Subramanian et al. 2005, appendix).
    """
    shuffled = sums[1:]
    up, down = shuffled > 0, shuffled < 0
    mean_up = np.where(up, shuffled, 0).sum(axis=0) / np.maximum(up.sum(axis=0), 1)
    mean_down = -np.where(down, shuffled, 0).sum(axis=0) / np.maximum(down.sum(axis=0), 1)
    scale = np.where(sums >= 0, mean_up, mean_down)
    whole = np.abs(shuffled).mean(axis=0)
    normalised = sums / np.maximum(np.where(scale > 0, scale, whole), 1e-300)
    null = np.sort(normalised[1:].ravel())
    above = len(null) - np.searchsorted(null, normalised[0] - 1e-9, side="left")
    return normalised[0], (1 + above) / (1 + len(null))
