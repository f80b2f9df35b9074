"""Votes on the type of names, and antibody labels."""

from __future__ import annotations

import mudata
import pytest

from pathweave import ids

GENES = ids.hgnc().set_index("id")["symbol"]


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (["TP53", "MDM2", "rubbish"], "symbol"),
        (["ENSG00000141510.18", "ENSG00000012048"], "ensembl"),
        (["7157", "672"], "entrez"),
        (["P04637", "Q00987-2"], "uniprot"),
        (["TP53|7157", "?|100130426"], "symbol|entrez"),
        (["SKI_1_2159133_2160133", "MTOR_1_11322608_11323608"], "symbol_region"),
        (["Akt_pS473", "EGFR", "4E-BP1", "p53_Caution"], "rppa"),
        (["cg00000029", "cg00000165"], "cpg"),
        (["hsa-let-7a-1", "hsa-mir-21"], "mirna"),
        (["CHEBI:15377", "chebi:17234"], "chebi"),
        (["C00031", "C00022"], "kegg_compound"),
        (["HMDB0000122", "HMDB00122"], "hmdb"),
        (["glycine", "2-aminoadipate"], "name"),
        (["EGFR", "ASNS", "MIR21"], "symbol"),
    ],
)
def test_detect(names, kind):
    assert ids.detect(names) == kind


@pytest.mark.parametrize(
    ("label", "genes"),
    [
        ("Akt_pS473", "AKT1 AKT2 AKT3"),
        ("14-3-3_beta", "YWHAB"),
        ("X14.3.3_epsilon", "YWHAE"),
        ("14-3-3_epsilon-M-C", "YWHAE"),
        ("4E-BP1_pS65", "EIF4EBP1"),
        ("X4EBP1_pT37T46", "EIF4EBP1"),
        ("AKTPS473", "AKT1 AKT2 AKT3"),
        ("GSK3_pS9", "GSK3B"),
        ("HSP70_Caution", "HSPA1A HSPA1B"),
        ("Bim(CST2933)", "BCL2L11"),
        ("MDMX_MDM4(BetIHC-00108)_Caution", "MDM4"),
        ("Acetyl-a-Tubulin (Lys40)_Caution", "TUBA1A TUBA1B TUBA1C"),
        ("Caspase-7_cleavedD198_Caution", "CASP7"),
        ("Myosin IIa pS1943", "MYH9"),
        ("TAZ", "WWTR1"),
        ("PDK1_pS241", "PDPK1"),
        ("TTF1", "NKX2-1"),
        ("eEF2K", "EEF2K"),
    ],
)
def test_antibody_labels(label, genes):
    found = ids.map([label], source="rppa")
    assert set(found["id"].map(GENES)) == set(genes.split())


def test_every_entry_of_the_antibody_table_names_an_approved_symbol():
    from pathweave.ids._rppa import antibodies

    named = {symbol for symbols in antibodies().values() for symbol in symbols}
    assert named - set(GENES) == set()


@pytest.mark.parametrize(
    ("data", "layer", "least"),
    [
        ("ccle4", "rna", 0.99),
        ("ccle4", "cnv", 0.99),
        ("ccle4", "mutation", 0.99),
        ("ccle4", "meth", 0.99),
        ("ccle4", "protein", 0.99),
        ("brca_mixomics", "protein", 0.99),
        ("covid_su", "protein", 0.97),
        ("rosmap", "rna", 0.93),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_real_layers(shared, data, layer, least):
    names = mudata.read_h5mu(shared / "data" / data / f"{data}.h5mu")[layer].var_names
    found = ids.map(names).groupby("name")["id"].first().notna()
    assert found.mean() >= least
