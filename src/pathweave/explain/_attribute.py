"""Integrated gradients of a fitted model, per feature, gene, pathway and layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from pathweave._core.checks import check_choice, check_mudata, check_obs_column
from pathweave._core.progress import progress
from pathweave._core.results import Attributions
from pathweave._core.version import VERSION
from pathweave.explain._tables import Explained, attribution_tables
from pathweave.nn import single_thread

if TYPE_CHECKING:
    from collections.abc import Callable

    from mudata import MuData
    from torch import Tensor

    from pathweave.models import Estimator

    Output = Callable[[dict[str, Tensor], dict[str, Tensor]], Tensor]

_ROWS_AT_ONCE = 512


def attribute(
    mdata: MuData,
    model: Estimator,
    *,
    of: str | None = None,
    groupby: str | None = None,
    n_steps: int = 16,
    max_samples: int = 100,
    seed: int = 0,
) -> Attributions:
    r"""Explain a model's predictions or its latent by integrated gradients.

    For sample x and baseline b (the mean of the training samples) a feature's attribution is

    .. math:: (x_i - b_i) \int_0^1 \partial_i f(b + t (x - b)) \, dt

    (Sundararajan et al. 2017, equation 1), so that the attributions of a sample add up to
    f(x) - f(b). What is explained is the whole prediction, linear parts and networks together. A value
    that was not measured gets no attribution.

    Parameters
    ----------
    mdata
        Samples to explain.
    model
        Fitted model.
    of
        A target of the model, or ``"latent"``; the first target by default, the latent without one.
        Of classes the log odds are explained, of survival the log hazard, of numbers their value, of
        the latent each dimension.
    groupby
        Column of ``mdata.obs``. By default every class is explained in its own samples, and anything
        else in all samples together. With another column, samples of each group are explained together
        (for classes: the log odds of the class predicted for the sample).
    n_steps
        Points of the Gauss-Legendre quadrature along the path.
    max_samples
        At most so many samples a group, drawn at random.
    seed
        Seed of that draw.

    Returns
    -------
    Tables ``feature``, ``gene``, ``pathway`` and ``layer`` with columns group, value (mean attribution),
    importance (mean absolute attribution), direction (correlation of the input with its attribution:
    positive where high values raise the output), se (standard error of value over replicates, NaN with
    one) and rank; pathways are ranked by ``score``, a z statistic of their members' importance against
    all measured nodes. ``params`` holds the completeness gap: the largest and the relative difference
    between summed attributions and f(x) - f(b).

    Examples
    --------
    >>> import pathweave as pw
    >>> mdata = pw.datasets.simulate(60, seed=1)
    >>> model = pw.models.PathwayVAE(8, max_epochs=3, n_folds=3).fit(mdata, target="class")
    >>> tables = pw.explain.attribute(mdata, model, n_steps=8)
    >>> tables.layer.columns.tolist()
    ['group', 'layer', 'value', 'importance', 'se', 'share', 'rank']
    """
    check_mudata(mdata)
    model._need_fit()
    allowed = [*model.targets_, "latent"]
    chosen = allowed[0] if of is None else of
    check_choice("of", chosen, allowed)
    if groupby is not None:
        check_obs_column(mdata.obs, "groupby", groupby)
    if n_steps < 2 or max_samples < 1:
        msg = f"n_steps={n_steps!r} must be 2 or more and max_samples={max_samples!r} 1 or more."
        raise ValueError(msg)
    values = model._read(mdata)
    jobs = _plan(mdata, model, values, chosen, groupby, max_samples, np.random.default_rng(seed))
    if not jobs:
        msg = f"groupby={groupby!r}: no sample with a layer belongs to a group."
        raise ValueError(msg)
    outputs = _outputs(model, chosen)
    explained, gap = _integrate(model, values, jobs, outputs, n_steps)
    feature, gene, pathway, layer = attribution_tables(model, explained)
    params = {
        "of": chosen,
        "target": None if chosen == "latent" else list(model.targets_[chosen].columns),
        "task": "latent" if chosen == "latent" else model.targets_[chosen].task,
        "groupby": groupby,
        "method": "integrated_gradients",
        "baseline": "mean of the training samples",
        "n_steps": n_steps,
        "n_samples": int(sum(len(rows) for _, rows, _ in jobs)),
        "n_replicates": len(outputs),
        "completeness_gap": gap[0],
        "completeness_gap_relative": gap[1],
        "model": type(model).__name__,
        "graph_digest": model.graph_digest_,
        "seed": seed,
        "version": VERSION,
    }
    return Attributions(feature, gene, pathway, layer, params)


def _plan(
    mdata: MuData,
    model: Estimator,
    values: dict[str, np.ndarray],
    of: str,
    groupby: str | None,
    max_samples: int,
    rng: np.random.Generator,
) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """For each group: its name, its samples, and which output of each sample is explained."""
    usable = ~np.all([np.isnan(x).all(axis=1) for x in values.values()], axis=0)

    def draw(mask: np.ndarray) -> np.ndarray:
        rows = np.flatnonzero(mask & usable)
        return (
            rows
            if len(rows) <= max_samples
            else np.sort(rng.choice(rows, max_samples, replace=False))
        )

    groups: dict[str, np.ndarray] = {}
    if groupby is not None:
        labels = mdata.obs[groupby].astype(object).to_numpy()
        known = mdata.obs[groupby].notna().to_numpy()
        for label in sorted({str(v) for v in labels[known]}):
            groups[label] = draw(known & (labels.astype(str) == label))
    if of == "latent":
        rows = draw(usable)
        latent = range(model.n_latent)
        return [(f"Z{z + 1}", rows, np.full(len(rows), z)) for z in latent]
    target = model.targets_[of]
    if target.task != "class":
        groups = groups or {of: draw(usable)}
        return [(g, rows, np.zeros(len(rows), int)) for g, rows in groups.items() if len(rows)]
    predicted = model.ensemble_.predict(of, values).argmax(axis=1)
    if groupby is None or (groupby,) == target.columns:
        own = predicted.astype(float)
        if set(target.columns) <= set(mdata.obs.columns):
            labels = target.encode(mdata.obs)[:, 0]
            own = np.where(np.isnan(labels), own, labels)
        plan = [(name, draw(own == i), i) for i, name in enumerate(target.classes)]
        return [(name, rows, np.full(len(rows), i)) for name, rows, i in plan if len(rows)]
    return [(g, rows, predicted[rows]) for g, rows in groups.items() if len(rows)]


def _outputs(model: Estimator, of: str) -> list[Output]:
    """What is explained, once for every replicate."""
    ensemble = model.ensemble_
    if of == "latent":
        if model.consensus_ is not None:
            return [model.consensus_.output]
        net = ensemble.nets[0]
        return [lambda x, seen: net.encode(net.prepare(x, seen)).mean]
    members = range(1, len(ensemble.states))
    return [ensemble.stack(of, [k]).evidence for k in members]


def _integrate(
    model: Estimator,
    values: dict[str, np.ndarray],
    jobs: list[tuple[str, np.ndarray, np.ndarray]],
    outputs: list[Output],
    n_steps: int,
) -> tuple[list[Explained], tuple[float, float]]:
    """Integrated gradients of every group under every replicate."""
    from captum.attr import IntegratedGradients

    names = list(model.layers_)
    explained = [
        Explained(group, rows, {n: values[n][rows] for n in names}, []) for group, rows, _ in jobs
    ]
    worst, total_gap, total = 0.0, 0.0, 0.0
    with single_thread():
        for output in progress(outputs, desc="attributing"):

            def forward(*tensors: Tensor, output: Output = output) -> Tensor:
                half = len(tensors) // 2
                x = dict(zip(names, tensors[:half], strict=True))
                seen = dict(zip(names, tensors[half:], strict=True))
                # Parts of weight 0 are left out: a layer that only they read must still be an input.
                return output(x, seen) + 0.0 * sum(part.sum() for part in tensors[:half])

            captum = IntegratedGradients(forward)
            for item, (_, rows, which) in zip(explained, jobs, strict=True):
                x, seen, base = _inputs(model, values, names, rows)
                result, delta = captum.attribute(
                    x,
                    baselines=base,
                    target=torch.as_tensor(which),
                    additional_forward_args=seen,
                    n_steps=n_steps,
                    internal_batch_size=max(_ROWS_AT_ONCE, len(rows)),
                    return_convergence_delta=True,
                )
                item.replicates.append({n: a.numpy() for n, a in zip(names, result, strict=True)})
                moved = sum(a.sum(dim=1) for a in result) - delta
                worst = max(worst, float(delta.abs().max()))
                total_gap += float(delta.abs().sum())
                total += float(moved.abs().sum())
    return explained, (worst, total_gap / max(total, 1e-12))


def _inputs(
    model: Estimator, values: dict[str, np.ndarray], names: list[str], rows: np.ndarray
) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...], tuple[Any, ...]]:
    """Inputs with the baseline where nothing was measured, what was measured, and the baseline."""
    x, seen, base = [], [], []
    for name in names:
        baseline = torch.tensor(model.baseline_[name], dtype=torch.float32)
        part = torch.tensor(values[name][rows])
        measured = ~part.isnan()
        x.append(torch.where(measured, part, baseline))
        seen.append(measured)
        base.append(baseline.expand_as(part).contiguous())
    return tuple(x), tuple(seen), tuple(base)
