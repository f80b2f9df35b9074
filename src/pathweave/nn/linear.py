"""Ridge-penalised linear models along a path of penalties, solved in the sample space.

Omics has more features than samples, and the ridge optimum lies in the span of the samples. So the
features are rotated once onto the (at most n) principal axes of the samples; there the curvature of
the loss is close to diagonal, and a few preconditioned conjugate-gradient steps solve each Newton
step. Penalties go from strong to weak, each warm-started by the one before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

from pathweave.nn._newton import newton_path, principal_axes
from pathweave.nn._scores import BinaryLoss, CoxLoss, SoftmaxLoss

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pathweave.nn._scores import ScoreLoss


@dataclass(frozen=True)
class RidgePath:
    """Linear models, one a penalty.

    Attributes
    ----------
    penalties
        Penalties, strongest first, shape (n_penalties,).
    coefficients
        Coefficients of the samples (n_penalties, n, n_outputs), or of the features where `samples` is None.
    samples
        Training samples (n, n_features) that the weights are a combination of.
    bias
        Intercepts (n_penalties, n_outputs).
    """

    penalties: Tensor
    coefficients: Tensor
    samples: Tensor | None
    bias: Tensor

    @property
    def weight(self) -> Tensor:
        """Weights of the features, shape (n_penalties, n_features, n_outputs)."""
        return torch.stack([self.weight_at(i) for i in range(len(self.penalties))])

    def weight_at(self, i: int) -> Tensor:
        """Return the features' weights at the i-th penalty, shape (n_features, n_outputs)."""
        coefficients = self.coefficients[i]
        return coefficients if self.samples is None else self.samples.T @ coefficients

    def bias_at(self, i: int) -> Tensor:
        """Return the intercepts at the i-th penalty, shape (n_outputs,)."""
        return self.bias[i]

    def predict(self, x: Tensor, i: int | None = None) -> Tensor:
        """Linear scores (n_penalties, n, n_outputs), or (n, n_outputs) at the i-th penalty."""
        x = x.double()
        kernel = x if self.samples is None else x @ self.samples.T
        if i is None:
            return kernel @ self.coefficients + self.bias.unsqueeze(1)
        return kernel @ self.coefficients[i] + self.bias[i]


def default_penalties(task: Literal["class", "number", "survival"], *, n_features: float) -> Tensor:
    """Penalties worth trying for standardised features, strongest first.

    If all features share one signal, its ridge penalty grows with their number: the grid follows it.

    Parameters
    ----------
    task
        ``"class"``, ``"number"`` or ``"survival"``.
    n_features
        Number of features; for scaled blocks of features the sum of their variances.

    Returns
    -------
    Penalties, float64, shape (n_penalties,).

    Examples
    --------
    >>> from pathweave.nn.linear import default_penalties
    >>> default_penalties("class", n_features=1000).shape
    torch.Size([9])
    """
    strongest, n_steps = {"class": (0.5, 9), "number": (1.5, 9), "survival": (1.0, 7)}[task]
    exponents = strongest - 0.5 * torch.arange(n_steps, dtype=torch.float64)
    return max(1.0, n_features) * 10.0**exponents


