"""KGML: counts of other tools, the meaning of edges, hostile and broken files."""

from __future__ import annotations

import random

import pandas as pd
import pytest
from defusedxml import ElementTree

from pathweave import graph

# Names of the reference table's counts that are called otherwise here.
OURS = {
    "graphite_directed_pairs_unique": "pairs_between_components",
    "graphite_directed_rows_pair_subtype": "rows_between_components",
    "graphite_undirected_binding_pairs": "complex_clique_pairs_undirected",
}
HEAD = (
    '<?xml version="1.0"?><!DOCTYPE pathway SYSTEM "https://www.kegg.jp/kegg/xml/KGML_v0.7.2_.dtd">'
)


def kgml(body, *, name="hsa99999", org="hsa"):
    number = name[-5:]
    return f'{HEAD}<pathway name="path:{name}" org="{org}" number="{number}" title="Made up">{body}</pathway>'


def entry(number, name, kind="gene", inside="", more=""):
    return f'<entry id="{number}" name="{name}" type="{kind}" {more}>{inside}</entry>'


def relation(one, other, kind, *subtypes):
    inside = "".join(f'<subtype name="{name}" value="-"/>' for name in subtypes)
    return f'<relation entry1="{one}" entry2="{other}" type="{kind}">{inside}</relation>'


TP53, MDM2, ATM, NOT_HGNC = "hsa:7157", "hsa:4193", "hsa:472", "hsa:999999999"
P, M, A = "hgnc:11998", "hgnc:6973", "hgnc:795"


@pytest.fixture
def read(tmp_path):
    def build(body, **options):
        file = tmp_path / "map.xml"
        file.write_text(kgml(body))
        return graph.kegg(file, **options)

    return build


def rows(g):
    return {tuple(row) for row in g.edges[["source", "target", "type", "sign"]].to_numpy()}


@pytest.mark.reference
def test_counts_of_six_maps_agree_with_the_reference(shared):
    folder = shared / "pathways"
    table = pd.read_csv(folder / "kegg_reference" / "reference_counts.csv")
    table = table[table["role"] == "acceptance"]
    assert len(table) > 70
    for file, part in table.groupby("kgml_file"):
        ours = graph.kegg_counts(folder / file)
        for row in part.to_dict("records"):
            metric = OURS.get(row["metric"], row["metric"])
            assert ours[metric] == int(row["value"]), (file, row["tool"], metric)


@pytest.mark.reference
def test_cross_checks_of_six_maps_agree(shared):
    folder = shared / "pathways"
    table = pd.read_csv(folder / "kegg_reference" / "reference_counts.csv")
    table = table[(table["role"] == "cross-check") & ~table["metric"].str.endswith("_by_type")]
    for file, part in table.groupby("kgml_file"):
        ours = graph.kegg_counts(folder / file)
        for row in part.to_dict("records"):
            assert ours[row["metric"]] == int(row["value"]), (file, row["metric"])


@pytest.mark.reference
def test_counts_of_all_maps_agree_with_keggraph(shared):
    folder = shared / "pathways"
    table = pd.read_csv(folder / "kegg_reference" / "keggraph_counts.csv", index_col="pathway")
    names = {"genes_nodes": "gene_nodes", "gene_edges_unique": "gene_gene_pairs_directed_unique"}
    ours = pd.DataFrame(
        {name: graph.kegg_counts(folder / "kgml" / f"{name}.xml") for name in table.index}
    ).T
    pd.testing.assert_frame_equal(
        ours[list(table.rename(columns=names))], table.rename(columns=names), check_names=False
    )


@pytest.mark.reference
def test_gene_pairs_are_those_of_keggraph(shared):
    folder = shared / "pathways"
    table = graph.kegg(folder / "kgml" / "hsa04115.xml", complexes="none").edges
    ours = {frozenset(pair) for pair in table[["source", "target"]].to_numpy()}
    theirs = pd.read_csv(
        folder / "kegg_reference" / "hsa04115_genesOnly_expanded_edges.tsv", sep="\t"
    )
    entrez = pd.Series(dict(_hgnc()[["entrez", "id"]].to_numpy()))
    pairs = theirs.apply(lambda column: column.str.removeprefix("hsa:").map(entrez))
    expected = {frozenset(pair) for pair in pairs.dropna().to_numpy()}
    assert {pair for pair in ours if not any("kegg.pathway" in end for end in pair)} == expected


