"""MiRNAs and their targets: dictionaries, GMT files, tables."""

from __future__ import annotations

import gzip

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pathweave import graph
from pathweave._core.warnings import DataWarning

PAIRS = {("mirna:hsa-miR-34a-5p", "BCL2"), ("mirna:hsa-miR-34a-5p", "SIRT1"), ("mirna:hsa-miR-21-5p", "PTEN")}  # fmt: skip
TABLE = pd.DataFrame(
    {"mirna": ["hsa-miR-34a-5p", "hsa-miR-34a-5p", "hsa-miR-21-5p"], "target": ["BCL2", "SIRT1", "PTEN"]}
)  # fmt: skip


def pairs(made):
    label = made.nodes.set_index("id")["symbol"]
    assert (made.edges[["type", "sign", "directed"]] == ["repression", -1, True]).all(axis=None)
    return set(zip(made.edges["source"], made.edges["target"].map(label), strict=True))


def write(path, content):
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_dictionary():
    made = graph.mirna_targets(
        {"hsa-miR-34a-5p": ["BCL2", "SIRT1", "BCL2", None], "hsa-miR-21-5p": ("PTEN", "nogene1")}
    )
    assert pairs(made) == PAIRS
    nodes = made.nodes.set_index("id")
    assert nodes.loc["mirna:hsa-miR-34a-5p", ["kind", "symbol"]].tolist() == [
        "mirna",
        "hsa-miR-34a-5p",
    ]
    assert {"hgnc:990", "hgnc:14929", "hgnc:9588"} < set(nodes.index)
    assert made.meta["mirna_targets"] == {"rows": 5, "rows_not_mapped": 1}
    assert made.meta["mirna_targets_lost"] == {"unknown symbol": {"n": 1, "names": ["nogene1"]}}
    assert set(made.edges["database"]) == {"mirna_targets"}


def test_mirtarbase_2017(shared):
    """By hand: 3,240 miRNAs, 414,603 pairs, 735 targets of hsa-miR-34a-5p."""
    made = graph.mirna_targets(shared / "pathways" / "idmaps" / "miRTarBase_2017.gmt.gz")
    assert made.meta["mirna_targets"]["rows"] == 414_603
    kinds = made.nodes["kind"].value_counts().to_dict()
    assert kinds["mirna"] == 3240
    targets = {gene for mirna, gene in pairs(made) if mirna == "mirna:hsa-miR-34a-5p"}
    assert {"TP53", "BCL2", "SIRT1"} <= targets
    assert 720 < len(targets) <= 735  # symbols that became one gene
    assert sum(lost["n"] for lost in made.meta["mirna_targets_lost"].values()) < 10


def test_gmt_by_its_name(tmp_path):
    text = "hsa-miR-34a-5p\t\tBCL2\tSIRT1\nhsa-miR-21-5p\tx\tPTEN\n"
    for name, data in (("a.gmt", text.encode()), ("a.gmt.gz", gzip.compress(text.encode()))):
        assert pairs(graph.mirna_targets(write(tmp_path / name, data))) == PAIRS
    assert pairs(graph.mirna_targets(str(tmp_path / "a.gmt"))) == PAIRS
    with pytest.warns(DataWarning, match=r"1 set\(s\) have no gene: 'mirna:hsa-miR-1'"):
        made = graph.mirna_targets(write(tmp_path / "a.gmt", text + "hsa-miR-1\tx\n"))
    assert made.meta["mirna_targets"]["sets_without_genes"] == 1


