"""Features that equal the target, determine it, or are named like it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats
from scipy.special import gammaln

from pathweave.evaluate._leakage.association import auroc_each, martingale, ranks
from pathweave.evaluate._leakage.read import words
from pathweave.evaluate._leakage.report import Checked, Finding, count, named, not_run

if TYPE_CHECKING:
    from pathweave.evaluate._leakage.read import Outcome, Study

_AUROC = 0.995
_RHO = 0.99
_CHANCE = 0.01
_ORDINARY = 0.9
_MIN = 8
_BLOCK = 1000


@dataclass(frozen=True)
class Determined:
    """Features that tell the target: which, how well, whether as a copy, and what the next best reaches."""

    index: np.ndarray
    strength: np.ndarray
    copy: np.ndarray
    of: tuple[str, ...]
    next_best: float


def check_copies(study: Study) -> Checked:
    """Look for features that equal or nearly determine a target."""
    if not study.outcomes:
        return not_run("no target")
    findings, small = [], []
    n_tests = sum(len(layer.features) for layer in study.layers)
    for outcome in study.outcomes:
        for layer in study.layers:
            known = outcome.known[layer.rows]
            y = outcome.y[layer.rows[known]]
            found = determined(layer.x[known], y, outcome, n_tests)
            if found is None:
                small.append(layer.name)
            elif len(found.index):
                findings.append(_finding(found, layer.features, layer.name, outcome))
    why = f"fewer than {_MIN} samples with a known outcome in {', '.join(small)}" if small else ""
    return Checked(findings, why)


def _finding(found: Determined, features: np.ndarray, layer: str, outcome: Outcome) -> Finding:
    order = np.argsort(~found.copy, kind="stable")
    names = features[found.index]
    if found.copy.any():
        n = int(found.copy.sum())
        copied = order[:n]
        what = f"{count(n, 'feature')} hold{'s' if n == 1 else ''} the target {outcome.name} itself (equal up to coding or scale): {_with_of(names, found.of, copied)}."
        if len(names) > n:
            what += f" {len(names) - n} more nearly determine it."
        advice = "Drop these features: a model that reads them has read the answer."
        return Finding("error", layer, what, float(found.strength.max()), len(names), advice)
    measure = "|Spearman|" if outcome.target.task == "number" else "AUROC"
    measure = "|Spearman| or AUROC" if outcome.target.task == "survival" else measure
    alone = found.next_best < _ORDINARY
    several = outcome.target.task == "class" and len(outcome.target.classes) > 2
    what = (
        f"{count(len(names), 'feature')} alone tell{'s' if len(names) == 1 else ''} the target {outcome.name} ({measure} "
        f"{found.strength.min():.3f} or more): {_with_of(names, found.of, order)}. The next best reaches {found.next_best:.2f}."
    )
    if alone:
        advice = (
            "They stand out from the rest of the layer: find out whether they were derived from the target. It may be "
            "biology (the gene that defines a subtype)."
        )
    else:
        advice = (
            "Others come close, as strong biology looks (such as ESR1 for a breast cancer subtype). If the labels were "
            "themselves derived from this layer, predicting them from it is circular."
        )
    severity = "note" if several and not alone else "warning"
    return Finding(severity, layer, what, float(found.strength.max()), len(names), advice)


def _with_of(names: np.ndarray, of: tuple[str, ...], order: np.ndarray) -> str:
    shown = [f"{str(names[k])!r}{f' ({of[k]})' if of[k] else ''}" for k in order[:5]]
    return ", ".join(shown) + (f" and {len(order) - 5} more" if len(order) > 5 else "")


def determined(x: np.ndarray, y: np.ndarray, outcome: Outcome, n_tests: int) -> Determined | None:
    """Find features (n, n_features) that tell the outcome `y` of these samples; ``None`` if too few."""
    if len(x) < _MIN:
        return None
    blocks = [
        _in_block(x[:, start : start + _BLOCK].astype(np.float64), y, outcome, n_tests)
        for start in range(0, x.shape[1], _BLOCK)
    ]
    offsets = range(0, x.shape[1], _BLOCK)
    return Determined(
        np.concatenate([b.index + start for b, start in zip(blocks, offsets, strict=True)]),
        np.concatenate([b.strength for b in blocks]),
        np.concatenate([b.copy for b in blocks]),
        tuple(name for b in blocks for name in b.of),
        max(b.next_best for b in blocks),
    )


def _in_block(x: np.ndarray, y: np.ndarray, outcome: Outcome, n_tests: int) -> Determined:
    if outcome.target.task == "class":
        return _of_classes(x, y, outcome.target.classes, n_tests)
    if outcome.target.task == "number":
        return _of_numbers(x, y, n_tests)
    time, event = y[:, 0], y[:, 1]
    parts = [
        ("time", _of_numbers(x, time, n_tests)),
        ("time of the events", _of_numbers(x[event == 1], time[event == 1], n_tests)),
        ("time of the censored", _of_numbers(x[event == 0], time[event == 0], n_tests)),
        ("event", _of_classes(x, event, ("0", "1"), n_tests)),
        ("time and event together", _of_numbers(x, martingale(time, event), n_tests)),
    ]
    index, first = np.unique(np.concatenate([p.index for _, p in parts]), return_index=True)
    return Determined(
        index,
        np.concatenate([p.strength for _, p in parts])[first],
        np.concatenate([p.copy for _, p in parts])[first],
        tuple(np.concatenate([np.full(len(p.index), name) for name, p in parts])[first]),
        max(p.next_best for _, p in parts),
    )


def _nothing(next_best: float = 0.0) -> Determined:
    none = np.array([], dtype=np.int64)
    return Determined(none, none.astype(float), none.astype(bool), (), next_best)


def _of_classes(x: np.ndarray, y: np.ndarray, names: tuple[str, ...], n_tests: int) -> Determined:
    classes = np.array([k for k in np.unique(y) if (y == k).sum() >= 2])
    if len(y) < _MIN or len(classes) < 2:
        return _nothing()
    two = len(classes) == 2
    tested = classes[1:] if two else classes
    auroc = np.nan_to_num(auroc_each(x, y, tested), nan=0.5)
    fold = np.maximum(auroc, 1 - auroc)
    present = ~np.isnan(x)
    n_in = np.array([present[y == k].sum(axis=0) for k in tested])
    n_all = present.sum(axis=0)
    candidate = (fold >= (_AUROC if two else 1.0 - 1e-12)) & (n_all >= _MIN) & (n_in >= 2)
    candidate &= (n_all - n_in) >= 2
    which, index = np.nonzero(candidate)
    log_p = _log_chance(fold[which, index], n_in[which, index], n_all[index])
    sure = log_p + np.log(n_tests * len(tested)) < np.log(_CHANCE)
    which, index = which[sure], index[sure]
    index, first = np.unique(index, return_index=True)
    which = which[first]
    rest = np.delete(fold, index, axis=1)
    rest = rest[np.unique(which)] if len(which) else rest
    copy = np.array([_is_copy(x[:, i], y, tested[k]) for k, i in zip(which, index, strict=True)], dtype=bool)
    of = tuple("" if two else names[int(tested[k])] for k in which)
    whole = _recoded(x, y) & (n_all >= _MIN) if not two else np.zeros(x.shape[1], dtype=bool)
    extra = np.setdiff1d(np.flatnonzero(whole), index)
    copy |= whole[index]
    return Determined(
        np.concatenate([index, extra]),
        np.concatenate([fold[which, index], np.ones(len(extra))]),
        np.concatenate([copy, np.ones(len(extra), dtype=bool)]),
        of + ("",) * len(extra),
        float(rest.max(initial=0.0)),
    )


def _log_chance(fold: np.ndarray, n_in: np.ndarray, n_all: np.ndarray) -> np.ndarray:
    """Log probability of so good a separation by chance, two-sided: exact if perfect, else normal."""
    n_out = n_all - n_in
    exact = np.log(2.0) - (gammaln(n_all + 1) - gammaln(n_in + 1) - gammaln(n_out + 1))
    sd = np.sqrt((n_all + 1) / (12.0 * n_in * n_out))
    normal = np.log(2.0) + stats.norm.logsf((fold - 0.5) / sd)
    return np.where(fold >= 1.0 - 1e-12, exact, np.maximum(normal, exact))


def _is_copy(values: np.ndarray, y: np.ndarray, k: float) -> bool:
    """Whether a feature takes one value in a class and one other elsewhere."""
    seen = ~np.isnan(values)
    inside, outside = values[seen & (y == k)], values[seen & (y != k)]
    return bool(np.ptp(inside) == 0 and np.ptp(outside) == 0 and inside[0] != outside[0])


def _recoded(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Features with one value a class, a different one in each."""
    low = np.stack([np.fmin.reduce(x[y == k], axis=0) for k in np.unique(y)])
    high = np.stack([np.fmax.reduce(x[y == k], axis=0) for k in np.unique(y)])
    constant = (low == high).all(axis=0)
    distinct = (np.diff(np.sort(low, axis=0), axis=0) > 0).all(axis=0)
    return constant & distinct & (len(low) < len(y) / 2)


