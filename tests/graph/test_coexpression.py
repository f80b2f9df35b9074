"""Graphs learned from the data: values of scipy and pandas, order, ties, leaks, memory."""

from __future__ import annotations

import tracemalloc
import warnings
from itertools import combinations

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from mudata import MuData
from scipy import sparse, stats

from pathweave import datasets, ids, io
from pathweave.graph import coexpression
from pathweave.graph._coexpression import correlate

SYMBOLS = [
    "TP53", "MDM2", "ATM", "CDK1", "CCNB1", "FOXM1", "BRCA1", "BRCA2", "EGFR", "ERBB2", "KRAS",
    "NRAS", "BRAF", "MYC", "PTEN", "RB1", "E2F1", "VHL", "KIT", "MET", "RET", "JUN", "GAPDH", "TYMS",
]  # fmt: skip


@pytest.fixture(scope="module")
def node():
    table = ids.hgnc().set_index("symbol")["id"]
    return table[table.index.isin(SYMBOLS)].to_dict()


def layer(values, names=SYMBOLS, **var):
    """AnnData of sample s000, s001, ... and the first features."""
    n, p = values.shape
    obs = pd.DataFrame(index=[f"s{i:03d}" for i in range(n)])
    return ad.AnnData(values, obs=obs, var=pd.DataFrame(var, index=list(names[:p])))


def correlated(seed, n=60, p=24, factors=3):
    """Features that share a few factors, of either sign."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, factors)) @ rng.normal(size=(factors, p)) + rng.normal(size=(n, p))


def found(g):
    """Signed correlations by pair of nodes."""
    table = g.edges[["source", "target", "sign", "weight"]]
    return {frozenset(ends): sign * weight for *ends, sign, weight in table.to_numpy()}


def brute(r, names, least, k):
    """Pairs of which each is among the other's k strongest, one by one."""
    strength = np.nan_to_num(np.abs(r))
    np.fill_diagonal(strength, 0)
    near = [set(np.argsort(-row, kind="stable")[:k]) for row in strength]
    return {
        frozenset((names[i], names[j])): r[i, j]
        for i, j in combinations(range(len(r)), 2)
        if j in near[i] and i in near[j] and strength[i, j] >= least
    }


def check_same(ours, expected):
    assert ours.keys() == expected.keys()
    assert expected
    np.testing.assert_allclose([ours[p] for p in expected], list(expected.values()), atol=1e-6)


@pytest.mark.reference
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("k", "least"), [(1, 0.0), (3, 0.3), (10, 0.5), (100, 0.2)])
@pytest.mark.parametrize("method", ["spearman", "pearson"])
def test_values_and_neighbors_are_those_of_scipy_and_numpy(node, method, k, least, seed):
    x = correlated(seed)
    r = stats.spearmanr(x).statistic if method == "spearman" else np.corrcoef(x, rowvar=False)
    g = coexpression(layer(x), method=method, min_abs_correlation=least, n_neighbors=k)
    check_same(found(g), brute(r, [node[s] for s in SYMBOLS], least, k))
    assert (g.edges["weight"] >= least).all()
    ends = pd.concat([g.edges["source"], g.edges["target"]])
    assert ends.value_counts().max() <= k
    assert not g.edges["directed"].any()
    assert set(g.nodes["id"]) == set(ends)


@pytest.mark.reference
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("method", ["spearman", "pearson"])
def test_missing_values_are_left_out_pair_by_pair_as_in_pandas(node, method, seed):
    x = correlated(seed, n=50, factors=2)
    x[np.random.default_rng(seed).random(x.shape) < 0.3] = np.nan
    table = pd.DataFrame(x)
    ranked = table.rank() if method == "spearman" else table  # among the samples of the feature
    common = table.notna().to_numpy().astype(int)
    least_common = int(np.median(common.T @ common))
    r = ranked.corr(min_periods=least_common).to_numpy()
    assert np.isnan(r).any()
    g = coexpression(
        layer(x), method=method, min_abs_correlation=0.2, n_neighbors=4, min_samples=least_common
    )
    check_same(found(g), brute(r, [node[s] for s in SYMBOLS], 0.2, 4))


