"""Names of real data sets: how many find a gene or a compound, and whether it is the right one."""

from __future__ import annotations

import pandas as pd
import pytest

from pathweave import graph, ids, io

GENES = ids.hgnc().set_index("id")["symbol"]


def layer(shared, name, modality):
    return io.read_h5mu(shared / "data" / name / f"{name}.h5mu").mod[modality]


def found(mapping):
    return mapping.loc[mapping["id"].notna(), "name"].nunique() / mapping["name"].nunique()


@pytest.fixture(scope="module")
def chebi(request):
    shared = request.getfixturevalue("shared")
    file = shared / "pathways" / "idmaps" / "chebi_names.tsv.gz"
    return pd.read_csv(file, sep="\t", dtype=str, header=None, names=["name", "id"])


@pytest.mark.parametrize(
    ("modality", "least"),
    [("rna", 0.99), ("cnv", 0.99), ("mutation", 0.99), ("meth", 0.99), ("protein", 0.9)],
)
def test_genes_of_ccle4(shared, modality, least):
    assert found(ids.map(layer(shared, "ccle4", modality).var_names)) >= least


# Symbols that are no longer approved, and what they are called now; by hand from HGNC's renamings.
SYMBOLS = {
    ("ccle4", "rna"): "SEPT9:SEPTIN9 SEPT6:SEPTIN6 SEPT5:SEPTIN5 FGFR1OP:CEP43 C15orf65:PIERCE2 "
    "H3F3A:H3-3A H3F3B:H3-3B HIST1H4I:H4C9 CARS:CARS1",
    (
        "tcga_surv_luad",
        "cnv",
    ): "HIST2H2AA3:H2AC18 HIST2H2AC:H2AC20 HIST2H2BE:H2BC21 HIST2H2BF:H2BC18 "
    "HIST2H3A:H3C15 HIST2H3C:H3C14 HIST2H3D:H3C13 HIST2H4A:H4C14 HIST2H4B:H4C15 LOR:LORICRIN "
    "GBA:GBA1 FAM189B:ENTREP3 FCGR1B:FCGR1BP MARCH6:MARCHF6 MARCH11:MARCHF11",
    ("tcga_surv_luad", "mutation"): "BAI3:ADGRB3 C1orf173:ERICH3 C20orf26:CFAP61 CCDC108:CFAP65 "
    "CXorf22:CFAP47 DUSP27:STYXL2 ELTD1:ADGRL4 GCN1L1:GCN1 GPR112:ADGRG4 GPR98:ADGRV1 KIAA0947:ICE1 "
    "KIAA1109:BLTP1 KIAA1211:CRACD KIAA2022:NEXMIF LPHN2:ADGRL2 LPHN3:ADGRL3 LPPR4:PLPPR4 PAK7:PAK5 "
    "PCNX:PCNX1 PTCHD2:DISP3 SOGA2:MTCL1 WBSCR17:GALNT17 SSPO:SSPOP",
    ("brca_mixomics", "rna"): "FAM63A:MINDY1 GIYD2:SLX1B C7orf55:FMC1 LASS4:CERS4 PRKCDBP:CAVIN3 "
    "C4orf34:SMIM14 DEPDC6:DEPTOR HIST1H2BK:H2BC12 C18orf1:LDLRAD4 C6orf192:SLC18B1 HN1:JPT1 "
    "MTL5:TESMIN C1orf38:THEMIS2 PVRL4:NECTIN4 MRVI1:IRAG1 ZNF37B:ZNF37BP",
}

