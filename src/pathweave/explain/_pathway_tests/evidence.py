"""How strongly every node of the graph goes with an outcome, beside the same for shuffled labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pathweave.models._targets import Target


def outcome_residuals(target: Target, outcome: np.ndarray) -> dict[str, np.ndarray]:
    """What is left of an outcome that no feature explains, one column of length n a group.

    Parameters
    ----------
    target
        Classes give an indicator each (two classes one, of the second), numbers and ordered classes themselves,
        censored survival the martingale residuals of a model without covariates (event minus the cumulative hazard
        of Nelson and Aalen): the score of Cox's model at zero. A positive residual of survival is an early event.
    outcome
        Encoded outcomes (n, 1 or 2), NaN where unknown.

    Returns
    -------
    By group: residuals (n,), NaN where the outcome is unknown.
    """
    known = ~np.isnan(outcome).any(axis=1)
    if target.task == "survival":
        residual = np.full(len(outcome), np.nan)
        time, event = outcome[known, 0], outcome[known, 1]
        order = np.argsort(time, kind="stable")
        at_risk = len(time) - np.searchsorted(time[order], time[order], side="left")
        cumulative = np.cumsum(event[order] / at_risk)
        last = np.searchsorted(time[order], time, side="right") - 1
        residual[known] = event - cumulative[last]
        return {target.name: residual}
    if target.task == "number" or target.ordinal:
        return {target.name: outcome[:, 0].astype(float)}
    codes = range(1, 2) if len(target.classes) == 2 else range(len(target.classes))
    groups = {}
    for code in codes:
        indicator = (outcome[:, 0] == code).astype(float)
        if indicator.any():
            groups[target.classes[code]] = np.where(known, indicator, np.nan)
    return groups


@dataclass(frozen=True)
class Draws:
    """Rows of residuals: the observed one, shuffled ones, and those of bootstrap draws, centred within strata."""

    rows: np.ndarray
    n_null: int
    strata: np.ndarray

    @classmethod
    def of(
        cls,
        residual: np.ndarray,
        strata: np.ndarray,
        *,
        n_null: int,
        n_boot: int,
        rng: np.random.Generator,
    ) -> Draws:
        """Draw; labels are shuffled within strata only, so that what sets strata apart explains nothing.

        Parameters
        ----------
        residual
            Residuals (n,) without gaps.
        strata
            Code of each sample's stratum (n,).
        n_null, n_boot
            Shuffled and bootstrapped rows.
        rng
            Random source.
        """
        n = len(residual)
        members = [np.flatnonzero(strata == code) for code in np.unique(strata)]
        rows = np.empty((1 + n_null + n_boot, n))
        rows[0] = residual
        for row in rows[1 : 1 + n_null]:
            for rows_of in members:
                row[rows_of] = residual[rng.permutation(rows_of)]
        weight = np.ones_like(rows)
        for counts in weight[1 + n_null :]:
            for rows_of in members:
                drawn = rng.integers(len(rows_of), size=len(rows_of))
                counts[rows_of] = np.bincount(drawn, minlength=len(rows_of))
        rows[1 + n_null :] = residual
        for rows_of in members:
            share = weight[:, rows_of]
            rows[:, rows_of] -= (share * rows[:, rows_of]).sum(axis=1, keepdims=True) / np.maximum(
                share.sum(axis=1, keepdims=True), 1.0
            )
        rows *= weight
        spread = np.sqrt(np.square(rows).mean(axis=1, keepdims=True))
        return cls(rows / np.maximum(spread, 1e-12), n_null, strata)

    def spread(self, measured: np.ndarray) -> np.ndarray:
        """Deviation of each draw's residuals, within strata, among the samples that have a feature.

        Where a layer was measured in other samples the more the outcome asked for it (more cases, say), residuals
        spread there more than shuffled ones do; without this every feature of such a layer would look associated.

        Parameters
        ----------
        measured
            Whether each sample has each feature (n, n_features).

        Returns
        -------
        (n_draws, n_features).
        """
        patterns, which = np.unique(measured, axis=1, return_inverse=True)
        among = patterns.astype(np.float64)
        total = np.square(self.rows) @ among
        for code in np.unique(self.strata):
            inside = self.strata == code
            part = self.rows[:, inside] @ among[inside]
            total -= np.square(part) / np.maximum(among[inside].sum(axis=0), 1.0)
        spread = np.sqrt(np.maximum(total, 0.0) / np.maximum(among.sum(axis=0), 1.0))
        return np.asarray(spread[:, which.ravel()])


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


def strongest_layer(by_layer: Mapping[str, np.ndarray]) -> np.ndarray:
    """For every node the layer that goes with the outcome most; empty text where none measures it."""
    names, values = np.array(list(by_layer), dtype=object), np.array(list(by_layer.values()))
    best = np.where(np.isnan(values), -np.inf, values).argmax(axis=0)
    return np.where(np.isnan(values).all(axis=0), "", names[best])


def node_evidence(
    values: Mapping[str, np.ndarray], feature_maps: Mapping[str, sp.csr_matrix], draws: Draws
) -> NodeEvidence:
    """Associate features with residuals, and carry them to the nodes they measure.

    A feature's z is its correlation with the residual, within strata and among the samples that have it, times the
    root of their number: the score test of a regression on that feature alone.

    Parameters
    ----------
    values
        Layers (n, n_features) of the samples with known outcome, NaN where unmeasured.
    feature_maps
        For each layer on the graph its features x nodes.
    draws
        Residuals.
    """
    n_nodes = next(iter(feature_maps.values())).shape[1]
    total = np.zeros((len(draws.rows), n_nodes))
    weight, pull = np.zeros(n_nodes), np.zeros(n_nodes)
    by_layer = {}
    for name, feature_map in feature_maps.items():
        x = values[name].astype(np.float64)
        measured = ~np.isnan(x)
        count = measured.sum(axis=0)
        x = np.where(measured, x, 0.0)
        size = np.abs(x).max(axis=0, initial=0.0)
        for code in np.unique(draws.strata):
            inside = draws.strata == code
            own = measured[inside]
            mean = x[inside].sum(axis=0) / np.maximum(own.sum(axis=0), 1)
            x[inside] = np.where(own, x[inside] - mean, 0.0)
        spread = np.sqrt(np.square(x).sum(axis=0) / np.maximum(count, 1))
        varies = spread > 1e-6 * size  # the rest is rounding
        x = np.where(varies, x / np.where(varies, spread, 1.0), 0.0)
        moves = draws.spread(measured)
        z = draws.rows @ x / np.sqrt(np.maximum(count, 1))
        z = np.divide(z, moves, out=np.zeros_like(z), where=moves > 1e-6)
        usable = sp.diags(varies.astype(float)) @ feature_map
        share = np.asarray(usable.sum(axis=0)).ravel()
        squares = np.square(z) @ usable
        by_layer[name] = np.divide(squares[0], share, out=np.full(n_nodes, np.nan), where=share > 0)
        total += squares
        weight += share
        pull += z[0] @ usable
    seen = np.maximum(weight, 1e-12)
    return NodeEvidence(total / seen, by_layer, pull / seen)
