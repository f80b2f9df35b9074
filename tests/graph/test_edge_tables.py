"""Tables of interactions: one's own and those of databases, in rows written by hand."""

from __future__ import annotations

import gzip
import io
import tracemalloc
import zipfile

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pathweave import graph
from pathweave.graph import _text_lines
from pathweave.graph._interactions import files
from pathweave.graph._interactions import table as interactions

OWN = pd.DataFrame({"source": ["MDM2", "ATM"], "target": ["TP53", "MDM2"], "sign": [-1, 1]})


def table(text):
    """Rows of cells apart by blanks; ``_`` is an empty cell, ``~`` a blank within one."""
    lines = [line.split() for line in text.strip().splitlines()]
    cells = [["" if c == "_" else c.replace("~", " ") for c in line] for line in lines]
    return pd.DataFrame(cells[1:], columns=cells[0], dtype=object)


def write(path, frame, sep="\t"):
    path.write_text("\n".join(sep.join(map(str, row)) for row in [frame.columns, *frame.values]))
    return path


def found(made, *more):
    """Edges by symbol, as source, target, type, sign, and arrow (directed) or line."""
    label = made.nodes.set_index("id")["symbol"]
    label = label.where(label != "", label.index)
    edges = made.edges.assign(directed=made.edges["directed"].map({True: "->", False: "--"}))
    for end in ("source", "target"):
        edges[end] = edges[end].map(label)
    columns = ["source", "target", "type", "sign", "directed", *more]
    return set(edges[columns].itertuples(index=False, name=None))


def lost(made, database="edges"):
    told = made.meta.get(f"{database}_lost", {})
    return {why: group["names"] for why, group in told.items()}


# One's own


def test_own_table():
    made = graph.edges(OWN)
    assert found(made) == {
        ("MDM2", "TP53", "inhibition", -1, "->"),
        ("ATM", "MDM2", "activation", 1, "->"),
    }
    assert set(made.nodes["id"]) == {"hgnc:11998", "hgnc:6973", "hgnc:795"}
    assert set(made.edges["database"]) == {"edges"}
    assert made.meta == {"edges": {"rows": 2, "rows_not_mapped": 0}}
    assert set(graph.edges(OWN, database="mine").edges["database"]) == {"mine"}


def test_names_are_found_whatever_they_are():
    for tp53 in ("P04637", "ENSG00000141510.18", "HGNC:11998", "hgnc:11998", "ncbigene:7157"):
        made = graph.edges(pd.DataFrame({"source": ["MDM2"], "target": [tp53]}))
        assert made.edges["target"].tolist() == ["hgnc:11998"], tp53
    numbers = pd.DataFrame({"source": [4193, 1017], "target": [7157, 7157]})
    assert found(graph.edges(numbers, identifiers="entrez")) == {
        ("MDM2", "TP53", "interaction", 0, "->"),
        ("CDK2", "TP53", "interaction", 0, "->"),
    }
    made = graph.edges(pd.DataFrame({"source": ["CHEBI:15377"], "target": ["ncbigene:22059"]}))
    assert made.edges[["source", "target"]].to_numpy().tolist() == [
        ["chebi:15377", "ncbigene:22059"]
    ]


def test_columns_of_other_names():
    other = OWN.rename(columns={"source": "from", "target": "to", "sign": "effect"})
    columns = {"source": "from", "target": "to", "sign": "effect"}
    assert graph.edges(other, columns=columns) == graph.edges(OWN)
    # A column that happens to have our name gives way to the one that is named.
    both = other.assign(source="TP53", Target="TP53", type=["a", "b"])
    for order in (both, both[both.columns[::-1]]):
        made = graph.edges(order, columns=columns)
        assert found(made) == {("MDM2", "TP53", "a", -1, "->"), ("ATM", "MDM2", "b", 1, "->")}
    # With columns named, a database's table is one's own.
    symbols = {"source": "source_genesymbol", "target": "target_genesymbol"}
    made = graph.edges(table(OMNIPATH)[:1], columns=symbols)
    assert found(made, "database") == {("MDM2", "TP53", "post_translational", 0, "->", "edges")}
    assert graph.edges(OWN.rename(columns=str.upper)) == graph.edges(OWN)


def test_negative_weights_are_signs_unless_there_are_signs():
    weighed = OWN.drop(columns="sign").assign(weight=[-0.25, 0.5])
    assert found(graph.edges(weighed), "weight") == {
        ("MDM2", "TP53", "inhibition", -1, "->", 0.25),
        ("ATM", "MDM2", "activation", 1, "->", 0.5),
    }
    assert found(graph.edges(weighed.assign(sign=0)), "weight") == {
        ("MDM2", "TP53", "interaction", 0, "->", -0.25),
        ("ATM", "MDM2", "interaction", 0, "->", 0.5),
    }
    # Where none is negative, nothing says that weights are more than sizes.
    positive = graph.edges(weighed.assign(weight=[0.25, 0.5]))
    assert set(positive.edges["sign"]) == {0}


