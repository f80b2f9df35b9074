"""Identifier mapping: each kind of damage is undone, each loss has its reason."""

from __future__ import annotations

import pandas as pd
import pytest

from pathweave import ids

GENES = ids.hgnc().set_index("id")["symbol"]


def symbols(name, **options):
    found = ids.map([name], **options)
    return set(found["id"].map(GENES)), found["how"].iloc[0]


def test_hgnc_is_a_copy_of_approved_genes():
    table = ids.hgnc()
    assert len(table) == 43_837
    assert table["symbol"].is_unique
    table["symbol"] = ""
    assert ids.hgnc()["symbol"].ne("").all()


@pytest.mark.parametrize(
    ("name", "symbol", "how"),
    [
        ("TP53", "TP53", "approved"),
        ("MRE11A", "MRE11", "previous"),
        ("MARCH1", "MARCHF1", "previous"),
        ("OCT4", "POU5F1", "case"),
        ("3-Mar", "MARCHF3", "excel"),
        ("Mar-03", "MARCHF3", "excel"),
        ("2001-03-03", "MARCHF3", "excel"),
        ("2-Sep", "SEPTIN2", "excel"),
        ("SEP2", "SEPTIN2", "excel"),
        ("4-Oct", "POU5F1", "excel"),
        ("HLA.A", "HLA-A", "punctuation"),
        ("tp53", "TP53", "case"),
        ("LOC7157", "TP53", "entrez"),
    ],
)
def test_symbols(name, symbol, how):
    assert symbols(name, source="symbol") == ({symbol}, how)


def test_date_that_hides_two_genes_keeps_both():
    found = ids.map(["1-Mar"])
    assert set(found["id"].map(GENES)) == {"MARCHF1", "MTARC1"}
    assert found["weight"].tolist() == [0.5, 0.5]


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("ENSG00000141510", "ensembl"),
        ("ENSG00000141510.18", "ensembl"),
        ("7157", "entrez"),
        ("hsa:7157", "entrez"),
        ("P04637", "uniprot"),
        ("P04637-2", "uniprot"),
        ("sp|P04637|P53_HUMAN", "uniprot"),
        ("TP53|7157", "entrez"),
        ("?|7157", "entrez"),
        ("TP53|999999999", "approved"),
        ("TP53_17_7571720_7572720", "approved"),
        ("TP53_chrX_7571720_7572720", "approved"),
        ("HGNC:11998", "hgnc"),
        ("hgnc:11998", "hgnc"),
    ],
)
def test_other_identifiers_are_detected_and_mapped(name, how):
    assert symbols(name) == ({"TP53"}, how)


def test_approved_wins_over_previous_and_alias():
    table = ids.hgnc()
    approved = set(table["symbol"])
    aliases = table["alias"].str.split(";").explode()
    contested = sorted(set(aliases) & approved)[:200]
    assert contested
    found = ids.map(contested, source="symbol")
    assert found["id"].map(GENES).tolist() == contested


@pytest.mark.parametrize(
    ("name", "source", "why"),
    [
        ("nonsense", "auto", "unknown symbol"),
        ("ACC1", "symbol", "ambiguous alias"),
        ("?|999999999", "symbol|entrez", "Entrez number without"),
        ("ENSMUSG00000059552", "auto", "another species"),
        ("ENST00000269305", "auto", "transcript"),
        ("cg00000029", "auto", "CpG probe: needs a manifest"),
        ("hsa-miR-21-5p", "auto", "miRNA: needs a target table"),
        ("CHEBI:15377", "auto", "compound"),
        ("X36b4", "symbol", "unknown symbol"),
        ("RP11-206L10.9", "symbol", "clone name"),
        ("", "symbol", "empty name"),
    ],
)
def test_losses_have_reasons(name, source, why):
    found = ids.map([name], source=source)
    assert found["id"].isna().all()
    assert found["how"].str.contains(why, regex=False).all()


