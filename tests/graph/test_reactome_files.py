"""Reactome from flat files: the real release 91, made-up files by hand, and broken ones."""

from __future__ import annotations

import gzip
import tracemalloc
import zipfile

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pathweave import graph, ids
from pathweave.graph._reactome import files as reactome_files
from pathweave.graph._reactome import tables as reactome_tables
from pathweave.graph._reactome.build import reactome

HUMAN = "Homo sapiens"
URL = "https://reactome.org/PathwayBrowser/#/"
# TP53 and MDM2, by each database that Reactome maps.
TP53 = {"uniprot": "P04637", "ncbi": "7157", "ensembl": "ENSG00000141510"}
MDM2 = {"uniprot": "Q00987", "ncbi": "4193", "ensembl": "ENSG00000135679"}
HGNC = {"hgnc:11998", "hgnc:6973"}


def pathway(n, name="A pathway", species=HUMAN):
    code = {HUMAN: "HSA", "Mus musculus": "MMU"}[species]
    return f"R-{code}-{n}\t{name}\t{species}"


def member(source, n, species=HUMAN, evidence="TAS"):
    identifier, name, species = pathway(n, species=species).split("\t")
    return f"{source}\t{identifier}\t{URL}{identifier}\t{name}\t{evidence}\t{species}"


def write(path, *lines):
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def folder(tmp_path):
    """1 above 2 above 3; TP53 in 3 and MDM2 in 2."""
    mouse = "Mus musculus"
    write(tmp_path / "ReactomePathways.txt", *map(pathway, (1, 2, 3)), pathway(1, species=mouse))
    write(tmp_path / "ReactomePathwaysRelation.txt", "R-HSA-1\tR-HSA-2", "R-HSA-2\tR-HSA-3")
    rows = [member("P04637", 3), member("P04637", 3, evidence="IEA"), member("P04637-2", 3)]
    rows += [member("Q00987", 2), member("P02340", 1, species=mouse)]
    write(tmp_path / "UniProt2Reactome.txt", *rows)
    return tmp_path


def pairs(made):
    members = made.members
    bare = members["pathway"].str.removeprefix("reactome:R-HSA-").astype(int)
    return set(zip(members["node"], bare, strict=True))


# The real files

REAL = {
    "pathways": "reactome_pathways_names_2025_01_21.txt.gz",
    "relations": "reactome_pathways_relation_2025_01_14.txt.gz",
    "uniprot": "uniprot_2_reactome_2025_01_14.txt.gz",
    "chebi": "ChEBI2Reactome_All_Levels_R78.txt.gz",
}


def test_release_91_from_its_files_is_the_embedded_graph(shared):
    made = reactome([shared / "pathways" / "reactome" / name for name in REAL.values()])
    embedded = reactome()
    assert made == embedded
    counts = made.meta["reactome"]["counts"]
    assert (counts["pathways"], counts["relations"]) == (2751, 2769)
    assert (counts["protein_rows"], counts["protein_memberships"]) == (51_056, 46_939)
    assert (counts["accessions"], counts["accessions_with_gene"]) == (11_656, 11_284)
    shared_counts = counts.keys() & embedded.meta["reactome"]["counts"].keys()
    assert {k: counts[k] for k in shared_counts} == {
        k: embedded.meta["reactome"]["counts"][k] for k in shared_counts
    }
    files = embedded.meta["reactome"]["files"]
    assert made.meta["reactome"]["files"]["uniprot"]["sha256"] == files["uniprot"]["sha256"]


def test_the_folder_of_release_91_and_names_that_say_nothing(shared, tmp_path):
    """miRNA join; the WikiPathways file is passed over; roles are told by content alone."""
    made = reactome(shared / "pathways" / "reactome")
    assert made.meta["reactome"]["files_passed_over"] == [
        "wikipathways-20220610-gmt-Homo_sapiens.gmt.gz"
    ]
    assert made.meta["reactome"]["counts"]["mirna_memberships"] == 85
    assert made.members["node"].str.startswith("mirbase:MI").sum() == 85
    assert not made.meta["reactome"]["files"]["gmt"]["used"]
    for i, name in enumerate(REAL.values()):
        (tmp_path / f"{i}.gz").symlink_to(shared / "pathways" / "reactome" / name)
    renamed = reactome(tmp_path)
    assert renamed == reactome()
    assert set(renamed.meta["reactome"]["files"]) == {
        "pathways",
        "relations",
        "uniprot",
        "chebi_all_levels",
    }


