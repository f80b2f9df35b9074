"""Which pathways and genes go with a model's outcome, with the evidence for each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pathweave._core.checks import check_choice, check_mudata, check_obs_column
from pathweave._core.progress import progress
from pathweave._core.results import PathwayTests
from pathweave._core.stability import rank_stability, top_overlap
from pathweave._core.version import VERSION
from pathweave.explain._attribute import attribute
from pathweave.explain._few_samples import warn_of_few
from pathweave.explain._pathway_tests.classics import classic_columns
from pathweave.explain._pathway_tests.conditional import Activities, look_again
from pathweave.explain._pathway_tests.draws import Draws, outcome_residuals
from pathweave.explain._pathway_tests.evidence import (
    node_evidence,
    standard_layers,
)
from pathweave.explain._pathway_tests.joint import (
    explain_jointly,
    normal_scores,
)
from pathweave.explain._pathway_tests.measured_sets import measured_sets
from pathweave.explain._pathway_tests.rank_draws import rank_draws
from pathweave.explain._pathway_tests.significance import (
    false_discovery_rate,
    pooled_p,
    standardised,
    upper_p,
)
from pathweave.explain._pathway_tests.tables import TOP, gene_table, pathway_table
from pathweave.explain._pathway_tests.words import row_verdicts, summary

if TYPE_CHECKING:
    from mudata import MuData

    from pathweave._core.results import Attributions
    from pathweave.graph import PathwayGraph
    from pathweave.models import Estimator
    from pathweave.nn.pathway_vae import GraphArrays

_FEWEST = 12


def test_pathways(
    mdata: MuData,
    model: Estimator,
    *,
    of: str | None = None,
    strata: str | None = None,
    n_null: int = 200,
    n_boot: int = 50,
    pathway_size: tuple[int, int] = (5, 300),
    alpha: float = 0.05,
    attributions: Attributions | None = None,
    classics: bool = False,
    seed: int = 0,
) -> PathwayTests:
    r"""Test which pathways and genes go with a model's outcome, and say whether the model uses them.

    For every group (class, number, risk) each feature of the model's layers is scored by its association with the
    outcome, a node by the mean square over its features, in all layers that measure it. Ranks of the nodes are
    explained by all pathways together (elastic net with coefficients of zero or more), so that a parent is not named
    for its child's sake; a pathway's score is the enrichment of its members after what the other pathways explain was
    taken away. This is done twice. After the first time the strongest pathways (eight at most, no two with activities
    that correlate by .7) tell what they know: for every node the outcome is freed of the activities of those that do
    not hold the node (first principal component of the members' features, all layers; a ridge regression that takes
    nothing at a score of 2.5 and all from 3.5 on), and associated anew. Genes that merely move along with a pathway's
    activity lose their evidence so, and what is weak but stands by itself gains. Ranks before and after are averaged,
    with weights as the squares of the evidence that either holds over all nodes, the first, steadier one double: where
    most of the genome goes with one thing (risk of gliomas), little but noise is left without it, and the first look
    counts. A gene's score weighs its own evidence and that of its pathways by how reliable either is (empirical Bayes;
    the noise is told by the bootstrap).

    Two questions are kept apart: does a pathway go with the outcome at all (``q_association``; where the outcome moves
    half of the genes most do), and do its members more than other genes (``q``). The whole computation, choice of
    pathways included, is repeated with shuffled labels (p, and q by Benjamini and Hochberg over all pathways or genes
    of a group) and with samples drawn anew (standard errors, stability); the share of ranks that pathways explain also
    with nodes exchanged, so that pathways are random sets of equal sizes and overlaps.

    What is tested is the association in these samples, not the model: that it is used says the column `attributed`,
    the pathway's score in `attribute`.

    Parameters
    ----------
    mdata
        Samples with known outcomes, such as those of `fit`.
    model
        Model fitted with a graph and a target.
    of
        A target of the model; the first by default.
    strata
        Column of ``mdata.obs`` (batch, site): labels are shuffled within its groups only, and differences between
        these groups count for nothing.
    n_null
        How often labels are shuffled.
    n_boot
        Bootstrap draws.
    pathway_size
        Fewest and most measured members of a pathway. Of pathways with the same measured members the one farthest
        from the roots is tested.
    alpha
        False discovery rate of the verdicts.
    attributions
        Result of `attribute` for the same outcome; computed (with 8 steps and 50 samples a group) if not given.
    classics
        Add columns of what is usually done instead: over-representation of the genes that t-tests find, GSEA's
        running sums, and the weights of a ridge regression. t-tests and ridge know nothing of `strata`.
    seed
        Seed of all draws.

    Returns
    -------
    Tables ``pathway`` and ``gene``, ``params`` and ``verdict``; see `pathweave.get.pathway_tests` for their columns.
    ``draws`` holds the ranks of the best under every bootstrap draw (`pathweave.get.stability`).

    Raises
    ------
    ValueError
        If the model has no graph or no target, or too few samples have a known outcome, or all have the same.

    References
    ----------
    Zou and Hastie, Regularization and variable selection via the elastic net, JRSS B (2005). Bauer, Gagneur and
    Robinson, GOing Bayesian: model-based gene set analysis, Nucleic Acids Research (2010). Tomfohr, Lu and Kepler,
    Pathway level analysis of gene expression using singular value decomposition, BMC Bioinformatics (2005), on
    activities. Goeman and Buehlmann, Analyzing gene expression data in terms of gene sets, Bioinformatics (2007), on
    what shuffled labels test.

    Examples
    --------
    >>> import pathweave as pw
    >>> mdata = pw.datasets.simulate(80, effect=3.0, seed=1)
    >>> model = pw.models.PathwayVAE(8, max_epochs=2, n_folds=3)
    >>> model = model.fit(mdata, pw.graph.reactome(), target="class")
    >>> tests = pw.explain.test_pathways(mdata, model, n_null=50, n_boot=5)
    >>> bool(tests.pathway["p"].between(0, 1).all())
    True
    """
    check_mudata(mdata)
    model._need_fit()
    target = _check(model, of, n_null, n_boot, pathway_size, alpha)
    measured, arrays = _graph(model)
    values, codes, known, residuals = _tested(mdata, model, target, strata)
    if attributions is None:
        attributions = attribute(mdata, model, of=target, n_steps=8, max_samples=50, seed=seed)
    sets = measured_sets(measured, list(arrays.node_ids), pathway_size)
    kept = {name: x[known] for name, x in values.items()}
    layers = standard_layers(kept, arrays.feature_maps, codes[known])
    activities = Activities(layers, sets)
    info = measured.nodes.set_index("id").loc[list(arrays.node_ids)]
    pathway, gene, ranks, found = [], [], [], {}
    rng = np.random.default_rng(seed)
    for group, residual in progress(residuals.items(), desc="testing pathways"):
        draws = Draws.of(residual[known], codes[known], n_null=n_null, n_boot=n_boot, rng=rng)
        nodes = node_evidence(layers, draws)
        usual_sets, usual_nodes = pd.DataFrame(), pd.DataFrame()
        if classics:
            usual_sets, usual_nodes = classic_columns(
                kept,
                arrays.feature_maps,
                residual[known],
                draws.rows[: 1 + n_null],
                sets.members,
                alpha,
            )
        scores = normal_scores(nodes.association)
        joint = explain_jointly(scores, sets)
        shuffled = np.stack([rng.permutation(scores[0]) for _ in range(n_null)])
        random = explain_jointly(shuffled, sets).explained
        found[group] = {
            "n_samples": int(known.sum()),
            "explained": float(joint.explained[0]),
            "explained_shuffled_labels": float(np.mean(joint.explained[1 : 1 + n_null])),
            "p_shuffled_labels": upper_p(joint.explained[0], joint.explained[1 : 1 + n_null]),
            "explained_random_pathways": float(np.mean(random)),
            "p_random_pathways": upper_p(joint.explained[0], random),
        }
        z = standardised(np.cbrt(nodes.association), n_null)
        alone = standardised(joint.alone, n_null)
        first = standardised(joint.joint, n_null)
        again = look_again(layers, draws, activities, first, nodes, scores)
        found[group]["weight_of_condition"] = again.weight
        scores = again.node_score
        joint = explain_jointly(scores, sets)
        table, boot = pathway_table(group, joint, alone, z, sets, measured, n_null, usual_sets)
        found[group] |= {f"stability_{name}": rank_stability(x) for name, x in boot.items()}
        found[group]["associated_genes"] = float(
            (false_discovery_rate(pooled_p(z, n_null)) < alpha).mean()
        )
        agreed = _attributed(attributions, group)
        table["attributed"] = table["pathway"].map(agreed).to_numpy(dtype=float)
        table["verdict"] = row_verdicts(table, sets, alpha)
        pathway.append(table)
        genes, boot["gene"] = gene_table(
            group, nodes, again.layer, z, scores, joint, info, n_null, usual_nodes
        )
        gene.append(genes)
        ids = {"pathway": list(sets.ids), "gene": list(arrays.node_ids)}
        drawn, facts = _ranks_of({"pathway": table, "gene": genes}, ids, boot)
        ranks += drawn
        found[group] |= facts
    params = {
        "of": target, "task": model.targets_[target].task, "strata": strata, "n_null": n_null, "n_boot": n_boot,
        "pathway_size": list(pathway_size), "n_top": TOP, "alpha": alpha, "classics": classics, "seed": seed,
        "groups": found, "model": type(model).__name__, "graph_digest": model.graph_digest_, "version": VERSION,
    }  # fmt: skip
    tables = pd.concat(pathway, ignore_index=True), pd.concat(gene, ignore_index=True)
    draws = pd.concat(ranks, ignore_index=True)
    return PathwayTests(*tables, params, summary(tables[0], params), draws)


# pytest would take the name for a test.
test_pathways.__test__ = False  # type: ignore[attr-defined]


def _tested(
    mdata: MuData, model: Estimator, target: str, strata: str | None
) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Values and strata of all samples, which are tested, and by group what the outcome leaves to explain."""
    for column in model.targets_[target].columns:
        check_obs_column(mdata.obs, "of", column)
    outcome = model.targets_[target].encode(mdata.obs)
    codes = _strata(mdata, strata)
    values = model._read(mdata)
    usable = ~np.all([np.isnan(x).all(axis=1) for x in values.values()], axis=0)
    outcome = np.where((usable & (codes >= 0))[:, None], outcome, np.nan)
    residuals = outcome_residuals(model.targets_[target], outcome)
    known = ~np.isnan(outcome).any(axis=1)
    if known.sum() < _FEWEST:
        msg = f"of={target!r}: {int(known.sum())} samples have a known outcome and a layer; {_FEWEST} are the least."
        raise ValueError(msg)
    if model.targets_[target].task == "class":
        found = np.bincount(outcome[known, 0].astype(int))
        classes = model.targets_[target].classes
        warn_of_few(
            {classes[i]: int(n) for i, n in enumerate(found) if n},
            "What is tested of them is what sets these samples apart, not the class.",
        )
    residuals = {group: r for group, r in residuals.items() if np.ptp(r[known]) > 0}
    if not residuals:
        msg = (
            f"of={target!r}: the {int(known.sum())} samples with a known outcome all have the same, or no event; test "
            "samples that differ in it."
        )
        raise ValueError(msg)
    return values, codes, known, residuals