def test_directed_by_column_or_argument():
    arrows = {"T": "->", "no": "--", "1.0": "->", "FALSE": "--"}
    for word, arrow in arrows.items():
        assert {e[4] for e in found(graph.edges(OWN.assign(directed=word)))} == {arrow}
    blank = OWN.assign(directed=[None, True])
    made = graph.edges(blank, directed=False)
    assert found(made) == {
        ("TP53", "MDM2", "inhibition", -1, "--"),  # hgnc:11998 comes before hgnc:6973
        ("ATM", "MDM2", "activation", 1, "->"),
    }
    assert not graph.edges(OWN, directed=False).edges["directed"].any()


def test_types_and_flags_are_kept_and_blanks_are_named_by_the_sign(tmp_path):
    said = OWN.assign(type=["ubiquitination", ""], flags=["a;b", ""])
    expected = {
        ("MDM2", "TP53", "ubiquitination", -1, "->", "a;b"),
        ("ATM", "MDM2", "activation", 1, "->", ""),
    }
    made = graph.edges(said)
    assert found(made, "flags") == expected
    assert graph.edges(write(tmp_path / "said.tsv", said)) == made
    signs = said.assign(sign=pd.Categorical(["-1", None]))
    assert {e[2:4] for e in found(graph.edges(signs))} == {("ubiquitination", -1), ("interaction", 0)}  # fmt: skip


def test_min_score_and_what_is_no_number():
    scored = pd.concat([OWN] * 2).assign(weight=["0.9", "0.4", "x", None], sign=1)
    scored["source"] = ["MDM2", "ATM", "CDK2", "CDK2"]
    made = graph.edges(scored)
    assert made.meta["edges"] == {
        "rows": 4, "rows without a number as weight": 2, "rows_not_mapped": 0
    }  # fmt: skip
    assert sorted(made.edges["weight"]) == [0.4, 0.9]
    made = graph.edges(scored, min_score=0.5)
    assert made.meta["edges"] == {"rows": 4, "rows below min_score": 3, "rows_not_mapped": 0}
    assert made.edges["weight"].tolist() == [0.9]
    with pytest.raises(ValueError, match=r"min_score=0\.5: a table of layout 'own' has no column"):
        graph.edges(OWN, min_score=0.5)


def test_repeated_rows_are_one_edge_and_other_columns_are_passed_over():
    twice = pd.concat([OWN, OWN]).assign(weight=[0.1, 0.2, 0.3, 0.1], note="x", flags=list("abcb"))
    assert found(graph.edges(twice), "weight", "flags") == {
        ("MDM2", "TP53", "inhibition", -1, "->", 0.3, "a;c"),
        ("ATM", "MDM2", "activation", 1, "->", 0.2, "b"),
    }


def test_what_is_lost_is_counted_and_named():
    rows = pd.DataFrame(
        {
            "source": ["MDM2", "nonsense", "MDM2", None, "", "TP53"],
            "target": ["TP53", "TP53", "P99999999", "TP53", "TP53", "nonsense"],
        }
    )
    made = graph.edges(rows)
    assert made.meta["edges"] == {"rows": 6, "rows_not_mapped": 5}
    assert lost(made) == {"unknown symbol": ["P99999999", "nonsense"]}
    assert made.meta["edges_lost"]["unknown symbol"]["n"] == 2
    with pytest.raises(ValueError, match=r"lost were 'nogene1', 'nogene2' \(mostly 'un"):
        graph.edges(pd.DataFrame({"source": ["nogene1"], "target": ["nogene2"]}))
    assert len(graph.edges(OWN[:0]).nodes) == 0


def test_names_stand_for_genes():
    names = pd.DataFrame(
        {
            "name": ["AP1", "AP1", "loop", "both", "mouse", "TP53", None],
            "id": ["FOS;JUN", "hgnc:6204", "loop", "AP1, loop; MYC", "MGI:98834", "MDM4", "x"],
        }
    )
    rows = pd.DataFrame({"source": ["AP1", "both", "mouse"], "target": ["MYC", "TP53", "MYC"]})
    made = graph.edges(rows, names=names)
    assert {e[:2] for e in found(made)} == {
        ("FOS", "MYC"), ("JUN", "MYC"), ("mouse", "MYC"),
        *((one, "MDM4") for one in ("FOS", "JUN", "MYC")),
    }  # fmt: skip
    assert made.nodes.set_index("id").loc["MGI:98834", ["kind", "symbol"]].tolist() == [
        "gene",
        "mouse",
    ]
    empty = pd.DataFrame({"name": ["AP1"], "id": ["nogene1"]})
    with pytest.raises(ValueError, match=r"no row has two ends.*lost were 'AP1'"):
        graph.edges(rows[:1], names=empty)
    with pytest.raises(TypeError, match="names must be a DataFrame, found dict"):
        graph.edges(rows, names={"AP1": "FOS"})
    with pytest.raises(ValueError, match="names has the columns 'a'; it needs two of these: name"):
        graph.edges(rows, names=pd.DataFrame({"a": []}))


