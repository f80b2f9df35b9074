"""What an evaluation says, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from pathweave.evaluate._metrics import LOWER_IS_BETTER

if TYPE_CHECKING:
    from pathweave.evaluate._report import Report

_VAGUE = 0.4
_NOTHING = "majority"
_UNDEFINED = "the test parts hold one class only, no pair that can be ranked, or the method gives no probabilities"
_ASKED = {
    "rewired_graph": ("the graph adds nothing that shows here: a rewired graph does as well",
                      "the real graph does better than a rewired one",
                      "the graph adds nothing that shows here: {splits} cannot tell it from a rewired one"),
    "random_pathways": ("random pathways do as well as the real ones", "real pathways do better than random ones",
                        "real pathways add nothing that shows here: {splits} cannot tell them from random ones"),
    "no_graph": ("without a graph it does as well", "it does better with a graph than without",
                 "the graph adds nothing that shows here: {splits} cannot tell whether it does better with one"),
}  # fmt: skip


def findings(report: Report, *, metric: str, margin: float) -> pd.DataFrame:
    """Answer each question: method, against, answer, difference (positive: the method is better), low, high, p."""
    rows = []
    methods = report.methods
    summary = report.summary(metric)
    rivals = summary.index[summary["kind"] == "baseline"]
    models = methods.index[methods["kind"] == "model"]
    for method in models if len(models) else methods.index[:1]:
        against = [(str(rivals[0]), "")] if len(rivals) and len(models) else []
        of = methods[(methods["kind"] == "null") & (methods["of"] == method)]
        against += [(str(name), str(null)) for name, null in of["null"].items()]
        for rival, null in against:
            rows.append(_finding(report, metric, str(method), rival, null, margin))
    columns = [
        "method", "against", "null", "answer", "difference", "low", "high", "p", "n", "mean", "mean_against",
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def _finding(
    report: Report, metric: str, method: str, rival: str, null: str, margin: float
) -> dict[str, Any]:
    """Compare two methods, so that a positive difference says that the first is better."""
    sign = -1.0 if metric in LOWER_IS_BETTER else 1.0
    found = report._paired(metric, method, rival)
    ends = sorted((sign * found["low"], sign * found["high"]))
    row = {
        "method": method, "against": rival, "null": null, "difference": sign * found["difference"],
        "low": ends[0], "high": ends[1], "p": found["p"], "n": int(found["n"]),
        "mean": found["mean"], "mean_against": found["mean_reference"],
    }  # fmt: skip
    return {**row, "answer": _answer(row, margin)}


def _answer(row: dict[str, Any], margin: float) -> str:
    """``better`` or ``worse`` (p < .05), ``equal`` (the interval lies within the margin) or ``unclear``."""
    low, high, p = float(row["low"]), float(row["high"]), float(row["p"])
    if p < 0.05:
        return "better" if float(row["difference"]) > 0 else "worse"
    return "equal" if low > -margin and high < margin else "unclear"


def verdict(report: Report, *, metric: str, margin: float) -> str:
    """Say the findings in sentences."""
    summary = report.summary(metric)
    judged = summary[summary["kind"] != "null"]
    best = judged.iloc[0]
    n = int(best["n"])
    if n == 0:
        return f"{metric} is defined in no split: {_UNDEFINED}. Nothing can be said of it; ask for another metric."
    lines = [
        f"{metric} over {n} split(s); best: {best.name} {best['mean']:.3f} [{best['low']:.3f}, {best['high']:.3f}].",
        _left_out(report, metric, str(best.name)),
    ]
    told = findings(report, metric=metric, margin=margin).to_dict("records")
    if _NOTHING in judged.index and best.name != _NOTHING:
        rows = [r for r in told if (r["method"], r["against"]) == (best.name, _NOTHING)]
        if not rows:
            told.insert(0, _finding(report, metric, str(best.name), _NOTHING, "", margin))
    said = [_sentence(row, margin) for row in told]
    lines += said
    shuffled = report.methods.index[report.methods["null"] == "shuffled_labels"]
    lines += [_chance(report, metric, summary.loc[name]) for name in shuffled]
    lines.append(
        "Intervals are 95 %, corrected for training sets that overlap (Nadeau and Bengio 2003); they may reach beyond "
        "the range of the score."
        if n > 1
        else "Intervals (95 %) and p-values are bootstraps of the test samples of one split: they hold for these fits, and "
        "do not tell how another training set would do."
    )
    if len([line for line in said if line]) > 1:
        lines.append("Each p-value stands alone; report.compare() corrects for their number.")
    return "\n".join(line for line in lines if line)


def _left_out(report: Report, metric: str, method: str) -> str:
    """Say in how many splits a metric has no value."""
    scores = report.scores
    values = scores.loc[(scores["metric"] == metric) & (scores["method"] == method), "value"]
    missing = int(values.isna().sum())
    if not missing:
        return ""
    return f"{metric} is not defined in {missing} of {len(values)} splits, which are left out: {_UNDEFINED}."


def _sentence(r: dict[str, Any], margin: float) -> str:
    if r["null"] == "shuffled_labels":
        return ""
    scores = f"{r['method']} {r['mean']:.3f}, {r['against']} {r['mean_against']:.3f}"
    if r["n"] == 0:
        return f"{r['method']} and {r['against']} have no split in common: not compared."
    same, better, unclear = _ASKED.get(
        r["null"],
        (f"{r['against']} does as well", f"it does better than {r['against']}", "{splits} cannot tell which is better"),
    )  # fmt: skip
    if pd.isna(r["p"]):
        return f"{scores}: the difference is {r['difference']:+.3f} in each of {int(r['n'])} splits, which no test can judge."
    told = (
        f"difference {r['difference']:+.3f} [{r['low']:+.3f}, {r['high']:+.3f}], p = {r['p']:.2g}"
    )
    text = {
        "better": better,
        "worse": f"it does worse than {r['against']}",
        "equal": f"{same}, within {margin:g}",
        "unclear": unclear.format(
            splits=f"these {int(r['n'])} splits" if r["n"] > 1 else "this one split"
        ),
    }[r["answer"]]
    return f"{scores}: {text} ({told})."


def _chance(report: Report, metric: str, shuffled: pd.Series) -> str:
    """Say whether shuffled labels score at chance, where chance is known."""
    level = {
        "auroc": 0.5, "c_index": 0.5, "pearson": 0.0,
        "balanced_accuracy": 1 / max(len(report.classes), 1),
    }.get(metric)  # fmt: skip
    told = f"{shuffled['mean']:.3f} [{shuffled['low']:.3f}, {shuffled['high']:.3f}]"
    if level is None:
        return f"{shuffled.name}: {told}."
    if shuffled["low"] > level:
        return (
            f"WARNING. {shuffled.name} scores {told}, above chance ({level:.2f}): something leaks, or "
            "(once in 40) this is chance: take more splits."
        )
    if shuffled["high"] - shuffled["low"] > _VAGUE:
        return f"{shuffled.name} scores {told}; chance is {level:.2f}: too vague to rule out a leak, take more splits."
    return f"{shuffled.name} scores {told}; chance is {level:.2f}: no leak shows. (Duplicated samples, and features chosen beforehand with the labels, cannot show here: evaluate.check_leakage looks for them.)"
