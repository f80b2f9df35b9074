"""In-silico perturbation: change genes, metabolites or pathways, and see what a fitted model says then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pathweave._core.checks import check_mudata, check_obs_column, listed
from pathweave._core.perturbation_results import Perturbation
from pathweave._core.progress import progress
from pathweave._core.version import VERSION
from pathweave.explain._arguments import check_whole
from pathweave.explain._outputs import groups_of
from pathweave.explain._perturbation.edits import change_table, read_edits
from pathweave.explain._perturbation.names import Names
from pathweave.explain._perturbation.outputs import Voice
from pathweave.explain._perturbation.run import GroupRun, run_group
from pathweave.explain._perturbation.scale import layer_scales
from pathweave.explain._perturbation.tables import output_tables
from pathweave.explain._perturbation.words import told

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mudata import MuData

    from pathweave.models import Estimator


def perturb(
    mdata: MuData,
    model: Estimator,
    changes: Mapping[str, Any],
    *,
    layers: Sequence[str] | str | None = None,
    groupby: str | None = None,
    n_boot: int = 200,
    n_null: int = 50,
    batch_size: int = 256,
    seed: int = 0,
) -> Perturbation:
    """Change genes, metabolites or pathways in samples, and ask a fitted model again.

    A perturbation asks the model, not the cell. What moves shows which values the model relies on, and what went
    together in the training samples; correlation, not causation.

    What a change means depends on what a layer measures:

    - ``"knockout"``: nothing is left of it. Expression, proteins, metabolites, miRNA: 0 where the layer begins
      at 0 (counts, logs of counts), else (centred, standardised or log intensities) the feature's lowest value among
      the training samples. Copy number: the lowest value among the training samples, too. Methylation and mutations stay
      as they are, since a knockout silences expression, not a CpG, unless the layer is named: then a CpG gets its
      highest value among the training samples (silenced), and a mutation 1 (mutated, whatever that does to the gene).
    - ``"lowest"``, ``"highest"``, ``"mean"``: that value of the feature among the training samples.
    - a number, or ``("scale", factor)``: a multiple. Of counts, and of layers that `pathweave.pp.normalize` logged, the
      amount is multiplied, of all others the value as it stands (of a log or a z score hardly what you want:
      use ``("shift", 1.0)``, which is twice as much on a log2 scale).
    - ``("set", value)``, ``("shift", difference)``, ``("clamp", low, high)`` (``None``: open): in the units of ``mod.X``.
    - ``{"layer": change, ...}``: one of these by layer, such as ``{"cnv": ("set", -2), "rna": "lowest"}``.

    Of counts the library size of a sample stays what it was, shares stay between 0 and 1. A feature that stands for
    several genes (an antibody, a probe) is moved by their share of it. A value that was not measured is not made up: samples
    without any of the features are left out, and have NaN in ``samples``. Of models over time the present sample
    is changed, not the earlier ones.

    Parameters
    ----------
    mdata
        Samples to change; they are copied, never written to.
    model
        Fitted model.
    changes
        From names to changes. Names are symbols or other identifiers of genes (``"TP53"``, ``"hgnc:11998"``), ids of
        compounds or pathways (``"R-HSA-69541"``: all measured members), or names of features.
    layers
        Layers to change; all that measure it by default.
    groupby
        Column of ``mdata.obs``: shifts by group of samples.
    n_boot
        Bootstrap draws of samples for the intervals.
    n_null
        How many sets of random features, of the same layers and changed by as many standard deviations, the
        effect is compared with, in at most 100 samples; 0 for none.
    batch_size
        Samples that are computed at once. The numbers do not depend on it but for rounding.
    seed
        Seed of all draws.

    Returns
    -------
    Tables with ``group``, before, after, shift (mean over the samples), se (standard error over the networks of the
    ensemble; linear parts are the same in all, so it tells how far the networks agree; NaN where none takes
    part), low and high (95 % interval, samples bootstrapped):

    - ``outputs``: target, output, unit (``"probability"`` and ``"log odds"`` of every class, ``"log hazard"``, or units
      of the target), effect (mean absolute shift), up (share of samples in which it rises), p_random (share
      of random feature sets with such an effect or more; NaN where a layer has too few others), n_samples.
    - ``latent``: every dimension, and ``"distance"``, how far a sample moves; sds in standard deviations over samples.
    - ``pathway``: activities, in standard deviations of the training samples.
    - ``layer``: features as the networks decode them, whether or not they were changed, in the units that the
      model reads (counts as logs for the median library); sds, and rank by it.
    - ``changes``: layer, feature, of, change, before, after, sds (root mean square change), low and high among the training
      samples, outside (share of samples that end beyond them, where the model was never taught), n_samples.
    - ``samples``: every output of every sample.

    ``params`` and ``verdict``, in words.

    Raises
    ------
    KeyError
        If a name is unknown, or a gene in no layer of the model.
    ValueError
        If a change is unknown, a layer does not measure a gene, or no sample has any of the features.

    References
    ----------
    What such a question can and cannot answer: Pearl and Mackenzie, The Book of Why, 2018, chapter 1 (seeing is not
    doing); Ahlmann-Eltze, Huber and Anders, Nature Methods 22 (2025): deep models do not yet predict perturbations
    better than linear ones.

    Examples
    --------
    >>> import pathweave as pw
    >>> mdata = pw.datasets.simulate(60, seed=1)
    >>> model = pw.models.PathwayVAE(8, max_epochs=3, n_folds=3).fit(mdata, target="class")
    >>> gene = mdata["rna"].var_names[0]
    >>> found = pw.explain.perturb(mdata, model, {gene: "lowest"}, n_null=20)
    >>> found.outputs["unit"].tolist()
    ['probability', 'probability', 'log odds', 'log odds']
    """
    check_mudata(mdata)
    model._need_fit()
    check_whole(0, n_boot=n_boot, n_null=n_null)
    check_whole(1, batch_size=batch_size)
    if groupby is not None:
        check_obs_column(mdata.obs, "groupby", groupby)
    raw = model._read_raw(mdata)
    values = {name: model.layers_[name].inputs(x) for name, x in raw.items()}
    scales, names = layer_scales(mdata, model, raw), Names(model)
    edits, units = read_edits(changes, names, scales, layers)
    usable = edits.usable(values, np.arange(mdata.n_obs))
    if not usable.any():
        msg = f"changes names {listed(changes)}: no sample has a value of it in {listed(edits.positions())}."
        raise ValueError(msg)
    masks = {"all": np.ones(mdata.n_obs, bool)} if groupby is None else groups_of(mdata, groupby)
    chosen = {group: np.flatnonzero(mask & usable) for group, mask in masks.items()}
    obs = mdata.obs_names.astype(str).to_numpy()
    runs = [GroupRun(group, rows, obs[rows]) for group, rows in chosen.items() if len(rows)]
    if not runs:
        msg = f"groupby={groupby!r}: no sample with a value of what is changed belongs to a group."
        raise ValueError(msg)
    voice = Voice(model, tuple(model.targets_))
    for i, run in enumerate(progress(runs, desc="perturbing")):
        run_group(
            voice, values, edits, run,
            n_boot=n_boot, n_null=n_null, batch_size=batch_size, seed=[seed, i],
        )  # fmt: skip
    rows = np.concatenate([run.rows for run in runs])
    tables = output_tables(voice, runs, edits, mdata.obs_names)
    changed = change_table(edits, values, rows, units)
    params: dict[str, Any] = {
        "changes": {str(name): _spelled(given) for name, given in changes.items()},
        "units": {u.name: {"label": u.label, "kind": u.kind} for u in units},
        "layers": None if layers is None else list(edits.positions()),
        "groupby": groupby,
        "n_samples": {run.group: len(run.rows) for run in runs},
        "n_left_out": int(mdata.n_obs - len(rows)),
        "n_members": max(1, len(model.ensemble_.states) - 1),
        "n_boot": n_boot,
        "n_null": n_null,
        "model": type(model).__name__,
        "graph_digest": model.graph_digest_,
        "seed": seed,
        "version": VERSION,
    }
    return Perturbation(
        changes=changed, **tables, params=params, verdict=told(changed, tables, params)
    )


def _spelled(given: Any) -> Any:
    """Write a change so that JSON can hold it."""
    if hasattr(given, "items"):
        return {str(layer): _spelled(change) for layer, change in given.items()}
    if isinstance(given, (tuple, list)):
        return [part if isinstance(part, str) or part is None else float(part) for part in given]
    return given if isinstance(given, str) else float(given)
