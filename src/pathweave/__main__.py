"""The command line: ``pathweave demo``, ``run``, ``evaluate`` and ``graph``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pathweave._cli import evaluate, graph
from pathweave._cli._errors import told_errors
from pathweave._core.version import VERSION

if TYPE_CHECKING:
    from mudata import MuData

    from pathweave.tl._run import RunOptions

app = typer.Typer(
    help="Weave multi-omics layers through pathway graphs.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

app.add_typer(graph.app, name="graph")
app.command()(evaluate.evaluate)

Out = Annotated[Path, typer.Option(help="Folder for tables, figures, the model and the data.")]
Seed = Annotated[int, typer.Option(help="Seed of everything random.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an earlier result in --out.")]


def _version(show: bool) -> None:  # typer's callback
    if show:
        print(f"pathweave {VERSION}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Weave multi-omics layers through pathway graphs."""


@app.command()
def demo(out: Out = Path("pathweave_demo"), seed: Seed = 0, overwrite: Overwrite = True) -> None:
    """Run the main job on TCGA adrenocortical carcinoma: embedding, subtype, survival, explanations."""
    with told_errors():
        from pathweave import datasets
        from pathweave.tl._run import RunOptions

        print(
            "TCGA adrenocortical carcinoma: 92 patients, 5 layers, subtype C1A/C1B and overall survival."
        )
        options = RunOptions(
            out=out,
            target="C1A.C1B",
            time="OS_days",
            event="OS_event",
            seed=seed,
            overwrite=overwrite,
        )
        _run(datasets.miniacc(), options)


@app.command()
def run(
    data: Annotated[Path, typer.Argument(help="MuData file (.h5mu).")],
    out: Out,
    layers: Annotated[
        str | None, typer.Option(help="Modalities to use, separated by commas.")
    ] = None,
    target: Annotated[
        str | None, typer.Option(help="Column of obs to predict: classes or numbers.")
    ] = None,
    time: Annotated[str | None, typer.Option(help="Column of obs: follow-up time.")] = None,
    event: Annotated[
        str | None, typer.Option(help="Column of obs: 1 where the event was seen.")
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(help="Column of obs that tells training from test samples (train/test, 1/0)."),
    ] = None,
    kegg: Annotated[
        Path | None, typer.Option(help="Folder of KGML files to add to Reactome.")
    ] = None,
    seed: Seed = 0,
    overwrite: Overwrite = False,
    resume: Annotated[
        Path | None,
        typer.Option(help="Folder for checkpoints: the same command goes on where it broke off."),
    ] = None,
) -> None:
    """Run the main job on your own data."""
    with told_errors():
        from pathweave import io
        from pathweave.tl._run import RunOptions

        chosen = (
            None if layers is None else [name.strip() for name in layers.split(",") if name.strip()]
        )
        options = RunOptions(
            out=out, layers=chosen, target=target, time=time, event=event, split=split, kegg=kegg,
            seed=seed, overwrite=overwrite, resume=resume,
        )  # fmt: skip
        options.check()
        _run(io.read_h5mu(data), options)


def _run(mdata: MuData, options: RunOptions) -> None:
    import matplotlib as mpl

    mpl.use("agg")
    from pathweave import pl
    from pathweave.tl._run import run_all

    text = run_all(mdata, options, plots=pl, say=print)
    print("\n" + text)
    print(f"Tables, figures, the model and the data are in {options.out}/ (start with figures/).")


if __name__ == "__main__":
    app()
