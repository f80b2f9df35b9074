"""Columns of obs that a model is to use, and that hold or tell the target."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pathweave._core.checks import check_obs_column
from pathweave.evaluate._leakage.determined import tell
from pathweave.evaluate._leakage.read import codes
from pathweave.evaluate._leakage.report import Checked, Finding, not_run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pathweave.evaluate._leakage.read import Outcome, Study
    from pathweave.evaluate._leakage.report import Severity

_N_SHUFFLES = 199


def check_obs_features(study: Study, columns: Sequence[str] | str | None) -> Checked:
    """Look at each column as it is, at what its categories say, and at where it is missing."""
    if not columns:
        return not_run("no obs_features=")
    columns = [columns] if isinstance(columns, str) else list(columns)
    for column in columns:
        check_obs_column(study.obs, "obs_features", column)
    if not study.outcomes:
        return not_run("no target")
    advice = "Leave these columns out of obs_features, unless they are known before the outcome is."
    told: dict[Severity, list[str]] = {"error": [], "warning": []}
    for column in columns:
        verdicts = [_judge(study, column, outcome, len(columns)) for outcome in study.outcomes]
        found = sorted(v for v in verdicts if v)
        if found:
            told[found[0][0]].append(f"{column!r} {found[0][1]}")
    findings = []
    for severity, said in told.items():
        if said:
            what = f"Columns of obs give the target away: {'; '.join(said)}."
            findings.append(Finding(severity, "", what, len(said), len(said), advice))
    return Checked(findings)


def _judge(
    study: Study, column: str, outcome: Outcome, n_tests: int
) -> tuple[Severity, str] | None:
    if column in {*outcome.target.columns, outcome.prediction}:
        return "error", "is the target, or a model's prediction of it"
    values, everyone = study.obs[column], np.arange(len(study.names))
    missing = values.isna().to_numpy()[:, None].astype(np.float64)
    if tell(missing, outcome, everyone, n_tests).exact[0]:
        return "error", f"is missing exactly where the target {outcome.name} has one value"
    if _is_told_by_categories(codes(values), outcome, study.seed):
        return "error", f"determines the target {outcome.name}: each of its values has one class"
    if not pd.api.types.is_numeric_dtype(values):
        return None
    x = values.to_numpy(dtype=np.float64, na_value=np.nan)[:, None]
    told = tell(x, outcome, everyone, n_tests)
    if told.exact[0]:
        return "error", f"holds the target {outcome.name}"
    how = f"tells the target {outcome.name} nearly alone ({told.strength[0]:.3f})"
    return ("warning", how) if told.alone[0] else None


def _is_told_by_categories(code: np.ndarray, outcome: Outcome, seed: int) -> bool:
    """Whether each category goes with one class only, more often than chance would have it."""
    if outcome.labels is None:
        return False
    known = outcome.known & (code >= 0)
    code, label = code[known], outcome.labels[known]
    repeated = np.isin(code, np.flatnonzero(np.bincount(code, minlength=1) >= 2))
    code, label = code[repeated], label[repeated]
    if len(code) < 0.5 * known.sum() or len(code) < 8 or len(np.unique(label)) < 2:
        return False
    rng = np.random.default_rng(seed)
    return _is_pure(code, label) and not any(
        _is_pure(code, rng.permutation(label)) for _ in range(_N_SHUFFLES)
    )


def _is_pure(code: np.ndarray, label: np.ndarray) -> bool:
    return np.unique(np.stack([code, label]), axis=1).shape[1] == len(np.unique(code))
