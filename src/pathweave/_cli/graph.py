"""``pathweave graph``: build a graph from files, look at it, hand it on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pathweave._cli._errors import told_errors
from pathweave._core.files import whole

if TYPE_CHECKING:
    import pandas as pd

    from pathweave.graph import PathwayGraph

app = typer.Typer(
    help="Build, describe, check, draw and export pathway graphs.", no_args_is_help=True
)

GraphName = Annotated[
    str, typer.Argument(metavar="GRAPH", help="Folder that 'build' wrote, or 'reactome'.")
]
Table = Annotated[Path | None, typer.Option(help="Write the whole table to this CSV file.")]
Files = list[Path] | None
EXPORTS = (".gmt", ".graphml", ".csv")


def _graph(name: str) -> PathwayGraph:
    from pathweave import graph

    if name == "reactome" and not Path(name).exists():
        return graph.reactome()
    return graph.PathwayGraph.load(name)


def _csv(path: Path) -> pd.DataFrame:
    from pathweave.graph._interactions.files import read_table

    return read_table(path, "file")


def _write(table: pd.DataFrame, path: Path) -> None:
    """Write a CSV file, whole or not at all: a full disk leaves an earlier one as it was."""
    with whole(path) as work:
        table.to_csv(work, index=False)


@app.command()
def build(
    out: Annotated[Path, typer.Option(help="Folder for the graph; an older graph is replaced.")],
    reactome: Annotated[
        bool, typer.Option("--reactome", help="Embedded Reactome 91 (human).")
    ] = False,
    reactome_files: Annotated[
        Path | None, typer.Option(help="Folder of Reactome's flat files, of any release.")
    ] = None,
    kegg: Annotated[Path | None, typer.Option(help="Folder of KGML files.")] = None,
    sbml: Annotated[Path | None, typer.Option(help="Folder or archive of SBML.")] = None,
    biopax: Annotated[
        Path | None, typer.Option(help="Folder or archive of BioPAX level 3.")
    ] = None,
    gmt: Annotated[Files, typer.Option(help="GMT file of gene sets; may be repeated.")] = None,
    edges: Annotated[
        Files, typer.Option(help="Edge table (own, OmniPath, SIGNOR, STRING ...); may be repeated.")
    ] = None,
    sif: Annotated[Files, typer.Option(help="SIF file; may be repeated.")] = None,
    species: Annotated[
        str, typer.Option(help="Species to take from --reactome-files.")
    ] = "Homo sapiens",
    names: Annotated[
        Path | None, typer.Option(help="Your table of names (columns name and id) for all sources.")
    ] = None,
) -> None:
    """Build one graph from one or more sources."""
    with told_errors():
        from pathweave import graph

        table = None if names is None else _csv(names)
        if table is not None and not any((reactome_files, sbml, biopax, gmt, edges, sif)):
            msg = f"--names {str(names)!r}: no source uses it; KEGG and the embedded Reactome need none."
            raise ValueError(msg)
        parts: list[PathwayGraph] = []
        if reactome:
            parts.append(graph.reactome())
        if reactome_files is not None:
            parts.append(graph.reactome(reactome_files, species=species, table=table))
        if kegg is not None:
            parts.append(graph.kegg(kegg))
        for path, read in ((sbml, graph.sbml), (biopax, graph.biopax)):
            if path is not None:
                parts.append(read(path, table=table))
        parts += [graph.gmt(path, table=table) for path in gmt or ()]
        parts += [graph.edges(path, names=table) for path in edges or ()]
        parts += [graph.sif(path, names=table) for path in sif or ()]
        if not parts:
            msg = (
                "nothing to build from; give --reactome, --kegg FOLDER or another source (--help)."
            )
            raise ValueError(msg)
        united = parts[0]
        for part in parts[1:]:
            united |= part
        united.save(out)
        print(united)
        _tell_losses(united)
        print(f"Saved to {out}/ (digest {united.digest[:12]}).")


def _tell_losses(graph: PathwayGraph) -> None:
    losses = graph.losses(n_examples=3)
    if losses.empty:
        return
    print("Not used (graph.losses() in Python has it all):")
    for source, rows in losses.groupby("source", sort=False):
        top = rows.sort_values("n", ascending=False, kind="stable")
        for row in top.head(6).itertuples():
            print(f"  {source}: {row.n:,} {row.what}{f' ({row.examples})' if row.examples else ''}")
        if len(top) > 6:
            print(f"  {source}: {top['n'][6:].sum():,} others of {len(top) - 6} kinds")


@app.command()
def describe(graph: GraphName, out: Table = None) -> None:
    """Count what a graph holds: nodes, edges, signs, degrees, components, pathways."""
    with told_errors():
        found = _graph(graph)
        table = found.describe()
        print(found)
        for part, rows in table.groupby("part", sort=False):
            print(f"\n{part}")
            width = max(len(what) for what in rows["what"])
            for what, n in zip(rows["what"], rows["n"], strict=True):
                print(f"  {what:<{width}}  {n:>12,}")
        if out is not None:
            _write(table, out)


@app.command()
def coverage(
    data: Annotated[Path, typer.Argument(help="MuData file (.h5mu).")],
    graph: GraphName = "reactome",
    names: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LAYER=FILE", help="Table of names (name, id) of a layer; may be repeated."
        ),
    ] = None,
    out: Table = None,
) -> None:
    """Tell, layer by layer, how many features find a node, and why the others do not."""
    with told_errors():
        from pathweave import graph as room
        from pathweave import io

        tables = {}
        for text in names or ():
            layer, sign, file = text.partition("=")
            if not (layer and sign and file):
                msg = f"--names {text!r}: write LAYER=FILE, such as metabolites=names.csv."
                raise ValueError(msg)
            tables[layer] = _csv(Path(file))
        found = room.coverage(io.read_h5mu(data), _graph(graph), tables=tables)
        for layer, row in found.iterrows():
            print(
                f"{layer} ({row['kind']}, {row['id_type'] or 'no identifiers'}): {row['n_mapped']:,} of "
                f"{row['n_features']:,} features ({row['fraction']:.1%}) on {row['n_nodes']:,} nodes, "
                f"{row['n_in_pathway']:,} in a pathway"
            )
            if row["reasons"]:
                print(f"    others: {row['reasons']}")
        if out is not None:
            _write(found.reset_index(), out)


@app.command()
def export(
    graph: GraphName,
    out: Annotated[
        Path,
        typer.Option(
            help=".gmt (gene sets), .graphml (Cytoscape, Gephi, igraph), .csv (edges), or a folder "
            "(all four tables as CSV)."
        ),
    ],
) -> None:
    """Write a graph for other programs."""
    with told_errors():
        found = _graph(graph)
        kind = out.suffix.lower()
        if kind == ".gmt":
            found.to_gmt(out)
        elif kind == ".graphml":
            found.to_graphml(out)
        elif kind == ".csv":
            _write(found.edges, out)
        elif not kind:
            out.mkdir(parents=True, exist_ok=True)
            for name in ("nodes", "edges", "pathways", "members"):
                _write(getattr(found, name), out / f"{name}.csv")
        else:
            msg = f"--out {str(out)!r}: unknown format {kind!r}; use {', '.join(EXPORTS)} or a folder."
            raise ValueError(msg)
        print(f"Wrote {out}.")


@app.command()
def draw(
    graph: GraphName,
    pathway: Annotated[str, typer.Argument(help="Id (hsa04115, R-HSA-69541) or name.")],
    out: Annotated[Path, typer.Option(help="Picture to write (.png, .pdf, .svg).")],
    values: Annotated[
        Path | None,
        typer.Option(
            help="Table whose first column names genes (symbol or id), the second a number."
        ),
    ] = None,
) -> None:
    """Draw one pathway, coloured by your numbers."""
    with told_errors():
        import matplotlib as mpl

        mpl.use("agg")
        import pandas as pd

        from pathweave import pl

        numbers = None
        if values is not None:
            table = _csv(values)
            if table.shape[1] != 2 or not pd.isna(pd.to_numeric(table.columns[1], errors="coerce")):
                msg = (
                    f"--values {str(values)!r} must have a header and two columns, names and numbers; "
                    f"its first line reads {', '.join(map(str, table.columns[:8]))}."
                )
                raise ValueError(msg)
            numbers = pd.to_numeric(table.set_index(table.columns[0]).iloc[:, 0], errors="coerce")
        axes = pl.pathway_network(_graph(graph), pathway, values=numbers)
        figure = axes.get_figure(root=True)
        if figure is not None:  # axes of no figure cannot come from here
            with whole(out) as work:
                figure.savefig(work, bbox_inches="tight", dpi=150)
        print(f"Wrote {out}.")