# Databases

OMNIPATH = """
source target source_genesymbol target_genesymbol is_directed is_stimulation is_inhibition consensus_direction consensus_stimulation consensus_inhibition type
Q00987 P04637 MDM2 TP53 1 0 1 1 0 1 post_translational
Q13315 Q00987 ATM MDM2 1 1 1 1 1 0 post_translational
P04637 P38936 TP53 CDKN1A True True False True True False transcriptional
P24941 P04637 CDK2 TP53 0 0 0 0 0 0 post_translational
COMPLEX:P01100_P05412 P01106 FOS_JUN MYC 1 0 0 0 0 0 transcriptional
MIMAT0000076 P60484 hsa-miR-21-5p PTEN 1 0 0 0 0 0 post_transcriptional
P01106 MI0000077 MYC _ 1 1 0 0 0 0 mirna_transcriptional
A0A999ZZZ9 P04637 MDM4 TP53 1 1 0 0 0 0 post_translational
P97377 P04637 Cdk2 TP53 1 1 0 0 0 0 post_translational
5280343 P24941 FOS CDK2 1 0 1 0 0 1 small_molecule_protein
Q13315 P24941 ATM CDK2 0 1 0 0 1 0 post_translational
"""


def test_omnipath():
    made = graph.edges(table(OMNIPATH))
    assert found(made, "flags") == {
        ("MDM2", "TP53", "inhibition", -1, "->", "consensus"),
        ("ATM", "MDM2", "activation", 1, "->", "consensus"),
        ("ATM", "MDM2", "inhibition", -1, "->", ""),
        ("TP53", "CDKN1A", "expression", 1, "->", "consensus"),
        ("TP53", "CDK2", "interaction", 0, "--", ""),
        ("FOS", "MYC", "expression", 0, "->", ""),
        ("JUN", "MYC", "expression", 0, "->", ""),
        ("hsa-miR-21-5p", "PTEN", "repression", -1, "->", ""),
        ("MYC", "MI0000077", "expression", 1, "->", ""),
        ("MDM4", "TP53", "activation", 1, "->", ""),  # by its symbol
        ("ATM", "CDK2", "activation", 1, "->", "consensus"),  # a sign has a direction
    }
    assert made.nodes.set_index("id").loc["mirna:hsa-miR-21-5p", "kind"] == "mirna"
    # A compound with the name of a gene, and a mouse's Cdk2, are no human genes.
    assert lost(made, "omnipath") == {
        "small molecule by its PubChem number: give names and ids": ["CID:5280343"],
        "UniProt accession without an HGNC gene": ["P97377"],
    }
    assert made.meta["omnipath"] == {"rows": 11, "rows_not_mapped": 2}


def test_omnipath_as_its_short_table_of_consensus():
    short = table(OMNIPATH).drop(columns=["is_stimulation", "is_inhibition", "type"])[:2]
    assert found(graph.edges(short), "flags") == {
        ("MDM2", "TP53", "inhibition", -1, "->", "consensus"),
        ("ATM", "MDM2", "activation", 1, "->", "consensus"),
    }
    with pytest.raises(ValueError, match="'is_directed' must be true or false, found 'perhaps'"):
        graph.edges(short.assign(is_directed="perhaps"))


SIGNOR = """
ENTITYA TYPEA IDA DATABASEA ENTITYB TYPEB IDB DATABASEB EFFECT MECHANISM TAX_ID DIRECT SCORE
MDM2 protein Q00987 UNIPROT TP53 protein P04637 UNIPROT down-regulates~quantity~by~destabilization ubiquitination 9606 YES 0.9
TP53 protein P04637 UNIPROT CDKN1A protein P38936 UNIPROT up-regulates~quantity~by~expression transcriptional~regulation 9606 t 0.7
TP53 protein P04637 UNIPROT MYC protein P01106 UNIPROT down-regulates~quantity~by~repression _ 10090 NO 0.4
ATM protein Q13315 UNIPROT MDM2 protein Q00987 UNIPROT unknown phosphorylation 9606 f _
FOS protein P01100 UNIPROT AP1 complex SIGNOR-C1 SIGNOR form~complex binding 9606 YES 0.6
ERK1/2 proteinfamily SIGNOR-PF1 SIGNOR FOS protein P01100-2 UNIPROT up-regulates~activity phosphorylation 9606 YES 0.5
c-Myc~chain protein P01106-PRO_0000012345 UNIPROT TP53 protein P04637 UNIPROT unknown binding 9606 YES 0.3
MIR21 mirna MI0000077 miRBase PTEN protein P60484 UNIPROT down-regulates~quantity~by~repression post~transcriptional~regulation 9606 YES 0.8
ATM protein Q13315 UNIPROT TP53 protein P04637 UNIPROT up-regulates post~translational~modification 9606 YES 0.7
ATP smallmolecule CHEBI:15422 ChEBI ATM protein Q13315 UNIPROT up-regulates _ 9606 YES 0.2
Apoptosis phenotype SIGNOR-PH2 SIGNOR TP53 protein P04637 UNIPROT up-regulates _ 9606 YES 0.2
"""
SIGNOR_NAMES = pd.DataFrame(
    {
        "SIGNOR ID": ["SIGNOR-C1", "SIGNOR-PF1"],
        "COMPLEX NAME": ["AP1", "ERK1/2"],
        "LIST OF ENTITIES": ["P01100,  P05412", "P27361,  P28482"],
    }
)