def logistic_path(
    x: Tensor,
    y: Tensor,
    *,
    n_classes: int,
    penalties: Tensor | Sequence[float],
    sample_weight: Tensor | None = None,
    tolerance: float = 1e-5,
) -> RidgePath:
    """Fit multinomial logistic regression with a ridge penalty.

    Minimises the sum of the samples' log losses plus ``penalty / 2 * sum(weight ** 2)``, intercept free:
    scikit-learn's ``LogisticRegression(C=1 / penalty)``. As there, two classes have one weight vector
    w under the penalty; it is returned as -w/2 and w/2.

    Parameters
    ----------
    x
        Standardised features (n, n_features).
    y
        Classes 0 to n_classes - 1, integers, shape (n,).
    n_classes
        Number of classes. Those absent from `y` get zero weight and half a sample's share.
    penalties
        Penalties; they are sorted, strongest first.
    sample_weight
        Weight of each sample, shape (n,).
    tolerance
        Change of the scores in a step, relative to the largest, at which a solution is taken.

    Returns
    -------
    The path; ``softmax`` of its scores gives probabilities.

    Examples
    --------
    >>> import torch
    >>> from pathweave.nn.linear import logistic_path
    >>> x = torch.tensor([[-2.0], [-1.0], [1.0], [2.0]])
    >>> path = logistic_path(x, torch.tensor([0, 0, 1, 1]), n_classes=2, penalties=[1.0])
    >>> path.predict(x, 0).argmax(dim=1)
    tensor([0, 0, 1, 1])
    """
    x, weight, steps = _prepare(x, penalties, sample_weight)
    present = torch.unique(y[weight > 0])
    n_present = len(present)
    if n_present > 2:
        target = torch.nn.functional.one_hot(torch.searchsorted(present, y), n_present)
        coefficients, samples, bias = _fit(
            x, SoftmaxLoss(target.double(), weight), steps, weight, tolerance=tolerance
        )
        bias = bias - bias.mean(dim=1, keepdim=True)  # a shift of all classes changes nothing
    elif n_present == 2:
        loss = BinaryLoss((y == present[1]).double().unsqueeze(1), weight)
        half, samples, bias = _fit(x, loss, steps, weight, tolerance=tolerance)
        coefficients, bias = (
            torch.cat([-half / 2, half / 2], 2),
            torch.cat([-bias / 2, bias / 2], 1),
        )
    else:
        samples = None
        coefficients = x.new_zeros(len(steps), x.shape[1], n_present)
        bias = x.new_zeros(len(steps), n_present)
    if n_present < n_classes:
        absent = bias.logsumexp(dim=1, keepdim=True) + torch.log(0.5 / weight.sum())
        wide = coefficients.new_zeros(*coefficients.shape[:2], n_classes)
        wide[:, :, present] = coefficients
        coefficients = wide
        wide_bias = absent.repeat(1, n_classes)
        wide_bias[:, present] = bias
        bias = wide_bias
    return RidgePath(steps, coefficients, samples, bias)


def ridge_path(
    x: Tensor,
    y: Tensor,
    *,
    penalties: Tensor | Sequence[float],
    sample_weight: Tensor | None = None,
) -> RidgePath:
    """Fit ridge regression in closed form.

    Minimises the sum of squared errors plus ``penalty * sum(weight ** 2)``, intercept free:
    scikit-learn's ``Ridge(alpha=penalty)``.

    Parameters
    ----------
    x
        Standardised features (n, n_features).
    y
        Numbers, shape (n, n_outputs) or (n,).
    penalties
        Penalties; they are sorted, strongest first.
    sample_weight
        Weight of each sample, shape (n,).

    Returns
    -------
    The path.

    Examples
    --------
    >>> import torch
    >>> from pathweave.nn.linear import ridge_path
    >>> x = torch.tensor([[-1.0], [0.0], [1.0]])
    >>> ridge_path(x, 3 * x + 1, penalties=[2.0]).predict(x, 0).flatten()
    tensor([-0.5000,  1.0000,  2.5000], dtype=torch.float64)
    """
    x, weight, steps = _prepare(x, penalties, sample_weight)
    y = y.double().reshape(len(x), -1)
    total = weight.sum()
    mean_x, mean_y = weight @ x / total, weight @ y / total
    root = weight.sqrt().unsqueeze(1)
    axes = principal_axes(root * (x - mean_x))
    projected = axes.z.T @ (root * (y - mean_y))
    shrunk = projected / (axes.spectrum.unsqueeze(1) + steps.reshape(-1, 1, 1))
    coefficients = axes.back @ shrunk
    if not axes.dual:
        bias = mean_y - mean_x @ coefficients
        return RidgePath(steps, coefficients, None, bias)
    # Fold weights and centring into the samples' coefficients: w = x' c - mean * sum(c).
    coefficients = root * coefficients
    coefficients = coefficients - weight.unsqueeze(1) * coefficients.sum(1, keepdim=True) / total
    bias = mean_y - (x @ mean_x) @ coefficients
    return RidgePath(steps, coefficients, x, bias)


