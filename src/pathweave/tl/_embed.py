"""`tl.embed`: the joint embedding of all samples."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pathweave._core import keys
from pathweave._core.warnings import DataWarning, warn
from pathweave.tl._write import copied, write_record, write_table

if TYPE_CHECKING:
    from mudata import MuData

    from pathweave.models import Estimator


def embed(
    mdata: MuData, model: Estimator, *, key_added: str = keys.EMBEDDING, copy: bool = False
) -> MuData | None:
    """Embed samples with a fitted model.

    Parameters
    ----------
    mdata
        Samples to embed, also those that lack layers.
    model
        Fitted model.
    key_added
        Slot of the embedding.
    copy
        Return a copy instead of writing into `mdata`.

    Returns
    -------
    ``None``, or the copy. Sets ``mdata.obsm[key_added]``, float32 (n_obs, n_latent), row i for
    ``obs_names[i]``; for models with pathways ``mdata.obsm["X_pathway_activity"]``, float32 (n_obs,
    n_pathways), named by `pathweave.get.pathway_activity`; and ``mdata.uns["pathweave"]["history"]``, the model's training curves.

    Examples
    --------
    >>> import pathweave as pw
    >>> mdata = pw.datasets.simulate(60, seed=1)
    >>> model = pw.models.PathwayVAE(8, max_epochs=3).fit(mdata, pw.graph.reactome())
    >>> pw.tl.embed(mdata, model)
    >>> mdata.obsm["X_pathweave"].shape
    (60, 8)
    """
    latent = model.embed(mdata)
    activity = model.pathway_activity(mdata) if model.pathways_ else None
    bare = int(np.isnan(latent).all(axis=1).sum())
    if bare:
        warn(
            f"{bare} of {mdata.n_obs} samples have no layer that the model knows: their rows are NaN. Leave them out "
            f"before neighbours are sought: adata[~np.isnan(adata.obsm[{key_added!r}]).any(axis=1)].",
            DataWarning,
        )
    out = copied(mdata) if copy else mdata
    out.obsm[key_added] = latent
    if activity is not None:
        write_table(out, keys.ACTIVITY, activity)
    write_record(out, keys.HISTORY, model.history_.copy())
    return out if copy else None