def test_signor():
    made = graph.edges(table(SIGNOR), names=SIGNOR_NAMES)
    assert found(made, "weight", "flags") == {
        ("MDM2", "TP53", "inhibition", -1, "->", 0.9, "ubiquitination"),
        ("TP53", "CDKN1A", "expression", 1, "->", 0.7, "transcriptional regulation"),
        ("TP53", "MYC", "repression", -1, "->", 0.4, "indirect effect"),
        ("ATM", "MDM2", "phosphorylation", 0, "->", 0.2, "indirect effect"),
        ("FOS", "FOS", "complex", 0, "--", 0.6, "binding"),
        ("FOS", "JUN", "complex", 0, "--", 0.6, "binding"),
        ("MAPK3", "FOS", "activation", 1, "->", 0.5, "phosphorylation"),
        ("MAPK1", "FOS", "activation", 1, "->", 0.5, "phosphorylation"),
        ("TP53", "MYC", "binding", 0, "--", 0.3, ""),
        ("MI0000077", "PTEN", "repression", -1, "->", 0.8, "post transcriptional regulation"),
        ("ATM", "TP53", "activation", 1, "->", 0.7, "post translational modification"),
        ("chebi:15422", "ATM", "activation", 1, "->", 0.2, ""),
    }
    assert lost(made, "signor") == {"phenotype": ["SIGNOR-PH2"]}
    told = lost(graph.edges(table(SIGNOR)), "signor")
    assert told["complex of SIGNOR: give SIGNOR's table of complexes as names"] == ["SIGNOR-C1"]
    assert told["family of SIGNOR: give SIGNOR's table of families as names"] == ["SIGNOR-PF1"]
    strong = graph.edges(table(SIGNOR), names=SIGNOR_NAMES, min_score=0.8)
    assert len(strong.edges) == 2
    assert strong.meta["signor"]["rows below min_score"] == 9


INFO = pd.DataFrame(
    {
        "#string_protein_id": ["9606.ENSP00000269305", "9606.ENSP00000258149", "9606.ENSP1"],
        "preferred_name": ["TP53", "MDM2", "CDK2"],
        "protein_size": [393, 491, 298],
    }
)
LINKS = """
protein1 protein2 experimental combined_score
9606.ENSP00000269305 9606.ENSP00000258149 999 999
9606.ENSP00000258149 9606.ENSP00000269305 999 999
9606.ENSP00000269305 9606.ENSP1 0 700
9606.ENSP00000258149 9606.ENSP1 0 699
9606.ENSP00000269305 9606.ENSP00000000002 0 800
"""


def test_string_links_with_the_names_of_its_proteins():
    made = graph.edges(table(LINKS), names=INFO)
    assert found(made, "weight") == {
        ("TP53", "MDM2", "interaction", 0, "--", 0.999),
        ("TP53", "CDK2", "interaction", 0, "--", 0.7),
    }
    assert made.meta["string"] == {"rows": 5, "rows below min_score": 1, "rows_not_mapped": 1}
    why = "protein of STRING: give its protein.info table as names"
    assert lost(made, "string") == {why: ["9606.ENSP00000000002"]}
    assert len(graph.edges(table(LINKS), names=INFO, min_score=400).edges) == 3
    with pytest.raises(ValueError, match=f"no row has two ends.*mostly '{why}'"):
        graph.edges(table(LINKS))