def _hgnc():
    from pathweave import ids

    return ids.hgnc()


@pytest.mark.reference
def test_a_folder_becomes_one_graph_without_overview_maps(shared):
    g = graph.kegg(shared / "pathways" / "kgml")
    assert not g.pathways["id"].str.contains("hsa011|hsa012").any()
    assert not g.edges.duplicated(["source", "target", "type", "sign"]).any()
    assert not (g.edges["source"] == g.edges["target"]).any()
    assert g.edges["pathways"].str.contains(";").any()
    less = graph.kegg(shared / "pathways" / "kgml", exclude=["05"])
    assert not less.pathways["id"].str.contains("hsa05").any()


GRAPHITE = {
    "complexes": "all",
    "within_components": False,
    "enzyme_relations": "none",
    "through_compounds": True,
}


@pytest.mark.reference
@pytest.mark.parametrize(
    ("name", "pairs", "complexes", "chains"),
    [("hsa04110", 486, 195, 0), ("hsa04115", 80, 16, 0), ("hsa04668", 137, 0, 0), ("hsa04150", 565, 0, 7)],
)  # fmt: skip
def test_the_rules_of_graphite(shared, name, pairs, complexes, chains):
    edges = graph.kegg(shared / "pathways" / "kgml" / f"{name}.xml", **GRAPHITE).edges
    edges = edges[edges["source"].str.match("hgnc|ncbi") & edges["target"].str.match("hgnc|ncbi")]
    mediated = edges["flags"].str.contains("through compound")
    bound = edges["type"] == "complex"
    assert mediated.sum() == chains
    assert bound.sum() == complexes
    written = edges[~bound & ~mediated]
    assert len(written[["source", "target"]].drop_duplicates()) == pairs


def test_edges_within_a_component_and_loops_are_switches(read):
    body = (
        entry(1, f"{TP53} {MDM2}") + entry(2, ATM)
        + entry(4, "undefined", "group", '<component id="1"/><component id="2"/>')
        + relation(1, 1, "PPrel", "activation") + relation(2, 1, "PPrel", "activation")
    )  # fmt: skip
    arrows = {(P, M), (M, P), (A, P), (A, M)}

    def directed(**options):
        g = read(body, complexes="none", **options)
        return set(g.edges[["source", "target"]].itertuples(index=False, name=None)), g

    assert directed()[0] == arrows
    kept, g = directed(within_components=False)
    assert kept == {(A, P), (A, M)}
    assert g.meta["kegg"]["left_out"] == {
        "edges within a component of a complex": 2, "self loops": 2,
    }  # fmt: skip
    assert directed(self_loops=True)[0] == arrows | {(P, P), (M, M)}


def test_enzyme_relations_and_reactions_are_switches(read):
    body = (
        entry(1, ATM, more='reaction="rn:R1"') + entry(5, TP53)
        + relation(5, 1, "ECrel", "compound")
        + '<reaction name="rn:R1" type="irreversible"><substrate name="cpd:C00031"/>'
        '<product name="cpd:C00022"/></reaction>'
    )  # fmt: skip
    assert rows(read(body, reactions=False)) == {(P, A, "shares_metabolite", 0)}
    written = read(body, reactions=False, enzyme_relations="as_written").edges
    assert written[["source", "target", "directed"]].to_numpy().tolist() == [[P, A, True]]
    none = read(body, enzyme_relations="none")
    assert set(none.edges["type"]) == {"catalysis", "conversion"}
    assert none.meta["kegg"]["left_out"] == {"enzyme relations": 1}


def test_chains_through_a_compound(read):
    body = (
        entry(1, ATM) + entry(2, "cpd:C00031", "compound") + entry(3, f"{TP53} {MDM2}")
        + relation(1, 2, "PCrel", "activation") + relation(2, 3, "PCrel", "inhibition")
    )  # fmt: skip
    g = read(body, through_compounds=True)
    chains = g.edges[g.edges["flags"] == "through compound"]
    assert rows(g) >= {(A, P, "indirect", -1), (A, M, "indirect", -1)}
    assert len(chains) == 2
    assert len(read(body).edges) == 3


