"""Data sets inside the package, each checked against the sha256 of its provenance."""

from __future__ import annotations

import hashlib
import json
from importlib.resources import as_file, files
from typing import TYPE_CHECKING, Any

from pathweave import io

if TYPE_CHECKING:
    import pandas as pd
    from mudata import MuData


def provenance() -> dict[str, Any]:
    """Source, licence and checksum of the embedded data."""
    source = files("pathweave.datasets").joinpath("data/provenance.json")
    return dict(json.loads(source.read_text(encoding="utf-8")))


def miniacc() -> MuData:
    """Load miniACC: adrenocortical carcinoma of TCGA, 92 patients.

    Layers rna (79 patients, normalised counts), cnv (90, GISTIC), protein (46, RPPA), mutation (90) and
    mirna (80, counts); 43 patients have all of them. A subset of genes on the RPPA array, from
    Bioconductor's MultiAssayExperiment (Artistic-2.0).

    Returns
    -------
    MuData whose `obs` holds survival (``OS_days``, ``OS_event``), the molecular subtypes of the original
    paper (``C1A.C1B``, ``COC``, ``MethyLevel``, ``mRNA_K4`` ...), ``purity``, and clinical columns.

    Examples
    --------
    >>> import pathweave as pw
    >>> mdata = pw.datasets.miniacc()
    >>> {layer: mod.shape for layer, mod in mdata.mod.items()}["rna"]
    (79, 198)
    """
    with as_file(files("pathweave.datasets").joinpath("data/miniacc.h5mu")) as path:
        expected = provenance()["sha256"][path.name]
        found = hashlib.sha256(path.read_bytes()).hexdigest()
        if found != expected:
            msg = (
                f"{path.name} inside the package is damaged: sha256 {found}, expected {expected}. "
                "Install pathweave again."
            )
            raise ValueError(msg)
        return io.read_h5mu(path)


def available() -> pd.DataFrame:
    """List the data sets that need no download.

    Returns
    -------
    Table: index name; samples, layers, labels, source, licence.

    Examples
    --------
    >>> import pathweave as pw
    >>> pw.datasets.available().index.tolist()
    ['miniacc', 'simulate']
    """
    import pandas as pd

    record = provenance()
    rows = {
        "miniacc": {
            "samples": str(record["samples"]),
            "layers": ", ".join(record["layers"]),
            "labels": "OS_days and OS_event (survival), C1A.C1B, COC, MethyLevel, mRNA_K4",
            "source": record["source"],
            "licence": record["licence"],
        },
        "simulate": {
            "samples": "as asked for",
            "layers": "rna, meth, protein, metab",
            "labels": "class, outcome, time and event (survival), batch; planted truth",
            "source": "generated over the embedded Reactome graph",
            "licence": "CC0-1.0",
        },
    }
    return pd.DataFrame.from_dict(rows, orient="index")
