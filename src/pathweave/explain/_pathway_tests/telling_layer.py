"""Which layer tells most of a gene."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

_NOISE = 1.0 - 2.0 / np.pi
"""Variance of the absolute value of a standard normal: what the root of an association varies by where nothing is."""


def telling_layer(by_layer: Mapping[str, np.ndarray]) -> np.ndarray:
    r"""Name for every node the layer with the most evidence; near ties go the way of the other nodes.

    The root s of a node's association in a layer is drawn to the layer's mean m over nodes with evidence,

    .. math:: \hat s = m + \frac{v}{v + \sigma^2} (s - m),

    v the variance of s between those nodes beyond what noise does, :math:`\sigma^2` (James and Stein 1961; Efron and
    Morris 1973). So a layer that tells of most genes wins where a gene's own layers are nearly alike, and loses where
    they are not.

    Parameters
    ----------
    by_layer
        For each layer the mean squared z of its features that measure a node (n_nodes,), NaN where there are none.

    Returns
    -------
    Names (n_nodes,), empty where no layer measures the node.
    """
    names, values = np.array(list(by_layer), dtype=object), np.array(list(by_layer.values()))
    none = np.isnan(values).all(axis=0)
    count = np.maximum((~np.isnan(values)).sum(axis=0), 1)
    excess = np.maximum(np.nansum(values, axis=0) / count - 1.0, 0.0) ** 2
    root = np.sqrt(values)
    for row in root:
        known = ~np.isnan(row)
        weight = excess[known]
        if not weight.any():
            continue
        mean = np.average(row[known], weights=weight)
        between = np.average(np.square(row[known] - mean), weights=weight) - _NOISE
        between = max(between, 0.1 * _NOISE)
        row[known] = mean + between / (between + _NOISE) * (row[known] - mean)
    best = np.where(np.isnan(root), -np.inf, root).argmax(axis=0)
    return np.where(none, "", names[best])