def test_orthologs_and_enzymes_of_reference_maps(tmp_path):
    file = tmp_path / "map.xml"
    body = (
        entry(1, "ko:K00001 ko:K00002", "ortholog", more='reaction="rn:R1"')
        + entry(2, "ec:1.1.1.1", "enzyme") + relation(1, 2, "ECrel", "compound")
        + '<reaction id="1" name="rn:R1" type="irreversible"><substrate name="cpd:C00031"/>'
        '<product name="cpd:C00022"/></reaction>'
    )  # fmt: skip
    file.write_text(kgml(body, name="ko00010", org="ko"))
    plain = graph.kegg(file)
    assert set(plain.nodes["kind"]) == {"compound"}
    assert plain.meta["kegg"]["left_out"] == {
        "enzymes without gene": 1, "orthologs without gene": 1, "reactions without a gene": 1,
        "relations with an end without gene or compound": 1,
    }  # fmt: skip
    whole = graph.kegg(file, orthologs=True)
    assert whole.nodes["kind"].value_counts().to_dict() == {
        "ortholog": 2, "compound": 2, "enzyme": 1,
    }  # fmt: skip
    assert ("kegg.orthology:K00001", "kegg.compound:C00022", "catalysis", 0) in rows(whole)


def test_names_without_a_database_are_counted(read):
    g = read(entry(1, "CRP") + entry(2, "cAMP", "compound") + relation(2, 1, "PCrel", "activation"))
    assert g.nodes.empty
    assert sum(g.meta["kegg"]["left_out"].values()) == 3


def test_families_groups_and_complexes(read):
    g = read(
        entry(1, f"{TP53} {MDM2}") + entry(2, ATM) + entry(3, NOT_HGNC)
        + entry(4, "undefined", "group", '<component id="1"/><component id="2"/>')
        + relation(4, 3, "PPrel", "activation", "phosphorylation")
    )  # fmt: skip
    activated = {(gene, "ncbigene:999999999", "activation", 1) for gene in (P, M, A)}
    assert rows(g) == activated | {(P, A, "complex", 0), (M, A, "complex", 0)}
    arrows = g.edges[g.edges["type"] == "activation"]
    assert (arrows["flags"] == "phosphorylation").all()
    assert arrows["directed"].all()
    clique = g.edges[g.edges["type"] == "complex"]
    assert clique["weight"].tolist() == [0.5, 0.5]
    assert not clique["directed"].any()
    assert g.nodes.set_index("id")["kind"]["ncbigene:999999999"] == "gene"


def test_options_of_complexes(read):
    body = (
        entry(1, f"{TP53} {MDM2}")
        + entry(2, ATM)
        + entry(
            4, "undefined", "group", '<component id="1"/><component id="2"/><component id="4"/>'
        )
    )
    assert len(read(body, complexes="all").edges) == 3
    assert read(body, complexes="none").edges.empty
    capped = read(body, max_complex_size=2)
    assert capped.edges.empty
    assert capped.meta["kegg"]["left_out"] == {"groups over the size cap": 1}
    with pytest.raises(ValueError, match="complexes='some'"):
        read(body, complexes="some")


@pytest.mark.parametrize(
    ("kind", "subtypes", "expected"),
    [
        ("PPrel", ["inhibition"], {("inhibition", -1)}),
        ("PPrel", ["activation", "inhibition"], {("activation", 1), ("inhibition", -1)}),
        ("PPrel", ["phosphorylation"], {("phosphorylation", 0)}),
        ("PPrel", ["ubiquination"], {("ubiquitination", 0)}),
        ("PPrel", ["indirect"], {("indirect", 0)}),
        ("PPrel", ["missing"], {("missing_interaction", 0)}),
        ("PPrel", ["state change"], {("state_change", 0)}),
        ("PPrel", [], {("unknown", 0)}),
        ("GErel", ["expression"], {("expression", 1)}),
        ("GErel", ["activation"], {("expression", 1)}),
        ("GErel", ["repression"], {("repression", -1)}),
        ("GErel", ["indirect effect"], {("expression", 0)}),
    ],
)
def test_types_and_signs(read, kind, subtypes, expected):
    g = read(entry(1, ATM) + entry(2, TP53) + relation(1, 2, kind, *subtypes))
    assert rows(g) == {(A, P, name, sign) for name, sign in expected}


