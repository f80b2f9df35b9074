"""Log densities of what omics layers hold: counts, counts with too many zeros, and shares."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

BETA_MARGIN = 0.01
"""Shares are moved this far away from 0 and 1, where a beta density may be infinite."""


def negative_binomial_log_prob(values: Tensor, log_mean: Tensor, log_dispersion: Tensor) -> Tensor:
    r"""Log probability of counts under a negative binomial, given mean and inverse dispersion.

    .. math:: \log \frac{\Gamma(x + \theta)}{\Gamma(\theta)\, x!} + \theta \log\frac{\theta}{\theta + \mu}
       + x \log\frac{\mu}{\theta + \mu}, \qquad \mathrm{Var}(x) = \mu + \mu^2 / \theta

    Parameters
    ----------
    values
        Counts.
    log_mean
        Logarithm of the mean, broadcast against `values`.
    log_dispersion
        Logarithm of the inverse dispersion theta, broadcast against `values`; infinite theta is Poisson.

    Returns
    -------
    Log probabilities in nats, float64: the difference of log gammas of large counts needs it.

    References
    ----------
    Lopez et al. 2018, Nature Methods 15, 1053: the gamma-Poisson mixture of scVI, with a dispersion a gene.

    Examples
    --------
    >>> import torch
    >>> from pathweave import nn
    >>> zero, one = torch.tensor([0.0]), torch.tensor([1.0])
    >>> round(nn.negative_binomial_log_prob(zero, one.log(), one.log()).exp().item(), 4)
    0.5
    """
    x, theta = values.double(), log_dispersion.double().exp()
    choose = torch.lgamma(x + theta) - torch.lgamma(theta) - torch.lgamma(x + 1)
    # log(1 + mu / theta) and log(1 + theta / mu), which lose nothing where one of the two is tiny.
    excess = log_mean - log_dispersion
    return (
        choose
        - log_dispersion.exp() * F.softplus(excess, threshold=50)
        - values * F.softplus(-excess, threshold=50)
    )


def zero_inflated_log_prob(values: Tensor, log_prob: Tensor, zero_logits: Tensor) -> Tensor:
    r"""Log probability of counts that are zero for a second reason with probability pi.

    .. math:: \log(\pi [x = 0] + (1 - \pi) p(x))

    Parameters
    ----------
    values
        Counts.
    log_prob
        Log probability of `values` without the second reason.
    zero_logits
        Log odds of pi, broadcast against `values`.

    Returns
    -------
    Log probabilities in nats.

    References
    ----------
    Lopez et al. 2018, Nature Methods 15, 1053 (drop-out of scVI's generative model).

    Examples
    --------
    >>> import torch
    >>> from pathweave import nn
    >>> half = torch.tensor([0.5]).log()
    >>> round(nn.zero_inflated_log_prob(torch.zeros(1), half, torch.zeros(1)).exp().item(), 4)
    0.75
    """
    logits = zero_logits.to(log_prob.dtype)
    counted = F.logsigmoid(-logits) + log_prob
    return torch.where(values < 1e-8, torch.logaddexp(F.logsigmoid(logits), counted), counted)


def beta_log_prob(values: Tensor, mean_logits: Tensor, log_precision: Tensor) -> Tensor:
    r"""Log density of shares under a beta distribution, given mean and precision.

    .. math:: \alpha = \mu \phi, \quad \beta = (1 - \mu) \phi, \quad \mathrm{Var}(x) = \mu (1 - \mu) / (1 + \phi)

    Parameters
    ----------
    values
        Shares in [0, 1]; those beyond 0.01 or 0.99 count as 0.01 or 0.99.
    mean_logits
        Log odds of the mean mu, broadcast against `values`.
    log_precision
        Logarithm of the precision phi, broadcast against `values`.

    Returns
    -------
    Log densities in nats.

    References
    ----------
    Ferrari and Cribari-Neto 2004, Journal of Applied Statistics 31, 799, equation 4.

    Examples
    --------
    >>> import torch
    >>> from pathweave import nn
    >>> nn.beta_log_prob(torch.tensor([0.3]), torch.zeros(1), torch.tensor([2.0]).log()).item()
    0.0
    """
    x = values.clamp(BETA_MARGIN, 1 - BETA_MARGIN)
    phi = log_precision.exp()
    # A mean of exactly 0 or 1 has no density.
    mean = mean_logits.sigmoid().clamp(1e-4, 1 - 1e-4)
    a, b = mean * phi, (1 - mean) * phi
    const = torch.lgamma(phi) - torch.lgamma(a) - torch.lgamma(b)
    return const + (a - 1) * x.log() + (b - 1) * torch.log1p(-x)
