"""Perturbations say what a model says of changed samples, and a screen is many of them."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from tests_helpers import quick, snapshot

import pathweave as pw

KEY = ["target", "output", "unit"]


@pytest.fixture(scope="module")
def genes(small):
    """Symbols of genes that transcriptome and proteome measure, the first of them without methylation's help."""
    model = small[1]
    arrays = model.ensemble_.graph
    both = np.ones(arrays.n_nodes, dtype=bool)
    for layer in ("rna", "protein"):
        both &= np.asarray((arrays.feature_maps[layer] != 0).sum(axis=0)).ravel() > 0
    symbol = model.graph_.nodes.set_index("id")["symbol"]
    return [symbol[node] for node in np.array(arrays.node_ids)[both][:6]]


def shift_of(found, output="outcome", unit="units of the target"):
    rows = found.samples.query("output == @output and unit == @unit")
    return rows.set_index("sample")["shift"]


def closed_form(mdata, model, layer, new, at):
    """Shift of the linear model when features `at` of a layer get the values `new` (n, k)."""
    part = model.ensemble_.parts["outcome"]
    module, weight = part.linear[0], part.weights[0]
    i = module.layers.index(layer)
    scale = getattr(module, f"scale_{i}").double().numpy()[at]
    w = module.weight(layer)[:, 0].double().numpy()[at]
    x = model._read(mdata)[layer][:, at]
    return weight * np.where(np.isnan(x), 0.0, (new - x) * w / scale).sum(axis=1)


def test_the_shift_of_a_linear_model_is_the_closed_form(small, linear):
    mdata, _ = small
    features = [3, 17]
    names = [linear.layers_["rna"].features[i] for i in features]
    changes = {names[0]: ("set", 2.5), names[1]: ("set", 0.5)}
    found = pw.explain.perturb(mdata, linear, changes, layers="rna", n_null=0)
    expected = closed_form(mdata, linear, "rna", np.array([2.5, 0.5]), features)
    got = shift_of(found)
    measured = ~np.isnan(linear._read(mdata)["rna"][:, features]).all(axis=1)
    assert got.index.tolist() == mdata.obs_names.tolist()
    assert np.isnan(got.to_numpy()[~measured]).all()
    assert (~measured).sum() == found.params["n_left_out"] > 0
    np.testing.assert_allclose(got[measured], expected[measured], rtol=1e-4, atol=1e-5)
    row = found.outputs.query("output == 'outcome'").iloc[0]
    assert np.isclose(row["shift"], expected[measured].mean(), rtol=1e-4)
    assert np.isclose(row["after"] - row["before"], row["shift"], atol=1e-6)
    assert np.isclose(row["effect"], np.abs(expected[measured]).mean(), rtol=1e-4)
    assert row["low"] < row["shift"] < row["high"]
    assert np.isnan(row["se"])  # no network takes part in this target, so nothing differs
    assert np.isfinite(found.outputs.query("target == 'class'")["se"]).all()


def test_what_a_linear_model_does_with_two_changes_is_their_sum(small, linear, genes):
    mdata, _ = small
    shared = pw.explain.perturb(mdata, linear, dict.fromkeys(genes[:2], "lowest"), n_null=0)
    single = [pw.explain.perturb(mdata, linear, {g: "lowest"}, n_null=0) for g in genes[:2]]
    parts = sum(shift_of(one).fillna(0.0) for one in single)
    np.testing.assert_allclose(shift_of(shared).fillna(0.0), parts, rtol=1e-4, atol=2e-6)
    assert np.abs(parts).max() > 1e-3


def test_a_gene_without_weight_shifts_nothing(small, linear, genes):
    mdata, _ = small
    unit = pw.explain._perturbation.names.Names(linear).find(genes[0])
    part = linear.ensemble_.parts["outcome"]
    module = copy.deepcopy(part.linear[0])
    for layer, (at, _) in unit.shares.items():
        getattr(module, f"weight_{module.layers.index(layer)}")[at] = 0.0
    parts = {**linear.ensemble_.parts, "outcome": replace(part, linear=[module, *part.linear[1:]])}
    blind = copy.copy(linear)
    blind.ensemble_ = replace(linear.ensemble_, parts=parts)
    found = pw.explain.perturb(mdata, blind, {genes[0]: "lowest"}, n_null=20)
    row = found.outputs.query("output == 'outcome'").iloc[0]
    assert row["shift"] == row["effect"] == 0.0
    assert row["p_random"] == 1.0
    assert "outcome: no shift, the model does not use what was changed" in found.verdict
    assert pw.explain.perturb(mdata, linear, {genes[0]: "lowest"}).outputs.query(
        "output == 'outcome'"
    )["effect"].iloc[0] > 0  # fmt: skip


