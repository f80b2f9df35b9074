"""Readers of embeddings, predictions, imputed layers and histories, and of what a simulation planted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pathweave._core import keys
from pathweave._core.checks import check_mudata, select_layers
from pathweave._core.results import Truth
from pathweave.get._record import first, obsm, obsm_table, parsed, record

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData
    from mudata import MuData


def embedding(mdata: MuData, *, key: str = keys.EMBEDDING) -> pd.DataFrame:
    """Read the joint embedding.

    Parameters
    ----------
    mdata
        Data that `tl.embed` has written to.
    key
        Entry of ``mdata.obsm``.

    Returns
    -------
    Table of shape ``(n_obs, n_latent)`` with columns Z1, Z2, ...

    Examples
    --------
    >>> import numpy as np, pathweave as pw
    >>> mdata = pw.datasets.miniacc()
    >>> mdata.obsm["X_pathweave"] = np.zeros((92, 2), np.float32)
    >>> pw.get.embedding(mdata).columns.tolist()
    ['Z1', 'Z2']
    """
    import pandas as pd

    check_mudata(mdata)
    values = obsm(mdata, key, "pathweave.tl.embed(mdata, model)")
    values = np.array(values)
    if values.ndim != 2:
        msg = f"mdata.obsm[{key!r}] is no embedding: it has shape {values.shape}, not (n_obs, n_latent)."
        raise ValueError(msg)
    columns = [f"Z{i + 1}" for i in range(values.shape[1])]
    return pd.DataFrame(values, index=mdata.obs_names.copy(), columns=columns)


def pathway_activity(mdata: MuData) -> pd.DataFrame:
    """Read the pathway activities.

    Parameters
    ----------
    mdata
        Data that `tl.embed` has written to.

    Returns
    -------
    Table of shape ``(n_obs, n_pathways)``, columns are pathway ids.

    Examples
    --------
    >>> import pandas as pd, pathweave as pw
    >>> mdata = pw.datasets.miniacc()
    >>> mdata.obsm["X_pathway_activity"] = pd.DataFrame(
    ...     {"reactome:R-HSA-1": 0.5}, index=mdata.obs_names
    ... )
    >>> pw.get.pathway_activity(mdata).shape
    (92, 1)
    """
    check_mudata(mdata)
    return obsm_table(mdata, keys.ACTIVITY, "pathweave.tl.embed(mdata, model)")


def imputed(mdata: MuData, layer: str) -> pd.DataFrame:
    """Read a reconstructed layer.

    Parameters
    ----------
    mdata
        Data that `tl.impute` has written to.
    layer
        Name of the layer.

    Returns
    -------
    Table of shape ``(n_obs, n_features)`` for all samples, those that lack the layer included.

    Examples
    --------
    >>> import pandas as pd, pathweave as pw
    >>> mdata = pw.datasets.miniacc()
    >>> mdata.obsm["pathweave_imputed_rna"] = pd.DataFrame({"TP53": 1.0}, index=mdata.obs_names)
    >>> pw.get.imputed(mdata, "rna").shape
    (92, 1)
    """
    check_mudata(mdata)
    if keys.imputed(str(layer)) not in mdata.obsm:
        select_layers(mdata, layer, name="layer")
    return obsm_table(mdata, keys.imputed(str(layer)), "pathweave.tl.impute(mdata, model)")


def predictions(mdata: MuData) -> pd.DataFrame:
    """Read all predictions.

    Parameters
    ----------
    mdata
        Data that `tl.predict` has written to.

    Returns
    -------
    Table of the predicted targets, named as the targets (``risk`` for survival), their standard deviations
    ``<target>_std`` where they were written, and for classes the probabilities in columns ``<target>: <class>``; one row a sample.

    Examples
    --------
    >>> import pathweave as pw
    >>> mdata = pw.datasets.miniacc()
    >>> mdata.obs["pathweave_risk"] = 0.0
    >>> pw.get.predictions(mdata).columns.tolist()
    ['risk']
    """
    import pandas as pd

    check_mudata(mdata)
    parts: dict[str, Any] = {}
    for column in mdata.obs.columns:
        if not str(column).startswith(keys.PREDICTION_PREFIX):
            continue
        target = str(column).removeprefix(keys.PREDICTION_PREFIX)
        parts[target] = mdata.obs[column]
        slot = f"{column}{keys.PROBA_SUFFIX}"
        if slot in mdata.obsm:
            proba = obsm_table(mdata, slot, "pathweave.tl.predict(mdata, model)")
            parts |= {f"{target}: {name}": proba[name] for name in proba.columns}
    if not parts:
        raise KeyError(first("no prediction in mdata.obs", "pathweave.tl.predict(mdata, model)"))
    return pd.DataFrame(parts, index=mdata.obs_names.copy())


def history(mdata: MuData) -> pd.DataFrame:
    """Read the training curves of the model that made the embedding.

    Parameters
    ----------
    mdata
        Data that `tl.embed` has written to.

    Returns
    -------
    Long table: replicate, epoch, part ("train" or "validation") and the losses.

    Examples
    --------
    >>> import pandas as pd, pathweave as pw
    >>> mdata = pw.datasets.miniacc()
    >>> mdata.uns["pathweave"] = {"history": pd.DataFrame({"epoch": [0], "loss": [1.0]})}
    >>> len(pw.get.history(mdata))
    1
    """
    check_mudata(mdata)
    table = record(mdata).get(keys.HISTORY)
    if table is None:
        raise KeyError(first("no training history", "pathweave.tl.embed(mdata, model)"))
    return table.copy()


def adata(mdata: MuData) -> AnnData:
    """Gather all samples in one AnnData, for scanpy.

    Parameters
    ----------
    mdata
        Data that `tl.embed` has written to.

    Returns
    -------
    AnnData of all samples: `X` the pathway activities (`var` names them), or the embedding where
    the model has no pathways; ``obs``; ``obsm`` with the embedding and class probabilities. Use
    ``sc.pp.neighbors(adata, use_rep="X_pathweave")`` from here.

    Examples
    --------
    >>> import numpy as np, pathweave as pw
    >>> mdata = pw.datasets.miniacc()
    >>> mdata.obsm["X_pathweave"] = np.zeros((92, 2), np.float32)
    >>> pw.get.adata(mdata).shape
    (92, 2)
    """
    import anndata as ad
    import pandas as pd

    check_mudata(mdata)
    table = pathway_activity(mdata) if keys.ACTIVITY in mdata.obsm else embedding(mdata)
    result = ad.AnnData(
        X=table.to_numpy(dtype=np.float32, copy=True),
        obs=mdata.obs.copy(),
        var=_var(mdata, pd.Index(table.columns.astype(str))),
    )
    for key, value in mdata.obsm.items():
        if key in mdata.mod or key == keys.ACTIVITY or key.startswith(keys.IMPUTED_PREFIX):
            continue
        result.obsm[key] = value.copy()
    return result


def truth(mdata: MuData) -> Truth:
    """Read what `datasets.simulate` planted.

    Parameters
    ----------
    mdata
        Simulated data.

    Returns
    -------
    The planted pathways, genes, compounds, effects and the arguments of the simulation.

    Examples
    --------
    >>> import pathweave as pw
    >>> mdata = pw.datasets.simulate(50, n_pathways_active=3, seed=1)
    >>> len(pw.get.truth(mdata).pathways)
    3
    """
    check_mudata(mdata)
    text = record(mdata).get(keys.TRUTH)
    if text is None:
        msg = "no truth in mdata.uns['pathweave']: only data of pathweave.datasets.simulate(...) have one."
        raise KeyError(msg)
    found = parsed(text, "the truth")
    return Truth(
        pathways=tuple(found["pathways"]),
        genes=tuple(found["genes"]),
        compounds=tuple(found["compounds"]),
        effects=found["effects"],
        parameters=found["parameters"],
    )


def _var(mdata: MuData, names: pd.Index) -> pd.DataFrame:
    """Feature table: pathway names where the attributions know them."""
    import pandas as pd

    var = pd.DataFrame(index=names)
    table = (record(mdata).get(keys.ATTRIBUTIONS) or {}).get("pathway")
    known = (
        dict(zip(table["pathway"].astype(str), table["name"].astype(str), strict=True))
        if table is not None
        else {}
    )
    var["name"] = [known.get(name, name) for name in names]
    return var
