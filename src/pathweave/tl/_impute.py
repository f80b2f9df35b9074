"""`tl.impute`: every layer for every sample."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pathweave._core import keys
from pathweave.tl._write import copied, write_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mudata import MuData

    from pathweave.models import Estimator


def impute(
    mdata: MuData,
    model: Estimator,
    *,
    layers: Sequence[str] | str | None = None,
    copy: bool = False,
) -> MuData | None:
    """Fill what was not measured, whole layers included.

    Parameters
    ----------
    mdata
        Samples.
    model
        Fitted model.
    layers
        Layers to impute; all of the model by default.
    copy
        Return a copy instead of writing into `mdata`.

    Returns
    -------
    ``None``, or the copy. Sets ``mdata.obsm["pathweave_imputed_<layer>"]``, float32 (n_obs,
    n_features) in the units of ``mod.X``: measured values as they are, the rest imputed;
    `pathweave.get.imputed` names the columns.

    Examples
    --------
    >>> import pathweave as pw
    >>> mdata = pw.datasets.simulate(60, missing_layers=0.3, seed=1)
    >>> model = pw.models.PathwayVAE(8, max_epochs=3).fit(mdata)
    >>> pw.tl.impute(mdata, model, layers=["protein"])
    >>> int(pw.get.imputed(mdata, "protein").isna().sum().sum())
    0
    """
    filled = model.impute(mdata, layers=layers)
    out = copied(mdata) if copy else mdata
    for layer, table in filled.items():
        write_table(out, keys.imputed(layer), table)
    return out if copy else None
