"""Losses with masks, one a target kind."""

from __future__ import annotations

from typing import Literal

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
    total, count = reconstruction_sum(output, values, measured, likelihood)
    return total / count.clamp(min=1.0)


def reconstruction_sum(
    output: Tensor, values: Tensor, measured: Tensor | None, likelihood: str
) -> tuple[Tensor, Tensor]:
    """Sum that `masked_reconstruction` is the mean of, and how many values it is over; `None` where all were measured."""
    weight = None if measured is None else measured.to(output.dtype)
    if likelihood == "bernoulli":
        loss = F.binary_cross_entropy_with_logits(output, values, weight, reduction="sum")
    elif weight is None:
        loss = 0.5 * F.mse_loss(output, values, reduction="sum")
    else:
        loss = 0.5 * F.mse_loss(output * weight, values * weight, reduction="sum")
    return loss, output.new_tensor(float(output.numel())) if weight is None else weight.sum()


def cox_loss(
    risk: Tensor, time: Tensor, event: Tensor, *, ties: Literal["breslow", "efron"] = "breslow"
) -> Tensor:
    """Negative log partial likelihood of the Cox model, per event.

    Parameters
    ----------
    risk
        Log relative hazards, shape (n,).
    time
        Follow-up times, shape (n,), in any unit.
    event
        1 for an event, 0 for a censored time, shape (n,).
    ties
        Events of the same time: ``"breslow"`` leaves all of them in the risk set of each; ``"efron"`` takes out a
        growing share of them, which is nearer to the exact likelihood where many are tied.

    Returns
    -------
    A scalar that stays connected to `risk`; 0 when there is no event.

    References
    ----------
    Breslow, Biometrics 30 (1974). Efron, Journal of the American Statistical Association 72 (1977).

    Examples
    --------
    >>> import torch
    >>> from pathweave import nn
    >>> time, event = torch.tensor([1.0, 2.0]), torch.tensor([1.0, 0.0])
    >>> round(nn.cox_loss(torch.zeros(2), time, event).item(), 4)  # log 2: two were at risk
    0.6931
    """
    if ties not in ("breslow", "efron"):
        msg = f"ties={ties!r} must be 'breslow' or 'efron'."
        raise ValueError(msg)
    order = torch.argsort(time, descending=True, stable=True)
    risk, time, event = risk[order], time[order], event[order]
    at_risk = torch.logcumsumexp(risk, dim=0)
    # Tied times share one risk set: the one that ends with the last of them.
    last = torch.searchsorted(-time, -time, right=True) - 1
    at_risk = at_risk[last]
    if ties == "efron":
        at_risk = at_risk + _efron_share(risk, event, last, at_risk)
    return ((at_risk - risk) * event).sum() / event.sum().clamp(min=1.0)


def _efron_share(risk: Tensor, event: Tensor, last: Tensor, at_risk: Tensor) -> Tensor:
    """Log of what is left of each risk set: of d tied events the l-th (from 0) leaves out l / d of them."""
    failed = event > 0
    together = torch.zeros_like(risk).index_add(0, last, (risk - at_risk).exp() * failed)[last]
    n_tied = torch.zeros_like(risk).index_add(0, last, failed.to(risk.dtype))[last]
    count = failed.to(risk.dtype).cumsum(dim=0)
    position = count - 1.0 - (count[last] - n_tied)
    share = position / n_tied.clamp(min=1.0) * failed
    return torch.log1p(-share * together)


