"""Gene sets: GMT files of others, by hand and real ones, and dictionaries."""

from __future__ import annotations

import gzip
import tracemalloc
import zipfile

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pathweave import graph
from pathweave._core.warnings import DataWarning
from pathweave.graph import _text_lines


@pytest.fixture
def read(tmp_path):
    def reader(content, **options):
        path = tmp_path / "sets.gmt"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return graph.gmt(path, **options)

    return reader


def sets(made):
    """Symbols of each pathway."""
    label = made.nodes.set_index("id")["symbol"]
    members = made.members
    out = members["node"].map(label).groupby(members["pathway"]).agg(set).to_dict()
    return {pathway: out.get(pathway, set()) for pathway in made.pathways["id"]}


# Layouts


def test_msigdb(read):
    made = read(
        "HALLMARK_P53\thttps://www.gsea-msigdb.org/gsea/msigdb/human/geneset/HALLMARK_P53\tTP53\tMDM2\n"
        "GOBP_DEATH\thttp://x\tBCL2\tTP53\n"
    )
    assert sets(made) == {"gmt:HALLMARK_P53": {"TP53", "MDM2"}, "gmt:GOBP_DEATH": {"BCL2", "TP53"}}
    assert made.pathways.set_index("id").loc["gmt:GOBP_DEATH"].tolist() == ["GOBP_DEATH", "gmt", ""]
    assert set(made.nodes["id"]) == {"hgnc:11998", "hgnc:6973", "hgnc:990"}
    assert made.meta == {"gmt": {"sets": 2, "genes_not_mapped": 0}}
    assert len(made.edges) == 0


def test_wikipathways(shared):
    """Counts by awk: 746 rows, 30,871 pairs, of which 30,785 have an Entrez number of HGNC's."""
    of = shared / "pathways" / "reactome"
    made = graph.gmt(of / "wikipathways-20220610-gmt-Homo_sapiens.gmt.gz")
    assert (len(made.pathways), len(made.members)) == (746, 30_785)
    assert made.meta["gmt"] == {"sets": 746, "genes_not_mapped": 25}
    lost = made.meta["gmt_lost"]["Entrez number without an HGNC gene"]
    assert (lost["n"], lost["names"][0]) == (25, "100505585")
    row = made.pathways.set_index("id").loc["wikipathways:WP254"]
    assert row.tolist() == ["Apoptosis", "wikipathways", ""]
    genes = sets(made)["wikipathways:WP254"]
    assert len(genes) == 88
    assert {"TP53", "MDM2", "BCL2", "CASP8", "CASP9", "AKT1"} <= genes


def test_reactome_has_the_name_first_and_genes_of_viruses(read):
    made = read("Early Phase of HIV\tR-HSA-162594\tTP53\ttat\tHDM2\tPARK2\tvpr\n")
    # HDM2 is no more than an alias; PARK2 is PRKN's previous symbol.
    assert sets(made) == {"reactome:R-HSA-162594": {"TP53", "PRKN"}}
    assert made.pathways["name"].tolist() == ["Early Phase of HIV"]
    assert made.meta["gmt"]["genes_not_mapped"] == 3


def test_reactome_of_2024(shared):
    real = graph.gmt(shared / "pathways" / "reactome" / "ReactomePathways_2024-09-18.gmt.gz")
    assert len(real.pathways) == 2694
    hiv = sets(real)["reactome:R-HSA-164843"]
    assert hiv == {"BANF1", "HMGA1", "LIG4", "PSIP1", "XRCC4", "XRCC5", "XRCC6"}


