"""How an evaluation was done, and what it cannot show, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pathweave._core.checks import listed
from pathweave.pl._reports import once

if TYPE_CHECKING:
    import pandas as pd

METRICS = {
    "auroc": "AUROC", "auprc": "AUPRC", "macro_f1": "macro F1", "brier": "Brier score", "pearson": "Pearson's r",
    "r2": "R2", "mse": "mean squared error", "c_index": "C-index", "c_index_ipcw": "C-index, IPCW",
    "auc_t": "AUC over time", "integrated_brier": "integrated Brier score",
}  # fmt: skip
_NULLS = {
    "shuffled_labels": "training labels changed places",
    "rewired_graph": "the graph's edges and memberships swapped, degrees and sizes kept",
    "random_pathways": "members of pathways drawn anew",
    "no_graph": "without a graph",
    "single_layers": "one layer alone",
}
_TOLD = {
    "how", "n_folds", "n_repeats", "n_inner", "seed", "batch", "select", "tune_threshold", "n_samples", "n_test",
    "layers", "times", "version",
}  # fmt: skip
_FEW = 150
_MANY = 40


def metric_name(metric: str) -> str:
    """Spell a metric."""
    return METRICS.get(metric, metric.replace("_", " "))


def how(report: Any) -> list[tuple[str, str]]:
    """Name and answer of everything that was chosen."""
    params, methods = report.params, report.methods
    rows = [
        ("Outcome", _outcome(report)),
        ("Samples", _samples(params)),
        ("Splits", _splits(report)),
    ]
    for kind, title in (("model", "Models"), ("baseline", "Baselines")):
        names = [str(name) for name in methods.index[methods["kind"] == kind]]
        rows.append((title, ", ".join(names) or "none"))
    nulls = methods.loc[methods["kind"] == "null", "null"]
    for null in dict.fromkeys(map(str, nulls)):
        of = ", ".join(str(name) for name in nulls.index[nulls == null])
        rows.append(("Null", f"{of}: {_NULLS.get(null, null.replace('_', ' '))}"))
    if params.get("batch"):
        learned = "taken out by ComBat, as learned from the training part of each split"
        rows.append(("Batch effects", f"of {params['batch']}, {learned}"))
    select = params.get("select")
    rows.append(
        (
            "Selection",
            "all features" if select is None
            else f"{select} features of each layer, chosen in the training part of each split",
        )
    )  # fmt: skip
    if params.get("tune_threshold"):
        rows.append(("Threshold", "of the best balanced accuracy on inner folds"))
    rows.append(
        (
            "Tuning",
            f"{params.get('n_inner', '?')} inner folds of the training part, for methods that are tuned",
        )
    )
    rows.append(("Seed", str(params.get("seed", "?"))))
    rows += [
        (str(name).replace("_", " "), str(value))
        for name, value in params.items()
        if name not in _TOLD and value is not None
    ]
    return rows


def _outcome(report: Any) -> str:
    rows = once(report, str(report.methods.index[0]))
    if report.task == "survival":
        events = int(rows["event"].sum())
        return (
            f"survival ({listed(report.targets)}): {events} events among {len(rows)} samples tested"
        )
    if report.task == "number":
        return f"numbers: {listed(report.targets, 10)}"
    counts = rows["truth"].astype(str).value_counts()
    told = [f"{name} ({counts.get(str(name), 0)})" for name in report.classes[:_MANY]]
    more = len(report.classes) - len(told)
    return f"{listed(report.targets)}, test samples: {', '.join(told)}" + (
        f" and {more} more" if more else ""
    )


def _samples(params: dict[str, Any]) -> str:
    layers = ", ".join(f"{name} {n}" for name, n in (params.get("layers") or {}).items())
    text = f"{params.get('n_samples', '?')} with a known outcome"
    if "n_test" in params:
        text += f" to learn from, {params['n_test']} of a second cohort to judge on"
    return f"{text}; by layer: {layers}" if layers else text


def _range(values: pd.Series) -> str:
    low, high = int(values.min()), int(values.max())
    return str(low) if low == high else f"{low} to {high}"


def _splits(report: Any) -> str:
    scores, repeats = report.scores, int(report.params.get("n_repeats", 1))
    counts = scores.drop_duplicates(["method", "repeat", "fold"]).groupby("method").size()
    most = int(counts.max())
    text = f"{report.params.get('how', 'not told')}; {most} split{'s' if most > 1 else ''}"
    if repeats > 1:
        text += f" ({repeats} repeats)"
    text += f", {_range(scores['n_train'])} samples to learn from and {_range(scores['n_test'])} to test"
    fewer = counts[counts < most]
    if len(fewer):
        text += f"; {listed(fewer.index, 10)} in {_range(fewer)} of them"
    return text


def unseen(report: Any, *, leakage: bool) -> list[str]:
    """What this evaluation cannot show."""
    params, nulls = report.params, set(map(str, report.methods["null"]))
    way, external = str(params.get("how", "")), params.get("how") == "external validation"
    n = int(params.get("n_samples", 0))
    texts = []
    if external:
        texts.append(
            "One second cohort was judged; a third may differ from it as it differs from the first."
        )
    else:
        texts.append(
            "Training and test samples come from the same data. Another hospital, platform or population may score "
            "lower; pathweave.evaluate.validate judges on a second cohort."
        )
        if not way.startswith("one "):
            texts.append(
                "Sites and batches may lie in training and test parts alike; then what a method learned of them counts as "
                "skill; site= leaves one out at a time."
            )
    if not external and not way.startswith(("folds by", "one ")):
        texts.append(
            "Samples of one person, family or cell line in training and test part would flatter every method; groups= "
            "keeps them together."
        )
    texts.append(
        "What was done before the call is not seen: features chosen, values normalised or imputed over all samples, or "
        "outcomes that went into a layer."
        + ("" if leakage else " pathweave looked at none of it here.")
    )  # fmt: skip
    if "shuffled_labels" not in nulls:
        texts.append(
            "Shuffled labels were not tried, so nothing shows whether chance scores at chance."
        )
    else:
        texts.append(
            "Shuffled labels score above chance where labels leak inside the folds; duplicated samples and features chosen "
            "beforehand with the labels do not show there."
        )
    if not nulls & {"rewired_graph", "random_pathways", "no_graph"}:
        texts.append(
            "No null of the graph was tried: what a graph or its pathways add, if a model uses any, is not known."
        )
    if not (report.methods["kind"] == "baseline").any():
        texts.append("There is no baseline: a simple linear model may do as well.")
    texts.append(
        "The best of several methods looks better than it is: it was chosen by the scores shown. Settings tried by hand "
        "before this evaluation add to that."
    )
    if (
        not external
        and int(params.get("n_repeats", 1)) == 1
        and way.startswith(("stratified", "folds by"))
    ):
        texts.append(
            "Folds were dealt once; other folds give other scores, and n_repeats= would show how far."
        )
    if n < _FEW:
        texts.append(
            f"{n} samples are few: scores may move by several hundredths, and small differences cannot show."
        )
    texts += _of_task(report, external=external)
    texts.append("Scores say that outcomes can be predicted, not what causes them.")
    return texts


def _of_task(report: Any, *, external: bool) -> list[str]:
    if report.task == "survival" and not external:
        return [
            "The log-rank test of predicted risk groups describes: fits of a cross-validation share samples, so its "
            "p-value is not exact (Simon and others 2011)."
        ]
    if report.task == "class":
        rows = once(report, str(report.methods.index[0]))["truth"]
        least = rows.value_counts()
        small = least[least < 10]
        if len(small):
            return [
                f"Classes of fewer than ten test samples are judged on hardly anything: {listed(small.index, 10)}."
            ]
    return []


def number(value: float) -> str:
    """Spell a number with about three digits."""
    if np.isnan(value):
        return "-"
    if abs(value) < 1e-9:
        return "0.000"
    if 1e-3 <= abs(value) < 1e3:
        return f"{value:.3f}"
    return f"{value:.3g}" if abs(value) >= 1e3 else f"{value:.2g}"