def cumulative_log_probabilities(score: Tensor, thresholds: Tensor) -> Tensor:
    r"""Log-probabilities of classes in an order, by proportional odds.

    .. math:: P(y \le j) = \sigma(\theta_j - f)

    Parameters
    ----------
    score
        Score f of each sample, shape (n,); the higher, the later classes are likely.
    thresholds
        Rising thresholds, shape (n_classes - 1,).

    Returns
    -------
    Log-probabilities, shape (n, n_classes).

    References
    ----------
    McCullagh, Journal of the Royal Statistical Society B 42 (1980), section 2.

    Examples
    --------
    >>> import torch
    >>> from pathweave import nn
    >>> nn.cumulative_log_probabilities(torch.zeros(1), torch.zeros(1)).exp()
    tensor([[0.5000, 0.5000]])
    """
    above = thresholds - score.unsqueeze(1)  # log odds of being at or below each threshold
    first, final = F.logsigmoid(above[:, :1]), F.logsigmoid(-above[:, -1:])
    low, high = above[:, :-1], above[:, 1:]
    # s(b) - s(a) = s(b) s(-a) (1 - exp(a - b)), which keeps its digits in the tails.
    gap = -torch.expm1((low - high).clamp(max=-1e-6))
    between = F.logsigmoid(high) + F.logsigmoid(-low) + gap.log()
    return torch.cat([first, between, final], dim=1)


def discrete_time_loss(logits: Tensor, time: Tensor, event: Tensor, cuts: Tensor) -> Tensor:
    """Negative log likelihood of survival in intervals of time ("logistic hazard").

    A sample with an event survived the intervals before the one that holds it; a censored one those that
    ended by its time. Who outlives the last interval survived them all, whatever came then.

    Parameters
    ----------
    logits
        Log odds of the event in each interval among those alive at its beginning, shape (n, n_intervals).
    time, event
        Follow-up times and events (1, censored 0), shape (n,).
    cuts
        Upper ends of the intervals, which belong to them, rising, shape (n_intervals,).

    Returns
    -------
    Loss of each sample, shape (n,).

    References
    ----------
    Gensheimer and Narasimhan, PeerJ 7:e6257 (2019). Kvamme and Borgan, Lifetime Data Analysis 27 (2021), section 3.

    Examples
    --------
    >>> import torch
    >>> from pathweave import nn
    >>> cuts, time = torch.tensor([1.0, 2.0]), torch.tensor([1.5, 1.5])
    >>> nn.discrete_time_loss(torch.zeros(2, 2), time, torch.tensor([1.0, 0.0]), cuts)
    tensor([1.3863, 0.6931])
    """
    n_intervals = logits.shape[1]
    holds = torch.searchsorted(
        cuts, time.contiguous()
    )  # the first interval that ends at or after the time
    ended = torch.searchsorted(cuts, time.contiguous(), right=True)
    failed = (event > 0) & (holds < n_intervals)
    survived = torch.where(event > 0, holds, ended)
    position = torch.arange(n_intervals, device=logits.device)
    lived = (position < survived.unsqueeze(1)).to(logits.dtype)
    died = ((position == holds.unsqueeze(1)) & failed.unsqueeze(1)).to(logits.dtype)
    return (lived * F.softplus(logits) + died * F.softplus(-logits)).sum(dim=1)


def log_mortality(logits: Tensor) -> Tensor:
    """One risk from hazards in intervals: the log of the cumulative hazard, summed over the intervals' ends.

    This is the mortality by which survival forests rank samples. Where hazards are proportional it is the log
    relative hazard, but for a constant.

    Parameters
    ----------
    logits
        Log odds of the event in each interval, shape (n, n_intervals).

    Returns
    -------
    Risks, shape (n,).

    References
    ----------
    Ishwaran, Kogalur, Blackstone and Lauer, Annals of Applied Statistics 2 (2008), section 3.2.

    Examples
    --------
    >>> import torch
    >>> from pathweave import nn
    >>> nn.log_mortality(torch.zeros(1, 1)).exp()  # -log(1 - 1/2)
    tensor([0.6931])
    """
    # The hazard of interval j counts at its own end and at all later ones.
    n_ends = torch.arange(logits.shape[1], 0, -1, device=logits.device)
    hazard = F.softplus(
        logits.clamp(min=-60.0)
    )  # of cumulative kind; below, single precision has no log
    return (hazard.log() + n_ends.log()).logsumexp(dim=1)
