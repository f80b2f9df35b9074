"""Features that equal a target, or that tell it on their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats
from scipy.special import gammaln

from pathweave._core.checks import listed
from pathweave.evaluate._leakage.report import Checked, Finding, checked, count, not_run

if TYPE_CHECKING:
    from pathweave.evaluate._leakage.read import Outcome, Study
    from pathweave.evaluate._leakage.report import Severity

_AUROC = 0.995
_RHO = 0.99
_LOG_CHANCE = float(np.log(0.001))
_ORDINARY = 0.9
_MIN = 8
_MEASURE = {"class": "AUROC", "number": "rank correlation", "survival": "rank correlation or AUROC"}
_BLOCK = 1000


@dataclass(frozen=True)
class Told:
    """How well each feature tells an outcome.

    ``strength`` is AUROC (either direction, best class against the rest) or the absolute rank correlation;
    ``exact`` says which features hold the outcome up to coding or scale, ``alone`` which nearly do.
    """

    strength: np.ndarray
    exact: np.ndarray
    alone: np.ndarray


def check_copies(study: Study) -> Checked:
    """Look for features that equal or nearly determine a target."""
    if not study.outcomes:
        return not_run("no target")
    findings, small = [], []
    n_tests = sum(len(layer.features) for layer in study.layers)
    for layer in study.layers:
        known = [o for o in study.outcomes if o.known[layer.rows].sum() >= _MIN]
        if not known:
            small.append(layer.name)
        for outcome in known:
            told = tell(layer.x, outcome, layer.rows, n_tests)
            findings += _findings(told, layer.features, layer.name, outcome)
    return checked(findings, small, len(study.layers))


def _findings(told: Told, features: np.ndarray, layer: str, outcome: Outcome) -> list[Finding]:
    findings: list[Finding] = []
    n = int(told.exact.sum())
    if n:
        verb = "holds" if n == 1 else "hold"
        what = f"{count(n, 'feature')} {verb} the target {outcome.name} itself, up to coding or scale: {listed(features[told.exact])}."
        advice = "Drop these features: a model that reads them has read the answer."
        findings.append(Finding("error", layer, what, 1.0, n, advice))
    near = told.alone & ~told.exact
    n = int(near.sum())
    if not n:
        return findings
    rest = float(told.strength[~near & ~told.exact].max(initial=0.0))
    many = len(outcome.target.classes) > 2
    verb = ("separate{} a class of" if many else "tell{} the target").format("s" if n == 1 else "")
    what = (
        f"{count(n, 'feature')} {verb} {outcome.name} nearly alone ({_MEASURE[outcome.target.task]} "
        f"at least {told.strength[near].min():.3f}): {listed(features[near])}. The next best reaches {rest:.2f}."
    )
    if rest < _ORDINARY:
        advice = (
            "They stand out from the rest of the layer: find out whether they were derived from the target. "
            "It may be biology, such as the gene that defines a subtype."
        )
    else:
        advice = (
            "Others come close, which is how strong biology looks. If the labels were themselves derived from this "
            "layer, as expression subtypes are, predicting them from it is circular."
        )
    severity: Severity = "warning" if rest < _ORDINARY else "note"
    return [*findings, Finding(severity, layer, what, float(told.strength[near].max()), n, advice)]


def tell(x: np.ndarray, outcome: Outcome, rows: np.ndarray, n_tests: int) -> Told:
    """Judge features (len(rows), n_features) of the samples at these positions."""
    known = outcome.known[rows]
    y = outcome.y[rows[known]]
    blocks = [
        _tell(x[known, start : start + _BLOCK].astype(np.float64), y, outcome, n_tests)
        for start in range(0, x.shape[1], _BLOCK)
    ]
    parts = zip(*((b.strength, b.exact, b.alone) for b in blocks), strict=True)
    return Told(*(np.concatenate(part) for part in parts))


def _tell(x: np.ndarray, y: np.ndarray, outcome: Outcome, n_tests: int) -> Told:
    if outcome.target.task == "class":
        return _tell_classes(x, y, n_tests)
    if outcome.target.task == "number":
        return _tell_numbers(x, y, n_tests)
    time, event = _tell_numbers(x, y[:, 0], n_tests), _tell_classes(x, y[:, 1], n_tests)
    strength = np.maximum(time.strength, event.strength)
    return Told(strength, time.exact | event.exact, time.alone | event.alone)


def _ranks(x: np.ndarray) -> np.ndarray:
    return stats.rankdata(x, axis=0, nan_policy="omit" if np.isnan(x).any() else "propagate")


def _tell_classes(x: np.ndarray, y: np.ndarray, n_tests: int) -> Told:
    """AUROC of each class against the rest; near perfect counts for two classes, perfect for one of many."""
    there = ~np.isnan(x)
    classes = np.unique(y)
    tested = classes[1:] if len(classes) == 2 else classes
    member = (y[None, :] == tested[:, None]).astype(np.float64)
    n_in, n_all = member @ there, there.sum(axis=0)
    n_out = n_all - n_in
    rank_sum = member @ np.where(there, _ranks(x), 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        auroc = (rank_sum - n_in * (n_in + 1) / 2) / (n_in * n_out)
        # By chance: exact for a perfect separation, else normal.
        perfect = gammaln(n_in + 1) + gammaln(n_out + 1) - gammaln(n_all + 1)
        z = np.abs(auroc - 0.5) / np.sqrt((n_all + 1) / (12.0 * n_in * n_out))
    strength = np.nan_to_num(np.maximum(auroc, 1 - auroc), nan=0.5)
    least = _AUROC if len(classes) == 2 else 1.0 - 1e-12
    normal = np.maximum(perfect, np.nan_to_num(stats.norm.logsf(z)))
    log_p = np.log(2.0) + np.where(strength >= 1.0 - 1e-12, perfect, normal)
    unlikely = log_p + np.log(n_tests * len(tested)) < _LOG_CHANCE
    alone = (strength >= least) & unlikely & (np.minimum(n_in, n_out) >= 2) & (n_all >= _MIN)
    return Told(strength.max(axis=0), _is_recoded(x, y, n_tests), alone.any(axis=0))


def _is_recoded(x: np.ndarray, y: np.ndarray, n_tests: int) -> np.ndarray:
    """Features that are constant within each class but not over all, unless chance would have it so."""
    constant = np.ones(x.shape[1], dtype=bool)
    for k in np.unique(y):
        constant &= ~(np.fmax.reduce(x[y == k], axis=0) > np.fmin.reduce(x[y == k], axis=0))
    constant &= np.fmax.reduce(x, axis=0) > np.fmin.reduce(x, axis=0)
    for i in np.flatnonzero(constant):
        sizes = np.unique(x[~np.isnan(x[:, i]), i], return_counts=True)[1]
        log_p = gammaln(sizes + 1).sum() - gammaln(sizes.sum() + 1)
        constant[i] = sizes.sum() >= _MIN and log_p + np.log(n_tests) < _LOG_CHANCE
    return constant


def _tell_numbers(x: np.ndarray, y: np.ndarray, n_tests: int) -> Told:
    """Rank correlation, and the straight one for copies in other units."""
    there = ~np.isnan(x)
    n = there.sum(axis=0)
    target = np.where(there, y[:, None], np.nan)
    straight = np.abs(_correlation(x, target))
    monotone = np.abs(_correlation(_ranks(x), _ranks(target)))
    t = monotone * np.sqrt(np.maximum(n - 2, 0) / np.maximum(1 - monotone**2, 1e-12))
    perfect = monotone > 1 - 1e-9
    log_p = np.log(2) + np.where(perfect, -gammaln(n + 1), stats.t.logsf(t, np.maximum(n - 2, 1)))
    enough = (n >= _MIN) & (log_p + np.log(n_tests) < _LOG_CHANCE)
    exact = enough & (perfect | (straight > 1 - 1e-6))
    return Told(monotone, exact, enough & (monotone > _RHO))


def _correlation(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    n = np.maximum((~np.isnan(a)).sum(axis=0), 1)
    largest = np.nan_to_num(np.abs(a)).max(axis=0, initial=0.0)
    a = np.nan_to_num(a - np.nansum(a, axis=0) / n)
    b = np.nan_to_num(b - np.nansum(b, axis=0) / n)
    size_a, size_b = np.linalg.norm(a, axis=0), np.linalg.norm(b, axis=0)
    # A constant feature leaves rounding behind, which is no correlation.
    varies = (size_a > 1e-9 * largest) & (size_b > 0)
    return np.where(varies, (a * b).sum(axis=0) / np.where(varies, size_a * size_b, 1.0), 0.0)
