"""What is explained: which output of a model, in which samples, once for every replicate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from pathweave._core.checks import check_choice, listed
from pathweave.explain._names import by_short_name, the_one

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mudata import MuData
    from torch import Tensor

    from pathweave.models import Estimator
    from pathweave.nn import PathwayVAENet
    from pathweave.nn.stack import Stack

    Output = Callable[[dict[str, Tensor], dict[str, Tensor]], Tensor]

UNITS = {
    "class": "log odds",
    "contrast": "log ratio of two classes",
    "survival": "log hazard",
    "number": "units of the target",
    "latent": "units of the latent",
    "distance": "units of the latent",
    "pathway": "standard deviations of the activity",
}


@dataclass(frozen=True)
class Job:
    """One group: its samples, and the column of the output that is explained in each."""

    group: str
    rows: np.ndarray
    which: np.ndarray


@dataclass(frozen=True)
class Question:
    """An output of a model and the samples in which it is explained.

    Attributes
    ----------
    of, task
        Name of the output, and what it is (a key of `UNITS`).
    jobs
        The groups.
    outputs
        The output under every replicate, a function of values and of what was measured, (n, n_columns).
    whole
        The output of the model as it predicts.
    nets
        The network of every replicate; empty where none takes part.
    """

    of: str
    task: str
    jobs: list[Job]
    outputs: list[Output]
    whole: Output
    nets: list[PathwayVAENet]


@dataclass(frozen=True)
class _Asked:
    """What the caller asked for, checked."""

    mdata: MuData
    model: Estimator
    values: dict[str, np.ndarray]
    groupby: str | None
    draw: Callable[[np.ndarray], np.ndarray]
    network_only: bool


def ask(
    mdata: MuData,
    model: Estimator,
    values: dict[str, np.ndarray],
    *,
    of: str | None,
    contrast: Sequence[str] | None,
    groupby: str | None,
    reference: tuple[str, str] | None,
    max_samples: int,
    rng: np.random.Generator,
    network_only: bool = False,
) -> Question:
    """Find the output that is meant, its groups of samples, and its functions."""
    usable = ~np.all([np.isnan(x).all(axis=1) for x in values.values()], axis=0)

    def draw(mask: np.ndarray) -> np.ndarray:
        rows = np.flatnonzero(mask & usable)
        if len(rows) <= max_samples:
            return rows
        return np.sort(rng.choice(rows, max_samples, replace=False))

    asked = _Asked(mdata, model, values, groupby, draw, network_only)
    latent = [f"Z{z + 1}" for z in range(model.n_latent)]
    pathways = by_short_name(model.pathways_) | {name: [name] for name in model.pathways_}
    chosen = next(iter(model.targets_), "latent") if of is None else str(of)
    if contrast is not None:
        return _contrast(asked, of, contrast)
    if chosen in model.targets_:
        return _target(asked, chosen)
    if chosen in {"latent", *latent}:
        return _latent(asked, chosen, latent)
    if chosen == "distance":
        return _distance(asked, reference)
    if chosen in pathways:
        return _pathway(asked, the_one("of", chosen, pathways[chosen]))
    known = [*model.targets_, "latent", latent[0], "...", latent[-1], "distance"]
    many = f", or one of {len(model.pathways_)} pathways ({listed(model.pathways_, 2)})"
    msg = (
        f"of={chosen!r} is not known; choose one of {listed(known, 20)}{many if pathways else ''}."
    )
    raise ValueError(msg)


def groups_of(mdata: MuData, groupby: str) -> dict[str, np.ndarray]:
    """Mask of the samples of every group of a column."""
    labels = mdata.obs[groupby].astype(object).to_numpy()
    known = mdata.obs[groupby].notna().to_numpy()
    names = sorted({str(v) for v in labels[known]})
    return {name: known & (labels.astype(str) == name) for name in names}


def _jobs(asked: _Asked, otherwise: str) -> list[Job]:
    """Groups of the column, or all samples; the first column of the output is explained."""
    everyone = {otherwise: np.ones(asked.mdata.n_obs, bool)}
    masks = everyone if asked.groupby is None else groups_of(asked.mdata, asked.groupby)
    drawn = {name: asked.draw(mask) for name, mask in masks.items()}
    return [Job(name, rows, np.zeros(len(rows), int)) for name, rows in drawn.items() if len(rows)]


def _stacks(asked: _Asked, of: str) -> tuple[list[Stack], Stack]:
    """The prediction with every network of the ensemble alone, and with all."""
    from pathweave.nn.stack import Stack

    ensemble = asked.model.ensemble_
    members = range(1, len(ensemble.states))
    if not asked.network_only:
        return [ensemble.stack(of, [k]) for k in members], ensemble.stack(of)
    task = ensemble.parts[of].task
    alone = [Stack([ensemble.deep_part(of, [k])], [1.0], task).eval() for k in members]
    return alone, Stack([ensemble.deep_part(of)], [1.0], task).eval()


def _labels(asked: _Asked, of: str) -> np.ndarray:
    """Class position of every sample: as labelled where it is, as predicted where not."""
    target = asked.model.targets_[of]
    own: np.ndarray = asked.model.ensemble_.predict(of, asked.values).argmax(axis=1).astype(float)
    if set(target.columns) <= set(asked.mdata.obs.columns):
        labels = target.encode(asked.mdata.obs)[:, 0]
        own = np.where(np.isnan(labels), own, labels)
    return own


def _target(asked: _Asked, of: str) -> Question:
    target = asked.model.targets_[of]
    alone, whole = _stacks(asked, of)
    if target.task != "class":
        jobs = _jobs(asked, of)
    elif asked.groupby is None or (asked.groupby,) == target.columns:
        own = _labels(asked, of)
        plan = [(name, asked.draw(own == i), i) for i, name in enumerate(target.classes)]
        jobs = [Job(name, rows, np.full(len(rows), i)) for name, rows, i in plan if len(rows)]
    else:
        predicted = asked.model.ensemble_.predict(of, asked.values).argmax(axis=1)
        jobs = [Job(job.group, job.rows, predicted[job.rows]) for job in _jobs(asked, of)]
    outputs: list[Output] = [stack.evidence for stack in alone]
    return Question(of, target.task, jobs, outputs, whole.evidence, asked.model.ensemble_.nets[1:])


def _contrast(asked: _Asked, of: str | None, contrast: Sequence[str]) -> Question:
    targets = asked.model.targets_
    pair = [contrast] if isinstance(contrast, str) else [str(name) for name in contrast]
    if len(pair) != 2 or pair[0] == pair[1]:
        msg = f"contrast={contrast!r} must name two classes, such as ('LumA', 'Basal')."
        raise ValueError(msg)
    able = [name for name, t in targets.items() if t.task == "class" and of in (None, name)]
    if not able:
        msg = f"contrast={contrast!r} needs a target with classes, and of={of!r} is none; targets: {listed(targets)}."
        raise ValueError(msg)
    chosen = next((name for name in able if set(pair) <= set(targets[name].classes)), able[0])
    classes = targets[chosen].classes
    for name in pair:
        check_choice("contrast", name, classes)
    a, b = (classes.index(name) for name in pair)
    alone, whole = _stacks(asked, chosen)

    def between(stack: Stack) -> Output:
        def output(x: dict[str, Tensor], seen: dict[str, Tensor]) -> Tensor:
            log_p = stack(x, seen)
            return log_p[:, a : a + 1] - log_p[:, b : b + 1]

        return output

    name = f"{pair[0]} against {pair[1]}"
    jobs = _jobs(asked, name)
    if asked.groupby is None:
        rows = asked.draw(np.isin(_labels(asked, chosen), [a, b]))
        jobs = [Job(name, rows, np.zeros(len(rows), int))] if len(rows) else []
    outputs = [between(stack) for stack in alone]
    return Question(
        chosen, "contrast", jobs, outputs, between(whole), asked.model.ensemble_.nets[1:]
    )


def _embedding(asked: _Asked) -> tuple[Output, list[PathwayVAENet]]:
    """The latent that `embed` gives, and the network behind it."""
    model = asked.model
    if model.consensus_ is not None and not asked.network_only:
        return model.consensus_.output, []
    net = model.ensemble_.nets[0]
    return (lambda x, seen: net.encode(net.prepare(x, seen)).mean), [net]


def _latent(asked: _Asked, of: str, names: list[str]) -> Question:
    output, nets = _embedding(asked)
    if of == "latent":
        rows = asked.draw(np.ones(asked.mdata.n_obs, bool))
        jobs = [Job(name, rows, np.full(len(rows), z)) for z, name in enumerate(names) if len(rows)]
    else:
        z = names.index(of)
        jobs = [Job(j.group, j.rows, np.full(len(j.rows), z)) for j in _jobs(asked, of)]
    return Question(of, "latent", jobs, [output], output, nets)


def _distance(asked: _Asked, reference: tuple[str, str] | None) -> Question:
    r"""How far along the way from the centre of the reference to the centre of its group a sample lies.

    .. math:: f_g(x) = (z(x) - c_0) \cdot (c_g - c_0) / \lVert c_g - c_0 \rVert

    Its mean over the samples of the group is the distance of the two centres, and unlike a norm it is smooth
    at the reference.
    """
    if reference is None or asked.groupby is None:
        msg = (
            f"of='distance' needs groupby= (found {asked.groupby!r}) and reference= (found {reference!r}): the groups, "
            "and the one from whose centre the distance is taken, such as groupby='stage', reference=('stage', 'I')."
        )
        raise ValueError(msg)
    output, nets = _embedding(asked)
    here = groups_of(asked.mdata, reference[0])[str(reference[1])]
    consensus = None if asked.network_only else asked.model.consensus_
    embed = asked.model.ensemble_.latent if consensus is None else consensus.embed
    z = embed(asked.values)
    start = np.nanmean(z[here], axis=0)
    axes: list[np.ndarray] = []
    jobs: list[Job] = []
    for name, mask in groups_of(asked.mdata, asked.groupby).items():
        rows = asked.draw(mask & ~here)
        if len(rows):
            way = np.nanmean(z[mask & ~here], axis=0) - start
            axes.append(way / max(float(np.linalg.norm(way)), 1e-12))
            jobs.append(Job(name, rows, np.full(len(rows), len(jobs))))
    ways = torch.tensor(np.array(axes).reshape(len(axes), -1), dtype=torch.float32)
    origin = torch.tensor(start, dtype=torch.float32)

    def along(x: dict[str, Tensor], seen: dict[str, Tensor]) -> Tensor:
        return (output(x, seen) - origin) @ ways.T

    return Question("distance", "distance", jobs, [along], along, nets)


def _pathway(asked: _Asked, pathway: str) -> Question:
    """The activity of one pathway, as `pathway_activity` gives it."""
    if asked.network_only:
        msg = f"of={pathway!r} is a pathway, and this method explains by pathways; choose a target or the latent."
        raise ValueError(msg)
    ensemble: Any = asked.model.ensemble_
    position = asked.model.pathways_.index(pathway)
    net = ensemble.nets[0]
    sign = 1.0 if ensemble.signs is None else float(ensemble.signs[position])
    center, spread = (float(unit[position]) for unit in ensemble.activity_units)

    def output(x: dict[str, Tensor], seen: dict[str, Tensor]) -> Tensor:
        prepared = net.prepare(x, seen)
        raw = net.activity(prepared, prepared.present)[:, position : position + 1]
        return (raw - center) / spread * sign

    jobs = _jobs(asked, pathway)
    return Question(pathway, "pathway", jobs, [output], output, [net])