def test_before_and_after_are_what_the_model_says(small, genes):
    mdata, model = small
    found = pw.explain.perturb(mdata, model, {genes[0]: "lowest"}, groupby="class", n_null=0)
    with pw.io.quiet_mudata():
        changed = mdata.copy()
    for row in found.changes.itertuples():
        mod = changed.mod[row.layer]
        x = np.asarray(mod.X)
        at = mod.var_names.get_loc(row.feature)
        x[:, at] = np.where(np.isnan(x[:, at]), np.nan, row.low)
        mod.X = x
    some = found.samples["shift"].notna()
    for said, column in ((mdata, "before"), (changed, "after")):
        table = found.samples[some].query("unit == 'probability'")
        proba = model.predict_proba(said)
        got = table.set_index(["sample", "output"])[column]
        expected = [proba.loc[sample, label] for sample, label in got.index]
        np.testing.assert_allclose(got, expected, atol=1e-5)
    moved = np.linalg.norm(model.embed(changed) - model.embed(mdata), axis=1)
    distance = found.samples.query("output == 'distance'").set_index("sample")["shift"].dropna()
    np.testing.assert_allclose(
        distance, pd.Series(moved, mdata.obs_names)[distance.index], atol=1e-4
    )
    group = mdata.obs["class"].astype(str)
    usable = group[distance.index]
    means = (model.pathway_activity(changed) - model.pathway_activity(mdata)).loc[usable.index]
    for label in ("A", "B"):
        mine = found.pathway.query("group == @label").set_index("pathway")["shift"]
        expected = means[usable == label].mean()
        np.testing.assert_allclose(mine.reindex(expected.index), expected, atol=1e-4)
        assert found.params["n_samples"][label] == (usable == label).sum()
    assert found.outputs["group"].unique().tolist() == ["A", "B"]


def test_batches_and_the_order_of_samples_do_not_matter(small, genes):
    mdata, model = small
    changes = {genes[0]: "knockout", genes[1]: 0.5}
    one = pw.explain.perturb(mdata, model, changes, n_null=5)
    small_batches = pw.explain.perturb(mdata, model, changes, n_null=5, batch_size=7)
    order = np.random.default_rng(0).permutation(mdata.n_obs)
    with pw.io.quiet_mudata():
        shuffled = mdata[order].copy()
    other = pw.explain.perturb(shuffled, model, changes, n_null=5)
    for name in ("outputs", "latent", "changes"):
        for again in (small_batches, other):
            pd.testing.assert_frame_equal(
                getattr(one, name), getattr(again, name), rtol=1e-3, atol=1e-5
            )
    key = ["layer", "feature"]
    by_name = [t.layer.set_index(key).sort_index()["shift"] for t in (one, small_batches, other)]
    for again in by_name[1:]:
        np.testing.assert_allclose(by_name[0], again, atol=1e-5)
    assert shift_of(other).index.tolist() == shuffled.obs_names.tolist()


