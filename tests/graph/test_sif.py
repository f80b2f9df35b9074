"""SIF files: Cytoscape's, and the extended ones of Pathway Commons; rows written by hand."""

from __future__ import annotations

import gzip

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
        path = tmp_path / "network.sif"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return graph.sif(path, **options)

    return reader


def found(made):
    """Edges by symbol, as source, target, type, sign, directed."""
    label = made.nodes.set_index("id")["symbol"]
    label = label.where(label != "", label.index)
    edges = made.edges
    ends = (edges[end].map(label) for end in ("source", "target"))
    return set(zip(*ends, edges["type"], edges["sign"], edges["directed"], strict=True))


def symbols(made):
    return set(made.nodes["symbol"])


def test_blanks_part_words_where_there_are_no_tabs(read):
    made = read("MDM2 inhibits TP53 CDK2\n\nATM   activates  TP53\nPTEN\n")
    assert found(made) == {
        ("MDM2", "TP53", "inhibition", -1, True),
        ("MDM2", "CDK2", "inhibition", -1, True),
        ("ATM", "TP53", "activation", 1, True),
    }
    assert symbols(made) == {"MDM2", "TP53", "CDK2", "ATM", "PTEN"}
    assert made.meta == {"sif": {"rows": 3, "rows_not_mapped": 0}}
    assert set(made.edges["database"]) == {"sif"}


def test_tabs_part_words_where_the_file_has_any(read):
    made = read("MDM2\tturns off\tTP53\tCDK2\nsome gene\tpp\tATM\nATM pp CDK2\n")
    assert found(made) == {
        ("MDM2", "TP53", "turns_off", 0, True),
        ("MDM2", "CDK2", "turns_off", 0, True),
    }
    assert made.meta["sif"]["unknown_types"] == ["turns off"]
    assert made.meta["sif_lost"] == {
        "unknown symbol": {"n": 2, "names": ["ATM pp CDK2", "some gene"]}
    }


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("pp", ("binding", 0, False)),
        ("pd", ("expression", 0, True)),
        ("Activates", ("activation", 1, True)),
        ("down-regulates", ("inhibition", -1, True)),
        ("DOWN_REGULATES", ("inhibition", -1, True)),
        ("-1", ("inhibition", -1, True)),
        ("->", ("activation", 1, True)),
        ("-|", ("inhibition", -1, True)),
        ("controls-state-change-of", ("state_change", 0, True)),
        ("controls-expression-of", ("expression", 0, True)),
        ("in-complex-with", ("complex", 0, False)),
        ("interacts-with", ("binding", 0, False)),
        ("catalysis-precedes", ("catalysis_precedes", 0, True)),
        ("neighbor-of", ("neighbor_of", 0, False)),
        ("binds", ("binding", 0, False)),
        ("whatever", ("whatever", 0, True)),
    ],
)
def test_types(read, said, expected):
    """The alphabetically first id is the source of an undirected edge: hgnc:11998, TP53."""
    made = read(f"TP53\t{said}\tMDM2\n")
    assert found(made) == {("TP53", "MDM2", *expected)}


def test_types_of_ones_own_come_first(read):
    types = {"Turns off": ("inhibition", -1, True), "pp": ["phosphorylation", 0, True]}
    made = read("MDM2\tturns_off\tTP53\nATM\tpp\tTP53\n", types=types)
    assert found(made) == {
        ("MDM2", "TP53", "inhibition", -1, True),
        ("ATM", "TP53", "phosphorylation", 0, True),
    }
    assert "unknown_types" not in made.meta["sif"]
    for bad in (("a", 2, True), "inhibition", ("a", 1)):
        with pytest.raises(ValueError, match=r"types\['x'\] must be a type, a sign .*; found"):
            read("MDM2 x TP53", types={"x": bad})


EXTENDED = """PARTICIPANT_A\tINTERACTION_TYPE\tPARTICIPANT_B\tINTERACTION_DATA_SOURCE\tINTERACTION_PUBMED_ID\tPATHWAY_NAMES\tMEDIATOR_IDS
MDM2\tcontrols-state-change-of\tTP53\tReactome\t1;2\tA pathway\tCDK2
ATM\tused-to-produce\tCHEBI:15422\tReactome\t\t\t
CHEBI:15422\tused-to-produce\tCHEBI:456216\tReactome

PARTICIPANT\tPARTICIPANT_TYPE\tPARTICIPANT_NAME\tUNIFICATION_XREF\tRELATIONSHIP_XREF
PTEN\tProteinReference\tTP53\tuniprot:P60484\thgnc:9588
"""


