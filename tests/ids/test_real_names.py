"""Names of real data sets: how many find a gene or a compound, and whether it is the right one."""

from __future__ import annotations

import pandas as pd
import pytest

from pathweave import graph, ids, io


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