def test_roll_up_of_the_files_is_what_is_published(shared):
    sources, _ = reactome_files.find(
        [shared / "pathways" / "reactome" / REAL[k] for k in ("pathways", "relations", "uniprot")]
    )
    content = reactome_tables.read(sources, HUMAN)
    found = content.members["uniprot"].pairs
    whole = graph.PathwayGraph(
        nodes=pd.DataFrame({"id": found["source"].unique(), "kind": "gene"}),
        pathways=content.pathways,
        members=found.rename(columns={"source": "node"}),
    )
    assert len(found) == 46_939
    up = whole.rolled_up()
    assert (len(up.members), up.members["pathway"].nunique()) == (133_088, 2732)
    assert (content.pathways["parents"] == "").sum() == 29

    # All levels are brought back to the lowest, but for members that are also further down.
    below = reactome_tables.Members(
        sources[2], "uniprot", True, 1, up.members.rename(columns={"node": "source"}), {}
    )
    lowered = whole._with(members=content.lowest(below).rename(columns={"source": "node"}))
    assert len(lowered.members) < 46_939
    assert lowered.rolled_up() == up
    plain = reactome_tables.Members(sources[2], "uniprot", False, 1, below.pairs, {})
    assert reactome_tables.settle_level(plain, content.relations).all_levels
    assert not reactome_tables.settle_level(
        content.members["uniprot"], content.relations
    ).all_levels


def test_gene_sets_agree_with_the_proteins(shared):
    of = shared / "pathways" / "reactome"
    made = reactome([of / REAL["pathways"], of / REAL["relations"],
                     of / "ReactomePathways_2024-09-18.gmt.gz"])  # fmt: skip
    counts = made.meta["reactome"]["counts"]
    assert (counts["gmt_rows"], counts["identifiers"]) == (2694, 11_668)
    symbols = set(made.nodes["symbol"])
    assert {"TP53", "BANF1"} <= symbols
    hiv = made.members[made.members["pathway"] == "reactome:R-HSA-164843"]["node"]
    labels = made.nodes.set_index("id").loc[hiv, "symbol"]
    expected = ["BANF1", "HMGA1", "LIG4", "PSIP1", "XRCC4", "XRCC5", "XRCC6"]
    assert sorted(labels) == expected  # and none of gag, gag-pol, rev, vif, vpr, vpu
    ours, theirs = (
        set(g.rolled_up().members.itertuples(index=False, name=None)) for g in (made, reactome())
    )
    theirs = {pair for pair in theirs if pair[0].startswith("hgnc:")}
    assert len(ours & theirs) / len(ours) > 0.97  # it is of another release, and has RNA genes


def test_mouse_from_the_same_files(shared):
    of = shared / "pathways" / "reactome"
    made = reactome([of / name for name in REAL.values()], species="Mus musculus")
    assert len(made.pathways) == 1779
    assert made.pathways["id"].str.startswith("reactome:R-MMU-").all()
    genes = made.nodes[made.nodes["kind"] == "gene"]
    assert genes["id"].str.startswith("uniprot:").all()
    assert len(genes) == made.meta["reactome"]["counts"]["accessions"] == 9182


# By hand


def test_isoforms_and_evidence_are_one_membership(folder):
    made = reactome(folder)
    assert pairs(made) == {("hgnc:11998", 3), ("hgnc:6973", 2)}
    assert made.pathways["parents"].tolist() == ["", "reactome:R-HSA-1", "reactome:R-HSA-2"]
    counts = made.meta["reactome"]["counts"]
    assert (counts["protein_rows"], counts["protein_memberships"], counts["accessions"]) == (
        4,
        3,
        2,
    )


@pytest.mark.parametrize("kind", ["ncbi", "ensembl"])
def test_genes_by_other_databases(folder, kind):
    (folder / "UniProt2Reactome.txt").unlink()
    rows = [member(TP53[kind], 3), member(MDM2[kind], 2), member("99999999", 2)]
    if kind == "ensembl":
        rows = [member(TP53[kind] + ".18", 3), member(MDM2[kind], 2), member("ENST00000269305", 1),
                member("ENSP00000269305.4", 1), member("ENSG99999999999", 1)]  # fmt: skip
    write(folder / f"{kind}2reactome.tsv", *rows)
    made = reactome(folder)
    assert pairs(made) == {("hgnc:11998", 3), ("hgnc:6973", 2)}
    assert made.meta["reactome"]["counts"]["memberships_without_gene"] == 1