def test_too_few_common_samples_are_no_edge(node):
    rng = np.random.default_rng(0)
    x = np.repeat(rng.normal(size=(40, 1)), 2, axis=1)
    x[:10, 0], x[20:, 1] = np.nan, np.nan  # ten samples have both
    assert len(coexpression(layer(x), min_samples=10).edges) == 1
    less = coexpression(layer(x), min_samples=11)
    assert less.edges.empty
    assert less.nodes.empty


@pytest.mark.parametrize("method", ["spearman", "pearson"])
def test_a_feature_that_is_constant_where_the_other_is_known_is_no_edge(node, method):
    rng = np.random.default_rng(0)
    constant = {node[name] for name in SYMBOLS[:6:2]}
    for value in (0.1, 3.3, -7, 1e3, 1e6):
        x = rng.normal(size=(60, 6))
        x[5:, ::2] = value
        x[:5, 1::2] = np.nan
        g = coexpression(layer(x), method=method, min_abs_correlation=0, missing="pairwise")
        assert all(len(constant & pair) != 1 for pair in found(g))
        assert (g.edges["weight"] <= 1).all()


def test_one_outlier_does_not_hide_the_rest(node):
    x = correlated(1, n=60, p=2, factors=1)
    x[:, 1] = x[:, 0] + 0.1 * x[:, 1]
    x[0] = 1e4, np.nan
    expected = pd.DataFrame(x).corr().iloc[0, 1]
    g = coexpression(layer(x), method="pearson")
    check = found(g)[frozenset((node["TP53"], node["MDM2"]))]
    assert check == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("make", [sparse.csr_matrix, sparse.csc_matrix, np.asfortranarray])
def test_dense_is_sparse(make):
    x = np.random.default_rng(0).poisson(correlated(0) ** 2).astype(np.float32)
    expected = coexpression(layer(x), min_abs_correlation=0.1)
    g = coexpression(layer(make(x)), min_abs_correlation=0.1)
    assert len(g.edges) > 5
    assert g.digest == expected.digest
    assert g.meta == expected.meta


def test_large_counts_keep_their_order(node):
    counts = 2**24 + np.arange(40)  # neighbours are one number in single precision
    swapped = counts.reshape(-1, 2)[:, ::-1].ravel()
    expected = stats.spearmanr(counts, swapped).statistic
    ours = found(coexpression(layer(np.column_stack([counts, swapped]))))
    assert ours == {frozenset((node["TP53"], node["MDM2"])): pytest.approx(expected, abs=1e-9)}


@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("method", ["spearman", "pearson"])
def test_order_says_nothing(method, missing):
    rng = np.random.default_rng(3)
    x = correlated(3)
    x[:, 12:] = np.round(x[:, 12:])  # ties
    if missing:
        x[rng.random(x.shape) < 0.1] = np.nan
    data = layer(x)
    names = data.obs_names[rng.random(60) < 0.8].to_numpy()
    options = {"method": method, "min_abs_correlation": 0.2, "n_neighbors": 3}
    expected = coexpression(data, samples=names, **options)
    assert len(expected.edges) > 5
    mask = data.obs_names.isin(names)
    for samples in (names[::-1], list(names), mask, pd.Series(mask, data.obs_names)):
        g = coexpression(data, samples=samples, **options)
        assert (g.digest, g.meta) == (expected.digest, expected.meta)
    for _ in range(3):
        shuffled = data[rng.permutation(60)][:, rng.permutation(len(SYMBOLS))].copy()
        g = coexpression(shuffled, samples=rng.permutation(names), **options)
        assert (g.digest, g.meta) == (expected.digest, expected.meta)
        flags = pd.Series(mask, data.obs_names).sample(frac=1, random_state=0)
        assert coexpression(shuffled, samples=flags, **options).digest == expected.digest


