"""Newton's method for penalised linear scores, in the coordinates of the principal axes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Callable

    from pathweave.nn._scores import ScoreLoss

_MAX_NEWTON, _MAX_CG, _MAX_HALVINGS = 100, 200, 30
_FORCING = 0.1


@dataclass(frozen=True)
class Axes:
    """Samples on their principal axes, and the way back to samples (dual) or features."""

    z: Tensor
    spectrum: Tensor
    back: Tensor
    dual: bool


def principal_axes(x: Tensor) -> Axes:
    """Rotate samples (n, p) onto the axes along which they vary at all."""
    n, p = x.shape
    dual = n <= p
    gram = x @ x.T if dual else x.T @ x
    spectrum, vectors = torch.linalg.eigh(gram)
    limit = (
        spectrum[-1].clamp(min=0.0) * max(n, p) * torch.finfo(x.dtype).eps if len(spectrum) else 0.0
    )
    kept = spectrum > limit
    spectrum, vectors = spectrum[kept], vectors[:, kept]
    if dual:
        length = spectrum.sqrt()
        return Axes(vectors * length, spectrum, vectors / length, dual=True)
    return Axes(x @ vectors, spectrum, vectors, dual=False)


def newton_path(
    design: Tensor, ridge: Tensor, loss: ScoreLoss, penalties: Tensor, *, tolerance: float
) -> Tensor:
    """Minimise loss(design @ c) + penalty / 2 * sum(ridge * c ** 2) for each penalty.

    A solution is taken once a step changes no score by more than `tolerance`, relative to the largest;
    what is left after such a step is far smaller.
    """
    coefficient = design.new_zeros(design.shape[1], loss.n_outputs)
    spectrum = design.square().mean(dim=0).unsqueeze(1)
    path: list[Tensor] = []
    for penalty in penalties:
        start = coefficient
        if len(path) > 1:  # the path bends little: begin most of the last step further on
            ahead = path[-1] + 0.8 * (path[-1] - path[-2])
            if _objective(design, penalty * ridge, loss, ahead) < _objective(
                design, penalty * ridge, loss, start
            ):
                start = ahead
        coefficient = _newton(
            design, penalty * ridge, loss, start, spectrum=spectrum, tolerance=tolerance
        )
        path.append(coefficient)
    return torch.stack(path)


def _objective(design: Tensor, ridge: Tensor, loss: ScoreLoss, coefficient: Tensor) -> float:
    return loss.at(design @ coefficient).value + 0.5 * float((ridge * coefficient.square()).sum())


def _newton(
    design: Tensor,
    ridge: Tensor,
    loss: ScoreLoss,
    start: Tensor,
    *,
    spectrum: Tensor,
    tolerance: float,
) -> Tensor:
    """Newton's method; the steps are solved only as exactly as they are worth."""
    coefficient, scores = start, design @ start
    state = loss.at(scores)
    value = state.value + 0.5 * float((ridge * coefficient.square()).sum())
    change = 1.0
    for _ in range(_MAX_NEWTON):
        gradient = design.T @ state.gradient + ridge * coefficient
        scaling = 1.0 / (spectrum * state.curvature.clamp(min=1e-10) + ridge)
        step, moved, decrease = _conjugate_gradient(
            design, ridge, state.product, gradient, scaling=scaling, tolerance=min(_FORCING, change)
        )
        if decrease <= 1e-14 * (1.0 + abs(value)):
            break
        for halvings in range(_MAX_HALVINGS):
            length = 0.5**halvings
            trial = coefficient + length * step
            at = loss.at(scores + length * moved)
            trial_value = at.value + 0.5 * float((ridge * trial.square()).sum())
            if trial_value <= value - 1e-4 * length * decrease + 1e-12 * (1.0 + abs(value)):
                break
        else:
            break
        coefficient, scores, state, value = trial, scores + length * moved, at, trial_value
        change = length * float(moved.abs().max())
        if change <= tolerance * (1.0 + float(scores.abs().max())):
            break
    return coefficient


def _conjugate_gradient(
    design: Tensor,
    ridge: Tensor,
    product: Callable[[Tensor], Tensor],
    gradient: Tensor,
    *,
    scaling: Tensor,
    tolerance: float,
) -> tuple[Tensor, Tensor, float]:
    """Solve for the Newton step: the step, what it does to the scores, and the slope along it."""
    step = torch.zeros_like(gradient)
    moved = gradient.new_zeros(design.shape[0], gradient.shape[1])
    residual = -gradient
    scaled = scaling * residual
    direction = scaled
    rho = first = float((residual * scaled).sum())
    for _ in range(_MAX_CG):
        if rho <= tolerance**2 * first or rho <= 1e-30:
            break
        seen = design @ direction
        curved = design.T @ product(seen) + ridge * direction
        bend = float((direction * curved).sum())
        if bend <= 0.0:
            break
        alpha = rho / bend
        step = step + alpha * direction
        moved = moved + alpha * seen
        residual = residual - alpha * curved
        scaled = scaling * residual
        rho, before = float((residual * scaled).sum()), rho
        direction = scaled + (rho / before) * direction
    return step, moved, -float((gradient * step).sum())