def test_genes_come_from_one_kind_of_file(folder):
    write(folder / "NCBI2Reactome.txt", member("7157", 1))
    assert pairs(reactome(folder)) == {("hgnc:11998", 3), ("hgnc:6973", 2)}
    made = reactome(folder, genes="ncbi")
    assert pairs(made) == {("hgnc:11998", 1)}
    used = {role: entry["used"] for role, entry in made.meta["reactome"]["files"].items()}
    assert used == {"pathways": True, "relations": True, "uniprot": False, "ncbi": True}
    with pytest.raises(ValueError, match=r"genes='ensembl' is not among the files.*'ncbi'"):
        reactome(folder, genes="ensembl")


def test_lowest_level_is_preferred_to_all_levels(folder):
    rows = [member("P04637", n) for n in (1, 2, 3)] + [member("Q00987", n) for n in (1, 2)]
    write(folder / "UniProt2Reactome_All_Levels.txt", *rows, member("P01116", 1))
    assert pairs(reactome(folder)) == {("hgnc:11998", 3), ("hgnc:6973", 2)}
    (folder / "UniProt2Reactome.txt").unlink()
    alone = {("hgnc:11998", 3), ("hgnc:6973", 2), ("hgnc:6407", 1)}
    assert pairs(reactome(folder)) == alone
    (folder / "ReactomePathwaysRelation.txt").unlink()
    assert len(pairs(reactome(folder))) == 6


def test_all_levels_are_told_without_the_name(folder):
    ids = [f"P{i:05}" for i in range(10_000, 10_020)]
    write(folder / "UniProt2Reactome.txt", *[member(a, n) for a in ids for n in (1, 2, 3)])
    made = reactome(folder, keep_unmapped=True)
    assert {n for _, n in pairs(made)} == {3}
    assert "uniprot_all_levels" in made.meta["reactome"]["files"]


def test_a_circle_in_the_hierarchy_does_no_harm(folder):
    relations = ["R-HSA-1\tR-HSA-2", "R-HSA-2\tR-HSA-3", "R-HSA-3\tR-HSA-2", "R-HSA-3\tR-HSA-3"]
    write(folder / "ReactomePathwaysRelation.txt", *relations)
    (folder / "UniProt2Reactome.txt").unlink()
    write(folder / "UniProt2Reactome_All_Levels.txt", *[member("P04637", n) for n in (1, 2, 3)])
    made = reactome(folder)
    # 1 is implied by the circle; in the circle 2 and 3 imply each other, and both stay.
    assert pairs(made) == {("hgnc:11998", 2), ("hgnc:11998", 3)}
    assert len(made.rolled_up().members) == 3


def test_relations_of_other_species_and_of_nothing_are_left_out(folder):
    write(folder / "ReactomePathwaysRelation.txt", "R-MMU-1\tR-MMU-2", "R-HSA-1\tR-HSA-9",
          "R-HSA-1\tR-HSA-3", "R-HSA-1\tR-HSA-3")  # fmt: skip
    made = reactome(folder)
    assert made.pathways["parents"].tolist() == ["", "", "reactome:R-HSA-1"]
    assert made.meta["reactome"]["counts"]["relations"] == 1


def test_names_that_occur_twice_stay_two_pathways(folder):
    assert reactome(folder).pathways["name"].tolist() == ["A pathway"] * 3


def test_without_the_list_of_pathways(folder):
    (folder / "ReactomePathways.txt").unlink()
    made = reactome(folder)
    assert pairs(made) == {("hgnc:11998", 3), ("hgnc:6973", 2)}
    assert made.pathways["name"].tolist() == ["R-HSA-1", "A pathway", "A pathway"]