def test_string_actions_stand_there_from_both_sides():
    made = graph.edges(
        table("""
item_id_a item_id_b mode action is_directional a_is_acting score
MDM2 TP53 inhibition inhibition t t 900
TP53 MDM2 inhibition inhibition t f 900
CDK2 TP53 ptmod _ t f 800
TP53 CDKN1A expression _ t t 800
TP53 MYC expression inhibition t t 800
MDM2 MDM4 binding _ f f 950
MDM4 MDM2 binding _ f f 950
ATM TP53 activation _ t t 750
ATM CDK2 activation activation f t 699
""")
    )
    assert found(made, "weight", "flags") == {
        ("MDM2", "TP53", "inhibition", -1, "->", 0.9, ""),
        ("TP53", "CDK2", "modification", 0, "->", 0.8, ""),
        ("TP53", "CDKN1A", "expression", 0, "->", 0.8, "unsigned"),
        ("TP53", "MYC", "repression", -1, "->", 0.8, ""),
        ("MDM2", "MDM4", "binding", 0, "--", 0.95, ""),
        ("ATM", "TP53", "activation", 1, "->", 0.75, ""),
    }
    assert set(made.edges["database"]) == {"string"}
    with pytest.raises(ValueError, match=r"STRING before 10\.5, which lacks 'is_directional'"):
        graph.edges(table("item_id_a item_id_b mode action a_is_acting score\nA B binding _ 0 900"))


@pytest.mark.parametrize(
    "header",
    [
        "stringId_A stringId_B preferredName_A preferredName_B score",
        "node1_string_id node2_string_id #node1 node2 combined_score",
    ],
)
def test_string_network_export(header, tmp_path):
    network = table(f"{header}\n9606.A 9606.B MDM2 TP53 0.7\n9606.A 9606.C MDM2 CDK2 0.69")
    expected = {("TP53", "MDM2", "interaction", 0, "--", 0.7)}
    assert found(graph.edges(network), "weight") == expected
    assert found(graph.edges(write(tmp_path / "network.tsv", network)), "weight") == expected
    assert len(graph.edges(network, min_score=0.4).edges) == 2


def test_string_file_whose_header_looks_like_a_comment(tmp_path):
    network = table("#node1 node2 combined_score\nMDM2 TP53 0.9")
    assert len(graph.edges(write(tmp_path / "network.tsv", network)).edges) == 1
    own = tmp_path / "own.tsv"
    own.write_text("# made by hand\n\n# twice\nsource\ttarget\nMDM2\tTP53\n")
    assert len(graph.edges(own).edges) == 1


@pytest.mark.parametrize(
    ("direction", "note", "expected"),
    [
        ("->", "activate; catalyze; complex", [("A>B", "catalysis", 1)]),
        ("->", "activate", [("A>B", "activation", 1)]),
        ("<-", "catalyzed by; complex; input", [("B>A", "catalysis", 1)]),
        ("<-", "PPrel: activated by", [("B>A", "activation", 1)]),
        ("-|", "inhibit", [("A>B", "inhibition", -1)]),
        ("-|", "GErel: repression", [("A>B", "repression", -1)]),
        ("|-", "inhibited by; complex", [("B>A", "inhibition", -1)]),
        ("<->", "activate; activated by", [("A>B", "activation", 1), ("B>A", "activation", 1)]),
        ("<->", "expression regulated by; expression regulates", [("A>B", "expression", 0), ("B>A", "expression", 0)]),
        ("|-|", "inhibit; inhibited by", [("A>B", "inhibition", -1), ("B>A", "inhibition", -1)]),
        ("|->", "catalyze; inhibited by", [("A>B", "catalysis", 1), ("B>A", "inhibition", -1)]),
        ("<-|", "catalyzed by; inhibit", [("A>B", "inhibition", -1), ("B>A", "catalysis", 1)]),
        ("->", "GErel: expression", [("A>B", "expression", 1)]),
        ("<-", "GErel: expression by", [("B>A", "expression", 1)]),
        ("->", "expression regulates", [("A>B", "expression", 0)]),
        ("->", "complex; expression regulates", [("A>B", "expression", 0)]),
        ("-", "complex; input", [("A-B", "complex", 0)]),
        ("-", "PPrel: binding/association", [("A-B", "binding", 0)]),
        ("-", "reaction", [("A-B", "reaction", 0)]),
        ("-", "predicted", [("A-B", "interaction", 0)]),
    ],
)  # fmt: skip
def test_reactome_functional_interactions(direction, note, expected):
    """Gene1 is A, ATM; Gene2 is B, TP53."""
    row = pd.DataFrame({"Gene1": ["ATM"], "Gene2": ["TP53"], "Annotation": [note],
                        "Direction": [direction], "Score": ["0.75"]})  # fmt: skip
    made = graph.edges(row)
    ends = {"A>B": ("ATM", "TP53", "->"), "B>A": ("TP53", "ATM", "->"), "A-B": ("TP53", "ATM", "--")}  # fmt: skip
    flags = "predicted" if note == "predicted" else ""
    assert found(made, "weight", "flags") == {
        (ends[e][0], ends[e][1], kind, sign, ends[e][2], 0.75, flags) for e, kind, sign in expected
    }
    assert set(made.edges["database"]) == {"reactome_fi"}