@pytest.mark.parametrize(
    ("name", "to", "identifier"),
    [
        ("CHEBI:15377", "chebi", "chebi:15377"),
        ("chebi:15377", "compound", "chebi:15377"),
        ("15377", "chebi", "chebi:15377"),
        ("C00031", "kegg.compound", "kegg.compound:C00031"),
        ("cpd:C00031", "compound", "kegg.compound:C00031"),
    ],
)
def test_compounds(name, to, identifier):
    assert ids.map([name], to=to)["id"].tolist() == [identifier]


@pytest.mark.parametrize(
    ("name", "why"), [("HMDB0000122", "HMDB"), ("glucose", "name"), ("C00031", "KEGG")]
)
def test_compounds_that_need_a_table_say_so(name, why):
    found = ids.map([name], to="chebi")
    assert found["id"].isna().all()
    assert why in found["how"].iloc[0]


def test_user_table_comes_first():
    table = pd.DataFrame(
        {
            "name": ["D-Glucose", "cg01", "cg01", "hsa-miR-21-5p"],
            "id": ["CHEBI:4167", "TP53", "MDM2", "PTEN"],
            "weight": [1.0, 3.0, 1.0, -1.0],
        }
    )
    assert ids.map(["d-glucose"], to="chebi", table=table)["id"].tolist() == ["chebi:4167"]
    found = ids.map(["cg01", "hsa-miR-21-5p"], table=table)
    assert found["id"].map(GENES).tolist() == ["TP53", "MDM2", "PTEN"]
    assert found["weight"].tolist() == [0.75, 0.25, -1.0]
    with pytest.raises(ValueError, match="lacks the column"):
        ids.map(["a"], table=table.drop(columns="id"))


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("aconitate", [1]),
        ("kynurenic acid", [2]),
        ("alanine", [3]),
        ("fumarate/maleate", [4, 5]),
        ("C34:1 PC", [6]),
        ("C36:4 PC-A", [6]),
        ("C34:1 XX", []),
        ("glucose", []),
        ("beta-alanine", []),
    ],
)
def test_spellings_of_metabolites_in_a_users_table(name, numbers):
    labels = ["aconitic acid", "kynurenate", "L-alanine", "fumarate", "maleic acid"]
    labels.append("phosphatidylcholine")
    table = pd.DataFrame({"name": labels, "id": [f"CHEBI:{i}" for i in range(1, 7)]})
    found = ids.map([name], to="chebi", table=table).dropna()
    assert found["id"].tolist() == [f"chebi:{i}" for i in numbers]
    assert found["weight"].sum() == pytest.approx(1 if numbers else 0)


def test_table_of_genes_that_hgnc_does_not_know_is_a_loss():
    table = pd.DataFrame({"name": ["cg1", "cg2"], "id": ["rubbish", "TP53;TP53;MDM2"]})
    found = ids.map(["cg1", "cg2"], table=table)
    assert found["how"].tolist() == ["table gives no known gene", "table", "table"]
    assert found["id"].map(GENES).tolist()[1:] == ["TP53", "MDM2"]


def test_several_in_one_and_repeats():
    found = ids.map(["P04637;Q00987", "P04637;Q00987", "P04637"])
    assert found["name"].tolist() == ["P04637;Q00987"] * 2 + ["P04637"]
    assert found["weight"].tolist() == [0.5, 0.5, 1.0]


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match="to='mouse'"):
        ids.map(["a"], to="mouse")
    with pytest.raises(ValueError, match="source='gene'"):
        ids.map(["a"], source="gene")


def test_empty():
    assert list(ids.map([]).columns) == ["name", "id", "weight", "how"]
    assert ids.detect([]) == "name"


