"""What plots of an evaluation share: which methods to draw, their colours, each sample once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pathweave._core.checks import check_choice, listed
from pathweave.pl._style import PALETTE, REFERENCE, short

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    import pandas as pd

COLORS = {"model": PALETTE[1], "baseline": PALETTE[0], "null": REFERENCE}
PROBA = "proba_"
_MORE = tuple(color for color in PALETTE if color not in COLORS.values())
_TASKS = {"class": "classes", "number": "numbers", "survival": "survival"}
_PARTS = ("task", "methods", "predictions", "scores", "summary")


def check_report(report: Any, plot: str, task: str | None = None) -> None:
    """Raise unless `report` is a report of an evaluation, of outcomes of the kind that `plot` draws."""
    if not all(hasattr(report, part) for part in _PARTS):
        msg = (
            f"report must be what evaluate.cross_validate returned, found {type(report).__name__}."
        )
        raise TypeError(msg)
    if task is not None and report.task != task:
        found = _TASKS.get(report.task, report.task)
        fits = {"class": "roc, calibration, confusion", "number": "predicted"}.get(
            report.task, "survival_by_risk"
        )
        msg = f"report: pl.{plot} draws {_TASKS[task]}, this report's outcome is {found}; use pl.{fits}."
        raise ValueError(msg)


def with_proba(report: Any) -> list[str]:
    """Methods that gave a probability of every class for every sample."""
    table = report.predictions
    columns = [column for column in table if str(column).startswith(PROBA)]
    unknown = set(table.loc[table[columns].isna().any(axis=1), "method"])
    return [str(name) for name in report.methods.index if name not in unknown]


def asked_for(methods: Sequence[str] | str, names: list[str]) -> list[str]:
    """Methods that were asked for, each once, checked against those that are there."""
    chosen = [methods] if isinstance(methods, str) else list(dict.fromkeys(methods))
    if not chosen:
        msg = f"methods=[]: name one or more of {listed(names, 20)}."
        raise ValueError(msg)
    for name in chosen:
        check_choice("methods", name, names)
    return chosen


def choose(
    report: Any, methods: Sequence[str] | str | None, *, usable: Collection[str], null: bool = True
) -> list[str]:
    """Names to draw: those asked for, or the best model, the best baseline and shuffled labels."""
    names = [str(name) for name in report.methods.index]
    if methods is not None:
        chosen = asked_for(methods, names)
        without = [name for name in chosen if name not in usable]
        if without:
            msg = f"methods: {listed(without)} gave no probabilities; choose among {listed(usable, 20)}."
            raise ValueError(msg)
        return chosen
    ranked = report.summary()
    ranked = ranked[ranked.index.isin(list(usable))]
    chosen = [
        str(ranked.index[ranked["kind"] == kind][0])
        for kind in ("model", "baseline")
        if (ranked["kind"] == kind).any()
    ]
    table = report.methods
    shuffled = table[(table["null"] == "shuffled_labels") & table.index.isin(list(usable))]
    own = shuffled[shuffled["of"].isin(chosen)]
    if null and len(shuffled):
        chosen.append(str((own if len(own) else shuffled).index[0]))
    if not chosen:
        msg = f"report: no method gave probabilities (methods: {listed(names)}), so there is no curve to draw."
        raise ValueError(msg)
    return chosen


def choose_one(report: Any, method: str | None) -> str:
    """The method asked for, or the best model, or the best baseline where there is no model.

    Methods that give all samples of every split the same risk are passed over where others are left.
    """
    names = [str(name) for name in report.methods.index]
    if method is not None:
        check_choice("method", method, names)
        return method
    if report.task == "survival":
        kinds = report.predictions.groupby(["method", "repeat", "fold"])["risk"].nunique()
        telling = set(kinds.index.get_level_values("method")[kinds > 1])
        names = [name for name in names if name in telling] or names
    return choose(report, None, usable=names)[0]


def colors_of(report: Any, names: Sequence[str]) -> dict[str, str]:
    """A colour a method: that of its kind for the first of a kind, others for the rest."""
    more = iter(_MORE * (1 + len(names) // len(_MORE)))
    taken: set[str] = set()
    colors = {}
    for name in names:
        kind = str(report.methods.loc[name, "kind"])
        colors[name] = COLORS[kind] if kind not in taken else next(more)
        taken.add(kind)
    return colors


def once(report: Any, method: str) -> pd.DataFrame:
    """Predictions of the method's first repeat, in which no sample occurs twice."""
    part = report.predictions[report.predictions["method"] == method]
    return part[part["repeat"] == part["repeat"].min()]


def two_classes(report: Any, positive: str | None) -> str | None:
    """The class whose probability is drawn: the one asked for, or of two the second; else None."""
    classes = [str(name) for name in report.classes]
    if positive is not None:
        check_choice("positive", str(positive), classes)
        return str(positive)
    return classes[1] if len(classes) == 2 else None


def against(report: Any, positive: str) -> str:
    """Name a class and what it is told from."""
    rest = [str(name) for name in report.classes if str(name) != positive]
    return f"{short(positive, 24)} against {short(rest[0], 24) if len(rest) == 1 else 'the rest'}"


def told(mean: float, low: float, high: float, digits: int = 3) -> str:
    """A number with its interval, where there is one."""
    if np.isnan(mean):
        return "unknown"
    text = f"{mean:.{digits}f}"
    return text if np.isnan(low) else f"{text} [{low:.{digits}f}, {high:.{digits}f}]"


def told_score(report: Any, method: str, metric: str) -> str:
    """Mean of a method with its interval, as the summary has it."""
    if metric not in report.metrics:
        return "unknown"
    row = report.summary(metric).loc[method]
    return told(row["mean"], row["low"], row["high"])


def splits(n: int) -> str:
    """Count splits in words."""
    return f"{n} split{'s' if n > 1 else ''}"
