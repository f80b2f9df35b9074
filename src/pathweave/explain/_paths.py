"""Attributions of every input value: integrated gradients, gradient SHAP and DeepLift."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pathweave.explain._baselines import Baseline
    from pathweave.explain._outputs import Output

MOST_GAP = 0.01
"""Above this share of the difference DeepLift is refused."""


@dataclass(frozen=True)
class Batch:
    """Some samples: values with NaN where unmeasured, the column explained, and their place in the group."""

    values: dict[str, Tensor]
    which: Tensor
    places: np.ndarray

    @property
    def seen(self) -> dict[str, Tensor]:
        """What was measured."""
        return {name: ~x.isnan() for name, x in self.values.items()}

    def against(self, baseline: Baseline) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Inputs, with the baseline where nothing was measured, and the baseline itself."""
        base = {n: torch.as_tensor(b).expand_as(self.values[n]) for n, b in baseline.items()}
        filled = {n: torch.where(x.isnan(), base[n], x) for n, x in self.values.items()}
        return filled, base


@dataclass(frozen=True)
class Settings:
    """How finely to look: points or draws, rows through the network at once, and the draws of a group."""

    n_steps: int
    batch_size: int
    draws: tuple[np.ndarray, np.ndarray] | None = None


Attributed = tuple[dict[str, np.ndarray], np.ndarray]
"""For each layer (n, n_features), and by how much their sum misses the difference (n,)."""


def batches(
    values: dict[str, np.ndarray], rows: np.ndarray, which: np.ndarray, size: int
) -> Iterator[Batch]:
    """Cut the samples of a group into batches."""
    for start in range(0, len(rows), size):
        part = slice(start, start + size)
        x = {name: torch.tensor(v[rows[part]]) for name, v in values.items()}
        yield Batch(x, torch.as_tensor(which[part]), np.arange(len(rows))[part])


def flat(output: Output, names: list[str]) -> Callable[..., Tensor]:
    """Write an output as a function of tensors alone: the values of every layer, then what was measured."""

    def forward(*tensors: Tensor) -> Tensor:
        half = len(tensors) // 2
        x = dict(zip(names, tensors[:half], strict=True))
        seen = dict(zip(names, tensors[half:], strict=True))
        # Parts of weight 0 are left out: a layer that only they read must still be an input.
        return output(x, seen) + 0.0 * sum(part.sum() for part in tensors[:half])

    return forward


def integrated_gradients(
    output: Output, batch: Batch, bases: list[Baseline], settings: Settings
) -> Attributed:
    """Average integrated gradients over the baselines, by Gauss-Legendre quadrature."""
    from captum.attr import IntegratedGradients

    names = list(batch.values)
    captum = IntegratedGradients(flat(output, names))
    total = {name: np.zeros(tuple(x.shape)) for name, x in batch.values.items()}
    gap = np.zeros(len(batch.which))
    for baseline in bases:
        x, base = batch.against(baseline)
        result, delta = captum.attribute(
            tuple(x.values()),
            baselines=tuple(b.contiguous() for b in base.values()),
            target=batch.which,
            additional_forward_args=tuple(batch.seen.values()),
            n_steps=settings.n_steps,
            internal_batch_size=max(settings.batch_size, len(batch.which)),
            return_convergence_delta=True,
        )
        for name, a in zip(names, result, strict=True):
            total[name] += a.numpy() / len(bases)
        gap += delta.double().numpy() / len(bases)
    return total, gap


def gradient_shap(
    output: Output, batch: Batch, bases: list[Baseline], settings: Settings
) -> Attributed:
    """Average gradients at random points of the ways from all baselines, drawn evenly and ahead of time."""
    forward, names = flat(output, list(batch.values)), list(batch.values)
    total = {name: np.zeros(tuple(x.shape)) for name, x in batch.values.items()}
    chosen, alphas = settings.draws or even_draws(len(batch.which), 1, len(bases), seed=0)
    stacked = {name: torch.as_tensor(np.stack([b[name] for b in bases])) for name in names}
    seen = batch.seen
    for k in range(chosen.shape[1]):
        pick = torch.as_tensor(chosen[batch.places, k])
        alpha = torch.as_tensor(alphas[batch.places, k], dtype=torch.float32).unsqueeze(1)
        steps, points = [], []
        for name, x in batch.values.items():
            base = stacked[name][pick]
            step = torch.where(seen[name], x - base, 0.0)
            steps.append(step)
            points.append((base + alpha * step).requires_grad_())
        out = forward(*points, *seen.values()).gather(1, batch.which.unsqueeze(1)).sum()
        for name, step, grad in zip(names, steps, torch.autograd.grad(out, points), strict=True):
            total[name] += (step * grad).double().numpy() / chosen.shape[1]
    moved = sum(a.sum(axis=1) for a in total.values())
    return total, moved - difference(output, batch, bases)