@pytest.mark.parametrize("fill", [1e6, np.nan, np.inf, 0.0])
def test_samples_that_are_not_meant_change_nothing(fill):
    x = correlated(4)
    mask = np.arange(60) < 40
    expected = coexpression(layer(x), samples=mask, min_abs_correlation=0.2)
    other = x.copy()
    other[~mask] = fill
    g = coexpression(layer(other), samples=mask, min_abs_correlation=0.2, missing="error")
    assert (g.digest, g.meta) == (expected.digest, expected.meta)
    alone = coexpression(layer(x)[mask].copy(), min_abs_correlation=0.2)
    assert (alone.digest, alone.meta) == (expected.digest, expected.meta)
    assert expected.digest != coexpression(layer(x), min_abs_correlation=0.2).digest


def test_of_equals_the_first_names_are_neighbors(node):
    rng = np.random.default_rng(0)
    names = ["MDM2", "TP53", "ATM", "CDK1"]
    x = np.repeat(rng.normal(size=(30, 1)), 4, axis=1)
    # ATM, CDK1, MDM2, TP53: the first of all others is ATM, and CDK1 that of ATM.
    assert found(coexpression(layer(x, names), n_neighbors=1)) == {
        frozenset((node["ATM"], node["CDK1"])): 1.0
    }
    assert len(coexpression(layer(x, names), n_neighbors=3).edges) == 6


@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("ranks", [False, True])
def test_blocks_of_any_size_give_the_same(monkeypatch, ranks, missing):
    for seed in range(4):
        rng = np.random.default_rng(seed)
        n = int(rng.integers(25, 90))
        equal = rng.normal(size=(n, 10))[:, rng.permutation(np.repeat(np.arange(10), 4))]
        x = np.column_stack([equal, rng.integers(0, 2, size=(n, 21)), correlated(seed, n)])
        if missing:
            x[rng.random(x.shape) < 0.05] = np.nan
        x = x[:, correlate.varies(x, 10)]
        results = []
        for cells in (4_000_000, 1, 170, 500, 1300, 3000):
            monkeypatch.setattr(correlate, "_CELLS", cells)
            results.append(
                correlate.mutual_neighbors(x, ranks=ranks, least=0.1, k=3, min_samples=10)
            )
        for result in results[1:]:
            for ours, expected in zip(result, results[0], strict=True):
                np.testing.assert_array_equal(ours, expected)


def test_constant_and_unknown_features_are_counted():
    x = correlated(0, p=6)
    x[:, 1] = 3.7
    x[:45, 2] = np.nan  # fifteen values
    x[:, 3] = np.nan
    g = coexpression(layer(x, [*SYMBOLS[:5], "no such gene"]), min_abs_correlation=0)
    told = g.meta["coexpression"]
    assert told["features"] == 6
    assert told["features_constant"] == 3
    assert told["features_not_mapped"] == 1
    assert told["samples"] == 60
    assert sum(reason["n"] for reason in g.meta["coexpression_lost"].values()) == 1
    assert len(g.edges) == 1
    nothing = coexpression(layer(np.ones((30, 3))))
    assert nothing.edges.empty
    assert nothing.meta["coexpression"]["features_constant"] == 3


@pytest.mark.parametrize("way", ["column", "table"])
def test_of_two_probes_of_a_gene_the_strongest_pair_counts(node, way):
    rng = np.random.default_rng(0)
    base = rng.normal(size=60)
    noise = [0.05, 2.0, 0.5, 0.1]
    x = np.column_stack([base + size * rng.normal(size=60) for size in noise])
    x[:, 3] *= -1
    probes, genes = ["probe_1", "probe_2", "probe_3", "probe_4"], ["TP53", "TP53", "MDM2", "MDM2"]
    if way == "column":
        data, table = layer(x, probes, symbol=genes), None
    else:
        data = layer(x, probes)
        table = pd.DataFrame({"name": probes, "id": [node[g] for g in genes]})
    r = stats.spearmanr(x).statistic
    strongest = min((r[i, j] for i in (0, 1) for j in (2, 3)), key=lambda value: -abs(value))
    ours = found(coexpression(data, table=table, min_abs_correlation=0.1))
    assert ours == {frozenset((node["TP53"], node["MDM2"])): pytest.approx(strongest)}
    assert strongest < -0.9


