"""Explanations judged on planted truth: `pw.tl.test_pathways` beside the classics, on the same data.

Run from the project's root: ``python benchmarks/explanations.py [planted layers null rewired relabelled | summary]
[--seeds 6] [--only SETTING]``. It writes ``explanations.csv`` (a row a data set and method), ``explanations_layers.csv``,
``explanations_null.csv``, ``explanations_rewired.csv`` and ``explanations_relabelled.csv`` beside it; ``summary`` prints
them in short. The tables hold ``--seeds 6`` and ten of the moderate setting (``planted --only moderate --seeds 10``). Rows
that are there already are kept, so that a run that was broken off goes on. About 35 minutes of
one core. gseapy's rows are left out without ``pip install gseapy``.

``test_pathways`` was developed on ``pw.datasets.simulate`` with the seeds 101 to 108, and judged once before on 201 to
502; here are others: planted truth from 601, nothing planted (``effect=0``) from 701, rewired memberships from 801,
labels shuffled over and over from 901. Nothing was chosen on these. The classics see the same features, the same map from features to nodes and the
same pathways (5 to 300 measured members):

- ``over_representation``: Welch's t-test of every feature, the best of a gene times their number, Benjamini and
  Hochberg, Fisher's exact test of the genes with q < .05; genes by their p.
- ``gsea``: running sum over the genes by their best |t| (all layers), normalised by shuffled labels; the column of
  ``test_pathways(classics=True)``. ``gseapy_all_layers``: gseapy's prerank of the best |t|. ``gseapy_rna``: prerank of
  the signed t of the transcriptome alone, by |NES|, as is mostly done.
- ``ridge``, ``elastic_net``: absolute weights, summed over a gene's features; a pathway's mean against all genes in
  standard errors of a random set of its size.
- ``network_gradients``: integrated gradients of a fitted PathwayVAE, summed over features and pathways like the
  weights; ``network_conductance``: what passes through the pathway activities inside its networks (as P-NET's
  DeepLift of its pathway layer; DeepLift itself is not right for these networks, and refused). Both explain a small
  network (three folds, 60 epochs at most).

Positives are the planted pathways and the genes with a loading. Ancestors of a planted pathway count as negatives,
for all methods.

``explanations_layers.csv`` counts the planted genes (all of them; those with q < .05, from 50 shuffles for
``test_pathways``) for which the right layer is named, in two readings. ``as_simulated``: a planted gene moves all of its
layers, the transcriptome most, so that is right. ``one_layer``: for every planted gene one of its layers is drawn,
and its values in the others are shuffled over samples, so that only this layer tells.

``noise`` adds normal noise of so many standard deviations to every value (of methylation on the logit scale).
"""

from __future__ import annotations

import argparse
import importlib.util
import time
import warnings
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import expit, logit
from scipy.stats import kstest, ttest_ind
from sklearn.linear_model import ElasticNetCV
from sklearn.metrics import average_precision_score, roc_auc_score
from tqdm import tqdm

import pathweave as pw
from pathweave.explain._pathway_tests.classics import member_score, strongest_feature
from pathweave.explain._pathway_tests.draws import Draws
from pathweave.explain._pathway_tests.evidence import node_evidence, standard_layers
from pathweave.explain._pathway_tests.significance import pooled_p, standardised

if TYPE_CHECKING:
    from mudata import MuData
    from scipy.sparse import csr_matrix

HERE = Path(__file__).resolve().parent
ALPHA = 0.05
# name: arguments of simulate and noise; first seed
SETTINGS = {
    "moderate": ({}, 601),
    "n100": ({"n_obs": 100}, 611),
    "n500": ({"n_obs": 500}, 621),
    "weak": ({"effect": 0.5}, 631),
    "strong": ({"effect": 2.0}, 641),
    "noisy": ({"noise": 1.0}, 651),
    "many_layers_missing": ({"missing_layers": 0.4, "missing": 0.2}, 661),
}
PARTS = ("planted", "layers", "null", "rewired", "relabelled")
MODEL = {"n_folds": 3, "max_epochs": 60, "n_jobs": 1}
NULL_SEED, REWIRED_SEED, RELABELLED_SEED = 701, 801, 901


