"""What a model says of samples, all of it, in one pass: predictions, latent, pathways and decoded layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from scipy.special import logsumexp

from pathweave.nn import single_thread
from pathweave.nn.stack import DeepPart

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from pathweave.models import Estimator
    from pathweave.nn import PathwayVAENet

UNITS = {"number": "units of the target", "survival": "log hazard"}
PARTS = ("outputs", "latent", "pathway", "layer")
Seen = dict[str, tuple[np.ndarray, np.ndarray]]
"""By part what the whole model says (n, k), and each member of its ensemble (n_members, n, k)."""


@dataclass(frozen=True)
class Voice:
    """A fitted model that is asked about samples.

    Parameters
    ----------
    model
        The model.
    targets
        Targets to predict.
    parts
        Which of `PARTS` to give.
    """

    model: Estimator
    targets: tuple[str, ...]
    parts: tuple[str, ...] = PARTS

    def columns(self, part: str) -> pd.DataFrame:
        """What the columns of a part are."""
        model = self.model
        if part == "outputs":
            rows = []
            for name in self.targets:
                target = model.targets_[name]
                if target.task == "class":
                    rows += [
                        (name, c, u) for u in ("probability", "log odds") for c in target.classes
                    ]
                else:
                    rows.append((name, name, UNITS[target.task]))
            return pd.DataFrame(rows, columns=["target", "output", "unit"])
        if part == "latent":
            return pd.DataFrame({"dimension": [f"Z{i + 1}" for i in range(model.n_latent)]})
        if part == "pathway":
            names = [""] * len(model.pathways_)
            if model.graph_ is not None:
                known = model.graph_.pathways.set_index("id")["name"]
                names = list(known.reindex(list(model.pathways_)).fillna("").astype(str))
            return pd.DataFrame({"pathway": list(model.pathways_), "name": names})
        own = [(n, f) for n, layer in self._layers() for f in layer.features]
        return pd.DataFrame(own, columns=["layer", "feature"])

    def _layers(self) -> list[tuple[str, Any]]:
        return [(n, layer) for n, layer in self.model.layers_.items() if not layer.lag]

    @torch.no_grad()
    def ask(self, values: dict[str, np.ndarray]) -> Seen:
        """Ask about some samples, values as the model reads them."""
        with single_thread():
            return self._ask(values)

    def _ask(self, values: dict[str, np.ndarray]) -> Seen:
        ensemble = self.model.ensemble_
        x = {name: torch.as_tensor(v) for name, v in values.items()}
        seen = {name: ~v.isnan() for name, v in x.items()}
        x = {name: v.nan_to_num() for name, v in x.items()}
        found: Seen = {}
        members = ensemble.nets[1:] or ensemble.nets[:1]
        pools = list(map(ensemble.stack, self.targets))
        deep = any(isinstance(part, DeepPart) for pool in pools for part in pool.parts)
        latents = None
        if "layer" in self.parts or deep:
            latents = [net.encode(net.prepare(x, seen)).mean for net in members]
        if "outputs" in self.parts and self.targets:
            said = [stack.with_members(x, seen, latents) for stack in pools]
            found["outputs"] = self._outputs(said)
        if "latent" in self.parts or "pathway" in self.parts:
            found |= self._reference(values, x, seen)
        if "layer" in self.parts and latents is not None:
            single = np.stack([self._decoded(n, z) for n, z in zip(members, latents, strict=True)])
            found["layer"] = (single.mean(axis=0), single)
        return found

    def _reference(
        self, values: dict[str, np.ndarray], x: dict[str, Tensor], seen: dict[str, Tensor]
    ) -> Seen:
        """The latent, as `embed` gives it, and the activities, as `pathway_activity` does."""
        model, ensemble, found = self.model, self.model.ensemble_, {}
        net = ensemble.nets[0]
        prepared = net.prepare(x, seen)
        if "latent" in self.parts:
            if model.consensus_ is not None:
                z = model.consensus_.embed(values).astype(np.float64)
            else:
                z = net.encode(prepared).mean.double().numpy()
            found["latent"] = (z, np.zeros((0, *z.shape)))
        if "pathway" in self.parts and model.pathways_:
            raw = net.activity(prepared, prepared.present).double().numpy()
            center, spread = ensemble.activity_units
            activity = (raw - center) / spread * (1.0 if ensemble.signs is None else ensemble.signs)
            found["pathway"] = (activity, np.zeros((0, *activity.shape)))
        return found

    def _decoded(self, net: PathwayVAENet, latent: Tensor) -> np.ndarray:
        made = net.impute(latent)
        parts = [layer.as_inputs(made[name].double().numpy()) for name, layer in self._layers()]
        return np.concatenate(parts, axis=1)

    def _outputs(self, said: Sequence[tuple[Tensor, Tensor]]) -> tuple[np.ndarray, np.ndarray]:
        whole, single = [], []
        n_members = max((len(s) for _, s in said), default=1)
        for target, (out, each) in zip(self.targets, said, strict=True):
            classes = self.model.targets_[target].task == "class"
            parts = [_told(a.double().numpy(), classes=classes) for a in (out, each)]
            whole.append(parts[0])
            # A target that no network takes part in has one voice, and nothing to differ by.
            shape = (n_members, *parts[1].shape[1:])
            single.append(parts[1] if len(parts[1]) == n_members else np.full(shape, np.nan))
        return np.concatenate(whole, axis=-1), np.concatenate(single, axis=-1)


def _told(out: np.ndarray, *, classes: bool) -> np.ndarray:
    """Turn log-probabilities into probabilities and log odds, side by side; numbers and risks stay."""
    if not classes:
        return out
    k = out.shape[-1]
    rest = np.stack([logsumexp(np.delete(out, i, axis=-1), axis=-1) for i in range(k)], axis=-1)
    return np.concatenate([np.exp(out), out - rest], axis=-1)


def bootstrap_weights(names: np.ndarray, *, n_boot: int, rng: np.random.Generator) -> np.ndarray:
    """Weights of samples (1 + n_boot, n): all alike, then drawn with replacement; the order of samples is no matter."""
    n = len(names)
    order = np.argsort(names.astype(str), kind="stable")
    weights = np.full((1 + n_boot, n), 1.0 / n)
    drawn = rng.multinomial(n, np.full(n, 1.0 / n), size=n_boot) / n
    weights[1:, order] = drawn
    return weights


def interval(draws: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Ends of the 95 % interval of bootstrap draws (n_boot, k); NaN for fewer than three samples."""
    if n < 3 or len(draws) < 2:
        return np.full(draws.shape[1], np.nan), np.full(draws.shape[1], np.nan)
    low, high = np.quantile(draws, [0.025, 0.975], axis=0)
    return low, high