def test_reactome_rows_keep_their_scores():
    rows = table("""
Gene1 Gene2 Annotation Direction Score
ATM TP53 activate;~inhibited~by |-> 0.9
CDK2 MDM2 predicted - 0.5
MYC CDKN1A catalyzed~by <- 0.7
""")
    assert {edge[:2] + edge[5:] for edge in found(graph.edges(rows), "weight")} == {
        ("ATM", "TP53", 0.9), ("TP53", "ATM", 0.9), ("CDK2", "MDM2", 0.5), ("CDKN1A", "MYC", 0.7)
    }  # fmt: skip


def test_reactome_direction_that_is_none():
    row = table("Gene1 Gene2 Annotation Direction Score\nATM TP53 activate => 1.00")
    with pytest.raises(ValueError, match="column 'Direction' holds '=>'; known are ->"):
        graph.edges(row)
    row = row.assign(Direction="->")
    assert len(graph.edges(row, min_score=1).edges) == 1
    assert len(graph.edges(row, min_score=1.01).edges) == 0


@pytest.mark.parametrize("entrez", ["Target Gene (Entrez ID)", "Target Gene (Entrez Gene ID)"])
def test_mirtarbase(entrez):
    rows = table("""
miRTarBase~ID miRNA Species~(miRNA) Target~Gene ENTREZ Support~Type
MIRT1 hsa-miR-34a-5p Homo~sapiens BCL2 596 Functional~MTI
MIRT2 hsa-miR-34a-5p Homo~sapiens SIRT1 _ Functional~MTI~(Weak)
MIRT3 hsa-miR-34a-5p Homo~sapiens oldname 7157.0 Functional~MTI
MIRT4 hsa-miR-21-5p Homo~sapiens CDK2 1017 Non-Functional~MTI
MIRT5 hsa-miR-21-5p Homo~sapiens CDK2 1017 Non-Functional~MTI~(Weak)
MIRT6 mmu-miR-34a-5p Mus~musculus Cdk2 12566 Functional~MTI
MIRT7 hsa-miR-21-5p Homo~sapiens nogene _ Functional~MTI
""").rename(columns={"ENTREZ": entrez})
    made = graph.edges(rows)
    assert found(made, "flags") == {
        ("hsa-miR-34a-5p", "BCL2", "repression", -1, "->", ""),
        ("hsa-miR-34a-5p", "SIRT1", "repression", -1, "->", "weak"),
        ("hsa-miR-34a-5p", "TP53", "repression", -1, "->", ""),
        ("mmu-miR-34a-5p", "ncbigene:12566", "repression", -1, "->", ""),  # not the human CDK2
    }
    assert {"hgnc:990", "hgnc:14929", "hgnc:11998"} < set(made.nodes["id"])
    assert made.meta["mirtarbase"] == {
        "rows": 7, "rows of non-functional support": 2, "rows_not_mapped": 1
    }  # fmt: skip
    assert lost(made, "mirtarbase") == {"unknown symbol": ["nogene"]}


# Whatever the table

ALL = {
    "own": (OWN, None),
    "omnipath": (table(OMNIPATH), None),
    "signor": (table(SIGNOR), SIGNOR_NAMES),
    "string": (table(LINKS), INFO),
}


@pytest.mark.parametrize("name", ALL)
def test_order_of_rows_file_or_frame_and_chunks_do_not_matter(name, tmp_path, monkeypatch):
    frame, names = ALL[name]
    before = frame.copy(deep=True)
    made = graph.edges(frame, names=names)
    pd.testing.assert_frame_equal(frame, before)
    for seed in (0, 1):
        mixed = frame.sample(frac=1, random_state=seed)
        other = graph.edges(mixed, names=None if names is None else names[::-1])
        assert (other, other.meta) == (made, made.meta)
    path = write(tmp_path / "table", frame, " " if name == "string" else "\t")
    for size in (1, 3, files._CHUNK):
        monkeypatch.setattr(files, "_CHUNK", size)
        read = graph.edges(path, names=names)
        assert (read, read.meta) == (made, made.meta)
    assert graph.edges(path, names=names, dialect=name) == made


def test_labels_do_not_hang_on_the_order_of_rows():
    names = pd.DataFrame({"name": ["Trp53", "p53"], "id": ["MGI:98834"] * 2})
    rows = pd.DataFrame({"source": ["p53", "Trp53"], "target": ["MDM2"] * 2})
    assert graph.edges(rows, names=names) == graph.edges(rows[::-1], names=names)


