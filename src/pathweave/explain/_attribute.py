"""Attributions of a fitted model per feature, gene, pathway and layer, by one of several methods."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from pathweave._core.checks import check_choice, check_mudata, check_obs_column
from pathweave._core.results import Attributions
from pathweave._core.version import VERSION
from pathweave.explain._arguments import check_whole
from pathweave.explain._baselines import baselines
from pathweave.explain._few_samples import warn_of_few
from pathweave.explain._null_refits import LEAST, refit_statistics, used_at_all, with_p
from pathweave.explain._outputs import UNITS, ask
from pathweave.explain._pathway_layer import check_pathway_layer
from pathweave.explain._refits import check_refits
from pathweave.explain._samples import SampleCollector
from pathweave.explain._tables import attribution_tables, joined
from pathweave.explain._unit_tables import ExplainedUnits, unit_tables
from pathweave.explain._units import read_units
from pathweave.explain._work import BY_PATHWAY_LAYER, BY_VALUE, Work

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from mudata import MuData

    from pathweave.models import Estimator

Method = Literal[
    "integrated_gradients", "gradient_shap", "deeplift", "feature_ablation", "shapley_sampling",
    "conductance", "grad_cam",
]  # fmt: skip

_STEPS = {
    "integrated_gradients": 16,
    "gradient_shap": 64,
    "conductance": 64,
    "shapley_sampling": 25,
}
_N_BASELINES = {"gradient_shap": 16}


def attribute(  # noqa: PLR0913  # named one by one, as in cross_validate
    mdata: MuData,
    model: Estimator,
    *,
    of: str | None = None,
    contrast: Sequence[str] | None = None,
    groupby: str | None = None,
    method: Method = "integrated_gradients",
    units: str | Sequence[str] = "layer",
    reference: tuple[str, str] | None = None,
    n_baselines: int | None = None,
    n_steps: int | None = None,
    max_samples: int = 100,
    keep_samples: bool = False,
    n_null: int = 0,
    batch_size: int = 512,
    seed: int = 0,
) -> Attributions:
    r"""Explain what a model predicts, its latent or a pathway's activity.

    For sample x and baseline b (the mean of the training samples) a feature's integrated gradient is

    .. math:: (x_i - b_i) \int_0^1 \partial_i f(b + t (x - b)) \, dt

    so that the attributions of a sample add up to f(x) - f(b). What is explained is the whole prediction,
    linear parts and networks together: of every replicate (the stack with one network of the ensemble), and the mean
    over them. For classes, whose probabilities the ensemble averages, f is so the mean of the replicates' log odds. A
    value that was not measured gets no attribution, and its sample has no say in the means of what it belongs to.

    Parameters
    ----------
    mdata
        Samples to explain.
    model
        Fitted model.
    of
        A target of the model; ``"latent"`` (every dimension) or one of its dimensions, such as ``"Z3"``;
        ``"distance"``, how far samples of each group lie from the centre of `reference` along the way to the centre
        of their group in the latent (its mean is the distance of the centres); or the id of a pathway, whose
        activity is explained. The first target by default, the latent without one. Of classes the log odds are
        explained, of survival the log hazard, of numbers their value.
    contrast
        Two classes (a, b) of the target: log p(a) - log p(b) is explained, in the samples of both by default.
    groupby
        Column of ``mdata.obs``. By default every class is explained in its own samples, and anything
        else in all samples together. With another column, samples of each group are explained together
        (for classes: the log odds of the class predicted for the sample).
    method
        - ``"integrated_gradients"``: as above, for everything differentiable; exact up to the quadrature.
        - ``"gradient_shap"``: the gradient at random points on the ways from many baselines, an estimate of
          SHAP values where features hardly interact; noisy with few `n_steps`, which shows in the completeness gap.
        - ``"deeplift"``: only where it is right. It has rules for some modules; what else a model does (GELU, the
          product of experts, kernels, pooled probabilities) breaks it, and then it is refused.
        - ``"feature_ablation"``: what the output loses when all features of a unit are set to the baseline. No
          gradients; what two units carry both is given to neither.
        - ``"shapley_sampling"``: a unit's mean gain over orders of all units; shares out what units carry together.
          For some tens of units at most.
        - ``"conductance"``: how much of the networks' output passes through the activity of each pathway. Only
          the networks are explained, and encoders beside the graph pass by: ``params["past_the_pathways"]`` says
          how much.
        - ``"grad_cam"``: gradient times activity of each pathway in the networks. Local, without a baseline.
    units
        For ablation and Shapley values: ``"layer"``, ``"gene"`` or ``"pathway"``, or names of some of one level
        (genes by symbol or node id). Genes and pathways take all their features of all layers with them.
    reference
        A column of ``mdata.obs`` and a label: baselines are these samples instead of the training samples.
    n_baselines
        1 for their mean, more for so many samples of them, over which attributions are averaged. By default
        16 for gradient SHAP and 1 otherwise.
    n_steps
        Points of the Gauss-Legendre quadrature along the path (16 by default), steps of conductance (64), draws of
        gradient SHAP (64), orders of Shapley sampling (25; exact where there are no more).
    max_samples
        At most so many samples a group, drawn at random.
    keep_samples
        Keep the attributions of every sample, too.
    n_null
        How often the model is fitted again, with its own settings, to outcomes that changed places among its training
        samples, and attributed in the same way, for p and q; none by default, 20 are usual. It takes as long as so many
        fits, in worker processes where the model's ``n_jobs`` or ``settings.n_jobs`` allow. All outcomes of a sample move
        together, among those whose explained outcome is known; with ``groups=`` in `fit` whole groups move.
    batch_size
        Samples, or points on their paths, that are computed at once. The numbers do not depend on it but for rounding.
    seed
        Seed of all draws.

    Returns
    -------
    Tables ``feature``, ``gene``, ``pathway`` and ``layer`` with columns group, value (mean attribution in the samples
    that have the feature, any feature of the gene, anything of the layer), importance (mean absolute attribution in
    them), direction (correlation of the input with its attribution: positive where high values raise the output; 0 with
    fewer than three samples), se (standard error of value over replicates, NaN with one), n_samples (how many have it;
    where none has, value and importance are 0) and rank; pathways are ranked by ``score``, a z statistic of their
    members' importance against all measured nodes. ``gene_layer`` has a row for every gene and layer that measures
    it, with its ``share`` of the gene. Ablation and Shapley values fill only the table of their units, conductance
    and Grad-CAM only that of pathways; there ``score`` is the importance in standard deviations over pathways.
    ``samples`` holds single samples. With `n_null` four columns more: p and q ask whether a unit has a larger share
    of all importance (a pathway a score farther above other pathways) than in models with nothing to learn, p_used
    and q_used whether it has more importance, which most have as soon as the model learned anything; both
    one-sided, standardised by unit and pooled over the units of a level and group, q by Benjamini and Hochberg
    (p_used and q_used no smaller than the p of all importance together, 1 / 21 with 20 refits: all units move with
    how much a fit learned); NaN for what no sample has, p also where there is one unit.
    ``params["null"]`` says by group how much importance there is in all, how much in refits, and the p of that.
    ``params`` holds the completeness gap: the largest and the relative difference
    between summed attributions and f(x) - f(b), None for methods that do not add up.

    Raises
    ------
    ValueError
        Arguments that do not fit the model; with `n_null` also what is no prediction of a target, models that were
        fine-tuned, stopped early, searched for (`Tuned`) or saved by a release that did not note how they were fitted, and
        `mdata` without the training samples.

    Warns
    -----
    DataWarning
        Groups of one or two samples: explained they are, but they say nothing about the group.

    References
    ----------
    Integrated gradients: Sundararajan, Taly and Yan, ICML 2017, equation 1. Gradient SHAP: Lundberg and Lee,
    NeurIPS 2017; expected gradients, Erion et al., Nature Machine Intelligence 3 (2021), equation 4. DeepLift:
    Shrikumar, Greenside and Kundaje, ICML 2017. Shapley sampling: Castro, Gomez and Tejada, Computers and Operations
    Research 36 (2009). Conductance: Dhamdhere, Sundararajan and Yan, ICLR 2019, equation 2. Grad-CAM: Selvaraju et al.,
    ICCV 2017, equations 1 and 2. Shuffled outcomes: Altmann, Tolosi, Sander and Lengauer, Bioinformatics 26 (2010), for
    the importance of features. Captum: Kokhlikyan et al. 2020.

    Examples
    --------
    >>> import pathweave as pw
    >>> mdata = pw.datasets.simulate(60, seed=1)
    >>> model = pw.models.PathwayVAE(8, max_epochs=3, n_folds=3).fit(mdata, target="class")
    >>> tables = pw.explain.attribute(mdata, model, n_steps=8)
    >>> tables.layer.columns.tolist()
    ['group', 'layer', 'value', 'importance', 'se', 'n_samples', 'share', 'rank']
    >>> shapley = pw.explain.attribute(mdata, model, method="shapley_sampling", max_samples=5)
    >>> shapley.params["completeness_gap_relative"] < 1e-4
    True
    """
    check_mudata(mdata)
    model._need_fit()
    check_choice("method", method, get_args(Method))
    if groupby is not None:
        check_obs_column(mdata.obs, "groupby", groupby)
    n_baselines = _N_BASELINES.get(method, 1) if n_baselines is None else n_baselines
    n_steps = _STEPS.get(method, 1) if n_steps is None else n_steps
    check_whole(2 if method in ("integrated_gradients", "conductance") else 1, n_steps=n_steps)
    check_whole(1, n_baselines=n_baselines, max_samples=max_samples, batch_size=batch_size)
    check_whole(0, n_null=n_null)
    if 0 < n_null < LEAST:
        msg = f"n_null={n_null} is too few to tell anything; give 0 (no p) or {LEAST} or more (20 are usual)."
        raise ValueError(msg)
    by_pathway_layer = method in BY_PATHWAY_LAYER
    if by_pathway_layer:
        check_pathway_layer(model, method)
    values = model._read(mdata)
    rng = np.random.default_rng(seed)
    bases, words = baselines(
        mdata, model, values, reference=reference, n_baselines=n_baselines,
        rng=np.random.default_rng([seed, 1]),
    )  # fmt: skip
    question = ask(
        mdata, model, values, of=of, contrast=contrast, groupby=groupby, reference=reference,
        max_samples=max_samples, rng=rng, network_only=by_pathway_layer,
    )  # fmt: skip
    if n_null:
        check_refits(mdata, model, question.task)
    if not question.jobs:
        msg = f"groupby={groupby!r}: no sample with a layer belongs to a group."
        raise ValueError(msg)
    small = {job.group: len(job.rows) for job in question.jobs if len(job.rows) < max_samples}
    warn_of_few(
        small,
        "Their attributions are those of single samples, whose direction cannot be told; no claim about the group "
        "stands on them.",
    )
    chosen = None if method in BY_VALUE or by_pathway_layer else read_units(model, units)
    work = Work(model, values, question, bases, method, n_steps, batch_size, seed, chosen)
    collector = SampleCollector(model, mdata.obs_names) if keep_samples else None
    tables: dict[str, list[pd.DataFrame]] = {}
    for item in work.run():
        make = unit_tables if isinstance(item, ExplainedUnits) else attribution_tables
        for level, table in make(model, item).items():  # type: ignore[arg-type]
            tables.setdefault(level, []).append(table)
        if collector is not None:
            collector.add(item)
    target = model.targets_.get(question.of)
    params: dict[str, Any] = {
        "of": question.of,
        "target": None if target is None else list(target.columns),
        "task": question.task,
        "unit": UNITS[question.task],
        "contrast": None if contrast is None else list(contrast),
        "groupby": groupby,
        "method": method,
        "units": None if chosen is None else chosen.level,
        "baseline": None if method == "grad_cam" else words,
        "reference": None if reference is None else list(reference),
        "n_steps": n_steps,
        "n_samples": int(sum(len(job.rows) for job in question.jobs)),
        "n_replicates": len(question.outputs),
        "n_null": n_null,
        **work.gap(),
        "model": type(model).__name__,
        "graph_digest": model.graph_digest_,
        "seed": seed,
        "version": VERSION,
    }
    samples = None if collector is None else collector.result()
    found = joined(tables)
    if n_null:
        again = partial(
            attribute, of=of, contrast=contrast, groupby=groupby, method=method, units=units, reference=reference,
            n_baselines=n_baselines, n_steps=n_steps, max_samples=max_samples, batch_size=batch_size, seed=seed,
        )  # fmt: skip
        null = refit_statistics(
            mdata, model, found, again, of=question.of, n_null=n_null, seed=seed
        )
        params["null"] = {"n_null": n_null, "groups": used_at_all(found, null)}
        found = with_p(found, null)
    return Attributions(
        found["feature"], found["gene"], found["pathway"], found["layer"], params, found["gene_layer"], samples,
    )  # fmt: skip
