"""Batches, or measured layers, that go with the labels."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from pathweave._core.checks import listed
from pathweave.evaluate._leakage.read import codes
from pathweave.evaluate._leakage.report import Checked, Finding, not_run

if TYPE_CHECKING:
    from pathweave.evaluate._leakage.read import Outcome, Study

_N_SHUFFLES = 999
_P = 0.002
_STRONG, _WEAK = 0.5, 0.2
_ADVICE = {
    "error": "No analysis can tell batch from biology here; collect samples that cross them, or drop the claim.",
    "warning": "Judge with whole batches left out, cross_validate(..., site=), and compare with the usual folds.",
    "note": "See whether scores hold with whole batches left out: cross_validate(..., site=).",
}
_GRAVITY = list(_ADVICE)


def check_batches(study: Study) -> Checked:
    """Test every batch column against every outcome; the gravest is told in full."""
    if not study.batches:
        return not_run("no batch=" + ", and no column named like a batch" * study.guessed)
    if not study.outcomes:
        return not_run("no target")
    found: list[tuple[str, Finding]] = []
    for column in study.batches:
        for outcome in study.outcomes:
            seen = confounding(f"column {column!r}", codes(study.obs[column]), outcome, study.seed)
            found += [(column, seen)] if seen else []
    if not found:
        return Checked()
    found.sort(key=lambda f: (_GRAVITY.index(f[1].severity), -f[1].evidence))
    column, first = found[0]
    what = first.what + f" (That {column!r} is a batch was guessed.)" * study.guessed
    if len(found) > 1:
        what += f" Also associated: {listed(c for c, _ in found[1:])}."
    return Checked([replace(first, what=what, n=len(found), advice=_ADVICE[first.severity])])


def check_layers_missing(study: Study) -> Checked:
    """Layers that mostly some classes have: then who has a layer tells the class."""
    if not study.outcomes:
        return not_run("no target")
    findings = []
    for layer in study.layers:
        has = np.zeros(len(study.names), dtype=np.int64)
        has[layer.rows] = 1
        for outcome in study.outcomes:
            seen = confounding(f"having layer {layer.name!r}", has, outcome, study.seed)
            if seen is not None and seen.severity != "note":  # a little is in most data
                advice = "Judge on samples that have the layer too: a model may learn who lacks it, not its values."
                n = int((has == 0).sum())
                findings.append(replace(seen, layer=layer.name, n=n, advice=advice))
    return Checked(findings)


def confounding(name: str, code: np.ndarray, outcome: Outcome, seed: int) -> Finding | None:
    """Test a grouping (codes, -1 unknown) against an outcome; n and advice are the caller's."""
    there = outcome.known & (code >= 0)
    code, y = code[there], outcome.y[there]
    if len(code) < 8 or len(np.unique(code)) < 2:
        return None
    if outcome.target.task == "number":
        return _of_numbers(name, code, y, outcome)
    label = y if outcome.target.task == "class" else y[:, 1]
    table = contingency(code, label)
    p, v = _p_shuffled(table, np.random.default_rng(seed)), corrected_v(table)
    how = f"Cramer's V {v:.2f} (0 none, 1 the same)"
    if outcome.target.task == "survival":
        by_time = _p_log_rank(code, y)
        how = "the log-rank test tells them apart" if by_time < p else f"in events {how}"
        p = min(1.0, 2 * min(p, by_time))
    if p > _P:
        return None
    if _is_perfect(table):
        what = f"Each value of {name} ({len(table)}) has one class of {outcome.name} only: they cannot be told apart."
        return Finding("error", "", what, v, 0, "")
    if v < _WEAK and outcome.target.task == "class":
        return None
    what = f"{name[0].upper()}{name[1:]} ({len(table)} values) goes with {outcome.name}: {how}, p {max(p, 1e-16):.1g}."
    return Finding("warning" if v >= _STRONG else "note", "", what, v, 0, "")