# What each antibody binds, by hand from the makers' descriptions.
ANTIBODIES = {
    "14-3-3_beta": "YWHAB", "4E-BP1_pT37_T46": "EIF4EBP1", "53BP1": "TP53BP1",
    "A-Raf_pS299_Caution": "ARAF", "ACC_pS79": "ACACA ACACB", "ACC1_Caution": "ACACA",
    "Akt_pS473": "AKT1 AKT2 AKT3", "AMPK_pT172": "PRKAA1 PRKAA2", "Annexin_VII": "ANXA7",
    "AR": "AR", "Bak_Caution": "BAK1", "Bap1 c-4": "BAP1", "Bcl-xL": "BCL2L1",
    "beta-Catenin_pT41_S45": "CTNNB1", "Bim(EP1036)": "BCL2L11", "C-Raf(BD610151)_Caution": "RAF1",
    "c-Jun_pS73": "JUN", "c-Met_pY1235": "MET", "CD20 _Caution": "MS4A1", "CD31": "PECAM1",
    "CD49b": "ITGA2", "Chk1_pS345_Caution": "CHEK1", "cIAP_Caution": "BIRC2", "DJ-1": "PARK7",
    "E-Cadherin": "CDH1", "eIF4G_Caution": "EIF4G1", "ER-alpha_pS118": "ESR1",
    "ERK2_Caution": "MAPK1", "FOXO3a_pS318_S321_Caution": "FOXO3", "FRA1_Caution": "FOSL1",
    "GSK3_pS9": "GSK3B", "GSK3-alpha-beta_pS21_S9": "GSK3A GSK3B", "HER3_pY1289_Caution": "ERBB3",
    "Heregulin": "NRG1", "JNK_pT183_Y185": "MAPK8 MAPK9", "Ku80_Caution": "XRCC5",
    "MAPK_pT202_Y204": "MAPK1 MAPK3", "MIG-6": "ERRFI1", "Myosin IIa pS1943": "MYH9",
    "NF-kB-p65_pS536_Caution": "RELA", "p14 Arf(BetA300-340A)_Caution": "CDKN2A", "p21": "CDKN1A",
    "p27_pT198": "CDKN1B", "p38 alpha MAPK": "MAPK14", "p62 Lck ligand_Caution": "SQSTM1",
    "p70S6K_pT389": "RPS6KB1", "p90RSK_pT573_Caution": "RPS6KA1", "PAI-1": "SERPINE1",
    "PDK1_pS241": "PDPK1", "PI3K-p85": "PIK3R1", "Porin": "VDAC1", "PR": "PGR",
    "PRAS40_pT246": "AKT1S1", "Rb_pS807_S811": "RB1", "SF2": "SRSF1", "Smac_Caution": "DIABLO",
    "Stathmin": "STMN1", "TAZ": "WWTR1", "TTF1": "NKX2-1", "Tuberin_pT1462": "TSC2",
    "VEGFR2": "KDR", "YAP_pS127_Caution": "YAP1", "YB-1": "YBX1",
}  # fmt: skip


@pytest.mark.parametrize("where", SYMBOLS, ids="-".join)
def test_old_symbols_are_the_right_genes(shared, where):
    right = dict(pair.split(":") for pair in SYMBOLS[where].split())
    names = layer(shared, *where).var_names
    assert set(right) <= set(names)
    mapping = ids.map(names).set_index("name")["id"].map(GENES)
    assert mapping[list(right)].to_dict() == right


def test_antibodies_of_ccle4_are_the_right_genes(shared):
    mapping = ids.map(layer(shared, "ccle4", "protein").var_names)
    got = mapping["id"].map(GENES).groupby(mapping["name"]).agg(set)
    assert {name: got[name] for name in ANTIBODIES} == {
        name: set(genes.split()) for name, genes in ANTIBODIES.items()
    }


def test_every_ensembl_id_and_accession_that_hgnc_knows(shared):
    table = ids.hgnc()
    for name, modality, column in (
        ("rosmap", "rna", "ensembl"),
        ("covid_su", "protein", "uniprot"),
    ):
        names = layer(shared, name, modality).var_names
        mapping = ids.map(names).dropna()
        known = {part for cell in table[column] for part in cell.split(";") if part}
        bare = {text for text in names if text.split(".")[0].split("-")[0] in known}
        assert bare
        assert bare <= set(mapping["name"])


