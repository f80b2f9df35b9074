"""Kernel ridge regression of many outputs at once, with its leave-one-out predictions in closed form."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

# Shares of the kernel's mean eigenvalue.
PENALTIES = tuple(10.0 ** (0.5 * step) for step in range(-6, 5))


@dataclass(frozen=True)
class KernelRidge:
    """One fitted model.

    Attributes
    ----------
    coefficients
        Weights of the training samples, shape (n, n_outputs).
    left_out
        Prediction of every training sample by the model without it, shape (n, n_outputs).
    penalty
        The penalty chosen, as a share of the mean eigenvalue of the kernel.
    """

    coefficients: Tensor
    left_out: Tensor
    penalty: float


def center_kernel(kernel: Tensor, other: Tensor) -> Tensor:
    """Centre kernel values in feature space, as if the training samples had mean zero there.

    Schoelkopf, Smola and Mueller 1998, appendix A.

    Parameters
    ----------
    kernel
        Kernel of the training samples with each other, shape (n, n).
    other
        Kernel of any samples with the training samples, shape (m, n); `kernel` itself to centre it.

    Returns
    -------
    Centred `other`.

    Examples
    --------
    >>> import torch
    >>> from pathweave.nn.kernel_ridge import center_kernel
    >>> x = torch.tensor([[1.0], [3.0]])
    >>> center_kernel(x @ x.T, x @ x.T)
    tensor([[ 1., -1.],
            [-1.,  1.]])
    """
    return other - kernel.mean(dim=0) - other.mean(dim=1, keepdim=True) + kernel.mean()


def gaussian_kernel_of_products(x: Tensor, other: Tensor, width: float) -> Tensor:
    """Gaussian kernel, its width in units of the median squared distance of the training samples.

    Parameters
    ----------
    x
        Inner products of the training samples, shape (n, n).
    other
        Inner products of other samples with the training samples (m, n) and, as a last column, with
        themselves: shape (m, n + 1).
    width
        ``exp(-width * squared distance / median)``.

    Returns
    -------
    Kernel values, shape (m, n), in (0, 1].

    Examples
    --------
    >>> import torch
    >>> from pathweave.nn.kernel_ridge import gaussian_kernel_of_products
    >>> x = torch.tensor([[0.0], [1.0]])
    >>> inner = x @ x.T
    >>> gaussian_kernel_of_products(
    ...     inner, torch.cat([inner, inner.diagonal()[:, None]], 1), 1.0
    ... ).diagonal()
    tensor([1., 1.])
    """
    own = x.diagonal()
    between = own.unsqueeze(1) + own - 2.0 * x
    upper = torch.triu_indices(len(x), len(x), 1)
    distances = between[upper[0], upper[1]]
    median = distances.median() if len(distances) else own.new_ones(())
    squared = other[:, -1:] + own - 2.0 * other[:, :-1]
    return torch.exp(-width * squared.clamp(min=0.0) / median.clamp(min=1e-12))


def fit_kernel_ridge(
    kernel: Tensor, y: Tensor, *, penalties: tuple[float, ...] = PENALTIES
) -> KernelRidge:
    """Fit ridge regression in a feature space, one penalty for all outputs, by leave-one-out error.

    The leave-one-out error of a linear smoother is its residual divided by one minus its leverage (Golub,
    Heath and Wahba 1979, equation 1.4): no sample predicts itself, and nothing is fitted twice.

    Parameters
    ----------
    kernel
        Centred kernel of the training samples, shape (n, n), float64.
    y
        Centred outputs, shape (n, n_outputs).
    penalties
        Penalties to try, as shares of the mean eigenvalue of the kernel.

    Returns
    -------
    The model with the least mean squared leave-one-out error.

    Examples
    --------
    >>> import torch
    >>> from pathweave.nn.kernel_ridge import fit_kernel_ridge
    >>> x = torch.tensor([[-1.0], [0.0], [1.0]], dtype=torch.float64)
    >>> model = fit_kernel_ridge(x @ x.T, 2 * x)
    >>> (x @ x.T @ model.coefficients).round().flatten().tolist()
    [-2.0, 0.0, 2.0]
    """
    values, axes = torch.linalg.eigh(kernel)
    values = values.clamp(min=0.0)
    scale = values.mean().clamp(min=1e-12)
    turned = axes.T @ y
    # Errors add up over outputs, so that a rotation of the outputs leaves their sum as it is.
    judged = y if y.shape[1] <= len(y) else torch.linalg.qr(y.T, mode="r")[1].T
    turned_judged = axes.T @ judged
    errors = []
    for penalty in penalties:
        error = left_out_error(values, axes, turned_judged, judged, penalty * scale)
        errors.append(float(error.square().mean()))
    best = penalties[errors.index(min(errors))]
    coefficients = axes @ (turned / (values + best * scale).unsqueeze(1))
    left_out = y - left_out_error(values, axes, turned, y, best * scale)
    return KernelRidge(coefficients, left_out, best)


def left_out_error(
    values: Tensor, axes: Tensor, turned: Tensor, y: Tensor, penalty: Tensor
) -> Tensor:
    """Error of every sample's prediction by the ridge regression fitted without it.

    Parameters
    ----------
    values, axes
        Eigenvalues (n,) and eigenvectors (n, n) of the centred kernel.
    turned
        ``axes.T @ y``.
    y
        Centred outputs, shape (n, n_outputs).
    penalty
        Ridge penalty, in units of `values`.

    Returns
    -------
    Outputs less predictions, shape (n, n_outputs).

    Examples
    --------
    >>> import torch
    >>> from pathweave.nn.kernel_ridge import left_out_error
    >>> x = torch.tensor([[-1.0], [0.0], [1.0]])
    >>> values, axes = torch.linalg.eigh(x @ x.T)
    >>> error = left_out_error(values, axes, axes.T @ x, x, torch.tensor(1e-6))
    >>> bool(error.abs().max() < 1e-3)  # a line through two points meets the third
    True
    """
    share = values / (values + penalty)
    leverage = axes.square() @ share + 1.0 / len(y)  # the mean is fitted, too
    residual = y - axes @ (share.unsqueeze(1) * turned)
    return residual / (1.0 - leverage).clamp(min=1e-3).unsqueeze(1)