@pytest.mark.parametrize(
    ("name", "classes"),
    [
        ("1-oleoyl-GPC (18:1)*", ["lysophosphatidylcholine"]),
        ("1-stearoyl-2-arachidonoyl-GPI (18:0/20:4)*", ["phosphatidylinositol"]),
        ("1,2-dilinoleoyl-GPE (18:2/18:2)*", ["phosphatidylethanolamine"]),
        ("1-(1-enyl-palmitoyl)-2-oleoyl-GPC (P-16:0/18:1)*", []),
        ("1-palmityl-2-oleoyl-GPC (O-16:0/18:1)*", []),
        ("PC(34:1)", ["phosphatidylcholine"]),
        ("TG 52:2", ["triglyceride"]),
        ("C18:2 CE", ["cholesterol ester"]),
    ],
)
def test_lipids_are_found_at_the_level_of_their_class(name, classes):
    labels = [
        "lysophosphatidylcholine", "phosphatidylcholine", "phosphatidylethanolamine",
        "phosphatidylinositol", "triglyceride", "cholesterol ester", "glycerol",
    ]  # fmt: skip
    table = pd.DataFrame({"name": labels, "id": [f"CHEBI:{i}" for i in range(len(labels))]})
    found = ids.map([name], to="chebi", table=table)["id"].dropna()
    assert found.tolist() == [f"chebi:{labels.index(label)}" for label in classes]


def test_accessions_of_hmdb_old_and_new_and_bare_chebi_numbers():
    table = pd.DataFrame({"name": ["HMDB0000190", "HMDB0000161"], "id": ["422", "16449.0"]})
    found = ids.map(["HMDB00190", "HMDB0000190", "hmdb0000161"], to="compound", table=table)
    assert found["id"].tolist() == ["chebi:422", "chebi:422", "chebi:16449"]


@pytest.mark.parametrize(
    ("name", "genes"),
    [
        ("hsa-miR-20a-5p", ["TP53"]),
        ("hsa-mir-20a", ["TP53", "MDM2"]),
        ("hsa-miR-20a*", ["MDM2"]),
        ("hsa-let-7a-1", ["PTEN"]),
        ("hsa-miR-21-3p", ["PTEN"]),
        ("hsa-miR-9-5p", []),
        ("MIMAT0000075", []),
    ],
)
def test_forms_of_mirnas(name, genes):
    table = pd.DataFrame(
        {
            "name": ["hsa-miR-20a-5p", "hsa-miR-20a-3p", "hsa-let-7a-5p", "hsa-miR-21"],
            "id": ["TP53", "MDM2", "PTEN", "PTEN"],
        }
    )
    found = ids.map([name], table=table)
    assert sorted(found["id"].dropna().map(GENES)) == sorted(genes)
    if genes:
        assert found["weight"].sum() == pytest.approx(-1)
    else:
        assert found["how"].tolist() == ["miRNA: not in the table"]


def test_a_gene_by_its_full_name():
    found = ids.map(["tumor protein p53", "KIT ligand.1", "KIT ligand protein"], source="name")
    assert found["how"].tolist() == ["gene name", "gene name", "unknown symbol"]


def test_report_counts_every_loss():
    text = ids.report(ids.map(["TP53", "ACC", "nonsense", "rubbish"]))
    assert text.splitlines()[0].startswith("4 names: ")
    assert "2 unknown symbol ('nonsense', 'rubbish')" in text
    assert ids.report(ids.map([])) == "0 names."
    with pytest.raises(ValueError, match="lacks the columns 'how'"):
        ids.report(pd.DataFrame({"name": [], "id": []}))


def test_charges_of_metals_stay_apart():
    from pathweave.ids._metabolite_names import chargeless

    assert chargeless("iron(2+)") != chargeless("iron(3+)")
    assert chargeless("pyruvic acid") == chargeless("pyruvate")
    assert chargeless("L-lysinium(1+)") == chargeless("L-lysine")
    assert chargeless("capric acid") != chargeless("caproic acid")
    assert chargeless("AMP(2-)") == chargeless("AMP")
