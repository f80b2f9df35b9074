"""Reduce Reactome's flat files to the human part that `pathweave.graph.reactome` reads.

    python data_recipes/reactome/recipe.py FOLDER

FOLDER holds the official files under the names that recipe.toml gives. Written: pathways, protein
memberships (UniProt as the file has them, lowest level, deduplicated) and compound memberships
(brought down to the lowest level), with provenance.json. Genes are looked up when the graph is loaded.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tomllib
from pathlib import Path

import pandas as pd

HERE = Path(__file__).resolve().parent
OUTPUT = HERE.parents[1] / "src" / "pathweave" / "graph" / "data" / "reactome"
MAPPING = ["source", "pathway", "url", "name", "evidence", "species"]
HUMAN = "Homo sapiens"


def read(path: Path, columns: list[str]) -> pd.DataFrame:
    """Read one of Reactome's headerless tables."""
    return pd.read_csv(path, sep="\t", names=columns, dtype=str, keep_default_na=False, quoting=3)


def ancestors(relations: pd.DataFrame) -> dict[str, set[str]]:
    """Return all ancestors of each pathway that has any."""
    parents = relations.groupby("child")["parent"].agg(set).to_dict()
    known: dict[str, set[str]] = {}

    def climb(pathway: str) -> set[str]:
        if pathway not in known:
            up = parents.get(pathway, set())
            known[pathway] = set(up).union(*(climb(parent) for parent in up))
        return known[pathway]

    for child in parents:
        climb(child)
    return known


def lowest_level(members: pd.DataFrame, above: dict[str, set[str]]) -> pd.DataFrame:
    """Drop a row when the same compound is also in a descendant of its pathway."""
    implied = {
        (source, ancestor)
        for source, pathway in members.itertuples(index=False)
        for ancestor in above.get(pathway, ())
    }
    keep = [pair not in implied for pair in members.itertuples(index=False, name=None)]
    return members[keep]


def build(folder: Path, files: dict[str, str]) -> tuple[dict[str, pd.DataFrame], dict[str, int]]:
    """Return the three tables and the counts of what was kept and dropped."""
    pathways = read(folder / files["pathways"], ["id", "name", "species"])
    pathways = pathways[pathways["species"] == HUMAN]
    known = set(pathways["id"])
    relations = read(folder / files["relations"], ["parent", "child"])
    relations = relations[relations["parent"].isin(known) & relations["child"].isin(known)]
    parents = relations.sort_values("parent").groupby("child")["parent"].agg(";".join)
    pathways = pathways[["id", "name"]].sort_values("id").reset_index(drop=True)
    pathways["parents"] = pathways["id"].map(parents).fillna("")

    proteins = read(folder / files["uniprot"], MAPPING)
    proteins = proteins[proteins["species"] == HUMAN]
    n_protein_rows = len(proteins)
    proteins = proteins[["source", "pathway"]].drop_duplicates()
    compounds = read(folder / files["chebi"], MAPPING)
    compounds = compounds[compounds["species"] == HUMAN][["source", "pathway"]].drop_duplicates()
    n_compounds = len(compounds)
    compounds = compounds[compounds["pathway"].isin(known)]
    n_known = len(compounds)
    compounds = lowest_level(compounds, ancestors(relations))
    counts = {
        "pathways": len(pathways),
        "relations": len(relations),
        "protein_rows": n_protein_rows,
        "protein_memberships": len(proteins),
        "compound_memberships_all_levels": n_compounds,
        "compound_memberships_of_pathways_gone_since": n_compounds - n_known,
        "compound_memberships": len(compounds),
    }
    tables = {"pathways": pathways, "proteins": proteins, "compounds": compounds}
    return tables, counts


def main(folder: Path) -> None:
    """Check the inputs, write the tables, print their sha256."""
    recipe = tomllib.loads((HERE / "recipe.toml").read_text(encoding="utf-8"))
    files = {name: entry["file"] for name, entry in recipe["input"].items()}
    sha256 = {n: hashlib.sha256((folder / f).read_bytes()).hexdigest() for n, f in files.items()}
    for name, found in sha256.items():
        if found != recipe["input"][name]["sha256"]:
            print(f"note: {files[name]} has sha256 {found}, not the one that recipe.toml records")
    tables, counts = build(folder, files)
    OUTPUT.mkdir(parents=True, exist_ok=True)
    for name, unsorted in tables.items():
        table = unsorted.sort_values(list(unsorted.columns[:2])).reset_index(drop=True)
        path = OUTPUT / f"{name}.parquet"
        table.to_parquet(path, compression="zstd", compression_level=19, index=False)
        print(name, len(table), path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest())
    provenance = {
        "database": "Reactome",
        "licence": recipe["licence"],
        "citation": recipe["citation"],
        "release": recipe["input"]["pathways"]["release"],
        "release_of_compounds": recipe["input"]["chebi"]["release"],
        "species": HUMAN,
        "files": {
            name: {
                "address": entry["address"],
                "release": entry["release"],
                "date": entry["date"],
                "sha256": sha256[name],
            }
            for name, entry in recipe["input"].items()
        },
        "counts": counts,
    }
    text = json.dumps(provenance, indent=1)
    (OUTPUT / "provenance.json").write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
