"""The sections of a page on an explained model: data, scores, layers, pathways, genes, checks, stability."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pathweave import get
from pathweave._core import keys
from pathweave.pl import _html
from pathweave.pl._attributions import attributions
from pathweave.pl._deletion import deletion
from pathweave.pl._evaluation_page import leakage_section, scores_section, verdict_section
from pathweave.pl._explained_data import about_data, about_layers
from pathweave.pl._explained_words import believable, doubtful, evidence, in_words
from pathweave.pl._gene_layers import gene_layers
from pathweave.pl._parts import parts
from pathweave.pl._pathway_network import pathway_network
from pathweave.pl._pathway_tests import pathway_tests, volcano
from pathweave.pl._pathways import pathways
from pathweave.pl._report_words import number
from pathweave.pl._sankey import sankey
from pathweave.pl._stability import stability
from pathweave.pl._swarm import swarm

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd
    from mudata import MuData

_GROUPS = 4
_ROWS = 15


def heading_of(mdata: MuData) -> str:
    """Say what was explained."""
    params = get.attributions(mdata, level="layer").attrs["params"]
    if params["task"] == "survival":
        columns = params.get("target") or []
        return f"Explained: survival ({', '.join(columns)})" if columns else "Explained: survival"
    return f"Explained: {params['of']}"


def explained_sections(mdata: MuData, model: Any, evaluation: Any, leakage: Any) -> list[str]:
    """HTML of all sections, in their order.

    Parameters
    ----------
    mdata
        Data with attributions, and perhaps tests and checks.
    model
        The model that was explained.
    evaluation
        Report of an evaluation, or None.
    leakage
        What a check for leakage found, or None.
    """
    found = evidence(mdata)
    on_graph = model.graph_ is not None and len(get.attributions(mdata, level="gene_layer")) > 0
    return [
        _html.section(
            "What is believable",
            _html.lines(believable(mdata, found, evaluation) or ["Nothing that was computed supports a claim yet."], kind="verdict"),
        ),
        _html.section("What is not, or cannot be told", _html.lines(doubtful(mdata, model, found, evaluation, leakage), kind="plain")),
        _data(mdata, model),
        *_prediction(model, evaluation),
        leakage_section(leakage),
        _layers(mdata, model, on_graph=on_graph),
        _tests(mdata, found["tests"], on_graph=on_graph),
        _genes(mdata, found["genes"], on_graph=on_graph),
        _drawing(mdata, model, found["tests"], on_graph=on_graph),
        _faithful(found["faithfulness"]),
        _stability(mdata, found["draws"], found["gene_draws"]),
    ]  # fmt: skip


def _data(mdata: MuData, model: Any) -> str:
    rows, header = about_layers(mdata, model)
    return _html.section(
        "The data", _html.pairs(about_data(mdata, model)), _html.table(header, rows)
    )


def _prediction(model: Any, evaluation: Any) -> list[str]:
    if evaluation is not None:
        return [
            verdict_section(evaluation, "Does it predict?"), scores_section(evaluation),
        ]  # fmt: skip
    if not model.targets_:
        return []
    drawn = [
        _html.figure(
            partial(parts, model, target=target),
            f"{target}: what each part of the prediction is worth out of fold, in training samples that a part had not seen, and "
            "its weight in the stack.",
        )
        for target in model.targets_
    ]
    told = "These scores are of the fit itself, without baselines beside it; an evaluation in nested folds says more."
    return [_html.section("Does it predict?", *drawn, _html.note(told))]


def _shown(groups: Iterable[Any]) -> tuple[list[str], str]:
    names = list(dict.fromkeys(map(str, groups)))
    more = len(names) - _GROUPS
    return names[:_GROUPS], f"The first {_GROUPS} of {len(names)} groups." if more > 0 else ""


def _groups(mdata: MuData) -> tuple[list[str], str]:
    return _shown(get.attributions(mdata, level="layer")["group"])


def _layers(mdata: MuData, model: Any, *, on_graph: bool) -> str:
    share = _html.figure(
        partial(attributions, mdata, level="layer"),
        "Share of each layer in all attribution, by group. A layer with many features has more of it.",
    )
    groups, told = _groups(mdata)
    signed = len(groups) > 1
    caption = (
        "from layers (left) through genes to pathways (right); widths are shares of all absolute attribution and add up in every "
        "column. A gene in several of the pathways shown is shared out among them; features without a gene on the graph end in "
        "the middle."
        + (" Red: high values raise the output, blue: they lower it." if signed else "")
    )
    drawn = [
        _html.figure(
            partial(sankey, mdata, model.graph_, group=group, signed=signed), f"{group}: {caption}"
        )
        for group in (groups if on_graph else [])
    ]
    return _html.section("What the model uses, layer by layer", share, *drawn, *_notes(told))


def _notes(*texts: str) -> list[str]:
    return [_html.note(text) for text in dict.fromkeys(texts) if text]


def _tests(mdata: MuData, table: pd.DataFrame | None, *, on_graph: bool) -> str:
    title = "Pathways"
    if table is None:
        told = "Not tested: run pathweave.tl.test_pathways(mdata, model). Shown are ranks by attribution, which are no test."
        drawn = _html.figure(partial(pathways, mdata), "Pathways whose members weigh more in the model than other genes.") if on_graph else ""  # fmt: skip
        return _html.section(title, _html.note(told), drawn)
    groups, more = _shown(table["group"])
    params = table.attrs["params"]
    body = [
        _html.lines([line for line in table.attrs["verdict"].splitlines() if line], kind="plain")
    ]
    for group in groups:
        body.append(
            _html.figure(
                partial(pathway_tests, mdata, group=group),
                f"{group}: enrichment of the best pathways with 95 % bootstrap intervals, in standard deviations under shuffled "
                "labels. Red: more than other genes; blue: at all; ring: without the other pathways.",
            )
        )
        mine = table[table["group"].astype(str) == group].head(_ROWS)
        rows = [
            (
                str(row.name),
                [
                    (str(int(row.n_measured)), ""),
                    (f"{row.score:.1f}", f"{row.score - 1.96 * row.se:.1f} to {row.score + 1.96 * row.se:.1f}"),
                    (in_words(row.q_association), ""), (in_words(row.q), ""), (f"{100 * row.among_top:.0f} %", ""),
                    (str(row.verdict), ""),
                ],
            )
            for row in mine.itertuples(index=False)
        ]  # fmt: skip
        header: list[str | tuple[str, str]] = [
            group, "measured", ("enrichment", "95 % interval"), ("q, at all", ""), ("q", "beyond other genes"),
            ("in front", "share of draws among their first 20"), "verdict",
        ]  # fmt: skip
        body.append(_html.table(header, rows, words=[5]))
    body.append(
        _html.note(
            f"{params['n_null']} shuffles of the labels, {params['n_boot']} bootstrap draws, false discovery rate "
            f"{params['alpha']:g} (Benjamini and Hochberg). Tested are the data, not the model; each verdict says whether the model "
            f"weighs the pathway, too. {more}"
        )
    )
    return _html.section(title, *body)


def _genes(mdata: MuData, table: pd.DataFrame | None, *, on_graph: bool) -> str:
    tested, more = _shown(table["group"]) if table is not None else ([], "")
    drawn = [
        _html.figure(
            partial(volcano, mdata, group=group),
            f"{group}: direction of every gene and compound against its false discovery rate; the strongest are named with the "
            "layer that speaks loudest.",
        )
        for group in tested
    ]
    params = get.attributions(mdata, level="layer").attrs["params"]
    if on_graph:
        of_classes = params["task"] == "class"
        heat = partial(gene_layers, mdata, value="value" if of_classes else "importance")
        caption = (
            "Which layer of a gene the model uses, for the strongest genes; grey: not measured."
        )
        drawn.append(_html.figure(heat, caption))
    groups, told = _groups(mdata)
    by_sample = keys.SAMPLES in (mdata.uns.get(keys.UNS, {}).get(keys.ATTRIBUTIONS) or {})
    draw = _swarm if by_sample else _bars
    drawn += [draw(mdata, group) for group in (groups if by_sample or not on_graph else [])]
    return _html.section("Genes and features", *drawn, *_notes(more, told))


def _swarm(mdata: MuData, group: str) -> str:
    caption = "what moved each sample, a point a sample, red where the feature is high in it, blue where it is low."
    return _html.figure(partial(swarm, mdata, group=group), f"{group}: {caption}")


def _bars(mdata: MuData, group: str) -> str:
    caption = "the strongest features; red: high values raise the output, blue: they lower it."
    draw = partial(attributions, mdata, level="feature", group=group)
    return _html.figure(draw, f"{group}: {caption}")


def _drawing(mdata: MuData, model: Any, tests: pd.DataFrame | None, *, on_graph: bool) -> str:
    """The best pathway of the first group that was tested, coloured by attribution."""
    if not on_graph:
        return ""
    table = get.attributions(mdata, level="pathway")
    table = table[table["n_measured"].between(5, 60)]
    groups = _groups(mdata)[0]
    known = [] if tests is None else [g for g in _shown(tests["group"])[0] if g in groups]
    group, tested = known[0] if known else groups[0], bool(known)
    best = table[table["group"].astype(str) == group]
    if tested and tests is not None:
        mine = tests[(tests["group"].astype(str) == group) & tests["n_measured"].between(5, 60)]
        best = mine if len(mine) else best
    if best.empty:
        return ""
    pathway, name = str(best["pathway"].iloc[0]), str(best["name"].iloc[0])
    by = "tests" if tested else "attributions"
    caption = (
        f"{name}, the first pathway of {group} by the {by}; colour: mean |attribution|, with a minus where high values lower the "
        "output. Lines are drawn where the graph has relations between its genes."
    )
    return _html.section(
        "One pathway", _html.figure(partial(pathway_network, model.graph_, pathway, values=mdata, group=group), caption),
    )  # fmt: skip


def _faithful(checks: Any) -> str:
    title = "Do the attributions tell what the model does?"
    if checks is None:
        return _html.section(
            title, _html.note("Not checked: run pathweave.tl.check(mdata, model).")
        )
    curves: tuple[tuple[Literal["deletion", "insertion"], str], ...] = (
        ("deletion", "taken away"), ("insertion", "brought in"),
    )  # fmt: skip
    drawn = [
        _html.figure(
            partial(deletion, checks, curve=curve),
            f"{curve.capitalize()}: the mean output as features are {done} in the order of their attributions, beside random orders.",
        )
        for curve, done in curves
    ]
    told = [line.removeprefix("- ") for line in str(checks.verdict).splitlines()]
    return _html.section(title, _html.lines(told, kind="plain"), *drawn)


def _stability(mdata: MuData, *levels: pd.DataFrame | None) -> str:
    title = "Would it come out again?"
    known = [draws for draws in levels if draws is not None]
    if not known:
        return _html.section(
            title, _html.note("Not known: run pathweave.tl.test_pathways(mdata, model).")
        )
    drawn: list[str] = []
    rows: list[tuple[str, list[tuple[str, str]]]] = []
    names: tuple[Literal["pathway", "gene"], ...] = ("pathway", "gene")
    for level, draws in zip(names, levels, strict=True):
        if draws is None:
            continue
        groups, _ = _shown(draws["group"])
        for group in groups:
            told = draws.attrs["groups"][group]
            chance = f"chance {100 * told['by_chance']:.0f} %"
            cells = [
                (number(told["tau"]), ""),
                ("-" if np.isnan(told["overlap"]) else f"{100 * told['overlap']:.0f} %", chance),
            ]
            rows.append((f"{level}s, {group}", cells))
            drawn.append(
                _html.figure(
                    partial(stability, mdata, level=level, group=group),
                    f"{group}: ranks of the best {level}s over bootstrap draws. Box: half of the draws; line: 95 %; dot: all "
                    "samples.",
                )
            )
    header: list[str | tuple[str, str]] = ["ranks", ("Kendall tau", "between draws"), ("shared", "of the first 20 of two draws")]  # fmt: skip
    return _html.section(title, _html.table(header, rows), *drawn)
