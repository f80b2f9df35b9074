"""Fusion of what the layers' encoders say of a sample into one posterior, whichever layers it has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Sequence

_MIN_LOG_VAR, _MAX_LOG_VAR = -6.0, 3.0


def product_of_experts(
    experts: Sequence[tuple[Tensor, Tensor, Tensor]],
) -> tuple[Tensor, Tensor]:
    r"""Multiply Gaussian experts, the standard normal prior among them.

    .. math:: \frac{1}{\sigma^2} = 1 + \sum_k \frac{1}{\sigma_k^2}, \qquad
       \mu = \sigma^2 \sum_k \frac{\mu_k}{\sigma_k^2}

    Parameters
    ----------
    experts
        For each expert mean and log variance (n, n_latent), and for which samples it speaks (n,).

    Returns
    -------
    Mean and log variance (n, n_latent); the prior where no expert speaks.

    References
    ----------
    Wu and Goodman 2018, NeurIPS, equation 3.

    Examples
    --------
    >>> import torch
    >>> from pathweave import nn
    >>> one = (torch.full((2, 1), 3.0), torch.zeros(2, 1), torch.tensor([True, False]))
    >>> nn.product_of_experts([one])[0].tolist()
    [[1.5], [0.0]]
    """
    mean, log_var, speaks = (torch.stack(parts) for parts in zip(*experts, strict=True))
    certain = speaks.unsqueeze(2) * torch.exp(-log_var.clamp(_MIN_LOG_VAR, _MAX_LOG_VAR))
    precision = 1.0 + certain.sum(dim=0)
    return (certain * mean).sum(dim=0) / precision, -precision.log()


class AttentionFusion(nn.Module):
    r"""Weigh experts by what they say; those that do not speak get no weight.

    .. math:: \alpha_k = \frac{m_k \exp(w^\top \tanh(V \mu_k + b_k))}{\sum_l m_l \exp(w^\top \tanh(V \mu_l + b_l))},
       \qquad \mu = \sum_k \alpha_k \mu_k, \quad \sigma^2 = \sum_k \alpha_k \sigma_k^2

    with m = 1 for experts that speak for the sample, and a bias b for each expert.

    Parameters
    ----------
    n_experts
        Number of experts.
    n_latent
        Dimensions of the latent.
    n_hidden
        Width of the scoring network.

    References
    ----------
    Ilse, Tomczak and Welling 2018, ICML, equations 7 and 8 (attention-based pooling).

    Examples
    --------
    >>> import torch
    >>> from pathweave import nn
    >>> fusion = nn.AttentionFusion(2, n_latent=1)
    >>> speaks, silent = torch.tensor([True]), torch.tensor([False])
    >>> first = (torch.full((1, 1), 3.0), torch.zeros(1, 1), speaks)
    >>> second = (torch.full((1, 1), 9.0), torch.zeros(1, 1), silent)
    >>> fusion([first, second])[0].tolist()
    [[3.0]]
    """

    def __init__(self, n_experts: int, n_latent: int, n_hidden: int = 32) -> None:
        super().__init__()
        self.hidden = nn.Linear(n_latent, n_hidden, bias=False)
        self.bias = nn.Parameter(torch.zeros(n_experts, n_hidden))
        self.score = nn.Linear(n_hidden, 1, bias=False)

    def weights(self, experts: Sequence[tuple[Tensor, Tensor, Tensor]]) -> Tensor:
        """Weight of every expert (n, n_experts); all zero where none speaks."""
        means = torch.stack([mean for mean, _, _ in experts], dim=1)
        speaks = torch.stack([speaks for _, _, speaks in experts], dim=1)
        scores = self.score(torch.tanh(self.hidden(means) + self.bias)).squeeze(2)
        weights = scores.masked_fill(~speaks, -1e4).softmax(dim=1)
        return weights * speaks

    def forward(self, experts: Sequence[tuple[Tensor, Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
        """Fuse experts (mean, log variance, speaks) into mean and log variance; else the prior."""
        weights = self.weights(experts)
        means = torch.stack([mean for mean, _, _ in experts], dim=1)
        log_vars = torch.stack([log_var for _, log_var, _ in experts], dim=1)
        mean = (weights.unsqueeze(2) * means).sum(dim=1)
        variance = weights.unsqueeze(2) * log_vars.clamp(_MIN_LOG_VAR, _MAX_LOG_VAR).exp()
        nobody = weights.sum(dim=1, keepdim=True) == 0
        return mean, torch.where(nobody, 1.0, variance.sum(dim=1)).log()
