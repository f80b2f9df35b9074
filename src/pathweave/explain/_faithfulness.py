"""Whether attributions tell what a model uses: deletion, insertion and infidelity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
import torch

from pathweave.explain._paths import Batch, flat
from pathweave.nn import seeded

if TYPE_CHECKING:
    from torch import Tensor

    from pathweave.explain._baselines import Baseline
    from pathweave.explain._outputs import Output

FRACTIONS = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0)
_PERTURBED = 0.2
_N_PERTURBED = 20


@dataclass
class Explanation:
    """Attributions of some samples, and what they explain.

    Attributes
    ----------
    output, batch, baseline
        The output, the samples, and what they are compared with.
    attributed
        For each layer (n, n_features).
    batch_size
        Samples computed at once.
    """

    output: Output
    batch: Batch
    baseline: Baseline
    attributed: dict[str, np.ndarray]
    batch_size: int

    def __post_init__(self) -> None:
        x, base = self.batch.against(self.baseline)
        self.names = list(x)
        self.sizes = [value.shape[1] for value in x.values()]
        self.x = torch.cat(list(x.values()), dim=1)
        self.base = torch.cat(list(base.values()), dim=1)
        self.seen = torch.cat(list(self.batch.seen.values()), dim=1)
        self.scores = np.hstack([self.attributed[name] for name in self.names])

    @torch.no_grad()
    def value(self, there: Tensor) -> float:
        """Mean of the output where only some features (n, n_all) are not at the baseline."""
        x = torch.where(there, self.x, self.base)
        outs = []
        for start in range(0, len(x), self.batch_size):
            part = slice(start, start + self.batch_size)
            inputs = dict(zip(self.names, x[part].split(self.sizes, 1), strict=True))
            seen = dict(zip(self.names, self.seen[part].split(self.sizes, 1), strict=True))
            which = self.batch.which[part].unsqueeze(1)
            outs.append(self.output(inputs, seen).gather(1, which)[:, 0])
        return float(torch.cat(outs).double().mean())

    def curve(self, scores: np.ndarray, kind: Literal["deletion", "insertion"]) -> np.ndarray:
        """Mean output as features are taken away (or put in), those of the highest score first."""
        seen = self.seen.numpy()
        order = np.argsort(np.where(seen, -scores, np.inf), axis=1, kind="stable")
        rank = np.argsort(order, axis=1, kind="stable")
        n_seen = seen.sum(axis=1, keepdims=True)
        values = []
        for fraction in FRACTIONS:
            first = torch.as_tensor(rank < np.round(fraction * n_seen))
            values.append(self.value(~first if kind == "deletion" else first))
        return np.array(values)


def area(curve: np.ndarray) -> float:
    """Area under a curve over `FRACTIONS`: the output's mean on the way."""
    return float(np.trapezoid(curve, FRACTIONS))


def deletion_and_insertion(
    explanation: Explanation, *, n_random: int, rng: np.random.Generator
) -> tuple[pd.DataFrame, list[dict[str, object]]]:
    """Compare the order of the attributions with random orders (Petsiuk et al. 2018; Samek et al. 2017).

    Returns
    -------
    The curves, and a row of the table of checks for each: area, the interval of random areas, passed.
    """
    tables, rows = [], []
    noise = [rng.random(explanation.scores.shape) for _ in range(n_random)]
    for kind, better in (("deletion", np.less_equal), ("insertion", np.greater_equal)):
        own = explanation.curve(explanation.scores, kind)  # type: ignore[arg-type]
        random = np.array([explanation.curve(scores, kind) for scores in noise])  # type: ignore[arg-type]
        low, high = np.quantile(random, (0.025, 0.975), axis=0)
        for order, value, edges in (
            ("attribution", own, (np.nan, np.nan)),
            ("random", random.mean(axis=0), (low, high)),
        ):
            named = {"curve": kind, "order": order, "fraction": FRACTIONS}
            tables.append(
                pd.DataFrame({**named, "value": value, "low": edges[0], "high": edges[1]})
            )
        areas = np.array([area(curve) for curve in random])
        p = (1 + int(better(areas, area(own)).sum())) / (1 + n_random)
        verb, way = ("Deleting", "falls") if kind == "deletion" else ("Inserting", "rises")
        passed = p <= 1.0 / (1 + n_random) + 1e-12 or p <= 0.05
        rows.append(
            {
                "check": kind,
                "value": area(own),
                "low": float(np.quantile(areas, 0.025)),
                "high": float(np.quantile(areas, 0.975)),
                "passed": passed,
                "words": f"{verb} the features in the order of their attributions, the output {way} "
                f"{'faster' if passed else 'no faster'} than in {n_random} random orders (area {area(own):.3g}, random "
                f"{areas.mean():.3g}, p = {p:.3g}).",
            }
        )
    return pd.concat(tables, ignore_index=True), rows


def infidelity_of(explanation: Explanation, *, seed: int) -> dict[str, object]:
    r"""Infidelity (Yeh et al. 2019, equation 2) in units of the variation that is to be explained.

    A fifth of the features, drawn at random, is set to the baseline; the attributions foretell by how much the output
    falls. 0 is a perfect forecast, 1 one that says nothing.

    .. math:: E[(\sum_{i \in I} a_i - (f(x) - f(x_{\setminus I})))^2] / E[(f(x) - f(x_{\setminus I}))^2]
    """
    from captum.metrics import infidelity

    ex = explanation
    forward = flat(ex.output, ex.names)
    scores = torch.as_tensor(ex.scores, dtype=torch.float32)
    # Attributions of other features of the same sample: what forecasts no better than chance.
    rng = np.random.default_rng(seed)
    shuffled = scores.clone()
    for i in range(len(scores)):
        at = torch.as_tensor(np.flatnonzero(ex.seen[i].numpy()))
        shuffled[i, at] = scores[i, at[torch.as_tensor(rng.permutation(len(at)))]]

    def perturb(x: Any, base: Any) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        # Of a single layer Captum hands over the tensor itself.
        x, base = ((x,), (base,)) if isinstance(x, torch.Tensor) else (x, base)
        gone = [torch.rand_like(value) < _PERTURBED for value in x]
        left = [torch.where(g, b, value) for g, value, b in zip(gone, x, base, strict=True)]
        return tuple(g.to(scores.dtype) for g in gone), tuple(left)

    x, base = ex.batch.against(ex.baseline)

    def measure(a: Tensor) -> float:
        with seeded(seed), torch.no_grad():
            found = infidelity(
                forward,
                perturb,
                tuple(x.values()),
                tuple(a.split(ex.sizes, 1)),
                baselines=tuple(b.contiguous() for b in base.values()),
                additional_forward_args=tuple(ex.batch.seen.values()),
                target=ex.batch.which,
                n_perturb_samples=_N_PERTURBED,
                max_examples_per_batch=max(len(a), min(ex.batch_size, len(a) * _N_PERTURBED)),
            )
        return float(found.double().mean())

    nothing = max(measure(torch.zeros_like(scores)), 1e-30)
    own, other = measure(scores) / nothing, measure(shuffled) / nothing
    return {
        "check": "infidelity",
        "value": own,
        "low": np.nan,
        "high": other,
        "passed": own < min(other, 1.0),
        "words": f"When a fifth of the features is set to the baseline, the attributions miss {100 * own:.2g} % of the squared "
        f"change of the output (shuffled ones {100 * other:.3g} %; 100 % is to say nothing).",
    }