def simulated(seed: int, *, noise: float = 0.0, **arguments: float) -> MuData:
    """Data with a planted truth, and noise on top."""
    mdata = pw.datasets.simulate(seed=seed, **arguments)
    rng = np.random.default_rng([seed, 7])
    for name, mod in mdata.mod.items() if noise else ():
        x = logit(mod.X.astype(float)) if name == "meth" else mod.X.astype(float)
        x = x + noise * np.nanstd(x, axis=0) * rng.standard_normal(x.shape)
        mod.X = (np.clip(expit(x), 1e-4, 1 - 1e-4) if name == "meth" else x).astype(np.float32)
    return mdata


def one_layer_each(mdata: MuData, seed: int) -> tuple[MuData, dict[str, str]]:
    """Leave every planted gene its signal in one layer only; also which."""
    rng = np.random.default_rng([seed, 8])
    out, planted = mdata.copy(), pw.get.truth(mdata).genes
    symbol = pw.ids.hgnc().set_index("id")["symbol"].to_dict()
    names = {
        "rna": dict(zip(out["rna"].var["hgnc"], range(out["rna"].n_vars), strict=True)),
        **{
            layer: dict(zip(out[layer].var["symbol"], range(out[layer].n_vars), strict=True))
            for layer in ("meth", "protein")
        },
    }
    right = {}
    for gene in planted:
        where = {
            layer: column[key]
            for layer, column in names.items()
            if (key := gene if layer == "rna" else symbol[gene]) in column
        }
        if len(where) < 2:
            continue
        right[gene] = str(rng.choice(sorted(where)))
        for layer, column in where.items():
            if layer != right[gene]:
                x = out[layer].X
                seen = np.flatnonzero(~np.isnan(x[:, column]))
                x[seen, column] = x[rng.permutation(seen), column]
    return out, right


def planted_row(table: pd.DataFrame, gene: pd.DataFrame, truth: object) -> dict[str, float]:
    """Scores of one method from its columns `score` of pathways and genes."""
    found = {}
    for level, part, positive in (
        ("pathway", table, table["pathway"].isin(truth.pathways)),
        ("gene", gene, gene["node"].isin(truth.genes)),
    ):
        if "score" in part:
            found[f"{level}_auroc"] = roc_auc_score(positive, part["score"])
            found[f"{level}_ap"] = average_precision_score(positive, part["score"])
        if "q" in part:
            found[f"{level}s_below_05"] = int((part["q"] < ALPHA).sum())
            found[f"planted_{level}s_below_05"] = int((positive & (part["q"] < ALPHA)).sum())
    return found