def _of_numbers(x: np.ndarray, y: np.ndarray, n_tests: int) -> Determined:
    if len(y) < _MIN or np.ptp(y) == 0:
        return _nothing()
    straight, monotone, n = _correlations(x, y)
    best = np.maximum(np.abs(straight), np.abs(monotone))
    n_distinct = len(np.unique(y))
    enough = (n >= _MIN) & (n_distinct >= min(_MIN, 0.5 * len(y)))
    # The t-distribution of a correlation; for perfect ranks the exact 2 / n!.
    t = np.abs(monotone) * np.sqrt((n - 2) / np.maximum(1 - monotone**2, 1e-12))
    log_p = np.where(
        np.abs(monotone) > 1 - 1e-9, np.log(2) - gammaln(n + 1), np.log(2) + stats.t.logsf(t, n - 2)
    )
    likely = log_p + np.log(n_tests) >= np.log(_CHANCE)
    linear = (np.abs(straight) > 1 - 1e-6) & enough
    copy = linear | ((np.abs(monotone) > 1 - 1e-9) & enough & ~likely)
    index = np.flatnonzero(copy | ((np.abs(monotone) > _RHO) & enough & ~likely))
    rest = np.delete(best, index)
    return Determined(
        index, best[index], copy[index], ("",) * len(index), float(rest.max(initial=0.0))
    )


