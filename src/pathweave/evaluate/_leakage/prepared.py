"""Traces of steps learned from all samples: scaling and imputed values."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pathweave._core.checks import listed
from pathweave.evaluate._leakage.read import is_continuous
from pathweave.evaluate._leakage.report import Checked, Finding, checked

if TYPE_CHECKING:
    from pathweave.evaluate._leakage.read import Layer, Study
    from pathweave.evaluate._leakage.report import Severity

_MOST = 0.95
_MIN_SAMPLES = 10
_MIN_FEATURES = 5


def check_scaling(study: Study) -> Checked:
    """Features scaled or centred over all samples exactly."""
    findings, small = [], []
    advice = "Mild, as no labels were used; to be strict, give unscaled values and let the model scale inside the folds."
    for layer in study.layers:
        x = layer.some(study.seed).x.astype(np.float64)
        x = x[:, is_continuous(x)]
        if len(x) < _MIN_SAMPLES or x.shape[1] < _MIN_FEATURES:
            small.append(layer.name)
            continue
        for share, how in scaling(x):
            if share >= _MOST:
                what = f"{how} ({100 * share:.0f} % of the features, over all {len(x)} samples): they were scaled before any split."
                findings.append(Finding("note", layer.name, what, share, layer.x.shape[1], advice))
                break
    return checked(findings, small, len(study.layers))


def scaling(x: np.ndarray) -> list[tuple[float, str]]:
    """Share of the features that bear each trace of scaling."""
    low, high = np.nanmin(x, axis=0), np.nanmax(x, axis=0)
    mean, sd, n = np.nanmean(x, axis=0), np.nanstd(x, axis=0), (~np.isnan(x)).sum(axis=0)
    centred = np.abs(mean) < 1e-4 * sd
    unit = (np.abs(sd - 1) < 1e-4) | (np.abs(sd * np.sqrt(n / (n - 1)) - 1) < 1e-4)
    ends = (np.abs(high - 1) < 1e-6) & ((np.abs(low) < 1e-6) | (np.abs(low + 1) < 1e-6))
    return [
        (float(np.mean(centred & unit)), "Features have mean 0 and standard deviation 1"),
        (float(np.mean(ends)), "Features reach from 0 (or -1) to 1"),
        (float(np.mean(centred)), "Features have mean 0"),
    ]


def check_imputation(study: Study) -> Checked:
    """Values filled in before the split: one value again and again, which is the mean or median of the others."""
    findings, small = [], []
    severity: Severity
    for layer in study.layers:
        part = layer.some(study.seed)
        if len(part.x) < _MIN_SAMPLES:
            small.append(layer.name)
            continue
        hits = imputed(part.x)
        by_class = _by_class(study, part, hits)
        if len(by_class) >= 3:
            hits, severity, whose = by_class, "error", "the mean or median of one class"
            advice = "Put NaN back: an imputed value tells the label."
        else:
            severity, whose = "note", "their mean or median over all samples"
            advice = "Mild, as no labels were used; to be strict, put NaN back, and let the model impute inside the folds."
        n = len(hits)
        if n:
            what = f"{n} features repeat a value that is {whose}: {listed(part.features[hits])}. Gaps were filled before any split."
            findings.append(Finding(severity, layer.name, what, n, n, advice))
    return checked(findings, small, len(study.layers))


def _by_class(study: Study, layer: Layer, everywhere: np.ndarray) -> np.ndarray:
    """Features imputed within a class that are not imputed over all."""
    hits = []
    for labels in (o.labels[layer.rows] for o in study.outcomes if o.labels is not None):
        classes, counts = np.unique(labels[~np.isnan(labels)], return_counts=True)
        if len(classes) > 1:
            hits += [imputed(layer.x[labels == k]) for k in classes[counts >= _MIN_SAMPLES]]
    found = np.unique(np.concatenate([*hits, np.array([], dtype=np.int64)]))
    return np.setdiff1d(found, everywhere)


def imputed(x: np.ndarray) -> np.ndarray:
    """Positions of the features of which a repeated value is the mean or median of the others."""
    mode, times, others_differ = _modes(x.astype(np.float64))
    eligible = np.flatnonzero(others_differ & (times >= 3))
    x, mode = x[:, eligible].astype(np.float64), mode[eligible]
    others = np.where(x == mode, np.nan, x)
    mean, sd = np.nanmean(others, axis=0), np.nanstd(others, axis=0)
    is_mean = np.abs(mean - mode) <= 1e-5 * sd + 1e-6 * np.abs(mode)
    below, above = (others < mode).sum(axis=0), (others > mode).sum(axis=0)
    # Any repeated value may be the middle one by chance, but not in most of the features that have one. The median
    # has as many values on either side; one more or less happens too often among few.
    is_median = below == above
    hit = is_mean | is_median if 2 * is_median.sum() > max(len(eligible), 4) else is_mean
    return eligible[hit] if hit.sum() >= 2 else eligible[:0]


def _modes(x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Most frequent value of each feature, how often it occurs, and whether the others hardly repeat."""
    p = x.shape[1]
    mode, times, differ = np.zeros(p), np.zeros(p, dtype=np.int64), np.zeros(p, dtype=bool)
    for i in range(p):
        values, counts = np.unique(x[~np.isnan(x[:, i]), i], return_counts=True)
        if len(values) < 5:
            continue
        top = int(counts.argmax())
        n_others = int(counts.sum() - counts[top])
        mode[i], times[i], differ[i] = values[top], counts[top], len(values) - 1 >= 0.8 * n_others
    return mode, times, differ