def _of_numbers(name: str, code: np.ndarray, y: np.ndarray, outcome: Outcome) -> Finding | None:
    if np.ptp(y) == 0:
        return None
    p = float(stats.kruskal(*(y[code == k] for k in np.unique(code))).pvalue)
    adjusted = _eta_squared(code, y)
    if p > _P or adjusted < _WEAK**2:
        return None
    if adjusted > 0.99:
        what = f"{name[0].upper()}{name[1:]} determines {outcome.name} (eta squared {adjusted:.3f}): they cannot be told apart."
        return Finding("error", "", what, adjusted, 0, "")
    what = f"{name[0].upper()}{name[1:]} explains {100 * adjusted:.0f} % of the variance of {outcome.name} (corrected for chance; p {max(p, 1e-16):.1g})."
    grave = adjusted >= _STRONG**2
    return Finding("warning" if grave else "note", "", what, adjusted, 0, "")


def _p_log_rank(code: np.ndarray, y: np.ndarray) -> float:
    """Log-rank test between groups of five samples or more."""
    from statsmodels.duration.survfunc import survdiff

    large = np.isin(code, np.flatnonzero(np.bincount(code) >= 5))
    if len(np.unique(code[large])) < 2 or y[large, 1].sum() < 2:
        return 1.0
    try:
        return float(survdiff(y[large, 0], y[large, 1].astype(np.int64), code[large])[1])
    except np.linalg.LinAlgError:  # two groups were never at risk together at an event
        return 1.0


def _is_perfect(table: np.ndarray) -> bool:
    """Whether batches of two samples or more hold one class each, not all the same one."""
    repeated = table.sum(axis=1) >= 2
    pure = (table > 0).sum(axis=1) == 1
    several = len(np.unique(table[repeated].argmax(axis=1))) > 1
    return bool(several and pure[repeated].all() and table[repeated].sum() > 0.8 * table.sum())


def contingency(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Counts of the values of `a` (rows) and of `b` (columns), those that occur."""
    a, b = (np.unique(v, return_inverse=True)[1] for v in (a, b))
    width = int(b.max()) + 1
    return np.bincount(a * width + b, minlength=(int(a.max()) + 1) * width).reshape(-1, width)


def corrected_v(table: np.ndarray) -> float:
    """Cramer's V without what chance gives (Bergsma, J. Korean Stat. Soc. 42, 2013)."""
    n, (r, k) = table.sum(), table.shape
    if min(r, k) < 2:
        return 0.0
    phi = float(stats.contingency.chi2_contingency(table, correction=False)[0]) / n
    phi = max(0.0, phi - (k - 1) * (r - 1) / (n - 1))
    least = min(r - (r - 1) ** 2 / (n - 1), k - (k - 1) ** 2 / (n - 1)) - 1
    return float(min(1.0, np.sqrt(phi / least))) if least > 1e-9 else 0.0


def _p_shuffled(table: np.ndarray, rng: np.random.Generator) -> float:
    """Rank the chi-squared statistic among tables of shuffled labels: right for sparse ones too."""
    rows, columns = table.sum(axis=1), table.sum(axis=0)
    expected = np.outer(rows, columns) / table.sum()
    shuffled = stats.random_table.rvs(rows, columns, size=_N_SHUFFLES, random_state=rng)
    statistic = ((shuffled - expected) ** 2 / expected).sum(axis=(1, 2))
    observed = ((table - expected) ** 2 / expected).sum()
    return float((1 + (statistic >= observed - 1e-9).sum()) / (1 + _N_SHUFFLES))


def _eta_squared(code: np.ndarray, y: np.ndarray) -> float:
    """Share of the variance between batches, without what chance gives."""
    code = np.unique(code, return_inverse=True)[1]
    size = np.bincount(code)
    mean = np.bincount(code, weights=y) / size
    eta = float((size * (mean - y.mean()) ** 2).sum() / ((y - y.mean()) ** 2).sum())
    spare = len(y) - len(size)
    return max(0.0, 1 - (1 - eta) * (len(y) - 1) / spare) if spare > 0 else 0.0
