"""Building graphs: pathweave beside a plain build with networkx and Biopython, side by side in one run.

Run from the project's root: ``python benchmarks/graphs.py [--rounds 5]``. It needs ``../shared/pathways`` and, for the
peer, ``pip install biopython``. Every measurement is a process of its own; the rounds of all jobs are
interleaved. Seconds are those of the call alone, without imports, the least of all rounds; memory is
the peak of the whole process, imports included. Writes ``benchmarks/graphs.csv``.

The peer does what a careful analyst would write in an afternoon: it opens groups and families and
keeps parallel relations apart. Both sides must join the same pairs of genes, or the run fails.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[1]
PATHWAYS = ROOT.parent / "shared" / "pathways"
KGML = PATHWAYS / "kgml"
COPIES = 4  # all of KEGG human has about four times as many maps as the folder
EDGES = 100_000
BINARY = 2**20
OVERVIEW = ("011", "012")


# What is measured: a job prepares (untimed) and returns the call that is timed, and what it found.


def kegg_pathweave(folder: Path) -> Callable[[], object]:
    """One typed, signed graph of all maps, by KEGGgraph's rules, so that pairs can be compared."""
    from pathweave import graph

    return lambda: graph.kegg(
        folder, complexes="none", self_loops=True, enzyme_relations="as_written"
    )


def kegg_default(folder: Path) -> Callable[[], object]:
    """The same with the default rules."""
    from pathweave import graph

    return lambda: graph.kegg(folder)


def kegg_peer(folder: Path) -> Callable[[], object]:  # noqa: C901  four small functions in one
    """A MultiDiGraph by Biopython's parser: one edge a pair of genes, relation type and subtypes."""
    import networkx as nx
    from Bio.KEGG.KGML import KGML_parser

    def names(entry, pathway):
        if entry.type == "group":
            parts = [pathway.entries[part.id] for part in entry.components]
            return [name for part in parts for name in names(part, pathway)]
        return entry.name.split()

    def add_nodes(out, pathway):
        for entry in pathway.entries.values():
            if entry.type in {"gene", "compound"}:
                for name in entry.name.split():
                    out.add_node(name, kind=entry.type)
                    out.nodes[name].setdefault("pathways", set()).add(pathway.name)

    def add_relations(out, pathway):
        for relation in pathway.relations:
            kinds = tuple(sorted(name for name, _ in relation.subtypes))
            up, down = {"activation", "expression"}, {"inhibition", "repression"}
            sign = bool(up & set(kinds)) - bool(down & set(kinds))
            key = (relation.type, kinds)
            ends = product(names(relation.entry1, pathway), names(relation.entry2, pathway))
            for a, b in ends:
                if not out.has_edge(a, b, key):
                    out.add_edge(a, b, key, sign=sign, pathways=set())
                out.edges[a, b, key]["pathways"].add(pathway.name)

    def add_reactions(out, pathway):
        for reaction in pathway.reactions:
            for a, b in product(reaction.substrates, reaction.products):
                for x, y in product(a.name.split(), b.name.split()):
                    out.add_edge(x, y, ("reaction", reaction.type), sign=0)

    def build() -> nx.MultiDiGraph:
        out = nx.MultiDiGraph()
        for file in sorted(folder.glob("*.xml")):
            with file.open() as handle:
                pathway = KGML_parser.read(handle)
            if not pathway.name[-5:].startswith(OVERVIEW):
                for add in (add_nodes, add_relations, add_reactions):
                    add(out, pathway)
        return out

    return build


def reactome_pathweave(_: Path) -> Callable[[], object]:
    """The embedded release, with names, hierarchy and members."""
    from pathweave import graph

    return graph.reactome


def reactome_peer(_: Path) -> Callable[[], object]:
    """The same three flat files into a networkx graph of members and parents."""
    import gzip

    import networkx as nx

    names, relation, members = (
        next((PATHWAYS / "reactome").glob(f"{what}_2*.gz"))
        for what in ("reactome_pathways_names", "reactome_pathways_relation", "uniprot_2_reactome")
    )

    def lines(path):
        with gzip.open(path, "rt") as handle:
            yield from (line.rstrip("\n").split("\t") for line in handle)

    def build() -> nx.DiGraph:
        out = nx.DiGraph()
        out.add_nodes_from((r[0], {"name": r[1]}) for r in lines(names) if "R-HSA" in r[0])
        out.add_edges_from(r[:2] for r in lines(relation) if "R-HSA" in r[0])
        for r in lines(members):
            if r[1].startswith("R-HSA"):
                out.add_edge(re.sub(r"-\d+$", "", r[0]), r[1], evidence=r[4])
        return out

    return build


def _random_edges() -> np.ndarray:
    rng = np.random.default_rng(0)
    # Degrees with a long tail, as genes have them.
    weight = rng.pareto(1.5, 8000) + 0.2
    ends = rng.choice(8000, size=(2 * EDGES, 2), p=weight / weight.sum())
    return np.unique(ends[ends[:, 0] != ends[:, 1]], axis=0)[:EDGES]