def test_separators_packing_and_foreign_line_ends(tmp_path):
    made = graph.edges(OWN)
    path = tmp_path / "table.txt"
    for sep in "\t,; ":
        assert graph.edges(write(path, OWN, sep)) == made
    assert graph.edges(write(path, OWN, "|"), sep="|") == made
    text = write(path, OWN, ",").read_text().replace("MDM2", '"MDM2"').replace("\n", "\r\n")
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert graph.edges(path) == made
    (tmp_path / "packed.csv").write_bytes(gzip.compress(text.encode(), mtime=0))
    assert graph.edges(str(tmp_path / "packed.csv")) == made
    with zipfile.ZipFile(tmp_path / "packed.zip", "w") as archive:
        archive.mkdir("folder")
        archive.writestr("folder/table.csv", text)
    assert graph.edges(tmp_path / "packed.zip") == made


def test_a_quote_in_a_sentence_does_not_swallow_rows(tmp_path):
    """SIGNOR's sentences hold lone quotes."""
    rows = table(SIGNOR).assign(SENTENCE='"it begins with a quote')
    assert graph.edges(write(tmp_path / "a.tsv", rows)) == graph.edges(table(SIGNOR))


def test_na_is_no_gene_but_is_told(tmp_path):
    """NA was a symbol of XK, and NaN is an alias of SCN11A."""
    rows = pd.DataFrame({"source": ["MDM2", "NA", "nan"], "target": "TP53"})
    for made in (graph.edges(rows), graph.edges(write(tmp_path / "a.tsv", rows))):
        assert {e[:2] for e in found(made)} == {("MDM2", "TP53")}
        assert lost(made) == {"empty name": ["NA", "nan"]}


# What is wrong


@pytest.mark.parametrize(
    ("frame", "options", "error", "why"),
    [
        (OWN, {"dialect": "kegg"}, ValueError, r"dialect='kegg' is not known.*'auto', 'signor'"),
        (OWN, {"dialect": "signor"}, ValueError, r"dialect='signor' needs the columns 'entitya'"),
        (OWN, {"columns": {"source": "from"}}, ValueError, r"table lacks 'from'; found 'source'"),
        (OWN, {"columns": {"source": "target", "target": "target"}}, ValueError, r"'target' is named more than once"),
        (OWN, {"columns": {"start": "source"}}, ValueError, r"'start' cannot be named; only source"),
        (OWN, {"identifiers": "names"}, ValueError, r"identifiers='names' is not known"),
        (OWN.drop(columns="target"), {}, ValueError, r"lacks the columns 'target'; found 'source'"),
        (OWN.assign(sign=2), {}, ValueError, r"'sign' must be -1, 0 or 1, found '2'"),
        (OWN.assign(sign="up"), {}, ValueError, r"'sign' must be -1, 0 or 1, found 'up'"),
        (OWN.assign(directed="maybe"), {}, ValueError, r"'directed' must be true or false, found 'm"),
        (OWN.assign(weight=float("inf")), {}, ValueError, r"'weight' holds values that are not fin"),
        ([1, 2], {}, TypeError, r"table must be a DataFrame or a file, found list"),
        ("no such file", {}, FileNotFoundError, r"no such file"),
    ],
)  # fmt: skip
def test_wrong_arguments(frame, options, error, why):
    with pytest.raises(error, match=why):
        graph.edges(frame, **options)


def zipped(*names, content="source\ttarget\n", flag=None):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name in names:
            archive.writestr(name, content)
    data = packed.getvalue()
    if flag is not None:  # of the entry in the directory and before the file
        at = data.index(b"PK\x01\x02")
        data = data[:6] + bytes([flag]) + data[7 : at + 8] + bytes([flag]) + data[at + 9 :]
    return data


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is empty"),
        (b"\n \n", "is empty"),
        (b"\x1f\n", "is empty"),
        (b"\n<!DOCTYPE html>\n<html>source target", "a web page, XML or no text"),
        ("source\ttarget\n".encode("utf-16"), "a web page, XML or no text"),
        (b"source\ttarget", None),
        (b"source,target\n\"TP53,MDM2\n", "cannot be read with sep=','.*Give the right sep"),
        (gzip.compress(b"source\ttarget\nTP53\tMDM2", mtime=0)[:-9], "damaged or cut off"),
        (b"PK\x03\x04 no zip", "damaged or cut off"),
        (zipped("a", "b"), "packs 2 files"),
        (zipped("a", flag=1), "cannot be unpacked.*password"),
    ],
)  # fmt: skip
def test_broken_files(content, why, tmp_path):
    path = tmp_path / "table.txt"
    path.write_bytes(content)
    if why is None:  # a header alone is a table without rows
        assert graph.edges(path).meta["edges"] == {"rows": 0, "rows_not_mapped": 0}
        return
    with pytest.raises(ValueError, match=why):
        graph.edges(path)