def _correlations(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pearson and Spearman correlation of each feature with numbers, and on how many samples."""
    there = ~np.isnan(x)
    n = there.sum(axis=0).astype(np.float64)
    target = np.where(there, y[:, None], np.nan)
    ranked = ranks(target) if not there.all() else ranks(y[:, None])
    return _pearson(x, target), _pearson(ranks(x), ranked), n


def _pearson(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    n = np.maximum((~np.isnan(a)).sum(axis=0), 1)
    a = np.nan_to_num(a - np.nansum(a, axis=0) / n)
    b = np.nan_to_num(b - np.nansum(b, axis=0) / n)
    size = np.sqrt((a**2).sum(axis=0) * (b**2).sum(axis=0))
    # A constant feature leaves rounding behind, which is no correlation.
    flat = np.sqrt((a**2).sum(axis=0)) <= 1e-9 * np.abs(a).max(initial=0.0)
    return np.where((size > 0) & ~flat, (a * b).sum(axis=0) / np.where(size > 0, size, 1.0), 0.0)


def check_feature_names(study: Study) -> Checked:
    """Features named like the target, or with its name as part of theirs."""
    if not study.outcomes:
        return not_run("no target")
    findings = []
    for layer in study.layers:
        alike = [
            (str(f), c) for f in layer.features for c in _columns(study) if named_like(str(f), c)
        ]
        if alike:
            columns = sorted({c for _, c in alike})
            what = f"{count(len(alike), 'feature')} named like the target {named(columns)}: {named(f for f, _ in alike)}."
            advice = "Make sure they were not derived from the target; drop them if they were."
            findings.append(Finding("warning", layer.name, what, len(alike), len(alike), advice))
    return Checked(findings)


def _columns(study: Study) -> list[str]:
    return [c for o in study.outcomes for c in o.target.columns]


def named_like(name: str, column: str) -> bool:
    """Whether a name is the column's, or holds all its words in a row."""
    if name.lower() == column.lower():
        return True
    own, parts = words(name), words(column)
    if len("".join(parts)) < 4:
        return False
    k = len(parts)
    return any(own[i : i + k] == parts for i in range(len(own) - k + 1))
