"""The penalty of a ridge model, chosen by out-of-fold loss; many outcomes share the samples' coordinates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from pathweave.nn._scores import CoxLoss
from pathweave.nn.linear import default_penalties

if TYPE_CHECKING:
    from torch import Tensor

    from pathweave.models._outcome import Outcome
    from pathweave.nn.shared_ridge import SharedRidge


@dataclass(frozen=True)
class Found:
    """The best penalty, its out-of-fold predictions (NaN where nothing was measured), and its loss."""

    penalty: float
    oof: Tensor
    loss: float


class Search:
    """Losses of one outcome's penalties, added up fold by fold.

    Survival is judged by the cross-validated partial likelihood: how much the likelihood of all samples
    exceeds that of the fold's training samples, both at coefficients from the latter. Held-out events
    are so compared with all samples at risk, not with the few of their fold.

    Parameters
    ----------
    outcome
        What is predicted.
    present
        Samples of which anything was measured, bool (n,).
    taught
        Samples to learn from, of those whose outcome is known, bool (n,); all by default.

    References
    ----------
    Verweij and van Houwelingen, Statistics in Medicine 12 (1993), equation 3, for survival.
    """

    def __init__(self, outcome: Outcome, present: Tensor, *, taught: Tensor | None = None) -> None:
        self.outcome, self.present = outcome, present
        known = present & outcome.known
        self.taught = known if taught is None else known & taught
        self.grid = default_penalties(outcome.task, n_features=1.0)
        self.losses = torch.zeros(len(self.grid), dtype=torch.float64)
        self.oof = torch.full(
            (len(self.grid), len(present), outcome.n_outputs), float("nan"), dtype=torch.float64
        )

    def add(
        self, x: Tensor, held: Tensor, spread: float, *, shared: SharedRidge | None = None
    ) -> None:
        """Fit a fold's training samples and predict the samples held out.

        Parameters
        ----------
        x
            Coordinates of all samples (n, rank), learned without those held out.
        held
            The fold, bool (n,).
        spread
            Sum of the variances of the features: the penalties are taken in this unit.
        shared
            The same samples, for numbers among many outcomes.
        """
        outcome = self.outcome
        taught = self.taught & ~held
        seen = self.present & held
        if not bool(seen.any()):
            return
        if not bool(taught.any()):
            self.oof[:, seen] = outcome.prior(outcome.known & ~held)
            return
        judged = seen & outcome.known
        if shared is not None and outcome.task == "number":
            y = outcome.y[taught]
            self.oof[:, seen] = shared.predict(y, taught, seen, self.grid * spread)
        else:
            path = outcome.path(x[taught], taught, self.grid * spread)
            self.oof[:, seen] = outcome.link(path.predict(x[seen]))
            if outcome.task == "survival":
                everyone = taught | judged
                whole = path.predict(x[everyone])
                self.losses += _likelihoods(outcome, everyone, whole)
                self.losses -= _likelihoods(outcome, taught, whole[:, taught[everyone]])
                return
        predicted = self.oof[:, judged]
        self.losses += torch.tensor([outcome.loss(p, judged) for p in predicted])

    def best(self) -> Found:
        """Take the penalty with the smallest loss."""
        i = int(self.losses.argmin())
        return Found(float(self.grid[i]), self.oof[i], float(self.losses[i]))


def _likelihoods(outcome: Outcome, rows: Tensor, risks: Tensor) -> Tensor:
    y = outcome.y[rows]
    loss = CoxLoss(y[:, 0], y[:, 1], torch.ones_like(y[:, 0]))
    return torch.tensor([loss.at(risk).value for risk in risks], dtype=torch.float64)
