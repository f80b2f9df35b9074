"""Typed readers of what pathweave wrote into a MuData: they return copies and write nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from pathweave._core import keys
from pathweave._core.checks import check_choice, check_mudata, listed, select_layers
from pathweave._core.results import Faithfulness, SampleAttributions, Truth

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData
    from mudata import MuData

__all__ = [
    "adata",
    "attributions",
    "embedding",
    "faithfulness",
    "history",
    "imputed",
    "pathway_activity",
    "predictions",
    "sample_attributions",
    "truth",
]


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
    values = _obsm(mdata, key, "pathweave.tl.embed(mdata, model)")
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
    return _obsm_table(mdata, keys.ACTIVITY, "pathweave.tl.embed(mdata, model)")


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
    return _obsm_table(mdata, keys.imputed(str(layer)), "pathweave.tl.impute(mdata, model)")


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
            proba = _obsm_table(mdata, slot, "pathweave.tl.predict(mdata, model)")
            parts |= {f"{target}: {name}": proba[name] for name in proba.columns}
    if not parts:
        raise KeyError(_first("no prediction in mdata.obs", "pathweave.tl.predict(mdata, model)"))
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
    table = _record(mdata).get(keys.HISTORY)
    if table is None:
        raise KeyError(_first("no training history", "pathweave.tl.embed(mdata, model)"))
    return table.copy()


def attributions(mdata: MuData, *, level: str = "gene", group: str | None = None) -> pd.DataFrame:
    """Read attributions.

    Parameters
    ----------
    mdata
        Data that `tl.attribute` has written to.
    level
        ``"feature"``, ``"gene"``, ``"pathway"``, ``"layer"`` or ``"gene_layer"`` (genes, their layers side by side).
    group
        Only the rows of this class, risk or latent dimension; all groups if not given.

    Returns
    -------
    Long table, the strongest first in each group: group, names, value, importance, se, rank. Its
    ``attrs["params"]`` tells what was explained, how, and the completeness gap.

    Examples
    --------
    >>> import pandas as pd, pathweave as pw
    >>> mdata = pw.datasets.miniacc()
    >>> table = pd.DataFrame({"group": ["risk"], "symbol": ["TP53"], "rank": [1]})
    >>> mdata.uns["pathweave"] = {"attributions": {"gene": table, "params": "{}"}}
    >>> pw.get.attributions(mdata, level="gene")["symbol"].tolist()
    ['TP53']
    """
    check_mudata(mdata)
    check_choice("level", level, keys.ATTRIBUTION_LEVELS)
    stored = _record(mdata).get(keys.ATTRIBUTIONS) or {}
    if level not in stored:
        raise KeyError(_first("no attributions", "pathweave.tl.attribute(mdata, model)"))
    table = _of_group(stored[level], group, "explained")
    table.attrs["params"] = _json(stored.get("params", "{}"), "the parameters of the attributions")
    return table


def sample_attributions(
    mdata: MuData, *, level: str = "gene", group: str | None = None, layer: str | None = None
) -> pd.DataFrame:
    """Read attributions sample by sample.

    Parameters
    ----------
    mdata
        Data that ``tl.attribute(..., keep_samples=True)`` has written to.
    level
        ``"feature"``, ``"gene"``, ``"pathway"`` or ``"layer"``.
    group
        Only samples of this group; needed where samples are explained in several (the latent).
    layer
        Only what came through this layer; genes are summed over layers otherwise.

    Returns
    -------
    Signed attributions (n_samples, n_columns) in the units of what was explained; ``.abs()`` of it is unsigned. Columns
    are symbols of genes (node ids where a symbol is none or not alone), ids of pathways, names of layers or features.

    Examples
    --------
    >>> import pathweave as pw
    >>> mdata = pw.datasets.simulate(60, seed=1)
    >>> model = pw.models.PathwayVAE(8, max_epochs=3, n_folds=3).fit(mdata, target="class")
    >>> pw.tl.attribute(mdata, model, n_steps=8, keep_samples=True)
    >>> pw.get.sample_attributions(mdata, level="layer").shape
    (60, 4)
    """
    check_mudata(mdata)
    stored = (_record(mdata).get(keys.ATTRIBUTIONS) or {}).get(keys.SAMPLES)
    if stored is None:
        call = "pathweave.tl.attribute(mdata, model, keep_samples=True)"
        raise KeyError(_first("no attributions of single samples", call))
    return SampleAttributions.from_record(stored).table(level, group=group, layer=layer)


def faithfulness(mdata: MuData) -> Faithfulness:
    """Read what `tl.check` found about the attributions.

    Parameters
    ----------
    mdata
        Data that `tl.check` has written to.

    Returns
    -------
    Table of the checks, curves of deletion and insertion, and the verdict in words.

    Examples
    --------
    >>> import pathweave as pw
    >>> mdata = pw.datasets.simulate(60, seed=1)
    >>> model = pw.models.PathwayVAE(8, max_epochs=3, n_folds=3).fit(mdata, target="class")
    >>> pw.tl.check(mdata, model, max_samples=10)
    >>> pw.get.faithfulness(mdata).params["n_samples"]
    10
    """
    check_mudata(mdata)
    stored = _record(mdata).get(keys.FAITHFULNESS)
    if stored is None:
        raise KeyError(_first("no check of attributions", "pathweave.tl.check(mdata, model)"))
    params = _json(stored["params"], "the parameters of the check")
    return Faithfulness(stored["table"].copy(), stored["curves"].copy(), params)


def pathway_tests(
    mdata: MuData, *, level: str = "pathway", group: str | None = None
) -> pd.DataFrame:
    """Read the tests of pathways and genes.

    Parameters
    ----------
    mdata
        Data that `tl.test_pathways` has written to.
    level
        ``"pathway"`` or ``"gene"``.
    group
        Only the rows of this class, number or risk; all groups if not given.

    Returns
    -------
    Long table, the best first in each group; p one-sided against shuffled labels, q by Benjamini and Hochberg.

    Pathways: group, pathway, name, n_measured; association (mean over the members, in standard deviations under
    shuffled labels) with p_association and q_association: does it go with the outcome at all; score (enrichment
    of its members beside all other pathways, in the same unit), se (over bootstrap draws), p and q: more than other
    genes, and by itself; score_alone, p_alone and q_alone: the same without the other pathways; coefficient (what
    membership adds to a gene's normal score; 0 for most), among_top (share of bootstrap draws that put it among the
    first 20), rank, attributed (score among the model's attributions) and verdict.

    Genes: group, node, symbol, kind, score (rank among the genes as a normal score, with what its pathways add), se,
    association (mean squared z of its features; 1 is expected by chance) with p and q, direction (mean z: positive
    where high values go with the group, a higher number or an earlier event), layer (where the association is
    strongest), ``association_<layer>`` and rank. ``attrs`` hold ``params`` and ``verdict``.

    Examples
    --------
    >>> import pandas as pd, pathweave as pw
    >>> mdata = pw.datasets.miniacc()
    >>> table = pd.DataFrame({"group": ["risk"], "name": ["Cell Cycle"], "rank": [1]})
    >>> mdata.uns["pathweave"] = {
    ...     "pathway_tests": {"pathway": table, "params": "{}", "verdict": ""}
    ... }
    >>> pw.get.pathway_tests(mdata)["name"].tolist()
    ['Cell Cycle']
    """
    check_mudata(mdata)
    check_choice("level", level, ("pathway", "gene"))
    stored = _record(mdata).get(keys.PATHWAY_TESTS) or {}
    if level not in stored:
        raise KeyError(_first("no tests of pathways", "pathweave.tl.test_pathways(mdata, model)"))
    table = _of_group(stored[level], group, "tested")
    table.attrs["params"] = _json(stored.get("params", "{}"), "the parameters of the tests")
    table.attrs["verdict"] = str(stored.get("verdict", ""))
    return table


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
    text = _record(mdata).get(keys.TRUTH)
    if text is None:
        msg = "no truth in mdata.uns['pathweave']: only data of pathweave.datasets.simulate(...) have one."
        raise KeyError(msg)
    found = _json(text, "the truth")
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
    table = (_record(mdata).get(keys.ATTRIBUTIONS) or {}).get("pathway")
    known = (
        dict(zip(table["pathway"].astype(str), table["name"].astype(str), strict=True))
        if table is not None
        else {}
    )
    var["name"] = [known.get(name, name) for name in names]
    return var


def _of_group(table: pd.DataFrame, group: str | None, what: str) -> pd.DataFrame:
    """Rows of one group or of all, groups in their order, the best first in each."""
    table = table.copy()
    groups = list(dict.fromkeys(table["group"].astype(str)))
    if group is not None:
        if str(group) not in groups:
            msg = f"group={group!r} was not {what}; there are {listed(groups, 30)}."
            raise KeyError(msg)
        table = table[table["group"].astype(str) == str(group)]
    order = {name: i for i, name in enumerate(groups)}
    position = table["group"].astype(str).map(order).to_numpy()
    by_rank = np.lexsort((table["rank"].to_numpy(), position))
    return table.iloc[by_rank].reset_index(drop=True)


def _record(mdata: MuData) -> dict[str, Any]:
    """``mdata.uns["pathweave"]``, empty if pathweave has written nothing."""
    record = mdata.uns.get(keys.UNS, {})
    return dict(record) if hasattr(record, "keys") else {}


def _first(what: str, call: str) -> str:
    """Error text: what is missing and the call that writes it."""
    return f"{what}; run {call} first."


def _obsm(mdata: MuData, key: str, call: str) -> Any:
    """Entry of obsm, or an error that says which call writes it."""
    if key not in mdata.obsm:
        found = [name for name in mdata.obsm if name not in mdata.mod]
        raise KeyError(
            _first(f"{key!r} is not in mdata.obsm (found: {listed(found, 20) or 'nothing'})", call)
        )
    return mdata.obsm[key]


def _obsm_table(mdata: MuData, key: str, call: str) -> pd.DataFrame:
    """Entry of obsm whose columns have names: an array named in uns, or a DataFrame."""
    import pandas as pd

    table = _obsm(mdata, key, call)
    if isinstance(table, pd.DataFrame):
        return table.copy()
    names = _json(_record(mdata).get(keys.COLUMNS, "{}"), "the names of columns").get(key)
    values = np.asarray(table)
    if names is None or values.ndim != 2 or len(names) != values.shape[1]:
        msg = (
            f"mdata.obsm[{key!r}] of shape {values.shape} has no names that fit; run {call} again."
        )
        raise ValueError(msg)
    return pd.DataFrame(values.copy(), index=mdata.obs_names.copy(), columns=names)


def _json(text: str, what: str) -> dict[str, Any]:
    """Parse JSON, or raise an error that says what is damaged."""
    try:
        found = json.loads(text)
    except (TypeError, ValueError) as error:
        msg = f"{what} in mdata.uns['pathweave'] are damaged, not JSON: {error}"
        raise ValueError(msg) from error
    return dict(found)