@pytest.mark.parametrize(
    ("first", "second", "expected", "name"),
    [
        ("R-HSA-1", "Name", "reactome:R-HSA-1", "Name"),
        ("Name", "WP12", "wikipathways:WP12", "Name"),
        ("hsa04110", "Cell cycle", "kegg.pathway:hsa04110", "Cell cycle"),
        ("path:hsa04110", "Cell cycle", "kegg.pathway:hsa04110", "Cell cycle"),
        ("APOPTOSIS%GOBP%GO:0006915", "apoptotic process", "go:0006915", "APOPTOSIS"),
        ("GO:0006915", "", "go:0006915", "GO:0006915"),
        ("reactome:R-HSA-1", "Name", "reactome:R-HSA-1", "Name"),
        ("Name", "reactome:R-HSA-1", "reactome:R-HSA-1", "Name"),
        ("my:set", "", "my:set", "my:set"),
        ("a;b", "", "gmt:a,b", "a;b"),
        ("Name", "http://x.org/WP12", "gmt:Name", "Name"),
        ("Name", "pmid:123", "gmt:Name", "Name"),
        ("WNT: signalling", "na", "gmt:WNT: signalling", "WNT: signalling"),
    ],
)
def test_ids_of_sets(read, first, second, expected, name):
    made = read(f"{first}\t{second}\tTP53\n")
    assert made.pathways[["id", "name"]].to_numpy().tolist() == [[expected, name]]


def test_sets_of_one_description_are_several(read):
    made = read("A\tpmid:1\tTP53\nB\tpmid:1\tMDM2\n", database="mine")
    assert sets(made) == {"mine:A": {"TP53"}, "mine:B": {"MDM2"}}


def test_what_is_written_is_read(read, tmp_path):
    made = read("A\td\tTP53\tMDM2\nWP1\tName\tCDK2\n")
    made.to_gmt(tmp_path / "again.gmt")
    assert graph.gmt(tmp_path / "again.gmt") == made


# Untidy files


def test_ragged_lines_and_blanks(read):
    made = read("A\td\t TP53 \t\tMDM2\t\t\n\n  \nB\t\tTP53\tTP53\tTP53\n  C  c \t\tMDM2 \r\n")
    assert sets(made) == {"gmt:A": {"TP53", "MDM2"}, "gmt:B": {"TP53"}, "gmt:C c": {"MDM2"}}


def test_repeated_sets(read):
    made = read("A\td\tTP53\tMDM2\nA\te\tMDM2\tTP53\tTP53\nB\td\tTP53\n")
    assert sets(made) == {"gmt:A": {"TP53", "MDM2"}, "gmt:B": {"TP53"}}
    assert made.meta["gmt"] == {"sets": 2, "sets_repeated": 1, "genes_not_mapped": 0}
    with pytest.raises(ValueError, match="line 2: the set 'gmt:A' is there already, with other"):
        read("A\td\tTP53\nA\td\tMDM2\n")


def test_sets_without_genes_are_left_out_with_a_warning(read):
    with pytest.warns(DataWarning, match=r"2 set\(s\) have no gene: 'gmt:B', 'gmt:C'"):
        made = read("A\td\tTP53\nB\td\nC\td\t\t\n")
    assert sets(made) == {"gmt:A": {"TP53"}}
    assert made.meta["gmt"]["sets_without_genes"] == 2


def test_latin_1(read):
    with pytest.warns(DataWarning, match=r"1 line\(s\) are not UTF-8 and were read as Latin-1"):
        made = read(b"Sj\xf6gren\td\tTP53\nB\td\tMDM2\n")
    assert made.pathways["id"].tolist() == ["gmt:B", "gmt:Sj\u00f6gren"]
    assert made.meta["gmt"]["lines_not_utf8"] == 1


