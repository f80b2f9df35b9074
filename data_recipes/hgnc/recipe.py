"""Reduce the HGNC table to what `pathweave.ids` needs: approved entries, the columns that name a gene.

    python data_recipes/hgnc/recipe.py FOLDER

FOLDER holds `hgnc_entries.tsv.gz` (see recipe.toml for its address). The output is written into the
package; its sha256 goes to recipe.toml by hand, so that a change is seen in review.
"""

from __future__ import annotations

import hashlib
import sys
import tomllib
from pathlib import Path

import pandas as pd

HERE = Path(__file__).resolve().parent
OUTPUT = HERE.parents[1] / "src" / "pathweave" / "ids" / "data" / "hgnc.parquet"
COLUMNS = {
    "HGNC ID": "id",
    "Approved symbol": "symbol",
    "Approved name": "name",
    "Locus type": "locus_type",
    "Previous symbols": "previous",
    "Alias symbols": "alias",
    "NCBI Gene ID(supplied by NCBI)": "entrez",
    "Ensembl gene ID": "ensembl",
    "UniProt ID(supplied by UniProt)": "uniprot",
}
SEVERAL = ("previous", "alias", "entrez", "ensembl", "uniprot")


def build(source: Path) -> pd.DataFrame:
    """Return the reduced table, sorted by HGNC number."""
    table = pd.read_csv(source, sep="\t", dtype=str, keep_default_na=False)
    table = table[table["Status"] == "Approved"]
    table = table[list(COLUMNS)].rename(columns=COLUMNS)
    for column in SEVERAL:
        table[column] = table[column].str.strip().str.replace(r"\s*,\s*", ";", regex=True)
    number = table["id"].str.removeprefix("HGNC:")
    table["id"] = "hgnc:" + number
    table["locus_type"] = table["locus_type"].astype("category")
    return table.iloc[number.astype(int).to_numpy().argsort(kind="stable")].reset_index(drop=True)


def main(folder: Path) -> None:
    """Check the input, write the output, print its sha256."""
    recipe = tomllib.loads((HERE / "recipe.toml").read_text(encoding="utf-8"))
    source = folder / recipe["input"]["file"]
    found = hashlib.sha256(source.read_bytes()).hexdigest()
    if found != recipe["input"]["sha256"]:
        print(f"note: {source.name} has sha256 {found}, another release than recipe.toml records")
    table = build(source)
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    table.to_parquet(
        OUTPUT,
        compression="zstd",
        compression_level=19,
        use_dictionary=["locus_type"],
        index=False,
    )
    print(len(table), OUTPUT.stat().st_size, hashlib.sha256(OUTPUT.read_bytes()).hexdigest())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
