"""Names as files hold them: gaps, R's and Excel's marks, Greek letters, other species."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

from pathweave import ids
from pathweave._core.warnings import DataWarning

GENES = ids.hgnc().set_index("id")["symbol"]


GAPS = [np.nan, None, pd.NA, "", "  ", "NA", "nan", "NaN", "None", "?"]


@pytest.mark.parametrize("gap", GAPS, ids=range(len(GAPS)))
def test_a_gap_is_no_gene(gap):
    # NaN is an alias of SCN11A and NA a previous symbol of XK.
    for source in ("auto", "symbol", "rppa"):
        assert ids.map([gap], source=source)["how"].tolist() == ["empty name"]
    assert ids.detect([gap, gap, "7157"]) == "entrez"


@pytest.mark.parametrize(
    ("name", "symbols", "how"),
    [
        ("X3.Mar", "MARCHF3", "excel"),
        ("2.Sep", "SEPTIN2", "excel"),
        ("Sep.02", "SEPTIN2", "excel"),
        ("9-Sep-19", "SEPTIN9", "excel"),
        ("03-Mar-2021", "MARCHF3", "excel"),
        ("X1.Mar", "MARCHF1 MTARC1", "excel"),
        ("NKX2.1", "NKX2-1", "punctuation"),
        ("NKX6.1", "NKX6-1", "punctuation"),  # also an alias of NKX6-2
        ("\ufeffTP53", "TP53", "approved"),
        ("TP53\u200b\u00a0", "TP53", "approved"),
        ("IL\u20116", "IL6", "alias"),
        ("TNF-α", "TNF", "alias"),
        ("β-catenin", "CTNNB1", "alias"),
        ("PKCα", "PRKCA", "alias"),
        ("ensg00000141510", "TP53", "ensembl"),
        ("ENSG00000141510.17_PAR_Y", "TP53", "ensembl"),
        ("P04637.4", "TP53", "uniprot"),
        ("UniProtKB:P04637", "TP53", "uniprot"),
        ("GeneID:7157", "TP53", "entrez"),
        ("ABL proto-oncogene 1, non-receptor tyrosine kinase.1", "ABL1", "gene name"),
    ],
)
def test_marks_of_tools_are_undone(name, symbols, how):
    found = ids.map([name])
    assert set(found["id"].map(GENES)) == set(symbols.split())
    assert set(found["how"]) == {how}


@pytest.mark.parametrize("name", ["43891", "52", "225"])  # HGNC has the aliases 52 and 225
def test_a_number_among_symbols_is_no_symbol(name):
    found = ids.map([name], source="symbol")
    assert found["id"].isna().all()
    assert "a number, not a symbol" in found["how"].iloc[0]


@pytest.mark.parametrize(
    ("label", "genes"),
    [
        ("GSK3β", "GSK3B"),
        ("p38α", "MAPK14"),
        ("14\u20113\u20113_β", "YWHAB"),
        ("CDK1PY15", "CDK1"),
        ("EGFRPY992", "EGFR"),
        ("Myt1", "PKMYT1"),
        ("ATP5A", "ATP5F1A"),
        ("Caspase-3_active", "CASP3"),
        ("VPS35", "VPS35"),
        ("PAR", ""),
        ("TPS77", ""),  # not the site S77 of T, a previous symbol of TBXT
    ],
)
def test_labels_of_antibodies(label, genes):
    found = ids.map([label], source="rppa")["id"].dropna()
    assert set(found.map(GENES)) == set(genes.split())


MOUSE = ["Actb", "Gapdh", "Brca1", "Il6", "Cd4", "Myc", "Egfr", "Kras", "Pten", "Stat3"]


def test_mouse_genes_do_not_become_human_in_silence():
    with pytest.warns(DataWarning, match="as names of mouse and rat genes are"):
        ids.map([*MOUSE, "Trp53"])
    assert ids.map(["Trp53"])["how"].tolist() == ["unknown symbol"]
    assert ids.map(["ENSMUSG00000059552"])["how"].tolist() == ["Ensembl id of another species"]
    human = [name.upper() for name in MOUSE]
    table = pd.DataFrame({"name": MOUSE, "id": human})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ids.map(MOUSE, table=table)
        ids.map([*MOUSE, *human, "TP53"])


def test_gaps_within_a_name_or_a_table_are_no_genes():
    assert ids.map(["TP53;NA"])["id"].map(GENES).tolist() == ["TP53"]
    table = pd.DataFrame({"name": ["cg1", "cg2"], "id": ["TP53;NA", "NA"]})
    found = ids.map(["cg1", "cg2"], table=table)
    assert found["id"].map(GENES).tolist()[:1] == ["TP53"]
    assert found["how"].tolist() == ["table", "table gives no known gene"]


def test_a_users_table_may_hold_ensembl_ids():
    table = pd.DataFrame({"name": ["Trp53"], "id": ["ENSG00000141510.18"]})
    assert ids.map(["trp53"], table=table)["id"].map(GENES).tolist() == ["TP53"]


def test_a_users_table_gives_only_what_was_asked_for():
    table = pd.DataFrame(
        {"name": ["glucose"] * 2 + ["alanine"], "id": ["C00031", "17234", "C00041"]}
    )
    found = ids.map(["glucose", "alanine"], to="chebi", table=table)
    assert found["id"].tolist()[:1] == ["chebi:17234"]
    assert found["weight"].tolist()[:1] == [1.0]
    assert found["how"].tolist() == ["table", "table gives no id of chebi"]
    assert len(ids.map(["glucose"], to="compound", table=table)) == 2


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("β-alanine", ["beta-alanine"]),
        ("L-Lactic acid", ["lactate"]),
        ("D/L-alanine", ["alanine"]),
        ("cis/trans-hydroxyproline", ["hydroxyproline"]),
        ("PC aa C34:1", ["phosphatidylcholine"]),
        ("PC ae C34:1", []),
        ("lysoPC a C16:0", ["lysophosphatidylcholine"]),
        ("Cer(d18:1/16:0)", ["ceramide"]),
        ("SM d18:1/16:0", ["sphingomyelin"]),
        ("SM (OH) C14:1", []),
        (
            "valerylcarnitine/isovalerylcarnitine/2-methylbutyroylcarnitine",
            ["O-isovalerylcarnitine", "2-methylbutyrylcarnitine"],
        ),
    ],
)
def test_more_spellings_of_metabolites(name, labels):
    names = [
        "alanine", "beta-alanine", "L-alanine", "lactate", "hydroxyproline", "phosphatidylcholine",
        "lysophosphatidylcholine", "ceramide", "sphingomyelin", "O-isovalerylcarnitine",
        "2-methylbutyrylcarnitine",
    ]  # fmt: skip
    table = pd.DataFrame({"name": names, "id": range(1, len(names) + 1)})
    found = ids.map([name], to="chebi", table=table)["id"].dropna()
    assert found.tolist() == [f"chebi:{names.index(label) + 1}" for label in labels]


@pytest.mark.parametrize("call", [ids.map, ids.detect])
def test_names_that_are_no_list_are_named(call):
    with pytest.raises(TypeError, match="names must be a list of names, found NoneType"):
        call(None)


def test_one_text_is_one_name():
    assert ids.detect("ENSG00000141510") == "ensembl"
    assert ids.map("TP53")["how"].tolist() == ["approved"]


def test_report_names_a_wrong_argument():
    with pytest.raises(ValueError, match="n_examples=0 must be at least 1"):
        ids.report(ids.map(["TP53"]), n_examples=0)
    with pytest.raises(ValueError, match="mapping lacks the columns"):
        ids.report(None)