# What each label of the CCLE metabolite panel is, written by hand from textbooks.
COMPOUNDS = {
    "2-aminoadipate": ["2-aminoadipic acid"],
    "3-phosphoglycerate": ["3-phosphoglyceric acid"],
    "alpha-glycerophosphate": ["sn-glycerol 3-phosphate"],
    "alpha-ketoglutarate": ["2-oxoglutaric acid"],
    "AMP": ["AMP"],
    "isocitrate": ["isocitric acid"],
    "DHAP/glyceraldehyde 3P": ["glycerone phosphate", "glyceraldehyde 3-phosphate"],
    "erythrose-4-phosphate": ["D-erythrose 4-phosphate"],
    "fumarate/maleate/alpha-ketoisovalerate": [
        "fumaric acid", "maleic acid", "3-methyl-2-oxobutanoic acid",
    ],
    "glutathione oxidized": ["glutathione disulfide"],
    "glutathione reduced": ["glutathione"],
    "hippurate": ["N-benzoylglycine"],
    "lactate": ["lactate"],
    "malate": ["malic acid"],
    "PEP": ["phosphoenolpyruvate"],
    "ribose-5-P/ribulose5-P": ["D-ribose 5-phosphate", "ribulose 5-phosphate"],
    "sorbitol": ["D-glucitol"],
    "succinate/methylmalonate": ["succinic acid", "methylmalonic acid"],
    "UDP-galactose/UDP-glucose": ["UDP-D-galactose", "UDP-D-glucose"],
    "urate": ["urate"],
    "phosphocreatine": ["N-phosphocreatine"],
    "6-phosphogluconate": ["6-phospho-D-gluconic acid"],
    "alpha-hydroxybutyrate": ["2-hydroxybutyric acid"],
    "2-hydroxyglutarate": ["2-hydroxyglutaric acid"],
    "malondialdehyde": ["malonaldehyde"],
    "glycine": ["glycine"],
    "aspartate": ["aspartic acid"],
    "glutamate": ["glutamic acid"],
    "cis/trans-hydroxyproline": ["hydroxyproline"],
    "5-HIAA": ["(5-hydroxyindol-3-yl)acetic acid"],
    "GABA": ["gamma-aminobutyric acid"],
    "dimethylglycine": ["N,N-dimethylglycine"],
    "SDMA/ADMA": ["N(omega),N'(omega)-dimethyl-L-arginine", "N(omega),N(omega)-dimethyl-L-arginine"],
    "NMMA": ["N(omega)-methyl-L-arginine"],
    "beta-alanine": ["beta-alanine"],
    "niacinamide": ["nicotinamide"],
    "betaine": ["glycine betaine"],
    "trimethylamine-N-oxide": ["trimethylamine N-oxide"],
    "2-deoxycytidine": ["2'-deoxycytidine"],
    "cAMP": ["3',5'-cyclic AMP"],
    "pyroglutamic acid": ["5-oxoproline"],
    "methionine sulfoxide": ["methionine S-oxide"],
    "acetylcarnitine": ["O-acetylcarnitine"],
    "butyrylcarnitine/isobutyrylcarnitine": ["O-butanoylcarnitine", "O-isobutyrylcarnitine"],
    "lauroylcarnitine": ["O-dodecanoylcarnitine"],
    "C16:0 LPC": ["lysophosphatidylcholine"],
    "C34:1 PC": ["phosphatidylcholine"],
    "C18:1 SM": ["sphingomyelin"],
    "C36:1 DAG": ["diglyceride"],
    "C50:2 TAG": ["triglyceride"],
    "C18:2 CE": ["cholesterol ester"],
    "hexoses (HILIC neg)": ["hexose"],
}  # fmt: skip


def test_metabolites_of_ccle4(shared, chebi):
    names = layer(shared, "ccle4", "metab").var_names
    mapping = ids.map(names, to="compound", table=chebi)
    assert found(mapping) * len(names) >= 220
    assert set(COMPOUNDS) <= set(names)
    label = chebi.drop_duplicates("id").set_index(chebi["id"].drop_duplicates().str.lower())["name"]
    got = mapping.assign(label=mapping["id"].map(label)).groupby("name")["label"].agg(list)
    assert {name: sorted(got[name]) for name in COMPOUNDS} == {
        name: sorted(right) for name, right in COMPOUNDS.items()
    }


def test_chebi_numbers_of_covid_su(shared):
    numbers = [n for n in layer(shared, "covid_su", "metab").var_names if str(n).isdigit()]
    assert found(ids.map(numbers, to="compound")) >= 0.9


def test_charge_states_bring_compounds_onto_the_graph(shared, chebi):
    reactome = graph.reactome()
    mod = layer(shared, "covid_su", "metab")
    plain = graph.feature_map(mod, reactome, kind="metabolome", layer="metab").report
    bridged = graph.feature_map(mod, reactome, kind="metabolome", layer="metab", table=chebi).report
    leucine, zwitterion = "15603", "chebi:57427"
    assert plain.loc[leucine, "status"] == "not on the graph"
    assert bridged.loc[leucine, "node"] == zwitterion
    mapped = [(table["status"] == "mapped").sum() for table in (plain, bridged)]
    assert mapped[1] > 1.5 * mapped[0]


def test_probes_and_mirnas_through_the_users_tables(shared):
    folder = shared / "pathways" / "idmaps"
    probes = pd.read_csv(folder / "illumina450k_probe_gene.tsv.gz", sep="\t", dtype=str)
    probes = probes.rename(columns={"SiteID": "name", "Gene": "id"})
    mapping = ids.map(layer(shared, "rosmap", "meth").var_names, table=probes)
    assert found(mapping) > 0.98
    assert (mapping["weight"].dropna() > 0).all()
    targets = pd.DataFrame({"name": ["hsa-miR-34c-5p"] * 2, "id": ["MYC", "CDK4"]})
    mapping = ids.map(["hsa-miR-34c-5p"], table=targets)
    assert mapping["weight"].tolist() == [-0.5, -0.5]