def test_sign_and_weight(node):
    rising = np.arange(30.0)
    x = np.column_stack([rising, -(rising**3), np.exp(rising / 5)])
    options = {"min_abs_correlation": 1.0}
    first, second, third = (node[s] for s in SYMBOLS[:3])
    g = coexpression(layer(x), **options)
    assert found(g) == {
        frozenset((first, second)): -1.0, frozenset((first, third)): 1.0,
        frozenset((second, third)): -1.0,
    }  # fmt: skip
    assert set(g.edges["type"]) == {"coexpression"}
    assert set(g.edges["database"]) == {"coexpression"}
    assert coexpression(layer(x), method="pearson", **options).edges.empty
    named = coexpression(layer(x), database="mine", **options)
    assert set(named.edges["database"]) == {"mine"}
    assert named.meta["mine"]["method"] == "spearman"


def test_compounds_mirnas_and_what_a_mudata_says(node):
    x = correlated(0, p=4, factors=1)
    compounds = coexpression(
        layer(x, ["C00031", "C00022", "C00024", "C00158"]), kind="metabolome", min_abs_correlation=0
    )
    assert set(compounds.nodes["kind"]) == {"compound"}
    mirnas = ["hsa-miR-21-5p", "hsa-miR-20a-5p", "hsa-let-7a-5p", "hsa-miR-155-5p"]
    data = MuData({"rna": layer(x), "mir": layer(x[:40], mirnas)})
    g = coexpression(data, layer="mir", min_abs_correlation=0)
    assert set(g.nodes["kind"]) == {"mirna"}
    # Of the samples asked for, the layer has forty.
    assert g.meta["coexpression"]["samples"] == 40
    assert g.meta["coexpression"]["layer"] == "mir"
    io.set_kinds(data, {"mir": "transcriptome"})
    with pytest.raises(ValueError, match="no feature is a known gene or compound"):
        coexpression(data, layer="mir")
    alone = MuData({"rna": layer(x)})
    assert found(coexpression(alone)) == found(coexpression(layer(x)))


def test_a_user_with_mudatas_old_options_hears_no_warning():
    import mudata

    data = layer(correlated(0, p=4))
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        mudata.set_options(pull_on_update=None)
        coexpression(data)
    assert not heard


def test_the_data_are_not_changed():
    data = layer(correlated(0))
    data.X[0, 0] = np.nan
    data.obs["batch"] = "a"
    before, columns = data.copy(), list(data.obs.columns)
    coexpression(data, samples=data.obs_names[:50])
    np.testing.assert_array_equal(data.X, before.X)
    pd.testing.assert_frame_equal(data.obs, before.obs)
    pd.testing.assert_frame_equal(data.var, before.var)
    assert list(data.obs.columns) == columns
    assert not data.uns


GOOD = layer(correlated(0, p=4))


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"method": "kendall"}, ValueError, "method='kendall'"),
        ({"missing": "drop"}, ValueError, "missing='drop'"),
        ({"kind": "rna"}, ValueError, "kind='rna'.*'transcriptome'"),
        ({"min_abs_correlation": 1.1}, ValueError, "min_abs_correlation=1.1 must be from 0 to 1"),
        ({"min_abs_correlation": np.nan}, ValueError, "min_abs_correlation=nan"),
        ({"n_neighbors": 0}, ValueError, "n_neighbors=0 must be at least 1"),
        ({"min_samples": 2}, ValueError, "min_samples=2 must be at least 3"),
        ({"min_samples": 61}, ValueError, "has 60 of them; at least min_samples=61"),
        ({"samples": GOOD.obs_names[:5]}, ValueError, "has 5 of them; at least min_samples=20"),
        ({"samples": "s001"}, TypeError, "found the text 's001'"),
        ({"samples": [1, 2, 3]}, TypeError, "found numbers"),
        ({"samples": [True, False]}, ValueError, "2 values of true and false for 60 samples"),
        ({"samples": ["s001", "nobody"]}, KeyError, "1 name.s. are not in the data: 'nobody'"),
        ({"samples": ["s001", "s001"]}, ValueError, "samples are not unique: 's001'"),
        ({"samples": pd.Series({"nobody": True})}, KeyError, "not in the data: 'nobody'"),
    ],
)  # fmt: skip
def test_wrong_arguments_are_refused_by_name(options, error, match):
    with pytest.raises(error, match=match):
        coexpression(GOOD, **options)