def test_packed_files_and_foreign_line_ends(read, tmp_path):
    text = b"A\td\tTP53\tMDM2\nB\td\tCDK2\n"
    made = read(text)
    for other in (b"\xef\xbb\xbf" + text, text.replace(b"\n", b"\r\n"), text.replace(b"\n", b"\r"),
                  text.rstrip(), gzip.compress(text, mtime=0)):  # fmt: skip
        assert read(other) == made
    with zipfile.ZipFile(tmp_path / "sets.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("sets.gmt", text)
    assert graph.gmt(str(tmp_path / "sets.zip")) == made


def test_order_of_sets_and_genes_does_not_matter(read):
    table = pd.DataFrame({"name": ["Trp53", "p53"], "id": ["MGI:98834"] * 2})
    one = read("A\td\tTrp53\nB\td\tp53\n", table=table)
    other = read("B\td\tp53\nA\td\tTrp53\n", table=table)
    assert (one, one.meta) == (other, other.meta)
    assert one.nodes["id"].tolist() == ["MGI:98834"]


# Genes


def test_what_is_lost_is_counted_and_named(read):
    made = read("A\td\tTP53\tnogene\tnogene1\nB\td\tnogene\n")
    assert sets(made) == {"gmt:A": {"TP53"}, "gmt:B": set()}
    assert made.meta["gmt"]["genes_not_mapped"] == 2
    assert made.meta["gmt_lost"] == {"unknown symbol": {"n": 2, "names": ["nogene", "nogene1"]}}
    with pytest.raises(ValueError, match=r"no gene could be mapped to HGNC .*; found 'nogene'"):
        read("A\td\tnogene\n")


def test_genes_by_number_and_of_another_species(read):
    assert sets(read("A\td\t7157\t4193\n")) == {"gmt:A": {"TP53", "MDM2"}}
    assert sets(read("A\td\tncbigene:7157\n")) == {"gmt:A": {"TP53"}}
    assert sets(read("A\td\t7157\n", identifiers="entrez")) == {"gmt:A": {"TP53"}}
    table = pd.DataFrame({"name": ["Trp53", "Mdm2"], "id": ["MGI:98834", "ncbigene:17246"]})
    made = read("A\td\tTrp53\tMdm2\tCdk2\n", table=table)
    # Without an id of its own the mouse's Cdk2 is not the human gene.
    assert set(made.nodes["id"]) == {"MGI:98834", "ncbigene:17246"}
    assert made.meta["gmt_lost"] == {"not in the table": {"n": 1, "names": ["Cdk2"]}}
    human = pd.DataFrame({"name": ["Trp53"], "id": ["TP53"]})
    assert sets(read("A\td\tTrp53\n", table=human)) == {"gmt:A": {"TP53"}}


def test_dictionaries():
    genes = {"TP53": 1, "MDM2": 2}
    made = graph.gmt({"A": genes, "B": (g for g in ["TP53", None, float("nan")]), 3: ["CDK2"]})
    assert sets(made) == {"gmt:A": {"TP53", "MDM2"}, "gmt:B": {"TP53"}, "gmt:3": {"CDK2"}}
    assert graph.gmt({"A": [7157, 4193]}).members["node"].tolist() == ["hgnc:11998", "hgnc:6973"]
    with pytest.raises(
        TypeError, match=r"sets\['A'\] must be a list of genes, found the text 'TP53'"
    ):
        graph.gmt({"A": "TP53"})
    with pytest.raises(TypeError, match="sets must be a GMT file or a dictionary, found list"):
        graph.gmt(["TP53"])
    with pytest.raises(ValueError, match="identifiers='symbols' is not known"):
        graph.gmt({"A": ["TP53"]}, identifiers="symbols")


# What is wrong


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "holds no gene set"),
        (b"\n\n", "holds no gene set"),
        (b"A TP53 MDM2\n", "line 1: a set needs a name, a description and at least one gene, apart by tabs; found 'A TP53"),
        (b"A\td\tTP53\n\td\tTP53\n", "line 2: a set needs a name"),
        (b"<!DOCTYPE html>\n<html>\t\tTP53", "line 1 is of a web page or XML; download the text file"),
        (b"  <HTML lang='en'>\tx\tTP53", "line 1 is of a web page"),
        (b"\n<?xml version='1.0'?>\tx\tTP53\n", "line 2 is of a web page"),
        ("A\td\tTP53".encode("utf-16"), "line 1 is UTF-16; save the file as UTF-8"),
        ("A\td\tTP53".encode("utf-16-le"), "line 1 holds NUL bytes"),
        (gzip.compress(b"A\td\tTP53", mtime=0)[:-9], "damaged or cut off"),
        (gzip.compress(b"A\td\tTP53", mtime=0)[:20] + b"\xff" * 9, "damaged or cut off"),
        (b"\x1f\x8bno gzip", "damaged or cut off"),
        (b"PK\x03\x04no zip", "damaged or cut off"),
    ],
)  # fmt: skip
def test_broken_files_are_refused(read, content, why):
    with pytest.raises(ValueError, match=why):
        read(content)