def test_expressed_and_inhibited_both_stay(read):
    g = read(
        entry(1, TP53) + entry(2, MDM2) + entry(3, MDM2)
        + relation(1, 2, "PPrel", "inhibition") + relation(1, 3, "GErel", "expression")
    )  # fmt: skip
    assert rows(g) == {(P, M, "inhibition", -1), (P, M, "expression", 1)}


def test_sign_of_a_lone_phosphorylation_is_a_parameter(read):
    body = entry(1, ATM) + entry(2, TP53) + relation(1, 2, "PPrel", "phosphorylation")
    assert read(body, phosphorylation_sign=1).edges["sign"].tolist() == [1]


def test_reactions_maps_and_metabolites(read):
    side = '<substrate id="2" name="cpd:C00031"/><product id="9" name="gl:G00001"/>'
    body = (
        entry(1, ATM, more='reaction="rn:R1"') + entry(2, "cpd:C00031", "compound") + entry(5, TP53)
        + entry(3, "ko:K1", "ortholog", more='reaction="rn:R2"')
        + entry(4, "path:hsa00010", "map", '<graphics name="Glycolysis"/>')
        + relation(1, 4, "maplink", "compound") + relation(1, 5, "ECrel", "compound")
        + f'<reaction id="1" name="rn:R1" type="reversible">{side}</reaction>'
        + f'<reaction id="3" name="rn:R2" type="irreversible">{side}</reaction>'
    )  # fmt: skip
    g = read(body)
    glucose, glycan, glycolysis = (
        "kegg.compound:C00031",
        "kegg.glycan:G00001",
        "kegg.pathway:hsa00010",
    )
    assert rows(g) == {
        (glucose, A, "catalysis", 0), (A, glycan, "catalysis", 0), (glycan, A, "catalysis", 0),
        (A, glucose, "catalysis", 0), (glucose, glycan, "conversion", 0),
        (glycan, glucose, "conversion", 0), (A, glycolysis, "maplink", 0),
        (P, A, "shares_metabolite", 0),
    }  # fmt: skip
    nodes = g.nodes.set_index("id")
    assert nodes.loc[[glucose, glycan, glycolysis], "kind"].tolist() == [
        "compound",
        "compound",
        "pathway",
    ]
    assert nodes.loc[glycolysis, "name"] == "Glycolysis"
    assert set(g.members["node"]) == {A, P, glucose, glycan}
    assert glycolysis not in set(read(body, maps=False).nodes["id"])


def test_nested_groups_open_once_and_circles_do_no_harm(read):
    groups = "".join(
        entry(n, "undefined", "group", f'<component id="{n - 1}"/><component id="{n - 1}"/>')
        for n in range(11, 80)
    )
    circle = entry(10, "undefined", "group", '<component id="79"/><component id="1"/>')
    g = read(
        entry(1, TP53) + entry(2, ATM) + circle + groups + relation(79, 2, "PPrel", "activation")
    )
    assert rows(g) == {(P, A, "activation", 1)}


def test_a_map_that_stands_for_millions_of_pairs_is_refused(read):
    many = [" ".join(f"hsa:{n}" for n in range(start, start + 1200)) for start in (0, 5000)]
    body = entry(1, many[0]) + entry(2, many[1]) + relation(1, 2, "PPrel", "activation")
    with pytest.raises(ValueError, match="more than 1,000,000 pairs"):
        read(body)


def test_loops_and_undefined_ends_are_counted(read):
    g = read(
        entry(1, f"{TP53} {MDM2}")
        + relation(1, 1, "PPrel", "activation")
        + relation(1, 77, "PPrel")
    )
    assert len(g.edges) == 2
    assert g.meta["kegg"]["left_out"] == {"relations with an undefined end": 1, "self loops": 2}