def test_compounds_and_mirna(folder):
    write(folder / "ChEBI2Reactome.txt", member("15377", 3), member("CHEBI:15377", 2))
    write(folder / "miRBase2Reactome.txt", member("MI0000060", 3))
    made = reactome(folder)
    nodes = made.nodes.set_index("id")
    assert nodes.loc["chebi:15377", ["kind", "symbol"]].tolist() == ["compound", "CHEBI:15377"]
    assert nodes.loc["mirbase:MI0000060", "kind"] == "mirna"
    assert {("chebi:15377", 3), ("chebi:15377", 2), ("mirbase:MI0000060", 3)} <= pairs(made)


def test_physical_entities_hold_the_same_members(folder):
    rows = (folder / "UniProt2Reactome.txt").read_text().splitlines()
    rows = [row.replace("\t", "\tR-HSA-777\tTP53 [nucleoplasm]\t", 1) for row in rows]
    before = reactome(folder)
    write(folder / "UniProt2Reactome.txt", *rows)
    assert reactome(folder) == before


def test_gene_sets_have_the_name_first(folder):
    (folder / "UniProt2Reactome.txt").unlink()
    sets = ["One\tR-HSA-1\tTP53\ttat\tHDM2\tPARK2", "Two\tR-HSA-2\tTP53\t"]
    with zipfile.ZipFile(folder / "ReactomePathways.gmt.zip", "w") as archive:
        archive.writestr("ReactomePathways.gmt", "\n".join(sets))
    made = reactome(folder)
    # tat is HIV's, HDM2 no more than an alias; PARK2 is PRKN's previous symbol.
    assert pairs(made) == {("hgnc:11998", 2), ("hgnc:8607", 1)}
    write(folder / "ReactomePathways.gmt", *sets)
    with pytest.raises(ValueError, match="are both 'gmt'"):
        reactome(folder)


INTERACTIONS = "# Interactor 1 uniprot id\tInteractor 1 Ensembl gene id\t..."


def interaction(a, b, kind="physical association", context="R-HSA-10"):
    return "\t".join([a, "-", "-", b, "-", "-", kind, f"reactome:{context}", "1|2"])


def test_interactions_are_undirected_edges(folder):
    accessions = ids.hgnc()["uniprot"].loc[lambda a: a.str.fullmatch(r"\w{6}")].tolist()
    tp53, mdm2, water = "uniprotkb:P04637", "uniprotkb:Q00987", "ChEBI:15377"
    rows = [
        interaction(tp53, mdm2), interaction(mdm2, tp53, "enzymatic reaction", "R-HSA-11"),
        interaction(tp53 + "-2", water), interaction(tp53, tp53),
        interaction("uniprotkb:P04585", tp53), interaction("reactome:R-ALL-1", tp53),
        interaction(tp53, "uniprotkb:P01116", context="R-MMU-10"),
        *[interaction(tp53, f"uniprotkb:{a}", context="R-HSA-99") for a in accessions[:70]],
    ]  # fmt: skip
    write(folder / "ppi.txt", INTERACTIONS.replace("...", "\t" * 6), *rows)
    made = reactome(folder)
    edges = made.edges.set_index(["source", "target"])
    assert set(edges.index) == {("hgnc:11998", "hgnc:6973"), ("chebi:15377", "hgnc:11998")}
    assert edges["flags"].tolist() == [
        "physical association",
        "enzymatic reaction;physical association",
    ]
    assert not made.edges["directed"].any()
    assert (made.edges[["type", "sign", "database"]] == ["interaction", 0, "reactome"]).all(
        axis=None
    )
    counts = made.meta["reactome"]["counts"]
    assert counts["interaction_rows"] == 76
    assert counts["interactions_of_large_complexes"] == 70
    assert counts["interactions_without_node"] == 2
    assert counts["interactions_with_itself"] == 1
    assert len(reactome(folder, max_complex_size=100).edges) == 72
    assert len(reactome(folder, keep_unmapped=True).edges) == 3


def test_what_has_no_gene_can_be_kept(folder):
    rows = (folder / "UniProt2Reactome.txt").read_text()
    (folder / "UniProt2Reactome.txt").write_text(rows + member("P04585", 3) + "\n")
    assert len(reactome(folder).nodes) == 2
    made = reactome(folder, keep_unmapped=True)
    assert made.nodes.set_index("id").loc["uniprot:P04585", ["kind", "symbol"]].tolist() == [
        "gene",
        "P04585",
    ]


