from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from mudata import MuData

import pathweave as pw
from pathweave.io import guess_kind, layer_kinds, quiet_mudata, set_kinds

NAMES = {
    "transcriptome": "rna mrna gex expression transcriptomics RNASeq2GeneNorm scRNA RNA-seq exp lncRNA",
    "methylation": "meth dnam 450k methylation450k CpG RRBS",
    "proteome": "protein rppa prot olink RPPAArray phosphoproteomics ADT protein_expression",
    "metabolome": "metab lipid metabolomics lipidomics lcms",
    "mirna": "mirna miRNASeqGene mirna_expression microRNA",
    "cnv": "cnv cna gistict SCNA copy_number",
    "mutation": "mutation snv Mutations somatic",
    "other": "drug drug_gdsc_lnic50 atac clinical xyz drug_response_rna",
}


@pytest.mark.parametrize(
    ("name", "kind"), [(name, kind) for kind, names in NAMES.items() for name in names.split()]
)
def test_names_tell_kinds(name, kind):
    assert guess_kind(name) == kind


@pytest.mark.parametrize(
    ("features", "kind"),
    [
        (["ENSG00000161896.6", "ENSG00000248714"], "transcriptome"),
        (["cg00095526", "cg00174500"], "methylation"),
        (["hsa-miR-21-5p", "hsa-let-7a-1"], "mirna"),
        (["CHEBI:15377", "HMDB0000122"], "metabolome"),
        (["P04637", "A0A024RBG1", "Q00987-2"], "proteome"),
        (["age", "bmi"], "other"),
        ([], "other"),
    ],
)
def test_identifiers_tell_kinds_where_names_do_not(features, kind):
    assert guess_kind("view1", features) == kind


def _tiny():
    mods = {
        layer: ad.AnnData(
            np.ones((3, 2), np.float32),
            obs=pd.DataFrame(index=list("abc")),
            var=pd.DataFrame(index=["x", "y"]),
        )
        for layer in ("array1", "rna")
    }
    with quiet_mudata():
        return MuData(mods)


def test_a_recorded_kind_beats_the_name_and_survives_a_file(tmp_path):
    mdata = _tiny()
    assert layer_kinds(mdata) == {"array1": "other", "rna": "transcriptome"}
    set_kinds(mdata, {"array1": "methylation"})
    pw.io.write_h5mu(mdata, tmp_path / "x.h5mu")
    assert layer_kinds(pw.io.read_h5mu(tmp_path / "x.h5mu"))["array1"] == "methylation"


def test_wrong_kinds_change_nothing():
    mdata = _tiny()
    with pytest.raises(ValueError, match="'genome' is not known"):
        set_kinds(mdata, {"array1": "methylation", "rna": "genome"})
    with pytest.raises(KeyError, match="no such layer 'dna'"):
        set_kinds(mdata, {"array1": "methylation", "dna": "cnv"})
    assert not mdata.mod["array1"].uns


def test_real_sets(shared):
    found = layer_kinds(pw.io.read_h5mu(shared / "data/ccle4/ccle4.h5mu"))
    assert found == {
        "rna": "transcriptome", "meth": "methylation", "protein": "proteome",
        "metab": "metabolome", "cnv": "cnv", "mutation": "mutation",
        "drug_ccle_actarea": "other", "drug_gdsc_lnic50": "other",
    }  # fmt: skip