def test_a_row_of_a_screen_is_that_perturbation_alone(small, genes):
    mdata, model = small
    screen = pw.explain.perturb_screen(
        mdata, model, "lowest", units=genes, of="outcome", max_samples=1000, n_null=20
    )
    tiny = pw.explain.perturb_screen(
        mdata, model, "lowest", units=genes, of="outcome", max_samples=1000, n_null=20, batch_size=9
    )
    pd.testing.assert_frame_equal(screen.table, tiny.table, rtol=1e-3, atol=1e-5)
    assert screen.table["rank"].tolist() == list(range(1, len(genes) + 1))
    assert screen.table["effect"].is_monotonic_decreasing
    for gene in genes[:2]:
        alone = pw.explain.perturb(mdata, model, {gene: "lowest"}, n_null=0).outputs
        row = screen.table.query("symbol == @gene").iloc[0]
        expected = alone.query("output == 'outcome'").iloc[0]
        for column in ("shift", "effect", "se", "low", "high", "n_samples"):
            np.testing.assert_allclose(row[column], expected[column], rtol=1e-3, atol=1e-6)
    classes = pw.explain.perturb_screen(mdata, model, "lowest", units=genes[:1], n_null=0).table
    log_odds = pw.explain.perturb(mdata, model, {genes[0]: "lowest"}, n_null=0).outputs
    expected = log_odds.query("unit == 'log odds' and output == 'B'")["shift"].iloc[0]
    assert classes["group"].tolist() == ["B"]
    assert np.isclose(classes["shift"].iloc[0], expected, rtol=1e-3, atol=1e-6)
    latent = pw.explain.perturb_screen(
        mdata, model, "lowest", units=genes[:1], of="latent", n_null=0
    )
    moved = pw.explain.perturb(mdata, model, {genes[0]: "lowest"}, n_null=0).latent
    distance = moved.query("dimension == 'distance'")["shift"].iloc[0]
    assert np.isclose(latent.table["shift"].iloc[0], distance, rtol=1e-3)


def test_a_planted_gene_ranks_first_and_beats_random_features():
    mdata = pw.datasets.simulate(
        80,
        n_pathways_active=2,
        n_features=150,
        layers=("rna",),
        missing=0,
        missing_layers=0,
        seed=3,
    )
    x = np.asarray(mdata["rna"].X, dtype=float)
    planted = mdata["rna"].var_names[40]
    z = (x[:, 40] - x[:, 40].mean()) / x[:, 40].std()
    mdata.obs["planted"] = z + np.random.default_rng(0).normal(0, 0.1, len(z))
    model = quick().fit(mdata, pw.graph.reactome(), target="planted")
    screen = pw.explain.perturb_screen(mdata, model, "highest", max_samples=20, n_null=60)
    first = screen.table.iloc[0]
    assert first["symbol"] == planted
    assert first["shift"] > 0
    assert first["p_random"] < 0.05
    p = screen.table["p_random"]
    assert 0.0 < (p < 0.2).mean() < 0.4  # most features are as good as random ones
    assert first["effect"] > 3 * screen.table["effect"].iloc[1]
    assert f"most of all {planted}" in screen.verdict


def test_genes_of_planted_pathways_lie_above_others():
    mdata = pw.datasets.simulate(150, n_pathways_active=2, n_features=200, effect=2.0, seed=5)
    model = quick().fit(mdata, pw.graph.reactome(), target="outcome")
    table = pw.explain.perturb_screen(mdata, model, max_samples=15, n_null=0).table
    planted = table["name"].isin(pw.get.truth(mdata).genes)
    assert table.loc[planted, "rank"].mean() < 0.8 * table.loc[~planted, "rank"].mean()


@pytest.mark.parametrize(
    ("kind", "values", "change", "expected"),
    [
        ("transcriptome", [0.0, 2.0, 6.0], "knockout", 0.0),
        ("transcriptome", [-1.0, 2.0, 6.0], "knockout", -1.0),
        ("proteome", [18.0, 20.0, 25.0], "knockout", 18.0),
        ("cnv", [0.0, 1.0, 2.0], "knockout", 0.0),
        ("methylation", [0.1, 0.5, 0.9], "knockout", 0.9),
        ("mutation", [0.0, 0.0, 1.0], "knockout", 1.0),
        ("methylation", [0.1, 0.5, 0.9], 20.0, 1.0),
        ("proteome", [18.0, 20.0, 25.0], 2.0, 36.0),
        ("proteome", [18.0, 20.0, 25.0], ("clamp", 19.0, None), 19.0),
        ("proteome", [18.0, 20.0, 25.0], ("shift", -1), 17.0),
        ("proteome", [18.0, 20.0, 25.0], "highest", 25.0),
    ],
)  # fmt: skip
def test_what_a_change_means_depends_on_the_layer(kind, values, change, expected):
    """The first sample's value after the change."""
    x = np.array(values)[:, None]
    schema = pw.models._data.LayerSchema("layer", kind, ("f",), "gaussian")
    shares = kind in ("methylation", "mutation")
    zero = bool(x.min() == 0)
    scale = pw.explain._perturbation.scale.LayerScale(
        schema, x.min(0), x.max(0), x.mean(0), x.std(0), zero, False, shares, np.ones(3)
    )
    read = pw.explain._perturbation.change.read_change("f", change)
    got = read.apply(x, np.array([0]), np.arange(3), scale)
    assert np.isclose(got[0, 0], expected)
    assert read.touches(scale, named=False) == (not shares or change != "knockout")


