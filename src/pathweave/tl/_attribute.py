"""`tl.attribute`: which features, genes, pathways and layers made a result."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pathweave import explain
from pathweave._core import keys
from pathweave.tl._write import copied, write_record

if TYPE_CHECKING:
    from mudata import MuData

    from pathweave.models import Estimator


def attribute(
    mdata: MuData,
    model: Estimator,
    *,
    of: str | None = None,
    groupby: str | None = None,
    n_steps: int = 16,
    max_samples: int = 100,
    seed: int = 0,
    copy: bool = False,
) -> MuData | None:
    """Explain a model by integrated gradients; see `pathweave.explain.attribute`.

    Parameters
    ----------
    mdata
        Samples to explain.
    model
        Fitted model.
    of
        A target of the model, or ``"latent"``; the first target by default.
    groupby
        Column of ``mdata.obs`` whose groups are explained; classes explain themselves.
    n_steps
        Points along the path of integration.
    max_samples
        At most so many samples a group.
    seed
        Seed of their draw.
    copy
        Return a copy instead of writing into `mdata`.

    Returns
    -------
    ``None``, or the copy. Sets ``mdata.uns["pathweave"]["attributions"]``: DataFrames ``feature``,
    ``gene``, ``pathway`` and ``layer``, and ``params``, a JSON string with the completeness gap.

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
        mdata, model, of=of, groupby=groupby, n_steps=n_steps, max_samples=max_samples, seed=seed
    )
    out = copied(mdata) if copy else mdata
    tables = {level: getattr(result, level) for level in keys.ATTRIBUTION_LEVELS}
    write_record(out, keys.ATTRIBUTIONS, {**tables, "params": json.dumps(result.params)})
    return out if copy else None
