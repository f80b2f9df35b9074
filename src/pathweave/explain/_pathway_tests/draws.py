"""What an outcome leaves to explain, beside the same for shuffled labels and for samples drawn anew."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
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
    """Rows of residuals: the observed one, shuffled ones, and those of bootstrap draws.

    Attributes
    ----------
    rows
        Residuals (n_draws, n), centred within strata, times how often the draw has a sample; mean square 1.
    n_null
        Shuffled rows; they follow the observed one.
    strata
        Code of each sample's stratum (n,).
    counts
        How often each draw has each sample (n_draws, n).
    """

    rows: np.ndarray
    n_null: int
    strata: np.ndarray
    counts: np.ndarray

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
        members = [np.flatnonzero(strata == code) for code in np.unique(strata)]
        rows = np.tile(residual.astype(float), (1 + n_null + n_boot, 1))
        for row in rows[1 : 1 + n_null]:
            for rows_of in members:
                row[rows_of] = residual[rng.permutation(rows_of)]
        counts = np.ones_like(rows)
        for drawn_counts in counts[1 + n_null :]:
            for rows_of in members:
                drawn = rng.integers(len(rows_of), size=len(rows_of))
                drawn_counts[rows_of] = np.bincount(drawn, minlength=len(rows_of))
        rows = counts * centred(rows, counts, strata)
        return cls(_of_unit_size(rows), n_null, strata, counts)

    def without(self, draw: int, activities: np.ndarray, share: np.ndarray) -> np.ndarray:
        """One draw's residuals after a ridge regression on activities within strata.

        Parameters
        ----------
        draw
            Row.
        activities
            (n, n_activities).
        share
            How much of each activity goes (n_activities,): all of it with 1 (least squares), half of what it explains by
            itself with 0.5, nothing towards 0.

        Returns
        -------
        (n,), like a row.
        """
        counts = self.counts[draw]
        root = np.sqrt(counts)
        outcome = np.divide(self.rows[draw], root, out=np.zeros_like(root), where=counts > 0)
        within = root * centred(activities.T, counts[None], self.strata)
        gram = within @ within.T
        size = np.maximum(np.diag(gram), 1e-12)
        penalty = size * (1.0 / np.maximum(share, 1e-6) - 1.0 + 1e-9)
        slope = np.linalg.solve(gram + np.diag(penalty), within @ outcome)
        return np.asarray(_of_unit_size(root * (outcome - slope @ within))[0])

    def spread(self, patterns: np.ndarray) -> np.ndarray:
        """Deviation of each draw's residuals, within strata, among the samples that have a feature.

        Where a layer was measured in other samples the more the outcome asked for it (more cases, say), residuals
        spread there more than shuffled ones do; without this every feature of such a layer would look associated.

        Parameters
        ----------
        patterns
            Whether each sample has a value, one column a pattern of gaps (n, n_patterns).

        Returns
        -------
        (n_draws, n_patterns).
        """
        among = patterns.astype(np.float64)
        total = np.square(self.rows) @ among
        for code in np.unique(self.strata):
            inside = self.strata == code
            part = self.rows[:, inside] @ among[inside]
            total -= np.square(part) / np.maximum(among[inside].sum(axis=0), 1.0)
        return np.sqrt(np.maximum(total, 0.0) / np.maximum(among.sum(axis=0), 1.0))


def centred(rows: np.ndarray, counts: np.ndarray, strata: np.ndarray) -> np.ndarray:
    """Rows (n_rows, n) less their weighted means within strata; `counts` are the weights (n_rows or 1, n)."""
    out = np.array(rows, dtype=float)
    for code in np.unique(strata):
        inside = strata == code
        weight = counts[:, inside]
        mean = (weight * out[:, inside]).sum(axis=1, keepdims=True)
        out[:, inside] -= mean / np.maximum(weight.sum(axis=1, keepdims=True), 1.0)
    return out


def _of_unit_size(rows: np.ndarray) -> np.ndarray:
    """Rows of mean square 1; one that is all zero stays so."""
    rows = np.atleast_2d(rows)
    return np.asarray(
        rows / np.maximum(np.sqrt(np.square(rows).mean(axis=1, keepdims=True)), 1e-12)
    )