def _ranks_of(
    tables: dict[str, pd.DataFrame], ids: dict[str, list[str]], boot: dict[str, np.ndarray]
) -> tuple[list[pd.DataFrame], dict[str, float]]:
    """Ranks of pathways and genes under bootstrap draws, and how far draws agree."""
    drawn, facts = [], {}
    for level, column in (("pathway", "score"), ("gene", "gene")):
        drawn.append(rank_draws(tables[level], level, ids[level], boot[column]))
        facts[f"stability_{level}"] = rank_stability(boot[column])
        facts[f"overlap_{level}"] = top_overlap(boot[column], TOP)
    return drawn, facts


def _check(
    model: Estimator,
    of: str | None,
    n_null: int,
    n_boot: int,
    pathway_size: tuple[int, int],
    alpha: float,
) -> str:
    """Check the arguments; give the target's name."""
    if not model.targets_:
        msg = "the model was fitted without a target, so there is nothing to test; fit with target= or survival=."
        raise ValueError(msg)
    target = next(iter(model.targets_)) if of is None else of
    check_choice("of", target, list(model.targets_))
    whole = isinstance(n_null, int) and isinstance(n_boot, int)
    if not whole or n_null < 20 or n_boot < 2:
        msg = f"n_null={n_null!r} must be a whole number of 20 or more (better 200), n_boot={n_boot!r} 2 or more."
        raise ValueError(msg)
    if not 0 < alpha < 1:
        msg = f"alpha={alpha!r} must lie between 0 and 1; 0.05 is usual."
        raise ValueError(msg)
    if len(pathway_size) != 2 or not 1 <= pathway_size[0] <= pathway_size[1]:
        msg = f"pathway_size={pathway_size!r} must be the fewest and the most members, such as (5, 300)."
        raise ValueError(msg)
    return target


def _graph(model: Estimator) -> tuple[PathwayGraph, GraphArrays]:
    """The measured graph of a model, and its arrays."""
    if model.graph_ is None or model.ensemble_.graph is None:
        msg = (
            "the model was fitted without a graph, or with one that holds none of its features, so it has no pathways to "
            "test; fit(mdata, graph) with a graph on which pathweave.graph.coverage(mdata, graph) finds features."
        )
        raise ValueError(msg)
    return model.graph_, model.ensemble_.graph


def _strata(mdata: MuData, strata: str | None) -> np.ndarray:
    """Code of each sample's stratum, -1 where it has none."""
    if strata is None:
        return np.zeros(mdata.n_obs, dtype=int)
    check_obs_column(mdata.obs, "strata", strata)
    return np.asarray(pd.factorize(mdata.obs[strata])[0])


def _attributed(attributions: Attributions, group: str) -> dict[str, float]:
    """Score of each pathway among the model's attributions."""
    table: Any = attributions.pathway
    mine = table[table["group"].astype(str) == group]
    return dict(zip(mine["pathway"], mine["score"], strict=True))