def test_counts_are_changed_as_counts():
    rng = np.random.default_rng(1)
    with pw.io.quiet_mudata():
        mdata = pw.datasets.simulate(60, n_pathways_active=2, n_features=120, layers=("rna", "protein"), missing=0.0, missing_layers=0.0, seed=2)  # fmt: skip
        mean = np.exp2(np.clip(np.nan_to_num(np.asarray(mdata["rna"].X)), 0, 9))
        mdata["rna"].X = rng.poisson(mean).astype(np.float32)
        model = quick().fit(mdata, target="outcome")
    assert model.layers_["rna"].likelihood == "negative_binomial"
    gene = mdata["rna"].var_names[int(mean.mean(axis=0).argmax())]
    base = model._read(mdata)["rna"][:, mdata["rna"].var_names.get_loc(gene)].astype(float)
    size = model.layers_["rna"].sizes(np.asarray(mdata["rna"].X)) / model.layers_["rna"].library
    for change, expected in (
        ("knockout", np.zeros_like(base)),
        (2.0, np.log1p(2 * np.expm1(base))),
        (("set", 30), np.log1p(30 / size)),
    ):
        found = pw.explain.perturb(mdata, model, {gene: {"rna": change}}, n_null=0).changes
        assert np.isclose(found["after"].iloc[0], expected.mean(), rtol=1e-4, atol=1e-6)
        assert len(found) == 1


def test_an_antibody_moves_by_the_genes_share_and_a_pathway_as_a_whole(small):
    mdata, model = small
    pathway = model.pathways_[0]
    found = pw.explain.perturb(mdata, model, {pathway.split(":")[-1]: "lowest"}, n_null=0)
    members = set(model.graph_.members.query("pathway == @pathway")["node"])
    names = pw.explain._perturbation.names.Names(model)
    n = sum(
        int((np.asarray(m[:, names.nodes.isin(members)].sum(axis=1)).ravel() > 0).sum())
        for m in names.members.values()
    )
    assert len(found.changes) == n
    assert set(found.changes["of"]) == {found.params["units"][pathway]["label"]}
    names.members["protein"] = names.members["protein"].copy()
    node = names.nodes[0]
    names.members["protein"].data *= 0.5
    unit = names.find(node)
    scales = pw.explain._perturbation.scale.layer_scales(mdata, model, model._read_raw(mdata))
    make = pw.explain._perturbation.edits.make_edits
    change = pw.explain._perturbation.change.Change("set", (9.0,))
    edits = make([(unit, change)], scales, None)
    values, rows = model._read(mdata), np.arange(mdata.n_obs)
    new, at = edits.columns(values, rows), edits.positions()
    for edit in edits.edits:
        assert (edit.share == (0.5 if edit.layer == "protein" else 1.0)).all()
        x = values[edit.layer][:, at[edit.layer]]
        target = 1.0 if edit.layer == "meth" else 9.0  # a share
        np.testing.assert_allclose(new[edit.layer], x + edit.share * (target - x), rtol=1e-5)


def test_random_features_are_others_moved_as_much(small, genes):
    mdata, model = small
    random = pw.explain._perturbation.random
    values, rows = model._read(mdata), np.arange(mdata.n_obs)
    scales = pw.explain._perturbation.scale.layer_scales(mdata, model, model._read_raw(mdata))
    pathway = model.pathways_[0]
    changes = {pathway: "lowest", genes[0]: "highest"}
    edits, _ = pw.explain._perturbation.edits.read_edits(
        changes, pw.explain._perturbation.names.Names(model), scales, None
    )
    moves, rng = random.moves_of(edits, values, rows), np.random.default_rng(0)
    for _ in range(20):
        drawn = random.pick(edits, moves, rng)
        new = random.moved_columns(edits, values, rows, moves, drawn)
        for name, at in edits.positions().items():
            assert not set(drawn[name]) & set(at)
            assert len(set(drawn[name])) == moves[name].shape[1]
            x, spread = values[name][:, drawn[name]], scales[name].spread[drawn[name]]
            seen = ~np.isnan(x)
            np.testing.assert_allclose(
                ((new[name] - x) / spread)[seen], moves[name][seen], rtol=1e-2, atol=1e-3
            )


