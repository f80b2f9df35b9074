"""``pathweave evaluate``: judge models on a MuData file, and write what was found to a folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pathweave._cli._errors import told_errors
from pathweave._core.files import whole

if TYPE_CHECKING:
    from pathweave.evaluate import Report
    from pathweave.graph import PathwayGraph

_RIVALS = "ridge,ridge_late,random_forest,majority"
_RIVALS_OF_SURVIVAL = "cox_ridge,cox_ridge_late,majority"


def evaluate(  # noqa: PLR0913  # each argument is an option of the command
    data: Annotated[Path, typer.Argument(help="MuData file (.h5mu).")],
    out: Annotated[Path, typer.Option(help="Folder for report, tables and finished fits.")],
    target: Annotated[
        str | None, typer.Option(help="Column of obs to predict (numbers: several, with commas).")
    ] = None,
    time: Annotated[str | None, typer.Option(help="Column of obs: follow-up time.")] = None,
    event: Annotated[str | None, typer.Option(help="Column of obs: 1 where it was seen.")] = None,
    layers: Annotated[str | None, typer.Option(help="Modalities, with commas.")] = None,
    graph: Annotated[str, typer.Option(help="'reactome', a saved graph, or 'none'.")] = "reactome",
    models: Annotated[str, typer.Option(help="Names, with commas; '' for none.")] = "pathway_vae",
    baselines: Annotated[
        str | None, typer.Option(help="Names, with commas; some strong ones by default.")
    ] = None,
    nulls: Annotated[
        str | None,
        typer.Option(help="Names, with commas; '' for none; those that apply by default."),
    ] = None,
    folds: Annotated[int, typer.Option(help="Folds.")] = 5,
    repeats: Annotated[int, typer.Option(help="How often the folds are dealt anew.")] = 1,
    null_repeats: Annotated[int, typer.Option(help="Repeats in which nulls are fitted.")] = 1,
    groups: Annotated[
        str | None, typer.Option(help="Column of obs that folds keep together.")
    ] = None,
    site: Annotated[
        str | None, typer.Option(help="Column of obs: a site is left out at a time.")
    ] = None,
    batch: Annotated[
        str | None, typer.Option(help="Column of obs whose effects ComBat takes out.")
    ] = None,
    select: Annotated[
        int | None, typer.Option(help="Features of a layer to keep, chosen inside.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 0,
    jobs: Annotated[int | None, typer.Option(help="Processes.")] = None,
) -> None:
    """Judge models by nested cross-validation beside baselines and nulls; tell leaks and a verdict.

    The same command goes on where it broke off.
    """
    with told_errors():
        from pathweave import evaluate as room
        from pathweave import io

        if (time is None) != (event is None):
            msg = f"--time={time!r} and --event={event!r} belong together; give both, or neither."
            raise ValueError(msg)
        if (target is None) == (time is None):
            msg = "what is to be predicted? Give --target, or --time and --event, and not both."
            raise ValueError(msg)
        if out.is_file():
            msg = f"--out={str(out)!r} is a file; name a folder, which may be new."
            raise ValueError(msg)
        mdata = io.read_h5mu(data)
        outcome: dict[str, Any] = {"layers": _names(layers)}
        if time is not None:
            outcome["survival"] = (time, event)
        if target is not None:
            found = _names(target) or []
            if not found:
                msg = (
                    f"--target={target!r} names no column; give one of obs, such as --target class."
                )
                raise ValueError(msg)
            outcome["target"] = found if len(found) > 1 else found[0]
        leakage = room.check_leakage(mdata, **outcome, groups=groups, batch=batch)
        print(f"{leakage}\n", flush=True)
        made = _graph(graph)
        chosen = _names(models) or []
        if nulls is None:
            graph_nulls = ["rewired_graph", "random_pathways", "no_graph"]
            wanted = ["shuffled_labels", *(graph_nulls if chosen and made is not None else [])]
        else:
            wanted = _names(nulls) or []
        if baselines is None:
            baselines = _RIVALS if time is None else _RIVALS_OF_SURVIVAL
        report = room.cross_validate(
            mdata, made, **outcome, models=chosen, baselines=_names(baselines) or [], nulls=wanted,
            n_folds=folds, n_repeats=repeats, null_repeats=null_repeats, groups=groups, site=site, batch=batch,
            select=select, seed=seed, folder=out / "fits", n_jobs=jobs,
        )  # fmt: skip
        _write(report, leakage, out)
        print(f"\n{report.verdict()}")
        print(f"\n{out / 'report.html'} tells all of it; the tables lie beside it.")


def _names(text: str | None) -> list[str] | None:
    if text is None:
        return None
    return [name.strip() for name in text.split(",") if name.strip()]


def _graph(name: str) -> PathwayGraph | None:
    from pathweave import graph

    if name == "none":
        return None
    if name == "reactome" and not Path(name).exists():
        return graph.reactome()
    return graph.PathwayGraph.load(name)


def _write(report: Report, leakage: Any, out: Path) -> None:
    """Write report, tables and the HTML file, each whole or not at all."""
    import matplotlib as mpl

    mpl.use("agg")
    from pathweave import pl

    report.save(out / "report")
    tables = {
        "scores.csv": _all_scores(report), "comparisons.csv": report.compare().reset_index(),
        "findings.csv": report.findings(), "predictions.csv": report.predictions,
    }  # fmt: skip
    for name, table in tables.items():
        with whole(out / name) as work:
            table.to_csv(work, index=False)
    texts = {"verdict.txt": report.verdict(), "leakage.txt": str(leakage)}
    for name, text in texts.items():
        with whole(out / name) as work:
            work.write_text(text + "\n", encoding="utf-8")
    pl.report(report, out / "report.html", leakage=leakage)


def _all_scores(report: Report) -> Any:
    import pandas as pd

    tables = [report.summary(m).reset_index().assign(metric=m) for m in report.metrics]
    return pd.concat(tables, ignore_index=True)