def test_tables_as_frames_and_files(tmp_path):
    before = TABLE.copy(deep=True)
    made = graph.mirna_targets(TABLE)
    assert pairs(made) == PAIRS
    pd.testing.assert_frame_equal(TABLE, before)
    assert graph.mirna_targets(TABLE[::-1]) == made
    assert graph.mirna_targets(TABLE.rename(columns=str.upper).assign(note="x")) == made
    for sep in ",;\t":
        text = TABLE.to_csv(sep=sep, index=False)
        assert graph.mirna_targets(write(tmp_path / "a.txt", text)) == made
    packed = gzip.compress(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert graph.mirna_targets(write(tmp_path / "a.txt", packed)) == made
    gaps = pd.concat(
        [TABLE, pd.DataFrame({"mirna": [None, "hsa-miR-1"], "target": ["TP53", None]})]
    )
    assert pairs(graph.mirna_targets(gaps)) == PAIRS


def test_genes_by_number():
    numbers = TABLE.assign(target=[596, 23411, 5728])
    assert pairs(graph.mirna_targets(numbers)) == PAIRS
    assert pairs(graph.mirna_targets(numbers, identifiers="entrez")) == PAIRS


MIRTARBASE = """miRTarBase ID,miRNA,Species (miRNA),Target Gene,Target Gene (Entrez ID),Species (Target Gene),Experiments,Support Type,References (PMID)
MIRT1,hsa-miR-34a-5p,hsa,BCL2,596,hsa,"Western blot//qRT-PCR, too",Functional MTI,1
MIRT2,hsa-miR-34a-5p,hsa,SIRT1,23411,hsa,CLIP,Functional MTI (Weak),2
MIRT3,hsa-miR-21-5p,hsa,PTEN,5728,hsa,x,Functional MTI,3
MIRT4,hsa-miR-21-5p,hsa,TP53,7157,hsa,x,Non-Functional MTI,4
"""


def test_mirtarbase_table(tmp_path):
    path = write(tmp_path / "hsa_MTI.csv", MIRTARBASE)
    made = graph.mirna_targets(path)
    assert pairs(made) == PAIRS
    assert {"hgnc:990", "hgnc:14929", "hgnc:9588"} < set(made.nodes["id"])
    assert sorted(made.edges["flags"]) == ["", "", "weak"]
    assert made.meta["mirna_targets"] == {
        "rows": 4, "rows of non-functional support": 1, "rows_not_mapped": 0
    }  # fmt: skip
    assert graph.mirna_targets(pd.read_csv(path)) == made
    assert graph.edges(path, database="mirna_targets") == made


def test_accessions_and_names_are_told_apart():
    made = graph.mirna_targets(
        {"MIMAT0000076": ["PTEN"], "MI0000077": ["PTEN"], " hsa-let-7a ": ["PTEN"],
         "mirbase:MI0000060": ["PTEN"], "mirna:hsa-miR-1": ["PTEN"], "MIR21": ["PTEN"]}
    )  # fmt: skip
    assert set(made.edges["source"]) == {
        "mirbase:MIMAT0000076", "mirbase:MI0000077", "mirna:hsa-let-7a", "mirbase:MI0000060",
        "mirna:hsa-miR-1", "mirna:MIR21",
    }  # fmt: skip
    assert (made.nodes["kind"] == "mirna").sum() == 6


def test_it_meets_other_graphs_at_genes_and_mirnas():
    """Genes are HGNC's, and OmniPath's miRNAs go by the same names."""
    row = {"source": ["MIMAT0000076"], "target": ["P60484"], "source_genesymbol": ["hsa-miR-21-5p"],
           "target_genesymbol": ["PTEN"], "is_directed": [1], "is_stimulation": [0],
           "is_inhibition": [1], "type": ["post_transcriptional"]}  # fmt: skip
    both = graph.edges(pd.DataFrame(row)) | graph.mirna_targets(TABLE)
    assert len(both.nodes) == 5
    assert sorted(both.edges["database"]) == ["mirna_targets", "mirna_targets", "mirna_targets;omnipath"]  # fmt: skip


@pytest.mark.parametrize(
    ("targets", "error", "why"),
    [
        ({"hsa-miR-21-5p": "PTEN"}, TypeError, r"targets\['hsa-miR-21-5p'\] must be a list of genes, found 'PTEN'"),
        (["PTEN"], TypeError, "targets must be a file, a DataFrame or a dictionary, found list"),
        (TABLE.drop(columns="target"), ValueError, "targets has the columns 'mirna'; it needs 'mirna' and 'target'"),
        ({"hsa-miR-21-5p": ["nogene1"]}, ValueError, "no row has two ends.*lost were 'nogene1'"),
    ],
)  # fmt: skip
def test_wrong_targets(targets, error, why):
    with pytest.raises(error, match=why):
        graph.mirna_targets(targets)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "targets='.*' is empty; it must be a table with a header line"),
        (b"mirna\nx\n", "it needs 'mirna' and 'target'"),
        (b"<html>mirna,target", "is a web page, XML or no text"),
        (b"PK\x03\x04 an Excel file", "damaged or cut off"),
        (b"x" * 2**17, "line 1 is longer than 64 kB"),
        (b'mirna,target\n"hsa-miR-1,PTEN\n', "cannot be read with sep=','"),
    ],
)
def test_broken_files_are_refused(content, why, tmp_path):
    with pytest.raises(ValueError, match=why):
        graph.mirna_targets(write(tmp_path / "a.csv", content))


@settings(max_examples=100)
@given(
    seed=st.sampled_from([MIRTARBASE, TABLE.to_csv(index=False)]),
    cuts=st.lists(
        st.tuples(st.integers(0, 200), st.integers(0, 9), st.binary(max_size=6)), max_size=6
    ),
)
def test_spoilt_tables_are_read_or_refused(tmp_path_factory, seed, cuts):
    data = seed.encode()
    for at, n, new in cuts:
        data = data[:at] + new + data[at + n :]
    path = write(tmp_path_factory.mktemp("spoilt") / "a.csv", data)
    try:
        graph.mirna_targets(path)
    except ValueError as error:
        assert str(error).startswith(("targets", "table"))  # noqa: PT017
