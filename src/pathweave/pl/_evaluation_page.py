"""The sections of a page on an evaluation: verdict, scores, pictures, costs, and what cannot be seen."""

from __future__ import annotations

from functools import partial
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from pathweave.pl import _html
from pathweave.pl._calibration import calibration
from pathweave.pl._confusion import confusion
from pathweave.pl._predicted import predicted
from pathweave.pl._report_words import how, metric_name, number, unseen
from pathweave.pl._reports import choose_one
from pathweave.pl._roc import roc
from pathweave.pl._scores import scores
from pathweave.pl._survival_by_risk import survival_by_risk

if TYPE_CHECKING:
    import pandas as pd

_TARGETS = 3
_MOST_ROWS = 50


def evaluation_sections(report: Any, leakage: Any) -> list[str]:
    """HTML of all sections, in their order; empty where there is nothing to say.

    Parameters
    ----------
    report
        What `pathweave.evaluate.cross_validate` or `validate` returned.
    leakage
        What a check for leakage found, or None.
    """
    return [
        verdict_section(report),
        _html.section("How it was done", _html.pairs(how(report))),
        scores_section(report),
        _comparison(report),
        _plots(report),
        _per_target(report),
        leakage_section(leakage),
        _costs(report),
        _html.section(
            "What cannot be seen here",
            _html.lines(unseen(report, leakage=leakage is not None), kind="plain"),
        ),
    ]


def verdict_section(report: Any, title: str = "Verdict") -> str:
    """The verdict of an evaluation, line by line."""
    told = [line for line in str(report.verdict()).splitlines() if line]
    return _html.section(title, _html.lines(told, kind="verdict"))


def _ends(low: float, high: float) -> str:
    return "" if np.isnan(low) else f"{number(low)} to {number(high)}"


def scores_section(report: Any) -> str:
    """Forest plot, and a table of all metrics, the primary first."""
    metrics = [report.primary, *(metric for metric in report.metrics if metric != report.primary)]
    tables = {metric: report.summary(metric) for metric in metrics}
    first = tables[report.primary]
    header: list[str | tuple[str, str]] = ["method", "splits"]
    best: list[str | None] = [None]
    for metric, table in tables.items():
        known = table.dropna(subset="mean")
        lower = table.attrs["lower_is_better"]
        header.append((metric_name(metric), "lower is better" if lower else ""))
        real = known[known["kind"] != "null"]
        best.append(str(real.index[0]) if len(real) else None)
    rows = []
    for name in first.index:
        cells = [(str(int(first.loc[name, "n"])), "")]
        for table in tables.values():
            row = table.loc[name] if name in table.index else None
            cells.append(
                ("-", "") if row is None else (number(row["mean"]), _ends(row["low"], row["high"]))
            )
        rows.append((str(name), cells))
    one = int(first["n"].max()) == 1
    told = (
        "Below each score its 95 % interval, a bootstrap of the test samples."
        if one
        else "Means over the splits, below them 95 % intervals that allow for training sets that overlap (Nadeau and Bengio "
        "2003; they may reach beyond the range of the score)."
    )
    grey = [str(name) for name in first.index[first["kind"] == "null"]]
    forest = _html.figure(
        lambda: scores(report),
        f"{metric_name(report.primary)} of every method with its 95 % interval.",
    )
    return _html.section(
        "Scores", forest, _html.table(header, rows, best=best, grey=grey),
        _html.note(f"{told} Bold: best in the column, nulls aside."),
    )  # fmt: skip


