"""Tuned linear models as parts of a prediction: early and late fusion, judged out of fold."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from pathweave.models._stack import partial_likelihood_loss
from pathweave.nn.fused_linear import FusedLinear
from pathweave.nn.linear import RidgePath, cox_path, default_penalties, logistic_path, ridge_path
from pathweave.nn.standardize import Standardize

Task = Literal["class", "number", "survival"]


class LinearPart:
    """One way of fusing layers into ridge-penalised linear predictions.

    Parameters
    ----------
    fusion
        ``"early"``: one model over all layers side by side, zero (the mean) where a layer is missing.
        ``"late"``: one model a layer, each with its own penalty, averaged over the layers a sample has.

    Attributes
    ----------
    module_
        The model fitted on all samples.
    oof_
        Out-of-fold log-probabilities (n, n_classes) or scores (n, 1).
    penalty_
        Penalty of each model.
    """

    def __init__(self, fusion: Literal["early", "late"]) -> None:
        self.fusion = fusion

    def fit(
        self,
        layers: dict[str, Tensor],
        task: Task,
        y: Tensor,
        fold: Tensor,
        *,
        n_classes: int | None = None,
    ) -> LinearPart:
        """Choose penalties by the folds, keep the out-of-fold predictions, and refit on all samples.

        Parameters
        ----------
        layers
            Values (n, n_features) in the units of the data, NaN where unmeasured.
        task
            What `y` holds.
        y
            Classes (n,), numbers (n, 1), or times and events (n, 2).
        fold
            Fold of every sample.
        n_classes
            Number of classes.

        Returns
        -------
        The part itself.
        """
        names = list(layers)
        models = [names] if self.fusion == "early" else [[name] for name in names]
        n_outputs = int(n_classes or 1)
        sizes = {name: x.shape[1] for name, x in layers.items()}
        self.module_ = FusedLinear(sizes, models, n_outputs, task)
        for name, module in zip(names, self.module_.standardize, strict=True):
            if isinstance(module, Standardize):
                module.fit(layers[name])
        prior = _prior(task, y, n_outputs)
        self.module_.prior.copy_(prior)
        outs, speaks, self.penalty_ = [], [], {}
        for i, model in enumerate(models):
            has = torch.stack([~layers[name].isnan().all(dim=1) for name in model]).any(dim=0)
            x = {name: layers[name][has] for name in model}
            out = prior.expand(len(y), n_outputs).double().clone()
            best = _choose(x, task, y[has], fold[has], n_outputs)
            if best is not None:
                penalty, oof, weight, bias = best
                out[has] = oof
                self.penalty_["+".join(model)] = penalty
                getattr(self.module_, f"weight_{i}").copy_(weight)
                getattr(self.module_, f"bias_{i}").copy_(bias)
            else:
                getattr(self.module_, f"bias_{i}").copy_(prior)
            outs.append(out)
            speaks.append(has)
        self.oof_ = self.module_.average(torch.stack(outs), torch.stack(speaks)).numpy()
        return self


def _choose(
    layers: dict[str, Tensor], task: Task, y: Tensor, fold: Tensor, n_outputs: int
) -> tuple[float, Tensor, Tensor, Tensor] | None:
    """Best penalty of one model, its out-of-fold predictions, and the fit on all samples."""
    n_features = sum(x.shape[1] for x in layers.values())
    penalties = default_penalties(task, n_features=n_features)
    everyone = torch.ones(len(y), dtype=torch.bool)
    if not _learnable(task, y):
        return None
    oof = torch.zeros(len(penalties), len(y), n_outputs, dtype=torch.float64)
    judged = torch.zeros(len(y), dtype=torch.bool)
    for k in fold.unique():
        held = fold == k
        if not _learnable(task, y[~held]):
            oof[:, held] = _prior(task, y, n_outputs).double()
            continue
        x = _standardized(layers, ~held)
        path = _path(x[~held], y[~held], task, n_outputs, penalties)
        out = path.predict(x[held])
        oof[:, held] = out.log_softmax(dim=2) if task == "class" else out
        judged |= held
    loss = [_loss(task, o, y, fold) for o in oof] if judged.any() else [0.0] * len(penalties)
    best = int(np.argmin(loss))
    x = _standardized(layers, everyone)
    # Warm starts make the stronger penalties before the best one nearly free.
    final = _path(x, y, task, n_outputs, penalties[: best + 1])
    return float(penalties[best]), oof[best], final.weight_at(best).float(), final.bias_at(best).float()


def _standardized(layers: dict[str, Tensor], train: Tensor) -> Tensor:
    parts = []
    for x in layers.values():
        module = Standardize(x.shape[1])
        module.fit(x[train])
        parts.append(module(x, ~x.isnan()).double())
    return torch.cat(parts, dim=1)


def _path(x: Tensor, y: Tensor, task: Task, n_outputs: int, penalties: Tensor) -> RidgePath:
    if task == "class":
        return logistic_path(x, y.long(), n_classes=n_outputs, penalties=penalties)
    if task == "number":
        return ridge_path(x, y.double().reshape(-1, 1), penalties=penalties)
    return cox_path(x, y[:, 0].double(), y[:, 1].double(), penalties=penalties)


def _learnable(task: Task, y: Tensor) -> bool:
    if task == "survival":
        return len(y) > 2 and float(y[:, 1].sum()) > 1
    return len(y) > 2 and len(y.unique()) > 1


def _prior(task: Task, y: Tensor, n_outputs: int) -> Tensor:
    """Prediction without data: class frequencies, the mean, an average hazard."""
    if task == "class":
        counts = torch.bincount(y.long(), minlength=n_outputs).float() + 0.5
        return (counts / counts.sum()).log()
    if task == "number":
        return y.float().mean().reshape(1)
    return torch.zeros(1)


def _loss(task: Task, out: Tensor, y: Tensor, fold: Tensor) -> float:
    if task == "class":
        return float(F.nll_loss(out, y.long()))
    if task == "number":
        return float((out[:, 0] - y.reshape(-1)).square().mean())
    total = 0.0
    for k in fold.unique():
        rows = fold == k
        time, event = y[rows, 0].numpy(), y[rows, 1].numpy()
        total += partial_likelihood_loss(out[rows, 0].numpy(), time, event)
    return total