@pytest.mark.parametrize("start", [b"", b"#", b"source\t"])
def test_a_header_of_100_megabytes_takes_little_memory(start, tmp_path):
    with gzip.open(tmp_path / "table.gz", "wb", compresslevel=1) as handle:
        handle.write(start)
        for _ in range(100):
            handle.write(b"x" * 2**20)
    tracemalloc.start()
    with pytest.raises(ValueError, match=r"line 1 is longer than 64 kB") as caught:
        graph.edges(tmp_path / "table.gz")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 * 2**20
    assert len(str(caught.value)) < 400


SEEDS = [
    *(frame.to_csv(sep="\t", index=False) for frame, _ in ALL.values()),
    "source,target,weight,directed\nMDM2,TP53,-0.5,t\nATM,TP53,1,f\n",
    "Gene1\tGene2\tAnnotation\tDirection\tScore\nATM\tTP53\tactivate; inhibited by\t|->\t0.9\n",
]


@settings(max_examples=200)
@given(
    seed=st.sampled_from(SEEDS),
    cuts=st.lists(
        st.tuples(st.integers(0, 300), st.integers(0, 9), st.binary(max_size=6)), max_size=6
    ),
    packed=st.sampled_from(["", "gzip", "zip"]),
)
def test_spoilt_files_are_read_or_refused(tmp_path_factory, seed, cuts, packed):
    data = seed.encode()
    if packed:
        data = gzip.compress(data, mtime=0) if packed == "gzip" else zipped("a", content=data)
    for at, n, new in cuts:
        data = data[:at] + new + data[at + n :]
    path = tmp_path_factory.mktemp("spoilt") / "table"
    path.write_bytes(data)
    try:
        graph.edges(path)
    except ValueError as error:
        assert str(error).startswith(("table", "edges", "min_score"))  # noqa: PT017


@pytest.mark.parametrize(
    "text",
    [
        "source\ttarget\n1\t7157\t4193\n2\t4193\t7157\n",  # R's write.table
        "source,target\nTP53,MDM2,extra\n",
        "#protein1 protein2 combined_score\na b 900 9\n",
    ],
)
def test_rows_longer_than_the_header_are_refused(tmp_path, text):
    """Every column would be another one's: row names 1 and 2 are the genes A1BG and A2M."""
    (tmp_path / "t.txt").write_text(text)
    with pytest.raises(ValueError, match=r"the header names \d column\(s\), the first row has"):
        graph.edges(tmp_path / "t.txt", identifiers="auto")


def test_a_separator_that_ends_the_rows_is_no_column(tmp_path):
    (tmp_path / "t.tsv").write_text("source\ttarget\nTP53\tMDM2\t\n")
    assert len(graph.edges(tmp_path / "t.tsv").edges) == 1
    (tmp_path / "t.csv").write_text('source,target,type\n"TP53","MDM2","a,b"\n')
    assert graph.edges(tmp_path / "t.csv").edges["type"].tolist() == ["a,b"]


def test_tables_are_bounded(tmp_path, monkeypatch):
    packed = tmp_path / "t.tsv.gz"
    packed.write_bytes(gzip.compress(b"source\ttarget\n" + b"TP53\tMDM2\n" * 50_000, mtime=0))
    assert len(graph.edges(packed).edges) == 1
    monkeypatch.setattr(_text_lines, "MAX_TABLE", 2**16)
    with pytest.raises(ValueError, match=r"t\.tsv\.gz' unpacks to more than 0\.0625 MB"):
        graph.edges(packed)
    monkeypatch.undo()
    monkeypatch.setattr(interactions, "MAX_ROWS", 10_000)
    monkeypatch.setattr(files, "_CHUNK", 5_000)
    with pytest.raises(ValueError, match=r"more than 10,000 interactions; raise min_score"):
        graph.edges(packed)
    monkeypatch.undo()
    packed.write_bytes(gzip.compress(b"source\ttarget\nTP53\tMDM2\n" + b"x" * 30_000_000, mtime=0))
    with pytest.raises(ValueError, match="has a line longer than 8 MB"):
        graph.edges(packed)


def test_a_zip_of_macos_and_a_damaged_one(tmp_path):
    with zipfile.ZipFile(tmp_path / "mac.zip", "w") as archive:
        archive.writestr("t.tsv", "source\ttarget\nTP53\tMDM2\n")
        archive.writestr("__MACOSX/._t.tsv", b"\0")
    assert len(graph.edges(tmp_path / "mac.zip").edges) == 1
    with zipfile.ZipFile(tmp_path / "lzma.zip", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("t.tsv", "source\ttarget\n" + "TP53\tMDM2\n" * 999)
    data = bytearray((tmp_path / "lzma.zip").read_bytes())
    data[50:60] = b"\xff" * 10
    (tmp_path / "lzma.zip").write_bytes(data)
    with pytest.raises(ValueError, match="damaged or cut off"):
        graph.edges(tmp_path / "lzma.zip")