def test_a_map_without_edges_is_no_error(read):
    g = read(entry(1, f"{TP53} {MDM2}") + entry(2, "Some, brite words", "brite"))
    assert g.edges.empty
    assert set(g.members["node"]) == {P, M}


BOMB = (
    '<?xml version="1.0"?><!DOCTYPE pathway [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
    '<pathway name="path:hsa1" org="hsa">&b;</pathway>'
)
THIEF = (
    '<?xml version="1.0"?><!DOCTYPE pathway [<!ENTITY x SYSTEM "file:///etc/hostname">]>'
    '<pathway name="path:hsa1" org="hsa">&x;</pathway>'
)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        (BOMB, "defines entities"),
        (THIEF, "defines entities"),
        (kgml(entry(1, TP53))[:-20], "cut off or damaged"),
        ("<html><body>404</body></html>", "first tag is 'html'"),
        ("<!DOCTYPE html><html><head><meta charset='utf-8'></head></html>", "first tag is 'html'"),
        ("", "is empty"),
        ("no such map", "not whole XML"),
        (kgml("<a>" * 50_000 + "</a>" * 50_000), "more than 8 deep"),
        (kgml('<entry name="hsa:1" type="gene"/>'), "<entry> lacks the attribute 'id'"),
        (kgml('<relation entry1="1" type="PPrel"/>'), "lacks the attribute 'entry2'"),
        (f"{HEAD}<pathway/>", "lacks the attribute 'name'"),
    ],
)
def test_hostile_and_broken_files_are_refused(tmp_path, text, match):
    file = tmp_path / "map.xml"
    file.write_text(text)
    with pytest.raises(ValueError, match=match):
        graph.kegg(file)


def test_files_that_are_not_there_or_contradict(tmp_path):
    with pytest.raises(FileNotFoundError, match="does not exist"):
        graph.kegg(tmp_path / "none")
    with pytest.raises(FileNotFoundError, match="holds no"):
        graph.kegg(tmp_path)
    with pytest.raises(ValueError, match="empty list"):
        graph.kegg([])
    (tmp_path / "a.xml").write_text(kgml(entry(1, TP53)))
    (tmp_path / "b.kgml").write_text(kgml(entry(1, MDM2)))
    with pytest.raises(ValueError, match="both hold hsa99999"):
        graph.kegg(tmp_path)
    (tmp_path / "c.xml").write_text(kgml(entry(1, TP53), name="hsa01100"))
    with pytest.raises(ValueError, match="overview=True"):
        graph.kegg(tmp_path / "c.xml")
    assert len(graph.kegg(tmp_path / "c.xml", overview=True).nodes) == 1


def test_other_organisms_keep_their_own_names(tmp_path):
    file = tmp_path / "map.xml"
    file.write_text(
        kgml(entry(1, "sce:YAL038W hsa:7157") + entry(2, "mmu:1"), name="sce00010", org="sce")
    )
    assert graph.kegg(file).nodes["id"].tolist() == ["kegg.genes:sce:YAL038W"]


def test_boxes_of_one_id_are_all_read(tmp_path, read):
    body = (
        entry(1, TP53) + entry(1, MDM2) + entry(1, "cpd:C00031", "compound") + entry(2, ATM)
        + relation(2, 1, "PPrel", "activation")
        + entry(3, "undefined", "group", '<component id="1"/>')
        + entry(3, "undefined", "group", '<component id="2"/>')
    )  # fmt: skip
    g = read(body, complexes="none")
    glucose = "kegg.compound:C00031"
    assert rows(g) == {(A, end, "activation", 1) for end in (P, M, glucose)}
    assert set(g.members["node"]) == {P, M, A, glucose}
    counts = graph.kegg_counts(tmp_path / "map.xml")
    names = ["entries", "group_entries", "gene_nodes", "gene_gene_pairs_directed_unique"]
    assert counts[names].tolist() == [6, 2, 3, 2]