def judged(name: str, seed: int) -> list[dict[str, object]]:
    """All methods on one data set."""
    mdata = simulated(seed, **SETTINGS[name][0])
    truth, start = pw.get.truth(mdata), time.process_time()
    model = pw.models.PathwayVAE(**MODEL, seed=seed).fit(mdata, pw.graph.reactome(), target="class")
    gradients = pw.explain.attribute(mdata, model, of="class", n_steps=8, max_samples=50)
    fit_seconds = time.process_time() - start
    conductance = pw.explain.attribute(
        mdata, model, of="class", method="conductance", n_steps=16, max_samples=50
    )
    start = time.process_time()
    tests = pw.explain.test_pathways(
        mdata, model, attributions=gradients, n_boot=20, classics=True, seed=seed
    )
    seconds = time.process_time() - start
    table, gene = tests.pathway, tests.gene[tests.gene["kind"] == "gene"]
    nodes, members = memberships(model, tests)
    methods = {
        "test_pathways": (table, gene),
        "test_pathways_alone": (scored(table, table["score_alone"], table["q_alone"]), None),
        "over_representation": (
            scored(table, -table["p_over_representation"], table["q_over_representation"]),
            scored(gene, -gene["p_t_test"], gene["q_t_test"]),
        ),
        "gsea": (scored(table, table["gsea"], table["q_gsea"]), None),
        "ridge": (
            scored(table, table["linear_weights"]),
            scored(gene, gene["linear_weights"]),
        ),
    }
    weights = pd.Series(elastic_net(mdata, model), index=model.ensemble_.graph.node_ids)
    importance = mean_over_groups(gradients.gene, "node", "importance")
    for method, values in (("elastic_net", weights), ("network_gradients", importance)):
        of_sets = member_score(values.reindex(nodes).fillna(0.0).to_numpy(), members)
        methods[method] = (
            scored(table, of_sets),
            scored(gene, values.reindex(gene["node"]).fillna(0.0).to_numpy()),
        )
    through = mean_over_groups(conductance.pathway, "pathway", "importance")
    methods["network_conductance"] = (
        scored(table, through.reindex(table["pathway"]).fillna(0.0).to_numpy()),
        None,
    )
    for method, score in gseapy_scores(mdata, model, tests, members, nodes).items():
        methods[method] = (scored(table, score), None)
    about = {"setting": name, "seed": seed, **asdict_settings(name)}
    rows = [
        about
        | {"method": m}
        | planted_row(p, g if g is not None else pd.DataFrame({"node": []}), truth)
        for m, (p, g) in methods.items()
    ]
    rows[0] |= {"seconds": seconds, "fit_seconds": fit_seconds}
    return rows


def asdict_settings(name: str) -> dict[str, float]:
    """Settings with their defaults written out."""
    default = {"n_obs": 200, "effect": 1.0, "noise": 0.0, "missing": 0.05, "missing_layers": 0.15}
    return default | SETTINGS[name][0]


def scored(table: pd.DataFrame, score: object, q: object = None) -> pd.DataFrame:
    """The table's names with other scores."""
    key = "pathway" if "pathway" in table else "node"
    out = pd.DataFrame({key: table[key].to_numpy(), "score": np.asarray(score, dtype=float)})
    return out if q is None else out.assign(q=np.asarray(q, dtype=float))


def mean_over_groups(table: pd.DataFrame, key: str, column: str) -> pd.Series:
    """Mean of a column over groups (both classes are explained)."""
    return table.groupby(key)[column].mean()


def memberships(model: object, tests: object) -> tuple[list[str], csr_matrix]:
    """Nodes, and the tested pathways' members among them, in the order of the table."""
    from scipy.sparse import csr_matrix

    nodes = list(model.ensemble_.graph.node_ids)
    part = model.graph_.members
    part = part[part["node"].isin(nodes) & part["pathway"].isin(tests.pathway["pathway"])]
    rows = pd.Index(tests.pathway["pathway"]).get_indexer(part["pathway"])
    columns = pd.Index(nodes).get_indexer(part["node"])
    shape = len(tests.pathway), len(nodes)
    return nodes, csr_matrix((np.ones(len(part)), (rows, columns)), shape=shape)


def elastic_net(mdata: MuData, model: object) -> np.ndarray:
    """Absolute weights on all features, summed over those of a node."""
    values = model._read(mdata)
    parts = [
        np.nan_to_num((x - np.nanmean(x, axis=0)) / np.maximum(np.nanstd(x, axis=0), 1e-9))
        for x in values.values()
    ]
    y = (mdata.obs["class"] == "B").to_numpy(dtype=float)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # ends of the path that have not converged
        net = ElasticNetCV(l1_ratio=0.5, alphas=15, eps=0.05, cv=4, max_iter=500, tol=1e-3)
        net.fit(np.concatenate(parts, axis=1), y)
    edges = np.cumsum([x.shape[1] for x in parts])[:-1]
    split = dict(zip(values, np.split(np.abs(net.coef_), edges), strict=True))
    maps = model.ensemble_.graph.feature_maps
    return np.sum([np.asarray(split[name] @ maps[name]) for name in maps], axis=0)


