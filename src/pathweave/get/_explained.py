"""Readers of attributions, their checks, and tests of pathways."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pathweave._core import keys
from pathweave._core.checks import check_choice, check_mudata, listed
from pathweave._core.results import Faithfulness, SampleAttributions
from pathweave.get._record import first, parsed, record

if TYPE_CHECKING:
    import pandas as pd
    from mudata import MuData


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
    Long table, the strongest first in each group: group, names, value (mean attribution), importance (mean absolute
    attribution), direction (1 where high values raise the output, -1 where they lower it), se (of value, over replicates),
    n_samples (samples of the group that have the unit; the means are over these) and rank. Pathways also have n_measured
    (members) and score, layers and genes by layer their share. With ``n_null`` also p and q (whether the unit has a larger
    share of all importance, a pathway a score farther above the others, than in models fitted to shuffled labels) and p_used and q_used
    (whether it has more importance than there, which most have as soon as a model learned anything). ``attrs["params"]``
    tells what was explained, how, the completeness gap, and under ``"null"`` whether the model says more than such models.

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
    stored = record(mdata).get(keys.ATTRIBUTIONS) or {}
    if level not in stored:
        raise KeyError(first("no attributions", "pathweave.tl.attribute(mdata, model)"))
    table = of_group(stored[level], group, "explained")
    table.attrs["params"] = parsed(stored.get("params", "{}"), "the parameters of the attributions")
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
    stored = (record(mdata).get(keys.ATTRIBUTIONS) or {}).get(keys.SAMPLES)
    if stored is None:
        call = "pathweave.tl.attribute(mdata, model, keep_samples=True)"
        raise KeyError(first("no attributions of single samples", call))
    return SampleAttributions.from_record(stored).table(level, group=group, layer=layer)


def edges(mdata: MuData, *, group: str | None = None) -> pd.DataFrame:
    """Read attributions of edges.

    Parameters
    ----------
    mdata
        Data that `tl.edges` has written to.
    group
        Only the rows of this group; all if not given.

    Returns
    -------
    One row a group and edge, the strongest first; the columns are described in `pathweave.explain.edges`. Its
    ``attrs["params"]`` tells what was explained, and how much of it travels along edges.

    Examples
    --------
    >>> import pandas as pd, pathweave as pw
    >>> mdata = pw.datasets.miniacc()
    >>> table = pd.DataFrame(
    ...     {"group": ["risk"], "source_symbol": ["MDM2"], "target_symbol": ["TP53"], "rank": [1]}
    ... )
    >>> mdata.uns["pathweave"] = {"edges": {"table": table, "params": "{}"}}
    >>> pw.get.edges(mdata, group="risk")["target_symbol"].tolist()
    ['TP53']
    """
    check_mudata(mdata)
    stored = record(mdata).get(keys.EDGES)
    if stored is None:
        raise KeyError(first("no attributions of edges", "pathweave.tl.edges(mdata, model)"))
    table = of_group(stored["table"], group, "explained")
    table.attrs["params"] = parsed(stored["params"], "the parameters of the edges")
    return table


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
    stored = record(mdata).get(keys.FAITHFULNESS)
    if stored is None:
        raise KeyError(first("no check of attributions", "pathweave.tl.check(mdata, model)"))
    params = parsed(stored["params"], "the parameters of the check")
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
    of its members beside all other pathways, once the activities of the strongest others were taken from the outcome,
    in the same unit), se (over bootstrap draws), p and q: more than other genes, and by itself; score_alone, p_alone
    and q_alone: enrichment without the other pathways; coefficient (what
    membership adds to a gene's normal score; 0 for most), among_top (share of bootstrap draws that put it among the
    first 20), rank, attributed (score among the model's attributions) and verdict.

    Genes: group, node, symbol, kind, score (rank among the genes as a normal score, with what its pathways add), se,
    association (mean squared z of its features; 1 is expected by chance) with p and q, direction (mean z: positive
    where high values go with the group, a higher number or an earlier event), layer (where the association is
    strongest once other pathways' activities were taken from the outcome; near ties go the way of the other genes),
    ``association_<layer>`` (before that) and rank. ``attrs`` hold ``params`` and ``verdict``.

    With ``classics=True`` also, for pathways: p_over_representation and q_over_representation (Fisher's exact test of
    the genes found by t-tests), gsea (running sum over its mean under shuffled labels), p_gsea, q_gsea, and linear_weights
    (ridge weights of its members against all genes, in standard errors of a random set). For genes: p_t_test (the
    best feature, times their number), q_t_test, layer_t_test and linear_weights.

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
    stored = record(mdata).get(keys.PATHWAY_TESTS) or {}
    if level not in stored:
        raise KeyError(first("no tests of pathways", "pathweave.tl.test_pathways(mdata, model)"))
    table = of_group(stored[level], group, "tested")
    table.attrs["params"] = parsed(stored.get("params", "{}"), "the parameters of the tests")
    table.attrs["verdict"] = str(stored.get("verdict", ""))
    return table


def stability(mdata: MuData, *, level: str = "pathway", group: str | None = None) -> pd.DataFrame:
    """Read how the ranks of the best pathways or genes change when samples are drawn anew.

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
    The first 50 of each group, the best first: group, level, unit (id of the pathway or node), name, rank, and a column
    a bootstrap draw, ``draw_1`` and so on, with the rank in it, among all pathways or genes. ``attrs["groups"]`` tells
    for each group ``tau`` (mean Kendall tau between draws, over all pathways or genes), ``overlap`` (mean share of the
    first ``n_top`` that two draws have in common), ``by_chance`` (the overlap of random ranks), ``n_top`` and
    ``n_units``.

    Examples
    --------
    >>> import pathweave as pw
    >>> mdata = pw.datasets.simulate(80, effect=3.0, seed=1)
    >>> model = pw.models.PathwayVAE(8, max_epochs=2, n_folds=3)
    >>> model = model.fit(mdata, pw.graph.reactome(), target="class")
    >>> pw.tl.test_pathways(mdata, model, n_null=50, n_boot=5)
    >>> pw.get.stability(mdata).filter(like="draw_").shape
    (50, 5)
    """
    tests = pathway_tests(mdata, level=level)
    stored = (record(mdata).get(keys.PATHWAY_TESTS) or {}).get(keys.DRAWS)
    if stored is None:
        raise KeyError(first("no bootstrap draws of the tests", "pathweave.tl.test_pathways again"))
    table = of_group(stored[stored["level"] == level], group, "tested")
    params = tests.attrs["params"]
    sizes = tests["group"].astype(str).value_counts()
    table.attrs["groups"] = {
        name: {
            "tau": float(found[f"stability_{level}"]), "overlap": float(found[f"overlap_{level}"]),
            "by_chance": min(1.0, params["n_top"] / int(sizes[name])),
            "n_top": min(int(params["n_top"]), int(sizes[name])), "n_units": int(sizes[name]),
        }
        for name, found in params["groups"].items()
    }  # fmt: skip
    return table


def of_group(table: pd.DataFrame, group: str | None, what: str) -> pd.DataFrame:
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