def test_wrong_data_are_refused():
    with pytest.raises(TypeError, match="must be a MuData or an AnnData, found DataFrame"):
        coexpression(pd.DataFrame())
    with io.quiet_mudata():
        both = MuData({"a": GOOD.copy(), "b": GOOD.copy()})
    with pytest.raises(KeyError, match="layer='rna': choose one of 'a', 'b'"):
        coexpression(both, layer="rna")
    with pytest.raises(KeyError, match="layer=None: choose one of 'a', 'b'"):
        coexpression(both)
    with pytest.raises(
        ValueError, match="no feature is a known gene or compound; found 'x1', 'x2'"
    ):
        coexpression(layer(correlated(0, p=2), ["x1", "x2"]))
    gaps = GOOD.copy()
    gaps.X[3, 1] = np.nan
    with pytest.raises(ValueError, match=r"missing values in 1 feature.s.: 'MDM2'"):
        coexpression(gaps, missing="error")
    gaps.X[3, 1] = np.inf
    with pytest.raises(ValueError, match="infinite values in 'MDM2'"):
        coexpression(gaps)
    twice = GOOD.copy()
    twice.var_names = ["TP53", "TP53", "ATM", "MDM2"]
    with pytest.raises(ValueError, match="feature names of layer 'data' are not unique: 'TP53'"):
        coexpression(twice)


def _by_symbol(g):
    symbol = g.nodes.set_index("id")["symbol"]
    return {frozenset(symbol[end] for end in pair): r for pair, r in found(g).items()}


def test_the_cell_cycle_is_found_in_real_tumours():
    pairs = _by_symbol(coexpression(datasets.miniacc(), layer="rna"))
    for known in (("CDK1", "CCNB1"), ("CDK1", "FOXM1"), ("FOXM1", "CCNB1"), ("TYMS", "RAD51")):
        assert pairs[frozenset(known)] > 0.8
    random = coexpression(_permuted(datasets.miniacc()["rna"]))
    assert len(random.edges) < len(pairs) / 20


def _permuted(data):
    """Every feature in an order of its own."""
    out = data.copy()
    out.X = np.random.default_rng(0).permuted(np.asarray(data.X), axis=0)
    return out


@pytest.mark.reference
def test_neighbours_on_a_chromosome_share_their_copy_number(shared):
    data = io.read_h5mu(shared / "data" / "tcga_surv_luad" / "tcga_surv_luad.h5mu")
    g = coexpression(data, layer="cnv", min_abs_correlation=0.8)
    assert len(g.edges) > 50
    assert (g.edges["sign"] == 1).mean() > 0.95


@pytest.mark.parametrize("missing", [False, True])
def test_memory_is_bounded(missing):
    features = 20_000 if not missing else 8_000
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, features))
    x[:, 1] = x[:, 0] + 0.01 * x[:, 1]
    if missing:
        x[rng.random(x.shape) < 0.02] = np.nan
    tracemalloc.start()
    try:
        first, second, r = correlate.mutual_neighbors(
            x, ranks=True, least=0.5, k=10, min_samples=20
        )
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # The whole matrix would be 3,200 MB (512 MB).
    assert peak < 300e6
    assert r[(first == 0) & (second == 1)].item() > 0.99
    assert len(r) > 500


def test_the_order_of_synonyms_does_not_matter():
    """Two names of one compound: the label, and so the digest, is the same in any order of columns."""
    rng = np.random.default_rng(0)
    base = rng.normal(size=(40, 1))
    x = np.hstack([base, base, base]) + rng.normal(scale=0.1, size=(40, 3))
    names = ["pyruvate", "pyruvic acid", "lactate"]
    table = pd.DataFrame({"name": names, "id": ["CHEBI:15361", "CHEBI:15361", "CHEBI:24996"]})
    made = [
        coexpression(
            ad.AnnData(x[:, order], var=pd.DataFrame(index=[names[i] for i in order])),
            kind="metabolome",
            table=table,
        )
        for order in ([0, 1, 2], [1, 0, 2])
    ]
    assert made[0].digest == made[1].digest
