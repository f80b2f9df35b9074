"""Traces of steps learned from all samples: scaling, ranks, imputed values, batch correction."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pathweave.evaluate._leakage.association import filled
from pathweave.evaluate._leakage.report import Checked, Finding, not_run

if TYPE_CHECKING:
    from collections.abc import Callable

    from pathweave.evaluate._leakage.read import Layer, Study

_MOST = 0.95
_MIN = 10
_N_SHUFFLES = 99
_INSIDE = "Mild, as no labels were used; to be strict, give unscaled values and let the model scale inside the folds."


def check_scaling(study: Study) -> Checked:
    """Features scaled, centred or ranked over all samples exactly."""
    findings, small = [], []
    for layer in study.layers:
        part = layer.some(study.seed)
        if len(part.x) < _MIN or part.x.shape[1] < 5:
            small.append(layer.name)
            continue
        told = scaling(part.x)
        if told:
            share, how = told
            what = f"{how} (in {100 * share:.0f} % of the features, over all {len(layer.x)} samples): this was done before any split."
            findings.append(Finding("note", layer.name, what, share, layer.x.shape[1], _INSIDE))
    return _checked(study, findings, small)


def scaling(x: np.ndarray) -> tuple[float, str] | None:
    """Share of features that bear the trace of a scaling over all samples, and which."""
    x = x.astype(np.float64)
    low, high = np.nanmin(x, axis=0), np.nanmax(x, axis=0)
    continuous = is_continuous(x)
    if continuous.sum() < 5:
        return None
    x, low, high = x[:, continuous], low[continuous], high[continuous]
    n = (~np.isnan(x)).sum(axis=0)
    mean, sd = np.nanmean(x, axis=0), np.nanstd(x, axis=0)
    middle = np.nanmedian(x, axis=0)
    zero = np.abs(mean) < 1e-4 * sd
    unit = (np.abs(sd - 1) < 1e-4) | (np.abs(sd * np.sqrt(n / (n - 1)) - 1) < 1e-4)
    ends = (np.abs(high - 1) < 1e-6) & ((np.abs(low) < 1e-6) | (np.abs(low + 1) < 1e-6))
    centred = zero | (np.abs(middle) < 1e-6 * sd)
    complete = ~np.isnan(x).any(axis=0)
    traces: list[tuple[np.ndarray | float, str]] = [
        (_same_values(x[:, complete]) * complete.mean(), "Each feature takes the same values over the samples: ranked or quantile-normalised across samples"),
        (zero & unit, "Features have mean 0 and standard deviation 1"),
        (ends, "Features reach from 0 (or -1) to 1 exactly"),
        (centred, "Features are centred on 0 (mean or median)"),
        (_same_values(x[:, complete].T) * complete.mean(), "All samples share one distribution of values: quantile-normalised with a reference of all samples"),
    ]  # fmt: skip
    for trace, how in traces:
        share = float(np.mean(trace))
        if share >= _MOST:
            return share, how
    return None


def _same_values(x: np.ndarray) -> float:
    """1 if the columns hold the same values in different order, else 0."""
    if x.shape[1] < 5 or x.shape[0] < 5:
        return 0.0
    ordered = np.sort(x, axis=0)
    spread = np.std(ordered, axis=1)
    return float((spread <= 1e-4 * np.std(ordered)).mean() >= _MOST)


def is_continuous(x: np.ndarray) -> np.ndarray:
    """Features of which at least half of the values are different."""
    ordered = np.sort(x, axis=0)
    distinct = 1 + (np.diff(ordered, axis=0) > 0).sum(axis=0)
    return distinct >= np.maximum(5, 0.5 * (~np.isnan(x)).sum(axis=0))


def check_batch_correction(study: Study) -> Checked:
    """Batches more alike than chance would have them."""
    if not study.batches:
        return not_run("no batch")
    findings, small = [], []
    for layer in study.layers:
        part = layer.some(study.seed)
        for column, code in study.batches.items():
            seen = _too_alike(part, code[part.rows], study.seed)
            if seen is None:
                small.append(layer.name)
            elif seen[0]:
                _, ratio, usual = seen
                equal = "are equal" if ratio < 1e-6 else "are more alike than chance allows"
                what = (
                    f"The means of the batches of {column!r} {equal} (variance between batches {ratio:.2g} times what is "
                    f"expected of batches without any difference; random batches give {usual:.2g} at least): batches were "
                    "corrected over all samples."
                )
                advice = (
                    "Learn the correction on the training part and apply it to the test part; and never correct with the "
                    "label as a covariate before splitting."
                )
                findings.append(Finding("warning", layer.name, what, ratio, len(layer.features), advice))
                break
    return _checked(study, findings, list(dict.fromkeys(small)))


def _too_alike(layer: Layer, code: np.ndarray, seed: int) -> tuple[bool, float, float] | None:
    x, code = layer.x[code >= 0], code[code >= 0]
    sizes = np.bincount(code) if len(code) else np.zeros(1, int)
    large = np.isin(code, np.flatnonzero(sizes >= 3))
    x, code = filled(x[large]), code[large]
    if len(x) < _MIN or len(np.unique(code)) < 2 or x.shape[1] < 5:
        return None
    x = x - x.mean(axis=0)
    total = (x**2).sum(axis=0)
    keep = total > 0
    x, total = x[:, keep], total[keep]
    code = np.unique(code, return_inverse=True)[1]
    rng = np.random.default_rng(seed)
    observed = _between(x, total, code)
    if observed > 0.3:
        return False, observed, np.nan
    least = min(_between(x, total, rng.permutation(code)) for _ in range(_N_SHUFFLES))
    return observed < min(0.3, 0.5 * least), observed, least


def _between(x: np.ndarray, total: np.ndarray, code: np.ndarray) -> float:
    """Variance between batches over that within (F), averaged over features."""
    n, k = len(x), int(code.max()) + 1
    member = (code[None, :] == np.arange(k)[:, None]).astype(np.float64)
    between = ((member @ x) ** 2 / member.sum(axis=1, keepdims=True)).sum(axis=0)
    return float(np.mean(between / (k - 1) / np.maximum((total - between) / (n - k), 1e-300)))


def _checked(study: Study, findings: list[Finding], small: list[str]) -> Checked:
    why = f"too few samples or features in {', '.join(small)}" if small else ""
    if small and len(small) == len(study.layers):
        return not_run(why)
    return Checked(findings, why)


def check_imputation(study: Study) -> Checked:
    """Values filled in before the split: one value again and again, which is the mean of the others."""
    findings, small = [], []
    for layer in study.layers:
        part = layer.some(study.seed)
        if len(part.x) < _MIN:
            small.append(layer.name)
            continue
        finding = _class_means(study, part) or _all_means(part)
        if finding is not None:
            findings.append(finding)
    return _checked(study, findings, small)


def _all_means(layer: Layer) -> Finding | None:
    told = imputed(layer.x)
    if told is None:
        return None
    how, index = told
    example = str(layer.features[index[0]])
    what = f"{len(index)} features ({example!r} ...) hold one value again and again that is {how} over all samples: gaps were filled before any split."
    advice = "Mild, as no labels were used; to be strict, put NaN back, and let the model impute inside the folds."
    return Finding("note", layer.name, what, len(index) / layer.x.shape[1], len(index), advice)


def _class_means(study: Study, layer: Layer) -> Finding | None:
    """Gaps filled with the mean of the sample's class, which tells the class."""
    for outcome in study.outcomes:
        if outcome.target.task != "class":
            continue
        y = outcome.y[layer.rows]
        hits: set[int] = set()
        for k in np.unique(y[~np.isnan(y)]):
            if (y == k).sum() >= 5 and (y != k).sum() >= 5:
                told = imputed(layer.x[y == k])
                hits |= set(told[1].tolist()) if told and "floor" not in told[0] else set()
        everywhere = imputed(layer.x)
        hits -= set(everywhere[1].tolist()) if everywhere else set()
        if len(hits) >= 3:
            names = [str(layer.features[i]) for i in sorted(hits)[:5]]
            what = f"{len(hits)} features hold a repeated value that is the mean or median of the samples of one class of {outcome.name}: {', '.join(names)}. Gaps were filled by class."
            advice = "Put NaN back: an imputed value tells the label."
            return Finding("error", layer.name, what, len(hits), len(hits), advice)
    return None