def _comparison(report: Any) -> str:
    if len(report.methods) < 2:
        return ""
    table = report.compare()
    reference = table.attrs["reference"]
    header = ["method", "difference", "p", "p, Holm", "splits"]
    rows = [
        (
            str(name),
            [
                (_signed(row["difference"]) if row["n"] else "-", _ends(row["low"], row["high"])),
                (_p(row["p"]), ""), (_p(row["p_holm"]), ""), (str(int(row["n"])), ""),
            ],
        )
        for name, row in table.iterrows()
    ]  # fmt: skip
    nulls = report.methods.index[report.methods["kind"] == "null"]
    told = f"{metric_name(report.primary)} of each method minus that of {reference}, on the same splits."
    if int(table["n"].max()) > 1:
        told += (
            " Corrected resampled t-test (Nadeau and Bengio 2003); Holm's correction over all rows."
        )
    else:
        told += (
            " One split: its test samples are drawn anew in pairs, which holds for these fits and does not tell how another "
            "training set would do; Holm's correction over all rows."
        )
    return _html.section(
        f"Compared with {reference}",
        _html.table(header, rows, grey=map(str, nulls)),
        _html.note(told),
    )


def _signed(value: float) -> str:
    return "0.000" if abs(value) < 5e-4 else f"{value:+.3f}"


def _p(p: float) -> str:
    if np.isnan(p):
        return "-"
    return f"{p:.2g}" if p >= 1e-4 else "< 0.0001"


def _plots(report: Any) -> str:
    name = choose_one(report, None)
    once = "Test samples of one repeat, each counted once"
    if report.task == "class":
        drawn = [
            _html.figure(
                lambda: roc(report),
                "ROC curves, averaged over the splits. Band: one standard deviation over the splits.",
            ),
            _html.figure(
                lambda: calibration(report),
                f"How often what was predicted came true. {once}; a dot is a bin, its area the samples.",
            ),
            _html.figure(
                lambda: confusion(report, name), f"What {name} took each class for. {once}."
            ),
        ]
    elif report.task == "survival":
        drawn = [
            _html.figure(
                lambda: survival_by_risk(report, name),
                f"Kaplan-Meier curves by the risk that {name} predicted. {once}; risk groups are formed within each split.",
            )
        ]
    else:
        targets = _targets(report, name)
        drawn = [
            _html.figure(
                partial(predicted, report, target, name),
                f"{target}: what {name} predicted against what was measured. {once}.",
            )
            for target in targets[:_TARGETS]
        ]
        if len(targets) > _TARGETS:
            drawn.append(_html.note(f"The {_TARGETS} that are predicted best, of {len(targets)}."))
    return _html.section("Pictures", *drawn)


def _targets(report: Any, name: str) -> list[str]:
    """Outcomes, the best predicted first."""
    table: pd.DataFrame = report.per_target()
    return [str(target) for target in table[name].sort_values(ascending=False).index]


def _per_target(report: Any) -> str:
    if report.task != "number" or len(report.targets) < 2:
        return ""
    table = report.per_target()
    order = table.loc[_targets(report, choose_one(report, None))]
    shown = order.iloc[:_MOST_ROWS]
    rows = [(str(name), [(number(value), "") for value in row]) for name, row in shown.iterrows()]
    more = "" if len(order) <= _MOST_ROWS else f" The first {_MOST_ROWS} of {len(order)}."
    return _html.section(
        "Each outcome", _html.table(["outcome", *map(str, table.columns)], rows),
        _html.note(f"Pearson's r, averaged over the splits.{more}"),
    )  # fmt: skip


def leakage_section(leakage: Any) -> str:
    """What a check for leakage found, as its text."""
    if leakage is None:
        return ""
    return _html.section("Check for leakage", f"<pre>{escape(str(leakage))}</pre>")


def _rounded(value: float) -> str:
    return "-" if np.isnan(value) else f"{value:.0f}"


def _costs(report: Any) -> str:
    groups = report.timings.groupby("method", sort=False, observed=True)
    rows = [
        (
            str(name),
            [
                (str(len(part)), ""), (f"{part['seconds'].mean():.2f}", ""), (f"{part['seconds'].sum():.1f}", ""),
                (_rounded(part["peak_mb"].max()), ""),
            ],
        )
        for name, part in groups
    ]  # fmt: skip
    header = ["method", "fits", "seconds a fit", "seconds in all", "peak memory of a fit (MB)"]
    total = report.timings["seconds"].sum()
    told = f"All fits together: {total:.0f} s on one thread each. Memory is what a fit added to its process."
    return _html.section("Costs", _html.table(header, rows), _html.note(told))
