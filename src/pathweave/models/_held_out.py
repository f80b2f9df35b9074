"""What out-of-fold predictions of the training samples say of predictions of new ones."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from pathweave._core.survival import log_baseline, survival_above

if TYPE_CHECKING:
    from pathweave.models._targets import Target


@dataclass(frozen=True)
class HeldOut:
    """Noise of a number, or baseline of a survival.

    Both are learned from predictions by parts that had not seen the sample: of samples that a part was fitted
    on, residuals are too small and risks too far apart.

    Attributes
    ----------
    noise
        Root mean square of the residuals of a number; 0 for other targets.
    events, log_hazard
        Breslow's baseline of a survival: times of the events, and the log of the cumulative hazard from each on.
    """

    noise: float = 0.0
    events: np.ndarray = field(default_factory=lambda: np.zeros(0))
    log_hazard: np.ndarray = field(default_factory=lambda: np.zeros(0))

    @classmethod
    def learn(cls, target: Target, outcome: np.ndarray, out_of_fold: np.ndarray) -> HeldOut:
        """Compare out-of-fold predictions (n, n_outputs) with encoded outcomes (n, 1 or 2)."""
        known = ~np.isnan(outcome).any(axis=1) & ~np.isnan(out_of_fold).any(axis=1)
        y, predicted = outcome[known], out_of_fold[known, 0]
        if target.task == "number":
            return cls(noise=float(np.sqrt(np.mean((predicted - y[:, 0]) ** 2))))
        if target.task == "survival":
            events, log_hazard = log_baseline(y[:, 0], y[:, 1] > 0, predicted)
            return cls(events=events, log_hazard=log_hazard)
        return cls()

    def deviation(self, target: Target, whole: np.ndarray, single: np.ndarray) -> np.ndarray:
        """Standard deviation of predictions.

        Parameters
        ----------
        target
            Numbers: of the outcome, around the prediction. Survival: of the log hazard over the ensemble. Classes: of
            the probability of the predicted class over the ensemble.
        whole
            What the whole ensemble says (n, n_outputs).
        single
            What the stack says with one network each (n_networks, n, n_outputs).

        Returns
        -------
        Deviations (n,).
        """
        if target.task == "class":
            best = whole.argmax(axis=1)
            said = np.exp(np.take_along_axis(single, best[None, :, None], axis=2)[..., 0])
        else:
            said = single[..., 0]
        spread = said.std(axis=0, ddof=1) if len(said) > 1 else np.zeros(said.shape[1])
        return np.sqrt(spread**2 + self.noise**2)

    def survival(self, risk: np.ndarray, times: np.ndarray) -> np.ndarray:
        """Probability of surviving past each time (n, n_times), from log hazards (n,)."""
        return survival_above(self.events, self.log_hazard, risk, times)

    def to_json(self) -> dict[str, Any]:
        """Describe in plain types."""
        return {
            "noise": self.noise,
            "events": self.events.tolist(),
            "log_hazard": self.log_hazard.tolist(),
        }

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> HeldOut:
        """Rebuild from `to_json`."""
        return cls(
            float(record["noise"]), np.array(record["events"]), np.array(record["log_hazard"])
        )