def gseapy_scores(
    mdata: MuData, model: object, tests: object, members: csr_matrix, nodes: list[str]
) -> dict[str, np.ndarray]:
    """Prerank of all layers' best p, and of the transcriptome's signed t."""
    if importlib.util.find_spec("gseapy") is None:
        return {}
    import gseapy

    ids = tests.pathway["pathway"].tolist()
    sets = {
        name: [nodes[j] for j in members.indices[members.indptr[i] : members.indptr[i + 1]]]
        for i, name in enumerate(ids)
    }
    y = (mdata.obs["class"] == "B").to_numpy(dtype=float)
    best = strongest_feature(
        model._read(mdata), model.ensemble_.graph.feature_maps, (y - y.mean())[None] / y.std()
    )
    rna = mdata["rna"]
    label = mdata.obs["class"].reindex(rna.obs_names).to_numpy()
    t = ttest_ind(
        rna.X[label == "B"], rna.X[label == "A"], axis=0, equal_var=False, nan_policy="omit"
    ).statistic
    signed = pd.Series(np.asarray(t), index=rna.var["hgnc"].to_numpy())
    rankings = {
        "gseapy_all_layers": (pd.Series(best[0], index=nodes), False),
        "gseapy_rna": (signed[signed.index.isin(nodes)], True),
    }
    out = {}
    for method, (ranking, both) in rankings.items():
        found = gseapy.prerank(
            ranking.sort_values(ascending=False), gene_sets=sets, min_size=2, max_size=2000,
            permutation_num=200, threads=1, seed=1, outdir=None, no_plot=True, verbose=False,
        ).res2d.set_index("Term")["NES"].astype(float)  # fmt: skip
        score = found.abs() if both else found
        out[method] = score.reindex(ids).fillna(0.0).to_numpy()
    return out


def layers(name: str, seed: int) -> list[dict[str, object]]:
    """Shares of planted genes whose right layer is named."""
    mdata = simulated(seed, **SETTINGS[name][0])
    model, attributions = shallow(mdata, pw.graph.reactome())
    altered, one = one_layer_each(mdata, seed)
    readings = {
        "as_simulated": (mdata, dict.fromkeys(pw.get.truth(mdata).genes, "rna")),
        "one_layer": (altered, one),
    }
    rows = []
    for reading, (data, right) in readings.items():
        table = pw.explain.test_pathways(
            data, model, attributions=attributions, n_null=50, n_boot=2, classics=True, seed=seed
        ).gene
        mine = table[table["node"].isin(right)].set_index("node")
        wanted = pd.Series(right).reindex(mine.index)
        for method, layer, q in (
            ("test_pathways", "layer", "q"),
            ("t_test", "layer_t_test", "q_t_test"),
        ):
            same, below = mine[layer] == wanted, mine[q] < ALPHA
            row = {"setting": name, "seed": seed, "reading": reading, "method": method}
            row |= {"genes": len(same), "right": same.sum(), "genes_below_05": below.sum()}
            rows.append(row | {"right_below_05": same[below].sum()})
    return rows


def shallow(mdata: MuData, graph: object) -> tuple[object, object]:
    """A model that has hardly begun (p-values do not know it), and its attributions."""
    model = pw.models.PathwayVAE(4, max_epochs=1, n_folds=3, n_jobs=1)
    model.fit(mdata, graph, target="class")
    return model, pw.explain.attribute(mdata, model, of="class", n_steps=2, max_samples=2)


