"""A kernel machine over features weighed by what each says about the outcome: what trees catch, smoothly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from pathweave.models._designs import kernel_coordinates, learn_units, present, standardize
from pathweave.models._linear import loss_within_folds, out_of_fold_prior
from pathweave.models._outcome import Outcome
from pathweave.models._search import Search
from pathweave.nn import single_thread
from pathweave.nn.fused_linear import FusedLinear
from pathweave.nn.kernel_machine import KernelMachine, gaussian_kernel

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    from pathweave.models._designs import Units
    from pathweave.models._outcome import ClassWeight
    from pathweave.nn.fused_linear import Task


class KernelPart:
    """A Gaussian kernel machine over all layers, early-fused.

    Layers weigh alike, and every feature is multiplied by its correlation with the outcome (with what the
    prior leaves unexplained of it: for survival the martingale residuals), both in the training samples
    alone. Distances are taken on the leading principal axes of these weighed features; the width of the
    kernel is their mean square, and the penalty is chosen by the folds.

    Parameters
    ----------
    n_axes
        Principal axes that distances are taken on.
    class_weight
        Weight of each class in the loss, as for `pathweave.models._linear.LinearPart`.

    Attributes
    ----------
    module_
        `pathweave.nn.kernel_machine.KernelMachine`, fitted on all rows.
    oof_, oof_loss_
        Out-of-fold predictions and their loss, as those of a `LinearPart`.
    penalty_
        The penalty, ``{"kernel": penalty}``.

    References
    ----------
    Schoelkopf and Smola, Learning with Kernels, MIT Press (2002), chapter 4 (the representer theorem);
    Fan and Lv, Journal of the Royal Statistical Society B 70 (2008), for marginal correlations as a guide
    to which features matter; Therneau, Grambsch and Fleming, Biometrika 77 (1990), for the residuals.

    Examples
    --------
    >>> import torch
    >>> from pathweave.models._kernel import KernelPart
    >>> x = torch.linspace(-1, 1, 40).unsqueeze(1)
    >>> part = KernelPart().fit({"rna": x}, "number", x.abs(), torch.arange(40) % 5)
    >>> bool((part.oof_ - x.abs()).abs().mean() < 0.1)
    True
    """

    module_: KernelMachine
    oof_: Tensor
    oof_loss_: float
    penalty_: dict[str, float]

    def __init__(self, *, n_axes: int = 64, class_weight: ClassWeight = None) -> None:
        self.n_axes = n_axes
        self.class_weight = class_weight

    def fit(
        self,
        layers: Mapping[str, Tensor],
        task: Task,
        y: Tensor,
        fold: Tensor,
        *,
        n_classes: int | None = None,
    ) -> KernelPart:
        """Choose the penalty by the folds and fit all rows with it.

        Parameters
        ----------
        layers
            Values of each layer (n, n_features), NaN where unmeasured.
        task
            ``"class"``, ``"number"`` or ``"survival"``.
        y
            Classes (n,), numbers (n, t) or (n,), or times and events (n, 2); NaN where not known. Such rows
            only help to standardise.
        fold
            Fold of each row, shape (n,).
        n_classes
            Number of classes, for ``task="class"``; by default those that occur.

        Returns
        -------
        self
        """
        outcome = Outcome.read(task, y, n_classes=n_classes, class_weight=self.class_weight)
        return fit_kernel(self, layers, [outcome], fold)[0]


def fit_kernel(
    part: KernelPart,
    layers: Mapping[str, Tensor],
    outcomes: Sequence[Outcome],
    fold: Tensor,
    *,
    taught: Tensor | None = None,
) -> list[KernelPart]:
    """Fit the same kind of part to several outcomes of the same samples, standardised once.

    Parameters
    ----------
    part
        The kind of part; it becomes the first of those returned.
    layers
        Values of each layer (n, n_features), NaN where unmeasured.
    outcomes
        Outcomes of these samples.
    fold
        Fold of each row, shape (n,).
    taught
        Rows to learn from, bool (n,): the kernel of n rows costs as their cube. All by default; predictions out of
        fold, which choose the penalty, are of all rows anyway.

    Returns
    -------
    A fitted part for each outcome.
    """
    values = {name: x.detach().double() for name, x in layers.items()}
    there = present(values)
    searches = [Search(outcome, there, taught=taught) for outcome in outcomes]
    parts = [part] + [
        KernelPart(n_axes=part.n_axes, class_weight=o.class_weight) for o in outcomes[1:]
    ]
    with single_thread():
        for f in torch.unique(fold):
            held = fold == f
            x = _standardized(values, there & ~held)[0]
            for search in searches:
                rows = search.taught & ~held
                if bool(rows.any()):
                    view = _look(x, search.outcome, rows, part.n_axes)
                    search.add(view.coordinates, held, view.spread)
                else:
                    search.add(x, held, 1.0)
        x, units = _standardized(values, there)
        for one, search in zip(parts, searches, strict=True):
            _finish(one, values, x, units, search, fold)
    return parts


@dataclass(frozen=True)
class _View:
    """All samples as the kernel of some training samples sees them."""

    projection: Tensor
    offset: Tensor
    support: Tensor
    turn: Tensor
    coordinates: Tensor
    spread: float


def _standardized(values: dict[str, Tensor], rows: Tensor) -> tuple[Tensor, Units]:
    if not bool(rows.any()):
        rows = torch.ones_like(rows)
    units = learn_units(values, rows, balance=True)
    return standardize(values, units), units


def _look(x: Tensor, outcome: Outcome, rows: Tensor, n_axes: int) -> _View:
    """Weigh the features, project all samples, and turn their kernel to coordinates."""
    training = x[rows]
    relevance = _relevance(training, outcome.residual(rows))
    mean = training.mean(dim=0)
    weighed = (training - mean) * relevance
    spectrum, vectors = torch.linalg.eigh(weighed @ weighed.T)
    kept = spectrum > spectrum[-1].clamp(min=0.0) * 1e-9
    kept[:-n_axes] = False
    if not bool(kept.any()):
        kept[-1], spectrum = True, spectrum.clamp(min=1.0)
    axes = relevance.unsqueeze(1) * (weighed.T @ (vectors[:, kept] / spectrum[kept].sqrt()))
    # The mean squared distance between samples is twice their variance.
    width = (2.0 * spectrum[kept].sum() / len(training)).clamp(min=1e-12).sqrt()
    axes = axes / width
    offset = mean @ axes
    places = x @ axes - offset
    kernel = gaussian_kernel(places, places[rows])
    coordinates, turn = kernel_coordinates(kernel, rows)
    spread = float(1.0 - kernel[rows].mean())
    return _View(axes, offset, places[rows], turn, coordinates, max(spread, 1e-6))


def _relevance(training: Tensor, residual: Tensor) -> Tensor:
    """How strongly each feature goes with the outcome, in units of its root mean square; (n_features,)."""
    length = training.norm(dim=0).clamp(min=1e-12) * residual.norm().clamp(min=1e-12)
    correlation = (training.T @ (residual - residual.mean(dim=0))).norm(dim=1) / length
    scale = correlation.square().mean().sqrt()
    return correlation / scale if float(scale) > 0 else torch.ones_like(correlation)


def _finish(
    part: KernelPart,
    values: dict[str, Tensor],
    x: Tensor,
    units: Units,
    search: Search,
    fold: Tensor,
) -> None:
    """Fit all samples with the penalty that was found, and put the module together."""
    outcome, found = search.outcome, search.best()
    rows = search.taught if bool(search.taught.any()) else search.present & outcome.known
    view = _look(x, outcome, rows, part.n_axes)
    penalty = found.penalty * view.spread
    path = outcome.path(view.coordinates[rows], rows, torch.tensor([penalty], dtype=torch.float64))
    prior = out_of_fold_prior(outcome, fold)
    part.oof_ = torch.where(found.oof.isnan(), prior, found.oof)
    part.oof_loss_ = loss_within_folds(outcome, part.oof_, fold)
    part.penalty_ = {"kernel": penalty}
    sizes = {name: v.shape[1] for name, v in values.items()}
    rank = view.projection.shape[1]
    projection = FusedLinear("number", [list(values)], sizes, rank)
    blocks = view.projection.split(list(sizes.values()))
    for (name, (mean, scale)), block in zip(units.items(), blocks, strict=True):
        projection.set_layer(name, mean=mean, scale=scale, weight=block)
    projection.set_output(bias=-view.offset.unsqueeze(0), prior=torch.zeros(rank))
    part.module_ = KernelMachine(outcome.task, projection, len(view.support), outcome.n_outputs)
    part.module_.set_solution(
        support=view.support,
        coefficient=view.turn @ path.weight_at(0),
        bias=path.bias_at(0),
        prior=outcome.prior(outcome.known),
    )
    part.module_.eval()