def test_p_of_a_screen_compares_effects_for_their_size(small, genes):
    """Of the five nearest sets, of size 1, those with effects 4 and 5 reach an effect of 8 at size 2."""
    screening = pw.explain._perturbation.screening
    unit = pw.explain._perturbation.names.Names(small[1]).find(genes[0])

    class Edits:
        @staticmethod
        def positions():
            return {"rna": np.zeros(1, dtype=int)}

    def of_size(size):
        return screening.Screened(unit, Edits(), np.arange(3), size)

    null = [screening.Random(of_size(1.0), {}) for _ in range(10)]
    effects = [np.array([k]) for k in (1.0, 2.0, 3.0, 4.0, 5.0, 9.0, 9.0, 9.0, 9.0, 9.0)]
    p = screening._p_random([of_size(2.0), of_size(0.0)], np.array([[8.0], [0.0]]), null, effects)
    np.testing.assert_allclose(p[:, 0], [3 / 6, 1.0])  # the half of the sets that is nearest


def test_knockouts_leave_methylation_alone_unless_it_is_named(small):
    mdata, model = small
    names = pw.explain._perturbation.names.Names(model)
    unit = next(u for u in names.every("gene") if {"rna", "meth"} <= set(u.shares))
    plain = pw.explain.perturb(mdata, model, {unit.label: "knockout"}, n_null=0)
    assert "meth" not in set(plain.changes["layer"])
    named = pw.explain.perturb(mdata, model, {unit.name: "knockout"}, layers="meth", n_null=0)
    assert set(named.changes["layer"]) == {"meth"}
    np.testing.assert_allclose(named.changes["after"], named.changes["high"], rtol=1e-5)
    alone = replace(unit, shares={"meth": unit.shares["meth"]})
    scales = pw.explain._perturbation.scale.layer_scales(mdata, model, model._read_raw(mdata))
    knockout = pw.explain._perturbation.change.Change("knockout")
    with pytest.raises(ValueError, match="measured in 'meth' alone, and a knockout silences"):
        pw.explain._perturbation.edits.make_edits([(alone, knockout)], scales, None)
    everything = pw.explain.perturb(mdata, model, {unit.name: "highest"}, n_null=0)
    assert {"rna", "meth"} <= set(everything.changes["layer"])


def test_what_is_written_survives_the_file_and_nothing_else_changes(small, genes, tmp_path):
    mdata, model = small
    before = snapshot(mdata)
    with pytest.raises(KeyError, match="no perturbation; run"):
        pw.get.perturbations(mdata)
    out = pw.tl.perturb(mdata, model, {genes[0]: "lowest"}, groupby="class", n_null=5, copy=True)
    pw.tl.perturb_screen(out, model, "lowest", units=genes, n_null=20)
    assert snapshot(mdata) == before
    for name, mod in mdata.mod.items():
        np.testing.assert_array_equal(mod.X, out.mod[name].X)
    pw.io.write_h5mu(out, tmp_path / "x.h5mu")
    again = pw.io.read_h5mu(tmp_path / "x.h5mu")
    for level in ("outputs", "latent", "pathway", "layer", "changes", "samples", "screen"):
        pd.testing.assert_frame_equal(
            pw.get.perturbations(again, level=level), pw.get.perturbations(out, level=level),
            check_dtype=False, check_categorical=False,
        )  # fmt: skip
    table = pw.get.perturbations(again, group="A")
    assert table["group"].unique().tolist() == ["A"]
    assert "asks the model, not the cell" in table.attrs["verdict"]
    with pytest.raises(KeyError, match="group='Z' was not perturbed; there are 'A', 'B'"):
        pw.get.perturbations(out, group="Z")