def rewire_pathweave(_: Path) -> Callable[[], object]:
    """Rewire until mixed: here about 40 swaps offered to every edge."""
    from pathweave.graph import PathwayGraph

    pairs = _random_edges()
    pairs = np.char.add("hgnc:", np.random.default_rng(1).permutation(pairs).astype(str))
    table = pd.DataFrame(pairs.astype(object), columns=["source", "target"])
    nodes = pd.DataFrame({"id": np.unique(pairs.ravel()).astype(object)})
    made = PathwayGraph(nodes=nodes, edges=table.assign(type="activation", sign=1))
    return lambda: made.rewire(seed=0)


def rewire_peer(_: Path) -> Callable[[], object]:
    """networkx's directed_edge_swap, as many swaps as edges: one, not forty, to every edge."""
    import networkx as nx

    made = nx.DiGraph(_random_edges().tolist())
    return lambda: nx.directed_edge_swap(made, nswap=EDGES, max_tries=100 * EDGES, seed=0)


JOBS: dict[str, dict[str, Callable[[Path], Callable[[], object]]]] = {
    "81 KGML files to one graph": {
        "pathweave": kegg_pathweave,
        "networkx + Biopython": kegg_peer,
        "pathweave, default rules": kegg_default,
    },
    f"{80 * COPIES} KGML files (80 of them, {COPIES} times, genes renumbered)": {
        "pathweave": kegg_pathweave,
        "networkx + Biopython": kegg_peer,
        "pathweave, default rules": kegg_default,
    },
    "Reactome 91, human": {"pathweave": reactome_pathweave, "networkx, flat files": reactome_peer},
    f"rewire {EDGES:,} directed edges": {
        "pathweave": rewire_pathweave,
        "networkx, one swap an edge": rewire_peer,
    },
}


def gene_pairs(found: object) -> int | None:
    """Count the pairs of genes that are joined, in whatever direction; None for other jobs."""
    import networkx as nx

    from pathweave.graph import PathwayGraph
    from pathweave.graph._genes import of_entrez

    if isinstance(found, PathwayGraph) and found.meta.get("kegg"):
        ends = found.edges[["source", "target"]]
        gene = ends.apply(lambda column: column.str.match(r"hgnc:|ncbigene:")).all(axis=1)
        pairs = ends[gene].itertuples(index=False)
    elif isinstance(found, nx.MultiDiGraph):
        pairs = (
            (of_entrez(a[4:]), of_entrez(b[4:]))
            for a, b in found.edges()
            if a[:4] == b[:4] == "hsa:"
        )
    else:
        return None
    return len({frozenset(pair) for pair in pairs})


def measure(job: str, side: str, folder: Path) -> None:
    """Run one side of one job once, and print what was found as JSON."""
    call = JOBS[job][side](folder)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        start = time.perf_counter()
        found = call()
        seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / BINARY
    print(json.dumps({"seconds": seconds, "peak_mb": peak, "gene_pairs": gene_pairs(found)}))


def renumbered(folder: Path) -> None:
    """Write the files several times, each time with other map and gene numbers."""
    for file in sorted(KGML.glob("*.xml")):
        if file.stem[-5:].startswith(OVERVIEW):
            continue
        text = file.read_text(encoding="utf-8")
        for copy in range(COPIES):
            new = re.sub(r"hsa:(\d+)", lambda m, c=copy: f"hsa:{int(m[1]) + c}", text)
            new = re.sub(r'(path:hsa|number=")0', rf"\g<1>{copy}", new)
            (folder / f"{file.stem}_{copy}.xml").write_text(new, encoding="utf-8")


def main() -> None:
    """Run all jobs in rounds and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--one", nargs=3, metavar=("JOB", "SIDE", "FOLDER"), help="used within")
    options = parser.parse_args()
    if options.one:
        measure(options.one[0], options.one[1], Path(options.one[2]))
        return
    runs: list[dict[str, object]] = []
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory() as work:
        renumbered(Path(work))
        for _ in range(options.rounds):
            for job, sides in JOBS.items():
                folder = KGML if job.startswith("81") else work
                for side in sides:
                    command = [sys.executable, __file__, "--one", job, side, str(folder)]
                    out = subprocess.run(  # noqa: S603  this very script
                        command, env=environment, stdout=subprocess.PIPE, text=True, check=True
                    )
                    runs.append({"job": job, "who": side, **json.loads(out.stdout)})
    table = pd.DataFrame(runs).groupby(["job", "who"], sort=False)
    table = table.agg(
        seconds=("seconds", "min"), peak_mb=("peak_mb", "max"), gene_pairs=("gene_pairs", "first")
    ).reset_index()
    for job, part in table.groupby("job"):
        compared = part[~part["who"].str.contains("default")]
        if len(compared["gene_pairs"].dropna().unique()) > 1:
            msg = f"{job}: the two sides disagree on pairs of genes: {part.to_dict('records')}"
            raise SystemExit(msg)
    ours = table[table["who"] == "pathweave"].set_index("job")["seconds"]
    table["times_pathweave"] = table["seconds"] / table["job"].map(ours)
    table["machine"] = f"{os.cpu_count()} cores, {platform.machine()}, one thread"
    out = table.astype({"gene_pairs": "Int64"}).round(
        {"seconds": 3, "peak_mb": 0, "times_pathweave": 2}
    )
    out.to_csv(Path(__file__).with_suffix(".csv"), index=False)
    print(out.drop(columns="machine").to_string(index=False))


if __name__ == "__main__":
    main()