def test_extended_file_is_read_up_to_its_nodes(read):
    made = read(EXTENDED)
    assert found(made) == {
        ("MDM2", "TP53", "state_change", 0, True),
        ("ATM", "chebi:15422", "conversion", 0, True),
        ("chebi:15422", "chebi:456216", "conversion", 0, True),
    }
    assert made.nodes["kind"].value_counts().to_dict() == {"gene": 3, "compound": 2}
    assert made.meta["sif"]["rows"] == 3


def test_names_stand_for_genes_and_order_does_not_matter(read):
    names = pd.DataFrame({"name": ["AP1"], "id": ["FOS;JUN"]})
    text = "AP1 activates MYC\nMDM2 inhibits TP53\nFOS binds JUN\n"
    made = read(text, names=names, database="mine")
    assert {edge[:2] for edge in found(made)} == {
        ("FOS", "MYC"), ("JUN", "MYC"), ("MDM2", "TP53"), ("FOS", "JUN")
    }  # fmt: skip
    assert set(made.edges["database"]) == {"mine"}
    other = read("\n".join(text.split("\n")[::-1]), names=names, database="mine")
    assert (other, other.meta) == (made, made.meta)
    # A complex alone on a line is its members.
    assert symbols(read("AP1\n", names=names)) == {"FOS", "JUN"}


def test_lines_without_a_target_are_told(read):
    with pytest.warns(
        DataWarning, match=r"2 line\(s\) have no target: 'ATM\\tpp', 'CDK2\\t\\tMDM2'"
    ):
        made = read("MDM2\tpp\tTP53\nATM\tpp\nCDK2\t\tMDM2\n")
    assert made.meta["sif"]["lines_without_target"] == 2
    assert len(made.edges) == 1


def test_foreign_files(read):
    made = read("MDM2 inhibits TP53\n")
    assert read(b"\xef\xbb\xbfMDM2 inhibits TP53\r\n# a comment\r\n") == made
    assert read(b"MDM2 inhibits TP53\rMDM2 inhibits TP53") == made
    assert read(gzip.compress(b"MDM2 inhibits TP53", mtime=0)) == made
    made = read(b"MDM2\tinhibits\tTP53\nSj\xf6gren\tpp\tTP53\n")
    assert made.meta["sif"]["lines_not_utf8"] == 1
    assert made.meta["sif_lost"]["unknown symbol"]["names"] == ["Sj\u00f6gren"]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "holds no interaction: lines must read 'A type B', found"),
        (b"# nothing\n\n", "holds no interaction"),
        (b"nogene1 pp nogene2\n", "path: no row has two ends.*lost were 'nogene1', 'nogene2'"),
        (b"<html>\nMDM2 pp TP53", "line 1 is of a web page or XML"),
        (b"\n\n<!DOCTYPE html>\nMDM2 pp TP53", "line 3 is of a web page or XML"),
        ("MDM2 pp TP53".encode("utf-16"), "line 1 is UTF-16"),
        (b"MDM2 pp TP53\nATM\0pp TP53", "line 2 holds NUL bytes"),
        (gzip.compress(b"MDM2 pp TP53", mtime=0)[:-9], "damaged or cut off"),
    ],
)
def test_broken_files_are_refused(read, content, why):
    with pytest.raises(ValueError, match=why):
        read(content)


def test_lines_without_end_are_refused(read, monkeypatch):
    monkeypatch.setattr(
        _text_lines.Lines.__init__, "__kwdefaults__", {"max_line": 99, "max_bytes": 999}
    )
    with pytest.raises(ValueError, match="line 2 is longer than"):
        read("MDM2 pp TP53\nATM pp " + "TP53 " * 30)


@settings(max_examples=200)
@given(
    seed=st.sampled_from([EXTENDED, "MDM2 inhibits TP53 CDK2\nATM\n", "MDM2\tpp\tTP53\n"]),
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
    path = tmp_path_factory.mktemp("spoilt") / "network.sif"
    path.write_bytes(data)
    try:
        graph.sif(path)
    except ValueError as error:
        assert str(error).startswith("path")  # noqa: PT017