def test_without_target_and_graph_the_latent_and_layers_still_move(tmp_path):
    mdata = pw.datasets.simulate(60, n_pathways_active=2, n_features=100, seed=8)
    model = pw.models.MultimodalVAE(4, max_epochs=2, n_folds=3).fit(mdata)
    gene = mdata["rna"].var_names[0]
    pw.tl.perturb(mdata, model, {gene: "highest"})
    assert pw.get.perturbations(mdata).empty
    assert pw.get.perturbations(mdata, level="latent")["shift"].abs().max() > 0
    n_features = sum(mod.n_vars for mod in mdata.mod.values())
    features = pw.explain.perturb_screen(
        mdata, model, "highest", units="feature", max_samples=4, n_null=0
    )
    assert features.params["n_units"] + features.params["n_skipped"] == n_features
    pw.tl.perturb_screen(mdata, model, "highest", units=gene, n_null=0)
    assert pw.get.perturbations(mdata, level="screen")["group"].tolist() == ["latent"]
    pw.io.write_h5mu(mdata, tmp_path / "x.h5mu")
    assert pw.get.perturbations(pw.io.read_h5mu(tmp_path / "x.h5mu")).empty


@pytest.mark.parametrize(
    ("changes", "options", "error", "message"),
    [
        ({"TP35": "knockout"}, {}, KeyError, "'TP35'] is"),
        ({"R-HSA-1": "knockout"}, {}, KeyError, "no gene, metabolite, pathway or feature of this model"),
        ({}, {}, ValueError, "must be a dict from names to changes"),
        ({"GENE": "kill"}, {}, ValueError, "write 'knockout', 'lowest'"),
        ({"GENE": True}, {}, ValueError, "is not known"),
        ({"GENE": -1.0}, {}, ValueError, "a finite number, of 0 or more"),
        ({"GENE": ("clamp", 3, 1)}, {}, ValueError, "low <= high"),
        ({"GENE": {"lipid": "knockout"}}, {}, ValueError, "layer 'lipid' does not measure it"),
        ({"GENE": "knockout"}, {"layers": "lipid"}, ValueError, "layers='lipid' is not known"),
        ({"GENE": "knockout"}, {"layers": "metab"}, ValueError, "none of layers="),
        ({"GENE": "knockout"}, {"groupby": "stage"}, KeyError, "groupby='stage'"),
        ({"GENE": "knockout"}, {"n_boot": -1}, ValueError, "n_boot=-1 must be a whole number"),
        ({"GENE": "knockout"}, {"batch_size": 0}, ValueError, "batch_size=0"),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, (dict, str)) else "",
)  # fmt: skip
def test_errors_say_what_is_allowed(small, genes, changes, options, error, message):
    mdata, model = small
    before = snapshot(mdata)
    asked = {name.replace("GENE", genes[0]): change for name, change in changes.items()}
    with pytest.raises(error, match=message.replace("]", r"\]")):
        pw.tl.perturb(mdata, model, asked, **options)
    assert snapshot(mdata) == before


def test_errors_of_names_suggest_what_is_near(small, genes):
    mdata, model = small
    names = pw.explain._perturbation.names.Names(model)
    with pytest.raises(KeyError, match=f"Did you mean .*'{genes[0]}'"):
        names.find(genes[0] + "x")
    absent = next(s for s in ("TP53", "EGFR", "KRAS", "BRCA1", "MYC", "PTEN") if s not in set(names.symbols))  # fmt: skip
    with pytest.raises(KeyError, match=r"is a gene .* but no layer of this model measures it"):
        names.find(absent)
    assert names.find(names.find(genes[0]).name).label == genes[0]
    pathway = model.pathways_[0]
    with pytest.raises(KeyError, match="pathways go by their id"):
        names.find(names.pathways[pathway])
    with pytest.raises(ValueError, match="is not fitted yet"):
        pw.explain.perturb(mdata, quick(), {genes[0]: "knockout"})
    with pytest.raises(ValueError, match="of='Z1' is not known"):
        pw.explain.perturb_screen(mdata, model, of="Z1")
    with pytest.raises(ValueError, match="each once"):
        pw.explain.perturb_screen(mdata, model, units=[genes[0], genes[0]])