def null(seed: int) -> list[dict[str, object]]:
    """Nothing planted: least q of every kind, and p of one pathway and one gene drawn at random."""
    mdata = simulated(seed, effect=0.0, n_obs=100 if seed % 2 else 200)
    model, attributions = shallow(mdata, pw.graph.reactome())
    tests = pw.explain.test_pathways(
        mdata, model, attributions=attributions, n_null=100, n_boot=2, classics=True, seed=seed
    )
    one = np.random.default_rng([seed, 9]).integers(len(tests.pathway))
    row: dict[str, object] = {"seed": seed, "n_obs": mdata.n_obs, "n_pathways": len(tests.pathway)}
    # Rows are sorted by score: the place of a random pathway is drawn among the names.
    name = sorted(tests.pathway["pathway"])[one]
    picked = tests.pathway.set_index("pathway").loc[name]
    kinds = ("", "_alone", "_association", "_over_representation", "_gsea")
    row |= {f"p{kind}": picked[f"p{kind}"] for kind in kinds}
    row |= {f"least_q{kind}": tests.pathway[f"q{kind}"].min() for kind in kinds}
    row |= {f"below_05{kind}": (tests.pathway[f"p{kind}"] < ALPHA).mean() for kind in kinds}
    gene = tests.gene.sort_values("node").iloc[one % len(tests.gene)]
    row |= {"p_gene": gene["p"], "least_q_gene": tests.gene["q"].min()}
    return [row | found(tests)]


def relabelled(seed: int) -> list[dict[str, object]]:
    """Nothing planted: p of all genes for 60 shuffled labels of one data set, each tested against 100 others."""
    mdata = simulated(seed, effect=0.0, n_obs=100 if seed % 2 else 200)
    model, _ = shallow(mdata, pw.graph.reactome())
    y = (mdata.obs["class"] == "B").to_numpy(dtype=float)
    one = np.zeros(len(y), dtype=int)
    draws = Draws.of(y, one, n_null=160, n_boot=2, rng=np.random.default_rng(seed))
    layers = standard_layers(model._read(mdata), model.ensemble_.graph.feature_maps, one)
    every = node_evidence(layers, draws).association
    tested = [np.r_[101 + k, 1:101] for k in range(60)]
    p = np.array([pooled_p(standardised(np.cbrt(every[rows]), 100), 100) for rows in tested])
    row = {"seed": seed, "n_obs": mdata.n_obs, "n_genes": p.shape[1], "mean_p": p.mean()}
    return [row | {f"below_{x}": (p < x).mean() for x in (0.05, 0.01, 0.001)}]


def found(tests: object) -> dict[str, object]:
    """What was said of all pathways together."""
    (about,) = tests.params["groups"].values()
    keys = ("explained", "explained_shuffled_labels", "p_shuffled_labels",
            "explained_random_pathways", "p_random_pathways")  # fmt: skip
    claimed = "more than chance" in tests.verdict
    return {key: about[key] for key in keys} | {"advantage_claimed": claimed}


def rewired(seed: int) -> list[dict[str, object]]:
    """Planted truth, but memberships swapped between pathways; beside the true graph."""
    mdata = simulated(seed)
    rows = []
    graph = pw.graph.reactome()
    for name, used in (("true", graph), ("rewired", graph.rewire(seed=seed, members=True))):
        model, attributions = shallow(mdata, used)
        tests = pw.explain.test_pathways(
            mdata, model, attributions=attributions, n_null=100, n_boot=2, seed=seed
        )
        below = {
            f"below_05{kind}": int((tests.pathway[f"q{kind}"] < ALPHA).sum())
            for kind in ("", "_alone", "_association")
        }
        rows.append(
            {"seed": seed, "graph": name, "n_pathways": len(tests.pathway)} | below | found(tests)
        )
    return rows


def keep(path: Path, rows: list[dict[str, object]]) -> None:
    """Append rows to a table; columns may be new."""
    new = pd.DataFrame(rows)
    table = pd.concat([pd.read_csv(path), new]) if path.exists() else new
    table.to_csv(path, index=False, float_format="%.4g")