def test_other_species_by_their_ids_or_a_table(folder):
    made = reactome(folder, species="Mus musculus")
    assert made.members.to_numpy().tolist() == [["uniprot:P02340", "reactome:R-MMU-1"]]
    assert made.nodes["kind"].tolist() == ["gene"]
    table = pd.DataFrame({"name": ["P02340"], "id": ["mgi:98834"]})
    made = reactome(folder, species="Mus musculus", table=table)
    assert made.members["node"].tolist() == ["mgi:98834"]
    assert made.nodes["kind"].tolist() == ["gene"]
    human = pd.DataFrame({"name": ["P04637"], "id": ["MDM2"]})
    assert pairs(reactome(folder, table=human)) == {("hgnc:6973", 3), ("hgnc:6973", 2)}


def test_species_that_is_not_there(folder):
    with pytest.raises(ValueError, match=r"species='Bos taurus' is not in.*'Homo sapiens', 'Mus"):
        reactome(folder, species="Bos taurus")


def test_release_is_found(folder):
    assert reactome(folder).meta["reactome"]["release"] is None
    assert reactome(folder, release="91").meta["reactome"]["release"] == "91"
    for name in ("ReactomePathways", "UniProt2Reactome", "ReactomePathwaysRelation"):
        (folder / f"{name}.txt").rename(folder / f"{name}_R92.txt")
    assert reactome(folder).meta["reactome"]["release"] == "92"


def test_packed_files_and_foreign_line_ends(folder):
    before = reactome(folder)
    for name in ("ReactomePathways.txt", "UniProt2Reactome.txt"):
        data = (folder / name).read_bytes().replace(b"\n", b"\r\n")
        (folder / f"{name}.gz").write_bytes(gzip.compress(b"\xef\xbb\xbf" + data.rstrip()))
        (folder / name).unlink()
    assert reactome(folder) == before


def test_the_embedded_graph_cannot_be_changed():
    for change in (
        {"species": "Mus musculus"},
        {"keep_unmapped": True},
        {"release": "90"},
        {"genes": "gmt"},
    ):
        with pytest.raises(ValueError, match=f"'{next(iter(change))}' cannot be changed"):
            reactome(**change)
    with pytest.raises(ValueError, match="max_complex_size=1"):
        reactome(max_complex_size=1)
    assert reactome(species=HUMAN) is reactome()


# What is wrong


def test_files_that_are_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such file"):
        reactome(tmp_path / "x.txt")
    with pytest.raises(FileNotFoundError, match="no flat file of Reactome in this folder"):
        reactome(tmp_path)
    write(tmp_path / "notes.txt", "nothing")
    with pytest.raises(FileNotFoundError, match=r"holds 'notes\.txt'"):
        reactome(tmp_path)
    with pytest.raises(ValueError, match="files is an empty list"):
        reactome([])


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("UniProt2Reactome.txt", b"", "is empty"),
        ("UniProt2Reactome.txt", b"\n\n", "is empty"),
        ("UniProt2Reactome.txt", b"<!DOCTYPE html>\n<html>", "is HTML"),
        ("NCBI2Reactome.txt", "7157\tR-HSA-1\tSj\u00f6".encode("latin-1"), "UTF-8"),
        ("NCBI2Reactome.txt", member("7157", 1).encode("utf-16"), "UTF-8"),
        ("NCBI2Reactome.txt", member("7157", 1).encode("utf-16-le"), "UTF-8"),
        ("NCBI2Reactome.txt", f"{member('7157', 1)}\n7157\tR-HSA-1".encode(), "line 2: 2 columns"),
        ("reactome.txt", b"R-HSA-1\tR-HSA-2\tR-HSA-3\n", "cannot tell what"),
        ("reactome.txt", b"hello\n", "cannot tell what"),
        ("NCBI2ReactomeReactions.txt", member("7157", 1).encode(), "lists reactions"),
        ("GtoP2Reactome.txt", member("7157", 1).encode(), "Guide to Pharmacology"),
        ("numbers.txt", member("7157", 1).encode(), "could be of several databases"),
        ("NCBI2Reactome.txt", member("P04637", 1).encode(), "named for ncbi, but"),
        ("NCBI2Reactome.txt", b"\x1f\x8bnot gzip", "cut off or damaged"),
        ("NCBI2Reactome.txt", b"PK\x03\x04not zip", "cut off or damaged"),
        ("NCBI2Reactome.txt.gz", gzip.compress(member("7157", 1).encode(), mtime=0)[:-12], "cut off or damaged"),
        ("x.gmt", b"One\tR-HSA-1\tTP53\nTwo\tno id\tTP53\n", "line 2: a set needs"),
        ("x.gmt", b"One\tR-HSA-1\tTP53\nTwo\tR-HSA-2\t\n", "line 2: a set needs"),
        ("x.gmt", b"One\tR-HSA-1\tTP53\nTwo\n", "line 2: a set needs"),
        ("miRBase2Reactome.txt", f"{member('MI0000060', 1)}\n{member('', 1)}".encode(), "line 2: the identifier"),
        ("ReactomePathways.txt", f"{pathway(1)}\n{pathway(2)}\n;\tX\tHomo sapiens".encode(), "line 3: ';' is not"),
        ("ReactomePathwaysRelation.txt", b"R-HSA-1\tR-HSA-2\nR-HSA-2", "line 2: 1 columns"),
        ("MyUniProt.txt", member("P04637", 1).encode(), "are both 'uniprot'"),
    ],
)  # fmt: skip
def test_broken_files_are_refused(folder, name, content, why):
    (folder / name).write_bytes(content)
    with pytest.raises(ValueError, match=why):
        reactome(folder)
    with pytest.raises(ValueError, match=why):
        reactome(sorted(folder.iterdir()))


