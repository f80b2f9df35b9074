"""Samples of one patient on both sides of a split: by group, by a column nobody named, by their names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pathweave._core.checks import listed
from pathweave.evaluate._leakage.read import codes, words
from pathweave.evaluate._leakage.report import Checked, Finding, not_run

if TYPE_CHECKING:
    from pathweave.evaluate._leakage.read import Study

_TCGA = re.compile(r"^(TCGA[-.][A-Z0-9]{2}[-.][A-Z0-9]{4})[-.]\d{2}", re.IGNORECASE)
_REPLICATE = re.compile(
    r"^(.+?)[-_. ]+(?:(?:tech|bio)?(?:rep|repl|replicate|dup|duplicate|rerun)[-_. ]?\d*"
    r"|tumou?r|normal|primary|relapse|metastasis|pre|post|before|after|baseline|followup"
    r"|(?:visit|day|week|month|timepoint)[-_. ]?\d+)$",
    re.IGNORECASE,
)
_UNIQUE = re.compile(r"^(.+)[-.]\d+$")  # what make.unique and obs_names_make_unique append
_PERSON_WORDS = frozenset({"patient", "patientid", "donor", "subject", "individual", "participant", "animal"})  # fmt: skip
_PROPERTIES = frozenset({"age", "sex", "gender", "group", "type", "status", "stage", "race", "class"})  # fmt: skip


def check_patients(study: Study) -> Checked:
    """Look at the named groups; without them at a column that names patients, or else at the samples' names."""
    if study.groups is None:
        column = next((c for c in study.obs.columns if _names_patients(study, c)), None)
        return _sample_names(study) if column is None else _torn(study, str(column))
    if not study.splits:
        return not_run("no splits=; groups= keeps groups together when splits are made")
    return _torn(study, study.groups)


def _names_patients(study: Study, column: str) -> bool:
    parts = set(words(column))
    if not parts & _PERSON_WORDS or parts & _PROPERTIES or column in study.columns:
        return False
    code = codes(study.obs[column])
    n, n_people = int((code >= 0).sum()), len(np.unique(code[code >= 0]))
    return bool(max(5, 0.05 * n) <= n_people < n)


def _torn(study: Study, column: str) -> Checked:
    """Individuals on both sides of a split, or that would be since nobody named them."""
    code = codes(study.obs[column])
    n, n_people = int((code >= 0).sum()), len(np.unique(code[code >= 0]))
    if not study.splits:
        what = f"Column {column!r} of obs names {n_people} individuals for {n} samples, but no groups= is given."
        advice = f"Pass groups={column!r}, so that samples of one individual stay on one side of each split."
        return Checked([Finding("warning", "", what, n / n_people, n_people, advice)])
    torn = study.torn(code)
    if not len(torn):
        return Checked()
    first = study.obs[column].to_numpy()[[int(np.argmax(code == k)) for k in torn]]
    what = f"{len(torn)} of {n_people} individuals (column {column!r}) are in training and test part of one split: {listed(first)}."
    advice = f"Split by group: cross_validate(..., groups={column!r}), or GroupKFold."
    return Checked([Finding("error", "", what, len(torn) / n_people, len(torn), advice)])


def _sample_names(study: Study) -> Checked:
    """Names that differ by no more than the suffix of a sample or a replicate."""
    root = _roots([str(name) for name in study.names])
    code, roots = pd.factorize(root)
    several = np.flatnonzero(np.bincount(code) > 1)
    if study.splits:
        several = np.intersect1d(several, study.torn(code))
    if len(several) < 2 or _are_conditions(study, code):
        return Checked()
    inside = np.isin(code, several)
    placed = "are on both sides of a split" if study.splits else "would be split apart"
    examples = [" and ".join(map(str, study.names[code == k][:2])) for k in several[:3]]
    what = f"{int(inside.sum())} samples of {len(several)} individuals, told by their names, {placed}: {'; '.join(examples)} ..."
    recipe = (
        "mdata.obs_names.str[:12]"
        if _TCGA.match(examples[0])
        else f"[names without suffix, such as {roots[several[0]]!r}]"
    )
    advice = f"Set mdata.obs['patient'] = {recipe} and pass groups='patient'."
    share = float(inside.mean())
    return Checked([Finding("warning", "", what, share, int(inside.sum()), advice)])


def _roots(names: list[str]) -> np.ndarray:
    known = set(names)
    roots = []
    for name in names:
        tcga, replicate, unique = _TCGA.match(name), _REPLICATE.match(name), _UNIQUE.match(name)
        if tcga:
            roots.append(tcga[1].upper().replace(".", "-"))
        elif replicate:
            roots.append(replicate[1])
        else:
            roots.append(unique[1] if unique and unique[1] in known else name)
    return np.array(roots, dtype=object)


def _are_conditions(study: Study, code: np.ndarray) -> bool:
    """Whether the roots name conditions (treated_rep1 ...) rather than patients: few, of one class each."""
    n_roots = int(code.max()) + 1
    for outcome in study.outcomes:
        if outcome.target.task == "class":
            n_pairs = np.unique(np.stack([code, outcome.y]), axis=1).shape[1]
            if n_pairs == n_roots <= 2 * len(outcome.target.classes):
                return True
    return n_roots < 0.1 * len(code)
