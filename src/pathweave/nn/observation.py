"""Observation models: from what a decoder says of a sample to the values its layer may hold.

A Gaussian on standardised values and a Bernoulli need nothing of their own; the others keep a value a
feature that is learned, and start from the moments of the training samples.
"""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor, nn

from pathweave.nn.likelihoods import (
    BETA_MARGIN,
    beta_log_prob,
    negative_binomial_log_prob,
    zero_inflated_log_prob,
)

_MIN_THETA, _MAX_THETA = 1e-2, 1e4
_MIN_PHI, _MAX_PHI = 0.1, 1e4


class CountModel(nn.Module):
    r"""Counts: a library size, shared out over the features.

    .. math:: x_{ij} \sim \mathrm{NB}(\ell_i\, \mathrm{softmax}_j(\log s_j + f_j(z_i)),\, \theta_j)

    with the library size of the sample, the training samples' share s of each feature, the decoder f, and
    an inverse dispersion theta a feature (Lopez et al. 2018, with the share as the decoder's starting
    point). With `zero_inflated` the decoder gives log odds of a second source of zeros, too.

    Parameters
    ----------
    n_features
        Number of features.
    library
        Library size for which the layer's values were transformed: ``log1p(counts / size * library)``.
    zero_inflated
        Whether zeros have a second source.
    """

    def __init__(self, n_features: int, library: float, *, zero_inflated: bool) -> None:
        super().__init__()
        self.library, self.zero_inflated = library, zero_inflated
        self.n_outputs = n_features * (2 if zero_inflated else 1)
        self.register_buffer("log_share", torch.full((n_features,), -math.log(n_features)))
        self.register_buffer("start", torch.zeros(n_features))
        self.log_dispersion_shift = nn.Parameter(torch.zeros(n_features))

    @torch.no_grad()
    def fit(self, values: Tensor) -> None:
        """Learn shares and starting dispersions from transformed training rows (NaN where unmeasured)."""
        counts = values.double().expm1()
        measured = ~counts.isnan()
        n = measured.sum(dim=0).clamp(min=1)
        filled = counts.nan_to_num()
        mean = filled.sum(dim=0) / n
        variance = torch.where(measured, filled - mean, 0.0).square().sum(dim=0) / n
        self.fit_moments(mean, variance, len(values))

    @torch.no_grad()
    def fit_moments(self, mean: Tensor, variance: Tensor, n_rows: int) -> None:
        """Learn the same from means and variances (n_features,) of counts at the reference library size."""
        theta = mean.square() / (variance - mean).clamp(min=1e-12)
        cast("Tensor", self.start).copy_(theta.clamp(_MIN_THETA, _MAX_THETA).log().float())
        # A feature that no training sample counted was missed by half a count.
        share = mean.clamp(min=0.5 / n_rows)
        cast("Tensor", self.log_share).copy_((share / share.sum()).log().float())

    def observe(self, values: Tensor, measured: Tensor, library: Tensor) -> Tensor:
        """Go back to counts, 0 where unmeasured."""
        counts = torch.where(measured, values, 0.0).double().expm1() * library / self.library
        return counts.round().float()

    def log_prob(self, out: Tensor, observed: Tensor, library: Tensor) -> Tensor:
        """Log probability of every count, (n, n_features)."""
        rates, zeros = self._split(out)
        log_mean = self._log_rate(rates) + library.clamp(min=1.0).log()
        shift = self.log_dispersion_shift
        log_theta = (cast("Tensor", self.start) + shift).clamp(
            math.log(_MIN_THETA), math.log(_MAX_THETA)
        )
        log_prob = negative_binomial_log_prob(observed, log_mean, log_theta)
        return (
            log_prob if zeros is None else zero_inflated_log_prob(observed, log_prob, zeros)
        ).float()

    def expect(self, out: Tensor) -> Tensor:
        """Expected counts of a sample with the reference library size."""
        rates, zeros = self._split(out)
        mean = self._log_rate(rates).exp() * self.library
        return mean if zeros is None else mean * (-zeros).sigmoid()

    def _split(self, out: Tensor) -> tuple[Tensor, Tensor | None]:
        if not self.zero_inflated:
            return out, None
        rates, zeros = out.chunk(2, dim=1)
        return rates, zeros - 2.0  # few zeros need a second reason, to begin with

    def _log_rate(self, rates: Tensor) -> Tensor:
        return (cast("Tensor", self.log_share) + rates).log_softmax(dim=1)


class ShareModel(nn.Module):
    r"""Shares in [0, 1]: a beta distribution with the decoder's mean and a precision a feature.

    .. math:: x_{ij} \sim \mathrm{Beta}(\mu_{ij} \phi_j, (1 - \mu_{ij}) \phi_j), \quad
       \mu_{ij} = \sigma(\mathrm{logit}(m_j) + f_j(z_i))

    Parameters
    ----------
    n_features
        Number of features.
    """

    def __init__(self, n_features: int) -> None:
        super().__init__()
        self.n_outputs = n_features
        self.register_buffer("mean_logits", torch.zeros(n_features))
        self.register_buffer("start", torch.zeros(n_features))
        self.log_precision_shift = nn.Parameter(torch.zeros(n_features))

    @torch.no_grad()
    def fit(self, values: Tensor) -> None:
        """Learn means and starting precisions from training rows (NaN where unmeasured)."""
        x = values.double().clamp(BETA_MARGIN, 1 - BETA_MARGIN)
        mean = x.nanmean(dim=0).nan_to_num(0.5)
        self.fit_moments(mean, (x - mean).square().nanmean(dim=0).nan_to_num(), len(values))

    @torch.no_grad()
    def fit_moments(self, mean: Tensor, variance: Tensor, n_rows: int) -> None:
        """Learn the same from means and variances (n_features,) of shares that keep the margin."""
        del n_rows
        variance = variance.clamp(min=1e-8)
        phi = (mean * (1 - mean) / variance - 1).clamp(_MIN_PHI, _MAX_PHI)
        cast("Tensor", self.mean_logits).copy_(mean.logit().float())
        cast("Tensor", self.start).copy_(phi.log().float())

    def observe(self, values: Tensor, measured: Tensor, library: Tensor | None) -> Tensor:
        """Return the values, 0.5 where unmeasured."""
        del library
        return torch.where(measured, values, 0.5)

    def log_prob(self, out: Tensor, observed: Tensor, library: Tensor | None) -> Tensor:
        """Log density of every value, (n, n_features)."""
        del library
        shift = self.log_precision_shift
        log_phi = (cast("Tensor", self.start) + shift).clamp(math.log(_MIN_PHI), math.log(_MAX_PHI))
        return beta_log_prob(observed, cast("Tensor", self.mean_logits) + out, log_phi)

    def expect(self, out: Tensor) -> Tensor:
        """Expected shares."""
        return (cast("Tensor", self.mean_logits) + out).sigmoid()


def observation_model(
    likelihood: str, n_features: int, library: float
) -> CountModel | ShareModel | None:
    """Build the observation model of a layer; ``None`` for those that keep nothing of their own."""
    if likelihood == "beta":
        return ShareModel(n_features)
    if likelihood in {"negative_binomial", "zero_inflated_negative_binomial"}:
        inflated = likelihood.startswith("zero_inflated")
        return CountModel(n_features, library, zero_inflated=inflated)
    return None