def test_members_of_another_release_altogether_are_refused(folder):
    write(folder / "UniProt2Reactome.txt", member("P04637", 98), member("P04637", 99))
    with pytest.raises(ValueError, match=r"none of the 2 pathways.*Take both from one release"):
        reactome(folder)


def test_a_zip_of_several_files_is_refused(folder):
    with zipfile.ZipFile(folder / "reactome.zip", "w") as archive:
        archive.writestr("a.txt", "a")
        archive.writestr("b.txt", "b")
    with pytest.raises(ValueError, match=r"holds 2 files \('a.txt', 'b.txt'\)"):
        reactome(folder)


@pytest.mark.parametrize("start", [b"x", member("7157", 1).encode() + b"\n", b"One\tR-HSA-1\t"])
def test_a_line_of_100_megabytes_takes_little_memory(folder, start):
    with gzip.open(folder / "NCBI2Reactome.txt.gz", "wb", compresslevel=1) as handle:
        handle.write(start)
        for _ in range(100):
            handle.write(b"x" * 2**20)
    tracemalloc.start()
    with pytest.raises(ValueError, match="longer than"):
        reactome(folder)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 40 * 2**20


def test_what_unpacks_without_end_is_stopped(folder, monkeypatch):
    monkeypatch.setattr(reactome_files, "MAX_BYTES", 10_000)
    rows = (member("7157", 1) + "\n").encode() * 1000
    (folder / "NCBI2Reactome.txt.gz").write_bytes(gzip.compress(rows))
    with pytest.raises(ValueError, match="unpacks to more than"):
        reactome(folder)


SEEDS = [member("P04637", 1), member("15377", 2), pathway(1), "R-HSA-1\tR-HSA-2", "One\tR-HSA-1\tTP53",
         interaction("uniprotkb:P04637", "uniprotkb:Q00987")]  # fmt: skip


@settings(max_examples=300)
@given(
    seed=st.sampled_from(SEEDS),
    cuts=st.lists(st.tuples(st.integers(0, 200), st.integers(0, 9), st.binary(max_size=6)), max_size=6),
    packed=st.sampled_from(["", "gzip"]),
    name=st.sampled_from(["x", "NCBI2Reactome.txt", "ChEBI2Reactome_All_Levels.txt", "reactome.gmt"]),
)  # fmt: skip
def test_spoilt_files_are_read_or_refused(tmp_path_factory, seed, cuts, packed, name):
    data = "\n".join([seed] * 3 + [member("P04637", 1)]).encode()
    data = gzip.compress(data, mtime=0) if packed else data
    for at, n, new in cuts:
        data = data[:at] + new + data[at + n :]
    path = tmp_path_factory.mktemp("spoilt") / name
    path.write_bytes(data)
    try:
        reactome(path)
    except ValueError as error:
        assert name in str(error) or "files" in str(error) or "species" in str(error)  # noqa: PT017
