"""What an evaluation says, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from pathweave.evaluate._compare import paired_test
from pathweave.evaluate._metrics import LOWER_IS_BETTER

if TYPE_CHECKING:
    from pathweave.evaluate._report import Report

_VAGUE = 0.4
_ASKED = {
    "rewired_graph": ("The graph adds nothing that shows here: a rewired graph does as well",
                      "The real graph does better than a rewired one"),
    "random_pathways": ("Random pathways do as well as the real ones", "Real pathways do better than random ones"),
    "no_graph": ("Without a graph it does as well", "It does better with a graph than without"),
}  # fmt: skip


def findings(report: Report, *, metric: str, margin: float) -> pd.DataFrame:
    """Answer each question: method, against, answer, difference (positive: the method is better), low, high, p."""
    sign = -1.0 if metric in LOWER_IS_BETTER else 1.0
    rows = []
    methods = report.methods
    summary = report.summary(metric)
    rivals = summary.index[summary["kind"] == "baseline"]
    for method in methods.index[methods["kind"] == "model"]:
        against = [(str(rivals[0]), "")] if len(rivals) else []
        of = methods[(methods["kind"] == "null") & (methods["of"] == method)]
        against += [(str(name), str(null)) for name, null in of["null"].items()]
        for rival, null in against:
            found = paired_test(report.scores, metric=metric, method=str(method), reference=rival)
            ends = sorted((sign * found["low"], sign * found["high"]))
            row = {
                "method": method, "against": rival, "null": null, "difference": sign * found["difference"],
                "low": ends[0], "high": ends[1], "p": found["p"], "n": int(found["n"]),
                "mean": found["mean"], "mean_against": found["mean_reference"],
            }  # fmt: skip
            rows.append({**row, "answer": _answer(row, margin)})
    columns = [
        "method", "against", "null", "answer", "difference", "low", "high", "p", "n", "mean", "mean_against",
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def _answer(row: dict[str, float | str], margin: float) -> str:
    """``better`` or ``worse`` (p < .05), ``equal`` (the interval lies within the margin) or ``unclear``."""
    low, high, p = float(row["low"]), float(row["high"]), float(row["p"])
    if p < 0.05:
        return "better" if float(row["difference"]) > 0 else "worse"
    return "equal" if low > -margin and high < margin else "unclear"


def verdict(report: Report, *, metric: str, margin: float) -> str:
    """Say the findings in sentences."""
    summary = report.summary(metric)
    best = summary[summary["kind"] != "null"].iloc[0]
    n = int(best["n"])
    lines = [
        f"{metric} over {n} split(s); best: {best.name} {best['mean']:.3f} [{best['low']:.3f}, {best['high']:.3f}]."
    ]
    told = findings(report, metric=metric, margin=margin).to_dict("records")
    lines += [_sentence(row, margin) for row in told]
    shuffled = report.methods.index[report.methods["null"] == "shuffled_labels"]
    lines += [_chance(report, metric, summary.loc[name]) for name in shuffled]
    lines.append(
        "Intervals are 95 %, corrected for training sets that overlap (Nadeau and Bengio 2003)."
        if n > 1
        else "Intervals are 95 % bootstraps of the test samples of one split; methods are not tested against each other."
    )
    return "\n".join(line for line in lines if line)


def _sentence(r: dict[str, Any], margin: float) -> str:
    if r["null"] == "shuffled_labels":
        return ""
    told = (
        f"difference {r['difference']:+.3f} [{r['low']:+.3f}, {r['high']:+.3f}], p = {r['p']:.2g}"
    )
    same, better = _ASKED.get(
        r["null"], (f"{r['against']} does as well", f"It does better than {r['against']}")
    )
    scores = f"{r['mean']:.3f} against {r['mean_against']:.3f}"
    if r["n"] == 1:
        return f"{r['method']}, {scores} ({r['against']}): one split, not tested."
    text = {
        "better": f"{better} ({told}).",
        "worse": f"It does worse than {r['against']} ({told}).",
        "equal": f"{same}, within {margin:g} ({told}).",
        "unclear": f"{same}, as far as these {int(r['n'])} splits can tell ({told}).",
    }[r["answer"]]
    return f"{r['method']}, {scores}: {text}"


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
            f"WARNING. {shuffled.name} scores {told}, above chance ({level:.2f}): something leaks."
        )
    if shuffled["high"] - shuffled["low"] > _VAGUE:
        return f"{shuffled.name} scores {told}; chance is {level:.2f}: too vague to rule out a leak, take more splits."
    return f"{shuffled.name} scores {told}; chance is {level:.2f}: no leak shows. (Duplicated samples, and features chosen beforehand with the labels, cannot show here: evaluate.check_leakage looks for them.)"
