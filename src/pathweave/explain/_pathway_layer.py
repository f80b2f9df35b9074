"""Attributions of the pathway activities inside the networks: conductance, and gradient times activity."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from pathweave.explain._paths import Batch, Settings, difference, flat
from pathweave.explain._units import nodes_measured

if TYPE_CHECKING:
    from pathweave.explain._baselines import Baseline
    from pathweave.explain._outputs import Output
    from pathweave.models import Estimator
    from pathweave.nn import PathwayVAENet


def check_pathway_layer(model: Estimator, method: str) -> None:
    """Raise unless the networks of a model have pathway activities."""
    if not model.pathways_:
        msg = (
            f"method={method!r} explains by the pathway activities inside the networks, and this model has none; "
            "fit a PathwayVAE or PathwayGNN with a graph, or use 'integrated_gradients'."
        )
        raise ValueError(msg)


def conductance(
    output: Output, net: PathwayVAENet, batch: Batch, bases: list[Baseline], settings: Settings
) -> tuple[np.ndarray, np.ndarray]:
    """Conductance of every activity (n, n_pathways), and what of the difference does not pass through them (n,)."""
    from captum.attr import LayerConductance

    captum = LayerConductance(flat(output, list(batch.values)), net.levels)
    total: np.ndarray | float = 0.0
    for baseline in bases:
        x, base = batch.against(baseline)
        found = captum.attribute(
            tuple(x.values()),
            baselines=tuple(b.contiguous() for b in base.values()),
            target=batch.which,
            additional_forward_args=tuple(batch.seen.values()),
            n_steps=settings.n_steps,
        )
        total = total + found.detach().double().numpy() / len(bases)
    total = np.asarray(total)
    return total, difference(output, batch, bases) - total.sum(axis=1)


def grad_cam(output: Output, net: PathwayVAENet, batch: Batch, baseline: Baseline) -> np.ndarray:
    """Gradient times activity, (n, n_pathways): Grad-CAM where every pathway is a channel of one place."""
    from captum.attr import LayerGradCam

    captum = LayerGradCam(flat(output, list(batch.values)), net.levels)
    x, _ = batch.against(baseline)
    found = captum.attribute(
        tuple(value.requires_grad_() for value in x.values()),
        target=batch.which,
        additional_forward_args=tuple(batch.seen.values()),
        attr_dim_summation=False,
    )
    return np.asarray(found.detach().double().numpy())


@torch.no_grad()
def member_means(model: Estimator, batch: Batch) -> np.ndarray:
    """Mean of the members of every pathway (n, n_pathways), in standard deviations; NaN where none was measured."""
    ensemble, graph = model.ensemble_, model.ensemble_.graph
    x = {name: value.nan_to_num() for name, value in batch.values.items()}
    nodes = ensemble.nets[0].prepare(x, batch.seen).nodes
    means = np.asarray(ensemble._member_means(nodes).double().numpy())
    if graph is None:
        return means
    seen = {name: value.numpy() for name, value in batch.seen.items()}
    has = nodes_measured(seen, graph.feature_maps)
    known = np.stack([has[:, members].any(axis=1) for members in graph.reach], axis=1)
    return np.where(known, means, np.nan)
