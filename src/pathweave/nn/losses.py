"""Losses with masks, one a target kind."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def gaussian_kl(mean: Tensor, log_var: Tensor) -> Tensor:
    """Kullback-Leibler divergence of diagonal Gaussians from the standard normal.

    Kingma and Welling 2014, appendix B.

    Parameters
    ----------
    mean, log_var
        Posterior of shape (n, n_latent).

    Returns
    -------
    Divergence in nats, shape (n,).

    Examples
    --------
    >>> import torch
    >>> from pathweave import nn
    >>> nn.gaussian_kl(torch.zeros(1, 3), torch.zeros(1, 3)).item()
    0.0
    """
    return 0.5 * (mean.square() + log_var.exp() - 1.0 - log_var).sum(dim=1)


def masked_reconstruction(
    output: Tensor, values: Tensor, measured: Tensor, likelihood: str
) -> Tensor:
    """Mean negative log likelihood over the measured values of a layer.

    Parameters
    ----------
    output
        Decoder output (n, p): means of standardised values, or logits for ``"bernoulli"``.
    values
        Standardised values, or 0/1 for ``"bernoulli"``.
    measured
        Which values were measured; the others do not count.
    likelihood
        ``"gaussian"`` (unit variance) or ``"bernoulli"``.

    Returns
    -------
    A scalar; 0 where nothing was measured.

    Examples
    --------
    >>> import torch
    >>> from pathweave import nn
    >>> x, seen = torch.tensor([[1.0, 5.0]]), torch.tensor([[True, False]])
    >>> nn.masked_reconstruction(torch.zeros(1, 2), x, seen, "gaussian").item()
    0.5
    """
    if likelihood == "bernoulli":
        loss = F.binary_cross_entropy_with_logits(output, values, reduction="none")
    else:
        loss = 0.5 * (output - values).square()
    weight = measured.to(loss.dtype)
    return (loss * weight).sum() / weight.sum().clamp(min=1.0)


def cox_loss(risk: Tensor, time: Tensor, event: Tensor) -> Tensor:
    """Negative log partial likelihood of the Cox model, per event, ties after Breslow.

    Parameters
    ----------
    risk
        Log relative hazards, shape (n,).
    time
        Follow-up times, shape (n,), in any unit.
    event
        1 for an event, 0 for a censored time, shape (n,).

    Returns
    -------
    A scalar that stays connected to `risk`; 0 when there is no event.

    Examples
    --------
    >>> import torch
    >>> from pathweave import nn
    >>> time, event = torch.tensor([1.0, 2.0]), torch.tensor([1.0, 0.0])
    >>> round(nn.cox_loss(torch.zeros(2), time, event).item(), 4)  # log 2: two were at risk
    0.6931
    """
    order = torch.argsort(time, descending=True, stable=True)
    risk, time, event = risk[order], time[order], event[order]
    at_risk = torch.logcumsumexp(risk, dim=0)
    # Tied times share one risk set: the one that ends with the last of them.
    last = torch.searchsorted(-time, -time, right=True) - 1
    return ((at_risk[last] - risk) * event).sum() / event.sum().clamp(min=1.0)
