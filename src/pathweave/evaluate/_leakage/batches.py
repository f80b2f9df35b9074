"""Batches, or missing layers, that go with the labels; and splits that keep batches apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from pathweave.evaluate._leakage.read import levels
from pathweave.evaluate._leakage.report import Checked, Finding, named, not_run

if TYPE_CHECKING:
    from pathweave.evaluate._leakage.read import Outcome, Study
    from pathweave.evaluate._leakage.report import Severity

_N_SHUFFLES = 999
_P = 0.005
_STRONG, _WEAK = 0.5, 0.2
_RANK = {"error": 0, "warning": 1, "note": 2}


@dataclass(frozen=True)
class Confounding:
    """How a column goes with an outcome."""

    severity: Severity
    column: str
    what: str
    strength: float


def check_batches(study: Study) -> Checked:
    """Test every batch column against every outcome; the gravest is told in full."""
    if not study.batches:
        why = "no batch=, and no column of obs is named like a batch" if study.guessed else "no batch="
        return not_run(why)
    if not study.outcomes:
        return not_run("no target")
    found = []
    for column in study.batches:
        for outcome in study.outcomes:
            seen = _confounding(study, column, outcome)
            if seen is not None:
                found.append(seen)
    if not found:
        return Checked()
    found.sort(key=lambda c: (_RANK[c.severity], -c.strength))
    first = found[0]
    guessed = f" ({named([first.column])} was guessed to be a batch from its name.)" if study.guessed else ""
    more = [f"{c.column!r} ({c.strength:.2f})" for c in found[1:6]]
    also = f" Also associated: {', '.join(more)}." if more else ""
    advice = {
        "error": "No analysis can tell batch from biology here; collect samples that cross them, or drop the claim.",
        "warning": f"Judge with whole batches left out: cross_validate(..., site={first.column!r}), and compare with the usual folds.",
        "note": f"See whether scores hold with whole batches left out: cross_validate(..., site={first.column!r}).",
    }[first.severity]
    n = len({c.column for c in found})
    return Checked(
        [Finding(first.severity, "", first.what + guessed + also, first.strength, n, advice)]
    )


def _confounding(study: Study, column: str, outcome: Outcome) -> Confounding | None:
    code = study.batches[column]
    there = outcome.known & (code >= 0)
    code, y = code[there], outcome.y[there]
    if len(code) < 8 or len(np.unique(code)) < 2:
        return None
    rng = np.random.default_rng(study.seed)
    if outcome.target.task == "number":
        return _of_numbers(column, code, y, outcome.name, rng)
    if outcome.target.task == "survival":
        return _of_survival(column, code, y, outcome, rng)
    names = np.array(levels(study.obs[column]), dtype=object)
    classes = np.asarray(outcome.target.classes, dtype=object)
    label = y.astype(np.int64)
    table = contingency(code, label)
    p = _p_shuffled(code, label, rng)
    if p > _P:
        return None
    v = corrected_v(table)
    if _is_perfect(table):
        what = f"Every batch of {column!r} ({len(table)}) holds one class of {outcome.name} only: batch and label cannot be told apart."
        return Confounding("error", column, what, v)
    odd, lonely = one_class_batches(table), one_class_batches(table.T)
    if v < _WEAK and not odd.any() and not lonely.any():
        return None
    told = ""
    if odd.any():
        told += f"; {int(odd.sum())} batch(es) hold one class only ({named(names[np.unique(code)[odd]], 3)})"
    if lonely.any():
        told += f"; {int(lonely.sum())} class(es) occur in one batch only ({named(classes[np.unique(label)[lonely]], 3)})"
    severity: Severity = "warning" if v >= _STRONG or lonely.any() else "note"
    what = f"{column!r} ({len(table)} batches) goes with {outcome.name}: Cramer's V {v:.2f} (corrected; 0 none, 1 the same), p {_p(p)}{told}."
    return Confounding(severity, column, what, v)


def _is_perfect(table: np.ndarray) -> bool:
    """Whether batches of two samples or more hold one class each, not all the same one."""
    repeated = table.sum(axis=1) >= 2
    pure = (table > 0).sum(axis=1) == 1
    several = len(np.unique(table[repeated].argmax(axis=1))) > 1
    mostly = table[repeated].sum() > 0.8 * table.sum()
    return bool(repeated.any() and pure[repeated].all() and several and mostly)


def one_class_batches(table: np.ndarray) -> np.ndarray:
    """Rows of five or more that fall into one column, which chance would hardly have dealt them."""
    sizes = table.sum(axis=1)
    share = (table.sum(axis=0) / table.sum())[table.argmax(axis=1)]
    pure = ((table > 0).sum(axis=1) == 1) & (sizes >= 5)
    return pure & (share**sizes < 0.01 / len(sizes))


def _of_numbers(
    column: str, code: np.ndarray, y: np.ndarray, target: str, rng: np.random.Generator
) -> Confounding | None:
    eta, adjusted = _eta_squared(code, y)
    shuffled = [_eta_squared(code, rng.permutation(y))[0] for _ in range(_N_SHUFFLES)]
    p = (1 + sum(s >= eta for s in shuffled)) / (1 + _N_SHUFFLES)
    if p > _P or adjusted < _WEAK**2:
        return None
    if adjusted > 0.99:
        what = f"The batch {column!r} determines {target} (eta squared {eta:.3f}): they cannot be told apart."
        return Confounding("error", column, what, adjusted)
    what = f"{column!r} ({len(np.unique(code))} batches) explains {100 * adjusted:.0f} % of {target} (eta squared, corrected for chance; p {_p(p)})."
    return Confounding("warning" if adjusted >= _STRONG**2 else "note", column, what, adjusted)


def _of_survival(
    column: str, code: np.ndarray, y: np.ndarray, outcome: Outcome, rng: np.random.Generator
) -> Confounding | None:
    from statsmodels.duration.survfunc import survdiff

    event = y[:, 1].astype(np.int64)
    large = np.isin(code, np.flatnonzero(np.bincount(code) >= 5))
    table = contingency(code, event)
    p_events, v = _p_shuffled(code, event, rng), corrected_v(table)
    p = 1.0
    if len(np.unique(code[large])) > 1 and event[large].sum() >= 2:
        p = float(survdiff(y[large, 0], event[large], code[large])[1])
    if p_events <= _P and _is_perfect(table):
        name = outcome.target.columns[1]
        what = f"Every batch of {column!r} holds events or censored samples only: batch and {name!r} cannot be told apart."
        return Confounding("error", column, what, v)
    if not (p < 0.001 or (p_events <= _P and v >= _WEAK)):
        return None
    what = (
        f"Survival differs between the {len(table)} batches of {column!r}: log-rank p {_p(p)}; share of events by batch, "
        f"Cramer's V {v:.2f} (corrected), p {_p(p_events)}."
    )
    return Confounding("warning" if v >= _STRONG else "note", column, what, v)


def check_layers_missing(study: Study) -> Checked:
    """Layers that only some classes have: then who lacks a layer tells the class."""
    if not study.outcomes:
        return not_run("no target")
    findings = []
    for outcome in study.outcomes:
        if outcome.target.task == "number":
            continue
        y = outcome.y[:, 1] if outcome.target.task == "survival" else outcome.y
        for layer in study.layers:
            has = np.zeros(len(study.names), dtype=np.int64)
            has[layer.rows] = 1
            found = _layer_missing(has[outcome.known], y[outcome.known].astype(int), study.seed)
            if found is None:
                continue
            v, lacking = found
            labels = outcome.target.classes or ("censored", "event")
            what = (
                f"Who lacks layer {layer.name!r} depends on {outcome.name} (Cramer's V {v:.2f}): hardly any sample of "
                f"{named(labels[k] for k in lacking)} has it, nearly all others do."
            )
            advice = "Judge on samples that have the layer, or without the layer; a model may learn the gap, not the values."
            findings.append(Finding("warning", layer.name, what, v, int((has == 0).sum()), advice))
    return Checked(findings)


def _layer_missing(has: np.ndarray, label: np.ndarray, seed: int) -> tuple[float, list[int]] | None:
    classes = np.unique(label)
    if len(np.unique(has)) < 2 or len(classes) < 2:
        return None
    rate = np.array([has[label == k].mean() for k in classes])
    lacking = classes[rate < 0.05]
    if not len(lacking) or not ((rate < 0.05) | (rate > 0.9)).all() or len(lacking) == len(classes):
        return None
    if _p_shuffled(has, label, np.random.default_rng(seed)) > _P:
        return None
    return corrected_v(contingency(has, label)), [int(k) for k in lacking]


def check_batch_splits(study: Study) -> Checked:
    """Say where splits keep whole batches apart, which makes the test part an external one."""
    if study.train is None or study.test is None:
        return not_run("no splits=")
    if not study.batches:
        return not_run("no batch")
    for column, code in study.batches.items():
        apart = [
            not len(np.intersect1d(code[train & (code >= 0)], code[test & (code >= 0)]))
            for train, test in zip(study.train, study.test, strict=True)
        ]
        if all(apart):
            what = f"No batch of {column!r} is in training and test part of a split: each test part is external in that respect."
            advice = "Nothing; such a score says how the model does in a batch it has not seen."
            return Checked([Finding("note", "", what, 1.0, len(apart), advice)])
    return Checked()


def contingency(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Counts of the values of `a` (rows) and of `b` (columns), those that occur."""
    a, b = (np.unique(v, return_inverse=True)[1] for v in (a, b))
    width = int(b.max()) + 1
    return np.bincount(a * width + b, minlength=(int(a.max()) + 1) * width).reshape(-1, width)