def cox_path(
    x: Tensor,
    time: Tensor,
    event: Tensor,
    *,
    penalties: Tensor | Sequence[float],
    sample_weight: Tensor | None = None,
    tolerance: float = 1e-5,
) -> RidgePath:
    """Fit a Cox model with a ridge penalty.

    Minimises the negative log partial likelihood (ties after Breslow) plus
    ``penalty / 2 * sum(weight ** 2)``.

    Parameters
    ----------
    x
        Standardised features (n, n_features).
    time
        Follow-up times, shape (n,).
    event
        1 for an event, 0 for a censored time, shape (n,).
    penalties
        Penalties; they are sorted, strongest first.
    sample_weight
        Weight of each sample, in the events and in the risk sets, shape (n,).
    tolerance
        Change of the scores in a step, relative to the largest, at which a solution is taken.

    Returns
    -------
    The path; its scores are log relative hazards, shape (..., n, 1), its bias is 0. Without any event
    all weights are 0.

    Examples
    --------
    >>> import torch
    >>> from pathweave.nn.linear import cox_path
    >>> x, time = torch.tensor([[1.0], [0.5], [-1.0]]), torch.tensor([1.0, 2.0, 3.0])
    >>> bool(cox_path(x, time, torch.ones(3), penalties=[1.0]).weight_at(0) > 0)
    True
    """
    x, weight, steps = _prepare(x, penalties, sample_weight)
    loss = CoxLoss(time.double(), event.double(), weight)
    coefficients, samples, bias = _fit(x, loss, steps, weight, tolerance=tolerance, intercept=False)
    return RidgePath(steps, coefficients, samples, bias)


def _prepare(
    x: Tensor, penalties: Tensor | Sequence[float], sample_weight: Tensor | None
) -> tuple[Tensor, Tensor, Tensor]:
    """Bring everything to float64 and sort the penalties."""
    x = x.detach().double()
    if not bool(x.isfinite().all()):
        msg = "x holds NaN or infinite values; standardise it and set what is missing to 0."
        raise ValueError(msg)
    steps = torch.as_tensor(penalties, dtype=torch.float64, device=x.device).reshape(-1)
    if len(steps) == 0 or not bool((steps > 0).all()):
        msg = f"penalties={steps.tolist()!r} must be one or more positive numbers."
        raise ValueError(msg)
    weight = x.new_ones(len(x)) if sample_weight is None else sample_weight.detach().double()
    return x, weight, steps.sort(descending=True).values


def _fit(
    x: Tensor,
    loss: ScoreLoss,
    penalties: Tensor,
    weight: Tensor,
    *,
    tolerance: float,
    intercept: bool = True,
) -> tuple[Tensor, Tensor | None, Tensor]:
    """Solve on the principal axes and go back: coefficients, samples, bias."""
    center = weight @ x / weight.sum()
    # Centred rows keep the intercept out of the other coordinates' way.
    axes = principal_axes(x - center)
    design = torch.cat([axes.z, x.new_ones(len(x), 1)], 1) if intercept else axes.z
    free = torch.ones(design.shape[1], 1, dtype=x.dtype, device=x.device)
    if intercept:
        free[-1] = 0.0
    solved = newton_path(design, free, loss, penalties, tolerance=tolerance)
    rank = axes.z.shape[1]
    coefficients = axes.back @ solved[:, :rank]
    if axes.dual:
        coefficients = coefficients - coefficients.sum(1, keepdim=True) * (
            weight / weight.sum()
        ).unsqueeze(1)
        shift = (x @ center) @ coefficients
    else:
        shift = center @ coefficients
    bias = solved[:, -1] - shift if intercept else torch.zeros_like(shift)
    return coefficients, x if axes.dual else None, bias