def even_draws(
    n: int, n_steps: int, n_baselines: int, *, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Draw for every sample which baselines are left, and how far along the way (n, n_steps) each.

    Every baseline is drawn as often as any, and its points are spread evenly (one in each of as many
    intervals): the sum is the same in the mean, and nearer to it.
    """
    rng = np.random.default_rng(seed)
    each = -(-n_steps // n_baselines)
    base = np.tile(np.arange(n_baselines), each)
    slot = np.repeat(np.arange(each), n_baselines)
    chosen, alphas = [], []
    for _ in range(n):
        # Baselines of one slot begin it at different places, so that all points together are even, too.
        shift = rng.permutation(n_baselines)[base]
        alpha = (slot + (shift + rng.random(len(base))) / n_baselines) / each
        chosen.append(base)
        alphas.append(alpha)
    return np.array(chosen), np.array(alphas)


def deeplift(output: Output, batch: Batch, bases: list[Baseline], settings: Settings) -> Attributed:
    """Multiply differences from the baseline by DeepLift's multipliers, where these add up."""
    from captum.attr import DeepLift

    del settings
    names = list(batch.values)
    captum = DeepLift(_Module(output, names))
    total = {name: np.zeros(tuple(x.shape)) for name, x in batch.values.items()}
    for baseline in bases:
        x, base = batch.against(baseline)
        with warnings.catch_warnings():
            # Captum tells on every call that it hooks modules for its duration.
            warnings.filterwarnings("ignore", "Setting forward, backward hooks", UserWarning)
            result = captum.attribute(
                tuple(value.clone().requires_grad_() for value in x.values()),
                baselines=tuple(b.clone() for b in base.values()),
                target=batch.which,
                additional_forward_args=tuple(batch.seen.values()),
            )
        for name, a in zip(names, result, strict=True):
            total[name] += a.detach().double().numpy() / len(bases)
    moved = difference(output, batch, bases)
    gap: np.ndarray = sum(a.sum(axis=1) for a in total.values()) - moved
    share = float(np.abs(gap).sum() / max(np.abs(moved).sum(), 1e-12))
    if share > MOST_GAP:
        msg = (
            f"method='deeplift' is wrong for this model: its attributions miss the difference that they must add up to "
            f"by {100 * share:.0f} % ({100 * MOST_GAP:.0f} % is allowed). DeepLift has rules for modules such as ReLU; "
            "GELU, the product of experts, the kernel and the pooling of probabilities have none. Use "
            "'integrated_gradients' or 'gradient_shap', which need no rules."
        )
        raise ValueError(msg)
    return total, gap


@torch.no_grad()
def difference(output: Output, batch: Batch, bases: list[Baseline]) -> np.ndarray:
    """What attributions must add up to: the output less its mean over the baselines."""
    seen = batch.seen
    at = batch.which.unsqueeze(1)

    def value(x: dict[str, Tensor]) -> np.ndarray:
        return np.asarray(output(x, seen).gather(1, at)[:, 0].double().numpy())

    pairs = [batch.against(baseline) for baseline in bases]
    start = np.mean(
        [value({n: b.contiguous() for n, b in base.items()}) for _, base in pairs], axis=0
    )
    return np.asarray(value(pairs[0][0]) - start)


class _Module(nn.Module):
    """An output as a module whose parts DeepLift can hook."""

    def __init__(self, output: Output, names: list[str]) -> None:
        super().__init__()
        owner = getattr(output, "__self__", None)
        self.owner = owner if isinstance(owner, nn.Module) else None
        self._flat = flat(output, names)

    def forward(self, *tensors: Tensor) -> Tensor:
        return self._flat(*tensors)