def imputed(x: np.ndarray) -> tuple[str, np.ndarray] | None:
    """Features with gaps filled by their mean, median or a floor below their smallest value."""
    mode, times, rest_is_continuous = _modes(x.astype(np.float64))
    eligible = np.flatnonzero(rest_is_continuous & (times >= 3))
    if len(eligible) < 2:
        return None
    x = x[:, eligible].astype(np.float64)
    mode, times = mode[eligible], times[eligible]
    others = np.where(x == mode, np.nan, x)
    sd = np.nanstd(others, axis=0)
    close = 1e-5 * sd + 1e-6 * np.abs(mode)
    often = times >= np.maximum(5, 0.02 * len(x))
    tests: list[tuple[str, Callable[[], np.ndarray], int, float]] = [
        ("the mean", lambda: np.abs(np.nanmean(others, axis=0) - mode) <= close, 2, 0.0),
        ("the median", lambda: often & (np.abs(np.nanmedian(others, axis=0) - mode) <= close), 3, 0.5),
        ("a floor at or below the smallest value", lambda: often & (mode <= np.nanmin(others, axis=0)), 3, 0.5),
    ]  # fmt: skip
    for how, test, least, share in tests:
        hit = test()
        if how.startswith("a floor") and len(np.unique(mode[hit])) < 0.5 * hit.sum():
            continue  # one floor for all features, such as log2(0 + 1), is not learned from them
        if hit.sum() >= least and hit.sum() >= share * max(often.sum(), 1):
            return how, eligible[hit]
    return None


def _modes(x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Most frequent value of each feature, how often it occurs, and whether the others hardly repeat."""
    p = x.shape[1]
    mode, times, rest = np.zeros(p), np.zeros(p, dtype=np.int64), np.zeros(p, dtype=bool)
    for i in range(p):
        values, counts = np.unique(x[~np.isnan(x[:, i]), i], return_counts=True)
        if len(values) < 5:
            continue
        top = int(counts.argmax())
        n_rest = int(counts.sum() - counts[top])
        mode[i], times[i], rest[i] = values[top], counts[top], len(values) - 1 >= 0.8 * n_rest
    return mode, times, rest