def test_files_that_are_not_one(tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing"):
        graph.gmt(tmp_path / "nothing.gmt")
    with zipfile.ZipFile(tmp_path / "sets.zip", "w") as archive:
        archive.writestr("a.gmt", "A\td\tTP53")
        archive.writestr("b.gmt", "B\td\tTP53")
    with pytest.raises(ValueError, match="packs 2 files; unpack it and give the one that is meant"):
        graph.gmt(tmp_path / "sets.zip")


@pytest.mark.parametrize("start", [b"", b"A\td\tTP53\t", b"A\td\tTP53\nB\td\t"])
@pytest.mark.parametrize("fill", [b"x", b"TP53\t"])
def test_a_line_of_100_megabytes_takes_little_memory(tmp_path, start, fill):
    with gzip.open(tmp_path / "sets.gmt.gz", "wb", compresslevel=1) as handle:
        handle.write(start)
        for _ in range(100):
            handle.write(fill * (2**20 // len(fill)))
    tracemalloc.start()
    with pytest.raises(ValueError, match="longer than 8 MB"):
        graph.gmt(tmp_path / "sets.gmt.gz")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 40 * 2**20


def test_what_unpacks_without_end_is_stopped(read, monkeypatch):
    limits = {"max_line": 1000, "max_bytes": 10_000}
    monkeypatch.setattr(_text_lines.Lines.__init__, "__kwdefaults__", limits)
    line = b"A\td\tTP53\n"
    assert len(read(gzip.compress(line * 1000, mtime=0)).pathways) == 1
    with pytest.raises(ValueError, match=r"unpacks to more than 0\.00954 MB; split it"):
        read(gzip.compress(line * 1200, mtime=0))
    with pytest.raises(ValueError, match="line 2 is longer than"):
        read(gzip.compress(line + b"x" * 1001, mtime=0))


SEEDS = [
    "A\thttp://x\tTP53\tMDM2\nB\t\tCDK2\n",
    "Name\tR-HSA-1\tTP53\ttat\n",
    "P%W%WP1%H\td\t7157\n",
]


@settings(max_examples=300)
@given(
    seed=st.sampled_from(SEEDS),
    cuts=st.lists(
        st.tuples(st.integers(0, 200), st.integers(0, 9), st.binary(max_size=6)), max_size=6
    ),
    packed=st.booleans(),
)
@pytest.mark.filterwarnings("ignore::pathweave._core.warnings.DataWarning")
def test_spoilt_files_are_read_or_refused(tmp_path_factory, seed, cuts, packed):
    data = gzip.compress(seed.encode(), mtime=0) if packed else seed.encode()
    for at, n, new in cuts:
        data = data[:at] + new + data[at + n :]
    path = tmp_path_factory.mktemp("spoilt") / "sets.gmt"
    path.write_bytes(data)
    try:
        graph.gmt(path)
    except ValueError as error:
        assert str(error).startswith("sets")  # noqa: PT017


@pytest.mark.parametrize(
    "sets",
    [{"a;b": ["TP53"], "a,b": ["MDM2"]}, {"hsa04110": ["TP53"], "path:hsa04110": ["MDM2"]}],
)
def test_two_sets_of_one_id_are_not_merged(sets):
    with pytest.raises(ValueError, match="both get the id"):
        graph.gmt(sets)


def test_a_name_that_looks_like_a_map_is_a_name():
    assert graph.gmt({"set10001": ["TP53"]}).pathways["id"].tolist() == ["gmt:set10001"]
    assert graph.gmt({"mmu04110": ["TP53"]}).pathways["id"].tolist() == ["kegg.pathway:mmu04110"]