def test_spellings_of_old_files(read):
    g = read(
        entry(1, TP53) + entry(2, ATM) + entry(3, MDM2) + entry(5, "glycan:G00001", "compound")
        + entry(4, "group:", "genes", '<component id="1"/><component id="2"/>')
        + relation(4, 3, "PPrel", "binding/association", "demethylation")
        + relation(3, 5, "PCrel", "activation")
    )  # fmt: skip
    glycan = "kegg.glycan:G00001"
    assert rows(g) == {
        (P, M, "demethylation", 0), (A, M, "demethylation", 0), (M, glycan, "activation", 1),
        (P, A, "complex", 0),
    }  # fmt: skip
    assert not g.meta["kegg"]["left_out"]


def test_names_that_are_no_gene_are_counted_as_written_and_told(tmp_path, read):
    g = read(entry(1, "hsa:") + entry(2, f"{TP53} mmu:1") + relation(1, 2, "PPrel", "activation"))
    assert g.edges.empty
    assert g.meta["kegg"]["left_out"] == {
        "gene entries without a name of this organism": 1, "names that are no node, beside others": 1,
        "relations with an end without gene or compound": 1,
    }  # fmt: skip
    counts = graph.kegg_counts(tmp_path / "map.xml")
    assert counts["gene_nodes"] == 3
    assert counts["gene_gene_pairs_directed_unique"] == 2


def _random_map(rng):
    ids = rng.sample(range(1, 100), rng.randint(1, 15))
    parts = []
    for n in ids:
        kind = rng.choice(["gene", "gene", "gene", "group", "compound", "ortholog", "other"])
        genes = " ".join(f"sce:Y{rng.randint(1, 30)}" for _ in range(rng.choice([1, 1, 2, 4])))
        name = {"gene": genes, "compound": f"cpd:C{n}", "ortholog": f"ko:K{n}"}.get(kind, "br:1")
        inside = (f'<component id="{rng.choice([*ids, 999])}"/>' for _ in range(rng.randint(0, 4)))
        parts.append(entry(n, name, kind, "".join(inside) if kind == "group" else ""))
    for _ in range(rng.randint(0, 20)):
        kind = rng.choice(["PPrel", "GErel", "ECrel", "PCrel"])
        subtypes = rng.sample(
            ["activation", "inhibition", "compound", "indirect"], rng.randint(0, 2)
        )
        parts.append(relation(*(rng.choice([*ids, 999]) for _ in "ab"), kind, *subtypes))
    rng.shuffle(parts)
    return kgml("".join(parts), name="sce99999", org="sce")


def _opened(entries, number, path=()):
    """Genes of a box, by brute force: every component of every component."""
    if number in path or number not in entries:
        return set()
    box = entries[number]
    if box.get("type") == "group":
        inside = (_opened(entries, c.get("id"), (*path, number)) for c in box.iter("component"))
        return set().union(*inside)
    return set(box.get("name").split()) if box.get("type") == "gene" else set()


@pytest.mark.parametrize("seed", range(40))
def test_made_up_maps_against_brute_force(tmp_path, seed):
    file = tmp_path / "map.xml"
    file.write_text(_random_map(random.Random(seed)))  # noqa: S311
    root = ElementTree.parse(file).getroot()
    entries = {e.get("id"): e for e in root.iter("entry")}
    ends = [(r.get("entry1"), r.get("entry2")) for r in root.iter("relation")]
    pairs = {
        (a, b)
        for one, other in ends
        for a in _opened(entries, one)
        for b in _opened(entries, other)
    }
    genes = {g for e in entries for g in _opened(entries, e) if entries[e].get("type") == "gene"}
    counts = graph.kegg_counts(file)
    names = ["entries", "relations", "gene_nodes", "gene_gene_pairs_directed_unique"]
    assert counts[names].tolist() == [len(entries), len(ends), len(genes), len(pairs)]
    rules = {"complexes": "none", "enzyme_relations": "as_written", "self_loops": True}
    g = graph.kegg(file, **rules)
    found = g.edges[["source", "target"]].apply(lambda c: c.str.removeprefix("kegg.genes:"))
    found = {tuple(p) for p in found.to_numpy() if all(end.startswith("sce:") for end in p)}
    assert found == pairs
