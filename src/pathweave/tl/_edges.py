"""Attributions of edges, written into the container."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pathweave import explain
from pathweave._core import keys
from pathweave.tl._write import copied, write_record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mudata import MuData

    from pathweave.models import Estimator


def edges(  # named one by one, as in cross_validate
    mdata: MuData,
    model: Estimator,
    *,
    of: str | None = None,
    contrast: Sequence[str] | None = None,
    groupby: str | None = None,
    reference: tuple[str, str] | None = None,
    n_steps: int = 16,
    max_samples: int = 100,
    batch_size: int = 64,
    seed: int = 0,
    copy: bool = False,
) -> MuData | None:
    """Explain which edges of the graph a model uses; see `pathweave.explain.edges`.

    Parameters
    ----------
    mdata
        Samples to explain.
    model
        Fitted model with a graph.
    of, contrast, groupby, reference
        What is explained, in which samples and from where, as in `attribute`.
    n_steps
        Points along the path of integration.
    max_samples
        At most so many samples a group.
    batch_size
        Samples that are computed at once.
    seed
        Seed of the draw.
    copy
        Return a copy instead of writing into `mdata`.

    Returns
    -------
    ``None``, or the copy. Sets ``mdata.uns["pathweave"]["edges"]``: DataFrame ``table`` and ``params``, a JSON
    string; read them with `pathweave.get.edges`, draw them with `pathweave.pl.edges`.

    Examples
    --------
    >>> import pathweave as pw
    >>> mdata = pw.datasets.simulate(60, seed=1)
    >>> model = pw.models.PathwayVAE(8, max_epochs=3, n_folds=3)
    >>> pw.tl.edges(mdata, model.fit(mdata, pw.graph.reactome(), target="class"), max_samples=5)
    >>> 0 < pw.get.edges(mdata).attrs["params"]["along_edges"]
    True
    """
    found = explain.edges(
        mdata, model, of=of, contrast=contrast, groupby=groupby, reference=reference, n_steps=n_steps,
        max_samples=max_samples, batch_size=batch_size, seed=seed,
    )  # fmt: skip
    out = copied(mdata) if copy else mdata
    write_record(out, keys.EDGES, {"table": found.table, "params": json.dumps(found.params)})
    return out if copy else None