def corrected_v(table: np.ndarray) -> float:
    """Cramer's V without what chance gives (Bergsma, J. Korean Stat. Soc. 42, 2013)."""
    table = np.asarray(table, dtype=np.float64)
    n, (r, k) = table.sum(), table.shape
    if min(r, k) < 2 or n < 2:
        return 0.0
    phi = float(stats.contingency.chi2_contingency(table, correction=False)[0]) / n
    phi = max(0.0, phi - (k - 1) * (r - 1) / (n - 1))
    rows, columns = r - (r - 1) ** 2 / (n - 1), k - (k - 1) ** 2 / (n - 1)
    least = min(rows, columns) - 1
    return float(min(1.0, np.sqrt(phi / least))) if least > 1e-9 else 0.0


def _p_shuffled(a: np.ndarray, b: np.ndarray, rng: np.random.Generator) -> float:
    """p of the chi-squared statistic among shuffled labels: right for sparse tables too."""
    table = contingency(a, b)
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / len(a)
    observed = float((table**2 / expected).sum())
    as_large = sum(
        float((contingency(a, rng.permutation(b)) ** 2 / expected).sum()) >= observed - 1e-9
        for _ in range(_N_SHUFFLES)
    )
    return (1 + as_large) / (1 + _N_SHUFFLES)


def _eta_squared(code: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Share of variance between batches, and the same without what chance gives."""
    code = np.unique(code, return_inverse=True)[1]
    size = np.bincount(code)
    mean = np.bincount(code, weights=y) / size
    total = float(((y - y.mean()) ** 2).sum())
    if total == 0:
        return 0.0, 0.0
    eta = float((size * (mean - y.mean()) ** 2).sum()) / total
    spare = len(y) - len(size)
    adjusted = 1 - (1 - eta) * (len(y) - 1) / spare if spare > 0 else 0.0
    return eta, max(0.0, adjusted)


def _p(p: float) -> str:
    least = 1 / (1 + _N_SHUFFLES)
    return f"below {2 * least:.2g}" if p <= least * 1.5 else f"{p:.2g}"
