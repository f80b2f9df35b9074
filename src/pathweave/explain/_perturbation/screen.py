"""A screen: the same change of every gene, one at a time, ranked by what it does to an output of the model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pathweave._core.checks import check_choice, check_mudata, listed, names_of
from pathweave._core.perturbation_results import PerturbationScreen
from pathweave._core.progress import progress
from pathweave._core.stability import rank_stability
from pathweave._core.version import VERSION
from pathweave.explain._arguments import check_whole
from pathweave.explain._outputs import UNITS
from pathweave.explain._perturbation.batches import shifts
from pathweave.explain._perturbation.change import Change, read_change
from pathweave.explain._perturbation.edits import make_edits, read_layers
from pathweave.explain._perturbation.names import LEVELS, Names
from pathweave.explain._perturbation.scale import layer_scales
from pathweave.explain._perturbation.screening import (
    Random,
    Screened,
    Summary,
    Watched,
    draw_random,
    screen_table,
)
from pathweave.explain._perturbation.words import screen_told

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mudata import MuData

    from pathweave.explain._perturbation.edits import Edits, Values
    from pathweave.explain._perturbation.names import Unit
    from pathweave.explain._perturbation.scale import LayerScale
    from pathweave.models import Estimator


def perturb_screen(
    mdata: MuData,
    model: Estimator,
    change: Any = "knockout",
    *,
    units: str | Sequence[str] = "gene",
    of: str | None = None,
    layers: Sequence[str] | str | None = None,
    max_samples: int = 100,
    n_boot: int = 200,
    n_null: int = 200,
    batch_size: int = 512,
    seed: int = 0,
) -> PerturbationScreen:
    """Change every gene, one at a time, and rank genes by what that does to an output.

    Each row is what `perturb` says of that gene alone in the same samples. As there, the model is asked, not the cell.

    Parameters
    ----------
    mdata
        Samples to change; they are copied, never written to.
    model
        Fitted model.
    change
        What is done to each, as in `perturb`: ``"knockout"``, ``"highest"``, a factor, ``("set", value)`` ...
    units
        ``"gene"`` (every measured gene and compound), ``"pathway"`` (all measured members together), ``"feature"``, or
        names of some.
    of
        A target of the model, or ``"latent"`` (how far samples move in it); the first target by default, the latent
        without one. Of classes the log odds are looked at (of two, those of the second), of survival the log hazard.
    layers
        Layers to change; all by default.
    max_samples
        At most so many samples, drawn at random.
    n_boot
        Bootstrap draws of samples for the intervals.
    n_null
        Sets of random features for each combination of layers; 0 for none.
    batch_size
        Changed samples that are computed at once: memory is bounded by it. The numbers do not depend on it but for
        rounding.
    seed
        Seed of all draws.

    Returns
    -------
    ``table``, the largest effect first: group (class, or the target), name, symbol, kind, layers, n_features, sds (size of the
    change: root of the summed mean squares over features, in standard deviations of the training samples), shift
    (mean over the samples that have it), se (standard error over the networks of the ensemble; NaN where none takes
    part), low and high (95 % interval, samples bootstrapped), effect (mean absolute shift),
    per_sd (effect over sds: a large pathway leads by effect because much is changed), p_random, n_samples, rank.

    ``p_random`` tells a large change from a feature that matters: it is the share of sets of random features of the same
    layers (the half of `n_null` nearest in size), moved in the same way, with as much effect for their size. By
    chance it is below .05 for 5 % of the genes. It compares features of one model, and is no test of association with
    the outcome: for that there is `test_pathways`.

    ``params`` (with ``stability``: mean Kendall tau of the effects between the networks; linear parts, which they share,
    make it high) and ``verdict``, in words.

    References
    ----------
    Screens of a fitted model by deletion in silico: Theodoris et al., Nature 618 (2023).

    Examples
    --------
    >>> import pathweave as pw
    >>> mdata = pw.datasets.simulate(60, seed=1)
    >>> model = pw.models.MultimodalVAE(8, max_epochs=3, n_folds=3).fit(mdata, target="outcome")
    >>> genes = list(mdata["rna"].var_names[:5])
    >>> screen = pw.explain.perturb_screen(mdata, model, "lowest", units=genes, n_null=0)
    >>> screen.table["rank"].tolist()
    [1, 2, 3, 4, 5]
    """
    check_mudata(mdata)
    model._need_fit()
    check_whole(0, n_boot=n_boot, n_null=n_null)
    check_whole(1, max_samples=max_samples, batch_size=batch_size)
    target = next(iter(model.targets_), "latent") if of is None else of
    check_choice("of", target, [*model.targets_, "latent"])
    raw = model._read_raw(mdata)
    values = {name: model.layers_[name].inputs(x) for name, x in raw.items()}
    scales = layer_scales(mdata, model, raw)
    wanted = read_layers(layers, scales)
    what = read_change("every unit", change)
    candidates, level = _units(Names(model), units)
    rows = _draw(mdata, values, max_samples, np.random.default_rng(seed))
    screened = []
    for unit in candidates:
        edits = _edits(unit, what, scales, wanted)
        item = None if edits is None else Screened.of(unit, edits, values, rows)
        screened += [] if item is None else [item]
    if not screened:
        msg = (
            f"change={change!r} of units={units!r} touches nothing that these samples have in "
            f"{'any layer (a knockout leaves methylation and mutations alone)' if wanted is None else listed(wanted)}."
        )
        raise ValueError(msg)
    random = draw_random(screened, values, n_null, np.random.default_rng([seed, 2]))
    watched = Watched.of(model, target, values, rows, batch_size)
    every: list[Screened | Random] = [*screened, *random]
    tasks = (item.task(values) for item in every)
    said = shifts(watched.voice, watched.part, values, watched.before, tasks, batch_size)
    found: list[Summary] = []
    effects: list[np.ndarray] = []
    names = mdata.obs_names.astype(str).to_numpy()
    for shift, mean in progress(said, desc="perturbing", total=len(screened) + len(random)):
        own = watched.shift(shift)
        if len(found) < len(screened):
            of_rows = names[screened[len(found)].rows]
            members = watched.members(mean)
            found.append(Summary.of(own, members, of_rows, n_boot=n_boot, seed=seed))
        else:
            effects.append(np.abs(own).mean(axis=0))
    table = screen_table(watched, screened, found, random, effects)
    params: dict[str, Any] = {
        "of": target,
        "task": watched.task,
        "unit": UNITS[watched.task],
        "change": str(what) if isinstance(what, Change) else {n: str(c) for n, c in what.items()},
        "units": level,
        "layers": wanted,
        "n_units": len(screened),
        "n_skipped": len(candidates) - len(screened),
        "n_samples": len(rows),
        "n_members": len(found[0].members),
        "stability": _stability(watched.groups, found),
        "n_boot": n_boot,
        "n_null": n_null,
        "model": type(model).__name__,
        "graph_digest": model.graph_digest_,
        "seed": seed,
        "version": VERSION,
    }
    return PerturbationScreen(table, params, screen_told(table, params))


def _units(names: Names, units: str | Sequence[str]) -> tuple[list[Unit], str]:
    """Every unit of a level, or those that are named."""
    if isinstance(units, str) and units in LEVELS:
        found = names.every(units)
        if not found:
            msg = f"units={units!r}: the model knows none; use units='feature'."
            raise ValueError(msg)
        return found, units
    asked = [
        str(name) for name in names_of("units", units, "a level, or genes, pathways or features")
    ]
    if not asked or len(set(asked)) < len(asked):
        msg = f"units={asked!r} must be one of {listed(LEVELS)}, or name some genes, pathways or features, each once."
        raise ValueError(msg)
    return [names.find(name) for name in asked], "named"


def _edits(
    unit: Unit,
    what: Change | dict[str, Change],
    scales: dict[str, LayerScale],
    wanted: list[str] | None,
) -> Edits | None:
    """What is done to one unit; ``None`` where the change is for none of its layers."""
    named = isinstance(what, dict) or wanted is not None
    asked = what if isinstance(what, dict) else dict.fromkeys(unit.shares, what)
    own = {
        layer: change
        for layer, change in asked.items()
        if layer in unit.shares
        and (wanted is None or layer in wanted)
        and change.touches(scales[layer], named=named)
    }
    return make_edits([(unit, own)], scales, None) if own else None


def _draw(mdata: MuData, values: Values, most: int, rng: np.random.Generator) -> np.ndarray:
    """Positions of some samples that have a layer; which ones does not depend on their order."""
    usable = ~np.all([np.isnan(x).all(axis=1) for x in values.values()], axis=0)
    rows = np.flatnonzero(usable)
    rows = rows[np.argsort(mdata.obs_names.astype(str).to_numpy()[rows], kind="stable")]
    return np.sort(rng.choice(rows, most, replace=False) if len(rows) > most else rows)


def _stability(groups: list[str], found: list[Summary]) -> dict[str, float]:
    """Mean Kendall tau of the units' effects between the networks, by group."""
    members = np.abs(np.array([summary.members for summary in found]))
    able = len(found) > 2 and members.shape[1] > 1 and bool(np.isfinite(members).all())
    return {
        group: rank_stability(members[:, :, g].T) if able else float("nan")
        for g, group in enumerate(groups)
    }
