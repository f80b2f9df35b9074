"""`tl.attribute` and `tl.check`: which features, genes, pathways and layers made a result, and whether to believe it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Literal

from pathweave import explain
from pathweave._core import keys
from pathweave.tl._write import copied, write_record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mudata import MuData

    from pathweave.explain._attribute import Method
    from pathweave.models import Estimator


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
    copy: bool = False,
) -> MuData | None:
    """Explain a model; see `pathweave.explain.attribute` for the methods.

    Parameters
    ----------
    mdata
        Samples to explain.
    model
        Fitted model.
    of
        A target of the model, ``"latent"``, a dimension such as ``"Z3"``, ``"distance"`` or a pathway; the first target
        by default.
    contrast
        Two classes: the log ratio of their probabilities is explained.
    groupby
        Column of ``mdata.obs`` whose groups are explained; classes explain themselves.
    method
        ``"integrated_gradients"``, ``"gradient_shap"``, ``"deeplift"``, ``"feature_ablation"``, ``"shapley_sampling"``,
        ``"conductance"`` or ``"grad_cam"``.
    units
        What ablation and Shapley values take away: a level, or names of layers, genes or pathways.
    reference
        Column and label of the samples that are the baseline.
    n_baselines
        1 for their mean, more for so many of them.
    n_steps
        Points along the path of integration, or draws.
    max_samples
        At most so many samples a group.
    keep_samples
        Keep every sample's attributions, for `pathweave.get.sample_attributions`.
    n_null
        How often the model is fitted again to shuffled labels, for p and q of every feature, gene, pathway and layer;
        20 is usual, and takes as long as 20 fits.
    batch_size
        Samples that are computed at once.
    seed
        Seed of all draws.
    copy
        Return a copy instead of writing into `mdata`.

    Returns
    -------
    ``None``, or the copy. Sets ``mdata.uns["pathweave"]["attributions"]``: DataFrames ``feature``,
    ``gene``, ``pathway``, ``layer`` and ``gene_layer``, and ``params``, a JSON string with the completeness gap; with
    `keep_samples` also ``samples``.

    Examples
    --------
    >>> import pathweave as pw
    >>> mdata = pw.datasets.simulate(60, seed=1)
    >>> model = pw.models.PathwayVAE(8, max_epochs=3, n_folds=3).fit(mdata, target="class")
    >>> pw.tl.attribute(mdata, model, n_steps=8)
    >>> pw.get.attributions(mdata, level="layer")["share"].between(0, 1).all()
    np.True_
    """
    result = explain.attribute(
        mdata, model, of=of, contrast=contrast, groupby=groupby, method=method, units=units, reference=reference,
        n_baselines=n_baselines, n_steps=n_steps, max_samples=max_samples, keep_samples=keep_samples,
        n_null=n_null, batch_size=batch_size, seed=seed,
    )  # fmt: skip
    out = copied(mdata) if copy else mdata
    record = {level: getattr(result, level) for level in keys.ATTRIBUTION_LEVELS}
    if result.samples is not None:
        record[keys.SAMPLES] = result.samples.to_record()
    write_record(out, keys.ATTRIBUTIONS, {**record, "params": json.dumps(result.params)})
    return out if copy else None


def check(  # noqa: PLR0913  # named one by one, as in cross_validate
    mdata: MuData,
    model: Estimator,
    *,
    of: str | None = None,
    contrast: Sequence[str] | None = None,
    groupby: str | None = None,
    method: Literal["integrated_gradients", "gradient_shap"] = "integrated_gradients",
    reference: tuple[str, str] | None = None,
    n_steps: int | None = None,
    n_random: int = 20,
    max_samples: int = 40,
    batch_size: int = 512,
    seed: int = 0,
    copy: bool = False,
) -> MuData | None:
    """Check whether attributions tell what a model does; see `pathweave.explain.check`.

    Parameters
    ----------
    mdata
        Samples; best those that the model has not seen.
    model
        Fitted model.
    of, contrast, groupby
        What is explained, as in `attribute`.
    method
        The method that is checked.
    reference
        Column and label of the samples that are the baseline.
    n_steps
        Points along the path of integration, or draws.
    n_random
        Number of random orders.
    max_samples
        At most so many samples in all.
    batch_size
        Samples that are computed at once.
    seed
        Seed of all draws.
    copy
        Return a copy instead of writing into `mdata`.

    Returns
    -------
    ``None``, or the copy. Sets ``mdata.uns["pathweave"]["faithfulness"]``: DataFrames ``table`` and ``curves``, and
    ``params``, a JSON string; read them with `pathweave.get.faithfulness`.

    Examples
    --------
    >>> import pathweave as pw
    >>> mdata = pw.datasets.simulate(60, seed=1)
    >>> model = pw.models.PathwayVAE(8, max_epochs=3, n_folds=3).fit(mdata, target="class")
    >>> pw.tl.check(mdata, model, max_samples=10)
    >>> print(pw.get.faithfulness(mdata).verdict.splitlines()[1][:10])
    - They add
    """
    found = explain.check(
        mdata, model, of=of, contrast=contrast, groupby=groupby, method=method, reference=reference, n_steps=n_steps,
        n_random=n_random, max_samples=max_samples, batch_size=batch_size, seed=seed,
    )  # fmt: skip
    out = copied(mdata) if copy else mdata
    record = {"table": found.table, "curves": found.curves, "params": json.dumps(found.params)}
    write_record(out, keys.FAITHFULNESS, record)
    return out if copy else None
