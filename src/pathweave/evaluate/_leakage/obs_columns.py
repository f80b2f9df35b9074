"""Columns of obs that a model is to use, and that hold or tell the target."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pathweave._core.checks import check_obs_column
from pathweave.evaluate._leakage.determined import determined, named_like
from pathweave.evaluate._leakage.read import codes
from pathweave.evaluate._leakage.report import Checked, Finding, not_run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pathweave.evaluate._leakage.read import Outcome, Study


def check_obs_features(study: Study, columns: Sequence[str] | str | None) -> Checked:
    """Look at each column as it is, at what a text column says, and at where it is missing."""
    if not columns:
        return not_run("no obs_features=")
    columns = [columns] if isinstance(columns, str) else list(columns)
    for column in columns:
        check_obs_column(study.obs, "obs_features", column)
    if not study.outcomes:
        return not_run("no target")
    told: dict[str, tuple[str, str]] = {}
    for outcome in study.outcomes:
        for column in columns:
            verdict = _judge(study, column, outcome, len(columns))
            if verdict and (column not in told or verdict[0] == "error"):
                told[column] = verdict
    if not told:
        return Checked()
    ordered = sorted(told.items(), key=lambda item: item[1][0] != "error")
    shown = "; ".join(f"{column!r} {how}" for column, (_, how) in ordered[:5])
    more = f"; and {len(ordered) - 5} more" if len(ordered) > 5 else ""
    severity: Any = "error" if any(s == "error" for s, _ in told.values()) else "warning"
    advice = "Leave these columns out of obs_features, unless they are known before the outcome is."
    what = f"{len(told)} of {len(columns)} column(s) of obs give the target away: {shown}{more}."
    return Checked([Finding(severity, "", what, len(told), len(told), advice)])


def _judge(study: Study, column: str, outcome: Outcome, n_tests: int) -> tuple[str, str] | None:
    if column in outcome.target.columns:
        return "error", "is the target"
    values, known = study.obs[column], outcome.known
    y = outcome.y[known]
    number = pd.api.types.is_numeric_dtype(values)
    if number:
        x = values.to_numpy(dtype=np.float64, na_value=np.nan)[known, None]
        found = determined(x, y, outcome, n_tests)
        if found is not None and len(found.index):
            of = f" ({found.of[0]})" if found.of[0] else ""
            if found.copy[0]:
                return "error", f"holds the target {outcome.name}{of}"
            return "warning", f"tells the target {outcome.name} nearly on its own{of}, {found.strength[0]:.3f}"
    missing = values.isna().to_numpy()[known]
    found = determined(missing[:, None].astype(float), y, outcome, n_tests)
    if found is not None and len(found.index):
        return "error", f"is missing exactly where the target {outcome.name} has one value"
    if not number:
        verdict = _of_categories(codes(values)[known], y, outcome, study.seed)
        if verdict:
            return verdict
    if any(named_like(column, c) for c in outcome.target.columns):
        return "warning", "is named like the target"
    return None


def _of_categories(
    code: np.ndarray, y: np.ndarray, outcome: Outcome, seed: int
) -> tuple[str, str] | None:
    """Whether each category goes with one class only, more often than chance would have it."""
    if outcome.target.task == "number":
        return None
    label = y[:, 1] if outcome.target.task == "survival" else y
    there = code >= 0
    code, label = code[there], label[there]
    repeated = np.isin(code, np.flatnonzero(np.bincount(code, minlength=1) >= 2))
    code, label = code[repeated], label[repeated]
    if len(code) < 8 or len(np.unique(label)) < 2 or not _is_pure(code, label):
        return None
    rng = np.random.default_rng(seed)
    if any(_is_pure(code, rng.permutation(label)) for _ in range(199)):
        return None
    name = f"{outcome.target.columns[-1]!r}"
    if len(np.unique(code)) == len(np.unique(label)):
        return "error", f"holds the target {name} in other words"
    return "warning", f"tells the target {name}: each of its categories goes with one class"


def _is_pure(code: np.ndarray, label: np.ndarray) -> bool:
    pairs = np.unique(np.stack([code, np.unique(label, return_inverse=True)[1]]), axis=1)
    return pairs.shape[1] == len(np.unique(code))