def summary() -> str:
    """The tables in short: means by setting and method; Kolmogorov-Smirnov and counts where nothing is planted."""
    table = pd.read_csv(HERE / "explanations.csv")
    told = ["explanations.csv, means"]
    scores = ["pathway_auroc", "pathway_ap", "gene_auroc", "gene_ap"]
    for column in scores:
        means = table.pivot_table(values=column, index="method", columns="setting", sort=False)
        by_set = table.pivot_table(values=column, index="seed", columns="method", sort=False)
        ahead = by_set.rsub(by_set["test_pathways"], axis=0) > 0
        means = means.assign(all=means.mean(axis=1), ours_ahead_in=ahead.sum(), of=len(by_set))
        told.append(f"{column}\n{means.round(3).to_string()}")
    counts = table[table["method"] == "test_pathways"].groupby("setting", sort=False)
    found = [
        "pathways_below_05",
        "planted_pathways_below_05",
        "genes_below_05",
        "planted_genes_below_05",
    ]
    told.append(counts[found].mean().assign(data_sets=counts.size()).round(1).to_string())
    layer = pd.read_csv(HERE / "explanations_layers.csv")
    by = layer.groupby(["reading", "setting", "method"], sort=False)
    sums = by[["right", "genes", "right_below_05", "genes_below_05"]].sum()
    shares = sums.assign(
        share=sums["right"] / sums["genes"],
        share_below_05=sums["right_below_05"] / sums["genes_below_05"],
    )
    told.append(f"explanations_layers.csv\n{shares.round(3).to_string()}")
    nothing = pd.read_csv(HERE / "explanations_null.csv")
    told.append(f"explanations_null.csv, {len(nothing)} data sets")
    for column in [c for c in nothing if c.startswith("p_") or c == "p"]:
        test = kstest(nothing[column], "uniform")
        told.append(f"{column}: D = {test.statistic:.3f}, p = {test.pvalue:.3f}")
    told += [
        f"{column} < .05 in {(nothing[column] < ALPHA).sum()} of {len(nothing)}"
        for column in nothing.filter(like="least_q")
    ]
    told.append(pd.read_csv(HERE / "explanations_relabelled.csv").to_string())
    told.append(f"advantage claimed in {nothing['advantage_claimed'].sum()}")
    rewired = pd.read_csv(HERE / "explanations_rewired.csv").groupby("graph", sort=False)
    told.append(rewired[["below_05", "below_05_alone", "below_05_association"]].mean().to_string())
    told.append(rewired["advantage_claimed"].agg(["sum", "size"]).to_string())
    return "\n\n".join(told)


def main() -> None:
    """Run what is asked and is not there yet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", default=list(PARTS))
    parser.add_argument(
        "--seeds",
        type=int,
        default=6,
        help="data sets of the moderate setting; half of it elsewhere",
    )
    parser.add_argument("--nulls", type=int, default=40)
    parser.add_argument("--rewirings", type=int, default=8)
    parser.add_argument("--only", choices=list(SETTINGS))
    asked = parser.parse_args()
    if asked.parts == ["summary"]:
        print(summary())
        return
    pw.settings.progress = False
    jobs = []
    for part, file, run in (
        ("planted", "explanations.csv", judged),
        ("layers", "explanations_layers.csv", layers),
    ):
        for i in range(asked.seeds if part in asked.parts else 0):
            for name, (_, first) in SETTINGS.items():
                often = asked.seeds if name == "moderate" else asked.seeds // 2
                if i < often and asked.only in (None, name):
                    jobs.append((file, first + i, partial(run, name)))
    for part, first, often, run in (
        ("null", NULL_SEED, asked.nulls, null),
        ("rewired", REWIRED_SEED, asked.rewirings, rewired),
        ("relabelled", RELABELLED_SEED, 2, relabelled),
    ):
        if part in asked.parts:
            jobs += [(f"explanations_{part}.csv", first + i, run) for i in range(often)]
    for file, seed, run in tqdm(jobs, desc="data sets"):
        path = HERE / file
        if path.exists() and (pd.read_csv(path)["seed"] == seed).any():
            continue
        with pw.io.quiet_mudata():
            keep(path, run(seed))


if __name__ == "__main__":
    main()
