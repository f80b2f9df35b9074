"""Named warnings, so that a user can silence one and keep the others."""

from __future__ import annotations

import warnings


class PathweaveWarning(UserWarning):
    """Base of all warnings of this package."""


class LayerOffGraphWarning(PathweaveWarning):
    """No feature of a layer was found on the graph; the layer still counts."""


class LabelWarning(PathweaveWarning):
    """Labels that cannot be learned from were treated as missing."""


class DataWarning(PathweaveWarning):
    """The data can be used, but something about them deserves a look."""


class WorkerDiedWarning(PathweaveWarning):
    """A worker process died; its work is done again."""


class MemoryLimitWarning(PathweaveWarning):
    """Less runs at the same time than was asked for, because memory would not last."""


class InterruptedFitWarning(PathweaveWarning):
    """A fit was stopped before its networks had learned all they could; the model can be used."""


class DivergedFitWarning(PathweaveWarning):
    """The loss of a network is no longer a number: it learned little or nothing."""


class DamagedCheckpointWarning(PathweaveWarning):
    """A checkpoint could not be read; the fit goes on from an earlier one, or begins a network anew."""


def warn(message: str, category: type[PathweaveWarning] = PathweaveWarning) -> None:
    """Warn at the line of the user's call, roughly."""
    warnings.warn(message, category, stacklevel=3)
