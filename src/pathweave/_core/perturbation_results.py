"""What perturbations of a fitted model give: frozen tables and words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

CAUTION = (
    "A perturbation asks the model, not the cell: what moves shows which values the model relies on, and what goes "
    "together in the training samples. It is no evidence that the change itself would have that effect in a patient."
)


@dataclass(frozen=True)
class Perturbation:
    """What one perturbation shifts.

    Attributes
    ----------
    changes
        One row a changed feature; columns in `pathweave.explain.perturb`.
    outputs, latent, pathway, layer
        Shifts (after - before) of the predictions, the latent, the pathway activities and the decoded layers.
    samples
        Shift of every output in every sample; NaN where nothing of what was changed is measured.
    params
        What was changed in how many samples, and how.
    verdict
        The result in words.
    """

    changes: pd.DataFrame
    outputs: pd.DataFrame
    latent: pd.DataFrame
    pathway: pd.DataFrame
    layer: pd.DataFrame
    samples: pd.DataFrame
    params: dict[str, Any]
    verdict: str

    def __str__(self) -> str:
        """Return the verdict."""
        return self.verdict


@dataclass(frozen=True)
class PerturbationScreen:
    """What each of many perturbations shifts.

    Attributes
    ----------
    table
        One row a group and gene, the largest effect first; columns in `pathweave.explain.perturb_screen`.
    params
        What was changed in how many samples, and how; how far the members of the ensemble agree.
    verdict
        The result in words.
    """

    table: pd.DataFrame
    params: dict[str, Any]
    verdict: str

    def __str__(self) -> str:
        """Return the verdict."""
        return self.verdict
