"""Make the embedded miniACC from the Bioconductor package that Debian ships.

    pip install rdata
    python data_recipes/miniacc/recipe.py [PACKAGE.deb | miniACC.RData]

Without an argument the package is fetched with `apt-get download`. `rdata` parses the R file; no R is
needed. Writes miniacc.h5mu and provenance.json (with the sha256 that `datasets.miniacc` checks).
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import rdata
from mudata import MuData
from rdata.parser import RObjectType

from pathweave.io import quiet_mudata

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
RECIPE = tomllib.loads((HERE / "recipe.toml").read_text(encoding="utf-8"))


def source_file(argument: str | None, folder: Path) -> Path:
    """Return the RData file: as given, or out of the package as given or downloaded."""
    if argument and argument.lower().endswith(".rdata"):
        return Path(argument)
    if argument is None:
        name = f"{RECIPE['input']['package']}={RECIPE['input']['version']}"
        subprocess.run(["apt-get", "download", name], cwd=folder, check=True)  # noqa: S603, S607
        argument = str(next(folder.glob("*.deb")))
    subprocess.run(["dpkg-deb", "-x", argument, str(folder / "out")], check=True)  # noqa: S603, S607
    return folder / "out" / RECIPE["input"]["member"]


def deref(obj):
    """Follow a back reference of the R serialisation."""
    return obj.referenced_object if obj is not None and obj.info.type is RObjectType.REF else obj


def pairs(obj) -> dict:
    """Tags and values of an R pairlist."""
    found, obj = {}, deref(obj)
    while obj is not None and obj.info.type is RObjectType.LIST:
        tag = deref(obj.tag)
        found[tag.value.value.decode()] = deref(obj.value[0])
        obj = deref(obj.value[1])
    return found


def slots(obj) -> dict:
    """Attributes, which for an S4 object are its slots."""
    return pairs(obj.attributes) if obj.attributes is not None else {}


def text(obj) -> list[str | None]:
    """Strings of a character vector, ``None`` where R has NA."""
    return [None if item.value is None else item.value.decode() for item in obj.value]


def named(obj) -> dict:
    """Items of a named R list."""
    return dict(zip(text(slots(obj)["names"]), map(deref, obj.value), strict=True))


def vector(obj):
    """Values of a vector or factor; missing values as NaN or None."""
    if obj.info.type is RObjectType.STR:
        return text(obj)
    values = np.ma.filled(np.ma.asarray(obj.value, dtype=float), np.nan)
    levels = slots(obj).get("levels")
    if levels is None:
        return values
    names = text(levels)
    return [None if np.isnan(code) else names[int(code) - 1] for code in values]


def frame(obj) -> pd.DataFrame:
    """Return a `DataFrame` or `data.frame` of R as one of pandas."""
    found = slots(obj)
    columns = named(found["listData"]) if "listData" in found else named(obj)
    names = found.get("rownames", found.get("row.names"))
    index = text(names) if names is not None and names.info.type is RObjectType.STR else None
    return pd.DataFrame({name: vector(column) for name, column in columns.items()}, index=index)


def assay(experiment) -> np.ndarray:
    """Return the first matrix of an experiment, features x samples."""
    if experiment.info.type is not RObjectType.S4:
        return matrix(experiment)
    assays = slots(experiment)["assays"]
    environment = slots(assays).get(".xData")
    if environment is not None:
        content = {}
        for chain in deref(environment.value.hash_table).value:
            content |= pairs(chain)
        assays = content[".->data"]
    return matrix(deref(slots(assays)["listData"].value[0]))


def matrix(obj) -> np.ndarray:
    """Values in the shape of R (columns first)."""
    shape = [int(n) for n in slots(obj)["dim"].value]
    return np.asarray(vector(obj)).reshape(shape, order="F")


def names_of(experiment) -> tuple[list[str], list[str]]:
    """Return feature names and column names."""
    found = slots(experiment)
    if "NAMES" in found:
        return text(found["NAMES"]), text(slots(found["colData"])["rownames"])
    rows, columns = found["dimnames"].value
    return text(deref(rows)), text(deref(columns))


def build(path: Path) -> MuData:
    """Return the data set, samples named by patient."""
    content = slots(next(iter(pairs(rdata.parser.parse_file(path).object).values())))
    experiments = named(slots(content["ExperimentList"])["listData"])
    key = frame(content["sampleMap"])
    obs = frame(content["colData"])
    mods = {}
    for layer, experiment in RECIPE["layers"].items():
        features, columns = names_of(experiments[experiment])
        rows = key[key["assay"] == experiment]
        patient = dict(zip(rows["colname"], rows["primary"], strict=True))
        mods[layer] = ad.AnnData(
            X=assay(experiments[experiment]).T.astype(np.float32),
            obs=pd.DataFrame(index=[patient[column] for column in columns]),
            var=pd.DataFrame(index=features),
        )
        shape = RECIPE["shapes"][layer]
        if list(mods[layer].shape) != shape:
            msg = f"{layer}: shape {mods[layer].shape}, the recipe says {shape}"
            raise ValueError(msg)
    with quiet_mudata():
        mdata = MuData(mods)
        mdata.obs = clinical(obs).reindex(mdata.obs_names)
    return mdata


def clinical(obs: pd.DataFrame) -> pd.DataFrame:
    """Add overall survival: time to death, or to the last visit of those alive."""
    obs = obs.copy()
    dead = obs["vital_status"] == 1
    obs["OS_event"] = dead.astype(float)
    obs["OS_days"] = obs["days_to_death"].where(dead, obs["days_to_last_followup"])
    for column in obs.columns:
        if obs[column].dtype == object:
            obs[column] = obs[column].astype("category")
    return obs


def main(argument: str | None) -> None:
    """Write the data set and its provenance."""
    with tempfile.TemporaryDirectory() as name:
        path = source_file(argument, Path(name))
        found = hashlib.sha256(path.read_bytes()).hexdigest()
        if found != RECIPE["input"]["sha256"]:
            print(f"note: sha256 {found} is not that of the recipe: another release")
        mdata = build(path)
    output = ROOT / RECIPE["output"]["file"]
    output.parent.mkdir(parents=True, exist_ok=True)
    with quiet_mudata():
        mdata.write_h5mu(output, compression="gzip", compression_opts=9)
    provenance = {
        "name": RECIPE["name"],
        "source": f"{RECIPE['input']['distribution']}, package {RECIPE['input']['package']} "
        f"{RECIPE['input']['version']}, data/miniACC.RData",
        "address": RECIPE["input"]["address"],
        "source_sha256": found,
        "licence": RECIPE["licence"],
        "citation": RECIPE["citation"],
        "changes": "samples named by patient; layers renamed; OS_event and OS_days added from "
        "vital_status, days_to_death and days_to_last_followup; values unchanged (float32)",
        "samples": mdata.n_obs,
        "layers": {layer: list(mod.shape) for layer, mod in mdata.mod.items()},
        "sha256": {output.name: hashlib.sha256(output.read_bytes()).hexdigest()},
    }
    target = output.with_name("provenance.json")
    target.write_text(json.dumps(provenance, indent=1) + "\n", encoding="utf-8")
    print(mdata, output.stat().st_size, provenance["sha256"])


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
